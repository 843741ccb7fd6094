"""A turn of a text test, answered by the plan's language models as in a call (``answering``): nobody hears it and no tool runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

import anyio
import anyio.to_thread
from pydantic import JsonValue

from offhook.authoring.course import Line, Turn
from offhook.authoring.rehearse import up_to_model
from offhook.contracts.plan import CallPlan
from offhook.contracts.rehearsal import MOST_LETTERS, Answered, Denied, RehearsalRequest, Rehearsed
from offhook.core.script import acts as script_acts
from offhook.core.script import turn as script_turn
from offhook.core.script.dialogue import Dialogue, Proposal
from offhook.core.script.model import Script
from offhook.core.script.state import Note, Refused
from offhook.core.script.values import plain
from offhook.core.speech.heard import Ledger
from offhook.core.time import MS, Instant
from offhook.engine.admission import Admission
from offhook.engine.answering import Answering, ModelAnswer
from offhook.engine.callclock import CallClock
from offhook.engine.failover.health import Candidate, HealthBoard
from offhook.engine.failover.llm import HedgeBudget, HedgedLlm, HedgePolicy
from offhook.engine.history import History
from offhook.engine.phrases import Clip
from offhook.engine.prepare import EngineParts
from offhook.engine.reply import Reply
from offhook.engine.reporter import Reporter
from offhook.engine.words import Words
from offhook.errors import ConfigError, Invalid, ProviderError, Timeout

SECONDS: Final = 20.0
"""How long a turn may take, whatever its plan allows a model."""


@dataclass(frozen=True, slots=True)
class _Mind:
    plan: CallPlan
    script: Script
    models: HedgedLlm | None


class Rehearsals:
    """Those of a process: few at a time, and none has more of the loop than a turn of a call has."""

    def __init__(self, parts: EngineParts, most: int) -> None:
        self.places = Admission(most, "rehearsals", "OFFHOOK_ENGINE_MAX_REHEARSALS")
        self._parts = parts
        self._one = anyio.CapacityLimiter(1)

    async def rehearse(self, body: bytes) -> Rehearsed:
        """The answer to a RehearsalRequest's last words.

        Raises Refused (full), ValueError (no such request), Invalid (no turn for a model), ConfigError (the script has faults),
        Timeout. That a model fails is an answer too.
        """
        with self.places.slot():
            try:
                with anyio.fail_after(SECONDS):
                    # Reading a plan and playing a long conversation is work; it is done beside the loop, for one at a time.
                    asked, scene = await anyio.to_thread.run_sync(_staged, body, limiter=self._one)
                    if scene is None:
                        raise Invalid("no model would be asked here: the rules explain the caller's last words, or the call is over")
                    return await self._answered(asked, *scene)
            except TimeoutError:
                raise Timeout("llm", f"the turn was not answered within {SECONDS:g} s") from None

    async def _answered(self, asked: RehearsalRequest, dialogue: Dialogue, heard: list[Line]) -> Rehearsed:
        plan, text = asked.plan, asked.turns[-1].text
        policy = HedgePolicy(first=plan.models.answer_ms / 1000)
        try:
            models = await self._parts.lineup.hedged_llm(plan.models.llm, plan.models.vendors, policy=policy)
        except ConfigError as error:
            return _unasked(dialogue, text, error)
        # Calls do not go by how models did in tests, whose deadlines are anybody's; and a test asks, however they did in calls.
        board = HealthBoard()
        fresh = [Candidate(one.name, one.provider, board.of(one.name)) for one in models.candidates]
        alone = replace(models, candidates=fresh, budget=HedgeBudget(), released=lambda: None)
        try:
            return await self._asked(_Mind(plan, dialogue.script, alone), dialogue, _history(heard), text)
        finally:
            await models.aclose()

    async def _asked(self, mind: _Mind, dialogue: Dialogue, history: History, text: str) -> Rehearsed:
        clock = CallClock()
        answering = Answering(self._parts, mind, dialogue, history, Reporter(mind.plan, clock, None, lambda _: None))
        reply = Reply(0, "speech", text, lambda: answering.answer(reply), partial(_accept, dialogue), real=True, now=clock.now)
        first: list[Instant] = []

        def lookup(_text: str) -> Clip | None:
            first.append(clock.now())
            return None

        words = Words(Ledger(), lookup)
        begun = clock.now()
        model = reply.work_out()
        if not isinstance(model, ModelAnswer):
            raise Invalid("no model would be asked here")
        await model.think(reply, words)
        use = answering.used(reply)
        if use is None:
            raise Invalid("no model was asked")
        token = reply.marks.first_token
        answer = Answered(
            text=model.text[:MOST_LETTERS],
            whole=model.whole,
            model=use.provider[:200],
            route=model.route[:500],
            failure=(_told(model.failure) or ("" if model.whole else reply.why))[:500],
            first_token_ms=None if token is None else _ms(token - begun),
            first_words_ms=_ms(first[0] - begun) if first and model.turn.by != "rules" else None,
            total_ms=_ms(clock.now() - begun),
            input_tokens=use.input,
            output_tokens=use.output,
            cached_tokens=use.cached,
        )
        return _rehearsed(model.turn, answer, reply.why, tuple(words.meant))


def _staged(body: bytes) -> tuple[RehearsalRequest, tuple[Dialogue, list[Line]] | None]:
    asked = RehearsalRequest.model_validate_json(body)
    turns = [Turn(one.kind, one.text, one.cut_at, one.answer) for one in asked.turns[:-1]]
    last = asked.turns[-1]
    turns.append(Turn(last.kind, last.text, last.cut_at))
    return asked, up_to_model(asked.plan, asked.moment, turns, asked.results, frozenset(asked.unreachable))


def _history(heard: list[Line]) -> History:
    history = History()
    for one in heard:
        if one.who == "caller":
            history.caller(one.text)
        else:
            history.agent(one.text, cut=one.cut)
    return history


def _accept(dialogue: Dialogue, reply: Reply) -> None:
    if reply.proposal is not None:
        dialogue.accept(reply.proposal)


def _unasked(dialogue: Dialogue, text: str, error: ConfigError) -> Rehearsed:
    """None of the models can be had: the rules take the turn, as in a call."""
    turn = script_turn.Turn(dialogue, text, script_turn.prepare(dialogue))
    said = tuple(item.text for item in turn.finish(whole=False))
    return _rehearsed(turn, Answered(whole=False, failure=error.public[:500]), error.public, said)


def _rehearsed(turn: script_turn.Turn, answer: Answered, why: str, said: tuple[str, ...]) -> Rehearsed:
    proposal = turn.proposal
    return Rehearsed(
        by="policy" if turn.by in {"", "rules"} else cast("Any", turn.by),
        why=why,
        said=said,
        acts=tuple(_json(act) for act in proposal.acts) if proposal is not None else (),
        refused=tuple(_denied(proposal)) if proposal is not None else (),
        answer=answer,
    )


def _json(act: dict[str, Any]) -> dict[str, JsonValue]:
    return {name: plain(value) for name, value in act.items()}


def _denied(proposal: Proposal) -> Iterator[Denied]:
    for out in proposal.outs:
        if isinstance(out, Refused):
            yield Denied(act=script_acts.name_of(out.act), why=out.why)
        elif isinstance(out, Note) and out.code == "model refused":
            what, _, why = out.text.partition(": ")
            yield Denied(act=what, why=why)


def _told(failure: ProviderError | None) -> str:
    return f"{type(failure).__name__}: {failure.public}" if failure is not None else ""


def _ms(took: Instant) -> float:
    return round(took / MS, 1)
