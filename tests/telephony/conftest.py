"""A database and an orchestrator as in the end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import anyio_backend, database_name, database_url, owner_url, postgres, used

from offhook.orchestrator.embedded import EmbeddedPostgres

__all__ = ["anyio_backend", "database_name", "database_url", "owner_url", "postgres", "used"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An empty database server of the test's own; the platform migrates it."""
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as running:
        yield running.url()
