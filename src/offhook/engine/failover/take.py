"""One voice saying the clauses of a reply, from one of them on: fed as it asks, watched, and checked before anybody hears it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import anyio

from offhook.core.audio.format import AudioFormat
from offhook.core.audio.link import link
from offhook.engine.failover.clauses import Clause, Texts, silent
from offhook.engine.failover.health import Candidate
from offhook.errors import BadOutput, FormatError, ProviderError, Timeout
from offhook.ports.tts import Speech, Tts, TtsMeter, TtsSession, Word


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
    least: float = 0.3
    """The next voice is asked too when a clause's first audio is later than the 95th percentile of this one's, but not before this"""
    most: float = 1.5
    """and at this at the latest."""
    enough: int = 5
    """Measurements for a percentile."""
    hung: float = 1.5
    """A voice from which no first audio comes for so long, or for three times as long as half of all take, has failed."""
    gap: float = 1.0
    """Longest wait for more of a clause that was begun. Voices are faster than real time."""
    alone: float = 3.0
    """A voice is given up after so many times as long where nobody else could take over."""
    letter: float = 0.35
    """Longest that a letter takes to say; a clause that is much longer is no speech."""
    extra: float = 4.0


@dataclass(slots=True, eq=False)
class Voice:
    """A voice that is open."""

    candidate: Candidate[Tts]
    session: TtsSession
    format: AudioFormat
    spoke: bool = False
    released: bool = False
    given: int = 0
    """Characters of the clauses that it was given."""

    @property
    def name(self) -> str:
        """In the plan."""
        return self.candidate.name

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


class Take:
    """A task's work. ``tell`` is called when something has changed for whoever waits for it; ``others``: somebody else could take over."""

    def __init__(
        self,
        voice: Voice,
        texts: Texts,
        first: int,
        format: AudioFormat,
        policy: TtsPolicy,
        others: Callable[[], bool],
        tell: Callable[[], None],
    ) -> None:
        self.voice = voice
        self.first = first
        self.clause = Clause(first)
        self.over = False
        self.error: ProviderError | None = None
        self.since = anyio.current_time()
        """From when on it is waited for."""
        self._late = False
        """Another one was quicker: nothing of it is wanted, only whether it would have come."""
        self._dropped = False
        self._settled = False
        self._texts = texts
        self._format = format
        self._policy = policy
        self._others = others
        self._tell = tell
        self._convert = link((voice.format,), (format,), between=(voice.name, "the call")).open()
        self._handed = first
        """Clauses that the voice has been given, by their number."""
        self._asked: float | None = None
        self._out: Speech | None = None
        """Waits to be taken: that is not the voice's time."""
        self._taken = anyio.Event()
        self._watch = anyio.CancelScope()

    # -- for the one who listens ------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """There is something to be taken."""
        return self._out is not None

    def pop(self) -> Speech:
        """Take what is ready; the voice goes on."""
        assert self._out is not None  # noqa: S101 - for the type checker
        out, self._out = self._out, None
        self._taken.set()
        return out

    def lose(self) -> None:
        """Another one has said it."""
        self._late = True

    def drop(self) -> None:
        """It is not needed, nor is an opinion of it."""
        self._dropped = True
        self._watch.cancel()

    @property
    def due(self) -> float:
        """When another voice is to be asked for the clause at hand, if this one has not begun it by then; on the loop's clock."""
        waits = self.ready or self.over or self._handed <= self.clause.number or self.clause.given
        return math.inf if waits or self._texts.goes_on(self._handed - 1) else self.since + self.patience

    @property
    def patience(self) -> float:
        """How long a first audio may take before another voice is asked too."""
        usual = self.voice.candidate.health.quantile(0.95, self._policy.enough)
        return min(self._policy.most, max(self._policy.least, usual if usual is not None else 0.0))

    def overdue(self) -> bool:
        """It was left without a sound when it was as late again as it may be by its own record: no slow voice, a hung one."""
        measured = self.voice.candidate.health.quantile(0.95, self._policy.enough) is not None
        undecided = self._late and not self._settled and self.error is None
        return undecided and measured and anyio.current_time() - self.since >= 2 * self.patience

    # -- the task ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Say it; how it ended is in ``error``."""
        try:
            await self._say()
            self._settled = not self._dropped
        except FormatError as error:
            self.error = BadOutput(self.voice.name, error.public, mismatch=True)
            self.error.__cause__ = error
        except ProviderError as error:
            self.error = error
        finally:
            self.over = True
            self._tell()

    async def _say(self) -> None:
        name = self.voice.name
        with self._watch:
            async with aclosing(_closable(self.voice.session.speak(self._feed()))) as speeches:
                async for speech in speeches:
                    out = self._checked(speech)
                    if out is None:
                        continue
                    if self._late:
                        return
                    self._watch.deadline = math.inf
                    await self._give(out)
                    self._wait()
        if self._dropped:
            return
        if self._watch.cancelled_caught:
            raise Timeout(name, "the voice has stopped")
        if not self._texts.ended or self.clause.number < len(self._texts.all):
            raise BadOutput(name, "the voice left clauses out")

    async def _give(self, out: Speech) -> None:
        self._out, self._taken = out, anyio.Event()
        self._tell()
        await self._taken.wait()

    async def _feed(self) -> AsyncIterator[str]:
        """Clauses, as the voice asks for them."""
        texts, number = self._texts, self.first
        while await texts.there(number):
            self._handed = number + 1
            current = number == self.clause.number
            if current:
                self._asked = anyio.current_time()
            if not self.ready and (current or texts.goes_on(number - 1)):
                self._wait()
            self.voice.given += len(texts.all[number])
            yield texts.all[number]
            number += 1

    def _wait(self) -> None:
        """From now on it is waited for the next audio."""
        self.since = anyio.current_time()
        self._watch.deadline = self.since + self._bound()
        self._tell()

    def _bound(self) -> float:
        """Longest wait for the next audio."""
        if self._handed <= self.clause.number:
            return math.inf
        bound = self._policy.gap
        if not self.clause.given:
            usual = self.voice.candidate.health.quantile(0.5, self._policy.enough)
            bound = max(self._policy.hung, 3 * usual if usual is not None else 0.0)
        return bound * (1.0 if self._others() else self._policy.alone)

    def _checked(self, speech: Speech) -> Speech | None:
        """What to give out for a piece of speech; None for silence that words may follow.

        Raises BadOutput, FormatError for what is no speech.
        """
        clause, name = self.clause, self.voice.name
        if self.first + speech.clause != clause.number or clause.number >= self._handed:
            raise BadOutput(name, "the voice says another clause than it should")
        text = self._texts.all[clause.number]
        data = self._convert.feed(speech.data)
        if speech.last:
            data += self._convert.flush()
        scale = self._format.rate / self.voice.format.rate
        clause.untold += [Word(word.text, round(word.end * scale)) for word in speech.words]
        data, clause.held = clause.held + data, b""
        if not clause.given and silent(data, self._format):
            if not speech.last:
                clause.held = data
                return None
            if any(letter.isalnum() for letter in text):
                raise BadOutput(name, "the voice is silent where it should say words")
        elif not clause.given:
            self.voice.sounds(self._asked)
            self._asked = None
        clause.given += self._format.samples_in(len(data))
        if clause.given > self._format.rate * (self._policy.extra + self._policy.letter * len(text)):
            raise BadOutput(name, "the voice does not come to an end")
        words, clause.untold = tuple(clause.untold), []
        clause.words += words
        if speech.last:
            self.clause = Clause(clause.number + 1)
        return Speech(clause.number, data, speech.last, words)


async def _closable(speeches: AsyncIterator[Speech]) -> AsyncGenerator[Speech, None]:
    """The same, to be closed in the task that iterates."""
    try:
        async for speech in speeches:
            yield speech
    finally:
        close = getattr(speeches, "aclose", None)
        if close is not None:
            await close()
