"""The ladder of degradation, rung by rung: what fails, what the caller hears instead, and within how long.

The upper rungs in virtual time; the engine that is killed is a real process (``test_ladder_engine``).
"""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import SCRIPT, Scene, exchange, greeted, plan_of, scene
from tests.telephony.figures import figure

from offhook.engine.phrases import Phrases
from offhook.errors import Unavailable
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeLlm, FakeTts, LlmScript

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
ODD = "my neighbour said you folk could maybe sort out something for me"
KIND = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them."})


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def models(**changes: Any) -> dict[str, Any]:
    return {"endpoint": None, **changes}


async def answered(stage: Scene, words: str) -> float:
    """Seconds from the caller's last word to the first sound of the answer."""
    await stage.line.say(words)
    waited = await stage.line.agent_speaks(limit=8)
    await stage.line.agent_done()
    return waited


async def test_rung_1_llm_down_the_script_goes_on_by_its_rules_to_a_booking() -> None:
    dead = FakeLlm(LlmScript(fail=Unavailable))
    async with scene(plan_of(models=models(llm=("first", "spare"))), llm=dead, spare={"llm": FakeLlm(LlmScript(hang=True))}) as stage:
        await greeted(stage)
        waits = [await answered(stage, ODD)]
        assert "How can I help?" in stage.business.said()[-1] or "booking or a message" in stage.business.said()[-1]
        waits += [await answered(stage, "I would like a booking please")]
        waits += [await answered(stage, "oh seven nine double one one two three four five six")]
        waits += [await answered(stage, "the first one please")]
        await stage.line.say("yes please")
        with anyio.fail_after(30):
            await stage.done.wait()
    assert stage.business.ended.outcome == "booked"
    assert stage.business.ran("book") == 1
    assert max(waits) < 4
    figure(f"ladder: language models down: booked by the script's rules, longest wait for an answer {max(waits):.2f} s")


async def test_rung_2_stt_down_a_menu_of_keys_to_a_booking() -> None:
    async with scene() as stage:
        await greeted(stage)

        async def refused(*_: Any) -> Any:
            raise Unavailable("stt/fake", "nobody there")

        stage.stt.open = refused  # type: ignore[method-assign, assignment]
        stage.stt.script.fail_after = stage.line.now() + 0.5
        await anyio.sleep(0.5)
        waited = await stage.line.agent_speaks(limit=4)
        await stage.line.agent_done()
        said = stage.business.said()[-1]
        assert said.startswith("I am sorry, I cannot hear you just now.")
        assert "For a booking press 1." in said
        assert waited < 1.5
        for keys, asks in (("1", "best number"), ("07911123456#", "press 2"), ("1", "Shall I book it?")):
            stage.line.press(keys)
            await stage.line.agent_speaks()
            await stage.line.agent_done()
            assert asks in stage.business.said()[-1]
        stage.line.press("1")
        with anyio.fail_after(30):
            await stage.done.wait()
    assert stage.business.ended.outcome == "booked"
    figure(f"ladder: recognisers down: the menu of keys begins after {waited:.2f} s, booked by keys")


async def test_rung_3_tts_down_kept_phrases_then_a_person() -> None:
    script = {
        **SCRIPT,
        "universals": {"human": "connect"},
        "given": {**SCRIPT["given"], "staff": "phone"},
        "states": {
            **SCRIPT["states"],
            "connect": {"say": "I am putting you through.", "transfer": "staff", "if_fails": "message", "end": "transferred"},
        },
        "outcomes": {**SCRIPT["outcomes"], "transferred": "good"},
    }
    plan = plan_of(script, transfer_to={"staff": "+442079460001"}, models=models(tts=("first", "spare")))
    phrases, spare = Phrases(), FakeTts()
    async with scene(plan, phrases=phrases, spare={"tts": spare}) as stage:
        await greeted(stage)
        with anyio.fail_after(600):
            while phrases.counts["made"] < 20:
                await anyio.sleep(0.5)
    async with scene(plan, phrases=phrases, spare={"tts": spare}) as stage:
        await greeted(stage)
        stage.tts.broken = spare.broken = Unavailable
        # Kept: a question of the script's. Not kept: an offer with values in it; then the caller gets a person.
        waits = [await answered(stage, "I would like a booking please")]
        assert "best number" in stage.business.said()[-1]
        await stage.line.say("oh seven nine double one one two three four five six")
        waits.append(await stage.line.agent_speaks(limit=8))
        with anyio.fail_after(20):
            while not stage.line.transferred:
                await anyio.sleep(0.1)
    assert stage.line.transferred == ["+442079460001"]
    assert max(waits) < 5
    figure(f"ladder: voices down: kept phrases after {waits[0]:.2f} s, then a person, longest wait {max(waits):.2f} s")


async def test_rung_3_tts_down_without_a_person_is_a_message_by_what_is_kept() -> None:
    phrases, spare = Phrases(), FakeTts()
    plan = plan_of(models=models(tts=("first", "spare")))
    async with scene(plan, phrases=phrases, spare={"tts": spare}) as stage:
        await greeted(stage)
        with anyio.fail_after(600):
            while phrases.counts["made"] < 20:
                await anyio.sleep(0.5)
        stage.tts.broken = spare.broken = Unavailable
        await exchange(stage, "I would like to leave a message", limit=6)
        assert "tell the team" in stage.business.said()[-1]
        await stage.line.say("please ring me about the boiler")
        with anyio.fail_after(60):
            await stage.done.wait()
    assert stage.business.ran("save_message") == 1
    assert stage.business.ended.outcome == "message"
