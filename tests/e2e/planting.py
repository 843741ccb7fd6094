"""Words planted in every column of the database, and a look through all of it: what is said to be gone is searched for, not asked after.

Nothing here knows a table: columns, types and conditions are the catalogue's, so that a table that is added is planted and searched too.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString, cast

from psycopg import Connection, errors, sql

TRIES = 4_000
TEXTS = {"text", "varchar", "json", "jsonb", "bytea"}
_COLUMNS = """
    select a.attname, t.typname, a.attnotnull, a.attgenerated <> '' or a.attidentity <> ''
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
_CHECKS = """
    select pg_get_constraintdef(k.oid), array(
        select a.attname::text from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey))
    from pg_constraint k where k.conrelid = %s::regclass and k.contype = 'c'
"""
_TABLES = """
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1, 2
"""


def holding(connection: Connection, column: str) -> list[str]:
    """Tables with this column."""
    rows = connection.execute(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relnamespace = 'public'::regnamespace"
        " and c.relkind = 'r' and a.attname = %s and not a.attisdropped order by 1",
        (column,),
    )
    return [row[0] for row in rows]


@dataclass(slots=True)
class Planter:
    """Puts rows with a word in every column that can hold it. Foreign keys and triggers are off meanwhile: only a superuser may."""

    connection: Connection
    word: str
    planted: set[tuple[str, str]] = field(default_factory=set)
    bare: set[tuple[str, str]] = field(default_factory=set)
    """Columns that could hold text, and whose conditions allow only certain words."""
    numbers: set[str] = field(default_factory=set)
    """Tables that were given a row and have nowhere to put a word; whose row it is, they say."""
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def row(self, table: str, **given: object) -> None:
        """One row more of a table, with these columns as given."""
        columns = [(name, kind, needed) for name, kind, needed, made in self.connection.execute(_COLUMNS, (table,)) if not made]
        choices = self._choices(table, columns, given)
        names = [name for name, _, _ in columns]
        insert = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(sql.SQL("%s::" + cast("LiteralString", kind)) for _, kind, _ in columns),
        )
        for values in itertools.islice(itertools.product(*(choices[name] for name in names)), TRIES):
            try:
                with self.connection.transaction():
                    self.connection.execute("set local session_replication_role = replica")
                    self.connection.execute(insert, values)
            except errors.CheckViolation:
                continue
            if not any(kind in TEXTS and name not in given for name, kind, _ in columns):
                self.numbers.add(table)
            for (name, kind, _), value in zip(columns, values, strict=True):
                if name not in given and kind in TEXTS:
                    held = value is not None and self.word in (value.decode() if isinstance(value, bytes) else str(value))
                    (self.planted if held else self.bare).add((table, name))
            return
        raise AssertionError(f"no row of {table} meets its conditions")

    def _choices(self, table: str, columns: list[tuple[str, str, bool]], given: Mapping[str, object]) -> dict[str, list[object]]:
        checked: dict[str, list[str]] = {}
        for definition, names in self.connection.execute(_CHECKS, (table,)):
            for name in names:
                checked.setdefault(name, []).extend(re.findall(r"'([^']*)'::text", definition))
        choices: dict[str, list[object]] = {}
        for name, kind, needed in columns:
            if name in given:
                choices[name] = [given[name]]
                continue
            choices[name] = self._values(kind)
            if name in checked:
                choices[name] += checked[name] if kind == "text" else []
                choices[name] += [] if needed else [None]
        return choices

    def _values(self, kind: str) -> list[object]:
        at = next(self._count)
        word, later = f"{self.word}{at}", timedelta(days=at)
        values: dict[str, list[object]] = {
            "text": [word],
            "varchar": [word],
            "jsonb": [json.dumps({word: [word]})],
            "json": [json.dumps({word: [word]})],
            "bytea": [word.encode(), word.encode().ljust(32)],
            "bool": [False, True],
            "timestamptz": [datetime(2026, 1, 1, tzinfo=UTC) + later, datetime(2025, 1, 1, tzinfo=UTC) - later],
            "date": [date(2026, 1, 1) + later],
            "_text": [[word]],
            "_int4": [[at + 1_000]],
        }
        return values.get(kind, [at + 1_000])


def search(connection: Connection, words: list[str], names: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Each table with rows that hold one of the words, as text or as bytes, or a name that is no part of a longer one."""
    needles = [re.escape(one) for one in (*words, *(word.encode().hex() for word in (*words, *names)))]
    pattern = re.compile("|".join([*needles, *(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in names)]))
    found: dict[str, list[str]] = {}
    for table, row in dump(connection):
        if hit := pattern.search(row):
            found.setdefault(table, []).append(row[max(0, hit.start() - 200) : hit.end() + 200])
    return found


def dump(connection: Connection) -> Iterator[tuple[str, str]]:
    """Every row of every table that is not the server's own, as text."""
    for table in connection.execute(_TABLES).fetchall():
        for row in connection.execute(sql.SQL("select t::text from {} t order by 1").format(sql.Identifier(*table))):
            yield ".".join(table), row[0]


def search_files(folder: Path, words: list[str]) -> list[Path]:
    """Files that hold one of the words, or are named by one."""
    found = []
    for place, _, names in os.walk(folder):
        for path in [Path(place), *(Path(place) / name for name in names)]:
            inside = path.read_bytes() if path.is_file() else b""
            if any(one in str(path.relative_to(folder)) or one.encode() in inside for one in words):
                found.append(path)
    return found


def rows(connection: Connection, tenant: str) -> Mapping[str, list[str]]:
    """All rows of one tenant, as text."""
    found: dict[str, list[Any]] = {}
    for table in holding(connection, "tenant_id"):
        query = sql.SQL("select t::text from {} t where tenant_id = %s order by 1").format(sql.Identifier(table))
        found[table] = [row[0] for row in connection.execute(query, (tenant,))]
    return found
