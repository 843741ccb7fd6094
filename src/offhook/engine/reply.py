"""One agent turn: work out what to say, clause it, speak it, queue it for playout. All of it in one cancellable scope.

The rules know at once what to say; a model's words are spoken while more of them come (``Thinking``).

A speculative reply does everything but be heard: no tool runs, the script's state does not move, the playout is muted.
``promote`` makes it real. Marks are kept for the ladder, whose steps add up to the answer's whole time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import anyio

from offhook.contracts.events import Ladder
from offhook.core.audio.format import silence
from offhook.core.audio.link import Converter, Link
from offhook.core.audio.playout import Playout
from offhook.core.script.dialogue import Proposal
from offhook.core.speech.heard import Ledger
from offhook.core.time import Instant
from offhook.core.turn import events as ev
from offhook.core.turn.events import TurnNo
from offhook.engine.driver import Driver
from offhook.engine.failover.tts import CutShort
from offhook.engine.phrases import Clip, Phrases, VoiceKey
from offhook.engine.scopes import beside, closing
from offhook.engine.telemetry.ladder import Marks, ladder
from offhook.engine.words import Clause, Ready, Words
from offhook.errors import BadOutput, FormatError, ProviderError
from offhook.ports.tts import Speech, TtsSession

Cause = Literal["speech", "tool", "keys", "transfer", "prompt"]
_MOST_CUTS: Final = 2
BREATH_MS: Final = 200
"""Silence between a phrase that was kept and what a voice says before or after it."""


@dataclass(slots=True)
class Mouth:
    """What a call speaks with. ``voice`` is replaced when it breaks."""

    voice: TtsSession
    link: Link
    playout: Playout
    characters: int = 0
    pieces: bool = False
    """The voice takes text word by word."""
    phrases: Phrases | None = None
    key: VoiceKey | None = None
    """Where in ``phrases`` this voice's clips are."""
    kick: Callable[[], None] = field(default=lambda: None)
    """Send what may be sent at once: a reply's first sound does not wait for the wheel."""

    def clip(self, text: str) -> Clip | None:
        """The audio of a fixed phrase, if it is kept."""
        return self.phrases.get(self.key, text) if self.phrases is not None and self.key is not None else None


class Thinking(Protocol):
    """A reply that is not worked out at once: words come while earlier ones are spoken."""

    async def think(self, reply: Reply, words: Words) -> None:
        """Fill ``words``; ``reply.settle`` before the first of them. Raises nothing; the words are ended by the caller."""


@dataclass(slots=True)
class Reply:
    """One agent turn's work and what is known of it."""

    turn: TurnNo
    cause: Cause
    text: str
    work_out: Callable[[], Proposal | Thinking]
    accepted: Callable[[Reply], None]
    real: bool
    now: Callable[[], Instant] = field(default=lambda: 0)
    proposal: Proposal | None = None
    by: str = ""
    """Who worked it out: rules, model, plain (a model's words without acts)."""
    why: str = ""
    refused: list[str] = field(default_factory=list)
    begun: Instant = 0
    speculated: bool = False
    """It was begun before the caller's turn was decided."""
    audible: bool = False
    """Something of it has left."""
    finished: bool = False
    """All of its audio is in the playout."""
    taken: bool = False
    accepted_already: bool = False
    bridged: str = ""
    """What was said before the first word of the answer, to bridge a silence."""
    opened: bool = False
    """What bridged it is an opener: a part of the answer, in its time and in the history."""
    answer_from: int = 0
    """The sample at which the answer itself begins, after what bridged the silence before it."""
    characters: int = 0
    """Said by the voice."""
    cuts: int = 0
    """How often a voice broke in the middle of a clause."""
    stopped: float | None = None
    """Seconds that it was heard on while the caller broke in."""
    ledger: Ledger = field(default_factory=Ledger)
    marks: Marks = field(default_factory=Marks)
    _words: Words | None = None
    _sounding: bool = False
    _real: anyio.Event = field(default_factory=anyio.Event)

    def promote(self) -> None:
        """The turn is real."""
        self.real = True
        self._real.set()
        self._accept()

    async def decided(self) -> None:
        """Wait until the turn is real."""
        if not self.real:
            await self._real.wait()

    def ladder(self) -> Ladder:
        """Where the time of the answer went, so far."""
        return ladder(self.marks)

    def kept(self, heard: str) -> str:
        """What of the heard text belongs in the history: not what only filled a silence."""
        if self.opened or not self.bridged:
            return heard
        return "" if self.bridged.startswith(heard) else heard.removeprefix(self.bridged).strip()

    def settle(self, proposal: Proposal) -> None:
        """It is known what the reply does to the call: before its first word, and again when more has become known."""
        self.proposal = proposal
        if self.marks.worked_out is None:
            self.marks.worked_out = self.now()
        self._accept()

    def _accept(self) -> None:
        if self.real and self.proposal is not None and not self.accepted_already:
            self.accepted_already = True
            self.accepted(self)

    @property
    def words(self) -> str:
        """All that it means to say, as far as it is known."""
        said = self._words.text if self._words is not None else ""
        return f"{self.bridged} {said}".strip() if self.bridged else said

    async def run(self, driver: Driver, mouth: Mouth, broken: Callable[[ProviderError], None]) -> None:
        """Work out, speak, queue. Ends when all audio is in the playout."""
        self.now = driver.now
        self.ledger = Ledger(mouth.link.target.rate)
        words = self._words = Words(self.ledger, mouth.clip, pieces=mouth.pieces)
        outcome = self.work_out()
        if isinstance(outcome, Proposal):
            self.settle(outcome)
            for item in outcome.items:
                words.put(item)
            words.end()
            await self._say(words, driver, mouth, broken)
            return
        thinking = outcome

        async def think() -> None:
            try:
                await thinking.think(self, words)
            finally:
                words.end()

        async with beside(think):
            await self._say(words, driver, mouth, broken)

    async def _say(self, words: Words, driver: Driver, mouth: Mouth, broken: Callable[[ProviderError], None]) -> None:
        try:
            while (entry := await words.next()) is not None:
                if isinstance(entry, Ready):
                    words.take()
                    self._play(entry.item, entry.clip, driver, mouth)
                else:
                    await self._speak(words, driver, mouth)
        except ProviderError as error:
            broken(error)
            driver.feed(ev.ReplyFailed(driver.now(), self.turn, type(error).__name__))
            return
        except FormatError as error:
            broken(BadOutput("tts", error.public, mismatch=True))
            driver.feed(ev.ReplyFailed(driver.now(), self.turn, "FormatError"))
            return
        self.ledger.close()
        mouth.playout.finish(self.turn)
        self.finished = True
        driver.feed(ev.ReplyDone(driver.now(), self.turn))

    def bridge(self, text: str, driver: Driver, mouth: Mouth, *, opens: bool) -> bool:
        """Say a kept phrase before the answer, if nothing of that is audible yet; whether it was said."""
        clip = mouth.clip(text)
        if clip is None or self._sounding or not self.real:
            return False
        self.bridged, self.opened = text, opens
        self._lay("", clip)
        self.answer_from = self.ledger.samples
        self._queue(clip.data, driver, mouth)
        return True

    def _play(self, item: str, clip: Clip, driver: Driver, mouth: Mouth) -> None:
        """Queue a kept phrase."""
        self._pause(mouth)
        self._lay(item, clip)
        self._request(driver.now())
        self._answer(clip.data, driver, mouth)

    def _lay(self, item: str, clip: Clip) -> None:
        for part in clip.parts:
            self.ledger.begin(part.text, item=item)
            self.ledger.grow(part.samples, part.words)
            self.ledger.finish()

    def _pause(self, mouth: Mouth) -> None:
        """A breath between what was queued apart."""
        if self._sounding:
            target = mouth.link.target
            samples = target.rate * BREATH_MS // 1000
            self.ledger.pad(samples)
            mouth.playout.append(self.turn, silence(target, samples))

    def _request(self, now: Instant) -> None:
        """The first clause is there, and goes to the voice."""
        if self.marks.tts_request is None:
            self.marks.first_clause = self.marks.tts_request = now

    def _answer(self, data: bytes, driver: Driver, mouth: Mouth) -> None:
        if data and self.marks.tts_first_byte is None:
            self.marks.tts_first_byte = driver.now()
        self._queue(data, driver, mouth)

    def _queue(self, data: bytes, driver: Driver, mouth: Mouth) -> None:
        if not data:
            return
        mouth.playout.append(self.turn, data)
        if not self._sounding:
            self._sounding = True
            driver.feed(ev.ReplyAudio(driver.now(), self.turn))
            mouth.kick()

    async def _speak(self, words: Words, driver: Driver, mouth: Mouth) -> None:
        """Clauses by the voice, up to a phrase that needs none."""
        convert = mouth.link.open()
        target = mouth.link.target
        clauses: list[Clause] = []

        async def texts() -> AsyncIterator[str]:
            async for clause in words.clauses():
                mouth.characters += len(clause.text)
                self.characters += len(clause.text)
                self._request(driver.now())
                clauses.append(clause)
                if clause.held is not None:
                    clause.held.withheld = scope.cancel
                yield clause.text

        try:
            with anyio.CancelScope() as scope:
                async with closing(mouth.voice.speak(texts())) as speeches:
                    await self._take(speeches, clauses, convert, driver, mouth)
        except CutShort as cut:
            self._go_on(cut, clauses, words)
        if scope.cancelled_caught:
            # The words that the voice was given first are not said, and nobody has heard any of them.
            self.marks.first_clause = self.marks.tts_request = None
            words.again([clause for clause in clauses if clause.held is None])
            return
        rest = convert.flush()
        self.ledger.pad(target.samples_in(len(rest)))
        self._answer(rest, driver, mouth)

    def _go_on(self, cut: CutShort, clauses: list[Clause], words: Words) -> None:
        """A voice broke in the middle of a clause: another says the rest of it, as far as that is known, and what comes after."""
        if self.cuts >= _MOST_CUTS:
            raise cut
        self.cuts += 1
        clause = clauses[cut.clause]
        left = [*clauses[cut.clause + 1 :]]
        if cut.rest:
            self.ledger.cut(len(clause.text.split()) - len(cut.rest.split()))
            self.ledger.expect(clause.item)
            left.insert(0, Clause(clause.item, cut.rest))
        words.again(left)

    async def _take(self, speeches: AsyncIterator[Speech], clauses: list[Clause], convert: Converter, driver: Driver, mouth: Mouth) -> None:
        target = mouth.link.target
        scale = target.rate / mouth.link.source.rate
        begun = -1
        async for speech in speeches:
            if not begun <= speech.clause < len(clauses):
                raise BadOutput("tts", "the voice says a clause that it was not given")
            if speech.clause != begun:
                clause = clauses[speech.clause]
                if clause.held is not None:
                    await clause.held.decided()
                if begun < 0 and speech.data:
                    self._pause(mouth)
                begun = speech.clause
                self.ledger.begin(clause.text.strip(), item=clause.item)
            data = convert.feed(speech.data)
            # Counted before it is queued: what can be heard is always in the ledger.
            self.ledger.grow(target.samples_in(len(data)), [(word.text, round(word.end * scale)) for word in speech.words])
            if speech.last:
                self.ledger.finish()
            self._answer(data, driver, mouth)
