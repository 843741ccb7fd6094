"""TwiML of transfers. Pure."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from offhook.orchestrator.carriers import twiml
from offhook.orchestrator.transfers.brief import CHOICE


def say(text: str, language: str) -> list[Xml.Element]:
    """A line, and the end."""
    line = Xml.Element("Say", language=language)
    line.text = text
    return [line, twiml.hang_up()]


def ask(brief: str, answered: str, language: str) -> list[Xml.Element]:
    """Tell a person who rings and ask whether they take the call. A voicemail gives no answer, which is one."""
    gather = Xml.Element(
        "Gather", input="dtmf speech", numDigits="1", timeout="6", speechTimeout="auto", hints="yes, no", action=answered, method="POST",
        actionOnEmptyResult="true", language=language,
    )  # fmt: skip
    for text in (brief, CHOICE):
        Xml.SubElement(gather, "Say", language=language).text = text
    return [gather, twiml.hang_up()]


def meet(room: str, action: str = "") -> list[Xml.Element]:
    """Into the room where caller and person meet. Whoever leaves it ends it for both: no leg outlives the other."""
    verb = Xml.Element("Dial", action=action, method="POST") if action else Xml.Element("Dial")
    noun = Xml.SubElement(verb, "Conference", beep="false", startConferenceOnEnter="true", endConferenceOnExit="true")
    noun.text = room
    return [verb, twiml.hang_up()]
