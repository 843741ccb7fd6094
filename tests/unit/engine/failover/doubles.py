"""Providers with scripted faults. The recogniser hears what the audio itself says, so that a replay is heard as what it is.

Audio is PCM16 at 8 kHz in frames of 20 ms whose samples all hold the number of the frame in the call, from 1 on: words are known by
the frames in which they are said, and a word of which a part was cut off is heard as a broken one.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import anyio

from offhook.core.audio.format import PCM16_8K, AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.errors import ProviderError, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttEvent, SttHints, VendorSpeech

FRAME = 160
FRAME_S = 0.02
START_LAG = 5
STOP_LAG = 10
"""Frames by which the detector is late."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word and its first and last frame."""

    word: str
    first: int
    last: int


@dataclass(slots=True)
class Line:
    """What is said in a call, and in which stretches."""

    words: list[Said] = field(default_factory=list)
    stretches: list[tuple[int, int]] = field(default_factory=list)
    frames: int = 50

    def say(self, text: str, pause: int = 60, each: int = 15) -> None:
        """Say words after a pause, each of so many frames."""
        begin = self.frames + pause
        for word in text.split():
            self.words.append(Said(word, begin, begin + each - 3))
            begin += each
        self.stretches.append((self.frames + pause, begin - 3))
        self.frames = begin

    @property
    def text(self) -> str:
        return " ".join(said.word for said in self.words)


@dataclass(slots=True)
class SttFault:
    """What goes wrong with one session: at opening, or when a frame of the call is heard."""

    refuse: ProviderError | None = None
    hang: bool = False
    break_at: int | None = None
    error: ProviderError | None = None
    mute_at: int | None = None
    end_at: int | None = None


def frame(number: int) -> bytes:
    return struct.pack("<h", number) * FRAME


class LineSession:
    """Hears the line's words. ``whole``: a turn is one segment, said again at each pause; else each stretch is one."""

    def __init__(self, owner: LineStt, fault: SttFault) -> None:
        self._owner = owner
        self._fault = fault
        self._events: deque[tuple[float, SttEvent | ProviderError | None]] = deque()
        self._wake = anyio.Event()
        self._heard: list[int] = []
        self._from = 0
        self._position = 0
        self._segment = 0
        self._speaking = False
        self._dirty = False
        self._due = 0
        self._mute = False
        self.closed = False
        self.told: list[tuple[str, int]] = []

    def push(self, audio: PcmFrame | Packet) -> None:
        assert isinstance(audio, PcmFrame)
        assert audio.format == PCM16_8K
        if self.closed:
            return
        assert audio.start == self._position
        values = struct.unpack(f"<{audio.samples}h", audio.data)
        self._position += audio.samples
        for value in dict.fromkeys(values):
            self._frame(value)

    def _frame(self, value: int) -> None:
        fault = self._fault
        self._heard.append(value)
        self._mute = self._mute or (fault.mute_at is not None and value >= fault.mute_at)
        if fault.break_at is not None and value >= fault.break_at:
            self._put(fault.error or Unavailable(self._owner.spec.id, "the connection broke"))
            self.closed = True
        elif fault.end_at is not None and value >= fault.end_at:
            self._put(None)
            self.closed = True
        if self._speaking and len(self._heard) >= self._due:
            self._due = len(self._heard) + 12
            self._tell(final=False)

    def speech_started(self, sample: int) -> None:
        assert self.closed or 0 <= sample <= self._position
        self.told.append(("started", sample))
        if not self._speaking:
            self._speaking = True
            self._due = len(self._heard) + 10
            if self._owner.spec.own_endpointing:
                self._put(VendorSpeech(True, sample))

    def speech_stopped(self, sample: int) -> None:
        assert self.closed or 0 <= sample <= self._position
        self.told.append(("stopped", sample))
        if self._speaking:
            self._speaking = False
            self._tell(final=True)

    def listen(self) -> None:
        self._from = len(self._heard)
        self._segment += 1
        self._events = deque(item for item in self._events if not isinstance(item[1], Heard))

    def _tell(self, *, final: bool) -> None:
        heard = self._heard[self._from :]
        there = set(heard)
        words = []
        for said in self._owner.line.words:
            mine = [number in there for number in range(said.first, said.last + 1)]
            if all(mine):
                words.append(said.word)
            elif any(mine) and said.first not in there:
                words.append(f"~{said.word}")
        if not words and not final:
            return
        text = " ".join(words)
        end = self._position
        if self._owner.tight and words:
            last = max(said.last for said in self._owner.line.words if said.last in there)
            end = (self._heard.index(last) + 1) * FRAME
        self._put(Heard(self._segment, text, final, self._from * FRAME, end))
        if final and not self._owner.whole:
            self._segment += 1
            self._from = len(self._heard)

    def _put(self, event: SttEvent | ProviderError | None) -> None:
        if isinstance(event, Heard) and event.final and not self._owner.finals:
            return
        if not self._mute and not self.closed:
            delay = self._owner.delay if isinstance(event, Heard | VendorSpeech) else 0.0
            due = anyio.current_time() + delay
            if self._owner.lag and self._events:
                due = max(due, self._events[-1][0] + self._owner.lag)
            self._events.append((due, event))
            self._wake.set()

    def __aiter__(self) -> AsyncIterator[SttEvent]:
        return self

    async def __anext__(self) -> SttEvent:
        while True:
            if self._events:
                due, event = self._events[0]
                if due > anyio.current_time():
                    await anyio.sleep(due - anyio.current_time())
                if not self._events or self._events[0] != (due, event):
                    continue
                self._events.popleft()
                if isinstance(event, ProviderError):
                    raise event
                if event is None:
                    raise StopAsyncIteration
                return event
            if self.closed and not self._fault.break_at:
                raise StopAsyncIteration
            self._wake = anyio.Event()
            await self._wake.wait()

    async def aclose(self) -> None:
        self.closed = True
        self._owner.open_now.discard(self)
        self._wake.set()


class LineStt:
    """A recogniser of one line. Each session gets the next fault, then none."""

    def __init__(
        self,
        line: Line,
        name: str = "stt/line",
        *,
        faults: list[SttFault] | None = None,
        whole: bool = False,
        delay: float = 0.1,
        connect: float = 0.1,
        own_endpointing: bool = False,
        tight: bool = False,
        lag: float = 0.0,
        finals: bool = True,
    ) -> None:
        """``tight``: a segment ends with its last word, and not where the audio does. ``lag``: between what it has to say."""
        self.tight, self.lag, self.finals = tight, lag, finals
        self.line = line
        self.spec = ProviderSpec(id=name, kind="stt", formats=(PCM16_8K,), own_endpointing=own_endpointing)
        self.faults = deque(faults or [])
        self.whole = whole
        self.delay = delay
        self.connect = connect
        self.opened: list[LineSession] = []
        self.open_now: set[LineSession] = set()
        self.asked = 0

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> LineSession:
        self.asked += 1
        fault = self.faults.popleft() if self.faults else SttFault()
        if fault.hang:
            await anyio.sleep_forever()
        await anyio.sleep(self.connect)
        if fault.refuse is not None:
            raise fault.refuse
        session = LineSession(self, fault)
        self.opened.append(session)
        self.open_now.add(session)
        return session

    async def aclose(self) -> None:
        return


async def talk(
    push: Callable[[PcmFrame], None],
    started: Callable[[int], None],
    stopped: Callable[[int], None],
    line: Line,
    *,
    until: int | None = None,
    begin: int = 0,
) -> None:
    """Say the line in its own time, with the detector's marks."""
    starts = {first + START_LAG: first for first, _ in line.stretches}
    stops = {last + STOP_LAG: last for _, last in line.stretches}
    for number in range(begin, until if until is not None else line.frames + 150):
        await anyio.sleep(FRAME_S)
        push(PcmFrame(frame(number + 1), PCM16_8K, number * FRAME))
        if number in starts:
            started(starts[number] * FRAME)
        if number in stops:
            stopped((stops[number] + 1) * FRAME)
