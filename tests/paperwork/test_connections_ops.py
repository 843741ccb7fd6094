"""Connections by key: connected, opened, tested, chosen for, switched off and connected again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.business import House
from tests.paperwork.tradebook import ACCOUNTS, KEY, OTHER_KEY, PRIVATE_KEY, Tradebook

from offhook.errors import AdapterUnauthorized, AdapterUnavailable, Conflict, Invalid, NotFound, Unreachable
from offhook.orchestrator.connections import ops
from offhook.orchestrator.connections.opening import opened, secret
from offhook.orchestrator.connections.schemas import Connection

pytestmark = pytest.mark.paperwork
ADAPTER = "crm/tradebook"


async def connect(house: House, tenant: str = "harbour", id: str | None = None, **fields: str) -> Connection:
    """By key."""
    proven = await ops.prove(house.services, tenant, ADAPTER, {"key": KEY, **fields})
    async with house.services.database.tenant(tenant) as scope:
        made, _ = await ops.keep_proven(scope, house.services, proven, id=id)
    return made


async def shown(house: House, id: str, tenant: str = "harbour") -> Connection:
    async with house.services.database.tenant(tenant) as scope:
        return await ops.show(scope, id)


async def test_a_connection_is_made_once_its_system_has_said_whose_account_it_is(shop: House, tradebook: Tradebook) -> None:
    made = await connect(shop, branch="north", signing="whsec_hidden")
    assert (made.state, made.account, made.title, made.kind, made.auth) == ("active", "Harbour at Tradebook", "Tradebook", "crm", "key")
    assert made.settings == {"branch": "north"}
    assert made.id.startswith("con_")
    async with opened(shop.services, "harbour", made.id) as found:
        customer = await found.adapter.find_customer(phone="+447700900123")
        assert customer is not None
        assert customer.id == "c1"
        assert found.adapter.link.settings == {"branch": "north", "signing": "whsec_hidden"}  # type: ignore[attr-defined]
        assert found.adapter.link.timezone == "Europe/London"  # type: ignore[attr-defined]
    assert tradebook.log[-1].headers["x-api-key"] == KEY
    assert await secret(shop.services, "harbour", made.id, "signing") == "whsec_hidden"
    async with shop.services.database.tenant("harbour") as scope:
        assert [one.id for one in await ops.active(scope, kind="crm", capability="create_lead")] == [made.id]
        assert await ops.active(scope, kind="calendar") == []
        assert await ops.active(scope, capability="create_job") == []
    async with shop.services.database.tenant("quayside") as scope:
        assert await ops.every(scope) == []
    with pytest.raises(NotFound):
        async with opened(shop.services, "quayside", made.id):
            pass
    async with shop.services.database.platform() as platform:
        assert await ops.working(platform) == [("harbour", made.id, ADAPTER)]


async def test_a_form_that_is_wrong_says_where(shop: House) -> None:
    wrong: list[tuple[dict[str, str], str]] = [
        ({"key": ""}, "fields.key"),
        ({"key": "nokey"}, "fields.key"),
        ({"key": "tb_unknown99"}, "fields.key"),
        ({"branch": "NORTH"}, "fields.branch"),
        ({"what": "x"}, "fields.what"),
    ]
    for fields, path in wrong:
        with pytest.raises(Invalid) as caught:
            await connect(shop, **fields)
        assert [one.path for one in caught.value.faults] == [path]
    assert await shop.look("select 1 from connection") == []


async def test_a_system_that_is_down_is_not_connected(shop: House, tradebook: Tradebook) -> None:
    tradebook.faults.down = True
    with pytest.raises(Unreachable):
        await connect(shop)
    assert await shop.look("select 1 from connection") == []


async def test_an_account_is_connected_once_and_comes_back_with_what_was_chosen(shop: House) -> None:
    made = await connect(shop)
    with pytest.raises(Conflict):
        await connect(shop)
    offered = await ops.choices(shop.services, "harbour", made.id)
    async with shop.services.database.tenant("harbour") as scope:
        await ops.choose(scope, shop.services, made, {"pipeline": ["p2"]}, offered)
        await ops.map_fields(scope, shop.services, made, {"boiler": "facts.boiler_make"})
        assert await ops.disconnect(scope, shop.services, made) is None
    assert await shop.look("select 1 from connection_secret") == []
    with pytest.raises(AdapterUnauthorized):
        async with opened(shop.services, "harbour", made.id):
            pass
    again = await connect(shop, key=PRIVATE_KEY)
    assert (again.id, again.state) == (made.id, "active")
    assert (again.chosen, again.mapping) == ({"pipeline": ["p2"]}, {"boiler": "facts.boiler_make"})
    other = await connect(shop, key=OTHER_KEY)
    assert other.id != made.id
    with pytest.raises(Conflict):
        await connect(shop, id=made.id, key=OTHER_KEY)
    with pytest.raises(NotFound):
        await connect(shop, id="con_nobodys")


async def test_a_key_that_was_taken_back_expires_the_connection_and_says_so_once(shop: House, tradebook: Tradebook) -> None:
    await shop.look("insert into person (id, email, name, created_at) values ('usr_h', 'owner@harbour.example', 'Owner', now())")
    await shop.look(
        "insert into membership (id, person_id, level, tenant_id, role, created_by, created_at)"
        " values ('mbr_h', 'usr_h', 'tenant', 'harbour', 'tenant_owner', 'test', now())"
    )
    made = await connect(shop)
    tradebook.faults.planned = ["500", "500", "500"]
    with pytest.raises(AdapterUnavailable):
        await _find(shop, made.id)
    ill = await shown(shop, made.id)
    assert ill.state == "active"
    assert ill.failed_at == shop.now[0]
    assert ill.problem
    await _find(shop, made.id)
    assert (await shown(shop, made.id)).problem == ""
    with pytest.raises(AdapterUnauthorized):
        await _find(shop, made.id, "forbidden")
    assert (await shown(shop, made.id)).state == "active"
    proven = await ops.prove(shop.services, "harbour", ADAPTER, {"key": KEY})
    from tests.paperwork import tradebook as theirs

    kept = theirs.ACCOUNTS.pop(KEY)
    try:
        for _ in range(3):
            with pytest.raises(AdapterUnauthorized):
                await _find(shop, made.id)
    finally:
        ACCOUNTS[KEY] = kept
    ended = await shown(shop, made.id)
    assert (ended.state, ended.problem) == ("expired", "Its authorisation has ended: connect it again.")
    events = await shop.look("select data from webhook_event where type = 'connection.expired'")
    assert [row[0] for row in events] == [{"connection_id": made.id, "provider": "tradebook"}]
    mails = await shop.look("select recipient, secret_text from mail")
    assert [row[0] for row in mails] == ["owner@harbour.example"]
    assert "Harbour at Tradebook" in mails[0][1]
    async with shop.services.database.tenant("harbour") as scope:
        again, new = await ops.keep_proven(scope, shop.services, proven, id=made.id)
    assert (again.id, again.state, new) == (made.id, "active", False)
    await _find(shop, made.id)


async def test_what_no_system_has_said_ends_nothing(shop: House) -> None:
    """A webhook that somebody else has signed, read while the connection is open."""
    made = await connect(shop)
    with pytest.raises(AdapterUnauthorized):
        async with opened(shop.services, "harbour", made.id):
            raise AdapterUnauthorized(ADAPTER, "the message is not signed by the system")
    assert (await shown(shop, made.id)).state == "active"
    assert await shop.look("select 1 from webhook_event") == []


async def test_what_was_said_is_kept_hashed_and_sealed_without_the_key(shop: House) -> None:
    made = await connect(shop, key=PRIVATE_KEY)
    async with opened(shop.services, "harbour", made.id, call="c1") as found:
        await found.adapter.find_customer(phone="+447700900123")
    [row] = await shop.look("select id, call_id, method, path, status, sent_sha256, got_sha256, raw from connection_exchange")
    assert (row.call_id, row.method, row.path, row.status) == ("c1", "GET", "/v1/customers", 200)
    assert len(row.got_sha256) == len(row.sent_sha256) == 64
    async with shop.services.database.tenant("harbour") as scope:
        raw = await shop.services.vault.open(scope, f"connection/{made.id}/exchange/{row.id}", row.raw)
        [one] = await ops.exchanges(scope, made.id, 10, None)
    assert b"Dana" in raw
    assert PRIVATE_KEY.encode() not in raw
    assert one.path == "/v1/customers"
    dumped: list[Any] = []
    for table in ("connection", "connection_secret", "connection_exchange", "connection_token"):
        dumped += [row[0] for row in await shop.look(f"select t::text from {table} t")]  # noqa: S608
    assert dumped
    assert not [row for row in dumped if PRIVATE_KEY in row or PRIVATE_KEY.encode().hex() in row]


async def test_only_what_was_offered_can_be_chosen(shop: House) -> None:
    made = await connect(shop)
    await shop.look("update tenant set diary = jsonb_set(diary, '{staff}', '[\"tom\"]') where id = 'harbour'")
    offered = await ops.choices(shop.services, "harbour", made.id)
    wrong: list[tuple[dict[str, list[str]], str]] = [
        ({}, "chosen.pipeline"),
        ({"pipeline": ["p9"]}, "chosen.pipeline"),
        ({"pipeline": ["p1", "p2"]}, "chosen.pipeline"),
        ({"pipeline": ["p1"], "staff/nobody": ["s1"]}, "chosen.staff/nobody"),
        ({"pipeline": ["p1"], "queue": ["s1"]}, "chosen.queue"),
    ]
    async with shop.services.database.tenant("harbour") as scope:
        for chosen, path in wrong:
            with pytest.raises(Invalid) as caught:
                await ops.choose(scope, shop.services, made, chosen, offered)
            assert [one.path for one in caught.value.faults] == [path]
        chosen = {"pipeline": ["p1"], "staff/tom": ["s1"]}
        assert (await ops.choose(scope, shop.services, made, chosen, offered)).chosen == chosen


async def _find(house: House, id: str, phone: str = "+447700900123") -> None:
    async with opened(house.services, "harbour", id) as found:
        await found.adapter.find_customer(phone=phone)
