"""Who spoke when in a call, as a small drawing: the caller above the line, the agent below it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offhook.orchestrator.calls.schemas import Rhythm
from offhook.orchestrator.portal.show import many

WIDTH: Final = 124
"""Pixels of the longest strip."""
FULL_S: Final = 214.0
"""A call so long, or longer, is as long as a strip can be; shorter ones are shorter in proportion, so that lengths compare."""
LEAST: Final = 1.4


@dataclass(frozen=True, slots=True)
class Strip:
    """Each side as the path of its bars; ``cuts`` are where the agent was cut off. ``text`` says it to who does not see it."""

    width: float
    caller: str
    agent: str
    cuts: tuple[float, ...]
    text: str


def strip(rhythm: Rhythm, seconds: float | None) -> Strip:
    """The drawing of a call that took so long."""
    length = max(seconds or 0.0, rhythm.end_ms / 1000, 1.0)
    scale = WIDTH / max(length, FULL_S)

    per_ms = scale / 1000

    def bars(turns: tuple[tuple[int, int], ...], top: int) -> str:
        return "".join([f"M{(x := at * per_ms):.1f} {top}h{max(LEAST, (end - at) * per_ms):.1f}v8H{x:.1f}z" for at, end in turns])

    cuts = tuple(round(at / 1000 * scale, 1) for at in rhythm.cuts)
    said = [many("caller spoke once", "caller spoke {n} times", len(rhythm.caller))]
    said.append(many("agent spoke once", "agent spoke {n} times", len(rhythm.agent)))
    if cuts:
        said.append(many("agent was cut off once", "agent was cut off {n} times", len(cuts)))
    return Strip(round(length * scale, 1), bars(rhythm.caller, 1), bars(rhythm.agent, 11), cuts, ", ".join(said))
