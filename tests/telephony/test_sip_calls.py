"""Calls over SIP with RTP both ways: SIPp signals, a process of ours speaks and listens, the engine is the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from tests.telephony.figures import figure
from tests.telephony.sipline import needs_baresip, needs_sipp, phone, sipp, trunk

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip]
CALLS = 100


class Peers:
    """The callers' media."""

    def __init__(self, process: anyio.abc.Process, lines: TextReceiveStream, ports: list[int]) -> None:
        self._process = process
        self._lines = lines
        self.ports = ports

    async def told(self) -> list[dict[str, Any]]:
        """Stop, and say what each heard."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()
        text = ""
        async for piece in self._lines:
            text += piece
        found: list[dict[str, Any]] = json.loads(text.strip().splitlines()[-1])
        return found


@asynccontextmanager
async def peers(count: int, folder: Path) -> AsyncIterator[tuple[Peers, Path]]:
    process = await anyio.open_process(
        [sys.executable, str(Path(__file__).with_name("rtp_peers.py")), str(count), "120"], stderr=subprocess.DEVNULL
    )
    async with process:
        assert process.stdout is not None
        lines = TextReceiveStream(process.stdout)
        text = ""
        while "\n" not in text:
            text += await lines.receive()
        ports = json.loads(text.splitlines()[0])
        fields = folder / "ports.csv"
        fields.write_text("SEQUENTIAL\n" + "".join(f"{port};\n" for port in ports))
        yield Peers(process, lines, ports), fields


async def test_one_hundred_calls_at_once_have_rtp_both_ways_and_a_turn_each(tmp_path: Path) -> None:
    async with phone(tmp_path, trunk(codecs=("PCMU",), calls=CALLS), max_calls=CALLS) as line, peers(CALLS, tmp_path) as (media, fields):
        begun = os.times()
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, line.engine.admission.active)
                await anyio.sleep(0.1)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            done = await sipp(line.at, "long.xml", "-inf", str(fields), "-r", "25", "-l", str(CALLS), calls=CALLS, folder=tmp_path)
            group.cancel_scope.cancel()
        spent = os.times()
        await line.idle()
        heard = await media.told()

    assert (done.good, done.bad) == (CALLS, 0), done.out[-2_000:]
    assert most == CALLS
    assert line.engine.ended["hangup"] == CALLS
    assert all(one["heard_before"] for one in heard), "the greeting was not heard by all"
    assert all(one["heard_after"] for one in heard), "a turn of the caller's was not answered"
    received, sent, lost = (sum(one[name] for one in heard) for name in ("received", "sent", "lost"))
    assert lost <= received // 200
    assert received >= 0.9 * sum(one["seconds"] for one in heard) * 50
    cpu = spent.user + spent.system - begun.user - begun.system
    seconds = sum(one["seconds"] for one in heard)
    figure(f"SIP: {CALLS} calls at once, RTP packets to callers {received}, from callers {sent}, missing {lost}")
    figure(f"SIP: engine CPU per call {100 * cpu / seconds:.2f} % of a core ({CALLS} calls with a turn each, scripted speech)")
