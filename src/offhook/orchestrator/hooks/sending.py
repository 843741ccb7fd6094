"""Sending what one endpoint's queue holds, and writing down what came of it.

At least once: what was sent is known by its answer only, and an attempt whose answer nobody wrote down is made again, under the same id.
"""

from __future__ import annotations

import random
import secrets as randomness
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio
from sqlalchemy.exc import SQLAlchemyError

from offhook import signing
from offhook.errors import ConfigError
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.hooks import ops
from offhook.orchestrator.hooks.catalogue import written
from offhook.orchestrator.hooks.guard import Guard, NoAnswer
from offhook.orchestrator.hooks.notice import tell_owners
from offhook.orchestrator.hooks.queue import Head, Queue
from offhook.orchestrator.hooks.repo import Endpoints
from offhook.orchestrator.hooks.schedule import Outcome, failing_since, judge, next_try
from offhook.orchestrator.hooks.tables import EndpointRow, QueueRow
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.seal import Unsealable

AT_ONCE: Final = 8
"""Subjects of one endpoint that are sent at the same time."""
QUOTA: Final = 200
"""Deliveries of one endpoint in a row; then others have their turn."""
LEASE: Final = timedelta(seconds=120)
"""How long a queue is kept from others without a sign of life; more than an attempt can take."""
READ: Final = 4_096
KEPT: Final = 1_024
"""Bytes of an answer that are read, and that are written down."""
AGENT: Final = "offhook-webhooks/1"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send, and the secrets that sign."""

    url: str
    secrets: list[str]


class Run:
    """One worker at one endpoint's queue."""

    def __init__(
        self,
        given: Services,
        guard: Guard,
        tenant: str,
        endpoint: str,
        *,
        draw: Callable[[], float] = random.random,
        room: anyio.CapacityLimiter | None = None,
    ) -> None:
        self._given, self._guard, self._draw = given, guard, draw
        self._tenant, self._endpoint = tenant, endpoint
        self._room = room or anyio.CapacityLimiter(1)
        self._token = randomness.token_hex(8)
        self._busy: set[str] = set()
        self._changed = anyio.Event()
        self._started = 0

    async def all(self) -> None:
        """Send all that may be sent now, within a turn; does nothing where another is at work."""
        if not await self._take():
            return
        held = True
        try:
            async with anyio.create_task_group() as group:
                while True:
                    self._changed = anyio.Event()
                    heads, target = await self._next()
                    if target is None and not self._busy:
                        held = False  # given back in the transaction that found nothing left
                        break
                    for head in heads:
                        self._busy.add(head.subject)
                        self._started += 1
                        group.start_soon(self._one, head, target)
                    if self._busy:
                        await self._changed.wait()
        finally:
            if held:
                with anyio.move_on_after(5, shield=True), suppress(SQLAlchemyError):
                    await self._give_back()

    @asynccontextmanager
    async def _scope(self) -> AsyncIterator[TenantScope]:
        """A transaction. Many queues at once must not take all of the pool's connections from the API."""
        async with self._room, self._given.database.tenant(self._tenant) as scope:
            yield scope

    async def _take(self) -> bool:
        async with self._scope() as scope:
            queue, now = Queue(scope, self._endpoint), self._given.clock()
            state = await queue.lock()
            if state is None or (state.leased_until is not None and state.leased_until > now):
                return False
            await queue.put(runner=self._token, leased_until=now + LEASE)
            return True

    async def _give_back(self) -> None:
        async with self._scope() as scope:
            queue = Queue(scope, self._endpoint)
            state = await queue.lock()
            if state is not None and state.runner == self._token:
                await queue.put(runner=None, leased_until=None)

    async def _next(self) -> tuple[list[Head], Target | None]:
        """What to start now, and where to. Without anything to do or to wait for the queue is given back, and somebody woken in time."""
        async with self._scope() as scope:
            queue, now, busy = Queue(scope, self._endpoint), self._given.clock(), frozenset(self._busy)
            state = await queue.lock()
            if state is None or state.runner != self._token:  # deleted, or given to another since we were slow
                return [], None
            endpoint = await Endpoints(scope).row(self._endpoint)
            open_ = endpoint is not None and endpoint.enabled and (state.paused_until is None or state.paused_until <= now)
            room = min(AT_ONCE - len(busy), QUOTA - self._started)
            heads = await queue.heads(now, room, busy) if open_ and room > 0 else []
            if endpoint is not None and (heads or busy):  # busy as it was: what has ended since then may have let others forward
                await queue.put(leased_until=now + LEASE)
                return heads, await self._target(scope, endpoint, now) if heads else Target(endpoint.url, [])
            await queue.put(runner=None, leased_until=None)
            if endpoint is not None and endpoint.enabled:
                await self._wake_later(scope, queue, state, now)
            return [], None

    async def _wake_later(self, scope: TenantScope, queue: Queue, state: QueueRow, now: datetime) -> None:
        """One job for when the next head is due, unless one is on its way already."""
        due = await queue.next_at()
        if due is None:
            return
        due = max(due, state.paused_until or due)
        if state.wake_at is not None and now < state.wake_at <= due:
            return
        wait = max(0, -int((now - due) // timedelta(seconds=1)))
        await queue.put(wake_at=now + timedelta(seconds=wait))
        await ops.wake(scope, self._given, self._endpoint, seconds=wait)

    async def _target(self, scope: TenantScope, endpoint: EndpointRow, now: datetime) -> Target:
        """Where to send, and the secrets that sign; none if they cannot be opened."""
        sealed = [endpoint.secret]
        if endpoint.old_secret is not None and endpoint.old_secret_until is not None and endpoint.old_secret_until > now:
            sealed.append(endpoint.old_secret)
        place = ops.secret_place(self._endpoint)
        try:
            return Target(endpoint.url, [(await self._given.vault.open(scope, place, one)).decode() for one in sealed])
        except (Unsealable, ConfigError):
            return Target(endpoint.url, [])

    async def _one(self, head: Head, target: Target | None) -> None:
        try:
            if target is not None:
                at, begin = self._given.clock(), anyio.current_time()
                outcome, response = await self._send(head, target, at)
                await self._record(head, at, round((anyio.current_time() - begin) * 1_000), outcome, response)
        finally:
            self._busy.discard(head.subject)
            self._changed.set()

    async def _send(self, head: Head, target: Target, at: datetime) -> tuple[Outcome, str]:
        if not target.secrets:
            return Outcome(None, "secret", "the endpoint's secret cannot be opened: give it a new one"), ""
        body = written(head.event, head.type, head.at, self._tenant, head.data)
        stamp = int(at.timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            **signing.headers(target.secrets[0], head.event, stamp, body),
            signing.SIGNATURE: " ".join(signing.sign(secret, head.event, stamp, body) for secret in target.secrets),
        }
        try:
            answer = await self._guard.request(
                "POST", target.url, headers=headers, content=body, within=self._given.settings.webhook_timeout_s, most=READ
            )
        except NoAnswer as error:
            return Outcome(None, error.trouble, error.sentence), ""
        return judge(answer.status, answer.headers, at), answer.body[:KEPT].decode("utf-8", "replace").replace("\x00", "\ufffd")

    async def _record(self, head: Head, at: datetime, ms: int, outcome: Outcome, response: str) -> None:
        async with self._scope() as scope:
            queue, now = Queue(scope, self._endpoint), self._given.clock()
            state = await queue.lock()
            if state is None:
                return
            wait = next_try(head.tries + 1, self._draw(), outcome.pause)
            next_at = now if outcome.gone else now + wait if wait is not None else None  # what is gone may come back by hand
            if not await queue.tried(head, outcome, now, next_at):
                return
            await queue.attempt(new_id("att", at), head, at, ms, outcome, response)
            if outcome.ok:
                await queue.put(succeeded_at=now, failing_since=None, failed_at=None)
                return
            since = failing_since(state.failing_since, state.failed_at, now)
            await queue.put(failing_since=since, failed_at=now, **({"paused_until": now + outcome.pause} if outcome.pause else {}))
            if outcome.gone or now - since >= timedelta(days=self._given.settings.webhook_disable_days):
                await self._disable(scope, queue, "gone" if outcome.gone else "failing", since, now)

    async def _disable(self, scope: TenantScope, queue: Queue, reason: str, since: datetime, now: datetime) -> None:
        """No more is sent there until somebody enables it; who ought to know is told."""
        endpoint = await Endpoints(scope).row(self._endpoint, lock=True)
        if endpoint is None or not endpoint.enabled:
            return
        await Endpoints(scope).change(self._endpoint, {"enabled": False, "disabled_reason": reason, "disabled_at": now}, now)
        waiting = await queue.waiting()
        said = {"url": endpoint.url, "reason": reason, "failing_since": since.isoformat().replace("+00:00", "Z"), "waiting": waiting}
        await ops.publish(scope, self._given, "webhook.disabled", {"webhook_id": self._endpoint, **said}, subject=self._endpoint)
        await tell_owners(scope, self._given, endpoint.url, reason, waiting)
        await audit.record(scope, now, ops.SYSTEM, "webhook.disabled", self._endpoint, said)
