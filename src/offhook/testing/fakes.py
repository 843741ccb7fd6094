"""Scripted speech providers that keep the real contracts: exact in virtual time, cheap under load.

The caller's words travel beside the audio: whoever makes the caller's audio writes into a ``Mouthpiece`` what is said at
which samples, and ``FakeStt`` hears just that, as late and as wrongly as it is told. ``FakeTts`` answers with a tone of the
text's length and exact word times.
"""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import anyio

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.errors import ProviderError, Unavailable
from offhook.ports.llm import Done, LlmEvent, LlmRequest, TextDelta, TokenUsage, ToolCall
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttEvent, SttHints, VendorShift, VendorSpeech
from offhook.ports.tts import Speech, Word
from offhook.ports.vad import VadState

RATE = 8_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words said from one sample to another, at 8 kHz."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class Mouthpiece:
    """What the caller of one call says, and when."""

    utterances: list[Utterance] = field(default_factory=list)

    def words_between(self, start: int, end: int) -> str:
        """The words whose end falls between two samples, spread evenly over their utterance."""
        heard: list[str] = []
        for utterance in self.utterances:
            words = utterance.text.split()
            for number, word in enumerate(words, start=1):
                at = utterance.start + (utterance.end - utterance.start) * number // len(words)
                if start < at <= end:
                    heard.append(word)
        return " ".join(heard)


class FakeVad:
    """Speech is whatever is loud."""

    spec = ProviderSpec(id="vad/fake", kind="vad", formats=(PCM16_8K,))

    def window(self, format: AudioFormat) -> int:
        """32 ms."""
        return format.rate * 32 // 1000

    def open(self, format: AudioFormat) -> VadState:  # noqa: ARG002
        """No memory is needed."""
        return object()

    def score(self, items: Sequence[tuple[VadState, bytes]]) -> list[float]:
        """1.0 for a window with a sample beyond 1,024, judged by the high bytes; else 0.0."""
        return [1.0 if any(4 <= high < 252 for high in data[1::2]) else 0.0 for _, data in items]


@dataclass(slots=True)
class SttScript:
    """How the fake recogniser behaves. Seconds."""

    partial_every: float = 0.4
    partial_delay: float = 0.1
    final_delay: float = 0.08
    fail_after: float | None = None
    deaf: bool = False
    says: str | None = None
    """Hear this in every stretch of speech, whatever the mouthpiece says."""
    eager: float | None = None
    """Decide on turns: the end is likely so long after an utterance's last sample."""
    ends: float | None = None
    """Decide on turns: the end is sure so long after an utterance's last sample."""
    known: float | None = None
    """Where it decides on turns: all words of an utterance are known, not final, so long before its last sample."""


class FakeSttSession:
    """Hears what the mouthpiece says; see SttSession."""

    def __init__(self, mouthpiece: Mouthpiece, script: SttScript, rate: int, origin: int) -> None:
        self._mouthpiece = mouthpiece
        self._script = script
        self._rate = rate
        self._send, self._receive = anyio.create_memory_object_stream[SttEvent | ProviderError](1_000)
        self.origin = origin
        """Samples of the call that went to earlier sessions."""
        self._position = 0
        self._turn_start = 0
        self._segment = 0
        self._speaking = False
        self._next_partial = 0
        self._known = self._told = 0
        self._stage = 2
        self.closed = False

    def _heard(self, *, final: bool) -> None:
        scale = RATE / self._rate
        begin, end = (round((self.origin + sample) * scale) for sample in (self._turn_start, self._position))
        text = self._mouthpiece.words_between(begin, end) if self._script.says is None else self._script.says
        if not self._script.deaf and (text or final):
            self._put(Heard(self._segment, text, final, self._turn_start, self._position))

    @property
    def end(self) -> int:
        """Samples of the call up to now."""
        return self.origin + self._position

    def _put(self, event: SttEvent | ProviderError) -> None:
        if not self.closed:
            self._send.send_nowait(event)

    def push(self, audio: PcmFrame | Packet) -> None:
        """Take audio; only its length matters."""
        if isinstance(audio, PcmFrame):
            self._position = audio.end
        fail_after = self._script.fail_after
        if fail_after is not None and self._position >= fail_after * self._rate:
            self._script.fail_after = None
            self._put(Unavailable("stt/fake", "the recogniser's connection broke"))
        elif self._script.ends is not None:
            self._decide(self._script.ends)
        elif self._speaking and self._position >= self._next_partial:
            self._next_partial = self._position + round(self._script.partial_every * self._rate)
            self._heard(final=False)

    def _decide(self, ends: float) -> None:
        """As a recogniser does that decides on turns: start, words, likely end, resumption, end. Times are the audio's."""
        now = self.end * RATE // self._rate
        said = [one for one in self._mouthpiece.utterances if one.start < now]
        if not said:
            return
        last = said[-1]
        if last.start >= self._known:
            self._put(VendorSpeech(True, self._position))
            self._known, self._stage = last.end, 0
        eager = ends if self._script.eager is None else self._script.eager
        if self._script.known is not None and self._told < last.end and now >= last.end - round(self._script.known * RATE):
            self._told = last.end
            begin = round((self.origin + self._turn_start) * RATE / self._rate)
            self._put(Heard(self._segment, self._mouthpiece.words_between(begin, last.end), False, self._turn_start, self._position))
        if self._stage == 0 and now >= last.end + round(eager * RATE):
            self._stage = 1
            self._put(VendorSpeech(False, self._position))
            self._heard(final=True)
            if self._script.eager is not None:
                self._put(VendorShift(0.7))
        if self._stage == 1 and now >= last.end + round(ends * RATE):
            self._stage = 2
            self._put(VendorShift(1.0))

    def speech_started(self, sample: int) -> None:
        """Speech began."""
        self._speaking = True
        self._next_partial = sample + round(self._script.partial_every * self._rate)

    def speech_stopped(self, sample: int) -> None:  # noqa: ARG002
        """Speech paused."""
        self._speaking = False
        if self._script.ends is None:
            self._heard(final=True)

    def listen(self) -> None:
        """A new turn."""
        self._turn_start = self._position
        self._segment += 1

    async def __aiter__(self) -> AsyncIterator[SttEvent]:
        """Events, each after its delay."""
        async for event in self._receive:
            if isinstance(event, ProviderError):
                raise event
            if isinstance(event, Heard):
                await anyio.sleep(self._script.final_delay if event.final else self._script.partial_delay)
            yield event

    async def aclose(self) -> None:
        """Close."""
        self.closed = True
        self._send.close()
        self._receive.close()


class FakeStt:
    """Opens sessions on one mouthpiece."""

    def __init__(self, mouthpiece: Mouthpiece | None = None, script: SttScript | None = None) -> None:
        self.mouthpiece = mouthpiece or Mouthpiece()
        self.script = script or SttScript()
        self.opened: list[FakeSttSession] = []
        self.spec = ProviderSpec(id="stt/fake", kind="stt", formats=(PCM16_8K,), own_endpointing=self.script.ends is not None)

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> FakeSttSession:  # noqa: ARG002
        """Open a session."""
        session = FakeSttSession(self.mouthpiece, self.script, format.rate, self.opened[-1].end if self.opened else 0)
        self.opened.append(session)
        return session

    async def aclose(self) -> None:
        """Nothing to release."""


@dataclass(slots=True)
class TtsScript:
    """How the fake voice behaves."""

    first_byte: float = 0.05
    seconds_per_word: float = 0.3
    fail_clause: int | None = None
    fail_kind: type[ProviderError] = Unavailable
    stall: bool = False
    garbage: bytes = b""
    pieces: bool = False
    """It says pieces of a sentence as one sentence."""


@lru_cache(maxsize=8)
def _tone(format: AudioFormat, samples: int, frequency: float = 440.0) -> bytes:
    pcm = struct.pack(f"<{samples}h", *(int(8_000 * math.sin(2 * math.pi * frequency * i / format.rate)) for i in range(samples)))
    return pcm_to_mulaw(pcm) if format == MULAW_8K else pcm


class FakeTtsSession:
    """Says tones; see TtsSession."""

    def __init__(self, owner: FakeTts, format: AudioFormat) -> None:
        self._owner = owner
        self._format = format
        self.closed = False

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        """A tone of each clause's length, in pieces of one second."""
        script = self._owner.script
        number = 0
        async for text in clauses:
            self._owner.said.append(text)
            await anyio.sleep(script.first_byte)
            if script.stall:
                await anyio.sleep_forever()
            if self._owner.broken is not None:
                raise self._owner.broken("tts/fake", "the voice is down")
            if script.fail_clause == number:
                script.fail_clause = None
                raise script.fail_kind("tts/fake", "the voice's connection broke")
            words = text.split()
            per_word = round(script.seconds_per_word * self._format.rate)
            times = tuple(Word(word, per_word * (i + 1)) for i, word in enumerate(words))
            second = self._format.bytes_for(self._format.rate)
            data = script.garbage + _tone(self._format, self._format.rate) * (per_word * len(words) // self._format.rate + 1)
            data = data[: self._format.bytes_for(per_word * len(words)) + len(script.garbage)]
            pieces = [data[i : i + second] for i in range(0, len(data), second)] or [b""]
            for index, piece in enumerate(pieces):
                yield Speech(number, piece, index == len(pieces) - 1, times if index == 0 else ())
            number += 1

    async def aclose(self) -> None:
        """Close."""
        self.closed = True


class FakeTts:
    """Opens fake voices; ``said`` is every clause that was asked for."""

    def __init__(self, script: TtsScript | None = None, formats: tuple[AudioFormat, ...] = (MULAW_8K, PCM16_8K, PCM16_16K)) -> None:
        self.script = script or TtsScript()
        self.said: list[str] = []
        self.broken: type[ProviderError] | None = None
        """From now on every clause fails with this."""
        self.spec = ProviderSpec(id="tts/fake", kind="tts", formats=formats, word_times=True, pieces=self.script.pieces)

    async def open(self, voice: str, locale: str, format: AudioFormat) -> FakeTtsSession:  # noqa: ARG002
        """Open a voice."""
        return FakeTtsSession(self, format)

    async def aclose(self) -> None:
        """Nothing to release."""


@dataclass(slots=True)
class LlmScript:
    """How the fake model behaves. Seconds; faults count requests from now on."""

    answer: str | Callable[[LlmRequest], str] = '{"acts": [], "say": null}'
    first_token: float = 0.2
    per_token: float = 0.0125
    """80 tokens a second."""
    token: int = 4
    """Characters of a token."""
    tools: tuple[ToolCall, ...] = ()
    """Proposed after the text."""
    fail: type[ProviderError] | None = None
    fail_after: int = 0
    """Tokens that come before the failure or the hang."""
    hang: bool = False
    usage: bool = True


class FakeLlm:
    """Answers by its script; ``asked`` is every request, ``open`` how many answers are under way, ``whole`` how many came to their end."""

    def __init__(self, script: LlmScript | None = None, *, structured: bool = True) -> None:
        self.script = script or LlmScript()
        self.asked: list[LlmRequest] = []
        self.open = 0
        self.whole = 0
        self.warmed = 0
        self.spec = ProviderSpec(id="llm/fake", kind="llm", structured=structured, tools=True)

    async def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        """Tokens in time, then what the script says."""
        script = self.script
        self.asked.append(request)
        self.open += 1
        try:
            await anyio.sleep(script.first_token)
            text = script.answer if isinstance(script.answer, str) else script.answer(request)
            tokens = [text[i : i + script.token] for i in range(0, len(text), script.token)]
            broken = script.hang or script.fail is not None
            for number, token in enumerate(tokens[: script.fail_after] if broken else tokens):
                if number:
                    await anyio.sleep(script.per_token)
                yield TextDelta(token)
            if script.hang:
                await anyio.sleep_forever()
            if script.fail is not None:
                raise script.fail("llm/fake", "the model's connection broke")
            for call in script.tools:
                yield call
            if script.usage:
                yield TokenUsage(sum(len(message.text) for message in request.messages) // script.token, len(tokens))
            self.whole += 1
            yield Done("tools" if script.tools else "stop")
        finally:
            self.open -= 1

    async def warm(self) -> None:
        """Counted."""
        self.warmed += 1

    async def aclose(self) -> None:
        """Nothing to release."""
