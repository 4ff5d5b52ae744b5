"""Automation rules: types 1 (ticket creation), 3 (hourly) and 4 (ticket updates); administrators only."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk.automation import CREATION, HOURLY, UPDATES, WEBHOOK_ACTION
from deploy.demo.helpdesk.call import Call, admin_only
from deploy.demo.helpdesk.conditions import OPERATORS
from deploy.demo.helpdesk.errors import Invalid, NotFound, problem
from deploy.demo.helpdesk.fields import Field, check_body
from deploy.demo.helpdesk.models import Rule
from deploy.demo.helpdesk.payloads import ADVANCED, MEDIA_TYPES, METHODS, SIMPLE

RULE_FIELDS = {
    "name": Field("String"),
    "description": Field("String", null=True),
    "position": Field("Integer"),
    "active": Field("Boolean"),
    "conditions": Field("Array", items="Object"),
    "operator": Field("String", null=True),
    "actions": Field("Array", items="Object"),
}
UPDATE_RULE_FIELDS = RULE_FIELDS | {"performer": Field("Object"), "events": Field("Array", items="Object")}
PERFORMER_FIELDS = {"type": Field("Integer", (1, 2, 3, 4)), "members": Field("Array", items="Integer", null=True)}
WEBHOOK_FIELDS = {
    "field_name": Field("String"),
    "request_type": Field("String", METHODS),
    "url": Field("String"),
    "content_type": Field("String", tuple(MEDIA_TYPES)),
    "content_layout": Field("String", (SIMPLE, ADVANCED)),
    "content": Field("Any"),
    "custom_headers": Field("Any", null=True),
    "auth_header": Field("Object", null=True),
    "api_key": Field("String", null=True),
}
EVENT_KEYS = ("field_name", "value", "from", "to", "from_nested_field", "to_nested_field")


def rule_json(rule: Rule) -> dict[str, Any]:
    """One rule as it was written."""
    data = {
        "id": rule.id,
        "name": rule.name,
        "description": rule.description,
        "position": rule.position,
        "active": rule.active,
        "conditions": rule.conditions,
        "operator": rule.operator,
        "actions": rule.actions,
        "outdated": False,
        "affected_tickets_count": 0,
        "last_updated_by": rule.last_updated_by,
        "summary": {},
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
    }
    return data | {"performer": rule.performer, "events": rule.events} if rule.type == UPDATES else data


def check_type(kind: int) -> None:
    """Refuse a type of automation that doesn't exist.

    Raises:
        NotFound: not 1, 3 or 4.

    """
    if kind not in (CREATION, HOURLY, UPDATES):
        raise NotFound


def check_rule(kind: int, data: dict[str, Any]) -> None:
    """Check what lies deeper than the field table sees.

    Raises:
        Invalid: a wrong performer, event, condition or action.

    """
    if "performer" in data:
        check_body(data["performer"], PERFORMER_FIELDS, ("type",))
    for event in data.get("events", []):
        if not event.get("field_name") or set(event) - set(EVENT_KEYS):
            raise Invalid(problem("events", "Each event needs a known field_name", "invalid_value"))
    for group in data.get("conditions", []):
        for prop in group.get("properties", []):
            if not isinstance(prop, dict) or prop.get("operator") not in OPERATORS or "field_name" not in prop:
                listed = ",".join(OPERATORS)
                message = f"Each property needs field_name and an operator out of '{listed}'"
                raise Invalid(problem("conditions", message, "invalid_value"))
    for action in data.get("actions", []):
        check_action(kind, action)


def check_action(kind: int, action: dict[str, Any]) -> None:
    """Check one action; only webhooks are looked into, and hourly rules can't have any.

    Raises:
        Invalid: an unusable action.

    """
    if not action.get("field_name"):
        raise Invalid(problem("field_name", "It should be a/an String", "missing_field"))
    if action["field_name"] != WEBHOOK_ACTION:
        return
    if kind == HOURLY:
        raise Invalid(problem("actions", "Webhooks are not available in hourly rules", "invalid_value"))
    required = ["request_type", "url"]
    if action.get("request_type") != "GET":
        required += ["content_type", "content_layout"]
    check_body(action, WEBHOOK_FIELDS, required)


def find_rule(request: Call, kind: int, rule_id: int) -> Rule:
    """Return a rule of a type.

    Raises:
        NotFound: no such rule, or of another type.

    """
    check_type(kind)
    rule = request.desk.state.rules.get(rule_id)
    if rule is None or rule.type != kind:
        raise NotFound
    return rule


@get("/automations/{kind:int}/rules", guards=[admin_only])
async def list_rules(request: Call, kind: FromPath[int]) -> Response[Any]:
    """List the rules of a type, in the order in which they run."""
    check_type(kind)
    rules = [rule for rule in request.desk.state.rules.values() if rule.type == kind]
    rules.sort(key=lambda rule: (rule.position, rule.id))
    return request.paged([rule_json(rule) for rule in rules], request.query())


@get("/automations/{kind:int}/rules/{rule_id:int}", guards=[admin_only])
async def view_rule(request: Call, kind: FromPath[int], rule_id: FromPath[int]) -> dict[str, Any]:
    """View a rule."""
    return rule_json(find_rule(request, kind, rule_id))


@post("/automations/{kind:int}/rules", guards=[admin_only])
async def create_rule(request: Call, kind: FromPath[int]) -> Response[Any]:
    """Create a rule; update rules need a performer and events, the others can't have them."""
    check_type(kind)
    if kind == UPDATES:
        data = await request.fields(UPDATE_RULE_FIELDS, ("name", "actions", "performer", "events"))
    else:
        data = await request.fields(RULE_FIELDS, ("name", "actions"))
    check_rule(kind, data)
    desk, now = request.desk, request.desk.now()
    position = sum(rule.type == kind for rule in desk.state.rules.values()) + 1
    rule = Rule(
        **{"position": position, "active": True, **data},
        id=desk.state.next_id("rule"),
        type=kind,
        created_at=now,
        updated_at=now,
        last_updated_by=request.agent.id,
    )
    desk.state.rules[rule.id] = rule
    desk.touch()
    return request.created(rule_json(rule), f"automations/{kind}/rules/{rule.id}")


@put("/automations/{kind:int}/rules/{rule_id:int}", guards=[admin_only])
async def update_rule(request: Call, kind: FromPath[int], rule_id: FromPath[int]) -> dict[str, Any]:
    """Change a rule."""
    rule = find_rule(request, kind, rule_id)
    data = await request.fields(UPDATE_RULE_FIELDS if kind == UPDATES else RULE_FIELDS)
    check_rule(kind, data)
    for name, value in data.items():
        setattr(rule, name, value)
    rule.updated_at, rule.last_updated_by = request.desk.now(), request.agent.id
    request.desk.touch()
    return rule_json(rule)


@delete("/automations/{kind:int}/rules/{rule_id:int}", guards=[admin_only], status_code=204)
async def delete_rule(request: Call, kind: FromPath[int], rule_id: FromPath[int]) -> None:
    """Delete a rule."""
    del request.desk.state.rules[find_rule(request, kind, rule_id).id]
    request.desk.touch()


ROUTES: list[ControllerRouterHandler] = [
    list_rules,
    view_rule,
    create_rule,
    update_rule,
    delete_rule,
]
