"""A real Postgres for the session, a fresh database and a fresh orchestrator for every test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.e2e.business import House, open_house

from offhook.orchestrator.db import migrate
from offhook.orchestrator.embedded import APP, EmbeddedPostgres

_count = itertools.count()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Real time, real sockets."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server whose database ``offhook`` is migrated and otherwise empty."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        migrate(server.url())
        yield server


@pytest.fixture
def database_name(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{next(_count)}"
    postgres.sql(f"create database {name} template offhook")
    yield name
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, database_name: str) -> str:
    """The test's database as the application connects to it: by a role that owns nothing."""
    return postgres.url(database_name, APP)


@pytest.fixture
def owner_url(postgres: EmbeddedPostgres, database_name: str) -> str:
    """The test's database as its owner connects to it: for migrations, and for looking behind row-level security."""
    return postgres.url(database_name)


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """An orchestrator with two tenants, spoken to over HTTP."""
    async with open_house(database_url, tmp_path) as opened:
        yield opened
