"""What all dialects have in common: what is no message, what every carrier's documents show, what none of them says in errors."""

from __future__ import annotations

import json
import pkgutil
from typing import Any

import pytest
from tests.unit.core.wire.golden import ASTERISK_PLAIN, AUDIO, GOLDEN, PCM, SID, STREAM, UUID, changed, wire

from offhook import registry
from offhook.core import wire as package
from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K
from offhook.core.wire.dialect import BadMessage, Connected, Dialect, Flow, Key, Mark, Media, Start, Stop

BINARY = {"vonage", "jambonz", "asterisk"}
CALL = "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
L16 = (PCM16_16K, PCM16_16K)
MEANS: dict[str, dict[str, object]] = {
    "twilio": {
        "connected": Connected(),
        "start": Start(SID, "CA123", {"token": "t0k", "did": "+6421", "caller": "+6422"}),
        "media": Media(SID, AUDIO, 1, 5),
        "dtmf": Key(SID, "#"),
        "mark": Mark(SID, "e1:1"),
        "stop": Stop(SID),
    },
    "signalwire": {
        "connected": Connected(),
        "start": Start(SID, "CA123", {"token": "t0k", "did": "+6421", "caller": "+6422"}, *L16),
        "media": Media(SID, PCM, 1, 5),
        "dtmf": Key(SID, "#"),
        "mark": Mark(SID, "e1:1"),
        "stop": Stop(SID),
    },
    "telnyx": {
        "connected": Connected(),
        "start": Start(STREAM, CALL, {"token": "t0k", "did": "+13122123456", "caller": "+13122010094"}, ALAW_8K, MULAW_8K),
        "media": Media(STREAM, AUDIO, 2, 5),
        "dtmf": Key(STREAM, "1"),
        "mark": Mark(STREAM, "e1:1"),
        "error": None,
        "stop": Stop(STREAM),
    },
    "plivo": {
        "start": Start(UUID, "12345678-1234-1234-1234-123456789abc", {"did": "6421", "caller": "6422"}, MULAW_8K, MULAW_8K),
        "media": Media(UUID, AUDIO, 2, None),
        "dtmf": Key(UUID, "5"),
        "played": Mark(UUID, "e1:1"),
        "cleared": None,
        "stop": Stop(UUID),
    },
    "vonage": {
        "start": Start("", "63f61863-4a51-4f6b-86e1-46edebcf9356", {"token": "t0k", "did": "+6421", "retries": "3"}, *L16),
        "media": Media("", PCM + PCM, None, None),
        "dtmf": Key("", "5"),
        "notify": Mark("", "e1:1"),
        "cleared": None,
        "update": None,
    },
    "exotel": {
        "connected": Connected(),
        "start": Start(SID, "CA123", {"token": "t0k", "did": "+918047491899", "caller": "+919876543210"}, PCM16_8K, PCM16_8K),
        "media": Media(SID, PCM * 5, 2, 200),
        "dtmf": Key(SID, "5"),
        "mark": Mark(SID, "e1:1"),
        "clear": None,
        "stop": Stop(SID),
    },
    "jambonz": {
        "start": Start(
            "", "68b01f82-c1a8-4db1-a7a0-ff5a1d6c1cd9", {"token": "t0k", "did": "+6421", "caller": "15083728299"}, PCM16_8K, PCM16_8K
        ),
        "media": Media("", PCM, None, None),
        "dtmf": Key("", "2"),
        "played": Mark("", "e1:1"),
        "cleared": Mark("", "e1:2"),
    },
    "asterisk": {
        "start": Start(
            "",
            "1761234567.41",
            {"token": "t0k", "did": "+6421", "dialstatus": "", "channel_id": "1761234567.42"},
            MULAW_8K,
            MULAW_8K,
        ),
        "media": Media("", AUDIO, None, None),
        "dtmf": Key("", "7"),
        "marked": Mark("", "e1:1"),
        "buffered": None,
        "xoff": Flow("", go=False),
        "xon": Flow("", go=True),
        "drained": None,
        "status": None,
        "error": None,
    },
    "asterisk-plain": {
        "start": Start("", "", {"channel_id": "1761234567.42"}, MULAW_8K, MULAW_8K, "plain"),
        "media": Media("", AUDIO, None, None),
        "dtmf": Key("", "7"),
        "marked": Mark("", "e1:1"),
        "buffered": Mark("", "e1:2"),
        "bare": None,
        "xoff": Flow("", go=False),
        "xon": Flow("", go=True),
        "drained": None,
        "status": None,
        "error": None,
    },
}


def dialect(name: str) -> Dialect:
    made: Dialect = registry.dialect(name.partition("-")[0]).create()
    return made


def reason(name: str, message: str | bytes) -> str:
    with pytest.raises(BadMessage) as caught:
        dialect(name).parse(message)
    return caught.value.reason


def test_all_are_here() -> None:
    found = {one.name for one in pkgutil.iter_modules(package.__path__) if hasattr(registry.dialect(one.name), "create")}
    assert found == {name.partition("-")[0] for name in GOLDEN}
    assert {name: set(messages) for name, messages in GOLDEN.items()} == {name: set(messages) for name, messages in MEANS.items()}


@pytest.mark.parametrize("name", GOLDEN)
def test_every_documented_message_is_understood(name: str) -> None:
    assert {what: dialect(name).parse(wire(message)) for what, message in GOLDEN[name].items()} == MEANS[name]


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("{", "json"),
        ('{"event": NaN}', "json"),
        ('{"event": Infinity}', "json"),
        ('{"event":"media","x":' + "9" * 5000 + "}", "json"),
        ('{"a":' * 10_000, "nested"),
        (json.dumps({"event": "x" * 70_000}), "oversize"),
        ("{}", "unknown"),
        ('{"event": "unheard-of"}', "unknown"),
        ('{"event": ["media"]}', "unknown"),
        ('{"event": {"media": 1}}', "unknown"),
    ],
)
def test_what_is_no_message(name: str, message: str, expected: str) -> None:
    assert reason(name, message) == expected


@pytest.mark.parametrize("name", GOLDEN)
def test_binary_where_there_is_none_and_sound_that_is_none(name: str) -> None:
    base = name.partition("-")[0]
    assert reason(name, b"") == ("bad_payload" if base in BINARY else "binary")
    if base in BINARY:
        assert reason(name, bytes(70_000)) == "oversize"
        if base != "asterisk":
            assert reason(name, b"\x00") == "bad_payload"
    else:
        assert reason(name, b"\x00\x01") == "binary"


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "asterisk-plain"])
def test_what_is_no_object(name: str) -> None:
    expected = "unknown" if name == "asterisk" else "not_object"  # which is a line there
    assert {reason(name, text) for text in ("[]", '"media"', "null", "7")} == {expected}
    assert reason(name, "") == ("unknown" if name == "asterisk" else "json")


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "asterisk-plain"])
def test_every_key_of_a_telephone_and_no_other(name: str) -> None:
    golden = GOLDEN[name]["dtmf"]
    path = {"vonage": "digit", "asterisk": "digit", "jambonz": "dtmf"}.get(name, "dtmf.digit")
    for digit in "0123456789*#ABCD":
        event = dialect(name).parse(wire(changed(golden, path, digit)))
        assert isinstance(event, Key)
        assert event.digit == digit
    for wrong in ("", "12", "x", "٣", "\x00", 5, None, ["1"], True):
        assert reason(name, wire(changed(golden, path, wrong))) == "bad_key"
    assert reason(name, wire(changed(golden, path, ...))) == "bad_key"


NAMES: dict[str, tuple[str, str]] = {
    "twilio": ("mark", "mark.name"),
    "signalwire": ("mark", "mark.name"),
    "telnyx": ("mark", "mark.name"),
    "plivo": ("played", "name"),
    "vonage": ("notify", "payload.name"),
    "exotel": ("mark", "mark.name"),
    "jambonz": ("played", "data.name"),
    "asterisk": ("marked", "correlation_id"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_mark_is_bounded_text(name: str) -> None:
    what, path = NAMES[name]
    golden = GOLDEN[name][what]
    for wrong, expected in ((4, "missing"), ("x" * 300, "too_long"), ("\ud800", "bad_text"), ("a\x00b", "bad_text")):
        assert reason(name, wire(changed(golden, path, wrong))) == expected
    if name != "asterisk":  # which answers a command without a name without one
        assert reason(name, wire(changed(golden, path, ""))) == "missing"
        assert reason(name, wire(changed(golden, path, ...))) == "missing"


@pytest.mark.parametrize("name", ["signalwire", "telnyx", "plivo", "exotel"])
def test_the_audio_of_a_message_is_base64(name: str) -> None:
    golden = GOLDEN[name]["media"]
    nothing: list[object] = [..., "", "ab!=", "YQ", "é" * 8, 7, None, []]
    for wrong in nothing:
        assert reason(name, wire(changed(golden, "media.payload", wrong))) == "bad_payload"
    assert reason(name, wire(changed(golden, "media", ...))) == "missing"
    no_count: list[object] = [..., "-1", -1, 1.5, True, "1e3", "٣", 10**20, None]
    for wrong in no_count:
        assert reason(name, wire(changed(golden, "media.chunk", wrong))) == "bad_number"


@pytest.mark.parametrize(
    ("name", "path"),
    [("signalwire", "streamSid"), ("telnyx", "stream_id"), ("exotel", "stream_sid"), ("plivo", "streamId")],
)
def test_a_message_says_of_which_stream_it_is(name: str, path: str) -> None:
    for what in {"media", "dtmf", "mark", "played", "stop"} & set(GOLDEN[name]):
        for wrong in (..., "", 5, 'a"b', "../../x", "x" * 300, None):
            assert reason(name, wire(changed(GOLDEN[name][what], path, wrong))) == "bad_stream"


WRONG_STARTS: list[tuple[str, str, Any, str]] = [
    ("signalwire", "start.mediaFormat.sampleRate", 44100, "media_format"),
    ("signalwire", "start.mediaFormat.encoding", "audio/opus", "media_format"),
    ("signalwire", "start.mediaFormat.encoding", "audio/x-mulaw", "media_format"),
    ("signalwire", "start.mediaFormat.encoding", None, "media_format"),
    ("signalwire", "start.mediaFormat.channels", 2, "media_format"),
    ("telnyx", "start.media_format.encoding", "OPUS", "media_format"),
    ("telnyx", "start.media_format.encoding", "L16", "media_format"),
    ("telnyx", "start.media_format.encoding", ["PCMU"], "media_format"),
    ("telnyx", "start.media_format.sample_rate", 16000, "media_format"),
    ("telnyx", "start.media_format.channels", 2, "media_format"),
    ("telnyx", "start.media_format", ..., "missing"),
    ("telnyx", "start", ..., "missing"),
    ("telnyx", "start.call_control_id", "a b", "bad_stream"),
    ("telnyx", "start.custom_parameters", [1], "bad_parameters"),
    ("telnyx", "start.to", "\ud800", "bad_text"),
    ("telnyx", "start.from", "x" * 300, "too_long"),
    ("plivo", "start.mediaFormat.encoding", "audio/x-alaw", "media_format"),
    ("plivo", "start.mediaFormat.encoding", {}, "media_format"),
    ("plivo", "start.mediaFormat.sampleRate", 16000, "media_format"),
    ("plivo", "start.mediaFormat.sampleRate", "fast", "bad_number"),
    ("plivo", "start.callId", ..., "bad_stream"),
    ("plivo", "start.streamId", 7, "bad_stream"),
    ("plivo", "extra_headers", 7, "bad_parameters"),
    ("plivo", "extra_headers", ";".join(f"a{n}=b" for n in range(40)), "bad_parameters"),
    ("plivo", "extra_headers", "a=\x00", "bad_text"),
    ("plivo", "extra_headers", "a=" + "b" * 5000, "too_long"),
    ("vonage", "content-type", "audio/l16;rate=44100", "media_format"),
    ("vonage", "content-type", "audio/opus", "media_format"),
    ("vonage", "content-type", ..., "media_format"),
    ("vonage", "content-type", 16000, "media_format"),
    ("vonage", "carrier_call", "a/b", "bad_stream"),
    ("vonage", "did", "\x00", "bad_text"),
    ("vonage", "did", "x" * 5000, "too_long"),
    ("exotel", "start.media_format.sample_rate", "44100", "media_format"),
    ("exotel", "start.media_format.encoding", "audio/opus", "media_format"),
    ("exotel", "start.media_format.encoding", 7, "media_format"),
    ("exotel", "start.media_format", [], "missing"),
    ("exotel", "start.stream_sid", "MZother", "bad_stream"),
    ("exotel", "start.call_sid", ..., "bad_stream"),
    ("exotel", "start.custom_parameters", "token=1", "bad_parameters"),
    ("jambonz", "sampleRate", 64000, "media_format"),
    ("jambonz", "sampleRate", "fast", "bad_number"),
    ("jambonz", "mixType", "stereo", "media_format"),
    ("jambonz", "mixType", "mixed", "media_format"),
    ("jambonz", "callSid", "a b", "bad_stream"),
    ("jambonz", "token", "\ud800", "bad_text"),
    ("jambonz", "metadata", {"did": "x" * 5000}, "too_long"),
    ("jambonz", "from", "x" * 300, "too_long"),
    ("asterisk", "format", "opus", "media_format"),
    ("asterisk", "format", ..., "media_format"),
    ("asterisk", "format", ["ulaw"], "media_format"),
    ("asterisk", "channel_id", "a b", "bad_stream"),
    ("asterisk", "channel_variables", {"OFFHOOK_CARRIER_CALL": "a/b"}, "bad_stream"),
    ("asterisk", "channel_variables", {"OFFHOOK_TOKEN": "\x00"}, "bad_text"),
]


@pytest.mark.parametrize(("name", "path", "value", "expected"), WRONG_STARTS)
def test_a_wrong_start_is_refused_by_its_reason(name: str, path: str, value: object, expected: str) -> None:
    assert reason(name, wire(changed(GOLDEN[name]["start"], path, value))) == expected


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("asterisk-plain", ASTERISK_PLAIN["start"].replace("ulaw", "opus"), "media_format"),
        ("asterisk-plain", "MEDIA_START", "media_format"),
        ("asterisk-plain", "MEDIA_START format:ulaw", "bad_stream"),
        ("asterisk-plain", "DTMF_END", "bad_key"),
        ("asterisk-plain", "DTMF_END digit:12", "bad_key"),
        ("asterisk-plain", "media_xoff", "unknown"),
        ("asterisk-plain", "", "unknown"),
        ("asterisk-plain", "MEDIA_MARK_PROCESSED \x00", "bad_text"),
        ("asterisk-plain", "MEDIA_MARK_PROCESSED " + "x" * 300, "too_long"),
        ("asterisk-plain", "X" * 5_000, "too_long"),
        ("asterisk-plain", "X" * 70_000, "oversize"),
    ],
)
def test_a_wrong_line_is_refused_by_its_reason(name: str, message: str, expected: str) -> None:
    assert reason(name, message) == expected


def test_no_error_shows_the_peers_text() -> None:
    for name, path in (("telnyx", "start.media_format.encoding"), ("vonage", "content-type"), ("asterisk", "format")):
        with pytest.raises(BadMessage) as caught:
            dialect(name).parse(wire(changed(GOLDEN[name]["start"], path, "a secret")))
        assert "secret" not in caught.value.public


@pytest.mark.parametrize("name", ["signalwire", "telnyx", "plivo"])
def test_other_tracks_are_not_the_caller(name: str) -> None:
    assert dialect(name).parse(wire(changed(GOLDEN[name]["media"], "media.track", "outbound"))) is None
