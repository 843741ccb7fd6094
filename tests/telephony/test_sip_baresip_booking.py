"""Debian's baresip, a SIP peer of others' making, books a visit by voice: the whole platform as processes, and the row in Postgres."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import httpx
import pytest
from rich.console import Console
from tests.e2e.test_booking_call import platform
from tests.telephony.debian_line import rung
from tests.telephony.figures import figure
from tests.telephony.ports import free_port
from tests.telephony.sipline import needs_baresip
from tests.telephony.test_sip_booking import known, numbered

from offhook.cli.demo import CALLER, DID, converse
from offhook.cli.up import keys_of
from offhook.testing.caller import Caller, Speech

pytestmark = [
    pytest.mark.telephony,
    needs_baresip,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="Debian's baresip (baresip-core) is not installed: scripts/peers.py"),
    pytest.mark.timeout(600),
]


NOTICE = timedelta(minutes=120)
"""How long before a visit it must be booked at the demonstration's business."""


@asynccontextmanager
async def desk(orchestrator: int, token: str) -> AsyncIterator[httpx.AsyncClient]:
    base, headers = f"http://127.0.0.1:{orchestrator}/v1/tenants/harbour", {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=60, base_url=base, headers=headers) as http:
        yield http


async def free(http: httpx.AsyncClient) -> list[datetime]:
    """When visits can begin, the earliest first."""
    now = datetime.now(UTC)
    found = await http.get("/agents/front-desk/slots", params={"from": now.isoformat(), "to": (now + timedelta(days=7)).isoformat()})
    assert found.status_code == 200, found.text
    return [datetime.fromisoformat(one["starts_at"]) for one in found.json()]


async def test_debian_s_baresip_books_a_visit_by_voice(tmp_path: Path, server: str) -> None:
    folder = tmp_path / "baresip"
    folder.mkdir()
    port = free_port()
    settings = {"OFFHOOK_ENGINE_SIP_LISTEN": f"127.0.0.1:{port}", "OFFHOOK_ORCHESTRATOR_TRUNK_NETWORKS": '["127.0.0.0/8"]'}
    async with platform(tmp_path, server, settings=settings) as running, Speech() as speech:
        token = keys_of(tmp_path / "state").admin_token
        await numbered(running.orchestrator, token)
        await known(running.engine)
        async with desk(running.orchestrator, token) as http:
            times = await free(http)
            async with rung(folder, f"sip:{DID}@127.0.0.1:{port}", CALLER) as line:
                caller = Caller(line, speech)
                await converse(caller, Console(width=200))
                with anyio.fail_after(150):
                    await line.closed.wait()  # the agent hangs up
            booked = await running.visits(line.call)
            await running.settled(line.call)
            assert len((await http.get("/appointments")).json()["data"]) == 1
    assert line.errors == []
    assert line.lines == len(caller.turns)  # each from a file that baresip was switched to in the call
    assert len(booked) == 1
    visit = booked[0]
    assert visit["phone"] == CALLER
    assert "james" in visit["name"].lower()  # "Willis", to a small model on a busy machine
    assert "station road" in str(visit["address"]).lower()
    # "The sooner the better", and the first of what is offered: of the times the earliest, but for those that were too near meanwhile.
    assert visit["starts_at"] in times
    assert [one for one in times if visit["created_at"] + NOTICE <= one < visit["starts_at"]] == []
    waits = sorted(turn.latency_ms for turn in caller.turns if turn.latency_ms is not None and turn.interrupted_after_ms is None)
    [silent] = [turn.interrupted_after_ms for turn in caller.turns if turn.interrupted_after_ms is not None]
    figure(
        f"SIP: Debian's baresip books by voice in {line.lines} turns; answers begin after {statistics.median(waits):.0f} ms in the median,"
        f" the agent who is interrupted is silent after {silent:.0f} ms"
    )
