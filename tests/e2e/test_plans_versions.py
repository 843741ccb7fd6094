"""A call keeps the version that it began with: its plan, its tools, its record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.e2e.business import CALLER, DID, House, greeted

from offhook.orchestrator.agents.config import DAYS

PATH = "/agents/front-desk"


async def publish(house: House, **fields: Any) -> int:
    """Change the draft and publish it; the version."""
    tag = (await house.get(PATH)).headers["etag"]
    changed = await house.ask("PATCH", f"{PATH}/draft", fields, if_match=tag)
    assert changed.status_code == 200, changed.text
    made = await house.ask("POST", f"{PATH}/publish", {}, if_match=changed.headers["etag"])
    assert made.status_code in {200, 201}, made.text
    number: int = made.json()["number"]
    return number


async def test_a_call_goes_on_with_its_version(house: House) -> None:
    first = await house.plan("c1", control_url="http://10.0.0.7:8081")
    number = await publish(house, greeting="A new greeting.", lines={"goodbye": "Bye now."}, limits={"max_call_ms": 600_000})
    second = await house.plan("c2")
    assert (second["lines"]["goodbye"], second["turn"]["max_call_ms"]) == ("Bye now.", 600_000)
    assert second["script"]["states"]["greet"]["say"] == greeted("A new greeting.")
    again = await house.plan("c1")
    assert again["ref"] == first["ref"]
    rows = await house.look("select id, agent_version, test, engine_url from call order by id")
    assert [tuple(row) for row in rows] == [("c1", number - 1, False, "http://10.0.0.7:8081"), ("c2", number, False, "")]


async def test_its_tools_are_those_of_its_version(house: House) -> None:
    await house.plan("c1")
    await publish(house, hours={day: [] for day in DAYS} | {"sunday": [{"opens": "09:00", "closes": "09:30"}]})
    await house.plan("c2")
    assert (await house.tool("free_slots", {}, call="c1"))["values"]["slots"]
    assert (await house.tool("free_slots", {}, call="c2"))["values"]["slots"] == []


async def test_a_draft_changes_no_call(house: House) -> None:
    tag = (await house.get(PATH)).headers["etag"]
    assert (await house.ask("PATCH", f"{PATH}/draft", {"greeting": "Not yet."}, if_match=tag)).status_code == 200
    assert (await house.plan("c1"))["script"]["states"]["greet"]["say"] != "Not yet."


async def test_another_tenants_call_and_agent_are_not_there(house: House) -> None:
    await house.plan("c1")
    request = house.request("free_slots", {}, call="c1", ref="quayside/front-desk")
    answer = await house.post("/v1/tools/free_slots", request)
    assert answer.status_code == 200  # their own call of that name, which nobody has planned
    rows = await house.look("select tenant_id, id, test from call order by tenant_id")
    assert [tuple(row) for row in rows] == [("harbour", "c1", False), ("quayside", "c1", False)]
    for ref in ("harbour/nobody", "nobody/front-desk", "harbour", ""):
        answer = await house.post("/v1/tools/free_slots", house.request("free_slots", {}, call="c9", ref=ref))
        assert answer.status_code == 404, ref


async def test_closed_and_open_and_a_holiday(house: House) -> None:
    assert (await house.plan("c1"))["given"]["open_now"] is False
    house.now[0] += timedelta(hours=2)
    assert (await house.plan("c2"))["given"]["open_now"] is True
    await publish(house, holidays=[{"name": "Stocktaking", "first": "2026-11-23"}])
    plan = await house.plan("c3")
    assert plan["given"]["open_now"] is False
    offered = (await house.tool("free_slots", {"day": "2026-11-23"}, call="c3"))["values"]["slots"]
    assert offered == []


async def test_calls_that_are_refused_leave_only_counts(house: House) -> None:
    await house.look("update tenant set max_calls = 1 where id = 'harbour'")
    await house.plan("c1")
    full = await house.post("/v1/plans", {"call": "c2", "transport": "loopback", "did": DID, "caller": CALLER})
    assert (full.status_code, full.json()["reason"]) == (404, "limit")
    assert full.json()["line"]
    assert [row[0] for row in await house.look("select id from call")] == ["c1"]
    assert [tuple(row) for row in await house.look("select reason, count from refused_call")] == [("tenant_full", 1)]
