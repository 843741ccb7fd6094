"""Calls that we placed, in virtual time: people are talked with at once, machines are told one thing once or hung up on."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tests.scenarios.harness import Scene, exchange, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn, CallerTurn
from offhook.contracts.plan import CallPlan, MachinePlan

pytestmark = pytest.mark.anyio

MESSAGE = "This is Harbour Plumbing. Please ring us back."
OPENING = "Harbour Plumbing, hello. How can I help?"
GREETING = "hi you have reached the voicemail of sam baker please leave a message after the tone"


def plan(**values: Any) -> CallPlan:
    return plan_of(machine=MachinePlan.model_validate({"on_machine": "leave_message", "message": MESSAGE, **values}))


async def over(stage: Scene, limit: float = 90) -> None:
    with anyio.fail_after(limit):
        await stage.done.wait()


def told(stage: Scene) -> int:
    """How often the message was heard, whole or in part."""
    return sum(turn.heard[:12] == MESSAGE[:12] for turn in stage.business.of(AgentTurn))


def answers(stage: Scene) -> list[str]:
    """What else was heard of the agent than its opening and the message."""
    return [said for said in stage.business.said() if said and said != MESSAGE and not OPENING.startswith(said)]


async def test_a_machine_is_told_the_message_once_after_its_beep() -> None:
    async with scene(plan()) as stage:
        await stage.line.say(GREETING, 6.0)
        await anyio.sleep(1.2)
        assert stage.line.silent_for(3.0)
        await stage.line.beep()
        waited = await stage.line.agent_speaks()
        assert 0.1 <= waited <= 1.0
        await over(stage)
    assert told(stage) == 1
    assert stage.business.said()[-1] == MESSAGE
    assert answers(stage) == []
    assert (stage.business.ended.outcome, stage.business.ended.reason) == ("voicemail_left", "finished")
    assert stage.business.ended.counters["machine by words"] == 1
    assert any("voicemail" in turn.text for turn in stage.business.of(CallerTurn))


async def test_without_a_beep_it_is_told_once_the_greeting_is_over() -> None:
    async with scene(plan()) as stage:
        await stage.line.say(GREETING, 6.0)
        waited = await stage.line.agent_speaks()
        assert 2.5 <= waited <= 4.0
        await over(stage)
    assert (told(stage), answers(stage), stage.business.ended.outcome) == (1, [], "voicemail_left")


async def test_a_greeting_nobody_understands_is_known_by_its_beep() -> None:
    async with scene(plan()) as stage:
        await stage.line.say("uhh mumble", 3.0)
        await stage.line.beep(620, 0.4)
        await over(stage)
    assert (told(stage), stage.business.ended.outcome) == (1, "voicemail_left")
    assert stage.business.ended.counters["machine by beep"] == 1


async def test_one_that_talks_on_is_a_machine() -> None:
    async with scene(plan()) as stage:
        await stage.line.say("hi this is sam and pat and we are away until monday so just say who you are " * 2, 10.0)
        await over(stage)
    assert stage.business.ended.counters["machine by length"] == 1
    assert (told(stage), answers(stage)) == (1, [])


async def test_nothing_to_say_is_hung_up_on() -> None:
    for given in ({"on_machine": "hang_up"}, {"message": ""}):
        async with scene(plan(**given)) as stage:
            await stage.line.say(GREETING, 6.0)
            await over(stage, 5)
        assert (told(stage), answers(stage), stage.business.ended.outcome) == (0, [], "voicemail")


async def test_a_person_hears_the_agent_at_once_and_never_the_message() -> None:
    async with scene(plan()) as stage:
        assert await stage.line.agent_speaks() < 1.0
        await stage.line.say("hello", 0.5)
        await stage.line.agent_done()
        await exchange(stage, "I would like a booking please")
        await exchange(stage, "it is zero seven seven double zero nine double zero one two three")
        await exchange(stage, "the first one after the tone please")  # they joke, and are known by now
        stage.call.voicemail.told(machine=True) if stage.call.voicemail else pytest.fail("it listens")
        await stage.line.beep()
        await anyio.sleep(4)
        await stage.line.hang_up()
        await over(stage)
    assert told(stage) == 0
    assert len(answers(stage)) >= 1
    assert not stage.business.ended.outcome.startswith("voicemail")


async def test_a_short_hello_is_a_person_whatever_the_carrier_says() -> None:
    async with scene(plan()) as stage:
        await stage.line.say("hello", 0.6)
        await anyio.sleep(1.5)
        assert stage.call.voicemail is not None
        stage.call.voicemail.told(machine=True)
        await stage.line.agent_done()
        await exchange(stage, "I would like a booking please")
        await stage.line.hang_up()
        await over(stage)
    assert (told(stage), len(answers(stage)) >= 1) == (0, True)


async def test_the_carriers_word_counts_where_nothing_speaks_against_it() -> None:
    async with scene(plan()) as stage:
        await stage.line.say("mumble", 4.0)
        assert stage.call.voicemail is not None
        stage.call.voicemail.told(machine=True)
        await anyio.sleep(0.5)
        await stage.line.beep()
        await over(stage)
    assert stage.business.ended.counters["machine by carrier"] == 1
    assert (told(stage), stage.business.ended.outcome) == (1, "voicemail_left")


async def test_what_the_carrier_knew_before_the_media_came_is_in_the_plan() -> None:
    async with scene(plan(carrier="machine", on_machine="hang_up")) as stage:
        await over(stage, 5)
    assert (answers(stage), stage.business.ended.outcome) == ([], "voicemail")


async def test_somebody_who_picks_up_after_all_is_talked_with() -> None:
    async with scene(plan()) as stage:
        await stage.line.say(GREETING, 6.0)
        await anyio.sleep(1.6)
        await stage.line.say("hello", 0.5)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await exchange(stage, "I would like a booking please")
        await stage.line.hang_up()
        await over(stage)
    assert (told(stage), len(answers(stage)) >= 1) == (0, True)
    assert not stage.business.ended.outcome.startswith("voicemail")


async def test_a_machine_that_ends_the_call_in_the_message_was_not_left_it() -> None:
    async with scene(plan()) as stage:
        await stage.line.say(GREETING, 5.0)
        await stage.line.beep()
        await stage.line.agent_speaks()
        await anyio.sleep(1.5)
        await stage.line.hang_up()
        await over(stage)
    assert (told(stage), stage.business.ended.outcome) == (1, "voicemail")


async def test_noise_does_not_break_the_message_off() -> None:
    async with scene(plan()) as stage:
        await stage.line.say(GREETING, 5.0)
        await stage.line.beep()
        await stage.line.agent_speaks()
        await stage.line.say("the end of the recording has been reached", 2.0)
        await over(stage)
    assert (stage.business.said()[-1], stage.business.ended.outcome) == (MESSAGE, "voicemail_left")


async def test_a_call_that_came_in_takes_nobody_for_a_machine() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, GREETING)
        await stage.line.hang_up()
        await over(stage)
    assert len(stage.business.said()) >= 2
    assert not stage.business.ended.outcome.startswith("voicemail")
