"""The start page: the day in a sentence, and what somebody has to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from offhook.errors import Invalid
from offhook.orchestrator.agents.ops import reading as agents
from offhook.orchestrator.agents.ops.opening import openings
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.calls import days
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import Call, CallFilter, Ending
from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.paperwork import ops as paperwork
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.needs import Line, lines
from offhook.orchestrator.portal.outcomes import ALL, LIVE, Outcome, of_call
from offhook.orchestrator.portal.pages.calls import BUDGET_MS, Row, rows_of
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.ribbon import Dots, Ribbon, dots, hour, hours_said, ribbon, span
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.sentence import Piece, counted, filled, listed
from offhook.orchestrator.portal.show import Local, _, many
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.today import ops
from offhook.orchestrator.today.schemas import Kind

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
Doing = Annotated[TenantAccess, in_tenant("contacts.write")]
Writing = Annotated[TenantAccess, in_tenant("calls.write")]
Sending = Annotated[TenantAccess, in_tenant("webhooks.write")]
WebhookId = Annotated[str, Path(pattern=ID)]
LATEST: Final = 7
MARKS: Final = 1_000
"""Calls that the ribbon has room for; the latest."""
TIMED: Final = 60
"""Calls whose replies are looked at."""
VISITS: Final = 12
NAMES: Final = 100
"""Agents that are known by name."""
NUMBERS: Final = 50


@dataclass(frozen=True, slots=True)
class Way:
    """How some of the calls ended; ``share`` of the most frequent way in percent."""

    outcome: Outcome
    count: int
    share: float
    href: str


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment of today."""

    id: str
    hours: str
    who: str
    what: str
    by_agent: bool


@dataclass(frozen=True, slots=True)
class Replies:
    """How fast replies were; ``begin`` is when the first of these calls was."""

    typical: float
    nine: float
    drawn: Dots
    begin: str
    count: int


@dataclass(frozen=True, slots=True)
class Day:
    """All that the page shows of a day."""

    sentence: list[Piece]
    needs: list[Line]
    ribbon: Ribbon
    hours: str
    rows: list[Row]
    ways: list[Way]
    visits: list[Visit] | None
    """None for who may not see the diary."""
    replies: Replies | None
    quiet: str
    """What to say of a day without calls."""
    more: int = field(default=0)
    """Calls that the ribbon has no room for."""


@router.get("/t/{tenant}", response_class=HTMLResponse)
async def today_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """What happened since midnight, and what needs somebody."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "")
    base = f"/t/{tenant.id}"
    begun = await ops.setup(access.scope)
    return portal(request).page(
        request,
        frame,
        "pages/today.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        today_href=base,
        begun=begun,
        place=tenant.timezone.rpartition("/")[2].replace("_", " "),
        day=await _day(access, local, base) if begun.called else None,
        budget=BUDGET_MS,
        may=access.may,
    )


@router.post("/t/{tenant}/today/done", response_class=RedirectResponse)
async def today_done(access: Doing, fields: Posted) -> RedirectResponse:
    """Somebody has done what was to be done about a thing."""
    kind, thing = fields.get("kind", ""), fields.get("thing", "")
    known: Kind | None = next((one for one in get_args(Kind) if one == kind), None)
    if known is None:
        raise Invalid("nothing of this kind is to be done")
    await ops.see_to(access.scope, By(kind=access.principal.kind, id=access.principal.id), known, thing, access.given.clock())
    await access.audit("today.done", thing, {"kind": kind})
    return onward(f"/t/{access.scope.tenant}", "done")


@router.post("/t/{tenant}/today/webhooks/{webhook}/send", response_class=RedirectResponse)
async def today_send(webhook: WebhookId, access: Sending, _: Posted) -> RedirectResponse:
    """Send an endpoint what it has not taken, now and in order."""
    again = await hooks.send_now(access.scope, access.given, webhook, access.given.clock() - ops.SPAN)
    await access.audit("webhook.resumed", webhook, {"again": again})
    return onward(f"/t/{access.scope.tenant}", "sent-again")


@router.post("/t/{tenant}/today/paperwork/{connection}/again", response_class=RedirectResponse)
async def today_write(connection: WebhookId, access: Writing, _: Posted) -> RedirectResponse:
    """Write to a system what it has not got."""
    again = await paperwork.again_all(access.scope, access.given, connection)
    await access.audit("calls.paperwork_again", connection, {"again": again})
    return onward(f"/t/{access.scope.tenant}", "written-again" if again else "none-to-send")


async def _day(access: TenantAccess, local: Local, base: str) -> Day:
    scope, begin, end = access.scope, local.begin(local.today), local.begin(local.today + timedelta(days=1))
    marks = await days.marks(scope, begin, end, MARKS)
    endings = await days.endings(scope, begin, end)
    count = sum(one.count for one in endings)
    needs = lines(await ops.needs(scope, access.may, local.now), local, base, access.may)
    spans = [one for one in await openings(scope, await _answering(access), [local.today]) if begin <= one[0] < end]
    latest = await calls.page(scope, CallFilter(test=False, since=begin), LATEST, None)
    names = {one.id: one.name for one in await agents.page(scope, NAMES, None)}
    speed = await days.speed(scope, [one.id for one in marks[:TIMED]])
    order = [one for one in reversed(marks[:TIMED]) if speed and one.id in speed.calls]
    replies = None
    if speed is not None:
        typical = [speed.calls[one.id] for one in order]
        begun = hour(local, order[0].at)
        replies = Replies(speed.typical_ms, speed.nine_in_ten_ms, dots(typical, BUDGET_MS), begun, len(order))
    return Day(
        sentence=_sentence(endings, len(needs)),
        needs=needs,
        ribbon=ribbon(local, marks, spans, many("One call so far", "{n} calls so far", count)),
        hours=hours_said(local, spans),
        rows=await rows_of(scope, local, latest, names, local.today),
        ways=_ways(endings, base),
        visits=await _visits(scope, local, begin, end) if "appointments.read" in access.may else None,
        replies=replies,
        quiet="" if count else await _quiet(scope, local),
        more=max(0, count - len(marks)),
    )


async def _answering(access: TenantAccess) -> set[str]:
    """Agents whose hours are the business's: those that numbers ring."""
    return {one.agent_id for one in await numbers.page(access.scope, NUMBERS, None) if one.enabled}


def _sentence(endings: Sequence[Ending], needs: int) -> list[Piece]:
    """The day in a sentence or two, made of counts."""
    count, booked, leads = sum(one.count for one in endings), _of(endings, "booked"), _of(endings, "lead")
    if count:
        said = filled(_("{calls} answered since midnight."), calls=[Piece(counted(many("1 call", "{n} calls", count)), "strong")])
    else:
        said = filled(_("{none} yet today."), none=[Piece(_("No calls"), "strong")])
    parts = [Piece(counted(many("1 job booked", "{n} jobs booked", booked)), "strong")] if booked else []
    parts += [Piece(counted(many("1 new lead", "{n} new leads", leads)))] if leads else []
    parts += [Piece(counted(many("1 thing needs you", "{n} things need you", needs)), "over")] if needs else []
    said += [Piece(" "), *listed(parts), Piece(".")] if parts else []
    return said if needs else [*said, Piece(" "), Piece(_("Nothing needs you."))]


def _of(endings: Sequence[Ending], outcome: str) -> int:
    return sum(one.count for one in endings if one.outcome == outcome and one.reason != "failed")


def _ways(endings: Sequence[Ending], base: str) -> list[Way]:
    """How calls ended, as they are named; those that go on are not over."""
    counts: dict[Outcome, int] = {}
    codes: dict[Outcome, str | None] = {}
    for one in endings:
        outcome = of_call(one)
        if outcome != LIVE:
            counts[outcome] = counts.get(outcome, 0) + one.count
            codes.setdefault(outcome, one.outcome)
    most = max(counts.values(), default=1)
    place = {one.kind: at for at, one in reversed(list(enumerate(ALL)))}
    order = sorted(counts, key=lambda one: (ALL.index(one) if one in ALL else place[one.kind] + 0.5, -counts[one], one.word))
    hrefs = {one: f"{base}/calls?when=today" + (f"&outcome={code}" if (code := codes[one]) else "") for one in counts}
    return [Way(one, counts[one], round(100 * counts[one] / most, 1), hrefs[one]) for one in order]


async def _visits(scope: TenantScope, local: Local, begin: datetime, end: datetime) -> list[Visit]:
    found = await bookings.page(scope, VISITS, None, since=begin, until=end, status="booked", soonest=True)
    return [Visit(one.id, span(local, one.starts_at, one.ends_at), _who(one), _what(one), one.call_id is not None) for one in found]


def _who(one: Appointment) -> str:
    return one.name or _("Somebody")


def _what(one: Appointment) -> str:
    return ", ".join(text for text in (one.problem[:1].upper() + one.problem[1:], one.address) if text)


async def _quiet(scope: TenantScope, local: Local) -> str:
    """Of a day without calls: when the last one was."""
    found: list[Call] = await calls.page(scope, CallFilter(test=False), 1, None)
    if not found:
        return ""
    return _("The last one was on {day} at {time}.").format(day=local.day(found[0].at), time=local.clock(found[0].at))
