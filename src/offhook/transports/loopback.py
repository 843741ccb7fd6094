"""A call's media within the process: for tests and for a synthetic caller.

The other side plays what it is sent in real time of the loop's clock (virtual in tests), returns marks when they are reached
or cleared, and says what it likes::

    line = Loopback(PCM16_16K)
    line.say(pcm); line.key("5"); line.hang_up()
    line.heard                      # all that was really played, silence where nothing was
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import anyio

from offhook.core.audio.format import AudioFormat, silence
from offhook.errors import TransferFailed
from offhook.ports.transport import CallStart, ClientIn, Closed, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent


class Loopback:
    """One leg in memory."""

    def __init__(self, format_in: AudioFormat, format_out: AudioFormat | None = None, start: CallStart | None = None) -> None:
        self._start = start if start is not None else CallStart(transport="loopback")
        self._format_in = format_in
        self._format_out = format_in if format_out is None else format_out
        self._origin = anyio.current_time()
        self._line = bytearray()
        """Audio by position since the beginning: played before ``now``, waiting after it."""
        self._marks: deque[tuple[int, str]] = deque()
        self._send_events, self._events = anyio.create_memory_object_stream[TransportEvent](math.inf)
        self._said = 0
        self._over = False
        self.shown: list[dict[str, object]] = []
        self.transferred_to: str | None = None
        self.pressed = ""
        """Keys that the other side was sent."""
        self.transfers = False
        self.can_clear = True
        """Or what it has is played to its end."""
        self.message_ms = 20
        self.clears = 0
        self.most_ahead = 0
        """Samples that were ever ahead of their playing."""
        self._wake = anyio.Event()

    # -- the engine's side ------------------------------------------------------------------------------------------

    @property
    def start(self) -> CallStart:
        """Known before the first event."""
        return self._start

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller sends."""
        return self._format_in

    @property
    def format_out(self) -> AudioFormat:
        """Of what the caller is sent."""
        return self._format_out

    def send(self, data: bytes) -> None:
        """Play after what is waiting; ignored after the end."""
        if self._over:
            return
        size = self._format_out.bytes_for(self._now())
        if len(self._line) < size:
            self._line += silence(self._format_out, self._format_out.samples_in(size - len(self._line)))
        self._line += data
        self.most_ahead = max(self.most_ahead, self._format_out.samples_in(len(self._line)) - self._now())

    def clear(self) -> None:
        """Drop what has not been played; all pending marks come back at once."""
        self.clears += 1
        del self._line[self._format_out.bytes_for(self._now()) :]
        while self._marks:
            self._tell(MarkIn(self._marks.popleft()[1]))

    def mark(self, name: str) -> None:
        """Comes back when everything before it has been played."""
        if not self._over:
            self._marks.append((max(self._now(), self._format_out.samples_in(len(self._line))), name))
            self._wake.set()

    def show(self, message: dict[str, object]) -> None:
        """Kept in ``shown``."""
        self.shown.append(message)

    async def __aiter__(self) -> AsyncIterator[TransportEvent]:
        """Events; Closed is the last one."""
        async with self._events:
            async for event in self._events:
                yield event
                if isinstance(event, Closed):
                    return

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        """Give every event to ``take`` as it comes, until Closed, the last one."""
        async for event in self:
            take(event)

    async def run(self) -> None:
        """Return marks in time, until the end."""
        while not self._over:
            self._wake = anyio.Event()
            wait = math.inf
            while self._marks:
                wait = (self._marks[0][0] - self._now()) / self._format_out.rate
                if wait > 0:
                    break
                self._tell(MarkIn(self._marks.popleft()[1]))
            else:
                wait = math.inf
            with anyio.move_on_after(wait):
                await self._wake.wait()

    def send_keys(self, digits: str) -> bool:
        """Kept in ``pressed``."""
        self.pressed += digits
        return True

    def stats(self) -> LegStats | None:
        """Memory loses nothing."""
        return None

    async def transfer(self, target: str) -> None:
        """Succeeds where ``transfers`` is set."""
        if not self.transfers:
            raise TransferFailed("this loopback transfers nobody")
        self.transferred_to = target

    async def end(self) -> None:
        """Close the leg; idempotent."""
        self._close(Closed(lost=False, why="ended here"))

    # -- the other side ---------------------------------------------------------------------------------------------

    def say(self, data: bytes, start: int | None = None) -> None:
        """Caller audio in ``format_in``, at a position or right after what was said before."""
        at = self._said if start is None else start
        self._said = at + self._format_in.samples_in(len(data))
        self._tell(MediaIn(data, at))

    def key(self, digit: str) -> None:
        """Press a key."""
        self._tell(KeyIn(digit))

    def tell(self, message: dict[str, object]) -> None:
        """What only a browser says."""
        self._tell(ClientIn(message))

    def hang_up(self, *, lost: bool = False) -> None:
        """Leave, or break."""
        self._close(Closed(lost=lost, why="hangup"))

    @property
    def heard(self) -> bytes:
        """All that has been played by now, silence where nothing was."""
        size = self._format_out.bytes_for(self._now())
        played = bytes(self._line[:size])
        return played + silence(self._format_out, self._format_out.samples_in(size - len(played)))

    @property
    def ended(self) -> bool:
        """Whether either side has ended it."""
        return self._over

    def _now(self) -> int:
        # A hair is added, because the loop's seconds are floats.
        return int((anyio.current_time() - self._origin) * self._format_out.rate + 1e-6)

    def _tell(self, event: TransportEvent) -> None:
        # Whoever read may be gone already.
        with suppress(anyio.BrokenResourceError):
            if not self._over:
                self._send_events.send_nowait(event)

    def _close(self, closed: Closed) -> None:
        if not self._over:
            self._tell(closed)
            self._over = True
            self._send_events.close()
            self._wake.set()
