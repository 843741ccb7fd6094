"""``offhook up`` has an engine for WebRTC calls alone: killed, it comes back, and no telephone call notices."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from tests.e2e.test_booking_call import platform

from offhook.cli.demo import ring
from offhook.orchestrator.embedded import EmbeddedPostgres
from offhook.testing.caller import Caller, Speech
from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(300)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as running:
        yield running.url()


def engine_of(folder: Path) -> tuple[int, str] | None:
    """The process id of the engine for WebRTC that runs in a folder, and its port."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "--webrtc-only" in words and str(folder) in " ".join(words):
            return int(entry.name), words[words.index("--port") + 1]
    return None


async def ready(folder: Path, *, besides: int = 0) -> tuple[int, str]:
    """Wait until it takes calls."""
    async with httpx.AsyncClient(timeout=5) as http:
        with anyio.fail_after(90):
            while True:
                found = engine_of(folder)
                if found is not None and found[0] != besides:
                    try:
                        answer = await http.get(f"http://127.0.0.1:{found[1]}/healthz")
                        assert answer.json()["webrtc"] == {"calls": 0, "capacity": 3}
                        return found
                    except httpx.HTTPError:
                        pass
                await anyio.sleep(0.1)


async def test_the_engine_for_webrtc_is_killed_and_the_telephone_call_goes_on(tmp_path: Path, server: str) -> None:
    call = f"CA{uuid.uuid4().hex}"
    async with platform(tmp_path, server, settings={"OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": "3"}) as running, Speech() as speech:
        process, _ = await ready(tmp_path)
        async with httpx.AsyncClient() as http:
            health = (await http.get(f"http://127.0.0.1:{running.engine}/healthz")).json()
            assert health["webrtc"] == {"calls": 0, "capacity": 0}, "none of them beside telephone calls"
        url, parameters = await ring(running.orchestrator, call)
        async with TwilioLine.open(url, parameters=parameters, call=call) as line:
            caller = Caller(line, speech)
            await caller.agent_says(limit=30)
            os.kill(process, signal.SIGKILL)
            await caller.say("I would like to book a visit.")
            words = await caller.agent_says(limit=30)
            assert words.strip()
            again, _ = await ready(tmp_path, besides=process)
            assert again != process
            assert not line.closed.is_set()
            await caller.hang_up()
        await running.settled(call)
