"""Where a reply's time went: stages on one axis, that add up to what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from offhook.orchestrator.portal.show import _, milliseconds

Stage = Literal["wait", "transcript", "model", "voice", "line"]
WORDS: Final[dict[str, str]] = {
    "wait": "Waiting to be sure",
    "transcript": "Transcript",
    "model": "Model",
    "voice": "Voice",
    "line": "Line out",
    "unexplained": "Unexplained",
}
WIDTH: Final = 300.0
GAP: Final = 1.0
SLACK_MS: Final = 5.0
"""A residue up to here is rounding; more is drawn as what it is."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A stage and its milliseconds; ``failed`` where an attempt came to nothing."""

    stage: Stage
    ms: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stage as it is drawn."""

    stage: str
    x: float
    width: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One reply. ``text`` says it to who does not see it."""

    segments: tuple[Segment, ...]
    end: float
    measured: float
    unexplained: float
    over: bool
    text: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Replies on one axis; ``budget`` is where its line stands, the same for all."""

    rows: tuple[Row, ...]
    budget: float
    budget_ms: float
    ticks: tuple[tuple[float, float], ...]


def ladder(replies: Sequence[Sequence[Rung]], measured: Sequence[float], budget_ms: float) -> Ladder:
    """The drawing of these replies, each with what was measured on the recording."""
    longest = max(1.2 * budget_ms, *measured, *(sum(one.ms for one in reply) for reply in replies)) if measured else 1.2 * budget_ms
    scale = WIDTH / longest
    rows = tuple(_row(reply, total, budget_ms, scale) for reply, total in zip(replies, measured, strict=True))
    ticks = tuple((round(at * scale, 1), float(at)) for at in range(0, int(longest) + 1, 250))
    return Ladder(rows, round(budget_ms * scale, 1), budget_ms, ticks)


def _row(reply: Sequence[Rung], measured: float, budget_ms: float, scale: float) -> Row:
    unexplained = measured - sum(one.ms for one in reply)
    parts = [(one.stage, one.ms, one.failed) for one in reply if one.ms > 0]
    if unexplained > SLACK_MS:
        parts.append(("unexplained", unexplained, False))  # type: ignore[arg-type]
    segments, at = [], 0.0
    for stage, length, failed in parts:
        width = length * scale
        segments.append(Segment(stage, round(at, 2), round(max(0.5, width - GAP), 2), failed))
        at += width
    said = ", ".join(f"{_(WORDS[stage])} {milliseconds(length)}{_(' without result') if failed else ''}" for stage, length, failed in parts)
    return Row(tuple(segments), round(at, 2), measured, unexplained, measured > budget_ms, f"{milliseconds(measured)}: {said}")
