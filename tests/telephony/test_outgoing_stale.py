"""Calls that wait while what they need, or are about, goes: none rings, none waits for ever, and none keeps others waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import anyio
import anyio.abc
import httpx
import pytest
from tests.e2e.business import DID, House, open_house
from tests.telephony.placing import PERSON, Desk, open_desk
from tests.telephony.ports import free_port

from offhook.contracts.dial import Dialled
from offhook.contracts.trunks import TrunkReport
from offhook.orchestrator.live import engines
from offhook.orchestrator.outgoing import dialling, ops, reminders
from offhook.orchestrator.trunks import ops as trunks
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = pytest.mark.telephony
OTHER = "+447700900778"


@pytest.fixture
async def desk(database_url: str, owner_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url, owner_url) as desk:
        yield desk


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as found:
        yield found


async def let_go(desk: Desk) -> None:
    """The number that calls are placed from is the business's no more."""
    [number] = (await desk.house.get("/numbers")).json()["data"]
    assert (await desk.house.ask("DELETE", f"/numbers/{number['id']}", If_Match="*")).status_code == 204


async def ended(desk: Desk, id: str) -> tuple[str, str]:
    """Somebody looks at a call: how it has ended. Nobody was rung, and nothing counts as going on."""
    await desk.dial(id)
    found = await desk.show(id)
    assert (found["next_at"], desk.rung(), desk.rung(OTHER)) == (None, [], [])
    assert (await desk.house.get("/call-limits")).json()["calls"] == 0
    return found["state"], found["reason"]


async def test_a_call_whose_number_is_gone_has_failed(desk: Desk) -> None:
    await desk.agreed()
    made = await desk.place()
    await let_go(desk)
    assert await ended(desk, made["id"]) == ("failed", "no_number")


async def test_an_attempt_whose_number_goes_before_the_carrier_has_answered_is_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("lost", request=request)

    monkeypatch.setitem(desk.house.services.systems._transports, "carrier/twilio", httpx.MockTransport(lost))
    await desk.agreed()
    made = await desk.place()
    assert await desk.dial(made["id"]) == "dialling"
    await let_go(desk)
    desk.house.now[0] += timedelta(minutes=5)
    assert await ended(desk, made["id"]) == ("failed", "no_account")


async def test_nobody_is_rung_for_a_business_that_is_suspended_or_by_an_agent_that_does_not_answer(desk: Desk) -> None:
    await desk.agreed()
    made, later = await desk.place(), await desk.place()
    await desk.house.look("update tenant set suspended = true where id = 'harbour'")
    await desk.dial(made["id"])
    await desk.house.look("update tenant set suspended = false where id = 'harbour'")
    shown = await desk.show(made["id"])
    assert (shown["state"], shown["reason"], desk.rung()) == ("refused", "business_suspended", [])
    await desk.house.look("update agent set archived_at = created_at where tenant_id = 'harbour'")
    assert await ended(desk, later["id"]) == ("failed", "no_agent")


async def visit(desk: Desk, phone: str, at: int = 0) -> None:
    """Somebody books a visit."""
    await desk.house.plan(call=f"c{at}", caller=phone)
    slot = (await desk.house.slots())[at]
    await desk.house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": phone, "problem": "tap"}, call=f"c{at}")


async def reminded(desk: Desk) -> list[dict[str, Any]]:
    """Reminders are made; all that there are, oldest first."""
    await reminders.remind(desk.house.services, "harbour")
    found: list[dict[str, Any]] = (await desk.house.get("/outgoing-calls")).json()["data"]
    return sorted(found, key=lambda one: (one["created_at"], one["id"]))


@pytest.mark.parametrize(
    "change", ["status = 'cancelled'", "starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour'"]
)
async def test_nobody_is_reminded_of_a_visit_that_was_cancelled_or_moved(desk: Desk, change: str) -> None:
    await desk.put("/outgoing-settings", reminder_hours=72, reminder_agent="front-desk", consent_for=["other"])
    await visit(desk, PERSON)
    [made] = await reminded(desk)
    await desk.house.look(f"update appointment set {change} where tenant_id = 'harbour'")  # noqa: S608 - the test's own
    assert await ended(desk, made["id"]) == ("cancelled", "no_visit")
    again = [one for one in await reminded(desk) if one["id"] != made["id"]]
    assert len(again) == ("starts_at" in change)  # the new time is told, once
    for one in again:
        await desk.dial(one["id"])
        await desk.until(one["id"], "done")


async def test_a_contact_who_cannot_be_rung_keeps_nobody_else_from_their_reminder(desk: Desk) -> None:
    await desk.put("/outgoing-settings", reminder_hours=72, reminder_agent="front-desk", consent_for=["other"])
    await visit(desk, PERSON)
    await visit(desk, OTHER, at=1)
    await desk.house.look("update contact set phone = '+1' where tenant_id = 'harbour' and phone = :phone", phone=PERSON)
    assert [one["to"] for one in await reminded(desk)] == [OTHER]


async def test_who_asked_to_be_called_back_has_agreed_for_nobody_else_and_for_as_long_as_it_is_known(desk: Desk) -> None:
    await desk.house.plan(caller=PERSON)
    await desk.house.tool("save_callback", {"at": "2026-11-23T14:00", "name": "Ann Lee", "phone": PERSON, "note": "about the boiler"})
    lead = (await desk.house.call())["lead"]["id"]
    assert (await desk.place(OTHER, purpose="call-back", lead_id=lead))["reason"] == "no_consent"
    await desk.house.ask("POST", "/contacts", {"phone": OTHER, "name": "Bob Ray"})  # known, but has asked for nothing
    assert (await desk.place(OTHER, purpose="call-back", lead_id=lead))["reason"] == "no_consent"
    made = await desk.place(purpose="call-back", lead_id=lead)
    assert made["consent"] == "asked"
    await desk.house.look("delete from lead where tenant_id = 'harbour'")
    assert await ended(desk, made["id"]) == ("refused", "no_consent")


async def test_a_call_to_a_contact_who_is_forgotten_while_its_engine_is_asked_is_no_fault(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.now[0] = house.now[0].replace(hour=10)
    trunk = (await house.ask("POST", "/trunks", {"auth": "address", "sources": ["8.8.4.4"], "host": "8.8.4.4"})).json()["id"]
    at = f"http://127.0.0.1:{free_port()}"  # nobody is there
    state = {"ref": f"harbour/{trunk}", "state": "ready"}
    await trunks.told(house.services, TrunkReport.model_validate({"engine": at, "boot": "b", "states": [state]}))
    contact = (await house.ask("POST", "/contacts", {"phone": PERSON, "name": "Ann Lee"})).json()["id"]
    await house.ask("POST", "/call-consents", {"phone": PERSON, "how": "ticked on the web form"})
    body = {"to": PERSON, "agent_id": "front-desk", "trunk_id": trunk, "contact_id": contact}
    made = (await house.ask("POST", "/outgoing-calls", body)).json()["id"]
    place = dialling.place

    async def meanwhile(given: Any, one: dialling.Asked) -> Dialled | engines.Lost:
        assert (await house.ask("DELETE", f"/contacts/{contact}", If_Match="*")).status_code == 204
        return await place(given, one)

    monkeypatch.setattr(dialling, "place", meanwhile)
    assert await ops.dial(house.services, "harbour", made) == "gone"


async def test_a_trunk_that_is_dropped_takes_no_other_out_of_an_engine_s_report(house: House) -> None:
    body = {"auth": "address", "sources": ["8.8.4.4"]}
    going, stays = sorted([(await house.ask("POST", "/trunks", body)).json()["id"] for _ in range(2)])
    states = [{"ref": f"harbour/{one}", "state": "ready"} for one in (going, stays)]
    report = TrunkReport.model_validate({"engine": "http://127.0.0.1:1", "boot": "b", "states": states})
    kept: list[int] = []

    async def tell() -> None:
        kept.append((await trunks.told(house.services, report)).kept)

    async with anyio.create_task_group() as group:
        async with house.services.database.tenant("harbour") as scope:
            await trunks.delete(scope, going)
            group.start_soon(tell)
            with anyio.fail_after(60):
                while not await house.look("select 1 from pg_locks where not granted"):
                    await anyio.sleep(0.01)
    assert kept == [1]
    assert [row[0] for row in await house.look("select trunk_id from trunk_state")] == [stays]


async def test_what_one_account_was_asked_for_no_other_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("lost", request=request)  # it may have rung

    await desk.agreed()
    made = await desk.place()
    with monkeypatch.context() as away:
        away.setitem(desk.house.services.systems._transports, "carrier/twilio", httpx.MockTransport(lost))
        assert await desk.dial(made["id"]) == "dialling"
    sid, token = "AC" + "c" * 32, "3" * 32
    carrier = cast("TwilioCarrier", desk.carrier)
    carrier.add_number(carrier.add_account(sid, token), DID, "harbour")
    second = (await desk.house.ask("POST", "/carrier-accounts", {"account_sid": sid, "auth_token": token})).json()["id"]
    [number] = (await desk.house.get("/numbers")).json()["data"]
    changed = await desk.house.ask("PATCH", f"/numbers/{number['id']}", {"carrier_account_id": second}, If_Match="*")
    assert changed.status_code == 200, changed.text
    desk.house.now[0] += timedelta(minutes=2)
    assert await desk.dial(made["id"]) == "dialling"
    desk.house.now[0] += timedelta(minutes=9)
    assert await ended(desk, made["id"]) == ("failed", "unknown")


async def over_a_trunk(house: House, engine: str) -> str:
    """A call that waits to go over a trunk which this engine alone has."""
    house.now[0] = house.now[0].replace(hour=10)
    trunk = (await house.ask("POST", "/trunks", {"auth": "address", "sources": ["8.8.4.4"], "host": "8.8.4.4"})).json()["id"]
    states = [{"ref": f"harbour/{trunk}", "state": "ready"}]
    await trunks.told(house.services, TrunkReport.model_validate({"engine": engine, "boot": "b", "states": states}))
    await house.ask("POST", "/call-consents", {"phone": PERSON, "how": "ticked on the web form"})
    made = await house.ask("POST", "/outgoing-calls", {"to": PERSON, "agent_id": "front-desk", "trunk_id": trunk})
    return str(made.json()["id"])


async def test_a_call_that_no_engine_was_asked_for_yet_can_be_stopped(house: House) -> None:
    made = await over_a_trunk(house, "an engine that nobody can reach")
    assert await ops.dial(house.services, "harbour", made) == "dialling"
    stopped = await house.ask("POST", f"/outgoing-calls/{made}/cancel")
    assert (stopped.status_code, stopped.json()["state"], stopped.json()["reason"]) == (200, "cancelled", "by_hand")
    assert (await house.get("/call-limits")).json()["calls"] == 0
    house.now[0] += timedelta(minutes=5)
    assert await ops.dial(house.services, "harbour", made) == "cancelled"


async def test_a_call_whose_engine_answers_nothing_for_hours_is_over(house: House) -> None:
    async def shut(stream: anyio.abc.SocketStream) -> None:
        await stream.aclose()

    port = free_port()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port) as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, shut)
        made = await over_a_trunk(house, f"http://127.0.0.1:{port}")
        assert await ops.dial(house.services, "harbour", made) == "dialling"
        [(key,)] = await house.look("select carrier_call from outgoing_call")
        rings = {"key": key, "ref": f"harbour/{made}/1", "state": "ringing"}
        assert (await house.post("/v1/dialled", rings)).json() == {"heard": True}
        house.now[0] += timedelta(minutes=2)
        assert await ops.dial(house.services, "harbour", made) == "ringing"
        house.now[0] += timedelta(hours=5)
        assert await ops.dial(house.services, "harbour", made) == "failed"
        group.cancel_scope.cancel()
    shown = (await house.get(f"/outgoing-calls/{made}")).json()
    assert (shown["reason"], shown["next_at"]) == ("unknown", None)
