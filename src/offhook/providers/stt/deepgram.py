"""Deepgram's ``v1/listen`` (nova-3 and older): the engine's detector says when speech pauses, and ``Finalize`` asks for its words at once.

Wire and the faults that are looked for: https://developers.deepgram.com/reference/speech-to-text/listen-streaming
"""

from __future__ import annotations

import math
from typing import Any, Final
from urllib.parse import urlencode

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat, Encoding
from offhook.errors import ConfigError, FormatError, Rejected
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttHints
from offhook.providers._vendor import Account, Socket, account, open_socket
from offhook.providers.stt._stream import StreamSession
from offhook.providers.stt._words import Word, heard, keyterms, plain, unused
from offhook.registry import ProviderContext

SPEC = ProviderSpec(
    id="stt/deepgram",
    kind="stt",
    formats=(MULAW_8K, PCM16_16K, PCM16_8K, ALAW_8K),
    locales=("*",),
    regions=("us", "eu", "au", "in"),
    settings={"deepgram_api_key": "The key of a Deepgram project", "deepgram_base_url": "Another region or a private installation"},
)
BASE: Final = "https://api.deepgram.com"
MODEL: Final = "nova-3"
ENCODINGS: Final = {Encoding.PCM16: "linear16", Encoding.MULAW: "mulaw", Encoding.ALAW: "alaw"}
ENGLISH: Final = frozenset({"en-US", "en-AU", "en-GB", "en-IN", "en-NZ"})


class DeepgramSession(StreamSession):
    """One call's recogniser.

    A segment is what the vendor finalised in pieces between two pauses, with the interim after it. An interim whose final comes empty is
    kept until the pause: its words are nowhere else.
    """

    packet_s = 0.04
    idle_s = 4.0
    goodbye = '{"type":"CloseStream"}'

    def __init__(self, socket: Socket, format: AudioFormat) -> None:
        super().__init__(socket, format)
        self._segment = 0
        self._done: list[Word] = []
        self._orphans: list[Word] = []
        """Of interims whose final was empty."""
        self._interim: list[Word] = []
        self._ended = False
        self._floor = 0
        """Where the last final word ends: what the next final says again of it is dropped."""
        self._used: list[str] = []
        self._asked = 0
        """How much audio the vendor had at the last Finalize."""

    def _ask(self, sample: int) -> bool:
        del sample
        self._flush()
        self._asked = self._sent
        self._write('{"type":"Finalize"}')
        return True

    def _final(self) -> Heard:
        return self._told(final=True)

    def _forget(self) -> None:
        if self._done or self._orphans or self._interim or self._ended:
            self._segment += 1
        self._used = [plain(word.text) for word in self._interim]
        self._done, self._orphans, self._interim = [], [], []
        self._ended = False

    def _idle(self) -> None:
        self._write('{"type":"KeepAlive"}')

    def _message(self, kind: str, message: dict[str, Any]) -> None:
        match kind:
            case "Results":
                self._results(message)
            case "UtteranceEnd":
                self._paused()
            case "Metadata" | "SpeechStarted":
                pass
            case "Error":
                raise Rejected(self._provider, "the vendor refused a message", detail=str(message)[:500])
            case _:
                self.oddities[f"message {kind[:40]}"] += 1

    def _results(self, message: dict[str, Any]) -> None:
        best = message["channel"]["alternatives"][0]
        begin, length = float(message.get("start", 0.0)), float(message.get("duration", 0.0))
        words = self._words(best, begin, begin + length)
        if words and self._ended:
            self._segment += 1
            self._done, self._orphans, self._ended = [], [], False
        if words:
            self._orphans = [word for word in self._orphans if word.end <= words[0].start]
        if not message.get("is_final"):
            if words:
                self._interim = words
                self._tell(final=False)
            return
        self._used = []
        if words:
            self._done += [*self._orphans, *words]
            self._orphans = []
            self._floor = words[-1].end
        else:
            self._orphans += self._interim
        self._interim = []
        asked = bool(message.get("from_finalize")) and self._reaches(begin + length)
        if message.get("speech_final") or message.get("from_finalize"):
            self._paused(asked=asked)
        elif words:
            self._tell(final=False)

    def _reaches(self, seconds: float) -> bool:
        """Whether a reply is to the last Finalize and not to one of before."""
        return seconds * self._format.rate >= self._asked - self._format.rate // 4

    def _paused(self, *, asked: bool = False) -> None:
        """The segment's audio has paused. What says so again without new words is no news."""
        if self._ended:
            if asked and self._last is not None and self._last.final:
                self._give(self._last)
            return
        if self._done or self._orphans or self._interim:
            self._done += [*self._orphans, *self._interim]
            self._orphans, self._interim = [], []
            self._floor = max(self._floor, self._done[-1].end)
            self._tell(final=True)
            self._ended = True
        elif asked and self._final_by < math.inf:
            self._tell(final=True)

    def _told(self, *, final: bool) -> Heard:
        return heard(self._segment, [*self._done, *self._orphans, *self._interim], self._position, final=final)

    def _tell(self, *, final: bool) -> None:
        told = self._told(final=final)
        if final or told != self._last:
            self._give(told)

    def _words(self, best: dict[str, Any], begin: float, end: float) -> list[Word]:
        found = [
            self._word(
                str(word.get("punctuated_word") or word["word"]), float(word["start"]), float(word["end"]), float(word.get("confidence", 1))
            )
            for word in best.get("words") or ()
        ]
        text = str(best.get("transcript") or "").strip()
        if text and not found:
            found = [self._word(text, begin, end, float(best.get("confidence", 1)))]
        return unused(found if text else [], max(self._cut, self._floor), self._used)


class Deepgram:
    """The recogniser of an account."""

    def __init__(self, account: Account, model: str) -> None:
        self._account = account
        self._model = model

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> DeepgramSession:
        """Open a session; FormatError for a format that the spec does not name, ProviderError from the vendor."""
        if format not in SPEC.formats:
            raise FormatError(f"stt/deepgram accepts {', '.join(map(str, SPEC.formats))}, not {format}")
        language = locale if locale in ENGLISH else locale.partition("-")[0].lower()
        query = [
            ("model", self._model), ("encoding", ENCODINGS[format.encoding]), ("sample_rate", format.rate), ("channels", 1),
            ("language", language), ("interim_results", "true"), ("endpointing", 300), ("utterance_end_ms", 1_000),
            ("punctuate", "true"), ("mip_opt_out", "true"),
        ]  # fmt: skip
        name = "keyterm" if self._model.startswith("nova-3") else "keywords"
        query += [(name, term) for term in keyterms(hints.phrases, most=100, longest=100, tokens=450)]
        url = f"{self._account.ws('/v1/listen')}?{urlencode(query)}"
        socket = await open_socket(self._account, url, {"Authorization": f"Token {self._account.key}"})
        return DeepgramSession(socket, format)

    async def aclose(self) -> None:
        """Nothing is shared between sessions."""


def create(context: ProviderContext, option: str) -> Deepgram:
    """The recogniser; ``option`` is the model, nova-3 if there is none. ConfigError for a missing key, and for what is no model of it."""
    if option.startswith(("aura-", "flux-")):
        raise ConfigError(f"{SPEC.id} has no model {option!r}: that is {'deepgram_flux' if option[0] == 'f' else 'a voice'}")
    return Deepgram(account(context, SPEC.id, "deepgram", BASE), option or MODEL)
