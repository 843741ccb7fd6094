"""Plivo XML: in which words Plivo is told what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from offhook.orchestrator.carriers import signatures, twiml
from offhook.orchestrator.carriers.schemas import Credentials
from offhook.orchestrator.carriers.steps import (
    MAX_URL,
    Ask,
    Connect,
    Dial,
    HangUp,
    Heard,
    Meet,
    Raw,
    Record,
    Reject,
    Say,
    Step,
    count,
    first,
    plus,
)

ENDS: Final[Mapping[str, str]] = {"cancel": "canceled", "timeout": "no-answer", "rejected": "busy"}
"""Its words for how a call ended, where they are its own."""


class Plivo:
    """Plivo XML. Its stream has no action: the next element asks what follows."""

    kind = "plivo"
    media = "application/xml"
    form = True
    asks = True
    moves = True

    def heard(self, raw: Raw) -> Heard:
        """See Talk. ``Machine`` is told only where we had it listen."""
        machine, status, audio = first(raw, "Machine"), first(raw, "CallStatus"), first(raw, "RecordUrl")
        dialled = first(raw, "DialStatus")
        return Heard(
            first(raw, "CallUUID"),
            plus(first(raw, "To")),
            plus(first(raw, "From")),
            "",
            dialled=ENDS.get(dialled, dialled),
            recording=first(raw, "RecordingID")[:64],
            seconds=count(first(raw, "RecordingDuration")),
            audio=audio[:MAX_URL],
            status=ENDS.get(status, status),
            by={"true": "machine", "false": "human"}.get(machine.lower(), ""),
            request=first(raw, "RequestUUID") or first(raw, "ALegRequestUUID"),
            digits=first(raw, "Digits"),
            speech=first(raw, "Speech"),
        )

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:  # noqa: ARG002
        """See Talk. A subaccount's webhooks carry its own signature and its parent's."""
        token, nonce = opened.auth_token.get_secret_value(), raw.headers.get("x-plivo-signature-v3-nonce", "")
        given = ",".join(raw.headers[name] for name in ("x-plivo-signature-v3", "x-plivo-signature-ma-v3") if name in raw.headers)
        return signatures.plivo(token, raw.url, raw.fields, nonce, given)

    def document(self, steps: Sequence[Step]) -> bytes:
        """See Talk."""
        verbs: list[Xml.Element] = []
        for step in steps:
            verbs += self._verbs(step)
            if isinstance(step, Connect):
                break  # what follows is said when the redirect asks
        return twiml.document(*verbs)

    def _verbs(self, step: Step) -> list[Xml.Element]:
        match step:
            case Connect():
                wanted = {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"}
                stream = Xml.Element("Stream", wanted)
                stream.text = f"{step.stream}/{quote(step.token, safe='')}"
                return [stream, twiml.redirect(step.after)]
            case Dial():
                return [_dial(step)]
            case Say(text, language):
                return [_speak(text, language)]
            case Record(action, seconds):
                return [
                    Xml.Element(
                        "Record", action=action, method="POST", maxLength=str(seconds), timeout="5", finishOnKey="#", playBeep="true",
                        fileFormat="wav",
                    )
                ]  # fmt: skip
            case Ask():
                return [_ask(step), twiml.redirect(step.action)]
            case Meet(room, action):
                there = Xml.Element("Conference", startConferenceOnEnter="true", endConferenceOnExit="true")
                if action:
                    there.set("action", action)
                    there.set("method", "POST")
                there.text = room
                return [there]
            case Reject(busy):
                return [Xml.Element("Hangup", reason="busy" if busy else "rejected")]
            case HangUp():
                return [Xml.Element("Hangup")]


def _speak(text: str, language: str) -> Xml.Element:
    verb = Xml.Element("Speak", language=language)
    verb.text = text
    return verb


def _dial(step: Dial) -> Xml.Element:
    verb = Xml.Element("Dial")
    if step.action:
        verb.set("action", step.action)
        verb.set("method", "POST")
    if step.ring_s is not None:
        verb.set("timeout", str(step.ring_s))
    sip = step.target.startswith(("sip:", "sips:"))
    Xml.SubElement(verb, "User" if sip else "Number").text = step.target
    return verb


def _ask(step: Ask) -> Xml.Element:
    """Without an answer the next element follows: it asks the same."""
    verb = Xml.Element(
        "GetInput", inputType="dtmf speech", numDigits="1", executionTimeout="6", speechEndTimeout="2", hints=",".join(step.hints),
        action=step.action, method="POST", redirect="true", language=step.language,
    )  # fmt: skip
    verb.extend(_speak(line, step.language) for line in step.lines)
    return verb
