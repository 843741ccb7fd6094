"""How long a reply took and where the time went, from what its engine measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from offhook.orchestrator.portal.ladder import WORDS, Ladder, Rung, ladder
from offhook.orchestrator.portal.show import _, milliseconds

BUDGET_MS: Final = 700.0


@dataclass(frozen=True, slots=True)
class LastReply:
    """The latest answer that was measured. ``parts`` says its ladder in words."""

    ms: float
    slowest: float
    over: bool
    ladder: Ladder
    parts: str


def rungs(measured: Mapping[str, Any]) -> list[Rung]:
    """The stages of an event's ladder. Older engines tell of understanding as a whole."""

    def ms(*names: str) -> float:
        return sum(float(measured.get(name) or 0.0) for name in names)

    fine = measured.get("stt_final") is not None
    return [
        Rung("wait", ms("endpoint")),
        Rung("transcript", ms("stt_final") if fine else ms("understand")),
        Rung("model", ms("to_llm", "first_token", "first_clause") if fine else ms("first_clause")),
        Rung("voice", ms("tts_first_byte") if fine else ms("tts")),
        Rung("line", ms("playout")),
    ]


def last_reply(ladders: Sequence[Mapping[str, Any]]) -> LastReply | None:
    """Of these answers, the latest last; None where none was measured."""
    found = [one for one in ladders if one.get("total") is not None]
    if not found:
        return None
    last, slowest = found[-1], max(float(one["total"]) for one in found)
    parts = rungs(last)
    words = ", ".join(f"{_(WORDS[one.stage]).lower()} {one.ms:,.0f}" for one in parts if one.ms >= 0.5)
    total = float(last["total"])
    return LastReply(total, slowest, total > BUDGET_MS, ladder([parts], [total], BUDGET_MS), words or milliseconds(total))
