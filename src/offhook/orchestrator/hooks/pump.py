"""All queues that this process works on, at once: so that one that is slow, or a hundred that are, hold nobody else up.

A job says that a queue has something to send. The first such job of a process stays and works on every queue that is named to it, each
in a task of its own, until there is none left; the jobs that come meanwhile name their queue and are done. Should the process die, the
sweep finds what was left (``jobs``).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Final

import anyio
from procrastinate.exceptions import ConnectorException
from psycopg import Error as PostgresError
from sqlalchemy.exc import SQLAlchemyError

from offhook.errors import OffhookError
from offhook.orchestrator.hooks.guard import Guard
from offhook.orchestrator.hooks.sending import Run
from offhook.orchestrator.services import Services

AT_ONCE: Final = 64
"""Endpoints that one process sends to at the same time."""
Key = tuple[str, str]
"""Tenant and endpoint."""
_log = logging.getLogger(__name__)


class Pump:
    """The queues of one process."""

    def __init__(
        self, given: Services, *, guard: Guard | None = None, draw: Callable[[], float] = random.random, at_once: int = AT_ONCE
    ) -> None:
        self._given, self._guard, self._draw, self._at_once = given, guard, draw, at_once
        self._named: dict[Key, None] = {}
        self._running: set[Key] = set()
        self._pumping = False
        self._changed = anyio.Event()
        self._room = anyio.CapacityLimiter(max(1, given.settings.pool_size // 4))

    async def work(self, tenant: str, endpoint: str) -> None:
        """Work on this queue, and if nobody does yet on all that are named meanwhile; returns when there is none left."""
        self._named[(tenant, endpoint)] = None
        self._changed.set()
        if self._pumping:
            return
        self._pumping = True
        try:
            async with anyio.create_task_group() as group:
                while self._named or self._running:
                    self._changed = anyio.Event()
                    for key in [one for one in self._named if one not in self._running][: self._at_once - len(self._running)]:
                        del self._named[key]
                        self._running.add(key)
                        group.start_soon(self._one, key)
                    await self._changed.wait()
        finally:
            self._pumping = False
            self._named.clear()
            self._running.clear()

    async def _one(self, key: Key) -> None:
        """One queue. What goes wrong here ends this run alone; the sweep names the queue again."""
        if self._guard is None:
            self._guard = Guard.of(self._given.settings)
        try:
            await Run(self._given, self._guard, *key, draw=self._draw, room=self._room).all()
        except* (SQLAlchemyError, ConnectorException, PostgresError, OSError, OffhookError, ValueError) as errors:
            _log.warning("webhooks of %s to %s were left for later: %s", *key, errors.exceptions[0].__class__.__name__)
        finally:
            self._running.discard(key)
            self._changed.set()
