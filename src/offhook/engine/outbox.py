"""Durable, ordered, signed webhooks: what happened in a call reaches the orchestrator at least once and in order.

An event is appended to the call's file before it is sent; the file is deleted when its last event has been accepted.
After a crash the files that are left are sent again from their beginning: the receiver drops what it knows by id. A call that was cut
by the crash gets the end that it could not report, always under the same id.

A disk that takes nothing ends no call, and keeps none out: its events are sent from memory, and written as soon as they can be. An event
that the receiver has needs no disk any more, so that memory fills only where disk and receiver are away at once; then calls' first and last
events are kept, and what is between them is given up, counted and logged. ``Outbox.finding`` says so for as long as it is so.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import anyio
import anyio.to_thread
import httpx
from anyio.abc import TaskGroup

from offhook.contracts.events import AnyEvent, CallEnded, CallStarted, event_adapter
from offhook.engine.tools import signed_headers

log = logging.getLogger("offhook.engine")
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 60.0
AGAIN: Final = 5.0
"""Seconds after which a disk that took nothing is tried again."""
HELD_MOST: Final = 64 * 2**20
"""Bytes of events, over all calls, that memory holds for a disk that takes none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an engine that goes on taking calls: the part, what is seen, and what to do. ``fail``: something is lost."""

    grade: Literal["warn", "fail"]
    name: str
    told: str
    todo: str


class Sender:
    """Delivers the events of one call, one after the other, until all are accepted."""

    def __init__(self, outbox: Outbox, url: str, path: Path) -> None:
        self._outbox = outbox
        self._url = url
        self._path = path
        self._waiting: deque[bytes] = deque()
        self._unwritten: list[bytes] = []
        self._more = anyio.Event()
        self._last = False
        self._lossy = False

    @property
    def unwritten(self) -> int:
        """Events that are in memory alone."""
        return len(self._unwritten)

    def put(self, event: AnyEvent) -> None:
        """Queue an event; returns at once."""
        line = event.model_dump_json().encode()
        if not isinstance(event, CallStarted | CallEnded) and not self._outbox.room(len(line)):
            if not self._lossy:
                log.error("a call's events are lost: the disk takes none, nobody has them sent, and memory holds no more")
            self._lossy = True
            self._outbox.lost += 1
            return
        self._waiting.append(line)
        self._unwritten.append(line)
        self._outbox.held += len(line)
        if isinstance(event, CallEnded):
            self._last = True
        self._more.set()

    def load(self, lines: list[bytes]) -> None:
        """Queue what a file still held after a crash."""
        self._waiting.extend(lines)
        self._last = True
        self._more.set()

    async def run(self) -> None:
        """Write, send, repeat; ends after the call's last event, or when nothing more will come from a recovered file."""
        while True:
            await self._write()
            if self._waiting:
                await self._deliver(self._waiting[0])
                self._waiting.popleft()
                # The receiver has it. The last one stays to be written: by it the next engine knows that the call was cut.
                self._let_go(len(self._unwritten) - max(1, len(self._waiting)))
            elif self._last:
                try:
                    await anyio.to_thread.run_sync(_remove, self._path)
                except OSError as error:  # sent again by the next engine, and dropped by who knows them
                    log.warning("the file of a call's events could not be removed: %s", error.strerror)
                return
            else:
                with anyio.move_on_after(self._again()):
                    await self._more.wait()
                self._more = anyio.Event()

    def close(self) -> None:
        """Nothing more is sent, nor kept."""
        self._let_go(len(self._unwritten))
        self._outbox.refused_by_disk.pop(self, None)

    async def _write(self) -> None:
        if not self._unwritten:
            return
        lines, refused = list(self._unwritten), self._outbox.refused_by_disk
        try:
            await anyio.to_thread.run_sync(_append, self._path, lines)
        except OSError as error:
            self._outbox.unwritten += 1
            if self not in refused:
                log.warning("a call's events are not on disk, where a crash would lose them: %s", error.strerror)
            refused[self] = error.strerror or "no reason told"
            return
        self._let_go(len(lines))
        if refused.pop(self, None) is not None:
            log.info("a call's events are on disk again")

    def _let_go(self, count: int) -> None:
        """So many of the oldest need no memory any more."""
        gone = self._unwritten[: max(0, count)]
        self._outbox.held -= sum(map(len, gone))
        del self._unwritten[: len(gone)]

    def _again(self) -> float:
        """Seconds until the disk is to be tried again."""
        return AGAIN if self in self._outbox.refused_by_disk else math.inf

    async def _deliver(self, body: bytes) -> None:
        pause = FIRST_PAUSE
        event = event_adapter.validate_json(body)
        while True:
            if await self._outbox.post(self._url, event.id, body):
                return
            await self._rest(pause + secrets.randbelow(100) / 1000)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt. What happens in the call meanwhile is on disk at once, not after the wait."""
        with anyio.move_on_after(seconds):
            while True:
                with anyio.move_on_after(self._again()):
                    await self._more.wait()
                self._more = anyio.Event()
                with anyio.CancelScope(shield=True):
                    await self._write()


class Outbox:
    """All calls' senders of a process."""

    def __init__(self, folder: Path, http: httpx.AsyncClient, secret: str, group: TaskGroup) -> None:
        self._folder = folder
        self._http = http
        self._secret = secret
        self._group = group
        self.delivered = 0
        self.refused = 0
        self.failed_attempts = 0
        self.unwritten = 0
        """Attempts to write that the disk refused."""
        self.held = 0
        """Bytes of events that are in memory alone."""
        self.lost = 0
        """Events that nobody will ever have."""
        self.refused_by_disk: dict[Sender, str] = {}
        """Calls whose events the disk took none of when it was last asked, each with why."""
        self.open = 0

    def room(self, size: int) -> bool:
        """Whether memory holds an event of so many bytes more."""
        return self.held + size <= HELD_MOST

    @property
    def in_memory(self) -> int:
        """Events that the disk has refused and a crash would lose, if nobody has them sent."""
        return sum(one.unwritten for one in self.refused_by_disk)

    def finding(self) -> Finding | None:
        """What is wrong just now. An engine with a full disk takes calls all the same: turned away, they would lose more."""
        if not self.refused_by_disk:
            return None
        why, calls = ", ".join(sorted(set(self.refused_by_disk.values()))), len(self.refused_by_disk)
        told = f"the disk takes no events ({why}); in memory alone, where a crash would lose them: {self.in_memory}, calls: {calls}"
        todo = f"make room on the disk of {self._folder}, or let the engine write there; it writes them by itself soon after that"
        if self.lost:
            return Finding("fail", "events", f"{told}; {self.lost} were lost since the engine was started", todo)
        return Finding("warn", "events", told, todo)

    async def recover(self, url: str) -> int:
        """Send what an earlier process left behind; returns the number of calls."""
        left = await anyio.to_thread.run_sync(_left_behind, self._folder)
        for path, lines in left:
            sender = Sender(self, url, path)
            sender.load(lines)
            self._start(sender)
        return len(left)

    def begin(self, call: str, url: str) -> Sender:
        """Begin a call's queue."""
        sender = Sender(self, url, self._folder / f"{call.replace(':', '_')}.jsonl")
        self._start(sender)
        return sender

    def _start(self, sender: Sender) -> None:
        async def run() -> None:
            self.open += 1
            try:
                await sender.run()
            except Exception as error:  # no other call's sender ends with it
                log.error("a call's events cannot be sent on: %s", type(error).__name__, exc_info=True)
            finally:
                sender.close()
                self.open -= 1

        self._group.start_soon(run, name="outbox sender")

    async def post(self, url: str, event_id: str, body: bytes) -> bool:
        """One attempt; True when the receiver has it, or refuses it for good."""
        try:
            response = await self._http.post(url, content=body, headers=signed_headers(self._secret, event_id, body), timeout=10)
        except httpx.HTTPError:
            self.failed_attempts += 1
            return False
        if response.is_success:
            self.delivered += 1
            return True
        if _final(response):
            # The receiver will never take this one; holding up the rest would lose more.
            self.refused += 1
            return True
        self.failed_attempts += 1
        return False


def _final(response: httpx.Response) -> bool:
    """Whether the receiver itself, and not something on the way to it, refuses the event for good."""
    if response.status_code in {400, 409, 410, 413, 422}:
        return True
    # A proxy also says 404, while nobody is behind it.
    return response.status_code == 404 and response.headers.get("content-type", "").startswith("application/problem+json")


def _append(path: Path, lines: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        # An attempt that the disk refused midway stays a line of its own.
        file.write(b"\n" + b"\n".join(lines) + b"\n")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _left_behind(folder: Path) -> list[tuple[Path, list[bytes]]]:
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        lines = path.read_bytes().split(b"\n")
        # A crash may have cut the last line short: what does not parse was never promised.
        events = [event for line in lines if (event := _event(line)) is not None]
        found.append((path, [event.model_dump_json().encode() for event in (*events, *_cut(events))]))
    return found


def _event(line: bytes) -> AnyEvent | None:
    try:
        return event_adapter.validate_json(line)
    except ValueError:
        return None


def _cut(events: Sequence[AnyEvent]) -> list[AnyEvent]:
    """The end of a call whose engine did not live to see it: at its last sign of life."""
    if not events or isinstance(events[-1], CallEnded):
        return []
    last = events[-1]
    common = {"id": f"{last.id}.cut", "call": last.call, "ref": last.ref, "seq": last.seq + 1, "at_ms": last.at_ms, "time": last.time}
    return [CallEnded.model_validate({**common, "reason": "failed", "outcome": "failed", "seconds": max(0.0, last.at_ms / 1000)})]
