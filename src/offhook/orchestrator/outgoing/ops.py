"""Calls that we place: kept first, then looked at again and again until they are over.

Whether a number may be rung is asked when the call is made and again before each attempt. ``dial`` is the only place that asks a carrier,
with a key of the attempt's own by which it rings once (carriers.rest.placing), whoever dies in between.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from offhook.contracts.dial import Dialled
from offhook.contracts.plan import MachinePlan
from offhook.errors import AdapterError, AdapterRateLimited, AdapterUnavailable, Conflict, Fault, Invalid, NotFound, Unreachable
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.rest.port import NewLeg
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.live import ops as live
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.numbers.schemas import NumberView
from offhook.orchestrator.outgoing import dialling, lists, opening
from offhook.orchestrator.outgoing.dialling import PREFIX as PREFIX
from offhook.orchestrator.outgoing.hours import Hours, next_time, zones_of
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.opening import opened as opened
from offhook.orchestrator.outgoing.repo import Due, Lists, OutgoingRepo
from offhook.orchestrator.outgoing.schemas import FAILED, REASONS, NewOutgoing, OutgoingView, Purpose, Setting, SettingView
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.tolls.rules import Purpose as TollPurpose
from offhook.orchestrator.tolls.rules import prefix_of
from offhook.orchestrator.tolls.schemas import Denied
from offhook.orchestrator.trunks import ops as trunks

_log = logging.getLogger(__name__)
DIAL: Final = "dial_outgoing"
"""Name of the job that places one call."""
LATER: Final = frozenset({"at_once", "per_minute", "minutes_per_hour", "spend_per_hour"})
"""Reasons that pass by themselves: the call waits."""
PAUSE: Final = timedelta(minutes=1)
LEASE: Final = timedelta(seconds=60)
"""An attempt whose worker is not heard of for so long is another's; the carrier is asked by the same key."""
SILENT: Final = timedelta(hours=5)
"""A call of which the carrier says nothing more for so long is over."""
GIVE_UP: Final = timedelta(minutes=10)
"""So long after an attempt was begun nobody asks any more whether it was placed."""
LOOK: Final = timedelta(seconds=60)
"""An engine is asked how far a call over a trunk is when it has told nothing for so long."""
NO_ENGINE: Final = timedelta(hours=1)
"""How long a call waits for an engine that has its trunk."""
MACHINES: Final = frozenset({"machine", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"})
"""What carriers call whoever is no person."""
AGAIN: Final = frozenset({"busy", "no-answer"})
KEPT: Final = timedelta(days=90)
BATCH: Final = 200


async def create(scope: TenantScope, given: Services, new: NewOutgoing, by: str, once: str | None = None) -> OutgoingView:
    """Keep a call and place it as soon as it may be. One that may not be rung is kept as refused, and says why.

    ``once``: what it is the only call for; asked again, it is the first. Invalid and NotFound where it names what is not there.
    """
    repo, now = OutgoingRepo(scope), given.clock()
    if once is not None and (before := await repo.once(once)) is not None:
        return view(before)
    to = await lists.number(scope, new.to, "to")
    await agents.need_in_use(scope, new.agent_id)
    number = await _number(scope, new)
    await _theirs(scope, new)
    if new.on_machine == "leave_message" and not (await setting(scope)).voicemail:
        raise Invalid(
            "there is no message to leave", faults=(Fault("on_machine", "write the message into the settings of calls out first"),)
        )
    consent, why = await _may(scope, to, new.purpose, new.lead_id)
    why = why or ("own_number" if await _own(scope, to) else None) or (await tolls.rules(scope)).why_not(to)
    id = new_id("out", now)  # noqa: A001 - what it is
    fields: dict[str, Any] = {
        **new.model_dump(exclude={"to", "number_id"}),
        "on_machine": new.on_machine or "",
        "to": to,
        "did": number.did,
        "number_id": number.id,
    }
    refused = {"state": "refused", "reason": why, "ended_at": now, "next_at": None}
    due = max(now, new.not_before) if new.not_before else now
    state = refused if why else {"state": "waiting", "next_at": due}
    if not await repo.add(id=id, once=once, consent=consent, by=by, created_at=now, **fields, **state):
        return view(await _once(repo, once))
    if why is not None:
        await _refused(scope, given, id, to, new.purpose, why)
    else:
        await _wake(scope, given, id, due)
    return await show(scope, id)


async def show(scope: TenantScope, id: str) -> OutgoingView:
    """A call; NotFound."""
    return view(_found(await OutgoingRepo(scope).get(id)))


async def page(scope: TenantScope, limit: int, after: tuple[datetime, str] | None, state: str | None = None) -> list[OutgoingView]:
    """Calls, newest first."""
    return [view(one) for one in await OutgoingRepo(scope).page(limit, after, state)]


async def cancel(scope: TenantScope, given: Services, id: str) -> OutgoingView:
    """Do not place a call that waits, and ring no more over a trunk; Conflict for any other that rings or was answered."""
    repo = OutgoingRepo(scope)
    row = _found(await repo.get(id, lock=True))
    if row.state in {"dialling", "ringing"} and row.boot:
        await repo.change(id, reason="by_hand")  # its engine is asked to stop, and says whether somebody was faster
        await _look(scope, given, row, given.clock())
        return await show(scope, id)
    if row.state != "waiting":
        raise Conflict("this call is no longer waiting")
    await repo.change(id, state="cancelled", reason="by_hand", next_at=None, ended_at=given.clock())
    return await show(scope, id)


async def setting(scope: TenantScope, *, lock: bool = False) -> SettingView:
    """How the tenant places calls."""
    return SettingView.model_validate(await OutgoingRepo(scope).setting(lock=lock), from_attributes=True)


async def put_setting(scope: TenantScope, new: Setting) -> SettingView:
    """Place calls so from now on; NotFound or Conflict for an agent that cannot be used."""
    if new.reminder_agent is not None:
        await agents.need_in_use(scope, new.reminder_agent)
    await OutgoingRepo(scope).set(new.model_dump(mode="json"))
    return await setting(scope)


async def dial(given: Services, tenant: str, id: str) -> str:
    """Do what can be done now for a call; its state then. May be called at any time, by anybody, any number of times."""
    async with given.database.tenant(tenant) as scope:
        row = await OutgoingRepo(scope).get(id, lock=True)
        if row is None or row.next_at is None or row.next_at > given.clock():
            return row.state if row else "gone"
        if row.state in {"ringing", "answered"} and not row.boot:  # the carrier has said nothing more of it
            await over(scope, given, row, "failed" if row.state == "ringing" else "completed")
            return (await show(scope, id)).state
        if row.state == "waiting" and not await _begin(scope, given, row):
            return (await show(scope, id)).state
        row = _found(await OutgoingRepo(scope).get(id))
        asked = await _asked(scope, given, row) if row.trunk_id is not None else await _leg(scope, given, row)
        if asked is None:
            return (await show(scope, id)).state
    if isinstance(asked, dialling.Asked):
        return await _over_trunk(given, tenant, row, asked)
    return await _place(given, tenant, id, *asked)


async def _begin(scope: TenantScope, given: Services, row: OutgoingRow) -> bool:
    """Whether it may be rung now; if so the attempt is kept before anybody is asked."""
    repo, now = OutgoingRepo(scope), given.clock()
    wanted = Setting.model_validate(await repo.setting(), from_attributes=True)
    hours = Hours(wanted.opens, wanted.closes, frozenset(wanted.days))
    if row.not_after is not None and row.not_after < now:
        await _end(scope, given, row, "failed", "expired")
        return False
    zones = ((await tenants.get(scope)).zone, *zones_of(row.to))
    at = next_time(now, zones, hours, row.not_after)
    if at is None:
        await _end(scope, given, row, "refused", "no_hours")
        return False
    if at > now:
        await _wait(scope, given, row, at)
        return False
    _, why = await _may(scope, row.to, row.purpose, row.lead_id)
    if why is not None:
        await _end(scope, given, row, "refused", why)
        return False
    if not await _way(scope, given, row):
        return False
    leave = await tolls.ask(scope, given, row.to, _toll(row.purpose), key_of(row.id, row.attempts + 1))
    if isinstance(leave, Denied):
        if leave.why in LATER:
            await _wait(scope, given, row, now + PAUSE)
        else:
            await _end(scope, given, row, "refused", leave.why)
        return False
    await repo.begin(row.id, row.attempts + 1, now)
    fresh = {"carrier_call": "", "answered_by": "", "reason": "", "engine": "", "boot": ""}
    await repo.change(row.id, state="dialling", attempts=row.attempts + 1, next_at=now + LEASE, **fresh)
    return True


async def _place(given: Services, tenant: str, id: str, leg: NewLeg, account: str | None) -> str:
    """Ask the carrier, in no transaction."""
    try:
        async with rest(given, tenant, account) as carrier:
            call = await carrier.place(leg)
    except (AdapterError, NotFound) as error:
        async with given.database.tenant(tenant) as scope:
            row = await OutgoingRepo(scope).get(id, lock=True)
            if row is not None and row.state == "dialling" and key_of(id, row.attempts) == leg.key:
                await _not_placed(scope, given, row, error)
            return row.state if row else "gone"
    async with given.database.tenant(tenant) as scope:
        row = await OutgoingRepo(scope).get(id, lock=True)
        if row is not None and row.state == "dialling" and key_of(id, row.attempts) == leg.key:
            await rings(scope, given, row, call)
        return (await show(scope, id)).state


async def _not_placed(scope: TenantScope, given: Services, row: OutgoingRow, error: AdapterError | NotFound) -> None:
    """The carrier has not said that it rings: asked again by the same key while nobody knows, and over where it has said no."""
    now = given.clock()
    begun = (await OutgoingRepo(scope).attempts(row.id))[-1].asked_at
    if isinstance(error, AdapterUnavailable | AdapterRateLimited):
        if now - begun < GIVE_UP:
            wait = max(1.0, min(error.retry.after or 0.0, 300.0))
            await _look(scope, given, row, now + timedelta(seconds=wait))
            return
        await _end(scope, given, row, "failed", "unknown" if isinstance(error, AdapterUnavailable) else "carrier")
        return
    await _end(scope, given, row, "failed", "no_account" if isinstance(error, NotFound) else "carrier")


async def _way(scope: TenantScope, given: Services, row: OutgoingRow) -> bool:
    """Whether it can be placed just now: over its trunk, or the one of its number, by an engine that has it; else by the carrier."""
    now, trunk = given.clock(), row.trunk_id or await _trunk_of(scope, row)
    if trunk is None:
        return True
    await OutgoingRepo(scope).change(row.id, trunk_id=trunk)
    try:
        if await trunks.placers(scope, trunk, now):
            return True
    except NotFound:
        await _end(scope, given, row, "failed", "no_trunk")
        return False
    if now - max(row.created_at, row.not_before or row.created_at) > NO_ENGINE:
        await _end(scope, given, row, "failed", "no_engine")
    else:
        await OutgoingRepo(scope).change(row.id, reason="no_engine")
        await _wait(scope, given, row, now + PAUSE)
    return False


async def _trunk_of(scope: TenantScope, row: OutgoingRow) -> str | None:
    """The trunk of the number that it is placed from."""
    try:
        return (await numbers.show(scope, row.number_id)).trunk_id
    except NotFound:
        return None


async def _asked(scope: TenantScope, given: Services, row: OutgoingRow) -> dialling.Asked | None:
    """What an engine is asked; the engine is kept before it is. None where there is none, and the attempt waits or is over."""
    begun, now = (await OutgoingRepo(scope).attempts(row.id))[-1].asked_at, given.clock()
    if row.state == "dialling" and now - begun >= GIVE_UP:
        await _end(scope, given, row, "failed", "unknown" if row.boot else "no_engine")
        return None
    try:
        there = bool(row.boot) or await dialling.chosen(scope, given, row)
    except NotFound:
        await _end(scope, given, row, "failed", "no_trunk")
        return None
    if not there:
        await _look(scope, given, row, now + PAUSE)
        return None
    row = _found(await OutgoingRepo(scope).get(row.id))
    await OutgoingRepo(scope).change(row.id, next_at=now + LEASE)
    return await dialling.asked(scope, given, row)


async def _over_trunk(given: Services, tenant: str, row: OutgoingRow, asked: dialling.Asked) -> str:
    """Ask the engine, in no transaction: to place it, or how far it is."""
    stop = row.reason == "by_hand" and row.state != "answered"
    if row.state == "dialling" and not stop:
        said = await dialling.place(given, asked)
    else:
        said = await dialling.look(given, asked, stop=stop)
    async with given.database.tenant(tenant) as scope:
        now = await locked(scope, row.id)
        if now.attempts == row.attempts and now.boot == asked.dial.boot and now.state in {"dialling", "ringing", "answered"}:
            await (_not_heard(scope, given, now, said) if isinstance(said, str) else heard(scope, given, now, said))
        return (await show(scope, row.id)).state


async def _not_heard(scope: TenantScope, given: Services, row: OutgoingRow, said: str) -> None:
    """Its engine says nothing: it is asked again, and a call that died with its engine is over."""
    if said == "silent":
        await _look(scope, given, row, given.clock() + (PAUSE if row.state == "dialling" else LOOK))
    elif row.state == "answered":
        await over(scope, given, row, "completed")
    elif row.reason == "by_hand":
        await _end(scope, given, row, "cancelled", "by_hand")
    else:
        await _end(scope, given, row, "failed", "unknown")


async def heard(scope: TenantScope, given: Services, row: OutgoingRow, said: Dialled) -> None:
    """What its engine says of the attempt that goes on."""
    if said.why == "unasked":  # another engine may be
        await OutgoingRepo(scope).change(row.id, engine="", boot="", carrier_call="")
        await _look(scope, given, row, given.clock() + PAUSE)
        return
    row = await _rung(scope, given, row, taken=said.state in {"answered", "ended"})
    if said.state == "ended":
        await over(scope, given, row, "completed")
    elif said.why == "cancelled":
        await _end(scope, given, row, "cancelled", "by_hand")
    elif said.state == "failed":
        await over(scope, given, row, FAILED.get(said.why, "failed"))


async def told(given: Services, said: Dialled) -> bool:
    """An engine tells how far a call is; False where that changes nothing. In a transaction of its own."""
    of = dialling.of_ref(said.ref)
    if of is None:
        return False
    tenant, id, attempt = of  # noqa: A001 - what it is
    try:
        async with given.database.tenant(tenant) as scope:
            row = await OutgoingRepo(scope).get(id, lock=True)
            goes_on = row is not None and row.attempts == attempt and row.state in {"dialling", "ringing", "answered"}
            if row is None or not goes_on or row.carrier_call != said.key or (row.state == "answered" and said.state == "failed"):
                return False
            await heard(scope, given, row, said)
            return True
    except NotFound:  # the tenant is gone
        return False


async def taken(scope: TenantScope, given: Services, row: OutgoingRow) -> OutgoingRow:
    """Somebody has answered a call over a trunk: its engine asks for the plan, which may be before it has told anything else."""
    return await _rung(scope, given, row, taken=True) if row.boot and row.state in {"dialling", "ringing"} else row


async def _rung(scope: TenantScope, given: Services, row: OutgoingRow, *, taken: bool) -> OutgoingRow:
    """It has rung over its trunk, and perhaps was answered; its engine is asked again when it has told nothing for long."""
    if row.state == "dialling":
        await rings(scope, given, row, row.carrier_call)
    if taken and row.state != "answered":
        await answered(scope, given, row, "")
        await OutgoingRepo(scope).change(row.id, reason="")  # whoever wanted it stopped was too late
    await OutgoingRepo(scope).change(row.id, next_at=given.clock() + LOOK)
    return _found(await OutgoingRepo(scope).get(row.id))


async def rings(scope: TenantScope, given: Services, row: OutgoingRow, carrier_call: str) -> None:
    """The carrier has taken the attempt that goes on."""
    repo = OutgoingRepo(scope)
    await repo.attempt(row.id, row.attempts, carrier_call=carrier_call)
    await repo.change(row.id, state="ringing", carrier_call=carrier_call, next_at=given.clock() + SILENT)


async def is_named(scope: TenantScope, row: OutgoingRow, carrier_call: str) -> None:
    """The carrier calls the attempt that goes on something else than when it was placed."""
    repo = OutgoingRepo(scope)
    await repo.attempt(row.id, row.attempts, carrier_call=carrier_call)
    await repo.change(row.id, carrier_call=carrier_call)


async def answered(scope: TenantScope, given: Services, row: OutgoingRow, by: str) -> None:
    """Somebody, or a machine, has answered the attempt that goes on."""
    await OutgoingRepo(scope).change(row.id, state="answered", answered_by=by, next_at=given.clock() + SILENT)


async def over(scope: TenantScope, given: Services, row: OutgoingRow, status: str) -> None:
    """The carrier says that the attempt that goes on has ended."""
    repo, now = OutgoingRepo(scope), given.clock()
    await tolls.free(scope, given, key_of(row.id, row.attempts))
    await numbers.release_carrier(scope, row.carrier_call)
    await repo.attempt(row.id, row.attempts, result=status, ended_at=now)
    wanted = Setting.model_validate(await repo.setting(), from_attributes=True)
    if row.state == "answered":
        await _end(scope, given, row, "done", row.reason)
    elif status in AGAIN and row.attempts < wanted.attempts:
        await repo.change(row.id, reason=status)
        await _wait(scope, given, row, now + timedelta(minutes=wanted.gap_minutes))
    else:
        await _end(scope, given, row, "failed", status if status in {"busy", "no-answer", "canceled", "carrier"} else "failed")


async def locked(scope: TenantScope, id: str) -> OutgoingRow:
    """A call for its own webhooks; NotFound."""
    return _found(await OutgoingRepo(scope).get(id, lock=True))


async def of_carrier(scope: TenantScope, carrier_call: str) -> OutgoingRow | None:
    """The call that this one of the carrier's is."""
    return await OutgoingRepo(scope).of_carrier(carrier_call)


async def listened(scope: TenantScope, given: Services, row: OutgoingRow, by: str) -> None:
    """The carrier says who has answered, while they are talked to: their engine decides, which hears them too."""
    await OutgoingRepo(scope).change(row.id, answered_by=by)
    if row.call_id is None or by not in MACHINES | {"human"}:
        return  # the plan says so
    try:
        await live.command(scope, given, row.call_id, "answered", {"machine": by in MACHINES}, f"{key_of(row.id, row.attempts)}.{by}")
    except (Conflict, NotFound, Unreachable) as error:
        _log.info("an engine was not told who has answered: %s", error.public, extra={"tenant": scope.tenant})


async def came_of(scope: TenantScope, call: str, outcome: str) -> None:
    """The engine says how a call ended: a machine was found out, and was left the message or not."""
    if outcome in {"voicemail", "voicemail_left"} and (row := await OutgoingRepo(scope).of_call(call)) is not None:
        await OutgoingRepo(scope).change(row.id, reason=outcome, answered_by=row.answered_by if row.answered_by in MACHINES else "machine")


async def machine(scope: TenantScope, row: OutgoingRow) -> MachinePlan:
    """What the engine does where a machine answers."""
    message = "" if row.on_machine == "hang_up" else (await setting(scope)).voicemail
    by: Literal["", "human", "machine"] = "machine" if row.answered_by in MACHINES else "human" if row.answered_by == "human" else ""
    return MachinePlan(on_machine="leave_message" if message else "hang_up", message=message, carrier=by)


async def is_call(scope: TenantScope, id: str, call: str) -> None:
    """Which record of a call it has become."""
    await OutgoingRepo(scope).change(id, call_id=call)


async def left(scope: TenantScope, given: Services, row: OutgoingRow) -> int:
    """How much longer the call may last, in milliseconds; at least a moment, in which it can be ended."""
    found = await tolls.left(scope, given, key_of(row.id, row.attempts))
    return max(1_000, int(found.total_seconds() * 1_000)) if found is not None else 60_000


async def visit(scope: TenantScope, row: OutgoingRow, agent: Agent, now: datetime) -> str:
    """When the visit is that a call is about, as it is said; empty without one."""
    if row.appointment_id is None:
        return ""
    return opening.of_visit((await bookings.show(scope, row.appointment_id)).appointment.starts_at, agent.zone, now, agent.locale)


def line(row: OutgoingRow, agent: Agent, when: str) -> str:
    """What is said first, in the agent's language."""
    return opening.line(cast("Purpose", row.purpose), agent.tenant.name, row.about, when, agent.locale)


def once_key(principal: str, key: str) -> str:
    """What a request's Idempotency-Key makes a call the only one for."""
    return "key/" + hashlib.sha256(f"{principal}\n{key}".encode()).hexdigest()[:40]


async def account_of(scope: TenantScope, row: OutgoingRow) -> str | None:
    """The carrier account of the number that a call is placed from; None for the platform's own."""
    return (await numbers.show(scope, row.number_id)).carrier_account_id


async def due(given: Services) -> int:
    """Have every call looked at that somebody has to look at, as after a worker died; how many."""
    async with given.database.platform() as scope:
        found = await Due(scope).calls(given.clock(), BATCH)
    for tenant, id in found:  # noqa: A001 - what it is
        await given.queue.configure_task(DIAL).defer_async(tenant=tenant, outgoing=id)
    return len(found)


async def sweep(scope: PlatformScope, now: datetime) -> None:
    """Drop calls that ended long ago, of all tenants."""
    await Due(scope).sweep(now - KEPT)


def view(row: OutgoingRow) -> OutgoingView:
    """As others see it."""
    return OutgoingView.model_validate(row)


async def why_not(scope: TenantScope, to: str, purpose: Purpose, lead: str | None = None) -> str:
    """Why this number (E.164) may not be rung, in words; empty where it may."""
    _, why = await _may(scope, to, purpose, lead)
    why = why or (await tolls.rules(scope)).why_not(to)
    return REASONS.get(why, why) if why else ""


async def _may(scope: TenantScope, to: str, purpose: str, lead: str | None) -> tuple[str, str | None]:
    """By what this number may be rung for this purpose, or why it may not."""
    held = Lists(scope)
    contact = await crm.find_contact(scope, to)
    if await held.find(to) is not None or (contact is not None and contact.no_calls):
        return "", "do_not_call"
    if await held.consent(to) is not None:
        return "given", None
    if purpose == "call-back" and lead is not None and (await contacts.lead(scope, lead)).status == "callback":
        return "asked", None
    wanted = await setting(scope)
    return ("", "no_consent") if purpose in wanted.consent_for else ("service", None)


async def _own(scope: TenantScope, to: str) -> bool:
    return any(one.did == to for one in await numbers.page(scope, 1_000, None))


async def _number(scope: TenantScope, new: NewOutgoing) -> NumberView:
    """The number that is shown."""
    if new.number_id is not None:
        return await numbers.show(scope, new.number_id)
    every = [one for one in await numbers.page(scope, 1_000, None) if one.enabled]
    found = next((one for one in every if one.agent_id == new.agent_id), every[0] if every else None)
    if found is None:
        raise Invalid("there is no number to place calls from", faults=(Fault("number_id", "no number is in use"),))
    return found


async def _theirs(scope: TenantScope, new: NewOutgoing) -> None:
    """NotFound if it names what is not the tenant's."""
    if new.contact_id is not None:
        await crm.contact(scope, new.contact_id)
    if new.lead_id is not None:
        await contacts.lead(scope, new.lead_id)
    if new.appointment_id is not None:
        await bookings.show(scope, new.appointment_id)
    if new.trunk_id is not None:
        await trunks.show(scope, new.trunk_id)


async def _leg(scope: TenantScope, given: Services, row: OutgoingRow) -> tuple[NewLeg, str | None]:
    account = await account_of(scope, row)
    kind = (await accounts.show(scope, given, account)).kind if account is not None else "twilio"
    base = f"{given.settings.public_url.rstrip('/')}/carriers/{kind}/outgoing/{scope.tenant}/{row.id}/{row.attempts}"
    leg = NewLeg(
        to=row.to,
        caller_id=row.did,
        answer_url=f"{base}/answer",
        status_url=f"{base}/status",
        key=key_of(row.id, row.attempts),
        machine_detection="detect",
        heard_url=f"{base}/heard",
    )
    return leg, account


async def _wait(scope: TenantScope, given: Services, row: OutgoingRow, at: datetime) -> None:
    """Look at it again then; over if that is too late."""
    if row.not_after is not None and at > row.not_after:
        await _end(scope, given, row, "failed", row.reason or "expired")
        return
    await OutgoingRepo(scope).change(row.id, state="waiting", next_at=at)
    await _wake(scope, given, row.id, at)


async def _look(scope: TenantScope, given: Services, row: OutgoingRow, at: datetime) -> None:
    await OutgoingRepo(scope).change(row.id, next_at=at)
    await _wake(scope, given, row.id, at)


async def _end(scope: TenantScope, given: Services, row: OutgoingRow, state: str, reason: str) -> None:
    """It is over."""
    now = given.clock()
    if row.attempts:
        await tolls.free(scope, given, key_of(row.id, row.attempts))
        attempts = await OutgoingRepo(scope).attempts(row.id)
        if attempts and not attempts[-1].result:
            await OutgoingRepo(scope).attempt(row.id, row.attempts, result=reason or state, ended_at=now)
    await OutgoingRepo(scope).change(row.id, state=state, reason=reason, next_at=None, ended_at=now)
    if state == "refused":
        await _refused(scope, given, row.id, row.to, row.purpose, reason)


async def _refused(scope: TenantScope, given: Services, id: str, to: str, purpose: str, why: str) -> None:
    """Count and audit a call that is not placed."""
    await tolls.note(scope, given, prefix_of(to), _toll(purpose), why, call=id)


async def _wake(scope: TenantScope, given: Services, id: str, at: datetime) -> None:
    """Have somebody look at a call then, once this transaction is committed."""
    connection = await raw_connection(scope.session)
    wait = max(0, int((at - given.clock()).total_seconds() + 0.999))
    job = given.queue.configure_task(DIAL, connection=connection, schedule_in={"seconds": wait} if wait else None)
    await job.defer_async(tenant=scope.tenant, outgoing=id)


async def _once(repo: OutgoingRepo, once: str | None) -> OutgoingRow:
    return _found(await repo.once(once or ""))


def _found(row: OutgoingRow | None) -> OutgoingRow:
    if row is None:
        raise NotFound("no such call")
    return row


def _toll(purpose: str) -> TollPurpose:
    return "call-back" if purpose == "call-back" else "outgoing"


def by_of(principal: Principal) -> str:
    """Who asked, as it is kept."""
    return f"{principal.kind}/{principal.id}"
