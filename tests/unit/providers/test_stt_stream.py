"""What the vendors' recognisers share."""

from __future__ import annotations

import anyio
import pytest
from tests.conformance import local_speech
from websockets.asyncio.server import ServerConnection, serve

from offhook import registry
from offhook.core.audio.format import PCM16_16K
from offhook.core.audio.frame import PcmFrame
from offhook.errors import Unavailable
from offhook.inference import InferencePool
from offhook.ports.stt import SttHints
from offhook.providers.stt import _stream
from offhook.providers.stt._words import Word, heard, keyterms, unused
from offhook.providers.stt.deepgram import Deepgram
from offhook.registry import ProviderContext


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def spoken(text: str, length: int = 100) -> list[Word]:
    return [Word(word, number * length, (number + 1) * length) for number, word in enumerate(text.split())]


def test_words_before_the_cut_and_words_that_were_given_are_used() -> None:
    words = spoken("one two three four")
    assert [word.text for word in unused(words, 0)] == ["one", "two", "three", "four"]
    assert [word.text for word in unused(words, 149)] == ["two", "three", "four"]
    assert [word.text for word in unused(words, 150)] == ["three", "four"]
    assert [word.text for word in unused(words, 0, ["one", "two"])] == ["three", "four"]
    assert [word.text for word in unused(words, 110, ["one", "too"])] == ["two", "three", "four"]
    assert unused([], 10, ["one"]) == []
    assert unused(spoken("One, two."), 0, ["one", "two"]) == []


def test_a_text_without_words_has_its_place() -> None:
    assert (heard(3, [], 50, final=True).start, heard(3, [], 50, final=True).text) == (50, "")
    told = heard(1, [Word("a", 10, 20, 0.5), Word("b", 20, 15, 1.0)], 50, final=False)
    assert (told.text, told.start, told.end, told.confidence) == ("a b", 10, 20, 0.75)


def test_hints_are_cut_to_what_a_vendor_takes() -> None:
    phrases = ["  A   B ", "", "A B", "x" * 51, *(f"w{number}" for number in range(200))]
    assert keyterms(phrases, most=3, longest=50, tokens=100) == ["A B", "w0", "w1"]
    assert keyterms(["abcdef", "abc", "a"], most=9, longest=50, tokens=3) == ["abcdef", "abc"]


async def test_a_vendor_that_takes_no_audio_is_unavailable_and_push_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's buffers are full first; then what waits is bounded by time, and by size."""

    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await gone.wait()
        connection.transport.abort()

    gone = anyio.Event()
    async with serve(deaf, "127.0.0.1", 0, compression=None) as server, InferencePool(1) as pool:
        port = server.sockets[0].getsockname()[1]
        env = {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": f"ws://127.0.0.1:{port}"}
        stt = registry.load("stt", "deepgram", ProviderContext(pool, local_speech.STORE, env))
        assert isinstance(stt, Deepgram)
        session = await stt.open(PCM16_16K, "en", SttHints())
        monkeypatch.setattr(_stream, "MOST", 1 << 20)
        second = PcmFrame(bytes(32_000), PCM16_16K, 0)
        for _ in range(1_000):
            session.push(second)
        with pytest.raises(Unavailable, match="does not take the audio"), anyio.fail_after(150):
            await anext(session)
        assert session._socket.backlog < (1 << 20) + 32_000
        await session.aclose()
        gone.set()


async def test_audio_that_waits_too_long_is_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await gone.wait()
        connection.transport.abort()

    gone = anyio.Event()
    async with serve(deaf, "127.0.0.1", 0, compression=None) as server, InferencePool(1) as pool:
        port = server.sockets[0].getsockname()[1]
        env = {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": f"ws://127.0.0.1:{port}"}
        stt = registry.load("stt", "deepgram", ProviderContext(pool, local_speech.STORE, env))
        assert isinstance(stt, Deepgram)
        session = await stt.open(PCM16_16K, "en", SttHints())
        monkeypatch.setattr(_stream, "STUCK_S", 0.05)
        second = PcmFrame(bytes(32_000), PCM16_16K, 0)
        while session._socket.backlog <= _stream.BACKLOG:
            session.push(second)
        with anyio.move_on_after(0.06):
            await anext(session)
        session.push(second)
        with pytest.raises(Unavailable, match="does not take the audio"), anyio.fail_after(150):
            await anext(session)
        await session.aclose()
        gone.set()
