"""Clips in memory and on disk, and which texts are fixed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import SCRIPT, plan_of

from offhook.authoring.load import compile as compile_script
from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.link import Link, link
from offhook.engine.phrases import Clip, Part, Phrases, VoiceKey, fixed_texts, record
from offhook.errors import BadOutput, Unavailable
from offhook.ports.tts import Speech
from offhook.testing.fakes import FakeTts, FakeTtsSession, TtsScript

KEY = VoiceKey("fake", "heart", "en-GB", "mulaw/8000")
DIRECT = link((MULAW_8K,), (MULAW_8K,), between=("voice", "line"))


def clip(size: int) -> Clip:
    return Clip(b"\x10" * size, (Part("x", size),))


def test_the_least_used_clips_are_forgotten() -> None:
    phrases = Phrases(limit=100)
    for name in "abc":
        phrases.put(KEY, name, clip(40))
    assert phrases.get(KEY, "a") is None
    assert phrases.get(KEY, "b") is not None
    phrases.put(KEY, "d", clip(40))
    assert phrases.get(KEY, "c") is None
    assert phrases.get(KEY, "b") is not None
    assert phrases.bytes == 80
    phrases.put(KEY, "huge", clip(101))
    assert phrases.get(KEY, "huge") is None


def test_another_voice_language_or_format_has_its_own_clips() -> None:
    phrases = Phrases()
    phrases.put(KEY, "Hello.", clip(10))
    for other in (
        VoiceKey("other", "heart", "en-GB", "mulaw/8000"),
        VoiceKey("fake", "deep", "en-GB", "mulaw/8000"),
        VoiceKey("fake", "heart", "es", "mulaw/8000"),
        VoiceKey("fake", "heart", "en-GB", "pcm/8000"),
    ):
        assert phrases.get(other, "Hello.") is None


async def _made(phrases: Phrases, tts: FakeTts, texts: tuple[str, ...], count: int, over: Link = DIRECT) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(phrases.run)
        phrases.want(KEY, lambda: tts.open("heart", "en-GB", over.source), over, texts)
        with anyio.fail_after(150):
            while phrases.counts.total() < count:
                await anyio.sleep(0.005)
        group.cancel_scope.cancel()


def test_what_is_wanted_is_made_once_and_has_its_words() -> None:
    phrases = Phrases()
    tts = FakeTts(TtsScript(first_byte=0, seconds_per_word=0.01))
    anyio.run(_made, phrases, tts, ("Good morning, sir. What is it?", "Bye."), 2)
    found = phrases.get(KEY, "Good morning, sir. What is it?")
    assert found is not None
    assert [part.text for part in found.parts] == ["Good morning, sir.", "What is it?"]
    assert sum(part.samples for part in found.parts) == len(found.data) == 6 * 80
    assert found.parts[1].words[-1] == ("it?", 240)
    asked = len(tts.said)
    phrases.want(KEY, lambda: tts.open("heart", "en-GB", MULAW_8K), DIRECT, ["Bye."])
    assert len(tts.said) == asked
    assert not phrases._jobs


def test_a_clip_is_in_the_format_of_the_wire() -> None:
    async def main() -> Clip:
        session = FakeTtsSession(FakeTts(TtsScript(first_byte=0, seconds_per_word=0.1)), PCM16_16K)
        return await record(session, link((PCM16_16K,), (PCM16_8K,), between=("voice", "line")), "one two")

    found = anyio.run(main)
    assert abs(len(found.data) // 2 - 1_600) <= 16
    assert found.parts[0].words == (("one", 800), ("two", 1_600))


def test_a_voice_that_fails_or_says_nothing_leaves_no_clip() -> None:
    tts = FakeTts(TtsScript(first_byte=0))
    tts.broken = Unavailable
    phrases = Phrases()
    anyio.run(_made, phrases, tts, ("Hello.",), 1)
    assert phrases.get(KEY, "Hello.") is None
    assert phrases.counts["failed Unavailable"] == 1
    assert not phrases._wanted

    async def mute() -> None:
        session = FakeTtsSession(FakeTts(TtsScript(first_byte=0, seconds_per_word=0)), MULAW_8K)
        with pytest.raises(BadOutput):
            await record(session, DIRECT, "Hello.")

    anyio.run(mute)


def test_a_phrase_that_a_voice_cannot_say_costs_no_other() -> None:
    class Stumbling(FakeTts):
        """Its sessions break with one word."""

        sessions = 0

        async def open(self, voice: str, locale: str, format: AudioFormat) -> FakeTtsSession:
            session = await super().open(voice, locale, format)
            self.sessions += 1
            speak = session.speak

            async def stumble(clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
                async for speech in speak(clauses):
                    if self.said[-1] == "Hard.":
                        raise Unavailable("tts/fake", "the connection broke")
                    yield speech

            session.speak = stumble  # type: ignore[method-assign]
            return session

    phrases, tts = Phrases(), Stumbling(TtsScript(first_byte=0, seconds_per_word=0.01))
    anyio.run(_made, phrases, tts, ("Hello.", "Hard.", "Bye."), 3)
    assert [phrases.get(KEY, text) is not None for text in ("Hello.", "Hard.", "Bye.")] == [True, False, True]
    assert phrases.counts["failed Unavailable"] == 1
    assert tts.sessions == 2


def test_nothing_is_made_while_a_caller_waits_for_a_voice() -> None:
    async def main() -> None:
        phrases, tts = Phrases(), FakeTts(TtsScript(first_byte=0, seconds_per_word=0.01))
        async with anyio.create_task_group() as group:
            group.start_soon(phrases.run)
            with phrases.speaking():
                phrases.want(KEY, lambda: tts.open("heart", "en-GB", MULAW_8K), DIRECT, ["Hello."])
                await anyio.sleep(0.6)
                for _ in range(20):
                    await anyio.lowlevel.checkpoint()
                assert tts.said == []
            with anyio.fail_after(150):
                while not phrases.counts["made"]:
                    await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    anyio.run(main)


def test_clips_on_disk_outlive_the_process_and_broken_ones_do_not(tmp_path: Path) -> None:
    tts = FakeTts(TtsScript(first_byte=0, seconds_per_word=0.01))
    anyio.run(_made, Phrases(tmp_path), tts, ("Good morning.", "Bye."), 2)
    assert len(list(tmp_path.glob("*.clip"))) == 2
    next(iter(tmp_path.glob("*.clip"))).write_bytes(b"[[1,2]")
    again = Phrases(tmp_path)
    said = len(tts.said)
    anyio.run(_made, again, tts, ("Good morning.", "Bye."), 2)
    assert again.counts == {"loaded": 1, "made": 1}
    assert len(tts.said) == said + 1
    found = again.get(KEY, "Good morning.")
    assert found is not None
    assert found.parts[0].words[-1] == ("morning.", 160)


def test_the_disk_has_a_limit(tmp_path: Path) -> None:
    tts = FakeTts(TtsScript(first_byte=0, seconds_per_word=0.1))
    anyio.run(_made, Phrases(tmp_path, disk_limit=2_000), tts, ("One two.", "Three four.", "Five six."), 3)
    assert len(list(tmp_path.glob("*.clip"))) == 1


def test_texts_with_values_are_not_fixed() -> None:
    plan = plan_of()
    texts = fixed_texts(plan, compile_script(plan.script))
    assert texts[0] == "Harbour Plumbing, hello."
    for fixed in (
        "How can I help?",
        "Is it a booking or a message?",
        "Let me look.",
        plan.lines.fallback,
        "One moment.",
        "That one has just gone.",
    ):
        assert fixed in texts
    assert not any("{" in text or "Which would you like" in text for text in texts)
    assert len(texts) == len(set(texts))
    own = fixed_texts(plan, compile_script(plan.script), all_of_it=False)
    assert set(own) == {*plan.fillers.lines, *vars(plan.lines).values()}


def test_openers_are_wanted_where_they_are_on() -> None:
    values: dict[str, Any] = {"openers": {"on": True}}
    plan = plan_of(SCRIPT, **values)
    assert set(plan.openers.lines) <= set(fixed_texts(plan, compile_script(plan.script)))
