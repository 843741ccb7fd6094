"""A call by text: what an agent says, does and knows for a list of the caller's turns. Nothing is spoken, nothing is done.

The same list gives the same course, from the first word on, so that editing a turn and running again is sending another list. It is
the live call's ``Dialogue`` from the live call's plan: only the voices are missing, the tools answer from fakes, and nobody waits.

A turn that a language model would answer carries the model's answer; without one the course stops there and says so (``waits``), and who
can ask a model goes on with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from offhook.authoring.course import Course, Denied, Line, Mishap, Played, Ran, Reason, Said, Turn
from offhook.authoring.load import compile as compile_script
from offhook.authoring.runner import asked
from offhook.contracts.events import ToolAnswer
from offhook.contracts.plan import CallPlan
from offhook.core.script import acts as script_acts
from offhook.core.script import turn as script_turn
from offhook.core.script.dialogue import Dialogue, Item, Proposal
from offhook.core.script.state import Ask, Note, Refused, Run, Say
from offhook.core.script.values import plain
from offhook.core.understand.types import Context

T = TypeVar("T")
MOST_STEPS: Final = 2_000
"""Events that one rehearsal may feed the script."""
MOST_ROUNDS: Final = 20
"""Replies that tools may bring about one after the other, before the caller has a word."""


class Fakes(Protocol):
    """Answers instead of the tools."""

    def __call__(self, tool: str, args: Mapping[str, Any], key: str) -> ToolAnswer:
        """What the tool would have answered."""


def context_of(plan: CallPlan, moment: datetime) -> Context:
    """What the grammars need to know: the tenant's locale, region, time (``moment`` is aware) and hours."""
    return Context(
        locale=plan.locale,
        region=plan.region,
        now=moment.astimezone(ZoneInfo(plan.timezone)),
        hours=tuple((hours.weekday, hours.opens, hours.closes) for hours in plan.hours),
    )


def rehearse(
    plan: CallPlan,
    moment: datetime,
    turns: Sequence[Turn],
    fakes: Fakes,
    unreachable: frozenset[str] = frozenset(),
    most_steps: int = MOST_STEPS,
    *,
    models: bool = False,
) -> Course:
    """Play a list of turns. ``unreachable`` are transfer targets where nobody answers. ScriptError with all faults of the script.

    ``models``: the plan's language models answer where they would in a call; without it the rules answer everything.
    """
    player = _player(plan, moment, fakes, unreachable, most_steps, models=models)
    played = player.play(turns)
    talk = player.talk
    outcome = talk.outcome or talk.state.outcome or ""
    return Course(
        talk.script.id,
        talk.script.version,
        played,
        player.over,
        outcome,
        list(talk.path()),
        player.mishaps,
        player.steps,
        player.waits,
        tuple(player.results),
    )


def up_to_model(
    plan: CallPlan, moment: datetime, turns: Sequence[Turn], results: Sequence[ToolAnswer], unreachable: frozenset[str] = frozenset()
) -> tuple[Dialogue, list[Line]] | None:
    """The conversation where the words of its last turn wait for a model: its state, and what was heard before them; None where no model
    would be asked then. ``results`` are those of its tools so far. ScriptError with all faults of the script.
    """
    left = iter(results)
    player = _player(plan, moment, lambda _tool, _args, _key: next(left, _UNKNOWN), unreachable, MOST_STEPS, models=True)
    player.play(turns)
    return (player.talk, player.heard) if player.waits == len(turns) else None


_UNKNOWN: Final = ToolAnswer(error="unavailable")


def _player(plan: CallPlan, moment: datetime, fakes: Fakes, unreachable: frozenset[str], most_steps: int, *, models: bool) -> _Player:
    passages = tuple((one.title, one.text) for one in plan.knowledge)
    talk = Dialogue(compile_script(plan.script), context_of(plan, moment), plan.given, passages)
    return _Player(plan, talk, fakes, unreachable, most_steps, models=models and bool(plan.models.llm))


class _OutOfStepsError(Exception):
    """The rehearsal has used up what it may."""


class _WaitsError(Exception):
    """A model is to answer, and its answer is not there."""


class _Player:
    """Does what a call does with its dialogue, in the same order: the reply is accepted, its tools run, its words are heard."""

    def __init__(self, plan: CallPlan, talk: Dialogue, fakes: Fakes, unreachable: frozenset[str], most_steps: int, *, models: bool) -> None:
        self.talk = talk
        self.over = False
        self.mishaps: list[Mishap] = []
        self.steps = 0
        self.waits: int | None = None
        self.results: list[ToolAnswer] = []
        self.heard: list[Line] = []
        self._plan = plan
        self._talk = talk
        self._known = script_turn.prepare(talk) if models else None
        self._fakes = fakes
        self._unreachable = unreachable
        self._most_steps = most_steps
        self._unheard: tuple[Item, ...] = ()
        self._now = Played("", "")
        self._done: list[Played] = []

    def play(self, turns: Sequence[Turn]) -> list[Played]:
        """The opening, then a turn after the other, until the list or the call is over."""
        digest = ""
        try:
            for number, turn in enumerate((None, *turns)):
                if self.over:
                    self._mishap(number, "the call is over: this turn and those after it were not played")
                    break
                self._now = Played(turn.kind if turn else "begin", turn.text if turn else "")
                self._done.append(self._now)
                following = turns[number] if number < len(turns) else None
                self._turn(turn, hold=following is not None and bool(following.cut_at))
                digest = self._close(digest)
        except _WaitsError:
            self.waits = len(self._done) - 1
        except _OutOfStepsError:
            self._close(digest)
            self._mishap(len(self._done) - 1, f"the rehearsal was stopped after {self._most_steps} steps")
        return self._done

    def _mishap(self, turn: int, message: str) -> None:
        self.mishaps.append(Mishap(turn, message))

    # -- one turn -----------------------------------------------------------------------------------------------------

    def _turn(self, turn: Turn | None, *, hold: bool) -> None:
        talk = self._talk
        if turn is None:
            self._follow(self._something(self._stepped(talk.begin)), hold=hold)
            return
        for run in self._hear(turn.cut_at):
            self._run(run)
        match turn.kind:
            case "hangup":
                self._hang_up()
                return
            case "caller":
                proposal = self._something(self._stepped(lambda: self._answer(turn)))
                self.heard.append(Line("caller", turn.text))
            case "keys":
                hidden = talk.secret and turn.text not in {"0", "*", "#"}
                proposal = self._something(self._stepped(lambda: talk.keys(turn.text)))
                self.heard.append(Line("caller", f"{sum(key.isdigit() for key in turn.text)} digits" if hidden else turn.text))
            case "silence":
                asked_again = self._stepped(talk.silence)
                proposal = asked_again if asked_again.items else self._line(self._plan.lines.still_there)
        self._follow(proposal, hold=hold)

    def _answer(self, turn: Turn) -> Proposal:
        """The rules where they explain all of the caller's words, else what a model said to them: by the code of a call."""
        now = self._now
        now.answered_by = "rules"
        if self._known is None:
            return self._talk.answer(turn.text)
        decision = self._talk.decide(turn.text)
        now.why = decision.why
        if decision.by == "rules":
            return self._talk.answer(turn.text)
        if turn.answer is None:
            raise _WaitsError
        answered = script_turn.Turn(self._talk, turn.text, self._known)
        answered.feed(turn.answer.text)
        answered.finish(whole=turn.answer.whole)
        now.answered_by = "policy" if answered.by == "rules" else answered.by
        now.why = (turn.answer.failure or answered.why) if now.answered_by == "policy" else decision.why
        now.answer = turn.answer
        return answered.proposal or answered.fall_back()

    def _follow(self, proposal: Proposal, *, hold: bool) -> None:
        """A reply, and those that its tools bring about. With ``hold`` the last words wait for the turn that breaks in."""
        for _ in range(MOST_ROUNDS):
            runs = self._accept(proposal)
            for run in runs:
                self._run(run)
            if hold and not runs and proposal.transfer is None and proposal.end is None:
                return
            late = self._hear("")
            if proposal.transfer is not None:
                if self._transferred(proposal.transfer):
                    return
                proposal = self._something(self._stepped(lambda: self._talk.transferred(ok=False)))
                continue
            if proposal.end is not None:
                self._talk.outcome = proposal.end
                self._hang_up()
                return
            if not runs and not late:
                return
            for run in late:
                self._run(run)
            proposal = self._something(self._stepped(lambda: self._talk.answer("")))
        self._mishap(len(self._done) - 1, f"{MOST_ROUNDS} replies came in a row: the turn was ended there")

    def _hang_up(self) -> None:
        self._stepped(self._talk.hung_up)
        self.over = True

    def _accept(self, proposal: Proposal) -> tuple[Run, ...]:
        self._talk.accept(proposal)
        self._unheard = proposal.items
        now = self._now
        kinds = {out.item: out.kind for out in proposal.outs if isinstance(out, Say | Ask)}
        now.agent += [Said(item.id, item.text, kinds.get(item.id, "line")) for item in proposal.items]
        now.acts += [{name: plain(value) for name, value in act.items()} for act in proposal.acts]
        now.asks = asked(proposal.outs) or ("" if proposal.items else now.asks)
        now.reasons += [Reason(out.code, out.text) for out in proposal.outs if isinstance(out, Note)]
        now.refused += [Denied(script_acts.name_of(out.act), out.why) for out in proposal.outs if isinstance(out, Refused)]
        return proposal.runs

    def _run(self, run: Run) -> None:
        if run.tool in self._plan.tools:
            answer = self._fakes(run.tool, plain(run.args), run.key)
        else:
            answer = ToolAnswer(error="rejected")
            self._mishap(len(self._done) - 1, f"the agent has no tool '{run.tool}'")
        self.results.append(answer)
        self._now.tools.append(Ran(run.tool, run.effect, plain(run.args), answer.values, answer.error))
        self._talk.tool_done(run.key, answer.values, answer.error)

    def _transferred(self, target: str) -> bool:
        self._now.transfer = target
        if self._plan.transfer_to.get(target) and target not in self._unreachable:
            self._hang_up()
        elif target not in self._plan.transfer_to:
            self._mishap(len(self._done) - 1, f"the agent has nobody to transfer to under the name '{target}'")
        return self.over

    def _hear(self, cut_at: str) -> tuple[Run, ...]:
        """The caller hears what was said, up to where they broke in; returns the work that had waited for that."""
        items, self._unheard = self._unheard, ()
        runs: list[Run] = []
        said: list[str] = []
        gone = False
        for item in items:
            place = item.text.find(cut_at) if cut_at and not gone else -1
            heard = "" if gone else item.text
            if place >= 0:
                heard, gone = item.text[: place + len(cut_at)], True
            said.append(heard)
            runs += self._spoken(item.id, heard, heard == item.text)
        if words := " ".join(said).strip():
            self.heard.append(Line("agent", words, cut=gone))
        if cut_at and not gone:
            self._mishap(len(self._done) - 1, f"'{cut_at}' was not said just before: all of it counts as heard")
        return tuple(runs)

    def _spoken(self, item: str, heard: str, whole: bool) -> tuple[Run, ...]:
        self._count()
        return self._talk.spoken(item, heard, whole=whole)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        if self.steps >= self._most_steps:
            raise _OutOfStepsError
        self.steps += 1

    def _stepped(self, step: Callable[[], T]) -> T:
        self._count()
        return step()

    def _something(self, proposal: Proposal) -> Proposal:
        """As in a call: a script that has nothing to say, to run or to end would leave the caller in silence."""
        return self._line(self._plan.lines.fallback, proposal) if proposal.empty else proposal

    def _line(self, text: str, proposal: Proposal | None = None) -> Proposal:
        found = proposal or Proposal(self._talk.state, self._talk.state)
        found.items = (Item("", text),)
        return found

    def _close(self, before: str) -> str:
        """Write down where the call is after the turn."""
        talk, now = self._talk, self._now
        now.at, now.stack, now.ended = talk.state.at, list(talk.state.stack), self.over
        now.slots = {name: {**known, "value": plain(known["value"])} for name, known in talk.slots().items()}
        all_of_it = {**asdict(now), "digest": "", "answer": now.answer.text if now.answer else ""}  # not how long it took
        written = json.dumps([before, all_of_it], sort_keys=True, ensure_ascii=False, default=str)
        now.digest = hashlib.sha256(written.encode()).hexdigest()[:16]
        return now.digest
