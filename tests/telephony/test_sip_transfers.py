"""Callers on a tenant's trunk who are put through to people: the real engine and orchestrator, and telephones that hear each other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from pydantic import SecretStr
from tests.e2e.business import DID, SECRET, House, open_house
from tests.telephony.figures import figure
from tests.telephony.sipline import Phone, Scripted, needs_baresip, phone, trunk
from tests.telephony.softphones import Softphone, strength

from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.core.turn import events as ev
from offhook.engine.call import Call
from offhook.testing.fakes import FakeStt, SttScript

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, needs_baresip]
SAM, KIM = "+442079460101", "+442079460102"
TARGETS: dict[str, Any] = {"office": {"number": SAM, "people": [{"name": "Kim", "number": KIM}], "ring_s": 20}}
AGENT = "/agents/front-desk"


class Plans:
    """Asks the orchestrator, and leaves out what these calls do not need."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def plan(self, request: PlanRequest) -> CallPlan:
        answer = await self._house.post("/v1/plans", json.loads(request.model_dump_json()))
        assert answer.status_code == 200, answer.text
        plan = CallPlan.model_validate(answer.json())
        models = plan.models.model_copy(update={"stt": ("local",), "tts": ("local",), "llm": (), "endpoint": None})
        return plan.model_copy(update={"models": models, "record": False, "record_after": ()})


@dataclass
class Exchange:
    """A business whose number comes by a trunk, its caller, and two people with telephones."""

    house: House
    line: Phone
    caller: Softphone
    sam: Softphone
    kim: Softphone

    @property
    def call(self) -> Call:
        return next(iter(self.line.engine.calls.values()))

    async def put_through(self) -> None:
        """The caller has heard the greeting, and is to be put through to the office."""
        self.caller.ring(self.line.port, DID)
        with anyio.fail_after(30):
            await self.caller.up.wait()
        await self.caller.quiet()
        self.call.driver.feed(ev.Command(self.call.clock.now(), "transfer", "office"))

    async def rung(self, person: Softphone) -> None:
        with anyio.fail_after(30):
            await person.rang.wait()

    async def told(self, person: Softphone) -> None:
        """They lift the receiver and hear who rings to its end."""
        person.lifts.set()
        with anyio.fail_after(30):
            await person.up.wait()
        await person.quiet()

    async def talk(self, person: Softphone) -> None:
        """Each of the two hears the other's tone."""
        self.caller.speaks = person.speaks = True
        await person.hears(self.caller.hertz)
        await self.caller.hears(person.hertz)

    async def until(self, sql: str, value: object) -> None:
        """Until the orchestrator's database says so."""
        with anyio.fail_after(30):
            while (found := [row[0] for row in await self.house.look(sql)]) != [value]:
                await anyio.sleep(0.05)
        assert found

    async def events(self) -> list[dict[str, Any]]:
        """What the call's page has of its transfer, once the call is over."""
        [[call]] = await self.house.look("select id from call")
        with anyio.fail_after(30):
            while (detail := await self.house.call(call))["call"]["state"] != "ended":
                await anyio.sleep(0.05)
        found: list[dict[str, Any]] = detail["transfers"]
        return found


class Yes(Scripted):
    """Whoever says something says yes."""

    async def stt(self, name: str) -> FakeStt:
        return FakeStt(script=SttScript(says="yes please", final_delay=0.02))


async def on_a_trunk(house: House, host: str, transfers: str = "bridge") -> str:
    """The business's number comes by a trunk, and its callers can be put through; the trunk's id."""
    body = {"auth": "address", "sources": ["127.0.0.1"], "host": host, "codecs": ["PCMU"], "transfers": transfers}
    made = await house.ask("POST", "/trunks", body)
    assert made.status_code == 201, made.text
    number = (await house.get("/numbers")).json()["data"][0]["id"]
    moved = await house.ask("PATCH", f"/numbers/{number}", {"trunk_id": made.json()["id"]}, If_Match="*")
    assert moved.status_code == 200, moved.text
    draft = await house.ask("PATCH", f"{AGENT}/draft", {"transfer": TARGETS}, If_Match="*")
    assert draft.status_code == 200, draft.text
    live = await house.ask("POST", f"{AGENT}/publish", {}, If_Match=draft.headers["etag"])
    assert live.status_code in {200, 201}, live.text
    trunk_id: str = made.json()["id"]
    return trunk_id


@asynccontextmanager
async def exchange(
    database_url: str,
    folder: Path,
    *,
    transfers: str = "bridge",
    takes_refer: bool = True,
    **people: str,
) -> AsyncIterator[Exchange]:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(database_url, trunk_networks=("127.0.0.0/8",)))
        caller = await stack.enter_async_context(Softphone.on(500, takes_refer=takes_refer))
        sam = await stack.enter_async_context(Softphone.on(900, status=people.get("sam", "")))
        kim = await stack.enter_async_context(Softphone.on(1_300, trunk=sam, number=KIM, status=people.get("kim", "")))
        host = f"127.0.0.1:{sam.port}"
        made = await on_a_trunk(house, host, transfers)
        ours = trunk(id=made, ref=f"harbour/{made}", host=host, dids=(DID,), codecs=("PCMU",))

        async def onward(request: httpx.Request) -> httpx.Response:
            return await house.post(request.url.path, json.loads(request.content))

        http = await stack.enter_async_context(httpx.AsyncClient(transport=httpx.MockTransport(onward)))
        line = await stack.enter_async_context(phone(folder, ours, secret=SecretStr(SECRET), lineup=Yes))
        outbox = line.engine.parts.outbox
        assert outbox is not None
        outbox._http = http
        line.engine.plans = Plans(house)
        line.engine.parts = replace(line.engine.parts, http=http)
        yield Exchange(house, line, caller, sam, kim)
        await line.idle()


async def test_a_person_takes_the_call_by_a_key_and_the_two_talk_through_us(database_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, tmp_path) as at:
        await at.put_through()
        await at.rung(at.sam)
        assert DID in at.sam.asserted
        await at.told(at.sam)
        assert strength(at.caller.newest(), at.sam.hertz) < 100
        at.sam.press(1)
        await at.talk(at.sam)
        await at.until("select state from transfer", "done")
        at.sam.speaks = False
        at.caller.press(5)
        at.sam.press(9)
        with anyio.fail_after(20):
            while at.sam.keys != [5] or at.caller.keys != [9]:
                await anyio.sleep(0.05)
        call, mine = at.call, at.call._together
        at.sam.hang_up()
        with anyio.fail_after(20):
            await at.caller.over.wait()
        await at.line.idle()
        events = await at.events()
        await at.until("select parted from transfer", True)
        assert [row[0] for row in await at.house.look("select ended_at is not null from toll_call")] == [True]
    assert [(one["type"], one.get("outcome"), one.get("name")) for one in events] == [
        ("transfer.started", None, None),
        ("transfer.attempted", "accepted", "office"),
        ("transfer.ended", "taken", "office"),
    ]
    assert call.reason == "transferred"
    assert mine is not None
    dropped = mine.counts["talk dropped_ms"]
    figure(f"SIP: a caller put through over a trunk, keys passed on both ways, audio dropped between the legs {dropped} ms")


async def test_who_says_no_is_followed_by_who_says_yes_in_words(database_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, tmp_path) as at:
        await at.put_through()
        await at.rung(at.sam)
        await at.told(at.sam)
        at.sam.press(2)
        with anyio.fail_after(30):
            await at.sam.over.wait()
        await at.rung(at.kim)
        await at.told(at.kim)
        at.kim.speaks = True
        await anyio.sleep(0.6)
        at.kim.speaks = False
        await at.until("select state from transfer", "done")
        await at.talk(at.kim)
        at.caller.hang_up()
        with anyio.fail_after(20):
            await at.kim.over.wait()
        await at.line.idle()
        events = await at.events()
    assert [one["outcome"] for one in events if one["type"] == "transfer.attempted"] == ["refused", "accepted"]


async def test_a_voicemail_and_a_busy_line_bring_the_caller_back_to_the_agent(database_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, tmp_path, kim="486 Busy Here") as at:
        await at.put_through()
        await at.rung(at.sam)
        await at.told(at.sam)
        with anyio.fail_after(40):
            await at.sam.over.wait()
        await at.until("select state from transfer", "failed")
        assert not at.caller.over.is_set()
        at.caller.heard.clear()
        await at.caller.quiet()  # the agent has said that nobody could be reached
        assert strength(at.caller.newest(), at.sam.hertz) < 100
        at.caller.hang_up()
        await at.line.idle()
        events = await at.events()
    assert [one["outcome"] for one in events if one["type"] == "transfer.attempted"] == ["unaccepted", "busy"]
    assert events[-1]["outcome"] == "failed"


async def test_a_caller_who_hangs_up_while_it_rings_has_nobody_rung_any_longer(database_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, tmp_path) as at:
        await at.put_through()
        await at.rung(at.sam)
        at.caller.hang_up()
        with anyio.fail_after(20):
            await at.sam.over.wait()
        await at.line.idle()
        assert at.sam.cancelled
        assert (await at.events())[-1]["outcome"] == "hangup"


@pytest.mark.parametrize("takes", [True, False])
async def test_a_trunk_is_asked_to_take_both_and_where_it_declines_they_talk_through_us(
    takes: bool, database_url: str, tmp_path: Path
) -> None:
    async with exchange(database_url, tmp_path, transfers="refer", takes_refer=takes) as at:
        await at.put_through()
        await at.rung(at.sam)
        await at.told(at.sam)
        call = at.call
        at.sam.press(1)
        await at.talk(at.sam)
        with anyio.fail_after(20):
            while not at.caller.referred:
                await anyio.sleep(0.05)
        assert "replaces=" in at.caller.referred.lower()
        assert at.sam._call in at.caller.referred
        if takes:
            at.caller.taken_over(at.sam)
            with anyio.fail_after(20):
                await at.caller.over.wait()
        else:
            await at.caller.hears(at.sam.hertz)
            await at.sam.hears(at.caller.hertz)
            at.caller.hang_up()
            with anyio.fail_after(20):
                await at.sam.over.wait()
        await at.line.idle()
        assert call._together is not None
        assert call._together.taken_over == takes
        assert call.reason == "transferred"


async def test_where_calls_may_not_go_nobody_is_dialled(database_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, tmp_path) as at:
        await at.house.look("update toll_limit set suspended_at = now() where tenant_id = 'harbour'")
        await at.put_through()
        await at.until("select state from transfer", "failed")
        at.caller.hang_up()
        await at.line.idle()
        events = await at.events()
    assert {one["outcome"] for one in events if one["type"] == "transfer.attempted"} == {"not_allowed"}
    assert not at.sam.rang.is_set()
    assert at.line.count("out.invite") == 0
