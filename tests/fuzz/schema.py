"""schemathesis: requests as the OpenAPI document describes them, and as it forbids them.

Beside crashes it checks that every answer is one that the document speaks of: its status, media type and schema.
"""

import itertools
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.openapi.checks import JsonSchemaError
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.heard import Heard

QUIET = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)
PATIENCE_S = 20.0
OF_CREDENTIALS = {"authorization", "x-freshdesk-domain", "x-freshdesk-api-key"}
OF_ANY_ROUTE = {404, 405, 414, 431}
"""What a path that is no path of ours any more is answered with; operations can't speak of it."""


def by_schema(document: dict[str, Any], url: str, headers: list[dict[str, str]], count: int, start: int) -> Heard:
    """Send `count` requests that are made from the document, with each of the credentials in turn."""
    heard = Heard()
    schema = schemathesis.openapi.from_dict(document)
    turns = itertools.cycle(headers)
    with requests.Session() as session:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @seed(start)
            @settings(QUIET, max_examples=max(1, count // 2))
            @given(case=schema.as_strategy(generation_mode=mode))
            def send(case: schemathesis.Case[Any]) -> None:
                _send(case, url, session, _credentials(case, next(turns)), heard)

            send()
    return heard


def _credentials(case: schemathesis.Case[Any], given: dict[str, str]) -> dict[str, str]:
    """Those that are given; what is made up for one is refused before anything else is looked at."""
    if given and case.headers:
        for name in [name for name in case.headers if name.lower() in OF_CREDENTIALS]:
            del case.headers[name]
    return given


def _send(
    case: schemathesis.Case[Any], url: str, session: requests.Session, headers: dict[str, str], heard: Heard
) -> None:
    what = f"{case.method} {case.formatted_path} {case.body!r} {dict(case.headers or {})}"
    try:
        answer = case.call(base_url=url, session=session, headers=headers, timeout=PATIENCE_S, allow_redirects=False)
    except requests.Timeout:
        heard.find(f"no answer within {PATIENCE_S} s to {what}")
        return
    except (requests.RequestException, ValueError):
        heard.silence("refused")  # not even this client would send it, or the server has cut it off
        return
    heard.answer(answer.status_code, answer.content, what)
    if answer.status_code in OF_ANY_ROUTE:
        return
    checks = [status_code_conformance, content_type_conformance]
    # Of a stream it would take the schema for that of one event, which OpenAPI 3.1 can't describe.
    if not answer.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        checks.append(response_schema_conformance)
    try:
        case.validate_response(answer, checks=checks)
    except FailureGroup as group:
        for failure in group.exceptions:
            heard.find(f"{type(failure).__name__}: {failure} to {what}")
    except (Failure, JsonSchemaError) as failure:
        heard.find(f"{type(failure).__name__}: {failure} to {what}")
