"""From the transport's audio to the turn core's events: detector, recogniser, completeness, end-of-turn hint.

Positions: the transport counts samples at its own rate from the beginning of the media. An instant is computed from a
position by how far behind the newest sample it lies, so a burst after a network stall does not look like silence. Nor does audio
that was lost: it is made up for (``core/audio/conceal.py``), and where it was, nothing is known of the caller's floor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

import anyio

from offhook.core.audio.conceal import Concealer, Lost
from offhook.core.audio.format import AudioFormat, silence
from offhook.core.audio.frame import PcmFrame
from offhook.core.audio.link import Link
from offhook.core.speech.gate import Edge, Gate, GateSettings
from offhook.core.time import MS, Duration, Instant, duration
from offhook.core.turn import events as ev
from offhook.core.turn.user import fold
from offhook.core.understand.complete import Expect, score
from offhook.core.understand.types import Context
from offhook.engine.detector import Detector
from offhook.engine.driver import Driver
from offhook.engine.failover.stt import SteadySttSession
from offhook.engine.failover.tape import Tape
from offhook.engine.scopes import CallScope
from offhook.errors import ProviderError
from offhook.inference import InferencePool, Priority
from offhook.ports.endpoint import Endpoint
from offhook.ports.stt import Behind, Heard, SttEvent, SttSession, VendorShift, VendorSpeech
from offhook.ports.transport import MediaIn

_HINT_SECONDS = 8
_AGAIN: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts to have a recogniser again."""
_SURE = 0.95
"""A recogniser's own end of a turn from which on it is none that may be taken back."""
_FRESH: Duration = 400 * MS
"""Speech that began again so shortly before a recogniser's end was not known to it."""
_INSISTS: Duration = 300 * MS
"""Speech that the detector goes on hearing so long after a recogniser's end is speech."""
_DOUBTED: Duration = 1_500 * MS
"""A recogniser that hears speech where the detector hears none is believed for so long after it."""
_SETTLES: Duration = 140 * MS
"""Words that have not changed for so long, in a pause, may be all of them."""
_KEPT = 30.0
"""Seconds of audio, at most, that are kept for a recogniser which is not there yet."""
_LEAD = 1.0
"""Seconds of the silence before speech that it is told too, since a detector is late."""
_SLACK = 0.35
"""Seconds: a final's end that lies so little before the end of speech means that one."""
_LAST = 8.0
"""Longest wait, in seconds, for the words of a caller who is gone: for a final, where a machine is busy too, or for another recogniser."""
_QUIET = 1.0
"""Seconds of silence after which a recogniser that decides on turns has decided."""


@dataclass(frozen=True, slots=True)
class Ears:
    """What a call hears with."""

    detector: Detector
    pool: InferencePool
    stt: SttSession
    reopen_stt: Callable[[], Awaitable[SttSession]]
    own_endpointing: bool
    to_detector: Link
    to_stt: Link
    endpoint: Endpoint | None


@dataclass(slots=True)
class HearingStats:
    """Instants of the caller's turn, for the ladder."""

    speech_begin: Instant | None = None
    speech_end: Instant | None = None
    final_at: Instant | None = None
    """When the last final words came."""
    began: Instant | None = None
    """When the last stretch of speech began."""
    spoken: float = 0.0
    """Seconds of speech in the open turn."""
    settling: bool = False
    """The turn core is being told that words have settled."""


class Hearing:
    """One call's ears."""

    def __init__(
        self,
        ears: Ears,
        driver: Driver,
        scope: CallScope,
        format_in: AudioFormat,
        context: Context,
        expecting: Callable[[], Expect],
        failed: Callable[[ProviderError], None],
        heard: Callable[[str, bool], None],
        guarded: Callable[[Callable[[float, int, int], None]], Callable[[float, int, int], None]],
        deaf: Callable[[bool], None] = lambda _: None,
        early: Callable[[], bool] = lambda: True,
    ) -> None:
        self.stats = HearingStats()
        self._ears = ears
        self._stt = ears.stt
        self._driver = driver
        self._scope = scope
        self._format = format_in
        self._context = context
        self._expecting = expecting
        self._failed = failed
        self._heard = heard
        self._deaf = deaf
        self._early = early
        self._gate = Gate(GateSettings())
        self._listener = ears.detector.listen(guarded(self._window))
        self._for_detector = ears.to_detector.open()
        self._for_stt = ears.to_stt.open()
        self._stt_position = 0
        self._stt_origin = 0
        self._position = 0
        self._gaps = Concealer(format_in)
        self._lost = Lost()
        """At the detector's rate."""
        self._unknown = 0
        """Samples at the detector's rate that were lost since speech was last heard: of them it is not known that they were silence."""
        self._segments: dict[int, str] = {}
        self._first_segment = 0
        self._changed: Instant | None = None
        """When words that are not final last changed; None where there are none, or once it was told that they have settled. Those of a
        recogniser that decides on turns, which listens all the time: what one that decodes now and then has not changed may be old.
        """
        self._recent: deque[bytes] = deque(maxlen=_HINT_SECONDS * 50)
        self._missed: Tape | None = None
        """What a recogniser that is not there yet is to be told first; None while one listens, or one that keeps that itself."""
        self._is_deaf = False
        self._shut = False
        self._speech_from = 0
        self._spoken = 0.0
        """Seconds of speech in the caller's open turn, without its pauses."""
        self._began: Instant | None = None
        """When the detector's last stretch of speech began."""
        self._pauses = 0
        """How often the caller paused in the open turn, by the detector."""
        self._vendor_ended = False
        """The recogniser has said that this turn may be over."""
        self._doubted: Instant | None = None
        """When the recogniser took a turn for over in which the detector still heard speech."""
        self._vendor_since: Instant | None = None
        """Since when it alone hears speech."""
        self._settled = 0
        """Words are final, or used up, to this sample of the recogniser's rate."""
        self._heard_out = anyio.Event()
        self._over = False
        """The caller is gone: words are kept, and mean nothing to the turn core any more."""

    def media(self, media: MediaIn) -> None:
        """Take the caller's audio. A gap is made up for with audio of its exact length, so that positions hold."""
        gap = media.start - self._position
        if 0 < gap <= self._format.rate * 10:
            self._make_up(gap)
        elif gap < 0 and -gap >= self._format.samples_in(len(media.data)):
            return
        self._position = media.start
        self._gaps.heard(media.data)
        self._push(media.data)

    def _make_up(self, gap: int) -> None:
        rate, own = self._ears.detector.format.rate, self._format.rate
        self._lost.add(self._position * rate // own, (self._position + gap) * rate // own)
        self._push(self._gaps.lost(gap))

    @property
    def speaking(self) -> bool:
        """Whether the detector hears speech."""
        return self._gate.speaking

    @property
    def concealed_ms(self) -> int:
        """How much of what the caller said was lost on the way, and made up for."""
        return self._gaps.concealed * 1_000 // self._format.rate

    def _push(self, data: bytes) -> None:
        self._position += self._format.samples_in(len(data))
        pcm = self._for_detector.feed(data)
        if pcm:
            if self._ears.endpoint is not None:
                self._recent.append(pcm)
            self._listener.push(pcm)
        audio = self._for_stt.feed(data)
        if audio:
            self._give(audio)

    def _give(self, audio: bytes) -> None:
        """Audio for the recogniser, or for the one that is to come."""
        if self._missed is not None:
            self._missed.audio(audio)
        else:
            self._tell(audio)

    def _tell(self, audio: bytes) -> None:
        target = self._ears.to_stt.target
        frame = PcmFrame(audio, target, self._stt_position)
        self._stt_position += target.samples_in(len(audio))
        self._stt.push(frame)

    @property
    def _told(self) -> int:
        """The call's samples, at the recogniser's rate, that it was told or will be."""
        return self._missed.end if self._missed is not None else self._stt_origin + self._stt_position

    def _mark(self, started: bool, sample: int) -> None:
        """Tell the recogniser of an edge, by a sample of the call at its rate."""
        if self._missed is not None:
            self._missed.mark("started" if started else "stopped", sample)
        elif started:
            self._stt.speech_started(max(0, sample - self._stt_origin))
        else:
            self._stt.speech_stopped(max(0, sample - self._stt_origin))

    def _by_detector(self, sample: int) -> int:
        """A sample of the recogniser's as one at the detector's rate."""
        return (self._stt_origin + sample) * self._ears.detector.format.rate // self._ears.to_stt.target.rate

    def _instant(self, sample: int) -> Instant:
        """When a sample, at the detector's rate, arrived."""
        rate = self._ears.detector.format.rate
        newest = self._position * rate // self._format.rate
        return self._driver.now() - duration(max(0, newest - sample), rate)

    def _window(self, probability: float, start: int, end: int) -> None:
        if self._shut:
            return
        # What was made up tells nothing: neither that the caller has stopped, nor that they have begun.
        edge = None
        if self._lost.most_of(start, end):
            self._unknown += end - start
        else:
            edge = self._gate.feed(probability, start, end)
            self._unknown = 0 if self._gate.last_speech == end else self._unknown
        at = self._driver.now()
        self._edge(edge, at)
        if self._changed is not None and self._gate.pausing and at - self._changed >= _SETTLES:
            self._changed = None
            self.stats.settling = self._early()
            if self.stats.settling:
                self._driver.feed(ev.Settled(at))
                self.stats.settling = False

    def _edge(self, edge: Edge | None, at: Instant) -> None:
        """What a window makes known of the caller's floor."""
        if edge is None:
            if self._doubted is not None and self._gate.speaking and at - self._doubted > _INSISTS:
                self._doubted = None
                self._driver.feed(ev.SpeechStarted(at, at))
            if self._vendor_since is not None and not self._gate.speaking and at - self._vendor_since > _DOUBTED:
                self._vendor_since = None
                self._driver.feed(ev.SpeechStopped(at, at))
            return
        since = min(at, self._instant(edge.sample + (0 if edge.started else self._unknown)))
        stt_sample = edge.sample * self._ears.to_stt.target.rate // self._ears.detector.format.rate
        rate = self._ears.detector.format.rate
        if edge.started:
            self._speech_from = edge.sample
            self._began, self._vendor_since, self._doubted = at, None, None
            self.stats.speech_begin = since if self.stats.speech_begin is None else self.stats.speech_begin
            self.stats.began = since
            self._mark(True, stt_sample)
            self._driver.feed(ev.SpeechStarted(at, since))
            return
        self._spoken += (edge.sample - self._speech_from) / rate
        self.stats.spoken = self._spoken
        self._pauses += 1
        self._doubted = None
        self.stats.speech_end = since
        self._mark(False, stt_sample)
        self._driver.feed(ev.SpeechStopped(at, since))
        if self._ears.endpoint is not None:
            self._scope.start(self._hint, "end-of-turn hint")

    async def _hint(self) -> None:
        endpoint = self._ears.endpoint
        if endpoint is None:
            return
        audio = b"".join(self._recent)
        stopped = self.stats.speech_end
        try:
            chance = await self._ears.pool.run(endpoint.score, audio, self._ears.detector.format, priority=Priority.ENDPOINT)
        except ProviderError:
            return
        if stopped == self.stats.speech_end and not self._gate.speaking:
            self._driver.feed(ev.ShiftScored(self._driver.now(), chance))

    def _seconds(self) -> float | None:
        """How long the caller has spoken in this turn; None while they speak."""
        return None if self._gate.speaking else self._spoken

    def listen(self) -> None:
        """The caller's turn is used up."""
        self._segments.clear()
        self._changed = None
        self._spoken = 0.0
        self._pauses = 0
        self._vendor_ended = False
        self.stats.speech_begin = None
        self._settled = self._told
        self._forget()

    def shut(self) -> None:
        """Nothing that is heard from now on matters, nor what was said before and is told late."""
        self._shut = True

    def keyed(self) -> None:
        """The caller uses the keys. What they said before that to nobody is not to be heard afterwards."""
        if self._is_deaf:
            self._forget()

    def _forget(self) -> None:
        if self._missed is None:
            self._stt.listen()
        else:
            self._missed.drop(self._missed.end, told=self._missed.next)
            self._missed.speaking_at_head = self._gate.speaking

    @property
    def text(self) -> str:
        """The caller's words of the open turn."""
        return " ".join(text for _, text in sorted(self._segments.items()) if text)

    async def run(self) -> None:
        """Turn the recogniser's events into the core's until the session ends; a broken session is replaced, and told what it missed."""
        while True:
            try:
                async for event in self._stt:
                    self._recognised(event)
                return
            except ProviderError as error:
                self._failed(error)
            revive = getattr(self._stt, "revive", None)
            if revive is None:
                self._missed = self._blank()
                await self._stt.aclose()
            await self._listen_again(revive or self._reopen)

    async def _listen_again(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Have a recogniser again. Without ears the call goes on by keys, and it is tried again and again."""
        for pause in chain(_AGAIN, repeat(_AGAIN[-1])):
            try:
                await attempt()
            except ProviderError as error:
                self._failed(error)
                if not self._is_deaf:
                    self._is_deaf = True
                    self._deaf(True)
                await anyio.sleep(pause)
                continue
            if self._is_deaf:
                self._is_deaf = False
                self._deaf(False)
            return

    async def _reopen(self) -> None:
        """Open a session in place of one that broke. It counts samples and segments from 0 again; words heard so far are kept."""
        self._stt = await self._ears.reopen_stt()
        missed, self._missed = self._missed, None
        if missed is None:
            return
        start, lead = missed.first_start(), round(_LEAD * missed.format.rate)
        missed.drop((missed.end if start is None else start) - lead)
        self._first_segment = max(self._segments, default=-1) + 1
        self._stt_origin, self._stt_position = missed.head, 0
        if missed.speaking_at_head:
            self._stt.speech_started(0)
        for item in missed.since(0):
            if item.what != "audio":
                self._mark(item.what == "started", item.at)
            elif item.data:
                self._tell(item.data)

    def _blank(self) -> Tape:
        """A tape that begins now."""
        tape = Tape(self._ears.to_stt.target, _KEPT)
        tape.head = tape.end = self._stt_origin + self._stt_position
        tape.speaking_at_head = self._gate.speaking
        return tape

    def _recognised(self, event: SttEvent) -> None:
        if self._shut:
            return
        at = self._driver.now()
        match event:
            case Heard():
                segment, before = self._first_segment + event.segment, self.text
                self._segments[segment] = event.text
                self._settle(event)
                if self._over:
                    return
                text = self.text
                if event.final or not text or not self._decides:
                    self._changed = None
                elif text != before and fold(text) != fold(before):
                    self._changed = at
                complete = score(text, self._expecting(), self._context, self._seconds()) if text else 0.0
                self._heard(text, event.final)
                if event.final:
                    self.stats.final_at = at
                    self._driver.feed(ev.Final(at, segment, event.text, complete))
                else:
                    self._driver.feed(ev.Partial(at, segment, event.text, complete))
            case VendorSpeech():
                self._vendor_speech(event, at)
            case VendorShift():
                self._vendor_shift(event.score, at)
            case Behind():
                self._driver.feed(ev.Behind(at))

    @property
    def _decides(self) -> bool:
        """Whether the recogniser at present decides on turns."""
        return bool(getattr(self._stt, "own_endpointing", self._ears.own_endpointing))

    def _vendor_speech(self, event: VendorSpeech, at: Instant) -> None:
        """The detector has the floor's edges, since it is the faster one. The recogniser's count where it knows better: a turn that it took
        for over goes on; somebody speaks whom the detector does not hear. One that took over from another tells of what is past.
        """
        if event.started:
            resumed, self._vendor_ended = self._vendor_ended, False
            self._doubted = None
            past = not self._gate.speaking and self._by_detector(event.sample) < self._gate.last_speech
            if past or (not resumed and (self._gate.speaking or self._pauses)):
                return
            self._vendor_since = None if self._gate.speaking else min(at, self._instant(self._by_detector(event.sample)))
            self.stats.speech_begin = at if self.stats.speech_begin is None else self.stats.speech_begin
            self._driver.feed(ev.SpeechStarted(at, at))
        elif self._vendor_since is not None:
            self._vendor_since = None
            self.stats.speech_end = at
            self._driver.feed(ev.SpeechStopped(at, at))

    def _vendor_shift(self, score: float, at: Instant) -> None:
        if not self._decides:
            self._driver.feed(ev.ShiftScored(at, score))
            return
        self._vendor_ended = True
        if self._gate.speaking and self._pauses and self._began is not None and at - self._began < _FRESH:
            return
        if self._gate.speaking:
            self.stats.speech_end = min(at, self._instant(self._gate.last_speech))
            self._doubted = at
        elif self._vendor_since is not None:
            # It alone heard speech, and hears none any more: over the agent no end of a turn would say so.
            self.stats.speech_end = at
            self._driver.feed(ev.SpeechStopped(at, at))
        self._vendor_since = None
        self._driver.feed(ev.TurnEnding(at, score >= _SURE))

    # -- the caller is gone -----------------------------------------------------------------------------------------------

    async def hear_out(self) -> None:
        """What the caller said last is recognised to its end, if that does not take long."""
        self._over = True
        if self._is_deaf or not self._owes:
            return
        self._heard_out = anyio.Event()
        if self._gate.speaking:
            self._mark(False, self._told)
        target = self._ears.to_stt.target
        self._give(silence(target, round(_QUIET * target.rate)))
        with anyio.move_on_after(_LAST):
            await self._heard_out.wait()

    @property
    def _owes(self) -> bool:
        """Whether the caller has spoken and the words of it are not final."""
        target = self._ears.to_stt.target
        spoken = self._gate.last_speech * target.rate // self._ears.detector.format.rate
        return spoken > self._settled

    def _settle(self, heard: Heard) -> None:
        if heard.final:
            slack = round(_SLACK * self._ears.to_stt.target.rate)
            self._settled = max(self._settled, self._stt_origin + heard.end + slack)
            if not self._owes:
                self._heard_out.set()

    @property
    def session(self) -> SttSession:
        """The recogniser's session at present."""
        return self._stt

    async def aclose(self) -> None:
        """Stop hearing; idempotent. Words that wait for better ones, which will not come any more, count as they are."""
        self._over = True
        self._listener.close()
        if isinstance(self._stt, SteadySttSession):
            for event in self._stt.rest():
                self._recognised(event)
        await self._stt.aclose()
