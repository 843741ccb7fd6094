"""TwiML: what Twilio is told to do with a call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as Xml

APOLOGY: Final = "We are sorry, we cannot take your call right now. Please ring again in a little while. Goodbye."


def document(*verbs: Xml.Element) -> bytes:
    """The whole answer."""
    root = Xml.Element("Response")
    root.extend(verbs)
    text: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def connect(action: str, stream: str, parameters: Mapping[str, str]) -> Xml.Element:
    """Bring the call's media to ``stream`` with these parameters, and ask ``action`` when it has ended."""
    verb = Xml.Element("Connect", action=action, method="POST")
    socket = Xml.SubElement(verb, "Stream", url=stream)
    for name, value in parameters.items():
        Xml.SubElement(socket, "Parameter", name=name, value=value)
    return verb


def dial(target: str, action: str = "", ring_s: int | None = None) -> Xml.Element:
    """Send the caller to a phone number or SIP address; ``action`` is asked what follows when that has ended, or was not answered."""
    verb = Xml.Element("Dial")
    if action:
        verb.set("action", action)
        verb.set("method", "POST")
    if ring_s is not None:
        verb.set("timeout", str(ring_s))
    if target.startswith(("sip:", "sips:")):
        Xml.SubElement(verb, "Sip").text = target
    else:
        verb.text = target
    return verb


def reject(*, busy: bool = False) -> Xml.Element:
    """Refuse the call before it is answered, so that nobody pays for it."""
    return Xml.Element("Reject", reason="busy" if busy else "rejected")


def hang_up() -> Xml.Element:
    """End the call."""
    return Xml.Element("Hangup")


def say(words: str, language: str) -> Xml.Element:
    """Say something in the carrier's own voice."""
    verb = Xml.Element("Say", language=language)
    verb.text = words
    return verb


def record(action: str, seconds: int) -> Xml.Element:
    """Record a message after a tone, to a hash, five seconds of silence or the longest; without a word the next verb follows."""
    return Xml.Element("Record", action=action, method="POST", maxLength=str(seconds), timeout="5", finishOnKey="#", playBeep="true")
