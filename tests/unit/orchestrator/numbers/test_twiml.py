"""TwiML, read back by an XML parser and beside the carrier's own library."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from twilio.twiml.voice_response import Connect, Dial, VoiceResponse

from offhook.orchestrator.carriers import twiml

APOLOGY = "We are sorry."


def _same(ours: bytes, theirs: VoiceResponse) -> bool:
    return Xml.canonicalize(ours.decode()) == Xml.canonicalize(str(theirs))


def test_as_the_carriers_own_library_writes_it() -> None:
    connect = Connect(action="https://voice.example.com/after", method="POST")
    stream = connect.stream(url="wss://voice.example.com/media/twilio")
    stream.parameter(name="token", value="a&b<c>\"d'")
    whole = VoiceResponse()
    whole.append(connect)
    whole.dial("+441134960001")
    ours = twiml.connect("https://voice.example.com/after", "wss://voice.example.com/media/twilio", {"token": "a&b<c>\"d'"})
    assert _same(twiml.document(ours, twiml.dial("+441134960001")), whole)

    busy = VoiceResponse()
    busy.reject(reason="busy")
    assert _same(twiml.document(twiml.reject(busy=True)), busy)
    refused = VoiceResponse()
    refused.reject(reason="rejected")
    assert _same(twiml.document(twiml.reject()), refused)
    dial = Dial()
    dial.sip("sip:desk@example.com")
    sip = VoiceResponse()
    sip.append(dial)
    assert _same(twiml.document(twiml.dial("sip:desk@example.com")), sip)
    apology = VoiceResponse()
    apology.say(APOLOGY, language="de-DE")
    apology.hangup()
    assert _same(twiml.document(twiml.say(APOLOGY, "de-DE"), twiml.hang_up()), apology)
