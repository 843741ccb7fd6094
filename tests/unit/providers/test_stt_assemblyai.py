"""AssemblyAI's turns as the engine sees them."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from tests.unit.providers.vendor_stt import recogniser, told, words

from offhook.core.audio.format import MULAW_8K, PCM16_16K, silence
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.errors import OverQuota, ProviderError, Rejected, Unauthorized, Unavailable
from offhook.ports.stt import Heard, SttHints
from offhook.providers.stt._stream import StreamSession
from offhook.testing.vendors.server import Vendors


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def turn(order: int, text: str, begin: float = 0.5, *, sure: int = 99, ended: bool = False, spelt: str = "") -> dict[str, Any]:
    """A message of the vendor's: words of 0.3 s from ``begin`` on, the first ``sure`` of them final."""
    found: list[dict[str, Any]] = [
        {"text": word, "start": round(start * 1_000), "end": round(stop * 1_000), "confidence": 0.9, "word_is_final": number < sure}
        for number, (word, start, stop) in enumerate(words(text, begin, begin + 0.3 * len(text.split())))
    ]
    final = " ".join(word["text"] for word in found[:sure])
    return {
        "type": "Turn", "turn_order": order, "turn_is_formatted": bool(spelt), "end_of_turn": ended, "transcript": spelt or final,
        "end_of_turn_confidence": 0.9 if ended else 0.2, "words": found,
    }  # fmt: skip


async def test_a_partial_text_has_the_words_that_are_not_sure_yet() -> None:
    async with told(
        "assemblyai", turn(0, "a table", sure=1), turn(0, "a table for", sure=2), turn(0, "a table for two", ended=True)
    ) as one:
        assert await one.texts() == ["0 a table", "0 a table for", "0 a table for two."]


async def test_a_formatted_turn_replaces_the_plain_one() -> None:
    plain, formatted = turn(0, "at nine thirty", ended=True), turn(0, "at nine thirty", ended=True, spelt="At nine thirty.")
    numbers = turn(1, "at nine thirty", 2.0, ended=True, spelt="At 9:30.")
    async with told("assemblyai", plain, formatted, numbers) as one:
        assert await one.texts() == ["0 at nine thirty.", "0 At nine thirty..", "1 At 9:30.."]


async def test_late_messages_of_a_turn_that_is_over_change_nothing() -> None:
    over = turn(0, "yes please", ended=True)
    async with told("assemblyai", over, turn(0, "yes", sure=0), turn(1, "no", 2.0, ended=True), over) as one:
        assert await one.texts() == ["0 yes please.", "1 no."]
        assert one.session.oddities["message out of order"] == 2


async def test_a_pause_that_the_vendor_has_ended_already_gets_its_final_again_at_once() -> None:
    async with told("assemblyai", turn(0, "yes please", 0.5, ended=True), audio=1.2, quirks=("no_endpoint",)) as one:
        assert await one.texts() == ["0 yes please."]
        one.session.speech_started(4_000)
        one.session.speech_stopped(9_000)
        assert await one.texts(0.05) == ["0 yes please."]


async def test_a_pause_without_an_answer_is_waited_for_no_longer_than_300_ms() -> None:
    async with told("assemblyai", turn(0, "yes please", 0.5, sure=1), quirks=("no_endpoint",)) as one:
        assert await one.texts() == ["0 yes please"]
        one.stop()
        assert await one.texts(0.2) == []
        assert await one.texts(0.3) == ["0 yes please."]


async def test_a_turn_that_goes_on_after_it_was_used_up_gives_what_is_new() -> None:
    async with told("assemblyai", turn(0, "yes please", 0.5, sure=2), audio=1.2) as one:
        assert await one.texts() == ["0 yes please"]
        one.session.listen()
        one.push(2.0)
        for message in (turn(0, "yes please for", 0.8), turn(0, "yes please for two", 0.8, ended=True), turn(1, "people", 2.5, ended=True)):
            one.session._received(json.dumps(message))
        assert await one.texts() == ["1 for", "1 for two.", "2 people."]


async def test_packets_are_of_50_to_1000_ms_whatever_is_pushed() -> None:
    """A rest that holds speech is filled up with silence, and positions hold all the same."""
    async with Vendors() as vendors, recogniser(vendors, "assemblyai") as stt:
        session = await stt.open(MULAW_8K, "en", SttHints())
        for size in (160, 160, 160, 1, 80, 24_000, 160):
            session.push(Packet(silence(MULAW_8K, size), MULAW_8K, 0, 0))
        session.speech_stopped(24_721)
        session.push(Packet(silence(MULAW_8K, 480), MULAW_8K, 0, 0))
        while len(vendors.sent("assemblyai", "binary")) < 53:
            await anyio.lowlevel.checkpoint()
        sizes = [len(one.data) for one in vendors.sent("assemblyai", "binary")]
        assert sizes[-2:] == [400, 480]
        assert all(400 <= size <= 8_000 for size in sizes)
        assert isinstance(session, StreamSession)
        assert session._sample((sum(sizes) - 480) / 8_000) == 24_721
        assert session._sample(sum(sizes) / 8_000) == 24_721 + 480
        await session.aclose()


async def test_a_rest_without_speech_waits_for_more() -> None:
    async with Vendors() as vendors, recogniser(vendors, "assemblyai") as stt:
        session = await stt.open(PCM16_16K, "en", SttHints())
        session.push(PcmFrame(bytes(2 * 1_200), PCM16_16K, 0))
        session.speech_stopped(900)
        while not vendors.sent("assemblyai", "text"):
            await anyio.lowlevel.checkpoint()
        assert [len(one.data) for one in vendors.sent("assemblyai", "binary")] == [1_920]
        await session.aclose()


async def test_what_is_asked_of_the_vendor() -> None:
    async with Vendors() as vendors, recogniser(vendors, "assemblyai") as stt:
        await (await stt.open(MULAW_8K, "de-DE", SttHints(("Müller & Co", "x" * 60)))).aclose()
        [opened] = vendors.sent("assemblyai", "open")
    query = dict(opened.query)
    assert json.loads(query["keyterms_prompt"]) == ["Müller & Co"]
    assert (query["speech_model"], query["format_turns"]) == ("universal-streaming-multilingual", "false")
    assert opened.headers["assemblyai-version"] == "2025-05-12"


@pytest.mark.parametrize(
    ("code", "error", "again"),
    [(3005, Unavailable, True), (3006, Rejected, False), (3007, Rejected, False), (3009, OverQuota, True), (4001, Unauthorized, False),
     (4002, OverQuota, False), (4003, OverQuota, False), (4029, OverQuota, True), (4031, Unavailable, True), (4102, OverQuota, True),
     ("x", Unavailable, True)],
)  # fmt: skip
async def test_its_errors(code: object, error: type[ProviderError], again: bool) -> None:
    async with told("assemblyai", turn(0, "yes"), {"type": "Error", "error_code": code, "error": "a secret of the caller's"}) as one:
        assert isinstance(await anext(one.session), Heard)
        with pytest.raises(ProviderError) as failed:
            await anext(one.session)
    assert type(failed.value) is error
    assert bool(failed.value.retry) is again
    assert "secret" not in failed.value.public


async def test_what_it_does_not_know_is_counted() -> None:
    kinds = [{"type": kind} for kind in ("Heartbeat", "Silence", "SpeechStarted", "Warning", "LLMGatewayResponse")]
    broken = turn(0, "x") | {"words": [{"text": "x"}]}
    async with told("assemblyai", *kinds, broken, {"type": "Turn"}, turn(0, "yes")) as one:
        assert await one.texts() == ["0 yes"]
        assert one.session.oddities == {"message Warning": 1, "message LLMGatewayResponse": 1, "broken message": 2}


async def test_optional_fields_may_be_missing() -> None:
    async with told("assemblyai", {"type": "Turn", "turn_order": 0, "end_of_turn": True, "transcript": "yes please"}) as one:
        assert await one.texts() == ["0 yes please."]
