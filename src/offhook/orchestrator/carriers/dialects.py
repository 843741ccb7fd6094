"""How each carrier says that a call comes in, and in which words it is told what to do: a small object for each. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from offhook import signing
from offhook.errors import Invalid
from offhook.orchestrator.carriers import signatures, twiml
from offhook.orchestrator.carriers.schemas import Credentials

MAX_TEXT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Raw:
    """A request as it came; ``fields`` of a form, ``object`` of JSON."""

    url: str
    """Under our public address: what the carrier believes that it asked."""
    headers: Mapping[str, str]
    body: bytes
    fields: Mapping[str, Sequence[str]]
    object: Mapping[str, Any]
    source: str = ""
    """The peer's address."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook says. ``account`` is whose it says it is; nothing of it is true before its signature is."""

    carrier_call: str
    to: str
    caller: str
    account: str
    over: bool = False
    """It only tells that the call has ended: there is nothing to answer."""
    dialled: str = ""
    """How it went with somebody who was dialled."""
    recording: str = ""
    """The carrier's name of a message that was recorded, which is so many seconds long."""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Connect:
    """Bring the media to the engine, and ask ``after`` when it has ended."""

    stream: str
    after: str
    token: str
    did: str
    caller: str
    carrier_call: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Send the caller to a phone number or SIP address. ``action`` is asked what follows, when that has ended or nobody has answered."""

    target: str
    action: str = ""
    ring_s: int | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """Words in the carrier's own voice."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Record:
    """Record a message after a tone, and ask ``action`` what follows; without a word the next step does."""

    action: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call before it is answered, so that nobody pays for it."""

    busy: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step: TypeAlias = Connect | Dial | Say | Record | Reject | HangUp


class Talk(Protocol):
    """A carrier's way to talk. One file's worth for each would be more lines than words."""

    kind: str
    media: str
    """Content type of the document."""
    form: bool
    """Whether webhooks are forms, or JSON."""
    asks: bool
    """Whether it can be told to ask what follows a Dial or a Record."""

    def heard(self, raw: Raw) -> Heard:
        """What a webhook says."""
        ...

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:
        """Whether this account's carrier has signed it."""
        ...

    def document(self, steps: Sequence[Step]) -> bytes:
        """What the carrier is to do, one after the other."""
        ...


def _first(raw: Raw, name: str) -> str:
    values = raw.fields.get(name)
    return values[0] if values else ""


def _plus(number: str) -> str:
    """E.164 without its plus sign, as some carriers write it, with it."""
    return f"+{number}" if number.isascii() and number.isdigit() and len(number) >= 8 else number


class Twilio:
    """TwiML, and forms that are signed with the auth token."""

    kind = "twilio"
    media = "application/xml"
    form = True
    asks = True
    stream: Mapping[str, str] = {}
    """Attributes that the stream needs besides its address."""
    signature: tuple[str, ...] = ("x-twilio-signature",)

    def heard(self, raw: Raw) -> Heard:
        """See Talk."""
        seconds = _first(raw, "RecordingDuration")
        return Heard(
            _first(raw, "CallSid"),
            _first(raw, "To"),
            _first(raw, "From"),
            _first(raw, "AccountSid"),
            dialled=_first(raw, "DialCallStatus"),
            recording=_first(raw, "RecordingUrl").rpartition("/")[2][:64],
            seconds=int(seconds) if seconds.isascii() and seconds.isdigit() else 0,
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
            case Reject(busy):
                return [twiml.reject(busy=busy)]
            case HangUp():
                return [twiml.hang_up()]

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

    def _connect(self, step: Connect) -> list[Xml.Element]:
        (verb,) = super()._connect(step)
        verb[0].set("url", f"{step.stream}/{quote(step.token, safe='')}")
        # Should the action not be asked, the next verb asks the same.
        again = Xml.Element("Redirect", method="POST")
        again.text = step.after
        return [verb, again]


class Plivo:
    """Plivo XML. Its stream has no action: the next element asks what follows."""

    kind = "plivo"
    media = "application/xml"
    form = True
    asks = False

    def heard(self, raw: Raw) -> Heard:
        """See Talk."""
        return Heard(_first(raw, "CallUUID"), _plus(_first(raw, "To")), _plus(_first(raw, "From")), "")

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
                then = Xml.Element("Redirect", method="POST")
                then.text = step.after
                return [stream, then]
            case Dial(target):
                dial = Xml.Element("Dial")
                Xml.SubElement(dial, "User" if target.startswith(("sip:", "sips:")) else "Number").text = target
                return [dial]
            case Say(text, language):
                speak = Xml.Element("Speak", language=language)
                speak.text = text
                return [speak]
            case Reject(busy):
                return [Xml.Element("Hangup", reason="busy" if busy else "rejected")]
            case HangUp() | Record():
                return [Xml.Element("Hangup")]


class Vonage:
    """NCCO: JSON both ways. A call ends where its NCCO does; ``notify`` asks what follows the media."""

    kind = "vonage"
    media = "application/json"
    form = False
    asks = False

    def heard(self, raw: Raw) -> Heard:
        """See Talk. What a ``notify`` brings back is what we gave it."""
        told = raw.object.get("payload")
        found: Mapping[str, Any] = told if isinstance(told, dict) else raw.object
        over = not isinstance(told, dict) and "status" in raw.object
        return Heard(_text(found, "uuid"), _plus(_text(found, "to")), _plus(_text(found, "from")), "", over)

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:  # noqa: ARG002
        """See Talk."""
        bearer = raw.headers.get("authorization", "")
        return signatures.vonage(opened.auth_token.get_secret_value(), opened.account_sid, bearer, raw.body, now)

    def document(self, steps: Sequence[Step]) -> bytes:
        """See Talk."""
        actions: list[dict[str, Any]] = []
        for step in steps:
            actions += self._actions(step)
            if isinstance(step, Connect):
                break  # what follows is said when the notification asks
        return json.dumps(actions, separators=(",", ":")).encode()

    def _actions(self, step: Step) -> list[dict[str, Any]]:
        match step:
            case Connect():
                told = {"token": step.token, "did": step.did, "caller": step.caller, "carrier_call": step.carrier_call}
                socket = {"type": "websocket", "uri": step.stream, "content-type": "audio/l16;rate=16000", "headers": told}
                asked = {"uuid": step.carrier_call, "to": step.did, "from": step.caller}
                return [
                    {"action": "connect", "endpoint": [socket]},
                    {"action": "notify", "payload": asked, "eventUrl": [step.after], "eventMethod": "POST"},
                ]
            case Dial(target):
                sip = target.startswith(("sip:", "sips:"))
                to = {"type": "sip", "uri": target} if sip else {"type": "phone", "number": target.removeprefix("+")}
                return [{"action": "connect", "endpoint": [to]}]
            case Say(text, language):
                return [{"action": "talk", "text": text, "language": language}]
            case Reject() | HangUp() | Record():
                return []


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise Invalid(f"{name} is no text")
    return value


TALKS: Final[Mapping[str, Talk]] = {one.kind: one for one in (Twilio(), SignalWire(), Telnyx(), Plivo(), Vonage())}
