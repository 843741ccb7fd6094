"""A week of calls for Harbour Plumbing, as its engine tells of them: all outcomes, a cut, a slow reply, a silent caller."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.e2e.business import DID, MONDAY, SECRET, House

from offhook import signing
from offhook.orchestrator.calls import intake

NOW = MONDAY + timedelta(days=3, hours=4)
"""Thursday 26 November 2026, 11 in the morning: no summer time."""


@dataclass(frozen=True, slots=True)
class Rang:
    """A call: so many minutes before ``NOW``."""

    minutes: int
    caller: str
    name: str
    problem: str
    outcome: str
    seconds: float
    slowest: float | None = 512.0
    reason: str = "hangup"
    urgency: str = ""
    cut: bool = False


CALLS: tuple[Rang, ...] = (
    Rang(29, "+447700900123", "Priya Nair", "blocked kitchen drain, Mayfield", "booked", 131, 540),
    Rang(48, "+442079460841", "", "", "transferred", 48, 470, reason="transferred"),
    Rang(62, "+447700900144", "Greg Sandilands", "quote for a two-bathroom renovation", "lead", 214, 610),
    Rang(80, "+447700900145", "Kim Tran", "moved Friday's service to Monday", "moved", 92, 505),
    Rang(98, "+447700900266", "", "", "left_early", 11, None),
    Rang(115, "+447700900147", "Marlene Okafor", "gas smell: safety script, transferred", "transferred", 73, 455, urgency="emergency"),
    Rang(133, "+447700900148", "Tom Brightwell", "wanted a Sunday visit; none offered", "message", 118, 720),
    Rang(149, "+447700900149", "", "invoice 20418", "message", 65, 498),
    Rang(165, "+447700900159", "", "", "failed", 39, 2140, reason="failed"),
    Rang(198, "+447700900151", "Dana Whitlock", "hot water unit leaking, Islington", "booked", 99, 1184, cut=True),
    Rang(214, "+447700900152", "Peter Vella", "toilet cistern running, Wickham", "booked", 104, 512),
    Rang(1_500, "+447700900153", "Sunrise Cafe", "grease trap service, wants monthly", "lead", 187, 580),
)


async def ring(house: House, calls: Sequence[Rang] = CALLS, *, tenant: str = "harbour", prefix: str = "call") -> list[str]:
    """Let these calls have happened; their ids."""
    made = []
    for number, one in enumerate(calls):
        call = f"{prefix}_{number}"
        await _ring(house, call, one, f"{tenant}/front-desk")
        assert await intake.finish(house.services, tenant, call)
        made.append(call)
    return made


async def _ring(house: House, id: str, one: Rang, ref: str) -> None:
    began = NOW - timedelta(minutes=one.minutes)
    events: list[dict[str, Any]] = [{"type": "call.started", "transport": "loopback", "did": DID, "caller": one.caller}]
    at, turn = 0, 0
    while at < one.seconds * 1000 - 6_000 or turn == 0:
        heard = "I see." if not one.cut or turn != 2 else "First, turn"
        ladder = {"total": one.slowest if turn == 1 else 0.8 * one.slowest} if turn and one.slowest else {}
        agent = {"turn": turn, "text": "I see." if heard == "I see." else "First, turn the tap off.", "heard": heard}
        events.append(
            {"type": "turn.agent", **agent, "interrupted": heard != "I see.", "start_ms": at, "end_ms": at + 4_000, "ladder": ladder}
        )
        if one.slowest is None:
            break
        events.append({"type": "turn.caller", "turn": turn, "text": "yes", "start_ms": at + 4_600, "end_ms": at + 7_200})
        at, turn = at + 8_000, turn + 1
    slots = {"name": one.name, "problem": one.problem, "urgency": one.urgency}
    events.append({"type": "call.ended", "reason": one.reason, "outcome": one.outcome, "seconds": one.seconds, "slots": slots})
    for seq, event in enumerate(events, 1):
        await _send(house, {**event, "id": f"{id}.{seq}", "call": id, "ref": ref, "seq": seq, "at_ms": seq, "time": _time(began)})


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def _send(house: House, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    headers = signing.headers(SECRET, f"msg_{body['id']}", int(house.now[0].timestamp()), content)
    answer = await house.http.post("/v1/events", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
