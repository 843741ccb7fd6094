"""What the vendors' recognisers share: audio out without waiting, messages in while the session is iterated."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import anyio

from offhook.core.audio.format import AudioFormat, silence
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.errors import BadOutput, FormatError, ProviderError, Timeout, Unavailable
from offhook.ports.stt import Heard, SttEvent, VendorSpeech
from offhook.providers._vendor import Socket, as_object
from offhook.providers.stt._words import Word

WELCOME_S: Final = 2.0
"""Longest wait for a vendor's first message: a parameter that a hosted endpoint does not like may be answered with silence."""
FINAL_S: Final = 0.3
"""Longest wait for the final of a pause. Vendors do not always answer; then the words that are there are the final."""
DEAF_S: Final = 2.0
"""A vendor that has said nothing for so long although it should have is deaf."""
BACKLOG: Final = 32_768
"""Bytes that may wait for the network: 4 s of mu-law."""
SPOKE_S: Final = 0.7
"""After a stretch of speech so long a vendor has something to say."""
SPEED: Final = 0.05
"""Seconds that a vendor needs for a second of audio which comes in a burst, after a stall of the network."""
STUCK_S: Final = 2.0
"""How long more than that may wait."""
MOST: Final = 16 * 2**20


class StreamSession(ABC):
    """One call's connection to a vendor.

    Nothing runs for it but one timer: audio is written as it is pushed, messages are read while events are iterated. ``oddities`` counts
    what the vendor sent and we could not use; ``seconds`` is the audio that it was sent, silence of ours included.
    """

    packet_s = 0.02
    """Audio goes out in packets of so many seconds."""
    least_s = 0.0
    """A shorter rest is filled up with silence before it is sent."""
    idle_s = 4.0
    """After so long without audio ``_idle`` is called, again and again."""
    goodbye = ""
    """The vendor's own close message."""

    def __init__(self, socket: Socket, format: AudioFormat) -> None:
        self.oddities: Counter[str] = Counter()
        self._socket = socket
        self._provider = socket.provider
        self._format = format
        self._packet = format.bytes_for(round(self.packet_s * format.rate))
        self._rest = bytearray()
        self._sent = 0
        """Samples that the vendor has, silence of ours included."""
        self._position = 0
        self._fillings: list[tuple[int, int]] = []
        """Silence of ours: the vendor's sample after it, and how much there was up to there."""
        self._cut = 0
        """Words before this sample are used up."""
        self._events: deque[SttEvent] = deque()
        self._last: Heard | None = None
        self._started = 0
        self._silent = False
        """No message has come since speech began."""
        self._final_by = math.inf
        self._deaf_by = math.inf
        self._waiting: anyio.CancelScope | None = None
        self._failure: ProviderError | None = None
        self._closed = False
        self._stuck_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._spoke = self._loop.time()
        """When audio, or what keeps the vendor awake without it, was last sent."""
        self._busy_until = 0.0
        self._timer = self._loop.call_later(self.idle_s, self._tick)

    # -- the port

    @property
    def seconds(self) -> float:
        """Seconds of audio that the vendor was sent, which is what most of them charge for."""
        return self._sent / self._format.rate

    def push(self, audio: PcmFrame | Packet) -> None:
        """Take the next audio; FormatError when it is not in the session's format."""
        if audio.format is not self._format and audio.format != self._format:
            raise FormatError(f"{self._provider} was opened for {self._format} and given {audio.format}")
        data = audio.payload if isinstance(audio, Packet) else audio.data
        if len(data) % self._format.sample_bytes:
            raise FormatError(f"{self._provider} was given {len(data)} bytes of {self._format}, which are not whole samples")
        self._position += self._format.samples_in(len(data))
        self._spoke = self._loop.time()
        self._audio(data)

    def speech_started(self, sample: int) -> None:
        """The engine's detector heard speech begin: a vendor that says nothing of it is deaf."""
        self._started = sample
        self._silent = True

    def speech_stopped(self, sample: int) -> None:
        """The engine's detector heard speech pause: ask for the words of what there is, and wait for them FINAL_S at most."""
        if not self._ask(sample):
            return
        now = max(self._busy_until, self._loop.time())
        spoke = self._silent and sample - self._started >= SPOKE_S * self._format.rate
        self._await(final_by=now + FINAL_S, deaf_by=now + DEAF_S if spoke else None)

    def listen(self) -> None:
        """What was said up to here is used up."""
        self._cut = self._position
        self._last = None
        self._final_by = math.inf
        self._events = deque(event for event in self._events if isinstance(event, VendorSpeech))
        self._forget()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SttEvent:
        while not self._closed:
            if self._events:
                return self._events.popleft()
            if self._failure is not None:
                raise self._failure
            await self._turn()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Say goodbye and close; idempotent."""
        self._timer.cancel()
        if self._closed:
            return
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self.goodbye and self._failure is None:
            self._socket.write(self.goodbye)
        await self._socket.aclose()

    # -- the vendor's part

    @abstractmethod
    def _message(self, kind: str, message: dict[str, Any]) -> None:
        """Use a message: ``_give`` what it says; KeyError, TypeError and the like mean that it is not what its kind promises."""

    @abstractmethod
    def _forget(self) -> None:
        """The turn is used up."""

    @abstractmethod
    def _idle(self) -> None:
        """No audio for ``idle_s``."""

    @abstractmethod
    def _ask(self, sample: int) -> bool:
        """Ask for the final of a pause; whether there is one to wait for."""

    @abstractmethod
    def _final(self) -> Heard:
        """The words that there are, as the final of a pause which the vendor did not answer."""

    # -- out

    def _write(self, message: str | bytes) -> None:
        if self._closed or self._failure is not None:
            return
        self._socket.write(message)
        backlog = self._socket.backlog
        if backlog <= BACKLOG:
            self._stuck_since = None
            return
        now = self._loop.time()
        if self._stuck_since is None:
            self._stuck_since = now
        if now - self._stuck_since > STUCK_S or backlog > MOST:
            self._fail(Unavailable(self._provider, "the vendor does not take the audio"))

    def _audio(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= self._packet:
            self._send(bytes(self._rest[: self._packet]))
            del self._rest[: self._packet]

    def _send(self, packet: bytes) -> None:
        count = self._format.samples_in(len(packet))
        self._sent += count
        self._busy_until = max(self._busy_until, self._loop.time()) + SPEED * count / self._format.rate
        self._write(packet)

    def _flush(self) -> None:
        """Send what makes no whole packet, at once."""
        if not self._rest:
            return
        missing = round(self.least_s * self._format.rate) - self._format.samples_in(len(self._rest))
        rest = bytes(self._rest)
        self._rest.clear()
        self._send(rest) if missing <= 0 else self._send(rest + silence(self._format, missing))
        if missing > 0:
            self._filled(missing)

    def _fill(self, seconds: float) -> None:
        """Send silence where no audio came."""
        self._flush()
        count = round(seconds * self._format.rate)
        data = silence(self._format, count)
        for at in range(0, len(data), self._packet):
            self._send(data[at : at + self._packet])
        self._filled(count)

    def _filled(self, count: int) -> None:
        until, before = self._fillings[-1] if self._fillings else (-1, 0)
        if until == self._sent - count:
            self._fillings.pop()
        self._fillings.append((self._sent, before + count))

    def _tick(self) -> None:
        if self._closed or self._failure is not None:
            return
        due = self._spoke + self.idle_s
        if self._loop.time() >= due - 0.001:
            self._idle()
            self._spoke = self._loop.time()
            due = self._spoke + self.idle_s
        self._timer = self._loop.call_at(due, self._tick)

    # -- in

    async def _turn(self) -> None:
        """Wait for one message, or until a wait is over."""
        now = self._loop.time()
        self._waiting = anyio.CancelScope(deadline=self._next_due(now))
        message: str | bytes | None = None
        try:
            with self._waiting:
                message = await self._socket.receive()
        except ProviderError as error:
            if not self._closed:
                self._fail(self._failure or error)
            return
        finally:
            self._waiting = None
        if message is not None:
            self._deaf_by = math.inf
            self._silent = False
            self._received(message)
        elif not self._closed:
            self._overdue(self._loop.time())

    def _next_due(self, now: float) -> float:
        # What has come while nobody iterated is read before the vendor is called deaf.
        return min(self._final_by, max(self._deaf_by, now + 0.1))

    def _await(self, *, final_by: float | None = None, deaf_by: float | None = None) -> None:
        """Set what is waited for, also for a wait that is under way."""
        self._final_by = self._final_by if final_by is None else final_by
        self._deaf_by = self._deaf_by if deaf_by is None else deaf_by
        if self._waiting is not None:
            self._waiting.deadline = min(self._final_by, self._deaf_by)

    def _overdue(self, now: float) -> None:
        if now >= self._final_by:
            self._final_by = math.inf
            self._give(self._final())
        elif now >= self._deaf_by:
            self._fail(Timeout(self._provider, f"the vendor has said nothing for {DEAF_S:g} s of speech"))

    def _received(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.oddities["bytes"] += 1
            return
        try:
            found = as_object(self._provider, message)
            self._message(str(found.get("type")), found)
        except ProviderError as error:
            self._fail(self._socket.hide(error))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
            self.oddities["broken message"] += 1

    def _fail(self, error: ProviderError) -> None:
        """The session is over; what has been heard is still given."""
        if self._failure is None:
            self._failure = error
        self._timer.cancel()
        if self._waiting is not None:
            self._waiting.cancel()

    def _give(self, event: SttEvent) -> None:
        if isinstance(event, Heard):
            self._last = event
            if event.final:
                self._final_by = math.inf
        self._events.append(event)
        if self._waiting is not None:
            self._waiting.cancel()

    def _answered(self, sample: int) -> bool:
        """Whether the final of a pause at this sample is there already; then it is given again, for whoever waits for it."""
        last = self._last
        if last is None or not last.final or not last.text or last.end < sample - self._format.rate // 4:
            return False
        self._give(last)
        return True

    # -- places

    def _sample(self, seconds: float) -> int:
        """The input's sample at the vendor's time; never more than there is. ValueError for what is no time."""
        if not math.isfinite(seconds):
            raise ValueError(seconds)
        there = max(0, round(seconds * self._format.rate))
        filled = 0
        for until, total in self._fillings:
            if there < until:
                break
            filled = total
        return min(self._position, max(0, there - filled))

    def _word(self, text: str, start: float, end: float, confidence: float) -> Word:
        begin = self._sample(start)
        return Word(text, begin, max(begin, self._sample(end)), min(1.0, max(0.0, confidence)))


@asynccontextmanager
async def closed_on_failure(socket: Socket) -> AsyncIterator[None]:
    """Close the socket unless the block, which asks whether it is of use, ends well."""
    well = False
    try:
        yield
        well = True
    finally:
        if not well:
            await socket.aclose()


async def welcomed(socket: Socket, wanted: str, refused: Callable[[dict[str, Any]], ProviderError]) -> dict[str, Any]:
    """The vendor's first message of the wanted type; ``refused`` makes the error of an ``Error``. Others are passed over."""
    with anyio.move_on_after(WELCOME_S):
        while True:
            message = await socket.receive()
            if isinstance(message, bytes):
                raise BadOutput(socket.provider, "the vendor began with bytes")
            found = as_object(socket.provider, message)
            if found.get("type") == wanted:
                return found
            if found.get("type") == "Error":
                raise socket.hide(refused(found))
    raise Timeout(socket.provider, f"the vendor opened the door and said nothing within {WELCOME_S:g} s")
