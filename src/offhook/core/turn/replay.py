"""A call's events run through the turn core once more, or under another policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from offhook.core.turn.effects import Effect, Ignored, OpenTurn, PromoteTurn
from offhook.core.turn.events import Event, Tick
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import TurnState, initial
from offhook.core.turn.step import deadline, step


@dataclass(frozen=True, slots=True)
class Decision:
    """What the core decided, and when."""

    at: int
    effect: Effect


def replay(events: list[Event], policy: TurnPolicy) -> list[Decision]:
    """The decisions of a trace under a policy, ignored events left out."""
    state = initial()
    decisions: list[Decision] = []
    for event in events:
        state = feed(state, event, policy, decisions)
    return decisions


def what_if(events: list[Event], policy: TurnPolicy) -> list[Decision]:
    """The decisions that another policy would have taken up to where the world would have answered differently.

    Recorded ticks belong to the recorded policy, so they are replaced by ticks at this policy's own deadlines.
    """
    state = initial()
    decisions: list[Decision] = []
    for event in events:
        if isinstance(event, Tick):
            continue
        state = feed(until(state, event.at, policy, decisions), event, policy, decisions)
    return decisions


def is_shift(effect: Effect) -> TypeGuard[OpenTurn | PromoteTurn]:
    """Whether an effect answers words of the caller's whose turn is over."""
    return isinstance(effect, PromoteTurn) or (isinstance(effect, OpenTurn) and not effect.speculative and effect.cause == "speech")


def feed(state: TurnState, event: Event, policy: TurnPolicy, decisions: list[Decision]) -> TurnState:
    """The state after an event; what it decided is added."""
    outcome = step(state, event, policy)
    decisions.extend(Decision(event.at, effect) for effect in outcome.effects if not isinstance(effect, Ignored))
    return outcome.state


def until(state: TurnState, at: int, policy: TurnPolicy, decisions: list[Decision]) -> TurnState:
    """The state after every deadline that comes by then."""
    while (due := deadline(state)) is not None and due <= at:
        before = state
        state = feed(state, Tick(due), policy, decisions)
        if state == before:
            break
    return state
