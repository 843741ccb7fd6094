"""TwiML: what Twilio is told to do with a call. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as Xml


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


def redirect(url: str) -> Xml.Element:
    """Ask there how to go on."""
    verb = Xml.Element("Redirect", method="POST")
    verb.text = url
    return verb


def gather(lines: Sequence[str], language: str, action: str, hints: Sequence[str]) -> Xml.Element:
    """Say these and wait for one key or some words. A voicemail gives no answer, which is one."""
    verb = Xml.Element(
        "Gather", input="dtmf speech", numDigits="1", timeout="6", speechTimeout="auto", hints=", ".join(hints), action=action,
        method="POST", actionOnEmptyResult="true", language=language,
    )  # fmt: skip
    verb.extend(say(line, language) for line in lines)
    return verb


def meet(room: str, action: str) -> Xml.Element:
    """Into a room that ends for all when one leaves it."""
    verb = Xml.Element("Dial", action=action, method="POST") if action else Xml.Element("Dial")
    noun = Xml.SubElement(verb, "Conference", beep="false", startConferenceOnEnter="true", endConferenceOnExit="true")
    noun.text = room
    return verb
