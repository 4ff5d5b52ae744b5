"""Turns a rule's webhook action into a request: URL, headers, and the body in Simple or Advanced form.

Simple ("1"): the ticked placeholders inside one `freshdesk_webhook` wrapper, keys with underscores, ids as numbers.
Advanced ("2"): what the author wrote, placeholders filled; as the API stores it that is a JSON object, in the rule
editor free text. The XML and form variants of the simple body are not documented; these are plausible.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape as xml_escape

from deploy.demo.helpdesk.models import Delivery, Rule
from deploy.demo.helpdesk.placeholders import Moment, render, value_of

SIMPLE, ADVANCED = "1", "2"
WRAPPER = "freshdesk_webhook"
JSON, XML, FORM = "JSON", "XML", "X-FORM-URLENCODED"
MEDIA_TYPES = {JSON: "application/json", XML: "application/xml", FORM: "application/x-www-form-urlencoded"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_WHOLE_PLACEHOLDER = re.compile(r"^\{\{\s*([a-zA-Z0-9_.]+)\s*\}\}$")


class UnusableAction(Exception):
    """The action can't be sent as it is written; the message says why."""


def build_delivery(rule: Rule, action: Mapping[str, Any], moment: Moment) -> Delivery:
    """Render a webhook action; the delivery's id is given by the sender.

    Raises:
        UnusableAction: the custom headers can't be read.

    """
    method = action["request_type"]
    encoding = str(action.get("content_type") or JSON).upper()
    headers = {"User-Agent": "freshdesk-look-alike", "Accept": "*/*"}
    body = ""
    if method != "GET":
        headers["Content-Type"] = MEDIA_TYPES[encoding]
        body = _body(action, encoding, moment)
    if authorization := _authorization(action):
        headers["Authorization"] = authorization
    headers.update(parse_headers(action.get("custom_headers")))
    return Delivery(
        id=0,
        rule_id=rule.id,
        ticket_id=moment.ticket.id,
        event=moment.triggered_event,
        method=method,
        url=render(action["url"], moment, lambda value: quote(value, safe="")),
        headers=headers,
        body=body,
    )


def parse_headers(given: Any) -> dict[str, str]:
    """Read custom headers: an object, or text with one `Name: value` a line.

    Raises:
        UnusableAction: an empty or unreadable line; Freshdesk silently never triggers such a webhook.

    """
    if not given:
        return {}
    if isinstance(given, Mapping):
        return {str(name): str(value) for name, value in given.items()}
    headers = {}
    for line in str(given).rstrip("\n").split("\n"):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise UnusableAction("an empty or unreadable line among the custom headers")
        headers[name.strip()] = value.strip()
    return headers


def simple_key(placeholder: str) -> str:
    """Key of a property in the simple body: `ticket.requester.name` becomes `ticket_contact_name`."""
    return placeholder.replace("ticket.requester.", "ticket.contact.").replace(".", "_")


def _authorization(action: Mapping[str, Any]) -> str | None:
    if api_key := action.get("api_key"):
        user, password = str(api_key), "X"
    elif login := action.get("auth_header"):
        user, password = str(login.get("username", "")), str(login.get("password", ""))
    else:
        return None
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _body(action: Mapping[str, Any], encoding: str, moment: Moment) -> str:
    content = action.get("content")
    if str(action.get("content_layout") or SIMPLE) == SIMPLE:
        return _encode({WRAPPER: _simple(content, moment)}, encoding)
    if isinstance(content, (dict, list)):
        return _encode(_fill(content, moment), encoding)
    return render(str(content or ""), moment, _escape(encoding, moment))


def _simple(content: Any, moment: Moment) -> dict[str, Any]:
    """Values of the ticked properties; `content` lists placeholders, as names or as an object's values."""
    ticked = list(content.values()) if isinstance(content, dict) else list(content or [])
    names = []
    for entry in ticked:
        found = _WHOLE_PLACEHOLDER.match(str(entry))
        names.append(found[1] if found else str(entry))
    return {simple_key(name): value_of(name, moment) for name in names}


def _fill(content: Any, moment: Moment) -> Any:
    if isinstance(content, dict):
        return {key: _fill(value, moment) for key, value in content.items()}
    if isinstance(content, list):
        return [_fill(value, moment) for value in content]
    return render(content, moment) if isinstance(content, str) else content


def _escape(encoding: str, moment: Moment) -> Any:
    if encoding == XML:
        return xml_escape
    if encoding == FORM:
        return lambda value: quote(value, safe="")
    if moment.desk.settings.escape_placeholders:
        return lambda value: json.dumps(value, ensure_ascii=False)[1:-1]
    return str


def _encode(content: Any, encoding: str) -> str:
    if encoding == XML:
        return '<?xml version="1.0" encoding="UTF-8"?>' + _xml(content)
    if encoding == FORM:
        return urlencode(_flat(content))
    # Non-ASCII stays raw UTF-8, as seen in captured webhooks.
    return json.dumps(content, ensure_ascii=False)


def _xml(content: Any) -> str:
    if isinstance(content, dict):
        return "".join(f"<{key}>{_xml(value)}</{key}>" for key, value in content.items())
    if isinstance(content, list):
        return "".join(f"<item>{_xml(value)}</item>" for value in content)
    return xml_escape(str(content))


def _flat(content: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(content, dict):
        return [
            pair for key, value in content.items() for pair in _flat(value, f"{prefix}[{key}]" if prefix else str(key))
        ]
    if isinstance(content, list):
        return [pair for value in content for pair in _flat(value, f"{prefix}[]")]
    return [(prefix, str(content))]
