"""The vault on Postgres: a key for every owner, rotation of both kinds, shredding; what is moved does not open."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import anyio
import pytest
from pydantic import SecretStr
from tests.e2e.business import ADMIN, MASTER_KEY, SECRET, House

from offhook.errors import ConfigError
from offhook.orchestrator.services import Clock
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.vault.files import HEAD, FileKey
from offhook.orchestrator.vault.ops import Vault
from offhook.orchestrator.vault.seal import Unsealable

NEW_KEY = "k2:" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PLACE = "number/num_1/auth_token"
clock: Clock = lambda: datetime(2026, 11, 23, tzinfo=UTC)  # noqa: E731


def vault(*keys: str) -> Vault:
    return Vault(OrchestratorSettings(secret=SecretStr(SECRET), master_keys=tuple(SecretStr(one) for one in keys)), clock)


async def test_each_owner_has_a_key_and_opens_nobody_elses(house: House) -> None:
    database, ours = house.services.database, house.services.vault
    async with database.tenant("harbour") as scope:
        sealed = await ours.seal(scope, PLACE, b"harbour's")
        assert await ours.open(scope, PLACE, sealed) == b"harbour's"
        with pytest.raises(Unsealable):
            await ours.open(scope, "number/num_2/auth_token", sealed)
    async with database.tenant("quayside") as scope:
        with pytest.raises(Unsealable):  # no key at all yet
            await ours.open(scope, PLACE, sealed)
        await ours.seal(scope, PLACE, b"quayside's")
        with pytest.raises(Unsealable):  # a key of the same version
            await ours.open(scope, PLACE, sealed)
    async with database.platform() as platform:
        of_platform = await ours.seal(platform, PLACE, b"ours")
        assert await ours.open(platform, PLACE, of_platform) == b"ours"
        with pytest.raises(Unsealable):
            await ours.open(platform, PLACE, sealed)
    rows = await house.look("select tenant_id, version, kek_id, length(wrapped) as n from data_key order by tenant_id")
    assert [tuple(row) for row in rows] == [("harbour", 1, "k1", 61), ("quayside", 1, "k1", 61)]


async def test_a_key_moved_to_another_tenant_opens_nothing(house: House) -> None:
    database, ours = house.services.database, house.services.vault
    async with database.tenant("harbour") as scope:
        sealed = await ours.seal(scope, PLACE, b"harbour's")
    await house.look("insert into data_key select 'quayside', version, kek_id, wrapped, created_at, retired_at from data_key")
    async with database.tenant("quayside") as scope:
        with pytest.raises(Unsealable, match="does not open this key"):
            await ours.open(scope, PLACE, sealed)


async def test_a_new_key_seals_and_the_old_one_still_opens(house: House) -> None:
    database, ours = house.services.database, vault(MASTER_KEY)
    async with database.tenant("harbour") as scope:
        sealed = await ours.seal(scope, PLACE, b"secret")
        assert await ours.reseal(scope, PLACE, sealed) is None
        assert await ours.new_key(scope) == 2
        assert await ours.open(scope, PLACE, sealed) == b"secret"
        again = await ours.reseal(scope, PLACE, sealed)
        assert again is not None
        assert await ours.open(scope, PLACE, again) == b"secret"
    rows = await house.look("select version, retired_at is null as used from data_key order by version")
    assert [tuple(row) for row in rows] == [(1, False), (2, True)]
    await house.look("delete from data_key where version = 1")
    async with database.tenant("harbour") as scope:
        assert await ours.open(scope, PLACE, again) == b"secret"
        with pytest.raises(Unsealable, match="gone"):
            await ours.open(scope, PLACE, sealed)


async def test_a_new_master_key_takes_over_from_the_old(house: House) -> None:
    database, old = house.services.database, vault(MASTER_KEY)
    sealed: dict[str, bytes] = {}
    for tenant in ("harbour", "quayside"):
        async with database.tenant(tenant) as scope:
            sealed[tenant] = await old.seal(scope, PLACE, tenant.encode())
            await old.new_key(scope)
    async with database.platform() as platform:
        of_platform = await old.seal(platform, PLACE, b"ours")
    with pytest.raises(ConfigError, match="k1 is missing"):
        async with database.tenant("harbour") as scope:
            await vault(NEW_KEY).open(scope, PLACE, sealed["harbour"])
    both = vault(NEW_KEY, MASTER_KEY)
    assert await both.rewrap_all(database) == 5
    assert await both.rewrap_all(database) == 0
    only_new = vault(NEW_KEY)
    for tenant, one in sealed.items():
        async with database.tenant(tenant) as scope:
            assert await only_new.open(scope, PLACE, one) == tenant.encode()
    async with database.platform() as platform:
        assert await only_new.open(platform, PLACE, of_platform) == b"ours"
        assert await only_new.wrapped_by(platform) == {"k2": 5}


async def test_what_is_shredded_is_gone_for_ever(house: House) -> None:
    database, ours = house.services.database, vault(MASTER_KEY)
    async with database.tenant("quayside") as scope:
        other = await ours.seal(scope, PLACE, b"other")
    async with database.tenant("harbour") as scope:
        sealed = await ours.seal(scope, PLACE, b"secret")
        assert await ours.shred(scope) == 1
        with pytest.raises(Unsealable, match="gone"):
            await ours.open(scope, PLACE, sealed)
        await ours.seal(scope, PLACE, b"new")  # a new key of the same version
        with pytest.raises(Unsealable):
            await ours.open(scope, PLACE, sealed)
    async with database.tenant("quayside") as scope:
        assert await ours.open(scope, PLACE, other) == b"other"


async def test_first_uses_at_once_agree_on_one_key(house: House) -> None:
    database, ours = house.services.database, house.services.vault
    sealed: list[bytes] = []

    async def first() -> None:
        async with database.tenant("harbour") as scope:
            sealed.append(await ours.seal(scope, PLACE, b"secret"))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(first)
    async with database.tenant("harbour") as scope:
        assert [await ours.open(scope, PLACE, one) for one in sealed] == [b"secret"] * 8


async def test_without_a_master_key_it_says_what_to_set(house: House) -> None:
    async with house.services.database.tenant("harbour") as scope:
        with pytest.raises(ConfigError, match="set OFFHOOK_ORCHESTRATOR_MASTER_KEYS"):
            await vault().seal(scope, PLACE, b"secret")
    assert await vault().rewrap_all(house.services.database) == 0


async def test_a_file_is_its_owners(house: House) -> None:
    database, ours = house.services.database, vault(MASTER_KEY)
    out = io.BytesIO()
    async with database.tenant("harbour") as scope:
        writer = (await ours.file_key(scope, "export/exp_1")).writer(out)
        writer.write(b"all of it")
        writer.close()
        key = await ours.file_key(scope, "export/exp_1", out.getvalue()[:HEAD])
        assert b"".join(key.read(io.BytesIO(out.getvalue()[HEAD:]))) == b"all of it"
        await ours.shred(scope)
        with pytest.raises(Unsealable):
            await ours.file_key(scope, "export/exp_1", out.getvalue()[:HEAD])
    assert FileKey.version_of(out.getvalue()[:HEAD]) == 1


async def test_one_owner_whose_key_is_lost_holds_up_nobody(house: House) -> None:
    database, old = house.services.database, vault(MASTER_KEY)
    for tenant in ("harbour", "quayside"):
        async with database.tenant(tenant) as scope:
            await old.seal(scope, PLACE, b"secret")
    await house.look("update data_key set kek_id = 'lost' where tenant_id = 'harbour'")
    both = vault(NEW_KEY, MASTER_KEY)
    with pytest.raises(ConfigError, match="lost is missing"):
        await both.rewrap_all(database)
    async with database.platform() as platform:
        found = await both.show(platform)
    assert (found.current, found.known, found.wrapped, found.missing) == ("k2", ["k2", "k1"], {"k2": 1, "lost": 1}, ["lost"])


async def test_keys_over_the_api(house: House) -> None:
    async with house.services.database.tenant("harbour") as scope:
        sealed = await house.services.vault.seal(scope, PLACE, b"secret")
    first = (await house.http.get("/v1/vault", headers=ADMIN)).json()
    assert first == {"current": "k1", "known": ["k1"], "wrapped": {"k1": 1}, "missing": []}
    made = await house.ask("POST", "/vault/keys", idempotency_key="k")
    assert (made.status_code, made.json()) == (201, {"version": 2})
    assert (await house.ask("POST", "/vault/keys", idempotency_key="k")).json() == {"version": 2}
    assert (await house.http.get("/v1/vault", headers=ADMIN)).json()["wrapped"] == {"k1": 2}
    async with house.services.database.tenant("harbour") as scope:
        assert await house.services.vault.open(scope, PLACE, sealed) == b"secret"
    for _ in range(2):
        assert (await house.http.post("/v1/vault/rewrap", headers=ADMIN)).status_code == 202
    assert len(await house.look("select 1 from procrastinate_jobs where task_name = 'vault_rewrap'")) == 2

    async def done() -> bool:
        return not await house.look("select 1 from procrastinate_jobs where task_name = 'vault_rewrap'")

    await house.work_until(done)
    seller = await house.role("reseller_admin")
    assert (await house.http.get("/v1/vault", headers=seller)).status_code == 403
    viewer = await house.role("viewer")
    assert (await house.ask("POST", "/vault/keys", authorization=viewer["authorization"])).status_code == 403
    log = (await house.get("/audit")).json()["data"]
    assert [(one["action"], one["target"]) for one in log] == [("vault.key_created", "2")]
