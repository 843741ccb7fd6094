"""Calls that are over and have left something, put where the engine and the tools would have put it; and systems to write it to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString

from anyio import to_thread
from psycopg import connect as connection_to
from tests.e2e.business import House

from offhook.orchestrator.calls import intake
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.db import libpq
from offhook.orchestrator.paperwork import jobs
from offhook.orchestrator.paperwork.repo import Runs

Left = Literal["booking", "lead", "silence", "wrong number"]
AGENT = "front-desk"
CONTACT: LiteralString = "insert into contact (tenant_id, id, phone, name) values (%s, %s, %s, 'Ann Lee') on conflict do nothing"
NUMBER: LiteralString = "insert into contact_phone (tenant_id, phone, contact_id) values (%s, %s, %s) on conflict do nothing"
CALL: LiteralString = (
    "insert into call (tenant_id, id, agent_id, did, caller, state, started_at, ended_at, last_seq, reason, outcome, seconds, test)"
    " values (%s, %s, %s, '+442079460000', %s, 'ended', %s, %s, %s, 'hangup', 'booked', 60, %s)"
)
EVENT: LiteralString = "insert into call_event (tenant_id, call_id, id, seq, type, body) values (%s, %s, %s, %s, %s, %s)"
VISIT: LiteralString = (
    "insert into appointment (tenant_id, id, ref, contact_id, call_id, staff, starts_at, ends_at, extras)"
    " values (%s, %s, %s, %s, %s, 'sam', %s, %s, '{}')"
)
LEAD: LiteralString = (
    "insert into lead (tenant_id, id, contact_id, call_id, status, problem, extras) values (%s, %s, %s, %s, 'new', 'tap', '{}')"
)


@dataclass(frozen=True, slots=True)
class Rang:
    """A call, and what it left."""

    id: str
    caller: str
    left: Left
    name: str = "Ann Lee"
    test: bool = False


def phone(number: int) -> str:
    """Of a drama."""
    return f"+447700900{number:03d}"


async def put(house: House, calls: Sequence[Rang], tenant: str = "harbour") -> None:
    """Let them have happened: all that finish needs is in the database."""
    await to_thread.run_sync(_put, house, calls, tenant)


def _put(house: House, calls: Sequence[Rang], tenant: str) -> None:
    now = house.now[0]
    rows: dict[str, list[tuple[object, ...]]] = {statement: [] for statement in (CONTACT, NUMBER, CALL, EVENT, VISIT, LEAD)}
    for place, one in enumerate(calls):
        contact, visit = f"ctc_{one.caller[1:]}", now + timedelta(days=1, hours=2 * place)
        if one.caller:
            rows[CONTACT].append((tenant, contact, one.caller))
            rows[NUMBER].append((tenant, one.caller, contact))
        events = _events(one, now)
        rows[CALL].append((tenant, one.id, AGENT, one.caller, now, now, len(events), one.test))
        for seq, event in enumerate(events, 1):
            body = {"id": f"{one.id}.{seq}", "call": one.id, "ref": f"{tenant}/{AGENT}", "seq": seq, "at_ms": seq, **event}
            body["time"] = now.isoformat()
            rows[EVENT].append((tenant, one.id, body["id"], seq, event["type"], json.dumps(body)))
        if one.left == "booking":
            rows[VISIT].append((tenant, f"apt_{one.id}", f"apt_{one.id}", contact, one.id, visit, visit + timedelta(hours=1)))
        if one.left == "lead":
            rows[LEAD].append((tenant, f"lead_{one.id}", contact, one.id))
    with connection_to(libpq(house.owner_url)) as owner, owner.cursor() as cursor:
        for statement, values in rows.items():
            cursor.executemany(statement, values)


def _events(one: Rang, now: datetime) -> list[dict[str, Any]]:
    words = "My tap leaks." if one.left in {"booking", "lead"} else "Sorry, wrong number."
    turn = {"type": "turn.caller", "turn": 1, "text": words, "start_ms": 0, "end_ms": 900, "confidence": 0.9}
    slots = {"name": one.name, "problem": "leaking tap"} if one.left in {"booking", "lead"} else {}
    ended = {"type": "call.ended", "reason": "hangup", "outcome": "booked", "seconds": 60.0, "slots": slots}
    started = {"type": "call.started", "transport": "loopback", "did": "+442079460000", "caller": one.caller}
    return [started, *([] if one.left == "silence" else [turn]), ended]


async def finish(house: House, calls: Sequence[Rang], tenant: str = "harbour") -> None:
    """Write their results, which begins their paperwork."""
    for one in calls:
        assert await intake.finish(house.services, tenant, one.id)


async def ring(house: House, *calls: Rang, tenant: str = "harbour") -> None:
    """Both."""
    await put(house, calls, tenant)
    await finish(house, calls, tenant)


async def connect(house: House, adapter: str, tenant: str = "harbour", **fields: str) -> str:
    """Connect a system by its form; the connection's id."""
    proven = await connections.prove(house.services, tenant, adapter, fields)
    async with house.services.database.tenant(tenant) as scope:
        made, _ = await connections.keep_proven(scope, house.services, proven)
    return made.id


async def due(house: House) -> list[tuple[str, str, str]]:
    async with house.services.database.platform() as scope:
        return await Runs(scope).due(house.now[0], 100_000)


async def work(house: House, draw: float = 0.5) -> int:
    """Do all that is due now, one after another; how often somebody looked."""
    count = 0
    while found := await due(house):
        done = [await jobs.work(house.services, *one, draw=lambda: draw) for one in found]
        count += len(found)
        if not any(done):
            break
    return count


async def states(house: House) -> dict[str, int]:
    """How many runs are in each state."""
    rows = await house.look("select state, count(*) from paperwork_run where connection_id <> '' group by state")
    return {row[0]: row[1] for row in rows}


async def paperwork(house: House, call: str, tenant: str = "harbour") -> dict[str, Any]:
    answer = await house.ask("GET", f"/calls/{call}/paperwork", tenant=tenant)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def system(house: House, call: str, at: int = 0) -> dict[str, Any]:
    """One system's of a call."""
    found: dict[str, Any] = (await paperwork(house, call))["systems"][at]
    return found


def steps(found: Mapping[str, Any]) -> dict[str, str]:
    """States by step."""
    return {one["step"]: one["state"] for one in found["steps"]}


async def told(house: House, type: str) -> list[dict[str, Any]]:
    """What webhooks were told of this type."""
    return [row[0] for row in await house.look("select data from webhook_event where type = :type order by seq", type=type)]
