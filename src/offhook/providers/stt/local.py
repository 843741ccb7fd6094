"""The embedded recogniser: Moonshine tiny-en, a session per call, models shared by all.

The caller's whole turn is one segment: its stretches of speech are decoded together, with pauses shortened, because the
model reads digits dictated in groups much better in one piece than group by group. Each pause gives a final decode at once
(speculative: it is replaced if the caller goes on), each 0.8 s of speech a partial one, skipped when the pool is busy.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
import numpy as np

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.audio.g711 import mulaw_to_pcm
from offhook.core.audio.resample import Resampler
from offhook.errors import FormatError, Rejected
from offhook.inference import InferencePool, Priority
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttEvent, SttHints
from offhook.providers.stt._moonshine import NOTHING, Moonshine, Transcript
from offhook.registry import ProviderContext
from offhook.weights import MOONSHINE_DECODER, MOONSHINE_ENCODER, MOONSHINE_TOKENS

SPEC = ProviderSpec(id="stt/local", kind="stt", formats=(PCM16_16K, MULAW_8K, PCM16_8K), locales=("en",))

_LEAD_S = 0.15
_TAIL_S = 0.15
"""Kept around each stretch of speech: pauses inside a turn become 0.3 s at most (of 0.12 to 0.8 s the best for dictated digits)."""
_END_S = 0.10
"""Kept at the very end: after more silence the model adds a "Thank you." of its own."""
_RECENT_S = 1.5
"""Audio kept while nobody speaks, for the beginning of speech that the detector reports late."""
_FIRST_PARTIAL_S = 0.45
_PARTIAL_S = 0.8
_RETRY_S = 0.2
_LONGEST_S = 12.0
_EARLIEST_CUT_S = 4.0
_QUIET_PEAK = 0.004
"""Peak, of 1, under which there is nothing to decode."""
_LEAST_OF_ANY = 0.42
"""The likelihood of real clips was 0.53 and more, also through mu-law; of most of the noise clips' texts less than 0.42."""
_LEAST = {
    "you": 2.0,
    "thank you for watching": 2.0,
    "thanks for watching": 2.0,
    "transcript": 2.0,
    "transcript emily beynon": 2.0,
    "thank you": 0.75,
    "i'm sorry": 0.6,
    "you know what i mean": 0.6,
    "you know what you are": 0.6,
}
"""What the model says to noise, music, beeps and dishes (real: "thank you" from 0.91). More than 1: never believed on its own."""


@dataclass(slots=True)
class _Span:
    """A stretch of speech; positions in samples of the input."""

    start: int
    audio: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.start + len(self.audio) // 2


@dataclass(slots=True, eq=False)
class _Job:
    segment: int
    audio: bytes
    final: bool
    start: int
    end: int
    cancelled: bool = False


class LocalSttSession:
    """One call's recogniser. Decoding happens while the events are being iterated; nothing else runs for it."""

    def __init__(self, model: Moonshine, pool: InferencePool, format: AudioFormat) -> None:
        self._model = model
        self._pool = pool
        self._format = format
        self._rate = format.rate
        self._position = 0
        self._recent = bytearray()
        self._spans: list[_Span] = []
        self._segment = 0
        self._oldest = 0
        self._speaking = False
        self._final_due = False
        self._stopped = 0
        self._partial_at = 0
        self._cut_off: deque[_Job] = deque()
        self._running: _Job | None = None
        self._wake = anyio.Event()
        self._closed = False

    def push(self, audio: PcmFrame | Packet) -> None:
        """Take the next audio; FormatError when it is not in the session's format."""
        if audio.format != self._format:
            raise FormatError(f"stt/local was opened for {self._format} and given {audio.format}")
        data = audio.payload if isinstance(audio, Packet) else audio.data
        pcm = mulaw_to_pcm(data) if self._format == MULAW_8K else data
        if len(pcm) % 2:
            raise FormatError(f"stt/local was given {len(pcm)} bytes of {self._format}, which are not whole samples")
        self._position += len(pcm) // 2
        self._recent += pcm
        del self._recent[: -2 * self._samples(_RECENT_S)]
        if not self._speaking:
            return
        self._spans[-1].audio += pcm
        if self._length() >= self._samples(_LONGEST_S):
            self._cut()
        if self._cut_off or self._length() >= self._partial_at:
            self._wake.set()

    def speech_started(self, sample: int) -> None:
        """Speech began at this sample: go on with the open segment, or begin it."""
        if self._speaking:
            return
        self._speaking = True
        earliest = self._position - len(self._recent) // 2
        if self._spans:
            earliest = max(earliest, self._spans[-1].end)
        start = min(self._position, max(earliest, sample - self._samples(_LEAD_S)))
        have = 2 * (self._position - start)
        wait = _PARTIAL_S if self._spans else _FIRST_PARTIAL_S + _LEAD_S
        self._partial_at = self._length() + self._samples(wait)
        self._spans.append(_Span(start, self._recent[len(self._recent) - have :]))

    def speech_stopped(self, sample: int) -> None:
        """Speech paused: decode what there is, now."""
        if not self._speaking:
            return
        self._speaking = False
        span = self._spans[-1]
        del span.audio[2 * max(0, sample + self._samples(_TAIL_S) - span.start) :]
        self._stopped = sample
        self._final_due = True
        self._stop_running()
        self._wake.set()

    def listen(self) -> None:
        """The turn is used up: its audio and results are dropped. Speech that is going on begins a new segment here."""
        if self._spans:
            self._segment += 1
        self._oldest = self._segment
        self._spans = [_Span(self._position)] if self._speaking else []
        self._partial_at = self._samples(_FIRST_PARTIAL_S)
        self._final_due = False
        self._cut_off.clear()
        self._stop_running()

    def __aiter__(self) -> AsyncIterator[SttEvent]:
        return self

    async def __anext__(self) -> SttEvent:
        while not self._closed:
            job = self._next_job()
            if job is None:
                self._wake = anyio.Event()
                await self._wake.wait()
                continue
            heard = await self._decode(job)
            if heard is not None:
                return heard
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the iteration and any decode."""
        self._closed = True
        self._stop_running()
        self._spans.clear()
        self._cut_off.clear()
        self._recent.clear()
        self._wake.set()

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._rate)

    def _length(self) -> int:
        return sum(len(span.audio) for span in self._spans) // 2

    def _stop_running(self) -> None:
        if self._running is not None and (not self._running.final or self._running.segment == self._segment or self._closed):
            self._running.cancelled = True

    def _job(self, spans: list[_Span], final: bool) -> _Job:
        return _Job(self._segment, b"".join(span.audio for span in spans), final, spans[0].start, spans[-1].end)

    def _next_job(self) -> _Job | None:
        if self._cut_off:
            return self._cut_off.popleft()
        if self._final_due:
            self._final_due = False
            job = self._job(self._spans, final=True)
            if (extra := job.end - self._stopped - self._samples(_END_S)) > 0 and not self._speaking:
                job.audio = job.audio[: -2 * extra]
            return job
        if self._speaking and self._length() >= self._partial_at:
            self._partial_at = self._length() + self._samples(_PARTIAL_S)
            return self._job(self._spans, final=False)
        return None

    async def _decode(self, job: _Job) -> Heard | None:
        self._running = job
        try:
            if job.final:
                found = await self._pool.run(self._transcribe, job, priority=Priority.STT_FINAL)
            else:
                found = await self._pool.try_run(self._transcribe, job, priority=Priority.STT_PARTIAL)
        finally:
            self._running = None
            job.cancelled = True
        if found is None:
            if not job.final:
                self._partial_at = min(self._partial_at, self._length() + self._samples(_RETRY_S))
            return None
        if job.segment < self._oldest or self._closed or (not job.final and not found.text):
            return None
        return Heard(job.segment, modern(found.text), job.final, job.start, job.end, found.confidence)

    def _transcribe(self, job: _Job) -> Transcript | None:
        """Runs in the pool."""
        pcm = job.audio
        if self._rate != 16_000:
            resampler = Resampler(self._rate, 16_000)
            pcm = resampler.feed(pcm) + resampler.flush()
        audio = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        if not len(audio) or float(np.abs(audio).max()) < _QUIET_PEAK:
            return NOTHING
        found = self._model.transcribe(audio, lambda: job.cancelled)
        return None if found is None else believable(found)

    def _cut(self) -> None:
        """Close the segment at its longest pause so far, so that no decode grows without end."""
        at = 0
        best = -1
        offset = 0
        for index, (span, after) in enumerate(zip(self._spans, self._spans[1:], strict=False)):
            offset += len(span.audio) // 2
            if offset >= self._samples(_EARLIEST_CUT_S) and after.start - span.end > best:
                best, at = after.start - span.end, index + 1
        if not at:
            last = self._spans[-1]
            before = self._length() - len(last.audio) // 2
            split = quietest(bytes(last.audio), self._rate, max(0.0, _EARLIEST_CUT_S - before / self._rate))
            self._spans[-1:] = [_Span(last.start, last.audio[: 2 * split]), _Span(last.start + split, last.audio[2 * split :])]
            at = len(self._spans) - 1
        done, self._spans = self._spans[:at], self._spans[at:]
        self._stop_running()
        self._cut_off.append(self._job(done, final=True))
        self._segment += 1
        self._partial_at = self._length() + self._samples(_PARTIAL_S)


def quietest(pcm: bytes, rate: int, earliest_s: float) -> int:
    """Sample in the middle of the quietest 0.2 s after ``earliest_s``."""
    step = rate // 50
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    energy = np.convolve((frames**2).mean(axis=1), np.ones(10), mode="valid")
    first = min(round(earliest_s * 50), len(energy) - 1)
    return int((first + int(energy[first:].argmin()) + 5) * step)


def believable(found: Transcript) -> Transcript:
    """Nothing instead of the words that the model makes up for a cough, music or noise."""
    said = " ".join("".join(char if char.isalnum() or char == "'" else " " for char in found.text.lower()).split())
    if not said or found.confidence < _LEAST.get(said, _LEAST_OF_ANY):
        return NOTHING
    return found


class LocalStt:
    """The recogniser of the process."""

    def __init__(self, model: Moonshine, pool: InferencePool) -> None:
        self._model = model
        self._pool = pool

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> LocalSttSession:
        """Open a session; FormatError for a format, Rejected for a language that the spec does not name. Hints are not used."""
        del hints
        if format not in SPEC.formats:
            raise FormatError(f"stt/local accepts {', '.join(map(str, SPEC.formats))}, not {format}")
        if locale.partition("-")[0].lower() not in SPEC.locales:
            raise Rejected("stt/local", f"the embedded recogniser knows English only, not {locale!r}")
        return LocalSttSession(self._model, self._pool, format)

    async def aclose(self) -> None:
        """Nothing to release: the pool belongs to the process."""


def create(context: ProviderContext, option: str) -> LocalStt:
    """Load the models; there are no options."""
    del option
    encoder, decoder, tokens = (context.weights.locate(file) for file in (MOONSHINE_ENCODER, MOONSHINE_DECODER, MOONSHINE_TOKENS))
    return LocalStt(Moonshine(encoder, decoder, tokens), context.pool)


_OLD = re.compile(r"\b(to)-(day|morrow|night)\b", re.IGNORECASE)


def modern(text: str) -> str:
    """The recogniser learnt spelling from old books: "to-day" is today."""
    return _OLD.sub(r"\1\2", text)
