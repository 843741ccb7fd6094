"""A carrier's switch: what every carrier does with a call, whatever it calls it.

A call that rings a number, is placed, or is redirected asks our webhooks for its document, signed as the carrier signs, and carries it out:
words, keys, dialled numbers and SIP addresses, rooms, media, messages. People whom it dials do what ``people`` says of them. Time is not
simulated: what would wait for nobody is over at once, what waits for somebody waits for the test. What the carrier would not take is kept
in ``problems``; a test checks that there are none.

Use it within ``async with carrier.running():``, which ends every call that is left. Outside, calls that are placed only live until they are
ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar
from urllib.parse import urlencode, urljoin
from xml.etree import ElementTree as Xml

import anyio
import httpx
from anyio.abc import TaskGroup

from offhook.testing.business.base import Simulator
from offhook.testing.carriers.tapes import Tape

T = TypeVar("T")
Does: TypeAlias = Literal["answer", "busy", "no-answer", "failed"]
Source: TypeAlias = tuple[str, dict[str, str]] | Xml.Element
"""Where a call's next document is and what is said when it is asked for; or the document."""
FINAL: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass
class Person:
    """Whoever answers a number that is dialled, or does not."""

    does: Does = "answer"
    inputs: Sequence[str | None] = ()
    """What they give to each Gather: keys, or ``speech:`` and words; None for nothing."""
    stays: bool = True
    """Whether they stay until somebody hangs up; otherwise they hang up as soon as they have been put through."""
    machine: bool = False
    heard: anyio.Event | None = None
    """A carrier that listens while the call goes on knows who they are only when this is set."""
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


@dataclass(eq=False)
class Call:
    """One leg at the carrier."""

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
    url: str = ""
    """Where the carrier was last told to ask for a document."""
    request: str = ""
    """What the carrier called it before it had an id."""
    keys: list[str] = field(default_factory=list)
    """Pressed on it by REST."""
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


class Exchange(Simulator):
    """See above. ``web`` is a client that reaches our orchestrator, under its public address."""

    ATTRIBUTES: ClassVar[Mapping[str, frozenset[str]]] = {}
    """What verbs and nouns there are, and what may be said of each."""

    def __init__(self, web: httpx.AsyncClient | None = None) -> None:
        super().__init__()
        self.web = web
        self.media: Media = _no_media
        self.calls: dict[str, Call] = {}
        self.people: dict[str, Person] = {}
        self.conferences: dict[str, Conference] = {}
        self.problems: list[str] = []
        self.tape = Tape()
        """What every recording is."""
        self.tapes: set[str] = set()
        """The recordings that there are."""
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

    def ring(self, to: str, from_: str = "+447700900123", inputs: Sequence[str | None] = ()) -> Call:
        """Somebody rings a number of an account, and stays until they are hung up on or ``hang_up``."""
        account, url = self.answered_by(to)
        call = self._call(account, to, from_, "inbound", inputs)
        call.status = "ringing"
        self._start(call, (url, {}))
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

    # -- what differs between carriers -----------------------------------------------------------------------------------------

    def answered_by(self, did: str) -> tuple[Account, str]:
        """Whose number this is, and where its calls ask; LookupError for a number of nobody here."""
        raise NotImplementedError

    def instead(self, call: Call, url: str) -> str:  # noqa: ARG002
        """Whom a number's calls ask if its URL does not answer."""
        return ""

    def caller_ids(self, account: Account) -> set[str]:
        """Numbers that an account may show."""
        raise NotImplementedError

    def form(self, call: Call) -> dict[str, str]:
        """What is said of a call to every webhook."""
        raise NotImplementedError

    def signed(self, call: Call, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """Headers by which a webhook is known to be the carrier's."""
        raise NotImplementedError

    def gone(self, status: str) -> dict[str, str]:
        """How it went with somebody who was dialled, as the document's next address is told."""
        return {"DialCallStatus": status, "DialBridged": "true" if status == "completed" else "false"}

    def kept(self, call: Call) -> dict[str, str]:
        """What is said of a message of five seconds that was recorded."""
        raise NotImplementedError

    async def listened(self, call: Call, source: Source, detection: str, *, machine: bool) -> Source:
        """The carrier has listened to who has answered; the document to go on with."""
        if detection:
            late = "machine_end_beep" if detection == "DetectMessageEnd" else "machine_start"
            call.answered_by = late if machine else "human"
        return source

    def verdict(self, *, machine: bool) -> str:
        """Whom the carrier takes them for, which has listened while the call went on."""
        return "machine_start" if machine else "human"

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
        elif self._group is not None:  # a leg that somebody has dialled has none of its own until now
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
            self._soon(self._say_to, call, call.callback, {"CallbackSource": "call-progress-events"}, self.form(call))

    async def _say_to(self, call: Call, url: str, more: dict[str, str], form: dict[str, str]) -> None:
        await self._ask(call, url, more, form)

    async def _ask(self, call: Call, url: str, more: dict[str, str], form: dict[str, str] | None = None) -> httpx.Response | None:
        """One webhook, signed; None where nobody answers."""
        sent = (form or self.form(call)) | more
        call.asked.append((url, sent))
        self._tell()
        if self.web is None or not url:
            return None
        headers = self.signed(call, url, sent) | {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            # The public address is the orchestrator's; a client without sockets takes it as it is.
            return await self.web.post(url, content=urlencode(sent), headers=headers)
        except httpx.HTTPError:
            return None

    async def _document(self, call: Call, source: Source) -> tuple[str, list[Xml.Element]] | None:
        if isinstance(source, Xml.Element):
            return "", list(source)
        url, more = source
        for address in (url, self.instead(call, url)):
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
                refused = verb.tag == "Reject" or (verb.tag == "Hangup" and verb.get("reason"))
                if refused and not call.answered.is_set():
                    self._end(call, "busy" if verb.get("reason") == "busy" else "no-answer")
                    return
                self._answer(call)
                if verb.tag in {"Hangup", "Reject"}:
                    return
                going = await self.verb(call, verb, base)
                if going is not None:
                    break

    def _check(self, verb: Xml.Element) -> None:
        for one in verb.iter():
            known = self.ATTRIBUTES.get(one.tag)
            if known is None:
                self.problems.append(f"12200: <{one.tag}> is no verb or noun")
            elif strange := set(one.attrib) - known:
                self.problems.append(f"12200: <{one.tag}> has no {', '.join(sorted(strange))}")

    async def verb(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """Carry out a verb; the document that it leads to, None for the next verb."""
        match verb.tag:
            case "Say" | "Play" | "Pause":
                self.hear(call, verb)
                return None
            case "Gather":
                return self.gather(call, verb, base)
            case "Redirect":
                return urljoin(base, (verb.text or "").strip()), {}
            case "Dial":
                return await self.dial(call, verb, base)
            case "Connect":
                return await self.connect(call, verb, base)
            case "Record":
                call.heard.append("record")
                return (urljoin(base, verb.get("action", "")), self.kept(call)) if verb.get("action") else None
        return None

    def hear(self, call: Call, verb: Xml.Element) -> None:
        """Words, sounds and keys."""
        text = (verb.text or "").strip()
        if verb.tag == "Say":
            call.heard.append(f"say: {text}")
        elif verb.tag == "Play":
            call.heard.append(f"keys: {verb.get('digits')}" if verb.get("digits") else f"play: {text}")

    def gather(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """Prompts, and what is given to them."""
        for prompt in verb:
            self.hear(call, prompt)
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

    async def connect(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """The media of a call, until it ends."""
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

    async def dial(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """Numbers one after the other, or a room."""
        action = urljoin(base, verb.get("action", "")) if verb.get("action") else ""
        room = verb.find("Conference")
        if room is not None:
            await self.confer(call, room, base)
            return (action, self.gone("completed")) if action else None
        nouns = [one for one in verb if one.tag in {"Number", "Sip", "User"}]
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
                return self.gone("completed")
        return self.gone(status)

    def _owned(self, account: Account, caller: str, call: Call) -> None:
        """A caller id is a number of the account, or the caller's own."""
        if caller not in self.caller_ids(account) | {call.from_, call.to}:
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
                    going = await self.verb(leg, verb, base)
                    if going is not None:
                        break
        leg.scope = None
        if leg.next is not None:  # redirected meanwhile: it is no part of this dial any more
            going, leg.next = leg.next, None
            self._start(leg, going)

    async def confer(self, call: Call, noun: Xml.Element, base: str) -> None:
        """In a room, until it ends."""
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

    def taped(self, prefix: str) -> str:
        """There is a recording more; its id."""
        made = self._sid(prefix)
        self.tapes.add(made)
        return made

    # -- placing ---------------------------------------------------------------------------------------------------------------

    def place(self, call: Call, source: Source, detection: str = "", later: str = "") -> None:
        """A call that we asked for is placed. ``later``: who has answered is told there, while the call goes on."""
        call.url = source[0] if isinstance(source, tuple) else ""
        if self._group is None:
            self._answer(call)
            return
        self._soon(self._ring_out, call, source, detection, later)

    async def _ring_out(self, call: Call, source: Source, detection: str, later: str) -> None:
        """Ring whom we were asked to ring."""
        if self._ours(call.to):
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
        if detection and later:
            self._soon(self._listen, call, person, later)
        else:
            source = await self.listened(call, source, detection, machine=person.machine)
        await self._run(call, source)

    async def _listen(self, call: Call, person: Person, url: str) -> None:
        """Find out who has answered while the call goes on, and tell."""
        if person.heard is not None:
            async with anyio.create_task_group() as group:
                group.start_soon(_first, person.heard, group.cancel_scope)
                group.start_soon(_first, call.over, group.cancel_scope)
        if call.alive:
            call.answered_by = self.verdict(machine=person.machine)
            await self._ask(call, url, {"AnsweredBy": call.answered_by, "MachineDetectionDuration": "4200"})

    async def _together(self, call: Call, other: Call) -> None:
        """Two ends of one connection: when one ends, so does the other."""
        await call.over.wait()
        self._end(other, "completed" if other.answered.is_set() else "canceled")

    def _ours(self, did: str) -> bool:
        try:
            self.answered_by(did)
        except LookupError:
            return False
        return True


async def _first(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
