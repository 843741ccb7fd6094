"""All paths of a script with symbolic answers: every one must be able to end."""
# ruff: noqa: ANN401 - documents are plain data of any shape

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from offhook.authoring.runner import NOW
from offhook.core.script import acts as act
from offhook.core.script import expr
from offhook.core.script.model import Script
from offhook.core.script.secret import Sealed
from offhook.core.script.step import (
    Ask,
    Begin,
    Keys,
    Out,
    Run,
    Say,
    ScriptEvent,
    ScriptState,
    Silence,
    Spoken,
    ToolDone,
    Transferred,
    Understood,
    initial,
    step,
)
from offhook.core.understand.parse import parse
from offhook.core.understand.types import Context

CONTEXT = Context("en-GB", "GB", NOW)
SPOKEN = {
    "person_name": "Ann Lee",
    "phone": "01632 960111",
    "email": "ann at example dot com",
    "address": "4 Mill Lane, PO1 2AB",
    "time": "nine in the morning",
    "money": "sixty pounds",
    "pattern": "P O 1 2 A B",
}
PLAIN: dict[str, Any] = {"phone": "+441632960111", "email": "ann@example.com", "time": "09:00"}


@dataclass(frozen=True, slots=True)
class Walk:
    """What was found: how many different situations, which states and ways on were met, and what does not end."""

    situations: int
    states: frozenset[str]
    ends: frozenset[str]
    stuck: tuple[str, ...]
    complete: bool


def walk(script: Script, most: int = 20_000) -> Walk:
    """Breadth first over situations; two that differ only in values that nothing branches on are one."""
    waiting: deque[tuple[str, ScriptState, tuple[Out, ...]]] = deque()
    seen: dict[str, str] = {}
    back: dict[str, set[str]] = {}
    ended: set[str] = set()
    ends: set[str] = set()
    states: set[str] = set()

    def meet(came: str, state: ScriptState, outs: tuple[Out, ...]) -> None:
        states.update(visit.state for visit in state.path)
        for each in outs:
            if isinstance(each, Say | Ask):
                state, _ = step(script, state, Spoken(each.item, each.text, True))
        key = _key(script, state, outs)
        back.setdefault(key, set()).add(came)
        if key in seen:
            return
        seen[key] = f"{state.at}, {state.open.item if state.open else 'no question'}"
        if state.ended:
            ended.add(key)
            ends.add(next((getattr(each, "outcome", "") for each in outs if hasattr(each, "outcome")), ""))
        else:
            waiting.append((key, state, outs))

    for given in _givens(script):
        meet("", *step(script, initial(script), Begin(given, CONTEXT)))
    while waiting and len(seen) < most:
        key, state, outs = waiting.popleft()
        for event in _events(script, state, outs):
            meet(key, *step(script, state, event))
    good = set(ended)
    todo = list(ended)
    while todo:
        for before in back.get(todo.pop(), ()):
            if before and before not in good:
                good.add(before)
                todo.append(before)
    complete = not waiting
    stuck = tuple(sorted({where for key, where in seen.items() if key not in good})) if complete else ()
    return Walk(len(seen), frozenset(states), frozenset(ends), stuck, complete)


def _key(script: Script, state: ScriptState, outs: tuple[Out, ...]) -> str:
    branched = {name for each in script.states.values() for line in each.next for name in expr.names(line.when)}
    values = {}
    for name, each in state.values.items():
        values[name] = each.value if name in branched else each.value is not None
    results = {
        name: tuple((field, each.values.get(field)) for field, kind in script.tools[name].gives.items() if kind == "yes_no")
        for name, each in state.results.items()
    }
    offers = {name: bool(each.values.get("slots")) for name, each in state.results.items()}
    # Only what counts for the question that is open: the tries of others multiply situations without a new way on.
    what = state.open.slot or f"agree.{state.open.tool}" if state.open is not None else ""
    counted = (state.counters.tries.get(what, 0), max(state.counters.failures.values(), default=0), state.gave_up)
    given = tuple(sorted((name, str(value)) for name, value in state.given.items()))
    runs = [each.tool for each in outs if isinstance(each, Run)]
    pending = sorted(each.tool for each in state.pending.values())
    return repr(
        (
            state.at,
            state.stack,
            values,
            results,
            offers,
            state.open and state.open.item,
            counted,
            given,
            runs,
            pending,
            state.ended,
        )
    )


def _compared(script: Script) -> dict[str, set[float]]:
    """Numbers that slots and results are compared with."""
    found: dict[str, set[float]] = {}
    conditions = [line.when for each in script.states.values() for line in each.next] + [
        check.when for slot in script.slots.values() for check in slot.check
    ]
    for when in conditions:
        for each in _compares(when):
            number = each.right.value if isinstance(each.right, expr.Literal) else None
            if isinstance(each.left, expr.Name) and isinstance(number, int | float) and not isinstance(number, bool):
                found.setdefault(each.left.path, set()).add(number)
    return found


def _compares(when: expr.Expr | None) -> Iterator[expr.Compare]:
    match when:
        case expr.Compare():
            yield when
        case expr.Not(part):
            yield from _compares(part)
        case expr.Both(_, parts):
            for part in parts:
                yield from _compares(part)
        case _:
            return


def _givens(script: Script) -> Iterator[dict[str, Any]]:
    """Nothing known, everything known, and each yes or no."""
    full = {name: _value(script, name, kind) for name, kind in script.given.items()}
    flags = [name for name, kind in script.given.items() if kind == "yes_no"]
    yield {}
    yield full
    for name in flags:
        yield {**full, name: False}


def _events(script: Script, state: ScriptState, outs: tuple[Out, ...]) -> Iterator[ScriptEvent]:
    runs = [each for each in outs if isinstance(each, Run)]
    if runs:
        tool = script.tools[runs[0].tool]
        for values in _answers(script, runs[0].tool):
            yield ToolDone(runs[0].key, values)
        for kind in tool.if_fails:
            yield ToolDone(runs[0].key, {}, kind)
        return
    if state.transferring:
        yield Transferred(True)
        yield Transferred(False)
        return
    asked = state.open
    if asked is None:
        yield Silence()
        return
    if asked.kind != "ask":
        yield Understood((act.Affirm(),))
        yield Understood((act.Deny(),))
        return
    slot = script.slots[asked.slot]
    if slot.secure:
        yield Keys("", Sealed("walk", 4))
        return
    if slot.type == "offer":
        yield Keys("1")
        yield Understood((act.NoneOfThese(),))
    for value in _candidates(script, asked.slot):
        yield Understood((act.Set(asked.slot, value),))
    if slot.optional:
        yield Understood((act.Skip(),))


def _candidates(script: Script, name: str) -> Iterator[Any]:
    slot = script.slots[name]
    if slot.type == "choice":
        yield from (option.name for option in slot.options)
    elif slot.type == "yes_no":
        yield from (True, False)
    elif slot.type in {"number", "money"} and name in _compared(script):
        for edge in sorted(_compared(script)[name]):
            for near in (edge - 1, edge, edge + 1):
                yield near if slot.type == "number" else {"minor": round(near * 100), "currency": "GBP"}
    elif slot.type != "offer":
        yield _value(script, name, slot.type)


def _value(script: Script, name: str, kind: str) -> Any:
    if kind in SPOKEN:
        slot = script.slots.get(name)
        found = parse(kind, SPOKEN[kind], CONTEXT, pattern=slot.pattern if slot else None, spoken=slot.spoken if slot else None, asked=True)
        return found[0].value if found else PLAIN.get(kind, SPOKEN[kind])
    day = NOW.date() + dt.timedelta(days=3)
    return {"yes_no": True, "date": day.isoformat(), "datetime": (NOW + dt.timedelta(days=3)).isoformat(), "number": 3}.get(
        kind, name.replace("_", " ")
    )


def _answers(script: Script, tool: str) -> Iterator[dict[str, Any]]:
    gives = script.tools[tool].gives
    full: dict[str, Any] = {}
    for field, kind in gives.items():
        if kind == "offers":
            full[field] = [
                {"id": "a", "label": "Tuesday at nine", "start": "2026-11-24T09:00:00+00:00"},
                {"id": "b", "label": "Friday at two"},
            ]
        elif kind in {"date", "datetime"}:
            full[field] = "2026-11-24"
        elif kind == "yes_no":
            full[field] = True
        else:
            full[field] = "H18"
    yield full
    for field, kind in gives.items():
        if kind == "offers":
            yield {**full, field: []}
        elif kind == "yes_no":
            yield {**full, field: False}
