"""Twilio's Programmable Voice: its REST API, and what it does with a call.

A call that rings a number, is placed, or is redirected asks our webhooks for its document, signed as Twilio signs, and carries it out:
Say, Play, Gather, Dial (numbers, SIP addresses, conferences), Connect/Stream, Record, Redirect, Reject, Hangup. People whom it dials do
what ``people`` says of them. Time is not simulated: what would wait for nobody is over at once, what waits for somebody waits for the
test. What Twilio would not take is kept in ``problems``; a test checks that there are none.

Use it within ``async with carrier.running():``, which ends every call that is left.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit
from xml.etree import ElementTree as Xml

import anyio
import httpx
from anyio.abc import TaskGroup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook import signing
from offhook.testing.business.base import Refused, Simulator

T = TypeVar("T")
Does: TypeAlias = Literal["answer", "busy", "no-answer", "failed"]
Source: TypeAlias = tuple[str, dict[str, str]] | Xml.Element
"""Where a call's next document is and what is said when it is asked for; or the document."""
FINAL: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
PLACING: Final = frozenset(
    {
        "To", "From", "Url", "Method", "Twiml", "StatusCallback", "StatusCallbackEvent", "StatusCallbackMethod", "Timeout", "TimeLimit",
        "MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback", "SendDigits", "FallbackUrl", "FallbackMethod", "CallerId",
    }
)  # fmt: skip
NUMBER: Final = frozenset(
    {"VoiceUrl", "VoiceMethod", "VoiceFallbackUrl", "VoiceFallbackMethod", "VoiceApplicationSid", "TrunkSid", "FriendlyName"}
)
_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "Say": frozenset({"language", "voice", "loop"}),
    "Play": frozenset({"loop", "digits"}),
    "Pause": frozenset({"length"}),
    "Gather": frozenset(
        {
            "input", "action", "method", "timeout", "numDigits", "finishOnKey", "speechTimeout", "language", "hints", "actionOnEmptyResult",
            "speechModel", "enhanced", "bargeIn", "profanityFilter",
        }
    ),
    "Dial": frozenset(
        {"action", "method", "timeout", "callerId", "hangupOnStar", "timeLimit", "record", "answerOnBridge", "ringTone", "sequential"}
    ),
    "Number": frozenset({"url", "method", "sendDigits", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"}),
    "Sip": frozenset({"url", "method", "username", "password", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"}),
    "Conference": frozenset(
        {
            "muted", "beep", "startConferenceOnEnter", "endConferenceOnExit", "waitUrl", "waitMethod", "maxParticipants", "record",
            "statusCallback", "statusCallbackEvent", "statusCallbackMethod", "participantLabel",
        }
    ),
    "Connect": frozenset({"action", "method"}),
    "Stream": frozenset({"url", "name", "statusCallback", "statusCallbackMethod", "track"}),
    "Parameter": frozenset({"name", "value"}),
    "Record": frozenset(
        {"action", "method", "timeout", "maxLength", "finishOnKey", "playBeep", "trim", "recordingStatusCallback", "transcribe"}
    ),
    "Redirect": frozenset({"method"}),
    "Reject": frozenset({"reason"}),
    "Hangup": frozenset(),
    "Leave": frozenset(),
}  # fmt: skip


@dataclass
class Person:
    """Whoever answers a number that is dialled, or does not."""

    does: Does = "answer"
    inputs: Sequence[str | None] = ()
    """What they give to each Gather: keys, or ``speech:`` and words; None for nothing."""
    stays: bool = True
    """Whether they stay until somebody hangs up; otherwise they hang up as soon as they have been put through."""
    machine: bool = False
    rings: anyio.Event | None = None
    """They do what they do only when this is set."""


@dataclass
class Account:
    """An account and the API keys that it has."""

    sid: str
    token: str
    type: str = "Full"
    status: str = "active"
    keys: dict[str, str] = field(default_factory=dict)


@dataclass
class Number:
    """A number of an account."""

    sid: str
    account: Account
    did: str
    label: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    """``VoiceUrl`` and what else is set by REST."""

    def of(self, name: str) -> str:
        """A field; empty where it is not set."""
        return self.fields.get(name, "")


@dataclass(eq=False)
class Call:
    """One leg at Twilio."""

    sid: str
    account: Account
    to: str
    from_: str
    direction: str
    made_at: datetime
    inputs: deque[str | None] = field(default_factory=deque)
    stays: bool = True
    parent: str = ""
    status: str = "queued"
    answered_by: str = ""
    heard: list[str] = field(default_factory=list)
    """``say: words``, ``play: url``, ``keys: digits``, ``wait: url`` (of a conference), in order."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Our webhooks that were asked on behalf of this call, and with which fields."""
    conference: str = ""
    answered: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)
    """It is not in the talk any more that its parent waits for."""
    callback: str = ""
    events: Sequence[str] = ("completed",)
    scope: anyio.CancelScope | None = None
    next: Source | None = None

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.status not in FINAL


@dataclass
class Conference:
    """A room: who is in it, and whom its end throws out."""

    sid: str
    name: str
    members: list[Call] = field(default_factory=list)
    started: bool = False
    ended: anyio.Event = field(default_factory=anyio.Event)


Media: TypeAlias = Callable[[Call, str, Mapping[str, str]], Awaitable[None]]
"""Carries the media of a call to a URL with these parameters; returns when the other end has closed."""


async def _no_media(call: Call, url: str, parameters: Mapping[str, str]) -> None:
    """Media that ends at once."""


class TwilioCarrier(Simulator):
    """See above. ``web`` is a client that reaches our orchestrator, under its public address."""

    NAME: ClassVar[str] = "carrier/twilio"
    BASE: ClassVar[str] = "https://api.twilio.com"

    def __init__(self, web: httpx.AsyncClient | None = None) -> None:
        super().__init__()
        self.web = web
        self.media: Media = _no_media
        self.accounts: dict[str, Account] = {}
        self.numbers: dict[str, Number] = {}
        self.calls: dict[str, Call] = {}
        self.people: dict[str, Person] = {}
        self.conferences: dict[str, Conference] = {}
        self.problems: list[str] = []
        self._group: TaskGroup | None = None
        self._changed = anyio.Event()
        self._count = 0

    # -- what a test sets and sees ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Calls go on within this block only."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                yield
            finally:
                group.cancel_scope.cancel()
                self._group = None

    def add_account(self, sid: str, token: str, type: str = "Full", keys: Mapping[str, str] | None = None) -> Account:
        """Somebody opens an account."""
        made = self.accounts[sid] = Account(sid, token, type, keys=dict(keys or {}))
        return made

    def add_number(self, account: Account, did: str, label: str = "", **fields: str) -> Number:
        """An account buys a number; ``fields`` such as ``VoiceUrl``."""
        made = Number(self._sid("PN"), account, did, label or did, dict(fields))
        self.numbers[made.sid] = made
        return made

    def ring(self, to: str, from_: str = "+447700900123", inputs: Sequence[str | None] = ()) -> Call:
        """Somebody rings a number of an account, and stays until they are hung up on or ``hang_up``."""
        number = next(one for one in self.numbers.values() if one.did == to)
        call = self._call(number.account, to, from_, "inbound", inputs)
        call.status = "ringing"
        self._start(call, (number.of("VoiceUrl"), {}))
        return call

    def hang_up(self, call: Call) -> None:
        """The person at this leg hangs up."""
        self._end(call, "completed" if call.answered.is_set() else "canceled")

    async def until(self, found: Callable[[], T]) -> T:
        """Wait until there is something true to see; it."""
        with anyio.fail_after(60):
            while not (seen := found()):
                await self._changed.wait()
        return seen

    async def leg_to(self, to: str, nth: int = 0) -> Call:
        """The nth leg to this number, once there is one that has been answered or has ended."""

        def seen() -> Call | None:
            legs = [one for one in self.calls.values() if one.to == to and one.direction != "inbound"]
            return legs[nth] if len(legs) > nth and (legs[nth].answered.is_set() or not legs[nth].alive) else None

        found = await self.until(seen)
        assert found is not None  # noqa: S101 - until has seen it
        return found

    # -- calls -----------------------------------------------------------------------------------------------------------------

    def _sid(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:032x}"

    def _call(self, account: Account, to: str, from_: str, direction: str, inputs: Sequence[str | None] = (), parent: str = "") -> Call:
        call = Call(self._sid("CA"), account, to, from_, direction, self.clock(), deque(inputs), parent=parent)
        self.calls[call.sid] = call
        self._tell()
        return call

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _soon(self, work: Callable[..., Coroutine[Any, Any, None]], *values: object) -> None:
        if self._group is None:
            raise RuntimeError("calls go on within `async with carrier.running()` only")
        self._group.start_soon(work, *values)

    def _start(self, call: Call, source: Source) -> None:
        self._soon(self._run, call, source)

    async def _run(self, call: Call, source: Source | None) -> None:
        """Carry out documents until the call ends."""
        while source is not None and call.alive:
            with anyio.CancelScope() as call.scope:
                await self._play(call, source)
            call.scope = None
            source, call.next = call.next, None
        self._end(call, "completed")

    def _turn(self, call: Call, source: Source) -> None:
        """Another document, now."""
        if call.scope is not None:
            call.next = source
            call.scope.cancel()
        else:  # a leg that somebody has dialled has none of its own until now
            self._start(call, source)
        call.left.set()

    def _end(self, call: Call, status: str) -> None:
        if not call.alive:
            return
        call.status = status
        call.next = None
        call.over.set()
        call.left.set()
        if call.scope is not None:
            call.scope.cancel()
        for child in [one for one in self.calls.values() if one.parent == call.sid and not one.left.is_set()]:
            self._end(child, "completed" if child.answered.is_set() else "canceled")
        self._callback(call, "completed")
        self._tell()

    def _answer(self, call: Call) -> None:
        if call.alive and not call.answered.is_set():
            call.status = "in-progress"
            call.answered.set()
            self._callback(call, "answered")
            self._tell()

    def _callback(self, call: Call, event: str) -> None:
        if call.callback and event in call.events and self._group is not None:
            self._soon(self._say_to, call, call.callback, {"CallbackSource": "call-progress-events"}, self._form(call))

    def _form(self, call: Call) -> dict[str, str]:
        form = {
            "CallSid": call.sid, "AccountSid": call.account.sid, "From": call.from_, "To": call.to, "Caller": call.from_, "Called": call.to,
            "CallStatus": call.status, "Direction": call.direction, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        if call.parent:
            form["ParentCallSid"] = call.parent
        if call.answered_by:
            form["AnsweredBy"] = call.answered_by
        return form

    async def _say_to(self, call: Call, url: str, more: dict[str, str], form: dict[str, str]) -> None:
        await self._ask(call, url, more, form)

    async def _ask(self, call: Call, url: str, more: dict[str, str], form: dict[str, str] | None = None) -> httpx.Response | None:
        """One webhook, signed; None where nobody answers."""
        sent = (form or self._form(call)) | more
        call.asked.append((url, sent))
        self._tell()
        if self.web is None or not url:
            return None
        signature = signing.twilio_signature(call.account.token, url, sent)
        headers = {"X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1"}
        try:
            # The public address is the orchestrator's; a client without sockets takes it as it is.
            return await self.web.post(url, data=sent, headers=headers)
        except httpx.HTTPError:
            return None

    async def _document(self, call: Call, source: Source) -> tuple[str, list[Xml.Element]] | None:
        if isinstance(source, Xml.Element):
            return "", list(source)
        url, more = source
        for address in (url, self._fallback(call, url)):
            answer = await self._ask(call, address, more)
            if answer is None:
                continue
            if answer.status_code != 200:
                self.problems.append(f"11200: {address} answers {answer.status_code}")
                continue
            try:
                root = Xml.fromstring(answer.text)  # noqa: S314 - our own answer
            except Xml.ParseError:
                self.problems.append(f"12100: {address} answers no XML")
                continue
            if root.tag != "Response":
                self.problems.append(f"12102: {address} answers <{root.tag}>")
                continue
            return address, list(root)
        return None

    def _fallback(self, call: Call, url: str) -> str:
        """Whom a number's calls ask if its URL does not answer."""
        number = next((one for one in self.numbers.values() if one.did == call.to and call.direction == "inbound"), None)
        return number.of("VoiceFallbackUrl") if number is not None and number.of("VoiceUrl") == url else ""

    async def _play(self, call: Call, source: Source) -> None:
        """Carry out one document and those that it leads to."""
        going: Source | None = source
        while going is not None:
            found = await self._document(call, going)
            await anyio.lowlevel.checkpoint()  # who hung up meanwhile carries out nothing
            going = None
            if found is None:
                call.heard.append("say: an application error has occurred")
                self._end(call, "failed" if not call.answered.is_set() else "completed")
                return
            base, verbs = found
            for verb in verbs:
                self._check(verb)
                if verb.tag == "Reject" and not call.answered.is_set():
                    self._end(call, "busy" if verb.get("reason") == "busy" else "no-answer")
                    return
                self._answer(call)
                if verb.tag in {"Hangup", "Reject"}:
                    return
                going = await self._verb(call, verb, base)
                if going is not None:
                    break

    def _check(self, verb: Xml.Element) -> None:
        for one in verb.iter():
            known = _ATTRIBUTES.get(one.tag)
            if known is None:
                self.problems.append(f"12200: <{one.tag}> is no verb or noun")
            elif strange := set(one.attrib) - known:
                self.problems.append(f"12200: <{one.tag}> has no {', '.join(sorted(strange))}")

    async def _verb(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """Carry out a verb; the document that it leads to, None for the next verb."""
        match verb.tag:
            case "Say" | "Play" | "Pause":
                self._hear(call, verb)
                return None
            case "Gather":
                return self._gather(call, verb, base)
            case "Redirect":
                return urljoin(base, (verb.text or "").strip()), {}
            case "Dial":
                return await self._dial(call, verb, base)
            case "Connect":
                return await self._connect(call, verb, base)
            case "Record":
                call.heard.append("record")
                more = {
                    "RecordingUrl": f"{self.BASE}/2010-04-01/Recordings/{self._sid('RE')}",
                    "RecordingDuration": "5",
                    "Digits": "hangup",
                }
                return (urljoin(base, verb.get("action", "")), more) if verb.get("action") else None
        return None

    def _hear(self, call: Call, verb: Xml.Element) -> None:
        text = (verb.text or "").strip()
        if verb.tag == "Say":
            call.heard.append(f"say: {text}")
        elif verb.tag == "Play":
            call.heard.append(f"keys: {verb.get('digits')}" if verb.get("digits") else f"play: {text}")

    def _gather(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        for prompt in verb:
            self._hear(call, prompt)
        given = call.inputs.popleft() if call.inputs else None
        modes = verb.get("input", "dtmf").split()
        more: dict[str, str] = {}
        if given and given.startswith("speech:"):
            if "speech" in modes:
                more = {"SpeechResult": given.removeprefix("speech:").strip(), "Confidence": "0.9"}
        elif given and "dtmf" in modes:
            more = {"Digits": given[: int(verb.get("numDigits", "1000"))]}
        if not more and verb.get("actionOnEmptyResult") != "true":
            return None
        return urljoin(base, verb.get("action", "")) or base, more or {"Digits": ""}

    async def _connect(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        stream = verb.find("Stream")
        if stream is None:
            self.problems.append("12200: <Connect> without <Stream>")
            return None
        url = stream.get("url", "")
        if not url.startswith("wss://") or "?" in url:
            self.problems.append(f"31920: a stream to {url}")
        await self.media(call, url, {one.get("name", ""): one.get("value", "") for one in stream.findall("Parameter")})
        return (urljoin(base, verb.get("action", "")), {}) if verb.get("action") else None

    # -- dialling --------------------------------------------------------------------------------------------------------------

    async def _dial(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        action = urljoin(base, verb.get("action", "")) if verb.get("action") else ""
        room = verb.find("Conference")
        if room is not None:
            await self._confer(call, room, base)
            return (action, {"DialCallStatus": "completed"}) if action else None
        nouns = [one for one in verb if one.tag in {"Number", "Sip"}]
        if not nouns:
            plain = Xml.Element("Number")
            plain.text = verb.text
            nouns = [plain]
        caller = verb.get("callerId") or call.from_
        self._owned(call.account, caller, call)
        legs = [(self._call(call.account, (one.text or "").strip(), caller, "outbound-dial", parent=call.sid), one) for one in nouns]
        for leg, noun in legs:
            leg.callback = urljoin(base, noun.get("statusCallback", "")) if noun.get("statusCallback") else ""
            leg.events = noun.get("statusCallbackEvent", "completed").split()
        try:
            more = await self._through(legs, base)
        finally:  # whoever rings or talks still, when the caller has gone elsewhere, is hung up on
            for leg, _ in legs:
                if not leg.left.is_set():
                    self._end(leg, "completed" if leg.answered.is_set() else "canceled")
        return (action, more) if action else None

    async def _through(self, legs: Sequence[tuple[Call, Xml.Element]], base: str) -> dict[str, str]:
        """Ring these one after the other, put the caller through to the first who answers, until they part; how it went."""
        status = "failed"
        for leg, noun in legs:
            status = await self._reach(leg)
            if status == "answer" and noun.get("url"):
                await self._whisper(leg, urljoin(base, noun.get("url", "")))
                status = "answer" if leg.alive else "no-answer"
            if status == "answer":
                if not leg.stays:
                    self._end(leg, "completed")
                self._tell()
                await leg.left.wait()
                return {"DialCallStatus": "completed", "DialCallSid": leg.sid, "DialCallDuration": "5", "DialBridged": "true"}
        return {"DialCallStatus": status, "DialBridged": "false"}

    def _owned(self, account: Account, caller: str, call: Call) -> None:
        """A caller id is a number of the account, or the caller's own."""
        mine = {one.did for one in self.numbers.values() if one.account is account}
        if caller not in mine | {call.from_, call.to}:
            self.problems.append(f"13214: {caller} is no caller id of this account")

    async def _reach(self, leg: Call) -> str:
        """Ring somebody; what they do."""
        person = self.people.get(leg.to, Person("failed"))
        self._callback(leg, "initiated")
        leg.status = "ringing"
        self._callback(leg, "ringing")
        self._tell()
        if person.rings is not None:
            async with anyio.create_task_group() as group:
                group.start_soon(_first, person.rings, group.cancel_scope)
                group.start_soon(_first, leg.over, group.cancel_scope)
        if not leg.alive:
            return "canceled"
        if person.does != "answer":
            self._end(leg, person.does)
            return person.does
        leg.inputs, leg.stays = deque(person.inputs), person.stays
        self._answer(leg)
        return "answer"

    async def _whisper(self, leg: Call, url: str) -> None:
        """What the person hears before they are put through; a document that hangs up has said no."""
        going: Source | None = (url, {})
        with anyio.CancelScope() as leg.scope:
            while going is not None:
                found = await self._document(leg, going)
                going = None
                if found is None:
                    break
                base, verbs = found
                for verb in verbs:
                    self._check(verb)
                    if verb.tag == "Hangup":
                        self._end(leg, "completed")
                        break
                    going = await self._verb(leg, verb, base)
                    if going is not None:
                        break
        leg.scope = None
        if leg.next is not None:  # redirected meanwhile: it is no part of this dial any more
            going, leg.next = leg.next, None
            self._start(leg, going)

    async def _confer(self, call: Call, noun: Xml.Element, base: str) -> None:
        name = (noun.text or "").strip()
        room = self.conferences.get(name)
        if room is None or room.ended.is_set():
            room = self.conferences[name] = Conference(self._sid("CF"), name)
        if noun.get("startConferenceOnEnter", "true") == "true":
            room.started = True
        else:
            call.heard.append(f"wait: {noun.get('waitUrl', 'music')}")
        room.members.append(call)
        call.conference = name
        self._confer_event(call, room, noun, base, "participant-join", "join")
        self._tell()
        try:
            if call.stays:
                await room.ended.wait()
        finally:
            room.members.remove(call)
            call.conference = ""
            self._confer_event(call, room, noun, base, "participant-leave", "leave")
            if noun.get("endConferenceOnExit") == "true" or not room.members:
                room.ended.set()
            self._tell()

    def _confer_event(self, call: Call, room: Conference, noun: Xml.Element, base: str, event: str, short: str) -> None:
        url = noun.get("statusCallback")
        if url and short in noun.get("statusCallbackEvent", "").split() and self._group is not None:
            more = {"ConferenceSid": room.sid, "FriendlyName": room.name, "StatusCallbackEvent": event, "CallSid": call.sid}
            self._soon(self._say_to, call, urljoin(base, url), more, {"AccountSid": call.account.sid})

    # -- REST ------------------------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[BaseRoute]:
        """The paths of the API that are known here."""
        root = "/2010-04-01/Accounts/{account}"
        return [
            Route(f"{root}/Calls.json", self._place, methods=["POST"]),
            Route(f"{root}/Calls.json", self._calls, methods=["GET"]),
            Route(f"{root}/Calls/{{call}}.json", self._update, methods=["POST"]),
            Route(f"{root}/Calls/{{call}}.json", self._show, methods=["GET"]),
            Route(f"{root}/IncomingPhoneNumbers.json", self._numbers, methods=["GET"]),
            Route(f"{root}/IncomingPhoneNumbers/{{number}}.json", self._one, methods=["GET", "POST"]),
            Route(f"{root}.json", self._account, methods=["GET"]),
        ]

    def authorised(self, request: Request) -> Account:
        """The account that the request is for, by its own token or one of its keys."""
        account = self.accounts.get(request.path_params["account"])
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
        except ValueError:
            user = secret = ""
        good = account is not None and kind == "Basic" and {account.sid: account.token, **account.keys}.get(user) == secret
        if account is None or not good:
            raise _wrong(401, 20003, "Authenticate")
        return account

    async def _account(self, request: Request) -> Response:
        account = self.authorised(request)
        return JSONResponse({"sid": account.sid, "status": account.status, "type": account.type, "friendly_name": "Account"})

    async def _place(self, request: Request) -> Response:
        account = self.authorised(request)
        fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
        if strange := set(fields) - PLACING:
            self.problems.append(f"REST: no such fields: {', '.join(sorted(strange))}")
        given = {name: values[0] for name, values in fields.items()}
        to, caller = given.get("To", ""), given.get("From", "")
        if not to.startswith("sip:") and not (to.startswith("+") and to[1:].isdigit() and 8 <= len(to) <= 16):
            raise _wrong(400, 21211, "The 'To' number is not a valid phone number")
        if caller not in {one.did for one in self.numbers.values() if one.account is account}:
            raise _wrong(400, 21210, "The source phone number provided is not yet verified for your account")
        if not given.get("Url") and not given.get("Twiml"):
            raise _wrong(400, 21205, "Url is not a valid URL")
        if not 1 <= int(given.get("Timeout", "60")) <= 600:
            raise _wrong(400, 21220, "Timeout is out of range")
        call = self._call(account, to, caller, "outbound-api")
        call.callback = given.get("StatusCallback", "")
        call.events = tuple(fields.get("StatusCallbackEvent", ["completed"]))
        source: Source = Xml.fromstring(given["Twiml"]) if given.get("Twiml") else (given["Url"], {})  # noqa: S314 - ours
        answer = JSONResponse(self._json(call), 201)
        self._soon(self._ring_out, call, source, given.get("MachineDetection", ""))
        return answer

    async def _ring_out(self, call: Call, source: Source, detection: str) -> None:
        """Ring whom we were asked to ring."""
        if any(one.did == call.to for one in self.numbers.values()):
            other = self.ring(call.to, call.from_)
            call.status = "ringing"
            self._soon(self._together, call, other)
            async with anyio.create_task_group() as group:
                group.start_soon(_first, other.answered, group.cancel_scope)
                group.start_soon(_first, other.over, group.cancel_scope)
            if not other.answered.is_set():
                self._end(call, other.status)
                return
            self._answer(call)
        elif await self._reach(call) != "answer":
            return
        person = self.people.get(call.to, Person())
        if detection:
            late = "machine_end_beep" if detection == "DetectMessageEnd" else "machine_start"
            call.answered_by = late if person.machine else "human"
        await self._run(call, source)

    async def _together(self, call: Call, other: Call) -> None:
        """Two ends of one connection: when one ends, so does the other."""
        await call.over.wait()
        self._end(other, "completed" if other.answered.is_set() else "canceled")

    async def _calls(self, request: Request) -> Response:
        account = self.authorised(request)
        asked = request.query_params
        rows = [one for one in self.calls.values() if one.account is account]
        rows = [one for one in rows if asked.get("To") in {None, one.to} and asked.get("From") in {None, one.from_}]
        newest = rows[::-1][: int(asked.get("PageSize", "50"))]
        return JSONResponse({"calls": [self._json(one) for one in newest], "next_page_uri": None})

    async def _show(self, request: Request) -> Response:
        return JSONResponse(self._json(self._live(request)))

    async def _update(self, request: Request) -> Response:
        call = self._live(request)
        given = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if strange := set(given) - {"Url", "Method", "Status", "Twiml", "FallbackUrl", "StatusCallback"}:
            self.problems.append(f"REST: no such fields: {', '.join(sorted(strange))}")
        if not call.alive:
            raise _wrong(400, 21220, "Call is not in-progress. Cannot redirect.")
        if given.get("Status") in {"completed", "canceled"}:
            self._end(call, "completed" if call.answered.is_set() else "canceled")
        elif not call.answered.is_set():
            raise _wrong(400, 21220, "Call is not in-progress. Cannot redirect.")
        elif given.get("Twiml"):
            self._turn(call, Xml.fromstring(given["Twiml"]))  # noqa: S314 - ours
        elif urlsplit(given.get("Url", "")).scheme in {"http", "https"}:
            self._turn(call, (given["Url"], {}))
        else:
            raise _wrong(400, 21205, "Url is not a valid URL")
        return JSONResponse(self._json(call))

    def _live(self, request: Request) -> Call:
        account = self.authorised(request)
        call = self.calls.get(request.path_params["call"])
        if call is None or call.account is not account:
            raise _wrong(404, 20404, "The requested resource was not found")
        return call

    def _json(self, call: Call) -> dict[str, object]:
        return {
            "sid": call.sid, "account_sid": call.account.sid, "to": call.to, "from": call.from_, "status": call.status,
            "direction": call.direction, "parent_call_sid": call.parent or None, "answered_by": call.answered_by or None,
            "date_created": format_datetime(call.made_at), "start_time": None,
        }  # fmt: skip

    async def _numbers(self, request: Request) -> Response:
        account = self.authorised(request)
        rows = [one for one in self.numbers.values() if one.account is account]
        size = self.page_size or int(request.query_params.get("PageSize", "50"))
        page = int(request.query_params.get("Page", "0"))
        more = len(rows) > (page + 1) * size
        path = f"/2010-04-01/Accounts/{account.sid}/IncomingPhoneNumbers.json?PageSize={size}&Page={page + 1}"
        found = [self._number(one) for one in rows[page * size : (page + 1) * size]]
        return JSONResponse({"incoming_phone_numbers": found, "next_page_uri": path if more else None})

    async def _one(self, request: Request) -> Response:
        account = self.authorised(request)
        number = self.numbers.get(request.path_params["number"])
        if number is None or number.account is not account:
            raise _wrong(404, 20404, "The requested resource was not found")
        if request.method == "POST":
            given = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            if strange := set(given) - NUMBER:
                self.problems.append(f"REST: no such fields: {', '.join(sorted(strange))}")
            number.fields |= given
        return JSONResponse(self._number(number))

    def _number(self, one: Number) -> dict[str, object]:
        return {
            "sid": one.sid, "phone_number": one.did, "friendly_name": one.label, "voice_url": one.of("VoiceUrl"),
            "voice_method": one.of("VoiceMethod") or "POST", "voice_fallback_url": one.of("VoiceFallbackUrl"),
            "voice_application_sid": one.of("VoiceApplicationSid") or None, "trunk_sid": one.of("TrunkSid") or None,
            "capabilities": {"voice": one.of("NoVoice") != "true", "sms": True},
        }  # fmt: skip


def _wrong(status: int, code: int, message: str) -> Refused:
    return Refused(status, {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status})


async def _first(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
