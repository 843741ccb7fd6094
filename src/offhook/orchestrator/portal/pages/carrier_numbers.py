"""The numbers that a carrier account has at its carrier: letting them ring here, and whether they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from offhook.errors import Conflict, DomainError, NotFound, Unreachable
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import ID, TenantDoor, before_tenant
from offhook.orchestrator.carriers import accounts, attaching
from offhook.orchestrator.carriers.schemas import Attach, NumberAtCarrier
from offhook.orchestrator.portal.forms import Typed, refused, sentence
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.outcomes import Outcome
from offhook.orchestrator.portal.pages.numbers import CHOICES, account_name
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
WritingDoor = Annotated[TenantDoor, before_tenant("numbers.write")]
AccountId = Annotated[str, Path(pattern=ID)]
CarrierNumberId = Annotated[str, Path(pattern=ID)]
USED: Final = {
    "application": "an application at the carrier",
    "trunk": "a trunk at the carrier",
    "connection": "a connection at the carrier",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A number as the list shows it."""

    one: NumberAtCarrier
    state: Outcome
    said: str


@router.get("/t/{tenant}/numbers/accounts/{account}/there", response_class=HTMLResponse)
async def carrier_numbers_page(request: Request, frame: Framed, door: WritingDoor, account: AccountId) -> HTMLResponse:
    """What the carrier has, asked now."""
    return await _page(request, frame, door, account, Typed())


@router.post("/t/{tenant}/numbers/accounts/{account}/there/{number}/attach", response_class=HTMLResponse)
async def attach_form(
    request: Request, frame: Framed, door: WritingDoor, account: AccountId, number: CarrierNumberId, fields: Posted
) -> Response:
    """Let a number ring here. To do it twice is to do it once."""
    try:
        body = Attach.model_validate({"agent_id": fields.get("agent_id", "").strip() or "-"})
        made = await attaching.attach(door.given, door.tenant, account, number, body.agent_id)
    except NotFound:
        raise
    except DomainError as error:
        return await _page(request, frame, door, account, refused(fields, error))
    async with door.enter() as access:
        await access.audit("number.attached", made.number_id or number, {"did": made.did, "agent_id": body.agent_id, "account": account})
    return onward(f"/t/{door.tenant}/numbers/accounts/{account}/there", "saved")


@router.post("/t/{tenant}/numbers/accounts/{account}/there/{number}/test", response_class=HTMLResponse)
async def self_test_form(
    request: Request, frame: Framed, door: WritingDoor, account: AccountId, number: CarrierNumberId, fields: Posted
) -> Response:
    """Let the carrier ring it."""
    try:
        tested = await attaching.self_test(door.given, door.tenant, account, number)
    except NotFound:
        raise
    except DomainError as error:
        return await _page(request, frame, door, account, refused(fields, error))
    async with door.enter() as access:
        await access.audit("number.self_tested", tested.number_id or number, {"did": tested.did, "account": account})
    return onward(f"/t/{door.tenant}/numbers/accounts/{account}/there", "saved")


async def _page(request: Request, frame: Frame, door: TenantDoor, account: str, typed: Typed) -> HTMLResponse:
    problem, found = "", list[NumberAtCarrier]()
    try:
        found = await attaching.listed(door.given, door.tenant, account)
    except (Conflict, Unreachable) as error:
        problem = sentence(error.public)
    async with door.enter() as access:
        one = await accounts.show(access.scope, access.given, account)
        shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
        agents = {row.id: row.name for row in await reading.page(access.scope, CHOICES, None) if row.archived_at is None}
        return portal(request).page(
            request,
            frame,
            "pages/account_numbers.html",
            status=typed.status,
            shell=shell,
            local=local,
            base=f"/t/{tenant.id}/numbers",
            one=one,
            name=account_name(one),
            problem=problem,
            rows=[Row(row, _state(row), _said(row)) for row in found],
            agents=agents,
            typed=typed,
        )


def _state(row: NumberAtCarrier) -> Outcome:
    check = row.check
    if not row.rings_here:
        return Outcome("quiet", "phone-off", "Does not ring here")
    if check is None or check.state == "set":
        return Outcome("ok", "circle-check", "Rings here")
    if check.state == "failed":
        return Outcome("bad", "circle-x", "Test failed")
    if check.state == "ringing":
        return Outcome("warn", "phone-incoming", "Test call on its way")
    return Outcome("ok", "circle-check", "Rings here, tested")


def _said(row: NumberAtCarrier) -> str:
    """A sentence on why, where there is something to say."""
    check = row.check
    if check is not None and check.state == "failed":
        return sentence(check.fault)
    if row.rings_here and check is not None and check.state == "set":
        return _("The carrier has our address. There is no other number to ring it from: ring it yourself.")
    if row.rings_here:
        return ""
    if row.used_by:
        return _("Answered by {what}.").format(what=_(USED.get(row.used_by, row.used_by)))
    return _("Answered by another address.") if row.voice_url else _("Nobody answers it.")
