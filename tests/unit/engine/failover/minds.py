"""Language models and voices with scripted latencies and faults."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from offhook.core.audio.format import PCM16_8K, AudioFormat
from offhook.errors import ProviderError, Unavailable
from offhook.ports.llm import Done, LlmEvent, LlmRequest, TextDelta, TokenUsage
from offhook.ports.spec import ProviderSpec
from offhook.ports.tts import Speech, Word


@dataclass(slots=True)
class Answer:
    """One answer: what comes after how long, and what goes wrong after how many words."""

    words: tuple[str, ...] = ("Hello ", "there.")
    first: float = 0.2
    gap: float = 0.01
    fail_after: int | None = None
    error: ProviderError | None = None
    hang_after: int | None = None
    why: str = "stop"
    events: tuple[LlmEvent, ...] | None = None
    cut: bool = False


class ScriptedLlm:
    """Gives each request the next answer, the last one again and again."""

    def __init__(self, name: str = "llm/a", *answers: Answer, tools: bool = True, structured: bool = True) -> None:
        self.spec = ProviderSpec(id=name, kind="llm", tools=tools, structured=structured)
        self.answers = deque(answers or (Answer(),))
        self.asked: list[float] = []
        self.running = 0
        self.warmed = 0

    async def stream(self, request: LlmRequest) -> AsyncGenerator[LlmEvent, None]:
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        self.asked.append(anyio.current_time())
        self.running += 1
        try:
            for number, word in enumerate(answer.words):
                if answer.hang_after == number:
                    await anyio.sleep_forever()
                if answer.fail_after == number:
                    await anyio.lowlevel.checkpoint()
                    raise answer.error or Unavailable(self.spec.id, "the connection broke")
                await anyio.sleep(answer.gap if number else answer.first)
                yield TextDelta(f"{self.spec.id}:{word}" if not number and word.strip() else word)
            for event in answer.events or ():
                yield event
            if answer.cut:
                return
            yield TokenUsage(10, len(answer.words))
            yield Done("filtered" if answer.why == "filtered" else "stop")
        finally:
            self.running -= 1

    async def warm(self) -> None:
        self.warmed += 1

    async def aclose(self) -> None:
        return


@dataclass(slots=True)
class VoiceFault:
    """What goes wrong in one reply: at a clause, after so many pieces of it."""

    clause: int
    pieces: int = 0
    error: ProviderError | None = None
    hang: bool = False
    silent: bool = False
    empty: bool = False
    header: bytes = b""
    endless: bool = False
    early: bool = False
    """The reply ends there as if it were whole."""


@dataclass(slots=True)
class Voice:
    """Says a word as 0.2 s of one sample value, which tells whose voice it is; a piece is a word."""

    name: str = "tts/a"
    value: int = 1_000
    faults: deque[VoiceFault | None] = field(default_factory=deque)
    formats: tuple[AudioFormat, ...] = (PCM16_8K,)
    first: float = 0.09
    connect: float = 0.05
    refuse: deque[ProviderError | None] = field(default_factory=deque)
    voices: tuple[str, ...] = ()
    ahead: bool = False
    """Asks for clauses before it has said those that it has."""
    said: list[str] = field(default_factory=list)
    asked_for: list[tuple[str, AudioFormat]] = field(default_factory=list)
    open_now: int = 0

    @property
    def spec(self) -> ProviderSpec:
        return ProviderSpec(id=self.name, kind="tts", formats=self.formats, word_times=True, voices=self.voices)

    async def open(self, voice: str, locale: str, format: AudioFormat) -> VoiceSession:
        await anyio.sleep(self.connect)
        error = self.refuse.popleft() if self.refuse else None
        if error is not None:
            raise error
        self.asked_for.append((voice, format))
        self.open_now += 1
        return VoiceSession(self, format)

    async def aclose(self) -> None:
        return


class VoiceSession:
    """See ``Voice``."""

    def __init__(self, owner: Voice, format: AudioFormat) -> None:
        self._owner = owner
        self._format = format
        self._closed = False

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Speech, None]:
        owner = self._owner
        fault = owner.faults.popleft() if owner.faults else None
        number = 0
        async for text in clauses:
            owner.said.append(text)
            await anyio.sleep(owner.first)
            mine = fault if fault is not None and fault.clause == number else None
            words = text.split()
            step = self._format.rate // 5
            for index, word in enumerate(words):
                if mine is not None and mine.pieces == index:
                    if mine.hang:
                        await anyio.sleep_forever()
                    if mine.early:
                        return
                    if not (mine.silent or mine.empty or mine.header or mine.endless):
                        raise mine.error or Unavailable(owner.name, "the connection broke")
                value = 0 if mine is not None and mine.silent else owner.value
                data = value.to_bytes(2, "little") * step
                if mine is not None and mine.header:
                    data = mine.header + data
                if mine is not None and mine.empty:
                    data = b""
                times = (Word(word, (index + 1) * step),)
                while mine is not None and mine.endless:
                    await anyio.sleep(0.01)
                    yield Speech(number, data * 50, last=False)
                await anyio.sleep(0.01)
                yield Speech(number, data, index == len(words) - 1, times)
            if not words:
                yield Speech(number, b"", last=True)
            number += 1

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._owner.open_now -= 1
