"""The list of a tenant's calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from offhook.contracts.analysis import CallResult
from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.calls import ops, views
from offhook.orchestrator.calls.schemas import SLOW_MS, Call, CallQuery, Rhythm, Text
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.numbers import ops as numbers
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
BUDGET_MS: Final = SLOW_MS
"""A reply that was waited for longer stands out."""
AGENTS: Final = 100
NUMBERS: Final = 100
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
Length = Literal["moment", "short", "middle", "long"]
LENGTHS: Final[Mapping[Length, tuple[str, int | None, int | None]]] = {
    "moment": ("Under 30 s", None, 30),
    "short": ("30 s to 2 min", 30, 120),
    "middle": ("2 to 5 min", 120, 300),
    "long": ("Over 5 min", 300, None),
}
"""Word, and the seconds from which and under which."""


class Asked(BaseModel):
    """What the list is asked for; it stands in the address."""

    model_config = ConfigDict(frozen=True)

    when: When = "week"
    on: date | None = None
    outcome: Text | None = None
    slow: bool = False
    agent: Text | None = None
    number: Text | None = None
    length: Length | None = None
    q: Annotated[str, Query(max_length=200)] = ""

    def href(self, base: str, **changes: object) -> str:
        """The address of the list with this changed."""
        kept = self.kept(**changes)
        return f"{base}?{urlencode(kept)}" if kept else base

    def kept(self, **changes: object) -> dict[str, str]:
        """What stands in the address: all but what goes without saying."""
        values = self.model_dump(mode="json") | changes
        usual = {None, "", False}
        return {
            name: "true" if value is True else str(value)
            for name, value in values.items()
            if value not in usual and (name, value) != ("when", "week")
        }

    def query(self, local: Local) -> CallQuery:
        """The same as calls are asked for."""
        since, until = self._span(local)
        text = self.q.replace("\0", "").strip()
        _, longer, shorter = LENGTHS[self.length] if self.length else ("", None, None)
        return CallQuery(
            outcome=self.outcome,
            agent=self.agent,
            number=self.number,
            slow=self.slow or None,
            longer=longer,
            shorter=shorter,
            q=text or None,
            since=since,
            until=until,
        )

    @property
    def narrowed(self) -> bool:
        """Whether some calls are not in it."""
        return self != Asked(when="all")

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
    rows = await rows_of(access.scope, local, found.data, names, local.day_of(after[0]) if after else None)
    whole = not wants_part(request)
    count = None
    if whole and after is None:
        count = await ops.count(access.scope, wanted, COUNTED + 1) if found.next_cursor else len(found.data)
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
        narrowed=asked.narrowed,
        saved=await _saved(access, base) if whole else [],
        views_at=f"/t/{tenant.id}/call-views",
        export_href=asked.href(f"{base}.csv"),
        export_json_href=asked.href(f"{base}.json"),
        all_href=Asked(when="all").href(base),
    )


async def _saved(access: TenantAccess, base: str) -> list[Choice]:
    """The lists that this person has kept. One that asks for what there is no more is left out."""
    found = []
    for name, values in (await views.kept(access.scope, access.principal)).items():
        with suppress(ValidationError):
            found.append(Choice(name, Asked.model_validate(values).href(base), current=False))
    return found


def _count(count: int | None, asked: Asked, local: Local) -> str:
    """As 342 this week."""
    if count is None:
        return ""
    number = f"{COUNTED:,}+" if count > COUNTED else f"{count:,}"
    span = local.day(asked.on) if asked.on else {"all": ""}.get(asked.when, _(WHENS[asked.when]).lower())
    return f"{number} {span}".strip()


async def rows_of(
    scope: TenantScope, local: Local, calls: Sequence[Call], agents_by_id: Mapping[str, str], day_before: date | None
) -> list[Row]:
    """These calls as a list shows them; a row names its day where that is another one than the one before."""
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
                who=who_of(call, known.get(call.caller), result, local),
                what=about(call, result, rhythm),
                urgent=result is not None and result.urgency in _URGENT,
                strip=strip(rhythm, call.seconds) if rhythm else None,
                outcome=of_call(call),
                agent=agent_of(call, agents_by_id),
                seconds=call.seconds,
                slowest=slowest,
                over=slowest is not None and slowest > BUDGET_MS,
            )
        )
        last = day
    return rows


_URGENT: Final = frozenset({"urgent", "emergency", "high", "now", "yes"})


_ENDS: Final = {"failed": "Broke off on our side", "transferred": "Put through", "idle": "Fell silent", "held": "On hold for too long"}


def about(call: Call, result: CallResult | None, rhythm: Rhythm | None) -> str:
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


def who_of(call: Call, known: str | None, result: CallResult | None, local: Local) -> str:
    """Who rang: by the name that they are known by, else as they said, else their number."""
    return known or (result and result.contact.name) or local.phone(call.caller) or _("Number withheld")


def agent_of(call: Call, agents_by_id: Mapping[str, str]) -> str:
    """Who answered, and in which version."""
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
    dids: dict[str | None, str] = {None: _("Any number")}
    dids |= {one.did: local.phone(one.did) for one in await numbers.page(scope, NUMBERS, None)}
    number = dids.get(asked.number, asked.number) if asked.number else _("Number")
    lengths: dict[str | None, str] = {None: _("Any length")} | {name: _(word) for name, (word, _from, _to) in LENGTHS.items()}
    length = lengths[asked.length] if asked.length else _("Length")
    day = local.day(asked.on) if asked.on else days[asked.when]
    outcome = codes.get(asked.outcome, asked.outcome or "") if asked.outcome else _("Outcome")
    agent = by.get(asked.agent, asked.agent or "") if asked.agent else _("Agent")
    return [
        Filter("when", day, asked.on is not None or asked.when != "all", choices("when", days, None if asked.on else asked.when)),
        Filter("outcome", outcome, asked.outcome is not None, choices("outcome", codes, asked.outcome)),
        Filter("agent", agent, asked.agent is not None, choices("agent", by, asked.agent)),
        Filter("number", number, asked.number is not None, choices("number", dids, asked.number)),
        Filter("length", length, asked.length is not None, choices("length", lengths, asked.length)),
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
