"""Bodies of requests: what is no JSON, no UTF-8, too deep or of another form is a 400 that says what is wrong.

Litestar decodes them before a handler runs, and answers 500 to invalid UTF-8 and to deep nesting unless told otherwise.
"""

from typing import Any

from litestar import Request, Response
from litestar.status_codes import HTTP_400_BAD_REQUEST
from litestar.types import ExceptionHandlersMap

from shared.errors import BadInput
from shared.problems import problem_response

NO_JSON = "The body is not valid JSON in UTF-8"
MOST_SAID = 500
"""Characters of an explanation: it repeats names that the client has sent."""


def _unreadable(_: Request[Any, Any, Any], __: Exception) -> Response[dict[str, Any]]:
    return problem_response(BadInput(NO_JSON))


def _refused(_: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    extra = getattr(error, "extra", None)
    said = [_explained(entry) for entry in extra] if isinstance(extra, list) else [NO_JSON]
    return problem_response(BadInput("; ".join(filter(None, said))[:MOST_SAID]))


def _explained(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    key, message = str(entry.get("key", "")), str(entry.get("message", ""))
    if key == "data":
        # Litestar's own word for a body, and its message where there is none.
        return "A body is required" if message == "'data'" else message
    return f"{key}: {message}"


BODY_ERRORS: ExceptionHandlersMap = {
    UnicodeError: _unreadable,
    RecursionError: _unreadable,
    HTTP_400_BAD_REQUEST: _refused,
}
"""For routes that take a body, or parameters."""
