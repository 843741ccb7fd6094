"""What the player of a call draws: who spoke when, what was waited for, what nobody heard, and what happened where. Pure.

Seconds of the call, which are the recording's too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from offhook.orchestrator.calls.schemas import CallDetail
from offhook.orchestrator.portal.show import _, duration, many, milliseconds
from offhook.orchestrator.recordings.schemas import Loudness

Event = Mapping[str, Any]
FINE: Final = 50
COARSE: Final = 5
"""Values a second. A bar is 2.8 pixels wide: on a wide screen those of a minute and a half are as many as there are bars."""
SHORT_S: Final = 300.0
"""A longer call is shown through a window, of which the coarse values are enough."""
QUIET: Final = 3
"""Of 127: what is not louder is silence."""
SILENCE_S: Final = 1.0
"""A shorter silence is part of talking."""
MARGIN_S: Final = 0.2
"""Of a silence that is skipped so much is heard, so that no word loses its edge."""


@dataclass(frozen=True, slots=True)
class Span:
    """A turn of one side."""

    begin: float
    end: float
    side: str


@dataclass(frozen=True, slots=True)
class Gap:
    """What the caller waited for: from their last sound to the agent's first."""

    begin: float
    end: float
    over: bool


@dataclass(frozen=True, slots=True)
class Unheard:
    """What was made and cut before anybody heard it; ``seconds`` is None where the engine has not said how long that was."""

    begin: float
    seconds: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Pin:
    """Something that happened at a moment. ``kind`` is its colour, ``text`` says it whole; those of more ``weight`` stay where two meet."""

    at: float
    icon: str
    kind: str
    label: str
    text: str
    weight: int


@dataclass(frozen=True, slots=True)
class Wave:
    """All that is drawn but how loud it was."""

    seconds: float
    turns: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    unheard: tuple[Unheard, ...]
    pins: tuple[Pin, ...]
    summary: str

    @property
    def long(self) -> bool:
        """Whether it is shown through a window."""
        return self.seconds > SHORT_S


def wave(detail: CallDetail, budget_ms: float) -> Wave:
    """Of a call; ``budget_ms`` is how long a reply may be waited for."""
    asked = {one["turn"]: one["end_ms"] for one in detail.turns if one["type"] == "turn.caller"}
    spans, gaps, unheard, pins = [], [], [], []
    for one in detail.turns:
        if one["type"] == "turn.caller":
            spans.append(Span(one["start_ms"] / 1000, one["end_ms"] / 1000, "caller"))
            continue
        begin = first_sound(one, asked.get(one["turn"]))
        spans.append(Span(begin / 1000, max(begin, one["end_ms"]) / 1000, "agent"))
        if (waited := _waited(one)) is not None:
            gaps.append(Gap(max(0.0, begin - waited) / 1000, begin / 1000, waited > budget_ms))
            if waited > budget_ms:
                pins.append(_slow(begin, waited))
        if one["interrupted"]:
            pins.append(Pin(one["end_ms"] / 1000, "scissors", "bad", _("Cut off"), _("The caller cut the agent off"), 3))
            unheard += _unheard(one)
    pins += [_tool(one) for one in detail.tools]
    if detail.ended and detail.ended["reason"] == "transferred":
        pins.append(Pin(detail.ended["at_ms"] / 1000, "phone-forwarded", "move", _("Put through"), _("The caller was put through"), 3))
    pins += [_hidden(begin, end) for begin, end in detail.redacted]
    recorded = detail.recording.seconds if detail.recording else None
    seconds = max(recorded or 0.0, detail.call.seconds or 0.0, *(one.end for one in spans), 1.0)
    turns = tuple(sorted(spans, key=lambda one: one.begin))
    pins.sort(key=lambda one: one.at)
    return Wave(seconds, turns, tuple(gaps), tuple(unheard), tuple(pins), _summary(seconds, turns, detail.turns, pins))


def one_voice(seconds: float) -> Wave:
    """Of a sound in which the caller alone speaks, from its beginning to its end."""
    return Wave(seconds, (Span(0.0, seconds, "caller"),), (), (), (), _("The message takes {time}.").format(time=duration(seconds)))


def first_sound(turn: Event, asked_until: float | None) -> float:
    """When the agent was first heard in a turn, in milliseconds. ``start_ms`` is when it began to work out what to say.

    ``asked_until`` is when the caller's turn of the same number was over.
    """
    if (told := turn.get("audible_ms")) is not None:
        return float(told)
    waited = _waited(turn)
    if waited is not None and asked_until is not None and turn["start_ms"] <= asked_until + waited <= turn["end_ms"]:
        return asked_until + waited
    return float(turn["start_ms"])


def _waited(turn: Event) -> float | None:
    total = (turn.get("ladder") or {}).get("total")
    return None if total is None else float(total)


def _slow(at: float, waited: float) -> Pin:
    said = milliseconds(waited)
    return Pin(at / 1000, "timer", "bad", said, _("A reply that was waited for {ms}").format(ms=said), 2)


def _hidden(begin: int, end: int) -> Pin:
    told = _("The caller keyed something in secret: {ms} are not recorded").format(ms=milliseconds(end - begin))
    return Pin(begin / 1000, "key-round", "", _("Secret"), told, 3)


def _unheard(turn: Event) -> list[Unheard]:
    begin = turn["end_ms"] / 1000
    if (made := turn.get("unheard_ms")) is not None:
        return [Unheard(begin, made / 1000, _("{s} s made, never heard").format(s=f"{made / 1000:.1f}"))] if made > 0 else []
    words = len(turn.get("text", "").split()) - len(turn.get("heard", "").split())
    return [Unheard(begin, None, many("one word never heard", "{n} words never heard", words))] if words > 0 else []


_TOOLS: Final = {"book": "calendar-check", "free_slots": "calendar-days", "save_message": "message-square", "save_lead": "user-plus"}


def _tool(event: Event) -> Pin:
    took, name = float(event["took_ms"]), str(event["tool"])
    at = max(0.0, event["at_ms"] - took) / 1000
    if event["error"]:
        return Pin(at, "circle-x", "bad", name, _("{tool} failed after {ms}").format(tool=name, ms=milliseconds(took)), 2)
    label = f"{name} {milliseconds(took)}"
    return Pin(
        at,
        _TOOLS.get(name, "wrench"),
        "ok" if name == "book" else "",
        label,
        _("{tool} took {ms}").format(tool=name, ms=milliseconds(took)),
        1,
    )


def _summary(seconds: float, turns: Sequence[Span], events: Sequence[Event], pins: Sequence[Pin]) -> str:
    """The drawing in words."""
    spoke = {side: sum(one.side == side for one in turns) for side in ("caller", "agent")}
    said = [_("The call took {time}").format(time=duration(seconds))]
    said.append(many("the caller spoke once", "the caller spoke {n} times", spoke["caller"]))
    said.append(many("the agent spoke once", "the agent spoke {n} times", spoke["agent"]))
    waits = sorted(waited for one in events if one["type"] == "turn.agent" and (waited := _waited(one)) is not None)
    if waits:
        said.append(_("the typical reply took {ms}").format(ms=milliseconds(median(waits))))
        said.append(_("the slowest {ms}").format(ms=milliseconds(waits[-1])))
    if cuts := sum(one.icon == "scissors" for one in pins):
        said.append(many("the agent was cut off once", "the agent was cut off {n} times", cuts))
    return ", ".join(said) + "."


def silences(loud: Loudness) -> list[tuple[float, float]]:
    """Stretches in which neither side makes a sound and that may be skipped, in seconds."""
    both = [max(one) for one in zip(loud.caller, loud.agent or loud.caller, strict=True)]
    found: list[tuple[float, float]] = []
    begin: int | None = None
    for at, value in enumerate([*both, QUIET + 1]):
        if value <= QUIET:
            begin = at if begin is None else begin
        elif begin is not None:
            if (at - begin) / loud.a_second >= SILENCE_S:
                found.append((round(begin / loud.a_second + MARGIN_S, 2), round(at / loud.a_second - MARGIN_S, 2)))
            begin = None
    return found
