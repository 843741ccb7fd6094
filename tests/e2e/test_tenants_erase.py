"""A tenant that was erased: words planted in every column of every table, in jobs, mails and files are searched for, not one is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection, connect
from sqlalchemy import text
from tests.e2e.business import ADMIN, CALLER, DID, OTHER_DID, House, open_house
from tests.e2e.planting import Planter, dump, holding, rows, search, search_files
from tests.e2e.server import EMPTY, Server

from offhook.contracts.handover import Handover
from offhook.errors import Conflict
from offhook.orchestrator.db import libpq, migrate
from offhook.orchestrator.embedded import APP, EmbeddedPostgres
from offhook.orchestrator.migrations.tenancy import SCOPES
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.tenants import erase
from offhook.orchestrator.tenants.repo import subject

WORD, OTHER = "zq7gone", "zq7kept"
NAME = {"name": "Harbour Plumbing"}
RING = {"call": "c7", "transport": "loopback", "did": DID, "caller": CALLER}


@contextmanager
def superuser(house: House) -> Iterator[Connection]:
    """The database for somebody whom nothing binds."""
    with connect(libpq(house.owner_url), autocommit=True) as connection:
        row = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
        if row is None or not row[0]:
            pytest.skip("only a superuser may plant rows against foreign keys")
        yield connection


@pytest.fixture
def owner(house: House) -> Iterator[Connection]:
    with superuser(house) as connection:
        yield connection


@pytest.fixture
async def ordinary(postgres: Server, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose tables belong to somebody who is no superuser, as on most real servers: row-level security binds them too."""
    if not isinstance(postgres, EmbeddedPostgres):
        pytest.skip("logins without a password are the embedded server's")
    name = f"{EMPTY}_ordinary"
    roles = ", ".join(("offhook_app", "offhook_jobs", *SCOPES))
    postgres.sql("create role offhook_ordinary login createrole nosuperuser nobypassrls")
    postgres.sql(f"grant {roles} to offhook_ordinary with admin option")
    postgres.sql(f"create database {name} owner offhook_ordinary")
    try:
        migrate(postgres.url(name, "offhook_ordinary"))
        async with open_house(postgres.url(name, APP), tmp_path, owner_url=postgres.url(name)) as opened:
            yield opened
    finally:
        postgres.sql(f"drop database {name} with (force)")
        postgres.sql(f"revoke {roles} from offhook_ordinary")
        postgres.sql("drop role offhook_ordinary")


async def begin(house: House, name: dict[str, str] = NAME, **headers: str) -> Any:
    answer = await house.ask("DELETE", "", name, **({"if_match": "*"} | headers))
    assert answer.status_code == 202, answer.text
    return answer.json()


async def certificate(house: House, erasure: str) -> dict[str, Any]:
    """Once the work is done."""
    found: dict[str, Any] = {}

    async def done() -> bool:
        nonlocal found
        answer = await house.http.get(f"/v1/erasures/{erasure}", headers=ADMIN)
        found = answer.json() if answer.status_code == 200 else {}
        jobs = await house.look("select 1 from procrastinate_jobs where task_name = 'erase_tenant'")
        return found.get("finished_at") is not None and not jobs

    await house.work_until(done)
    return found


async def _life(house: House) -> None:
    """A call with what follows from it, so that there are rows as the application makes them too."""
    await house.plan("c1", caller=CALLER)
    assert (await house.event(1, "call.started", transport="loopback", did=DID, caller=CALLER)).is_success
    await house.slots()


def _people(planter: Planter, person: str, *tenants: str) -> None:
    """A member with an account, a browser, a one-time code and mail that has not left."""
    planter.row("person", id=person, email=f"{person}@example.com", provider_id=None)
    for tenant in tenants:
        planter.row("membership", person_id=person, level="tenant", tenant_id=tenant, reseller_id=None, role="viewer")
    for table in holding(planter.connection, "person_id"):
        if table != "membership":
            planter.row(table, person_id=person, **dict.fromkeys({"provider_id"} if table == "session" else (), None))
    planter.row("mail", recipient=f"{person}@example.com", tenant_id=None)


def _files(state: Path, word: str, tenant: str) -> None:
    for kind in ("recordings", "exports", "whatever-comes"):
        path = state / kind / tenant / "2026" / f"{word}.wav"
        path.parent.mkdir(parents=True)
        path.write_bytes(f"RIFF {word}".encode())


async def _jobs(house: House, word: str, tenant: str) -> None:
    given: tuple[dict[str, Any], ...] = ({"tenant": tenant}, {"ref": f"{tenant}/front-desk"}, {"of": {"tenants": [tenant]}})
    for at, args in enumerate(given):
        job = house.services.queue.configure_task(f"job_{at}", schedule_in={"days": 1}, allow_unknown=True)
        await job.defer_async(**args, word=word)


async def test_no_byte_of_an_erased_tenant_is_left_anywhere(house: House, owner: Connection) -> None:
    await _plant_erase_and_search(house, owner)


async def test_nor_where_the_tables_owner_is_no_superuser(ordinary: House) -> None:
    owns = await ordinary.look("select pg_get_userbyid(relowner) from pg_class where relname = 'call'")
    assert [row[0] for row in owns] == ["offhook_ordinary"]
    with superuser(ordinary) as everything:
        await _plant_erase_and_search(ordinary, everything)


async def _plant_erase_and_search(house: House, owner: Connection) -> None:
    state = house.settings.state_dir
    await _life(house)
    async with house.services.database.tenant("harbour") as scope:
        await house.services.vault.seal(scope, "number/num_1/auth_token", WORD.encode())
    gone, kept = Planter(owner, WORD), Planter(owner, OTHER)
    for planter, tenant in ((gone, "harbour"), (kept, "quayside")):
        for table in holding(owner, "tenant_id"):
            planter.row(table, tenant_id=tenant)
        _people(planter, f"usr_{planter.word}", tenant)
        planter.row(
            "idempotency", owner="direct", tenant_id=None, reseller_id="direct", body=f'{{"id":"{tenant}","name":"{planter.word}"}}'
        )
        planter.row("idempotency", owner="platform", tenant_id=None, reseller_id=None, body=f'{{"data":["{tenant}","{planter.word}"]}}')
        await _jobs(house, planter.word, tenant)
        _files(state, planter.word, tenant)
    _people(kept, "usr_both", "harbour", "quayside")
    (state / "mail").mkdir(exist_ok=True)
    (state / "mail" / "mail_1.eml").write_text(f"To: ann@example.com\n\n{WORD}")
    changes = (WORD, WORD, json.dumps({"staff": [WORD]}))
    owner.execute("update tenant set fallback_number = %s, timezone = %s, diary = %s where id = 'harbour'", changes)
    assert len(gone.planted) > 80  # columns that a word was put into
    assert gone.numbers == {"tenant_hour"}
    assert {table for table, _ in gone.planted} | gone.numbers >= set(holding(owner, "tenant_id"))
    assert len(search(owner, [WORD], ("harbour",))) >= len(holding(owner, "tenant_id"))
    assert len(search_files(state, [WORD])) == 4
    before = rows(owner, "quayside")
    assert all(before.values())

    erasing = await begin(house)
    assert await erase.run(house.services, "harbour")  # and no worker, whose other jobs would sweep what was planted

    assert search(owner, [WORD], ("harbour",)) == {}
    assert search_files(state, [WORD, "harbour"]) == []
    after = rows(owner, "quayside")
    assert after == before
    assert len(search_files(state, [OTHER])) == 3
    people = {row[0] for row in owner.execute("select id from person")}
    assert people == {f"usr_{OTHER}", "usr_both"}
    assert owner.execute("select count(*) from procrastinate_jobs where args->>'word' = %s", (OTHER,)).fetchone() == (3,)
    assert owner.execute("select count(*) from idempotency where tenant_id is null").fetchone() == (2,)

    found = (await house.http.get(f"/v1/erasures/{erasing['erasure']}", headers=ADMIN)).json()
    assert found["verified"] is True
    assert found["subject"] == erasing["subject"] == subject("harbour")
    counts = found["counts"]
    assert (counts["people"], counts["jobs"], counts["files"], counts["tenant"]) == (1, 4, 4, 1)  # its own job too
    assert counts["keys"] == 2  # the one that sealed, and the planted row
    assert set(holding(owner, "tenant_id")) - {"data_key", "idempotency", "membership"} <= counts.keys()


async def test_what_was_sealed_is_noise_from_the_first_step(house: House) -> None:
    async with house.services.database.tenant("harbour") as scope:
        await house.services.vault.seal(scope, "a/place", b"secret")
    await begin(house)
    doomed = await erase._open(house.services, "harbour")
    assert doomed is not None
    await erase._keys(house.services, doomed)
    assert await house.look("select 1 from data_key where tenant_id = 'harbour'") == []


async def test_it_is_confirmed_by_name_and_by_revision(house: House) -> None:
    assert (await house.ask("DELETE", "", NAME)).status_code == 428
    assert (await house.ask("DELETE", "", NAME, if_match='"r9"')).status_code == 412
    wrong = await house.ask("DELETE", "", {"name": "harbour plumbing"}, if_match='"r1"')
    assert wrong.status_code == 409
    admin = await house.role("tenant_admin")
    assert (await house.ask("DELETE", "", NAME, if_match='"r1"', authorization=admin["authorization"])).status_code == 403
    assert (await house.get("")).status_code == 200
    tenants_owner = await house.role("tenant_owner")
    await begin(house, if_match='"r1"', authorization=tenants_owner["authorization"])


async def test_from_the_moment_it_is_asked_for_nobody_finds_it(house: House) -> None:
    key = await house.role("tenant_owner")
    assert (await house.post("/v1/plans", RING)).status_code == 200
    await begin(house)
    refused = await house.post("/v1/plans", RING | {"call": "c8"})
    assert (refused.status_code, refused.json()["reason"]) == (404, "suspended")
    for path in ("", "/calls", "/agents", "/numbers", "/audit"):
        assert (await house.get(path)).status_code == 404, path
        assert (await house.http.get(f"/v1/tenants/harbour{path}", headers=key)).status_code == 404, path
    assert (await house.ask("DELETE", "", NAME, if_match="*")).status_code == 404
    assert [one["id"] for one in (await house.http.get("/v1/tenants", headers=ADMIN)).json()["data"]] == ["quayside"]
    for path in ("suspend", "resume"):
        assert (await house.http.post(f"/v1/resellers/direct/tenants/harbour/{path}", headers=ADMIN)).status_code == 404
    assert (await house.http.post("/v1/tenants/harbour/move", json={"reseller_id": "direct"}, headers=ADMIN)).status_code == 404
    assert (await house.post("/v1/plans", RING | {"call": "c9", "did": OTHER_DID})).status_code == 200
    await house.look("update tenant set suspended = true where id = 'harbour'")


async def test_the_deletion_is_in_the_logs_that_stay(house: House) -> None:
    key = await house.role("tenant_owner")
    house.now[0] += timedelta(minutes=1)
    erasing = await begin(house, authorization=key["authorization"])
    found = await certificate(house, erasing["erasure"])
    seller = await house.role("reseller_admin")
    log = (await house.http.get("/v1/resellers/direct/audit", headers=seller)).json()["data"]
    assert [(one["action"], one["target"], one["actor_kind"], one["actor_name"]) for one in log] == [
        ("tenant.erasing", subject("harbour"), "key", "")
    ]
    top = (await house.http.get("/v1/audit?action=tenant.", headers=ADMIN)).json()["data"]
    assert [(one["action"], one["target"]) for one in top] == [("tenant.erased", subject("harbour"))]
    assert top[0]["details"] == {"erasure": erasing["erasure"], "reseller_id": "direct", "counts": found["counts"]}
    assert log[0]["actor_id"] == top[0]["actor_id"]
    mine = (await house.http.get("/v1/resellers/direct/erasures", headers=seller)).json()["data"]
    assert mine == [found] == (await house.http.get("/v1/erasures", headers=ADMIN)).json()["data"]
    north = (await house.http.post("/v1/resellers", json={"name": "North"}, headers=ADMIN)).json()["id"]
    other = await house.role("reseller_admin", reseller=north)
    assert (await house.http.get(f"/v1/resellers/{north}/erasures", headers=other)).json()["data"] == []
    assert (await house.http.get("/v1/erasures", headers=seller)).status_code == 403


async def test_it_waits_for_a_job_that_is_running(house: House) -> None:
    await begin(house)
    job = house.services.queue.configure_task("other", allow_unknown=True)
    await job.defer_async(tenant="harbour")
    await house.look("update procrastinate_jobs set status = 'doing' where task_name = 'other'")
    with pytest.raises(Conflict, match="running"):
        await erase.run(house.services, "harbour")
    await house.look("delete from procrastinate_jobs where task_name = 'other'")
    assert await erase.run(house.services, "harbour")
    assert not await erase.run(house.services, "harbour")


async def test_killed_anywhere_it_goes_on_where_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after every single step; the counts are those of one run."""

    class KilledError(BaseException):
        pass

    await _life(house)
    await begin(house)
    left = {"steps": 0}
    count = erase._count

    async def cut(*given: Any) -> None:
        await count(*given)
        left["steps"] -= 1
        if left["steps"] < 0:
            raise KilledError

    monkeypatch.setattr(erase, "_count", cut)
    for steps in range(200):
        left["steps"] = steps
        try:
            assert await erase.run(house.services, "harbour")
            break
        except KilledError:
            continue
    rows_gone = (await house.look("select counts, verified from erasure"))[0]
    assert rows_gone.verified
    assert rows_gone.counts["tenant"] == 1
    assert rows_gone.counts["call"] == 1
    assert rows_gone.counts["agent"] == 1


async def test_a_row_written_meanwhile_is_erased_on_the_next_try(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await begin(house)
    finish = erase._finish

    async def late(*given: Any) -> None:
        monkeypatch.setattr(erase, "_finish", finish)
        await house.look(
            "insert into tool_run (tenant_id, key, call_id, tool, fingerprint) values ('harbour', 'k', 'c', 'book', 'f')"
        )  # as by a transaction that was open when its turn came
        await finish(*given)

    monkeypatch.setattr(erase, "_finish", late)
    with pytest.raises(Conflict):
        await erase.run(house.services, "harbour")
    assert await house.look("select 1 from tenant where id = 'harbour'")
    assert await erase.run(house.services, "harbour")


async def test_only_a_tenant_that_is_being_erased_can_be(house: House) -> None:
    with pytest.raises(Conflict, match="not being erased"):
        await erase.run(house.services, "harbour")
    for query in ("select offhook_erase_rows('harbour', 'agent', 10)", "select offhook_erase_jobs('harbour')"):
        with pytest.raises(Exception, match="being erased"):
            async with house.services.database.platform() as scope:
                await scope.session.execute(text(query))
    for query in ("select offhook_erase_rows('harbour', 'agent', 10)", "select offhook_rows_left('harbour')"):
        with pytest.raises(Exception, match="permission denied"):
            async with house.services.database.tenant("harbour") as own:
                await own.session.execute(text(query))


async def test_a_lost_job_is_queued_again(house: House) -> None:
    erasing = await begin(house)
    await house.look("delete from procrastinate_jobs")
    job = house.services.queue.configure_task("resume_erasures")
    await job.defer_async(timestamp=0)
    assert (await certificate(house, erasing["erasure"]))["verified"]


async def test_a_search_finds_what_is_there(house: House, owner: Connection) -> None:
    """The search that the tests above trust."""
    assert "public.tenant" in search(owner, [], ("harbour",))
    assert search(owner, ["nothing-of-the-kind"]) == {}
    assert any(table == "public.procrastinate_jobs" for table, _ in dump(owner)) is bool(
        await house.look("select 1 from procrastinate_jobs")
    )


async def test_what_an_engine_still_has_is_wanted_by_nobody(house: House) -> None:
    """Events, recordings and tools that come while the tenant is being erased go with it; those that come after are refused for good."""
    await _life(house)
    sound = b"fLaC" + bytes(1_000)
    late = Handover(call="c1", ref="harbour/front-desk", kind="recording", size=len(sound), sha256=hashlib.sha256(sound).hexdigest())

    async def body() -> AsyncIterator[bytes]:
        yield sound

    async def come(seq: int) -> list[int | bool]:
        said = await house.event(seq, "turn.caller", turn=1, text="hello", start_ms=0, end_ms=100)
        begun = await house.event(1, "call.started", "c2", transport="loopback", did=DID, caller=CALLER)
        tool = await house.post("/v1/tools/free_slots", house.request("free_slots", {}))
        return [said.status_code, begun.status_code, tool.status_code, (await recordings.receive(house.services, late, body())).kept]

    await begin(house)
    assert not {500, 502, 503} & set(await come(2))
    assert await erase.run(house.services, "harbour")
    assert await come(3) == [404, 404, 404, False]
    with connect(libpq(house.owner_url), autocommit=True) as connection:
        assert search(connection, [], ("harbour",)) == {}
    assert search_files(house.settings.state_dir, ["harbour"]) == []
