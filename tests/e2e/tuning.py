"""An agent of Harbour's that answers in the evening, with two versions and calls whose traces are kept."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
from tests.e2e.business import SECRET, House
from tests.e2e.calls import NOW
from tests.traces import Spoken, trace

from offhook import signing
from offhook.contracts.handover import HEADER, Handover
from offhook.orchestrator.calls import intake

EVENING = "evening-line"
CALM = (Spoken(3_000, 4_000, "a booking please", 0.88), Spoken(7_000, 8_200, "my name is Ann", 0.7), Spoken(11_000, 11_600, "yes", 0.95))
PAUSED = (Spoken(3_000, 4_000, "my number is oh seven", 0.87), Spoken(4_240, 5_800, "seven hundred nine hundred", 0.9))
ASKED = (Spoken(3_000, 4_000, "the boiler well", 0.2), Spoken(5_800, 6_300, "hello", 0.9))


async def evening(house: House, calls: Sequence[Sequence[Spoken]] = (CALM, PAUSED, ASKED, CALM)) -> None:
    """The agent with its calls, a month ago: no list of this week has them."""
    await house.look(
        "insert into agent select (jsonb_populate_record(agent, jsonb_build_object('id', cast(:id as text), 'name', 'Evening line'))).*"
        " from agent where tenant_id = 'harbour' and id = 'front-desk'",
        id=EVENING,
    )
    await house.look(
        "insert into agent_version select (jsonb_populate_record(agent_version, jsonb_build_object('agent_id', cast(:id as text)))).*"
        " from agent_version where tenant_id = 'harbour' and agent_id = 'front-desk'",
        id=EVENING,
    )
    for number, spoken in enumerate(calls):
        await called(house, f"evening_{number}", trace(f"evening_{number}", spoken, making=100), agent=EVENING)


async def called(house: House, call: str, body: bytes, *, agent: str) -> None:
    """A call that has ended, and its trace as its engine hands it over."""
    ref, began = f"harbour/{agent}", NOW - timedelta(days=30)
    time = began.isoformat().replace("+00:00", "Z")
    told: tuple[dict[str, object], ...] = (
        {"type": "call.started", "transport": "loopback", "did": "", "caller": ""},
        {"type": "call.ended", "reason": "hangup", "outcome": "message", "seconds": 20, "slots": {}},
    )
    for seq, one in enumerate(told, 1):
        event = {**one, "id": f"{call}.{seq}", "call": call, "ref": ref, "seq": seq, "at_ms": seq, "time": time}
        content = json.dumps(event).encode()
        headers = signing.headers(SECRET, f"msg_{call}.{seq}", int(house.now[0].timestamp()), content)
        answer = await house.http.post("/v1/events", content=content, headers=headers)
        assert answer.status_code == 200, answer.text
    assert await intake.finish(house.services, "harbour", call)
    one_file = Handover(call=call, ref=ref, kind="trace", size=len(body), sha256=hashlib.sha256(body).hexdigest())
    manifest = one_file.model_dump_json().encode()
    signed = signing.headers(SECRET, f"handover.{call}", int(house.now[0].timestamp()), manifest)
    answer = await house.http.post("/v1/recordings", content=body, headers=signed | {HEADER: base64.b64encode(manifest).decode()})
    assert answer.status_code == 200, answer.text


async def worked_on(house: House, agent: str = EVENING) -> None:
    """A second version with a note, and a draft that somebody is working on."""
    await changed(house, agent, {"name": "Evening line", "greeting": "Good evening, Harbour Plumbing."})
    revision = (await house.get(f"/agents/{agent}")).json()["revision"]
    made = await house.ask("POST", f"/agents/{agent}/publish", {"note": "A greeting for the evening"}, if_match=f'"r{revision}"')
    assert made.status_code == 201, made.text
    holiday = {"name": "Christmas", "first": "2026-12-25", "last": "2026-12-26", "yearly": True}
    await changed(house, agent, {"greeting": "Good evening, this is Harbour Plumbing.", "holidays": [holiday]})


async def changed(house: House, agent: str, parts: dict[str, object]) -> None:
    """Change parts of the draft over the API."""
    revision = (await house.get(f"/agents/{agent}")).json()["revision"]
    answer = await house.ask("PATCH", f"/agents/{agent}/draft", parts, if_match=f'"r{revision}"')
    assert answer.status_code == 200, answer.text


async def draft(house: House, agent: str = "front-desk") -> dict[str, Any]:
    """The configuration that is being worked on."""
    found: dict[str, Any] = (await house.get(f"/agents/{agent}/draft")).json()["config"]
    return found


def form(page: httpx.Response, id: str) -> dict[str, str]:
    """What a browser would send of a page's form as it stands."""
    assert page.status_code == 200, page.text
    text = page.text[page.text.index(f'<form id="{id}"') :]
    text = text[: text.index("</form>")]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", text):
        had = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        ticked = had.get("type") not in {"checkbox", "radio"} or " checked" in tag
        if "name" in had and had["name"] != "_token" and ticked:
            found[had["name"]] = unescape(had.get("value", ""))
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = unescape(chosen.group(1)) if chosen else ""
    for name, value in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', text, re.DOTALL):
        found[name] = unescape(value)
    return found
