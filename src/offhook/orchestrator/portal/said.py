"""What was said in a call, line by line, with what happened at it and where each reply's time went. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final, Literal

from offhook.contracts.events import Ladder as Steps
from offhook.contracts.events import Replacement
from offhook.orchestrator.calls.transcript import Said, turns_of
from offhook.orchestrator.portal.ladder import SLACK_MS, Ladder, Row, Rung, ladder, rungs, why
from offhook.orchestrator.portal.show import _, milliseconds

WIDTH: Final = 336.0
"""Pixels of the longest ladder."""
ROUNDED: Final = 0.005
"""Seconds that an address may be short of where a turn begins: it has two places."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened at a turn. ``code`` is a name that is written as it is."""

    icon: str
    text: str
    code: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's time: as it is drawn, and as numbers."""

    row: Row
    parts: tuple[Rung, ...]
    why: str
    sum: float
    adds_up: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One turn; ``at`` and ``to`` are seconds of the call and of its recording. ``unheard`` was made and never heard."""

    number: int
    speaker: Literal["caller", "agent"]
    at: float
    to: float
    text: str
    unheard: str
    notes: tuple[Note, ...] = ()
    reply: Reply | None = None
    now: bool = False
    """It is the one that the address points at."""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Speed:
    """How the agent kept up; None where nothing was measured. Milliseconds."""

    replies: int
    typical: float | None
    slowest: float | None
    over: bool
    stopped: float | None
    """After the caller had begun to speak over it; typical."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """All lines, and the axis that their ladders share."""

    lines: tuple[Line, ...]
    ladder: Ladder | None
    speed: Speed


def spoken(
    turns: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    budget_ms: float,
    at: float | None = None,
    turn: int | None = None,
) -> Spoken:
    """The lines of a call's events. ``at`` marks the turn that runs at that second, ``turn`` opens the one of that number."""
    ordered = _in_order(turns)
    lines = [_line(number, said) for number, (said, _event) in enumerate(ordered, 1)]
    lines = _cut_in(lines, ordered)
    lines = _with_tools(lines, tools)
    drawn, lines = _laddered(lines, ordered, budget_ms)
    pointed = _pointed(lines, at, turn)
    marked = tuple(replace(one, now=one.number == pointed, open=one.number == turn) for one in lines)
    return Spoken(marked, drawn, _speed(marked, turns, budget_ms))


def _in_order(turns: Sequence[Mapping[str, Any]]) -> list[tuple[Said, Mapping[str, Any]]]:
    pairs = [(said, event) for event in turns for said in turns_of([event])]
    return sorted(pairs, key=lambda pair: pair[0].start_ms)


def _line(number: int, said: Said) -> Line:
    return Line(number, said.speaker, said.start_ms / 1000, max(said.end_ms, said.start_ms) / 1000, said.text, said.unheard)


def _cut_in(lines: Sequence[Line], ordered: Sequence[tuple[Said, Mapping[str, Any]]]) -> list[Line]:
    """Say of who took the floor that they did, and how long the agent went on."""
    made = list(lines)
    for place, (said, event) in enumerate(ordered):
        if not said.interrupted:
            continue
        after = next((at for at in range(place + 1, len(made)) if made[at].speaker == "caller"), None)
        if after is None:
            continue
        stopped = event.get("stopped_ms")
        text = _("took the floor")
        if stopped is not None:
            text = _("took the floor, agent stopped in {ms}").format(ms=milliseconds(stopped))
        made[after] = replace(made[after], notes=(*made[after].notes, Note("scissors", text)))
    return made


def _with_tools(lines: Sequence[Line], tools: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Put what ran in the call under the turn of the agent that it ran for: the one that was being said, else the next."""
    made = list(lines)
    for tool in tools:
        place = next((at for at, one in enumerate(made) if one.speaker == "agent" and one.to * 1000 >= tool["at_ms"]), None)
        if place is None:
            place = next((at for at in range(len(made) - 1, -1, -1) if made[at].speaker == "agent"), None)
        if place is None:
            continue
        text, kind = milliseconds(tool["took_ms"]), ""
        if tool.get("error"):
            text, kind = f"{text}, {_(_ERRORS.get(tool['error'], 'failed'))}", "bad"
        made[place] = replace(made[place], notes=(*made[place].notes, Note("wrench", text, str(tool["tool"]), kind)))
    return made


_ERRORS: Final = {
    "conflict": "it was taken in the meantime",
    "rejected": "refused",
    "timeout": "no answer in time",
    "unavailable": "could not be reached",
}


def _laddered(
    lines: Sequence[Line], ordered: Sequence[tuple[Said, Mapping[str, Any]]], budget_ms: float
) -> tuple[Ladder | None, list[Line]]:
    measured: dict[int, tuple[tuple[Rung, ...], float]] = {}
    for line, (said, event) in zip(lines, ordered, strict=True):
        steps = Steps.model_validate(event.get("ladder") or {})
        if said.speaker == "agent" and steps.total is not None:
            replaced = [Replacement.model_validate(one) for one in event.get("replaced") or ()]
            measured[line.number] = (rungs(steps, replaced), steps.total)
    if not measured:
        return None, list(lines)
    drawn = ladder([parts for parts, _total in measured.values()], [total for _parts, total in measured.values()], budget_ms, WIDTH)
    rows = dict(zip(measured, drawn.rows, strict=True))
    return drawn, [replace(one, reply=_reply(rows[one.number], *measured[one.number])) if one.number in rows else one for one in lines]


def _reply(row: Row, parts: tuple[Rung, ...], total: float) -> Reply:
    return Reply(row, parts, why(parts, total), round(sum(one.ms for one in parts), 1), abs(row.unexplained) <= SLACK_MS)


def _pointed(lines: Sequence[Line], at: float | None, turn: int | None) -> int | None:
    if turn is not None:
        return turn
    if at is None:
        return None
    begun = [one for one in lines if one.at <= at + ROUNDED]
    return begun[-1].number if begun else None


def _speed(lines: Sequence[Line], turns: Sequence[Mapping[str, Any]], budget_ms: float) -> Speed:
    waits = [one.reply.row.measured for one in lines if one.reply is not None]
    stops = [float(one["stopped_ms"]) for one in turns if one.get("stopped_ms") is not None]
    slowest = max(waits, default=None)
    over = slowest is not None and slowest > budget_ms
    return Speed(len(waits), median(waits) if waits else None, slowest, over, median(stops) if stops else None)
