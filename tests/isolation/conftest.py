"""The isolation suites: a database as in the end-to-end tests, on the embedded Postgres and on whatever OFFHOOK_TEST_DATABASE_URL names."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.e2e.business import House, open_house
from tests.e2e.conftest import anyio_backend, database_name, database_url, owner_url, postgres, used

__all__ = ["anyio_backend", "database_name", "database_url", "owner_url", "postgres", "used"]

COUNTS: Counter[str] = Counter()


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """As in the end-to-end tests, but that one key may ask for every route there is at one moment."""
    async with open_house(database_url, tmp_path, owner_url=owner_url, requests_per_minute=1_000_000) as opened:
        yield opened


@pytest.fixture
def counts() -> Counter[str]:
    """What was tried, over the whole run."""
    return COUNTS


@pytest.fixture(autouse=True, scope="session")
def _report() -> Iterator[None]:
    yield
    for name, count in sorted(COUNTS.items()):
        print(f"\nisolation: {count:>7,} {name}", end="")  # noqa: T201
