"""A conversation with an agent by text: stateless, from the plan that a call at that moment would get.

Where a model of the agent's would answer, an engine asks it (``live.engines``): it has the providers, and the code of a call.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

import anyio

from offhook.authoring.course import Course, Kind, Mishap, Turn, same_until
from offhook.contracts.plan import CallPlan
from offhook.contracts.rehearsal import RehearsalRequest, Rehearsed, RehearsedTurn
from offhook.errors import Fault, Invalid, Unreachable
from offhook.orchestrator.agents import compose
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials.rehearsal import Rehearsal, Result, played
from offhook.orchestrator.agents.trials.schemas import MishapView, TextTest, TextTestResult, TurnIn, TurnView
from offhook.orchestrator.calls.plans import plan_of
from offhook.orchestrator.live import engines
from offhook.orchestrator.services import Services
from offhook.orchestrator.tools.fakes import Faking
from offhook.orchestrator.vendors import ops as vendors

NOWHERE: Final = "http://tools.invalid"
"""Where the tools of a plan for a text test are: nobody asks them."""
CALL: Final = "text-test"
SECONDS: Final = 60.0
"""How long all models together may take in one test."""
MOST_ASKED: Final = 20
"""Answers of models that one test may ask for."""
SENT: Final = "send the turns with the answers that there are (`answer`), or test with the rules alone (`rules_only`)"


async def run(agent: Agent, test: TextTest, now: datetime, given: Services | None = None, *, paid: bool = False) -> TextTestResult:
    """Play the test. ``paid``: its models may be asked, by an engine. Invalid says what is wrong with the agent's script, by its path."""
    moment = test.now or now
    faking = Faking(agent, test.caller, moment, {name: tuple(one.answer() for one in told) for name, told in test.tools.items()})
    notice = _unasked(agent, test, given, paid=paid)
    models = given if agent.models.llm and not test.rules_only and not notice else None
    turns, unreachable = tuple(_turn(one) for one in test.turns), frozenset(test.unreachable)
    rehearsal = Rehearsal(_plan(agent, test, moment), moment, turns, faking, unreachable, models=models is not None)
    course = _sound(agent, await played(rehearsal))
    if models is not None and course.waits is not None:
        course = await _with_models(models, agent, rehearsal, course)
    return _result(course, test, agent.script, open_now=agent.open_at(moment), notice=notice)


def _unasked(agent: Agent, test: TextTest, given: Services | None, *, paid: bool) -> str:
    """Why models that the agent has are not asked."""
    if not agent.models.llm or test.rules_only or given is None:
        return ""
    if not paid:
        return "the rules alone answered: a model's answers are paid for, and asking for them needs the permission agents.write"
    if not given.settings.engine_urls:
        return "the rules alone answered: models are asked by an engine, and none is named here (OFFHOOK_ORCHESTRATOR_ENGINE_URLS)"
    return ""


def _sound(agent: Agent, course: Result) -> Course:
    if isinstance(course, Course):
        return course
    faults = tuple(Fault(".".join(str(part) for part in compose.origin(agent.config, one.path)), one.message) for one in course)
    raise Invalid("the agent cannot be tested: its script has faults", faults=faults)


async def _with_models(given: Services, agent: Agent, rehearsal: Rehearsal, course: Course) -> Course:
    """Play on from where a model is to answer, as often as one is."""
    models = rehearsal.plan.models.model_copy(update={"stt": (), "tts": (), "voices": {}})
    models = models.model_copy(update={"vendors": await vendors.settings(given, agent.tenant.id, agent.tenant.reseller_id, models)})
    plan = rehearsal.plan.model_copy(update={"models": models})
    strange: list[Mishap] = []
    try:
        with anyio.fail_after(SECONDS):
            for _ in range(MOST_ASKED):
                if (number := course.waits) is None:
                    break
                found = await engines.rehearse(given, _request(plan, rehearsal, course, number))
                turns = list(rehearsal.turns)
                turns[number - 1] = replace(turns[number - 1], answer=found.answer)
                rehearsal = replace(rehearsal, turns=tuple(turns))
                course = _sound(agent, await played(rehearsal))
                strange += _differs(course, number, found)
    except TimeoutError as error:
        raise Unreachable(f"the agent's models were not done within {SECONDS:g} s: {SENT}") from error
    if course.waits is not None:
        raise Invalid(f"models were asked {MOST_ASKED} times, which is all that one test may: {SENT}")
    return replace(course, mishaps=[*course.mishaps, *strange])


def _request(plan: CallPlan, rehearsal: Rehearsal, course: Course, number: int) -> RehearsalRequest:
    """All up to the words that wait for a model."""
    return RehearsalRequest(
        plan=plan,
        moment=rehearsal.moment,
        turns=tuple(RehearsedTurn(kind=one.kind, text=one.text, cut_at=one.cut_at, answer=one.answer) for one in rehearsal.turns[:number]),
        results=course.results,
        unreachable=tuple(rehearsal.unreachable),
    )


def _differs(course: Course, number: int, found: Rehearsed) -> list[Mishap]:
    """The engine read the model's answer, and so do we: as long as both are of one version, to the same end."""
    here = course.turns[number] if number < len(course.turns) else None
    said = " ".join(one.text for one in here.agent) if here is not None else ""
    if found.answer is not None and here is not None and here.answered_by == found.by and said.startswith(" ".join(found.said)):
        return []
    return [Mishap(number, "the engine makes something else of the model's answer: engine and orchestrator must be of one version")]


def _plan(agent: Agent, test: TextTest, moment: datetime) -> CallPlan:
    known: dict[str, Any] = {"caller_number": test.caller} if test.caller else {}
    return plan_of(agent, CALL, moment, NOWHERE, known | test.given, test=True)


def _turn(turn: TurnIn) -> Turn:
    kind = next(name for name in ("caller", "keys", "silence", "hangup") if getattr(turn, name) is not None)
    return Turn(cast("Kind", kind), turn.caller or turn.keys or "", turn.cut_at, turn.answer)


def _result(course: Course, test: TextTest, script: dict[str, Any], *, open_now: bool, notice: str) -> TextTestResult:
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
        notice=notice,
        steps=course.steps,
    )
