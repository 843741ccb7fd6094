"""Small drawings of what a value of turn-taking does: the caller above the line, the agent below it. ``static/turns.js`` redraws them
by the numbers that stand in them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from offhook.orchestrator.portal.show import _

WIDTH: Final = 268
MIDDLE: Final = 34
_STEP: Final = 4
_GAP: Final = 150
"""Pixels that no gap is longer than: the longer the value, the less each millisecond adds."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """``before`` and ``over`` stand still: (side, from, to); ``after`` is moved by the gap, which begins at ``at``. ``half`` milliseconds
    are half of the longest gap.
    """

    before: tuple[tuple[str, int, int], ...]
    at: int
    after: tuple[str, int, int] | None
    half: float
    says: str
    note: tuple[str, int, int] | None = None
    stop: bool = False


KINDS: Final[Mapping[str, _Kind]] = {
    "wait": _Kind((("caller", 4, 92),), 92, ("agent", 4, 170), 700, "waits {value}"),
    "patience": _Kind(
        (("caller", 4, 60), ("caller", 96, 136)), 136, ("agent", 4, 120), 3_000, "{value}, then answers", ("“forty-two, um …”", 60, 96)
    ),
    "stop": _Kind(
        (("agent", 4, 104), ("caller", 100, 216), ("ghost", 106, 180)), 104, None, 1_200, "quiet at once, floor after {value}", stop=True
    ),
    "noise": _Kind((("agent", 4, 104), ("caller", 104, 124)), 124, ("agent", 4, 150), 900, "“mm-hm”: goes on after {value}"),
    "silence": _Kind((("agent", 4, 68),), 68, ("agent", 4, 60), 7_000, "{value} of silence, then it asks"),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing: paths of bars by side, where the gap begins and how long it is, in pixels, and what stands under it."""

    kind: str
    bars: tuple[tuple[str, str], ...]
    moved: tuple[str, str] | None
    at: int
    gap: float
    half: float
    widest: int
    bracket: str
    label: str
    label_x: float
    says: str
    note: tuple[str, str, float] | None
    """Words, their bracket, and where they stand."""
    stop: bool


def gap_of(value: float, half: float) -> float:
    """Pixels of a value in milliseconds."""
    return round(_GAP * value / (value + half), 1)


def drawing(kind: str, value: float) -> Drawing:
    """The drawing of a value in milliseconds."""
    one = KINDS[kind]
    gap = gap_of(value, one.half)
    label = _(one.says).format(value=length(value))
    return Drawing(
        kind=kind,
        bars=tuple((side, bars(side, begin, end)) for side, begin, end in one.before),
        moved=(one.after[0], bars(one.after[0], one.after[1], one.after[2])) if one.after else None,
        at=one.at,
        gap=gap,
        half=one.half,
        widest=_GAP,
        bracket=bracket(one.at, gap),
        label=label,
        label_x=middle(one.at + gap / 2, label),
        says=_(one.says),
        note=(_(one.note[0]), bracket(one.note[1], one.note[2] - one.note[1]), 68.0) if one.note else None,
        stop=one.stop,
    )


def length(value: float) -> str:
    """As 260 ms, or 1.6 s from a second on."""
    return f"{value:,.0f} ms" if value < 1_000 else f"{value / 1_000:.3g} s" if value < 100_000 else f"{value / 1_000:,.0f} s"


def bars(side: str, begin: int, end: int) -> str:
    """Upright bars of speech, always the same ones."""
    up = -1 if side == "caller" else 1
    return "".join(f"M{x} {MIDDLE + up}v{up * _height(x)}" for x in range(begin, end, _STEP))


def bracket(at: float, gap: float) -> str:
    """From where a gap begins to its end."""
    return f"M{at:g} 58v5h{gap:g}v-5"


def middle(at: float, text: str) -> float:
    """Where a text stands so that all of it is in the drawing."""
    half = min(len(text) * 3.1, WIDTH / 2)
    return round(min(max(at, half), WIDTH - half), 1)


def _height(x: int) -> int:
    return 7 + x * x * 37 % 13 + (x * 11) % 5
