"""An orchestrator under test: two businesses, a clock that the test sets, and an engine's signed requests."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx
from fastapi import FastAPI
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from offhook import signing
from offhook.orchestrator import db
from offhook.orchestrator.app import create_app
from offhook.orchestrator.auth.permissions import LEVELS, ROLES, Role
from offhook.orchestrator.embedded import APP, USER
from offhook.orchestrator.jobs import work
from offhook.orchestrator.keys.ops import mint
from offhook.orchestrator.keys.tables import ApiKeyRow
from offhook.orchestrator.seed import examples, plant, read_business
from offhook.orchestrator.services import Services
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.systems import Systems
from offhook.orchestrator.tenants.schemas import Business

# A busy machine serves fifty at once as surely as a quick one, and later.
db.WAIT_S, db.LIMITS = 100.0, db.LIMITS.replace("statement_timeout=10000", "statement_timeout=100000")

SECRET = "whsec_" + "QmVob2xkIHRoaXMgc2VjcmV0IG9mIDMyIGJ5dGVzISE="
DID, OTHER_DID = "+442079460000", "+441134960000"
CALLER = "+447700900123"
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MASTER_KEY = "k1:" + "QmVob2xkIHRoaXMgc2VjcmV0IG9mIDMyIGJ5dGVzISE="
ADMIN = {"authorization": "Bearer operator"}


def greeted(words: str) -> list[dict[str, str]]:
    """What a script's first state says by an agent's greeting: known callers by name."""
    return [{"if": "caller_name is known", "text": f"{words} Hello {{caller_name}}."}, {"text": words}]


@dataclass(slots=True)
class House:
    """``now`` may be set; requests are those of an engine."""

    app: FastAPI
    http: httpx.AsyncClient
    settings: OrchestratorSettings
    now: list[datetime]
    owner_url: str
    """The database for its owner, who sees all tenants."""
    _ids: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)
    _owner: AsyncEngine | None = None

    @property
    def services(self) -> Services:
        found: Services = self.app.state.services
        return found

    async def post(self, path: str, body: dict[str, Any], **changes: str) -> httpx.Response:
        """A signed request; ``changes`` to its headers."""
        content = json.dumps(body).encode()
        headers = signing.headers(SECRET, f"msg_{self._ids()}", int(self.now[0].timestamp()), content)
        return await self.http.post(path, content=content, headers=headers | changes)

    async def plan(self, call: str = "c1", **fields: str) -> dict[str, Any]:
        """A plan for a call to Harbour Plumbing."""
        answer = await self.post("/v1/plans", {"call": call, "transport": "loopback", "did": DID, "caller": CALLER, **fields})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def tool(
        self, tool: str, args: dict[str, Any], key: str = "", call: str = "c1", ref: str = "harbour/front-desk"
    ) -> dict[str, Any]:
        """Run a tool; the ToolAnswer."""
        answer = await self.post(f"/v1/tools/{tool}", self.request(tool, args, key, call, ref))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def request(self, tool: str, args: dict[str, Any], key: str = "", call: str = "c1", ref: str = "harbour/front-desk") -> dict[str, Any]:
        return {"call": call, "ref": ref, "tool": tool, "key": key or f"key{self._ids()}", "args": args}

    async def slots(self, **args: object) -> list[dict[str, str]]:
        found: list[dict[str, str]] = (await self.tool("free_slots", args))["values"]["slots"]
        return found

    async def event(self, seq: int, type: str, call: str = "c1", **fields: object) -> httpx.Response:
        body = {
            "id": f"{call}.{seq}",
            "call": call,
            "ref": "harbour/front-desk",
            "seq": seq,
            "at_ms": seq * 100,
            "time": "2026-11-23T07:00:00Z",
            "type": type,
            **fields,
        }
        return await self.post("/v1/events", body)

    async def get(self, path: str, tenant: str = "harbour") -> httpx.Response:
        """A tenant's resource, as the operator: ``path`` goes on after ``/v1/tenants/{tenant}``."""
        return await self.http.get(f"/v1/tenants/{tenant}{path}", headers=ADMIN)

    async def ask(self, method: str, path: str, body: object = None, *, tenant: str = "harbour", **headers: str) -> httpx.Response:
        """A request for a tenant's resource, as the operator unless ``headers`` say otherwise (``_`` for ``-``)."""
        sent = ADMIN | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, f"/v1/tenants/{tenant}{path}", json=body, headers=sent)

    async def look(self, sql: str, **values: object) -> list[Any]:
        """Rows as the database's owner sees them: behind row-level security. May also change things; committed."""
        if self._owner is None:  # once: a new engine asks the server four things first
            self._owner = create_async_engine(self.owner_url, poolclass=NullPool)
        async with self._owner.begin() as connection:
            found = await connection.execute(text(sql), values)
            return list(found) if found.returns_rows else []

    async def key(self, *permissions: str, tenant: str | None = "harbour", reseller: str | None = None) -> dict[str, str]:
        """Headers of a new API key of a tenant, a reseller, or (neither) the platform."""
        name, bearer, digest = mint(self.now[0])
        level = "tenant" if tenant else "reseller" if reseller else "platform"
        async with self.services.database.platform() as scope:
            row = ApiKeyRow(id=name, level=level, tenant_id=tenant, reseller_id=reseller, name="test", hash=digest, created_by="test")
            row.scopes, row.created_at = list(permissions), self.now[0]
            scope.session.add(row)
        return {"authorization": f"Bearer {bearer}"}

    async def role(self, role: Role, *, tenant: str = "harbour", reseller: str = "direct") -> dict[str, str]:
        """Headers of an API key that may do what this role may."""
        level = LEVELS[role]
        permissions = sorted(ROLES[role])
        return await self.key(
            *permissions, tenant=tenant if level == "tenant" else None, reseller=reseller if level == "reseller" else None
        )

    async def call(self, id: str = "c1") -> dict[str, Any]:
        answer = await self.get(f"/calls/{id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def work_until(self, done: Callable[[], Any]) -> None:
        """Run a worker until ``await done()`` is true."""
        with anyio.fail_after(150):
            async with anyio.create_task_group() as group:
                group.start_soon(work, self.services)
                while not await done():
                    await anyio.sleep(0.02)
                group.cancel_scope.cancel()


@functools.cache
def receptionist() -> tuple[Business, dict[str, Any]]:
    """The demonstration's business and script, read once: a fifth of a second. Nobody changes the script."""
    return read_business(examples() / "receptionist" / "business.yaml")


def other_business() -> Business:
    """A second tenant, with its own number."""
    first, _ = receptionist()
    changes = {"id": "quayside", "name": "Quayside Heating", "numbers": (OTHER_DID,), "fallback_number": "+441134960001"}
    return first.model_copy(update={**changes, "tools": {"survey_slots": "free_slots", "book_survey": "book"}})


@asynccontextmanager
async def open_house(
    url: str,
    state_dir: Path | None = None,
    *,
    owner_url: str = "",
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    **settings: object,
) -> AsyncIterator[House]:
    """``transports``: where the requests of adapters go in place of their systems."""
    values: dict[str, Any] = {
        "secret": SECRET,
        "admin_token": "operator",
        "database_url": url,
        "browser_number": DID,
        "stalled_s": 30.0,  # no worker counts as dead because the machine is busy: what is given away twice is done twice
        "master_keys": (MASTER_KEY,),
        "pool_size": 10,
        "live_stream_s": 0.1,
    }
    async with AsyncExitStack() as stack:
        values["state_dir"] = state_dir or Path(stack.enter_context(TemporaryDirectory()))
        made = OrchestratorSettings(**(values | settings))
        now = [MONDAY]
        app = create_app(made, clock=lambda: now[0], systems=Systems(made, transports or {}))
        async with app.router.lifespan_context(app):
            services: Services = app.state.services
            harbour, script = receptionist()
            for business in (harbour, other_business()):
                await plant(services.database, business, script)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://orchestrator", timeout=60) as http:
                yield House(app, http, made, now, owner_url or url.replace(f"//{APP}@", f"//{USER}@"))
