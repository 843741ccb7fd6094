"""Nothing is recorded before the caller has heard that it will be, whole."""

from __future__ import annotations

from typing import Any, cast

import anyio
import pytest
from tests.scenarios.harness import LOUD, SCRIPT, Scene, exchange, greeted, plan_of, scene

from offhook.engine.record import Recorder, RecordingInfo

pytestmark = pytest.mark.anyio
TOLD = {"must_say": {"told": {"text": "This call is recorded so that we get the details right.", "before": "first question"}}}
QUIET = {0xFF, 0x7F}


class Tape:
    """A recorder that keeps what it is given."""

    def __init__(self) -> None:
        self.sides: dict[str, list[bytes]] = {"caller": [], "agent": []}

    def caller(self, _start: int, data: bytes) -> None:
        self.sides["caller"].append(data)

    def agent(self, _start: int, data: bytes) -> None:
        self.sides["agent"].append(data)

    def redact(self, *, hidden: bool) -> None:
        assert not hidden

    def agent_cut(self, _start: int) -> None:
        """Nothing is taken back here."""

    async def run(self) -> None:
        """Nothing is written."""

    async def close(self) -> RecordingInfo | None:
        return None

    def audible(self, side: str) -> bool:
        return any(set(data) - QUIET for data in self.sides[side])


def tape(stage: Scene) -> Tape:
    found = Tape()
    stage.call._recorder = cast("Recorder", found)
    return found


def told(**changes: Any) -> Any:
    return plan_of({**SCRIPT, **TOLD}, record_after=("told",), **changes)


async def test_silence_until_it_was_heard() -> None:
    async with scene(told()) as stage:
        kept = tape(stage)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert kept.sides["agent"]
        assert not kept.audible("agent")
        assert not kept.audible("caller")
        await stage.line.say("I would like a booking please")
        assert LOUD in kept.sides["caller"]
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert kept.audible("agent")


async def test_who_breaks_in_has_not_heard_it() -> None:
    async with scene(told()) as stage:
        kept = tape(stage)
        await stage.line.agent_speaks()
        await stage.line.say("I would like a booking please, if you can hear me at all")
        assert stage.line.clears
        assert not kept.audible("caller")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert any("This call is recorded" in text for text in stage.business.said()[1:])
        assert not kept.audible("agent")
        await stage.line.say("oh seven nine double one")
        assert kept.audible("caller")


LAST = {"must_say": {"told": {"text": "Messages are kept for thirty days.", "before": "goodbye"}}}


@pytest.mark.parametrize(("after", "whole"), [(2.5, True), (0.6, False)])
async def test_what_was_heard_of_a_goodbye_that_was_talked_over_is_not_said_again(after: float, whole: bool) -> None:
    """Six words of 0.3 s are whole by then, or are not; the goodbye follows them."""
    async with scene(plan_of({**SCRIPT, **LAST})) as stage:
        await greeted(stage)
        await exchange(stage, "a message please")
        await stage.line.say("please ring me back about the boiler.")
        await stage.line.agent_speaks()
        await anyio.sleep(after)
        await stage.line.say("oh sorry how much is it")
        await stage.line.agent_speaks()
        with anyio.fail_after(30):
            await stage.done.wait()
    cut, last = stage.business.said()[-2:]
    assert "sixty pounds" in last
    assert ["kept for thirty days." in said for said in (cut, last)] == [whole, not whole]
    assert stage.business.ended.outcome == "message"


async def test_without_anything_to_tell_it_begins_at_once() -> None:
    async with scene() as stage:
        kept = tape(stage)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert kept.audible("agent")
