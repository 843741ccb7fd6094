"""A voice that does not go away: when the one that speaks fails, is late or sends what is no speech, the next goes on at a clause.

A clause of which nothing was given out is said again by the next one; where a voice is only late, by whichever sounds first, and never by
both. One that was begun is finished by nobody, since another voice in mid-sentence is worse than a pause: ``CutShort`` tells how far it
came, and the next ``speak`` is another's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import anyio
from anyio.abc import TaskGroup

from offhook.core.audio.format import AudioFormat
from offhook.core.audio.link import link
from offhook.engine.failover.clauses import Texts
from offhook.engine.failover.health import Candidate, Replaced
from offhook.engine.failover.race import Closer, alone
from offhook.engine.failover.search import Search
from offhook.engine.failover.take import Take, TtsPolicy, Voice
from offhook.errors import NOW, FormatError, ProviderError, Timeout, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.ports.tts import Speech, Tts

ID = "tts/steady"


class CutShort(ProviderError):
    """A clause was begun and is not finished: ``samples`` of it were given out, ``rest`` are its words that were not, as far as known."""

    default_retry = NOW

    def __init__(self, error: ProviderError, clause: int, samples: int, rest: str) -> None:
        super().__init__(error.provider, f"the voice stopped in the middle of a clause: {error.public}", detail=error.detail)
        self.clause = clause
        self.samples = samples
        self.rest = rest
        self.error = error


class _Reply:
    """What is said in one ``speak``: by one voice after the other, and at each clause by the one that sounds first."""

    def __init__(self, session: SteadyTtsSession, format: AudioFormat, policy: TtsPolicy, group: TaskGroup) -> None:
        self.texts = Texts()
        self._session = session
        self._format = format
        self._policy = policy
        self._group = group
        self._clause = 0
        """The one at hand, of which nothing or a part was given out."""
        self._takes: list[Take] = []
        """Who may say it, in the order in which they were asked."""
        self._past: list[Take] = []
        """Who was too late for a clause that another said, heard out while the reply lasts to know whether they work; and who leaves."""
        self._asking = False
        self._may_hedge = True
        self._failed: Counter[str] = Counter()
        """Who could not say the clause at hand."""
        self._news = anyio.Event()

    async def say(self) -> AsyncGenerator[Speech, None]:
        """All of it. Raises CutShort, and the last ProviderError when no voice can be had."""
        while True:
            take = next((one for one in self._takes if one.ready), None)
            if take is not None:
                speech = self._heard(take)
                yield speech
                continue
            self._over()
            if not self._takes and not self._asking:
                if not await self.texts.there(self._clause):
                    return
                voice = await self._session.voice(self._out_of_it())
                self._begin(voice)
            elif (due := self._due()) <= anyio.current_time():
                self._asking = True
                self._group.start_soon(self._hedge, name="the next voice")
            else:
                self._news = anyio.Event()
                with anyio.CancelScope(deadline=due):
                    await self._news.wait()

    def end(self) -> None:
        """No more of it is said, and whoever was at it has left."""
        for take in (*self._takes, *self._past):
            self._let_go(take)

    def _tell(self) -> None:
        self._news.set()

    def _begin(self, voice: Voice) -> None:
        take = Take(voice, self.texts, self._clause, self._format, self._policy, lambda: self._session.others(voice), self._tell)
        self._takes.append(take)
        self._group.start_soon(take.run, name="voice")

    def _heard(self, take: Take) -> Speech:
        """Take what a voice says; the first to say anything of the clause at hand has it."""
        first = self._takes.index(take)
        for late in self._takes[:first]:
            late.lose()
            self._session.late(late)
        for needless in self._takes[first + 1 :]:
            needless.drop()
        self._past += [other for other in self._takes if other is not take]
        self._takes = [take]
        self._session.adopt(take.voice)
        speech = take.pop()
        if speech.last:
            self._clause = speech.clause + 1
            self._failed.clear()
            self._may_hedge = True
        return speech

    def _over(self) -> None:
        """Take note of who has ended: well, or of a clause that another has to say, or cut short. Raises CutShort."""
        for take in [one for one in self._past if one.over]:
            self._past.remove(take)
            self._let_go(take)
        for take in [one for one in self._takes if one.over]:
            self._takes.remove(take)
            if take.error is None:
                continue
            error, clause = take.error, take.clause
            self._session.lose(take.voice, error, self)
            if clause.given:
                raise CutShort(error, clause.number, clause.given, clause.rest(self.texts.all[clause.number])) from error
            self._failed[take.voice.name] += 1 if error.retry.after == 0.0 else 2

    def _out_of_it(self) -> set[str]:
        """Whom not to ask for the clause at hand: who failed at it, and who is at it."""
        most = 1 if len(self._session.owner.candidates) > 1 else 2
        busy = {take.voice.name for take in (*self._takes, *self._past)}
        return busy | {name for name, count in self._failed.items() if count >= most}

    def _due(self) -> float:
        """When the next voice is asked beside those that are at it."""
        if self._asking or not self._takes or not self._may_hedge or not self._session.others(*(take.voice for take in self._takes)):
            return math.inf
        return max(take.due for take in self._takes)

    async def _hedge(self) -> None:
        """Ask the next voice for the clause at hand too."""
        clause = self._clause
        try:
            voice = await self._session.find(self._out_of_it())
        except ProviderError:
            # There is nobody else; those that were asked may still come.
            self._may_hedge = False
        else:
            if clause == self._clause and all(not take.clause.given for take in self._takes):
                self._begin(voice)
            else:
                self._session.let_go(voice)
        finally:
            self._asking = False
            self._tell()

    def _let_go(self, take: Take) -> None:
        error = take.error
        if error is None and take.overdue():
            error = Timeout(take.voice.name, "the voice did not begin in time")
        self._session.let_go(take.voice, error)


class SteadyTtsSession:
    """One call's voice; see TtsSession."""

    def __init__(self, owner: SteadyTts, voice: str, locale: str, format: AudioFormat) -> None:
        policy = owner.policy
        self.owner = owner
        self._wanted = voice
        self._locale = locale
        self._format = format
        self._search: Search[Tts] = Search("tts", owner.candidates, policy.connect, policy.limit, policy.again, owner.failed)
        self._voice: Voice | None = None
        self._reply: _Reply | None = None
        self._adopted = False
        self._lost_at = anyio.current_time()
        self._closed = False
        self._characters = 0
        self._counts: Counter[str] = Counter()

    @property
    def characters(self) -> int:
        """That voices were sent; what two of them were sent counts twice."""
        return self._characters + (self._voice.characters if self._voice is not None else 0)

    @property
    def counts(self) -> Counter[str]:
        """What voices sent and could not be used."""
        return self._counts + (self._voice.counts if self._voice is not None else Counter())

    @property
    def provider(self) -> str:
        """Name, in the plan, of the voice that speaks now; empty while there is none."""
        return self._voice.candidate.name if self._voice is not None else ""

    async def begin(self) -> None:
        """Have the first voice; raises ProviderError."""
        self._have(await self.find(set(), self.owner.policy.ring_stagger))

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Speech, None]:
        """Audio of each clause. Raises CutShort for a clause that was begun, and the last ProviderError when no voice can be had.

        To be iterated in one task, and closed (``contextlib.aclosing``) where it is left before its end.
        """
        if self._closed:
            raise Unavailable(ID, "the voice session is closed")
        reply: _Reply | None = None
        try:
            async with anyio.create_task_group() as group:
                reply = self._reply = _Reply(self, self._format, self.owner.policy, group)
                group.start_soon(reply.texts.read, clauses, name="clauses")
                async with aclosing(reply.say()) as speeches:
                    async for speech in speeches:
                        yield speech
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            found = alone(errors)
            raise found from found.__cause__
        finally:
            if reply is not None:
                reply.end()

    async def voice(self, excluded: set[str]) -> Voice:
        """The voice that speaks now, or another one that is not excluded by name. Raises the last ProviderError."""
        if self._voice is None and not self._closed:
            self._have(await self.find(excluded))
        if self._voice is None:
            raise Unavailable(ID, "the voice session is closed")
        return self._voice

    async def find(self, excluded: set[str], stagger: float | None = None) -> Voice:
        """Open a voice that is not excluded by name. Raises the last ProviderError."""
        self._search.tried |= excluded
        try:
            stagger = self.owner.policy.stagger if stagger is None else stagger
            _, voice = await self._search.find(self._open, stagger=stagger, release=lambda found: self.let_go(found[1]))
        finally:
            self._search.tried.clear()
        return voice

    def others(self, *voices: Voice) -> bool:
        """Whether anybody else could be asked now."""
        busy = [voice.candidate for voice in voices]
        return any(one not in busy and one.health.admits() for one in self.owner.candidates)

    def _have(self, voice: Voice) -> None:
        if self._voice is None:
            self.adopt(voice)
        self.let_go(voice)

    def adopt(self, voice: Voice) -> None:
        """From now on it is the call's voice, as long as there is a call."""
        if self._voice is voice or self._closed:
            return
        self._voice = voice
        why = self._search.why
        if why is not None and (self._adopted or voice.candidate is not self.owner.candidates[0]):
            seconds = anyio.current_time() - self._lost_at
            self.owner.replaced(Replaced("tts", self._search.failed, voice.name, type(why).__name__, seconds))
        self._adopted, self._search.why = True, None

    def late(self, take: Take) -> None:
        """Another voice was quicker and has the call from now on. This counts for nothing but that one's place in the order."""
        self._lost_at = take.since + take.patience
        self._search.lost(take.voice.candidate, Timeout(take.voice.name, "the voice was late"))

    def lose(self, voice: Voice, error: ProviderError, reply: _Reply) -> None:
        """A voice failed in a reply. One that another reply has taken over since, or that was closed, is not to blame."""
        if self._reply is not reply or voice.released:
            raise error
        self._lost_at = anyio.current_time()
        if self._voice is voice:
            self._voice = None
        self.let_go(voice, error)

    def let_go(self, voice: Voice, error: ProviderError | None = None) -> None:
        """A voice of which nothing more is wanted, unless it is the call's; ``error`` is what it failed with."""
        if voice.released or voice is self._voice:
            return
        voice.released = True
        if error is not None:
            self._search.blame(voice.candidate, error)
        elif not voice.spoke:
            voice.candidate.health.dropped()
        voice.candidate.health.busy -= 1
        self._characters += voice.characters
        self._counts += voice.counts
        self.owner.closer.add(voice.session.aclose)

    async def aclose(self) -> None:
        """Close promptly; idempotent."""
        self._closed = True
        voice, self._voice = self._voice, None
        if voice is not None:
            self.owner.served(voice.name)
            self.let_go(voice)
        await self.owner.closer.drain()

    async def _open(self, candidate: Candidate[Tts]) -> Voice:
        hop = link(candidate.provider.spec.formats, (self._format,), between=(candidate.name, "the call"))
        session = await candidate.provider.open(self.owner.voice(candidate, self._wanted), self._locale, hop.source)
        candidate.health.busy += 1
        return Voice(candidate, session, hop.source)


@dataclass(slots=True)
class SteadyTts:
    """Voices in the plan's order as one. ``failed`` and ``replaced`` hear of what went wrong, for counts and traces."""

    candidates: Sequence[Candidate[Tts]]
    closer: Closer = field(default_factory=Closer)
    policy: TtsPolicy = field(default_factory=TtsPolicy)
    voices: Mapping[str, str] = field(default_factory=dict)
    """What the call's voice is called by whom, by the candidate's name."""
    first: str = ""
    """Whose voice it is, by name, which may be one that is no candidate; empty: the first candidate's."""
    failed: Callable[[ProviderError], None] = lambda _: None
    replaced: Callable[[Replaced], None] = lambda _: None
    served: Callable[[str], None] = lambda _: None
    """Hears whose session has ended well, by the plan's name."""
    released: Callable[[], None] = lambda: None
    """Told once that the call has no more use for them."""

    @property
    def spec(self) -> ProviderSpec:
        """The first one's capabilities; all formats of all. Text goes in word by word only if all take it so."""
        if not self.candidates:
            return ProviderSpec(id=ID, kind="tts")
        specs = [one.provider.spec for one in self.candidates]
        formats = tuple(dict.fromkeys(one for spec in specs for one in spec.formats))
        pieces = all(spec.pieces for spec in specs)
        return replace(specs[0], id=ID if len(specs) > 1 else specs[0].id, formats=formats, pieces=pieces)

    def voice(self, candidate: Candidate[Tts], wanted: str) -> str:
        """A candidate's name for the call's voice: the plan's is the first one's; another that does not know it uses its own."""
        if candidate.name in self.voices:
            return self.voices[candidate.name]
        first = self.first or self.candidates[0].name
        return wanted if candidate.name == first or wanted in candidate.provider.spec.voices else ""

    async def open(self, voice: str, locale: str, format: AudioFormat) -> SteadyTtsSession:
        """Open a session with the first voice that is there; raises the last one's ProviderError."""
        if self.candidates and format not in self.spec.formats:
            raise FormatError(f"{ID} offers {', '.join(map(str, self.spec.formats))}, not {format}")
        session = SteadyTtsSession(self, voice, locale, format)
        await session.begin()
        return session

    async def aclose(self) -> None:
        """Close what was thrown away; the providers themselves are the lineup's. Idempotent."""
        released, self.released = self.released, lambda: None
        released()
        await self.closer.drain()
