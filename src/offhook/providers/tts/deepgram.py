"""Deepgram Aura (v1/speak): text in, bare audio out, a flush a clause as far as the vendor allows (providers.md 3.3).

``deepgram:<voice>``: ``aura-2-thalia-en``, or ``thalia`` for short; the plan's voice goes before it. Audio carries no ids: what comes
between a Clear and its answer is of a reply that was given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, AudioFormat, Encoding
from offhook.errors import BadOutput, ConfigError, FormatError, ProviderError, Rejected, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.providers._vendor import Account, Socket, account, as_object, open_socket
from offhook.providers.tts._reply import Reply
from offhook.providers.tts._sane import weight
from offhook.providers.tts._session import PATIENCE_S, Protocol, VoiceSession
from offhook.registry import ProviderContext

BASE: Final = "https://api.deepgram.com"
VOICE: Final = "aura-2-thalia-en"
FLUSHES, WINDOW_S = 20, 60.0
"""Flushes that the vendor takes in a minute, on one socket."""
SPARING: Final = 12
"""From so many on, clauses share a flush while there is something to be heard."""
LONGEST: Final = 1_900
"""Characters of one message; the vendor takes 2000."""
PACE_S: Final = 0.065
"""Seconds that a character takes, until the voice's own pace is known."""

SPEC = ProviderSpec(
    id="tts/deepgram",
    kind="tts",
    formats=(MULAW_8K, ALAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K),
    locales=("en", "es", "de", "fr", "nl", "it", "ja"),
    settings={"deepgram_api_key": "The account's key.", "deepgram_base_url": "Another host or region."},
)

_ENCODINGS = {Encoding.MULAW: "mulaw", Encoding.ALAW: "alaw", Encoding.PCM16: "linear16"}


@dataclass(slots=True)
class _Flush:
    """Clauses that are answered by one Flushed, and what came of the first of them."""

    texts: deque[str] = field(default_factory=deque)
    alone: bool = True


class DeepgramProtocol(Protocol):
    """Flushes and clears on one socket; see ``Protocol``."""

    def __init__(self, format: AudioFormat, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        super().__init__(write, clock)
        self._format = format
        self._pace = PACE_S
        self._times: deque[float] = deque()
        """When flushes were sent, within the window."""
        self._flushed: deque[_Flush] = deque()
        """Flushes that have not been answered."""
        self._open = _Flush()
        self._clears = 0
        """Clears that have not been answered."""

    @property
    def spent(self) -> bool:
        """A socket that takes no more flushes for now."""
        return self._used() >= FLUSHES - 1

    def _used(self) -> int:
        while self._times and self._times[0] <= self._clock() - WINDOW_S:
            self._times.popleft()
        return len(self._times)

    def begin(self, reply: Reply) -> None:
        """Nothing tells replies apart but that the one before has been flushed or cleared."""
        super().begin(reply)
        self._flushed.clear()
        self._open = _Flush()

    def say(self, text: str) -> None:
        """The clause, with a flush of its own unless they run out."""
        for at in range(0, len(text), LONGEST):
            self.send({"type": "Speak", "text": text[at : at + LONGEST] + ("" if at + LONGEST < len(text) else " ")})
        self._open.texts.append(text)
        if not self._flushed or self._used() < SPARING:
            self._flush()

    def finish(self) -> None:
        """Flush what has not been."""
        self._flush(last=True)

    def _flush(self, *, last: bool = False) -> None:
        if not self._open.texts or self._used() >= (FLUSHES if last else FLUSHES - 1):
            return
        self._times.append(self._clock())
        self._open.alone = len(self._open.texts) == 1
        self._flushed.append(self._open)
        self._open = _Flush()
        self.send({"type": "Flush"})

    def cancel(self) -> None:
        """All that comes before the answer is dropped."""
        self._clears += 1
        self._flushed.clear()
        self.send({"type": "Clear"})

    def bye(self) -> None:
        """Say goodbye."""
        self.send({"type": "Close"})

    def receive(self, message: str | bytes) -> None:
        """Audio of the reply, and ends of flushes; what belongs to a reply that was given up is counted."""
        if isinstance(message, bytes):
            self._sound(message)
            return
        found = as_object(SPEC.id, message)
        kind = found.get("type")
        if kind == "Cleared":
            self._clears = max(0, self._clears - 1)
        elif kind == "Flushed":
            self._end()
        elif kind == "Error":
            raise _refused(found)
        elif kind == "Warning":
            self.counts[f"warning {str(found.get('code'))[:40]}"] += 1
        elif kind != "Metadata":
            self.counts["unknown message"] += 1

    def _sound(self, data: bytes) -> None:
        if self._clears or self.reply is None or not self._flushed:
            self.counts["audio of a cleared reply"] += 1
            return
        reply, flush = self.reply, self._flushed[0]
        clause = reply.clause
        if clause is not None and not flush.alone:
            clause.spread = True
        reply.sound(data)
        if clause is not None and len(flush.texts) > 1 and clause.samples >= self._guess(flush.texts[0]):
            flush.texts.popleft()
            reply.end()

    def _guess(self, text: str) -> int:
        return round(self._pace * weight(text) * self._format.rate)

    def _end(self) -> None:
        if self._clears or self.reply is None or not self._flushed:
            self.counts["an end of a cleared reply"] += 1
            return
        flush = self._flushed.popleft()
        reply = self.reply
        clause = reply.clause
        if flush.alone and clause is not None:
            reply.end()
            self._pace += 0.3 * (clause.samples / self._format.rate / weight(clause.text) - self._pace)
        else:
            if clause is not None and len(flush.texts) == 1 and not clause.samples:
                raise BadOutput(SPEC.id, "the vendor sent no audio for a clause")
            for _ in flush.texts:
                if reply.clause is not None:
                    reply.clause.spread = True
                reply.end()
        if not self._flushed:
            self._flush()  # nothing is on its way: what has gathered is wanted now


def _refused(found: dict[str, object]) -> ProviderError:
    code = str(found.get("code") or found.get("err_code"))
    detail = f"{code}: {found.get('description') or found.get('err_msg')}"
    if code.startswith(("DATA-", "MESSAGE-", "BIG-")):
        return Rejected(SPEC.id, "the vendor refused the text", detail=detail)
    return Unavailable(SPEC.id, "the vendor reported an error", detail=detail)


class DeepgramTts:
    """See ``offhook.ports.tts.Tts``."""

    def __init__(self, account: Account, voice: str = "", patience: float = PATIENCE_S) -> None:
        self._account = account
        self._voice = voice or VOICE
        self._patience = patience

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, voice: str, locale: str, format: AudioFormat) -> VoiceSession:
        """A session with its socket open. FormatError, Rejected, and whatever the vendor's door says."""
        if format not in SPEC.formats:
            raise FormatError(f"{SPEC.id} offers {', '.join(map(str, SPEC.formats))}, not {format}")
        language = locale.partition("-")[0].lower()
        if language not in SPEC.locales:
            raise Rejected(SPEC.id, f"the vendor does not speak {locale!r}")
        model = model_of(voice or self._voice, language)
        if model.rpartition("-")[2] != language:
            raise Rejected(SPEC.id, f"the voice {model} does not speak {locale!r}")
        params = {"model": model, "encoding": _ENCODINGS[format.encoding], "sample_rate": str(format.rate), "mip_opt_out": "true"}
        url = self._account.ws(f"/v1/speak?{urlencode(params)}")

        async def connect() -> Socket:
            return await open_socket(self._account, url, {"Authorization": f"Token {self._account.key}"})

        session = VoiceSession(SPEC.id, format, connect, lambda write, clock: DeepgramProtocol(format, write, clock), self._patience)
        await session.connect()
        return session

    async def aclose(self) -> None:
        """Nothing is held beside the sessions."""


def model_of(voice: str, language: str) -> str:
    """The vendor's name of a voice that may have been named for short: ``thalia`` is ``aura-2-thalia-en``."""
    return voice if voice.startswith("aura-") else f"aura-2-{voice.lower()}-{language}"


def create(context: ProviderContext, option: str) -> DeepgramTts:
    """``deepgram:<voice>``. ConfigError without a key, and for the name of a recogniser's model."""
    if option.startswith(("nova", "flux-general")):
        raise ConfigError(f"{SPEC.id} has no voice {option!r}: that is a model of the recogniser's")
    return DeepgramTts(account(context, SPEC.id, "deepgram", BASE), option)
