"""ElevenLabs' multi-stream-input: one context a reply, flushed clause by clause, characters with their times (providers.md 3.2).

``elevenlabs:<model>``; the call's voice is a voice id, ``ELEVENLABS_VOICE`` if the plan names none. The vendor does not say where a
clause's audio ends: the characters do that it aligns with it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, AudioFormat, Encoding
from offhook.errors import BadOutput, FormatError, OverQuota, ProviderError, Rejected, Retry, Unauthorized, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.providers._vendor import Account, Socket, account, as_object, open_socket
from offhook.providers.tts._reply import Clause, Reply
from offhook.providers.tts._session import PATIENCE_S, Protocol, VoiceSession
from offhook.registry import ProviderContext

BASE: Final = "https://api.elevenlabs.io"
MODEL: Final = "eleven_flash_v2_5"
NAMED_LANGUAGE: Final = frozenset({"eleven_flash_v2_5", "eleven_turbo_v2_5"})
"""Models that take a language; others refuse the parameter."""
CONTEXTS: Final = 4
"""Open contexts on one socket. The vendor allows five, and closes the socket at the sixth."""
IDLE_S: Final = 180
"""Seconds after which the vendor closes a context, as we ask for it; 20 if nothing is asked."""
KEEP_S: Final = 15.0
TAIL_S: Final = 0.3
"""Longest wait for audio behind a clause's last letter."""
AHEAD: Final = 12
"""Characters that the vendor may leave out and still be followed."""

# No ``pieces``: with ``auto_mode`` each is spoken as a sentence of its own, without it nothing before 50 characters or a flush.
SPEC = ProviderSpec(
    id="tts/elevenlabs",
    kind="tts",
    formats=(MULAW_8K, ALAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K),
    locales=tuple("en ja zh de hi fr ko pt it es id nl tr fil pl sv bg ro ar cs el fi hr ms sk da ta uk ru hu no vi".split()),
    word_times=True,
    settings={
        "elevenlabs_api_key": "The account's key.",
        "elevenlabs_base_url": "Another host or region.",
        "elevenlabs_voice": "The voice's id where an agent names none.",
    },
)

_ENCODINGS = {Encoding.MULAW: "ulaw", Encoding.ALAW: "alaw", Encoding.PCM16: "pcm"}
_Chars = list[tuple[str, float, float]]


class ElevenLabsProtocol(Protocol):
    """Contexts on one socket; see ``Protocol``."""

    keep_s = KEEP_S

    def __init__(self, format: AudioFormat, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        super().__init__(write, clock)
        self._format = format
        self._contexts = 0
        self._open: set[str] = set()
        """Contexts that the vendor counts: until it says that they are final."""
        self._context = ""
        self._finished = False
        self._aligned = False
        self._clause: Clause | None = None
        self._left = ""
        """Characters of the clause, without blanks, that have not been aligned."""
        self._heard = self._told = 0.0
        """Seconds of the reply's audio that has characters, and seconds that these say."""
        self._spare = self._init()

    @property
    def spent(self) -> bool:
        """Contexts are closed by and by: with many replies cancelled in a row there may be no room."""
        return not self._spare and len(self._open) >= CONTEXTS

    def _init(self) -> str:
        self._contexts += 1
        context = f"r{self._contexts}"
        self._open.add(context)
        self.send({"text": " ", "context_id": context})
        return context

    def begin(self, reply: Reply) -> None:
        """A reply is a context, so that the voice carries on from clause to clause."""
        super().begin(reply)
        self._context = self._spare or self._init()
        self._spare = ""
        self._finished = self._aligned = False
        self._heard = self._told = 0.0
        self._clause = None
        self._left = ""

    def say(self, text: str) -> None:
        """The clause, to be spoken at once."""
        self._context = self._context or self._init()
        self.send({"text": text + " ", "context_id": self._context, "flush": True})

    def finish(self) -> None:
        """No more text for the context."""
        self._finished = True
        self._close()

    def cancel(self) -> None:
        """What still comes of the context is dropped here."""
        if not self._finished:
            self._close()
        self._context = ""

    def _close(self) -> None:
        if self._context:
            self.send({"context_id": self._context, "close_context": True})

    def keep(self) -> None:
        """An open context keeps the socket; between replies it is that of the next."""
        if self.reply is None and not self._spare and len(self._open) < CONTEXTS:
            self._spare = self._init()
        elif context := self._spare or (self._context if self.reply is not None and not self._finished else ""):
            self.send({"text": "", "context_id": context})

    def settle(self) -> float:
        """Behind a clause's last letter there may be a sign, and audio without characters."""
        clause = self.reply.clause if self.reply is not None else None
        over = clause is not None and clause is self._clause and clause.samples and not _letters(self._left)
        return TAIL_S if over else super().settle()

    def bye(self) -> None:
        """Close all contexts."""
        self.send({"close_socket": True})

    def receive(self, message: str | bytes) -> None:
        """Audio with its characters, and ends, of the reply's own context; all else is counted."""
        found = as_object(SPEC.id, message)
        if found.get("error") is not None or ("message" in found and "code" in found):
            raise _refused(found)
        context = found.get("contextId") or found.get("context_id")
        final = found.get("isFinal") is True or found.get("is_final") is True
        if "audio" not in found and not final:
            self.counts["unknown message"] += 1
            return
        if final and isinstance(context, str):
            self._open.discard(context)
            if context == self._spare:
                self._spare = ""
        reply = self.reply
        if reply is None or not self._context or context != self._context:
            self.counts["of another context"] += 1
            return
        audio = found.get("audio")
        if audio:
            self._sound(reply, _decoded(audio), self._characters(found.get("alignment")))
        if final:
            self._final(reply)

    def _characters(self, alignment: object) -> _Chars:
        """Characters with their starts and ends in seconds from the message's first sample."""
        if not isinstance(alignment, dict):
            return []
        columns = [alignment.get(name) for name in ("chars", "charStartTimesMs", "charDurationsMs")]
        if not all(isinstance(column, list) for column in columns):
            self.counts["times that are none"] += 1
            return []
        rows = zip(*(column or [] for column in columns), strict=False)
        return [(c, s / 1000, (s + d) / 1000) for c, s, d in rows if isinstance(c, str) and _number(s) and _number(d)]

    def _sound(self, reply: Reply, data: bytes, chars: _Chars) -> None:
        if chars:
            self._heard += self._format.samples_in(len(data)) / self._format.rate
            self._told += chars[-1][2]
            if self._heard > 1.3 * self._told + 0.3 or self._heard < 0.7 * self._told - 0.1:
                found = f"{self._heard:.1f} s of audio, characters for {self._told:.1f} s"
                raise BadOutput(SPEC.id, f"{found}: not the rate that was asked for", mismatch=True)
        clause = self._current(reply)
        if clause is not None and not self._aligned:
            self._aligned = bool(chars)
            clause.spread = not chars  # without characters nobody knows which clause this is
        origin, at = reply.samples, 0
        for char, start, end in self._following(reply, chars):
            if char == "":  # the clause is over within this audio
                cut = self._format.bytes_for(round(start * self._format.rate))
                reply.sound(data[at:cut])
                reply.end()
                at = max(at, cut)
            else:
                reply.word(char, end, origin=origin)
        reply.sound(data[at:])
        if self._aligned and not self._left and not (reply.fed and reply.owed == 1):
            reply.end()  # of the last clause the vendor itself says the end

    def _current(self, reply: Reply) -> Clause | None:
        clause = reply.clause
        if clause is not self._clause:
            self._clause = clause
            self._left = "".join(clause.text.split()) if clause is not None else ""
        return clause

    def _following(self, reply: Reply, chars: _Chars) -> Iterator[tuple[str, float, float]]:
        """The characters, and an empty one wherever the next clause begins. The consumer ends the clause there."""
        for char, start, end in chars:
            if self._current(reply) is None or char.isspace():
                continue
            place = self._left.find(char, 0, AHEAD)
            if place < 0 and not _letters(self._left) and reply.owed > 1:
                yield "", start, start
                self._current(reply)
                place = self._left.find(char, 0, AHEAD)
            if place >= 0:
                self._left = self._left[place + 1 :]
            yield char, start, end

    def _final(self, reply: Reply) -> None:
        if not self._finished:
            if reply.owed:
                reply.fail(Unavailable(SPEC.id, "the vendor closed the context"))
            self._context = ""  # it was idle for too long: the next clause opens another
            return
        while (clause := reply.clause) is not None:
            clause.spread = clause.spread or (not self._aligned and reply.samples > 0)
            reply.end()


def _letters(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decoded(data: object) -> bytes:
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError) as error:
        raise BadOutput(SPEC.id, "the vendor sent audio that is no base64", detail=repr(error)) from None


def _refused(found: dict[str, Any]) -> ProviderError:
    """The error that a message stands for; the vendor's words are stable, its codes are those of closing."""
    said = f"{found.get('error')} {found.get('message')}".lower()
    detail = f"{found.get('code')} {said}"[:2_000]
    if "quota" in said or "credits" in said:
        return OverQuota(SPEC.id, "the account's quota is used up", detail=detail, retry=Retry(None))
    if "api_key" in said or "api key" in said or "unauthorized" in said or "authentication" in said:
        return Unauthorized(SPEC.id, "the key is missing, wrong or not allowed to do this", detail=detail)
    if any(word in said for word in ("too_many", "too many", "busy", "rate_limit", "max_active")):
        return OverQuota(SPEC.id, "too many requests at once", detail=detail)
    if found.get("code") in {1008, 1003, 1007}:
        return Rejected(SPEC.id, "the vendor refused the request: check the model, the voice and the settings", detail=detail)
    return Unavailable(SPEC.id, "the vendor reported an error", detail=detail)


class ElevenLabsTts:
    """See ``offhook.ports.tts.Tts``."""

    def __init__(self, account: Account, model: str = "", voice: str = "", patience: float = PATIENCE_S) -> None:
        self._account = account
        self._model = model or MODEL
        self._voice = voice
        self._patience = patience

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, voice: str, locale: str, format: AudioFormat) -> VoiceSession:
        """A session with its socket and first context open. FormatError, Rejected, and whatever the vendor's door says."""
        if format not in SPEC.formats:
            raise FormatError(f"{SPEC.id} offers {', '.join(map(str, SPEC.formats))}, not {format}")
        language = locale.partition("-")[0].lower()
        if language not in SPEC.locales:
            raise Rejected(SPEC.id, f"the vendor does not speak {locale!r}")
        voice = voice or self._voice
        if not voice:
            raise Rejected(SPEC.id, "no voice: name one in the agent, or set ELEVENLABS_VOICE")
        params = {
            "model_id": self._model,
            "output_format": f"{_ENCODINGS[format.encoding]}_{format.rate}",
            "auto_mode": "true",
            "sync_alignment": "true",
            "inactivity_timeout": str(IDLE_S),
            "apply_text_normalization": "auto",
        }
        if self._model in NAMED_LANGUAGE:
            params["language_code"] = language
        url = self._account.ws(f"/v1/text-to-speech/{quote(voice, safe='')}/multi-stream-input?{urlencode(params)}")

        async def connect() -> Socket:
            return await open_socket(self._account, url, {"xi-api-key": self._account.key})

        session = VoiceSession(SPEC.id, format, connect, lambda write, clock: ElevenLabsProtocol(format, write, clock), self._patience)
        await session.connect()
        return session

    async def aclose(self) -> None:
        """Nothing is held beside the sessions."""


def create(context: ProviderContext, option: str) -> ElevenLabsTts:
    """``elevenlabs:<model>``. ConfigError without a key."""
    return ElevenLabsTts(account(context, SPEC.id, "elevenlabs", BASE), option, context.env.get("ELEVENLABS_VOICE", "").strip())
