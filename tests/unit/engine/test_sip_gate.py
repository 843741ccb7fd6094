"""The gate before the SIP stack, with the world and the stack as lists of datagrams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.torture import message, torture

from offhook.contracts.trunks import Trunk
from offhook.core.wire.sip import Message, parse, split, via
from offhook.engine.sip_gate import KEY, REMEMBERED_S, Dialog, Gate
from offhook.engine.sip_trunks import Directory, Rates

STACK, PUBLIC, CARRIER = ("127.0.0.1", 7000), ("203.0.113.9", 5060), ("192.0.2.1", 5062)
DID = "+61731234567"
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"
ANSWER = SDP.replace("192.0.2.1", "127.0.0.1")


@dataclass
class Both:
    """A gate and what it sent."""

    gate: Gate
    now: list[float]
    status: list[int | None]
    world: list[tuple[Message, tuple[str, int]]] = field(default_factory=list)
    stack: list[Message] = field(default_factory=list)

    def hears(self, first: str, *headers: str, source: tuple[str, int] = CARRIER, **more: Any) -> None:
        self.gate.from_world(message(first, *headers, host="192.0.2.1", **more), source)

    def invites(self, call: str = "t", *headers: str, to: str = DID) -> None:
        self.hears(f"INVITE sip:{to}@203.0.113.9 SIP/2.0", *headers, call=call, body=SDP)

    def answers(self, request: Message, status: int, *, tag: str = "ours", body: str = "") -> Message:
        """The stack's answer to what it got; what went out for it."""
        headers = [
            *((name, value) for name, value in request.headers if name.lower() in {"via", "from", "call-id", "cseq", "record-route"})
        ]
        headers += [("To", f"{request.get('to')};tag={tag}"), ("Contact", "<sip:offhook@127.0.0.1:7000>"), ("Server", "baresip")]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        self.gate.from_stack(Message(status=status, phrase="x", headers=headers, body=body.encode()).render())
        return self.world[-1][0]

    def sends(self, first: str, *headers: str, call: str = "t") -> None:
        """A request of the stack's."""
        self.gate.from_stack(message(first, *headers, call=call).replace(b"127.0.0.1:9", b"127.0.0.1:7000"))


def both(**trunk: Any) -> Both:
    now, status = [0.0], [None]
    of = {"id": "one", "auth": "address", "sources": ("192.0.2.0/24",), "dids": (DID,), "codecs": ("PCMU",), **trunk}
    gate = Gate(lambda: now[0], lambda: status[0], PUBLIC, STACK, rates=Rates(lambda: now[0], 10, 1_000))
    gate.directory = Directory((Trunk.model_validate(of),))
    gate.inside = ("127.0.0.1", 7001)
    found = Both(gate, now, status)  # type: ignore[arg-type]
    gate.to_world = lambda data, to: found.world.append((parse(data), to))
    gate.to_stack = lambda data: found.stack.append(parse(data))
    return found


def test_an_invite_goes_in_with_one_codec_and_its_answer_comes_out_as_from_us() -> None:
    line = both()
    line.invites("t", "Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKt;rport")
    inside = line.stack[0]
    assert inside.uri == "sip:offhook@127.0.0.1:7000"
    assert inside.get("record-route") == "<sip:127.0.0.1:7001;lr>"
    assert "RTP/AVP 0\r\n" in inside.body.decode()
    assert split(inside.all("via"))[1].endswith(";received=192.0.2.1;rport=5062")
    dialog = line.gate.dialogs["t@torture"]
    assert (dialog.did, dialog.caller, dialog.codec, dialog.media) == (DID, "+61400000001", "PCMU", "192.0.2.1")

    out = line.answers(inside, 200, body=ANSWER)
    assert line.world[-1][1] == CARRIER
    assert (out.get("contact"), out.get("record-route"), out.get("server")) == ("<sip:offhook@203.0.113.9:5060>", "", "")
    assert b"c=IN IP4 203.0.113.9" in out.body
    assert len(split(out.all("via"))) == 1
    assert b"127.0.0.1" not in out.render()


def test_without_rport_an_answer_goes_to_the_port_that_the_peer_named() -> None:
    line = both()
    line.invites("t", "Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKt")
    line.answers(line.stack[0], 180)
    assert line.world[-1][1] == ("192.0.2.1", 5070)


def test_a_repetition_and_a_cancel_have_the_invite_s_branch() -> None:
    line = both()
    line.invites()
    line.invites()
    line.hears(f"CANCEL sip:{DID}@203.0.113.9 SIP/2.0")
    branches = {found.parameter("branch") for one in line.stack if (found := via(split(one.all("via"))[0])) is not None}
    assert len(line.stack) == 3
    assert len(branches) == 1
    assert line.gate.live == 0


def test_strangers_and_scanners_get_no_word() -> None:
    line = both()
    line.hears(f"INVITE sip:{DID}@203.0.113.9 SIP/2.0", source=("198.51.100.1", 5060), body=SDP)
    line.hears("OPTIONS sip:203.0.113.9 SIP/2.0", "User-Agent: sipvicious")
    line.gate.from_world(b"\r\n\r\n", CARRIER)
    assert (line.world, line.stack) == ([], [])
    assert line.gate.counters == {"in.keepalive": 1, "dropped.source": 1, "dropped.scanner": 1}


def refused(line: Both) -> tuple[int, list[Message]]:
    return line.world[-1][0].status, line.stack


def test_what_may_not_ring_is_refused_here() -> None:
    line = both(calls=1)
    line.invites("a", to="+61799999999")
    assert refused(line) == (404, [])
    line.status[0] = 503
    line.invites("b")
    assert refused(line) == (503, [])
    assert line.world[-1][0].get("retry-after") == "10"
    line.hears("OPTIONS sip:203.0.113.9 SIP/2.0", call="o")
    assert refused(line)[0] == 503
    line.status[0] = None
    line.hears("OPTIONS sip:203.0.113.9 SIP/2.0", call="p")
    assert refused(line)[0] == 200
    line.hears(f"INVITE sip:{DID}@203.0.113.9 SIP/2.0", call="c", body=SDP.replace("8 0", "8"))
    assert refused(line) == (488, [])
    line.hears("BYE sip:x@203.0.113.9 SIP/2.0", "To: <sip:x@y>;tag=1", call="d")
    assert refused(line) == (481, [])
    line.hears("REGISTER sip:203.0.113.9 SIP/2.0", call="e")
    assert refused(line) == (405, [])
    line.hears("OPTIONS sip:203.0.113.9 SIP/2.0", "Max-Forwards: 0", call="h")
    assert refused(line) == (483, [])
    line.invites("f")
    line.invites("g")
    assert (line.world[-1][0].status, len(line.stack)) == (486, 1)
    assert line.gate.refusals["one"] == 4


def test_nobody_s_refer_goes_in_and_nobody_else_s_bye() -> None:
    line = both()
    line.invites()
    to = f"To: <sip:{DID}@x>;tag=ours"
    line.hears(f"REFER sip:{DID}@203.0.113.9 SIP/2.0", to, "Refer-To: <sip:+882@expensive>")
    assert refused(line)[0] == 603
    other = Trunk(id="two", auth="address", sources=("198.51.100.1",))
    line.gate.directory = Directory((line.gate.directory.known[0].trunk, other))
    line.hears(f"BYE sip:{DID}@203.0.113.9 SIP/2.0", to, source=("198.51.100.1", 5060))
    assert len(line.stack) == 1
    assert line.gate.counters["dropped.not_its_call"] == 1


def test_a_call_that_the_engine_does_not_take_is_refused_by_the_engine_s_status() -> None:
    line = both()
    line.invites()
    line.gate.dialogs["t@torture"].refuse = 503
    out = line.answers(line.stack[0], 486)
    assert (out.status, out.phrase, out.get("retry-after")) == (503, "Service Unavailable", "10")
    assert line.gate.live == 0


def test_the_stack_s_own_offer_after_an_answer_goes_no_further() -> None:
    line = both()
    line.invites()
    line.answers(line.stack[0], 200, body=ANSWER)
    sent = len(line.world)
    to = "To: <sip:+61400000001@192.0.2.1>;tag=ft"
    line.sends("INVITE sip:caller@192.0.2.1:9 SIP/2.0", to, "CSeq: 5 INVITE")
    assert line.stack[-1].status == 488
    line.sends("ACK sip:caller@192.0.2.1:9 SIP/2.0", to, "CSeq: 5 ACK")
    assert len(line.world) == sent
    line.gate.dialogs["t@torture"].renews = True
    line.sends("INVITE sip:caller@192.0.2.1:9 SIP/2.0", to, "CSeq: 6 INVITE")
    assert line.world[-1][0].method == "INVITE"


def test_within_a_call_nothing_goes_anywhere_but_to_its_trunk() -> None:
    line = both()
    line.invites()
    to = "To: <sip:+61400000001@x>;tag=ft"
    line.sends("BYE sip:caller@198.51.100.66:9 SIP/2.0", to, "Route: <sip:127.0.0.1:7001;lr>")
    assert line.world[-1][1] == CARRIER
    line.sends("BYE sip:caller@10.0.0.1 SIP/2.0", to, "Route: <sip:127.0.0.1:7001;lr>, <sip:192.0.2.7:5080;lr>")
    assert line.world[-1][1] == ("192.0.2.7", 5080)
    assert line.world[-1][0].get("route") == "<sip:192.0.2.7:5080;lr>"
    line.sends("OPTIONS sip:x@198.51.100.66 SIP/2.0", call="free")
    assert line.stack[-1].status == 503


def test_a_placed_call_is_known_by_its_key_and_answers_that_are_not_to_us_are_dropped() -> None:
    line = both(host="192.0.2.1")
    line.gate.placing["k"] = Dialog(line.gate.directory.known[0], ("192.0.2.1", 5060), outgoing=True)
    line.sends("INVITE sip:+61400000009@192.0.2.1 SIP/2.0", f"{KEY}: k", call="out")
    sent, to = line.world[-1]
    assert (to, sent.get(KEY)) == (("192.0.2.1", 5060), "")
    answer = Message(
        status=200, phrase="OK", headers=[*((n, v) for n, v in sent.headers if n.lower() in {"via", "from", "call-id", "cseq"})]
    )
    answer.headers.append(("To", f"{sent.get('to')};tag=theirs"))
    line.gate.from_world(answer.render(), CARRIER)
    assert line.stack[-1].status == 200
    assert line.stack[-1].all("record-route") == ["<sip:127.0.0.1:7001;lr>"]
    assert len(split(line.stack[-1].all("via"))) == 1
    forged = answer.render().replace(b"branch=z9hG4bK", b"branch=z9hG4bKx", 1)
    line.gate.from_world(forged, CARRIER)
    assert line.gate.counters["dropped.response"] == 1


def test_calls_that_are_over_are_forgotten_in_time() -> None:
    line = both()
    line.invites("a")
    line.gate.ended("a@torture")
    line.now[0] = REMEMBERED_S + 2
    line.invites("b")
    assert set(line.gate.dialogs) == {"b@torture"}


def test_torture_messages_raise_nothing_in_either_direction() -> None:
    line = both()
    for _, data in torture("203.0.113.9", peer="192.0.2.1"):
        line.gate.from_world(data, CARRIER)
        line.gate.from_stack(data)
    assert sum(line.gate.counters.values()) > 0
