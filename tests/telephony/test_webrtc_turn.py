"""A call whose caller reaches the engine by a TURN server alone: Debian's coturn, with names and passwords that expire."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from aiortc import RTCConfiguration, RTCIceServer
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from pydantic import SecretStr
from tests.e2e.browser import free_port
from tests.telephony import rtc
from tests.telephony.figures import figure
from tests.telephony.test_webrtc_engine import engine

from offhook import signing
from offhook.engine.settings import IceServer

TURN = shutil.which("turnserver")
pytestmark = [
    pytest.mark.telephony,
    pytest.mark.anyio,
    pytest.mark.timeout(180),
    pytest.mark.skipif(TURN is None, reason="no turnserver on PATH (Debian: coturn)"),
]
SECRET = "a static-auth-secret of coturn's"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    rtc.loopback(monkeypatch)


@contextmanager
def coturn(folder: Path) -> Iterator[str]:
    """A TURN server on loopback; its address."""
    port = free_port()
    given = {"listening-ip": "127.0.0.1", "listening-port": port, "relay-ip": "127.0.0.1", "realm": "offhook.test"}
    given |= {"static-auth-secret": SECRET, "userdb": folder / "turn.db", "pidfile": folder / "turn.pid"}
    flags = ("use-auth-secret", "fingerprint", "allow-loopback-peers", "no-tls", "no-dtls", "no-cli", "log-file=stdout")
    words = [str(TURN), "-n", *(f"--{flag}" for flag in flags), *(f"--{name}={value}" for name, value in given.items())]
    with (folder / "turn.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        end = time.monotonic() + 60
        while True:  # it takes TCP as well
            assert process.poll() is None, (folder / "turn.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, (folder / "turn.log").read_text()
                time.sleep(0.05)
        yield f"turn:127.0.0.1:{port}?transport=udp"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def behind(server: dict[str, Any]) -> AsyncIterator[rtc.Caller]:
    """A caller whose network lets nothing through but what goes by a TURN server."""
    relay = RTCConfiguration(iceServers=[RTCIceServer(**server)], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
    async with rtc.caller(configuration=relay) as made:
        yield made


async def test_a_call_through_a_turn_server(tmp_path: Path) -> None:
    with coturn(tmp_path) as turn:
        servers = (IceServer(urls=(turn,), secret=SecretStr(SECRET)),)
        with engine(tmp_path, open_media=True, ice_servers=servers) as address:
            async with httpx.AsyncClient(timeout=60) as http:
                [server] = (await http.get(f"{address}/webrtc/settings")).json()["ice_servers"]
            async with behind(server) as caller:
                begun = anyio.current_time()
                offered = await rtc.offer(caller)
                kinds = {line.split(" typ ")[1].split()[0] for line in offered.splitlines() if line.startswith("a=candidate:")}
                assert kinds == {"relay"}
                assert (await rtc.ring(caller, address)).status_code == 200
                await caller.until(lambda: caller.of("agent"), 60)
                figure(f"webrtc: greeted through coturn {anyio.current_time() - begun:.2f} s after the offer was begun")
                assert caller.of("agent")[0]["text"].startswith("Harbour Plumbing, hello.")
                caller.hang_up()
                await caller.until(lambda: caller.of("ended"), 60)


@pytest.mark.parametrize("wrong", ["expired", "of another secret"])
async def test_a_name_that_is_not_good_leads_nowhere(tmp_path: Path, wrong: str) -> None:
    until = int(time.time()) + (-60 if wrong == "expired" else 600)
    name, word = signing.turn_credentials(SECRET if wrong == "expired" else "another", until)
    with coturn(tmp_path) as turn:
        async with behind({"urls": turn, "username": name, "credential": word}) as caller:
            assert "a=candidate:" not in await rtc.offer(caller)
