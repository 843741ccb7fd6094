"""Calls that the orchestrator places over a tenant's trunk, with a real engine and a SIP peer who is rung."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from tests.e2e.business import House, open_house
from tests.telephony.sipline import needs_baresip, needs_sipp
from tests.telephony.trunk_calls import PERSON, answering, exchange, rung

from offhook.contracts.dial import Dialled
from offhook.orchestrator.outgoing import by_trunk, dialling, ops

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip, pytest.mark.timeout(120)]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as found:
        yield found


async def test_a_call_goes_out_over_the_number_s_trunk_and_begins_with_who_is_calling(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    async with exchange(database_url, owner_url, tmp_path) as desk:
        async with answering(desk.folder, "answers.xml", desk.peer) as done:
            made = await desk.place(about="Your boiler part has come.")
            async with anyio.create_task_group() as group:
                for _ in range(5):  # by as many workers
                    group.start_soon(desk.dial, made)
            shown = await desk.until(made, "done")
        assert (done[0].good, done[0].bad) == (1, 0), done[0].out[-2_000:]
        assert {to: len(calls) for to, calls in rung(done).items()} == {PERSON: 1}
        assert (shown["attempts"], shown["reason"], shown["trunk_id"]) == (1, "", desk.trunk)
        record = await desk.house.call(shown["call_id"])
        assert (record["call"]["transport"], record["call"]["caller"], record["call"]["did"]) == ("sip", PERSON, "+442079460000")
        said = record["turns"][0]["text"]
        assert said.startswith("Hello, this is the automated assistant of Harbour Plumbing.")
        assert "Your boiler part has come." in said
        assert (await desk.house.get("/call-limits")).json()["calls"] == 0  # it counts no more
        await desk.idle()
        assert await desk.dial(made) == "done"
        assert desk.line.gate.counters["out.invite"] == 1


async def test_busy_nobody_there_and_a_call_that_somebody_stops(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, owner_url, tmp_path) as desk:
        async with answering(desk.folder, "busy.xml", desk.peer):
            made = await desk.place()
            await desk.dial(made)
            waits = await desk.until(made, "waiting")
        assert (waits["attempts"], waits["reason"]) == (1, "busy")
        assert await desk.dial(made) == "waiting"  # not yet
        assert (await desk.house.ask("POST", f"/outgoing-calls/{made}/cancel")).json()["state"] == "cancelled"

        async with answering(desk.folder, "silent.xml", desk.peer) as done:
            made = await desk.place()
            await desk.dial(made)
            await desk.until(made, "ringing")
            assert (await desk.house.get("/call-limits")).json()["calls"] == 1
            stopped = await desk.house.ask("POST", f"/outgoing-calls/{made}/cancel")
            assert stopped.status_code == 200, stopped.text
            await desk.dial(made)
            assert (await desk.until(made, "cancelled"))["reason"] == "by_hand"
        assert (done[0].good, done[0].bad) == (1, 0), done[0].out[-2_000:]  # it was sent a CANCEL
        assert (await desk.house.get("/call-limits")).json()["calls"] == 0

        assert (await desk.house.ask("PATCH", f"/trunks/{desk.trunk}", {"host": ""}, If_Match="*")).status_code == 200
        made = await desk.place()
        await desk.dial(made)
        assert (await desk.show(made))["reason"] == "no_trunk"


async def test_who_may_not_be_rung_is_not_over_a_trunk_either(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, owner_url, tmp_path) as desk:
        waits = await desk.place()
        await desk.changed("/call-limits", at_once=1)
        assert (await desk.house.ask("POST", "/do-not-call", {"phone": PERSON, "why": "asked us"})).status_code == 201
        assert await desk.dial(waits) == "refused"
        made = await desk.place("+447700900778")
        await desk.house.ask("POST", "/call-limits/suspend")
        assert await desk.dial(made) == "refused"
        assert (await desk.show(made))["reason"] == "suspended"
        assert desk.line.gate.counters["out.invite"] == 0


async def test_an_engine_that_was_started_anew_is_not_asked_for_what_an_earlier_one_was(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    async with exchange(database_url, owner_url, tmp_path) as desk:
        columns = "tenant_id, trunk_id, engine, state, calls, at, boot"  # the same place, and the least busy: it is asked first
        earlier = "select tenant_id, trunk_id, engine || '/', state, -1, at, 'earlier' from trunk_state"
        await desk.house.look(f"insert into trunk_state ({columns}) {earlier}")
        made = await desk.place()
        assert await desk.dial(made) == "failed"
        assert (await desk.show(made))["reason"] == "unknown"
        assert desk.line.gate.counters["out.invite"] == 0


async def test_a_call_waits_for_an_engine_that_has_its_trunk_and_not_for_ever(house: House) -> None:
    made = await house.ask("POST", "/trunks", {"auth": "address", "sources": ["8.8.4.4"], "host": "8.8.4.4"})
    await house.ask("POST", "/call-consents", {"phone": PERSON, "how": "ticked on the web form"})
    house.now[0] = house.now[0].replace(hour=10)
    body = {"to": PERSON, "agent_id": "front-desk", "trunk_id": made.json()["id"]}
    call = (await house.ask("POST", "/outgoing-calls", body)).json()["id"]
    for after, state in ((timedelta(0), "waiting"), (timedelta(minutes=1), "waiting"), (timedelta(hours=1), "failed")):
        house.now[0] += after
        assert await ops.dial(house.services, "harbour", call) == state
        shown = (await house.get(f"/outgoing-calls/{call}")).json()
        assert (shown["reason"], shown["attempts"]) == ("no_engine", 0)
    nowhere = await house.ask("POST", "/outgoing-calls", {**body, "trunk_id": "trk_nothing"})
    assert nowhere.status_code == 404


async def test_a_call_that_an_earlier_version_asked_for_is_asked_for_by_the_key_that_it_gave(
    database_url: str, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exchange(database_url, owner_url, tmp_path) as desk, answering(desk.folder, "silent.xml", desk.peer) as done:
        with monkeypatch.context() as earlier:
            earlier.setattr(dialling, "key_of", lambda id, attempt: f"{id}-{attempt}")  # noqa: A006 - a call's
            made = await desk.place()
            await desk.dial(made)
            await desk.until(made, "ringing")
        # Its worker died before it wrote down that it rings; the next is of this version.
        await desk.house.look("update outgoing_call set state = 'dialling', next_at = :now", now=desk.house.now[0])
        assert await desk.dial(made) == "ringing"
        assert desk.line.gate.counters["out.invite"] == 1
        assert (await desk.house.ask("POST", f"/outgoing-calls/{made}/cancel")).status_code == 200
        await desk.dial(made)
        assert (await desk.until(made, "cancelled"))["reason"] == "by_hand"
        assert (await desk.house.get("/call-limits")).json()["calls"] == 0
    assert {to: len(calls) for to, calls in rung(done).items()} == {PERSON: 1}


async def test_a_call_that_was_stopped_is_not_rung_again_though_they_were_busy_first(house: House) -> None:
    made = await house.ask("POST", "/trunks", {"auth": "address", "sources": ["8.8.4.4"], "host": "8.8.4.4"})
    await house.ask("POST", "/call-consents", {"phone": PERSON, "how": "ticked on the web form"})
    body = {"to": PERSON, "agent_id": "front-desk", "trunk_id": made.json()["id"]}
    call = (await house.ask("POST", "/outgoing-calls", body)).json()["id"]
    await house.look("update outgoing_call set state = 'ringing', attempts = 1, boot = 'b', carrier_call = :key", key=f"{call}.1")
    stopped = await house.ask("POST", f"/outgoing-calls/{call}/cancel")
    assert stopped.json()["state"] == "ringing"  # its engine is to be asked
    busy = Dialled(key=f"{call}.1", ref=f"harbour/{call}/1", state="failed", why="busy", status=486)
    assert await by_trunk.told(house.services, busy)
    shown = (await house.get(f"/outgoing-calls/{call}")).json()
    assert (shown["state"], shown["reason"]) == ("cancelled", "by_hand")
