"""How quick the portal's server is: the list among 100,000 calls, and a call of 30 minutes. Times are printed, not judged; what is judged
does not depend on the machine: queries, rows read, and what a page costs beside the API's answer with the same calls.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.business import ADMIN, House, open_house
from tests.e2e.calls import NOW
from tests.e2e.long_call import long_call
from tests.e2e.portal import figure
from tests.e2e.portal_http import CALLS_PAGE, PAGE
from tests.e2e.test_calls_many import Spy, explain, read

pytestmark = [pytest.mark.portal, pytest.mark.timeout(600)]
MANY, TURNS, RECENT = 100_000, 20, 2_000
TIMES = 40
CALLS = """
    insert into call (tenant_id, id, agent_id, agent_version, transport, did, caller, state, planned_at, started_at, ended_at,
        last_seq, reason, outcome, seconds, slowest_ms, summary)
    select 'harbour', 'call_' || n, 'front-desk', 1, 'loopback', '+442079460000', '+447700' || lpad((n * 7 % 5000)::text, 6, '0'), 'ended',
        t, t, t + interval '2 minutes', 4, 'finished', (array['booked', 'lead', 'enquiry', 'message', 'transferred'])[1 + n % 5],
        20 + n % 240, case when n % 25 = 0 then 900 else 450 end, 'Somebody rang about boiler' || (n % 1000)::text || '.'
    from generate_series(1, :many) n
    cross join lateral (select cast(:now as timestamptz) - make_interval(mins => 5 * (:many - n) + 5) as t)
"""
EVENTS = """
    insert into call_event (tenant_id, call_id, id, seq, type, body)
    select 'harbour', 'call_' || n, n || '.' || seq, seq, case seq % 2 when 0 then 'turn.agent' else 'turn.caller' end,
        jsonb_build_object('type', case seq % 2 when 0 then 'turn.agent' else 'turn.caller' end, 'turn', seq, 'text', repeat('my tap ', 12),
            'heard', repeat('my tap ', 12), 'interrupted', seq = 8 and n % 9 = 0, 'start_ms', seq * 5000, 'end_ms', seq * 5000 + 4000,
            'acts', '[]'::jsonb, 'ladder', jsonb_build_object('total', 450, 'endpoint', 200, 'first_token', 180, 'playout', 70))
    from generate_series(:many - :recent + 1, :many) n, generate_series(1, :turns) seq
"""
RESULTS = """
    insert into call_result (tenant_id, call_id, result)
    select tenant_id, id, jsonb_build_object('intent', 'repair', 'outcome', outcome, 'success', 'good', 'summary', summary,
        'problem', 'boiler makes a noise', 'contact', jsonb_build_object('name', 'Somebody ' || right(id, 3)),
        'facts', jsonb_build_object('problem', 'boiler makes a noise', 'urgency', 'soon')) from call
"""
WORDS = """
    insert into call_word (tenant_id, word, at, call_id)
    select tenant_id, word, at, id from call,
        unnest(array['rang', trim(trailing '.' from split_part(summary, ' ', 4)), right(caller, 6)]) word
"""
PAGES: dict[str, tuple[str, int]] = {
    "this week": ("", 2_500),
    "all, comfortable": ("?when=all", 2_500),
    "an outcome": ("?when=all&outcome=booked", 7_000),
    "slow replies": ("?when=all&slow=true", 7_000),
    "a length": ("?length=long", 3_500),
    "a word, rare": ("?when=all&q=boiler777", 2_500),
    "a word, in all": ("?when=all&q=rang", 7_000),
    "nothing": ("?when=all&q=nosuchword", 100),
}
"""What is asked, and how many rows it may read at most: fifty calls with twenty turns each, and what a count up to a thousand goes through:
of an outcome that every fifth call has, five thousand."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of requests, by the wall and of our processor."""

    wall: list[float]
    busy: list[float]

    def __str__(self) -> str:
        def at(values: list[float], share: float) -> float:
            return sorted(values)[int(len(values) * share)]

        both = [f"p50 {at(values, 0.5):5.1f}  p95 {at(values, 0.95):5.1f}" for values in (self.wall, self.busy)]
        return f"wall {both[0]}  cpu {both[1]} ms"


async def take(house: House, path: str, headers: dict[str, str], times: int = TIMES) -> Taken:
    wall, busy = [], []
    for _ in range(times):
        begin, worked = time.perf_counter(), time.process_time()
        answer = await house.http.get(path, headers=headers)
        wall.append((time.perf_counter() - begin) * 1_000)
        busy.append((time.process_time() - worked) * 1_000)
        assert answer.status_code == 200, answer.text
    return Taken(wall, busy)


async def take_both(house: House, one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]]) -> tuple[Taken, float]:
    """What the one takes, and how many times as much of our processor as the other, in the median of pairs: they take turns, so that what
    a neighbour of the machine does to one it does to both.
    """
    first, second = Taken([], []), Taken([], [])
    for _ in range(TIMES):
        for taken, (path, headers) in ((first, one), (second, other)):
            once = await take(house, path, headers, 1)
            taken.wall.extend(once.wall)
            taken.busy.extend(once.busy)
    return first, statistics.median(mine / its for mine, its in zip(first.busy, second.busy, strict=True))


@asynccontextmanager
async def loaded(database_url: str, owner_url: str, folder: Path) -> AsyncIterator[House]:
    async with open_house(database_url, folder, owner_url=owner_url, requests_per_minute=10_000_000, portal_parts=True) as house:
        house.now[0] = NOW
        begin = time.perf_counter()
        await house.look(CALLS, many=MANY, now=NOW)
        await house.look(EVENTS, many=MANY, recent=RECENT, turns=TURNS)
        for statement in (RESULTS, WORDS, "analyze"):
            await house.look(statement)
        figure(f"portal: {MANY:,} calls loaded in {time.perf_counter() - begin:.0f} s, load average {os.getloadavg()[0]:.1f}")
        yield house


async def looked(house: House, path: str, headers: dict[str, str]) -> tuple[int, int]:
    """Queries of a page, and rows that it reads of calls."""
    spy = Spy()
    with spy.looking(house):
        assert (await house.http.get(path, headers=headers)).status_code == 200
    asked = [
        one for one in spy.statements if "set_config" not in one[0] and any(f"FROM {table}" in one[0] for table in ("call", "call_event"))
    ]
    rows = 0
    for statement, parameters in asked:
        plan = await explain(house, statement, parameters)
        rows += read(plan)
    return len(spy.statements), rows


async def test_the_list_among_a_hundred_thousand_calls(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with loaded(database_url, owner_url, tmp_path) as house:
        page: dict[str, str] = PAGE | await house.role("tenant_owner")
        shares: list[float] = []
        api = "/v1/tenants/harbour/calls?limit=50"
        figure(f"  {'the API, fifty calls':24} {await take(house, api, ADMIN)}")
        for name, (query, most) in PAGES.items():
            queries, rows = await looked(house, CALLS_PAGE + query, page)
            taken, share = await take_both(house, (CALLS_PAGE + query, page), (api, ADMIN))
            shares.append(share)
            figure(f"  {name:24} {taken}  {share:.1f} of the API's, {queries} queries, {rows} rows read")
            assert queries <= 20, name
            assert rows <= most, name
        assert max(shares) < 5, shares
        await _long(house, page)


async def _long(house: House, page: dict[str, str]) -> None:
    """A call of 30 minutes among them."""
    call = await long_call(house, 30, 300)
    for name, path in (("30 minutes: player", f"/_player/harbour/{call}"), ("30 minutes: drawing", f"/t/harbour/calls/{call}/_wave")):
        queries, rows = await looked(house, path, page)
        taken = await take(house, path, page, 20)
        size = len((await house.http.get(path, headers=page)).content)
        figure(f"  {name:24} {taken}  {queries} queries, {rows} rows read, {size / 1_000:.0f} kB")
        assert queries <= 18, name
        assert rows <= 1_000, name
    assert size < 60_000
