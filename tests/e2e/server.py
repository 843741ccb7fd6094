"""Which Postgres the tests run on: the embedded one, or the server that OFFHOOK_TEST_DATABASE_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg import Connection, connect, sql

from offhook.orchestrator.db import libpq, migrate
from offhook.orchestrator.embedded import APP, USER, EmbeddedPostgres

VARIABLE: Final = "OFFHOOK_TEST_DATABASE_URL"
EMPTY: Final = f"offhook_test_{os.getpid()}"
"""A migrated database with nothing in it, which each test's own is copied from."""
LOGIN: Final = "offhook_test_login"
"""Whom the application connects as on a real server: a login with a password that is a member of ``offhook_app`` and nothing else."""
PASSWORD: Final = "a password / of : many @ kinds"


class Server(Protocol):
    """A Postgres server, for its owner."""

    def url(self, database: str, user: str = USER) -> str:
        """For SQLAlchemy with psycopg: as the owner, or as ``offhook_app``."""
        ...

    def sql(self, statement: str) -> object:
        """Run one statement as the owner, in no transaction."""
        ...


class RealPostgres:
    """A server that is there already, reached over TCP by a role that may make databases and roles (``owner``, a URL with its password)."""

    def __init__(self, owner: str) -> None:
        self._owner = owner

    def url(self, database: str, user: str = USER) -> str:
        """For SQLAlchemy with psycopg. The application comes by a login that owns nothing."""
        parts = urlsplit(self._owner)
        host = parts.netloc.rpartition("@")[2]
        netloc = f"{LOGIN}:{quote(PASSWORD, safe='')}@{host}" if user == APP else parts.netloc
        return urlunsplit(("postgresql+psycopg", netloc, f"/{database}", parts.query, ""))

    def sql(self, statement: str) -> None:
        """Run one statement as the owner."""
        with connect(self._owner, autocommit=True) as connection:
            connection.execute(statement.encode())

    def login(self) -> None:
        """Make the application's login, once migrating has made the roles."""
        with connect(self._owner, autocommit=True) as connection:
            name = sql.Identifier(LOGIN)
            if connection.execute("select from pg_roles where rolname = %s", (LOGIN,)).fetchone() is None:
                connection.execute(sql.SQL("create role {} login noinherit password {}").format(name, sql.Literal(PASSWORD)))
            connection.execute(sql.SQL("grant offhook_app to {}").format(name))


@dataclass(frozen=True)
class OwnPostgres:
    """The embedded server, spoken to over one connection: a program for each statement would take longer than most statements."""

    server: EmbeddedPostgres
    connection: Connection[Any]

    def url(self, database: str, user: str = USER) -> str:
        """For SQLAlchemy with psycopg."""
        return self.server.url(database, user)

    def sql(self, statement: str) -> None:
        """Run one statement as the owner."""
        self.connection.execute(statement.encode())


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """The server that the tests run on, with a migrated and otherwise empty database ``EMPTY``."""
    if owner := os.environ.get(VARIABLE):
        real = RealPostgres(owner)
        real.sql(f"drop database if exists {EMPTY} with (force)")
        real.sql(f"create database {EMPTY}")
        try:
            migrate(real.url(EMPTY))
            real.login()
            yield real
        finally:
            real.sql(f"drop database if exists {EMPTY} with (force)")
    else:
        with EmbeddedPostgres(folder, durable=False) as embedded:
            embedded.sql(f"create database {EMPTY}")
            migrate(embedded.url(EMPTY))
            with connect(libpq(embedded.url("postgres")), autocommit=True) as connection:
                yield OwnPostgres(embedded, connection)
