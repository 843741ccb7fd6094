"""Copies of business systems: read page by page, kept by number, used while the line rings; and webhooks that say when to read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from tests.e2e.business import CALLER, DID, MONDAY, House, open_house
from tests.paperwork.figures import figure

from offhook.adapters.model import Account, Customer
from offhook.adapters.modules import found
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.connections.tokens import Granted
from offhook.orchestrator.sync import context, copying, hearing, index, jobs, ops
from offhook.testing.business.servicem8 import ServiceM8
from offhook.testing.business.xero import XeroSimulator

pytestmark = pytest.mark.paperwork
ADAPTER = "crm/servicem8"
CAP_S = context.CAP_S


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is waited for, however busy the machine is; how long a caller waits for it has a test of its own."""
    monkeypatch.setattr(context, "CAP_S", 60.0)


@pytest.fixture
def mill() -> ServiceM8:
    found = ServiceM8()
    found.clock = lambda: MONDAY
    return found


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path, mill: ServiceM8) -> AsyncIterator[House]:
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports={ADAPTER: mill.transport()}) as found:
        yield found


async def connect(house: House, tenant: str = "harbour") -> Connection:
    proven = await connections.prove(house.services, tenant, ADAPTER, {"key": ServiceM8.KEY})
    async with house.services.database.tenant(tenant) as scope:
        made, _ = await connections.keep_proven(scope, house.services, proven)
    await jobs.connected(house.services, tenant, made.id)
    return made


async def read(house: House, connection: Connection, tenant: str = "harbour") -> int:
    return await copying.run(house.services, tenant, connection.id)


async def known(house: House, connection: Connection, phone: str = CALLER, tenant: str = "harbour") -> str | None:
    async with house.services.database.tenant(tenant) as scope:
        return await index.lookup(scope, connection.id, phone)


async def given_of(house: House, caller: str = CALLER, call: str = "c1") -> dict[str, Any]:
    answer = await house.plan(call, caller=caller)
    found: dict[str, Any] = answer["given"]
    return found


async def test_17_a_caller_known_in_the_crm_is_greeted_with_what_is_known_there(house: House, mill: ServiceM8) -> None:
    ann = mill.add_customer(Customer(name="Ann Lee", phones=("07700 900123",), email="ann@example.com"))
    job = mill.add_job(ann, "Boiler service")
    visit = mill.add_visit(ServiceM8.STAFF[0], MONDAY + timedelta(days=1, hours=3), MONDAY + timedelta(days=1, hours=4))
    mill.rows["jobactivity"][visit]["job_uuid"] = job
    made = await connect(house)
    asked = len(mill.log)
    assert await given_of(house) == {**await given_of(house, "+447700900999", "c0"), "caller_number": CALLER}  # nothing is read yet
    assert len(mill.log) == asked, "a plan asks no system"
    await read(house, made)
    assert await known(house, made) == ann
    found = await given_of(house, call="c2")
    assert found["caller_name"] == "Ann Lee"
    assert found["caller_known"] is True
    assert found["open_job"] == "Boiler service"
    assert found["next_visit"] == "tomorrow at ten"
    assert "balance" not in found


async def test_a_job_moved_in_the_crm_shows_in_the_next_call_and_on_the_contacts_page(house: House, mill: ServiceM8) -> None:
    ann = mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    job = mill.add_job(ann, "Boiler service")
    visit = mill.add_visit(ServiceM8.STAFF[0], MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, hours=1))
    mill.rows["jobactivity"][visit]["job_uuid"] = job
    made = await connect(house)
    await read(house, made)
    house.now[0] += timedelta(minutes=6)
    mill.clock = lambda: house.now[0]
    mill.move_visit(visit, MONDAY + timedelta(days=2, hours=4), MONDAY + timedelta(days=2, hours=5))
    mill.edit_customer(ann, "Ann Haddad")
    assert await read(house, made) > 0
    found = await given_of(house)
    assert (found["caller_name"], found["next_visit"]) == ("Ann Haddad", "Wednesday at eleven")
    async with house.services.database.tenant("harbour") as scope:
        (view,) = await ops.of_phone(scope, [CALLER], house.now[0])
    assert (view.customer.name, [one.title for one in view.jobs]) == ("Ann Haddad", ["Boiler service"])
    assert [one.starts_at for one in view.visits] == [MONDAY + timedelta(days=2, hours=4)]


async def test_a_number_of_two_customers_is_nobodys(house: House, mill: ServiceM8) -> None:
    mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    mill.add_customer(Customer(name="Lee Letting", phones=(CALLER,)))
    made = await connect(house)
    await read(house, made)
    assert await known(house, made) is None
    assert "caller_name" not in await given_of(house)


async def test_somebody_archived_or_gone_is_forgotten_and_a_whole_reading_drops_what_it_does_not_bring(
    house: House, mill: ServiceM8
) -> None:
    ann = mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    bob = mill.add_customer(Customer(name="Bob Ray", phones=("+447700900124",)))
    made = await connect(house)
    await read(house, made)
    mill.remove("customer", ann)
    house.now[0] += timedelta(minutes=10)
    await read(house, made)
    assert await known(house, made) is None
    assert await known(house, made, "+447700900124") == bob
    del mill.rows["company"][bob]  # no trace of it in changes: only a whole reading can tell
    mill.rows["companycontact"] = {}
    await house.look("update sync set cursor = ''")
    house.now[0] += timedelta(minutes=10)
    await read(house, made)
    assert await known(house, made, "+447700900124") is None
    assert await house.look("select 1 from outside_phone") == []


async def test_a_reading_that_fails_goes_on_where_it_was_and_waits_longer_each_time(house: House, mill: ServiceM8) -> None:
    mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    made = await connect(house)
    mill.faults.down = True
    waits = []
    for _ in range(4):
        await read(house, made)
        (row,) = await house.look("select due_at, leased_until, runner from sync")
        assert (row.leased_until, row.runner) == (None, None)
        waits.append((row.due_at - house.now[0]).total_seconds())
        house.now[0] = row.due_at
    assert waits == [300, 600, 1_200, 2_400]
    mill.faults.down = False
    await read(house, made)
    assert await known(house, made) is not None


async def test_a_worker_that_dies_leaves_the_reading_to_the_next(house: House, mill: ServiceM8) -> None:
    mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    made = await connect(house)
    await house.look("update sync set runner = 'dead', leased_until = :until", until=house.now[0] + copying.LEASE)
    assert await read(house, made) == 0
    house.now[0] += copying.LEASE + timedelta(seconds=1)
    assert await jobs.wake(house.services) == 1
    assert await read(house, made) > 0
    assert await jobs.wake(house.services) == 0


async def test_two_workers_do_not_read_one_system_at_once(house: House, mill: ServiceM8) -> None:
    for number in range(30):
        mill.add_customer(Customer(name=f"Customer {number}", phones=(f"+4477009001{number:02d}",)))
    made = await connect(house)
    counts: list[int] = []

    async def one() -> None:
        counts.append(await read(house, made))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(one)
    assert sorted(counts)[:3] == [0, 0, 0]
    assert len(await house.look("select 1 from outside_phone")) == 30


async def test_what_is_known_never_keeps_a_caller_waiting(house: House, mill: ServiceM8, monkeypatch: pytest.MonkeyPatch) -> None:
    mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    made = await connect(house)
    await read(house, made)
    # Somebody holds the copies so that no reader gets past: the database itself gives up, and the call goes on without.
    engine = create_async_engine(house.owner_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("lock table outside_phone in access exclusive mode")
        with monkeypatch.context() as patch:
            patch.setattr(context, "CAP_S", CAP_S)
            found = await given_of(house)
    assert found["caller_number"] == CALLER
    assert "caller_name" not in found
    assert (await given_of(house, call="c2"))["caller_name"] == "Ann Lee"


async def test_an_agent_says_only_what_it_may(house: House, mill: ServiceM8) -> None:
    ann = mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    mill.add_job(ann, "Boiler service")
    made = await connect(house)
    await read(house, made)
    await house.look("update outside_customer set balance = 120.5, currency = 'GBP', asked_at = :now", now=house.now[0])
    agent = await _agent(house)
    shown = {}
    for greet, visits, balance in ((True, True, True), (False, False, False), (False, True, False)):
        callers = agent.config.callers.model_copy(update={"greet": greet, "visits": visits, "balance": balance})
        config = agent.config.model_copy(update={"callers": callers})
        found = await context.of_caller(house.services, agent.model_copy(update={"config": config}), CALLER)
        shown[greet, visits, balance] = sorted(set(found) - {"caller_number", "caller_known"})
    assert shown == {
        (True, True, True): ["balance", "caller_name", "open_job"],
        (False, False, False): [],
        (False, True, False): ["open_job"],
    }


async def test_what_a_caller_owes_is_asked_for_when_they_ring_and_told_while_it_is_fresh(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    xero = XeroSimulator()
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports={"crm/xero": xero.transport()}) as house:
        xero.clock = lambda: house.now[0]
        ann = xero.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
        xero.add_invoice(ann, "120.50", "GBP")
        given, proven = house.services, connections.Proven(found()["crm/xero"], "oauth", {}, Account("org", "Mill Plumbing"))
        async with given.database.tenant("harbour") as scope:
            made, _ = await connections.keep_proven(scope, given, proven, granted=Granted("access", "refresh", None, ""))
        await jobs.connected(given, "harbour", made.id)
        await read(house, made)
        config = await _agent(house)
        told = config.config.model_copy(update={"callers": config.config.callers.model_copy(update={"balance": True})})
        agent = config.model_copy(update={"config": told})
        assert "balance" not in await context.of_caller(given, agent, CALLER)  # nobody has asked yet
        await house.plan("c1", caller=CALLER)
        await house.event(1, "call.started", transport="twilio", did=DID, caller=CALLER)

        async def asked() -> bool:
            return (await house.look("select asked_at from outside_customer"))[0][0] is not None

        await house.work_until(asked)
        assert (await context.of_caller(given, agent, CALLER))["balance"] == "120.50 GBP"
        house.now[0] += timedelta(hours=21)
        xero.add_invoice(ann, "10", "GBP")
        await jobs.ask_all(given)

        async def again() -> bool:
            return bool((await house.look("select asked_at from outside_customer"))[0][0] == house.now[0])

        await house.work_until(again)
        assert (await context.of_caller(given, agent, CALLER))["balance"] == "130.50 GBP"
        house.now[0] += timedelta(hours=37)
        assert "balance" not in await context.of_caller(given, agent, CALLER)


async def _agent(house: House) -> Any:
    from offhook.orchestrator.agents import ops as agents

    async with house.services.database.tenant("harbour") as scope:
        return await agents.live(scope, "front-desk")


# -- webhooks in ------------------------------------------------------------------------------------------------------------------


async def hook(house: House, path: str, body: bytes = b"{}", **headers: str) -> Any:
    return await house.http.post(path, content=body, headers={"content-type": "application/json", **headers})


async def test_a_systems_webhook_has_it_read_at_once(house: House, mill: ServiceM8) -> None:
    made = await connect(house)
    await read(house, made)
    path = hearing.address(house.services, "harbour", made.id).removeprefix(house.settings.connect)
    mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    incoming = mill.incoming(hearing.token(house.services, "harbour", made.id))
    answer = await hook(house, path, incoming.body, **incoming.headers)
    assert answer.status_code == 200
    (row,) = await house.look("select due_at from sync")
    assert row.due_at == house.now[0]

    async def done() -> bool:
        return await known(house, made) is not None

    await house.work_until(done)


async def test_a_system_is_asked_to_tell_of_changes_at_an_address_of_the_connections_own(house: House, mill: ServiceM8) -> None:
    made = await connect(house)
    await hearing.watch(house.services, "harbour", made.id)
    address = hearing.address(house.services, "harbour", made.id)
    assert set(mill.subscriptions.values()) == {address}
    await hearing.watch(house.services, "harbour", made.id)
    assert set(mill.subscriptions.values()) == {address}


@pytest.mark.parametrize("change", ["token", "tenant", "connection", "nobody"])
async def test_an_address_that_is_not_ours_is_not_found(house: House, change: str) -> None:
    made = await connect(house)
    token = hearing.token(house.services, "harbour", made.id)
    tenant, connection = "harbour", made.id
    if change == "token":
        token = token[:-1] + ("0" if token[-1] != "0" else "1")
    elif change == "tenant":
        tenant = "quayside"
    elif change == "connection":
        connection = "con_other"
    else:
        connection, token = "con_other", hearing.token(house.services, "harbour", "con_other")
    answer = await hook(house, f"/hooks/in/{tenant}/{connection}/{token}")
    assert answer.status_code == 404
    assert answer.content == b""


async def test_a_message_that_is_too_long_is_refused_and_a_flood_is_held_back(
    database_url: str, owner_url: str, tmp_path: Path, mill: ServiceM8
) -> None:
    at = {ADAPTER: mill.transport()}
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports=at, requests_per_minute=20) as house:
        made = await connect(house)
        path = hearing.address(house.services, "harbour", made.id).removeprefix(house.settings.connect)
        assert (await hook(house, path, b"x" * 1_000_001)).status_code == 422
        statuses = [(await hook(house, path, b"junk")).status_code for _ in range(12)]
    assert statuses[-1] == 429
    assert not {one for one in statuses if one >= 500}


async def test_a_connection_that_is_cut_leaves_no_copy(house: House, mill: ServiceM8) -> None:
    mill.add_customer(Customer(name="Ann Lee", phones=(CALLER,)))
    made = await connect(house)
    await read(house, made)
    await jobs.disconnected(house.services, "harbour", made.id)
    for table in ("sync", "sync_heard", "outside_customer", "outside_phone", "outside_job", "outside_visit"):
        assert await house.look(f"select 1 from {table}") == [], table  # noqa: S608 - names of our own
    assert "caller_name" not in await given_of(house)


async def test_ten_thousand_customers_are_found_by_number_through_an_index(house: House, mill: ServiceM8) -> None:
    for number in range(10_000):
        mill.add_customer(Customer(name=f"Customer {number}", phones=(f"+44770{number:07d}",)))
    made = await connect(house)
    with anyio.fail_after(150):
        count = await read(house, made)
    (row,) = await house.look("select count(*) as n from outside_phone")
    assert row.n == 10_000
    await house.look("analyze outside_phone")
    plan = await house.look(
        "explain select customer_id from outside_phone where tenant_id = 'harbour' and phone = '+447700001234' and connection_id = :one",
        one=made.id,
    )
    assert any("Index" in row[0] for row in plan), plan
    figure(f"sync: {count:,} changes of 10,000 customers read; a number is found through an index")
