"""A synthetic caller: speaks with the embedded voice (or plays recordings), listens by transcribing what it hears.

Latency is measured on the audio of the line: from the last audible sample of the caller to the first audible one of the agent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

import anyio
import anyio.to_thread
import numpy as np

from offhook import registry
from offhook.core.audio.format import PCM16_16K, PCM16_24K
from offhook.core.audio.frame import PcmFrame
from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.core.audio.resample import Resampler
from offhook.inference import InferencePool
from offhook.ports.stt import Heard, Stt, SttHints
from offhook.ports.tts import Tts
from offhook.testing.carrier import FRAME, RATE, TwilioLine, loud_frames
from offhook.weights import ModelStore

LONGEST = 60.0
"""Seconds after which nobody's sentence is listened to any longer."""


class CallFailed(AssertionError):
    """The call did not go as the caller expected; the message says what was waited for."""


class Speech:
    """The caller's own voice and ears: embedded models in a pool of their own, sounding unlike the agent."""

    def __init__(self, pitch: float = 0.88) -> None:
        self._pitch = pitch
        self._pool = InferencePool(1)
        self._context = registry.ProviderContext(pool=self._pool, weights=ModelStore(None), env={})
        self._tts: Tts | None = None
        self._stt: Stt | None = None

    async def __aenter__(self) -> Self:
        self._tts = cast("Tts", await anyio.to_thread.run_sync(registry.load, "tts", "local", self._context))
        self._stt = cast("Stt", await anyio.to_thread.run_sync(registry.load, "stt", "local", self._context))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for provider in (self._tts, self._stt):
            if provider is not None:
                await provider.aclose()
        await self._pool.aclose()

    async def say(self, text: str) -> bytes:
        """The text as mu-law at 8 kHz, deeper than the agent's voice."""
        if self._tts is None:
            raise CallFailed("the caller's voice is not open")
        session = await self._tts.open("heart", "en-GB", PCM16_24K)

        async def clauses() -> AsyncIterator[str]:
            yield text

        pieces = [speech.data async for speech in session.speak(clauses())]
        await session.aclose()
        pcm = np.frombuffer(b"".join(pieces), dtype="<i2").astype(np.float64)
        slower = np.interp(np.arange(0, len(pcm), self._pitch), np.arange(len(pcm)), pcm).astype("<i2")
        down = Resampler(24_000, RATE)
        return pcm_to_mulaw(down.feed(slower.tobytes()) + down.flush())

    async def hear(self, mulaw: bytes) -> str:
        """The words of a stretch of mu-law."""
        if self._stt is None or not len(mulaw):
            return ""
        session = await self._stt.open(PCM16_16K, "en-GB", SttHints())
        up = Resampler(RATE, 16_000)
        pcm = up.feed(mulaw_to_pcm(mulaw)) + up.flush()
        session.speech_started(0)
        step = 16_000 // 50 * 2
        words = ""
        for i in range(0, len(pcm), step):
            session.push(PcmFrame(pcm[i : i + step], PCM16_16K, i // 2))
        session.speech_stopped(len(pcm) // 2)
        segments: dict[int, str] = {}
        with anyio.move_on_after(10):
            async for event in session:
                if isinstance(event, Heard):
                    segments[event.segment] = event.text
                    if event.final and event.end >= len(pcm) // 2 - 1_600:
                        break
        words = " ".join(segments[key] for key in sorted(segments))
        await session.aclose()
        return words


@dataclass
class Exchange:
    """One turn of the caller and the agent's answer. Milliseconds on the line's clock."""

    caller: str
    agent: str = ""
    latency_ms: float | None = None
    interrupted_after_ms: float | None = None
    """How long the agent was still audible after the caller's first sound, where the caller interrupted."""


@dataclass
class Caller:
    """Talks on a line."""

    line: TwilioLine
    speech: Speech
    turns: list[Exchange] = field(default_factory=list)
    _answered: int = 0
    """Sample up to which the agent's words have been taken in."""

    async def say(self, text: str, audio: bytes | None = None) -> Exchange:
        """Say something to its end; returns the open exchange."""
        mulaw = audio if audio is not None else await self.speech.say(text)
        exchange = Exchange(text)
        self.turns.append(exchange)
        begin, _ = self.line.play(mulaw)
        loud = np.flatnonzero(loud_frames(mulaw))
        end = begin + (int(loud[-1]) + 1) * FRAME if len(loud) else begin + len(mulaw)
        await self._until(end, "the caller to finish")
        self._answered = end
        return exchange

    async def interrupt(self, text: str, after_ms: float) -> Exchange:
        """Wait for the agent to have spoken for so long, then talk over it."""
        mulaw = await self.speech.say(text)
        first = await self._first_audible(15)
        await self._until(first + round(after_ms * RATE / 1000), "the agent's sentence")
        begin = self.line.position
        exchange = await self.say(text, mulaw)
        sounding = np.flatnonzero(loud_frames(mulaw))
        onset = begin // FRAME + (int(sounding[0]) if len(sounding) else 0)
        # Up to the first pause of 100 ms: what follows it is an answer, not the sentence that was cut.
        last = onset
        for index in range(onset, self._answered // FRAME):
            if index - last > 5:
                break
            if self.line.loud[index]:
                last = index + 1
        exchange.interrupted_after_ms = (last - onset) * 1000 * FRAME / RATE
        return exchange

    def press(self, digits: str) -> None:
        """Press keys; what the agent says from now on answers them."""
        self.line.press(digits)
        self._answered = self.line.position

    async def hang_up(self) -> None:
        """Put the phone down."""
        await self.line.hang_up()

    async def agent_says(self, limit: float = 12.0, quiet: float = 0.7) -> str:
        """Wait for the agent to begin and to finish; returns its words and completes the open exchange."""
        after = self._answered
        first = await self._first_audible(limit)
        if self.turns and self.turns[-1].latency_ms is None and after:
            self.turns[-1].latency_ms = (first - after) * 1000 / RATE
        while not self.line.closed.is_set():
            last = self.line.last_audible() or 0
            if self.line.position - last >= quiet * RATE:
                break
            if self.line.position - first > LONGEST * RATE:
                raise CallFailed(f"the agent had not finished after {LONGEST:g} s")
            await anyio.sleep(0.02)
        last = self.line.last_audible() or self.line.position
        words = await self.speech.hear(bytes(self.line.heard[max(0, first - 800) : last + 800]))
        self._answered = last
        if self.turns:
            self.turns[-1].agent = f"{self.turns[-1].agent} {words}".strip()
        return words

    async def _first_audible(self, limit: float) -> int:
        begin = self.line.position
        while self.line.position - begin < limit * RATE:
            found = self.line.first_audible(self._answered)
            if found is not None:
                return found
            if self.line.closed.is_set():
                raise CallFailed("the line was closed while the caller waited for the agent to speak")
            await anyio.sleep(0.01)
        raise CallFailed(f"the agent said nothing for {limit:g} s")

    async def _until(self, sample: int, what: str) -> None:
        if not await self.line.until(sample):
            raise CallFailed(f"the line was closed while the caller waited for {what}")
