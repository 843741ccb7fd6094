"""Each vendor's protocol without a socket: what is sent, and what is made of what comes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.tts_suite import context

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.errors import BadOutput, ConfigError, OverQuota, ProviderError, Rejected, Unauthorized, Unavailable
from offhook.ports.tts import Speech
from offhook.providers.tts._reply import Reply
from offhook.providers.tts._session import Protocol
from offhook.providers.tts.cartesia import CartesiaProtocol
from offhook.providers.tts.deepgram import DeepgramProtocol, model_of
from offhook.providers.tts.elevenlabs import ElevenLabsProtocol
from offhook.registry import load
from offhook.testing.vendors import _voice

A, B = "Hello there,", "how are you today?"


class Wire:
    """A protocol with its clock and what it sent."""

    def __init__(self, make: Callable[[Callable[[str], None], Callable[[], float]], Protocol]) -> None:
        self.now = 100.0
        self.written: list[dict[str, Any]] = []
        self.protocol = make(lambda text: self.written.append(json.loads(text)), lambda: self.now)
        self.reply = Reply("tts/x", MULAW_8K)

    def begin(self) -> Reply:
        self.reply = Reply("tts/x", MULAW_8K)
        self.protocol.begin(self.reply)
        return self.reply

    def say(self, *texts: str, finish: bool = False) -> None:
        for text in texts:
            self.protocol.say(self.reply.add(text))
        if finish:
            self.reply.close()
            self.protocol.finish()

    def get(self, **message: Any) -> None:
        self.protocol.receive(json.dumps(message))

    def sent(self) -> list[dict[str, Any]]:
        found, self.written[:] = list(self.written), []
        return found

    def heard(self) -> list[Speech]:
        found = []
        while (speech := self.reply.take()) is not None:
            found.append(speech)
        return found

    def error(self) -> ProviderError | None:
        return self.reply.error

    def ended(self) -> list[tuple[int, int]]:
        """Clauses that ended, with their samples."""
        found = self.heard()
        return [(one.clause, sum(len(two.data) for two in found if two.clause == one.clause)) for one in found if one.last]


def sound(seconds: float) -> bytes:
    return pcm_to_mulaw(_voice.tone(500, round(seconds * 8_000), 8_000))


def coded(seconds: float) -> str:
    return base64.b64encode(sound(seconds)).decode()


# -- Cartesia


@pytest.fixture
def cartesia() -> Wire:
    return Wire(lambda write, clock: CartesiaProtocol({"model_id": "m"}, write, clock))


def test_cartesia_a_clause_is_a_continuation_and_a_flush_and_the_reply_a_context(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(A, B, finish=True)
    sent = cartesia.sent()
    assert len({message.pop("context_id") for message in sent}) == 1
    assert sent == [
        {"model_id": "m", "transcript": A + " ", "continue": True},
        {"model_id": "m", "transcript": "", "continue": True, "flush": True},
        {"model_id": "m", "transcript": B + " ", "continue": True},
        {"model_id": "m", "transcript": "", "continue": True, "flush": True},
        {"model_id": "m", "transcript": "", "continue": False},
    ]


def test_cartesia_a_context_that_may_have_died_is_not_used_on_and_times_begin_anew(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(A)
    first = cartesia.sent()[0]["context_id"]
    cartesia.get(type="chunk", context_id=first, data=coded(0.7), done=False)
    cartesia.get(type="flush_done", context_id=first, flush_id=1)
    cartesia.now += 0.7
    cartesia.say(B, finish=True)
    second = cartesia.sent()[0]["context_id"]
    assert second != first
    cartesia.get(type="done", context_id=first)
    cartesia.get(
        type="timestamps", context_id=second, word_timestamps={"words": B.split(), "start": [0, 0.2, 0.4, 0.6], "end": [0.2, 0.4, 0.6, 1.0]}
    )
    cartesia.get(type="chunk", context_id=second, data=coded(1.0), done=False)
    cartesia.get(type="done", context_id=second)
    words = [word for speech in cartesia.heard() if speech.clause == 1 for word in speech.words]
    assert [word.end for word in words] == [1_600, 3_200, 4_800, 8_000]
    assert cartesia.reply.over


def test_cartesia_a_clause_that_crosses_its_contexts_end_begins_it_anew(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(A)
    name = cartesia.sent()[0]["context_id"]
    cartesia.get(type="chunk", context_id=name, data=coded(0.7))
    cartesia.get(type="flush_done", context_id=name)
    cartesia.now += 0.5
    cartesia.say(B)
    cartesia.get(type="done", context_id=name)
    cartesia.get(type="chunk", context_id=name, data=coded(1.0))
    cartesia.get(type="timestamps", context_id=name, word_timestamps={"words": ["how"], "start": [0], "end": [0.2]})
    cartesia.get(type="flush_done", context_id=name)
    words = [word for speech in cartesia.heard() if speech.clause == 1 for word in speech.words]
    assert words[0].end == 1_600


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (402, OverQuota),
        (429, OverQuota),
        (500, Unavailable),
        (None, Unavailable),
        (True, Unavailable),
    ],
)
def test_cartesia_an_error_is_of_its_context_or_of_the_socket(cartesia: Wire, status: int | None, kind: type[ProviderError]) -> None:
    cartesia.begin()
    cartesia.say(A)
    cartesia.get(type="error", context_id="another", status_code=status, title="no")
    assert cartesia.error() is None
    cartesia.get(type="error", context_id=cartesia.sent()[0]["context_id"], status_code=status, title="no")
    assert isinstance(cartesia.error(), kind)
    with pytest.raises(kind):
        cartesia.get(type="error", status_code=status, title="no")


@pytest.mark.parametrize("data", ["%%%", "abc"])
def test_cartesia_audio_that_is_none_is_refused(cartesia: Wire, data: object) -> None:
    cartesia.begin()
    cartesia.say(A)
    with pytest.raises(BadOutput):
        cartesia.get(type="chunk", context_id=cartesia.sent()[0]["context_id"], data=data)


def test_cartesia_a_clause_without_audio_is_refused(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(A)
    with pytest.raises(BadOutput):
        cartesia.get(type="flush_done", context_id=cartesia.sent()[0]["context_id"])


@pytest.mark.parametrize("times", [None, [], {"words": "x"}, {"words": ["a"], "end": None}, {"words": [1], "end": ["x"]}])
def test_cartesia_times_that_are_none_cost_nothing_but_the_times(cartesia: Wire, times: object) -> None:
    cartesia.begin()
    cartesia.say(A)
    name = cartesia.sent()[0]["context_id"]
    cartesia.get(type="timestamps", context_id=name, word_timestamps=times)
    cartesia.get(type="chunk", context_id=name, data=coded(0.7))
    cartesia.get(type="flush_done", context_id=name)
    assert cartesia.ended() == [(0, 5_600)]


PIECES = ("Hello ", "there my dear ", "friend.")


def timed(wire: Wire, name: str, words: str, step: float = 0.4, start: float = 0.0) -> None:
    """A word every ``step`` seconds."""
    ends = [round(start + step * (number + 1), 4) for number in range(len(words.split()))]
    times = {"words": words.split(), "start": [end - step for end in ends], "end": ends}
    wire.get(type="timestamps", context_id=name, word_timestamps=times)


def test_cartesia_pieces_of_a_sentence_share_one_flush(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(*PIECES, "And another.", finish=True)
    sent = cartesia.sent()
    assert [message["transcript"] for message in sent] == ["Hello ", "there my dear ", "friend. ", "", "And another. ", "", ""]
    assert [message.get("flush", False) for message in sent] == [False, False, False, True, False, True, False]


@pytest.mark.parametrize("chunk", [0.1, 0.25, 0.3, 0.7, 2.0])
@pytest.mark.parametrize("late", [False, True])
def test_cartesia_where_a_piece_ends_its_words_say(cartesia: Wire, chunk: float, late: bool) -> None:
    cartesia.begin()
    cartesia.say(*PIECES)
    name = cartesia.sent()[0]["context_id"]
    audio = sound(2.0)
    size = round(chunk * 8_000)
    if not late:
        timed(cartesia, name, "Hello there my dear friend.")
    for at in range(0, len(audio), size):
        cartesia.get(type="chunk", context_id=name, data=base64.b64encode(audio[at : at + size]).decode())
        if late:
            done = min(5, int((at + size) / 3_200 + 1e-6))
            before = min(5, int(at / 3_200 + 1e-6))
            timed(cartesia, name, " ".join("Hello there my dear friend.".split()[before:done]), start=0.4 * before)
    cartesia.get(type="flush_done", context_id=name)
    heard = cartesia.heard()
    assert b"".join(speech.data for speech in heard) == audio
    assert [speech.clause for speech in heard] == sorted(speech.clause for speech in heard)
    lengths = [sum(len(speech.data) for speech in heard if speech.clause == number) for number in range(3)]
    assert [speech.clause for speech in heard if speech.last] == [0, 1, 2]
    assert lengths == [3_200, 9_600, 3_200]
    words = [[(word.text, word.end) for speech in heard if speech.clause == number for word in speech.words] for number in range(3)]
    assert words == [[("Hello", 3_200)], [("there", 3_200), ("my", 6_400), ("dear", 9_600)], [("friend.", 3_200)]]


def test_cartesia_the_first_piece_is_heard_while_the_next_is_thought_of(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(PIECES[0])
    name = cartesia.sent()[0]["context_id"]
    cartesia.get(type="chunk", context_id=name, data=coded(0.4))
    assert sum(len(speech.data) for speech in cartesia.heard()) == 3_200
    timed(cartesia, name, "Hello")
    assert cartesia.reply.owed == 1
    cartesia.say(PIECES[1])
    assert [speech.clause for speech in cartesia.heard() if speech.last] == [0]
    cartesia.get(type="chunk", context_id=name, data=coded(1.2))
    timed(cartesia, name, "there my dear", start=0.4)
    cartesia.reply.close()
    cartesia.protocol.finish()
    assert cartesia.sent()[-1]["continue"] is False
    cartesia.get(type="done", context_id=name)
    assert cartesia.ended() == [(1, 9_600)]
    assert cartesia.reply.over


def test_cartesia_pieces_without_times_are_all_heard_and_all_end(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(*PIECES)
    name = cartesia.sent()[0]["context_id"]
    for _ in range(4):
        cartesia.get(type="chunk", context_id=name, data=coded(0.5))
    early = sum(len(speech.data) for speech in cartesia.heard())
    assert early > 8_000, "audio waits for no times that do not come"
    cartesia.get(type="flush_done", context_id=name)
    heard = cartesia.heard()
    assert [speech.clause for speech in heard if speech.last] == [0, 1, 2]
    assert early + sum(len(speech.data) for speech in heard) == 16_000


def test_cartesia_a_piece_whose_context_died_while_nothing_came_is_over(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(PIECES[0])
    first = cartesia.sent()[0]["context_id"]
    cartesia.get(type="chunk", context_id=first, data=coded(0.4))
    timed(cartesia, first, "Hello")
    cartesia.now += 1.0
    cartesia.get(type="done", context_id=first)
    assert cartesia.ended() == [(0, 3_200)]
    assert not cartesia.reply.owed
    cartesia.say("friend.", finish=True)
    second = cartesia.sent()[0]["context_id"]
    assert second != first
    cartesia.get(type="chunk", context_id=second, data=coded(0.4))
    timed(cartesia, second, "friend.")
    cartesia.get(type="done", context_id=second)
    assert cartesia.ended() == [(1, 3_200)]
    assert cartesia.reply.over


def test_cartesia_a_pause_in_a_sentence_that_may_have_cost_the_context_ends_the_piece(cartesia: Wire) -> None:
    cartesia.begin()
    cartesia.say(PIECES[0])
    first = cartesia.sent()[0]["context_id"]
    cartesia.now += 0.7
    cartesia.say(PIECES[1])
    assert cartesia.sent()[0]["context_id"] == first, "nothing of it has been heard: it is only slow"
    cartesia.get(type="chunk", context_id=first, data=coded(1.6))
    timed(cartesia, first, "Hello there my dear")
    cartesia.now += 0.7
    cartesia.say("friend.", finish=True)
    assert cartesia.sent()[0]["context_id"] != first
    assert cartesia.ended() == [(0, 3_200), (1, 9_600)]


# -- ElevenLabs


@pytest.fixture
def eleven() -> Wire:
    return Wire(lambda write, clock: ElevenLabsProtocol(MULAW_8K, write, clock))


def chars(text: str, ms: int = 60) -> dict[str, Any]:
    return {"chars": list(text), "charStartTimesMs": [ms * i for i in range(len(text))], "charDurationsMs": [ms] * len(text)}


def test_elevenlabs_a_context_is_open_before_the_reply_and_closed_after_it(eleven: Wire) -> None:
    assert eleven.sent() == [{"text": " ", "context_id": "r1"}]
    eleven.begin()
    eleven.say(A, finish=True)
    assert eleven.sent() == [{"text": A + " ", "context_id": "r1", "flush": True}, {"context_id": "r1", "close_context": True}]
    eleven.begin()
    assert eleven.sent() == [{"text": " ", "context_id": "r2"}]


def test_elevenlabs_a_clause_ends_with_its_last_character_within_a_message_too(eleven: Wire) -> None:
    eleven.begin()
    eleven.say(A, B)
    both = A + " " + B
    eleven.get(audio=coded(0.06 * 20), alignment=chars(both[:20]), contextId="r1")
    assert eleven.ended() == [(0, 13 * 480)]
    eleven.get(audio=coded(0.06 * (len(both) - 20)), alignment=chars(both[20:]), contextId="r1")
    assert [speech.last for speech in eleven.heard()][-1]
    eleven.reply.close()
    assert eleven.reply.over


def test_elevenlabs_audio_behind_the_last_character_belongs_to_the_last_clause(eleven: Wire) -> None:
    eleven.begin()
    eleven.say(A, finish=True)
    eleven.get(audio=coded(0.72), alignment=chars(A), contextId="r1")
    assert eleven.protocol.settle() < 1
    assert not eleven.reply.over
    eleven.get(audio=coded(0.2), alignment=None, contextId="r1")
    eleven.get(audio=None, isFinal=True, contextId="r1")
    assert eleven.ended() == [(0, 7_360)]


def test_elevenlabs_without_characters_the_reply_is_heard_and_ends(eleven: Wire) -> None:
    eleven.begin()
    eleven.say(A, B, finish=True)
    eleven.get(audio=coded(0.7), contextId="r1")
    eleven.get(audio=coded(1.1), contextId="r1")
    eleven.get(audio=None, isFinal=True, contextId="r1")
    assert [clause for clause, _ in eleven.ended()] == [0, 1]
    assert eleven.reply.over


def test_elevenlabs_contexts_that_are_not_final_yet_count(eleven: Wire) -> None:
    for _ in range(4):
        eleven.begin()
        eleven.say(A)
        eleven.protocol.cancel()
        eleven.protocol.reply = None
    assert eleven.protocol.spent
    eleven.get(isFinal=True, contextId="r2")
    assert not eleven.protocol.spent


def test_elevenlabs_keeps_a_context_awake_and_opens_one_for_the_next_reply(eleven: Wire) -> None:
    eleven.sent()
    eleven.protocol.keep()
    assert eleven.sent() == [{"text": "", "context_id": "r1"}]
    eleven.begin()
    eleven.say(A, finish=True)
    eleven.protocol.reply = None
    eleven.sent()
    eleven.protocol.keep()
    eleven.protocol.keep()
    assert eleven.sent() == [{"text": " ", "context_id": "r2"}, {"text": "", "context_id": "r2"}]


def test_elevenlabs_a_context_that_was_idle_for_too_long_is_replaced(eleven: Wire) -> None:
    eleven.begin()
    eleven.get(isFinal=True, contextId="r1")
    eleven.sent()
    eleven.say(A)
    assert [message["context_id"] for message in eleven.sent()] == ["r2", "r2"]
    eleven.get(isFinal=True, contextId="r2")
    assert isinstance(eleven.reply.error, Unavailable)


def test_elevenlabs_another_rate_is_found_by_its_characters(eleven: Wire) -> None:
    eleven.begin()
    eleven.say(B)
    with pytest.raises(BadOutput, match="rate"):
        eleven.get(audio=coded(0.06 * 2 * len(B)), alignment=chars(B), contextId="r1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("quota_exceeded", OverQuota),
        ("invalid_api_key", Unauthorized),
        ("too_many_concurrent_requests", OverQuota),
        ("system_busy", OverQuota),
        ("voice_id_does_not_exist", Rejected),
    ],
)
def test_elevenlabs_errors_are_typed(eleven: Wire, error: str, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        eleven.get(message="Something.", error=error, code=1008)
    with pytest.raises(Unavailable):
        eleven.get(message="Something.", error="internal", code=1011)


# -- Deepgram


@pytest.fixture
def aura() -> Wire:
    return Wire(lambda write, clock: DeepgramProtocol(MULAW_8K, write, clock))


def test_aura_flushes_each_clause_until_flushes_run_out_then_shares_them(aura: Wire) -> None:
    for _ in range(6):
        aura.begin()
        aura.say(A, B, finish=True)
        aura.protocol.receive(sound(0.72))
        aura.get(type="Flushed", sequence_id=0)
        aura.protocol.receive(sound(1.08))
        aura.get(type="Flushed", sequence_id=1)
        assert aura.ended() == [(0, 5_760), (1, 8_640)]
    aura.sent()
    aura.begin()
    aura.say(A, B, A, finish=True)
    assert [message["type"] for message in aura.sent()] == ["Speak", "Flush", "Speak", "Speak", "Flush"]
    aura.protocol.receive(sound(0.72))
    aura.get(type="Flushed", sequence_id=2)
    for _ in range(18):
        aura.protocol.receive(sound(0.1))
    aura.get(type="Flushed", sequence_id=3)
    ended = aura.ended()
    assert [clause for clause, _ in ended] == [0, 1, 2]
    assert ended[0][1] == 5_760
    assert abs(ended[1][1] - 8_640) < 2_400
    assert aura.reply.over
    aura.now += 61
    aura.begin()
    aura.sent()
    aura.say(A, B)
    assert [message["type"] for message in aura.sent()] == ["Speak", "Flush", "Speak", "Flush"]


def test_aura_what_gathered_is_flushed_once_nothing_is_on_its_way(aura: Wire) -> None:
    for _ in range(12):
        aura.begin()
        aura.say(A)
        aura.protocol.receive(sound(0.72))
        aura.get(type="Flushed", sequence_id=0)
    aura.begin()
    aura.say(A, B)
    aura.sent()
    aura.protocol.receive(sound(0.72))
    aura.get(type="Flushed", sequence_id=0)
    assert aura.sent() == [{"type": "Flush"}]


def test_aura_a_socket_without_flushes_left_is_not_used_for_another_reply(aura: Wire) -> None:
    for _ in range(19):
        assert not aura.protocol.spent
        aura.begin()
        aura.say(A)
    assert aura.protocol.spent
    aura.now += 60
    assert not aura.protocol.spent


def test_aura_what_comes_between_a_clear_and_its_answer_is_dropped(aura: Wire) -> None:
    aura.begin()
    aura.say(A)
    aura.protocol.cancel()
    aura.begin()
    aura.say(B, finish=True)
    aura.protocol.receive(sound(0.5))
    aura.get(type="Flushed", sequence_id=0)
    aura.get(type="Cleared", sequence_id=1)
    aura.protocol.receive(sound(1.0))
    aura.get(type="Flushed", sequence_id=2)
    assert aura.ended() == [(0, 8_000)]
    assert sum(aura.protocol.counts.values()) == 2


def test_aura_a_long_clause_is_sent_in_parts_and_warnings_are_counted(aura: Wire) -> None:
    aura.begin()
    aura.say("word " * 500)
    sent = aura.sent()
    assert all(len(message.get("text", "")) <= 2_000 for message in sent)
    assert "".join(message.get("text", "") for message in sent).strip() == ("word " * 500).strip()
    aura.get(type="Warning", code="X", description="y")
    aura.get(type="SomethingNew")
    assert aura.protocol.counts == {"warning X": 1, "unknown message": 1}
    with pytest.raises(Unavailable):
        aura.get(type="Error", code="NET-0001", description="x")
    for wrong in ({"code": "DATA-0000"}, {"code": "MESSAGE-0000"}, {"err_code": "BIG-0000"}):
        with pytest.raises(Rejected):
            aura.get(type="Error", **wrong)


def test_aura_voices_have_short_names() -> None:
    assert model_of("thalia", "en") == "aura-2-thalia-en"
    assert model_of("Celeste", "es") == "aura-2-celeste-es"
    assert model_of("aura-asteria-en", "en") == "aura-asteria-en"


# -- settings


@pytest.mark.parametrize("name", ["cartesia", "elevenlabs", "deepgram"])
def test_a_missing_key_is_a_setting_that_is_wrong(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name.upper()}_API_KEY"):
        load("tts", name, context({}))


@pytest.mark.parametrize("name", ["cartesia", "elevenlabs"])
async def test_no_voice_is_said_and_may_come_from_the_settings(name: str) -> None:
    tts: Any = load("tts", name, context({f"{name.upper()}_API_KEY": "k"}))
    with pytest.raises(Rejected, match=f"{name.upper()}_VOICE"):
        await tts.open("", "en-US", MULAW_8K)
    with pytest.raises(Rejected, match="xx"):
        await tts.open("v", "xx-XX", MULAW_8K)


async def test_a_voice_of_another_language_is_refused() -> None:
    tts: Any = load("tts", "deepgram:aura-2-thalia-en", context({"DEEPGRAM_API_KEY": "k"}))
    with pytest.raises(Rejected, match="aura-2-thalia-en"):
        await tts.open("", "de-DE", MULAW_8K)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
