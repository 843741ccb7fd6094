"""The isolation suites: a database as in the end-to-end tests, on the embedded Postgres and on whatever OFFHOOK_TEST_DATABASE_URL names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.e2e.conftest import anyio_backend, database_name, database_url, house, owner_url, postgres, used

__all__ = ["anyio_backend", "database_name", "database_url", "house", "owner_url", "postgres", "used"]

COUNTS: Counter[str] = Counter()


@pytest.fixture
def counts() -> Counter[str]:
    """What was tried, over the whole run."""
    return COUNTS


@pytest.fixture(autouse=True, scope="session")
def _report() -> Iterator[None]:
    yield
    for name, count in sorted(COUNTS.items()):
        print(f"\nisolation: {count:>7,} {name}", end="")  # noqa: T201
