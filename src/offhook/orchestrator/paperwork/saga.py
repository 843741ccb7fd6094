"""``postcall``: one call's paperwork in one system, step by step, each at least once and under the same key however often.

A worker holds a run by a lease. A step is noted as begun before anything is sent, and its record as soon as it is known; whoever comes
after a worker that died repeats the step that had begun, by its key, which makes nothing twice. Calls of one caller go one after the
other in each system, so that two of them never make the same customer. Systems do not wait for each other.
"""

from __future__ import annotations

import random
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, cast

import anyio
from sqlalchemy.exc import SQLAlchemyError

from offhook.adapters.model import RecordKind, Ref
from offhook.errors import AdapterError, NotFound, OffhookError
from offhook.orchestrator.bookings.outside import ops as outside
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.opening import Opened, opened
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.paperwork import facts
from offhook.orchestrator.paperwork.plan import CUSTOMER, STRANGER, Intended, Plan, Told, key_of, plan
from offhook.orchestrator.paperwork.repo import CallerRepo, RunRepo
from offhook.orchestrator.paperwork.schedule import GIVE_UP, after, kind_of
from offhook.orchestrator.paperwork.steps import Work, perform
from offhook.orchestrator.paperwork.steps.customer import Caller
from offhook.orchestrator.paperwork.tables import RunRow, StepRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync import index

WORK: Final = "paper_call"
"""Name of the job that does one call's paperwork in one system."""
FINAL: Final = frozenset({"done", "skipped", "failed"})
BEHIND: Final = timedelta(seconds=2)
"""After which a call is tried again whose caller's other call is being worked on."""
BROKE_OFF: Final = "It broke off on our side, each time."
UNNEEDED: Final = "It is not needed any more."
OFF: Final = "The system was disconnected."


class Lost(Exception):
    """Somebody else works on it by now, or the call is no more."""


async def wake(scope: TenantScope, given: Services, call: str, connection: str, *, seconds: float = 0.0) -> None:
    """Have somebody look at this run, once this transaction is committed.

    Without a queueing lock: a job that waits for its time would keep one away that is due. Two jobs of one run do no harm, by its lease.
    """
    raw = await raw_connection(scope.session)
    whole = int(seconds) + (seconds > int(seconds))
    job = given.queue.configure_task(WORK, connection=raw, schedule_in={"seconds": whole} if whole else None)
    await job.defer_async(tenant=scope.tenant, call=call, connection=connection)


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was performed; ``ref`` is None where there was nothing to write."""

    work: Work
    ref: Ref | None


@dataclass(slots=True)
class Run:
    """One worker at one call's paperwork in one system."""

    given: Services
    tenant: str
    call: str
    connection: str
    draw: Callable[[], float] = random.random
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    told: Told | None = None
    """The call, as it was when this worker began."""

    @property
    def lease(self) -> timedelta:
        """How long nobody else touches it without a sign of life of ours."""
        return timedelta(seconds=self.given.settings.paperwork_lease_s)

    async def all(self) -> bool:
        """Do all that can be done now; False where there was nothing for us to do."""
        try:
            if not await self._claim():
                return False
            async with anyio.create_task_group() as group:
                group.start_soon(self._beat, group.cancel_scope)
                await self._go()
                group.cancel_scope.cancel()
        finally:
            # Told to stop. After anything else that nobody foresaw the lease has to end first, so that it is not tried on and on.
            if isinstance(sys.exception(), anyio.get_cancelled_exc_class()):
                with anyio.move_on_after(5, shield=True), suppress(SQLAlchemyError):
                    await self._give_back()
        return True

    async def _beat(self, group: anyio.CancelScope) -> None:
        """Keep the lease. Once it cannot be kept nothing more is sent."""
        while True:
            await anyio.sleep(self.lease.total_seconds() / 3)
            async with self.given.database.tenant(self.tenant) as scope:
                kept = await RunRepo(scope).renew(self.call, self.connection, self.token, self.given.clock() + self.lease)
            if not kept:
                group.cancel()

    async def _go(self) -> None:
        """Step after step, until there is none left or one has to wait."""
        try:
            async with opened(self.given, self.tenant, self.connection, call=self.call) as system:
                done = None
                while (work := await self._next(system, done)) is not None:
                    try:
                        done = Done(work, await perform(system.adapter, system.manifest, work))
                    except AdapterError as error:
                        await connections.failed(self.given, self.tenant, self.connection, error)
                        if not await self._failed(work, error):
                            return
                        done = None
        except Lost:
            return
        except OffhookError as error:  # of the connection itself: expired, gone, its secrets cannot be read
            with suppress(Lost):
                await self._failed(None, error)

    # -- transactions ---------------------------------------------------------------------------------------------------------

    async def _claim(self) -> bool:
        async with self.given.database.tenant(self.tenant) as scope:
            repo, now = RunRepo(scope), self.given.clock()
            run = await repo.lock(self.call, self.connection)
            if run is None or run.state not in {"waiting", "held"}:
                return False
            if run.leased_until is not None and run.leased_until > now:
                # Whoever holds it may be dead: then somebody has to come by once the lease is over.
                await wake(scope, self.given, self.call, self.connection, seconds=(run.leased_until - now).total_seconds())
                return False
            if run.next_at is None or run.next_at > now:
                return False
            await repo.one_at_a_time(self.connection, run.person)
            until = await repo.busy(self.connection, run.person, self.call, now)
            if until is not None:
                await wake(scope, self.given, self.call, self.connection, seconds=min(until - now, BEHIND).total_seconds())
                return False
            await repo.put(self.call, self.connection, runner=self.token, leased_until=now + self.lease)
            return True

    async def _give_back(self) -> None:
        """We are told to stop: somebody else goes on at once."""
        async with self.given.database.tenant(self.tenant) as scope:
            with suppress(Lost):
                await self._mine(scope)
                await RunRepo(scope).put(self.call, self.connection, runner=None, leased_until=None)
                await wake(scope, self.given, self.call, self.connection)

    async def _mine(self, scope: TenantScope) -> RunRow:
        """The run, locked; Lost."""
        run = await RunRepo(scope).lock(self.call, self.connection)
        if run is None or run.runner != self.token:
            raise Lost
        return run

    async def _next(self, system: Opened, done: Done | None) -> Work | None:
        """Note what the last step came to, and that the next has begun; None when all is done that can be."""
        async with self.given.database.tenant(self.tenant) as scope:
            repo, now = RunRepo(scope), self.given.clock()
            run = await self._mine(scope)
            if self.told is None:
                self.told = await facts.told(scope, self.given, self.call)
            connection = system.connection
            planned = plan(self.told, system.manifest, connection.mapping, connection.chosen) if self.told else Plan()
            steps = {one.step: one for one in await repo.steps(self.call, self.connection)}
            if done is not None:
                await self._done(scope, run, steps[done.work.item.step], done, now)
            if not steps:
                await repo.put_steps(self.call, self.connection, rows(self.call, planned))
                steps = {one.step: one for one in await repo.steps(self.call, self.connection)}
            for item in planned.items:
                # What it becomes was settled when the call was over: one that made a job makes no lead later.
                row = steps.get(item.step)
                if row is None or row.state in FINAL:
                    continue
                why = item.reason or _why_not(item, steps)
                if why == BLOCKED:
                    continue
                if why:
                    row.state, row.reason, row.done_at = "skipped", why, now
                    continue
                if row.state == "running" and not await self._outlived(scope, run, row, now):
                    continue
                caller = await self._caller(scope, run, planned) if item.step == CUSTOMER else Caller("")
                row.state, row.begun_at, row.attempts, row.error = "running", row.begun_at or now, row.attempts + 1, ""
                run.state, run.leased_until = "waiting", now + self.lease
                written = [one for one in steps.values() if one.state == "done"]
                made = {one.step: Ref(cast("RecordKind", one.record_kind), one.record_id, one.record_url) for one in written}
                return Work(item, f"{row.key}/2" if run.renewed else row.key, made, caller)
            await self._over(scope, run, planned, steps, now)
            return None

    async def _outlived(self, scope: TenantScope, run: RunRow, row: StepRow, now: datetime) -> bool:
        """Whether a step is repeated whose worker never came back; one that breaks off again and again is given up in the end."""
        since = run.failing_since or row.begun_at or now
        if now - since >= GIVE_UP:
            await self._give_up(scope, row.step, BROKE_OFF, run, now)
            row.state, row.error = "failed", BROKE_OFF
            return False
        run.tries, run.failing_since = run.tries + 1, since
        return True

    async def _caller(self, scope: TenantScope, run: RunRow, planned: Plan) -> Caller:
        """Who the caller is there, as far as we know; with the key that makes them."""
        key = key_of(self.call, CUSTOMER) + ("/2" if run.renewed else "")
        known = await CallerRepo(scope).keep(self.connection, run.person, key, self.given.clock())
        phones = self.told.phones if self.told and not known.record_id and not run.renewed else ()
        for phone in phones:  # most systems cannot be asked by number: what a sync has read of them can
            if (found := await index.lookup(scope, self.connection, phone)) is not None:
                return Caller(known.key, found, "", planned.make)
        return Caller(known.key, known.record_id, known.record_url, planned.make)

    async def _done(self, scope: TenantScope, run: RunRow, row: StepRow, done: Done, now: datetime) -> None:
        """Note what a step came to."""
        item, ref = done.work.item, done.ref
        row.done_at = now
        if ref is None:
            row.state, row.reason = "skipped", STRANGER
        else:
            row.state, row.record_kind, row.record_id, row.record_url = "done", ref.kind, ref.id, ref.url
            if item.step == CUSTOMER:
                await CallerRepo(scope).known(self.connection, run.person, ref.id, ref.url)
            if item.visit:  # it follows the visit from now on, wherever that moves
                with suppress(NotFound):
                    await outside.record(scope, item.visit, self.connection, ref, done.work.key, revision=item.revision)
        run.tries, run.failing_since = 0, None

    async def _failed(self, work: Work | None, error: OffhookError) -> bool:
        """What an error means; whether there may be more to do now. ``work`` is None where the connection itself failed."""
        async with self.given.database.tenant(self.tenant) as scope:
            now, repo = self.given.clock(), RunRepo(scope)
            run = await self._mine(scope)
            kind = kind_of(error)
            if work is None and isinstance(error, NotFound):
                await leave(repo, self.call, self.connection, now)
                await CallerRepo(scope).forget_system(self.connection)
                return False
            if work is not None and kind == "lost" and work.item.step != CUSTOMER and not run.renewed:
                await CallerRepo(scope).forget(self.connection, run.person)
                for step in (CUSTOMER, work.item.step):
                    await repo.put_step(self.call, self.connection, step, state="waiting", done_at=None)
                await repo.put(self.call, self.connection, renewed=True)
                return True
            if work is not None and (kind in {"refused", "lost"} or (kind == "taken" and work.item.visit)):
                await self._give_up(scope, work.item.step, error.public, run, now)
                return True
            then = after(error, run.tries, run.failing_since, now, self.draw())
            step = work.item.step if work is not None else await self._first(repo)
            if then.at is None:
                await self._give_up(scope, step, error.public, run, now)
                await repo.put(self.call, self.connection, **_free(state="failed", reason=error.public, next_at=None, done_at=now))
                return False
            await repo.put_step(self.call, self.connection, step, state="waiting", error=error.public)
            state = "held" if kind == "held" else "waiting"
            fields = _free(state=state, next_at=then.at, tries=then.tries, failing_since=then.since)
            await repo.put(self.call, self.connection, **fields)
            if kind != "held":
                await wake(scope, self.given, self.call, self.connection, seconds=(then.at - now).total_seconds())
            await self._next_of(scope, run, now)
            return False

    async def _first(self, repo: RunRepo) -> str:
        return next((one.step for one in await repo.steps(self.call, self.connection) if one.state not in FINAL), CUSTOMER)

    async def _give_up(self, scope: TenantScope, step: str, error: str, run: RunRow, now: datetime) -> None:
        """A dead letter: nothing more of this step until somebody sends it again. The tenant's webhooks are told."""
        await RunRepo(scope).put_step(self.call, self.connection, step, state="failed", error=error, done_at=now)
        said = {"connection_id": self.connection, "adapter": run.adapter, "call_id": self.call, "step": step, "error": error}
        await hooks.publish(scope, self.given, "crm.sync.failed", said, subject=self.call)

    async def _over(self, scope: TenantScope, run: RunRow, planned: Plan, steps: Mapping[str, StepRow], now: datetime) -> None:
        """Nothing is left to do, for now or for good."""
        names = {one.step for one in planned.items}
        for one in steps.values():
            if one.state not in FINAL and one.step not in names:
                one.state, one.reason, one.done_at = "skipped", UNNEEDED, now
        wrong = next((one for one in steps.values() if one.state == "failed"), None)
        done = any(one.state == "done" for one in steps.values())
        skipped = next((one.reason for one in steps.values() if one.state == "skipped"), "")
        state = "failed" if wrong else "done" if done else "skipped"
        reason = wrong.error if wrong else "" if done else planned.reason or skipped
        run.state, run.reason, run.next_at, run.done_at, run.runner, run.leased_until = state, reason, None, now, None, None
        await self._next_of(scope, run, now)

    async def _next_of(self, scope: TenantScope, run: RunRow, now: datetime) -> None:
        """Have the caller's next call looked at, which had to wait for this one."""
        if (call := await RunRepo(scope).behind(self.connection, run.person, self.call, now)) is not None:
            await wake(scope, self.given, call, self.connection)


async def leave(repo: RunRepo, call: str, connection: str, now: datetime) -> None:
    """Write nothing more of a call in a system that is not connected any more."""
    for one in await repo.steps(call, connection):
        if one.state not in FINAL:
            await repo.put_step(call, connection, one.step, state="skipped", reason=OFF, done_at=now)
    await repo.put(call, connection, **_free(state="skipped", reason=OFF, next_at=None, done_at=now))


BLOCKED: Final = "blocked"


def _why_not(item: Intended, steps: Mapping[str, StepRow]) -> str:
    """Empty where its time has come; BLOCKED where it needs a record that is not there; else why it is not written."""
    for name in item.needs:
        state = steps[name].state if name in steps else "skipped"
        if name == CUSTOMER and state == "skipped":
            return steps[name].reason if name in steps else STRANGER
        if state != "done" and (name == CUSTOMER or item.step.startswith("appointment") or state not in FINAL):
            return BLOCKED
    return ""


def _free(**fields: object) -> dict[str, object]:
    """With the lease given back."""
    return {"runner": None, "leased_until": None, **fields}


def rows(call: str, planned: Plan) -> list[dict[str, object]]:
    """The steps of a plan, waiting."""
    return [{"step": one.step, "state": "waiting", "key": key_of(call, one.step)} for one in planned.items]
