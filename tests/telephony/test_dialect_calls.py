"""A caller who interrupts, by every dialect at once through one real engine: each carrier's buffer is cleared, and the answer is heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from tests.e2e.test_audio_matrix import HERTZ, SCRIPT, Stage, encoded, stage, until_quiet
from tests.telephony.figures import figure

from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.testing.carriers.media import SPEECHES, Line
from offhook.testing.conformance.sound import resampled
from offhook.testing.vendors import _voice

pytestmark = [pytest.mark.telephony, pytest.mark.timeout(240)]
HANG_S = 120.0
LONG = " ".join(["Notwithstanding extraordinarily comprehensive administrative circumstances,"] * 5)
"""Twenty seconds: however late a busy machine notices the caller, there is something left to be cleared."""


class Plans:
    """A long question."""

    async def plan(self, request: PlanRequest) -> CallPlan:
        slots = {**SCRIPT["slots"], "about": {**SCRIPT["slots"]["about"], "ask": LONG}}
        values = {
            "call": request.call,
            "script": {**SCRIPT, "slots": slots},
            "models": {"stt": ["deepgram"], "tts": ["cartesia"], "endpoint": None},
            "turn": {"idle_ms": 60_000},
            "record": False,
        }
        return CallPlan.model_validate(values)


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(HANG_S):
        while not true():
            await anyio.sleep(0.02)


async def interrupted(one: Stage, name: str) -> Line:
    """The agent asks; the caller begins to speak at once; the agent answers what they said."""
    async with Line.open(f"{one.address}/media", SPEECHES[name](), parameters={"did": "+6495550100"}) as line:
        await until(lambda: bool(line.raw) or line.closed.is_set())
        assert line.raw
        line.say(encoded(resampled(_voice.tone(HERTZ, 16_000, 16_000), 16_000, line.format_in.rate), line.format_in))
        await until(lambda: bool(line.clears) or line.closed.is_set())
        assert line.clears
        cleared = len(line.raw)
        assert await until_quiet(line, HANG_S)
        assert len(line.raw) > cleared, "it speaks again"
        line.press("5#")
        await until(lambda: bool(line.marks) or line.closed.is_set())
        assert line.marks
    return line


async def test_every_carrier_is_cleared_by_a_caller_who_interrupts(tmp_path: Path) -> None:
    lines: dict[str, Line] = {}

    async def call(one: Stage, name: str) -> None:
        lines[name] = await interrupted(one, name)

    async with stage(tmp_path) as one:
        one.engine.plans = Plans()
        async with anyio.create_task_group() as group:
            for name in SPEECHES:
                group.start_soon(call, one, name)
        await until(lambda: not one.engine.calls)
        assert [what for what in one.engine.failures if what.startswith(("crash", "start"))] == []
    assert {name: line.errors for name, line in lines.items() if line.errors} == {}
    marks = sum(len(line.marks) for line in lines.values())
    clears = sum(len(line.clears) for line in lines.values())
    figure(
        f"carriers by websocket: {len(lines)} interrupted calls, {clears} clears, {marks} marks came back, nothing that a carrier refuses"
    )
