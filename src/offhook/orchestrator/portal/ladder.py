"""Where a reply's time went: stages on one axis, that add up to what was measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal

from offhook.contracts.events import Ladder as Steps
from offhook.contracts.events import Replacement
from offhook.orchestrator.portal.show import _, milliseconds

Stage = Literal["wait", "transcript", "model", "voice", "line", "unexplained"]
WORDS: Final[dict[str, str]] = {
    "wait": "Waiting to be sure",
    "transcript": "Transcript",
    "model": "Model",
    "voice": "Voice",
    "line": "Line out",
    "unexplained": "Unexplained",
}
DRAWN: Final[tuple[Stage, ...]] = ("wait", "transcript", "model", "voice", "line")
WIDTH: Final = 300.0
GAP: Final = 1.0
SLACK_MS: Final = 5.0
"""A residue up to here is rounding; more is drawn as what it is."""
MOST_TICKS: Final = 6
CLEAR: Final = 44.0
"""No tick stands so near to the budget's."""
_FINE: Final[tuple[tuple[str, Stage, str], ...]] = (
    ("endpoint", "wait", "Waiting to be sure"),
    ("stt_final", "transcript", "Transcript final"),
    ("to_llm", "model", "What to say, worked out or asked for"),
    ("first_token", "model", "Model, first word"),
    ("first_clause", "model", "Model, first clause"),
    ("tts_first_byte", "voice", "Voice, first audio"),
    ("playout", "line", "Line out, first sample played"),
)
_COARSE: Final[tuple[tuple[str, Stage, str], ...]] = (
    ("endpoint", "wait", "Waiting to be sure"),
    ("understand", "model", "Transcript and model, first word"),
    ("first_clause", "model", "Model, first clause"),
    ("tts", "voice", "Voice, first audio"),
    ("playout", "line", "Line out, first sample played"),
)
"""All that events of an older engine have."""
_WHERE: Final[dict[str, tuple[str, ...]]] = {
    "llm": ("Model, first word", "Transcript and model, first word"),
    "tts": ("Voice, first audio",),
}
_NAMES: Final[dict[str, tuple[str, str]]] = {
    "llm": ("Model, {name}, gave nothing", "Model, {name}, first word"),
    "tts": ("Voice, {name}, gave nothing", "Voice, {name}, first audio"),
}
"""Of a step in which one was replaced: what failed, and who went on."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A stage and its milliseconds; ``failed`` where an attempt came to nothing. ``name`` is what it is called when the turn is opened."""

    stage: Stage
    ms: float
    failed: bool = False
    name: str = ""

    @property
    def label(self) -> str:
        """Of this part alone."""
        return _(self.name or WORDS[self.stage])


@dataclass(frozen=True, slots=True)
class Segment:
    """A stage as it is drawn."""

    stage: Stage
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
    width: float = WIDTH


def rungs(steps: Steps, replaced: Sequence[Replacement] = ()) -> tuple[Rung, ...]:
    """The parts of a reply that took any time, as its engine measured them; none where nothing was measured.

    A step in which somebody was replaced is two: what went to the one that failed, and the successor's own time.
    """
    if steps.total is None:
        return ()
    kinds = _FINE if steps.tts_first_byte is not None else _COARSE
    found = ((stage, getattr(steps, step), name) for step, stage, name in kinds)
    whole = tuple(Rung(stage, ms, name=name) for stage, ms, name in found if ms)
    for change in replaced:
        whole = tuple(part for one in whole for part in _split(one, change))
    return whole


def _split(rung: Rung, change: Replacement) -> tuple[Rung, ...]:
    lost = round(rung.ms - change.took_ms, 1)
    if rung.name not in _WHERE.get(change.kind, ()) or rung.failed or lost <= 0:
        return (rung,)
    failed, then = _NAMES[change.kind]
    tried = Rung(rung.stage, lost, failed=True, name=_(failed).format(name=change.failed))
    return tried, replace(rung, ms=change.took_ms, name=_(then).format(name=change.by))


def ladder(replies: Sequence[Sequence[Rung]], measured: Sequence[float], budget_ms: float, width: float = WIDTH) -> Ladder:
    """The drawing of these replies, each with what was measured from the caller's last sample to the agent's first."""
    longest = max([1.2 * budget_ms, *measured, *(sum(one.ms for one in reply) for reply in replies)])
    scale = width / longest
    rows = tuple(_row(reply, total, budget_ms, scale) for reply, total in zip(replies, measured, strict=True))
    return Ladder(rows, round(budget_ms * scale, 1), budget_ms, _ticks(longest, scale, budget_ms), width)


def _ticks(longest: float, scale: float, budget_ms: float) -> tuple[tuple[float, float], ...]:
    step = 250.0
    while longest / step > MOST_TICKS:
        step *= 2
    return tuple(
        (round(at * step * scale, 1), at * step)
        for at in range(int(longest / step) + 1)
        if at == 0 or abs(at * step - budget_ms) * scale >= CLEAR
    )


def _row(reply: Sequence[Rung], measured: float, budget_ms: float, scale: float) -> Row:
    unexplained = measured - sum(one.ms for one in reply)
    parts = [one for one in reply if one.ms > 0]
    if unexplained > SLACK_MS:
        parts.append(Rung("unexplained", unexplained))
    segments, said, at = [], [], 0.0
    for (stage, failed), several in groupby(parts, lambda one: (one.stage, one.failed)):
        length = sum(one.ms for one in several)
        width = length * scale
        segments.append(Segment(stage, round(at, 2), round(max(0.5, width - GAP), 2), failed))
        said.append(f"{_(WORDS[stage])} {milliseconds(length)}{_(' without result') if failed else ''}")
        at += width
    return Row(tuple(segments), round(at, 2), measured, unexplained, measured > budget_ms, f"{milliseconds(measured)}: {', '.join(said)}")


def why(reply: Sequence[Rung], measured: float) -> str:
    """What took the time, as a sentence."""
    total = milliseconds(measured)
    failed = [one for one in reply if one.failed]
    if failed:
        after = next((one for one in reversed(reply) if one.stage == failed[-1].stage and not one.failed), None)
        lost = milliseconds(sum(one.ms for one in failed))
        if after is None:
            return _("Why {total}: the first model gave nothing for {lost}").format(total=total, lost=lost)
        said = _("Why {total}: the first model gave nothing for {lost}, the second answered in {then}")
        return said.format(total=total, lost=lost, then=milliseconds(after.ms))
    if not reply:
        return _("{total}: this engine did not say what took the time").format(total=total)
    longest = max(reply, key=lambda one: one.ms)
    said = _("Why {total}: the longest part was {part}, {ms}")
    return said.format(total=total, part=longest.label[:1].lower() + longest.label[1:], ms=milliseconds(longest.ms))
