"""What we say in every dialect, as each carrier's documents have it, and the facts that a dialect states."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.unit.core.wire.golden import GOLDEN, wire

from offhook import registry
from offhook.core.wire.dialect import Dialect, Outgoing, Start

AUDIO = bytes(range(256)) * 3
B64 = base64.b64encode(AUDIO).decode()
NAME = 'e1:3 "é'
SAID: dict[str, dict[str, list[Any]]] = {
    "signalwire": {
        "media": [{"event": "media", "streamSid": "S", "media": {"payload": B64}}],
        "mark": [{"event": "mark", "streamSid": "S", "mark": {"name": NAME}}],
        "clear": [{"event": "clear", "streamSid": "S"}],
        "keys": [],
    },
    "telnyx": {
        "media": [{"event": "media", "media": {"payload": B64}}],
        "mark": [{"event": "mark", "mark": {"name": NAME}}],
        "clear": [{"event": "clear"}],
        "keys": [],
    },
    "plivo": {
        "media": [{"event": "playAudio", "streamId": "S", "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": B64}}],
        "mark": [{"event": "checkpoint", "streamId": "S", "name": NAME}],
        "clear": [{"event": "clearAudio", "streamId": "S"}],
        "keys": [{"event": "sendDTMF", "streamId": "S", "dtmf": "12#"}],
    },
    "vonage": {
        "media": [AUDIO],
        "mark": [{"action": "notify", "payload": {"name": NAME}}],
        "clear": [{"action": "clear"}],
        "keys": [],
    },
    "exotel": {
        "media": [{"event": "media", "stream_sid": "S", "media": {"payload": B64}}],
        "mark": [{"event": "mark", "stream_sid": "S", "mark": {"name": NAME}}],
        "clear": [{"event": "clear", "stream_sid": "S"}],
        "keys": [],
    },
    "jambonz": {
        "media": [AUDIO],
        "mark": [{"type": "mark", "data": {"name": NAME}}],
        "clear": [{"type": "killAudio"}, {"type": "clearMarks"}],
        "keys": [],
    },
    "asterisk": {
        "media": [AUDIO],
        "mark": [{"command": "MARK_MEDIA", "correlation_id": NAME}],
        "clear": [{"command": "FLUSH_MEDIA"}],
        "keys": [],
    },
}


def dialect(name: str) -> Dialect:
    made: Dialect = registry.dialect(name).create()
    return made


def spoken(out: Outgoing) -> dict[str, list[Any]]:
    frames = {"media": (out.media(AUDIO),), "mark": out.mark(NAME), "clear": out.clear(), "keys": out.keys("12#")}
    return {what: [one if isinstance(one, bytes) else json.loads(one) for one in said] for what, said in frames.items()}


@pytest.mark.parametrize("name", SAID)
def test_what_we_say_is_what_the_protocol_has(name: str) -> None:
    assert spoken(dialect(name).speak(Start("S", "C", {}))) == SAID[name]


def test_the_start_decides_how_audio_is_named() -> None:
    plivo = dialect("plivo")
    started = plivo.parse(str(wire(GOLDEN["plivo"]["start"])).replace("audio/x-mulaw", "audio/x-l16").replace("8000", "16000"))
    assert isinstance(started, Start)
    media = json.loads(plivo.speak(started).media(b"\x01\x02"))["media"]
    assert (media["contentType"], media["sampleRate"]) == ("audio/x-l16", 16000)


def test_a_plain_asterisk_is_answered_in_lines() -> None:
    asterisk = dialect("asterisk")
    started = asterisk.parse(GOLDEN["asterisk-plain"]["start"])
    assert isinstance(started, Start)
    out = asterisk.speak(started)
    assert out.media(AUDIO) == AUDIO
    assert out.mark("e1:3") == ("START_MEDIA_BUFFERING", "STOP_MEDIA_BUFFERING e1:3")
    assert out.mark("two\nlines") == ("START_MEDIA_BUFFERING", "STOP_MEDIA_BUFFERING two lines"), "never a command of somebody else's"
    assert out.clear() == ("FLUSH_MEDIA",)
    assert out.keys("1") == ()


FACTS = "chunk_ms message_ms exact_ms least_ms can_clear mark_on_clear ordered can_send_dtmf subprotocol bearer".split()
BEARER = "authorization"


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("twilio", (20, 40, None, 0, True, True, True, False, None, None)),
        ("signalwire", (20, 40, None, 0, True, True, True, False, None, BEARER)),
        ("telnyx", (20, 40, None, 20, True, True, False, False, None, "x-telnyx-streaming-auth-token")),
        ("plivo", (20, 40, None, 0, True, False, True, True, None, None)),
        ("vonage", (20, 20, 20, 20, True, False, True, False, None, BEARER)),
        ("exotel", (100, 100, None, 100, True, True, True, False, None, None)),
        ("jambonz", (20, 40, None, 0, True, True, True, False, "audio.jambonz.org", None)),
        ("asterisk", (20, 40, None, 20, True, False, True, False, "media", None)),
    ],
)
def test_facts(name: str, facts: tuple[object, ...]) -> None:
    one = dialect(name)
    assert tuple(getattr(one, fact) for fact in FACTS) == facts
    assert one.name == name
    assert bool(one.speak(Start("S", "C", {})).keys("1")) is one.can_send_dtmf
