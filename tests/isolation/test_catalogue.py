"""The database itself: every table is somebody's, and the application's roles can do no more than their scope."""

from __future__ import annotations

from collections import Counter

import pytest
from psycopg import connect, errors
from tests.e2e.business import House

from offhook.orchestrator.db import libpq
from offhook.orchestrator.migrations.tenancy import SCOPES

TABLES = """
    select c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
        exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p')
"""
QUEUED = {("mail", "INSERT")}
"""A reseller may put a mail of no tenant's into the queue, and read none."""
CONTENT = (
    "call",
    "call_event",
    "call_result",
    "contact",
    "contact_phone",
    "contact_word",
    "lead",
    "message",
    "appointment",
    "tool_run",
    "connection_secret",
)
OURS = "c.relname not like 'procrastinate%' and c.relname <> 'alembic_version'"


async def test_every_table_forces_row_level_security(house: House, counts: Counter[str]) -> None:
    rows = await house.look(f"{TABLES} and {OURS}")
    assert len(rows) >= 20
    for name, enabled, forced, owner, _ in rows:
        assert enabled, name
        assert forced, name
        assert owner not in {"offhook_app", *SCOPES}, name
        counts["tables with forced row-level security"] += 1


async def test_a_tenants_rows_are_open_to_the_tenant_alone(house: House) -> None:
    """Every policy of the tenant role names the tenant's setting; the directory reads whole rows of no table that holds content."""
    policies = await house.look(
        "select tablename, policyname, roles::text[], cmd, coalesce(qual, ''), coalesce(with_check, '') from pg_policies"
    )
    for table, name, roles, command, using, check in policies:
        for condition in (using, check):
            if "offhook_tenant" in roles and condition:
                assert "offhook.tenant" in condition, (table, name, condition)
            if "offhook_reseller" in roles and condition and (table, command) not in QUEUED:
                assert "offhook.reseller" in condition, (table, name, condition)
        assert roles != ["public"], (table, name)
        assert command != "ALL", (table, name)


@pytest.mark.parametrize("role", ["offhook_app", "offhook_platform", "offhook_reseller", "offhook_jobs"])
async def test_what_was_said_and_who_rang_is_for_tenants_only(house: House, role: str, counts: Counter[str]) -> None:
    await house.plan()
    with connect(libpq(house.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        for table in CONTENT:
            with connection.transaction(force_rollback=True):
                connection.execute(f"select set_config('role', '{role}', true), set_config('offhook.tenant', 'harbour', true)")
                try:
                    found = connection.execute(f"select * from {table}").fetchall()  # noqa: S608
                except errors.InsufficientPrivilege:
                    found = []
                assert found == [], (role, table)
                counts["tables asked by a role that must not read them"] += 1


async def test_the_tenants_role_without_a_tenant_sees_nothing(house: House) -> None:
    await house.plan()
    tables = [row[0] for row in await house.look(f"{TABLES} and {OURS}")]
    readable = 0
    with connect(libpq(house.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        for setting in ("", "nobody", "quay%", "harbour' or true --"):
            for table in tables:
                with connection.transaction(force_rollback=True):
                    connection.execute(
                        "select set_config('role', 'offhook_tenant', true), set_config('offhook.tenant', %s, true)", (setting,)
                    )
                    try:
                        found = connection.execute(f"select * from {table}").fetchall()  # noqa: S608
                    except errors.InsufficientPrivilege:
                        continue
                    readable += 1
                    assert found == [], (table, setting)
    assert readable > 20


async def test_a_tenant_writes_into_no_other(house: House) -> None:
    await house.plan()
    with connect(libpq(house.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        for statement in (
            "insert into contact (tenant_id, id) values ('quayside', 'x')",
            "update call set tenant_id = 'quayside' where id = 'c1'",
        ):
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():  # noqa: PT012
                connection.execute("select set_config('role', 'offhook_tenant', true), set_config('offhook.tenant', 'harbour', true)")
                connection.execute(statement)
        with connection.transaction():
            connection.execute("select set_config('role', 'offhook_tenant', true), set_config('offhook.tenant', 'quayside', true)")
            assert connection.execute("update call set did = 'x'").rowcount == 0
            assert connection.execute("delete from call").rowcount == 0


async def test_the_scope_ends_with_its_transaction(house: House) -> None:
    """A pooled connection keeps nothing of the one who had it before."""
    with connect(libpq(house.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        before = connection.execute("select current_user").fetchone()
        with connection.transaction():
            connection.execute("select set_config('role', 'offhook_tenant', true), set_config('offhook.tenant', 'harbour', true)")
        assert connection.execute("select current_user").fetchone() == before
        assert connection.execute("select coalesce(current_setting('offhook.tenant', true), '')").fetchone() == ("",)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select 1 from call")


async def test_the_application_cannot_take_more(house: House) -> None:
    [(owner,)] = await house.look("select current_user")
    with connect(libpq(house.settings.sqlalchemy_url() or ""), autocommit=True) as connection:
        for statement in (f"set role {owner}", "alter table call disable row level security", "create table x (a int)", "drop table call"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)
        row = connection.execute("select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user").fetchone()
        assert row == (False, False, False)
