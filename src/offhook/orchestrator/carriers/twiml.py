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


def dial(target: str) -> Xml.Element:
    """Send the caller to a phone number or SIP address."""
    verb = Xml.Element("Dial")
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


def fallback(target: str | None, language: str) -> list[Xml.Element]:
    """What a caller gets whose call we cannot go on with: somebody else, or an apology."""
    if target:
        return [dial(target)]
    say = Xml.Element("Say", language=language)
    say.text = APOLOGY
    return [say, hang_up()]
