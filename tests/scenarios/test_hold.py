"""A call on hold, or whose media has broken for a while: its time stands still, nobody is asked anything, nothing counts as heard."""

from __future__ import annotations

import anyio
import pytest
from tests.scenarios.harness import scene

from offhook.contracts.events import AgentTurn

pytestmark = pytest.mark.anyio


async def test_10_a_minute_on_hold_is_no_silence_and_asks_nothing() -> None:
    async with scene() as now:
        line = now.line
        await line.agent_speaks()
        await line.agent_done()
        before = len(now.business.of(AgentTurn))
        line.hold(True)
        await anyio.sleep(60)
        line.hold(False)
        await anyio.sleep(1)
        assert len(now.business.of(AgentTurn)) == before, "nobody was asked whether they are still there"
        assert now.call.clock.now() < 20e9
        await line.say("I would like an appointment please")
        await line.agent_speaks()
        await line.hang_up()
        await now.done.wait()
    assert now.counters["held"] == 1
    assert now.business.caller() == ["I would like an appointment please"]
    assert (now.business.ended.time - now.call.clock.answered).total_seconds() > 60, "wall time goes on"


async def test_a_hold_in_the_middle_of_a_reply_loses_no_word_of_it() -> None:
    async with scene() as now:
        line = now.line
        await line.agent_speaks()
        await anyio.sleep(0.3)
        line.hold(True)
        audible = sum(line.heard)
        await anyio.sleep(5)
        assert sum(line.heard) == audible
        line.hold(False)
        await line.agent_done()
        await line.hang_up()
        await now.done.wait()
    [greeting] = now.business.of(AgentTurn)
    assert greeting.heard == greeting.text
    assert not greeting.interrupted
    assert sum(line.heard) > audible
