"""F18: a vendor whose certificate has expired is out, as any other that cannot be reached, and somebody is told why."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import anyio.streams.tls
import pytest
from tests.e2e.certificates import certificate

from offhook.engine.lineup import Lineup
from offhook.engine.telemetry.calls import outcome_of
from offhook.errors import NOW, Unavailable, Untrusted
from offhook.inference import InferencePool
from offhook.ports.llm import LlmRequest, Message, TextDelta
from offhook.ports.stt import SttHints
from offhook.providers._vendor import trust
from offhook.registry import ProviderContext
from offhook.testing.vendors.server import Vendors
from offhook.weights import ModelStore

pytestmark = pytest.mark.anyio
WORDS = LlmRequest((Message("user", "hello"),))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A certificate that would be believed, had it not expired."""
    file = certificate(tmp_path, "127.0.0.1", last=2021)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    trust.cache_clear()
    yield file
    trust.cache_clear()


@asynccontextmanager
async def lineup(file: Path) -> AsyncIterator[Lineup]:
    """All vendors are well, but for those at a door with the expired certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)

    async def nobody(stream: anyio.abc.ByteStream) -> None:
        await stream.aclose()

    plain = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = plain.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's, no database's
    door = anyio.streams.tls.TLSListener(plain, context, standard_compatible=False)
    async with Vendors() as vendors, door, anyio.create_task_group() as group:
        group.start_soon(door.serve, nobody)
        expired = {f"{name}_BASE_URL": f"https://127.0.0.1:{port}/{name.lower()}" for name in ("DEEPGRAM", "CARTESIA", "OPENAI")}
        found = Lineup(ProviderContext(InferencePool(inline=True), ModelStore(None), {**vendors.env(), **expired}))
        yield found
        await found.aclose()
        group.cancel_scope.cancel()


async def test_f18_a_recogniser_whose_certificate_has_expired_is_replaced_and_told_apart(believed: Path) -> None:
    async with lineup(believed) as them:
        with pytest.raises(Untrusted):
            await (await them.stt("deepgram:nova-3")).open((await them.stt("deepgram:nova-3")).spec.formats[0], "en-US", SttHints())
        stt = await them.steady_stt(("deepgram:nova-3", "assemblyai"))
        session = await stt.open(stt.spec.formats[0], "en-US", SttHints())
        assert [name for one in them.board.report() for name in one.failed] == ["Untrusted"]
        await session.aclose()
        await stt.aclose()


async def test_f18_a_voice_whose_certificate_has_expired_is_replaced_and_told_apart(believed: Path) -> None:
    async with lineup(believed) as them:
        tts = await them.steady_tts(("cartesia:sonic-3.5", "elevenlabs"), voices={"elevenlabs": "voice-2"})
        session = await tts.open("voice-1", "en-US", tts.spec.formats[0])
        assert session.provider == "elevenlabs"
        assert [name for one in them.board.report() for name in one.failed] == ["Untrusted"]
        await session.aclose()


async def test_f18_a_model_whose_certificate_has_expired_is_replaced_and_told_apart(believed: Path) -> None:
    async with lineup(believed) as them:
        llm = await them.hedged_llm(("openai:gpt-6-mini", "anthropic:claude-haiku-5"))
        stream = llm.stream(WORDS)
        assert "".join([event.text async for event in stream if isinstance(event, TextDelta)])
        assert stream.by == "anthropic:claude-haiku-5"
        assert {name for one in them.board.report() for name in one.failed} == {"Untrusted"}
        await llm.aclose()


def test_f18_it_is_tried_again_as_any_outage_is_and_has_an_alert_of_its_own() -> None:
    error = Untrusted("stt/deepgram", "the vendor's certificate is not believed")
    assert isinstance(error, Unavailable)
    assert error.retry == NOW
    assert outcome_of(error) == "untrusted"
