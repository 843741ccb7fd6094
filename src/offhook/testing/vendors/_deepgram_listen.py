"""The double of Deepgram's ``v1/listen``.

Options: ``say`` or ``lexicon`` (see ``_ear``), ``final`` (seconds from the decision to the final), ``interim_every`` and ``cut_every``
(seconds of audio), ``idle`` (seconds until NET-0001), and ``quirks``: ``empty_final`` (the final of words that an interim had is empty),
``no_speech_final``, ``no_finalize`` (Finalize gets no answer), ``end_twice`` (UtteranceEnd after every speech_final), ``start_twice``
(SpeechStarted), ``backwards`` (words that end before they start), ``unsure`` (confidence 0), ``overlap`` (a final repeats the last word
of the one before), ``bare`` (no words, no optional field).
"""

from __future__ import annotations

from typing import Any

import anyio

from offhook.testing.vendors import deepgram
from offhook.testing.vendors._ear import CONTAINERS, Ear, Heard, Listener, drawn, ear
from offhook.testing.vendors.server import Peer

MODELS = ("nova-3", "nova-2", "nova", "enhanced", "base")


async def serve(peer: Peer) -> None:
    """One connection: 400 for parameters that the vendor refuses."""
    if not peer.is_socket:
        await deepgram.refuse(peer, 400, "Bad Request", "a websocket is expected here")
        return
    wrong = _wrong(peer)
    if wrong:
        await deepgram.refuse(peer, 400, "INVALID_QUERY_PARAMETER", wrong)
        return
    await peer.accept({"dg-request-id": deepgram.request_id(peer)})
    await _Listen(peer, ear(peer, peer.param("encoding"), int(peer.param("sample_rate")))).run()


def _wrong(peer: Peer) -> str:
    if not peer.param("model").startswith(MODELS):
        return "model"
    if peer.param("encoding") not in {"linear16", "mulaw", "alaw"}:
        return "encoding"
    if not peer.param("sample_rate").isdigit() or not 8_000 <= int(peer.param("sample_rate")) <= 48_000:
        return "sample_rate"
    if peer.params("keyterm") and not peer.param("model").startswith("nova-3"):
        return "keyterm is for nova-3"
    if peer.param("utterance_end_ms") and peer.param("interim_results") != "true":
        return "utterance_end_ms needs interim_results"
    return "language" if peer.param("language", "en").partition("-")[0] in {"xx", ""} else ""


class _Listen(Listener):
    def __init__(self, peer: Peer, ear: Ear) -> None:
        super().__init__(peer, ear)
        self._from = 0
        """Where the audio begins that is not finalised."""
        self._given = 0
        """Words finalised."""
        self._speaking = False
        self._interim_at = 0
        self._shown = False
        self._utterance_open = False

    def hop(self, *, loud: bool) -> None:
        ear = self.ear
        if loud and not self._speaking:
            self._speaking = True
            if self.peer.param("vad_events") == "true":
                for _ in range(2 if "start_twice" in self.quirks else 1):
                    self.say({"type": "SpeechStarted", "channel": [0, 1], "timestamp": (ear.position - 80) / ear.rate})
        if self._speaking and ear.position >= self._interim_at and self.peer.param("interim_results") == "true":
            self._interim_at = ear.position + round(drawn(self.peer, "interim_every", 0.25) * ear.rate)
            if self._words():
                self._shown = True
                self._results(self._words())
        if self._speaking and ear.position - self._from >= drawn(self.peer, "cut_every", 4.0) * ear.rate:
            self._final({})

    def due(self) -> int | None:
        silence = self.peer.param("endpointing", "10")
        waits = []
        if self._speaking and silence != "false":
            wait = int(silence) if self.ear.complete else 3_000
            waits.append(self.ear.loud_end + wait * self.ear.rate // 1_000)
        gap = self.peer.param("utterance_end_ms")
        if gap and self._utterance_open and not self.ear.loud:
            waits.append(self.ear.loud_end + int(gap) * self.ear.rate // 1_000)
        return min(waits, default=None)

    def decide(self, sample: int) -> None:
        del sample
        if self._speaking:
            self._speaking = False
            self.ear.settle()
            if "no_speech_final" not in self.quirks:
                self._final({"speech_final": True})
                if "end_twice" in self.quirks:
                    self._utterance_end()
            return
        self._utterance_open = False
        self._utterance_end()

    def control(self, message: dict[str, Any]) -> bool:
        match message.get("type"):
            case "KeepAlive":
                self.woken = anyio.current_time()
            case "Finalize":
                self.ear.settle()
                if not self.ear.loud:
                    self._speaking = False
                if "no_finalize" not in self.quirks:
                    self._final({"from_finalize": True, "speech_final": True})
            case "CloseStream":
                self.ear.settle()
                if self._words():
                    self._final({"speech_final": True})
                self.say(self._metadata())
                self.close(1000)
                return False
            case "Configure":
                self.say(
                    {"type": "ConfigureSuccess", "request_id": deepgram.request_id(self.peer), "keyterms": message.get("keyterms", [])}
                )
            case _:
                told = {"type": "Error", "variant": "SchemaError", "description": "could not deserialize", "message": str(message)}
                self.say(told)
        return True

    def refuse(self, packet: bytes) -> bool:
        if self.ear.position or not packet.startswith(CONTAINERS):
            return False
        self.close(1008)
        return True

    def idle(self) -> tuple[float, int, str] | None:
        return drawn(self.peer, "idle", 10.0), 1011, "NET-0001"

    def _words(self) -> list[Heard]:
        return self.ear.words()[self._given :]

    def _final(self, flags: dict[str, Any]) -> None:
        words = self._words()
        empty = "empty_final" in self.quirks and self._shown
        told = self.ear.words()[self._given - 1 :] if "overlap" in self.quirks and self._given and words else words
        self._results([] if empty else told, is_final=True, **flags)
        self._given += len(words)
        self._from = self.ear.position
        self._shown = False
        self._utterance_open = self._utterance_open or bool(words)

    def _results(self, words: list[Heard], **flags: Any) -> None:  # noqa: ANN401 - fields of the message
        rate = self.ear.rate
        text = " ".join(word.text for word in words)
        sure = 0.0 if "unsure" in self.quirks else sum(word.confidence for word in words) / len(words) if words else 0.0
        best: dict[str, Any] = {"transcript": text}
        if "bare" not in self.quirks:
            best |= {"confidence": sure, "words": [self._word(word, sure) for word in words]}
        begin = min([self._from, *(word.start for word in words)]) if words else self._from
        told: dict[str, Any] = {
            "type": "Results", "channel_index": [0, 1], "duration": (self.ear.position - begin) / rate, "start": begin / rate,
            "is_final": False, "speech_final": False, "channel": {"alternatives": [best]},
        } | flags  # fmt: skip
        if "bare" not in self.quirks:
            model = {"name": "general-nova-3", "version": "2026-01-01.0", "arch": "nova-3"}
            told |= {"from_finalize": flags.get("from_finalize", False)}
            told["metadata"] = {
                "request_id": deepgram.request_id(self.peer),
                "model_uuid": deepgram.request_id(self.peer),
                "model_info": model,
            }
        self.say(told, drawn(self.peer, "final", 0.0) if flags else 0.0)

    def _word(self, word: Heard, sure: float) -> dict[str, Any]:
        start, end = word.start / self.ear.rate, word.end / self.ear.rate
        if "backwards" in self.quirks:
            start, end = end, start
        return {"word": word.text.lower().strip(".,?!"), "start": start, "end": end, "confidence": sure, "punctuated_word": word.text}

    def _utterance_end(self) -> None:
        words = self.ear.words()
        last = words[-1].end / self.ear.rate if words else -1
        self.say({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last}, drawn(self.peer, "final", 0.0))

    def _metadata(self) -> dict[str, Any]:
        return {
            "type": "Metadata", "transaction_key": "deprecated", "request_id": deepgram.request_id(self.peer), "sha256": "0" * 64,
            "created": "2026-01-01T00:00:00.000Z", "duration": self.ear.position / self.ear.rate, "channels": 1,
        }  # fmt: skip
