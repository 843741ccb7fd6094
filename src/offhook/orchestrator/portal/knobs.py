"""The values of turn-taking as somebody moves them: plain names, units, where a slider stands, and what the numbers of a form say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import sqrt
from typing import Any, Final

from offhook.contracts.plan import TurnPlan
from offhook.errors import Fault, Invalid
from offhook.orchestrator.agents.check import place
from offhook.orchestrator.agents.config import AgentConfig, FillerLines, Providers
from offhook.orchestrator.agents.presets import EXPLAINED, Explanation, PresetName, turn_plan
from offhook.orchestrator.portal.drawings import Drawing, drawing
from offhook.orchestrator.portal.show import _

NAMES: Final[Mapping[str, str]] = {
    "endpointing.sure_ms": "Wait before answering",
    "endpointing.incomplete_ms": "Patience in mid-thought",
    "confirm_ms": "Stop when the caller speaks",
    "resume_ms": "Listening noises",
    "idle_ms": "Silence on the line",
    "endpointing.probable_ms": "Wait after what is probably all",
    "endpointing.likely_ms": "Wait after what may be all",
    "endpointing.unsure_ms": "Wait after what could go on",
    "endpointing.utterance_end_ms": "Wait for words that are late",
    "endpointing.vendor_ms": "Wait for a speech service that decides",
    "endpointing.sure": "From when on words are surely all",
    "endpointing.probable": "From when on they probably are",
    "endpointing.likely": "From when on they may be",
    "endpointing.unsure": "Below this they are unfinished",
    "endpointing.eager": "From when on a reply is prepared",
    "confirm_words": "Words that stop the agent",
    "stalled_ms": "A reply that hangs",
    "ahead": "Prepare replies ahead",
    "idle_prompts": "How often it asks into a silence",
    "tool_ms": "Patience with the diary and other systems",
    "max_call_ms": "Longest call",
    "max_turn_ms": "Longest turn of a caller",
    "fillers.after_ms": "A word while an answer takes time",
    "fillers.tool_ms": "A word while something is looked up",
    "models.answer_ms": "Patience with the language model",
}
SENTENCES: Final[Mapping[str, str]] = {
    "endpointing.sure_ms": "When a sentence sounds finished, how long the silence must last before the agent speaks. Shorter feels quick;"
    " too short cuts people off.",
    "endpointing.incomplete_ms": "When a sentence sounds unfinished, or a number or address is being given, it waits this long.",
    "confirm_ms": "The agent goes quiet at once. Speech this long takes the floor; after a cough or a door it carries on.",
    "resume_ms": "“Mm-hm”, “right”, “okay” while the agent talks are not an interruption: after this long it carries on.",
    "idle_ms": "It asks “are you still there?” after this long, and says goodbye if nobody ever answers.",
}
FIRST: Final = tuple(SENTENCES)
"""Shown at once and drawn; the others stand under them."""
_DRAWN: Final[Mapping[str, str]] = {
    "endpointing.sure_ms": "wait",
    "endpointing.probable_ms": "wait",
    "endpointing.likely_ms": "wait",
    "endpointing.unsure_ms": "wait",
    "endpointing.incomplete_ms": "patience",
    "confirm_ms": "stop",
    "resume_ms": "noise",
    "idle_ms": "silence",
}
SLIDER: Final = 1_000
"""Positions of a slider. They stand closer for large values: half the way is a quarter of the range."""
_IN_SECONDS: Final = 20_000
"""Milliseconds: values that may be longer are given in seconds."""


@dataclass(frozen=True, slots=True)
class Knob:
    """One value. ``low``, ``high``, ``step`` and ``value`` are in ``unit``: ms, s, or nothing."""

    path: str
    label: str
    does: str
    higher: str
    lower: str
    unit: str
    low: str
    high: str
    step: str
    value: str
    usual: str
    """The preset's."""
    at: int
    tick: int
    """Where the slider and the preset's mark stand, 0 to ``SLIDER``."""
    switch: bool
    changed: bool
    drawing: Drawing | None


def position(value: float, low: float, high: float) -> int:
    """Where a value's slider stands."""
    share = (min(max(value, low), high) - low) / (high - low)
    return round(sqrt(share) * SLIDER)


def knobs(config: AgentConfig, preset: PresetName, typed: Mapping[str, str] | None = None) -> list[Knob]:
    """All values of an agent, or of the form that was sent. With another preset than its own the agent's values are that preset's."""
    own = config.turn.preset == preset
    values, usual = _all(config, preset if not own else None), _all(None, preset)
    return [_knob(one, values[one.path], usual[one.path], (typed or {}).get(one.path), sent=typed is not None) for one in EXPLAINED]


def changed(found: list[Knob]) -> int:
    """How many differ from the preset."""
    return sum(one.changed for one in found)


def changes(fields: Mapping[str, str], preset: PresetName) -> dict[str, Any]:
    """A form's values as a merge patch of the draft: what is the preset's own is taken back to it. Invalid, by field."""
    usual, faults = _all(None, preset), []
    patch: dict[str, Any] = {"turn": {"preset": preset, "endpointing": {}}, "limits": {}, "fillers": {}, "providers": {}}
    for one in EXPLAINED:
        try:
            value = _read(one, fields.get(one.path, ""))
        except ValueError as error:
            faults.append(Fault(one.path, str(error)))
            continue
        at, names = patch, place(one.path).split(".")
        for name in names[:-1]:
            at = at[name]
        at[names[-1]] = None if value == usual[one.path] else value
    if faults:
        raise Invalid("a value is not right", faults=tuple(faults))
    return patch


def _all(config: AgentConfig | None, preset: PresetName | None) -> dict[str, Any]:
    """The values by path: an agent's; with ``preset`` the preset's in their place where it has any."""
    plan = turn_plan(preset, {}, {}) if preset is not None else config.turn_plan() if config is not None else TurnPlan()
    fillers, models = (config.fillers, config.providers) if config is not None else (FillerLines(), Providers())
    parts: dict[str, Any] = {"": plan, "endpointing": plan.endpointing, "fillers": fillers, "models": models}
    found = {}
    for one in EXPLAINED:
        head, _dot, leaf = one.path.rpartition(".")
        found[one.path] = getattr(parts[head], leaf)
    return found


def _knob(one: Explanation, value: float, usual: float, typed: str | None, *, sent: bool) -> Knob:
    scale, switch = _scale(one), one.unit == "switch"
    if sent:
        with suppress(ValueError):
            value = _read(one, typed or "")
    shown = _plain(value, scale) if not sent or typed is None else typed
    kind = _DRAWN.get(one.path)
    return Knob(
        path=one.path,
        label=_(NAMES[one.path]),
        does=_(SENTENCES.get(one.path, one.does)),
        higher=_(one.higher),
        lower=_(one.lower),
        unit={"ms": "ms", "words": "", "times": "", "score": "", "switch": ""}[one.unit] if scale == 1 else "s",
        low=_plain(one.low, scale),
        high=_plain(one.high, scale),
        step={"ms": "10" if scale == 1 else "0.5", "score": "0.01"}.get(one.unit, "1"),
        value="yes" if switch and value else "" if switch else shown,
        usual=(_("on") if usual else _("off")) if switch else _plain(usual, scale),
        at=position(float(value), one.low, one.high),
        tick=position(float(usual), one.low, one.high),
        switch=switch,
        changed=value != usual,
        drawing=drawing(kind, min(max(float(value), one.low), one.high)) if kind else None,
    )


def _scale(one: Explanation) -> int:
    return 1_000 if one.unit == "ms" and one.high > _IN_SECONDS else 1


def _plain(value: float, scale: int) -> str:
    return f"{Decimal(str(float(value))) / scale:f}".rstrip("0").rstrip(".") if value else "0"


def _read(one: Explanation, text: str) -> float | int | bool:
    """What a field says; ValueError, in words, for what is no number or beyond the limits."""
    if one.unit == "switch":
        return text == "yes"
    scale = _scale(one)
    try:
        value = Decimal(text.strip()) * scale
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not Decimal(str(one.low)) <= value <= Decimal(str(one.high)):
        raise ValueError(_("Use a number from {low} to {high}.").format(low=_plain(one.low, scale), high=_plain(one.high, scale)))
    return float(value) if one.unit == "score" else round(value)
