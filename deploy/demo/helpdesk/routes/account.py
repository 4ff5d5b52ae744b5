"""The account itself: its data, settings, ticket fields and canned responses."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk.call import Call, admin_only
from deploy.demo.helpdesk.errors import NotFound
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.labels import (
    CUSTOMER_STATUS_LABELS,
    PRIORITY_LABELS,
    SOURCE_LABELS,
    STATUS_LABELS,
    TICKET_TYPES,
)
from deploy.demo.helpdesk.models import CannedResponse

FIRST_FIELD_ID = 82_000_800_001


def ticket_fields(desk: Helpdesk) -> list[dict[str, Any]]:
    """Fields of the ticket form; `choices` is an object, an array or nested, by field, as in real accounts."""
    language = desk.settings.language
    statuses = {
        str(number): [label, CUSTOMER_STATUS_LABELS[language][number]]
        for number, label in STATUS_LABELS[language].items()
    }
    fields: list[tuple[str, str, str, Any]] = [
        ("requester", "Search a requester", "default_requester", None),
        ("subject", "Subject", "default_subject", None),
        ("ticket_type", "Type", "default_ticket_type", list(TICKET_TYPES)),
        ("source", "Source", "default_source", {label: number for number, label in SOURCE_LABELS.items()}),
        ("status", "Status", "default_status", statuses),
        (
            "priority",
            "Priority",
            "default_priority",
            {label: number for number, label in PRIORITY_LABELS[language].items()},
        ),
        ("group", "Group", "default_group", {}),
        ("agent", "Agent", "default_agent", {a.name: a.id for a in desk.state.agents.values()}),
        ("description", "Description", "default_description", None),
        ("cf_product", "Product", "custom_dropdown", list(desk.state.products)),
    ]
    return [_field(position, *field) for position, field in enumerate(fields, 1)]


def _field(position: int, name: str, label: str, kind: str, choices: Any) -> dict[str, Any]:
    data = {
        "id": FIRST_FIELD_ID + position,
        "name": name,
        "label": label,
        "description": None,
        "position": position,
        "required_for_closure": False,
        "required_for_agents": kind != "custom_dropdown",
        "type": kind,
        "default": not kind.startswith("custom"),
        "customers_can_edit": False,
        "customers_can_filter": False,
        "label_for_customers": label,
        "required_for_customers": False,
        "displayed_to_customers": True,
    }
    return data if choices is None else data | {"choices": choices}


def canned_json(response: CannedResponse) -> dict[str, Any]:
    """One canned response."""
    return {
        "id": response.id,
        "title": response.title,
        "folder_id": response.folder_id,
        "content": response.content,
        "content_html": response.content_html,
        "attachments": [],
        "visibility": response.visibility,
        "group_ids": response.group_ids,
        "created_at": response.created_at,
        "updated_at": response.created_at,
    }


@get("/account")
async def view_account(request: Call) -> dict[str, Any]:
    """View the account."""
    desk = request.desk
    name = desk.settings.domain.split(".", 1)[0]
    return {
        "account_id": 820_001,
        "account_name": name,
        "account_domain": desk.settings.domain,
        "bundle_id": None,
        "organisation_id": 920_001,
        "organisation_name": name,
        "hipaa_compliant": False,
        "data_center": "US",
        "tier_type": desk.settings.plan if isinstance(desk.settings.plan, str) else "enterprise",
        "timezone": "Seoul" if desk.settings.language == "ko" else "London",
        "total_agents": {"full_time": len(desk.state.agents), "occasional": 0},
    }


@get("/settings/helpdesk")
async def view_settings(request: Call) -> dict[str, Any]:
    """View the account's languages."""
    primary = request.desk.settings.language
    others = sorted({"en", "ko"} - {primary})
    return {"primary_language": primary, "supported_languages": others, "portal_languages": others}


@get("/ticket_fields")
async def list_ticket_fields(request: Call) -> list[dict[str, Any]]:
    """List the fields of the ticket form."""
    kind = request.query("type").get("type")
    return [field for field in ticket_fields(request.desk) if kind in (None, field["type"])]


@get("/admin/ticket_fields", guards=[admin_only])
async def list_admin_ticket_fields(request: Call) -> Response[Any]:
    """List the fields of the ticket form, for administrators."""
    return request.paged(ticket_fields(request.desk), request.query("include"))


@get("/canned_response_folders", guards=[admin_only])
async def list_canned_folders(request: Call) -> list[dict[str, Any]]:
    """List the folders of canned responses."""
    state = request.desk.state
    return [
        {
            "id": folder.id,
            "name": folder.name,
            "personal": False,
            "responses_count": sum(r.folder_id == folder.id for r in state.canned_responses.values()),
            "created_at": folder.created_at,
            "updated_at": folder.created_at,
        }
        for folder in state.canned_folders.values()
    ]


@get("/canned_response_folders/{folder_id:int}", guards=[admin_only])
async def view_canned_folder(request: Call, folder_id: FromPath[int]) -> dict[str, Any]:
    """View a folder with the titles of its responses."""
    state = request.desk.state
    folder = state.canned_folders.get(folder_id)
    if folder is None:
        raise NotFound
    titles = [{"id": r.id, "title": r.title} for r in state.canned_responses.values() if r.folder_id == folder_id]
    return {"id": folder.id, "name": folder.name, "canned_responses": titles}


@get("/canned_response_folders/{folder_id:int}/responses", guards=[admin_only])
async def list_canned_responses(request: Call, folder_id: FromPath[int]) -> list[dict[str, Any]]:
    """List a folder's responses in full."""
    if folder_id not in request.desk.state.canned_folders:
        raise NotFound
    responses = request.desk.state.canned_responses.values()
    return [canned_json(response) for response in responses if response.folder_id == folder_id]


@get("/canned_responses/{response_id:int}", guards=[admin_only])
async def view_canned_response(request: Call, response_id: FromPath[int]) -> dict[str, Any]:
    """View a canned response; its placeholders are not rendered."""
    response = request.desk.state.canned_responses.get(response_id)
    if response is None:
        raise NotFound
    return canned_json(response)


ROUTES: list[ControllerRouterHandler] = [
    view_account,
    view_settings,
    list_ticket_fields,
    list_admin_ticket_fields,
    list_canned_folders,
    view_canned_folder,
    list_canned_responses,
    view_canned_response,
]
