"""A recogniser that does not go away: when the one that listens fails, is stuck or cannot be reached, the next takes over in mid-word.

What has been final stays as it is; from there on the audio is kept, and whoever takes over is told it again, faster than it was said.
Segments go on counting. Positions are the call's throughout.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import anyio

from offhook.core.audio.format import AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.audio.link import link
from offhook.engine.failover.ear import Ear, SttPolicy
from offhook.engine.failover.health import Candidate, Replaced
from offhook.engine.failover.race import Closer
from offhook.engine.failover.retelling import Retelling
from offhook.engine.failover.search import Search
from offhook.engine.failover.silence import Silence
from offhook.errors import BadOutput, FormatError, ProviderError, Timeout, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Behind, Heard, Stt, SttEvent, SttHints, VendorSpeech

ID = "stt/steady"


class SteadySttSession:
    """One call's ears; see SttSession. Nothing runs for it but its iteration."""

    def __init__(self, owner: SteadyStt, format: AudioFormat, locale: str, hints: SttHints) -> None:
        self._owner = owner
        self._policy = owner.policy
        self._format = format
        self._locale = locale
        self._hints = hints
        self._ear: Ear | None = None
        self._own_endpointing = owner.spec.own_endpointing
        self._queue: deque[SttEvent] = deque()
        policy = owner.policy
        self._retelling = Retelling(format, policy, lambda end: self._silence.settled(end))
        self._tape, self._words = self._retelling.tape, self._retelling.words
        self._silence = Silence(policy, self._tape, owner.candidates, owner.failed)
        self._search: Search[Stt] = Search("stt", owner.candidates, policy.connect, policy.limit, policy.again, owner.failed)
        self._gave_up: Timeout | None = None
        self._adopted = False
        self._lost_at = anyio.current_time()
        self._lost = 0
        self._stalled = False
        self._scope: anyio.CancelScope | None = None
        self._idle = anyio.Event()
        self._idle.set()
        self._closed = False
        self._seconds = 0.0
        self._oddities: Counter[str] = Counter()

    # -- what the engine sees ------------------------------------------------------------------------------------------

    @property
    def own_endpointing(self) -> bool:
        """Whether the recogniser that listens now decides about turns itself. May change with any replacement: ask at each use."""
        return self._own_endpointing

    @property
    def provider(self) -> str:
        """Name, in the plan, of the recogniser that listens now; empty while there is none."""
        return self._ear.candidate.name if self._ear is not None else ""

    @property
    def seconds(self) -> float:
        """Of audio that recognisers were sent; what was sent to two of them counts twice."""
        return self._seconds + (self._ear.seconds if self._ear is not None else 0.0)

    @property
    def oddities(self) -> Counter[str]:
        """What recognisers sent and could not be used."""
        return self._oddities + (self._ear.oddities if self._ear is not None else Counter())

    @property
    def lost(self) -> int:
        """Samples that no recogniser was told, since none was there for too long."""
        return self._lost

    def push(self, audio: PcmFrame | Packet) -> None:
        """Take the next audio. FormatError when it is not in the session's format."""
        if audio.format != self._format:
            raise FormatError(f"{ID} was opened for {self._format} and given {audio.format}")
        data = audio.payload if isinstance(audio, Packet) else audio.data
        if len(data) % self._format.sample_bytes:
            raise FormatError(f"{ID} was given {len(data)} bytes of {self._format}, which are not whole samples")
        if self._closed or not data:
            return
        head = self._tape.head
        self._tape.audio(data)
        if self._ear is None:
            self._lost += self._tape.head - head
        self._tell(self._policy.speed * self._format.samples_in(len(data)))
        self._watch()

    def speech_started(self, sample: int) -> None:
        """Speech began at this sample. To be called whoever does the endpointing: it is how a stuck recogniser is noticed."""
        self._silence.started(sample)
        self._tape.mark("started", sample)
        self._tell(0)

    def speech_stopped(self, sample: int) -> None:
        """Speech paused after this sample."""
        self._silence.stopped(sample, settled=self._retelling.is_settled(sample), known=self._words.open)
        self._tape.mark("stopped", sample)
        self._tell(0)
        self._retelling.stopped(sample)

    def listen(self) -> None:
        """The caller's turn is used up: its audio and words are nobody's business any more."""
        self._retelling.used_up(speaking=self._silence.speaking)
        self._queue.clear()
        self._silence.used_up()
        if self._ear is not None:
            self._ear.align(self._tape.end)
            self._ear.session.listen()

    def rest(self) -> list[Heard]:
        """Words that were told and not passed on yet, to be asked for when nobody iterates any more: they are all that will be had."""
        told = [event for event in self._queue if isinstance(event, Heard)]
        self._queue.clear()
        return told + (self._retelling.part(self._ear) if self._ear is not None else [])

    def __aiter__(self) -> AsyncIterator[SttEvent]:
        return self

    async def __anext__(self) -> SttEvent:
        """The next event. Raises the last ProviderError when no recogniser can be had; iterating again tries them all anew."""
        self._idle = anyio.Event()
        try:
            while not self._closed:
                if self._queue:
                    return self._queue.popleft()
                with anyio.CancelScope() as self._scope:
                    await self._step()
        finally:
            self._scope = None
            self._idle.set()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close promptly; idempotent."""
        self._closed = True
        if self._scope is not None:
            self._scope.cancel()
            with anyio.move_on_after(1.0):
                await self._idle.wait()
        ear, self._ear = self._ear, None
        if ear is not None:
            self._owner.served(ear.candidate.name)
            self._release(ear)
        self._queue.clear()
        await self._owner.closer.drain()

    # -- one recogniser after the other -------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Have the first recogniser; raises ProviderError."""
        self._adopt(await self._find(self._policy.ring_stagger))

    async def revive(self) -> None:
        """Have a recogniser after the iteration has raised for want of one; raises the last ProviderError. Nothing kept is lost by it."""
        self._search.tried.clear()
        if self._ear is None:
            ear = await self._find(self._policy.stagger)
            if self._closed:
                self._release(ear)
            else:
                self._adopt(ear)

    async def _step(self) -> None:
        """Wait for an event and queue what it means; have a recogniser first if there is none."""
        if self._ear is None:
            try:
                found = await self._find(self._policy.stagger)
            finally:
                self._search.tried.clear()
            self._adopt(found)
            return
        ear = self._ear
        event: SttEvent | None = None
        try:
            with anyio.move_on_after(self._policy.through if self._retelling.withholds else None) as waiting:
                event = await ear.next()
            if waiting.cancelled_caught:
                self._queue.extend(self._retelling.release(ear))
        except ProviderError as error:
            self._lose(ear, error)
        except FormatError as error:
            self._lose(ear, BadOutput(ear.candidate.name, error.public))
        except StopAsyncIteration:
            if not self._closed:
                self._lose(ear, Unavailable(ear.candidate.name, "the recogniser ended the session by itself"))
        finally:
            stalled, self._stalled = self._stalled, False
            if stalled and event is None and self._ear is ear:
                self._give_up(ear)
        if event is not None:
            self._take(ear, event)

    async def _find(self, stagger: float) -> Ear:
        """The first recogniser that is there, those with an open breaker last. Raises the last ProviderError."""
        _, ear = await self._search.find(self._open, stagger=stagger, release=lambda found: self._release(found[1]))
        return ear

    async def _open(self, candidate: Candidate[Stt]) -> Ear:
        hop = link((self._format,), candidate.provider.spec.formats, between=("the call", candidate.name))
        session = await candidate.provider.open(hop.target, self._locale, self._hints)
        candidate.health.busy += 1
        return Ear(candidate, session, self._format, hop.target, hop.open(), anyio.current_time())

    def _adopt(self, ear: Ear) -> None:
        """A recogniser is there: it is told what has not been final, and its segments follow those that were."""
        now = anyio.current_time()
        self._queue.extend(self._retelling.adopt(ear))
        self._ear = ear
        self._own_endpointing = ear.candidate.provider.spec.own_endpointing
        self._silence.sign()
        why = self._search.why
        if why is not None and (self._adopted or ear.candidate is not self._owner.candidates[0]):
            reason = "stalled" if why is self._gave_up else type(why).__name__
            self._owner.replaced(Replaced("stt", self._search.failed, ear.candidate.name, reason, now - self._lost_at))
        self._search.why = None
        self._adopted = True
        self._behind()
        if self._tape.speaking_at_head:
            ear.session.speech_started(0)
        self._tell(round(self._policy.burst * self._format.rate))

    def _lose(self, ear: Ear, error: ProviderError) -> None:
        """The recogniser failed. One that never said a word is not asked again in the same search."""
        if not ear.lives:
            self._search.tried.add(ear.candidate.name)
        self._search.blame(ear.candidate, error)
        self._part(ear)

    def _give_up(self, ear: Ear) -> None:
        """The recogniser says nothing. Whether that is its fault is known when another one has heard words there."""
        error = Timeout(ear.candidate.name, "the recogniser had nothing to say about speech")
        self._silence.suspect(ear.candidate, error)
        self._search.lost(ear.candidate, error)
        self._gave_up = error
        self._part(ear)

    def _part(self, ear: Ear) -> None:
        self._lost_at = anyio.current_time()
        self._ear = None
        self._queue.extend(self._retelling.part(ear))
        self._release(ear)
        self._behind()

    def _behind(self) -> None:
        """Say so if there may be words that nobody has told."""
        if self._silence.speaking or self._silence.owes or self._words.open:
            self._queue.append(Behind())

    def _release(self, ear: Ear) -> None:
        ear.candidate.health.busy -= 1
        if not ear.lives:
            ear.candidate.health.dropped()
        self._seconds += ear.seconds
        self._oddities += ear.oddities
        self._owner.closer.add(ear.aclose)

    # -- what it is told, and what it says ----------------------------------------------------------------------------

    def _tell(self, most: int) -> None:
        if self._ear is not None and not self._closed:
            self._retelling.tell(self._ear, most)

    def _watch(self) -> None:
        """Notice a recogniser that has nothing to say about speech."""
        if self._ear is not None and not self._stalled and self._silence.lasts(vendor_ends=self._own_endpointing):
            self._stalled = True
            if self._scope is not None:
                self._scope.cancel()

    def _take(self, ear: Ear, event: SttEvent) -> None:
        self._silence.sign()
        if not ear.lives:
            ear.lives = True
            ear.candidate.health.ok()
        match event:
            case Heard():
                heard = self._retelling.place(ear, event)
                if heard.text.strip():
                    self._silence.words(heard.start)
                self._queue.extend(self._retelling.heard(ear, heard))
            case VendorSpeech():
                self._queue.append(replace(event, sample=min(self._tape.end, ear.here(event.sample))))
            case _:
                self._queue.append(event)


@dataclass(slots=True)
class SteadyStt:
    """Recognisers in the plan's order as one. ``failed`` and ``replaced`` hear of what went wrong, for counts and traces."""

    candidates: Sequence[Candidate[Stt]]
    closer: Closer = field(default_factory=Closer)
    policy: SttPolicy = field(default_factory=SttPolicy)
    failed: Callable[[ProviderError], None] = lambda _: None
    replaced: Callable[[Replaced], None] = lambda _: None
    served: Callable[[str], None] = lambda _: None
    """Hears whose session has ended well, by the plan's name."""
    released: Callable[[], None] = lambda: None
    """Told once that the call has no more use for them."""

    @property
    def spec(self) -> ProviderSpec:
        """The first one's capabilities; all formats of all, since audio is converted for whoever needs it."""
        if not self.candidates:
            return ProviderSpec(id=ID, kind="stt")
        specs = [one.provider.spec for one in self.candidates]
        formats = tuple(dict.fromkeys(one for spec in specs for one in spec.formats))
        return replace(specs[0], id=ID if len(specs) > 1 else specs[0].id, formats=formats)

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> SteadySttSession:
        """Open a session with the first recogniser that is there; raises the last one's ProviderError."""
        if self.candidates and format not in self.spec.formats:
            raise FormatError(f"{ID} accepts {', '.join(map(str, self.spec.formats))}, not {format}")
        session = SteadySttSession(self, format, locale, hints)
        await session.begin()
        return session

    async def aclose(self) -> None:
        """Close what was thrown away; the providers themselves are the lineup's. Idempotent."""
        released, self.released = self.released, lambda: None
        released()
        await self.closer.drain()
