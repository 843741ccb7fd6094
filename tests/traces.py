"""Traces of calls made up: when a caller spoke and what was heard of it; the turn core decides the rest, as in an engine."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from offhook.contracts.plan import TurnPlan
from offhook.core.time import ms
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import initial
from offhook.core.turn.step import deadline, step


@dataclass(frozen=True, slots=True)
class Spoken:
    """The caller, from when to when in milliseconds of the call, and how complete it sounded."""

    begin: int
    end: int
    text: str
    score: float = 0.9


def trace(call: str, spoken: Sequence[Spoken], plan: TurnPlan | None = None, *, making: int = 300, talking: int = 900) -> bytes:
    """The trace's file. A reply takes ``making`` to its first audio, and ``talking`` from there to its end."""
    values = (plan or TurnPlan()).model_dump()
    head = json.dumps({"trace": 1, "call": call, "policy": {**values, "vendor_ends": False}})
    lines = (
        json.dumps([type(one).__name__, *(getattr(one, each.name) for each in fields(one))])
        for one in _lived(spoken, values, making, talking)
    )
    return ("\n".join((head, *lines)) + "\n").encode()


def _lived(spoken: Sequence[Spoken], values: dict[str, object], making: int, talking: int) -> Iterator[ev.Event]:
    policy, state, count = TurnPolicy.of(values), initial(), itertools.count()
    waiting: list[tuple[int, int, ev.Event]] = []

    def later(*events: ev.Event) -> None:
        for event in events:
            heapq.heappush(waiting, (event.at, next(count), event))

    later(ev.Answered(0))
    for number, one in enumerate(spoken):
        begin, end = ms(one.begin), ms(one.end)
        later(ev.SpeechStarted(begin + ms(60), begin), ev.Partial((begin + end) // 2, number, one.text.partition(" ")[0], 0.1))
        later(ev.SpeechStopped(end + ms(96), end), ev.Final(end + ms(120), number, one.text, one.score))
    later(ev.Hangup(ms(spoken[-1].end + 6_000)))
    while waiting:
        due = deadline(state)
        tick = due is not None and due <= waiting[0][0]
        event = ev.Tick(due) if tick and due is not None else heapq.heappop(waiting)[2]
        yield event
        outcome = step(state, event, policy)
        state = outcome.state
        for effect in outcome.effects:
            if isinstance(effect, fx.OpenTurn | fx.Prompt):
                heard = event.at + ms(making)
                later(ev.ReplyAudio(heard, effect.turn), ev.ReplyDone(heard + ms(20), effect.turn))
                later(
                    *(ev.Played(heard + ms(at), effect.turn, at * 8) for at in range(200, talking, 200)),
                    ev.Drained(heard + ms(talking), effect.turn),
                )
            elif isinstance(effect, fx.CancelTurn):
                waiting = [one for one in waiting if getattr(one[2], "turn", None) != effect.turn]
                heapq.heapify(waiting)
