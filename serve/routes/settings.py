"""`/settings`: what an account's admin chooses in the Freshdesk app, kept where the workers read it.

These are the four of `shared.tenant_settings.TenantSettings` that the app's install page asks for; the others (style
guide, models, masking, token budget) stay with the operator and `canvas tenant set`, and are not touched from here.
"""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, put
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from serve.caller import Caller
from serve.context import ServeContext
from serve.routes.access import admitted
from serve.routes.bodies import BODY_ERRORS
from shared.errors import BadInput, Forbidden, FreshdeskUnavailable, RateLimited, StoreUnavailable, Unauthorized
from shared.models import Tone
from shared.problems import documented, store_answers
from shared.tenant_settings import (
    MOST_DAYS,
    MOST_PHRASES,
    PHRASE_CHARACTERS,
    Language,
    TenantSettings,
    check_settings,
)
from shared.tenants import Tenant

NO_STORE = {"Cache-Control": "no-store"}
ERRORS = documented(Unauthorized, Forbidden, RateLimited, StoreUnavailable, FreshdeskUnavailable)


class ChosenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Null is the default: texts in the ticket's language, the model's tone, similar tickets of any age."""

    language: Language | None = None
    tone: Tone | None = None
    forbidden_phrases: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=PHRASE_CHARACTERS)]], Meta(max_length=MOST_PHRASES)
    ] = []
    similar_days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] | None = None


@get(
    "/settings",
    responses={200: ResponseSpec(ChosenSettings, generate_examples=False, description="What is chosen now")} | ERRORS,
)
async def settings(request: Request[Any, Any, State]) -> Response[ChosenSettings]:
    """What the account's admins have chosen for its texts."""
    context, caller = await _admin(request)
    async with store_answers():
        tenant = await context.tenants.require(caller.host)
    return Response(_chosen(tenant.settings), headers=NO_STORE)


@put(
    "/settings",
    exception_handlers=BODY_ERRORS,
    responses={200: ResponseSpec(ChosenSettings, generate_examples=False, description="What is chosen now")}
    | documented(BadInput)
    | ERRORS,
)
async def choose_settings(
    request: Request[Any, Any, State], data: JSONBody[ChosenSettings]
) -> Response[ChosenSettings]:
    """Choose all four at once; it takes effect with the next change of each ticket. Doing it twice is fine."""
    context, caller = await _admin(request)
    wanted = msgspec.structs.asdict(data)
    wanted["forbidden_phrases"] = list(dict.fromkeys(phrase.strip() for phrase in data.forbidden_phrases))

    def changed(tenant: Tenant) -> Tenant:
        return msgspec.structs.replace(
            tenant, settings=check_settings(msgspec.structs.replace(tenant.settings, **wanted))
        )

    async with store_answers():
        tenant = await context.tenants.update(caller.host, changed)
    return Response(_chosen(tenant.settings), headers=NO_STORE)


def _chosen(settings: TenantSettings) -> ChosenSettings:
    return ChosenSettings(**{name: getattr(settings, name) for name in ChosenSettings.__struct_fields__})


async def _admin(request: Request[Any, Any, State]) -> tuple[ServeContext, Caller]:
    caller = await admitted(request)
    context: ServeContext = request.app.state.context
    await context.credentials.require_admin(caller)
    return context, caller
