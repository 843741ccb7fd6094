"""Calls that we place at every carrier that does it: one ring each, who has answered, and what a machine is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import pytest
from tests.telephony.exchanges import KINDS
from tests.telephony.figures import figure
from tests.telephony.placing import PERSON, Desk, open_desk_at

from offhook.orchestrator.live import engines
from offhook.testing.carriers.exchange import Person

pytestmark = pytest.mark.telephony
MESSAGE = "This is Harbour Plumbing. Please ring us back."


@pytest.fixture(params=[one for one in KINDS if one != "twilio"])
async def desk(request: pytest.FixtureRequest, database_url: str, owner_url: str) -> AsyncIterator[Desk]:
    async with open_desk_at(request.param, database_url, owner_url) as desk:
        yield desk


async def test_a_call_is_busy_then_answered_and_known_by_the_carriers_own_name(desk: Desk) -> None:
    await desk.agreed()
    desk.carrier.people[PERSON] = Person(does="busy")
    made = await desk.place(about="Your boiler part has come.")
    await desk.dial(made["id"])
    waits = await desk.until(made["id"], "waiting")
    assert (waits["attempts"], waits["reason"]) == (1, "busy")
    desk.carrier.people[PERSON] = Person()
    desk.house.now[0] += timedelta(minutes=30)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(desk.dial, made["id"])
    done = await desk.until(made["id"], "done")
    assert done["attempts"] == 2
    assert len(desk.rung()) == 2
    [plan] = desk.plans
    assert plan["script"]["states"][plan["script"]["start"]]["say"].endswith("Your boiler part has come.")
    record = await desk.house.call(done["call_id"])
    assert (record["call"]["caller"], record["call"]["did"]) == (PERSON, "+442079460000")
    assert (await desk.house.get("/call-limits")).json()["calls"] == 0
    figure(f"{desk.kind}: a call out, busy once, then answered: 2 rings, 1 conversation")


async def test_a_machine_is_the_engines_and_the_carriers_word_reaches_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.agreed()
    await desk.put("/outgoing-settings", voicemail=MESSAGE)
    sent: list[tuple[str, str, dict[str, Any]]] = []
    began, told = anyio.Event(), anyio.Event()

    async def command(_given: object, _url: str, action: str, call: str, body: dict[str, Any], _mark: str) -> None:
        sent.append((action, call, body))
        told.set()

    async def talk(id: str) -> None:
        common = {"call": id, "ref": desk.plans[-1]["ref"], "at_ms": 0, "time": desk.house.now[0].isoformat()}
        await desk.house.post("/v1/events", {**common, "type": "call.started", "id": "e1", "seq": 1, "transport": desk.kind})
        began.set()
        await told.wait()
        ended = {"type": "call.ended", "id": "e2", "seq": 2, "reason": "finished", "outcome": "voicemail_left", "seconds": 9.0}
        await desk.house.post("/v1/events", {**common, **ended})

    monkeypatch.setattr(engines, "command", command)
    desk.talk = talk
    desk.carrier.people[PERSON] = Person(machine=True, heard=began)
    made = await desk.place()
    await desk.dial(made["id"])
    done = await desk.until(made["id"], "done")
    assert done["reason"] == "voicemail_left"
    assert done["answered_by"].startswith("machine")
    [plan] = desk.plans
    assert plan["machine"] == {"on_machine": "leave_message", "message": MESSAGE, "carrier": ""}
    assert sent == [("answered", done["call_id"], {"machine": True})]
    assert desk.rung()[0].heard == []  # the carrier says nothing itself, and nobody waits for it
    assert len(desk.rung()) == 1


async def test_nobody_answers_and_no_stranger_says_otherwise(desk: Desk) -> None:
    await desk.agreed()
    desk.carrier.people[PERSON] = Person(does="no-answer", rings=(hold := anyio.Event()))
    made = await desk.place()
    await desk.dial(made["id"])
    form = {"CallSid": desk.rung()[0].sid, "CallUUID": desk.rung()[0].sid, "CallStatus": "completed"}
    for kind in (desk.kind, "twilio"):
        path = f"/carriers/{kind}/outgoing/harbour/{made['id']}/1/status"
        assert (await desk.house.http.post(path, data=form)).status_code == 403
    assert (await desk.show(made["id"]))["state"] == "ringing"
    hold.set()
    waits = await desk.until(made["id"], "waiting")
    assert waits["reason"] == "no-answer"
