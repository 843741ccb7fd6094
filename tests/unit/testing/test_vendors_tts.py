"""The vendors' own SDKs talk to the doubles of their voices."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.streams.tls
import anyio.to_thread
import httpx
import numpy as np
import pytest
from tests.e2e.certificates import certificate

from offhook.core.audio.g711 import mulaw_to_pcm
from offhook.testing.vendors import _voice
from offhook.testing.vendors.server import Fault, Scenario, Vendors

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::pydantic.PydanticDeprecatedSince20"
)  # of the SDKs' own making


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def vendors() -> AsyncIterator[Vendors]:
    async with Vendors() as vendors:
        yield vendors


def pitch(pcm: bytes, rate: int) -> float:
    wave = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    return float(np.argmax(spectrum)) * rate / (8 * len(wave))


# -- Cartesia

VOICE: Any = {"mode": "id", "id": "v"}


def cartesia(vendors: Vendors) -> dict[str, Any]:
    base = vendors.base("cartesia")
    return {"api_key": vendors.env()["CARTESIA_API_KEY"], "base_url": base, "websocket_base_url": "ws" + base.removeprefix("http")}


async def test_cartesias_sdk_speaks_over_a_context_with_flushes_and_times(vendors: Vendors) -> None:
    from cartesia import AsyncCartesia

    async with AsyncCartesia(**cartesia(vendors)) as client:
        async with client.tts.websocket_connect() as connection:
            context = connection.context(
                model_id="sonic-3.5",
                voice=VOICE,
                output_format={"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8_000},
                add_timestamps=True,
                max_buffer_delay_ms=0,
                timeout=60,
            )
            await context.push("Hello there, ")
            await context.push("", flush=True)
            await context.push("goodbye. ")
            await context.push("", flush=True)
            await context.no_more_inputs()
            audio = {1: b"", 2: b""}
            words: list[tuple[str, float, float]] = []
            kinds = []
            async for event in context.receive():
                kinds.append(event.type)
                if event.type == "chunk":
                    assert event.flush_id is not None
                    audio[event.flush_id] += event.audio or b""
                elif event.type == "timestamps":
                    assert event.word_timestamps is not None
                    times = event.word_timestamps
                    words += zip(times.words, times.start, times.end, strict=True)
    assert kinds.count("flush_done") == 2
    assert kinds[-1] == "done"
    for flush, text in ((1, "Hello there,"), (2, "goodbye.")):
        assert len(audio[flush]) == len(text) * 480
        assert abs(pitch(mulaw_to_pcm(audio[flush]), 8_000) - _voice.frequency(text)) < 4
    assert [word for word, _, _ in words] == ["Hello", "there,", "goodbye."]
    assert [round(end, 2) for _, _, end in words] == [0.3, 0.72, 1.2]


async def test_cartesias_sdk_sees_errors_and_cancels(vendors: Vendors) -> None:
    from cartesia import AsyncCartesia, AuthenticationError

    shape: Any = {
        "model_id": "sonic-3.5",
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16_000},
    }
    async with AsyncCartesia(**cartesia(vendors)) as client:
        async with client.tts.websocket_connect() as connection:
            wrong = connection.context(voice=VOICE | {"id": "nobody"}, timeout=60, **shape)
            await wrong.push("Hello.")
            (error,) = [event async for event in wrong.receive()]
            assert (error.type, error.status_code) == ("error", 400)
            right = connection.context(voice=VOICE, timeout=60, **shape)
            await right.push("Hello.", continue_=False)
            await right.cancel()
            after = connection.context(voice=VOICE, timeout=60, **shape)
            await after.push("Goodbye.", continue_=False)
            chunks = [event.audio or b"" async for event in after.receive() if event.type == "chunk"]
            assert abs(pitch(b"".join(chunks), 16_000) - _voice.frequency("Goodbye.")) < 4
        made = await client.tts.generate(voice=VOICE, transcript="Hello.", **shape)
        assert len(await made.read()) == 2 * 6 * 960
    async with AsyncCartesia(**cartesia(vendors) | {"api_key": "wrong", "max_retries": 0}) as client:
        with pytest.raises(AuthenticationError):
            await client.tts.generate(voice=VOICE, transcript="Hi.", **shape)


# -- Deepgram


async def test_deepgrams_sdk_speaks_flushes_clears_and_closes(vendors: Vendors) -> None:
    from deepgram import AsyncDeepgramClient
    from deepgram.environment import DeepgramClientEnvironment
    from deepgram.speak.v1.types import SpeakV1Text

    base = vendors.base("deepgram")
    ws = "ws" + base.removeprefix("http")
    audio, kinds = b"", []
    async with httpx.AsyncClient(timeout=60) as http:
        client = AsyncDeepgramClient(
            api_key=vendors.env()["DEEPGRAM_API_KEY"],
            environment=DeepgramClientEnvironment(base=base, production=ws, agent=ws, agent_rest=base),
            httpx_client=http,
        )
        async with client.speak.v1.connect(model="aura-2-thalia-en", encoding="mulaw", sample_rate=8_000) as socket:
            await socket.send_text(SpeakV1Text(type="Speak", text="Never heard."))
            await socket.send_clear()
            await socket.send_text(SpeakV1Text(type="Speak", text="Hello there."))
            await socket.send_flush()
            async for message in socket:
                if isinstance(message, bytes):
                    audio += message
                    continue
                kinds.append(message.type)
                if message.type == "Flushed":
                    await socket.send_close()
        whole = b"".join([piece async for piece in client.speak.v1.audio.generate(text="Hello.", model="aura-2-thalia-en")])
    assert kinds == ["Metadata", "Cleared", "Flushed"]
    assert len(audio) == len("Hello there.") * 480
    assert abs(pitch(mulaw_to_pcm(audio), 8_000) - _voice.frequency("Hello there.")) < 4
    assert whole[:4] == b"RIFF"
    assert int.from_bytes(whole[24:28], "little") == 24_000


async def test_aura_takes_twenty_flushes_a_minute(vendors: Vendors) -> None:
    from websockets.asyncio.client import connect

    url = "ws" + vendors.base("deepgram").removeprefix("http") + "/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"
    headers = {"Authorization": f"Token {vendors.env()['DEEPGRAM_API_KEY']}"}
    async with connect(url, additional_headers=headers) as socket:
        for _ in range(21):
            await socket.send('{"type":"Flush"}')
        await socket.send('{"type":"Close"}')
        texts = [message async for message in socket]
    assert sum('"Flushed"' in str(text) for text in texts) <= 20
    assert sum("EXCESSIVE_FLUSH" in str(text) for text in texts) == 1


# -- ElevenLabs


@asynccontextmanager
async def tls(port: int, folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """A door with a certificate before a plain server: the SDK's websocket speaks TLS, whatever address it is given."""
    file = certificate(folder, "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)

    async def pump(source: anyio.abc.ByteReceiveStream, target: anyio.abc.ByteSendStream, scope: anyio.CancelScope) -> None:
        try:
            async for data in source:
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        scope.cancel()

    async def carry(stream: anyio.abc.ByteStream) -> None:
        async with stream, await anyio.connect_tcp("127.0.0.1", port) as inside, anyio.create_task_group() as group:
            group.start_soon(pump, stream, inside, group.cancel_scope)
            group.start_soon(pump, inside, stream, group.cancel_scope)

    plain = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    listener = anyio.streams.tls.TLSListener(plain, context, standard_compatible=False)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, carry)
        yield plain.extra(anyio.abc.SocketAttribute.local_port), file  # noqa: S610 - anyio's, no database's
        group.cancel_scope.cancel()


async def test_elevenlabs_sdk_speaks_over_stream_input(vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from elevenlabs.client import ElevenLabs

    key = vendors.env()["ELEVENLABS_API_KEY"]
    async with tls(vendors.port, tmp_path) as (port, file), AsyncExitStack() as stack:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        http = stack.enter_context(httpx.Client(timeout=60))
        client = ElevenLabs(api_key=key, base_url=f"https://127.0.0.1:{port}/elevenlabs", httpx_client=http)

        def texts() -> Iterator[str]:
            yield "Hello there, "
            yield "how are you?"

        def speak() -> bytes:
            made = client.text_to_speech.convert_realtime("v", text=texts(), model_id="eleven_flash_v2_5", output_format="ulaw_8000")
            return b"".join(made)

        audio = await anyio.to_thread.run_sync(speak)
        assert len(audio) == 480 * len("Hello there,") + 480 * len("how are you?")
        assert abs(pitch(mulaw_to_pcm(audio[: 480 * 12]), 8_000) - _voice.frequency("Hello there,")) < 4


async def test_elevenlabs_sdk_understands_errors_and_plain_requests(
    vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elevenlabs.client import ElevenLabs
    from elevenlabs.core.api_error import ApiError

    key = vendors.env()["ELEVENLABS_API_KEY"]
    async with tls(vendors.port, tmp_path) as (port, file), AsyncExitStack() as stack:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        http = stack.enter_context(httpx.Client(timeout=60))
        client = ElevenLabs(api_key=key, base_url=f"https://127.0.0.1:{port}/elevenlabs", httpx_client=http)

        def speak(voice: str) -> bytes:
            return b"".join(client.text_to_speech.convert_realtime(voice, text=iter(["Hello. "]), output_format="pcm_16000"))

        def convert() -> bytes:
            return b"".join(client.text_to_speech.convert("v", text="Hello.", output_format="pcm_16000"))

        with pytest.raises(ApiError) as refused:
            await anyio.to_thread.run_sync(partial(speak, "nobody"))
        assert "voice_id_does_not_exist" in str(refused.value.body)
        assert len(await anyio.to_thread.run_sync(convert)) == 2 * 6 * 960
        vendors.scenario("elevenlabs", Scenario(faults=(Fault("close", at=1),)))
        with pytest.raises(ApiError):
            await anyio.to_thread.run_sync(partial(speak, "v"))


async def test_elevenlabs_sdk_parses_what_the_contexts_send(vendors: Vendors) -> None:
    from elevenlabs.core.unchecked_base_model import construct_type
    from elevenlabs.types import AudioOutputMulti, FinalOutputMulti, InitializeConnectionMulti, SendTextMulti
    from websockets.asyncio.client import connect

    url = (
        "ws"
        + vendors.base("elevenlabs").removeprefix("http")
        + "/v1/text-to-speech/v/multi-stream-input?output_format=ulaw_8000&auto_mode=true"
    )
    found: list[Any] = []
    async with connect(url, additional_headers={"xi-api-key": vendors.env()["ELEVENLABS_API_KEY"]}) as socket:
        await socket.send(InitializeConnectionMulti(text=" ", context_id="a").json(exclude_none=True))
        await socket.send(SendTextMulti(text="Hello there. ", context_id="a", flush=True).json(exclude_none=True))
        await socket.send('{"context_id":"a","close_context":true}')
        async for message in socket:
            last = json.loads(message)["isFinal"]
            found.append(construct_type(type_=FinalOutputMulti if last else AudioOutputMulti, object_=json.loads(message)))
            if last:
                break
    assert found.pop().is_final
    assert {each.context_id for each in found} == {"a"}
    chars = [char for each in found if each.alignment is not None for char in (each.alignment.chars or [])]
    assert "".join(chars) == "Hello there. "
    assert all((each.alignment.char_start_times_ms or [1])[0] == 0 for each in found if each.alignment is not None)


async def test_a_sixth_context_closes_the_socket(vendors: Vendors) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosedError

    url = "ws" + vendors.base("elevenlabs").removeprefix("http") + "/v1/text-to-speech/v/multi-stream-input?output_format=ulaw_8000"
    async with connect(url, additional_headers={"xi-api-key": vendors.env()["ELEVENLABS_API_KEY"]}) as socket:
        for number in range(6):
            await socket.send(f'{{"text":" ","context_id":"{number}"}}')
        assert "max_active_conversations" in str(await socket.recv())
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


# -- the voice


def test_texts_are_told_apart_by_ear() -> None:
    texts = ["Thanks for calling,", "how can I help you today?", "We are open until five."]
    assert len({_voice.frequency(text) for text in texts}) == 3
    assert all(300 <= _voice.frequency(text) <= 900 for text in texts)
    assert _voice.frequency("  Hello  there. ") == _voice.frequency("Hello there.")
    assert abs(pitch(_voice.tone(440, 8_000, 8_000), 8_000) - 440) < 1
