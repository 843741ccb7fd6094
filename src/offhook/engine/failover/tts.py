"""A voice that does not go away: when the one that speaks fails, is stuck or sends what is no speech, the next goes on at a clause.

A clause of which nothing was given out is said again by the next one. One that was begun is finished by nobody, since another voice in
mid-sentence is worse than a pause: ``CutShort`` tells how far it came, and the next ``speak`` is another's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import anyio

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.audio.link import Converter, link
from offhook.engine.failover.health import Candidate, Replaced
from offhook.engine.failover.race import Closer, alone
from offhook.engine.failover.search import Search
from offhook.errors import NOW, BadOutput, FormatError, ProviderError, Timeout, Unavailable
from offhook.ports.spec import ProviderSpec
from offhook.ports.tts import Speech, Tts, TtsMeter, TtsSession, Word

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


@dataclass(frozen=True, slots=True)
class TtsPolicy:
    """Bounds, in seconds."""

    connect: float = 1.2
    ring_stagger: float = 1.0
    """While the line rings the next one is asked beside a first choice that takes this long."""
    stagger: float = 0.3
    """The same in a call."""
    limit: float = 3.0
    again: float = 30.0
    """A voice that failed comes behind the others for so long."""
    least: float = 0.6
    """A clause's first audio may take three times as long as half of all do, but not less than this"""
    most: float = 1.5
    """nor more than this."""
    gap: float = 1.0
    """Longest wait for more of a clause that was begun. Voices are faster than real time."""
    alone: float = 3.0
    """All waits are so many times longer where nobody else could take over."""
    letter: float = 0.35
    """Longest that a letter takes to say; a clause that is much longer is no speech."""
    extra: float = 4.0


class _Texts:
    """Clauses as they come, kept as long as they may have to be said again."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.ended = False
        self._news = anyio.Event()

    async def read(self, clauses: AsyncIterator[str]) -> None:
        """Take them all."""
        async for text in clauses:
            self.all.append(text)
            self._tell()
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    async def there(self, number: int) -> bool:
        """Wait for a clause; False when there are no more."""
        while number >= len(self.all) and not self.ended:
            await self._news.wait()
        return number < len(self.all)


@dataclass(slots=True)
class Voice:
    """The voice that speaks now."""

    candidate: Candidate[Tts]
    session: TtsSession
    format: AudioFormat
    spoke: bool = False
    given: int = 0
    """Characters of the clauses that it was given."""

    @property
    def characters(self) -> int:
        """That it was sent."""
        return self.session.characters if isinstance(self.session, TtsMeter) else self.given

    @property
    def counts(self) -> Counter[str]:
        """What it sent and could not be used."""
        return self.session.counts if isinstance(self.session, TtsMeter) else Counter()

    def sounds(self, asked: float | None) -> None:
        """It gave the first audio of a clause that was asked for at ``asked``, if nothing else was to be said before that."""
        self.spoke = True
        self.candidate.health.ok()
        if asked is not None:
            self.candidate.health.measured(anyio.current_time() - asked)


@dataclass(slots=True)
class _Clause:
    """How far the clause at hand has come. Samples of the call's format."""

    number: int
    given: int = 0
    held: bytes = b""
    """Its first audio while that is pure silence."""
    words: list[Word] = field(default_factory=list)
    untold: list[Word] = field(default_factory=list)

    def rest(self, text: str) -> str:
        """The words that were not given out, "" where that is not known."""
        said = sum(1 for word in self.words if word.end <= self.given)
        return " ".join(text.split()[said:]) if self.words else ""


class _Reply:
    """What is said in one ``speak``, by one voice after the other."""

    def __init__(self, session: SteadyTtsSession, format: AudioFormat, policy: TtsPolicy) -> None:
        self.texts = _Texts()
        self._session = session
        self._format = format
        self._policy = policy
        self._clause = _Clause(0)
        self._handed = 0
        """Clauses that the voice has been given, by their number."""
        self._watch = anyio.CancelScope()
        self._away = False
        """Whoever takes the audio is at work: that is not the voice's time."""
        self._asked: float | None = None
        self._convert: Converter
        self._failed: Counter[str] = Counter()
        """Who could not say the clause at hand."""

    async def say(self) -> AsyncGenerator[Speech, None]:
        """All of it. Raises CutShort, and the last ProviderError when no voice can be had."""
        session = self._session
        while await self.texts.there(self._clause.number):
            most = 1 if len(session.owner.candidates) > 1 else 2
            voice = await session.voice({name for name, count in self._failed.items() if count >= most})
            first = self._clause.number
            self._convert = link((voice.format,), (self._format,), between=(voice.candidate.name, "the call")).open()
            error: ProviderError | None = None
            async with aclosing(self._one(voice, first)) as speeches:
                try:
                    async for speech in speeches:
                        yield speech
                except ProviderError as broken:
                    error = broken
            if error is None:
                continue
            session.lose(voice, error, self)
            clause, self._clause = self._clause, _Clause(self._clause.number)
            if clause.given:
                raise CutShort(error, clause.number, clause.given, clause.rest(self.texts.all[clause.number])) from error
            if clause.number > first:
                self._failed.clear()
            self._failed[voice.candidate.name] += 1 if error.retry.after == 0.0 else 2

    async def _one(self, voice: Voice, first: int) -> AsyncGenerator[Speech, None]:
        """What one voice says of the clauses from ``first`` on. Raises ProviderError, BadOutput for what is no speech."""
        self._handed = first
        name = voice.candidate.name
        with anyio.CancelScope() as self._watch:
            try:
                async with aclosing(_closable(voice.session.speak(self._feed(voice, first)))) as speeches:
                    async for speech in speeches:
                        self._away, self._watch.deadline = True, math.inf
                        for out in self._checked(voice, first, speech):
                            yield out
                        self._away, self._watch.deadline = False, self._due(voice)
            except FormatError as error:
                raise BadOutput(name, error.public, mismatch=True) from error
        if self._watch.cancelled_caught:
            raise Timeout(name, "the voice has stopped")
        if not self.texts.ended or self._clause.number < len(self.texts.all):
            raise BadOutput(name, "the voice left clauses out")

    async def _feed(self, voice: Voice, number: int) -> AsyncIterator[str]:
        """Clauses for one voice, as it asks for them."""
        while await self.texts.there(number):
            self._handed = number + 1
            if number == self._clause.number:
                self._asked = anyio.current_time()
                if not self._away:
                    self._watch.deadline = self._due(voice)
            voice.given += len(self.texts.all[number])
            yield self.texts.all[number]
            number += 1

    def _due(self, voice: Voice) -> float:
        """When the next audio must be there."""
        if self._handed <= self._clause.number:
            return math.inf
        policy = self._policy
        bound = policy.gap
        if not self._clause.given:
            usual = voice.candidate.health.quantile(0.5, 5)
            bound = min(policy.most, max(policy.least, 3 * usual)) if usual is not None else policy.most
        candidates = self._session.owner.candidates
        others = any(one is not voice.candidate and one.health.admits() for one in candidates)
        return anyio.current_time() + bound * (1.0 if others else policy.alone)

    def _checked(self, voice: Voice, first: int, speech: Speech) -> list[Speech]:
        """What to give out for a piece of speech. Raises BadOutput, FormatError for what is no speech."""
        clause, name = self._clause, voice.candidate.name
        if first + speech.clause != clause.number or clause.number >= self._handed:
            raise BadOutput(name, "the voice says another clause than it should")
        text = self.texts.all[clause.number]
        data = self._convert.feed(speech.data)
        if speech.last:
            data += self._convert.flush()
        scale = self._format.rate / voice.format.rate
        clause.untold += [Word(word.text, round(word.end * scale)) for word in speech.words]
        data, clause.held = clause.held + data, b""
        if not clause.given and _silent(data, self._format):
            if not speech.last:
                clause.held = data
                return []
            if any(letter.isalnum() for letter in text):
                raise BadOutput(name, "the voice is silent where it should say words")
        elif not clause.given:
            voice.sounds(self._asked)
            self._asked = None
        clause.given += self._format.samples_in(len(data))
        if clause.given > self._format.rate * (self._policy.extra + self._policy.letter * len(text)):
            raise BadOutput(name, "the voice does not come to an end")
        words, clause.untold = tuple(clause.untold), []
        clause.words += words
        if speech.last:
            self._clause = _Clause(clause.number + 1)
        return [Speech(clause.number, data, speech.last, words)]


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
        await self._find(self.owner.policy.ring_stagger)

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Speech, None]:
        """Audio of each clause. Raises CutShort for a clause that was begun, and the last ProviderError when no voice can be had.

        To be iterated in one task, and closed (``contextlib.aclosing``) where it is left before its end.
        """
        if self._closed:
            raise Unavailable(ID, "the voice session is closed")
        reply = self._reply = _Reply(self, self._format, self.owner.policy)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(reply.texts.read, clauses, name="clauses")
                async with aclosing(reply.say()) as speeches:
                    async for speech in speeches:
                        yield speech
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            found = alone(errors)
            raise found from found.__cause__

    async def voice(self, excluded: set[str]) -> Voice:
        """The voice that speaks now, or another one that is not excluded by name. Raises the last ProviderError."""
        if self._voice is None and not self._closed:
            self._search.tried |= excluded
            await self._find(self.owner.policy.stagger)
        if self._voice is None:
            raise Unavailable(ID, "the voice session is closed")
        return self._voice

    def lose(self, voice: Voice, error: ProviderError, reply: _Reply) -> None:
        """A voice failed in a reply. One that another reply has taken over since is not to blame."""
        if self._reply is not reply or self._voice is not voice:
            raise error
        self._voice = None
        self._lost_at = anyio.current_time()
        self._search.blame(voice.candidate, error)
        self._release(voice)

    async def aclose(self) -> None:
        """Close promptly; idempotent."""
        self._closed = True
        voice, self._voice = self._voice, None
        if voice is not None:
            self.owner.served(voice.candidate.name)
            self._release(voice)
        await self.owner.closer.drain()

    async def _find(self, stagger: float) -> None:
        try:
            _, voice = await self._search.find(self._open, stagger=stagger, release=lambda found: self._release(found[1]))
        finally:
            self._search.tried.clear()
        if self._closed or self._voice is not None:
            self._release(voice)
            return
        self._voice = voice
        why = self._search.why
        if why is not None and (self._adopted or voice.candidate is not self.owner.candidates[0]):
            seconds = anyio.current_time() - self._lost_at
            self.owner.replaced(Replaced("tts", self._search.failed, voice.candidate.name, type(why).__name__, seconds))
        self._adopted, self._search.why = True, None

    async def _open(self, candidate: Candidate[Tts]) -> Voice:
        hop = link(candidate.provider.spec.formats, (self._format,), between=(candidate.name, "the call"))
        session = await candidate.provider.open(self.owner.voice(candidate, self._wanted), self._locale, hop.source)
        candidate.health.busy += 1
        return Voice(candidate, session, hop.source)

    def _release(self, voice: Voice) -> None:
        voice.candidate.health.busy -= 1
        if not voice.spoke:
            voice.candidate.health.dropped()
        self._characters += voice.characters
        self._counts += voice.counts
        self.owner.closer.add(voice.session.aclose)


async def _closable(speeches: AsyncIterator[Speech]) -> AsyncGenerator[Speech, None]:
    """The same, to be closed in the task that iterates."""
    try:
        async for speech in speeches:
            yield speech
    finally:
        close = getattr(speeches, "aclose", None)
        if close is not None:
            await close()


_QUIET = {Encoding.MULAW: b"\xff\x7f", Encoding.ALAW: b"\xd5\x55"}


def _silent(data: bytes, format: AudioFormat) -> bool:
    """Digital silence, to the last bit; nothing is silent too."""
    return not data.strip(_QUIET.get(format.encoding, b"\0"))


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
