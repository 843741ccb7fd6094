"""An agent that is to prepare nothing ahead of the caller's end prepares nothing, and answers all the same."""

from __future__ import annotations

import pytest
from tests.scenarios.harness import plan_of, scene

from offhook.contracts.events import Usage
from offhook.testing.fakes import FakeLlm

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("ahead", [True, False])
async def test_what_is_prepared_ahead_is_a_switch_of_the_plan(ahead: bool) -> None:
    plan = plan_of(models={"endpoint": None, "llm": ("model",)}, turn={"ahead": ahead})
    async with scene(plan, llm=FakeLlm()) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say("please tell me how much it is to have somebody come")
        await stage.line.agent_speaks(10)
        await stage.line.agent_done()
    assert "sixty pounds" in stage.business.said()[-1]
    speculated = {name: count for name, count in stage.call.reporter.counts.items() if name.startswith("speculation_") and count}
    assert bool(speculated) == ahead
    [usage] = [event for event in stage.business.events if isinstance(event, Usage)]
    assert usage.llm_hedged_input_tokens == 0
