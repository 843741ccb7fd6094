"""Who answers the caller's words: the rules where they explain all of them, else a model; and the rules again when that is slow or down.

What a model does ahead of the decision is a value: no state moves, no tool runs, and what it cost is counted. The script's part is
``core.script.turn``: acts before words, and only words that hold.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final, Protocol

import anyio

from offhook.contracts.plan import CallPlan
from offhook.core.script import turn as script_turn
from offhook.core.script.compact import tokens_of
from offhook.core.script.dialogue import Dialogue, Item, Proposal
from offhook.core.script.model import Script
from offhook.core.script.state import Note, Refused
from offhook.core.script.turn import Turn
from offhook.core.time import MS
from offhook.engine.failover.llm import HedgedLlm
from offhook.engine.failover.router import Facts, Measured, Model, Router, Rule, Wording
from offhook.engine.history import History
from offhook.engine.prepare import EngineParts
from offhook.engine.reply import Reply, Thinking
from offhook.engine.reporter import Reporter
from offhook.engine.scopes import CallScope
from offhook.engine.speculation import ATTEMPTS, LONGEST_SPEECH
from offhook.engine.telemetry.calls import LlmUse, Speculated
from offhook.engine.trace import TraceWriter
from offhook.engine.words import Words
from offhook.errors import ProviderError
from offhook.ports.llm import Done, LlmRequest, Message, TextDelta, TokenUsage, ToolCall

STALL_SECONDS: Final = 0.8
"""A model that has begun to speak and says nothing for so long has said all that it will."""


class Minded(Protocol):
    """What of a call that has been prepared its answers are made of."""

    @property
    def plan(self) -> CallPlan:
        """The call's."""
        ...

    @property
    def script(self) -> Script:
        """The plan's, compiled."""
        ...

    @property
    def models(self) -> HedgedLlm | None:
        """The plan's language models; None: the rules alone."""
        ...


class ModelAnswer:
    """One answer that a model is asked for. Raises nothing: what fails is answered by the rules."""

    def __init__(self, turn: Turn, models: HedgedLlm, limit: float, dialogue: Dialogue, *, ahead: bool, route: str = "") -> None:
        self.turn = turn
        self.route = route
        """Why these models in this order."""
        self.name = models.candidates[0].name if models.candidates else ""
        """Who answers: the one that began first."""
        self.ahead = ahead
        """May be asked before the caller's turn is decided."""
        self.record = ""
        """Where it is kept whether work ahead pays."""
        self.asked = False
        self.whole = True
        """It came to its end, or as far as it was needed."""
        self.failure: ProviderError | None = None
        self.usage: TokenUsage | None = None
        self.finish = ""
        self.ended: int | None = None
        self._models = models
        self._limit = limit
        self._dialogue = dialogue
        self._received: list[str] = []
        self._after: object = None

    @property
    def text(self) -> str:
        """What has come of it, as it came."""
        return "".join(self._received)

    async def think(self, reply: Reply, words: Words) -> None:
        """Ask, and give on what may be said as it comes."""
        if not self.ahead:
            await reply.decided()
        reply.marks.llm_request = reply.now()
        self.asked = True
        slow = False
        with anyio.move_on_after(self._limit) as scope:
            try:
                await self._listen(reply, words, scope)
            except ProviderError as error:
                self.failure = error
        slow = scope.cancelled_caught
        if not self.turn.done:
            self.whole = not slow and self.failure is None
            self._give(self.turn.finish(whole=self.whole), reply, words)
            if slow and self.turn.by == "rules":
                reply.why = "the model is slow"

    async def _listen(self, reply: Reply, words: Words, scope: anyio.CancelScope) -> None:
        async with aclosing(self._models.stream(self._request())) as events:
            async for event in events:
                self.name = events.by or self.name
                match event:
                    case TextDelta(text):
                        self.ended = reply.now()
                        if reply.marks.first_token is None:
                            reply.marks.first_token = self.ended
                        self._received.append(text)
                        if not self.turn.done:
                            self._give(self.turn.feed(text), reply, words)
                        if words.meant:
                            scope.deadline = anyio.current_time() + STALL_SECONDS
                    case TokenUsage():
                        self.usage = event
                    case Done(why):
                        self.finish = why
                    case ToolCall():
                        # Work is an act of the script; a tool that was not offered is not run.
                        reply.refused.append("tool call")

    def _give(self, items: tuple[Item, ...], reply: Reply, words: Words) -> None:
        """What may be said now. The acts count from the first word on, or as soon as they start work."""
        turn = self.turn
        proposal = turn.proposal
        if proposal is not None and (items or turn.done or proposal.runs):
            reply.by, reply.why = turn.by, turn.why or reply.why
            if reply.proposal is not proposal:
                self._after = proposal.after
                reply.settle(proposal)
            elif turn.done and reply.accepted_already and self._dialogue.state is self._after:
                # The open question as it was worded in the end.
                self._dialogue.state = proposal.after
        for item in items:
            words.put(item, more=not turn.done)
        if words.holds and (forming := turn.forming) is not None:
            words.hold(forming)
        if turn.done:
            words.end()

    def _request(self) -> LlmRequest:
        asked = self.turn.request
        return LlmRequest(
            messages=tuple(Message(one.role, one.text) for one in asked.messages),
            schema=asked.schema,
            max_tokens=asked.max_tokens,
            stable=asked.stable,
            cache_key=asked.cache_key,
        )

    def use(self, locale: str) -> LlmUse:
        """Tokens: as the vendor says, or estimated where the answer was cut off."""
        if self.usage is not None:
            used = self.usage
            return LlmUse(self.name, used.input, used.output, used.cached, self.finish, self.ended)
        output = tokens_of(self.text, locale)
        return LlmUse(self.name, self.turn.request.tokens, output, 0, self.finish or "cut", self.ended)


class Answering:
    """One call's choice between rules and model, and what its models cost."""

    def __init__(self, parts: EngineParts, prepared: Minded, dialogue: Dialogue, history: History, reporter: Reporter) -> None:
        self.input_tokens = 0
        self.output_tokens = 0
        self.cached_tokens = 0
        self.wasted_tokens = 0
        self._models = prepared.models
        self._plan = prepared.plan
        self.name = prepared.models.candidates[0].name if prepared.models is not None else ""
        """The model that is asked first, "" where the rules alone answer."""
        self._router = _router(prepared)
        self._dialogue = dialogue
        self._history = history
        self._reporter = reporter
        self._speculation = parts.speculation
        self._agent = prepared.script.hash
        self._book = script_turn.prepare(dialogue) if prepared.models is not None else None
        self._asked: dict[int, ModelAnswer] = {}
        self._early = f"{self._agent} early"
        """The record of what was begun because words had settled: it is no fault of what is begun later if that does not pay."""
        self._attempts = 0
        self._turns = self._early_turn = -1
        self._trace: TraceWriter | None = None

    def begin(self, scope: CallScope, trace: TraceWriter | None) -> None:
        """The call is up: have the model's connection open before its first turn."""
        self._trace = trace
        if self._models is not None:
            scope.start(self._models.warm, "model warming")

    def early(self) -> bool:
        """Whether words that have settled may be answered ahead: where that pays, and once in a turn."""
        return self._models is None or (self._early_turn != self._reporter.counts["caller_turns"] and self._speculation.pays(self._early))

    def answer(self, reply: Reply, spoken: float | None = None, *, settled: bool = False) -> Proposal | Thinking:
        """The answer to the caller's words: known at once by the rules, else a model's.

        ``spoken``: seconds of speech in the turn. ``settled``: it is begun ahead because the words have settled, as ``early`` has allowed.
        """
        models, state = self._models, self._dialogue.ready()
        if models is None or self._book is None:
            return self._dialogue.answer(reply.text)
        decision = self._dialogue.decide(reply.text)
        reply.why = decision.why
        if decision.by == "rules":
            reply.by = "rules"
            self._note(reply, {"by": "rules", "why": decision.why})
            return self._dialogue.answer(reply.text)
        structured = models.spec.structured
        turn = Turn(self._dialogue, reply.text, self._book, self._history.entries, structured=structured)
        choice = self._router.pick(
            Facts(
                state=state.at,
                locale=self._plan.locale,
                words=len(reply.text.split()),
                context=turn.request.tokens,
                wording=_wording(self._dialogue.script.states[state.at].wording),
                schema=structured,
                speculative=not reply.real,
            ),
            {one.name: Measured(one.health.admits(), one.health.quantile(0.5), one.health.quantile(0.95)) for one in models.candidates},
        )
        ahead = reply.real or self._worth_it(spoken, settled=settled)
        limit = self._plan.models.answer_ms / 1000
        model = ModelAnswer(turn, models.ordered(choice.models), limit, self._dialogue, ahead=ahead, route=choice.why)
        model.record = self._early if settled else self._agent
        self._asked[reply.turn] = model
        self._reporter.counts["model_asked"] += 1
        return model

    def _worth_it(self, spoken: float | None, *, settled: bool) -> bool:
        turns = self._reporter.counts["caller_turns"]
        if settled:
            self._early_turn = turns
            return True
        if turns != self._turns:
            self._turns, self._attempts = turns, 0
        self._attempts += 1
        few = self._attempts <= ATTEMPTS and (spoken is None or spoken < LONGEST_SPEECH)
        return few and self._speculation.pays(self._agent)

    def speculated(self, reply: Reply, outcome: Speculated) -> None:
        """Work ahead of a decision has come to its end, one way or the other."""
        committed = outcome == "committed"
        self._reporter.counts[f"speculation_{outcome}"] += 1
        model = self._asked.get(reply.turn)
        use = model.use(self._plan.locale) if model is not None and model.asked else None
        if use is not None:
            tokens = use.input + use.output
            self._speculation.ended(model.record if model is not None else self._agent, committed=committed, tokens=tokens)
            if not committed:
                self.wasted_tokens += tokens
        if self._reporter.telemetry is not None:
            now = reply.now() or reply.begun
            self._reporter.telemetry.speculation(outcome, reply.begun, now, reply.turn, use)

    def used(self, reply: Reply) -> LlmUse | None:
        """What a model did for a turn that is over; counted once."""
        model = self._asked.pop(reply.turn, None)
        if model is None or not model.asked:
            return None
        use = model.use(self._plan.locale)
        self.input_tokens += use.input
        self.output_tokens += use.output
        self.cached_tokens += use.cached
        self._reporter.counts[f"model_{reply.by or 'dropped'}"] += 1
        if model.failure is not None:
            self._reporter.counts["model_failed"] += 1
        self._note(
            reply,
            {
                "by": reply.by,
                "why": reply.why,
                "model": model.name,
                "route": model.route,
                "failure": type(model.failure).__name__ if model.failure is not None else "",
                "tokens": [use.input, use.output, use.cached],
                "notes": _notes(reply),
            },
        )
        return use

    def _note(self, reply: Reply, what: dict[str, object]) -> None:
        if self._trace is not None:
            self._trace.note(reply.now() // MS * MS, "answer", {"turn": reply.turn, **what})


def _router(prepared: Minded) -> Router:
    """The plan's models and routes."""
    models = prepared.plan.models
    known = [
        Model(one.name, one.provider.spec.tools, one.provider.spec.structured, cost=models.costs.get(one.name, 0.0))
        for one in (prepared.models.candidates if prepared.models is not None else ())
    ]
    rules = [
        Rule(
            one.name,
            prefer=one.prefer,
            states=one.states,
            locales=one.locales,
            wordings=one.wordings,
            speculative=one.speculative,
            words=(one.least_words, one.most_words),
            ceiling=one.ceiling,
        )
        for one in models.routes
    ]
    return Router(tuple(known), tuple(rules))


def _wording(wording: str) -> Wording:
    return "exact" if wording == "exact" else "free" if wording == "free" else "guided"


def _notes(reply: Reply) -> list[str]:
    """What was refused or withheld, without the caller's words."""
    outs = reply.proposal.outs if reply.proposal is not None else ()
    found = [f"refused {type(out.act).__name__}: {out.why}" for out in outs if isinstance(out, Refused)]
    found += [f"{out.code}: {out.text}" for out in outs if isinstance(out, Note)]
    return [*found, *reply.refused][:20]
