"""The result of a real call: what the script confirmed, what was said beside it, and who read it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import story
from tests.e2e.business import House, open_house
from tests.e2e.test_vendors_accounts import put, speak_by

from offhook.contracts.analysis import Evidence
from offhook.errors import NotFound
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.extraction import ops
from offhook.testing.vendors.server import Door, Scenario, Vendors

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
HERE: dict[str, Any] = {"webhook_http": True, "webhook_ports": (), "webhook_networks": ("127.0.0.0/8",)}
MODEL = "vllm:small"
FIELDS = [
    {"name": "unit", "description": "what has to be repaired"},
    {"name": "phone_rings", "type": "yes_no"},
]


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database_url, tmp_path, owner_url=owner_url, **HERE) as found:
        yield found


async def with_model(house: House, vendors: Vendors, reply: Any) -> None:
    vendors.scenario("vllm", Scenario(options={"reply": json.dumps(reply)}))
    kept = await put(house, {"base_url": vendors.base("vllm")}, "vllm")
    assert kept.is_success, kept.text
    assert (await house.ask("PATCH", "/agents/front-desk/draft", {"extract": FIELDS}, If_Match="*")).is_success
    await speak_by(house, llm=[MODEL])


async def test_what_the_script_confirmed_is_shown_with_its_turn(house: House) -> None:
    await story.tell(house, "c1")
    told = await ops.extract(house.services, "harbour", "c1")
    result = told.result
    assert told.complete
    assert (result.contact.name, result.urgency, result.by, result.fallback) == ("Dana Whitlock", "today", "rules", "")
    name = result.evidence["contact.name"]
    assert (name.by, name.speaker, name.quote) == ("script", "caller", "Yeah, this one. I’m Dana Whitlock.")
    assert result.evidence["facts.problem"].by == "script"
    turn = next(one for one in (await house.call("c1"))["turns"] if one["type"] == "turn.caller" and one["turn"] == name.turn)
    assert name.at_ms == turn["start_ms"]
    assert {path for path, one in result.evidence.items() if one.by == "script"} >= {"contact.phone", "contact.address", "intent"}
    assert result.sentiment == "positive"
    assert (await house.call("c1"))["result"] == result.model_dump(mode="json")


async def test_a_caller_who_hung_up_early_left_what_he_said(house: House) -> None:
    said = (
        {"a": "Harbour Plumbing, how can I help?", "at": 0.5, "to": 3.0},
        {"c": "Hi, my name is Ann Lee and my boiler is leaking. Call me back on oh double seven double oh nine double oh four five six.",
         "at": 3.5, "to": 9.0},
    )  # fmt: skip
    await story.tell(house, "c2", said=said, end={"reason": "hangup", "outcome": "left_early", "slots": {}, "path": []})
    result = (await ops.extract(house.services, "harbour", "c2")).result
    assert (result.intent, result.contact.name, result.contact.phone) == ("callback", "Ann Lee", "+447700900456")
    assert result.summary.startswith("Ann Lee rang about callback: my name is Ann Lee and my boiler is leaking.")
    assert all(one.by == "rules" and one.turn is not None for one in result.evidence.values())
    found = await house.get("/calls?q=Lee")
    assert [one["id"] for one in found.json()["data"]] == ["c2"]


async def test_a_model_fills_what_is_left_and_changes_nothing_that_was_confirmed(house: House) -> None:
    async with Vendors() as vendors:
        first = story.SAID[1]["c"]
        reply = {
            "name": {"value": "Dana", "turn": 2, "quote": first},
            "urgency": {"value": "emergency", "turn": 2, "quote": first},
            "fields": {"unit": {"value": " ".join(first.split()[:4]), "turn": 2, "quote": first}, "phone_rings": {"value": "yes"}},
            "summary": "Dana Whitlock rang.",
        }
        await with_model(house, vendors, reply)
        await story.tell(house, "c3")
        result = (await ops.extract(house.services, "harbour", "c3")).result
        assert (result.by, result.model, result.fallback) == ("model", "small", "")
        assert (result.contact.name, result.urgency) == ("Dana Whitlock", "today")
        assert result.facts["unit"] == " ".join(first.split()[:4])
        assert "phone_rings" not in result.facts
        assert result.evidence["facts.unit"] == Evidence(by="model", turn=1, at_ms=round(story.SAID[1]["at"] * 1000), quote=first)
        vendors.scenario("vllm", Scenario(door=Door("status", 500)))
        again = (await ops.extract(house.services, "harbour", "c3")).result
        assert (again.by, again.model, again.fallback) == ("rules", "", "the model's server answered 500")
        assert again.contact.name == "Dana Whitlock"
    stored = (await house.call("c3"))["result"]
    assert stored["fallback"] == "the model's server answered 500"


async def test_what_people_corrected_stays(house: House) -> None:
    await story.tell(house, "c4")
    assert (await house.ask("PATCH", "/calls/c4/result", {"values": {"name": "Dana Whitelock"}})).is_success
    await ops.extract(house.services, "harbour", "c4")
    stored = (await house.call("c4"))["result"]
    assert stored["contact"]["name"] == "Dana Whitelock"
    assert "contact.name" not in stored["evidence"]


async def test_with_the_words_of_a_call_go_the_quotes(house: House) -> None:
    await story.tell(house, "c6")
    result = (await ops.extract(house.services, "harbour", "c6")).result
    assert any(one.quote for one in result.evidence.values())
    async with house.services.database.tenant("harbour") as scope:
        await CallRepo(scope).strip("c6")
    stored = (await house.call("c6"))["result"]
    assert stored["evidence"] == {}
    assert stored["contact"]["name"] == "Dana Whitlock"


async def test_a_call_that_is_not_there(house: House) -> None:
    with pytest.raises(NotFound):
        await ops.extract(house.services, "harbour", "nobody")
    await story.tell(house, "c5")
    with pytest.raises(NotFound):
        await ops.extract(house.services, "quayside", "c5")
