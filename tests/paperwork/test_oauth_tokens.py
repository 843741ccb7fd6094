"""Tokens: renewed by one of many, kept when an answer is lost, ended when the system says so, revoked at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from tests.e2e.business import House
from tests.e2e.people import open_street
from tests.paperwork.consenting import Scene
from tests.paperwork.figures import figure
from tests.paperwork.tradebook import Tradebook

from offhook.adapters.modules import found as adapters
from offhook.errors import AdapterUnauthorized, AdapterUnavailable
from offhook.orchestrator.connections import jobs, ops
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.connections.tokens import renewed
from offhook.orchestrator.jobs import build
from offhook.orchestrator.services import Services
from offhook.orchestrator.systems import Systems

pytestmark = [pytest.mark.paperwork, pytest.mark.timeout(120)]
USERS, PROCESSES = 50, 5


@pytest.fixture
async def scene(shop: House, tradebook: Tradebook) -> AsyncIterator[Scene]:
    async with open_street(shop) as street:
        yield await Scene.set(street, tradebook)


async def use(given: Services, id: str, **how: Any) -> None:
    async with opened(given, "harbour", id, **how) as found:
        await found.adapter.find_customer(phone="+447700900123")


async def state(scene: Scene) -> tuple[str, str]:
    [row] = await scene.street.house.look("select state, problem from connection")
    return row.state, row.problem


async def generation(scene: Scene) -> int:
    [(number,)] = await scene.street.house.look("select generation from connection_token")
    return int(number)


@pytest.mark.parametrize("why", ["their time is over", "the system has ended them"])
async def test_fifty_users_in_five_processes_renew_once(scene: Scene, tradebook: Tradebook, why: str) -> None:
    """Each with a pool of its own, as processes have; the refresh token is good once, so that a second renewal would end the connection."""
    house = scene.street.house
    id = await scene.connected()  # noqa: A001 - of the connection
    if why == "their time is over":
        house.now[0] += timedelta(hours=2)
    tradebook.forget_access()
    transports: dict[str, httpx.AsyncBaseTransport] = {"crm/tradebook": tradebook.transport()}
    url = house.settings.sqlalchemy_url() or ""
    settings = house.settings.model_copy(update={"pool_size": 3})
    others = [build(settings, url, lambda: house.now[0], Systems(settings, transports)) for _ in range(PROCESSES)]
    try:
        async with anyio.create_task_group() as group:
            for number in range(USERS):
                group.start_soon(use, others[number % PROCESSES], id)
    finally:
        for one in others:
            await one.database.close()
    assert tradebook.counted["refresh_token"] == 1
    assert tradebook.counted["customers"] == USERS
    assert await generation(scene) == 2
    assert await state(scene) == ("active", "")
    figure(f"oauth: {USERS} users of one connection in {PROCESSES} processes, when {why}: 1 renewal")


async def test_tokens_are_renewed_before_their_end_and_for_a_caller_later(scene: Scene, tradebook: Tradebook) -> None:
    id = await scene.connected()  # noqa: A001
    scene.street.house.now[0] += timedelta(minutes=57)
    given = scene.street.house.services
    await use(given, id, priority="live")
    assert tradebook.counted["refresh_token"] == 0
    await use(given, id)
    assert tradebook.counted["refresh_token"] == 1
    await use(given, id)
    assert tradebook.counted["refresh_token"] == 1


@pytest.mark.parametrize("rotates", [True, False])
async def test_a_lost_answer_is_asked_for_again(scene: Scene, tradebook: Tradebook, *, rotates: bool) -> None:
    """A system that takes the old token once more renews it; one that does not has ended it, and the owners are told."""
    tradebook.rotates = rotates
    id = await scene.connected()  # noqa: A001
    given = scene.street.house.services
    tradebook.forget_access()
    tradebook.faults.planned = [None, "lost"]  # the request that is refused, then the renewal
    if rotates:
        with pytest.raises(AdapterUnauthorized):
            await use(given, id)
        assert await state(scene) == ("expired", "Its authorisation has ended: connect it again.")
    else:
        await use(given, id)
        assert await state(scene) == ("active", "")
    assert tradebook.counted["refresh_token"] == 2


async def test_a_system_that_is_down_ends_nothing(scene: Scene, tradebook: Tradebook) -> None:
    id = await scene.connected()  # noqa: A001
    given = scene.street.house.services
    scene.street.house.now[0] += timedelta(hours=2)
    tradebook.forget_access()
    tradebook.faults.down = True
    with pytest.raises(AdapterUnavailable):
        await use(given, id)
    tradebook.faults.down = False
    for error in ("invalid_client", "temporarily_unavailable"):
        tradebook.refuse = error
        with pytest.raises(AdapterUnavailable):
            await use(given, id)
    assert (await state(scene))[0] == "active"
    assert (await state(scene))[1] != ""
    tradebook.refuse = ""
    await use(given, id)
    assert await state(scene) == ("active", "")


async def test_an_authorisation_that_was_taken_back_says_so_once_and_comes_back_whole(scene: Scene, tradebook: Tradebook) -> None:
    house = scene.street.house
    id = await scene.connected()  # noqa: A001
    given = house.services
    offered = await ops.choices(given, "harbour", id)
    async with given.database.tenant("harbour") as scope:
        made = await ops.choose(scope, given, await ops.show(scope, id), {"pipeline": ["p2"]}, offered)
        await ops.map_fields(scope, given, made, {"boiler": "facts.boiler"})
    await scene.street.letters()
    tradebook.forget_all()
    refused: list[str] = []

    async def one() -> None:
        try:
            await use(given, id)
        except AdapterUnauthorized as error:
            refused.append(error.public)

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(one)
    assert len(refused) == 6
    assert tradebook.counted["refresh_token"] == 1
    events = await house.look("select data from webhook_event where type = 'connection.expired'")
    assert [row[0] for row in events] == [{"connection_id": id, "provider": "tradebook"}]
    letters = await scene.street.letters()
    assert sorted(one.to for one in letters) == ["ann@harbour.example", "bob@harbour.example"]
    assert {one.subject for one in letters} == {"Tradebook must be connected again"}
    assert f"https://portal.example/t/harbour/connections/{id}" in letters[0].text
    again = await scene.connected(connection=id)
    assert again == id
    async with given.database.tenant("harbour") as scope:
        back = await ops.show(scope, id)
    assert (back.state, back.problem, back.chosen, back.mapping) == ("active", "", {"pipeline": ["p2"]}, {"boiler": "facts.boiler"})
    await use(given, id)


async def test_switched_off_the_tokens_are_revoked_and_gone(scene: Scene, tradebook: Tradebook) -> None:
    id = await scene.connected()  # noqa: A001
    path = f"/v1/tenants/harbour/connections/{id}"
    tag = (await scene.ann.ask("GET", path)).headers["etag"]
    assert (await scene.ann.ask("POST", f"{path}/disconnect")).status_code == 428
    assert (await scene.ann.ask("POST", f"{path}/disconnect", if_match='"r99"')).status_code == 412
    held = [*tradebook.access, *tradebook.refresh]
    answer = await scene.ann.ask("POST", f"{path}/disconnect", if_match=tag)
    assert answer.status_code == 200, answer.text
    assert answer.json()["revoked"] is True
    assert answer.json()["connection"]["state"] == "off"
    assert sorted(tradebook.revoked) == sorted(held)
    assert tradebook.refresh == {}
    for table in ("connection_token", "connection_secret"):
        assert await scene.street.house.look(f"select 1 from {table}") == []  # noqa: S608
    assert await scene.connected() == id
    assert (await scene.street.actions())[-3:] == ["connection.created", "connection.disconnected", "connection.reconnected"]


async def test_a_system_that_is_down_keeps_nobody_connected(scene: Scene, tradebook: Tradebook) -> None:
    id = await scene.connected()  # noqa: A001
    tradebook.faults.down = True
    answer = await scene.ann.ask("POST", f"/v1/tenants/harbour/connections/{id}/disconnect", if_match="*")
    assert (answer.status_code, answer.json()["revoked"]) == (200, False)
    assert await scene.street.house.look("select 1 from connection_token") == []


async def test_unused_tokens_are_renewed_daily_and_owners_warned_once(scene: Scene, tradebook: Tradebook) -> None:
    house = scene.street.house
    await scene.connected()
    assert await jobs.renew(house.services) == 0
    house.now[0] += timedelta(days=4)
    assert await jobs.renew(house.services) == 1
    assert await jobs.renew(house.services) == 0
    house.now[0] += timedelta(days=4)
    await scene.street.letters()
    tradebook.faults.down = True
    for _ in range(3):
        assert await jobs.renew(house.services) == 0
        house.now[0] += timedelta(days=1)
    letters = await scene.street.letters()
    assert [one.subject for one in letters] == ["Tradebook may have to be connected again"] * 2
    tradebook.faults.down = False
    assert await jobs.renew(house.services) == 1
    assert await state(scene) == ("active", "")


async def test_a_renewal_is_not_cut_short(scene: Scene, tradebook: Tradebook) -> None:
    """Who asked has hung up: the new tokens are kept all the same, else the connection would be lost."""
    id = await scene.connected()  # noqa: A001
    given = scene.street.house.services
    manifest = adapters()["crm/tradebook"].manifest
    with anyio.CancelScope() as hung_up:
        async with anyio.create_task_group() as group:
            group.start_soon(renewed, given, "harbour", id, manifest, 1)
            while not tradebook.counted["refresh_token"]:
                await anyio.lowlevel.checkpoint()
            hung_up.cancel()
    assert await generation(scene) == 2
    await use(given, id)
    assert tradebook.counted["refresh_token"] == 1


async def test_no_token_or_secret_is_in_any_log_or_row(scene: Scene, tradebook: Tradebook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    id = await scene.connected()  # noqa: A001
    given = scene.street.house.services
    await use(given, id)
    tradebook.forget_access()
    await use(given, id)
    words = {*tradebook.access, *tradebook.refresh, "tradebook client secret"}
    words |= {one.headers["authorization"].removeprefix("Bearer ") for one in tradebook.log if "authorization" in one.headers}
    assert len(words) >= 4
    house = scene.street.house
    tables = [
        row[0] for row in await house.look("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
    ]
    for table in tables:
        for (row,) in await house.look(f'select t::text from "{table}" t'):  # noqa: S608
            for word in words:
                assert word not in row, table
                assert word.encode().hex() not in row, table
    for word in words:
        assert word not in caplog.text
    figure(f"secrets: {len(words)} tokens and secrets looked for in {len(tables)} tables and the log, 0 found")
