"""Deepgram Flux (``v2/listen``): the vendor decides when the caller's turn is over, and says so early when it is likely.

Wire: https://developers.deepgram.com/reference/speech-to-text/listen-flux
"""

from __future__ import annotations

import math
from typing import Any, Final
from urllib.parse import urlencode

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.errors import FormatError, ProviderError, Rejected, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttHints, VendorShift, VendorSpeech
from offhook.providers._vendor import Account, Socket, account, open_socket
from offhook.providers.stt._stream import DEAF_S, StreamSession, closed_on_failure, welcomed
from offhook.providers.stt._words import Word, heard, keyterms, plain, unused
from offhook.providers.stt.deepgram import BASE, ENCODINGS
from offhook.registry import ProviderContext

SPEC = ProviderSpec(
    id="stt/deepgram_flux",
    kind="stt",
    formats=(MULAW_8K, PCM16_16K, PCM16_8K, PCM16_24K, ALAW_8K),
    locales=("en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl"),
    own_endpointing=True,
    regions=("us", "eu"),
    settings={"deepgram_api_key": "The key of a Deepgram project", "deepgram_base_url": "Another region or a private installation"},
)
ENGLISH: Final = "flux-general-en"
MANY: Final = "flux-general-multi"
EAGER: Final = 0.7
"""What an eager end of turn says of the shift."""
SURE: Final = 1.0


class FluxSession(StreamSession):
    """One call's recogniser. A segment is a turn of the vendor's, or what follows of it after ``listen``."""

    packet_s = 0.08
    idle_s = 0.5
    goodbye = '{"type":"CloseStream"}'

    def __init__(self, socket: Socket, format: AudioFormat) -> None:
        super().__init__(socket, format)
        self._sequence = 0
        self._turn_index = 0
        self._ended = -1
        """The last turn that is over."""
        self._open = False
        self._speaking = False
        self._extra = 0
        """Segments beyond the vendor's turns, by ``listen`` within one."""
        self._words: list[Word] = []
        """The open turn's, with those that are used up."""
        self._used: list[str] = []
        self._owed = False
        """A pause after the cut of speech before it: whether it has words is known at the turn's end."""
        self._window_end = 0
        """The sample up to which the message has heard."""

    def push(self, audio: PcmFrame | Packet) -> None:
        """Take the next audio. Updates come with it whatever is said, so a vendor that sends none is deaf."""
        super().push(audio)
        if self._deaf_by == math.inf:
            self._await(deaf_by=self._loop.time() + DEAF_S)

    def _ask(self, sample: int) -> bool:
        del sample
        return False  # the vendor does the endpointing

    def _final(self) -> Heard:
        return heard(self._segment, self._fresh, self._position, final=True)

    def _forget(self) -> None:
        if self._open:
            self._extra += 1
            self._used = [plain(word.text) for word in self._words]

    def _idle(self) -> None:
        # Without audio the vendor's turn never ends.
        self._fill(self.idle_s)

    @property
    def _stale(self) -> bool:
        """The message is about audio that is used up."""
        return self._window_end <= self._cut

    def _message(self, kind: str, message: dict[str, Any]) -> None:
        sequence = int(message.get("sequence_id", self._sequence + 1))
        late = sequence <= self._sequence
        self.oddities["messages missing"] += max(0, sequence - self._sequence - 1)
        self._sequence = max(sequence, self._sequence)
        match kind:
            case "TurnInfo":
                self._window_end = self._sample(float(message.get("audio_window_end", self.seconds)))
                self._info(str(message["event"]), int(message["turn_index"]), self._read(message), late=late)
            case "Error":
                raise fatal(self._provider, message)
            case "Connected" | "ConfigureSuccess":
                pass
            case _:
                self.oddities[f"message {kind[:40]}"] += 1

    def _info(self, event: str, turn: int, words: list[Word], *, late: bool) -> None:
        if turn <= self._ended or late:
            self._out_of_order(event, turn, words)
            return
        if turn != self._turn_index:
            if self._open:
                self._end()  # its end was lost
            self._turn_index, self._used, self._words = turn, [], []
        if not self._open and (event != "Update" or words):
            self._open = True
        if not self._open:
            return
        self._words = words
        match event:
            case "EagerEndOfTurn":
                if self._news:
                    self._begin()
                self._pause()
                if self._fresh:
                    self._give(VendorShift(EAGER))
            case "EndOfTurn":
                self._end()
            case _:
                if self._news or event in {"StartOfTurn", "TurnResumed"}:
                    self._begin()
                if self._news:
                    self._give(heard(self._segment, self._fresh, self._position, final=False))
                if event not in {"StartOfTurn", "TurnResumed", "Update"}:
                    self.oddities[f"event {event[:40]}"] += 1

    def _out_of_order(self, event: str, turn: int, words: list[Word]) -> None:
        """Nothing, but for the words of an end of turn that was overtaken."""
        self.oddities["message out of order"] += 1
        fresh = unused(words, self._cut)
        if event != "EndOfTurn" or turn != self._ended or not fresh or self._last is None or self._last.segment != turn + self._extra:
            return
        told = heard(turn + self._extra, fresh, self._position, final=True)
        if told.text != self._last.text:
            self._give(told)

    @property
    def _segment(self) -> int:
        return self._turn_index + self._extra

    @property
    def _fresh(self) -> list[Word]:
        return unused(self._words, self._cut, self._used)

    @property
    def _news(self) -> bool:
        """Whether the turn's text is another one than was told last."""
        fresh = self._fresh
        text = " ".join(word.text for word in fresh)
        return bool(fresh) and (self._last is None or (self._last.segment, self._last.text) != (self._segment, text))

    def _begin(self) -> None:
        if not self._speaking and not self._stale:
            self._speaking = True
            fresh = self._fresh
            resumed = self._last is not None and self._last.segment == self._segment
            self._give(VendorSpeech(True, self._window_end if resumed or not fresh else fresh[0].start))

    def _pause(self) -> None:
        """The turn may be over: the final words of what there is, unless they are the same as at the last pause."""
        told = self._final()
        was_speaking, self._speaking = self._speaking, False
        if was_speaking:
            self._give(VendorSpeech(False, told.end))
        if self._news or (was_speaking and not self._stale):
            self._give(told)
            was_speaking = False
        self._owed = self._owed or was_speaking

    def _end(self) -> None:
        if self._news and not self._speaking:
            self._begin()
        if self._owed and not self._stale and not self._fresh:
            self._give(self._final())
        over = bool(self._fresh) or ((self._speaking or self._owed) and not self._stale)
        self._pause()
        if over:
            self._give(VendorShift(SURE))
        self._owed = False
        self._open = False
        self._ended = self._turn_index

    def _read(self, message: dict[str, Any]) -> list[Word]:
        text = str(message.get("transcript") or "").strip()
        found = [
            self._word(str(word["word"]), float(word["start"]), float(word["end"]), float(word.get("confidence", 1)))
            for word in message.get("words") or ()
        ]
        if text and not found:
            begin, end = float(message.get("audio_window_start", 0)), float(message.get("audio_window_end", 0))
            found = [self._word(text, begin, end, 1.0)]
        return found if text else []


def fatal(provider: str, message: dict[str, Any]) -> ProviderError:
    """The error for the vendor's last words."""
    code = str(message.get("code", ""))
    if code.startswith(("UNPARSABLE", "INVALID", "BAD")):
        return Rejected(provider, "the vendor refused a message or a setting", detail=str(message)[:500])
    return Unavailable(provider, "the vendor gave up", detail=str(message)[:500])


class DeepgramFlux:
    """The recogniser of an account."""

    def __init__(self, account: Account, model: str) -> None:
        self._account = account
        self._model = model

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> FluxSession:
        """Open a session; FormatError and Rejected for what the spec does not name, ProviderError from the vendor."""
        if format not in SPEC.formats:
            raise FormatError(f"stt/deepgram_flux accepts {', '.join(map(str, SPEC.formats))}, not {format}")
        language = locale.partition("-")[0].lower()
        model = self._model or (ENGLISH if language == "en" else MANY)
        if language not in SPEC.locales or (model == ENGLISH and language != "en"):
            raise Rejected(SPEC.id, f"{model} does not know {locale!r}")
        query: list[tuple[str, object]] = [
            ("model", model), ("encoding", ENCODINGS[format.encoding]), ("sample_rate", format.rate), ("eager_eot_threshold", 0.4),
            ("eot_threshold", 0.7), ("eot_timeout_ms", 5_000), ("mip_opt_out", "true"),
        ]  # fmt: skip
        if model != ENGLISH:
            query.append(("language_hint", language))
        query += [("keyterm", term) for term in keyterms(hints.phrases, most=100, longest=100, tokens=450)]
        url = f"{self._account.ws('/v2/listen')}?{urlencode(query)}"
        socket = await open_socket(self._account, url, {"Authorization": f"Token {self._account.key}"})
        async with closed_on_failure(socket):
            await welcomed(socket, "Connected", lambda message: fatal(SPEC.id, message))
        return FluxSession(socket, format)

    async def aclose(self) -> None:
        """Nothing is shared between sessions."""


def create(context: ProviderContext, option: str) -> DeepgramFlux:
    """The recogniser; ``option`` is the model, by the call's language if there is none. ConfigError for a missing key."""
    return DeepgramFlux(account(context, SPEC.id, "deepgram", BASE), option)
