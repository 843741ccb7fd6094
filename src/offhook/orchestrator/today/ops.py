"""What needs somebody, the worst first, and how far a new business has come."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from offhook.errors import NotFound
from offhook.orchestrator.agents.ops import reading as agents
from offhook.orchestrator.auth.permissions import Permission
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.calls import days
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallFilter
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By, Contact
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.paperwork import ops as paperwork
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.today.repo import SeenTo
from offhook.orchestrator.today.schemas import KINDS, Kind, Need, Setup

SPAN: Final = timedelta(days=14)
"""What nobody has seen to in so long is not brought up any more; the lists of calls and people still have it."""
MOST: Final = 50
"""Of each kind."""
AGENTS: Final = 200
URGENT: Final = frozenset({"urgent", "emergency", "high", "now", "yes"})
"""What scripts call a matter that cannot wait."""


async def needs(scope: TenantScope, may: Collection[Permission], now: datetime) -> list[Need]:
    """All that a person has to do and that this one may know of, the worst first."""
    found = [*await _broken(scope, now), *await _unwritten(scope, now)]
    if "appointments.read" in may:
        found += await _clashes(scope, now)
    if "connections.read" in may:
        found += await _expired(scope)
    if "numbers.read" in may and "agents.read" in may:
        found += await _silent(scope)
    if "webhooks.read" in may:
        found += await _refused(scope, now)
    if "contacts.read" in may:
        promised = await _promised(scope, now)
        found += promised
        found += [one for one in await _urgent(scope, now) if one.thing not in {each.thing for each in promised}]
    seen = await SeenTo(scope).of({one.key for one in found})
    left = [one for one in found if one.key not in seen or one.at > seen[one.key]]
    return sorted(left, key=lambda one: (KINDS.index(one.kind), one.due or one.at, one.thing))


async def see_to(scope: TenantScope, by: By, kind: Kind, thing: str, now: datetime) -> None:
    """Somebody has done what was to be done about this; NotFound if nothing is."""
    every = frozenset[Permission]({"numbers.read", "agents.read", "webhooks.read", "contacts.read", "appointments.read"})
    if (kind, thing) not in {one.key for one in await needs(scope, every, now)}:
        raise NotFound("nothing is to be done about this")
    await SeenTo(scope).put(kind, thing, now, by)


async def setup(scope: TenantScope) -> Setup:
    """How far a new business has come."""
    known = await agents.page(scope, AGENTS, None)
    live = [one for one in known if one.live is not None]
    there = await numbers.page(scope, 1, None)
    return Setup(
        agent=next(iter([*live, *known]), None),
        live=bool(live),
        number=next(iter(there), None),
        tested=bool(await calls.page(scope, CallFilter(test=True), 1, None)),
        called=bool(await calls.page(scope, CallFilter(test=False), 1, None)),
    )


async def _broken(scope: TenantScope, now: datetime) -> list[Need]:
    """Calls that broke off on our side, but for those of people who have got through since."""
    found = await days.broken(scope, now - SPAN, MOST)
    known = await crm.by_phones(scope, {one.caller for one in found if one.caller})
    return [Need(kind="broken", thing=one.id, at=one.ended_at or one.at, call=one, contact=known.get(one.caller)) for one in found]


async def _unwritten(scope: TenantScope, now: datetime) -> list[Need]:
    """Systems that have not got what calls left, and are not asked any more."""
    found = await paperwork.given_up(scope, now - SPAN)
    last = {one.id: one for one in await calls.some(scope, {one.call_id for one in found})} if found else {}
    return [
        Need(
            kind="unwritten",
            thing=one.connection_id,
            at=one.at,
            call=last.get(one.call_id),
            endpoint=one.title,
            given_up=one.count,
            about=one.error,
        )
        for one in found
    ]


async def _clashes(scope: TenantScope, now: datetime) -> list[Need]:
    """Visits ahead that something in another calendar stands against, each once."""
    found = {one.appointment_id: one for one in reversed(await outside.clashes(scope, now - SPAN, now, MOST))}
    names = {one.id: one.title for one in await connections.every(scope)} if found else {}
    return [
        Need(
            kind="clash",
            thing=id,
            at=one.clash_at or now,
            visit=(await bookings.show(scope, id)).appointment,
            endpoint=names.get(one.connection_id, ""),
            about=one.clash,
        )
        for id, one in found.items()  # noqa: A001 - what it is
    ]


async def _expired(scope: TenantScope) -> list[Need]:
    """Systems that do not let us in any more."""
    return [
        Need(
            kind="expired",
            thing=one.id,
            at=one.failed_at or one.updated_at,
            endpoint=f"{one.title} ({one.account})" if one.account else one.title,
            adapter=one.adapter,
            about=one.problem,
        )
        for one in await connections.every(scope)
        if one.state == "expired"
    ]


async def _silent(scope: TenantScope) -> list[Need]:
    answering = {one.id for one in await agents.page(scope, AGENTS, None) if one.live is not None}
    mine = [one for one in await numbers.page(scope, MOST, None) if one.enabled and one.agent_id not in answering]
    return [Need(kind="number", thing=one.id, at=one.updated_at, number=one) for one in mine]


async def _refused(scope: TenantScope, now: datetime) -> list[Need]:
    return [
        Need(
            kind="refused",
            thing=one.id,
            at=one.at,
            endpoint=one.name,
            waiting=one.waiting,
            given_up=one.given_up,
            enabled=one.enabled,
        )
        for one in await hooks.troubles(scope, now - SPAN)
    ]


async def _promised(scope: TenantScope, now: datetime) -> list[Need]:
    """Who was told that somebody rings back."""
    wanted = await contacts.callbacks(scope, now - SPAN, MOST)
    people = await crm.some(scope, {one.contact_id for one in wanted})
    made = {one.id: one for one in await calls.some(scope, {one.call_id for one in wanted})}
    return [
        Need(kind="promise", thing=one.call_id, at=one.at, due=one.due, about=one.about, contact=who, call=made.get(one.call_id))
        for one in wanted
        if (who := people.get(one.contact_id)) is not None and not who.no_calls
    ]


async def _urgent(scope: TenantScope, now: datetime) -> list[Need]:
    """Leads that nobody has taken up and that the caller called urgent."""
    leads = await contacts.leads(scope, MOST, None, status="new", since=now - SPAN, until=None)
    results = await calls.results(scope, [one.call_id for one in leads])
    urgent = [one for one in leads if (found := results.get(one.call_id)) is not None and found.urgency in URGENT]
    people: dict[str, Contact] = await crm.some(scope, {one.contact_id for one in urgent})
    made = {one.id: one for one in await calls.some(scope, {one.call_id for one in urgent})}
    return [
        Need(
            kind="urgent",
            thing=one.call_id,
            at=one.created_at,
            about=one.problem or results[one.call_id].problem or "",
            contact=people.get(one.contact_id),
            call=made.get(one.call_id),
        )
        for one in urgent
    ]
