"""Providers fail in the middle of a call: the caller hears something sensible soon, nothing twice (reliability.md b.3)."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import exchange, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn, Usage
from offhook.engine.phrases import Phrases
from offhook.errors import OverQuota, Unavailable
from offhook.testing.fakes import FakeLlm, FakeStt, FakeTts, LlmScript, SttScript, TtsScript

pytestmark = pytest.mark.anyio
ODD = "my neighbour said you folk could maybe sort out something for me"
KIND = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them."})


def models(**changes: Any) -> dict[str, Any]:
    return {"endpoint": None, **changes}


class SlowToCome(FakeStt):
    async def open(self, *given: Any) -> Any:
        await anyio.sleep(0.8)
        return await super().open(*given)


async def never(*_: Any) -> Any:
    await anyio.sleep_forever()


async def test_f1_a_recogniser_that_breaks_in_mid_sentence_is_replaced_and_no_word_is_lost() -> None:
    spare = FakeStt()
    async with scene(plan_of(models=models(stt=("first", "spare"))), stt=SttScript(fail_after=6.0), spare={"stt": spare}) as stage:
        spare.mouthpiece = stage.stt.mouthpiece
        await greeted(stage)
        await anyio.sleep_until(stage.line._begin + 4.5)
        await exchange(stage, "please tell me now how much is it to have somebody come")
    assert stage.business.caller() == ["please tell me now how much is it to have somebody come"]
    assert "sixty pounds" in stage.business.said()[-1]
    assert stage.call.failures["stt replaced"] == 1


async def test_f1_a_turn_whose_recogniser_breaks_before_its_last_words_is_not_taken_for_over_without_them() -> None:
    """The words known so far would be a turn, and the next recogniser is there only after it had been over."""
    words = "how much is it to have somebody come"
    plan = plan_of(models=models(stt=("first", "spare")))
    async with scene(plan, stt=SttScript(partial_every=1.5), spare={"stt": SlowToCome(script=SttScript(9, says=words))}) as stage:
        await greeted(stage)
        stage.stt.open = never  # type: ignore[method-assign, assignment]
        await stage.line.say(words)
        assert stage.call._hearing.text == "how much is it"
        stage.stt.script.fail_after = stage.line.now()
        assert await stage.line.agent_speaks(limit=4) < 1.5
    assert stage.business.caller() == [words]


@pytest.mark.parametrize("script", [LlmScript(hang=True), LlmScript(fail=Unavailable), LlmScript(fail=OverQuota)])
async def test_f3_a_model_that_gives_nothing_is_replaced_in_time(script: LlmScript) -> None:
    spare = FakeLlm(LlmScript(KIND, first_token=0.1))
    plan = plan_of(models=models(llm=("first", "spare")))
    async with scene(plan, llm=FakeLlm(script), spare={"llm": spare}) as stage:
        await greeted(stage)
        await exchange(stage, ODD)
    turn = stage.business.of(AgentTurn)[1]
    assert turn.by == "model"
    assert turn.heard.startswith("That is kind of them.")
    assert turn.ladder.total - turn.ladder.endpoint <= 1_500
    (change,) = turn.replaced
    assert (change.kind, change.failed, change.by) == ("llm", "first", "spare")
    assert 100 <= change.took_ms <= turn.ladder.first_token
    [usage] = stage.business.of(Usage)
    assert usage.llm_output_tokens > 0


async def test_f4_a_model_that_is_cut_off_in_a_sentence_is_not_repeated_by_another() -> None:
    answer = json.dumps({"acts": [{"act": "chitchat"}], "say": "That is kind of them. It is good to hear so from you."})
    llm = FakeLlm(LlmScript(answer, fail=Unavailable, fail_after=answer.index("good to") // 4))
    spare = FakeLlm(LlmScript(KIND))
    async with scene(plan_of(models=models(llm=("first", "spare"))), llm=llm, spare={"llm": spare}) as stage:
        await greeted(stage)
        await exchange(stage, ODD)
    assert stage.business.said()[1] == "That is kind of them. How can I help?"
    assert spare.asked == []


async def test_f5_a_voice_that_is_dead_before_its_first_sound_is_replaced() -> None:
    spare = FakeTts()
    async with scene(plan_of(models=models(tts=("first", "spare"))), spare={"tts": spare}) as stage:
        await greeted(stage)
        stage.tts.broken = Unavailable
        assert await exchange(stage, "how much is it") < 1.5
    turn = stage.business.of(AgentTurn)[1]
    assert "sixty pounds" in turn.heard
    assert turn.ladder.total - turn.ladder.endpoint <= 500
    assert stage.call.failures["tts replaced"] == 1
    assert [(one.kind, one.failed, one.by) for one in turn.replaced] == [("tts", "first", "spare")]


async def test_f5_a_voice_that_hangs_after_it_took_the_text_is_replaced_after_300_ms() -> None:
    spare = FakeTts()
    async with scene(plan_of(models=models(tts=("first", "spare"))), spare={"tts": spare}) as stage:
        await greeted(stage)
        stage.tts.script.stall = True
        await exchange(stage, "how much is it")
        await exchange(stage, "a message please")
    first, second = stage.business.of(AgentTurn)[1:]
    assert "sixty pounds" in first.heard
    assert first.ladder.tts_first_byte <= 300 + 60
    assert second.ladder.tts_first_byte <= 60
    assert stage.call.failures["tts replaced"] == 1
    # Whoever was late is not heard too.
    assert stage.tts.said.count(first.text.split(".")[0] + ".") == 1
    assert not first.interrupted
    (change,) = first.replaced
    assert change.took_ms <= first.ladder.tts_first_byte - 200  # what was not done ahead of the decision
    assert second.replaced == ()


async def test_f5_a_voice_that_breaks_in_a_clause_is_gone_on_for_and_nothing_is_said_twice() -> None:
    spare, cut = FakeTts(), anyio.Event()

    class Breaking(FakeTts):
        """Breaks after the first second of its next clause."""

        async def open(self, voice: str, locale: str, format: Any) -> Any:
            session = await super().open(voice, locale, format)
            speak = session.speak

            async def breaking(clauses: Any) -> Any:
                async for speech in speak(clauses):
                    yield speech
                    if cut.is_set():
                        raise Unavailable("tts/fake", "the connection broke")

            session.speak = breaking  # type: ignore[method-assign]
            return session

    first = Breaking()
    async with scene(plan_of(models=models(tts=("spare2", "spare"))), spare={"tts": spare}, first_tts=first) as stage:
        await greeted(stage)
        asked = len(first.said)

        async def later() -> None:
            while len(first.said) == asked:
                await anyio.sleep(0.001)
            cut.set()

        async with anyio.create_task_group() as group:
            group.start_soon(later)
            await exchange(stage, "how much is it")
        await stage.line.agent_done(quiet=1)
    turn = stage.business.of(AgentTurn)[1]
    assert turn.heard == "A visit is sixty pounds and that includes the first half hour of work. How can I help?"
    assert turn.text == turn.heard
    assert first.said[asked].startswith("A visit is sixty")
    assert spare.said[0] == "sixty pounds and that includes the first half hour of work."


async def test_f7_all_models_down_leaves_the_rules_in_charge() -> None:
    plan = plan_of(models=models(llm=("first", "spare")))
    async with scene(plan, llm=FakeLlm(LlmScript(fail=Unavailable)), spare={"llm": FakeLlm(LlmScript(hang=True))}) as stage:
        await greeted(stage)
        for _ in range(3):
            await stage.line.say(ODD)
            await stage.line.agent_speaks(limit=4)
            await stage.line.agent_done()
        await exchange(stage, "how much is it")
    assert "sixty pounds" in stage.business.said()[-1]
    for turn in stage.business.of(AgentTurn)[1:]:
        assert turn.ladder.total - turn.ladder.endpoint <= 1_500


async def test_f7_all_voices_down_is_a_kept_phrase_and_no_silence() -> None:
    phrases = Phrases()
    plan = plan_of(models=models(tts=("first", "spare")))
    spare = FakeTts()
    async with scene(plan, phrases=phrases, spare={"tts": spare}) as stage:
        await greeted(stage)
        with anyio.fail_after(600):
            while phrases.counts["made"] < 25:
                await anyio.sleep(0.5)
        stage.tts.broken = spare.broken = Unavailable
        await stage.line.say("I would like a booking please and my number is oh seven nine double one one two three four five six")
        begun = stage.line.now()
        await stage.line.agent_speaks(limit=8)
        assert stage.line.now() - begun < 5
        await stage.line.agent_done()
        assert stage.business.said()[-1]


async def test_a_route_picks_the_model_and_the_trace_says_why(tmp_path: Any) -> None:
    first, spare = FakeLlm(LlmScript(KIND)), FakeLlm(LlmScript(KIND))
    routes = [{"name": "short", "prefer": ["spare"], "most_words": 20}]
    plan = plan_of(models=models(llm=("first", "spare"), routes=routes))
    async with scene(plan, llm=first, spare={"llm": spare}, traces=tmp_path) as stage:
        await greeted(stage)
        await exchange(stage, ODD)
    assert len(spare.asked) == 1
    assert first.asked == []
    lines = [json.loads(line) for line in (tmp_path / "calls" / "c1" / "trace.jsonl").read_text().splitlines()[1:]]
    [note] = [line[3] for line in lines if line[0] == "Note" and "route" in line[3]]
    assert note["route"] == "rule short"
    assert note["model"] == "spare"


async def test_a_slow_voice_says_it_all_the_same() -> None:
    async with scene(tts=TtsScript(first_byte=1.5)) as stage:
        await greeted(stage)
        await exchange(stage, "how much is it")
    assert "sixty pounds" in stage.business.said()[-1]


async def test_f7_without_any_recogniser_the_caller_goes_on_by_keys_and_by_voice_when_there_is_one() -> None:
    async with scene() as stage:
        await greeted(stage)
        reopen = stage.stt.open

        async def refused(*_: Any) -> Any:
            raise Unavailable("stt/fake", "nobody there")

        stage.stt.open = refused  # type: ignore[method-assign, assignment]
        stage.stt.script.fail_after = stage.line.now() + 0.5
        await anyio.sleep(0.5)
        assert await stage.line.agent_speaks(limit=4) < 1.5
        await stage.line.agent_done()
        assert stage.business.said()[-1].startswith("I am sorry, I cannot hear you just now.")
        assert "press 1" in stage.business.said()[-1]
        stage.line.press("1")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert "best number" in stage.business.said()[-1]
        stage.stt.open = reopen  # type: ignore[method-assign]
        stage.stt.script.says = "how much is it"
        await anyio.sleep(9)
        await stage.line.agent_done(quiet=1.0)
        await exchange(stage, "how much is it")
        assert any("sixty pounds" in said for said in stage.business.said())
    assert stage.counters["deaf"] == 1
