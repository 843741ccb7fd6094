"""Processes killed in the middle of a call, by SIGKILL: the other one goes on, and what happened is written down once."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from tests.e2e.browser import free_port

from offhook.cli.demo import DID, ring
from offhook.cli.up import environment
from offhook.orchestrator.db import libpq
from offhook.orchestrator.embedded import APP, EmbeddedPostgres
from offhook.testing.caller import Caller, Speech
from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(300)]


@dataclass
class Processes:
    """The platform's processes, each of which can be killed and started again."""

    folder: Path
    server: EmbeddedPostgres
    orchestrator: int = field(default_factory=free_port)
    engine: int = field(default_factory=free_port)
    running: dict[str, anyio.abc.Process] = field(default_factory=dict)

    async def start(self, name: str) -> None:
        """Start one and wait until it answers."""
        env = environment(self.folder / "state", self.server.url(user=APP), self.server.url(), self.orchestrator, self.engine)
        env["OFFHOOK_ENGINE_DRAIN_S"] = "1"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = await anyio.open_process(
                [sys.executable, "-m", "offhook.cli.main", name], env=env, stdin=None, stdout=log, stderr=log, start_new_session=True
            )
        port = {"orchestrator": self.orchestrator, "engine": self.engine}[name]
        async with httpx.AsyncClient(timeout=30) as http:
            with anyio.fail_after(120):
                while True:
                    assert self.running[name].returncode is None, (self.folder / f"{name}.log").read_text(encoding="utf-8")
                    try:
                        if (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success:
                            return
                    except httpx.HTTPError:
                        await anyio.sleep(0.1)

    async def kill(self, name: str) -> None:
        """End one without a warning."""
        self.running[name].kill()
        await self.running[name].wait()

    async def rows(self, query: bytes, *values: str) -> list[dict[str, Any]]:
        async with await psycopg.AsyncConnection.connect(libpq(self.server.url()), row_factory=dict_row) as connection:
            return await (await connection.execute(query, values)).fetchall()

    async def settled(self, call: str) -> dict[str, Any]:
        """The call's record once its result is written."""
        query = (
            b"select c.*, r.missing from call c join call_result r on (r.tenant_id, r.call_id) = (c.tenant_id, c.id)"
            b" where c.carrier_call = %s"
        )
        with anyio.fail_after(120):
            while not (found := await self.rows(query, call)):
                await anyio.sleep(0.1)
        assert len(found) == 1
        return found[0]

    async def events(self, call: str) -> list[dict[str, Any]]:
        return await self.rows(b"select seq, type, body from call_event where call_id = %s order by seq", call)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as running:
        yield running


@asynccontextmanager
async def processes(folder: Path, server: EmbeddedPostgres) -> AsyncIterator[Processes]:
    found = Processes(folder, server)
    (folder / "state").mkdir()
    try:
        await found.start("orchestrator")
        await found.start("engine")
        yield found
    finally:
        with anyio.CancelScope(shield=True):
            for process in found.running.values():
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                    with anyio.move_on_after(30):
                        await process.wait()
                    if process.returncode is None:
                        os.kill(process.pid, signal.SIGKILL)
                        await process.wait()


def contiguous(events: list[dict[str, Any]]) -> bool:
    return [event["seq"] for event in events] == list(range(1, len(events) + 1))


async def test_the_orchestrator_is_killed_during_a_call(tmp_path: Path, server: EmbeddedPostgres) -> None:
    call = f"CA{uuid.uuid4().hex}"
    async with processes(tmp_path, server) as platform, Speech() as speech:
        url, parameters = await ring(platform.orchestrator, call)
        async with TwilioLine.open(url, parameters=parameters, call=call) as line:
            caller = Caller(line, speech)
            await caller.agent_says()
            await platform.kill("orchestrator")
            await caller.say("How much is it to come out?")
            answered = await caller.agent_says()
            assert answered  # the engine needs nobody to answer what the plan holds
            await caller.hang_up()
        await anyio.sleep(1)
        await platform.start("orchestrator")
        record = await platform.settled(call)
        events = await platform.events(record["id"])
    assert (record["state"], record["reason"], record["missing"]) == ("ended", "hangup", 0)
    assert contiguous(events)
    assert [event["type"] for event in events].count("call.ended") == 1
    assert [event["type"] for event in events].count("turn.caller") == 1


async def test_the_engine_is_killed_during_a_call(tmp_path: Path, server: EmbeddedPostgres) -> None:
    call, next_call = f"CA{uuid.uuid4().hex}", f"CA{uuid.uuid4().hex}"
    async with processes(tmp_path, server) as platform, Speech() as speech:
        url, parameters = await ring(platform.orchestrator, call)
        async with TwilioLine.open(url, parameters=parameters, call=call) as line:
            caller = Caller(line, speech)
            await caller.agent_says()
            await caller.say("How much is it to come out?")
            await caller.agent_says()
            await platform.kill("engine")
            with anyio.fail_after(120):
                await line.closed.wait()
            # The carrier asks what follows: not a hang-up, as after a call that came to its end.
            form = {"CallSid": call, "From": "+447700900123", "To": DID, "CallStatus": "in-progress"}
            async with httpx.AsyncClient(timeout=60) as http:
                after = await http.post(f"http://127.0.0.1:{platform.orchestrator}/carriers/twilio/after", data=form)
            assert "<Dial" in after.text or "<Say" in after.text, after.text
        await platform.start("engine")
        record = await platform.settled(call)
        events = await platform.events(record["id"])
        # And the next caller is answered.
        url, parameters = await ring(platform.orchestrator, next_call)
        async with TwilioLine.open(url, parameters=parameters, call=next_call) as line:
            assert await Caller(line, speech).agent_says()
    assert (record["state"], record["reason"], record["outcome"], record["missing"]) == ("ended", "failed", "failed", 0)
    assert contiguous(events)
    assert [event["type"] for event in events].count("call.ended") == 1
    assert "turn.caller" in [event["type"] for event in events]
