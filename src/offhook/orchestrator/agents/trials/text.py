"""A conversation with an agent by text: stateless, from the plan that a call at that moment would get."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from offhook.authoring.rehearse import Course, Kind, Turn, same_until
from offhook.contracts.plan import CallPlan
from offhook.errors import Fault, Invalid
from offhook.orchestrator.agents import compose
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials.rehearsal import Rehearsal, played
from offhook.orchestrator.agents.trials.schemas import MishapView, TextTest, TextTestResult, TurnIn, TurnView
from offhook.orchestrator.calls.plans import plan_of
from offhook.orchestrator.tools.fakes import Faking

NOWHERE: Final = "http://tools.invalid"
"""Where the tools of a plan for a text test are: nobody asks them."""
CALL: Final = "text-test"


async def run(agent: Agent, test: TextTest, now: datetime) -> TextTestResult:
    """Play the test. Invalid says what is wrong with the agent's script, by its path."""
    moment = test.now or now
    plan = _plan(agent, test, moment)
    faking = Faking(agent, test.caller, moment, {name: tuple(one.answer() for one in given) for name, given in test.tools.items()})
    course = await played(Rehearsal(plan, moment, tuple(_turn(one) for one in test.turns), faking, frozenset(test.unreachable)))
    if not isinstance(course, Course):
        faults = tuple(Fault(".".join(str(part) for part in compose.origin(agent.config, one.path)), one.message) for one in course)
        raise Invalid("the agent cannot be tested: its script has faults", faults=faults)
    return _result(course, test, agent.script, open_now=agent.open_at(moment))


def _plan(agent: Agent, test: TextTest, moment: datetime) -> CallPlan:
    known: dict[str, Any] = {"caller_number": test.caller} if test.caller else {}
    return plan_of(agent, CALL, moment, NOWHERE, known | test.given, test=True)


def _turn(turn: TurnIn) -> Turn:
    kind = next(name for name in ("caller", "keys", "silence", "hangup") if getattr(turn, name) is not None)
    return Turn(cast("Kind", kind), turn.caller or turn.keys or "", turn.cut_at)


def _result(course: Course, test: TextTest, script: dict[str, Any], *, open_now: bool) -> TextTestResult:
    outcomes = script.get("outcomes")
    success = outcomes.get(course.outcome) if isinstance(outcomes, dict) else None
    return TextTestResult(
        script=course.script,
        script_version=course.version,
        open_now=open_now,
        turns=[TurnView.model_validate(one) for one in course.turns],
        same_until=same_until(test.former, course.turns),
        ended=course.ended,
        outcome=course.outcome,
        success=success if isinstance(success, str) else None,
        path=course.path,
        faults=[MishapView.model_validate(one) for one in course.mishaps],
        steps=course.steps,
    )
