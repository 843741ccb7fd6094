"""What a caller says last before the line is closed is kept, once, and changes nothing but what is known."""

from __future__ import annotations

import anyio
import pytest
from tests.scenarios.harness import Scene, exchange, greeted, plan_of, scene
from tests.scenarios.test_field import to_the_read_back
from tests.scenarios.test_phrase_calls import KIND, ODD, with_fillers

from offhook.contracts.events import AgentTurn, CallerTurn
from offhook.core.turn import events as ev
from offhook.errors import TransferFailed
from offhook.testing.fakes import FakeLlm, FakeStt, LlmScript, SttScript

pytestmark = pytest.mark.anyio
NUMBER = "oh seven nine double one one two three four five six"


async def gone(stage: Scene, *, lost: bool = False) -> None:
    if lost:
        stage.line.drop()
    else:
        await stage.line.hang_up()
    with anyio.fail_after(30):
        await stage.done.wait()


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("after", [0.2, 0.25, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0])
async def test_a_number_left_at_the_last_moment_is_kept_and_once(after: float, lost: bool) -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "I would like a booking please")
        await stage.line.say(NUMBER)
        await anyio.sleep(after)
        await gone(stage, lost=lost)
    assert stage.business.caller() == ["I would like a booking please", NUMBER]
    assert stage.business.ended.slots["phone"]["value"] == "+447911123456"
    assert stage.business.ended.outcome == "left_early"
    turns: list[CallerTurn] = stage.business.of(CallerTurn)
    assert turns[1].turn > turns[0].turn
    assert turns[1].acts[0]["act"] == "set"
    assert turns[0].end_ms < turns[1].start_ms < turns[1].end_ms <= stage.business.ended.seconds * 1000


async def test_words_of_somebody_who_is_still_speaking_are_kept() -> None:
    async with scene(stt=SttScript(partial_every=0.2)) as stage:
        await greeted(stage)
        async with anyio.create_task_group() as group:
            group.start_soon(stage.line.say, "how much is it to have a boiler looked at")
            await anyio.sleep(1.6)
            await gone(stage)
            group.cancel_scope.cancel()
    [said] = stage.business.caller()
    assert said.startswith("how much")


@pytest.mark.parametrize(
    "stt",
    [
        pytest.param(SttScript(partial_every=60, final_delay=0.4), id="the detector ends speech"),
        pytest.param(SttScript(ends=0.7, eager=0.5, final_delay=0.4), id="the recogniser does"),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
async def test_the_last_words_of_somebody_who_hangs_up_with_them_are_waited_for(stt: SttScript, lost: bool) -> None:
    """No recogniser has told a word of theirs yet. What is waited for is no time of the call's."""
    words = "please tell Anna that the boiler in Harbour Street has burst"
    async with scene(stt=stt) as stage:
        await greeted(stage)
        await stage.line.say(words)
        await anyio.sleep(0.04)
        assert stage.call._hearing._gate.speaking
        assert stage.call._hearing.text == ""
        begun, seconds = anyio.current_time(), stage.line.now()
        await gone(stage, lost=lost)
    assert stage.business.caller() == [words]
    assert stage.business.ended.seconds == pytest.approx(seconds, abs=0.1)
    assert anyio.current_time() - begun < 1
    [turn] = stage.business.of(CallerTurn)
    assert turn.start_ms < turn.end_ms <= stage.business.ended.seconds * 1000


async def test_words_of_somebody_who_hangs_up_in_the_middle_of_them_are_waited_for() -> None:
    async with scene(stt=SttScript(partial_every=60, final_delay=0.4)) as stage:
        await greeted(stage)
        async with anyio.create_task_group() as group:
            group.start_soon(stage.line.say, "please tell Anna that the boiler in Harbour Street has burst and")
            await anyio.sleep(3.02)
            await gone(stage)
            group.cancel_scope.cancel()
    assert stage.business.caller() == ["please tell Anna that the boiler in Harbour Street"]


async def test_a_recogniser_that_says_nothing_any_more_keeps_no_place_for_a_caller_who_is_gone() -> None:
    async with scene(stt=SttScript(deaf=True)) as stage:
        await greeted(stage)
        await stage.line.say("please tell Anna that the boiler has burst")
        begun = anyio.current_time()
        await gone(stage)
    assert stage.business.caller() == []
    assert anyio.current_time() - begun < 10


async def test_a_caller_who_is_gone_while_another_recogniser_takes_over_is_heard_out_by_it() -> None:
    words = "please tell Anna that the boiler has burst"
    spare = FakeStt(script=SttScript(partial_every=60, final_delay=0.3, says=words))
    plan = plan_of(models={"endpoint": None, "stt": ("first", "spare")})
    async with scene(plan, stt=SttScript(partial_every=60), spare={"stt": spare}) as stage:
        await greeted(stage)
        stage.stt.script.fail_after = stage.line.now() + 2.9
        await stage.line.say(words)
        await anyio.sleep(0.06)
        await gone(stage)
    assert stage.business.caller() == [words]
    assert stage.call.failures["stt replaced"] == 1


async def test_a_yes_that_nobody_took_up_books_nothing() -> None:
    async with scene() as stage:
        await to_the_read_back(stage)
        await stage.line.say("yes please")
        await anyio.sleep(0.15)
        await gone(stage)
    assert stage.business.caller()[-1].startswith("yes")
    assert stage.business.ran("book") == 0
    assert stage.business.ended.outcome == "left_early"


async def test_what_was_answered_is_no_second_turn() -> None:
    async with scene() as stage:
        await greeted(stage)
        await exchange(stage, "how much is it")
        await gone(stage)
    assert stage.business.caller() == ["how much is it"]


async def test_a_noise_is_no_turn() -> None:
    async with scene() as stage:
        await greeted(stage)
        await stage.line.say("", 0.4)
        await gone(stage)
    assert stage.business.caller() == []


@pytest.mark.parametrize("quiet", [False, True])
async def test_words_whose_answer_was_only_bridged_are_kept(quiet: bool) -> None:
    """The caller hangs up on "One moment.", while a model still thinks; or before even that."""
    llm = FakeLlm(LlmScript(KIND, first_token=1.1))
    phrases, plan = await with_fillers(llm)
    async with scene(plan, llm=llm, phrases=phrases) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        if quiet:
            await anyio.sleep(0.6)
        else:
            await stage.line.agent_speaks(limit=4)
        await gone(stage)
        assert stage.counters["fillers"] == (0 if quiet else 1)
    assert stage.business.caller() == [ODD]
    assert stage.counters["model_model"] == 0


@pytest.mark.parametrize("words", ["how much is it", "well how much is it to have a boiler looked at then"])
async def test_words_while_a_transfer_fails_are_heard_out_and_answered(words: str) -> None:
    async with scene(plan_of(transfer_to={"staff": "+442079460001"})) as stage:
        await greeted(stage)

        async def fails(_: str) -> None:
            await anyio.sleep(1.5)
            raise TransferFailed("nobody answers there")

        stage.line.transfer = fails  # type: ignore[method-assign, assignment]
        stage.call.driver.feed(ev.Command(stage.call.clock.now(), "transfer", "staff"))
        begun = len(stage.line.heard)
        await anyio.sleep(0.1)
        await stage.line.say(words)
        assert not any(stage.line.heard[begun + 15 :]), "the agent goes on with what it announces"
        await stage.line.agent_speaks(limit=4)
        await stage.line.agent_done(quiet=1.5)
        if len(words.split()) < 5:
            await exchange(stage, "please")
    assert stage.business.caller()[0].startswith(words)
    assert any("sixty pounds" in said for said in stage.business.said())


async def test_one_word_while_a_transfer_fails_is_a_turn_of_its_own() -> None:
    """Its final comes when the agent speaks again, and it is no more a claim to the floor than a backchannel is."""
    async with scene(plan_of(transfer_to={"staff": "+442079460001"}), stt=SttScript(final_delay=0.3)) as stage:
        await greeted(stage)

        async def fails(_: str) -> None:
            await anyio.sleep(0.5)
            raise TransferFailed("nobody answers there")

        stage.line.transfer = fails  # type: ignore[method-assign, assignment]
        stage.call.driver.feed(ev.Command(stage.call.clock.now(), "transfer", "staff"))
        await anyio.sleep(0.1)
        await stage.line.say("today", 0.3)
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert stage.business.caller() == ["today"]
        assert [turn.heard for turn in stage.business.of(AgentTurn) if turn.interrupted] == [""], "but for the announcement, none"
        await exchange(stage, "how much is it")
    assert stage.business.caller() == ["today", "how much is it"]
