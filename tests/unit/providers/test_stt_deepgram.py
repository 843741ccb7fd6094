"""Each test is a fault of this vendor that others have met (the numbers are of the list in the reference)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.providers.vendor_stt import short, told, words

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.frame import Packet
from offhook.errors import Rejected
from offhook.ports.stt import Heard
from offhook.testing.conformance import sound
from offhook.testing.vendors._ear import melody


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def results(text: str, begin: float, end: float, **flags: bool) -> dict[str, Any]:
    """A message of the vendor's: words evenly between two seconds."""
    found = [
        {"word": word.lower(), "punctuated_word": word, "start": start, "end": stop, "confidence": 0.9}
        for word, start, stop in words(text, begin, end)
    ]
    channel = {"alternatives": [{"transcript": text, "confidence": 0.9, "words": found}]}
    return {"type": "Results", "start": begin, "duration": end - begin, "is_final": False, "channel": channel} | flags


def final(text: str, begin: float, end: float, **flags: bool) -> dict[str, Any]:
    return results(text, begin, end, is_final=True, **flags)


END = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 2.0}


async def test_finals_of_an_utterance_are_joined_until_it_pauses() -> None:  # 1
    async with told(
        "deepgram", results("I would", 0.1, 0.6), final("I would like", 0.1, 1.0), results("a table", 1.0, 1.6),
        final("a table please", 1.0, 2.0, speech_final=True), results("thanks", 2.5, 2.8),
    ) as one:  # fmt: skip
        assert await one.texts() == [
            "0 I would", "0 I would like", "0 I would like a table", "0 I would like a table please.", "1 thanks",
        ]  # fmt: skip


async def test_without_speech_final_the_utterance_end_tells() -> None:  # 2
    async with told("deepgram", final("yes", 0.5, 1.0), final("tomorrow", 1.0, 2.0), END) as one:
        assert await one.texts() == ["0 yes", "0 yes tomorrow", "0 yes tomorrow."]


async def test_words_without_a_confidence_are_words() -> None:
    message = final("yes please", 0.5, 1.5, speech_final=True)
    for word in message["channel"]["alternatives"][0]["words"]:
        del word["confidence"]
    async with told("deepgram", message) as one:
        assert await one.texts() == ["0 yes please."]
        assert one.session.oddities == {}


async def test_an_interim_whose_final_is_empty_is_promoted() -> None:  # 3
    async with told("deepgram", results("tomorrow at nine", 0.5, 1.5), final("", 0.5, 2.0), END) as one:
        assert await one.texts() == ["0 tomorrow at nine", "0 tomorrow at nine."]


async def test_an_interim_whose_final_is_empty_and_comes_again_is_not_doubled() -> None:  # 3
    again = (results("tomorrow at", 0.6, 1.8), final("tomorrow at nine", 0.6, 2.0), END)
    async with told("deepgram", results("tomorrow", 0.5, 1.5), final("", 0.5, 1.4), *again) as one:
        assert (await one.texts())[-1] == "0 tomorrow at nine."


async def test_an_utterance_end_after_a_speech_final_is_no_news() -> None:  # 4
    async with told("deepgram", final("yes", 0.5, 1.0, speech_final=True), END, END) as one:
        assert await one.texts() == ["0 yes."]


async def test_speech_started_again_clears_nothing() -> None:  # 5
    started = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.4}
    async with told("deepgram", started, final("yes", 0.5, 1.0), started, final("please", 1.0, 2.0, speech_final=True)) as one:
        assert await one.texts() == ["0 yes", "0 yes please."]


async def test_finalize_without_an_answer_is_waited_for_no_longer_than_300_ms() -> None:  # 6
    async with told("deepgram", results("yes please", 0.5, 1.5), quirks=("no_finalize",)) as one:
        assert await one.texts() == ["0 yes please"]
        one.stop()
        assert await one.texts(0.2) == []
        assert await one.texts(0.3) == ["0 yes please."]
        assert [message.json["type"] for message in one.vendors.sent("deepgram", "text")] == ["Finalize"]


async def test_what_adjacent_finals_repeat_is_said_once() -> None:  # 7
    async with told("deepgram", final("a table", 0.5, 1.5), final("table for two", 1.2, 2.1, speech_final=True)) as one:
        assert (await one.texts())[-1] == "0 a table for two."


async def test_a_word_said_twice_stays_twice() -> None:
    async with told("deepgram", final("very", 0.5, 1.0), final("very good", 1.0, 2.0, speech_final=True)) as one:
        assert (await one.texts())[-1] == "0 very very good."


async def test_a_final_that_comes_twice_is_said_once() -> None:
    again = final("yes please", 0.5, 1.5, speech_final=True)
    async with told("deepgram", again, again, results("yes please", 0.5, 1.5)) as one:
        assert await one.texts() == ["0 yes please."]


async def test_the_answer_to_an_older_finalize_is_none_to_the_newer_one() -> None:
    lexicon = {440.0: "yes"}
    async with told("deepgram", audio=1.0, final=0.05, lexicon=lexicon) as one:
        one.stop()
        one.session.listen()
        one.session.push(Packet(sound.encoded(melody("yes", lexicon), MULAW_8K), MULAW_8K, 0, 0))
        one.push(0.2)
        one.stop()
        assert [text for text in await one.texts(0.25) if text.endswith(".")] == ["0 yes."]


async def test_words_that_were_given_do_not_come_again_after_the_turn_is_used_up() -> None:
    """The final moves the word behind the cut, and it was given before."""
    async with told("deepgram", results("tomorrow", 3.2, 3.8), audio=4.0) as one:
        assert await one.texts() == ["0 tomorrow"]
        one.session.listen()
        one.push(2.0)
        one.session._received(json.dumps(final("tomorrow morning", 3.9, 5.0, speech_final=True)))
        assert await one.texts() == ["1 morning."]


async def test_times_that_are_none_or_backwards_do_no_harm() -> None:
    async with told("deepgram", quirks=("backwards", "unsure"), say=["never"], audio=0.1) as one:
        backwards = final("two one", 2.0, 1.0, speech_final=True)
        broken = final("x", 0.0, 1.0) | {"channel": {"alternatives": []}}
        for message in (
            backwards,
            broken,
            broken | {"channel": 7},
            final("x", 0.0, 1.0) | {"start": "noon"},
            final("x", 0.0, float("nan")),
        ):
            one.session._received(json.dumps(message))
        events = await one.events()
        assert all(isinstance(event, Heard) and 0 <= event.start <= event.end for event in events)
        assert one.session.oddities["broken message"] == 4


async def test_optional_fields_may_be_missing() -> None:
    bare = {"type": "Results", "start": 0.5, "duration": 1.0, "is_final": True, "speech_final": True}
    async with told("deepgram", bare | {"channel": {"alternatives": [{"transcript": "yes please"}]}}) as one:
        [event] = await one.events()
        assert isinstance(event, Heard)
        assert (event.text, event.start, event.end) == ("yes please", 4_000, 12_000)


async def test_the_vendors_error_and_unknown_kinds() -> None:
    error = {"type": "Error", "variant": "SchemaError", "description": "secret of the caller", "message": ""}
    async with told("deepgram", {"type": "Weather"}, {"type": "Weather"}, {}, final("yes", 0.5, 1.0), error) as one:
        assert short(await anext(one.session)) == "0 yes"
        with pytest.raises(Rejected) as refused:
            await anext(one.session)
        assert "secret" not in refused.value.public
        assert one.session.oddities == {"message Weather": 2, "message None": 1}
