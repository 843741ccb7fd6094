"""Calls out: who may be rung, who never is, and how calls are placed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.errors import Fault, Invalid
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.outgoing import lists, ops
from offhook.orchestrator.outgoing.schemas import NewConsent, NewDoNotCall, Setting
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.scope import TenantScope

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("outgoing.read")]
Writing = Annotated[TenantAccess, in_tenant("outgoing.write")]
Cursor = Annotated[str | None, Query(max_length=1_000)]
Start = Annotated[str, Query(max_length=40)]
Read = Callable[[TenantScope, int, str | None], Awaitable[list[Any]]]
"""Reads a list: so many, after a number."""
PURPOSES: Final = (("reminder", "Reminders"), ("call-back", "Call-backs"), ("other", "Anything else"))
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS: Final = ("attempts", "gap_minutes", "voicemail", "reminder_hours", "reminder_agent")


@router.get("/t/{tenant}/settings/consent", response_class=HTMLResponse)
async def consent_page(request: Request, frame: Framed, access: Reading, cursor: Cursor = None, phone: Start = "") -> HTMLResponse:
    """Whom an agent may ring, since when, and how that is known."""
    return await _consent(request, frame, access, Typed(values={"phone": phone}), cursor)


async def _consent(request: Request, frame: Frame, access: TenantAccess, typed: Typed, cursor: str | None = None) -> HTMLResponse:
    return await _numbers(request, frame, access, "consent", lists.consents, typed, cursor)


async def _numbers(
    request: Request, frame: Frame, access: TenantAccess, name: str, read: Read, typed: Typed, cursor: str | None
) -> HTMLResponse:
    """A page of numbers, by number."""
    filters = {"list": f"portal {name}", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, cursor)
    part = await read(access.scope, steps.PART + 1, str(position[0]) if position else None)
    found = page(part, steps.PART, access.given, filters, lambda one: (one.phone,))
    more = f"/t/{access.scope.tenant}/settings/{name}?cursor={found.next_cursor}" if found.next_cursor else None
    shown: dict[str, Any] = {"rows": found.data, "more_href": more, "once": steps.fresh(), "once_more": steps.fresh()}
    return await settling.show(request, frame, access, name, typed, part="rows", **shown)


@router.post("/t/{tenant}/settings/consent", response_class=HTMLResponse)
async def consent_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Keep that somebody agreed."""
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        body = NewConsent.model_validate({"phone": fields.get("phone", "").strip(), "how": fields.get("how", "")})
        made = await lists.agree(access.scope, body, ops.by_of(access.principal), access.given.clock())
        await access.audit("call_consent.added", access.scope.tenant, {"how": made.how})
    if tried.typed is not None:
        return await _consent(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/consent", "added")


@router.post("/t/{tenant}/settings/consent/withdraw", response_class=HTMLResponse)
async def withdraw_form(access: Writing, fields: Posted) -> Response:
    """Somebody agrees no more."""
    await lists.withdraw(access.scope, fields.get("phone", ""))
    await access.audit("call_consent.withdrawn", access.scope.tenant)
    return onward(f"/t/{access.scope.tenant}/settings/consent", "saved")


@router.get("/t/{tenant}/settings/do-not-call", response_class=HTMLResponse)
async def do_not_call_page(request: Request, frame: Framed, access: Reading, cursor: Cursor = None) -> HTMLResponse:
    """Numbers that are never rung, since when, why and by whom."""
    return await _do_not_call(request, frame, access, Typed(), cursor)


async def _do_not_call(request: Request, frame: Frame, access: TenantAccess, typed: Typed, cursor: str | None = None) -> HTMLResponse:
    return await _numbers(request, frame, access, "do-not-call", lists.page, typed, cursor)


@router.post("/t/{tenant}/settings/do-not-call", response_class=HTMLResponse)
async def do_not_call_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Never ring a number again, or all numbers of a table."""
    by, now = ops.by_of(access.principal), access.given.clock()
    async with steps.step(access, fields) as tried:
        await steps.first(access, fields)
        if "table" in fields:
            count = await lists.add_table(access.scope, fields["table"], by, now)
            await access.audit("do_not_call.imported", access.scope.tenant, {"count": count})
        else:
            body = NewDoNotCall.model_validate({"phone": fields.get("phone", "").strip(), "why": fields.get("why", "")})
            made = await lists.add(access.scope, body, by, now)
            await access.audit("do_not_call.added", access.scope.tenant, {"why": made.why})
    if tried.typed is not None:
        return await _do_not_call(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/do-not-call", "added")


@router.post("/t/{tenant}/settings/do-not-call/remove", response_class=HTMLResponse)
async def remove_form(access: Writing, fields: Posted) -> Response:
    """The number may be rung again, with a new consent."""
    await lists.remove(access.scope, fields.get("phone", ""))
    await access.audit("do_not_call.removed", access.scope.tenant)
    return onward(f"/t/{access.scope.tenant}/settings/do-not-call", "saved")


@router.get("/t/{tenant}/settings/calls-out/how", response_class=HTMLResponse)
async def how_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """When people are rung, how often, and what a machine is told."""
    return await _how(request, frame, access, Typed())


async def _how(request: Request, frame: Frame, access: TenantAccess, typed: Typed) -> HTMLResponse:
    agents = [("", _("Nobody: no reminders")), *((one.id, one.name) for one in await reading.page(access.scope, 200, None))]
    one = await ops.setting(access.scope)
    # A form that was refused has the ticks that were sent, and no others.
    sent = bool(typed.values)
    days = [(f"day_{n}", _(day), typed.value(f"day_{n}") == "yes" if sent else n in one.days) for n, day in enumerate(DAYS)]
    purposes = [(f"for_{key}", _(word), typed.value(f"for_{key}") == "yes" if sent else key in one.consent_for) for key, word in PURPOSES]
    return await settling.show(
        request, frame, access, "calls-out", typed, template="call_out_how", one=one, days=days, purposes=purposes, agents=agents,
        opens=_clock(one.opens), closes=_clock(one.closes),
    )  # fmt: skip


@router.post("/t/{tenant}/settings/calls-out/how", response_class=HTMLResponse)
async def how_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Place calls so from the next attempt on."""
    async with steps.step(access, fields) as tried:
        old = await ops.setting(access.scope, lock=True)
        steps.unchanged(fields, old.revision)
        values: dict[str, Any] = {name: fields.get(name, "").strip() or None for name in NUMBERS}
        values |= {"voicemail": values["voicemail"] or "", "opens": _minute(fields, "opens"), "closes": _minute(fields, "closes")}
        values["days"] = tuple(n for n in range(7) if fields.get(f"day_{n}") == "yes")
        values["consent_for"] = tuple(key for key, _word in PURPOSES if fields.get(f"for_{key}") == "yes")
        new = await ops.put_setting(access.scope, Setting.model_validate(values))
        before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
        changed = {name: [before[name], after[name]] for name in sorted(Setting.model_fields) if before[name] != after[name]}
        await access.audit("outgoing.settings_changed", access.scope.tenant, changed)
    if tried.typed is not None:
        return await _how(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/settings/calls-out/how", "saved")


def _clock(minute: int) -> str:
    """As a time field has it; the end of the day is its last minute."""
    return "23:59" if minute >= 1_440 else f"{minute // 60:02}:{minute % 60:02}"


def _minute(fields: dict[str, str], name: str) -> int:
    hour, _colon, minute = fields.get(name, "").partition(":")
    if not (hour.isdigit() and minute[:2].isdigit() and hour.isascii() and minute.isascii()):
        raise Invalid(_("Type a time, such as 09:00."), faults=(Fault(name, _("Type a time, such as 09:00.")),))
    return min(1_440, int(hour) * 60 + int(minute[:2]))
