"""What is counted of tenants for those who look after many: right, again and again, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.e2e.business import ADMIN, House
from tests.e2e.calls import CALLS, NOW, Rang, ring

from offhook.orchestrator.overview import ops
from offhook.orchestrator.overview.schemas import EDGES, Client, under


@pytest.fixture
async def late(house: House) -> House:
    house.now[0] = NOW
    return house


async def roll(house: House, minutes: int = 1) -> int:
    """Count, some time later."""
    house.now[0] += timedelta(minutes=minutes)
    return await ops.roll_up(house.services)


async def harbour(house: House) -> Client:
    async with house.services.database.reseller("direct") as scope:
        return await ops.client(scope, "harbour")


async def test_calls_are_counted_by_the_tenants_own_days(late: House) -> None:
    await ring(late)
    assert await roll(late) == 2
    found = await harbour(late)
    assert found.days == (0, 0, 0, 0, 0, 1, 11)
    assert (found.today, found.booked, found.live) == (11, 3, 0)
    assert found.seconds == sum(one.seconds for one in CALLS)
    [(calls, leads, failed)] = await late.look("select sum(calls), sum(leads), sum(failed) from tenant_hour where tenant_id = 'harbour'")
    assert (calls, leads, failed) == (12, 2, 1)
    # In Kolkata it is half past four in the afternoon: the same calls, and hours that begin at half past.
    await late.look("update tenant set timezone = 'Asia/Kolkata' where id = 'harbour'")
    await roll(late)
    assert sum((await harbour(late)).days) == 12
    [(odd,)] = await late.look("select count(*) from tenant_hour where tenant_id = 'harbour' and extract(minute from hour) <> 30")
    assert odd == 0


async def test_counting_again_changes_nothing_and_catches_up(late: House) -> None:
    await ring(late)
    await roll(late)
    before = await late.look("select * from tenant_hour order by tenant_id, hour")
    await roll(late)
    assert await late.look("select * from tenant_hour order by tenant_id, hour") == before
    await ring(late, [Rang(-5, "+447700900123", "", "tap", "booked", 20)], prefix="later")
    await roll(late, 60 * 30)
    found = await harbour(late)
    assert (sum(found.days), found.booked, found.today) == (13, 4, 0)
    assert await ops.roll_up(late.services) == 0  # nobody twice in half a minute


async def test_a_call_that_ends_hours_later_is_counted_where_it_began(late: House) -> None:
    await late.plan()
    await late.event(1, "call.started", transport="loopback", did="+442079460000", caller="+447700900123")
    await late.look("update call set started_at = :at, planned_at = :at where id = 'c1'", at=NOW - timedelta(hours=5))
    await roll(late)
    assert (await harbour(late)).live == 1
    await roll(late, 60)
    await late.look("update call set state = 'ended', outcome = 'booked', seconds = 18000 where id = 'c1'")
    await roll(late)
    found = await harbour(late)
    assert (found.live, found.booked, found.seconds) == (0, 1, 18_000)


async def test_what_is_wrong_is_found(late: House) -> None:
    await ring(late)
    await roll(late)
    assert [one.code for one in (await harbour(late)).problems] == ["broken"]
    await late.look("update number set enabled = false where tenant_id = 'harbour'")
    await late.look(
        "insert into refused_call (tenant_id, day, number_id, reason, count, last_at)"
        " select 'harbour', :day, id, reason, 4, :now from number, unnest(array['disabled', 'tenant_full']) as reason"
        " where tenant_id = 'harbour'",
        day=NOW.date(),
        now=NOW,
    )
    made = await late.ask("POST", "/webhooks", {"url": "https://hooks.example.com/harbour"})
    await late.look("update webhook_queue set failing_since = :at where endpoint_id = :id", at=NOW, id=made.json()["id"])
    await roll(late)
    found = {one.code: one for one in (await harbour(late)).problems}
    assert set(found) == {"broken", "turned_away", "full", "webhook_failing"}
    assert (found["turned_away"].count, found["turned_away"].name) == (4, "+442079460000")
    await late.look("update number set enabled = true where tenant_id = 'harbour'")
    await late.look("update agent set live = null where tenant_id = 'harbour'")
    await late.look(
        "update webhook_endpoint set enabled = false, disabled_reason = 'gone', disabled_at = now() where id = :id", id=made.json()["id"]
    )
    await roll(late)
    assert {"unpublished", "webhook_off"} <= {one.code for one in (await harbour(late)).problems}


async def test_slow_replies_are_told_from_few_slow_ones(late: House) -> None:
    await ring(late, [replace(CALLS[0], slowest=2_500.0, seconds=300)])
    await roll(late)
    found = await harbour(late)
    assert [one.code for one in found.problems] == ["slow"]
    assert found.nine_in_ten == 2_000  # 0.8 of the slowest, but for one
    assert found.problems[0].count == 2_000


def test_how_long_a_share_of_the_replies_took() -> None:
    boxes = [0] * (len(EDGES) + 1)
    boxes[EDGES.index(500)] = 90
    boxes[EDGES.index(1_000)] = 10
    assert (under(boxes, 0.5), under(boxes, 0.9), under(boxes, 0.91)) == (500, 500, 1_000)
    assert under([*boxes[:-1], 1_000], 0.9) == EDGES[-1]
    assert (under([], 0.9), under([0] * 5, 0.9)) == (None, None)


async def test_a_reseller_sees_its_own_alone(late: House) -> None:
    await ring(late)
    other = await late.http.post("/v1/resellers", json={"name": "Other"}, headers=ADMIN)
    theirs = other.json()["id"]
    await late.look("update tenant set reseller_id = :id where id = 'quayside'", id=theirs)
    await roll(late)
    for reseller, mine in (("direct", ["harbour"]), (theirs, ["quayside"])):
        async with late.services.database.reseller(reseller) as scope:
            assert [one.id for one, _ in await ops.page(scope, "name", "", None, 10)] == mine
            assert (await ops.totals(scope, late.now[0])).clients == 1
    async with late.services.database.reseller(theirs) as scope:
        total = await ops.totals(scope, late.now[0])
        assert (total.calls, sum(total.hours), total.replies) == (0, 0, ())
    async with late.services.database.reseller("direct") as scope:
        total = await ops.totals(scope, late.now[0])
        assert (total.calls, total.booked, total.failed, sum(total.hours)) == (11, 3, 1, 11)
        assert under(total.replies, 0.5) is not None
    async with late.services.database.tenant("quayside") as own:
        assert await ops.count(own, late.now[0])
