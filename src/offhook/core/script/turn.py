"""One turn with a model: its answer in pieces comes in, what may be spoken now goes out.

Acts first: they become a proposal of the same ``step`` that the rules drive; then words, each sentence held against the facts (``reply``).
Whatever goes wrong, the rules take the same words in the same state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from offhook.core.script import acts as act
from offhook.core.script.accept import Refusal, accept
from offhook.core.script.answer import ActsRead, AnswerEvent, AnswerReader, Asks, Bad, Plain, SayDelta, SayEnd
from offhook.core.script.compact import Heard
from offhook.core.script.dialogue import Dialogue, Heed, Item, Proposal
from offhook.core.script.facts import Book, book, facts
from offhook.core.script.prompt import BUDGET, RULES, Request, request
from offhook.core.script.reply import Reply
from offhook.core.script.schema import wording
from offhook.core.script.state import Note, Refused, Transfer
from offhook.core.script.work import Work

STRIKES = 2
"""Answers in a row with acts that may not be done; the rules take the turn of this one."""


def prepare(dialogue: Dialogue) -> Book:
    """What is known before the call begins, for ``Turn``: to be read once a call, while the line rings."""
    return book(dialogue.script, dialogue.passages, Work(dialogue.script, dialogue.state).locale, RULES)


class Turn:
    """The caller's words and a model's answer to them. ``proposal`` is None until the acts are read; its items are known when ``done``.

    ``history`` is what was said before these words, as it was heard. Without ``structured`` the model gets the schema in words. Nothing is
    raised whatever the model answers, and no state is moved: that is ``Dialogue.accept``.
    """

    def __init__(
        self, dialogue: Dialogue, text: str, known: Book, history: Sequence[Heard] = (), *, structured: bool = True, budget: int = BUDGET
    ) -> None:
        self._dialogue = dialogue
        self._text = text
        self._known = known
        self._state = dialogue.ready()
        self.request: Request = request(
            dialogue.script, self._state, text, history, dialogue.heed.refused, structured=structured, budget=budget
        )
        self.proposal: Proposal | None = None
        self.by: Literal["", "model", "plain", "rules"] = ""
        """Who took the turn; "" until that is known."""
        self.why = ""
        """Why the rules took it."""
        self._reader = AnswerReader()
        self._reply: Reply | None = None
        self._early = ""
        self._asks: str | None = None
        self._early_over = False
        self._bare = False
        self._notes: list[Note] = []
        self._done = False

    @property
    def done(self) -> bool:
        """True when nothing more will be spoken in this turn: the rest of the answer need not be waited for."""
        return self._done

    @property
    def forming(self) -> Item | None:
        """See ``Reply.forming``: what may be synthesised, and not be heard, before it is known that it may be said."""
        return None if self._done or self._reply is None else self._reply.forming

    def feed(self, delta: str) -> tuple[Item, ...]:
        """More of the answer; returns what may be spoken now."""
        return self._through(self._reader.feed(delta))

    def finish(self, *, whole: bool = True) -> tuple[Item, ...]:
        """The answer is over, or (not ``whole``) no more of it is waited for; returns the rest of the reply."""
        spoken = list(self._through(self._reader.finish()))
        if not self._done:
            spoken += self._words("", whole=True) if whole and self.by == "plain" else self._end()
        return tuple(spoken)

    def fall_back(self, why: str = "asked to") -> Proposal:
        """The rules' reply to the same words in the same state, in place of all before: while nothing of this turn has been spoken."""
        return self._rules(why)

    def _through(self, events: Sequence[AnswerEvent]) -> tuple[Item, ...]:
        spoken: list[Item] = []
        for event in events:
            if not self._done:
                spoken += self._take(event)
        return tuple(spoken)

    def _take(self, event: AnswerEvent) -> list[Item]:
        match event:
            case ActsRead(items):
                return self._acts(items)
            case Asks(slot):
                self._asks = slot
                if self._reply is not None:
                    self._reply.asks = slot
                return []
            case SayDelta(text):
                return self._words(text)
            case SayEnd():
                return self._words("", whole=True)
            case Plain(text):
                return self._plain(text)
            case Bad(why, fatal):
                self._notes.append(Note("model answer", why))
                return self._end(why) if fatal else []

    def _acts(self, items: tuple[object, ...]) -> list[Item]:
        script, heed = self._dialogue.script, self._dialogue.heed
        found = accept(script, self._state, self._text, items)
        self._notes += [Note("model refused", f"{each.what}: {each.why}") for each in found.refused]
        strikes = heed.strikes + 1 if found.refused else 0
        if strikes >= STRIKES:
            return self._taken("refused twice", Heed())
        if not found.acts and found.refused:
            return self._taken("no act was accepted", Heed(found.refused, strikes))
        self._bare = not found.acts
        if self._bare and wording(script, self._state) == "exact":
            return self._taken("no acts")
        proposal = self._dialogue.propose(found.acts or (act.Chitchat(),), "model", self._text)
        own = tuple(Refusal(act.name_of(out.act), out.why) for out in proposal.outs if isinstance(out, Refused))
        proposal.heed = Heed((*found.refused, *own), strikes)
        self.by = "model"
        return self._start(proposal)

    def _plain(self, text: str) -> list[Item]:
        """An answer without acts: the rules say what the caller did, the words are spoken under the same guards."""
        if self._reply is None:
            if wording(self._dialogue.script, self._state) == "exact":
                return self._taken("plain words where the script is exact")
            understood = self._dialogue.decide(self._text).understood.acts
            # What the rules do not understand the model answers: no failure of the caller's, to be counted.
            heard = tuple(each for each in understood if not isinstance(each, act.Unclear)) or (act.Chitchat(),)
            self.by = "plain"
            spoken = self._start(self._dialogue.propose(heard, "plain", self._text))
            return [*spoken, *self._words(text)] if not self._done else spoken
        return self._words(text)

    def _start(self, proposal: Proposal) -> list[Item]:
        """From here on the reply is the proposal's."""
        known = facts(self._known, self._dialogue.script, proposal.after)
        if any(isinstance(out, Transfer) for out in proposal.outs):
            known = dataclasses.replace(known, done=known.done | {"transfer"})
        self.proposal = proposal
        self._reply = Reply(self._dialogue.script, proposal, self._state, known)
        self._reply.asks = self._asks
        return self._words("", whole=self._early_over)

    def _words(self, text: str, *, whole: bool = False) -> list[Item]:
        """More of the model's words: kept until the acts are accepted."""
        self._early += text
        self._early_over = self._early_over or whole
        if self._reply is None:
            return []
        text, self._early = self._early, ""
        if whole and self._bare and not self._reply.spoke and not text.strip() and not self._reply.pending:
            return self._taken("neither acts nor words")
        spoken = self._reply.words(text, whole=whole)
        if self._reply.done:
            self._close()
        return spoken

    def _end(self, why: str = "no acts") -> list[Item]:
        """No more words come: what has not become a whole sentence is not said."""
        if self._reply is None:
            return self._taken(why)
        if self._bare and not self._reply.spoke:
            return self._taken("neither acts nor words")
        spoken = self._reply.end()
        self._close()
        return spoken

    def _close(self) -> None:
        self._done = True
        if self._reply is not None:
            self._record(self._reply.proposal, Note("model", self.by), *self._notes, *self._reply.notes)

    def _taken(self, why: str, heed: Heed | None = None) -> list[Item]:
        return list(self._rules(why, heed).items)

    def _rules(self, why: str, heed: Heed | None = None) -> Proposal:
        self.proposal = proposal = self._dialogue.answer(self._text)
        proposal.heed = heed
        self.by, self.why, self._done = "rules", why, True
        self._record(proposal, Note("model", f"rules: {why}"), *self._notes)
        return proposal

    def _record(self, proposal: Proposal, *notes: Note) -> None:
        proposal.outs = (*proposal.outs, *notes)
