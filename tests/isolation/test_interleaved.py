"""Hundreds of requests, events and jobs of many tenants over three connections, in every order: nobody sees a foreign row or word."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.e2e.business import MONDAY, House, open_house, other_business
from tests.e2e.receiver import Receiver, receiver

from offhook.orchestrator.auth.permissions import IN_TENANT
from offhook.orchestrator.jobs import work
from offhook.orchestrator.seed import plant, read_business
from offhook.orchestrator.tenants.schemas import Business

TENANTS = ("harbour", "quayside", "alder", "birch", "cedar")
CONNECTIONS = 3
LISTS = (
    "", "/calls", "/appointments", "/contacts", "/leads", "/agents", "/numbers", "/webhooks", "/audit", "/members", "/keys", "/live-calls",
    "/events", "/invitations", "/exports", "/carrier-accounts", "/trunks", "/lines", "/oidc-providers", "/agents/front-desk/draft",
)  # fmt: skip
HOOKS = {"webhook_http": True, "webhook_ports": (), "webhook_networks": ("127.0.0.0/8",), "webhook_timeout_s": 15.0}


def mark(tenant: str) -> str:
    """A word that stands in everything of this tenant and in nothing of another."""
    return f"mark{tenant}x"


def did(index: int) -> str:
    return f"+4411349610{index:02d}"


class Crowd:
    """Callers, engines and people of all tenants at once."""

    def __init__(self, house: House, keys: dict[str, dict[str, str]], seed: int, counts: Counter[str]) -> None:
        self.house, self.keys, self.counts = house, keys, counts
        self.random = random.Random(seed)
        self.calls: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
        self.seen = 0

    def check(self, tenant: str, text: str, what: str) -> None:
        """Nothing of another tenant stands in what this tenant was answered."""
        self.seen += 1
        self.counts["answers searched for foreign words"] += 1
        for other in TENANTS:
            assert other == tenant or mark(other) not in text, (what, tenant, other, text[:2_000])

    async def ring(self, tenant: str, index: int) -> None:
        """A whole call: plan, booking, words, end."""
        call = f"call{tenant}{index}"
        name = f"Ann {mark(tenant)}"
        house, ref = self.house, f"{tenant}/front-desk"
        answer = await house.post(
            "/v1/plans", {"call": call, "transport": "loopback", "did": did(TENANTS.index(tenant)), "caller": f"+4477009{index:05d}"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["ref"] == ref
        self.check(tenant, answer.text, "plan")
        slots = (await house.tool("free_slots", {}, call=call, ref=ref))["values"]["slots"]
        chosen = self.random.choice(slots)["id"] if slots else ""
        # The same number rings several tenants: a customer of one is none of another.
        args = {"slot": chosen, "name": name, "phone": f"+4477009{index:05d}", "address": f"{mark(tenant)} Street", "problem": mark(tenant)}
        self.check(tenant, json.dumps(await house.tool("book", args, call=call, ref=ref)), "book")
        self.check(tenant, json.dumps(await house.tool("find_booking", {"phone": args["phone"]}, call=call, ref=ref)), "find_booking")
        events = [
            ("call.started", {"transport": "loopback", "did": did(TENANTS.index(tenant)), "caller": args["phone"]}),
            ("turn.caller", {"turn": 1, "text": f"hello from {mark(tenant)}", "start_ms": 0, "end_ms": 9}),
            ("turn.agent", {"turn": 2, "text": mark(tenant), "heard": mark(tenant), "interrupted": False, "start_ms": 9, "end_ms": 19}),
            ("call.ended", {"reason": "hangup", "outcome": "booked", "seconds": 9.0, "slots": {"name": name}}),
        ]
        numbered = [(seq, kind, fields) for seq, (kind, fields) in enumerate(events, 1)]
        self.random.shuffle(numbered)
        for seq, kind, fields in [*numbered, numbered[0]]:
            body = {"id": f"{call}.{seq}", "call": call, "ref": ref, "seq": seq, "at_ms": seq, "time": MONDAY.isoformat(), "type": kind}
            answer = await house.post("/v1/events", {**body, **fields})
            assert answer.status_code == 200, answer.text
            await anyio.lowlevel.checkpoint()
        self.calls[tenant].append(call)

    async def look(self, tenant: str) -> None:
        """Somebody of the tenant reads whatever there is."""
        for path in self.random.sample(LISTS, 4):
            answer = await self.house.http.get(f"/v1/tenants/{tenant}{path}", headers=self.keys[tenant])
            assert answer.status_code == 200, (path, answer.text)
            self.check(tenant, answer.text, path)
        if self.calls[tenant]:
            call = self.random.choice(self.calls[tenant])
            answer = await self.house.http.get(f"/v1/tenants/{tenant}/calls/{call}", headers=self.keys[tenant])
            assert answer.status_code == 200, answer.text
            assert mark(tenant) in answer.text
            self.check(tenant, answer.text, "call")

    async def pry(self, tenant: str) -> None:
        """Somebody asks for a call of another tenant, under their own name and under the other's."""
        other = self.random.choice([one for one in TENANTS if one != tenant])
        call = self.random.choice([*self.calls[other], "callnone"])
        for owner in (tenant, other):
            answer = await self.house.http.get(f"/v1/tenants/{owner}/calls/{call}", headers=self.keys[tenant])
            assert answer.status_code == 404
            self.check(tenant, answer.text, "foreign call")


async def _tenants(house: House) -> dict[str, dict[str, str]]:
    """Five businesses, each with its mark in every text that it has, and a key for each."""
    first, script = read_business(Path(__file__).resolve().parents[2] / "examples" / "receptionist" / "business.yaml")
    for index, tenant in enumerate(TENANTS):
        base: Business = other_business() if tenant == "quayside" else first
        changes = {
            "id": tenant,
            "name": f"{tenant} {mark(tenant)}",
            "numbers": (did(index),),
            "transfer_to": {"staff": f"sip:{mark(tenant)}@x"},
        }
        await plant(house.services.database, base.model_copy(update=changes), script)
    return {tenant: await house.key(*sorted(IN_TENANT), tenant=tenant) for tenant in TENANTS}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(3))
async def test_many_tenants_over_few_connections(
    seed: int, database_url: str, owner_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, counts: Counter[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    # No worker counts as dead here on a busy machine: what is given away twice is told twice, which is not what is asked.
    changes: dict[str, Any] = {**HOOKS, "pool_size": CONNECTIONS, "stalled_s": 10.0, "requests_per_minute": 100_000}
    async with receiver() as customers, open_house(database_url, tmp_path, owner_url=owner_url, **changes) as house:
        crowd = Crowd(house, await _tenants(house), seed, counts)
        for tenant in TENANTS:
            hook = {"url": f"http://127.0.0.1:{customers.port}/{mark(tenant)}", "description": mark(tenant)}
            assert (await house.ask("POST", "/webhooks", hook, tenant=tenant)).status_code == 201
        todo: list[Callable[[], Awaitable[None]]] = []
        for index in range(6):
            for tenant in TENANTS:
                todo += [partial(crowd.ring, tenant, index), partial(crowd.look, tenant), partial(crowd.pry, tenant)]
        crowd.random.shuffle(todo)

        async def one_after_another() -> None:
            while todo:
                await todo.pop()()

        async with anyio.create_task_group() as group:
            group.start_soon(work, house.services)
            async with anyio.create_task_group() as people:
                for _ in range(12):
                    people.start_soon(one_after_another)
            for tenant in TENANTS:
                with anyio.fail_after(150):
                    for call in crowd.calls[tenant]:
                        while not (await house.ask("GET", f"/calls/{call}", tenant=tenant)).json()["result"]:
                            await anyio.sleep(0.05)
            with anyio.fail_after(150):
                for tenant in TENANTS:
                    while not await _told(house, tenant, customers):
                        await anyio.sleep(0.05)
            for tenant in TENANTS:
                await crowd.look(tenant)
            group.cancel_scope.cancel()
        assert crowd.seen > 300
        for got in customers.got:
            crowd.check(got.path.strip("/").removeprefix("mark").removesuffix("x"), got.body.decode(), "webhook")
            counts["webhooks searched for foreign words"] += 1
        await _rows(house, counts)
    for record in caplog.records:
        text = record.getMessage() + json.dumps(record.__dict__, default=str)
        assert record.name.startswith(("httpx", "httpcore")) or not any(mark(tenant) in text for tenant in TENANTS), record
        counts["log lines searched"] += 1


async def _told(house: House, tenant: str, customers: Receiver) -> bool:
    """Whether all that happened at a tenant has come to its own address, each thing once."""
    ids = [row[0] for row in await house.look("select id from webhook_event where tenant_id = :tenant", tenant=tenant)]
    came = [got.id for got in customers.got if got.path == f"/{mark(tenant)}"]
    assert len(ids) >= 6
    return sorted(ids) == sorted(came)


async def _rows(house: House, counts: Counter[str]) -> None:
    """Behind row-level security: a row of one tenant holds no other's mark."""
    tables = await house.look(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
        " where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace"
    )
    for (table,) in tables:
        rows = await house.look(f"select tenant_id, t::text from {table} t")  # noqa: S608
        for tenant, text in rows:
            for other in TENANTS:
                assert other == tenant or mark(other) not in text, (table, tenant, text)
            counts["rows searched for foreign words"] += 1
