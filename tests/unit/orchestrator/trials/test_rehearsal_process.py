"""Text tests in a process of their own, and one that would not come to an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import anyio
import pytest
from tests.unit.orchestrator.trials.test_fakes import MONDAY, faking

from offhook.authoring.course import Course, Turn
from offhook.contracts.plan import CallPlan
from offhook.errors import Invalid
from offhook.orchestrator.agents.trials.rehearsal import Rehearsal, played

SCRIPT: dict[str, Any] = {
    "offhook": 1,
    "id": "code",
    "version": 3,
    "title": "A code",
    "languages": ["en-GB"],
    "start": "ask",
    "slots": {
        "code": {"type": "pattern", "pattern": "[A-Z]+9", "spoken": "letters and digits", "ask": "What is the code?", "keys": "record"}
    },
    "universals": {"human": "bye"},
    "states": {"ask": {"say": "Hello.", "collect": ["code"], "next": "bye"}, "bye": {"say": "Goodbye.", "end": "done"}},
    "outcomes": {"done": "good"},
}


@pytest.fixture
def anyio_backend() -> str:
    """Real processes need a real loop."""
    return "asyncio"


def rehearsal(*turns: Turn, **changes: Any) -> Rehearsal:
    return Rehearsal(CallPlan(call="trial", script={**SCRIPT, **changes}), MONDAY, turns, faking())


async def test_a_test_is_played_elsewhere() -> None:
    course = await played(rehearsal(Turn("silence")))
    assert isinstance(course, Course)
    assert (course.script, course.version) == ("code", 3)
    assert course.turns[0].agent[0].text == "Hello."


async def test_faults_of_the_script_come_back() -> None:
    faults = await played(rehearsal(start="nowhere"))
    assert not isinstance(faults, Course)
    assert any("nowhere" in fault.message for fault in faults)


class Stuck:
    """Read in the other process, it is a sleep."""

    def __reduce__(self) -> tuple[Callable[[float], None], tuple[float]]:
        return time.sleep, (60.0,)


async def test_a_test_that_never_ends_is_cut_off_and_the_loop_goes_on() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.02)
            ticks += 1

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        with pytest.raises(Invalid, match="too long"):
            await played(replace(rehearsal(), moment=cast("datetime", Stuck())), seconds=3)
        group.cancel_scope.cancel()
    assert ticks > 50
    course = await played(rehearsal())
    assert isinstance(course, Course)
