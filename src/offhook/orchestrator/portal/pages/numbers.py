"""A tenant's numbers: which agent answers which, how many calls at once, and what has come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.agents.schemas import AgentView
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import Call, CallFilter
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.kinds import KINDS
from offhook.orchestrator.carriers.schemas import AccountView
from offhook.orchestrator.kit.paging import page
from offhook.orchestrator.numbers import ops
from offhook.orchestrator.numbers.schemas import LineUse, NewNumber, NumberChange, NumberView
from offhook.orchestrator.portal import steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.outcomes import Outcome, of_call
from offhook.orchestrator.portal.pages.trunks import fares, trunk_name
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.trunks import ops as trunks

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
NumberId = Annotated[str, Path(pattern=ID)]
Door = Literal["twilio", "sip", "hand"]
CHOICES: Final = 200
"""Agents and accounts that a form offers."""
REFUSALS: Final[Mapping[str, str]] = {
    "tenant_full": "all lines taken",
    "number_full": "this number's lines taken",
    "disabled": "number turned off",
    "suspended": "business suspended",
    "no_agent": "agent not published",
    "bad_token": "media without a good token",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A number as the list shows it."""

    one: NumberView
    agent: str
    account: str
    state: Outcome
    last: Call | None
    outcome: Outcome | None
    busy: int
    refused: int


@router.get("/t/{tenant}/numbers", response_class=HTMLResponse)
async def numbers_page(
    request: Request, frame: Framed, access: Reading, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> HTMLResponse:
    """Numbers, the newest first, and the carrier accounts that they belong to."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    filters = {"list": "portal numbers", "tenant": tenant.id}
    part = await ops.page(access.scope, steps.PART + 1, steps.after(access.given, filters, cursor))
    found = page(part, steps.PART, access.given, filters, lambda one: (one.created_at, one.id))
    lines = await ops.lines(access.scope, local.now)
    base = f"/t/{tenant.id}/numbers"
    owned = await accounts.page(access.scope, access.given, CHOICES, None)
    linked = await trunks.page(access.scope, CHOICES, None)
    names = {one.id: account_name(one) for one in owned} | {one.id: trunk_name(one) for one in linked}
    rows = await _rows(access, found.data, names, {one.number_id: one for one in lines.numbers}, suspended=tenant.suspended)
    return portal(request).page(
        request,
        frame,
        "pages/numbers.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        lines=lines,
        accounts=owned,
        trunks=[(one, trunk_name(one), fares(one)) for one in linked],
        rows=rows,
        may=access.may,
        more_href=f"{base}?cursor={found.next_cursor}" if found.next_cursor else None,
    )


async def _rows(
    access: TenantAccess, numbers: Sequence[NumberView], names: Mapping[str, str], uses: Mapping[str, LineUse], *, suspended: bool
) -> list[Row]:
    known = {one.id: one for one in await reading.page(access.scope, CHOICES, None)}
    rows = []
    for one in numbers:
        last, use = await _last(access, one.did), uses.get(one.id)
        agent = known.get(one.agent_id)
        rows.append(
            Row(
                one=one,
                agent=agent.name if agent else one.agent_id,
                account=names.get(one.trunk_id or one.carrier_account_id or "", _("This installation's own")),
                state=state_of(one, agent, suspended=suspended),
                last=last,
                outcome=of_call(last) if last else None,
                busy=use.calls if use else 0,
                refused=sum(use.refused.values()) if use else 0,
            )
        )
    return rows


async def _last(access: TenantAccess, did: str) -> Call | None:
    """The last call to this number, for who may see calls."""
    if "calls.read" not in access.may:
        return None
    found = await calls.page(access.scope, CallFilter(number=did, test=False), 1, None)
    return found[0] if found else None


def account_name(one: AccountView) -> str:
    """What a carrier account is called."""
    return one.label or f"{KINDS[one.kind].title} …{one.account_sid[-4:]}"


def state_of(one: NumberView, agent: AgentView | None, *, suspended: bool) -> Outcome:
    """Whether somebody who rings it now is answered."""
    if suspended:
        return Outcome("bad", "phone-off", "Business suspended")
    if not one.enabled:
        return Outcome("quiet", "phone-off", "Turned off")
    if agent is not None and agent.live is None:
        return Outcome("warn", "triangle-alert", "Agent not published")
    return Outcome("ok", "circle-check", "Answering")


# -- adding one -----------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/numbers/new", response_class=HTMLResponse)
async def new_number_page(request: Request, frame: Framed, access: Writing, door: Door | None = None) -> HTMLResponse:
    """Which carrier? Then the number itself."""
    return await _new(request, frame, access, door, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, door: Door | None, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    owned = await accounts.page(access.scope, access.given, CHOICES, None)
    return portal(request).page(
        request,
        frame,
        "pages/number_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        home=f"/t/{tenant.id}",
        base=f"/t/{tenant.id}/numbers",
        door=door,
        accounts=[(one.id, account_name(one)) for one in owned],
        trunks=[(one.id, trunk_name(one)) for one in await trunks.page(access.scope, CHOICES, None)],
        agents=await _agents(access),
        voice_url=_voice_url(access),
        typed=typed,
        once=steps.fresh(),
    )


@router.post("/t/{tenant}/numbers/new", response_class=HTMLResponse)
async def new_number_form(request: Request, frame: Framed, access: Writing, fields: Posted, door: Door = "hand") -> Response:
    """Give a number to an agent."""
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        body = NewNumber(did=fields.get("did", "").strip(), enabled=True, **_typed(fields))
        await agents.need_in_use(access.scope, body.agent_id)
        number = await ops.create(access.scope, body, access.given.clock())
        await access.audit("number.created", number.id, number.model_dump(include={"did", "agent_id"}))
    if tried.typed is not None:
        return await _new(request, frame, access, door, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/{number.id}", "added")


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """What both forms have."""
    return {
        "agent_id": fields.get("agent_id", ""),
        "label": fields.get("label", "").strip(),
        "carrier_account_id": steps.given_or_none(fields, "carrier_account_id"),
        **({"trunk_id": steps.given_or_none(fields, "trunk_id")} if "trunk_id" in fields else {}),
        "overflow": steps.given_or_none(fields, "overflow"),
        "max_calls": steps.given_or_none(fields, "max_calls"),
    }


async def _agents(access: TenantAccess, held: str = "") -> list[tuple[str, str]]:
    """Agents to choose from, and the one that the number has, whatever has become of it."""
    found = {one.id: one.name for one in await reading.page(access.scope, CHOICES, None)}
    return [*found.items(), *([(held, held)] if held and held not in found else [])]


def _voice_url(access: TenantAccess, kind: str = "twilio") -> str:
    public = access.given.settings.public_url.rstrip("/")
    return public + KINDS[kind].voice if public else ""


# -- one of them ----------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/numbers/{number}", response_class=HTMLResponse)
async def number_page(request: Request, frame: Framed, access: Reading, number: NumberId) -> HTMLResponse:
    """A number, its agent and what has come in."""
    return await _number(request, frame, access, await ops.show(access.scope, number), Typed())


async def _number(request: Request, frame: Framed, access: TenantAccess, one: NumberView, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    owned = await accounts.page(access.scope, access.given, CHOICES, None)
    lines = await ops.lines(access.scope, local.now)
    use = next((found for found in lines.numbers if found.number_id == one.id), None)
    known = {found.id: found for found in await reading.page(access.scope, CHOICES, None)}
    linked = [(found.id, trunk_name(found)) for found in await trunks.page(access.scope, CHOICES, None)]
    return portal(request).page(
        request,
        frame,
        "pages/number.html",
        status=typed.status,
        shell=shell,
        local=local,
        home=f"/t/{tenant.id}",
        base=f"/t/{tenant.id}/numbers",
        one=one,
        agent=known[one.agent_id].name if one.agent_id in known else one.agent_id,
        account=next((account_name(found) for found in owned if found.id == one.carrier_account_id), _("This installation's own")),
        state=state_of(one, known.get(one.agent_id), suspended=tenant.suspended),
        agents=await _agents(access, one.agent_id),
        accounts=[("", _("This installation's own")), *((found.id, account_name(found)) for found in owned)],
        voice_url=_voice_url(access, next((found.kind for found in owned if found.id == one.carrier_account_id), "twilio")),
        trunks=[("", _("None")), *linked] if linked else [],
        fallback=tenant.fallback_number,
        last=await _last(access, one.did),
        use=use,
        refused=[(_(REFUSALS.get(reason, reason)), count) for reason, count in (use.refused if use else {}).items()],
        of_call=of_call,
        may=access.may,
        typed=typed,
    )


@router.post("/t/{tenant}/numbers/{number}", response_class=HTMLResponse)
async def change_number_form(request: Request, frame: Framed, access: Writing, number: NumberId, fields: Posted) -> Response:
    """Change what was changed of a number."""
    old = await ops.locked(access.scope, number)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        body = NumberChange(**_typed(fields), enabled=fields.get("enabled") == "yes")
        differs = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value != getattr(old, name)}
        if differs.get("trunk_id"):  # the way that was chosen takes the place of the one that stands there
            differs.pop("carrier_account_id", None)
        elif differs.get("carrier_account_id"):
            differs.pop("trunk_id", None)
        if differs:
            if "agent_id" in differs:
                await agents.need_in_use(access.scope, differs["agent_id"])
            new = await ops.change(access.scope, old, NumberChange(**differs), access.given.clock())
            await access.audit("number.changed", number, {name: [getattr(old, name), getattr(new, name)] for name in sorted(differs)})
    if tried.typed is not None:
        return await _number(request, frame, access, old, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/{number}", "saved")


@router.post("/t/{tenant}/numbers/{number}/delete", response_class=HTMLResponse)
async def delete_number_form(request: Request, frame: Framed, access: Writing, number: NumberId, fields: Posted) -> Response:
    """Let a number go."""
    old = await ops.locked(access.scope, number)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        await ops.delete(access.scope, number)
        await access.audit("number.deleted", number, {"did": old.did})
    if tried.typed is not None:
        return await _number(request, frame, access, old, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers", "deleted")
