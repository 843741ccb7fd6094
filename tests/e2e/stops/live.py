"""Calls under way, at Quayside, whose calls no other page shows."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from tests.e2e.browser import free_port
from tests.e2e.business import OTHER_DID, House
from tests.e2e.calls import NOW
from tests.e2e.people import open_street
from tests.e2e.stops import Stop

CAL = "cal@quayside.example"
VIEWER = "vera@quayside.example"
LIVE = "/t/quayside/live"
CALL = f"{LIVE}/live_marcus"
MOVING = "#now .turn"
_STALE = """() => {
  const one = document.getElementById('stale');
  one.querySelector('span').textContent = one.dataset.text.replace('{n}', '12');
  one.hidden = false;
}"""
STOPS = {
    "live-quiet": Stop("/t/harbour/live", streams=True),
    "live": Stop(LIVE, who=CAL),
    "live-call": Stop(CALL, who=CAL, wait=MOVING),
    "live-call-begun": Stop(f"{LIVE}/live_greeting", who=CAL),
    "live-call-end": Stop(CALL, "() => document.getElementById('ask-end').showModal()", who=CAL, wait=MOVING),
    "live-call-transfer": Stop(CALL, "() => { document.querySelector('.up-pick').open = true; }", who=CAL, wait=MOVING),
    "live-call-stale": Stop(
        CALL,
        _STALE,
        who=CAL,
        wait=MOVING,
    ),
    "live-call-over": Stop(CALL, "() => { document.getElementById('ended').hidden = false; }", who=CAL, wait=MOVING),
    "live-call-reader": Stop(CALL, who=VIEWER, wait=MOVING),
}
SAID: tuple[tuple[str, int, str], ...] = (
    ("agent", 0, "Quayside Heating, this call is recorded. I'm the booking assistant. What's happening?"),
    ("caller", 7, "Yeah hello, it's Marcus. There's no hot water again. Same unit you looked at in May."),
    ("agent", 14, "Hello Marcus. No hot water at all, or just not hot enough?"),
    ("caller", 19, "Nothing. Stone cold since last night."),
    ("agent", 31, "And what street are you in, Marcus?"),
    ("caller", 34, "Southsea. Marine Road, number, uh, one eighteen."),
    ("agent", 40, "118 Marine Road, Southsea. Is the unit gas or electric?"),
    ("caller", 45, "Electric. It's about twelve years old, I reckon, so if it's done for just tell me what a new one costs."),
    ("agent", 53, "Understood. Ray can quote a replacement on site. I have today between three and five. Does that work?"),
)
LADDER = {"endpoint": 205.0, "stt_final": 36.0, "to_llm": 6.0, "first_token": 92.0, "first_clause": 21.0, "tts_first_byte": 55.0}
SEEN: dict[str, Any] = {
    "events": 1 + len(SAID),
    "phase": "live",
    "hearing": "Three to five, yeah, but someone has to be here to let him",
    "preparing": "That's right, someone over eighteen needs to be home. Will you be there?",
    "path": ["welcome", "problem", "address", "offer_a_time"],
    "values": {
        "problem": {"value": "Hot water, no heat", "raw": "no hot water", "status": "known"},
        "address": {"value": {"lines": ["118 Marine Road"], "postcode": "PO4 9XY"}, "raw": "", "status": "confirmed"},
        "name": {"value": {"given": "Marcus", "family": "Oyelaran"}, "raw": "", "status": "known"},
    },
}


async def furnish(house: House) -> None:
    """Two calls under way, one of them in the middle of a word, and one that is over."""
    engine = _engine()
    async with open_street(house) as street:
        await street.letters()  # what others were sent before
        await street.member(CAL, "tenant_owner", at="/v1/tenants/quayside", name="Cal Rowe")
        await street.member(VIEWER, "viewer", at="/v1/tenants/quayside", name="Vera Holt")
    await _began(house, "live_over", "+447700900771", timedelta(minutes=9), engine)
    await _tell(house, "live_over", 2, "call.ended", reason="hangup", outcome="booked", seconds=131.0, slots={}, path=[], counters={})
    await _began(house, "live_greeting", "+442079460841", timedelta(seconds=19), "")
    await _began(house, "live_marcus", "+447700900772", timedelta(seconds=72), engine)
    for seq, (who, at, text) in enumerate(SAID, 2):
        body: dict[str, Any] = {"turn": seq // 2, "text": text, "start_ms": at * 1_000, "end_ms": at * 1_000 + 4_000}
        if who == "agent":
            total = 447.0 if seq > 8 else 618.0
            measured = {**LADDER, "playout": total - sum(LADDER.values()), "total": total} if seq > 2 else {}
            body |= {"heard": text, "interrupted": False, "ladder": measured}
        await _tell(house, "live_marcus", seq, f"turn.{who}", **body)
    marcus = {"phone": "+447700900772", "name": "Marcus Oyelaran"}
    answer = await house.ask("POST", "/contacts", marcus, tenant="quayside")
    assert answer.status_code == 201, answer.text


async def _began(house: House, call: str, caller: str, ago: timedelta, engine: str) -> None:
    await house.plan(call, did=OTHER_DID, caller=caller, control_url=engine)
    await _tell(house, call, 1, "call.started", ago, transport="twilio", did=OTHER_DID, caller=caller, script="x", script_version=1)


async def _tell(house: House, call: str, seq: int, kind: str, ago: timedelta = timedelta(), /, **fields: Any) -> None:
    answer = await house.event(seq, kind, call, ref="quayside/front-desk", time=(NOW - ago).isoformat(), **fields)
    assert answer.status_code == 200, answer.text


def _engine() -> str:
    """What an engine tells of the call to whoever watches it; it serves for as long as this process lives. Its URL."""

    async def lines() -> AsyncIterator[bytes]:
        yield json.dumps(SEEN).encode() + b"\n"
        await anyio.sleep_forever()

    async def watch(_: Request) -> StreamingResponse:
        return StreamingResponse(lines(), media_type="application/x-ndjson")

    port = free_port()
    app = Starlette(routes=[Route("/v1/calls/live_marcus/watch", watch)])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    threading.Thread(target=uvicorn.Server(config).run, name="an engine", daemon=True).start()
    return f"http://127.0.0.1:{port}"
