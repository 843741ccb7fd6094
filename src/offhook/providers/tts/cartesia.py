"""Cartesia's websocket: one context a reply, a flush a clause, words with their times (providers.md 3.1).

Pieces of a sentence go in as they come and share one flush at its end: where the audio of one ends, the times of its words say.

``cartesia:<model>``; the call's voice is a voice id of the account, ``CARTESIA_VOICE`` if the plan names none.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, AudioFormat, Encoding
from offhook.errors import BadOutput, FormatError, ProviderError, Rejected, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.providers._vendor import Account, Socket, account, as_object, open_socket, refusal
from offhook.providers.tts._reply import Clause, Reply
from offhook.providers.tts._session import PATIENCE_S, Protocol, VoiceSession
from offhook.registry import ProviderContext

BASE: Final = "https://api.cartesia.ai"
VERSION: Final = "2026-08-14"
MODEL: Final = "sonic-3.5"
CONTEXT_S: Final = 0.6
"""A context that has been silent for so long is not used on: at the vendor it dies after one second."""
FASTEST_S: Final = 0.02
"""No voice says a character in less: so much of a piece's audio is surely its own."""

SPEC = ProviderSpec(
    id="tts/cartesia",
    kind="tts",
    formats=(MULAW_8K, ALAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K),
    locales=tuple(
        "en fr de es pt zh ja hi it ko nl pl ru sv tr tl bg ro ar cs el fi hr ms sk da ta uk hu no vi "
        "bn th he ka id te gu kn ml mr pa or ur".split()
    ),
    word_times=True,
    pieces=True,
    settings={
        "cartesia_api_key": "The account's key.",
        "cartesia_base_url": "Another host or region.",
        "cartesia_voice": "The voice's id where an agent names none.",
    },
)

_ENCODINGS = {Encoding.MULAW: "pcm_mulaw", Encoding.ALAW: "pcm_alaw", Encoding.PCM16: "pcm_s16le"}


class CartesiaProtocol(Protocol):
    """Contexts on one socket; see ``Protocol``."""

    def __init__(
        self, request: dict[str, Any], write: Callable[[str], None], clock: Callable[[], float], format: AudioFormat = MULAW_8K
    ) -> None:
        super().__init__(write, clock)
        self._request = request
        self._format = format
        self._prefix = secrets.token_hex(4)
        self._contexts = 0
        self._context = ""
        self._origin = 0
        """Sample of the reply at which the context's times begin."""
        self._flushed: deque[int] = deque()
        """Numbers of the clauses at whose ends flushes stand that have not been answered."""
        self._loose = False
        """Pieces have been sent behind the last flush."""
        self._held = bytearray()
        """Audio that may be of one piece or of the next."""
        self._late = False
        """No times have come since the last audio."""
        self._fed = 0
        """Bytes that the clause was given, and which it is."""
        self._of = -1
        self._parted = False
        """Pieces of the sentence have been told apart."""
        self._words: deque[tuple[str, float]] = deque()
        self._last = 0.0
        self._expired = False
        self._finished = False

    def begin(self, reply: Reply) -> None:
        """A reply is a context, so that the voice carries on from clause to clause."""
        super().begin(reply)
        self._open(reply)

    def _open(self, reply: Reply) -> None:
        self._contexts += 1
        self._context = f"{self._prefix}-{self._contexts}"
        self._origin = reply.samples
        self._flushed.clear()
        self._words.clear()
        self._held.clear()
        self._loose = self._late = False
        self._last = self._clock()
        self._expired = self._finished = False

    def say(self, text: str) -> None:
        """The clause and a flush, whose answer says where its audio ends; a piece of a sentence without."""
        reply = self.reply
        if reply is None:
            return
        if not self._flushed and (self._expired or self._clock() - self._last > CONTEXT_S) and self._over(reply):
            self._open(reply)
        self._generate(text + " ", {"continue": True})
        self._loose = reply.more
        if not reply.more:
            self._generate("", {"continue": True, "flush": True})
            self._flushed.append(reply.newest)
        self._share(reply)

    def _over(self, reply: Reply) -> bool:
        """Whether all that was sent has been said; if so, it is ended."""
        clause = reply.clause
        if self._loose and clause is not None and clause.number < reply.newest:
            if not self._expired and not clause.samples:
                return False
            self._end(reply, reply.newest - 1)
        return True

    def finish(self) -> None:
        """No more text for the context."""
        self._finished = True
        if self._flushed or self._loose or (not self._expired and self._clock() - self._last <= CONTEXT_S):
            self._generate("", {"continue": False})

    def _generate(self, text: str, more: dict[str, Any]) -> None:
        self.send({**self._request, "transcript": text, "context_id": self._context, **more})

    def cancel(self) -> None:
        """What has begun is still sent to its end, and dropped here."""
        self.send({"context_id": self._context, "cancel": True})

    def receive(self, message: str | bytes) -> None:
        """Chunks, times and ends of the reply's own context; all else is counted."""
        found = as_object(SPEC.id, message)
        kind = str(found.get("type"))
        reply = self.reply
        if kind == "error" and found.get("context_id") is None:
            raise _refused(found)
        if reply is None or found.get("context_id") != self._context:
            self.counts["of another context" if kind in _KINDS else "unknown message"] += 1
            return
        self._last = self._clock()
        if kind == "chunk":
            if self._late:
                self._feed(reply, len(self._held))  # times that have not come by the next audio are not waited for
            self._held += _audio(found.get("data"))
            self._late = bool(self._held)
            self._share(reply)
        elif kind == "timestamps":
            self._times(reply, found.get("word_timestamps"))
        elif kind == "flush_done":
            if self._flushed:
                self._end(reply, self._flushed.popleft())
            else:
                reply.end()
        elif kind == "done":
            self._done(reply)
        elif kind == "error":
            reply.fail(_refused(found))
        else:
            self.counts["unknown message"] += 1

    def _times(self, reply: Reply, times: object) -> None:
        columns = [times.get(name) for name in ("words", "end")] if isinstance(times, dict) else []
        if not columns or not all(isinstance(column, list) for column in columns):
            self.counts["times that are none"] += 1
            return
        self._late = False
        words, ends = columns
        for word, end in zip(words or [], ends or [], strict=False):
            if isinstance(word, str) and isinstance(end, int | float):
                self._words.append((word, end))
        self._share(reply)
        reply.tell()

    def _share(self, reply: Reply) -> None:
        """Give audio and times to the clauses that they are of, as far as that can be known."""
        while (clause := reply.clause) is not None and self._between(reply, clause.number):
            clause.spread = True  # where it ends the words say, not the vendor
            if clause.timing.complete:
                left = self._format.bytes_for(clause.timing.latest) - self._given(clause)
                if len(self._held) < left:
                    break
                self._feed(reply, max(0, left))
                reply.end()
                self._parted = True
            elif self._words:
                word, end = self._words.popleft()
                reply.word(word, end, origin=self._origin)
            else:
                own = max(round(FASTEST_S * len(clause.text) * self._format.rate), clause.timing.latest)
                return self._feed(reply, max(0, self._format.bytes_for(own) - self._given(clause)))
        if clause is None or not self._between(reply, clause.number):
            while self._words:
                word, end = self._words.popleft()
                reply.word(word, end, origin=self._origin)
        return self._feed(reply, len(self._held))

    def _between(self, reply: Reply, number: int) -> bool:
        """Whether a clause is followed by another of its sentence."""
        return number < (self._flushed[0] if self._flushed else reply.newest)

    def _given(self, clause: Clause) -> int:
        return self._fed if self._of == clause.number else 0

    def _feed(self, reply: Reply, size: int) -> None:
        clause = reply.clause
        data = bytes(self._held[:size])
        del self._held[:size]
        if not data:
            return
        if clause is not None:
            self._fed = self._given(clause) + len(data)
            self._of = clause.number
        reply.sound(data)

    def _end(self, reply: Reply, number: int) -> None:
        """All clauses up to one have ended. What the times did not tell apart is the first one's."""
        self._share(reply)
        shared = False
        while (clause := reply.clause) is not None and clause.number <= number:
            self._feed(reply, len(self._held))
            clause.spread = clause.spread or shared or (self._parted and not clause.samples)
            reply.end()
            shared = True
        self._parted = False

    def _done(self, reply: Reply) -> None:
        """The context is over: as we asked, or because no text came for a second."""
        if self._finished and self._loose:
            self._end(reply, reply.newest)
        elif self._finished:
            while reply.clause is not None:
                reply.end()
        elif self._loose and not self._flushed and (clause := reply.clause) is not None and clause.samples:
            self._end(reply, clause.number)
            self._loose = reply.owed > 0
        self._expired = True
        # A clause that crossed its end on the way begins the context anew, and with it the times.
        self._origin = reply.samples


_KINDS = frozenset({"chunk", "timestamps", "flush_done", "done", "error"})


def _audio(data: object) -> bytes:
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError) as error:
        raise BadOutput(SPEC.id, "the vendor sent audio that is no base64", detail=repr(error)) from None


def _refused(found: dict[str, Any]) -> ProviderError:
    status = found.get("status_code")
    text = f"{found.get('title')}: {found.get('message')} ({found.get('error_code')})"
    if not isinstance(status, int) or isinstance(status, bool):
        return Unavailable(SPEC.id, "the vendor reported an error", detail=text)
    return refusal(SPEC.id, status, {}, text)


class CartesiaTts:
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
        """A session with its socket open. FormatError, Rejected, and whatever the vendor's door says."""
        if format not in SPEC.formats:
            raise FormatError(f"{SPEC.id} offers {', '.join(map(str, SPEC.formats))}, not {format}")
        language = locale.partition("-")[0].lower()
        if language not in SPEC.locales:
            raise Rejected(SPEC.id, f"the vendor does not speak {locale!r}")
        voice = voice or self._voice
        if not voice:
            raise Rejected(SPEC.id, "no voice: name one in the agent, or set CARTESIA_VOICE")
        request = {
            "model_id": self._model,
            "voice": {"mode": "id", "id": voice},
            "output_format": {"container": "raw", "encoding": _ENCODINGS[format.encoding], "sample_rate": format.rate},
            "language": language,
            "add_timestamps": True,
            "max_buffer_delay_ms": 0,  # by default three seconds; clauses are whole
        }
        session = VoiceSession(
            SPEC.id, format, self._socket, lambda write, clock: CartesiaProtocol(request, write, clock, format), self._patience
        )
        await session.connect()
        return session

    async def _socket(self) -> Socket:
        headers = {"Authorization": f"Bearer {self._account.key}", "Cartesia-Version": VERSION}
        return await open_socket(self._account, self._account.ws("/tts/websocket"), headers)

    async def aclose(self) -> None:
        """Nothing is held beside the sessions."""


def create(context: ProviderContext, option: str) -> CartesiaTts:
    """``cartesia:<model>``. ConfigError without a key."""
    return CartesiaTts(account(context, SPEC.id, "cartesia", BASE), option, context.env.get("CARTESIA_VOICE", "").strip())
