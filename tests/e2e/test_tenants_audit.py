"""The audit log: everybody's own, by filters, in order under load, and nothing done to it behind our back goes unseen."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import anyio
import pytest
from psycopg import connect, errors
from sqlalchemy import insert, text
from sqlalchemy.exc import ProgrammingError
from tests.e2e.business import ADMIN, House

from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.audit.tables import AuditRow
from offhook.orchestrator.auth.permissions import Grant, Principal, operator
from offhook.orchestrator.db import libpq


async def write(house: House, count: int, tenant: str = "harbour", action: str = "thing.done") -> None:
    for at in range(count):
        async with house.services.database.tenant(tenant) as scope:
            await audit.record(scope, house.now[0], operator(), action, f"thing_{at}", {"at": at, "share": at / 7, "big": 1e22}, "::1")


async def check(house: House, path: str = "/v1/tenants/harbour/audit/check") -> tuple[bool, int, int | None]:
    answer = await house.http.get(path, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert len(found["head"]) == 64
    return found["whole"], found["rows"], found["broken_at"]


async def test_a_log_is_read_by_page_and_filter(house: House) -> None:
    await write(house, 3)
    house.now[0] += timedelta(hours=1)
    await write(house, 2, action="other.done")
    await write(house, 2, tenant="quayside")

    async def listed(query: str) -> list[int]:
        found: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = await house.get(f"/audit?limit=2&{query}{cursor and f'&cursor={cursor}'}")
            assert answer.status_code == 200, answer.text
            found += [one["seq"] for one in answer.json()["data"]]
            cursor = answer.json()["next_cursor"]
        return found

    assert await listed("") == [5, 4, 3, 2, 1]
    assert await listed("action=thing.") == [3, 2, 1]
    assert await listed("action=thing_") == []  # no wildcard
    assert await listed("since=2026-11-23T07:30:00Z") == [5, 4]
    assert await listed("until=2026-11-23T07:30:00Z") == [3, 2, 1]
    assert await listed("actor=operator") == [5, 4, 3, 2, 1]
    assert await listed("actor=somebody") == []
    first = (await house.get("/audit?limit=1")).json()["data"][0]
    assert (first["actor_kind"], first["action"], first["target"], first["ip"]) == ("operator", "other.done", "thing_1", "::1")
    cursor = (await house.get("/audit?limit=2")).json()["next_cursor"]
    assert (await house.get(f"/audit?limit=2&cursor={cursor}", "quayside")).status_code == 422
    assert (await house.get("/audit?since=yesterday")).status_code == 422


async def test_each_level_has_a_log_of_its_own(house: House) -> None:
    made = (await house.http.post("/v1/resellers", json={"name": "North"}, headers=ADMIN)).json()
    own = await house.role("reseller_admin", reseller=made["id"])
    await house.http.patch(f"/v1/resellers/{made['id']}", json={"name": "South"}, headers=own | {"if-match": "*"})
    await write(house, 1)
    of_platform = (await house.http.get("/v1/audit", headers=ADMIN)).json()["data"]
    of_reseller = (await house.http.get(f"/v1/resellers/{made['id']}/audit", headers=own)).json()["data"]
    assert [one["action"] for one in of_platform] == ["reseller.created"]
    assert [(one["action"], one["details"], one["actor_kind"]) for one in of_reseller] == [
        ("reseller.changed", {"name": ["North", "South"]}, "key")
    ]
    assert await check(house, "/v1/audit/check") == (True, 1, None)
    assert await check(house, f"/v1/resellers/{made['id']}/audit/check") == (True, 1, None)


async def test_writers_at_once_make_one_chain(house: House) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(write, house, 5)
            group.start_soon(write, house, 5, "quayside")
    assert await check(house) == (True, 30, None)
    assert await check(house, "/v1/tenants/quayside/audit/check") == (True, 30, None)


async def test_a_change_that_is_rolled_back_leaves_no_gap(house: House) -> None:
    await write(house, 1)
    with suppress(RuntimeError):
        async with house.services.database.tenant("harbour") as scope:
            await audit.record(scope, house.now[0], operator(), "thing.done", "x", {})
            raise RuntimeError
    assert len(await house.look("select 1 from audit where tenant_id = 'harbour'")) == 1
    await write(house, 1)
    assert await check(house) == (True, 2, None)


OFF, ON = "alter table audit disable trigger audit_stays", "alter table audit enable trigger audit_stays"


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("update audit set details = '{}' where seq = 3", 3),
        ("update audit set target = 'thing_9' where seq = 1", 1),
        ("update audit set at = at + interval '1 microsecond' where seq = 5", 5),
        ("update audit set actor_name = 'nobody' where seq = 2", 2),
        ("update audit set hash = sha256('x') where seq = 4", 4),
        ("delete from audit where seq = 3", 3),
        ("delete from audit where seq = 5", 5),
        ("delete from audit where seq = 1", 1),
        ("delete from audit", 1),
        ("update audit set seq = 10 - seq where seq in (2, 3)", 2),
        (
            "insert into audit select 'aud_x', tenant_id, reseller_id, at, actor_kind, actor_id, actor_name, action, target, details,"
            " ip, 6, hash from audit where seq = 5",
            6,
        ),
        ("update audit set tenant_id = 'quayside' where seq = 5", 5),
        ("update audit_head set seq = 4, hash = (select hash from audit where seq = 4)", 5),
    ],
)
async def test_tampering_is_found_even_by_the_tables_owner(house: House, sql: str, broken: int) -> None:
    await write(house, 5)
    assert await check(house) == (True, 5, None)
    for statement in (OFF, sql, ON):
        await house.look(statement)
    whole, _, at = await check(house)
    assert (whole, at) == (False, broken)


async def test_the_log_refuses_changes(house: House) -> None:
    await write(house, 1)
    with connect(libpq(house.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        for role in ("offhook_tenant", "offhook_reseller", "offhook_platform"):
            for statement in ("update audit set target = 'x'", "delete from audit", "truncate audit"):
                with pytest.raises(errors.InsufficientPrivilege), connection.transaction():  # noqa: PT012
                    connection.execute(f"select set_config('role', '{role}', true), set_config('offhook.tenant', 'harbour', true)")
                    connection.execute("select set_config('offhook.erasing', 'harbour', true)")
                    connection.execute(statement)
    with connect(libpq(house.owner_url), autocommit=True) as owner, pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        owner.execute("update audit set target = 'x'")


async def test_the_platform_reads_its_own_log_alone(house: House) -> None:
    await write(house, 2)
    async with house.services.database.platform() as scope:
        await audit.record(scope, house.now[0], operator(), "thing.done", "x", {})
        for table in ("audit", "audit_head"):
            rows = await scope.session.execute(text(f"select tenant_id, reseller_id from {table}"))  # noqa: S608
            assert [tuple(row) for row in rows] == [(None, None)], table
    for owner in ({"tenant_id": "harbour"}, {"reseller_id": "direct"}):
        row = {"id": "aud_x", "at": house.now[0], "seq": 9, "hash": b"", "details": {}}
        texts = dict.fromkeys(("actor_kind", "actor_id", "actor_name", "action", "target", "ip"), "x")
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with house.services.database.platform() as forger:
                await forger.session.execute(insert(AuditRow).values(row | texts | owner))


async def test_logs_that_outlive_people_do_not_name_them(house: House) -> None:
    member = Principal("person", "usr_1", "Ann Lee", (Grant(frozenset({"tenant.read"}), tenant="harbour"),))
    staff = Principal("person", "usr_2", "Bo Ek", (Grant(frozenset({"reseller.read"}), reseller="direct"),))
    for who in (member, staff):
        async with house.services.database.platform() as scope:
            await audit.record(scope, house.now[0], who, "session.ended", "", {})
        async with house.services.database.tenant("harbour") as own:
            await audit.record(own, house.now[0], who, "thing.done", "", {})
    names = [one["actor_name"] for one in (await house.http.get("/v1/audit", headers=ADMIN)).json()["data"]]
    assert names == ["Bo Ek", ""]
    assert [one["actor_name"] for one in (await house.get("/audit")).json()["data"]] == ["Bo Ek", "Ann Lee"]
