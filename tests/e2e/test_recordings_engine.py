"""A call that the real engine carries, recorded and traced, ends up with the orchestrator and nowhere else."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
import soundfile
from tests.e2e.business import SECRET, House
from tests.e2e.test_recordings_handover import files, settled
from tests.scenarios.harness import plan_of, scene

from offhook.contracts.events import AgentTurn
from offhook.engine.handover import HandoverDesk
from offhook.engine.trace import read_trace
from offhook.orchestrator.recordings import ops


@pytest.mark.timeout(120)
async def test_what_was_said_is_heard_again(house: House, tmp_path: Path) -> None:
    house.now[0] = datetime.now(UTC)
    folder = tmp_path / "engine"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app)) as http, anyio.create_task_group() as group:
        desk = HandoverDesk(folder / "calls", http, "http://orchestrator/v1/recordings", SECRET, group)
        plan = plan_of(record=True, ref="harbour/front-desk")
        async with scene(plan, traces=folder) as stage:
            object.__setattr__(stage.call._parts, "handover", desk)  # before its first step
            await stage.line.agent_speaks()
            assert (folder / "calls" / "c1" / "note.json").exists()
            assert await desk.recover() == 0  # an engine that starts beside this one leaves its calls alone
            await stage.line.agent_done()
            await stage.line.say("I would like to leave a message")
            await stage.line.agent_speaks()
            await stage.line.hang_up()
            with anyio.fail_after(150):
                await stage.done.wait()
            turns = stage.business.of(AgentTurn)
        await settled(desk)
        assert (desk.handed_over, desk.refused, desk.failed_attempts) == (2, 0, 0)
        group.cancel_scope.cancel()
    assert list((folder / "calls").iterdir()) == []
    assert len(files(house)) == 2
    assert await ops.examine(house.services, "harbour", "c1")
    recording = (await house.call())["recording"]
    assert recording["channels"] == 2
    assert recording["seconds"] > 1
    sound, rate = soundfile.read(io.BytesIO((await house.get("/calls/c1/recording")).content))
    assert abs(sound[:, 0]).max() > 0.1  # the caller
    assert abs(sound[:, 1]).max() > 0.1  # the agent
    for turn in turns:  # the recording has the call's clock: the agent is heard there when its turns say that it was
        assert turn.audible_ms is not None
        begin = max(0, (turn.audible_ms - 500) * rate // 1000)
        first = (begin + np.flatnonzero(abs(sound[begin:, 1]) > 0.02)[0]) * 1000 / rate
        assert abs(first - turn.audible_ms) <= 60, turn
    waves = (await house.get("/calls/c1/peaks?resolution=200")).json()["channels"]
    assert [max(one["max"]) > 10 for one in waves] == [True, True]
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes((await house.get("/calls/c1/trace")).content)
    head, events = read_trace(trace)
    assert head["call"] == "c1"
    assert {type(one).__name__ for one in events} >= {"Answered", "Final", "Hangup"}
