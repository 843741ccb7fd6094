"""Limits on calls out, on a real Postgres: exact at once, counted, audited, and no business touches another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import pytest
from tests.e2e.business import CALLER, House, open_house
from tests.telephony.figures import figure

from offhook.errors import NotDialled
from offhook.orchestrator.tolls import ops
from offhook.orchestrator.tolls.rules import Purpose
from offhook.orchestrator.tolls.schemas import Denied, Leave

pytestmark = pytest.mark.telephony
OPEN: dict[str, object] = {"per_minute": 1_000, "at_once": 1_000, "minutes_per_hour": 60_000, "spend_per_hour": 1_000_000}


@pytest.fixture
async def house(database_url: str, owner_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, owner_url=owner_url) as house:
        yield house


async def _limits(house: House, changes: dict[str, object], tenant: str = "harbour") -> None:
    answer = await house.ask("PUT", "/call-limits", changes, tenant=tenant, If_Match="*")
    assert answer.status_code == 200, answer.text


async def _ask(house: House, key: str, *, to: str = CALLER, tenant: str = "harbour", purpose: Purpose = "transfer") -> Leave | Denied:
    async with house.services.database.tenant(tenant) as scope:
        return await ops.ask(scope, house.services, to, purpose, key)


async def _ask_at_once(house: House, count: int) -> Counter[str]:
    answers: Counter[str] = Counter()

    async def one(at: int) -> None:
        answer = await _ask(house, f"call{at}", to=f"+4420794{at:02d}000")  # each to a place of its own
        answers[answer.why if isinstance(answer, Denied) else "let through"] += 1

    async with anyio.create_task_group() as group:
        for at in range(count):
            group.start_soon(one, at)
    return answers


async def test_of_fifty_at_once_a_cap_of_five_lets_five_through(house: House) -> None:
    await _limits(house, OPEN | {"at_once": 5})
    answers = await _ask_at_once(house, 50)
    assert answers == {"let through": 5, "at_once": 45}
    figure(f"tolls: of 50 calls out asked for at once under a cap of 5, {answers['let through']} were let through")
    [(held,)] = await house.look("select count(*) from toll_call where ended_at is null")
    assert held == 5


async def test_of_fifty_at_once_a_cap_of_seven_in_a_minute_lets_seven_through(house: House) -> None:
    await _limits(house, OPEN | {"per_minute": 7})
    assert await _ask_at_once(house, 50) == {"let through": 7, "per_minute": 43}
    house.now[0] += timedelta(seconds=61)
    assert isinstance(await _ask(house, "later"), Leave)


async def test_a_call_counts_until_it_has_ended_or_its_time_is_up(house: House) -> None:
    await _limits(house, OPEN | {"at_once": 1, "max_minutes": 10})
    assert await _ask(house, "a") == Leave(timedelta(minutes=10))
    assert await _ask(house, "a") == Leave(timedelta(minutes=10))  # the same call again
    assert await _ask(house, "b") == Denied("at_once")
    async with house.services.database.tenant("harbour") as scope:
        await ops.free(scope, house.services, "a")
    assert isinstance(await _ask(house, "b"), Leave)
    house.now[0] += timedelta(minutes=10, seconds=1)  # nobody ever says that b has ended
    assert isinstance(await _ask(house, "c"), Leave)


async def test_minutes_and_money_of_an_hour(house: House) -> None:
    await _limits(house, OPEN | {"minutes_per_hour": 20, "max_minutes": 30})
    assert await _ask(house, "a") == Leave(timedelta(minutes=20))
    house.now[0] += timedelta(minutes=15)
    assert await _ask(house, "b") == Leave(timedelta(minutes=5))
    house.now[0] += timedelta(minutes=5)
    assert await _ask(house, "c") == Denied("minutes_per_hour")  # 20 minutes of a, 5 of b
    house.now[0] += timedelta(minutes=50)
    assert isinstance(await _ask(house, "d"), Leave)
    await _limits(house, OPEN | {"spend_per_hour": 100, "price_abroad": 25, "countries": ["US"], "max_minutes": 30}, "quayside")
    assert await _ask(house, "a", to="+12025550100", tenant="quayside") == Leave(timedelta(minutes=4))
    house.now[0] += timedelta(minutes=5)
    assert await _ask(house, "b", to="+12025550101", tenant="quayside") == Denied("spend_per_hour")
    found = (await house.get("/call-limits", tenant="quayside")).json()
    assert (found["spent"], found["minutes"], found["calls"]) == (100.0, 4.0, 0)


async def test_each_refusal_is_counted_and_audited_even_where_it_undoes_who_asked(house: House) -> None:
    with pytest.raises(NotDialled) as refused:
        async with house.services.database.tenant("harbour") as scope:
            await ops.allowed(scope, house.services, "+12025550100", "transfer", "c1")
    assert refused.value.why == "country"
    async with house.services.database.tenant("harbour") as scope:
        assert not await ops.passable(scope, house.services, "+449098790000", "overflow")

    async def counted() -> bool:
        return len((await house.get("/call-limits")).json()["refused"]) == 2

    await house.work_until(counted)
    told = {(one["purpose"], one["reason"], one["count"]) for one in (await house.get("/call-limits")).json()["refused"]}
    assert told == {("transfer", "country", 1), ("overflow", "premium", 1)}
    log = (await house.get("/audit?action=outgoing.refused")).json()["data"]
    assert {(one["target"], one["details"]["reason"]) for one in log} == {("120255", "country"), ("449098", "premium")}
    assert await house.look("select * from toll_call") == []


async def test_far_more_calls_than_usual_to_one_range_suspend_calls_out(house: House) -> None:
    await _limits(house, OPEN)
    await house.ask("POST", "/webhooks", {"url": "https://hooks.example.com/x"})
    for at in range(10):
        assert isinstance(await _ask(house, f"one{at}", to=f"+44207946{at:04d}"), Leave)
    assert await _ask(house, "next", to="+442079460999") == Denied("suspended")
    assert await _ask(house, "elsewhere", to="+441134960000") == Denied("suspended")
    assert isinstance(await _ask(house, "other", tenant="quayside"), Leave)  # nobody else is touched
    found = (await house.get("/call-limits")).json()
    assert (found["state"], "+442079" in found["suspended_why"]) == ("suspended", True)
    events = (await house.get("/events")).json()["data"]
    assert [one["type"] for one in events] == ["outgoing.suspended"]
    viewer = await house.role("viewer")
    assert (await house.ask("POST", "/call-limits/resume", authorization=viewer["authorization"])).status_code == 403
    assert (await house.ask("POST", "/call-limits/resume")).json()["state"] == "open"
    actions = [one["action"] for one in (await house.get("/audit")).json()["data"]]
    assert actions.count("outgoing.suspended") == actions.count("outgoing.resumed") == 1
    # What is usual is learnt: the same ten an hour every day are no surprise for ever.
    house.now[0] += timedelta(hours=2)
    assert isinstance(await _ask(house, "again", to="+442079460000"), Leave)
    assert (await house.get("/call-limits")).json()["state"] == "open"


async def test_targets_are_looked_at_when_they_are_saved_and_again_when_they_are_dialled(house: House) -> None:
    number = (await house.get("/numbers")).json()["data"][0]["id"]
    refused = await house.ask("PATCH", f"/numbers/{number}", {"overflow": "+12025550100"}, If_Match="*")
    assert (refused.status_code, [one["path"] for one in refused.json()["errors"]]) == (422, ["overflow"])
    await _limits(house, {"countries": ["US"]})
    assert (await house.ask("PATCH", f"/numbers/{number}", {"overflow": "+12025550100"}, If_Match="*")).status_code == 200
    await _limits(house, {"countries": []})
    async with house.services.database.tenant("harbour") as scope:
        assert not await ops.passable(scope, house.services, "+12025550100", "overflow")
    config = (await house.get("/agents/front-desk/draft")).json()["config"]
    config["transfer"] = {"boss": {"number": "+12025550100"}}
    faults = (await house.ask("POST", "/agents/check", {"config": config})).json()["faults"]
    assert "transfer.boss.number" in [one["path"] for one in faults]
