"""What the demonstration's call leaves behind: one visit, one lead, one contact, a call record and a recording of its whole length."""

from __future__ import annotations

import io
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import soundfile
from rich.console import Console
from tests.e2e.browser import free_port

from offhook.cli.demo import _healthy, _platform, converse, ring
from offhook.cli.up import keys_of
from offhook.testing.caller import Caller, Speech
from offhook.testing.carrier import RATE, TwilioLine

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(300)]


async def settled(http: httpx.AsyncClient, call: str) -> dict[str, Any]:
    """The call's record once its result is written and its recording is there."""
    with anyio.fail_after(150):
        while True:
            found = [one for one in (await http.get("/v1/tenants/harbour/calls")).json()["data"] if one["carrier_call"] == call]
            assert len(found) <= 1
            if found:
                detail: dict[str, Any] = (await http.get(f"/v1/tenants/harbour/calls/{found[0]['id']}")).json()
                if detail.get("result") and detail["call"]["recorded"]:
                    return detail
            await anyio.sleep(0.1)


async def test_the_demonstration_s_call_is_written_down_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ENGINE_DRAIN_S", "1")
    orchestrator, engine, call = free_port(), free_port(), f"CA{uuid.uuid4().hex}"
    async with _platform(tmp_path, orchestrator, engine) as running, Speech() as speech:
        await _healthy(running, orchestrator, engine)
        url, parameters = await ring(orchestrator, call)
        async with TwilioLine.open(url, parameters=parameters, call=call) as line:
            await converse(Caller(line, speech), Console(width=200))
            with anyio.move_on_after(60):
                await line.closed.wait()
        headers = {"authorization": f"Bearer {keys_of(tmp_path).admin_token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{orchestrator}", headers=headers, timeout=60) as http:
            detail = await settled(http, call)
            recording = await http.get(f"/v1/tenants/harbour/calls/{detail['call']['id']}/recording")
    assert len(detail["appointments"]) == 1
    assert detail["lead"] is not None
    assert detail["call"]["outcome"] == "booked"
    assert line.errors == []
    sound = soundfile.info(io.BytesIO(recording.content))
    assert sound.channels == 2
    assert sound.duration == pytest.approx(line.position / RATE, abs=0.5)
    # It begins with the caller's first audio, when the plan is asked for, and may end with what was ahead of their ear: up to 120 ms.
    ended, begun = (datetime.fromisoformat(detail["call"][name]) for name in ("ended_at", "planned_at"))
    assert sound.duration == pytest.approx((ended - begun).total_seconds(), abs=0.2)
