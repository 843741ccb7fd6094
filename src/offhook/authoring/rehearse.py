"""A call by text: what an agent says, does and knows for a list of the caller's turns. Nothing is spoken, nothing is done.

The same list gives the same course, from the first word on, so that editing a turn and running again is sending another list. It is
the live call's ``Dialogue`` from the live call's plan: only the voices are missing, the tools answer from fakes, and nobody waits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from offhook.authoring.load import compile as compile_script
from offhook.authoring.runner import asked
from offhook.contracts.events import ToolAnswer
from offhook.contracts.plan import CallPlan
from offhook.core.script import acts as script_acts
from offhook.core.script.dialogue import Dialogue, Item, Proposal
from offhook.core.script.state import Ask, Note, Refused, Run, Say
from offhook.core.script.values import plain
from offhook.core.understand.types import Context

T = TypeVar("T")
MOST_STEPS: Final = 2_000
"""Events that one rehearsal may feed the script."""
MOST_ROUNDS: Final = 20
"""Replies that tools may bring about one after the other, before the caller has a word."""

Kind: TypeAlias = Literal["caller", "keys", "silence", "hangup"]


class Fakes(Protocol):
    """Answers instead of the tools."""

    def __call__(self, tool: str, args: Mapping[str, Any], key: str) -> ToolAnswer:
        """What the tool would have answered."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller does. ``cut_at`` is where in the agent's words before it they broke in: nothing after that was heard."""

    kind: Kind
    text: str = ""
    cut_at: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the agent says. ``item`` is the script's name for it, "" for a fixed line of the plan.

    ``kind`` is one of the script's: ack, answer, say, must, goodbye, ask, guess, confirm, agree, change; or ``line``.
    """

    item: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A tool that would have run, and what its fake answered."""

    tool: str
    effect: str
    args: dict[str, Any]
    values: dict[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a note of the script (``way`` names the rule that was taken, such as ``states/route/next/0``)."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Denied:
    """An act of the caller's that had no effect."""

    act: str
    why: str


@dataclass(slots=True)
class Played:
    """A turn and all that followed from it. ``digest`` is of everything up to here: it changes from the first difference on."""

    kind: str
    text: str
    acts: list[dict[str, Any]] = field(default_factory=list)
    agent: list[Said] = field(default_factory=list)
    asks: str = ""
    tools: list[Ran] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    refused: list[Denied] = field(default_factory=list)
    at: str = ""
    stack: list[str] = field(default_factory=list)
    slots: dict[str, dict[str, Any]] = field(default_factory=dict)
    transfer: str | None = None
    ended: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Mishap:
    """What went wrong in the rehearsal itself, and in which turn."""

    turn: int
    message: str


@dataclass(frozen=True, slots=True)
class Course:
    """A whole conversation. ``turns`` begins with what the agent says first."""

    script: str
    version: int
    turns: list[Played]
    ended: bool
    outcome: str
    path: list[str]
    mishaps: list[Mishap]
    steps: int


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
) -> Course:
    """Play a list of turns. ``unreachable`` are transfer targets where nobody answers. ScriptError with all faults of the script."""
    script = compile_script(plan.script)
    talk = Dialogue(script, context_of(plan, moment), plan.given, tuple((one.title, one.text) for one in plan.knowledge))
    player = _Player(plan, talk, fakes, unreachable, most_steps)
    played = player.play(turns)
    outcome = talk.outcome or talk.state.outcome or ""
    return Course(script.id, script.version, played, player.over, outcome, list(talk.path()), player.mishaps, player.steps)


class _OutOfStepsError(Exception):
    """The rehearsal has used up what it may."""


class _Player:
    """Does what a call does with its dialogue, in the same order: the reply is accepted, its tools run, its words are heard."""

    def __init__(self, plan: CallPlan, talk: Dialogue, fakes: Fakes, unreachable: frozenset[str], most_steps: int) -> None:
        self.over = False
        self.mishaps: list[Mishap] = []
        self.steps = 0
        self._plan = plan
        self._talk = talk
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
                proposal = self._something(self._stepped(lambda: talk.answer(turn.text)))
            case "keys":
                proposal = self._something(self._stepped(lambda: talk.keys(turn.text)))
            case "silence":
                asked_again = self._stepped(talk.silence)
                proposal = asked_again if asked_again.items else self._line(self._plan.lines.still_there)
        self._follow(proposal, hold=hold)

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
        gone = False
        for item in items:
            place = item.text.find(cut_at) if cut_at and not gone else -1
            heard = "" if gone else item.text
            if place >= 0:
                heard, gone = item.text[: place + len(cut_at)], True
            runs += self._spoken(item.id, heard, heard == item.text)
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
        written = json.dumps([before, {**asdict(now), "digest": ""}], sort_keys=True, ensure_ascii=False, default=str)
        now.digest = hashlib.sha256(written.encode()).hexdigest()[:16]
        return now.digest


def same_until(former: Sequence[str], turns: Sequence[Played]) -> int:
    """How many turns, the opening included, are as they were when their digests were ``former``."""
    count = 0
    for old, new in zip(former, turns, strict=False):
        if old != new.digest:
            break
        count += 1
    return count
