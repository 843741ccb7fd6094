"""What the database itself says of tenants' tables: so that nothing which is added to it can be forgotten here."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

TENANT = "tenant"
_TABLES = text("select name from offhook_tenant_tables() order by 1")
_LINKS = text("""
    select k.conrelid::regclass::text as child, k.confrelid::regclass::text as parent,
        array_agg(a.attname::text) filter (where not a.attnotnull) as optional
    from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey)
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace
    group by k.oid, k.conrelid, k.confrelid
""")


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign key between two tables; ``optional`` columns may be empty."""

    child: str
    parent: str
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Tables, each before those that it refers to, and the columns to be emptied first because tables refer to each other in a ring."""

    tables: tuple[str, ...]
    loosen: tuple[tuple[str, str], ...]


def order(tables: list[str], links: list[Link]) -> Order:
    """In which order tables are emptied. Pure. CycleError for a ring of which no link is optional."""
    kept = [one for one in links if one.child != one.parent and one.child in tables and one.parent in tables]
    loosen: list[tuple[str, str]] = []
    while True:
        graph: dict[str, set[str]] = {table: set() for table in tables}
        for link in kept:
            graph[link.parent].add(link.child)
        try:
            return Order(tuple(TopologicalSorter(graph).static_order()), tuple(loosen))
        except CycleError as error:
            ring = error.args[1]
            around = {*pairwise(ring), *pairwise(reversed(ring))}
            loose = next((one for one in kept if one.optional and (one.child, one.parent) in around), None)
            if loose is None:
                raise
            kept.remove(loose)
            loosen += [(loose.child, column) for column in loose.optional]


async def read(session: AsyncSession) -> Order:
    """The order of this database; the tenant's own record comes last."""
    tables = list((await session.execute(_TABLES)).scalars())
    links = [Link(row.child, row.parent, tuple(row.optional or ())) for row in await session.execute(_LINKS)]
    found = order(tables, links)
    return Order((*(one for one in found.tables if one != TENANT), TENANT), found.loosen)
