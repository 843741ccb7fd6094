"""The start page of a business with 100,000 calls: which rows are read for it. Times are printed, not judged."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.portal import figure
from tests.e2e.portal_http import PAGE
from tests.e2e.test_calls_many import Spy, explain, nodes, read
from tests.e2e.test_portal_today import sentence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MANY = 100_000
CALLS = """
    insert into call (tenant_id, id, agent_id, agent_version, transport, did, caller, state, test, planned_at, started_at, ended_at,
        last_seq, reason, outcome, seconds, summary)
    select 'harbour', 'call_' || n, 'front-desk', 1, 'loopback', '+442079460000', '+447700' || lpad((n % 5000)::text, 6, '0'), 'ended',
        n % 50 = 0, cast(:now as timestamptz) - n * interval '3 minutes', cast(:now as timestamptz) - n * interval '3 minutes',
        cast(:now as timestamptz) - n * interval '3 minutes' + interval '90 seconds', 9,
        case when n % 400 = 0 then 'failed' else 'hangup' end,
        (array['booked', 'lead', 'message', 'transferred', 'left_early'])[1 + n % 5], 30 + n % 200, 'rang'
    from generate_series(1, :many) n
"""
EVENTS = """
    insert into call_event (tenant_id, call_id, id, seq, type, body)
    select 'harbour', 'call_' || n, 'e' || n || '_' || k, k, 'turn.agent',
        jsonb_build_object('start_ms', k * 1000, 'end_ms', k * 1000 + 500, 'ladder', jsonb_build_object('total', 400 + n % 300))
    from generate_series(1, 500) n, generate_series(1, 8) k
"""
TABLES = ("call", "call_event", "call_result", "lead", "message", "appointment", "webhook_delivery", "seen_to", "contact_phone")
MOST = 4_000
"""Rows that may be read for the page: some 220 calls of the day, 60 calls' replies, and the latest calls' turns."""


async def test_the_page_reads_the_day_and_not_the_years(house: House) -> None:
    house.now[0] = NOW
    await house.look(CALLS, now=NOW, many=MANY)
    await house.look(EVENTS)
    for table in TABLES:
        await house.look(f"analyze {table}")
    headers = PAGE | await house.role("tenant_owner")
    spy = Spy()
    with spy.looking(house):
        page = await house.http.get("/t/harbour", headers=headers)
    assert sentence(page.text).startswith("216 calls answered since midnight.")
    total = 0
    asked = [one for table in TABLES for one in spy.of(table)]
    assert len(asked) > 10
    for statement, parameters in asked:
        plan = await explain(house, statement, parameters)
        scanned = [
            one["Relation Name"] for one in nodes(plan) if one["Node Type"] == "Seq Scan" and one["Relation Name"] in {"call", "call_event"}
        ]
        assert not scanned, (statement, scanned)
        total += read(plan)
    assert total < MOST, total
    taken = []
    for _ in range(20):
        begin = time.perf_counter()
        assert (await house.http.get("/t/harbour", headers=headers)).status_code == 200
        taken.append(time.perf_counter() - begin)
        house.now[0] += timedelta(seconds=1)
    taken.sort()
    figure(f"today with {MANY:,} calls: {len(spy.statements)} queries, {total} rows read, p50 {taken[10] * 1000:.0f} ms")
