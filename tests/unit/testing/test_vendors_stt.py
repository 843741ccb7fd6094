"""The doubles of recognisers: the vendors' own SDKs can talk to them, and they hear what was really sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import anyio
import numpy as np
import pytest
import soundfile
from tests.shared import SHARED, needs_shared
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat, silence
from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm, pcm_to_mulaw
from offhook.testing.conformance import sound
from offhook.testing.vendors import assemblyai, deepgram
from offhook.testing.vendors._ear import Ear, Said, measure
from offhook.testing.vendors.server import Latency, Scenario, Vendors

V1 = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8_000, "interim_results": "true", "endpointing": 300}
V2 = {"model": "flux-general-en", "encoding": "mulaw", "sample_rate": 8_000, "eager_eot_threshold": 0.4}
V3 = {"speech_model": "universal-streaming-english", "encoding": "pcm_mulaw", "sample_rate": 8_000}

LEGACY = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning")
"""Deepgram's SDK uses what websockets calls legacy."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def vendors() -> AsyncIterator[Vendors]:
    async with Vendors() as found:
        yield found


def tone(frequency: float, seconds: float, rate: int = 16_000) -> bytes:
    time = np.arange(round(rate * seconds)) / rate
    return bytes((8_000 * np.sin(2 * np.pi * frequency * time)).astype("<i2").tobytes())


def mulaw(frequency: float, seconds: float, quiet: float = 1.0) -> bytes:
    return sound.encoded(tone(frequency, seconds), MULAW_8K) + silence(MULAW_8K, round(8_000 * quiet))


def packets(data: bytes, size: int = 640) -> list[bytes]:
    """Whole packets only: AssemblyAI takes no short ones."""
    return [data[at : at + size] for at in range(0, len(data) - size + 1, size)]


@asynccontextmanager
async def opened(vendors: Vendors, vendor: str, path: str, query: dict[str, object]) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Token {deepgram.KEY}" if vendor == "deepgram" else assemblyai.KEY}
    url = f"ws{vendors.base(vendor).removeprefix('http')}{path}?{urlencode(query, doseq=True)}"
    async with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
        yield socket


async def said(socket: ClientConnection, data: bytes, *then: dict[str, str]) -> None:
    for packet in packets(data):
        await socket.send(packet)
    for message in then:
        await socket.send(json.dumps(message))


async def answers(socket: ClientConnection) -> list[dict[str, Any]]:
    """Everything until the vendor closes."""
    found: list[dict[str, Any]] = []
    with anyio.fail_after(150):
        try:
            while True:
                found.append(json.loads(await socket.recv()))
        except ConnectionClosed:
            return found


async def transcript(vendors: Vendors, vendor: str, path: str, query: dict[str, object], data: bytes, *then: dict[str, str]) -> str:
    async with opened(vendors, vendor, path, query) as socket:
        await said(socket, data, *then)
        found = await answers(socket)
    if vendor == "deepgram" and path == "/v1/listen":
        texts = [one["channel"]["alternatives"][0]["transcript"] for one in found if one.get("is_final")]
    elif vendor == "deepgram":
        texts = [one["transcript"] for one in found if one.get("event") == "EndOfTurn"]
    else:
        texts = [one["transcript"] for one in found if one.get("end_of_turn")]
    return " ".join(text for text in texts if text)


# -- the vendors' SDKs


@LEGACY
async def test_deepgrams_sdk_on_listen(vendors: Vendors) -> None:
    sdk = _deepgram(vendors)
    kinds: list[str] = []
    finals: list[str] = []
    async with sdk.listen.v1.connect(
        model="nova-3", encoding="mulaw", sample_rate=8_000, interim_results=True, utterance_end_ms=1_000, vad_events=True, endpointing=300,
        keyterm=["alpha beta", "gamma"], mip_opt_out=True,
    ) as socket:  # fmt: skip
        for packet in packets(mulaw(440, 1.0, 2.0)):
            await socket.send_media(packet)
        await socket.send_keep_alive()
        await socket.send_finalize()
        await socket.send_close_stream()
        async for message in socket:
            kinds.append(type(message).__name__)
            if kinds[-1] == "ListenV1Results" and message.is_final:
                finals.append(message.channel.alternatives[0].transcript)
    assert kinds[0] == "ListenV1SpeechStarted"
    assert kinds[-1] == "ListenV1Metadata"
    assert {"ListenV1Results", "ListenV1UtteranceEnd"} <= set(kinds)
    assert [text for text in finals if text] == ["tone 440 hz 1000 ms"]
    [first] = vendors.sent("deepgram", "open")
    assert [value for name, value in first.query if name == "keyterm"] == ["alpha beta", "gamma"]
    assert [one.json["type"] for one in vendors.sent("deepgram", "text")] == ["KeepAlive", "Finalize", "CloseStream"]


@LEGACY
async def test_deepgrams_sdk_on_flux(vendors: Vendors) -> None:
    sdk = _deepgram(vendors)
    events: list[str] = []
    numbers: list[int] = []
    async with sdk.listen.v2.connect(model="flux-general-en", encoding="mulaw", sample_rate=8_000, eager_eot_threshold=0.4) as socket:
        for packet in packets(mulaw(440, 1.0)):
            await socket.send_media(packet)
        await socket.send_configure({"type": "Configure", "thresholds": {"eot_threshold": 0.8}})
        await socket.send_close_stream()
        async for message in socket:
            numbers.append(message.sequence_id)
            events.append(getattr(message, "event", type(message).__name__))
            if events[-1] == "EndOfTurn":
                assert message.transcript == "tone 440 hz 1000 ms"
                assert message.trigger == "model"
    assert numbers == list(range(len(numbers)))
    assert [event for event in events if event != "Update"] == [
        "ListenV2Connected", "StartOfTurn", "EagerEndOfTurn", "EndOfTurn", "ListenV2ConfigureSuccess",
    ]  # fmt: skip
    assert events[-1] == "Update"


async def test_assemblyais_sdk(vendors: Vendors) -> None:
    from assemblyai.streaming import v3

    sdk = v3.AsyncStreamingClient(v3.StreamingClientOptions(api_key=assemblyai.KEY, api_host=f"ws{vendors.base('assemblyai')[4:]}"))
    heard: list[Any] = []
    for kind in v3.StreamingEvents:
        sdk.on(kind, lambda _, message: heard.append(message))
    await sdk.connect(v3.StreamingParameters(sample_rate=8_000, encoding=v3.Encoding.pcm_mulaw, format_turns=True, keyterms_prompt=["a b"]))
    for packet in packets(mulaw(440, 1.0)):
        await sdk.stream(packet)
    await sdk.force_endpoint()
    await sdk.disconnect(terminate=True)
    assert [heard[0].type, heard[1].type, heard[-1].type] == ["Begin", "SpeechStarted", "Termination"]
    ended = [one for one in heard if one.type == "Turn" and one.end_of_turn]
    assert [(one.turn_order, one.turn_is_formatted) for one in ended] == [(0, False), (0, True)]
    assert ended[1].transcript == "tone 440 hz 1000 ms"
    assert heard[-1].audio_duration_seconds == 2
    assert dict(vendors.sent("assemblyai", "open")[0].query)["keyterms_prompt"] == '["a b"]'


def _deepgram(vendors: Vendors) -> Any:
    from deepgram import AsyncDeepgramClient
    from deepgram.environment import DeepgramClientEnvironment

    base = vendors.base("deepgram")
    ws = f"ws{base.removeprefix('http')}"
    return AsyncDeepgramClient(
        api_key=deepgram.KEY, environment=DeepgramClientEnvironment(base=base, production=ws, agent=ws, agent_rest=base)
    )  # fmt: skip


# -- the ear


@pytest.mark.parametrize("accepted", [MULAW_8K, ALAW_8K, PCM16_8K, PCM16_16K])
async def test_a_tone_is_heard_in_what_was_declared(vendors: Vendors, accepted: AudioFormat) -> None:
    names = {"mulaw": "mulaw", "alaw": "alaw", "pcm16": "linear16"}
    query = V1 | {"encoding": names[accepted.encoding.value], "sample_rate": accepted.rate}
    data = sound.encoded(tone(440, 1.0) + bytes(32_000), accepted)
    assert await transcript(vendors, "deepgram", "/v1/listen", query, data, {"type": "CloseStream"}) == "tone 440 hz 1000 ms"
    data = sound.encoded(tone(1_330, 0.5) + bytes(32_000), accepted)
    query = V2 | {"encoding": names[accepted.encoding.value], "sample_rate": accepted.rate}
    assert await transcript(vendors, "deepgram", "/v2/listen", query, data, {"type": "CloseStream"}) == "tone 1330 hz 500 ms"


@pytest.mark.parametrize(
    ("sent", "declared", "rate"),
    [(MULAW_8K, "linear16", 8_000), (PCM16_8K, "mulaw", 8_000), (PCM16_8K, "alaw", 8_000), (ALAW_8K, "linear16", 8_000),
     (PCM16_16K, "linear16", 8_000), (PCM16_8K, "linear16", 16_000), (MULAW_8K, "mulaw", 16_000), (PCM16_16K, "mulaw", 8_000)],
)  # fmt: skip
async def test_a_wrong_declaration_is_never_heard_right(vendors: Vendors, sent: AudioFormat, declared: str, rate: int) -> None:
    text = "my sink leaks"
    vendors.scenario("deepgram", Scenario(options={"say": [Said(text, 1.0)]}))
    query = V1 | {"encoding": declared, "sample_rate": rate}
    data = sound.encoded(tone(440, 1.0) + bytes(32_000), sent)
    assert text not in await transcript(vendors, "deepgram", "/v1/listen", query, data, {"type": "CloseStream"})


@needs_shared
@pytest.mark.parametrize("name", ["libriclean_1116-132847-0000", "harvard_spk1_snt1", "phone_jackson_0", "weather"])
def test_peoples_speech_is_no_noise_and_under_a_wrong_declaration_it_is(name: str) -> None:
    samples, rate = soundfile.read(SHARED / "speech" / f"{name}.flac", dtype="int16", always_2d=True)
    pcm = sound.resampled(samples[: 4 * rate, 0].tobytes(), rate, 8_000)
    assert measure(pcm, 8_000) == "speech"
    assert measure(mulaw_to_pcm(pcm_to_mulaw(pcm)), 8_000) == "speech"
    for wrong in (pcm_to_mulaw(pcm), mulaw_to_pcm(pcm), alaw_to_pcm(pcm), pcm[1:-1]):
        assert measure(wrong[: len(wrong) // 2 * 2], 8_000) == "noise"


def test_a_text_with_its_length_is_not_ended_by_its_pauses() -> None:
    ear = Ear("linear16", 16_000, [Said("one two three four", 2.0), Said("five")])
    for piece in (tone(300, 0.8), bytes(12_800), tone(300, 0.8)):
        list(ear.feed(piece + bytes(640)))
        ear.settle()
    assert [word.text for word in ear.words()] == ["one", "two", "three", "four"]
    assert ear.complete
    list(ear.feed(tone(300, 0.4) + bytes(640)))
    ear.settle()
    assert [word.text for word in ear.words()][-1] == "five"
    assert all(one.end <= two.start for one, two in zip(ear.words(), ear.words()[1:], strict=False))


def test_words_that_were_shown_keep_their_place() -> None:
    ear = Ear("linear16", 16_000, [Said("one two three four")])
    list(ear.feed(tone(300, 0.7)))
    early = ear.words()
    list(ear.feed(bytes(640)))
    ear.settle()
    assert [word.text for word in early] == ["one", "two"]
    assert ear.words()[:2] == early
    assert ear.words()[-1].end == round(0.7 * 16_000)


# -- doors and rules


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [("/v1/listen", {"model": "flux-general-en"}, 400), ("/v1/listen", {"encoding": "opus"}, 400), ("/v1/listen", {"sample_rate": ""}, 400),
     ("/v1/listen", {"utterance_end_ms": 1_000, "interim_results": "false"}, 400), ("/v1/listen", {"language": "xx"}, 400),
     ("/v1/listen", {"model": "nova-2", "keyterm": "a"}, 400), ("/v2/listen", {}, 400), ("/v9/listen", {}, 404)],
)  # fmt: skip
async def test_deepgram_refuses_what_it_does_not_know(vendors: Vendors, path: str, change: dict[str, object], status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(vendors, "deepgram", path, V1 | change):
            pass
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["dg-error"]


@pytest.mark.parametrize(
    "change",
    [{"eager_eot_threshold": 0.8}, {"eager_eot_threshold": 0.2}, {"eot_threshold": "high"}, {"eot_timeout_ms": 100},
     {"interim_results": "true"}, {"language_hint": "de"}, {"sample_rate": 11_025}],
)  # fmt: skip
async def test_flux_refuses_what_is_out_of_its_ranges(vendors: Vendors, change: dict[str, object]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(vendors, "deepgram", "/v2/listen", V2 | change):
            pass
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize(
    ("change", "packet", "code"),
    [({"speech_model": "nova-3"}, b"", 3006), ({"keyterms_prompt": "a"}, b"", 3006), ({"encoding": "mulaw"}, b"", 3006),
     ({}, bytes(160), 3007), ({}, bytes(8_001), 3007)],
)  # fmt: skip
async def test_assemblyai_closes_for_what_it_does_not_take(vendors: Vendors, change: dict[str, object], packet: bytes, code: int) -> None:
    async with opened(vendors, "assemblyai", "/v3/ws", V3 | change) as socket:
        if packet:
            await socket.send(packet)
        found = await answers(socket)
        assert found[-1]["error_code"] == code
        assert socket.close_code == code


async def test_assemblyai_closes_for_audio_that_is_faster_than_speech(vendors: Vendors) -> None:
    vendors.scenario("assemblyai", Scenario(options={"too_fast": 2.0}))
    async with opened(vendors, "assemblyai", "/v3/ws", V3) as socket:
        await said(socket, silence(MULAW_8K, 8_000 * 4))
        assert (await answers(socket))[-1]["error_code"] == 4029


async def test_flux_knows_no_keepalive_and_says_farewell_without_a_code(vendors: Vendors) -> None:
    async with opened(vendors, "deepgram", "/v2/listen", V2) as socket:
        await said(socket, b"", {"type": "KeepAlive"})
        assert (await answers(socket))[-1]["code"] == "UNPARSABLE_CLIENT_MESSAGE"
    async with opened(vendors, "deepgram", "/v2/listen", V2) as socket:
        await said(socket, b"", {"type": "CloseStream"})
        assert (await answers(socket))[-1]["event"] == "Update"
        assert socket.close_code == 1005


async def test_an_idle_connection_is_closed(vendors: Vendors) -> None:
    vendors.scenario("deepgram", Scenario(options={"idle": 0.02}))
    async with opened(vendors, "deepgram", "/v1/listen", V1) as socket:
        assert await answers(socket) == []
        assert (socket.close_code, socket.close_reason) == (1011, "NET-0001")


async def test_a_container_is_no_raw_audio(vendors: Vendors) -> None:
    async with opened(vendors, "deepgram", "/v1/listen", V1) as socket:
        await said(socket, b"RIFF" + bytes(1_000))
        await answers(socket)
        assert socket.close_code == 1008


# -- time


async def test_fluxs_clock_runs_a_little_beyond_its_audio_and_no_further(vendors: Vendors) -> None:
    vendors.scenario("deepgram", Scenario(options={"say": ["yes please"], "eager": 0.11, "end": 0.26}))
    async with opened(vendors, "deepgram", "/v2/listen", V2) as socket:
        data = sound.encoded(tone(300, 0.6) + bytes(1_280), MULAW_8K)
        for packet in packets(data, 320):
            await socket.send(packet)
        events = []
        with anyio.fail_after(150):
            while "EagerEndOfTurn" not in events:
                events.append(json.loads(await socket.recv()).get("event"))
        with anyio.move_on_after(0.3):
            while True:
                events.append(json.loads(await socket.recv()).get("event"))
        assert [event for event in events if event not in {None, "Update"}] == ["StartOfTurn", "EagerEndOfTurn"]
        await said(socket, silence(MULAW_8K, 1_600))
        with anyio.fail_after(150):
            while json.loads(await socket.recv())["event"] != "EndOfTurn":
                pass


async def test_a_final_is_as_late_as_it_is_told(vendors: Vendors) -> None:
    vendors.scenario("deepgram", Scenario(options={"say": ["yes"], "final": Latency(0.08)}))
    async with opened(vendors, "deepgram", "/v1/listen", V1 | {"interim_results": "false"}) as socket:
        begin = anyio.current_time()
        await said(socket, mulaw(300, 0.5, 0.1), {"type": "Finalize"})
        message = json.loads(await socket.recv())
        assert message["from_finalize"]
        assert 0.08 <= anyio.current_time() - begin < 30


async def test_flux_resumes_as_often_as_it_is_told_and_the_end_repeats_the_eager_text(vendors: Vendors) -> None:
    vendors.scenario("deepgram", Scenario(options={"say": ["yes please"], "resumes": 3}))
    async with opened(vendors, "deepgram", "/v2/listen", V2) as socket:
        await said(socket, mulaw(300, 0.6), {"type": "CloseStream"})
        found = [one for one in await answers(socket) if one.get("event") not in {None, "Update"}]
    assert [one["event"] for one in found] == ["StartOfTurn", *["EagerEndOfTurn", "TurnResumed"] * 3, "EagerEndOfTurn", "EndOfTurn"]
    assert found[-1]["transcript"] == found[-2]["transcript"] == "yes please"
