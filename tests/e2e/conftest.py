"""A real Postgres for the session, a fresh database and a fresh orchestrator for every test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.e2e.business import House, open_house
from tests.e2e.server import EMPTY, Server, server

from offhook.orchestrator.embedded import APP

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
ROOM = 2_000_000_000
"""Bytes: a server needs some 200 MB, and others want to be there too."""
_count = itertools.count()


@pytest.hookimpl(tryfirst=True)  # before those that are not asked for are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything about the portal's pages is ``make test-portal``'s."""
    for item in items:
        if item.path.name.startswith("test_portal_"):
            item.add_marker("portal")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Real time, real sockets."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a database that is migrated and otherwise empty.

    In memory where there is room: a copy of a database takes a twentieth of a second there, and up to half a second on a busy disk.
    """
    with ExitStack() as stack:
        if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="offhook-tests-", dir=MEMORY)))
        else:
            folder = tmp_path_factory.mktemp("postgres")
        yield stack.enter_context(server(folder))


@pytest.fixture(scope="session")
def used(postgres: Server) -> Iterator[deque[str]]:
    """Databases of tests that are over."""
    names: deque[str] = deque()
    yield names
    for name in names:
        postgres.sql(f"drop database {name} with (force)")


@pytest.fixture
def database_name(postgres: Server, used: deque[str]) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"{EMPTY}_{next(_count)}"
    postgres.sql(f"create database {name} template {EMPTY} strategy file_copy")
    yield name
    used.append(name)
    if len(used) > 1:  # not the one whose connections are just closing: Postgres would look again after 0.1 s only
        postgres.sql(f"drop database {used.popleft()} with (force)")


@pytest.fixture
def database_url(postgres: Server, database_name: str) -> str:
    """The test's database as the application connects to it: by a role that owns nothing."""
    return postgres.url(database_name, APP)


@pytest.fixture
def owner_url(postgres: Server, database_name: str) -> str:
    """The test's database as its owner connects to it: for migrations, and for looking behind row-level security."""
    return postgres.url(database_name)


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """An orchestrator with two tenants, spoken to over HTTP."""
    async with open_house(database_url, tmp_path, owner_url=owner_url) as opened:
        yield opened
