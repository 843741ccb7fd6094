"""The gate before the SIP stack: the one socket that the world reaches, and what it lets through.

::

    world  <->  gate (OFFHOOK_ENGINE_SIP_LISTEN)  <->  stack (loopback)

It reads every message strictly, so the stack gets none that is not one; drops what is no trunk's without a word; answers OPTIONS; refuses
before anything rings what it may not let through, with the status that sends an SBC elsewhere; and translates addresses, so that the stack
needs to know only the gate. It keeps no transactions: branches are derived from what came, as a stateless proxy's are (RFC 3261 16.11), and
repetitions are the ends' business. Media does not pass through here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any, Final

from offhook.core.wire import sdp
from offhook.core.wire.dialect import BadMessage
from offhook.core.wire.sip import Message, answer, parameter, parse, split, uri, via
from offhook.engine.sip_trunks import Directory, Known, Rates, caller, did, networks, rung, scanner

log = logging.getLogger("offhook.sip")
Address = tuple[str, int]
BUFFER: Final = 4 * 1024 * 1024
"""Bytes that may wait for us, as far as the kernel allows: a flood is dropped by us and not calls by the kernel."""
MAGIC: Final = "z9hG4bK"
PORT: Final = 5060
KEY: Final = "X-Offhook-Dial"
"""Header by which the stack says which placed call an INVITE is; it goes no further."""
REMEMBERED_S: Final = 64.0
"""A call that is over is known for so long: 64 * T1 of late messages, and a margin."""
WITHIN: Final = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "INFO", "PRACK", "NOTIFY", "OPTIONS"})
"""What the other side may send within a call. REFER is not among them: nobody has us dial for them."""
ALLOW: Final = ", ".join(sorted(WITHIN))
PHRASES: Final[Mapping[int, str]] = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    481: "Call/Transaction Does Not Exist",
    483: "Too Many Hops",
    486: "Busy Here",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}


@dataclass(slots=True)
class Dialog:
    """A call as the gate knows it, by its Call-ID."""

    known: Known
    peer: Address
    """Where its last message came from, or the first one goes."""
    did: str = ""
    caller: str = ""
    codec: str = ""
    media: str = ""
    """Where the other side's media comes from, as it said."""
    port: int = 0
    """Where the stack takes it."""
    answered: bool = False
    refuse: int = 0
    """The status by which it is refused, in place of the stack's."""
    outgoing: bool = False
    renews: bool = False
    """It has offered a hold, so we have asked for one, and will for its end. What it offers of itself, after an answer, goes no further."""
    absorbed: set[int] = field(default_factory=set)
    """Its own offers that went no further, by CSeq."""
    over: float | None = None


class Gate:
    """``accepting``: None, or the status by which new calls are refused just now."""

    def __init__(
        self,
        now: Callable[[], float],
        accepting: Callable[[], int | None],
        public: Address,
        stack: Address,
        resolved: Callable[[str], str] = lambda host: host,
        rates: Rates | None = None,
    ) -> None:
        self.directory = Directory()
        self.dialogs: dict[str, Dialog] = {}
        self.counters: Counter[str] = Counter()
        """Every datagram is counted once as ``in.``, ``dropped.``, ``refused.`` or ``bad.``; what the stack sends as ``out.``."""
        self.refusals: Counter[str] = Counter()
        """Calls of each trunk that were not taken."""
        self.placing: dict[str, Dialog] = {}
        """Calls that the stack is about to place, by ``KEY``."""
        self.inside: Address = ("127.0.0.1", 0)
        self._now = now
        self._accepting = accepting
        self._public = public
        self._stack = stack
        self._resolved = resolved
        """An address for a host's name; empty where there is none (yet)."""
        self._rates = rates or Rates(now)
        self._secret = secrets.token_bytes(16)
        self._swept = now()
        self.lock: Callable[[int, Sequence[IPv4Network]], bool] = lambda _port, _networks: True
        """Keeps everybody else's media from a port."""
        self.to_world: Callable[[bytes, Address], None] = lambda _data, _to: None
        self.to_stack: Callable[[bytes], None] = lambda _data: None

    # -- from the world -------------------------------------------------------------------------------------------

    def from_world(self, data: bytes, source: Address) -> None:
        """One datagram of anybody's."""
        if len(data.strip(b"\r\n\x00 ")) == 0:
            self.counters["in.keepalive"] += 1
            return
        trunks = self.directory.of(source[0])
        if not trunks:
            self.counters["dropped.source"] += 1  # not even read: a flood costs a look at its address
            return
        try:
            message = parse(data)
        except BadMessage as error:
            self.counters[f"bad.{error.reason}"] += 1
            return
        if message.status:
            self._response_in(message, source)
        else:
            self._request_in(message, source, trunks)

    def _response_in(self, message: Message, source: Address) -> None:
        hops = split(message.all("via"))
        below = via(hops[1]) if len(hops) > 1 else None
        ours = via(hops[0])
        if ours is None or below is None or ours.parameter("branch") != self._branch("out", hops[1]):
            self.counters["dropped.response"] += 1
            return
        dialog = self.dialogs.get(message.call_id)
        message.put("Via", hops[1:])
        if dialog is not None:
            self._settle(message, dialog, source)
            if dialog.outgoing and message.cseq[1] == "INVITE" and message.status < 300 and parameter(message.get("to"), "tag"):
                # The stack's first hop stands last: within the call it sends by us too.
                message.put("Record-Route", [*message.all("record-route"), self._route])
        self.counters["in.challenge" if message.status in {401, 407} else "in.response"] += 1
        self.to_stack(message.render())

    def _request_in(self, message: Message, source: Address, trunks: Sequence[Known]) -> None:
        dialog = self.dialogs.get(message.call_id)
        if dialog is not None and not dialog.known.has(source[0]):
            self.counters["dropped.not_its_call"] += 1
            return
        status = self._refusal(message, dialog)
        if status is None and dialog is None:
            dialog, status = self._begin(message, source, trunks)
        if status is not None:
            if status and message.method != "ACK":
                self._answer(message, source, status)
            return
        if dialog is None:
            return
        self._settle(message, dialog, source)
        self._pass_in(message, source, dialog)

    def _refusal(self, message: Message, dialog: Dialog | None) -> int | None:
        """Why a request goes no further: a status, 0 for silence; None where it may."""
        method = message.method
        if scanner(message):
            self.counters["dropped.scanner"] += 1
            return 0
        if int(message.get("max-forwards") or 70) == 0:
            self.counters["refused.hops"] += 1
            return 483
        if dialog is not None:
            if method in WITHIN:
                return None
            self.counters[f"refused.{method.lower() if method in {'REFER', 'MESSAGE', 'SUBSCRIBE'} else 'method'}"] += 1
            return 603 if method == "REFER" else 405
        if method == "OPTIONS" and not message.in_dialog:
            self.counters["in.options"] += 1
            return 200 if self._accepting() is None else 503
        if method == "INVITE" and not message.in_dialog:
            return None
        self.counters["refused.no_call" if method in WITHIN else "refused.method"] += 1
        return 481 if method in WITHIN else 405

    def _begin(self, message: Message, source: Address, trunks: Sequence[Known]) -> tuple[Dialog | None, int | None]:
        """A new call, or the status by which it is none."""
        if not self._rates.allows(source[0]):
            self.counters["refused.rate"] += 1
            return None, 503
        found = _whose(message, trunks)
        if found is None:
            self.counters["refused.number"] += 1
            self.refusals.update(one.trunk.id for one in trunks[:1] if len(trunks) == 1)
            return None, 404
        known, number = found
        busy = self._accepting()
        if busy is not None:
            self.counters["refused.full"] += 1
            self.refusals[known.trunk.id] += 1
            return None, busy
        if sum(1 for one in self.dialogs.values() if one.known.trunk.id == known.trunk.id and one.over is None) >= known.trunk.calls:
            self.counters["refused.trunk_full"] += 1
            self.refusals[known.trunk.id] += 1
            return None, 486
        self._sweep()
        dialog = Dialog(known, source, did=number, caller=caller(message))
        self._narrow(message, dialog)
        if not dialog.codec:
            self.counters["refused.codec"] += 1
            self.refusals[known.trunk.id] += 1
            return None, 488
        self.dialogs[message.call_id] = dialog
        return dialog, None

    def _narrow(self, message: Message, dialog: Dialog) -> None:
        """Leave one codec of an offer: the stack answers with it, and has nothing else to offer later."""
        codecs = (dialog.codec,) if dialog.codec else dialog.known.trunk.codecs
        body = sdp.narrowed(message.body, codecs)
        said = sdp.read(body) if body else None
        if said is not None:
            message.body = sdp.grounded(body, self._stack[0])  # the stack is on loopback, and takes no call to anywhere else
            dialog.codec, dialog.media = said.codec, said.host

    def _settle(self, message: Message, dialog: Dialog, source: Address) -> None:
        """What every message of a call from outside has in common."""
        dialog.peer = source
        invite = message.cseq[1] == "INVITE"
        if dialog.outgoing and invite and 200 <= message.status < 300:
            dialog.answered = True
        failed = dialog.outgoing and invite and not dialog.answered and message.status >= 300 and message.status not in {401, 407}
        if message.method == "BYE" or (message.method == "CANCEL" and not dialog.outgoing) or failed:
            dialog.over = dialog.over or self._now()
        if message.body and message.method in {"INVITE", "UPDATE"} and dialog.codec:
            self._narrow(message, dialog)
            self._lock(dialog)
        elif message.body and message.status:
            self._media(message, dialog)

    def _media(self, message: Message, dialog: Dialog) -> None:
        """Where a placed call's media will come from."""
        said = sdp.read(message.body)
        if said is not None:
            dialog.media = said.host
            self._lock(dialog)

    def _lock(self, dialog: Dialog) -> None:
        """Media is the trunk's, or comes from where it said."""
        if dialog.port:
            said = networks((dialog.media,)) if dialog.media else ()
            ours = [one for one in (*said, *dialog.known.networks) if isinstance(one, IPv4Network)]
            self.counters["media.locked" if self.lock(dialog.port, ours) else "media.open"] += 1

    def _opened(self, message: Message, dialog: Dialog) -> None:
        """What the stack says of its own media."""
        said = sdp.read(message.body) if message.body else None
        if said is not None and said.port != dialog.port:
            dialog.port = said.port
            if dialog.media:
                self._lock(dialog)

    def _pass_in(self, message: Message, source: Address, dialog: Dialog) -> None:
        hops = split(message.all("via"))
        top = via(hops[0])
        if top is None:
            self.counters["bad.via"] += 1
            return
        hops[0] = _marked(hops[0], source)
        mine = f"SIP/2.0/UDP {self.inside[0]}:{self.inside[1]};branch={self._branch('in', hops[0], message)};rport"
        message.put("Via", [mine, *hops])
        message.drop("route")
        message.put("Max-Forwards", [str(int(message.get("max-forwards") or 70) - 1)])
        if message.method == "INVITE" and not message.in_dialog:
            message.put("Record-Route", [self._route, *message.all("record-route")])
        message.uri = f"sip:{'offhook' if not dialog.outgoing else _user(message.uri)}@{self._stack[0]}:{self._stack[1]}"
        self.counters[f"in.{message.method.lower()}"] += 1
        self.to_stack(message.render())

    # -- from the stack -------------------------------------------------------------------------------------------

    def from_stack(self, data: bytes) -> None:
        """One datagram of the stack's."""
        try:
            message = parse(data)
        except BadMessage as error:
            if data.strip(b"\r\n\x00 "):
                self.counters[f"bad.stack_{error.reason}"] += 1
            return
        if message.status:
            self._response_out(message)
        else:
            self._request_out(message)

    def _response_out(self, message: Message) -> None:
        hops = split(message.all("via"))
        below = via(hops[1]) if len(hops) > 1 else None
        if below is None:
            self.counters["dropped.stack_response"] += 1
            return
        message.put("Via", hops[1:])
        message.put("Record-Route", [one for one in message.all("record-route") if one != self._route])
        dialog = self.dialogs.get(message.call_id)
        if dialog is not None and message.cseq[1] == "INVITE" and not dialog.outgoing and not dialog.answered:
            self._first_answer(message, dialog)
        if dialog is not None:
            self._opened(message, dialog)
        self._outward(message)
        self.counters["out.response"] += 1
        received, port = below.parameter("received"), below.parameter("rport")
        self.to_world(message.render(), (received or below.host, int(port) if port.isdigit() else below.port or PORT))

    def _first_answer(self, message: Message, dialog: Dialog) -> None:
        """What an incoming call's INVITE comes to."""
        if message.status >= 300:
            dialog.over = dialog.over or self._now()
            if dialog.refuse and message.status != 487:
                message.status, message.phrase = dialog.refuse, PHRASES.get(dialog.refuse, "Refused")
                if dialog.refuse == 503:
                    message.headers.append(("Retry-After", "10"))
        elif message.status >= 200:
            dialog.answered = True

    def _request_out(self, message: Message) -> None:
        dialog = self.dialogs.get(message.call_id)
        key = message.get(KEY)
        if key:
            message.drop(KEY)
            dialog = self.placing.pop(key, None) or dialog
            if dialog is not None:
                self.dialogs[message.call_id] = dialog
        number, _ = message.cseq
        if dialog is not None and self._absorbed(message, dialog, number):
            return
        if message.method == "BYE" and dialog is not None:
            dialog.over = self._now()
        target = self._next_hop(message, dialog)
        hops = split(message.all("via"))
        if target is None:
            self.counters["dropped.no_address"] += 1
            if message.method != "ACK":
                self.to_stack(answer(message, 503, PHRASES[503], secrets.token_hex(6)).render())
            return
        if dialog is not None:
            self._opened(message, dialog)
        mine = f"SIP/2.0/UDP {_at(self._public)};branch={self._branch('out', hops[0])};rport"
        message.put("Via", [mine, *hops])
        self._outward(message)
        self.counters[f"out.{message.method.lower()}"] += 1
        self.to_world(message.render(), target)

    def _absorbed(self, message: Message, dialog: Dialog, number: int) -> bool:
        """Whether it is the stack's own idea to offer anew, as it has right after an answer: trunks trip over that, so it is told no."""
        if message.method == "ACK":
            return number in dialog.absorbed
        if message.method != "INVITE" or not message.in_dialog:
            return False
        said = sdp.read(message.body) if message.body else None
        dialog.renews = dialog.renews or (said is not None and said.direction != "sendrecv")
        if dialog.renews:
            return False
        dialog.absorbed.add(number)
        self.counters["absorbed"] += 1
        self.to_stack(answer(message, 488, PHRASES[488], secrets.token_hex(6)).render())
        return True

    def _next_hop(self, message: Message, dialog: Dialog | None) -> Address | None:
        """Where a request of the stack's goes: by its route, else by its address, and within a call nowhere but to its trunk."""
        routes = [one for one in split(message.all("route")) if (u := uri(one)) is None or (u.host, u.port) != self.inside]
        message.put("Route", routes)
        to = uri(routes[0] if routes else message.uri)
        if to is None:
            return dialog.peer if dialog is not None else None
        host = self._resolved(to.host)
        if dialog is not None and not (host and dialog.known.has(host)):
            return dialog.peer if dialog.peer[0] else None
        if not host or not self.directory.of(host):
            return None
        return host, to.port or PORT

    # -- both -----------------------------------------------------------------------------------------------------

    @property
    def _route(self) -> str:
        return f"<sip:{self.inside[0]}:{self.inside[1]};lr>"

    def _branch(self, way: str, hop: str, message: Message | None = None) -> str:
        """Ours above a hop: the same for the same, and nobody else can tell it."""
        found = via(hop)
        branch = found.parameter("branch") if found is not None else ""
        if message is not None and not branch.startswith(MAGIC):
            branch = f"{branch} {message.call_id} {message.cseq[0]} {parameter(message.get('from'), 'tag')}"
        of = f"{way} {found.host if found else ''} {found.port if found else 0} {branch}"
        return MAGIC + hmac.new(self._secret, of.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]

    def _outward(self, message: Message) -> None:
        """Nobody outside is told of the stack: neither where it is nor what."""
        inner, outer = _at(self._stack), _at(self._public)
        kept = {"via", "record-route", "route"}
        message.headers = [
            (name, value if name.lower() in kept else value.replace(inner, outer))
            for name, value in message.headers
            if name.lower() not in {"user-agent", "server"}
        ]
        message.uri = message.uri.replace(inner, outer)
        if message.get("allow"):
            message.put("Allow", [ALLOW])
        if message.body and message.get("content-type").lower().startswith("application/sdp"):
            message.body = sdp.moved(message.body, self._public[0])

    def _answer(self, request: Message, source: Address, status: int) -> None:
        """An answer of our own."""
        extra = [("Allow", ALLOW), ("Accept", "application/sdp")] if status in {200, 405} else []
        if status == 503:
            extra.append(("Retry-After", "10"))
        hops = split(request.all("via"))
        top = via(hops[0])
        if top is None:
            return
        request.put("Via", [_marked(hops[0], source), *hops[1:]])
        port = source[1] if "rport" in top.rest.lower() else top.port or PORT
        # The tag is made of the call, so that the answer to a repetition is the same answer.
        tag = hmac.new(self._secret, request.call_id.encode("latin-1", "replace"), hashlib.sha256).hexdigest()[:16]
        self.to_world(answer(request, status, PHRASES[status], tag, extra).render(), (source[0], port))

    def ended(self, call_id: str) -> None:
        """The leg of a call is no more."""
        dialog = self.dialogs.get(call_id)
        if dialog is not None and dialog.over is None:
            dialog.over = self._now()

    @property
    def live(self) -> int:
        """Calls that are not over."""
        return sum(1 for one in self.dialogs.values() if one.over is None)

    def _sweep(self) -> None:
        now = self._now()
        if now - self._swept < 1:
            return
        self._swept = now
        gone = [name for name, one in self.dialogs.items() if one.over is not None and now - one.over > REMEMBERED_S]
        for name in gone:
            del self.dialogs[name]


def _whose(message: Message, trunks: Sequence[Known]) -> tuple[Known, str] | None:
    """The trunk and its number that an INVITE is for."""
    for known in trunks:
        for wanted in rung(message, known.trunk):
            number = did(wanted, known.trunk.dids)
            if number:
                return known, number
    return None


def _user(address: str) -> str:
    found = uri(address)
    return found.user if found is not None and found.user else "offhook"


def _at(address: Address) -> str:
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def _marked(hop: str, source: Address) -> str:
    """A hop with where it really came from (RFC 3261 18.2.1, RFC 3581)."""
    head, *parts = hop.split(";")
    wants = any(part.strip().lower().partition("=")[0] == "rport" for part in parts)
    kept = [part for part in parts if part.strip().lower().partition("=")[0] not in {"rport", "received"}]
    return ";".join([head, *kept, f"received={source[0]}", *([f"rport={source[1]}"] if wants else [])])


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._take(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        log.info("a SIP datagram came back: %s", type(exc).__name__)


async def listening(gate: Gate, listen: Address, stack: Address) -> tuple[asyncio.DatagramTransport, asyncio.DatagramTransport]:
    """The gate's two sockets, open. Raises OSError."""
    loop = asyncio.get_running_loop()
    line = socket.socket(socket.AF_INET6 if ":" in listen[0] else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        line.bind(listen)
        line.setblocking(False)
    except OSError:
        line.close()
        raise
    outer, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(gate.from_world), sock=line)

    def inward(data: bytes, source: Address) -> None:
        if source == stack:  # anybody on this machine can write there
            gate.from_stack(data)

    try:
        inner, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(inward), local_addr=("127.0.0.1", 0))
    except OSError:
        outer.close()
        raise
    name = inner.get_extra_info("sockname")
    gate.inside = (str(name[0]), int(name[1]))
    gate.to_world = lambda data, to: outer.sendto(data, to)
    gate.to_stack = lambda data: inner.sendto(data, stack)
    return outer, inner
