"""A database and an orchestrator as in the end-to-end tests, and a business system of the tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.e2e.business import House, open_house
from tests.e2e.conftest import anyio_backend, database_name, database_url, owner_url, postgres, used
from tests.paperwork.tradebook import SETTINGS, Tradebook

from offhook.adapters import crm
from offhook.adapters.modules import found

__all__ = ["anyio_backend", "database_name", "database_url", "owner_url", "postgres", "used"]

INSTALLED = Path(__file__).parent / "systems"


@pytest.fixture
def tradebook() -> Iterator[Tradebook]:
    """A system, and its adapter as if it were installed: a file in a folder that the package looks in."""
    crm.__path__.append(str(INSTALLED))
    found.cache_clear()
    try:
        yield Tradebook()
    finally:
        crm.__path__.remove(str(INSTALLED))
        found.cache_clear()


@pytest.fixture
async def shop(database_url: str, owner_url: str, tmp_path: Path, tradebook: Tradebook) -> AsyncIterator[House]:
    """An orchestrator that reaches the system."""
    transports = {"crm/tradebook": tradebook.transport()}
    async with open_house(database_url, tmp_path, owner_url=owner_url, transports=transports, **SETTINGS) as house:
        yield house
