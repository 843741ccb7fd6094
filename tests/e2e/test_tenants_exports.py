"""A tenant's data in one file: all of it, nobody else's, no secret; sealed on the disk, and gone when its time is over."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.e2e.business import CALLER, DID, House

from offhook.contracts.handover import Handover
from offhook.orchestrator.audit.chain import Line, Walk
from offhook.orchestrator.auth.permissions import IN_TENANT
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.tenants import exports
from offhook.orchestrator.vault.ops import vault_of

SOUND = b"fLaC" + bytes(range(256)) * 1_000


async def made(house: House, **headers: str) -> dict[str, Any]:
    """An export, once it is ready or has failed."""
    answer = await house.ask("POST", "/exports", **headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert found["state"] == "waiting"

    async def done() -> bool:
        nonlocal found
        found = (await house.get(f"/exports/{found['id']}")).json()
        return bool(found["state"] != "waiting")

    await house.work_until(done)
    return found


async def fetched(house: House, export: dict[str, Any]) -> zipfile.ZipFile:
    answer = await house.get(f"/exports/{export['id']}/file")
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == export["size"] == int(answer.headers["content-length"])
    assert hashlib.sha256(answer.content).hexdigest() == export["sha256"]
    assert answer.headers["cache-control"] == "no-store"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def lines(file: zipfile.ZipFile, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read(f"tables/{table}.jsonl").splitlines()]


async def _record(house: House, call: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield SOUND

    one = Handover(call=call, ref="harbour/front-desk", kind="recording", size=len(SOUND), sha256=hashlib.sha256(SOUND).hexdigest())
    assert (await recordings.receive(house.services, one, body())).kept


async def _life(house: House) -> None:
    await house.plan("c1")
    assert (await house.event(1, "call.started", transport="loopback", did=DID, caller=CALLER)).is_success
    slot = (await house.slots())[0]
    await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER})
    await _record(house, "c1")
    await house.ask("PATCH", "", {"name": "Harbour"}, if_match="*")


async def _idle(house: House) -> None:
    """Let jobs end that would add rows behind an export."""

    async def done() -> bool:
        waiting = "select 1 from procrastinate_jobs where status in ('todo', 'doing') and coalesce(scheduled_at, now()) <= now()"
        return not await house.look(waiting)

    await house.work_until(done)


async def test_an_export_holds_all_of_a_tenant_and_nothing_else(house: House) -> None:
    await _life(house)
    await _idle(house)
    export = await made(house)
    assert export["state"] == "ready"
    file = await fetched(house, export)
    assert file.testzip() is None
    manifest = json.loads(file.read("manifest.json"))
    assert manifest["tenant"] == "harbour"

    tables = {
        row[0] for row in await house.look("select distinct table_name from information_schema.columns where column_name = 'tenant_id'")
    }
    written = {name.removeprefix("tables/").removesuffix(".jsonl") for name in file.namelist() if name.startswith("tables/")}
    assert tables - exports.LEFT_OUT <= written
    for table in written:
        rows = lines(file, table)
        assert len(rows) == manifest["rows"][table] == export["counts"][table], table
        if table in tables:
            (found,) = await house.look(f"select count(*) from {table} where tenant_id = 'harbour'")  # noqa: S608
            later = 2 if table == "audit" else 0  # that it was asked for and fetched
            assert len(rows) <= found[0] <= len(rows) + later, table
            assert {row["tenant_id"] for row in rows} <= {"harbour"}, table
    assert [row["id"] for row in lines(file, "tenant")] == ["harbour"]
    assert lines(file, "appointment")[0]["name"] == "Ann Lee"

    assert set(manifest["files"]) == set(file.namelist()) - {"manifest.json"}
    for name, known in manifest["files"].items():
        inside = file.read(name)
        assert (known["size"], known["sha256"]) == (len(inside), hashlib.sha256(inside).hexdigest()), name
    assert file.read("recordings/c1.flac") == SOUND
    assert manifest["missing"] == []


async def test_an_export_holds_no_secret(house: House) -> None:
    key = await house.key("tenant.read")
    account = {"kind": "twilio", "account_sid": "AC" + "0" * 32, "auth_token": "5e" * 16}
    assert (await house.ask("POST", "/carrier-accounts", account)).status_code == 201
    file = await fetched(house, await made(house))
    everything = b"".join(file.read(name) for name in file.namelist())
    assert ("5e" * 16).encode() not in everything
    assert key["authorization"][-43:].encode() not in everything  # the secret: 32 bytes in base64url
    assert {"auth_token", "api_key_secret"} <= set(json.loads(file.read("manifest.json"))["left_out"]["carrier_account"])
    assert lines(file, "carrier_account")[0]["account_sid"] == account["account_sid"]
    assert not {"hash"} & lines(file, "api_key")[0].keys()


async def test_the_log_in_an_export_can_be_checked_by_itself(house: House) -> None:
    await _life(house)
    file = await fetched(house, await made(house))
    walk = Walk()
    for row in sorted(lines(file, "audit"), key=lambda one: int(one["seq"])):
        hashed = bytes.fromhex(row["hash"].removeprefix("\\x"))
        fields = {name: row[name] for name in Line.__slots__}
        walk.row(Line(**fields | {"at": datetime.fromisoformat(row["at"])}), hashed)
    head = json.loads(file.read("manifest.json"))["audit"]
    assert (walk.broken_at, walk.seq, walk.before.hex()) == (None, head["rows"], head["head"])


async def test_on_the_disk_it_is_sealed_with_the_tenants_key(house: House) -> None:
    await _life(house)
    export = await made(house)
    (path,) = (house.settings.state_dir / "exports" / "harbour").iterdir()
    sealed = path.read_bytes()
    assert b"PK\x03\x04" not in sealed[:64]
    assert b"tables/" not in sealed
    assert path.stat().st_mode & 0o077 == 0
    async with house.services.database.tenant("harbour") as scope:
        await vault_of(house.services).shred(scope)
    assert (await house.get(f"/exports/{export['id']}/file")).status_code == 409


async def test_it_is_for_those_who_may_read_all_of_it(house: House) -> None:
    limited = await house.key("tenant.write", "tenant.read")
    whole = await house.key(*(one for one in IN_TENANT if one.endswith(".read")), "tenant.write")
    assert (await house.ask("POST", "/exports", authorization=limited["authorization"])).status_code == 403
    export = await made(house, authorization=whole["authorization"])
    path = f"/exports/{export['id']}"
    assert (await house.ask("GET", f"{path}/file", authorization=limited["authorization"])).status_code == 403
    assert (await house.ask("GET", f"{path}/file", authorization=whole["authorization"])).status_code == 200
    assert (await house.get(path, "quayside")).status_code == 404
    assert (await house.get(f"{path}/file", "quayside")).status_code == 404
    log = [(one["action"], one["target"]) for one in (await house.get("/audit")).json()["data"]]
    assert log == [("export.fetched", export["id"]), ("export.created", export["id"])]


async def test_one_at_a_time_and_not_before_it_is_ready(house: House) -> None:
    first = (await house.ask("POST", "/exports", idempotency_key="once")).json()
    again = (await house.ask("POST", "/exports", idempotency_key="once")).json()
    assert again == first
    assert (await house.ask("POST", "/exports")).status_code == 409
    assert (await house.get(f"/exports/{first['id']}/file")).status_code == 409
    assert [one["id"] for one in (await house.get("/exports")).json()["data"]] == [first["id"]]
    assert (await house.get("/exports/exp_none")).status_code == 404


async def test_it_goes_when_its_time_is_over(house: House) -> None:
    export = await made(house)
    path = f"/exports/{export['id']}"
    house.now[0] += exports.KEPT - timedelta(seconds=1)
    assert (await house.get(f"{path}/file")).status_code == 200
    assert await exports.sweep(house.services) == 0
    house.now[0] += timedelta(seconds=1)
    assert (await house.get(f"{path}/file")).status_code == 404
    assert await exports.sweep(house.services) == 1
    assert (await house.get(path)).status_code == 404
    assert list((house.settings.state_dir / "exports" / "harbour").iterdir()) == []


async def test_a_worker_that_was_killed_begins_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await _life(house)
    export = (await house.ask("POST", "/exports")).json()

    class KilledError(BaseException):
        pass

    async def die(*_: object) -> bool:
        raise KilledError

    monkeypatch.setattr(exports, "_recording", die)
    with pytest.raises(KilledError):
        await exports.make(house.services, "harbour", export["id"])
    monkeypatch.undo()
    assert (await house.get(f"/exports/{export['id']}")).json()["state"] == "waiting"
    assert await exports.make(house.services, "harbour", export["id"])
    ready = (await house.get(f"/exports/{export['id']}")).json()
    assert (await fetched(house, ready)).read("recordings/c1.flac") == SOUND
    assert not await exports.make(house.services, "harbour", export["id"])


async def test_a_recording_whose_file_is_gone_is_named(house: House) -> None:
    await _life(house)
    for path in (house.settings.state_dir / "recordings" / "harbour").iterdir():
        path.unlink()
    file = await fetched(house, await made(house))
    assert json.loads(file.read("manifest.json"))["missing"] == [["c1", "recording"]]
