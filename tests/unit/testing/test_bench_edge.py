"""What the bench's callers make of what came when, and that its agent takes any words of theirs."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection

from offhook.authoring.load import compile as compiled
from offhook.contracts.plan import CallPlan
from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.core.script.schema import ALWAYS
from offhook.testing.bench.doubles import ACTS, REPLY, Setting, scenarios
from offhook.testing.bench.edge import QUIET, Edge, Turn, sharp
from offhook.testing.bench.vendors import doubles, drive, guessing, modes, own_ms, percentile, plan_of, relay, since
from offhook.testing.vendors._ear import Ear, Said
from offhook.testing.vendors.server import Vendors

LOUD = base64.b64encode(bytes([0x10, 0x90] * 80)).decode()


def edge() -> Edge:
    return Edge(cast("ClientConnection", None), "MZ1")


def media(payload: str) -> str:
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}})


def says(one: Edge, at: float, frames: int = 2) -> Turn:
    """Say so many frames, the first one sent at an instant."""
    turn = Turn(0.0)
    one.say([LOUD] * frames, turn)
    for number in range(frames):
        one.message(at + 0.02 * number)
    return turn


def test_a_turn_ends_when_its_last_frame_is_sent_and_is_answered_when_sound_is_played() -> None:
    one = edge()
    turn = says(one, 10.0)
    assert turn.begun == pytest.approx(9.98)
    assert turn.ended == pytest.approx(10.02)
    one.take(media(QUIET), 10.5)
    assert turn.answered is None
    one.take(media(LOUD), 10.501)
    assert turn.answered == pytest.approx(10.52)  # behind the quiet frame
    assert not turn.early
    assert not one.gaps


def test_an_agent_that_speaks_before_the_caller_has_ended_is_early() -> None:
    one = edge()
    turn = Turn(0.0)
    one.say([LOUD, LOUD], turn)
    one.message(5.0)
    one.take(media(LOUD), 5.01)
    assert turn.early
    assert turn.answered is None


def test_what_was_not_there_to_be_played_is_a_gap_and_sent_silence_is_none() -> None:
    one = edge()
    says(one, 1.0)
    one.take(media(LOUD), 2.0)
    one.take(media(LOUD), 2.01)  # played until 2.04
    one.take(media(LOUD), 2.075)
    assert one.gaps == []
    one.take(media(LOUD), 2.095 + 0.05)
    assert one.gaps == [pytest.approx(0.05)]
    one.take(media(QUIET), 2.15)
    one.take(media(LOUD), 2.165 + 0.1)
    one.take(media(LOUD), 2.285 + 0.5)  # a pause between sentences
    assert len(one.gaps) == 1


def test_marks_come_back_when_they_are_played_or_cleared() -> None:
    one = edge()
    one.take(media(LOUD), 1.0)
    one.take(mark("a"), 1.0)
    assert one.due(1.019) == []
    assert one.due(1.021) == ["a"]
    one.take(media(LOUD), 2.0)
    one.take(mark("b"), 2.0)
    one.take('{"event": "clear", "streamSid": "MZ1"}', 2.005)
    assert one.due(2.005) == ["b"]


def test_speech_over_the_agent_ends_what_is_audible_at_the_clear() -> None:
    one = edge()
    one.take(media(LOUD), 1.0)
    turn = Turn(0.0)
    one.say([LOUD] * 30, turn)
    one.message(1.01)
    assert turn.cut
    for number in range(5):
        one.take(media(LOUD), 1.02 + 0.001 * number)
    assert turn.silent == pytest.approx(1.12)
    one.take('{"event": "clear", "streamSid": "MZ1"}', 1.05)
    assert turn.silent == pytest.approx(1.05)


def test_the_frames_are_twilios() -> None:
    one = edge()
    one.message(1.0)
    found = json.loads(one.message(1.02))
    assert found["event"] == "media"
    assert found["media"] == {"track": "inbound", "chunk": "2", "timestamp": "20", "payload": QUIET}
    assert len(base64.b64decode(QUIET)) == 160


def test_speech_is_cut_where_it_was_last_loud() -> None:
    loud = (6_000 * np.sin(np.arange(8_000))).astype("<i2").tobytes()
    cut = sharp(pcm_to_mulaw(bytes(3_200) + loud + bytes(6_400)))
    assert len(cut) == 8_000
    assert np.abs(np.frombuffer(mulaw_to_pcm(cut[-160:]), "<i2").astype(int)).max() > 5_000


@pytest.mark.parametrize("mode", modes(Setting()), ids=lambda mode: mode.name)
def test_every_way_has_a_plan_that_the_engine_takes(mode: Any) -> None:
    plan = CallPlan.model_validate({**plan_of(mode.plan), "call": "c1"})
    assert compiled(plan.script).start == "ask"
    vendors = Vendors()
    for name, scenario in scenarios(mode.setting).items():
        vendors.scenario(name, scenario)


def test_the_agent_never_ends_the_call_by_itself() -> None:
    script = guessing()
    assert [name for name, state in script["states"].items() if "end" in state] == ["bye"]


def test_words_that_are_known_early_end_nothing_early() -> None:
    """A stretch counts as whole by its length: a stall within it is nobody's eager end, however early its words are known."""
    loud = pcm_to_mulaw((8_000 * np.sin(np.arange(8_000) / 4)).astype("<i2").tobytes())
    ear = Ear("mulaw", 8_000, [Said("one two three four", 1.0, known=0.4)])
    list(ear.feed(loud[:4_800]))
    assert [word.text for word in ear.words()] == ["one", "two", "three", "four"]
    assert not ear.complete
    list(ear.feed(loud[4_800:7_300]))
    assert ear.complete


def test_the_doubles_model_answers_in_acts_that_the_script_takes() -> None:
    answer = json.loads(ACTS)
    assert set(answer["acts"]) <= set(ALWAYS)
    assert answer["say"] == REPLY


def test_an_engine_that_does_not_answer_is_no_engine_without_gaps() -> None:
    assert since({"engine": 2}, {"engine": 5, "voice": 1}) == {"engine": 3, "voice": 1}
    assert since({}, None) == since(None, {"engine": 5}) == {"unanswered": 1}


def test_own_time_is_what_no_vendor_took() -> None:
    ladder = {
        "endpoint": 260.0,
        "stt_final": 1.0,
        "to_llm": 2.0,
        "first_token": 203.0,
        "tts_first_byte": 90.0,
        "playout": 4.0,
        "total": 570.0,
    }
    assert own_ms(ladder) == 7.0
    assert own_ms({"to_llm": None}) == 0.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert np.isnan(percentile([], 0.5))


@pytest.mark.realtime
async def test_a_call_through_the_relay_takes_what_the_vendors_take() -> None:
    setting = Setting(speech=0.6, eager=10.0)
    speech = pcm_to_mulaw((8_000 * np.sin(np.arange(4_800) * 2 * np.pi * 440 / 8_000)).astype("<i2").tobytes())
    async with doubles(setting) as vendors, relay(vendors["env"], ()) as one:
        found = await drive("relay", one, speech, 1, 12.0)
    assert found.turns >= 2
    assert not found.missing
    # The vendors alone take 550 ms; what a busy machine adds is no concern of this test.
    assert 545 < found.at(0.0) < 900
    assert found.processor > 0
