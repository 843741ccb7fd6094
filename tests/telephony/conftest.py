"""A database and an orchestrator as in the end-to-end tests."""

from tests.e2e.conftest import anyio_backend, database_name, database_url, owner_url, postgres, used

__all__ = ["anyio_backend", "database_name", "database_url", "owner_url", "postgres", "used"]
