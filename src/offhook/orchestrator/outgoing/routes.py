"""Routes of calls that we place, and of who may be rung."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, TypeAdapter

from offhook.contracts.dial import Dialled
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.outgoing import by_trunk, lists, ops
from offhook.orchestrator.outgoing.schemas import (
    ConsentView,
    DoNotCallView,
    NewConsent,
    NewDoNotCall,
    NewOutgoing,
    OutgoingView,
    Setting,
    SettingView,
    State,
)

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["outgoing calls"])
engine = APIRouter(prefix="/v1/dialled", tags=["engine"])
Reading = Annotated[TenantAccess, in_tenant("outgoing.read")]
Writing = Annotated[TenantAccess, in_tenant("outgoing.write")]
OutgoingId = Annotated[str, Path(pattern=ID)]
Number = Annotated[str, Path(pattern=r"^\+[0-9]{2,16}$", description="In E.164, as +442079460000.")]
PROBLEM: dict[str, Any] = {"model": Problem}
TOLD: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Dialled"}}}}
}
_told: TypeAdapter[Dialled] = TypeAdapter(Dialled)
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
PUTTING: dict[int | str, dict[str, Any]] = {412: PROBLEM, 428: PROBLEM}


class Heard(BaseModel):
    """Whether it was of a call that goes on."""

    heard: bool


@router.get("/outgoing-calls")
async def list_outgoing_calls(access: Reading, part: PageQuery, state: Annotated[State | None, Query()] = None) -> Page[OutgoingView]:
    """Calls that were placed or are to be, newest first."""
    filters = {"list": "outgoing-calls", "tenant": access.scope.tenant, "state": state}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, part.limit + 1, after, state)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("/outgoing-calls", status_code=201, responses=MISSING)
@once
async def create_outgoing_call(body: NewOutgoing, access: Writing, request: Request) -> OutgoingView:
    """Place a call as soon as it may be. One that may not be placed is ``refused`` and says why."""
    key, by = request.headers.get("idempotency-key"), ops.by_of(access.principal)
    made = await ops.create(access.scope, access.given, body, by, ops.once_key(access.principal.id, key) if key else None)
    await access.audit("outgoing.created", made.id, {"purpose": made.purpose, "state": made.state, "consent": made.consent})
    return made


@router.get("/outgoing-calls/{outgoing}", responses=MISSING)
async def show_outgoing_call(outgoing: OutgoingId, access: Reading) -> OutgoingView:
    """A call and how it stands."""
    return await ops.show(access.scope, outgoing)


@router.post("/outgoing-calls/{outgoing}/cancel", responses=MISSING | {409: PROBLEM})
async def cancel_outgoing_call(outgoing: OutgoingId, access: Writing) -> OutgoingView:
    """Do not place a call that waits."""
    gone = await ops.cancel(access.scope, access.given, outgoing)
    await access.audit("outgoing.cancelled", outgoing)
    return gone


@router.get("/outgoing-settings")
async def show_outgoing_settings(access: Reading, response: Response) -> SettingView:
    """When people are rung, for what they must have agreed, and what happens if nobody answers."""
    found = await ops.setting(access.scope)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.put("/outgoing-settings", responses=PUTTING | MISSING)
async def put_outgoing_settings(body: Setting, access: Writing, request: Request, response: Response, _: IfMatch = None) -> SettingView:
    """Place calls so from the next attempt on."""
    old = await ops.setting(access.scope, lock=True)
    match(request, old.revision)
    new = await ops.put_setting(access.scope, body)
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    changed = {name: [before[name], after[name]] for name in sorted(Setting.model_fields) if before[name] != after[name]}
    await access.audit("outgoing.settings_changed", access.scope.tenant, changed)
    response.headers["ETag"] = etag(new.revision)
    return new


@router.get("/do-not-call")
async def list_do_not_call(access: Reading, part: PageQuery) -> Page[DoNotCallView]:
    """Numbers that are never rung."""
    filters = {"list": "do-not-call", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    rows = await lists.page(access.scope, part.limit + 1, str(position[0]) if position else None)
    return page(rows, part.limit, access.given, filters, lambda one: (one.phone,))


@router.post("/do-not-call", status_code=201)
@once
async def add_do_not_call(body: NewDoNotCall, access: Writing) -> DoNotCallView:
    """Never ring this number again. Calls that wait for it are refused, and consent to it is withdrawn."""
    made = await lists.add(access.scope, body, ops.by_of(access.principal), access.given.clock())
    await access.audit("do_not_call.added", access.scope.tenant, {"why": made.why})
    return made


@router.delete("/do-not-call/{phone}", status_code=204, responses=MISSING)
async def remove_do_not_call(phone: Number, access: Writing) -> None:
    """The number may be rung again, with a new consent."""
    await lists.remove(access.scope, phone)
    await access.audit("do_not_call.removed", access.scope.tenant)


@router.post("/call-consents", status_code=201)
@once
async def add_call_consent(body: NewConsent, access: Writing) -> ConsentView:
    """Keep that somebody agreed to be rung by an automated assistant."""
    made = await lists.agree(access.scope, body, ops.by_of(access.principal), access.given.clock())
    await access.audit("call_consent.added", access.scope.tenant, {"how": made.how})
    return made


@router.get("/call-consents/{phone}", responses=MISSING)
async def show_call_consent(phone: Number, access: Reading) -> ConsentView:
    """Who agreed, when and how."""
    return await lists.consent(access.scope, phone)


@router.delete("/call-consents/{phone}", status_code=204, responses=MISSING)
async def withdraw_call_consent(phone: Number, access: Writing) -> None:
    """Somebody agrees no more."""
    await lists.withdraw(access.scope, phone)
    await access.audit("call_consent.withdrawn", access.scope.tenant)


@engine.post("", responses={401: PROBLEM}, openapi_extra=TOLD)
async def take_dialled(body: SignedBody, given: Given) -> Heard:
    """How far a call is that an engine was asked to place. Signed."""
    return Heard(heard=await by_trunk.told(given, parse(_told, body)))


routers: tuple[APIRouter, ...] = (router, engine)
