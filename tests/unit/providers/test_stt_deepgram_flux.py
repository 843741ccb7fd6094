"""Flux's turns as the engine sees them: never a lost or doubled word, whatever becomes of its messages."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import anyio
import pytest
from tests.unit.providers.vendor_stt import recogniser, short, told, words

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.frame import Packet
from offhook.errors import Rejected, Unavailable
from offhook.ports.stt import Heard, SttHints
from offhook.testing.vendors.server import Scenario, Vendors


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def info(number: int, event: str, text: str, turn: int = 0, *, begin: float = 0.5, end: float = 2.0) -> dict[str, Any]:
    """A message of the vendor's: words of 0.3 s from ``begin`` on; ``end`` is the end of its window."""
    found = [
        {"word": word, "start": start, "end": stop, "confidence": 0.9}
        for word, start, stop in words(text, begin, begin + 0.3 * len(text.split()))
    ]
    return {
        "type": "TurnInfo", "sequence_id": number, "event": event, "turn_index": turn, "audio_window_start": begin, "audio_window_end": end,
        "transcript": text, "words": found, "end_of_turn_confidence": 0.5,
    }  # fmt: skip


def turn(*events: tuple[str, str], index: int = 0, begin: float = 0.5, first: int = 100) -> list[dict[str, Any]]:
    numbers = count(first)
    return [info(next(numbers), event, text, index, begin=begin) for event, text in events]


async def test_a_turn_with_an_eager_end_that_was_right() -> None:
    messages = turn(
        ("Update", ""), ("StartOfTurn", "a"), ("Update", "a table"), ("Update", "a table"), ("EagerEndOfTurn", "a table please"),
        ("Update", "a table please"), ("EndOfTurn", "a table please"), ("Update", ""),
    )  # fmt: skip
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert await one.texts() == ["(", "0 a", "0 a table", ")", "0 a table please.", "!0.7", "!1"]


async def test_an_eager_end_that_was_wrong() -> None:
    messages = turn(
        ("StartOfTurn", "a"), ("EagerEndOfTurn", "a table"), ("TurnResumed", "a table"), ("Update", "a table for"),
        ("EagerEndOfTurn", "a table for two"), ("TurnResumed", "a table for two"), ("EagerEndOfTurn", "a table for two"),
        ("EndOfTurn", "a table for two"),
    )  # fmt: skip
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert await one.texts() == [
            "(", "0 a", ")", "0 a table.", "!0.7", "(", "0 a table for", ")", "0 a table for two.", "!0.7", "(", ")", "0 a table for two.",
            "!0.7", "!1",
        ]  # fmt: skip


async def test_an_end_without_an_eager_one_and_one_with_other_words() -> None:
    messages = turn(("StartOfTurn", "yes"), ("EndOfTurn", "yes please"))
    messages += turn(("StartOfTurn", "no"), ("EagerEndOfTurn", "no"), ("EndOfTurn", "no way"), index=1, begin=2.0, first=110)
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert await one.texts() == [
            "(", "0 yes", ")", "0 yes please.", "!1", "(", "1 no", ")", "1 no.", "!0.7", "(", ")", "1 no way.", "!1",
        ]  # fmt: skip


@pytest.mark.parametrize("lost", range(5))
async def test_a_lost_message_loses_no_word_that_came_in_another(lost: int) -> None:
    messages = turn(("StartOfTurn", "yes"), ("EagerEndOfTurn", "yes please"), ("TurnResumed", "yes please"), ("EndOfTurn", "yes please do"))
    messages += turn(("StartOfTurn", "no"), ("EndOfTurn", "no"), index=1, begin=2.5, first=104)
    kept = [message for number, message in enumerate(messages) if number != lost]
    async with told("deepgram_flux", *kept, quirks=("mute",)) as one:
        events = await one.events()
    finals = {event.segment: event.text for event in events if isinstance(event, Heard) and event.final}
    assert finals == {0: "yes please" if lost == 3 else "yes please do", 1: "no"}
    floor = [short(event) for event in events if short(event) in "()"]
    assert floor == ["(", ")"] * (len(floor) // 2)
    assert [short(event) for event in events].count("!1") == 2
    assert one.session.oddities["messages missing"] >= 1


async def test_an_end_of_turn_that_was_overtaken_still_gives_its_words() -> None:
    messages = turn(("StartOfTurn", "yes"), ("EndOfTurn", "yes please"))
    messages += turn(("StartOfTurn", "no"), ("EndOfTurn", "no"), index=1, begin=2.5, first=102)
    messages[1:3] = [messages[2], messages[1]]
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        found = {event.segment: event.text for event in await one.events() if isinstance(event, Heard)}
    assert found[1] == "no"
    assert found[0] in {"yes", "yes please"}


async def test_messages_twice_are_used_once() -> None:
    messages = turn(("StartOfTurn", "yes"), ("EagerEndOfTurn", "yes"), ("EndOfTurn", "yes"))
    async with told("deepgram_flux", *(one for message in messages for one in (message, message)), quirks=("mute",)) as one:
        assert await one.texts() == ["(", "0 yes", ")", "0 yes.", "!0.7", "!1"]
        assert one.session.oddities["message out of order"] == 3


async def test_after_the_turn_is_used_up_nothing_of_it_comes_again() -> None:
    messages = turn(("StartOfTurn", "yes"), ("EagerEndOfTurn", "yes please"))
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert (await one.texts())[-1] == "!0.7"
        one.session.listen()
        for message in (info(102, "Update", "yes please"), info(103, "EndOfTurn", "yes please")):
            one.session._received(json.dumps(message))
        assert await one.texts() == []


async def test_what_was_not_fetched_when_the_turn_was_used_up_is_let_fall_but_for_the_floor() -> None:
    messages = turn(("StartOfTurn", "yes"), ("EagerEndOfTurn", "yes please"))
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert [short(await anext(one.session)) for _ in range(3)] == ["(", "0 yes", ")"]
        one.session.listen()
        assert await one.texts() == []
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert short(await anext(one.session)) == "("
        one.session.listen()
        assert await one.texts() == [")"]


async def test_a_pause_of_what_is_used_up_has_no_words_and_the_end_of_the_turn_says_so() -> None:
    async with told("deepgram_flux", *turn(("StartOfTurn", "yes")), quirks=("mute",), audio=2.1) as one:
        assert await one.texts() == ["(", "0 yes"]
        one.session.listen()
        one.session._received(json.dumps(info(101, "EagerEndOfTurn", "yes please", end=2.0)))
        assert await one.texts() == [")"]
        one.push(2.0)
        one.session._received(json.dumps(info(102, "EndOfTurn", "yes please", end=3.0)))
        assert await one.texts() == ["1 .", "!1"]


async def test_words_before_the_cut_that_come_after_it_are_not_told_at_all() -> None:
    messages = turn(("StartOfTurn", "yes"), ("EagerEndOfTurn", "yes please"), ("EndOfTurn", "yes please"))
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        one.session.listen()
        assert await one.texts() == []


async def test_a_turn_that_goes_on_after_it_was_used_up_gives_what_is_new() -> None:
    """The engine has decided at the eager end; the caller goes on, and the vendor still counts one turn."""
    messages = turn(("StartOfTurn", "yes"), ("EagerEndOfTurn", "yes please"))
    async with told("deepgram_flux", *messages, quirks=("mute",), audio=1.2) as one:
        await one.texts()
        one.session.listen()
        one.push(2.0)
        # the vendor has moved the second word behind the cut: it was given
        later = [
            info(102, "TurnResumed", "yes please", begin=0.8, end=1.5), info(103, "Update", "yes please for two", begin=0.8),
            info(104, "EndOfTurn", "yes please for two people", begin=0.8, end=3.0),
        ]  # fmt: skip
        for message in later:
            one.session._received(json.dumps(message))
        assert await one.texts() == ["(", "1 for two", ")", "1 for two people.", "!1"]


async def test_a_turn_without_words_ends_without_them() -> None:
    async with told("deepgram_flux", *turn(("StartOfTurn", ""), ("EndOfTurn", "")), quirks=("mute",)) as one:
        assert await one.texts() == ["(", ")", "0 .", "!1"]


async def test_what_it_does_not_know_is_counted() -> None:
    warning = {"type": "Warning", "sequence_id": 100, "code": "LOUD", "description": "x"}
    broken = info(101, "Update", "yes") | {"words": [{"word": "yes"}]}
    messages = [warning, broken, info(102, "Whispered", "yes please"), {"type": "TurnInfo", "sequence_id": 103}]
    async with told("deepgram_flux", *messages, quirks=("mute",)) as one:
        assert await one.texts() == ["(", "0 yes please"]
        assert {"message Warning": 1, "event Whispered": 1, "broken message": 2}.items() <= one.session.oddities.items()


@pytest.mark.parametrize(
    ("code", "error"), [("INTERNAL_SERVER_ERROR", Unavailable), ("UNPARSABLE_CLIENT_MESSAGE", Rejected), (7, Unavailable)]
)
async def test_its_last_words(code: object, error: type[Exception]) -> None:
    async with told("deepgram_flux", {"type": "Error", "sequence_id": 100, "code": code, "description": "why"}, quirks=("mute",)) as one:
        with pytest.raises(error):
            await anext(one.session)


@pytest.mark.parametrize(("locale", "model", "language"), [("en-AU", "flux-general-en", []), ("de-DE", "flux-general-multi", ["de"])])
async def test_the_language_chooses_the_model(locale: str, model: str, language: list[str]) -> None:
    async with Vendors() as vendors, recogniser(vendors, "deepgram_flux") as stt:
        session = await stt.open(MULAW_8K, locale, SttHints(("Offhook", "Smith & Sons")))
        await session.aclose()
        [opened] = vendors.sent("deepgram", "open")
    query = dict(opened.query)
    assert query["model"] == model
    assert [value for name, value in opened.query if name == "language_hint"] == language
    assert [value for name, value in opened.query if name == "keyterm"] == ["Offhook", "Smith & Sons"]
    assert opened.path == "/v2/listen"


async def test_audio_goes_out_in_packets_of_80_ms() -> None:
    async with Vendors() as vendors, recogniser(vendors, "deepgram_flux") as stt:
        vendors.scenario("deepgram", Scenario(options={"say": ["yes"]}))
        session = await stt.open(MULAW_8K, "en", SttHints())
        for number in range(12):
            session.push(Packet(bytes(160), MULAW_8K, number, 160 * number))
        while len(vendors.sent("deepgram", "binary")) < 3:
            await anyio.lowlevel.checkpoint()
        await session.aclose()
        assert [len(one.data) for one in vendors.sent("deepgram", "binary")] == [640, 640, 640]
