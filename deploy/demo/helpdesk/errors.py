"""Errors as the API words them.

    ApiError                 any answer that is not a success; body may be empty
    ├── Invalid      400     validation: description + errors[{field, message, code}]
    ├── Conflict     409     the same body without `field`
    ├── Denied       403     {code, message}
    ├── NotFound     404     empty body: clients must never assume JSON here
    └── NotAllowed   405     wrong verb, and any change to a deleted or spam ticket

The shapes of 401, 403, 404 and 5xx bodies are not in the documentation.
"""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An answer with an error status; `content` None means an empty body."""

    def __init__(
        self, status: int, content: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {content}")
        self.status = status
        self.content = content
        self.headers = dict(headers or {})


def problem(field: str, message: str, code: str) -> dict[str, str]:
    """One entry of `errors` in a 400 body."""
    return {"field": field, "message": message, "code": code}


class Invalid(ApiError):
    """400 with one entry for each wrong field."""

    def __init__(self, *problems: dict[str, str]) -> None:
        super().__init__(400, {"description": "Validation failed", "errors": list(problems)})


class BadJson(ApiError):
    """400: the body is not a JSON object."""

    def __init__(self) -> None:
        super().__init__(400, {"code": "invalid_json", "message": "Request body has invalid json format"})


class Conflict(ApiError):
    """409: the request contradicts what exists."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(409, {"description": "Validation failed", "errors": [{"message": message, "code": code}]})


class Unauthorized(ApiError):
    """401: missing or unknown API key."""

    def __init__(self) -> None:
        super().__init__(
            401,
            {
                "code": "invalid_credentials",
                "message": "You have to be logged in to perform this action.",
            },
            {"www-authenticate": "Basic"},
        )


class Denied(ApiError):
    """403: this agent may not do or see that."""

    def __init__(self) -> None:
        message = "You are not authorized to perform this action."
        super().__init__(403, {"code": "access_denied", "message": message})


class NotFound(ApiError):
    """404 with an empty body."""

    def __init__(self) -> None:
        super().__init__(404)


class NotAllowed(ApiError):
    """405; `allowed` are the verbs that would do."""

    def __init__(self, method: str, allowed: str = "GET") -> None:
        message = f"{method} method is not allowed. It should be one of these method(s): {allowed}"
        super().__init__(405, {"message": message}, {"allow": allowed})
