"""Streams of live calls for pages: rendered parts of the page itself, each with the place in the call that it brings the page to.

A stream ends with the session or the role, and after some minutes in any case. Its page comes back, names the place that it has come to,
and is sent what came after: nothing is lost or doubled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from offhook.contracts.control import Glimpse
from offhook.orchestrator.auth.access import TenantAccess, still_may
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.kit.streamed import STILL_HERE, Out, message
from offhook.orchestrator.live import engines
from offhook.orchestrator.live.hub import Hub, Watch
from offhook.orchestrator.portal import live
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants

PING: Final = 15.0
"""Seconds of silence after which something is sent, so that nobody on the way takes the stream for dead."""
LOOK: Final = 5.0
"""Seconds for which it is believed that whoever reads still may."""
GATHER: Final = 0.1
"""Seconds in which news are gathered: a reader sees no difference, and a busy tenant costs no more."""
AGAIN: Final = 3.0
"""Seconds before an engine that told nothing is asked anew."""
Render = Callable[..., str]
Changes = Callable[[], Awaitable[list[str] | None]]


def part(target: str, html: str, swap: str = "innerMorph") -> str:
    """A part of a message, and where it goes. ``target`` is an id of ours. What is there and stays is left alone: it may have the focus."""
    return f'<hx-partial hx-target="#{target}" hx-swap="{swap}">{html}</hx-partial>'


async def heads(scope: TenantScope, access: TenantAccess) -> Local:
    """The tenant's place, now."""
    tenant = await tenants.get(scope)
    return Local(tenant.zone, tenant.region, access.given.clock())


@dataclass(slots=True)
class Stream:
    """What both pages' streams have in common: who reads, what wakes it, when it ends."""

    access: TenantAccess
    hub: Hub
    render: Render
    wake: anyio.Event = field(default_factory=anyio.Event)
    stale: bool = True
    """There may be news."""

    async def run(
        self, out: Out, changes: Callable[[], Awaitable[list[str] | None]], *beside: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Send what has changed until nothing more will (None), whoever reads may not, or the time is over."""
        end = anyio.current_time() + self.access.given.settings.live_stream_s
        looked = anyio.current_time()
        with self.hub.watch(self.access.scope.tenant) as watch:
            async with anyio.create_task_group() as group:
                group.start_soon(self._news, watch)
                for work in beside:
                    group.start_soon(work)
                while (left := end - anyio.current_time()) > 0:
                    if anyio.current_time() - looked >= LOOK:
                        if not await still_may(self.access, "calls.read"):
                            break
                        looked = anyio.current_time()
                    found = await changes()
                    if found is None:
                        break
                    for text in found:
                        await out.send(text)
                    with anyio.move_on_after(min(PING, left)) as waited:
                        await self.wake.wait()
                    if waited.cancelled_caught:
                        self.stale = True  # news may be lost between two processes: a page is never wrong for longer than this
                        await out.send(STILL_HERE)
                    await anyio.sleep(min(GATHER, max(0.0, left)))
                    self.wake = anyio.Event()
                group.cancel_scope.cancel()

    async def _news(self, watch: Watch) -> None:
        while True:
            await watch.news()
            self.stale = True
            self.wake.set()


@dataclass(slots=True)
class ListStream(Stream):
    """Of the page with all live calls."""

    async def write(self, out: Out) -> None:
        """All of the stream."""
        await self.run(out, self._changes)

    async def _changes(self) -> list[str] | None:
        if not self.stale:
            return []
        self.stale = False
        async with self.access.given.database.tenant(self.access.scope.tenant) as scope:
            local = await heads(scope, self.access)
            found = await live.lines(scope, local)
            free = await live.free(scope, self.access.may, local.now)
        return [message(part("free", free) + part("lines", self.render("lines", local=local, lines=found)))]


@dataclass(slots=True)
class CallStream(Stream):
    """Of the page of one live call. ``shown`` is the place in it that the page has come to."""

    call: str = ""
    shown: int = 0
    engine: str = ""
    script: dict[str, Any] = field(default_factory=dict)
    glimpse: Glimpse | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    """All events up to ``shown``."""
    now: str = ""
    beside: str = ""
    over: bool = False

    async def write(self, out: Out) -> None:
        """All of the stream."""
        await self.run(out, self._changes, self._watch)

    async def _watch(self) -> None:
        """What the engine sees, for as long as it tells of it."""
        while not self.over:
            async for seen in engines.watch(self.access.given, self.engine, self.call):
                self.glimpse = seen
                self.wake.set()
            self.glimpse = None
            self.wake.set()
            await anyio.sleep(AGAIN)

    async def _changes(self) -> list[str] | None:
        if self.over:
            return None
        found = await self._news_of_calls() if self.stale else []
        parts = [*found, *self._moving()]
        if not parts:
            return []
        sent = [message("".join(parts), id=self.shown)]
        return [*sent, *self._end()]

    def _end(self) -> list[str]:
        """What tells the page that nothing more comes."""
        if not self.over:
            return []
        self.wake.set()
        return [message(self.call, event="over")]

    async def _news_of_calls(self) -> list[str]:
        """What has been added to the call, and the list at the side."""
        self.stale = False
        async with self.access.given.database.tenant(self.access.scope.tenant) as scope:
            local = await heads(scope, self.access)
            events = await calls.told(scope, self.call, len(self.told))
            found = await calls.some(scope, [self.call])
            side = self.render("side", local=local, lines=await live.lines(scope, local, self.call))
        self.told += events
        rows = live.rows([event for event in events if event["seq"] > self.shown])
        self.shown = max(self.shown, len(self.told))
        self.over = not found or found[0].state == "ended"
        added = [part("turns", self.render("turns", rows=rows), "beforeend")] if rows else []
        return [*added, part("side", side)]

    def _moving(self) -> list[str]:
        """What changes with every word: the turn that is not over, and what stands beside."""
        glimpse = self.glimpse
        parts = []
        if glimpse is None or glimpse.events <= self.shown:
            # What is older than the rows would say their words twice; what is newer waits for its rows.
            fresh = glimpse if glimpse is not None and glimpse.events == self.shown and not self.over else None
            now = self.render("now", glimpse=fresh)
            if now != self.now:
                self.now = now
                parts.append(part("now", now))
        beside = self.render("beside", beside=live.beside(self.told, glimpse, self.script), phase=self._phase())
        if beside != self.beside:
            self.beside = beside
            parts.append(part("beside", beside))
        return parts

    def _phase(self) -> str:
        return "ended" if self.over else self.glimpse.phase if self.glimpse else "live"
