"""How each carrier says that a call comes in, and in which words it is told what to do: a small object for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from offhook import signing
from offhook.orchestrator.carriers import signatures, twiml
from offhook.orchestrator.carriers.ncco import Vonage
from offhook.orchestrator.carriers.plivo_xml import Plivo
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
    Talk,
    count,
    first,
)


class Twilio:
    """TwiML, and forms that are signed with the auth token."""

    kind = "twilio"
    media = "application/xml"
    form = True
    asks = True
    moves = True
    stream: Mapping[str, str] = {}
    """Attributes that the stream needs besides its address."""
    signature: tuple[str, ...] = ("x-twilio-signature",)

    def heard(self, raw: Raw) -> Heard:
        """See Talk."""
        audio = first(raw, "RecordingUrl")
        return Heard(
            first(raw, "CallSid"),
            first(raw, "To"),
            first(raw, "From"),
            first(raw, "AccountSid"),
            dialled=first(raw, "DialCallStatus"),
            recording=audio.partition("?")[0].rpartition("/")[2][:64],
            seconds=count(first(raw, "RecordingDuration")),
            audio=audio[:MAX_URL],
            status=first(raw, "CallStatus"),
            by=first(raw, "AnsweredBy"),
            digits=first(raw, "Digits"),
            speech=first(raw, "SpeechResult"),
        )

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:  # noqa: ARG002
        """See Talk. The platform's own account has no SID here: its token is enough."""
        token = opened.auth_token.get_secret_value()
        if opened.account_sid and opened.account_sid != heard.account:
            return False
        given = next((raw.headers[name] for name in self.signature if name in raw.headers), "")
        return signing.verify_twilio(token, raw.url, raw.fields, given)

    def document(self, steps: Sequence[Step]) -> bytes:
        """See Talk."""
        return twiml.document(*(verb for step in steps for verb in self._verbs(step)))

    def _verbs(self, step: Step) -> list[Xml.Element]:
        match step:
            case Connect():
                return self._connect(step)
            case Dial(target, action, ring_s):
                return [twiml.dial(target, action, ring_s)]
            case Say(text, language):
                return [twiml.say(text, language)]
            case Record(action, seconds):
                return [twiml.record(action, seconds)]
            case Ask():
                return self._ask(step)
            case Meet(room, action):
                return [twiml.meet(room, action)]
            case Reject(busy):
                return [twiml.reject(busy=busy)]
            case HangUp():
                return [twiml.hang_up()]

    def _ask(self, step: Ask) -> list[Xml.Element]:
        return [twiml.gather(step.lines, step.language, step.action, step.hints)]

    def _connect(self, step: Connect) -> list[Xml.Element]:
        verb = twiml.connect(step.after, step.stream, {"token": step.token, "did": step.did, "caller": step.caller})
        for name, value in self.stream.items():
            verb[0].set(name, value)
        return [verb]


class SignalWire(Twilio):
    """Twilio's words and scheme, signed with the project's signing key; the header has had two names."""

    kind = "signalwire"
    signature = ("x-signalwire-signature", "x-twilio-signature")


class Telnyx(Twilio):
    """TeXML. The token goes in the stream's address too, since not every parameter arrives. A stream talks back only if it is asked to, and
    brings the caller's own codec unless it is asked for one that we read.
    """

    kind = "telnyx"
    stream: Mapping[str, str] = {"bidirectionalMode": "rtp", "bidirectionalCodec": "PCMU", "codec": "PCMU"}

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:
        """See Talk."""
        if heard.account and heard.account != opened.account_sid:
            return False
        stamp, given = raw.headers.get("telnyx-timestamp", ""), raw.headers.get("telnyx-signature-ed25519", "")
        return signatures.telnyx(opened.settings.get("public_key", ""), stamp, given, raw.body, now)

    def _ask(self, step: Ask) -> list[Xml.Element]:
        """Without an answer the next verb follows: it asks the same."""
        (verb,) = super()._ask(step)
        del verb.attrib["actionOnEmptyResult"]
        verb.set("speechTimeout", "2")
        return [verb, twiml.redirect(step.action)]

    def _connect(self, step: Connect) -> list[Xml.Element]:
        (verb,) = super()._connect(step)
        verb[0].set("url", f"{step.stream}/{quote(step.token, safe='')}")
        # Should the action not be asked, the next verb asks the same.
        return [verb, twiml.redirect(step.after)]


TALKS: Final[Mapping[str, Talk]] = {one.kind: one for one in (Twilio(), SignalWire(), Telnyx(), Plivo(), Vonage())}
MOVERS: Final = frozenset(kind for kind, talk in TALKS.items() if talk.moves)
"""Carriers that put callers through and place calls."""
