"""All that can happen to a call's turns: a walk over every reachable state, with the laws asserted on every edge.

States are made alike before they are compared: turn numbers count back from the next one, every deadline is merely there or
not, and any of them may be the next to come (more orders than can happen, so nothing is missed). Texts and scores are a few
that differ in what they cause. ``laws.check`` holds for any step and any trace, ``walk`` applies it to all of them.

All of it at once would be some 100,000 states, so the walk is done once for the two floors, and again with each of the things
that come from outside (``ASPECTS``): keys, tools, lines to say, transfers, ends, the call's limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain

from offhook.core.time import SECOND, Instant, ms
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.agent import RESTARTS
from offhook.core.turn.laws import LawBroken, check, law
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import Agent, Held, Phase, Preparing, Quiet, Speaking, Talking, Trailing, TurnState, User, initial
from offhook.core.turn.step import step

NOW: Instant = 100 * SECOND
_LATER = NOW + 50 * SECOND
_SOON = NOW + 1
_NEXT = 10
"""The next turn's number in every state alike; an open turn is the one before."""
TEXTS = ("", "one", "mm-hm", "two words")
SCORES = (0.1, 0.7, 0.95)
POLICY = TurnPolicy(idle_prompts=1)
ASPECTS: dict[str, frozenset[str]] = {
    "floors": frozenset(),
    "keys": frozenset({"Dtmf"}),
    "tools": frozenset({"ToolStarted", "ToolDone"}),
    "say": frozenset({"Command say"}),
    "transfer": frozenset({"Command transfer", "Transferred"}),
    "end": frozenset({"Command end"}),
    "hush": frozenset({"Command hush"}),
    "limit": frozenset({"tick: call"}),
}
_FLOORS_ONLY = frozenset(
    {
        "SpeechStarted, again",
        "SpeechStopped, again",
        "SpeechStopped long, again",
        "stale",
        "early tick",
        "SpeechStopped long",
        "Settled",
        "Behind",
        "ShiftScored",
        "ShiftScored, late",
        "TurnEnding",
        "TurnEnding, late",
        "SpeechStarted, late",
        "Partial, late",
        "Played",
    }
)
_OUTSIDE = frozenset(chain.from_iterable(ASPECTS.values()))


@dataclass(frozen=True, slots=True)
class Edge:
    """One step between two states of the walk. ``label`` names the event, and the deadline for a tick."""

    source: TurnState
    label: str
    target: TurnState
    effects: tuple[fx.Effect, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """Every reachable state, made alike, and every edge. ``ticks`` is the most ticks in a row before the call has ended."""

    states: tuple[TurnState, ...]
    edges: tuple[Edge, ...] = field(repr=False)
    ticks: int = 0


# -- the walk ------------------------------------------------------------------------------------------------------------


def walk(policy: TurnPolicy = POLICY, aspects: Iterable[frozenset[str]] = tuple(ASPECTS.values())) -> Walk:
    """Visit every state that can be reached and assert the laws on every edge. Raises LawBroken with the way there.

    One walk for each of ``aspects``, a set of labels that may happen besides what happens on the two floors.
    """
    states: dict[TurnState, None] = {}
    edges: dict[tuple[TurnState, str, TurnState], Edge] = {}
    for aspect in aspects:
        # What does nothing in any state (results of old turns) is tried on the floors alone; there is one idle prompt, or none.
        floors = not aspect
        without = _OUTSIDE - aspect if floors else (_OUTSIDE - aspect) | _FLOORS_ONLY
        states.update(dict.fromkeys(_walk(policy if floors else replace(policy, idle_prompts=0), without, edges)))
    found = tuple(edges.values())
    return Walk(tuple(states), found, _most_ticks(tuple(states), found))


def _walk(policy: TurnPolicy, without: frozenset[str], edges: dict[tuple[TurnState, str, TurnState], Edge]) -> Iterable[TurnState]:
    start = alike(initial(), policy)
    ways: dict[TurnState, tuple[TurnState | None, str]] = {start: (None, "")}
    queue = deque([start])
    while queue:
        source = queue.popleft()
        for label, state, event in moves(source):
            if label in without:
                continue
            outcome = step(state, event, policy)
            if outcome.state == state and state is source:
                edges.setdefault((source, label, source), Edge(source, label, source, outcome.effects))
                if all(isinstance(effect, fx.Ignored) for effect in outcome.effects):
                    continue
            try:
                check(state, event, outcome.state, outcome.effects, policy)
                law(11, bool(edges) or step(state, event, policy) == outcome, "the same step twice is not the same")
            except LawBroken as broken:
                raise LawBroken(f"{broken}\n{_way(source, ways)} > {label}: {event}\n{state}\n{outcome}") from None
            target = alike(outcome.state, policy)
            edges.setdefault((source, label, target), Edge(source, label, target, outcome.effects))
            if target not in ways:
                ways[target] = (source, label)
                queue.append(target)
    return ways


def _way(state: TurnState | None, ways: dict[TurnState, tuple[TurnState | None, str]]) -> str:
    labels: list[str] = []
    while state is not None:
        state, label = ways[state]
        labels.append(label)
    return " > ".join(label for label in reversed(labels) if label)


def _most_ticks(states: tuple[TurnState, ...], edges: tuple[Edge, ...]) -> int:
    """Law 10: ticks alone, in whatever order the deadlines come, end every call. Returns the longest row of them."""
    after: dict[TurnState, list[TurnState]] = {state: [] for state in states}
    for edge in edges:
        if edge.label.startswith("tick") and edge.source != edge.target:
            after[edge.source].append(edge.target)
        elif edge.label.startswith("tick"):
            # An extended hold and a later shift look alike; only a tick that changes nothing at all is a wedge.
            law(10, edge.source.phase is Phase.ENDED, f"a tick ({edge.label}) leaves everything as it was: {edge.source}")
    longest: dict[TurnState, int] = {}
    for root in states:
        stack: list[tuple[TurnState, Iterator[TurnState]]] = [(root, iter(after[root]))] if root not in longest else []
        on_way = {root}
        while stack:
            state, rest = stack[-1]
            step_to = next((target for target in rest if target not in longest), None)
            if step_to is None:
                stack.pop()
                on_way.discard(state)
                longest[state] = max((longest[target] + 1 for target in after[state]), default=0)
                law(10, bool(after[state]) or state.phase in {Phase.ENDED, Phase.RINGING}, f"no tick leads on from {state}")
            else:
                law(10, step_to not in on_way, f"ticks go round for ever through {step_to}")
                on_way.add(step_to)
                stack.append((step_to, iter(after[step_to])))
    return max(longest.values())


# -- states, made alike --------------------------------------------------------------------------------------------------


@cache
def _words(text: str) -> str:
    return text if any(letter.isalnum() for letter in text) else ""


def alike(state: TurnState, policy: TurnPolicy) -> TurnState:
    """The state with turn numbers and times made canonical, and without what cannot matter any more."""
    text = _words(state.text)
    low = text == TEXTS[-1] and state.score < policy.endpointing.eager
    last = state.phase is Phase.CLOSING and state.reason in {"limit", "failed"}
    return replace(
        state,
        user=_user(state.user, policy, known=bool(text)),
        agent=_agent(state.agent, text, failed=state.failures > 0 and not last),
        next_turn=_NEXT,
        segments=((0, text),) if text else (),
        score=0.0 if not text else SCORES[0] if low else SCORES[-1],
        hint=None,
        behind=None,
        tools=tuple((index + 1, _LATER) for index, _ in enumerate(state.tools)),
        digits="1" if state.digits else "",
        digits_until=_later(state.digits_until),
        idle_at=_later(state.idle_at),
        phase_until=_later(state.phase_until),
        call_until=_later(state.call_until),
        idle_prompts=0 if last else state.idle_prompts,
        failures=0 if last else state.failures,
    )


def _later(at: Instant | None) -> Instant | None:
    return None if at is None else _LATER


def _user(user: User, policy: TurnPolicy, *, known: bool) -> User:
    if isinstance(user, Speaking):
        return Speaking(NOW, _LATER)
    if isinstance(user, Trailing):
        long = not known and user.stopped - user.since >= policy.noise_ms
        return Trailing(NOW - (policy.noise_ms if long else 0), NOW, _LATER, user.final, user.owed)
    return user


def _agent(agent: Agent, text: str, *, failed: bool) -> Agent:
    match agent:
        case Preparing():
            matters = agent.speculative or (agent.spoken and not agent.taken and not agent.ready)
            answered = "" if not matters else text if _words(agent.text) == text else "other words"
            line = agent.line and failed
            return replace(agent, turn=_NEXT - 1, until=_LATER, text=answered, taken=agent.taken and agent.spoken, line=line)
        case Talking():
            return replace(agent, turn=_NEXT - 1, until=_LATER, line=agent.line and failed, kept=_later(agent.kept))
        case Held():
            before = _agent(agent.before, text, failed=failed)
            assert isinstance(before, Preparing | Talking)  # noqa: S101 - for the type checker
            # Restarts decide on nothing but when the hold ends.
            return Held(before, _LATER, agent.extended)
        case Quiet():
            return agent


# -- events -----------------------------------------------------------------------------------------------------------------


def moves(state: TurnState) -> Iterator[tuple[str, TurnState, ev.Event]]:
    """Every event of the alphabet in this state; for a caller who has stopped, at once and long after."""
    events = tuple(chain(_caller(NOW), _reply(NOW), _outside(NOW, state)))
    for event in events:
        yield label_of(event), state, event
    yield from _ticks(state)
    if isinstance(state.agent, Held):
        rattle = replace(state, agent=replace(state.agent, restarts=RESTARTS))
        for event in events:
            if isinstance(event, ev.SpeechStarted | ev.SpeechStopped):
                yield f"{label_of(event)}, again", rattle, event
    if isinstance(state.user, Trailing):
        back = state.user.stopped - 10 * SECOND
        late = replace(state, user=replace(state.user, since=back - (state.user.stopped - state.user.since), stopped=back))
        for event in _caller(NOW):
            if isinstance(event, ev.SpeechStarted | ev.Partial | ev.Final | ev.ShiftScored):
                yield f"{label_of(event)}, late", late, event
        yield "early tick", late, ev.Tick(NOW)
        yield from _ticks(late)


def _caller(at: Instant) -> Iterator[ev.Event]:
    yield ev.SpeechStarted(at, at)
    yield ev.SpeechStopped(at + ms(200), at + ms(100))
    yield ev.SpeechStopped(at + ms(2200), at + ms(2000))
    for text in TEXTS:
        yield ev.Partial(at, 0, text, SCORES[-1])
        for score in SCORES if text == TEXTS[-1] else SCORES[-1:]:
            yield ev.Final(at, 0, text, score)
    yield ev.Settled(at)
    yield ev.Behind(at)
    yield ev.ShiftScored(at, 0.0)
    yield ev.ShiftScored(at, 1.0)
    yield ev.TurnEnding(at, sure=False)
    yield ev.TurnEnding(at, sure=True)
    yield ev.Dtmf(at, "1")
    yield ev.Dtmf(at, "#")


def _reply(at: Instant) -> Iterator[ev.Event]:
    for turn in (_NEXT - 1, _NEXT - 2):
        yield ev.ReplyAudio(at, turn)
        yield ev.ReplyDone(at, turn)
        yield ev.ReplyFailed(at, turn, "Timeout")
        yield ev.Played(at, turn, 160)
        yield ev.Drained(at, turn)
        yield ev.Taken(at, turn)


def _outside(at: Instant, state: TurnState) -> Iterator[ev.Event]:
    yield ev.Answered(at)
    yield ev.Hangup(at)
    yield ev.ToolStarted(at, 1)
    yield ev.ToolDone(at, 1)
    yield ev.ToolDone(at, 2)
    if not state.says:
        yield ev.Command(at, "say", "line")
    yield ev.Command(at, "transfer", "desk")
    yield ev.Command(at, "end")
    yield ev.Command(at, "hush")
    yield ev.Transferred(at, ok=True)
    yield ev.Transferred(at, ok=False)


def _ticks(state: TurnState) -> Iterator[tuple[str, TurnState, ev.Event]]:
    """One tick for every deadline that is pending, as if it were the first."""
    tick = ev.Tick(_SOON)
    if state.call_until is not None:
        yield "tick: call", replace(state, call_until=_SOON), tick
    if state.phase_until is not None:
        yield "tick: phase", replace(state, phase_until=_SOON), tick
    if state.digits_until is not None:
        yield "tick: keys", replace(state, digits_until=_SOON), tick
    if state.idle_at is not None:
        yield "tick: idle", replace(state, idle_at=_SOON), tick
    for index, (call, _) in enumerate(state.tools):
        tools = (*state.tools[:index], (call, _SOON), *state.tools[index + 1 :])
        yield "tick: tool", replace(state, tools=tools), tick
    if isinstance(state.user, Speaking | Trailing):
        yield "tick: caller", replace(state, user=replace(state.user, until=_SOON)), tick
    if isinstance(state.agent, Preparing | Talking | Held):
        yield "tick: agent", replace(state, agent=replace(state.agent, until=_SOON)), tick
    if isinstance(state.agent, Talking) and state.agent.kept is not None:
        yield "tick: kept", replace(state, agent=replace(state.agent, kept=_SOON)), tick


def label_of(event: ev.Event) -> str:
    """An event's name, with its kind for a command."""
    name = type(event).__name__
    match event:
        case ev.Command():
            return f"{name} {event.kind}"
        case ev.SpeechStopped() if event.since - NOW > SECOND:
            return f"{name} long"
        case ev.ReplyAudio() | ev.ReplyDone() | ev.ReplyFailed() | ev.Played() | ev.Drained() | ev.Taken() if event.turn != _NEXT - 1:
            return "stale"
    return name
