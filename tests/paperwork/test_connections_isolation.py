"""One tenant's connections are of no use to another, even to one who can write into the database: secrets open where they belong only."""

from __future__ import annotations

import pytest
from psycopg import connect as direct
from psycopg import errors
from tests.e2e.business import House
from tests.paperwork.figures import figure
from tests.paperwork.tradebook import KEY, OTHER_KEY

from offhook.errors import AdapterUnauthorized, ConfigError
from offhook.orchestrator.connections import lent, ops
from offhook.orchestrator.connections.clients import client_of
from offhook.orchestrator.connections.opening import opened, secret
from offhook.orchestrator.connections.schemas import Connection, OwnClient
from offhook.orchestrator.connections.tokens import Granted
from offhook.orchestrator.db import libpq
from offhook.orchestrator.vault.seal import Unsealable

pytestmark = pytest.mark.paperwork
ADAPTER = "crm/tradebook"
TABLES = ("connection", "connection_secret", "connection_token", "connection_exchange", "oauth_flow")


async def connect(house: House, tenant: str, key: str, signing: str, granted: Granted | None = None) -> Connection:
    proven = await ops.prove(house.services, tenant, ADAPTER, {"key": key, "signing": signing})
    async with house.services.database.tenant(tenant) as scope:
        made, _ = await ops.keep_proven(scope, house.services, proven, granted=granted)
    return made


async def use(house: House, tenant: str, id: str) -> None:
    async with opened(house.services, tenant, id) as found:
        await found.adapter.find_customer(phone="+447700900123")


async def test_sealed_rows_that_were_moved_or_copied_open_nowhere(shop: House) -> None:
    """To another tenant, connection or field; between the two tokens; and back again they open as before."""
    ours = await connect(shop, "harbour", KEY, "whsec_of_harbour", Granted("access-of-harbour", "refresh-of-harbour", 3600, ""))
    also = await connect(shop, "harbour", OTHER_KEY, "whsec_of_harbours_other")
    theirs = await connect(shop, "quayside", OTHER_KEY, "whsec_of_quayside", Granted("access-of-quayside", "refresh-of-quayside", 3600, ""))
    vault = shop.services.vault
    sealed = {(row.tenant_id, row.connection_id, row.field): row.sealed for row in await shop.look("select * from connection_secret")}
    tokens = {row.tenant_id: row for row in await shop.look("select * from connection_token")}
    for row in tokens.values():
        sealed |= {(row.tenant_id, row.connection_id, f"token/{name}"): getattr(row, f"{name}_token") for name in ("access", "refresh")}
    places = {name: f"connection/{name[1]}/{name[2] if '/' in name[2] else f'field/{name[2]}'}" for name in sealed}
    assert len(sealed) == 10
    opened_, refused = 0, 0
    for tenant in ("harbour", "quayside"):
        async with shop.services.database.tenant(tenant) as scope:
            for name, value in sealed.items():
                for other, place in places.items():
                    if name == other and name[0] == tenant:
                        assert await vault.open(scope, place, value)
                        opened_ += 1
                        continue
                    with pytest.raises(Unsealable):
                        await vault.open(scope, place, value)
                    refused += 1
    assert opened_ == 10
    figure(f"isolation: {refused} sealed secrets of connections tried at another tenant, connection or field: 0 opened")

    move = "update connection_secret s set sealed = (select sealed from connection_secret o where o.tenant_id = :tenant and"
    move += " o.connection_id = :source and o.field = :field) where s.connection_id = :target and s.field = 'key'"
    for source, tenant, field in ((theirs.id, "quayside", "key"), (also.id, "harbour", "key"), (ours.id, "harbour", "signing")):
        await shop.look(move, tenant=tenant, source=source, field=field, target=ours.id)
        with pytest.raises(AdapterUnauthorized):
            await use(shop, "harbour", ours.id)
    await shop.look("delete from connection_secret where connection_id = :id and field = 'key'", id=ours.id)
    row = {"id": ours.id, "sealed": sealed["harbour", ours.id, "key"]}
    await shop.look("insert into connection_secret values ('harbour', :id, 'key', :sealed, now())", **row)
    await use(shop, "harbour", ours.id)
    assert await secret(shop.services, "harbour", ours.id, "signing") == "whsec_of_harbour"

    await shop.look("update connection set auth = 'oauth' where id in (:a, :b)", a=ours.id, b=theirs.id)
    for column in ("access_token", "refresh_token"):
        theirs_ = f"(select {column} from connection_token where tenant_id = :of)"  # noqa: S608
        swap = f"update connection_token set access_token = {theirs_} where tenant_id = 'harbour'"  # noqa: S608
        for of in ("quayside", "harbour"):
            if (column, of) == ("access_token", "harbour"):
                continue
            await shop.look(swap, of=of)
            with pytest.raises(AdapterUnauthorized):
                await use(shop, "harbour", ours.id)


async def test_rows_of_another_tenant_are_not_there(shop: House) -> None:
    """By the database itself: whatever the application's role asks for, in another tenant's name it finds and changes nothing."""
    made = await connect(shop, "harbour", KEY, "whsec_x", Granted("access-x", "refresh-x", 3600, ""))
    await use(shop, "harbour", made.id)
    tried = 0
    with direct(libpq(shop.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        for table in TABLES:
            for role in ("offhook_tenant", "offhook_reseller", "offhook_jobs", "offhook_app", "offhook_platform"):
                for tenant in ("quayside", "", "harbour%"):
                    for statement in (f"select * from {table}", f"update {table} set tenant_id = 'quayside'", f"delete from {table}"):  # noqa: S608
                        with connection.transaction(force_rollback=True):
                            connection.execute(
                                "select set_config('role', %s, true), set_config('offhook.tenant', %s, true)", (role, tenant)
                            )
                            try:
                                done = connection.execute(statement.encode())
                            except errors.InsufficientPrivilege:
                                tried += 1
                                continue
                            sweeps = role == "offhook_platform" and statement.startswith("delete")
                            assert done.rowcount == 0 or sweeps, (role, table, statement)
                            tried += 1
    assert await shop.look("select 1 from connection_secret")
    figure(f"isolation: {tried} statements on connections' tables in another's name: 0 rows")


async def test_a_resellers_client_opens_for_that_reseller_alone(shop: House) -> None:
    given = shop.services
    await shop.look("insert into reseller (id, name) values ('res_other', 'Other')")
    async with given.database.reseller("direct") as scope:
        body = OwnClient.model_validate({"client_id": "own", "client_secret": "the reseller's own secret"})
        view = await lent.put(scope, given, ADAPTER, body)
    assert "secret" not in str(view.model_dump()).replace("client_secret_end", "")
    found = await client_of(given, "direct", ADAPTER)
    assert found is not None
    assert (found.id, found.secret) == ("own", "the reseller's own secret")
    assert "reseller's own" not in repr(found)
    assert await client_of(given, "res_other", ADAPTER) is None
    await shop.look(
        "insert into reseller_oauth_client select 'res_other', adapter, client_id, client_secret, '', 1, now(), now()"
        " from reseller_oauth_client"
    )
    with pytest.raises(ConfigError):
        await client_of(given, "res_other", ADAPTER)
