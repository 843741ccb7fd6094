"""The database: tables' base, transactions by tenant, and migrations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, DateTime, MetaData, Text, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from offhook.errors import ConfigError
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope

LIMITS = "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=30000"
"""Nothing waits for ever: not for a lock, nor for a process that died with a transaction open. Milliseconds."""
WAIT_S = 10.0
"""Longest wait for one of the pool's connections."""
ROLE = "-c role=offhook_app"
"""Every connection of the application begins as a role that owns nothing and reads nothing, whoever logged in."""
_ENTER = text(
    "select set_config('role', :role, true), set_config('offhook.tenant', :tenant, true), set_config('offhook.reseller', :reseller, true)"
)
_ENTER_WITHIN = text(f"{_ENTER.text}, set_config('statement_timeout', :within, true)")


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
            pool_timeout=WAIT_S,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={"options": f"{LIMITS} {ROLE}"},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def tenant(self, tenant: str, *, within_ms: int | None = None) -> AsyncIterator[TenantScope]:
        """A transaction of this tenant: committed at the end of the block, rolled back on any error.

        ``within_ms``: a statement that takes longer is given up by the database, and ends the transaction.
        """
        async with self._as("offhook_tenant", tenant=tenant, within_ms=within_ms) as session:
            yield TenantScope(session, tenant)

    @asynccontextmanager
    async def reseller(self, reseller: str) -> AsyncIterator[ResellerScope]:
        """A transaction of this reseller."""
        async with self._as("offhook_reseller", reseller=reseller) as session:
            yield ResellerScope(session, reseller)

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[PlatformScope]:
        """A transaction over the directory."""
        async with self._as("offhook_platform") as session:
            yield PlatformScope(session)

    @asynccontextmanager
    async def tenant_within(self, outer: ResellerScope | PlatformScope, tenant: str) -> AsyncIterator[TenantScope]:
        """The same transaction on behalf of a tenant for a while: what both write is committed together. Whoever calls has found the tenant
        by the outer scope.
        """
        await _enter(outer.session, TenantScope(outer.session, tenant))
        yield TenantScope(outer.session, tenant)
        await _enter(outer.session, outer)  # not after an error: then the whole transaction is over

    @asynccontextmanager
    async def platform_within(self, outer: ResellerScope) -> AsyncIterator[PlatformScope]:
        """The same transaction over the directory for a while."""
        await _enter(outer.session, PlatformScope(outer.session))
        yield PlatformScope(outer.session)
        await _enter(outer.session, outer)

    @asynccontextmanager
    async def _as(self, role: str, *, tenant: str = "", reseller: str = "", within_ms: int | None = None) -> AsyncIterator[AsyncSession]:
        """A transaction in a scope role. All settings end with the transaction, so that a pooled connection keeps nothing."""
        values = {"role": role, "tenant": tenant, "reseller": reseller}
        async with self._sessions() as session, session.begin():
            if within_ms is None:
                await session.execute(_ENTER, values)
            else:
                await session.execute(_ENTER_WITHIN, {**values, "within": str(within_ms)})
            yield session

    async def check(self) -> None:
        """ConfigError if the application's role could read past row-level security."""
        async with self._sessions() as session:
            row = (
                await session.execute(
                    text(
                        "select current_user, rolsuper or rolbypassrls as strong,"
                        " exists (select from pg_class where relowner = pg_roles.oid and relkind in ('r', 'p')) as owns"
                        " from pg_roles where rolname = current_user"
                    )
                )
            ).one()
        if row.strong or row.owns:
            raise ConfigError(f"the database role {row.current_user} sees every tenant's rows: connect by a member of offhook_app")

    async def close(self) -> None:
        """Close all connections; idempotent."""
        await self._engine.dispose()


async def _enter(session: AsyncSession, scope: TenantScope | ResellerScope | PlatformScope) -> None:
    """Take this scope's role in a transaction that is open."""
    values = {"role": "offhook_platform", "tenant": "", "reseller": ""}
    if isinstance(scope, TenantScope):
        values |= {"role": "offhook_tenant", "tenant": scope.tenant}
    elif isinstance(scope, ResellerScope):
        values |= {"role": "offhook_reseller", "reseller": scope.reseller}
    await session.execute(_ENTER, values)


async def raw_connection(session: AsyncSession) -> Any:  # noqa: ANN401 - psycopg's connection, passed through
    """The driver's connection of this transaction, for the job queue, whose defer joins it."""
    connection = await session.connection()
    return (await connection.get_raw_connection()).driver_connection


def libpq(url: str) -> str:
    """The same database as libpq names it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def migrate(url: str) -> None:
    """Bring the database to the newest schema; synchronous, safe to run from several processes at once.

    Only its owner can do that: whoever finds it at the newest schema already needs no right to. ConfigError otherwise.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if _revision(connection) == ScriptDirectory.from_config(config).get_current_head():
                return
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(722000001)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise ConfigError("the database needs migrating: set OFFHOOK_MIGRATION_URL to its owner's login", detail=str(error.orig)) from error
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    try:
        return MigrationContext.configure(connection).get_current_revision()
    except ProgrammingError:  # the table of revisions is there and not for us to read: from before it was
        connection.rollback()
        return None
