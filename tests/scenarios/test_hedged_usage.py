"""What a model was asked beside the one that answered is paid for too: the call's usage says so."""

from __future__ import annotations

import json

import pytest
from tests.scenarios.harness import plan_of, scene

from offhook.contracts.events import Usage
from offhook.testing.fakes import FakeLlm, LlmScript

pytestmark = pytest.mark.anyio
ODD = "my neighbour said you folk could maybe sort out something for me"
KIND = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them."})


@pytest.mark.parametrize("late", [True, False])
async def test_a_second_request_is_in_the_calls_usage_beside_the_answers(late: bool) -> None:
    first = FakeLlm(LlmScript(hang=True) if late else LlmScript(KIND, first_token=0.1))
    plan = plan_of(models={"endpoint": None, "llm": ("first", "spare")}, turn={"ahead": False})
    async with scene(plan, llm=first, spare={"llm": FakeLlm(LlmScript(KIND, first_token=0.1))}) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say(ODD)
        await stage.line.agent_speaks(10)
        await stage.line.agent_done()
    assert "kind of them" in stage.business.said()[-1]
    [usage] = [event for event in stage.business.events if isinstance(event, Usage)]
    assert usage.llm_input_tokens > 0
    assert (usage.llm_hedged_input_tokens > 0, usage.llm_hedged_output_tokens) == (late, 0)
    assert stage.call.failures.get("llm replaced", 0) == late
