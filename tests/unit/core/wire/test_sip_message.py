"""Reading and writing SIP messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.torture import message, torture

from offhook.core.wire.dialect import BadMessage
from offhook.core.wire.sip import Uri, answer, parameter, parse, split, uri, via

INVALID = {
    "length beyond the message": "length",
    "negative length": "length",
    "overlarge numbers": "cseq",
    "overlarge response": "cseq",
    "unterminated quote": "to",
    "uri in brackets": "first_line",
    "spaces in the uri": "first_line",
    "many spaces in the first line": "first_line",
    "space after the first line": "first_line",
    "unknown protocol version": "first_line",
    "method and CSeq differ": "cseq",
    "unknown method and CSeq differ": "cseq",
    "status out of range": "first_line",
    "nothing but a method": "from",
    "unknown scheme in To": "to",
    "many of what is once": "to",
    "nul in a header": "nul",
    "no headers at all": "first_line",
    "two lengths": "length",
    "only line ends": "cut",
    "binary": "cut",
    "half a message": "length",
}
"""Of the torture messages, those that are refused, and why."""


@pytest.mark.parametrize(("name", "data"), list(torture()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_torture_message_is_read_or_refused_by_name(name: str, data: bytes) -> None:
    if name in INVALID:
        with pytest.raises(BadMessage) as refused:
            parse(data)
        assert refused.value.reason == INVALID[name]
        return
    found = parse(data)
    again = parse(found.render())
    assert (again.method, again.uri, again.status, again.body) == (found.method, found.uri, found.status, found.body)
    assert again.headers[:-1] == [one for one in found.headers if one[0].lower() != "content-length"]


@given(st.binary(max_size=400), st.binary(max_size=60), st.integers(0, 400))
def test_no_bytes_raise_anything_but_bad_message(noise: bytes, piece: bytes, at: int) -> None:
    whole = message("INVITE sip:x@y SIP/2.0", body="v=0\r\n")
    for data in (noise, whole[:at] + piece + whole[at:]):
        try:
            found = parse(data)
        except BadMessage:
            continue
        via(found.get("via"))
        split(found.all("via"))
        found.render()


def test_compact_names_and_folded_lines_are_written_out() -> None:
    lines = (
        *("OPTIONS sip:x SIP/2.0", "v: SIP/2.0/UDP a;branch=z", "f: <sip:a@b>;tag=1", "t: <sip:c@d>", " ;x=y"),
        *("i: k", "CSeq: 1 OPTIONS", "", ""),
    )
    data = "\r\n".join(lines).encode()
    found = parse(data)
    assert found.get("To") == "<sip:c@d> ;x=y"
    assert (found.call_id, found.cseq, found.in_dialog) == ("k", (1, "OPTIONS"), False)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<sip:+61731234567@host:5070;user=phone>;tag=1", Uri("+61731234567", "host", 5070)),
        ('"Smith, J" <sips:j;isub=4:secret@h>', Uri("j", "h", 0)),
        ("sip:host", Uri("", "host", 0)),
        ("<sip:%2B61@[2001:db8::1]:5060>", Uri("+61", "2001:db8::1", 5060)),
        ("tel:+61-7-3123-4567;phone-context=x", Uri("+61-7-3123-4567")),
        ("isbn:1", None),
        ("<sip:a@b:99999>", None),
    ],
)
def test_addresses(text: str, wanted: Uri | None) -> None:
    assert uri(text) == wanted


def test_header_parts() -> None:
    assert split(['"a, b" <sip:x,y@z>, <sip:b>', "c"]) == ['"a, b" <sip:x,y@z>', "<sip:b>", "c"]
    assert parameter("<sip:x;tag=inner>;TAG=outer", "tag") == "outer"
    found = via("SIP / 2.0 / UDP [::1]:5061 ;branch=z9;rport")
    assert found is not None
    assert (found.transport, found.host, found.port, found.parameter("branch"), found.parameter("rport")) == ("UDP", "::1", 5061, "z9", "")


def test_headers_are_put_where_the_first_stood() -> None:
    found = parse(message("OPTIONS sip:x SIP/2.0"))
    found.put("Via", ["one", "two"])
    assert found.headers[:2] == [("Via", "one"), ("Via", "two")]
    found.drop("VIA")
    assert found.all("via") == []


def test_our_own_answer_has_the_request_s_dialog_and_a_tag() -> None:
    found = answer(parse(message("OPTIONS sip:x SIP/2.0")), 200, "OK", "ours", [("Allow", "BYE")])
    assert (found.status, parameter(found.get("to"), "tag"), found.get("allow")) == (200, "ours", "BYE")
    assert parse(found.render()).status == 200
