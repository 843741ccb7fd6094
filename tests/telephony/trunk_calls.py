"""An orchestrator and an engine, both served, a tenant's trunk to a SIP peer, and calls placed over it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
import uvicorn
from pydantic import HttpUrl, SecretStr
from starlette.applications import Starlette
from tests.e2e.business import SECRET, House, open_house
from tests.e2e.portal import _Server
from tests.telephony import sipline
from tests.telephony.placing import CHANGED
from tests.telephony.ports import free_port
from tests.telephony.sipline import Scripted, Sipp

from offhook.engine.app import create_app
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.inference import InferencePool
from offhook.orchestrator.outgoing import ops
from offhook.registry import ProviderContext
from offhook.weights import ModelStore

PERSON = "+447700900777"
LOGIN = {"auth": "address", "sources": ["127.0.0.1"], "codecs": ["PCMU"]}


@dataclass
class Exchange:
    """An orchestrator with one engine; ``peer`` is the port of whoever is rung."""

    house: House
    app: Starlette
    engine: str
    folder: Path
    peer: int
    trunk: str
    number: str
    done: list[Sipp] = field(default_factory=list)

    @property
    def line(self) -> Any:
        return self.app.state.sip

    def tick(self) -> None:
        """Engines tell the time by the clock."""
        self.house.now[0] = datetime.now(UTC)

    async def place(self, to: str = PERSON, **fields: object) -> str:
        """Ask for a call by the API; its id."""
        self.tick()
        answer = await self.house.ask("POST", "/outgoing-calls", {"to": to, "agent_id": "front-desk", **fields})
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] == "waiting", answer.text
        return str(answer.json()["id"])

    async def dial(self, id: str) -> str:
        """What the queue's job does."""
        return await ops.dial(self.house.services, "harbour", id)

    async def show(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.house.get(f"/outgoing-calls/{id}")).json()
        return found

    async def until(self, id: str, *states: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until it is in one of these states; it."""
        with anyio.fail_after(seconds):
            while (found := await self.show(id))["state"] not in states:
                await anyio.sleep(0.05)
        return found

    async def changed(self, path: str, **changes: object) -> None:
        """Other settings."""
        old = (await self.house.get(path)).json()
        body = {name: value for name, value in old.items() if name in CHANGED[path]} | changes
        answer = await self.house.ask("PUT", path, body, If_Match="*")
        assert answer.status_code == 200, answer.text

    async def known(self) -> None:
        """Until the engine has told of its trunk."""
        with anyio.fail_after(30):
            while not await self.house.look("select 1 from trunk_state where boot <> '' and state in ('ready', 'registered')"):
                await anyio.sleep(0.05)

    async def idle(self) -> None:
        """Until the engine has no call left."""
        with anyio.fail_after(30):
            while self.line.gate.live or self.app.state.engine.calls:
                await anyio.sleep(0.05)


def rung(done: Sequence[Sipp]) -> dict[str, set[str]]:
    """Numbers that a peer was asked to ring, each with its calls: an INVITE that is repeated is one."""
    found: dict[str, set[str]] = {}
    for one in done:
        for text in re.split(r"\n-{20,}[^\n]*\n", one.messages):
            asked = re.search(r"^INVITE sip:([^@]+)@", text, re.MULTILINE)
            name = re.search(r"^Call-ID: *(\S+)", text, re.MULTILINE)
            if asked and name and "received" in text:
                found.setdefault(asked[1], set()).add(name[1])
    return found


@asynccontextmanager
async def answering(folder: Path, scenario: str, port: int, *words: str, calls: int = 1) -> AsyncIterator[list[Sipp]]:
    """Somebody whom the trunk reaches; what it came to is there when the block has ended."""
    done: list[Sipp] = []
    async with sipline.answering(folder, scenario, port, *words, calls=calls) as finished:
        yield done
        done.append(await finished())


def engine_app(folder: Path, orchestrator: int, port: int, **changes: Any) -> Starlette:
    """An engine with a SIP line, scripted speech, and an orchestrator."""
    settings = EngineSettings(
        **{
            "orchestrator_url": HttpUrl(f"http://127.0.0.1:{orchestrator}"),
            "control_url": HttpUrl(f"http://127.0.0.1:{port}"),
            "state_dir": folder / "state",
            "warm": (),
            "secret": SecretStr(SECRET),
            "drain_s": 0.0,
            "keep_traces": False,
            "sip_listen": f"127.0.0.1:{free_port()}",
            "sip_invites_per_s": 200.0,
            **changes,
        }
    )

    def lineup(pool: InferencePool) -> Lineup:
        return Scripted(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    return create_app(settings, lineup)


@asynccontextmanager
async def served(app: Any, port: int, lifespan: Literal["on", "off"]) -> AsyncIterator[str]:
    """An application on this loop; its address."""
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan=lifespan, timeout_graceful_shutdown=5))
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve)
        with anyio.fail_after(30):
            while not server.started:
                await anyio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True


@asynccontextmanager
async def orchestrator(database_url: str, owner_url: str, folder: Path, **settings: object) -> AsyncIterator[tuple[House, int]]:
    """It listens on a port; the time is now."""
    port = free_port()
    values: dict[str, Any] = {"port": port, "trunk_networks": ("127.0.0.0/8",), "requests_per_minute": 1_000_000}
    async with open_house(database_url, folder, owner_url=owner_url, **(values | settings)) as house:
        house.now[0] = datetime.now(UTC)
        async with served(house.app, port, "off"):
            yield house, port


async def trunked(house: House, **fields: object) -> tuple[str, str]:
    """Harbour's number comes by a trunk from here on: the trunk's id and the number's."""
    made = await house.ask("POST", "/trunks", {**LOGIN, **fields})
    assert made.status_code == 201, made.text
    number = (await house.get("/numbers")).json()["data"][0]["id"]
    changed = await house.ask("PATCH", f"/numbers/{number}", {"trunk_id": made.json()["id"]}, If_Match="*")
    assert changed.status_code == 200, changed.text
    return made.json()["id"], number


@asynccontextmanager
async def exchange(database_url: str, owner_url: str, folder: Path, *, trunk: dict[str, Any] | None = None) -> AsyncIterator[Exchange]:
    """Nobody needs to have agreed, and any hour is right."""
    peer = free_port()
    async with orchestrator(database_url, owner_url, folder / "orchestrator") as (house, port):
        made, number = await trunked(house, host=f"127.0.0.1:{peer}", **(trunk or {}))
        at = free_port()
        app = engine_app(folder, port, at)
        async with served(app, at, "on") as engine:
            found = Exchange(house, app, engine, folder, peer, made, number)
            await found.changed("/outgoing-settings", consent_for=[], opens=0, closes=1_440)
            await found.known()
            yield found


async def healthy(address: str) -> dict[str, Any]:
    """What an engine says of its line."""
    async with httpx.AsyncClient(timeout=5) as http:
        found: dict[str, Any] = (await http.get(f"{address}/healthz")).json()["sip"]
        return found
