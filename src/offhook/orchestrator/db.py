"""The database: tables' base, transactions by tenant, and migrations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from sqlalchemy import DateTime, MetaData, Text, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from offhook.orchestrator.scope import PlatformScope, TenantScope

LIMITS = "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=30000"
"""Nothing waits for ever: not for a lock, nor for a process that died with a transaction open. Milliseconds."""


class Base(DeclarativeBase):
    """Base of all tables: every time has a zone, every document is JSONB."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class Database:
    """A pool and the two ways into it. One request or job is one transaction."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={"options": LIMITS},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def tenant(self, tenant: str) -> AsyncIterator[TenantScope]:
        """A transaction of this tenant: committed at the end of the block, rolled back on any error.

        The tenant is also told to Postgres, for row-level security.
        """
        async with self._sessions() as session, session.begin():
            await session.execute(text("select set_config('offhook.tenant', :tenant, true)"), {"tenant": tenant})
            yield TenantScope(session, tenant)

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[PlatformScope]:
        """A transaction of no tenant."""
        async with self._sessions() as session, session.begin():
            yield PlatformScope(session)

    async def close(self) -> None:
        """Close all connections; idempotent."""
        await self._engine.dispose()


async def raw_connection(session: AsyncSession) -> Any:  # noqa: ANN401 - psycopg's connection, passed through
    """The driver's connection of this transaction, for the job queue, whose defer joins it."""
    connection = await session.connection()
    return (await connection.get_raw_connection()).driver_connection


def libpq(url: str) -> str:
    """The same database as libpq names it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def migrate(url: str) -> None:
    """Bring the database to the newest schema; synchronous, safe to run from several processes at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(722000001)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
