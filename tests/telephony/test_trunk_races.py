"""What an engine tells of people whom it rings over a trunk, twice, late and wrong: the orchestrator's side of each race."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.business import CALLER, DID, House, open_house
from tests.telephony.test_sip_transfers import KIM, SAM, on_a_trunk

from offhook.contracts.transfer import TransferAnswer
from offhook.orchestrator.transfers import ops

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]


class Desk:
    """An engine that has a caller on a trunk."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.trunk = ""
        self.known = TransferAnswer(id="", state="trying")

    async def begin(self) -> TransferAnswer:
        """The caller is to be put through; the first person is to be rung."""
        self.trunk = await on_a_trunk(self.house, "127.0.0.1:5099")
        over = {"trunk": self.trunk, "trunk_ref": f"harbour/{self.trunk}", "sip_call_id": "x@y"}
        asked = {"call": "c1", "transport": "sip", "did": DID, "caller": CALLER, "carrier_call": "x@y", "parameters": over}
        assert (await self.house.post("/v1/plans", asked)).status_code == 200
        answer = await self.house.post("/v1/transfers", {"call": "c1", "ref": "harbour/front-desk", "target": "office", "key": "k1"})
        self.known = TransferAnswer.model_validate(answer.json())
        return await self.tell()

    async def tell(self, what: str = "", *, place: int = 0, cancel: bool = False, keys: str = "", words: str = "") -> TransferAnswer:
        """Tell something, or ask."""
        told = {"place": place, "what": what, "keys": keys, "words": words} if what else None
        body: dict[str, Any] = {"call": "c1", "ref": "harbour/front-desk", "after": self.known.version, "cancel": cancel, "told": told}
        answer = await self.house.post(f"/v1/transfers/{self.known.id}", body)
        assert answer.status_code == 200, answer.text
        self.known = TransferAnswer.model_validate(answer.json())
        return self.known

    @property
    def outcomes(self) -> list[str]:
        return [one.outcome for one in self.known.tried]

    async def held(self) -> list[bool]:
        """Of each person at the limits on calls: whether they still count."""
        return [row[0] for row in await self.house.look("select ended_at is null from toll_call order by started_at, id")]


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with open_house(database_url, trunk_networks=("127.0.0.0/8",)) as house:
        yield Desk(house)


async def test_what_is_told_twice_or_late_changes_nothing(desk: Desk) -> None:
    ring = (await desk.begin()).ring
    assert ring is not None
    assert (ring.trunk, ring.to, ring.caller_id, ring.place, ring.refer) == (desk.trunk, SAM, DID, 0, False)
    assert "A call for Harbour Plumbing from a caller" in ring.brief
    await desk.tell("said", keys="1")  # nobody has asked them yet
    assert desk.outcomes == ["ringing"]
    await desk.tell("answered")
    await desk.tell("said", words="hello you have reached the office nobody is here just now yes")
    assert desk.outcomes == ["asked"]
    first = await desk.tell("said", keys="1")
    again = await desk.tell("said", keys="1")
    assert (first.state, again.state, again.ring) == ("bridging", "bridging", first.ring)
    await desk.tell("together")
    for what in ("together", "gone", "no_answer", "lost"):
        await desk.tell(what)
    assert (desk.known.state, desk.outcomes, desk.known.ring) == ("done", ["accepted"], None)
    assert await desk.held() == [True]
    await desk.tell("apart")
    await desk.tell("apart")
    assert await desk.held() == [False]


async def test_what_is_told_of_somebody_else_changes_nothing(desk: Desk) -> None:
    await desk.begin()
    await desk.tell("answered", place=1)
    await desk.tell("apart", place=3)
    assert desk.outcomes == ["ringing"]
    await desk.tell("busy")
    assert desk.outcomes == ["busy", "ringing"]
    assert desk.known.ring is not None
    assert desk.known.ring.to == KIM
    await desk.tell("busy")
    assert desk.outcomes == ["busy", "ringing"]
    assert await desk.held() == [False, True]


async def test_a_caller_who_takes_it_back_when_it_was_taken_is_not_brought_there(desk: Desk) -> None:
    await desk.begin()
    await desk.tell("answered")
    await desk.tell("said", words="Yes, please.")
    gone = await desk.tell(cancel=True)
    assert (gone.state, gone.reason, desk.outcomes) == ("failed", "gone", ["failed"])
    assert (await desk.tell("together")).state == "failed"
    assert await desk.held() == [False]


async def test_an_engine_of_which_nothing_is_heard_ends_it_and_one_that_was_only_slow_is_believed(desk: Desk) -> None:
    await desk.begin()
    await desk.tell("answered")
    await desk.tell("said", keys="1")
    desk.house.now[0] += timedelta(seconds=91)
    assert await ops.sweep(desk.house.services) == 1
    late = await desk.tell()
    assert (late.state, late.reason) == ("failed", "late")
    assert (await desk.tell("together")).state == "done"
    assert desk.outcomes == ["accepted"]
