"""How a check refuses a request."""

from tests.lookalikes.generation import Refused
from tests.lookalikes.scripts import Fault


def require(condition: object, message: str) -> None:
    """Raise Refused (400) with `message` unless `condition`."""
    if not condition:
        raise Refused(Fault.bad_request(message))
