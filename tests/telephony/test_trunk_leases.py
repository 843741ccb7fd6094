"""One engine registers with a trunk, however many there are; another does when it is killed, drains or leaves."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from tests.e2e.business import House, open_house
from tests.telephony.figures import figure
from tests.telephony.ports import free_port
from tests.telephony.sbc_peers import parts_of, reply
from tests.telephony.sipline import needs_baresip
from tests.telephony.trunk_calls import orchestrator

pytestmark = [pytest.mark.telephony, pytest.mark.timeout(300)]
LOGIN = {"auth": "register", "user": "harbour", "password": "s3cret", "codecs": ["PCMU"]}
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as found:
        yield found


async def test_a_trunk_that_registers_is_one_engine_s_at_a_time(house: House) -> None:
    ours, theirs = [
        f"{tenant}/{(await house.ask('POST', '/trunks', LOGIN | {'host': 'sip.carrier.example'}, tenant=tenant)).json()['id']}"
        for tenant in ("harbour", "quayside")
    ]
    peer = (await house.ask("POST", "/trunks", {"auth": "address", "sources": ["8.8.4.4"]})).json()["id"]
    every = [ours, theirs, f"harbour/{peer}"]

    async def told(boot: str, refs: list[str] = every, **fields: Any) -> list[str]:
        report = {"engine": f"http://{boot}", "boot": boot, "states": [{"ref": ref, "state": "registering"} for ref in refs], **fields}
        found: list[str] = (await house.post("/v1/trunks/states", report)).json()["registers"]
        return found

    both = sorted([ours, theirs])
    assert await told("a") == both
    assert await told("b") == []
    house.now[0] += timedelta(seconds=15)
    assert await told("a") == both  # it is renewed by that
    house.now[0] += timedelta(seconds=15)
    assert await told("b") == []
    house.now[0] += timedelta(seconds=6)  # nothing of the first for longer than the lease
    assert await told("b") == both
    assert await told("a") == []
    assert await told("b", takes=False) == []  # it drains
    assert await told("a") == both
    assert await told("b") == []
    assert await told("a", [theirs]) == [theirs]
    report = {"engine": "http://old", "states": [{"ref": ours, "state": "ready"}]}
    assert (await house.post("/v1/trunks/states", report)).json() == {"kept": 1, "registers": []}


@dataclass
class Registrar(asyncio.DatagramProtocol):
    """Takes every login. Who is registered is known by where it came from."""

    said: list[tuple[int, bool]] = field(default_factory=list)
    """Port, and whether it came (or went), in order."""
    line: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.line = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, headers, _ = parts_of(data)
        if self.line is None or not first.startswith("REGISTER"):
            return
        contact = headers.get("contact", ["*"])[0]
        expires = "0" if "expires=0" in contact or headers.get("expires", ["600"])[0] == "0" else "600"
        self.said.append((addr[1], expires != "0"))
        self.line.sendto(reply("200 OK", headers, "r", f"{contact.partition(';expires')[0]};expires={expires}"), addr)

    async def until(self, done: Callable[[], bool]) -> None:
        with anyio.fail_after(90):
            while not done():
                await anyio.sleep(0.05)


@asynccontextmanager
async def engine(folder: Path, orchestrator: int) -> AsyncIterator[tuple[anyio.abc.Process, int]]:
    port, sip = free_port(), free_port()
    words = [sys.executable, "-m", "tests.telephony.engine_process", str(orchestrator), str(port), str(sip), str(folder)]
    process = await anyio.open_process(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=None, cwd=REPOSITORY)
    try:
        yield process, sip
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()


@needs_baresip
async def test_another_engine_registers_when_one_is_killed(database_url: str, owner_url: str, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with (
        orchestrator(database_url, owner_url, tmp_path / "orchestrator", trunk_lease_s=6.0) as (house, at),
        anyio.create_task_group() as group,
    ):

        async def clock() -> None:
            while True:
                house.now[0] = datetime.now(UTC)
                await anyio.sleep(0.1)

        group.start_soon(clock)
        wire, registrar = await loop.create_datagram_endpoint(Registrar, local_addr=("127.0.0.1", 0))
        host = f"127.0.0.1:{wire.get_extra_info('sockname')[1]}"
        made = await house.ask("POST", "/trunks", {**LOGIN, "host": host})
        assert made.status_code == 201, made.text
        async with engine(tmp_path / "a", at) as (first, one), engine(tmp_path / "b", at) as (second, two):
            await registrar.until(lambda: bool(registrar.said))
            holder = registrar.said[0][0]
            with anyio.fail_after(90):
                while not await house.look("select 1 from trunk_state where state = 'standby'"):
                    await anyio.sleep(0.1)
            assert {port for port, _ in registrar.said} == {holder}  # both engines are there, and one is registered
            killed, left, other = (first, second, two) if holder == one else (second, first, one)
            killed.kill()
            begun = anyio.current_time()
            await registrar.until(lambda: (other, True) in registrar.said)
            figure(
                f"SIP: engine killed that was registered with a trunk, another is after {anyio.current_time() - begun:.1f} s (lease 6 s)"
            )
            left.send_signal(signal.SIGTERM)
            with anyio.fail_after(60):
                await left.wait()
            assert registrar.said[-1] == (other, False)  # it says goodbye
            assert await house.look("select 1 from trunk_lease") == []  # and holds nobody up
        wire.close()
        group.cancel_scope.cancel()
