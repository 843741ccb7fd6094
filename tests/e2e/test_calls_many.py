"""Lists with 200,000 calls in the database: how many queries, which indexes, how many rows are read. Times are printed, not judged."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import event
from tests.e2e.business import ADMIN, House, open_house

from offhook.orchestrator.kit.paging import cursor_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MANY, TENANTS = 100_000, 50
TIMES = 60
LISTS: dict[str, tuple[str, int]] = {
    "first page": ("", 60),
    "200 at once": ("limit=200", 210),
    "state=live": ("state=live", 60),
    "state=ended": ("state=ended", 120),
    "state=planned, none": ("state=planned", 10),
    "outcome, common": ("outcome=booked", 60),
    "outcome, rare": ("outcome=failed", 200),
    "outcome, none": ("outcome=nothing", 10),
    "agent, common": ("agent=front-desk", 60),
    "agent, rare": ("agent=second", 60),
    "number": ("number=%2B442079460007", 60),
    "caller": ("caller=%2B447700000042", 60),
    "caller, none": ("caller=%2B440000000000", 10),
    "a time": ("since=2026-06-01T00:00:00Z&until=2026-06-08T00:00:00Z", 60),
    "a time, empty": ("since=2030-01-01T00:00:00Z", 10),
    "tests": ("test=true", 60),
    "word, in every call": ("q=rang", 120),
    "word, rare": ("q=boiler777", 200),
    "word, none": ("q=zzz", 10),
    "number's end": ("q=000042", 2_500),
    "two words": ("q=rang%20boiler777", 200),
    "agent and outcome": ("agent=second&outcome=booked", 2_000),
    "outcome and time": ("outcome=booked&since=2026-06-01T00:00:00Z&until=2026-06-08T00:00:00Z", 60),
    "word and state": ("q=rang&state=ended", 200),
}
"""What is asked, and how many rows it may read at most."""

COPY = """
    insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(t) || jsonb_build_object({changes}))).*
    from {table} t{more} where {where}
"""
CALLS = """
    insert into call (tenant_id, id, agent_id, agent_version, transport, did, caller, state, test, planned_at, started_at, ended_at,
        last_seq, reason, outcome, seconds, summary)
    select {tenant}, 'call_' || {tenant} || '_' || n, case when n % 97 = 0 then 'second' else 'front-desk' end, 1, 'loopback',
        '+4420794600' || lpad((n % 20)::text, 2, '0'), '+447700' || lpad((n % 5000)::text, 6, '0'),
        case when n > {count} - 8 then 'live' else 'ended' end, n % 50 = 0,
        t, t, t + interval '2 minutes', 4, 'finished',
        case when n > {count} - 8 then null when n % 1000 = 1 then 'failed' when n % 3 = 0 then 'booked' else 'enquiry' end, 120,
        'Somebody rang about boiler' || (n % 1000)::text || '. Outcome: booked.'
    from generate_series(1, {count}) n
    cross join lateral (select timestamptz '2026-11-22' - make_interval(mins => 5 * ({count} - n)) as t){more}
"""
EVENTS = """
    insert into call_event (tenant_id, call_id, id, seq, type, body)
    select tenant_id, id, id || '.' || seq, seq, case seq when 1 then 'call.started' when 4 then 'call.ended' else 'turn.caller' end,
        jsonb_build_object('type', case seq when 1 then 'call.started' when 4 then 'call.ended' else 'turn.caller' end,
            'turn', seq, 'text', 'my tap is dripping', 'start_ms', seq * 1000, 'end_ms', seq * 1000 + 900)
    from call, generate_series(1, 4) seq
"""
RESULTS = """
    insert into call_result (tenant_id, call_id, result)
    select tenant_id, id, jsonb_build_object('intent', 'enquiry', 'outcome', 'booked', 'success', 'good', 'summary', summary) from call
"""
WORDS = """
    insert into call_word (tenant_id, word, at, call_id)
    select tenant_id, word, at, id from call,
        unnest(array['rang', trim(trailing '.' from split_part(summary, ' ', 4)), right(caller, 6), right(caller, 9)]) word
"""


@dataclass(slots=True)
class Spy:
    """What goes to the database while it looks."""

    statements: list[tuple[str, Any]] = field(default_factory=list)

    @contextmanager
    def looking(self, house: House) -> Iterator[None]:
        engine = house.services.database._engine.sync_engine

        def sent(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
            self.statements.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", sent)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", sent)

    def of(self, table: str) -> list[tuple[str, Any]]:
        return [one for one in self.statements if f"FROM {table} " in one[0].replace("\n", " ") + " "]


async def explain(house: House, statement: str, parameters: Any) -> dict[str, Any]:
    """How the tenant's own role, with its policies, has this statement done."""
    async with house.services.database.tenant("harbour") as scope:
        connection = await scope.session.connection()
        rows = (await connection.exec_driver_sql(f"explain (analyze, format json) {statement}", parameters)).scalar_one()
    found: dict[str, Any] = (json.loads(rows) if isinstance(rows, str) else rows)[0]["Plan"]
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read(plan: dict[str, Any]) -> int:
    """Rows that were taken from tables and indexes."""
    scans = [node for node in nodes(plan) if "Scan" in node["Node Type"]]
    return sum(
        round(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
            * node["Actual Loops"]
        )
        for node in scans
    )


async def load(house: House) -> None:
    begin = time.perf_counter()
    run = house.look
    await run(COPY.format(table="agent", changes="'id', 'second'", more="", where="t.tenant_id = 'harbour'"))
    await run(
        COPY.format(table="tenant", changes="'id', 'many' || n", more=f", generate_series(1, {TENANTS}) n", where="t.id = 'quayside'")
    )
    for agent in ("front-desk", "second"):
        changes = f"'tenant_id', 'many' || n, 'id', '{agent}'"
        more = f", generate_series(1, {TENANTS}) n"
        await run(COPY.format(table="agent", changes=changes, more=more, where="t.tenant_id = 'quayside' and t.id = 'front-desk'"))
    await run(CALLS.format(tenant="'harbour'", count=MANY, more=""))
    await run(CALLS.format(tenant="'many' || m", count=MANY // TENANTS, more=f", generate_series(1, {TENANTS}) m"))
    await run(EVENTS)
    await run(RESULTS)
    await run(WORDS)
    await run("analyze")
    [(calls, events, words)] = await run(
        "select (select count(*) from call), (select count(*) from call_event), (select count(*) from call_word)"
    )
    assert (calls, events) == (2 * MANY, 8 * MANY)
    print(f"\nloaded {calls:,} calls, {events:,} events, {words:,} words in {time.perf_counter() - begin:.1f} s")  # noqa: T201


@asynccontextmanager
async def loaded(database_url: str, owner_url: str, folder: Path) -> AsyncIterator[House]:
    async with open_house(database_url, folder, owner_url=owner_url, requests_per_minute=10_000_000) as house:
        await load(house)
        yield house


async def measured(house: House, path: str, times: int = TIMES) -> tuple[float, float, float]:
    """Median and 95th percentile of a request, and what it takes of our processor: milliseconds, over HTTP in process."""
    taken = []
    busy = time.process_time()
    for _ in range(times):
        begin = time.perf_counter()
        answer = await house.http.get(f"/v1/tenants/harbour{path}", headers=ADMIN)
        taken.append((time.perf_counter() - begin) * 1_000)
        assert answer.status_code == 200, answer.text
    busy = (time.process_time() - busy) * 1_000 / times
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.95)], busy


async def test_lists_and_calls_among_two_hundred_thousand(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with loaded(database_url, owner_url, tmp_path) as house:
        lists = dict(LISTS)
        deep = "select at, id from call where tenant_id = 'harbour' and not test order by at desc, id desc offset 90000 limit 1"
        [place] = await house.look(deep)
        for name, filters in (("deep page", {}), ("deep page of a word", {"q": "rang"}), ("deep page, agent", {"agent": "front-desk"})):
            bound = {"list": "calls", "tenant": "harbour", **filters, "test": False}
            asked_for = {**filters, "cursor": cursor_of(house.services, bound, tuple(place))}
            lists[name] = (urlencode(asked_for), 120)
        worst = 0.0
        for name, (query, most) in lists.items():
            spy = Spy()
            with spy.looking(house):
                answer = await house.http.get(f"/v1/tenants/harbour/calls?{query}", headers=ADMIN)
            assert answer.status_code == 200, (name, answer.text)
            assert len(answer.json()["data"]) == 0 or "none" not in name, name
            asked = spy.of("call")
            assert len(asked) == 1, (name, [one[0] for one in spy.statements])
            assert len(spy.statements) == 4, (name, [one[0] for one in spy.statements])  # two scopes, the tenant, the list
            plan = await explain(house, *asked[0])
            kinds = [(node["Node Type"], node.get("Index Name", "")) for node in nodes(plan)]
            rows = read(plan)
            assert not [one for one in nodes(plan) if one["Node Type"] == "Seq Scan" and one["Relation Name"].startswith("call")], (
                name,
                kinds,
            )
            assert rows <= most, (name, rows, kinds)
            half, tail, busy = await measured(house, f"/calls?{query}")
            worst = max(worst, tail)
            used = ", ".join(dict.fromkeys(index for _, index in kinds if index))
            print(f"  {name:24} p50 {half:6.1f} ms  p95 {tail:6.1f} ms  cpu {busy:5.1f} ms  {rows:6} rows read by {used}")  # noqa: T201
        print(f"  worst p95 of a list: {worst:.1f} ms")  # noqa: T201
        await _show(house)
        await _delete(house)


async def _show(house: House) -> None:
    call = "call_harbour_54321"
    for path, most in ((f"/calls/{call}", 9), (f"/calls/{call}/transcript", 2)):
        spy = Spy()
        with spy.looking(house):
            assert (await house.http.get(f"/v1/tenants/harbour{path}", headers=ADMIN)).status_code == 200
        asked = spy.statements[3:]
        assert len(asked) <= most, [one[0] for one in asked]
        total = 0
        for statement, parameters in asked:
            plan = await explain(house, statement, parameters)
            seen = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan" and str(node["Relation Name"]).startswith("call")]
            assert not seen, statement
            total += read(plan)
        assert total <= 30, path
        half, tail, busy = await measured(house, path)
        name = "one call" if path.endswith(call) else "transcript"
        print(f"  {name:24} p50 {half:6.1f} ms  p95 {tail:6.1f} ms  cpu {busy:5.1f} ms  {total:6} rows, {len(asked)} queries")  # noqa: T201


async def _delete(house: House) -> None:
    spy, begin = Spy(), time.perf_counter()
    with spy.looking(house):
        assert (await house.ask("DELETE", "/calls/call_harbour_4321")).status_code == 204
    print(f"  {'delete':24} {(time.perf_counter() - begin) * 1_000:.1f} ms, {len(spy.statements)} queries")  # noqa: T201
    for statement, parameters in spy.statements:
        if statement.startswith(("SELECT call", "DELETE FROM", "UPDATE appointment")):
            plan = await explain(house, statement, parameters)
            assert not [one for one in nodes(plan) if one["Node Type"] == "Seq Scan" and one["Relation Name"].startswith("call")], statement
