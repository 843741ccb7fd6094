"""A line whose audio says what is said.

Every word, the caller's and the agent's, has a number, and every 20 ms of its audio hold that number and how much of the word has been said
by then. So a recogniser that is told something again hears what it was, and what was really heard at the line is known to the word, without
asking the engine.
"""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache
from typing import Any

import anyio
from tests.scenarios.harness import FRAME, QUIET, Line

from offhook.core.audio.g711 import mulaw_to_pcm
from offhook.errors import TransferFailed
from offhook.ports.transport import CallStart, Closed, MarkIn, MediaIn, TransportEvent
from offhook.testing.fakes import FakeVad, Mouthpiece

NOISE = 0
"""Number of a sound that is no word."""
SAID = 9
"""A word counts as heard when so many fifteenths of it were played, as in the ledger (60 %)."""
AGAIN = 3
"""Frames, the last ones before a pause, that may be heard a second time after it: where a listener is is known no better."""
CODE = 7
"""Bytes by which audio is told apart."""
BYTE = {sample: byte for byte, (sample,) in enumerate(struct.iter_unpack("<h", mulaw_to_pcm(bytes(range(256)))))}


def chance(*what: object) -> random.Random:
    """Dice that depend on nothing but what they are for: the same in a call with speculation and in one without."""
    return random.Random("/".join(map(str, what)))


@lru_cache(maxsize=65_536)
def coded(number: int, part: int) -> bytes:
    """20 ms of a word: four loud mu-law bytes, again and again."""
    return bytes((number >> 8 & 15, 16 | number >> 4 & 15, 32 | number & 15, 128 | part)) * (FRAME // 4)


def decoded(values: Sequence[int]) -> tuple[int, int] | None:
    """Number and part of mu-law bytes in a row, wherever they begin; None for silence. Of ``CODE`` bytes four are always one word's, also
    where an answer that was stopped at any sample goes on, and a word ends in the first of them.
    """
    for at in range(len(values) - 3):
        high, middle, low, part = values[at : at + 4]
        if (high >> 4, middle >> 4, low >> 4, part >> 4) == (0, 1, 2, 8):
            return (high & 15) << 8 | (middle & 15) << 4 | low & 15, part & 15
    return None


def spoken(number: int, frames: int) -> list[bytes]:
    """A word's audio."""
    return [coded(number, (frame + 1) * 15 // frames) for frame in range(frames)]


class QuickVad(FakeVad):
    """As the fake one, from every 16th sample."""

    def score(self, items: Sequence[tuple[Any, bytes]]) -> list[float]:
        return [1.0 if any(4 <= high < 252 for high in data[1::32]) else 0.0 for _, data in items]


class CrowdLine(Line):
    """A line whose caller speaks in coded words, and who knows what was heard of the agent."""

    def __init__(self, lexicon: list[str], busy: Callable[[], bool]) -> None:
        super().__init__(Mouthpiece())
        self._send.close()
        self._events.close()
        self.start = CallStart(transport="twilio", did="+442079460000", caller="+447700900123", carrier_call="CA1")
        self.lexicon = lexicon
        """The caller's words by number."""
        self.loud: list[int] = []
        """For every frame: the caller's word, 0 for a sound, -1 for silence."""
        self.tools: list[bool] = []
        """For every frame: whether a tool was at work."""
        self.played: list[tuple[int, int]] = []
        """The agent's words as they were heard: number, and fifteenths of it."""
        self.sounded: list[tuple[int, int] | None] = []
        """For every frame: the agent's word, and fifteenths of it; None for silence."""
        self.log: list[tuple[Any, ...]] = []
        """What happens outside, in its order: transfers, and what others add."""
        self.pressed: list[int] = []
        """Frames in which keys were pressed."""
        self._latest: deque[tuple[int, int]] = deque(maxlen=AGAIN)
        self._again: deque[tuple[int, int]] = deque()
        self.left = False
        self.transfers: list[int] = []
        self._busy = busy
        self._coming: deque[TransportEvent] = deque()
        self._news = anyio.Event()
        self._mouth: deque[tuple[int, bytes]] = deque()

    async def say(self, text: str, seconds: float | None = None) -> None:
        """Speak, 0.2 s a word; ``seconds`` of a sound where there are no words."""
        for word in text.split():
            self.lexicon.append(word)
            number = len(self.lexicon) - 1
            self._mouth.extend((number, frame) for frame in spoken(number, 10))
        if not text:
            self._mouth.extend([(NOISE, coded(NOISE, 0))] * round((seconds or 0.3) * 50))
        while self._mouth and not self._closed:
            await anyio.sleep(0.02)

    def press(self, digits: str) -> None:
        self.pressed.append(len(self.heard))
        super().press(digits)

    async def hang_up(self) -> None:
        if not self.left and not self._closed:
            self.left = True
            await super().hang_up()

    def drop(self) -> None:
        self.left = True
        super().drop()

    def _put(self, event: TransportEvent) -> None:
        if not self._closed:
            self._coming.append(event)
            self._news.set()

    async def __aiter__(self) -> AsyncIterator[TransportEvent]:
        while True:
            while self._coming:
                event = self._coming.popleft()
                yield event
                if isinstance(event, Closed):
                    return
            if self.ended.is_set():
                return
            self._news = anyio.Event()
            await self._news.wait()

    async def end(self) -> None:
        await super().end()
        self._news.set()

    async def run(self) -> None:
        while not self._closed:
            number, frame = self._mouth.popleft() if self._mouth else (-1, QUIET)
            self._put(MediaIn(frame, self._frames * FRAME))
            self._frames += 1
            self.loud.append(number)
            self.tools.append(self._busy())
            self.sounded.append(self._sound())
            self.heard.append(self.sounded[-1] is not None)
            await anyio.sleep_until(self._begin + self._frames * 0.02)

    def _sound(self) -> tuple[int, int] | None:
        while self._buffer and isinstance(self._buffer[0], str):
            self._put(MarkIn(str(self._buffer.popleft())))
        if not self._buffer:
            return None
        frame = self._buffer.popleft()
        assert isinstance(frame, bytes)
        code = decoded(frame[:CODE])
        if code is None:
            return None
        if not self.heard or not self.heard[-1]:
            # What was held goes on where it stopped, or a little before that: nothing that was on its way is left out.
            self._again = deque(list(self._latest)[list(self._latest).index(code) :] if code in self._latest else ())
        if self._again and self._again.popleft() == code:
            return code
        self._again.clear()
        self._latest.append(code)
        if self.played and self.played[-1][0] == code[0] and self.played[-1][1] < code[1]:
            self.played[-1] = code
        else:
            self.played.append(code)
        return code

    def turn_over(self) -> None:
        """The agent's turn has ended: what it says next is said for the first time."""
        self._latest.clear()

    @property
    def begun(self) -> float:
        """When the line was up, on the loop's clock."""
        return self._begin

    @property
    def now_at_end(self) -> float:
        """Seconds that the line was up."""
        return len(self.heard) * 0.02

    async def transfer(self, target: str) -> None:
        self.transfers.append(len(self.heard))
        self.transferred.append(target)
        self.log.append(("transfer", target))
        await anyio.sleep(0.5)
        if self.refuse_transfer:
            raise TransferFailed("nobody answers there")
