"""Calls go on while the orchestrator is away, and lose nothing of what they have to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tests.scenarios.harness import SLOTS, Business, plan_of, scene

from offhook.contracts.events import CallEnded, CallerTurn

pytestmark = pytest.mark.anyio
FIVE_MINUTES = 300.0
QUESTIONS = 60
INTERVIEW: dict[str, Any] = {
    "offhook": 1,
    "id": "interview",
    "version": 1,
    "title": "A long conversation",
    "languages": ["en-GB"],
    "start": "greet",
    "slots": {f"answer_{n}": {"type": "free_text", "ask": "And what comes next?"} for n in range(QUESTIONS)},
    "universals": {"human": f"ask_{QUESTIONS}"},
    "states": {
        "greet": {"say": "Hello.", "next": "ask_0"},
        **{f"ask_{n}": {"collect": [f"answer_{n}"], "next": f"ask_{n + 1}"} for n in range(QUESTIONS)},
        f"ask_{QUESTIONS}": {"say": "Goodbye.", "end": "done"},
    },
    "outcomes": {"done": "good"},
}


async def test_five_minutes_without_the_orchestrator(tmp_path: Path) -> None:
    business = Business()
    async with scene(plan_of(INTERVIEW), business, outbox=tmp_path) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        business.down = True
        gone = anyio.current_time()
        asked = 0
        while anyio.current_time() - gone < FIVE_MINUTES:
            await stage.line.say("it is the one that stands by the door of the house")
            assert await stage.line.agent_speaks(limit=3) < 3  # the caller notices nothing
            await stage.line.agent_done()
            asked += 1
        assert asked > 20
        assert not stage.done.is_set()
        on_disk = (tmp_path / "c1.jsonl").read_bytes().count(b"\n")
        assert on_disk >= 2 * asked + 2  # all of it would survive the engine, too
        assert business.refused > 5
        assert business.refused < 40  # and nobody was hammered
        business.down = False
        await stage.line.hang_up()
        with anyio.fail_after(90):
            await stage.done.wait()
            while not (business.arrived and isinstance(business.arrived[-1], CallEnded)):
                await anyio.sleep(1)
    seqs = [event.seq for event in business.arrived]
    assert seqs == list(range(1, len(seqs) + 1))  # each once, in order
    assert len([event for event in business.arrived if isinstance(event, CallerTurn)]) == asked
    assert list(tmp_path.iterdir()) == []


async def test_a_tool_that_nobody_runs_is_no_silence(tmp_path: Path) -> None:
    business = Business({"free_slots": [SLOTS]})
    async with scene(business=business, outbox=tmp_path) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        business.down = True
        for words in ("I would like a booking please", "oh seven nine double one one two three four five six"):
            await stage.line.say(words)
            assert await stage.line.agent_speaks(limit=8) < 8
            await stage.line.agent_done()
        # The diary cannot be asked: the script goes on to what it has for that, and says goodbye when that fails too.
        await stage.line.say("please tell them that my tap drips")
        assert await stage.line.agent_speaks(limit=8) < 8
        with anyio.fail_after(30):
            await stage.done.wait()
        business.down = False
        with anyio.fail_after(90):
            while not (business.arrived and isinstance(business.arrived[-1], CallEnded)):
                await anyio.sleep(1)
    ended = business.arrived[-1]
    assert isinstance(ended, CallEnded)
    assert (ended.reason, ended.outcome) == ("finished", "failed")
    seqs = [event.seq for event in business.arrived]
    assert seqs == list(range(1, len(seqs) + 1))
