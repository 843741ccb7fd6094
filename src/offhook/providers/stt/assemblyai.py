"""AssemblyAI Universal-Streaming v3: the engine's detector says when speech pauses, and ``ForceEndpoint`` asks for its words at once.

Wire: https://www.assemblyai.com/docs/api-reference/streaming-api/streaming-api
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat, Encoding
from offhook.errors import FormatError, OverQuota, ProviderError, Rejected, Unauthorized, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttHints
from offhook.providers._vendor import Account, Closes, Socket, account, no_funds, open_socket
from offhook.providers.stt._stream import StreamSession, closed_on_failure, welcomed
from offhook.providers.stt._words import Word, heard, keyterms, plain, unused
from offhook.registry import ProviderContext

SPEC = ProviderSpec(
    id="stt/assemblyai",
    kind="stt",
    formats=(MULAW_8K, PCM16_16K, PCM16_8K),
    locales=("en", "es", "fr", "de", "it", "pt"),
    regions=("us", "eu"),
    settings={"assemblyai_api_key": "The key of an AssemblyAI account", "assemblyai_base_url": "Another region"},
)
BASE: Final = "https://streaming.assemblyai.com"
VERSION: Final = "2025-05-12"
ENGLISH: Final = "universal-streaming-english"
MANY: Final = "universal-streaming-multilingual"
ENCODINGS: Final = {Encoding.PCM16: "pcm_s16le", Encoding.MULAW: "pcm_mulaw"}
SILENCE_MS: Final = 160
"""The vendor ends its turns after so much: the engine decides about the caller's."""
CODES: Final[Closes] = {
    1008: OverQuota, 1013: Unavailable, 3005: Unavailable, 3006: Rejected, 3007: Rejected, 3008: Unavailable, 3009: OverQuota,
    4000: Rejected, 4001: Unauthorized, 4002: no_funds, 4003: no_funds, 4008: Unauthorized, 4029: OverQuota, 4031: Unavailable,
    4032: Rejected, 4033: Rejected, 4034: Rejected, 4100: Rejected, 4101: Rejected, 4102: OverQuota, 4103: Unavailable,
}  # fmt: skip
"""What the vendor's close and error codes mean."""


class AssemblyAiSession(StreamSession):
    """One call's recogniser. A segment is a turn of the vendor's, or what follows of it after ``listen``."""

    packet_s = 0.06
    least_s = 0.05
    idle_s = 5.0
    goodbye = '{"type":"Terminate"}'

    def __init__(self, socket: Socket, format: AudioFormat) -> None:
        super().__init__(socket, format)
        self._turn_order = 0
        self._ended = -1
        self._extra = 0
        """Segments beyond the vendor's turns, by ``listen`` within one."""
        self._words: list[Word] = []
        self._used: list[str] = []

    def _ask(self, sample: int) -> bool:
        if sample > self._position - self._format.samples_in(len(self._rest)):
            self._flush()
        self._write('{"type":"ForceEndpoint"}')
        return not self._answered(sample)

    def _final(self) -> Heard:
        over = self._ended >= self._turn_order
        segment = self._turn_order + self._extra + over
        return heard(segment, [] if over else unused(self._words, self._cut, self._used), self._position, final=True)

    def _forget(self) -> None:
        if self._words and self._ended < self._turn_order:
            self._extra += 1
            self._used = [plain(word.text) for word in self._words]

    def _idle(self) -> None:
        self._write('{"type":"KeepAlive"}')

    def _message(self, kind: str, message: dict[str, Any]) -> None:
        match kind:
            case "Turn":
                self._turned(int(message["turn_order"]), message, ended=bool(message.get("end_of_turn")))
            case "Error":
                raise refused(self._provider, message)
            case "Begin" | "Termination" | "SpeechStarted" | "Heartbeat" | "Silence":
                pass
            case _:
                self.oddities[f"message {kind[:40]}"] += 1

    def _turned(self, turn: int, message: dict[str, Any], *, ended: bool) -> None:
        if turn < self._turn_order or (turn == self._ended and not ended):
            self.oddities["message out of order"] += 1
            return
        words = self._read(message, ended=ended)
        if turn > self._turn_order:
            self._turn_order, self._used = turn, []
        self._words = words
        fresh = unused(words, self._cut, self._used)
        if ended:
            self._ended = turn
        told = heard(turn + self._extra, fresh, self._position, final=ended)
        text = str(message.get("transcript") or "").strip()
        if ended and text and len(fresh) == len(words):
            told = replace(told, text=text)  # which may be formatted: "at nine thirty" is "At 9:30."
        if fresh and (self._last is None or told != self._last):
            self._give(told)

    def _read(self, message: dict[str, Any], *, ended: bool) -> list[Word]:
        text = str(message.get("transcript") or "").strip()
        found = [
            self._word(str(word["text"]), word["start"] / 1_000, word["end"] / 1_000, float(word.get("confidence", 1)))
            for word in message.get("words") or ()
            if word.get("word_is_final", True) or not ended
        ]
        if ended and text:
            return found or [Word(text, self._cut, self._position)]
        return found


def refused(provider: str, message: dict[str, Any]) -> ProviderError:
    """The error that the vendor's ``Error`` stands for."""
    code = message.get("error_code")
    kind = CODES.get(code, Unavailable) if isinstance(code, int) else Unavailable
    return kind(provider, f"the vendor refused the session ({code if isinstance(code, int) else 'no code'})", detail=str(message)[:500])


class AssemblyAi:
    """The recogniser of an account."""

    def __init__(self, account: Account, model: str) -> None:
        self._account = account
        self._model = model

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> AssemblyAiSession:
        """Open a session; FormatError and Rejected for what the spec does not name, ProviderError from the vendor."""
        if format not in SPEC.formats:
            raise FormatError(f"stt/assemblyai accepts {', '.join(map(str, SPEC.formats))}, not {format}")
        language = locale.partition("-")[0].lower()
        model = self._model or (ENGLISH if language == "en" else MANY)
        if language not in SPEC.locales or (model == ENGLISH and language != "en"):
            raise Rejected(SPEC.id, f"{model} does not know {locale!r}")
        query: list[tuple[str, object]] = [
            ("speech_model", model), ("encoding", ENCODINGS[format.encoding]), ("sample_rate", format.rate), ("format_turns", "false"),
            ("min_turn_silence", SILENCE_MS), ("max_turn_silence", SILENCE_MS),
        ]  # fmt: skip
        terms = keyterms(hints.phrases, most=100, longest=50, tokens=1_000)
        if terms:
            query.append(("keyterms_prompt", json.dumps(terms)))
        url = f"{self._account.ws('/v3/ws')}?{urlencode(query)}"
        headers = {"Authorization": self._account.key, "AssemblyAI-Version": VERSION}
        socket = await open_socket(self._account, url, headers, closes=CODES)
        async with closed_on_failure(socket):
            await welcomed(socket, "Begin", lambda message: refused(SPEC.id, message))
        return AssemblyAiSession(socket, format)

    async def aclose(self) -> None:
        """Nothing is shared between sessions."""


def create(context: ProviderContext, option: str) -> AssemblyAi:
    """The recogniser; ``option`` is the model, by the call's language if there is none. ConfigError for a missing key."""
    return AssemblyAi(account(context, SPEC.id, "assemblyai", BASE), option)
