"""What sessions have used, those that were replaced too, and what of it a call reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import cast

import anyio
import pytest
from tests.scenarios.harness import exchange, greeted, scene

from offhook.contracts.events import Usage
from offhook.core.audio.format import PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.frame import PcmFrame
from offhook.engine.failover.health import Candidate, Health
from offhook.engine.failover.stt import SteadyStt
from offhook.engine.failover.tts import CutShort, SteadyTts
from offhook.engine.metering import MOST, Meter
from offhook.errors import ProviderError, Unavailable
from offhook.ports.stt import SttHints, SttSession
from offhook.ports.tts import Speech, TtsSession
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeStt, FakeTts, FakeTtsSession, TtsScript

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Told:
    """A session that tells of itself."""

    def __init__(self, characters: int = 0, seconds: float = 0.0, **counts: int) -> None:
        self.characters, self.counts = characters, Counter(counts)
        self.seconds, self.oddities = seconds, Counter(counts)


def test_sessions_that_say_nothing_of_themselves_are_not_counted() -> None:
    meter = Meter()
    meter.add(cast("SttSession", object()))
    assert (meter.seconds, meter.characters, meter.oddities) == (None, None, Counter())


def test_sessions_are_added_up_and_a_vendors_own_words_are_bounded() -> None:
    meter = Meter()
    meter.add(cast("SttSession", Told(3, 1.5, stale=2)))
    meter.add(cast("TtsSession", Told(4, 1.0, stale=1)))
    assert (meter.seconds, meter.characters) == (2.5, 7)
    assert meter.oddities == {"stt stale": 3, "tts stale": 3}
    meter.add(cast("SttSession", Told(**{f"message {number}": 1 for number in range(500)})))
    assert len(meter.oddities) <= MOST + 2
    assert meter.oddities.total() == 1_006


class CountingTts(FakeTts):
    """A voice at a vendor, which counts for itself; which breaks as often as it is told to."""

    breaks = 0

    async def open(self, voice: str, locale: str, format: AudioFormat) -> FakeTtsSession:
        session = await super().open(voice, locale, format)
        speak, told = session.speak, session

        async def counted(clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
            told.characters += 100  # type: ignore[attr-defined]
            told.counts["odd"] += 1  # type: ignore[attr-defined]
            if self.breaks:
                self.breaks -= 1
                raise Unavailable("tts/x", "it broke")
            async for speech in speak(clauses):
                yield speech

        told.characters, told.counts, told.speak = 0, Counter(), counted  # type: ignore[attr-defined, method-assign]
        return session


async def say(session: TtsSession, *texts: str) -> None:
    async def clauses() -> AsyncIterator[str]:
        for text in texts:
            yield text

    try:
        async for _ in session.speak(clauses()):
            pass
    except CutShort:
        pass


async def test_a_voice_that_was_replaced_has_used_what_it_was_sent() -> None:
    bad, good = CountingTts(TtsScript()), FakeTts(TtsScript())
    bad.breaks = 1
    steady = SteadyTts([Candidate("bad", bad, Health("bad")), Candidate("good", good, Health("good"))])
    session = await steady.open("v", "en-GB", bad.spec.formats[0])
    await say(session, "Hello there.")
    assert session.provider == "good"
    assert session.characters == 100 + len("Hello there.")
    assert session.counts == {"odd": 1}
    await session.aclose()
    assert session.characters == 100 + len("Hello there.")
    assert session.counts == {"odd": 1}


async def test_what_two_recognisers_were_told_counts_twice() -> None:
    one, two = FakeStt(), FakeStt()
    one.spec = type(one.spec)(id="stt/wide", kind="stt", formats=(PCM16_16K,))
    two.spec = type(two.spec)(id="stt/narrow", kind="stt", formats=(PCM16_8K,))
    steady = SteadyStt([Candidate("one", one, Health("one")), Candidate("two", two, Health("two"))])
    session = await steady.open(PCM16_8K, "en-GB", SttHints())
    first = one.opened[0]
    first.seconds, first.oddities = 2.25, Counter(bytes=3)  # type: ignore[attr-defined]
    session.speech_started(0)
    for number in range(50):
        session.push(PcmFrame(bytes(320), PCM16_8K, number * 160))
    assert (session.seconds, session.oddities) == (2.25, {"bytes": 3})
    async with anyio.create_task_group() as group:

        async def hear() -> None:
            try:
                async for _ in session:
                    pass
            except ProviderError:
                raise AssertionError("another one is there") from None

        group.start_soon(hear)
        first._send.send_nowait(Unavailable("stt/wide", "it broke"))
        await anyio.sleep(1.0)
        assert session.provider == "two"
        assert session.seconds == pytest.approx(2.25 + 1.0, abs=0.05)
        await session.aclose()
    assert session.seconds == pytest.approx(2.25 + 1.0, abs=0.05)
    assert session.oddities == {"bytes": 3}


@pytest.mark.parametrize("told", [False, True])
async def test_a_call_reports_what_its_sessions_tell_else_its_own_count(told: bool) -> None:
    async with scene() as stage:
        await greeted(stage)
        if told:
            for session in (stage.call._hearing.session, stage.call._mouth.voice):
                for name, value in vars(Told(7, 1.25, stale=2)).items():
                    if hasattr(session, "push") == (name in {"seconds", "oddities"}):
                        setattr(session, name, value)
        await exchange(stage, "how much is it")
    [usage] = stage.business.of(Usage)
    if told:
        assert (usage.stt_seconds, usage.tts_characters) == (1.25, 7)
        assert (stage.counters["stt stale"], stage.counters["tts stale"]) == (2, 2)
    else:
        assert usage.stt_seconds == pytest.approx(usage.call_seconds, abs=0.1)
        assert usage.tts_characters > 50
        assert not any(name.startswith(("stt ", "tts ")) for name in stage.counters)


async def test_a_voice_that_was_thrown_away_in_a_call_is_counted_in() -> None:
    voice = CountingTts()
    async with scene(first_tts=voice) as stage:
        await greeted(stage)
        voice.breaks = 1
        await stage.line.say("how much is it")
        await stage.line.agent_speaks(limit=8)
        await stage.line.agent_done()
    [usage] = stage.business.of(Usage)
    assert usage.tts_characters >= 300, "the greeting, the reply that broke, and what was said then"
    assert stage.counters["tts odd"] == usage.tts_characters // 100
