"""The double of Deepgram Flux, ``v2/listen``.

Options: ``say`` or ``lexicon`` (see ``_ear``), ``start``, ``eager`` and ``end`` (seconds after the audio instant at which speech began or
ended; numbers or ``Latency``), ``lag`` (seconds by which every message is late), ``update_every`` (seconds of audio), ``resumes`` (so
many times an eager end is taken back before the end), ``idle`` (seconds without audio until it closes), and ``quirks``: ``other_end``
(the end has a word more than the eager one, which the vendor rules out), ``backwards``, ``unsure``, ``trigger`` (one that nobody knows),
``mute`` (no updates).
"""

from __future__ import annotations

from typing import Any

from offhook.testing.vendors import deepgram
from offhook.testing.vendors._ear import CONTAINERS, Ear, Heard, Listener, drawn, ear
from offhook.testing.vendors.server import Peer

KNOWN = frozenset(
    "model encoding sample_rate eager_eot_threshold eot_threshold eot_timeout_ms keyterm language_hint mip_opt_out numerals "
    "profanity_filter redact tag".split()
)


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
    listener = _Flux(peer, ear(peer, peer.param("encoding"), int(peer.param("sample_rate"))))
    listener.tell("Connected")
    await listener.run()


def _number(peer: Peer, name: str, default: float) -> float:
    try:
        return float(peer.param(name, str(default)))
    except ValueError:
        return float("nan")


def _wrong(peer: Peer) -> str:
    unknown = {name for name, _ in peer.query} - KNOWN
    if unknown:
        return f"unknown: {', '.join(sorted(unknown))}"
    if peer.param("model") not in {"flux-general-en", "flux-general-multi"}:
        return "model"
    if peer.param("language_hint") and peer.param("model") != "flux-general-multi":
        return "language_hint is for flux-general-multi"
    if peer.param("encoding") not in {"linear16", "mulaw", "alaw"}:
        return "encoding"
    if peer.param("sample_rate") not in {"8000", "16000", "24000", "44100", "48000"}:
        return "sample_rate"
    if not 0.5 <= _number(peer, "eot_threshold", 0.7) <= 1.0:
        return "eot_threshold"
    if not 0.3 <= _number(peer, "eager_eot_threshold", 0.3) <= min(0.9, _number(peer, "eot_threshold", 0.7)):
        return "eager_eot_threshold"
    return "" if 500 <= _number(peer, "eot_timeout_ms", 5_000) <= 60_000 else "eot_timeout_ms"


class _Flux(Listener):
    def __init__(self, peer: Peer, ear: Ear) -> None:
        super().__init__(peer, ear)
        self._sequence = 0
        self._turn = 0
        self._state = "initial"
        self._given = 0
        """Words of earlier turns."""
        self._from = 0
        self._heard_from: int | None = None
        self._update_at = self._step
        self._eager_on = bool(peer.param("eager_eot_threshold"))
        self._eot = _number(peer, "eot_threshold", 0.7)
        self._timeout = _number(peer, "eot_timeout_ms", 5_000) / 1_000
        self._resumes = 0
        self._delays = self._draw()

    @property
    def _step(self) -> int:
        return round(drawn(self.peer, "update_every", 0.24) * self.ear.rate)

    def _draw(self) -> tuple[float, float, float]:
        return drawn(self.peer, "start", 0.1), drawn(self.peer, "eager", 0.11), drawn(self.peer, "end", 0.26)

    def hop(self, *, loud: bool) -> None:
        ear = self.ear
        if loud and self._state == "initial" and self._heard_from is None:
            self._heard_from = ear.position
        begun = self._heard_from
        if self._state == "initial" and begun is not None and ear.position - begun >= self._delays[0] * ear.rate:
            self._state = "speaking"
            self._info("StartOfTurn", 0.1)
        elif loud and self._state == "awaiting":
            self._state = "speaking"
            self._info("TurnResumed", 0.1)
        if ear.position >= self._update_at and "mute" not in self.quirks:
            self._update_at = ear.position + self._step
            self._info("Update", 0.1)

    def due(self) -> int | None:
        ear, (_, eager, end) = self.ear, self._delays
        if self._state == "initial" or ear.loud:
            return None
        ends = ear.loud_end + round((end if self._eot < 1 and ear.complete else self._timeout) * ear.rate)
        if self._state == "speaking" and self._eager_on and ear.complete:
            return min(ends, ear.loud_end + round(eager * ear.rate))
        return ends

    def decide(self, sample: int) -> None:
        ear, end = self.ear, self._delays[2]
        ear.settle()
        if self._state == "speaking" and self._eager_on and sample - ear.loud_end < round(min(end, self._timeout) * ear.rate):
            self._state = "awaiting"
            self._info("EagerEndOfTurn", 0.5)
            if self._resumes < int(self.peer.option("resumes", 0)):
                self._resumes += 1
                self._state = "speaking"
                self._info("TurnResumed", 0.2)
            return
        timed_out = self._eot >= 1 or not ear.complete
        self._end("timeout" if timed_out else "weather" if "trigger" in self.quirks else "model")

    def control(self, message: dict[str, Any]) -> bool:
        match message.get("type"):
            case "ForceEndTurn":
                self.ear.settle()
                if self._state != "initial":
                    self._end("manual")
            case "Configure":
                self._configure(message)
            case "CloseStream":
                self._info("Update", 0.1)
                self.close(None)
                return False
            case _:
                self.tell("Error", code="UNPARSABLE_CLIENT_MESSAGE", description="the message is none of ours")
                self.close(1011)
                return False
        return True

    def _configure(self, message: dict[str, Any]) -> None:
        thresholds = message.get("thresholds") or {}
        self._eot = float(thresholds.get("eot_threshold", self._eot))
        self._timeout = float(thresholds.get("eot_timeout_ms", self._timeout * 1_000)) / 1_000
        self._eager_on = bool(thresholds.get("eager_eot_threshold", self._eager_on))
        self.tell("ConfigureSuccess", thresholds=thresholds, keyterms=message.get("keyterms", []))

    def refuse(self, packet: bytes) -> bool:
        if self.ear.position or not packet.startswith(CONTAINERS):
            return False
        self.tell("Error", code="UNSUPPORTED_AUDIO", description="the audio does not match its encoding")
        self.close(1008)
        return True

    def idle(self) -> tuple[float, int, str] | None:
        return drawn(self.peer, "idle", 10.0), 1011, "NET-0001"

    def tell(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - fields of the message
        """A message with its number."""
        head = {"type": kind, "request_id": deepgram.request_id(self.peer), "sequence_id": self._sequence}
        self._sequence += 1
        self.say(head | fields, drawn(self.peer, "lag", 0.0))

    def _end(self, trigger: str) -> None:
        extra = [Heard("indeed", self.ear.loud_end - 1, self.ear.loud_end, 0.9)] if "other_end" in self.quirks else []
        self._info("EndOfTurn", 0.8, trigger=trigger, extra=extra)
        self._given = len(self.ear.words())
        self._from = self.ear.position
        self._turn += 1
        self._resumes = 0
        self._state, self._heard_from = "initial", None
        self._delays = self._draw()

    def _info(self, event: str, sure: float, trigger: str = "", extra: list[Heard] | None = None) -> None:
        rate = self.ear.rate
        speaking = self._state != "initial"
        words = [*self.ear.words(least=1)[self._given :], *(extra or [])] if speaking else []
        fields: dict[str, Any] = {
            "event": event, "turn_index": self._turn, "audio_window_start": self._from / rate, "audio_window_end": self.ear.position / rate,
            "transcript": " ".join(word.text for word in words), "words": [self._word(word) for word in words],
            "end_of_turn_confidence": sure,
        }  # fmt: skip
        if trigger:
            fields["trigger"] = trigger
        if self.peer.param("language_hint"):
            fields["languages_hinted"] = self.peer.params("language_hint")
        self.tell("TurnInfo", **fields)

    def _word(self, word: Heard) -> dict[str, Any]:
        start, end = word.start / self.ear.rate, word.end / self.ear.rate
        if "backwards" in self.quirks:
            start, end = end, start
        return {"word": word.text, "confidence": 0.0 if "unsure" in self.quirks else word.confidence, "start": start, "end": end}
