"""What was there before contacts were: customers with one number each, and all that hung on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from tests.e2e.server import Server

import offhook.orchestrator.migrations

BEFORE = """
INSERT INTO tenant (id, reseller_id, name, timezone, region, locale, diary)
    VALUES ('old', 'direct', 'Old', 'Europe/London', 'GB', 'en-GB', '{}');
INSERT INTO customer (tenant_id, id, phone, name, email, created_at)
    VALUES ('old', 'k1', '+447700900123', 'Ann O''Neil', 'ann@example.com', '2026-01-02'), ('old', 'k2', NULL, '', '', '2026-01-03');
INSERT INTO lead (tenant_id, id, customer_id, call_id, status, extras) VALUES ('old', 'l1', 'k1', 'c1', 'booked', '{}');
INSERT INTO message (tenant_id, id, customer_id, call_id, kind) VALUES ('old', 'm1', 'k2', 'c2', 'message');
INSERT INTO appointment (tenant_id, id, ref, customer_id, call_id, staff, starts_at, ends_at, extras)
    VALUES ('old', 'a1', 'K12', 'k1', 'c1', 'sam', '2026-02-01 09:00+00', '2026-02-01 10:00+00', '{}');
"""


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    folder = Path(next(iter(offhook.orchestrator.migrations.__path__)))
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.fixture
def empty_url(postgres: Server) -> Iterator[str]:
    """A database with nothing in it at all."""
    postgres.sql("create database before_contacts")
    yield postgres.url("before_contacts")
    postgres.sql("drop database before_contacts with (force)")


def test_customers_become_contacts(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        _upgrade(connection, "0008")
        for table in ("tenant", "customer", "lead", "message", "appointment"):
            connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        connection.exec_driver_sql(BEFORE)
        for table in ("tenant", "customer", "lead", "message", "appointment"):
            connection.exec_driver_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        _upgrade(connection, "head")
    with engine.begin() as connection:
        connection.exec_driver_sql("select set_config('role', 'offhook_tenant', true), set_config('offhook.tenant', 'old', true)")

        def rows(sql: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

        assert rows("select id, name, revision, updated_at = created_at from contact order by id") == [
            ("k1", "Ann O'Neil", 1, True),
            ("k2", "", 1, True),
        ]
        assert rows("select phone, contact_id from contact_phone") == [("+447700900123", "k1")]
        assert rows("select word from contact_word order by 1") == [("ann",), ("com",), ("example",), ("neil",), ("o",)]
        assert rows("select contact_id, status, note, revision from lead") == [("k1", "booked", "", 1)]
        assert rows("select contact_id from message") == [("k2",)]
        assert rows("select contact_id, call_id, revision, updated_at = created_at from appointment") == [("k1", "c1", 1, True)]
    with engine.connect() as connection:
        forced = "select relname from pg_class where relname in ('contact', 'lead', 'appointment') and relforcerowsecurity order by 1"
        assert list(connection.exec_driver_sql(forced).scalars()) == ["appointment", "contact", "lead"]
    engine.dispose()
