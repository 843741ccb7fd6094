"""A real Postgres for the session, a fresh database and a fresh orchestrator for every test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.e2e.business import House, open_house

from offhook.orchestrator.db import migrate
from offhook.orchestrator.embedded import EmbeddedPostgres

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
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{next(_count)}"
    postgres.sql(f"create database {name} template offhook")
    yield postgres.url(name)
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """An orchestrator with two tenants, spoken to over HTTP."""
    async with open_house(database_url) as opened:
        yield opened
