"""Calls that we place, against a simulated carrier: who may be rung and when, one ring each, and how they go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import pytest
from tests.telephony.figures import figure
from tests.telephony.placing import PERSON, Desk, open_desk

from offhook.orchestrator.live import engines
from offhook.orchestrator.outgoing import ops, reminders
from offhook.orchestrator.outgoing.schemas import REASONS
from offhook.testing.carriers.exchange import Person

pytestmark = pytest.mark.telephony
MESSAGE = "This is Harbour Plumbing. Please ring us back."


@pytest.fixture
async def desk(database_url: str, owner_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url, owner_url) as desk:
        yield desk


async def test_a_call_is_placed_and_begins_with_who_is_calling(desk: Desk) -> None:
    await desk.agreed()
    made = await desk.place(about="Your boiler part has come.")
    assert (made["state"], made["consent"]) == ("waiting", "given")
    assert await desk.dial(made["id"]) in {"ringing", "answered", "done"}
    done = await desk.until(made["id"], "done")
    assert (done["attempts"], done["reason"]) == (1, "")
    assert len(desk.rung()) == 1
    [plan] = desk.plans
    first = plan["script"]["states"][plan["script"]["start"]]["say"]
    assert first.startswith("Hello, this is the automated assistant of Harbour Plumbing.")
    assert first.endswith("Your boiler part has come.")
    assert plan["turn"]["max_call_ms"] <= 30 * 60_000
    record = await desk.house.call(done["call_id"])
    assert (record["call"]["caller"], record["call"]["did"]) == (PERSON, "+442079460000")
    assert (await desk.house.get("/call-limits")).json()["calls"] == 0  # it counts no more


async def test_a_token_is_good_once_and_for_its_own_call_only(desk: Desk) -> None:
    await desk.agreed()
    seen: list[str] = []
    real = desk.media

    async def keep(call: object, url: str, parameters: dict[str, str]) -> None:
        seen.append(parameters["token"])
        await real(call, url, parameters)  # type: ignore[arg-type]

    desk.carrier.media = keep  # type: ignore[assignment]
    made = await desk.place()
    await desk.dial(made["id"])
    await desk.until(made["id"], "done")
    sid = desk.rung()[0].sid
    for call, carrier_call in (("another", sid), ("c9", "CA" + "9" * 32)):
        body = {"call": call, "transport": "twilio", "did": "", "caller": "", "carrier_call": carrier_call, "token": seen[0]}
        assert (await desk.house.post("/v1/plans", body)).json()["reason"] == "bad_token"


async def test_the_same_request_rings_once(desk: Desk) -> None:
    await desk.agreed()
    first = await desk.place(key="k-1")
    again = await desk.place(key="k-1")
    await desk.place(key="k-2")
    assert first["id"] == again["id"]
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(desk.dial, first["id"])
    await desk.until(first["id"], "done")
    assert len(desk.rung()) == 1


async def test_who_may_not_be_rung(desk: Desk) -> None:
    assert (await desk.place())["reason"] == "no_consent"
    await desk.agreed()
    assert (await desk.place())["state"] == "waiting"
    assert (await desk.house.ask("POST", "/do-not-call", {"phone": PERSON, "why": "asked us by mail"})).status_code == 201
    waiting = (await desk.house.get("/outgoing-calls")).json()["data"]
    assert {one["reason"] for one in waiting} == {"no_consent", "do_not_call"}  # the one that waited is refused too
    assert (await desk.place())["reason"] == "do_not_call"
    assert (await desk.house.get(f"/call-consents/{PERSON}")).status_code == 404  # withdrawn by it
    await desk.agreed()
    assert (await desk.place())["reason"] == "do_not_call"
    assert (await desk.house.ask("DELETE", f"/do-not-call/{PERSON}")).status_code == 204
    assert (await desk.place())["state"] == "waiting"
    for to, reason in (("+12025550100", "country"), ("+449098790000", "premium"), ("+442079460000", "own_number")):
        await desk.agreed(to)
        assert (await desk.place(to))["reason"] == reason
    assert desk.carrier.calls == {}
    counted = {(one["purpose"], one["reason"]): one["count"] for one in (await desk.house.get("/call-limits")).json()["refused"]}
    assert counted == {
        ("outgoing", "no_consent"): 1, ("outgoing", "do_not_call"): 2, ("outgoing", "country"): 1, ("outgoing", "premium"): 1,
        ("outgoing", "own_number"): 1,
    }  # fmt: skip


async def test_who_may_not_be_rung_is_said_before_anybody_asks(desk: Desk) -> None:
    said: list[str] = []
    for to in (PERSON, "+12025550100", "+442079460000"):
        await desk.agreed(to)
        async with desk.house.services.database.tenant("harbour") as scope:
            said.append(await ops.why_not(scope, to, "other"))
        assert (await desk.place(to))["state"] == ("refused" if said[-1] else "waiting")
    assert said == ["", REASONS["country"], REASONS["own_number"]]


async def test_please_do_not_call_me_again_is_heard(desk: Desk) -> None:
    await desk.agreed()
    waits = await desk.place(not_before=(desk.house.now[0] + timedelta(hours=2)).isoformat())
    await desk.house.plan(caller=PERSON)
    await desk.house.tool("stop_calls", {"phone": PERSON})
    listed = (await desk.house.get("/do-not-call")).json()["data"]
    assert [(one["phone"], one["by"]) for one in listed] == [(PERSON, "call/c1")]
    assert (await desk.show(waits["id"]))["reason"] == "do_not_call"
    assert (await desk.place())["reason"] == "do_not_call"


async def test_somebody_is_rung_in_the_hours_of_both(desk: Desk) -> None:
    desk.house.now[0] = desk.house.now[0].replace(hour=21)
    await desk.agreed()
    made = await desk.place()
    assert await desk.dial(made["id"]) == "waiting"
    assert (await desk.show(made["id"]))["next_at"] == "2026-11-24T09:00:00Z"
    await desk.put("/call-limits", countries=["US"])
    await desk.agreed("+12125550100")
    york = await desk.place("+12125550100")
    desk.house.now[0] = desk.house.now[0].replace(day=24, hour=10)
    assert await desk.dial(york["id"]) == "waiting"
    assert (await desk.show(york["id"]))["next_at"] == "2026-11-24T14:00:00Z"
    late = await desk.place(not_after=(desk.house.now[0] + timedelta(minutes=1)).isoformat())
    desk.house.now[0] += timedelta(minutes=2)
    assert await desk.dial(late["id"]) == "failed"
    assert (await desk.show(late["id"]))["reason"] == "expired"
    assert desk.carrier.calls == {}


async def test_busy_then_answered(desk: Desk) -> None:
    await desk.agreed()
    desk.carrier.people[PERSON] = Person(does="busy")
    made = await desk.place()
    await desk.dial(made["id"])
    waits = await desk.until(made["id"], "waiting")
    assert (waits["attempts"], waits["reason"], waits["next_at"]) == (1, "busy", "2026-11-23T10:30:00Z")
    assert await desk.dial(made["id"]) == "waiting"  # not yet
    desk.carrier.people[PERSON] = Person()
    desk.house.now[0] += timedelta(minutes=30)
    await desk.dial(made["id"])
    assert (await desk.until(made["id"], "done"))["attempts"] == 2
    assert len(desk.rung()) == 2


async def test_nobody_answers_and_it_ends(desk: Desk) -> None:
    await desk.agreed()
    desk.carrier.people[PERSON] = Person(does="no-answer")
    made = await desk.place()
    for _ in range(2):
        await desk.dial(made["id"])
        await desk.until(made["id"], "waiting", "failed")
        desk.house.now[0] += timedelta(minutes=30)
    failed = await desk.show(made["id"])
    assert (failed["state"], failed["reason"], failed["attempts"]) == ("failed", "no-answer", 2)
    assert await desk.dial(made["id"]) == "failed"
    assert len(desk.rung()) == 2
    assert (await desk.house.get("/call-limits")).json()["calls"] == 0


async def _engine_says(desk: Desk, id: str, outcome: str) -> None:
    """The call as its engine tells of it."""
    common = {"call": id, "ref": desk.plans[-1]["ref"], "at_ms": 0, "time": desk.house.now[0].isoformat()}
    started = {**common, "type": "call.started", "id": "e1", "seq": 1, "transport": "twilio"}
    ended = {**common, "type": "call.ended", "id": "e2", "seq": 2, "reason": "finished", "outcome": outcome, "seconds": 20.0}
    for event in (started, ended):
        assert (await desk.house.post("/v1/events", event)).is_success


@pytest.mark.parametrize(
    ("message", "wanted", "does", "outcome"),
    [
        ("", None, ("hang_up", ""), "voicemail"),
        (MESSAGE, None, ("leave_message", MESSAGE), "voicemail_left"),
        (MESSAGE, "leave_message", ("leave_message", MESSAGE), "voicemail_left"),
        (MESSAGE, "hang_up", ("hang_up", ""), "voicemail"),
    ],
)
async def test_the_engine_is_told_what_to_do_with_a_machine_and_tells_what_it_did(
    desk: Desk, message: str, wanted: str | None, does: tuple[str, str], outcome: str
) -> None:
    await desk.agreed()
    await desk.put("/outgoing-settings", voicemail=message)
    told: list[str] = []

    async def talk(id: str) -> None:
        told.append(id)
        await _engine_says(desk, id, outcome)

    desk.talk = talk
    desk.carrier.people[PERSON] = Person(machine=True, heard=anyio.Event())  # the carrier knows too late
    made = await desk.place(on_machine=wanted)
    assert made["on_machine"] == wanted
    await desk.dial(made["id"])
    done = await desk.until(made["id"], "done")
    assert (done["reason"], done["answered_by"]) == (outcome, "machine")
    [plan] = desk.plans
    assert plan["machine"] == {"on_machine": does[0], "message": does[1], "carrier": ""}
    record = await desk.house.call(told[0])
    assert record["call"]["outcome"] == outcome
    assert desk.rung()[0].heard == []  # the carrier says nothing itself
    assert await desk.dial(made["id"]) == "done"
    assert len(desk.rung()) == 1


async def test_there_is_a_message_to_leave(desk: Desk) -> None:
    await desk.agreed()
    body = {"to": PERSON, "agent_id": "front-desk", "on_machine": "leave_message"}
    answer = await desk.house.ask("POST", "/outgoing-calls", body)
    assert (answer.status_code, "on_machine" in answer.text) == (422, True)


async def test_nobody_waits_for_the_carrier_to_listen_and_the_engine_is_told_what_it_heard(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.agreed()
    listened, over = anyio.Event(), anyio.Event()
    sent: list[tuple[str, str, dict[str, Any]]] = []

    async def command(_given: object, _url: str, action: str, call: str, body: dict[str, Any], _mark: str) -> None:
        sent.append((action, call, body))

    monkeypatch.setattr(engines, "command", command)
    live: list[str] = []

    async def talk(id: str) -> None:
        event = {"type": "call.started", "id": "e1", "seq": 1, "call": id, "ref": desk.plans[-1]["ref"], "at_ms": 0, "transport": "twilio"}
        await desk.house.post("/v1/events", {**event, "time": desk.house.now[0].isoformat()})
        live.append(id)
        listened.set()
        await over.wait()

    desk.talk = talk
    desk.carrier.people[PERSON] = Person(machine=True, heard=listened)
    made = await desk.place()
    await desk.dial(made["id"])
    with anyio.fail_after(60):
        while not sent:
            await anyio.sleep(0.01)
    assert sent == [("answered", live[0], {"machine": True})]
    assert (await desk.show(made["id"]))["answered_by"] == "machine_start"
    over.set()
    assert (await desk.until(made["id"], "done"))["answered_by"] == "machine_start"


async def test_caps_make_a_call_wait_and_suspension_refuses_it(desk: Desk) -> None:
    await desk.put("/outgoing-settings", consent_for=[])
    await desk.put("/call-limits", at_once=1)
    over = anyio.Event()

    async def long(_: str) -> None:
        await over.wait()

    desk.talk = long
    first, second = await desk.place(), await desk.place("+447700900778")
    await desk.dial(first["id"])
    await desk.until(first["id"], "answered")
    assert await desk.dial(second["id"]) == "waiting"
    assert desk.rung("+447700900778") == []
    over.set()
    await desk.until(first["id"], "done")
    await desk.house.ask("POST", "/call-limits/suspend")
    desk.house.now[0] += timedelta(minutes=1)
    assert await desk.dial(second["id"]) == "refused"
    assert (await desk.show(second["id"]))["reason"] == "suspended"


async def test_a_webhook_that_is_not_signed_by_the_account_changes_nothing(desk: Desk) -> None:
    await desk.agreed()
    hold = anyio.Event()
    desk.carrier.people[PERSON] = Person(rings=hold)
    made = await desk.place()
    await desk.dial(made["id"])
    path = f"/carriers/twilio/outgoing/harbour/{made['id']}/1/status"
    form = {"CallSid": desk.rung()[0].sid, "CallStatus": "completed", "AccountSid": desk.accounts["harbour"].sid}
    for where in (path, path.replace("harbour", "quayside"), path.replace(made["id"], "out_nothing")):
        assert (await desk.house.http.post(where, data=form)).status_code == 403
    assert (await desk.show(made["id"]))["state"] == "ringing"
    hold.set()
    await desk.until(made["id"], "done")


async def test_two_businesses_place_calls_apart(desk: Desk) -> None:
    await desk.agreed()
    assert (await desk.place(tenant="quayside"))["reason"] == "no_consent"  # the consent was to Harbour
    await desk.agreed(tenant="quayside")
    ours, theirs = await desk.place(), await desk.place(tenant="quayside")
    for id, tenant in ((ours["id"], "quayside"), (theirs["id"], "harbour")):  # noqa: A001 - what they are
        assert (await desk.house.get(f"/outgoing-calls/{id}", tenant)).status_code == 404
    await desk.dial(ours["id"])
    await desk.dial(theirs["id"], "quayside")
    await desk.until(ours["id"], "done")
    await desk.until(theirs["id"], "done", tenant="quayside")
    assert {one.from_ for one in desk.rung()} == {"+442079460000", "+441134960000"}
    assert sorted(plan["ref"].split("/")[0] for plan in desk.plans) == ["harbour", "quayside"]


async def test_a_visit_is_reminded_of_once(desk: Desk) -> None:
    await desk.house.plan(caller=PERSON)
    slot = (await desk.house.slots())[0]
    await desk.house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": PERSON, "problem": "tap"})
    assert await reminders.remind(desk.house.services, "harbour") == 0  # off by default
    await desk.put("/outgoing-settings", reminder_hours=72, reminder_agent="front-desk", consent_for=["other"])
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(reminders.remind, desk.house.services, "harbour")
    [call] = (await desk.house.get("/outgoing-calls")).json()["data"]
    assert (call["purpose"], call["consent"], call["to"], call["state"]) == ("reminder", "service", PERSON, "waiting")
    await desk.dial(call["id"])
    await desk.until(call["id"], "done")
    [plan] = desk.plans
    assert "remind you of your visit" in plan["script"]["states"][plan["script"]["start"]]["say"]
    assert await reminders.remind(desk.house.services, "harbour") == 0
    figure("outgoing calls: 1 reminder of 1 visit, after 7 looks at the diary")


async def test_a_promised_call_back_needs_no_other_consent(desk: Desk) -> None:
    await desk.house.plan(caller=PERSON)
    await desk.house.tool("save_callback", {"at": "2026-11-23T14:00", "name": "Ann Lee", "phone": PERSON, "note": "about the boiler"})
    lead = (await desk.house.call())["lead"]
    made = await desk.place(purpose="call-back", lead_id=lead["id"])
    assert (made["state"], made["consent"]) == ("waiting", "asked")
    assert (await desk.place(purpose="call-back"))["reason"] == "no_consent"
