"""Contacts, companies and agents. Of the agents an ordinary agent sees only itself."""

from datetime import datetime
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk.call import Call, admin_only
from deploy.demo.helpdesk.errors import Conflict, Invalid, NotAllowed, NotFound, problem
from deploy.demo.helpdesk.fields import Field, choice, number, time
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import Company, Contact
from deploy.demo.helpdesk.views import agent_json, contact_json

CONTACT_FIELDS = {
    "name": Field("String"),
    "email": Field("String", null=True),
    "phone": Field("String", null=True),
    "mobile": Field("String", null=True),
    "language": Field("String"),
    "company_id": Field("Integer", null=True),
    "job_title": Field("String", null=True),
    "unique_external_id": Field("String", null=True),
}
CONTACT_FILTERS = ("email", "mobile", "phone", "company_id", "state", "updated_since", "unique_external_id")
STATES = ("blocked", "deleted", "unverified", "verified")


def matches(contact: Contact, query: dict[str, str], company: int | None, since: datetime | None) -> bool:
    """Tell whether a contact passes the list's filters."""
    state = query.get("state", "")
    if contact.deleted is not (state == "deleted") or state in ("blocked", "verified"):
        return False
    if company is not None and contact.company_id != company:
        return False
    if since is not None and contact.updated_at < since:
        return False
    texts = ("email", "mobile", "phone", "unique_external_id")
    return all((getattr(contact, name) or "").lower() == query[name].lower() for name in texts if name in query)


def company_json(company: Company) -> dict[str, Any]:
    """One company."""
    return {
        "id": company.id,
        "name": company.name,
        "description": None,
        "note": None,
        "domains": [],
        "custom_fields": {},
        "created_at": company.created_at,
        "updated_at": company.created_at,
    }


def check_company(desk: Helpdesk, data: dict[str, Any]) -> None:
    """Refuse an unknown company.

    Raises:
        Invalid: no such company.

    """
    if data.get("company_id") is not None and data["company_id"] not in desk.state.companies:
        message = "There is no company matching the given company_id"
        raise Invalid(problem("company_id", message, "invalid_value"))


def check_unique(desk: Helpdesk, data: dict[str, Any], own: int | None = None) -> None:
    """Refuse an e-mail address that another contact has.

    Raises:
        Conflict: 409.

    """
    holder = desk.contact_by_email(data.get("email") or "")
    if holder is not None and holder.id != own:
        raise Conflict("It should be a unique value", "duplicate_value")


def find_contact(request: Call, contact_id: int, *, writing: bool = False) -> Contact:
    """Return a contact.

    Raises:
        NotFound: no such contact.
        NotAllowed: it is deleted and was to be changed.

    """
    contact = request.desk.state.contacts.get(contact_id)
    if contact is None:
        raise NotFound
    if writing and contact.deleted:
        raise NotAllowed(request.method)
    return contact


@get("/contacts")
async def list_contacts(request: Call) -> Response[Any]:
    """List contacts: neither deleted nor blocked ones, unless `state` asks for them."""
    query = request.query(*CONTACT_FILTERS)
    if "state" in query:
        choice(query, "state", STATES, "")
    company, since = number(query, "company_id"), time(query, "updated_since")
    rows = [c for c in request.desk.state.contacts.values() if matches(c, query, company, since)]
    return request.paged([contact_json(contact) for contact in sorted(rows, key=lambda c: c.name)], query)


@get("/contacts/autocomplete")
async def autocomplete_contacts(request: Call) -> list[dict[str, Any]]:
    """Find contacts whose name begins with `term`."""
    term = request.query("term").get("term", "").lower()
    contacts = [c for c in request.desk.state.contacts.values() if not c.deleted]
    return [{"id": c.id, "name": c.name} for c in contacts if term and c.name.lower().startswith(term)]


@get("/contacts/{contact_id:int}")
async def view_contact(request: Call, contact_id: FromPath[int]) -> dict[str, Any]:
    """View a contact."""
    return contact_json(find_contact(request, contact_id))


@post("/contacts")
async def create_contact(request: Call) -> Response[Any]:
    """Create a contact."""
    data = await request.fields(CONTACT_FIELDS, ("name",))
    if not any(data.get(name) for name in ("email", "phone", "mobile", "unique_external_id")):
        message = "Please fill at least 1 of email, phone, mobile, unique_external_id fields"
        raise Invalid(problem("email", message, "missing_field"))
    check_company(request.desk, data)
    check_unique(request.desk, data)
    name, email = data.pop("name"), data.pop("email", None)
    contact = request.desk.add_contact(name, email, **data)
    return request.created(contact_json(contact), f"contacts/{contact.id}")


@put("/contacts/{contact_id:int}")
async def update_contact(request: Call, contact_id: FromPath[int]) -> dict[str, Any]:
    """Update a contact."""
    contact = find_contact(request, contact_id, writing=True)
    data = await request.fields(CONTACT_FIELDS)
    check_company(request.desk, data)
    check_unique(request.desk, data, contact.id)
    request.desk.change_contact(contact, data)
    return contact_json(contact)


@delete("/contacts/{contact_id:int}", status_code=204)
async def delete_contact(request: Call, contact_id: FromPath[int]) -> None:
    """Delete a contact softly."""
    request.desk.change_contact(find_contact(request, contact_id, writing=True), {"deleted": True})


@get("/companies")
async def list_companies(request: Call) -> Response[Any]:
    """List companies."""
    rows = [company_json(company) for company in request.desk.state.companies.values()]
    return request.paged(rows, request.query())


@get("/companies/{company_id:int}")
async def view_company(request: Call, company_id: FromPath[int]) -> dict[str, Any]:
    """View a company."""
    company = request.desk.state.companies.get(company_id)
    if company is None:
        raise NotFound
    return company_json(company)


@post("/companies")
async def create_company(request: Call) -> Response[Any]:
    """Create a company."""
    data = await request.fields({"name": Field("String")}, ("name",))
    if any(company.name == data["name"] for company in request.desk.state.companies.values()):
        raise Conflict("It should be a unique value", "duplicate_value")
    company = request.desk.add_company(data["name"])
    return request.created(company_json(company), f"companies/{company.id}")


@get("/agents/me")
async def view_me(request: Call) -> dict[str, Any]:
    """View the agent whose key this is: the usual way to check a key."""
    return agent_json(request.agent)


@get("/agents", guards=[admin_only])
async def list_agents(request: Call) -> Response[Any]:
    """List agents."""
    query = request.query("email", "mobile", "phone", "state")
    agents = [
        agent
        for agent in request.desk.state.agents.values()
        if query.get("email", agent.email).lower() == agent.email.lower()
        and query.get("state", "fulltime") == "fulltime"
    ]
    return request.paged([agent_json(agent) for agent in agents], query)


@get("/agents/{agent_id:int}", guards=[admin_only])
async def view_agent(request: Call, agent_id: FromPath[int]) -> dict[str, Any]:
    """View an agent."""
    agent = request.desk.state.agents.get(agent_id)
    if agent is None:
        raise NotFound
    return agent_json(agent)


ROUTES: list[ControllerRouterHandler] = [
    list_contacts,
    autocomplete_contacts,
    view_contact,
    create_contact,
    update_contact,
    delete_contact,
    list_companies,
    view_company,
    create_company,
    view_me,
    list_agents,
    view_agent,
]
