"""A caller and the person who has taken their call, each hearing the other through the engine.

Each leg's own jitter buffer has put its audio in order; between the legs there is a cushion, so that a late beat is not heard, and an end
to it, so that what has gathered is not heard as a delay for the rest of the talk. Nothing of it is recorded or understood.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, runtime_checkable

import anyio

from offhook.core.audio.format import AudioFormat
from offhook.core.audio.link import link
from offhook.engine.second_leg import SecondLeg
from offhook.engine.wheel import Wheel
from offhook.errors import OffhookError, TransferFailed
from offhook.ports.transport import CallTransport, Closed, HoldIn, KeyIn, MediaIn, TransportEvent

CUSHION_MS: Final = 40
"""Audio that is gathered before it is passed on."""
MOST_MS: Final = 200
"""More than this is too late to be heard: the oldest is dropped, down to the cushion."""
PARTED_S: Final = 5.0
"""A trunk that takes both over says so so long, at most, after the person's leg has gone."""


class Flow:
    """Audio of one way, by the clock: pure."""

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self.dropped = 0
        """Milliseconds that came too late to be passed on."""
        self._convert = link((source,), (target,), between=("one leg", "the other")).open()
        self._format = target
        self._waiting = bytearray()
        self._began: float | None = None
        self._given = 0

    def put(self, data: bytes) -> None:
        """What one of them says."""
        self._waiting += self._convert.feed(data)
        if len(self._waiting) > self._bytes(MOST_MS):
            late = len(self._waiting) - self._bytes(CUSHION_MS)
            del self._waiting[:late]
            self.dropped += late * 1000 // self._bytes(1000)

    def due(self, now: float) -> bytes:
        """What the other is to be sent now. One who has had nothing to hear for a while begins with a cushion again."""
        if self._began is None:
            if len(self._waiting) < self._bytes(CUSHION_MS):
                return b""
            self._began, self._given = now, 0
        wanted = self._bytes(round((now - self._began) * 1000 / 20) * 20 + 20) - self._given
        if not self._waiting:
            if wanted > self._bytes(CUSHION_MS):
                self._began = None
            return b""
        data = bytes(self._waiting[: max(0, wanted)])
        del self._waiting[: len(data)]
        self._given += len(data)
        return data

    def drop(self) -> None:
        """Nobody hears it: begin anew."""
        self._waiting.clear()
        self._began = None

    def _bytes(self, ms: int) -> int:
        return self._format.bytes_for(ms * self._format.rate // 1000)


@runtime_checkable
class Attends(Protocol):
    """A transport whose trunk may take two legs over."""

    async def attended(self, other: CallTransport) -> None:
        """Put this leg's party through to that of ``other``; both legs are over then. Raises TransferFailed."""


class Together:
    """One talk. It goes on from when it is made until one of them, or whoever has the call, ends it."""

    def __init__(self, caller: CallTransport, person: SecondLeg, wheel: Wheel, now: Callable[[], float], hold_s: float) -> None:
        self.over = anyio.Event()
        self.held_out = False
        """One of them was on hold for longer than anybody waits."""
        self.taken_over = False
        """The trunk has both."""
        self.counts: Counter[str] = Counter()
        leg = person.leg
        if leg is None:
            raise TransferFailed("the person has not answered")
        self._caller, self._person, self._leg = caller, person, leg
        self._wheel, self._now, self._hold_s = wheel, now, hold_s
        self._to_person = Flow(caller.format_in, leg.format_out)
        self._to_caller = Flow(leg.format_in, caller.format_out)
        self._referring: anyio.CancelScope | None = None
        """While the trunk is asked to take both over."""
        self._holds: dict[bool, float] = {}
        """Who is on hold (True: the caller), and since when."""
        caller.clear()
        leg.clear()
        person.listens, person.hears = None, partial(self.heard, False)
        wheel.add(self._beat)

    @property
    def leg(self) -> CallTransport:
        """The person's."""
        return self._leg

    def heard(self, from_caller: bool, event: TransportEvent) -> None:
        """What comes from one of them."""
        other = self._leg if from_caller else self._caller
        flow = self._to_person if from_caller else self._to_caller
        match event:
            case MediaIn():
                if (not from_caller) not in self._holds:
                    flow.put(event.data)
            case KeyIn():
                self.counts["keys passed on"] += other.send_keys(event.digit)
            case HoldIn():
                self._held(from_caller, on=event.on)
            case Closed() if not from_caller and self._referring is not None:
                self._referring.deadline = anyio.current_time() + PARTED_S  # the trunk may have them: its word comes by the other leg
            case Closed():
                self.end()
            case _:
                pass

    def _held(self, by_caller: bool, *, on: bool) -> None:
        """Who is on hold hears nothing: what is said to them meanwhile is not kept for later."""
        if not on:
            self._holds.pop(by_caller, None)
            return
        self._holds.setdefault(by_caller, self._now())
        (self._to_caller if by_caller else self._to_person).drop()

    def _beat(self) -> None:
        now = self._now()
        try:
            for flow, to in ((self._to_person, self._leg), (self._to_caller, self._caller)):
                data = flow.due(now)
                if data:
                    to.send(data)
        except OffhookError:
            self.end()
            raise
        if any(now - since > self._hold_s for since in self._holds.values()):
            self.held_out = True
            self.end()

    def end(self) -> None:
        """It is over for both."""
        if not self.over.is_set():
            self.counts["talk dropped_ms"] = self._to_person.dropped + self._to_caller.dropped
            self._wheel.remove(self._beat)
            self.over.set()
            self._person.let_go()

    async def hand_over(self, failed: Callable[[OffhookError], None]) -> None:
        """Ask the trunk to take both over; they go on talking here meanwhile, and for good where it will not."""
        if not isinstance(self._caller, Attends):
            return
        attended: Callable[[CallTransport], Awaitable[None]] = self._caller.attended
        with anyio.CancelScope() as self._referring:
            try:
                await attended(self._leg)
                self.taken_over = True
            except TransferFailed as error:
                failed(error)
        gone, self._referring = self._referring.deadline != math.inf, None
        if self.taken_over or gone:
            self.end()
