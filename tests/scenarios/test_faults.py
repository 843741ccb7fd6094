"""What reliability.md (b.3) and field.md ask of a call, where the other scenarios do not measure it: times, bytes, company."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import Scene, exchange, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn, CallerTurn
from offhook.errors import Unavailable
from offhook.testing.fakes import FakeLlm, FakeStt, FakeTts, FakeVad, LlmScript, SttScript

pytestmark = pytest.mark.anyio
QUESTION = "please tell me now how much is it to have somebody come round to us today"
ODD = "my neighbour said you folk could maybe sort out something for me"
KIND = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them."})


class Spare(FakeStt):
    """Remembers when it was asked for a session."""

    asked_at = 0.0

    async def open(self, *args: Any) -> Any:
        self.asked_at = self.asked_at or anyio.current_time()
        return await super().open(*args)


async def test_f1_another_recogniser_listens_within_700_ms_and_hears_the_words_from_before() -> None:
    spare = Spare()
    async with scene(plan_of(models={"endpoint": None, "stt": ("first", "spare")}), spare={"stt": spare}) as stage:
        spare.mouthpiece = stage.stt.mouthpiece
        await greeted(stage)
        broken = stage.line.now() + 2.0
        stage.stt.script.fail_after = broken
        await exchange(stage, QUESTION)
        assert -0.001 <= spare.asked_at - stage.line._begin - broken <= 0.7
    assert stage.business.caller() == [QUESTION]


async def test_f2_a_recogniser_that_is_silent_in_speech_is_found_out_within_two_seconds() -> None:
    spare = Spare(script=SttScript(says=QUESTION))
    async with scene(plan_of(models={"endpoint": None, "stt": ("first", "spare")}), spare={"stt": spare}) as stage:
        await greeted(stage)
        stage.stt.script.deaf = True
        begun = anyio.current_time()
        await exchange(stage, QUESTION)
        assert spare.asked_at - begun <= 2.2  # of which the detector takes a little
        said = " ".join(stage.business.said())
    assert stage.business.caller() == [QUESTION]
    assert "sixty pounds" in said
    assert said.count("Sorry") + said.count("sorry") <= 1


@pytest.mark.parametrize("garbage", [b"RIFF\x24\x00\x00\x00WAVE", b"ID3\x04\x00\x00\x00\x00"])
async def test_f6_what_is_no_speech_is_never_sent_and_another_voice_says_it_soon(garbage: bytes) -> None:
    spare = FakeTts()
    async with scene(plan_of(models={"endpoint": None, "tts": ("first", "spare")}), spare={"tts": spare}) as stage:
        await greeted(stage)
        sent: list[bytes] = []
        send = stage.line.send

        def sends(data: bytes) -> None:
            sent.append(data)
            send(data)

        stage.line.send = sends  # type: ignore[method-assign]
        stage.tts.script.garbage = garbage
        await exchange(stage, "how much is it")
    turn = stage.business.of(AgentTurn)[1]
    assert "sixty pounds" in turn.heard
    assert turn.heard == turn.text
    assert turn.ladder.total - turn.ladder.endpoint <= 500  # 300 to another voice, beside the two voices' own first bytes
    assert garbage not in b"".join(sent)
    assert "sixty pounds" in " ".join(spare.said)


async def test_7_a_call_in_company_is_answered_as_soon_as_one_alone() -> None:
    """pipecat#3378: the calls of one process, over one detector and one wheel, whose callers all speak at once."""
    ladders: dict[int, list[float]] = {}

    async def talk(stage: Scene, company: int) -> None:
        await greeted(stage)
        for words in ("how much is it", "a message please"):
            await exchange(stage, words)
        ladders.setdefault(company, []).extend(turn.ladder.total for turn in stage.business.of(AgentTurn)[1:])
        assert not any(turn.interrupted for turn in stage.business.of(AgentTurn))

    async with scene() as alone:
        await talk(alone, 1)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(scene())
        stages = [first, *[await stack.enter_async_context(scene(beside=first)) for _ in range(11)]]
        async with anyio.create_task_group() as group:
            for stage in stages:
                group.start_soon(talk, stage, 12)
    assert len(ladders[12]) == 12 * len(ladders[1])
    assert max(ladders[12]) <= max(ladders[1]) + 20  # a tick of the wheel


@pytest.mark.parametrize("fault", [None, Unavailable])
async def test_17_a_turns_time_is_what_the_caller_waited_also_where_it_was_asked_twice(fault: type[Unavailable] | None) -> None:
    """pipecat#5311: retries are a part of it."""
    spare = FakeLlm(LlmScript(KIND, first_token=0.3))
    plan = plan_of(models={"endpoint": None, "llm": ("first", "spare")})
    async with scene(plan, llm=FakeLlm(LlmScript(KIND, first_token=0.4, fail=fault)), spare={"llm": spare}) as stage:
        await greeted(stage)
        await stage.line.say(ODD)
        stopped = stage.line._speaking_until
        await stage.line.agent_speaks()
        waited = (len(stage.line.heard) - 1 - stopped) * 20
        await stage.line.agent_done()
    turn = stage.business.of(AgentTurn)[1]
    assert turn.by == "model"
    assert len(spare.asked) == (0 if fault is None else 1)
    assert abs(turn.ladder.total - waited) <= 40


async def test_17_a_turn_that_the_detector_missed_is_a_turn_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeVad, "score", lambda _vad, items: [0.0 for _ in items])
    async with scene(stt=SttScript(eager=0.11, ends=0.3)) as stage:
        await greeted(stage)
        await exchange(stage, "how much is it")
    [heard] = stage.business.of(CallerTurn)
    turn = stage.business.of(AgentTurn)[1]
    assert heard.text == "how much is it"
    assert 0 < turn.ladder.total <= 1_000
