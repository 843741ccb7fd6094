"""The documents of each carrier, read back, and what its webhooks say."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from offhook.errors import Invalid
from offhook.orchestrator.carriers.dialects import TALKS
from offhook.orchestrator.carriers.steps import Ask, Connect, Dial, HangUp, Heard, Meet, Raw, Record, Reject, Say

CONNECT = Connect("wss://v.example.com/media/x", "https://v.example.com/after", "tok en/+", "+442079460000", "+447700900123", "call-1")


def _xml(kind: str, *steps: object) -> Xml.Element:
    return Xml.fromstring(TALKS[kind].document(steps))  # type: ignore[arg-type]  # noqa: S314 - our own


def _json(*steps: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(TALKS["vonage"].document(steps))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("kind", ["twilio", "signalwire", "telnyx"])
def test_twilio_and_those_who_speak_like_it(kind: str) -> None:
    root = _xml(kind, CONNECT, Dial("+441134960001"))
    connect, *rest = root
    (stream,) = connect
    assert (connect.tag, connect.get("action")) == ("Connect", CONNECT.after)
    assert {one.get("name"): one.get("value") for one in stream} == {"token": "tok en/+", "did": CONNECT.did, "caller": CONNECT.caller}
    if kind == "telnyx":
        assert stream.get("url") == f"{CONNECT.stream}/tok%20en%2F%2B"
        assert (stream.get("bidirectionalMode"), stream.get("bidirectionalCodec")) == ("rtp", "PCMU")
        assert [one.tag for one in rest] == ["Redirect", "Dial"]
    else:
        assert stream.get("url") == CONNECT.stream
        assert [one.tag for one in rest] == ["Dial"]
    assert _xml(kind, Reject(busy=True))[0].attrib == {"reason": "busy"}
    assert [one.tag for one in _xml(kind, Say("a < b", "en-GB"), HangUp())] == ["Say", "Hangup"]
    assert _xml(kind, Dial("sip:desk@example.com"))[0][0].tag == "Sip"


def test_plivo() -> None:
    stream, redirect = _xml("plivo", CONNECT, Dial("+441134960001"))
    assert stream.attrib == {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"}
    assert stream.text == f"{CONNECT.stream}/tok%20en%2F%2B"
    assert (redirect.tag, redirect.text) == ("Redirect", CONNECT.after)
    assert [(one.tag, one.text) for one in _xml("plivo", Dial("+441134960001"))[0]] == [("Number", "+441134960001")]
    assert [(one.tag, one.text) for one in _xml("plivo", Dial("sip:desk@example.com"))[0]] == [("User", "sip:desk@example.com")]
    assert _xml("plivo", Reject())[0].attrib == {"reason": "rejected"}
    speak, hangup = _xml("plivo", Say("Sorry.", "en-GB"), HangUp())
    assert (speak.tag, speak.text, speak.get("language"), hangup.tag) == ("Speak", "Sorry.", "en-GB", "Hangup")


def test_vonage() -> None:
    connect, notify = _json(CONNECT, Dial("+441134960001"))
    assert connect["action"] == "connect"
    (socket,) = connect["endpoint"]
    assert (socket["type"], socket["uri"], socket["content-type"]) == ("websocket", CONNECT.stream, "audio/l16;rate=16000")
    assert socket["headers"] == {"token": "tok en/+", "did": CONNECT.did, "caller": CONNECT.caller, "carrier_call": "call-1"}
    assert (notify["action"], notify["eventUrl"]) == ("notify", [CONNECT.after])
    raw = Raw("", {}, b"", {}, {"payload": notify["payload"], "conversation_uuid": "x"})
    assert TALKS["vonage"].heard(raw) == Heard("call-1", CONNECT.did, CONNECT.caller, "")  # what it brings back is the call
    assert _json(Dial("+441134960001")) == [{"action": "connect", "endpoint": [{"type": "phone", "number": "441134960001"}]}]
    assert _json(Dial("sip:desk@example.com"))[0]["endpoint"] == [{"type": "sip", "uri": "sip:desk@example.com"}]
    assert _json(Reject(busy=True)) == _json(HangUp()) == []
    assert _json(Say("Sorry.", "en-GB"))[0]["action"] == "talk"


def test_what_webhooks_say() -> None:
    form = {"CallUUID": ["c"], "To": ["442079460000"], "From": ["anonymous"]}
    assert TALKS["plivo"].heard(Raw("", {}, b"", form, {})) == Heard("c", "+442079460000", "anonymous", "")
    said = {"uuid": "u", "to": "442079460000", "from": "447700900123", "status": "ringing"}
    assert TALKS["vonage"].heard(Raw("", {}, b"", {}, said)) == Heard("u", "+442079460000", "+447700900123", "", over=True)
    with pytest.raises(Invalid):
        TALKS["vonage"].heard(Raw("", {}, b"", {}, {"uuid": 7}))
    assert TALKS["telnyx"].heard(Raw("", {}, b"", {}, {})) == Heard("", "", "", "")


ASK = Ask(("A call from Ann.", "Press 1."), "de-DE", "https://v.example.com/answered", ("ja", "nein"))


@pytest.mark.parametrize("kind", ["twilio", "signalwire", "telnyx", "plivo"])
def test_a_person_is_asked_in_their_language_and_no_answer_is_asked_about_too(kind: str) -> None:
    root = _xml(kind, ASK, HangUp())
    first, *rest = list(root)
    assert [one.text for one in first] == list(ASK.lines)
    assert {one.get("language") for one in first} == {"de-DE"} == {first.get("language")}
    assert (first.get("action"), first.get("numDigits")) == (ASK.action, "1")
    if kind in {"twilio", "signalwire"}:
        assert (first.get("actionOnEmptyResult"), [one.tag for one in rest]) == ("true", ["Hangup"])
    else:  # nothing said, nothing keyed: the next verb asks the same
        assert [(one.tag, one.text) for one in rest] == [("Redirect", ASK.action), ("Hangup", None)]


@pytest.mark.parametrize("kind", ["twilio", "signalwire", "telnyx", "plivo"])
def test_a_room_ends_for_all_when_one_leaves_it(kind: str) -> None:
    (verb,) = _xml(kind, Meet("trf_1", "https://v.example.com/parted"))
    room = verb if kind == "plivo" else verb[0]
    assert (room.tag, room.text, room.get("endConferenceOnExit")) == ("Conference", "trf_1", "true")
    assert verb.get("action") == "https://v.example.com/parted"
    (without,) = _xml(kind, Meet("trf_1"))
    assert without.get("action") is None


def test_plivo_asks_what_follows_and_takes_messages() -> None:
    (record,) = _xml("plivo", Record("https://v.example.com/message", 120))
    assert (record.tag, record.get("maxLength"), record.get("action")) == ("Record", "120", "https://v.example.com/message")
    (dial,) = _xml("plivo", Dial("+441134960001", "https://v.example.com/dialled", 20))
    assert (dial.get("action"), dial.get("timeout"), dial[0].text) == ("https://v.example.com/dialled", "20", "+441134960001")


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("twilio", {"CallSid": "C", "CallStatus": "busy", "AnsweredBy": "machine_start"}, ("busy", "machine_start", "", "", "", True)),
        ("telnyx", {"CallSid": "v3:1", "CallStatus": "in-progress", "AnsweredBy": "fax"}, ("in-progress", "fax", "", "", "", True)),
        ("telnyx", {"CallSid": "v3:1", "SpeechResult": "yes", "Digits": ""}, ("", "", "", "", "yes", False)),
        ("plivo", {"CallUUID": "u", "CallStatus": "timeout", "RequestUUID": "r"}, ("no-answer", "", "r", "", "", False)),
        ("plivo", {"CallUUID": "u", "CallStatus": "cancel", "ALegRequestUUID": "r"}, ("canceled", "", "r", "", "", False)),
        ("plivo", {"CallUUID": "u", "CallStatus": "in-progress", "Machine": "True"}, ("in-progress", "machine", "", "", "", True)),
        ("plivo", {"CallUUID": "u", "Machine": "false", "Digits": "1", "Speech": "one"}, ("", "human", "", "1", "one", False)),
    ],
)  # fmt: skip
def test_what_a_carrier_says_of_a_call_is_said_in_the_same_words(kind: str, fields: dict[str, str], expected: tuple[object, ...]) -> None:
    heard = TALKS[kind].heard(Raw("https://v.example.com/x", {}, b"", {name: [value] for name, value in fields.items()}, {}))
    assert (heard.status, heard.by, heard.request, heard.digits, heard.speech, heard.machine) == expected
