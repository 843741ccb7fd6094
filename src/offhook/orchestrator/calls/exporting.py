"""Lists of calls as files: read in parts, each in a transaction of its own, while they are sent."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal
from zoneinfo import ZoneInfo

from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.schemas import Call, CallFilter
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.services import Services

Format = Literal["csv", "json"]
MOST: Final = 50_000
"""Calls of one file, the latest."""
PART: Final = 500
COLUMNS: Final = (
    "id", "at", "caller", "name", "number", "agent", "version", "state", "outcome", "reason", "seconds", "slowest_reply_ms", "summary",
)  # fmt: skip
_PROGRAM: Final = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a cell begins that a spreadsheet would work out instead of showing it."""


async def rows(given: Services, tenant: str, wanted: CallFilter, zone: ZoneInfo) -> AsyncIterator[list[tuple[object, ...]]]:
    """Parts of the list, the latest call first: the values of ``COLUMNS``. Times are those of the zone."""
    after = None
    for _ in range(0, MOST, PART):
        async with given.database.tenant(tenant) as scope:
            calls = await ops.page(scope, wanted, PART, after)
            names = await crm.names(scope, {one.caller for one in calls if one.caller})
        if calls:
            yield [_values(one, names.get(one.caller, ""), zone) for one in calls]
        if len(calls) < PART:
            return
        after = (calls[-1].at, calls[-1].id)


def _values(one: Call, name: str, zone: ZoneInfo) -> tuple[object, ...]:
    at = one.at.astimezone(zone).isoformat(timespec="seconds")
    agent = (one.agent_id, one.agent_version)
    ended = (one.outcome, one.reason, one.seconds, one.slowest_ms, one.summary)
    return one.id, at, one.caller, name, one.did, *agent, one.state, *ended


async def as_csv(parts: AsyncIterator[list[tuple[object, ...]]]) -> AsyncIterator[bytes]:
    """For spreadsheets (RFC 4180, with a byte order mark): no cell is a formula."""
    yield b"\xef\xbb\xbf" + _lines([COLUMNS])
    async for part in parts:
        yield _lines(part)


def _lines(part: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([[_cell(one) for one in row] for row in part])
    return out.getvalue().encode()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_PROGRAM) else value


async def as_json(parts: AsyncIterator[list[tuple[object, ...]]]) -> AsyncIterator[bytes]:
    """One array of objects."""
    begin = b"[\n"
    async for part in parts:
        for row in part:
            yield begin + json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False).encode()
            begin = b",\n"
    yield b"]\n" if begin != b"[\n" else b"[]\n"
