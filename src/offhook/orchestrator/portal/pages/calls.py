"""The list of a tenant's calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from offhook.contracts.analysis import CallResult
from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.schemas import Call, CallQuery, Rhythm, Text
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal.frame import Framed, tenant_shell
from offhook.orchestrator.portal.outcomes import Outcome, of_call, of_code
from offhook.orchestrator.portal.render import portal, wants_part
from offhook.orchestrator.portal.show import Local, _
from offhook.orchestrator.portal.strip import Strip, strip
from offhook.orchestrator.scope import TenantScope

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
PART: Final = 50
COUNTED: Final = 1_000
BUDGET_MS: Final = 700
"""A reply that was waited for longer stands out."""
AGENTS: Final = 100
LOOKED_AT: Final = 20
"""Agents whose scripts are asked for outcomes of their own."""
CODES: Final = ("booked", "lead", "message", "transferred", "left_early", "enquiry", "failed")
"""Outcomes that there are whatever the script; its own come after them."""
When = Literal["today", "yesterday", "week", "month", "all"]
WHENS: Final[Mapping[When, str]] = {
    "today": "Today",
    "yesterday": "Yesterday",
    "week": "This week",
    "month": "Last 30 days",
    "all": "Any day",
}


class Asked(BaseModel):
    """What the list is asked for; it stands in the address."""

    model_config = ConfigDict(frozen=True)

    when: When = "week"
    on: date | None = None
    outcome: Text | None = None
    agent: Text | None = None
    q: Annotated[str, Query(max_length=200)] = ""

    def href(self, base: str, **changes: object) -> str:
        """The address of the list with this changed."""
        values = self.model_dump(mode="json") | changes
        kept = {name: str(value) for name, value in values.items() if value not in {None, "", "week" if name == "when" else ""}}
        return f"{base}?{urlencode(kept)}" if kept else base

    def query(self, local: Local) -> CallQuery:
        """The same as calls are asked for."""
        since, until = self._span(local)
        text = self.q.replace("\0", "").strip()
        return CallQuery(outcome=self.outcome, agent=self.agent, q=text or None, since=since, until=until)

    def _span(self, local: Local) -> tuple[datetime | None, datetime | None]:
        if self.on is not None:
            return local.begin(self.on), local.begin(self.on + timedelta(days=1))
        today = local.today
        match self.when:
            case "today":
                return local.begin(today), None
            case "yesterday":
                return local.begin(today - timedelta(days=1)), local.begin(today)
            case "week":
                return local.begin(local.monday()), None
            case "month":
                return local.begin(today - timedelta(days=29)), None
            case _:
                return None, None


@dataclass(frozen=True, slots=True)
class Row:
    """A call as the list shows it. ``day`` where it is the first of one."""

    id: str
    at: datetime
    day: str | None
    who: str
    what: str
    urgent: bool
    strip: Strip | None
    outcome: Outcome
    agent: str
    seconds: float | None
    slowest: float | None
    over: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter with its values; ``on`` where it narrows the list."""

    name: str
    label: str
    on: bool
    choices: tuple[Choice, ...]


@router.get("/t/{tenant}/calls", response_class=HTMLResponse)
async def calls_page(
    request: Request,
    frame: Framed,
    access: Reading,
    asked: Annotated[Asked, Query()],
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
) -> HTMLResponse:
    """Calls, the latest first: of a day, of an agent, with an outcome, or found by words."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "calls")
    base = f"/t/{tenant.id}/calls"
    wanted = asked.query(local).filter()
    filters = {
        "list": "portal calls",
        "tenant": tenant.id,
        **asked.model_dump(mode="json"),
        "from": local.stamp(wanted.since) if wanted.since else "",
    }
    position = position_of(access.given, filters, cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    found = page(await ops.page(access.scope, wanted, PART + 1, after), PART, access.given, filters, lambda one: (one.at, one.id))
    names = {one.id: one.name for one in await reading.page(access.scope, AGENTS, None)}
    rows = await _rows(access.scope, local, found.data, names, local.day_of(after[0]) if after else None)
    whole = not wants_part(request)
    count = await ops.count(access.scope, wanted, COUNTED + 1) if whole and after is None else None
    more = asked.href(base, cursor=found.next_cursor) if found.next_cursor else None
    return portal(request).page(
        request,
        frame,
        "pages/calls.html",
        "rows",
        shell=shell,
        local=local,
        rows=rows,
        budget=BUDGET_MS,
        more_href=more,
        count=_count(count, asked, local),
        asked=asked,
        base=base,
        filters=await _filters(access.scope, asked, base, local, names) if whole else [],
        narrowed=bool(asked.q or asked.outcome or asked.agent or asked.on or asked.when != "all"),
        all_href=Asked(when="all").href(base),
    )


def _count(count: int | None, asked: Asked, local: Local) -> str:
    """As 342 this week."""
    if count is None:
        return ""
    number = f"{COUNTED:,}+" if count > COUNTED else f"{count:,}"
    span = local.day(asked.on) if asked.on else {"all": ""}.get(asked.when, _(WHENS[asked.when]).lower())
    return f"{number} {span}".strip()


async def _rows(
    scope: TenantScope, local: Local, calls: Sequence[Call], agents_by_id: Mapping[str, str], day_before: date | None
) -> list[Row]:
    ids = [one.id for one in calls]
    rhythms, results = await ops.rhythms(scope, ids), await ops.results(scope, ids)
    known = await crm.names(scope, {one.caller for one in calls if one.caller})
    rows, last = [], day_before
    for call in calls:
        day = local.day_of(call.at)
        rhythm, result = rhythms.get(call.id), results.get(call.id)
        slowest = rhythm.slowest_ms if rhythm else None
        rows.append(
            Row(
                id=call.id,
                at=call.at,
                day=local.day(day) if day != last else None,
                who=known.get(call.caller) or (result and result.contact.name) or local.phone(call.caller) or _("Number withheld"),
                what=_what(call, result, rhythm),
                urgent=result is not None and result.urgency in _URGENT,
                strip=strip(rhythm, call.seconds) if rhythm else None,
                outcome=of_call(call),
                agent=_agent(call, agents_by_id),
                seconds=call.seconds,
                slowest=slowest,
                over=slowest is not None and slowest > BUDGET_MS,
            )
        )
        last = day
    return rows


_URGENT: Final = frozenset({"urgent", "emergency", "high", "now", "yes"})


_ENDS: Final = {"failed": "Broke off on our side", "transferred": "Put through", "idle": "Fell silent"}


def _what(call: Call, result: CallResult | None, rhythm: Rhythm | None) -> str:
    """What it was about, in a few words."""
    if result is not None and (told := result.problem or result.job_type):
        return told[:1].upper() + told[1:]
    if call.state != "ended":
        return ""
    if rhythm is None or not rhythm.caller:
        return _("Nobody spoke")
    if result is not None and result.intent != "enquiry":
        return result.intent.replace("_", " ").capitalize()
    return _(_ENDS.get(call.reason or "", "A question"))


def _agent(call: Call, agents_by_id: Mapping[str, str]) -> str:
    name = agents_by_id.get(call.agent_id, call.agent_id)
    return f"{name} {call.agent_version}" if call.agent_version else name


async def _filters(scope: TenantScope, asked: Asked, base: str, local: Local, names: Mapping[str, str]) -> list[Filter]:
    def choices(name: str, values: Mapping[Any, str], current: object) -> tuple[Choice, ...]:
        clear = {"on": None} if name == "when" else {}
        return tuple(Choice(label, asked.href(base, **{name: value, **clear}), value == current) for value, label in values.items())

    days = {one: _(label) for one, label in WHENS.items()}
    codes: dict[str | None, str] = {None: _("Any outcome")}
    codes |= {code: _(of_code(code).word) for code in (*CODES, *await _own_codes(scope, names))}
    by: dict[str | None, str] = {None: _("Any agent")} | dict(names)
    day = local.day(asked.on) if asked.on else days[asked.when]
    outcome = codes.get(asked.outcome, asked.outcome or "") if asked.outcome else _("Outcome")
    agent = by.get(asked.agent, asked.agent or "") if asked.agent else _("Agent")
    return [
        Filter("when", day, asked.on is not None or asked.when != "all", choices("when", days, None if asked.on else asked.when)),
        Filter("outcome", outcome, asked.outcome is not None, choices("outcome", codes, asked.outcome)),
        Filter("agent", agent, asked.agent is not None, choices("agent", by, asked.agent)),
    ]


async def _own_codes(scope: TenantScope, names: Mapping[str, str]) -> list[str]:
    """Outcomes that only the scripts of these agents know."""
    found: dict[str, None] = {}
    for id in list(names)[:LOOKED_AT]:  # noqa: A001 - of an agent
        try:
            script = (await agents.live(scope, id)).script
        except NotFound:  # nobody has published it yet
            continue
        found |= dict.fromkeys(code for code in script.get("outcomes") or {} if code not in CODES)
    return list(found)
