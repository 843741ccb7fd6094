"""The Twilio dialect: golden messages, and every way in which one may be wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.wire.dialect import BadMessage, Connected, Key, Mark, Media, Start, Stop
from offhook.core.wire.twilio import Twilio, _quick

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC0",
        "streamSid": SID,
        "callSid": "CA123",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t0k", "did": "+6421", "caller": "+6422"},
    },
    "streamSid": SID,
}
MEDIA: dict[str, Any] = {
    "event": "media",
    "sequenceNumber": "3",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": base64.b64encode(b"\x7f" * 160).decode()},
    "streamSid": SID,
}
DTMF: dict[str, Any] = {"event": "dtmf", "streamSid": SID, "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "#"}}
MARK: dict[str, Any] = {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "e1:1"}}
STOP: dict[str, Any] = {"event": "stop", "sequenceNumber": "5", "stop": {"accountSid": "AC0", "callSid": "CA123"}, "streamSid": SID}

twilio = Twilio()


def parse(value: object) -> object:
    return twilio.parse(json.dumps(value))


def changed(message: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    copy = json.loads(json.dumps(message))
    at = copy
    *way, last = path.split(".")
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return dict(copy)


def test_golden_messages() -> None:
    assert parse({"event": "connected", "protocol": "Call", "version": "1.0.0"}) == Connected()
    assert parse(START) == Start(SID, "CA123", {"token": "t0k", "did": "+6421", "caller": "+6422"})
    assert parse(MEDIA) == Media(SID, b"\x7f" * 160, 1, 5)
    assert parse(DTMF) == Key(SID, "#")
    assert parse(MARK) == Mark(SID, "e1:1")
    assert parse(STOP) == Stop(SID)
    assert parse(changed(MEDIA, "media.track", "outbound")) is None
    assert parse(changed(MEDIA, "media.timestamp", ...)) == Media(SID, b"\x7f" * 160, 1, None)
    assert parse(changed(START, "start.customParameters", ...)) == Start(SID, "CA123", {})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x00\x01", "binary"),
        ("", "json"),
        ("{", "json"),
        ('{"event": NaN}', "json"),
        ('{"event": Infinity}', "json"),
        ('{"event":"media","x":' + "9" * 5000 + "}", "json"),
        ("[" * 30_000, "nested"),
        ("[]", "not_object"),
        ('"media"', "not_object"),
        ("null", "not_object"),
        (json.dumps({"event": "x" * 70_000}), "oversize"),
    ],
)
def test_what_is_no_message(message: str | bytes, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        twilio.parse(message)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("message", "path", "value", "reason"),
    [
        (MEDIA, "event", ..., "unknown"),
        (MEDIA, "event", "Media", "unknown"),
        (MEDIA, "event", {"a": 1}, "unknown"),
        (MEDIA, "event", ["media"], "unknown"),
        (MEDIA, "streamSid", ..., "bad_stream"),
        (MEDIA, "streamSid", 5, "bad_stream"),
        (MEDIA, "streamSid", "", "bad_stream"),
        (MEDIA, "streamSid", 'a"b', "bad_stream"),
        (MEDIA, "streamSid", "x" * 200, "bad_stream"),
        (MEDIA, "media", ..., "missing"),
        (MEDIA, "media", [], "missing"),
        (MEDIA, "media.payload", ..., "bad_payload"),
        (MEDIA, "media.payload", "", "bad_payload"),
        (MEDIA, "media.payload", "ab!=", "bad_payload"),
        (MEDIA, "media.payload", "YQ", "bad_payload"),
        (MEDIA, "media.payload", "é" * 8, "bad_payload"),
        (MEDIA, "media.payload", 7, "bad_payload"),
        (MEDIA, "media.chunk", ..., "bad_number"),
        (MEDIA, "media.chunk", "-1", "bad_number"),
        (MEDIA, "media.chunk", -1, "bad_number"),
        (MEDIA, "media.chunk", 1.5, "bad_number"),
        (MEDIA, "media.chunk", True, "bad_number"),
        (MEDIA, "media.chunk", "1e3", "bad_number"),
        (MEDIA, "media.chunk", "٣", "bad_number"),
        (MEDIA, "media.chunk", "²", "bad_number"),
        (MEDIA, "media.chunk", " 1", "bad_number"),
        (MEDIA, "media.chunk", "1\n", "bad_number"),
        (MEDIA, "media.chunk", "9" * 40, "bad_number"),
        (MEDIA, "media.chunk", 10**20, "bad_number"),
        (MEDIA, "media.timestamp", "soon", "bad_number"),
        (MEDIA, "media.timestamp", None, "bad_number"),
        (DTMF, "dtmf.digit", "12", "bad_key"),
        (DTMF, "dtmf.digit", "", "bad_key"),
        (DTMF, "dtmf.digit", "x", "bad_key"),
        (DTMF, "dtmf.digit", "٣", "bad_key"),
        (DTMF, "dtmf.digit", 5, "bad_key"),
        (DTMF, "dtmf", None, "missing"),
        (MARK, "mark.name", "", "missing"),
        (MARK, "mark.name", 4, "missing"),
        (MARK, "mark.name", "x" * 300, "too_long"),
        (MARK, "mark.name", "\ud800", "bad_text"),
        (MARK, "mark.name", "a\x00b", "bad_text"),
        (START, "start", ..., "missing"),
        (START, "start.callSid", ..., "missing"),
        (START, "start.callSid", "../../x", "bad_stream"),
        (START, "start.streamSid", "MZother", "bad_stream"),
        (START, "start.mediaFormat", ..., "missing"),
        (START, "start.mediaFormat.sampleRate", 16000, "media_format"),
        (START, "start.mediaFormat.encoding", "audio/l16", "media_format"),
        (START, "start.mediaFormat.channels", 2, "media_format"),
        (START, "start.customParameters", [], "bad_parameters"),
        (START, "start.customParameters", {"a": {}}, "bad_parameters"),
        (START, "start.customParameters", {"a": None}, "bad_parameters"),
        (START, "start.customParameters", {str(i): "" for i in range(33)}, "bad_parameters"),
        (START, "start.customParameters", {"a": "\udfff"}, "bad_text"),
        (START, "start.customParameters", {"\x00": "a"}, "bad_text"),
        (START, "start.customParameters", {"a": "x" * 5000}, "too_long"),
    ],
)
def test_what_is_wrong_is_named(message: dict[str, Any], path: str, value: object, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(changed(message, path, value))
    assert caught.value.reason == reason


def test_no_error_shows_the_peers_text() -> None:
    with pytest.raises(BadMessage) as caught:
        parse(changed(START, "start.mediaFormat.encoding", "secret"))
    assert "secret" not in caught.value.public


def test_what_we_send_is_what_the_protocol_has() -> None:
    out = twilio.speak(Start(SID, "CA1", {}))
    audio = bytes(range(256))
    assert json.loads(out.media(audio)) == {
        "event": "media",
        "streamSid": SID,
        "media": {"payload": base64.b64encode(audio).decode()},
    }
    assert [json.loads(one) for one in out.mark('e1:3 "é')] == [{"event": "mark", "streamSid": SID, "mark": {"name": 'e1:3 "é'}}]
    assert [json.loads(one) for one in out.clear()] == [{"event": "clear", "streamSid": SID}]
    assert out.keys("12") == ()


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


QUICK = [MEDIA, {"event": "media", "sequenceNumber": "3", "streamSid": SID, "media": MEDIA["media"]}]


@pytest.mark.parametrize("message", QUICK)
def test_a_usual_frame_is_read_at_once(message: dict[str, Any]) -> None:
    assert _quick(compact(message)) == parse(message) == Media(SID, b"\x7f" * 160, 1, 5)


@pytest.mark.parametrize("message", QUICK)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("streamSid", ...),
        ("streamSid", "MZ/" + "x" * 10),
        ("streamSid", "M" * 129),
        ("media.track", "outbound"),
        ("media.payload", ""),
        ("media.payload", "abc"),
        ("media.payload", "ab=c"),
        ("media.payload", "abc=="),
        ("media.payload", "a*bc"),
        ("media.payload", "\x75\x00ab"),
        ("media.chunk", "-1"),
        ("media.chunk", "\u0663"),
        ("media.chunk", "1" * 16),
        ("media.chunk", 4),
        ("media.timestamp", ...),
        ("media.timestamp", "1.5"),
        ("media.payload", "A" * 65_536),
    ],
)
def test_what_is_not_usual_is_read_in_full(message: dict[str, Any], path: str, value: object) -> None:
    assert _quick(compact(changed(message, path, value))) is None


def test_a_frame_with_two_streams_is_not_guessed_at() -> None:
    both = compact(QUICK[1])[:-1] + f',"streamSid":"{SID[:-1]}"}}'
    assert _quick(both) is None
    assert _quick(compact(MEDIA) + "\n") is None


@given(place=st.integers(0, 500), put=st.text(max_size=3), cut=st.integers(0, 3), which=st.sampled_from(QUICK))
def test_the_quick_reading_is_never_another_one(place: int, put: str, cut: int, which: dict[str, Any]) -> None:
    whole = compact(which)
    place %= len(whole)
    message = whole[:place] + put + whole[place + cut :]
    found = _quick(message)
    if found is not None:
        assert found == twilio.parse(" " + message), "which a space in front leaves to the full reading"
