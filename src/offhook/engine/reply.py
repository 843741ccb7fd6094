"""One agent turn: work out what to say, clause it, speak it, queue it for playout. All of it in one cancellable scope.

A speculative reply does everything but be heard: no tool runs, the script's state does not move, the playout is muted.
``promote`` makes it real. Instants are kept for the ladder, whose steps add up to the answer's whole time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from offhook.contracts.events import Ladder
from offhook.core.audio.link import Link
from offhook.core.audio.playout import Playout
from offhook.core.script.dialogue import Item, Proposal
from offhook.core.speech.heard import Ledger
from offhook.core.speech.segment import Segmenter
from offhook.core.time import MS, Instant
from offhook.core.turn import events as ev
from offhook.core.turn.events import TurnNo
from offhook.engine.driver import Driver
from offhook.errors import FormatError, ProviderError
from offhook.ports.tts import TtsSession

Cause = Literal["speech", "tool", "keys", "transfer", "prompt"]


@dataclass(slots=True)
class Instants:
    """When what happened, on the call's clock."""

    speech_end: Instant | None = None
    decided: Instant | None = None
    worked_out: Instant | None = None
    tts_request: Instant | None = None
    first_audio: Instant | None = None
    first_sent: Instant | None = None

    def ladder(self) -> Ladder:
        """The steps; a step that speculation had finished before the decision takes no time."""
        if self.speech_end is None or self.decided is None or self.first_sent is None:
            return Ladder()
        points = [self.decided]
        for point in (self.worked_out, self.tts_request, self.first_audio):
            points.append(max(points[-1], point if point is not None else points[-1]))
        sent = max(points[-1], self.first_sent)
        steps = [points[0] - self.speech_end, *(b - a for a, b in pairwise(points)), sent - points[-1]]
        endpoint, understand, clause, tts, playout = (round(step / MS, 1) for step in steps)
        return Ladder(
            endpoint=endpoint,
            understand=understand,
            first_clause=clause,
            tts=tts,
            playout=playout,
            total=round((sent - self.speech_end) / MS, 1),
        )


@dataclass(slots=True)
class Mouth:
    """What a call speaks with. ``voice`` is replaced when it breaks."""

    voice: TtsSession
    link: Link
    playout: Playout
    characters: int = 0


@dataclass(slots=True)
class Reply:
    """One agent turn's work and what is known of it."""

    turn: TurnNo
    cause: Cause
    text: str
    work_out: Callable[[], Proposal]
    accepted: Callable[[Reply], None]
    real: bool
    proposal: Proposal | None = None
    begun: Instant = 0
    taken: bool = False
    accepted_already: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    instants: Instants = field(default_factory=Instants)

    def promote(self) -> None:
        """The turn is real."""
        self.real = True
        self._accept()

    def _accept(self) -> None:
        if self.real and self.proposal is not None and not self.accepted_already:
            self.accepted_already = True
            self.accepted(self)

    @property
    def words(self) -> str:
        """All that it means to say."""
        return " ".join(item.text for item in self.proposal.items) if self.proposal is not None else ""

    async def run(self, driver: Driver, mouth: Mouth, broken: Callable[[ProviderError], None]) -> None:
        """Work out, speak, queue. Ends when all audio is in the playout."""
        self.proposal = self.work_out()
        self.instants.worked_out = driver.now()
        self._accept()
        clauses = list(clauses_of(self.proposal.items))
        if clauses:
            try:
                await self._speak(clauses, driver, mouth)
            except ProviderError as error:
                broken(error)
                driver.feed(ev.ReplyFailed(driver.now(), self.turn, type(error).__name__))
                return
            except FormatError as error:
                broken(ProviderError("tts", error.public))
                driver.feed(ev.ReplyFailed(driver.now(), self.turn, "FormatError"))
                return
        mouth.playout.finish(self.turn)
        driver.feed(ev.ReplyDone(driver.now(), self.turn))

    async def _speak(self, clauses: list[Item], driver: Driver, mouth: Mouth) -> None:
        convert = mouth.link.open()
        target = mouth.link.target

        async def texts() -> AsyncIterator[str]:
            for clause in clauses:
                mouth.characters += len(clause.text)
                if self.instants.tts_request is None:
                    self.instants.tts_request = driver.now()
                yield clause.text

        self.ledger = Ledger(target.rate)
        for clause in clauses:
            self.ledger.expect(clause.id)
        scale = target.rate / mouth.link.source.rate
        begun = -1
        async for speech in mouth.voice.speak(texts()):
            if speech.clause != begun:
                begun = speech.clause
                self.ledger.begin(clauses[begun].text, item=clauses[begun].id)
            data = convert.feed(speech.data)
            if speech.last and speech.clause == len(clauses) - 1:
                data += convert.flush()
            # Counted before it is queued: what can be heard is always in the ledger.
            self.ledger.grow(target.samples_in(len(data)), [(word.text, round(word.end * scale)) for word in speech.words])
            if data:
                mouth.playout.append(self.turn, data)
            if speech.last:
                self.ledger.finish()
            if data and self.instants.first_audio is None:
                self.instants.first_audio = driver.now()
                driver.feed(ev.ReplyAudio(driver.now(), self.turn))
        self.ledger.close()


def clauses_of(items: tuple[Item, ...]) -> list[Item]:
    """Items cut into speakable clauses, each with its item's id."""
    cut: list[Item] = []
    for item in items:
        segmenter = Segmenter()
        cut.extend(Item(item.id, clause) for clause in [*segmenter.feed(item.text), *segmenter.flush()] if clause.strip())
    return cut
