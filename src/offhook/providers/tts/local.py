"""The embedded voice: hibari "heart" where it is installed, else flite; clause by clause in the inference pool.

Lines said before are kept as audio, so a greeting costs nothing. Pauses between clauses are put in front of the next one:
a reply begins to sound 30 ms into its audio and does not end in silence.
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from typing import Protocol

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, AudioFormat, Encoding
from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.core.audio.resample import Resampler
from offhook.errors import ConfigError, FormatError, Rejected, Unavailable
from offhook.inference import InferencePool, Priority
from offhook.ports.spec import ProviderSpec
from offhook.ports.tts import Speech, Word
from offhook.providers.tts._flite import FliteVoice
from offhook.providers.tts._hibari import HibariVoice, Spoken
from offhook.registry import ProviderContext
from offhook.weights import HIBARI_HEART

SPEC = ProviderSpec(
    id="tts/local",
    kind="tts",
    formats=(PCM16_24K, PCM16_16K, PCM16_8K, MULAW_8K),
    locales=("en",),
    streaming=False,
    word_times=True,
    voices=("heart",),
)

_CACHE_BYTES = 32 * 1024 * 1024
_PAUSE_S = {".": 0.30, "!": 0.30, "?": 0.35, ",": 0.14, ";": 0.22, ":": 0.22}
_SHORT_PAUSE_S = 0.06


class _Voice(Protocol):
    @property
    def rate(self) -> int: ...

    def say(self, text: str) -> Spoken: ...


class LocalTts:
    """The voice of the process, with its store of audio said before."""

    def __init__(self, voice: _Voice, pool: InferencePool, cache_bytes: int = _CACHE_BYTES) -> None:
        self._voice = voice
        self._pool = pool
        self._cache: OrderedDict[tuple[str, AudioFormat], Speech] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._cached = 0

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, voice: str, locale: str, format: AudioFormat) -> LocalTtsSession:
        """Open a session. FormatError for a format, Rejected for a voice or language that the spec does not name."""
        if format not in SPEC.formats:
            raise FormatError(f"tts/local offers {', '.join(map(str, SPEC.formats))}, not {format}")
        if voice not in {"", *SPEC.voices}:
            raise Rejected("tts/local", f"the embedded voice is 'heart'; there is no {voice!r}")
        if locale.partition("-")[0].lower() not in SPEC.locales:
            raise Rejected("tts/local", f"the embedded voice speaks English only, not {locale!r}")
        return LocalTtsSession(self, format)

    async def prepare(self, texts: Sequence[str], format: AudioFormat) -> None:
        """Speak lines ahead of time, so that they sound at once later. Clauses as they will be asked for."""
        for text in texts:
            await self.say(text, format, Priority.TTS_REST)

    async def say(self, text: str, format: AudioFormat, priority: Priority) -> Speech:
        """One clause, from the store or made now; its number is 0."""
        key = (text, format)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        speech = await self._pool.run(self._make, text, format, priority=priority)
        if key not in self._cache and len(speech.data) <= self._cache_bytes:
            self._cache[key] = speech
            self._cached += len(speech.data)
            while self._cached > self._cache_bytes:
                self._cached -= len(self._cache.popitem(last=False)[1].data)
        return speech

    def _make(self, text: str, format: AudioFormat) -> Speech:
        """Runs in the pool."""
        spoken = self._voice.say(text)
        pcm = convert(spoken.pcm, self._voice.rate, format.rate)
        words = tuple(Word(word, end * format.rate // self._voice.rate) for word, end in spoken.words)
        return Speech(0, pcm_to_mulaw(pcm) if format.encoding is Encoding.MULAW else pcm, last=True, words=words)

    async def aclose(self) -> None:
        """Forget what was said; the pool belongs to the process."""
        self._cache.clear()
        self._cached = 0


def convert(pcm: bytes, source: int, target: int) -> bytes:
    """Whole clauses at another rate, without the resampler's lag in front."""
    if source == target or not pcm:
        return pcm
    resampler = Resampler(source, target)
    lag = round(resampler.lag * target)
    count = len(pcm) // 2 * target // source
    return (resampler.feed(pcm) + resampler.flush())[2 * lag : 2 * (lag + count)]


def pause(text: str) -> float:
    """Seconds of silence that belong between this clause and the next."""
    return _PAUSE_S.get(text.rstrip("\"'”’) ")[-1:], _SHORT_PAUSE_S)


class LocalTtsSession:
    """One call's voice."""

    def __init__(self, tts: LocalTts, format: AudioFormat) -> None:
        self._tts = tts
        self._format = format
        self._closed = False

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        """Audio of each clause, whole; Unavailable after the session has been closed."""
        number = 0
        gap = 0.0
        async for text in clauses:
            if self._closed:
                raise Unavailable("tts/local", "the voice session is closed")
            speech = await self._tts.say(text, self._format, Priority.TTS_REST if number else Priority.TTS_FIRST)
            lead = round(gap * self._format.rate) if speech.data else 0
            quiet = b"\xff" if self._format.encoding is Encoding.MULAW else b"\0\0"
            words = tuple(Word(word.text, word.end + lead) for word in speech.words)
            yield Speech(number, quiet * lead + speech.data, last=True, words=words)
            number += 1
            gap = pause(text) if speech.data else gap

    async def aclose(self) -> None:
        """Idempotent; nothing is held."""
        self._closed = True


def create(context: ProviderContext, option: str) -> LocalTts:
    """Load the voice. ``local:flite`` asks for the fallback even where hibari is there."""
    if option not in {"", "hibari", "flite"}:
        raise ConfigError(f"tts provider 'local' has the options hibari and flite, not {option!r}")
    if option != "flite" and find_spec("hibari") is not None:
        return LocalTts(HibariVoice(context.weights.locate(HIBARI_HEART)), context.pool)
    program = shutil.which("flite", path=context.env.get("PATH"))
    if option != "hibari" and program is not None:
        return LocalTts(FliteVoice(program), context.pool)
    raise ConfigError("there is no embedded voice; install one with: pip install hibari-tts==0.2.1 (or the system package flite)")
