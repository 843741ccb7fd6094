from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import anyio
import pytest
from tests.conformance import local_speech
from tests.conformance.stt_suite import SttSuite

from offhook import registry
from offhook.core.audio.format import MULAW_8K, silence
from offhook.errors import BadOutput, ConfigError, OverQuota, ProviderError, Rejected, Timeout, Unauthorized, Unavailable
from offhook.inference import InferencePool
from offhook.ports.stt import Heard, Stt
from offhook.providers.stt import _stream, deepgram_flux
from offhook.providers.stt._stream import StreamSession
from offhook.providers.stt.assemblyai import AssemblyAiSession
from offhook.providers.stt.deepgram import DeepgramSession
from offhook.providers.stt.deepgram_flux import FluxSession
from offhook.registry import ProviderContext
from offhook.testing.conformance import sound
from offhook.testing.conformance.sound import Utterance
from offhook.testing.conformance.stt import until
from offhook.testing.vendors import assemblyai, deepgram
from offhook.testing.vendors._ear import melody
from offhook.testing.vendors.server import Door, Fault, FaultKind, Scenario, Vendors

SAID = "the kitchen sink is leaking on the floor"
OTHER = "tomorrow morning would be best for me"
LEXICON = {300.0 + 150 * number: word for number, word in enumerate(dict.fromkeys(f"{SAID} {OTHER}".split()))}


@asynccontextmanager
async def recogniser(vendors: Vendors, name: str) -> AsyncIterator[Stt]:
    """A provider whose account is the doubles'."""
    async with InferencePool(1) as pool:
        stt = cast("Stt", registry.load("stt", name, ProviderContext(pool, local_speech.STORE, vendors.env())))
        yield stt
        await stt.aclose()


class VendorSuite(SttSuite):
    """The suite on a double that knows words by their tones, so that nothing of it depends on what was said before."""

    name = ""
    vendor = ""
    welcome = 0
    """Messages that the vendor begins with."""
    goodbye = ""
    secrets = (deepgram.KEY, assemblyai.KEY)

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """How fast this machine is says nothing of a vendor."""
        monkeypatch.setattr(_stream, "FINAL_S", 1.0)
        monkeypatch.setattr(_stream, "WELCOME_S", 30.0)
        for module in (_stream, deepgram_flux):
            monkeypatch.setattr(module, "DEAF_S", 30.0)

    @pytest.fixture
    async def vendors(self) -> AsyncIterator[Vendors]:
        async with Vendors() as found:
            found.scenario(self.vendor, Scenario(options={"lexicon": LEXICON}))
            yield found
            with anyio.fail_after(150):
                while found.open(self.vendor):
                    await anyio.lowlevel.checkpoint()

    @pytest.fixture
    async def stt(self, vendors: Vendors) -> AsyncIterator[Stt]:
        async with recogniser(vendors, self.name) as found:
            yield found

    @pytest.fixture
    def said(self) -> Utterance:
        return Utterance(melody(SAID, LEXICON), SAID)

    @pytest.fixture
    def other(self) -> Utterance:
        return Utterance(melody(OTHER, LEXICON), OTHER)

    def faulty(self, vendors: Vendors, *faults: Fault, door: Door | None = None) -> None:
        vendors.scenario(self.vendor, Scenario(door=door or Door(), faults=faults, options={"lexicon": LEXICON}))

    async def failure(self, stt: Stt, said: Utterance) -> ProviderError:
        """How a session fails whose vendor does; it closes well, and the next one is none the worse."""

        async def call() -> None:
            speaker = await self.speaker(stt)
            try:
                speaker.say(said)
                while True:
                    await until(speaker.session, lambda event: event.final)
            finally:
                await speaker.session.aclose()

        with pytest.raises(ProviderError) as failed, anyio.fail_after(150):
            await call()
        self.clean(failed.value)
        assert failed.value.provider == stt.spec.id
        return failed.value

    @pytest.mark.parametrize("kind", ["unknown", "unknown_field", "huge", "twice", "swap", "skip", "stall"])
    @pytest.mark.parametrize("at", [0, 1, 2, 5])
    async def test_what_the_vendor_may_send_beside_is_survived(
        self, vendors: Vendors, stt: Stt, said: Utterance, kind: FaultKind, at: int
    ) -> None:
        self.faulty(vendors, Fault(kind, at=self.welcome + at, seconds=0.05))
        speaker = await self.speaker(stt)
        speaker.say(said)
        speaker.quiet(1.0)
        texts: dict[int, str] = {}
        with anyio.fail_after(150):
            while sound.words(" ".join(texts.values())) != sound.words(SAID):
                heard = await until(speaker.session, lambda event: event.final)
                texts[heard.segment] = heard.text
        await speaker.session.aclose()

    @pytest.mark.parametrize("at", [0, 1, 4])
    @pytest.mark.parametrize(
        ("kind", "error"),
        [("reset", Unavailable), ("end", Unavailable), ("half", Unavailable), ("not_utf8", BadOutput), ("not_json", BadOutput)],
    )  # fmt: skip
    async def test_what_ends_a_session_is_told_by_its_kind(
        self, vendors: Vendors, stt: Stt, said: Utterance, kind: FaultKind, error: type[ProviderError], at: int
    ) -> None:
        self.faulty(vendors, Fault(kind, at=at))
        failed = await self.failure(stt, said)
        assert type(failed) is error
        assert failed.retry
        assert vendors.sent(self.vendor, "open")

    @pytest.mark.parametrize("code", [1000, 1001, None, 1008, 1009, 1011, 1012, 1013])
    async def test_a_close_that_nobody_asked_for_is_an_error(self, vendors: Vendors, stt: Stt, said: Utterance, code: int | None) -> None:
        self.faulty(vendors, Fault("close", at=self.welcome + 1, code=code))
        failed = await self.failure(stt, said)
        expected: type[ProviderError] = {1008: self.policy, 1009: BadOutput}.get(code or 0, Unavailable)
        assert type(failed) is expected

    policy: type[ProviderError] = Rejected
    """What close code 1008 means."""

    @pytest.mark.parametrize(
        ("status", "error", "after"),
        [(400, Rejected, None), (401, Unauthorized, None), (402, OverQuota, None), (403, Unauthorized, None), (404, Rejected, None),
         (429, OverQuota, 7.0), (500, Unavailable, 0.0), (503, Unavailable, 0.0)],
    )  # fmt: skip
    async def test_a_closed_door_is_told_by_its_status(
        self, vendors: Vendors, stt: Stt, said: Utterance, status: int, error: type[ProviderError], after: float | None
    ) -> None:
        headers = {"retry-after": "7"} if status == 429 else {}
        self.faulty(vendors, door=Door("status", status=status, headers=headers, body=f'{{"message": "no {deepgram.KEY[:4]}"}}'))
        failed = await self.failure(stt, said)
        assert type(failed) is error
        assert failed.retry.after == after

    async def test_a_door_that_is_slammed(self, vendors: Vendors, stt: Stt, said: Utterance) -> None:
        self.faulty(vendors, door=Door("reset"))
        assert type(await self.failure(stt, said)) is Unavailable

    async def test_a_wrong_key_is_told_and_not_shown(self, vendors: Vendors) -> None:
        env = vendors.env() | {f"{self.vendor.upper()}_API_KEY": "sk-quite-another-key"}
        async with InferencePool(1) as pool:
            stt = cast("Stt", registry.load("stt", self.name, ProviderContext(pool, local_speech.STORE, env)))
            with pytest.raises(Unauthorized) as refused:
                await self.speaker(stt)
        assert "quite-another" not in f"{refused.value!r}{refused.value.detail}{stt!r}{vars(stt)}"
        with pytest.raises(ConfigError, match=f"{self.vendor.upper()}_API_KEY"):
            registry.load("stt", self.name, ProviderContext(pool, local_speech.STORE, {}))

    async def test_a_vendor_that_is_mute_is_found_out(
        self, vendors: Vendors, stt: Stt, said: Utterance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_stream, "WELCOME_S", 0.05)
        monkeypatch.setattr(_stream, "DEAF_S", 0.3)
        monkeypatch.setattr(deepgram_flux, "DEAF_S", 0.3)
        self.faulty(vendors, door=Door("silent"))
        assert type(await self.failure(stt, said)) is Timeout

    async def test_the_call_goes_straight_through_and_ends_with_a_goodbye(self, vendors: Vendors, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt, MULAW_8K)
        speaker.say(said)
        await until(speaker.session, lambda event: event.final)
        await speaker.session.aclose()
        while vendors.open(self.vendor):
            await anyio.lowlevel.checkpoint()
        [opened] = vendors.sent(self.vendor, "open")
        query = dict(opened.query)
        assert (query["encoding"].removeprefix("pcm_"), query["sample_rate"]) == ("mulaw", "8000")
        sent = b"".join(one.data for one in vendors.sent(self.vendor, "binary"))
        wanted = sound.encoded(said.pcm, MULAW_8K)
        assert sent[: len(wanted)] == wanted
        assert [one.kind for one in vendors.sent(self.vendor)][-2:] == ["text", "close"]
        assert vendors.sent(self.vendor, "text")[-1].json == {"type": self.goodbye}
        assert isinstance(speaker.session, StreamSession)
        assert speaker.session.seconds == len(sent) / 8_000
        assert not +speaker.session.oddities

    async def test_idle_connections_are_kept_and_positions_hold(
        self, vendors: Vendors, stt: Stt, said: Utterance, other: Utterance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is pushed for longer than the vendor bears, as it is while the line rings."""
        monkeypatch.setattr(self.session, "idle_s", 0.02)
        vendors.scenario(self.vendor, Scenario(options={"lexicon": LEXICON, "idle": 0.6}))
        speaker = await self.speaker(stt)
        speaker.say(said)
        first = await until(speaker.session, lambda event: event.final)
        with anyio.move_on_after(1.0):
            await until(speaker.session, lambda event: event.segment > first.segment)
        begin = speaker.position
        speaker.quiet(0.4)
        speaker.say(other)
        with anyio.fail_after(150):
            heard = await until(speaker.session, lambda event: event.final and event.text.endswith("me"))
        assert abs(heard.end - (speaker.position - speaker.format.rate // 5)) <= speaker.format.rate // 20
        assert heard.segment == first.segment or abs(heard.start - begin - 0.4 * speaker.format.rate) <= speaker.format.rate // 20
        await speaker.session.aclose()
        idle = {one.json["type"] for one in vendors.sent(self.vendor, "text")}
        assert ("KeepAlive" in idle) == (self.name != "deepgram_flux")

    session: type[StreamSession]

    @pytest.mark.parametrize("seed", range(12))
    async def test_no_word_is_lost_or_doubled_whenever_turns_are_used_up(self, stt: Stt, seed: int) -> None:
        """A caller says every word once, with pauses and without; the engine uses turns up at any moment, in mid-word too."""
        dice = random.Random(seed)
        said = list(LEXICON.values())
        dice.shuffle(said)
        speaker = await self.speaker(stt, MULAW_8K)
        texts: dict[int, str] = {}
        spoken: dict[str, int] = {}
        cut = 0

        async def hear() -> None:
            async for event in speaker.session:
                if isinstance(event, Heard):
                    texts[event.segment] = event.text

        async def breathe() -> None:
            for _ in range(dice.choice((0, 0, 3, 30))):
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear)
            while said:
                speaker.session.speech_started(speaker.position)
                for word in [said.pop() for _ in range(min(len(said), dice.randint(1, 4)))]:
                    sung = sound.encoded(melody(word, LEXICON), MULAW_8K)
                    spoken[word] = speaker.position + len(sung) // 2
                    part = dice.randrange(len(sung)) if dice.random() < 0.15 else len(sung)
                    speaker.push(sung[:part])
                    await breathe()
                    if part < len(sung):
                        cut = speaker.position
                        speaker.session.listen()
                    speaker.push(sung[part:] + silence(MULAW_8K, 240))
                end = speaker.position
                speaker.quiet(0.2)
                speaker.session.speech_stopped(end)
                speaker.quiet(dice.choice((0.0, 0.1, 0.8)))
                await breathe()
                if dice.random() < 0.3:
                    cut = speaker.position
                    speaker.session.listen()
            speaker.quiet(1.0)
            due = {word for word, middle in spoken.items() if middle > cut + 8}
            with anyio.move_on_after(60):
                while not due <= set(" ".join(texts.values()).split()):
                    await anyio.lowlevel.checkpoint()
            await speaker.session.aclose()
        assert list(texts) == sorted(texts)
        heard = " ".join(text for _, text in sorted(texts.items())).split()
        assert due <= set(heard)
        assert len(heard) == len(set(heard))
        assert heard == [word for word in spoken if word in heard]


class TestDeepgram(VendorSuite):
    name = "deepgram"
    vendor = "deepgram"
    goodbye = "CloseStream"
    session = DeepgramSession


class TestDeepgramFlux(VendorSuite):
    name = "deepgram_flux"
    vendor = "deepgram"
    welcome = 1
    goodbye = "CloseStream"
    session = FluxSession


class TestAssemblyAi(VendorSuite):
    name = "assemblyai"
    vendor = "assemblyai"
    welcome = 1
    goodbye = "Terminate"
    session = AssemblyAiSession
    policy = OverQuota
