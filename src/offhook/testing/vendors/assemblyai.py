"""The double of AssemblyAI's Universal-Streaming v3.

Options: ``say`` or ``lexicon`` (see ``_ear``), ``final`` (seconds from the decision to the end of turn), ``turn_every`` (seconds of audio
between turns' messages), ``begin`` (seconds until Begin), ``too_fast`` (seconds of audio beyond the clock for which it closes; None for
never), and ``quirks``: ``no_endpoint`` (ForceEndpoint gets no answer), ``backwards``, ``unsure``, ``talkative`` (Heartbeat, Silence and
Warning too).
"""

from __future__ import annotations

import json
from typing import Any, Final

import anyio

from offhook.testing.vendors._ear import Ear, Heard, Listener, drawn, ear
from offhook.testing.vendors.server import Peer

VENDOR: Final = "assemblyai"
PREFIX: Final = "/assemblyai"
KEY: Final = "aai-test-key-77b2d0"
MODELS: Final = frozenset(
    "universal-streaming-english universal-streaming-multilingual u3-rt-pro universal-3-5-pro universal-3-6 universal-3-6-pro "
    "whisper-rt".split()
)
LEAST_MS: Final = 50
MOST_MS: Final = 1_000


async def serve(peer: Peer) -> None:
    """One connection: 401 for a wrong key, 400 for no websocket; a wrong parameter is an ``Error`` and a close after the door is open."""
    if peer.path != "/v3/ws" or not peer.is_socket:
        await peer.answer(404 if peer.path != "/v3/ws" else 400, '{"error": "not here"}')
        return
    if KEY not in {peer.headers.get("authorization", ""), peer.param("token")}:
        await peer.answer(401, '{"error": "Not authorized"}')
        return
    await peer.accept()
    wrong = _wrong(peer)
    if wrong:
        await peer.send_json({"type": "Error", "error_code": 3006, "error": f"Input validation error: {wrong}"})
        await peer.close(3006, f"Input validation error: {wrong}")
        async for _ in peer.messages():
            pass
        return
    listener = _Streaming(peer, ear(peer, peer.param("encoding", "pcm_s16le"), int(peer.param("sample_rate"))))
    listener.begin()
    await listener.run()


def _wrong(peer: Peer) -> str:
    if peer.param("speech_model", "universal-streaming-english") not in MODELS:
        return "speech_model"
    if peer.param("encoding", "pcm_s16le") not in {"pcm_s16le", "pcm_mulaw"}:
        return "encoding"
    if not peer.param("sample_rate").isdigit() or not 8_000 <= int(peer.param("sample_rate")) <= 48_000:
        return "sample_rate"
    try:
        terms = json.loads(peer.param("keyterms_prompt", "[]"))
    except ValueError:
        return "keyterms_prompt is no JSON"
    if not isinstance(terms, list) or len(terms) > 100 or any(not isinstance(term, str) or len(term) > 50 for term in terms):
        return "keyterms_prompt"
    return "" if len(peer.params("keyterms_prompt")) <= 1 else "keyterms_prompt is given once"


class _Streaming(Listener):
    def __init__(self, peer: Peer, ear: Ear) -> None:
        super().__init__(peer, ear)
        self._turn = 0
        self._given = 0
        self._speaking = False
        self._turn_at = 0
        self._opened = anyio.current_time()
        self._silence_ms = int(peer.param("min_turn_silence", peer.param("min_end_of_turn_silence_when_confident", "400")))

    def begin(self) -> None:
        """The first message."""
        model = self.peer.param("speech_model", "universal-streaming-english")
        told = {"model": model, "mode": self.peer.param("mode", "balanced"), "api_version": "2025-05-12"}
        name = f"00000000-0000-4000-8000-{self.peer.number:012d}"
        self.say({"type": "Begin", "id": name, "expires_at": 1_900_000_000, "configuration": told}, drawn(self.peer, "begin", 0.0))
        if "talkative" in self.quirks:
            self.say({"type": "Warning", "warning_code": 1, "warning": "the weather"})
            self.say({"type": "Silence", "start_ms": 0, "end_ms": 1})
            beat = {"total_audio_received_ms": 1, "total_duration_ms": 1, "realtime_factor": 0.9, "max_speech_probability": 0.1}
            self.say({"type": "Heartbeat"} | beat)

    def hop(self, *, loud: bool) -> None:
        ear = self.ear
        if loud and not self._speaking:
            self._speaking = True
            self.say({"type": "SpeechStarted", "timestamp": self._ms(ear.position)})
        if self._speaking and ear.position >= self._turn_at:
            self._turn_at = ear.position + round(drawn(self.peer, "turn_every", 0.25) * ear.rate)
            if self._words():
                self._tell(ended=False)

    def due(self) -> int | None:
        if not self._speaking or self.ear.loud:
            return None
        wait = self._silence_ms if self.ear.complete else max(3_000, self._silence_ms)
        return self.ear.loud_end + wait * self.ear.rate // 1_000

    def decide(self, sample: int) -> None:
        del sample
        self.ear.settle()
        self._speaking = False
        self._end()

    def control(self, message: dict[str, Any]) -> bool:
        self.woken = anyio.current_time()
        match message.get("type"):
            case "KeepAlive":
                pass
            case "ForceEndpoint":
                self.ear.settle()
                if not self.ear.loud:
                    self._speaking = False
                if "no_endpoint" not in self.quirks:
                    self._end()
            case "UpdateConfiguration":
                self._silence_ms = int(message.get("min_turn_silence") or self._silence_ms)
            case "Terminate":
                self.ear.settle()
                self._end()
                heard, lasted = self.ear.position // self.ear.rate, round(anyio.current_time() - self._opened)
                self.say({"type": "Termination", "audio_duration_seconds": heard, "session_duration_seconds": lasted})
                self.close(1000)
                return False
            case _:
                return self._refuse(4101, "Endpoint received a message with an invalid schema")
        return True

    def refuse(self, packet: bytes) -> bool:
        width = 2 if self.peer.param("encoding", "pcm_s16le") == "pcm_s16le" else 1
        length = len(packet) / width / self.ear.rate * 1_000
        if not LEAST_MS <= length <= MOST_MS:
            return not self._refuse(3007, f"Input duration violation: {length:g} ms. Expected between 50 and 1000 ms")
        ahead = self.peer.option("too_fast", None)
        if ahead is not None and self.ear.position / self.ear.rate > anyio.current_time() - self._opened + ahead:
            return not self._refuse(4029, "Client sent audio too fast")
        return False

    def idle(self) -> tuple[float, int, str] | None:
        seconds = self.peer.param("inactivity_timeout")
        return (float(seconds), 4031, "Session idle for too long") if seconds else None

    def _refuse(self, code: int, text: str) -> bool:
        self.say({"type": "Error", "error_code": code, "error": text})
        self.close(code)
        return False

    def _words(self) -> list[Heard]:
        return self.ear.words()[self._given :]

    def _end(self) -> None:
        words = self._words()
        if not words:
            return
        self._tell(ended=True)
        if self.peer.param("format_turns").lower() == "true":
            self._tell(ended=True, formatted=True)
        self._given += len(words)
        self._turn += 1

    def _tell(self, *, ended: bool, formatted: bool = False) -> None:
        words = self._words()
        final = words if ended else words[:-1]
        text = " ".join(word.text for word in final) if formatted else " ".join(_plain(word.text) for word in final)
        told = {
            "type": "Turn", "turn_order": self._turn, "turn_is_formatted": formatted, "end_of_turn": ended, "transcript": text,
            "end_of_turn_confidence": 0.9 if ended else 0.2, "utterance": text if ended else "",
            "words": [self._word(word, final=number < len(final)) for number, word in enumerate(words)],
        }  # fmt: skip
        self.say(told, drawn(self.peer, "final", 0.0) if ended else 0.0)

    def _word(self, word: Heard, *, final: bool) -> dict[str, Any]:
        start, end = self._ms(word.start), self._ms(word.end)
        if "backwards" in self.quirks:
            start, end = end, start
        sure = 0.0 if "unsure" in self.quirks else word.confidence
        return {"text": _plain(word.text), "start": start, "end": end, "confidence": sure, "word_is_final": final}

    def _ms(self, sample: int) -> int:
        return sample * 1_000 // self.ear.rate


def _plain(text: str) -> str:
    """As the vendor writes words before it formats them."""
    return text.lower().strip(".,?!")
