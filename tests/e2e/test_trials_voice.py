"""Voice tests as an engine and a tenant see them: one token, one call, tools that do nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.business import CALLER, DID, House

from offhook.contracts.plan import CallPlan

LEFT = ("appointment", "contact", "lead", "message")


async def start(house: House, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = await house.ask("POST", "/agents/front-desk/voice-tests", body or {}, **headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ring(house: House, token: str, call: str = "t1", **fields: str) -> tuple[int, dict[str, Any]]:
    answer = await house.post("/v1/plans", {"call": call, "transport": "browser", "token": token, **fields})
    return answer.status_code, answer.json()


async def left(house: House) -> dict[str, int]:
    return {table: (await house.look(f"select count(*) from {table}"))[0][0] for table in LEFT}  # noqa: S608 - our own names


async def test_a_token_is_for_one_call_and_shown_once(house: House) -> None:
    made = await start(house, {"caller": CALLER})
    token = made.pop("token")
    revision = (await house.get("/agents/front-desk")).json()["revision"]
    assert made["page"] == f"http://127.0.0.1:8081/talk/?token={token}"
    assert made["socket"] == "ws://127.0.0.1:8081/media/browser"
    assert made["start"] == {"type": "start", "version": 1, "token": token}
    assert (made["draft"], made["version"], made["call_id"], made["made_by"]) == (revision, None, None, "operator")
    shown = (await house.get(f"/agents/front-desk/voice-tests/{made['id']}")).json()
    assert token not in str(shown)
    assert token not in str(await house.look("select * from voice_test"))
    assert token not in str(await house.look("select * from idempotency"))
    status, answer = await ring(house, token, control_url="http://127.0.0.1:8081")
    assert status == 200
    plan = CallPlan.model_validate(answer)
    assert (plan.ref, plan.test, plan.given["caller_number"]) == ("harbour/front-desk", True, CALLER)
    assert "caller_name" not in plan.given
    assert (await ring(house, token))[0] == 200  # the answer may have been lost
    assert await ring(house, token, "t2") == (404, {"reason": "bad_token", "line": "This test is over. Start another one. Goodbye."})
    assert (await house.get(f"/agents/front-desk/voice-tests/{made['id']}")).json()["call_id"] == "t1"
    [(test, version, engine, did)] = await house.look("select test, agent_version, engine_url, did from call")
    assert (test, version, engine, did) == (True, None, "http://127.0.0.1:8081", "")


async def test_tokens_that_are_late_wrong_or_of_a_suspended_tenant(house: House) -> None:
    token = (await start(house, {"minutes": 1}))["token"]
    house.now[0] += timedelta(minutes=1, seconds=1)
    for wrong in (token, "vt_", "vt_" + "x" * 43, token[:-1]):
        status, answer = await ring(house, wrong)
        assert (status, answer["reason"]) == (404, "bad_token")
    token = (await start(house))["token"]
    await house.look("update tenant set suspended = true where id = 'harbour'")
    assert (await ring(house, token))[1]["reason"] == "suspended"
    await house.look("update tenant set suspended = false where id = 'harbour'")
    assert (await ring(house, token, "t2"))[0] == 200
    assert await house.look("select 1 from call where not test") == []


async def test_it_takes_a_place_of_the_tenants(house: House) -> None:
    await house.look("update tenant set max_calls = 1 where id = 'harbour'")
    await house.plan("c1")
    token = (await start(house))["token"]
    assert (await ring(house, token))[1]["reason"] == "limit"
    await house.event(1, "call.started", transport="loopback", did=DID, caller="")
    assert (await house.event(2, "call.ended", reason="hangup", outcome="", seconds=1.0)).status_code == 200
    assert (await ring(house, token, "t2"))[0] == 200  # the place was taken, the token was not
    answer = await house.post("/v1/plans", {"call": "c2", "transport": "loopback", "did": DID})
    assert answer.json()["reason"] == "limit"


async def test_tools_answer_and_do_nothing(house: House) -> None:
    await ring(house, (await start(house, {"caller": CALLER}))["token"])
    offered = (await house.tool("free_slots", {}, call="t1"))["values"]["slots"]
    assert len(offered) == 3
    args = {"slot": offered[0]["id"], "name": "Ann Lee", "problem": "tap"}
    booked = await house.tool("book", args, "k1", call="t1")
    assert booked["error"] is None
    assert await house.tool("book", args, "k1", call="t1") == booked
    for tool in ("save_lead", "save_message", "save_callback", "stop_calls"):
        assert (await house.tool(tool, {"name": "Ann Lee"}, call="t1"))["error"] is None
    assert (await house.tool("find_booking", {"phone": CALLER}, call="t1"))["values"] == {"found": False}
    assert await left(house) == dict.fromkeys(LEFT, 0)
    await house.plan("c1")
    slot = (await house.slots())[0]
    real = await house.tool("book", {"slot": slot["id"], "name": "Ann Lee"}, call="c1")
    assert real["error"] is None
    assert (await left(house))["appointment"] == 1
    # A test's slots are no slots: nothing can be booked with them.
    assert (await house.tool("book", {"slot": offered[1]["id"], "name": "Ann Lee"}, call="c1"))["error"] == "rejected"


async def test_answers_of_its_own_come_in_order_over_requests(house: House) -> None:
    tools = {"book": [{"error": "conflict"}, {"values": {"ref": "H18"}}], "free_slots": [{"error": "timeout"}]}
    await ring(house, (await start(house, {"tools": tools}))["token"])
    assert (await house.tool("book", {"slot": "s1"}, "k1", call="t1"))["error"] == "conflict"
    assert (await house.tool("book", {"slot": "s1"}, "k1", call="t1"))["error"] == "conflict"  # the same work
    assert (await house.tool("book", {"slot": "s2"}, "k2", call="t1"))["values"] == {"ref": "H18"}
    assert (await house.tool("book", {"slot": "s3"}, "k3", call="t1"))["values"] == {"ref": "H18"}
    assert (await house.tool("free_slots", {}, call="t1"))["error"] == "timeout"


async def test_what_is_tested_is_what_there_was(house: House) -> None:
    """A draft may change and a version may be published while the token waits and during the call."""
    token = (await start(house))["token"]
    of_version = await start(house, {"version": 1})
    assert (of_version["version"], of_version["draft"]) == (1, None)
    await house.look("update agent set draft = '{}', revision = revision + 1 where id = 'front-desk' and tenant_id = 'harbour'")
    status, plan = await ring(house, token)
    assert status == 200
    assert plan["script"]["id"]
    await ring(house, of_version["token"], "t2")
    rows = await house.look("select id, agent_version, test from call order by id")
    assert [tuple(row) for row in rows] == [("t1", None, True), ("t2", 1, True)]
    assert (await house.tool("free_slots", {}, call="t1"))["error"] is None


async def test_lists_have_tests_only_when_asked_for(house: House) -> None:
    await house.plan("c1")
    await ring(house, (await start(house))["token"])
    everyday = (await house.get("/calls")).json()["data"]
    assert [one["id"] for one in everyday] == ["c1"]
    asked = (await house.get("/calls?test=true")).json()["data"]
    assert [(one["id"], one["test"]) for one in asked] == [("t1", True)]


async def test_who_may_start_one(house: House) -> None:
    for permissions, status in ((("agents.write", "agents.read"), 201), (("agents.read",), 403), (("calls.read",), 403)):
        headers = await house.key(*permissions)
        assert (await house.ask("POST", "/agents/front-desk/voice-tests", {}, **headers)).status_code == status
    stranger = await house.key("agents.write", tenant="quayside")
    assert (await house.ask("POST", "/agents/front-desk/voice-tests", {}, **stranger)).status_code == 404
    assert (await house.ask("POST", "/agents/nobody/voice-tests", {})).status_code == 404
    made = await start(house)
    assert (await house.get(f"/agents/other/voice-tests/{made['id']}")).status_code == 404
    assert (await house.ask("GET", f"/agents/front-desk/voice-tests/{made['id']}", tenant="quayside")).status_code == 404
    actions = [row[0] for row in await house.look("select action from audit where action like 'voice%'")]
    assert len(actions) == 2


async def test_there_is_an_end_to_waiting_tokens(house: House) -> None:
    for _ in range(20):
        await start(house)
    answer = await house.ask("POST", "/agents/front-desk/voice-tests", {})
    assert answer.status_code == 409
    house.now[0] += timedelta(minutes=11)
    await start(house)
    house.now[0] += timedelta(days=1, minutes=11)
    await start(house)
    assert len(await house.look("select 1 from voice_test")) == 1


@pytest.mark.parametrize(
    "body", [{"minutes": 0}, {"minutes": 61}, {"caller": "x"}, {"tools": {"a": [{"values": {}, "more": 1}]}}, {"turns": []}]
)
async def test_what_is_out_of_bounds_is_refused(house: House, body: dict[str, Any]) -> None:
    assert (await house.ask("POST", "/agents/front-desk/voice-tests", body)).status_code == 422


async def test_an_agent_with_faults_gets_no_call(house: House) -> None:
    config = {"name": "x", "script": {"offhook": 1}}
    answer = await house.ask("POST", "/agents/front-desk/voice-tests", {"config": config})
    assert answer.status_code == 422
    assert all(one["path"].startswith("script") for one in answer.json()["errors"])
