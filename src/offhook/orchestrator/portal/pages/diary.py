"""The diary: a day or a week of visits, each by whom it was made, and what stands in each other's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from offhook.orchestrator.agents.hours import Opening
from offhook.orchestrator.agents.ops.opening import openings
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.bookings import desk, ops
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal.frame import Framed, tenant_shell
from offhook.orchestrator.portal.grid import Block, Column, Grid, clashes, grid, within
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.ribbon import hours_said, span
from offhook.orchestrator.portal.show import DAYS, MONTHS, Local, _, many
from offhook.orchestrator.scope import TenantScope

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("appointments.read")]
MOST: Final = 500
"""Visits of one page."""
NUMBERS: Final = 50
FIRST, LAST = date(2000, 1, 3), date(2199, 12, 1)
SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "call": ("bot", "Agent"),
    "person": ("user", "Team"),
    "operator": ("user", "Team"),
    "key": ("plug", "Another system"),
}
"""Who made a visit: icon and word."""


class Asked(BaseModel):
    """Which days; it stands in the address."""

    model_config = ConfigDict(frozen=True)

    view: Literal["day", "week"] = "week"
    on: Annotated[date | None, Field(ge=FIRST, le=LAST)] = None

    def href(self, base: str, **changes: object) -> str:
        """The address with this changed."""
        values = self.model_dump(mode="json") | changes
        kept = {name: str(value) for name, value in values.items() if value is not None and (name, value) != ("view", "week")}
        return f"{base}?{urlencode(kept)}" if kept else base


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as it is shown; ``notes`` are what is odd about it."""

    id: str
    hours: str
    who: str
    what: str
    staff: str
    icon: str
    source: str
    notes: tuple[str, ...]
    block: Block | None
    own: bool
    """Whether the agent booked it."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the page."""

    day: date
    name: str
    number: int
    whole: str
    href: str
    today: bool
    hours: str
    """When the business is open, in words."""
    odd: str
    """Of a day on which the clocks change."""
    column: Column
    visits: tuple[Visit, ...]


@router.get("/t/{tenant}/diary", response_class=HTMLResponse)
async def diary_page(request: Request, frame: Framed, access: Reading, asked: Annotated[Asked, Query()]) -> HTMLResponse:
    """A day or a week of visits."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "diary")
    base = f"/t/{tenant.id}/diary"
    first = asked.on or local.today
    days = [first]
    if asked.view == "week":
        monday = first - timedelta(days=first.weekday())
        days = [monday + timedelta(days=at) for at in range(7)]
    begin, end = local.begin(days[0]), local.begin(days[-1] + timedelta(days=1))
    # One that began the evening before goes on into the first day.
    found = await ops.page(access.scope, MOST + 1, None, since=begin - timedelta(days=1), until=end, status="booked", soonest=True)
    visits = [one for one in found[:MOST] if one.ends_at > begin]
    spans = await openings(access.scope, await answering(access.scope), days)
    drawn = grid(local, days, visits, spans)
    step = timedelta(days=len(days))
    return portal(request).page(
        request,
        frame,
        "pages/diary.html",
        shell=shell,
        local=local,
        base=base,
        asked=asked,
        title=_title(local, days),
        count=many("1 visit", "{n} visits", len(visits)) if visits else "",
        cut=len(found) > MOST,
        grid=drawn,
        days=await _days(access.scope, local, base, drawn, visits, spans),
        before_href=asked.href(base, on=days[0] - step),
        after_href=asked.href(base, on=days[0] + step),
        now_href=asked.href(base, on=None),
        here=local.today in days,
        new_href=f"{base}/new?on={max(days[0], local.today)}" if "appointments.write" in access.may else None,
        place=tenant.timezone.rpartition("/")[2].replace("_", " "),
    )


async def answering(scope: TenantScope) -> list[str]:
    """Agents whose hours are the business's: those that numbers ring."""
    return sorted({one.agent_id for one in await numbers.page(scope, NUMBERS, None) if one.enabled})


def source(kind: str | None, call: str | None) -> tuple[str, str]:
    """Icon and word of who made a visit."""
    icon, word = SOURCES["call" if call else kind or "person"]
    return icon, _(word)


def _title(local: Local, days: Sequence[date]) -> str:
    if len(days) == 1:
        return local.day(days[0])
    first, last = days[0], days[-1]
    month, other = _(MONTHS[first.month - 1]), _(MONTHS[last.month - 1])
    year = "" if last.year == local.today.year else f" {last.year}"
    return f"{first.day} – {last.day} {other}{year}" if month == other else f"{first.day} {month} – {last.day} {other}{year}"


async def _days(
    scope: TenantScope, local: Local, base: str, drawn: Grid, visits: Sequence[Appointment], spans: Sequence[Opening]
) -> list[Day]:
    made = await desk.sources(scope, [one.id for one in visits])
    odd, inside = clashes(visits), within(spans)
    blocks = {one.id: one for column in drawn.columns for one in column.blocks}
    whose: dict[date, list[Visit]] = {column.day: [] for column in drawn.columns}
    for one in visits:
        notes = [_("Clashes")] if one.id in odd else []
        notes += [] if not spans or inside(one) else [_("Outside opening hours")]
        icon, word = source(made.get(one.id), one.call_id)
        shown = Visit(
            id=one.id,
            hours=span(local, one.starts_at, one.ends_at),
            who=one.name or _("Somebody"),
            what=", ".join(text for text in (one.problem[:1].upper() + one.problem[1:], one.address) if text),
            staff=one.staff,
            icon=icon,
            source=word,
            notes=tuple(notes),
            block=blocks.get(one.id),
            own=one.call_id is not None or made.get(one.id) == "call",
        )
        whose[max(local.day_of(one.starts_at), drawn.columns[0].day)].append(shown)
    return [_day(local, base, column, whose[column.day], spans) for column in drawn.columns]


def _day(local: Local, base: str, column: Column, visits: Sequence[Visit], spans: Sequence[Opening]) -> Day:
    day = column.day
    begin, end = local.begin(day), local.begin(day + timedelta(days=1))
    length = (end - begin) / timedelta(hours=1)
    mine = [one for one in spans if begin <= one[0] < end]
    return Day(
        day=day,
        name=_(DAYS[day.weekday()]),
        number=day.day,
        whole=local.day(day),
        href=Asked(view="day", on=day).href(base),
        today=day == local.today,
        hours=hours_said(local, mine) or (_("closed") if spans else ""),
        odd="" if length == 24 else _("The clocks change: {hours:g} hours").format(hours=length),
        column=column,
        visits=tuple(visits),
    )
