"""The same over real connections: the conformance suites, and vendors that break in mid-word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import pytest

from offhook.engine.lineup import Lineup
from offhook.inference import InferencePool
from offhook.ports.llm import LlmRequest, Message, TextDelta
from offhook.ports.stt import Heard, Stt, SttHints
from offhook.ports.tts import Tts
from offhook.registry import ProviderContext
from offhook.testing.conformance import sound
from offhook.testing.conformance.sound import Utterance
from offhook.testing.conformance.stt import Speaker, SttConformance
from offhook.testing.conformance.tts import CLAUSES, TtsConformance, joined, spoken
from offhook.testing.vendors._ear import melody
from offhook.testing.vendors.server import Door, Fault, Scenario, Vendors
from offhook.weights import ModelStore

pytestmark = pytest.mark.anyio
SAID = "the kitchen sink is leaking on the floor"
OTHER = "tomorrow morning would be best for me"
LEXICON = {300.0 + 150 * number: word for number, word in enumerate(dict.fromkeys(f"{SAID} {OTHER}".split()))}
STTS = ("deepgram:nova-3", "assemblyai")
TTSS = ("cartesia:sonic-3.5", "elevenlabs")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def lineup(vendors: Vendors) -> AsyncIterator[Lineup]:
    found = Lineup(ProviderContext(InferencePool(inline=True), ModelStore(None), vendors.env()))
    yield found
    await found.aclose()


@pytest.fixture
async def vendors() -> AsyncIterator[Vendors]:
    async with Vendors() as found:
        for name in ("deepgram", "assemblyai"):
            found.scenario(name, Scenario(options={"lexicon": LEXICON}))
        await anyio.wait_all_tasks_blocked()
        yield found


class TestSteadyStt(SttConformance):
    @pytest.fixture
    async def stt(self, vendors: Vendors) -> AsyncIterator[Stt]:
        async with lineup(vendors) as them:
            yield await them.steady_stt(STTS)

    @pytest.fixture
    def said(self) -> Utterance:
        return Utterance(melody(SAID, LEXICON), SAID)

    @pytest.fixture
    def other(self) -> Utterance:
        return Utterance(melody(OTHER, LEXICON), OTHER)


class TestSteadyTts(TtsConformance):
    voice = "voice-1"

    @pytest.fixture
    async def tts(self, vendors: Vendors) -> AsyncIterator[Tts]:
        async with lineup(vendors) as them:
            yield await them.steady_tts(TTSS)


async def final_words(session: AsyncIterator[object], wanted: str) -> None:
    texts: dict[int, str] = {}
    with anyio.fail_after(150):
        while sound.words(" ".join(text for _, text in sorted(texts.items()))) != sound.words(wanted):
            event = await anext(session)
            if isinstance(event, Heard):
                texts[event.segment] = event.text


@pytest.mark.parametrize("kind", ["reset", "end", "half", "not_json", "close"])
async def test_a_recogniser_that_breaks_in_mid_word_is_replaced(vendors: Vendors, kind: str) -> None:
    vendors.scenario("deepgram", Scenario(faults=(Fault(kind, at=2),), options={"lexicon": LEXICON}))  # type: ignore[arg-type]
    async with lineup(vendors) as them:
        stt = await them.steady_stt(STTS)
        session = await stt.open(stt.spec.formats[0], "en-US", SttHints())
        speaker = Speaker(session, stt.spec.formats[0])
        async with anyio.create_task_group() as group:
            group.start_soon(partial(final_words, session, SAID))
            speaker.say(Utterance(melody(SAID, LEXICON), SAID))
            for _ in range(20):
                await anyio.wait_all_tasks_blocked()
                speaker.quiet(0.1)
        assert vendors.sent("assemblyai", "open")
        await session.aclose()
        await stt.aclose()


@pytest.mark.parametrize("door", [Door("status", status=503), Door("reset"), Door("status", status=401)])
async def test_a_voice_that_cannot_be_reached_is_replaced(vendors: Vendors, door: Door) -> None:
    vendors.scenario("cartesia", Scenario(door=door))
    async with lineup(vendors) as them:
        tts = await them.steady_tts(TTSS, voices={"elevenlabs": "voice-2"})
        session = await tts.open("voice-1", "en-US", tts.spec.formats[0])
        assert session.provider == "elevenlabs"
        assert joined(await spoken(session, CLAUSES), 2)
        await session.aclose()


async def test_a_voice_that_breaks_before_its_first_audio_is_replaced(vendors: Vendors) -> None:
    vendors.scenario("cartesia", Scenario(faults=(Fault("reset", at=0),)))
    async with lineup(vendors) as them:
        tts = await them.steady_tts(TTSS, voices={"elevenlabs": "voice-2"})
        session = await tts.open("voice-1", "en-US", tts.spec.formats[0])
        speeches = await spoken(session, CLAUSES)
        assert [speech.clause for speech in speeches if speech.last] == [0, 1, 2]
        assert session.provider == "elevenlabs"
        await session.aclose()


@pytest.mark.parametrize("door", [Door("status", status=500), Door("status", status=429), Door("hang")])
async def test_a_model_that_is_down_is_replaced(vendors: Vendors, door: Door) -> None:
    vendors.scenario("openai", Scenario(door=door))
    async with lineup(vendors) as them:
        llm = await them.hedged_llm(("openai:gpt-6-mini", "anthropic:claude-haiku-5"))
        stream = llm.stream(LlmRequest((Message("user", "hello"),)))
        text = "".join([event.text async for event in stream if isinstance(event, TextDelta)])
        assert text
        assert stream.by == "anthropic:claude-haiku-5"
        await llm.aclose()
