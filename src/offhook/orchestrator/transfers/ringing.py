"""Ringing people, one after the other, until one takes the call; and bringing the caller to them.

Each is rung once, by a key of their own: a carrier's answer that was lost is asked for again by the same. Who is late, or is not waited for
any longer, is hung up on. A caller is sent to a person only when that person has said yes, and the person is with them only if that worked.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

import anyio

from offhook.contracts.transfer import Outcome, State
from offhook.errors import AdapterError, AdapterNotFound, AdapterRateLimited, AdapterUnavailable, NotFound, OffhookError
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.rest.port import NewLeg
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.tolls.rules import prefix_of
from offhook.orchestrator.tolls.schemas import Denied
from offhook.orchestrator.transfers.repo import TransferRepo
from offhook.orchestrator.transfers.schemas import Attempt, Transfer

SLACK: Final = timedelta(seconds=10)
"""The carrier says first that nobody answers; this is for when it does not."""
AGAIN: Final = timedelta(seconds=4)
"""A carrier that has not said whether it rings is asked again after so long."""
BRIEF_S: Final = timedelta(seconds=45)
"""To hear who rings and to say yes."""
BRIDGE_S: Final = timedelta(seconds=15)
"""To bring the caller there."""
SETTLE_S: Final = 6.0
"""A caller on the way to a person is there by then, or will not be."""
FETCH_S: Final = 2.0
POLL_S: Final = 0.1
HANG_UPS: Final = 3
log = logging.getLogger(__name__)


def url_of(given: Services, transfer: Transfer, rest_of_path: str) -> str:
    """Where the carrier asks about this transfer."""
    base = given.settings.public_url.rstrip("/") or given.settings.base_url
    return f"{base}/carriers/{transfer.carrier}/people/{transfer.tenant_id}/{transfer.id}/{rest_of_path}"


async def locked(scope: TenantScope, id: str) -> Transfer:
    """A transfer that nobody else changes until the transaction ends; NotFound."""
    found = await TransferRepo(scope).get(id, lock=True)
    if found is None:
        raise NotFound("no such transfer")
    return found


async def advance(given: Services, tenant: str, id: str) -> None:
    """Do what is due: give up who is late, ring the next, end what has lasted too long. Any number of processes may."""
    ring: Attempt | None = None
    dead: list[str] = []
    async with given.database.tenant(tenant) as scope:
        found, now = await locked(scope, id), given.clock()
        current = found.current
        if found.state == "bridging" and now >= found.until:
            await bridged(scope, given, found, "" if found.fetched else "late")
        elif found.state == "trying" and now >= found.until:
            dead = await close(scope, given, found, "failed", "late")
        elif found.state == "trying" and current is not None and now < current.until:
            if found.trunk_id is None and not current.leg and now - current.asked_at >= AGAIN:
                await TransferRepo(scope).mark(id, current.place, asked_at=now)
                ring = current
        elif found.state == "trying":
            if current is not None:
                dead = await over(scope, given, found, current, "no_answer" if current.outcome == "ringing" else "unaccepted")
            ring = await _next(scope, given, id)
    with anyio.CancelScope(shield=True):  # an engine that goes away while it asks leaves no telephone ringing that nobody knows of
        await hang_up(given, found, dead)
        if ring is not None and found.trunk_id is None:  # else its engine is told to
            await _place(given, found, ring)


async def _next(scope: TenantScope, given: Services, id: str) -> Attempt | None:
    """The next person who may be rung; without one it has failed."""
    repo, now = TransferRepo(scope), given.clock()
    while True:
        found = await locked(scope, id)
        place = len(found.attempts)
        if place >= len(found.people):
            await close(scope, given, found, "failed", "nobody")
            return None
        person = found.people[place]
        answer = await tolls.ask(scope, given, person.number, "transfer", found.key(place))
        denied = isinstance(answer, Denied)
        if isinstance(answer, Denied):
            await tolls.note(scope, given, prefix_of(person.number), "transfer", answer.why)
        until = now + timedelta(seconds=person.ring_s) + SLACK
        fields = {"name": person.name, "number": person.number, "began_at": now, "asked_at": now, "until": until}
        await repo.ring(id, place, outcome="not_allowed" if denied else "ringing", ended_at=now if denied else None, **fields)
        await repo.change(id)
        if not denied:
            return (await locked(scope, id)).current


async def _place(given: Services, found: Transfer, person: Attempt) -> None:
    """Have the carrier ring them. A leg that is not waited for any more by the time it is known is hung up on."""
    here = url_of(given, found, str(person.place))
    ring_s = found.people[person.place].ring_s
    leg = NewLeg(person.number, found.did, f"{here}/answer", f"{here}/status", found.key(person.place), timeout_s=ring_s)
    try:
        async with rest(given, found.tenant_id, found.account_id, priority="live") as carrier:
            call = await carrier.place(leg)
    except (AdapterUnavailable, AdapterRateLimited):
        return  # it may ring: asked again by the same key
    except OffhookError as error:
        log.warning("a carrier does not ring somebody for a transfer: %s", error.public)
        await _not_rung(given, found, person, elsewhere=not isinstance(error, AdapterError))
        return
    await rung(given, found, person.place, call)


async def _not_rung(given: Services, found: Transfer, person: Attempt, *, elsewhere: bool) -> None:
    async with given.database.tenant(found.tenant_id) as scope:
        again = await locked(scope, found.id)
        current = again.current
        if again.state == "trying" and current is not None and current.place == person.place:
            await over(scope, given, again, current, "failed")
            if elsewhere:
                await close(scope, given, await locked(scope, found.id), "failed", "elsewhere")


async def rung(given: Services, found: Transfer, place: int, call: str) -> None:
    """The carrier's call to a person is known."""
    async with given.database.tenant(found.tenant_id) as scope:
        again = await locked(scope, found.id)
        attempt = again.attempt(place)
        if attempt is not None and not attempt.leg:  # what its webhooks call it is the better name
            await TransferRepo(scope).mark(found.id, place, leg=call)
    if attempt is not None and attempt.ended_at is not None and attempt.outcome != "accepted":
        await hang_up(given, found, [attempt.leg or call])


async def over(scope: TenantScope, given: Services, found: Transfer, person: Attempt, outcome: Outcome) -> list[str]:
    """It is over with this person; the legs that are to be hung up on."""
    repo = TransferRepo(scope)
    await repo.mark(found.id, person.place, outcome=outcome, ended_at=given.clock())
    await repo.change(found.id)
    await tolls.free(scope, given, found.key(person.place))
    return [person.leg] if person.leg else []


async def close(scope: TenantScope, given: Services, found: Transfer, state: Literal["failed", "cancelled"], reason: str) -> list[str]:
    """It is over with all of it; the legs that are to be hung up on."""
    current = found.current
    late: Outcome = "cancelled" if state == "cancelled" else "no_answer"
    dead = await over(scope, given, found, current, late) if current is not None else []
    await TransferRepo(scope).change(found.id, state=state, reason=reason)
    await _noted(scope, given, found, state, reason)
    return dead


async def hang_up(given: Services, found: Transfer, legs: Sequence[str]) -> None:
    """End these calls of the carrier's; one that is gone is ended."""
    for leg in legs:
        for attempt in range(HANG_UPS):
            try:
                async with rest(given, found.tenant_id, found.account_id, priority="live") as carrier:
                    await carrier.hang_up(leg)
                break
            except (AdapterUnavailable, AdapterRateLimited):
                await anyio.sleep(0.2 * attempt)
            except OffhookError as error:
                log.warning("a person's leg could not be hung up on: %s", error.public)
                break


async def accept(given: Services, found: Transfer, place: int, from_: frozenset[Outcome]) -> bool:
    """A person takes the call: bring the caller to them. True if they are on the way there; asked again, the same."""
    async with given.database.tenant(found.tenant_id) as scope:
        again, now = await locked(scope, found.id), given.clock()
        current = again.current
        first = again.state == "trying" and current is not None and current.place == place and current.outcome in from_
        if first:
            repo = TransferRepo(scope)
            await repo.mark(found.id, place, outcome="accepted", ended_at=now)
            await repo.change(found.id, state="bridging", taken_by=place, until=now + BRIDGE_S)
    if not first:
        return again.taken_by == place and (await settled(given, found)).state == "done"
    with anyio.CancelScope(shield=True):  # a person who hangs up now does not leave it half done
        reason = await _redirect(given, found)
        if reason == "late":  # nobody has said: they are on the way if they ask where to
            await _asked_where(given, found)
        async with given.database.tenant(found.tenant_id) as scope:
            again = await locked(scope, found.id)
            if again.state == "bridging":
                again = await bridged(scope, given, again, "" if again.fetched else reason)
    return again.state == "done"


async def _redirect(given: Services, found: Transfer) -> str:
    """Send the caller's call to the room; why not, if not. An answer that was lost is asked for again: it is the same room."""
    for _ in range(2):
        try:
            async with rest(given, found.tenant_id, found.account_id, priority="live") as carrier:
                await carrier.redirect(found.caller_leg, url_of(given, found, "caller"))
        except AdapterNotFound:
            return "gone"
        except (AdapterUnavailable, AdapterRateLimited):
            continue
        except OffhookError as error:
            log.warning("a caller could not be put through: %s", error.public)
            return "redirect"
        return ""
    return "late"


async def _asked_where(given: Services, found: Transfer) -> None:
    with anyio.move_on_after(FETCH_S):
        while True:
            async with given.database.tenant(found.tenant_id) as scope:
                now = await TransferRepo(scope).get(found.id)
            if now is None or now.fetched:
                return
            await anyio.sleep(POLL_S)


async def bridged(scope: TenantScope, given: Services, found: Transfer, reason: str) -> Transfer:
    """What came of bringing the caller there."""
    repo = TransferRepo(scope)
    state: State = "failed" if reason else "done"
    if reason and found.taken_by is not None:
        await repo.mark(found.id, found.taken_by, outcome="failed")
        await tolls.free(scope, given, found.key(found.taken_by))
    await repo.change(found.id, state=state, reason=reason)
    await _noted(scope, given, found, state, reason)
    return await locked(scope, found.id)


async def settled(given: Services, found: Transfer) -> Transfer:
    """It, once it is known what came of bringing the caller to somebody, if they are on the way."""
    now = found
    with anyio.move_on_after(SETTLE_S):
        while True:
            async with given.database.tenant(found.tenant_id) as scope:
                now = await TransferRepo(scope).get(found.id) or now
            if now.state != "bridging":
                break
            await anyio.sleep(POLL_S)
    return now


async def _noted(scope: TenantScope, given: Services, found: Transfer, state: str, reason: str) -> None:
    """Into the log: who has the call, or why nobody."""
    name = found.people[found.taken_by].name if state == "done" and found.taken_by is not None else ""
    said = {"call": found.call_id, "target": found.target, "state": state, "to": name, "reason": reason}
    await audit.record(scope, given.clock(), hooks.SYSTEM, "transfer.ended", found.id, said)
