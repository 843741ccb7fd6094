"""Places: never more calls at once than the tenant and the number may have, whatever comes at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from xml.etree import ElementTree as Xml

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text
from tests.e2e.business import CALLER, DID, MONDAY, OTHER_DID, House, open_house
from twilio.request_validator import RequestValidator

from offhook.orchestrator.db import Database
from offhook.orchestrator.numbers import ops
from offhook.orchestrator.numbers.placement import Placements, Placing

PUBLIC, TOKEN = "https://voice.example.com", "0123456789abcdef0123456789abcdef"
VOICE = "/carriers/twilio/voice"
NUMBER = f"num_{DID[1:]}"


@pytest.fixture
async def carrier(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, public_url=PUBLIC, twilio_auth_token=TOKEN, end_grace_s=0.0) as house:
        yield house


async def _ring(house: House, call: str, path: str = VOICE, to: str = DID) -> Xml.Element:
    form = {"CallSid": call, "To": to, "From": CALLER, "AccountSid": "AC1"}
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, form)
    answer = await house.http.post(path, data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 200, answer.text
    return Xml.fromstring(answer.text)  # noqa: S314 - our own answer


def _token(twiml: Xml.Element) -> str:
    return str(twiml[0][0][0].get("value"))


async def _cap(house: House, calls: int, tenant: str = "harbour") -> None:
    await house.look("update tenant set max_calls = :calls where id = :tenant", calls=calls, tenant=tenant)


async def _used(house: House, tenant: str = "harbour") -> int:
    used: int = (await house.get("/lines", tenant=tenant)).json()["calls"]
    return used


async def test_fifty_calls_at_once_and_five_places(carrier: House) -> None:
    await _cap(carrier, 5)
    answers: list[str] = []

    async def ring(call: int) -> None:
        answers.append((await _ring(carrier, f"CA{call}"))[0].tag)

    async with anyio.create_task_group() as group:
        for call in range(50):
            group.start_soon(ring, call)
    assert Counter(answers) == {"Connect": 5, "Reject": 45}
    lines = (await carrier.get("/lines")).json()
    assert (lines["calls"], lines["max_calls"]) == (5, 5)
    assert lines["numbers"][0]["refused"] == {"tenant_full": 45}
    assert (await _ring(carrier, "CA-other", to=OTHER_DID))[0].tag == "Connect"  # another tenant's places are its own


async def test_fifty_plans_at_once_and_five_places(house: House) -> None:
    await _cap(house, 5)
    statuses: Counter[int] = Counter()
    lines: set[str] = set()

    async def ask(call: int) -> None:
        answer = await house.post("/v1/plans", {"call": f"c{call}", "transport": "browser"})
        statuses[answer.status_code] += 1
        if answer.status_code != 200:
            assert answer.json()["reason"] == "limit"
            lines.add(answer.json()["line"])

    async with anyio.create_task_group() as group:
        for call in range(50):
            group.start_soon(ask, call)
    assert statuses == {200: 5, 404: 45}
    assert all("busy" in line for line in lines)
    assert await house.look("select id from call where id like 'c%' limit 6") != []
    assert len(await house.look("select id from call")) == 5  # a call without a place leaves no record


async def test_a_repeated_webhook_takes_no_second_place(carrier: House) -> None:
    await _cap(carrier, 1)
    first, again = await _ring(carrier, "CA1"), await _ring(carrier, "CA1")
    assert (first[0].tag, again[0].tag) == ("Connect", "Connect")
    assert await _used(carrier) == 1
    plan = {"transport": "twilio", "carrier_call": "CA1"}
    await carrier.plan("c1", token=_token(again), **plan)
    await carrier.plan("c1", token=_token(again), **plan)
    assert await _used(carrier) == 1
    second = await carrier.post("/v1/plans", {"call": "c2", "token": _token(first), "did": DID, **plan})
    assert second.json()["reason"] == "bad_token"  # one call of the carrier is one call of ours
    assert (await _ring(carrier, "CA2"))[0].get("reason") == "busy"


async def test_a_place_is_freed_by_the_end_or_in_time(carrier: House) -> None:
    await _cap(carrier, 1)
    await _ring(carrier, "CA1")
    assert (await _ring(carrier, "CA2"))[0].tag == "Reject"
    carrier.now[0] += timedelta(seconds=66)  # the media never came
    twiml = await _ring(carrier, "CA3")
    assert twiml[0].tag == "Connect"
    await carrier.plan("c3", transport="twilio", carrier_call="CA3", token=_token(twiml))
    carrier.now[0] += timedelta(minutes=31)  # the longest call and then some: nobody said that it ended
    assert (await _ring(carrier, "CA4"))[0].tag == "Reject"
    carrier.now[0] += timedelta(minutes=2)
    assert (await _ring(carrier, "CA4"))[0].tag == "Connect"
    await _ring(carrier, "CA4", "/carriers/twilio/after")  # its media has ended
    assert await _used(carrier) == 0
    await carrier.plan("c5")
    assert await _used(carrier) == 1
    async with carrier.services.database.tenant("harbour") as scope:
        assert await Placements(scope).free(call="c5")
    assert await _used(carrier) == 0


async def test_a_call_that_began_without_us_counts_once(carrier: House) -> None:
    await _cap(carrier, 1)
    until = MONDAY + timedelta(minutes=5)
    async with carrier.services.database.tenant("harbour") as scope:
        for _ in range(2):
            await ops.seat(scope, DID, "c1", MONDAY, until)
        await ops.seat(scope, DID, "c2", MONDAY, until)  # over the cap, but it goes on all the same
    assert (await carrier.get("/lines")).json()["numbers"][0]["calls"] == 2
    assert (await _ring(carrier, "CA1"))[0].tag == "Reject"
    async with carrier.services.database.tenant("harbour") as scope:
        assert [await ops.release(scope, call) for call in ("c1", "c2", "c2")] == [True, True, False]
    assert (await _ring(carrier, "CA1"))[0].tag == "Connect"


async def test_callers_go_where_the_number_or_the_tenant_says(carrier: House) -> None:
    await _cap(carrier, 0)
    await _cap(carrier, 0, "quayside")
    assert [(verb.tag, verb.get("reason")) for verb in await _ring(carrier, "CA1")] == [("Reject", "busy")]
    (dial,) = await _ring(carrier, "CA2", to=OTHER_DID)
    assert (dial.tag, dial.text) == ("Dial", "+441134960001")  # the tenant's fallback
    number = (await carrier.get("/numbers", tenant="quayside")).json()["data"][0]["id"]
    change = {"overflow": "sip:desk@example.com"}
    refused = await carrier.ask("PATCH", f"/numbers/{number}", change, tenant="quayside", If_Match="*")
    assert [one["path"] for one in refused.json()["errors"]] == ["overflow"]  # a host that nobody has named
    limits = {"hosts": ["example.com"]}
    assert (await carrier.ask("PUT", "/call-limits", limits, tenant="quayside", If_Match="*")).status_code == 200
    assert (await carrier.ask("PATCH", f"/numbers/{number}", change, tenant="quayside", If_Match="*")).status_code == 200
    (dial,) = await _ring(carrier, "CA3", to=OTHER_DID)
    assert (dial[0].tag, dial[0].text) == ("Sip", "sip:desk@example.com")
    # A number that rings here would send the call round in circles: nobody is sent there, whoever's it is.
    assert (await carrier.ask("PATCH", f"/numbers/{number}", {"overflow": DID}, tenant="quayside", If_Match="*")).status_code == 200
    (dial,) = await _ring(carrier, "CA4", to=OTHER_DID)
    assert dial.text == "+441134960001"


async def test_a_number_may_have_a_cap_of_its_own(carrier: House) -> None:
    assert (await carrier.ask("PATCH", f"/numbers/{NUMBER}", {"max_calls": 1}, If_Match="*")).status_code == 200
    second = {"did": "+442079460111", "agent_id": "front-desk"}
    assert (await carrier.ask("POST", "/numbers", second)).status_code == 201
    assert [(await _ring(carrier, f"CA{one}"))[0].tag for one in range(2)] == ["Connect", "Reject"]
    assert (await _ring(carrier, "CA9", to="+442079460111"))[0].tag == "Connect"
    uses = {one["did"]: one for one in (await carrier.get("/lines")).json()["numbers"]}
    assert (uses[DID]["calls"], uses[DID]["max_calls"], uses[DID]["refused"]) == (1, 1, {"number_full": 1})


@dataclass
class Model:
    """What the places ought to be: by call, until when."""

    cap: int
    now: int = 0
    held: dict[str, tuple[str, int]] = field(default_factory=dict)

    def take(self, call: str, number: str, seconds: int, own: int | None) -> Placing:
        self.held = {one: (where, until) for one, (where, until) in self.held.items() if until > self.now}
        if call in self.held:
            where, until = self.held[call]
            self.held[call] = (where, max(until, self.now + seconds))
            return "placed"
        if len(self.held) >= self.cap:
            return "tenant_full"
        if own is not None and sum(where == number for where, _ in self.held.values()) >= own:
            return "number_full"
        self.held[call] = (number, self.now + seconds)
        return "placed"


_step = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 7), st.sampled_from(["a", "b"]), st.integers(1, 50)),
    st.tuples(st.just("free"), st.integers(0, 7), st.just(""), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 40), st.just(""), st.just(0)),
)


class _Undo(Exception):
    """Ends a history without a trace."""


async def _play(url: str, steps: list[tuple[str, int, str, int]], cap: int, own: int | None) -> None:
    database = Database(url, pool_size=1)
    model = Model(cap)
    try:
        async with database.tenant("harbour") as scope:
            await scope.session.execute(text("update tenant set max_calls = :cap where id = 'harbour'"), {"cap": cap})
            number = "insert into number (tenant_id, id, did, agent_id, max_calls) values ('harbour', :id, :id, 'front-desk', :own)"
            for name in ("a", "b"):
                await scope.session.execute(text(number), {"id": name, "own": own if name == "b" else None})
            places = Placements(scope)
            for what, which, name, seconds in steps:
                now = MONDAY + timedelta(seconds=model.now)
                if what == "take":
                    until = now + timedelta(seconds=seconds)
                    # Odd calls come from a carrier and get our id only when their media is here.
                    ids = {"carrier_call": f"CA{which}"} if which % 2 else {"call": f"c{which}"}
                    took = await places.take(name, now, until, **ids)
                    assert took == model.take(str(which), name, seconds, own if name == "b" else None)
                elif what == "free":
                    freed = await places.free(carrier_call=f"CA{which}") if which % 2 else await places.free(call=f"c{which}")
                    assert freed or model.held.get(str(which), ("", 0))[1] <= model.now
                    model.held.pop(str(which), None)
                else:
                    model.now += which
                moment = MONDAY + timedelta(seconds=model.now)
                held = [where for where, until in model.held.values() if until > model.now]
                taken = await places.taken(moment)
                assert taken == dict(Counter(held))
                assert sum(taken.values()) <= cap
                assert own is None or taken.get("b", 0) <= own
            raise _Undo
    finally:
        await database.close()


@pytest.fixture
def planted(database_url: str) -> str:
    async def plant() -> None:
        async with open_house(database_url):
            pass

    anyio.run(plant)
    return database_url


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_step, max_size=30), cap=st.integers(0, 4), own=st.one_of(st.none(), st.integers(1, 2)))
def test_any_history_of_places(planted: str, steps: list[tuple[str, int, str, int]], cap: int, own: int | None) -> None:
    with pytest.raises(_Undo):
        anyio.run(_play, planted, steps, cap, own)


async def _held(house: House, calls: list[str]) -> bool:
    return [row.carrier_call for row in await house.look("select carrier_call from placement")] == calls


async def test_places_are_swept_for_all_tenants(carrier: House) -> None:
    await _ring(carrier, "CA1")
    await _ring(carrier, "CA2", to=OTHER_DID)
    carrier.now[0] += timedelta(hours=2)
    await _ring(carrier, "CA3")
    await carrier.services.queue.configure_task("sweep_placements").defer_async(timestamp=0)
    await carrier.work_until(lambda: _held(carrier, ["CA3"]))
    assert await _held(carrier, ["CA3"])
    assert [row.carrier_call for row in await carrier.look("select carrier_call from media_token")] == ["CA3"]


async def test_a_plan_costs_few_queries(carrier: House) -> None:
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "set_config" not in statement:  # taking the role of a transaction, of which there are three
            asked.append(statement)

    await carrier.plan("warm")
    token = _token(await _ring(carrier, "CA1"))
    event.listen(Engine, "before_cursor_execute", count)
    try:
        await carrier.plan("c1", transport="twilio", carrier_call="CA1", token=token)
        by_token = len(asked)
        asked.clear()
        await carrier.plan("c2")
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert (by_token, len(asked)) == (8, 7), "\n\n".join(asked)
