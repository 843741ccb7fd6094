"""What somebody on a second leg says, stretch by stretch: a recogniser and a detector, and none of the turn-taking that a caller has."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from offhook.core.audio.format import AudioFormat
from offhook.core.audio.frame import PcmFrame
from offhook.core.audio.link import link
from offhook.core.speech.gate import Gate, GateSettings
from offhook.engine.hear import Ears
from offhook.engine.metering import Meter
from offhook.errors import OffhookError
from offhook.ports.stt import Heard, SttSession
from offhook.ports.transport import MediaIn

LEAVES_S = 1.0


class PersonEar:
    """One person's. ``run`` it while they are listened to; without a recogniser it hears nothing, and they have their keys."""

    def __init__(self, ears: Ears, format_in: AudioFormat, heard: Callable[[str], None], failed: Callable[[OffhookError], None]) -> None:
        self._ears = ears
        self._heard = heard
        self._failed = failed
        self._stt: SttSession | None = None
        self._gate = Gate(GateSettings())
        self._for_detector = link((format_in,), (ears.detector.format,), between=("the person", "vad")).open()
        self._for_stt = link((format_in,), (ears.to_stt.target,), between=("the person", "stt")).open()
        self._listener = ears.detector.listen(self._window)
        self._position = 0

    def media(self, media: MediaIn) -> None:
        """Take their audio, once there is a recogniser. What was lost on the way is left out: a word is short."""
        if self._stt is None:
            return
        self._listener.push(self._for_detector.feed(media.data))
        audio = self._for_stt.feed(media.data)
        if audio:
            target = self._ears.to_stt.target
            self._stt.push(PcmFrame(audio, target, self._position))
            self._position += target.samples_in(len(audio))

    def _window(self, probability: float, start: int, end: int) -> None:
        edge = self._gate.feed(probability, start, end)
        if edge is None or self._stt is None:
            return
        sample = min(edge.sample * self._ears.to_stt.target.rate // self._ears.detector.format.rate, self._position)
        if edge.started:
            self._stt.speech_started(sample)
        else:
            self._stt.speech_stopped(sample)

    async def run(self, used: Meter) -> None:
        """Hear them, until it is cancelled or the recogniser breaks."""
        try:
            self._stt = session = await self._ears.reopen_stt()
        except OffhookError as error:
            self._failed(error)
            self._listener.close()
            return
        try:
            async for event in session:
                if isinstance(event, Heard) and event.final and event.text:
                    self._heard(event.text)
                    session.listen()
        except OffhookError as error:
            self._failed(error)
        finally:
            self._stt = None
            self._listener.close()
            with anyio.CancelScope(shield=True), anyio.move_on_after(LEAVES_S):
                await session.aclose()
            used.add(session)
