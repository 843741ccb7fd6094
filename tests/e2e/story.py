"""One call told in full: a hot water unit, a cut, held pauses, a slow reply, a booking. Each reply's parts add up to what it took."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.e2e.business import House
from tests.e2e.calls import NOW

from offhook.orchestrator.calls import intake

DANA = "+447700900151"
BEGAN = NOW - timedelta(hours=3, minutes=18)
Parts = tuple[float, float, float, float, float, float, float]
QUICK: Parts = (150, 40, 4, 178, 20, 60, 16)
FAILED = {"kind": "llm", "failed": "openai:gpt-4.1-mini", "by": "anthropic:claude-haiku-4-5", "why": "late", "took_ms": 162.0}
SAID: tuple[dict[str, Any], ...] = (
    {"a": "Harbour Plumbing, hello. Calls are recorded. What’s happening?", "at": 0.4, "to": 5.9},
    {"c": "Hi, yeah, um, our hot water’s gone. There’s water coming out the bottom of the unit.", "at": 6.6, "to": 12.6,
     "sets": {"need": "new_job", "problem": "hot water unit leaking"}},
    {"a": "Sorry to hear that. Is it still running out, or has it stopped?", "at": 13.1, "to": 17.2, "parts": QUICK},
    {"c": "It’s, uh, still dripping. Like, a fair bit.", "at": 18.2, "to": 21.0, "sets": {"urgency": "today"}},
    {"a": "Okay. First, turn the tap on the cold pipe into the unit clockwise until it stops. If it’s a gas unit, also turn the"
          " control knob to off and leave the",
     "heard": "Okay. First, turn the tap on the cold pipe into the unit clockwise until it stops.", "at": 21.5, "to": 26.6,
     "parts": (150, 40, 4, 202, 30, 66, 20), "stopped": 64},
    {"c": "Yep, done that already.", "at": 26.5, "to": 28.9},
    {"a": "Good. What’s the address?", "at": 29.4, "to": 31.0, "parts": (120, 35, 4, 170, 24, 60, 18)},
    {"c": "Forty-two, um, Fern Street, PO5 2AB.", "at": 31.2, "to": 39.2, "sets": {"address": "42 Fern Street, PO5 2AB"}},
    {"a": "Forty-two Fern Street. And is the number you’re calling from the best one?", "at": 40.0, "to": 45.2,
     "parts": (420, 40, 4, 180, 24, 64, 20)},
    {"c": "Yeah, this one. I’m Dana Whitlock.", "at": 46.0, "to": 47.5, "sets": {"name": "Dana Whitlock"}},
    {"tool": "free_slots", "at": 48.4, "took": 380.2},
    {"a": "Let me look at today. I have between ten and twelve, or between one and three. Which suits you?", "at": 48.0, "to": 56.8,
     "parts": (150, 40, 4, 200, 20, 62, 20)},
    {"c": "Ten to twelve’s good. Uh, how much is the call-out?", "at": 58.0, "to": 64.9, "acts": [{"act": "choose", "n": 1}]},
    {"a": "The call-out is sixty pounds. That covers the first half hour and you approve anything more before we start.", "at": 66.08,
     "to": 78.4, "parts": (150, 40, 0, 862, 0, 86, 46), "replaced": [FAILED]},
    {"c": "Okay, fine.", "at": 79.0, "to": 80.1, "acts": [{"act": "affirm"}]},
    {"a": "I’ll book that now. Done. Ten to twelve today, 42 Fern Street. Tom will call when he’s on the way.", "at": 80.6, "to": 93.6,
     "parts": (150, 40, 4, 190, 20, 60, 17)},
    {"tool": "book", "at": 83.1, "took": 642.0},
    {"c": "Great. Thanks very much, bye.", "at": 94.2, "to": 96.6, "acts": [{"act": "goodbye"}]},
    {"a": "Thank you for ringing. Goodbye.", "at": 97.0, "to": 99.0, "parts": (130, 35, 4, 140, 20, 64, 16)},
)  # fmt: skip
SLOTS = {
    "need": "new_job", "problem": "hot water unit leaking", "urgency": "today", "name": "Dana Whitlock", "phone": DANA,
    "address": "42 Fern Street, PO5 2AB", "visit": "today between ten and twelve", "more": "no",
}  # fmt: skip
PATH = ("greet", "route", "job", "contact", "book", "booked", "more_help", "bye")
STEPS = ("endpoint", "stt_final", "to_llm", "first_token", "first_clause", "tts_first_byte", "playout")


def ladder_of(parts: Parts) -> dict[str, float]:
    """As an engine tells it."""
    steps = dict(zip(STEPS, parts, strict=True))
    whole = {"understand": sum(parts[1:4]), "tts": steps["tts_first_byte"], "total": sum(parts)}
    return steps | whole


def _event(one: dict[str, Any], turn: int) -> dict[str, Any]:
    if "tool" in one:
        return {"type": "tool.finished", "tool": one["tool"], "key": f"k{turn}", "args": {}, "took_ms": one["took"]}
    times = {"turn": turn, "start_ms": round(one["at"] * 1000), "end_ms": round(one["to"] * 1000)}
    if "c" in one:
        sets = [{"act": "set", "slot": name, "value": value} for name, value in one.get("sets", {}).items()]
        return {"type": "turn.caller", "text": one["c"], "acts": [*sets, *one.get("acts", ())], **times}
    heard = one.get("heard", one["a"])
    ladder = ladder_of(one["parts"]) if "parts" in one else {}
    more = {name: one[key] for name, key in (("stopped_ms", "stopped"), ("replaced", "replaced")) if key in one}
    return {"type": "turn.agent", "text": one["a"], "heard": heard, "interrupted": heard != one["a"], "ladder": ladder, **times, **more}


async def tell(
    house: House,
    call: str,
    *,
    ref: str = "harbour/front-desk",
    began: datetime = BEGAN,
    end: dict[str, Any] | None = None,
    said: tuple[dict[str, Any], ...] = SAID,
    finish: bool = True,
) -> str:
    """Let it have happened; its id. ``end``: changes to how it ended; None for the type: it goes on."""
    tenant = ref.partition("/")[0]
    ended = {"type": "call.ended", "reason": "finished", "outcome": "booked", "seconds": 99.4, "slots": SLOTS, "path": PATH} | (end or {})
    events = [
        {
            "type": "call.started",
            "transport": "loopback",
            "did": "+442079460000",
            "caller": DANA,
            "trace": "0af7651916cd43dd8448eb211c80319c",
        },
        *(_event(one, turn) for turn, one in enumerate(said)),
        *([ended] if ended["type"] else []),
    ]
    for seq, event in enumerate(events, 1):
        at = said[seq - 2]["at"] if 2 <= seq < 2 + len(said) else (0.0 if seq == 1 else 99.4)
        time = (began + timedelta(seconds=at)).isoformat().replace("+00:00", "Z")
        kind = event["type"]
        fields = {name: value for name, value in event.items() if name != "type"}
        answer = await house.event(seq, kind, call, **{"ref": ref, "at_ms": round(at * 1000), "time": time, **fields})
        assert answer.status_code == 200, answer.text
    if finish and ended["type"]:
        assert await intake.finish(house.services, tenant, call)
    return call
