"""Whose a SIP request is, which number was rung, how many may come."""

from __future__ import annotations

import pytest
from tests.torture import message

from offhook.contracts.trunks import Trunk
from offhook.core.wire.sip import parse
from offhook.engine.sip_trunks import Directory, Rates, caller, did, rung, scanner, split_host

DIDS = ("+61731234567", "+61299999999", "100")


def made(**values: object) -> Trunk:
    return Trunk.model_validate({"id": "t", "auth": "address", **values})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("+61731234567", "+61731234567"),
        ("61731234567", "+61731234567"),
        ("0061731234567", "+61731234567"),
        ("01161731234567", "+61731234567"),
        ("0731234567", "+61731234567"),
        ("+61 (7) 3123-4567", "+61731234567"),
        ("100", "100"),
        ("+61731234568", ""),
        ("+731234567", ""),
        ("4567", ""),
        ("alice", ""),
        ("", ""),
    ],
)
def test_a_number_is_known_however_it_is_written(wanted: str, found: str) -> None:
    assert did(wanted, DIDS) == found


def test_a_national_number_that_two_could_be_is_none() -> None:
    assert did("0731234567", ("+61731234567", "+64731234567")) == ""


def test_trunks_by_address_network_and_name() -> None:
    trunks = (
        made(id="a", sources=("192.0.2.1", "nonsense")),
        made(id="b", sources=("198.51.100.0/24",)),
        made(id="c", host="sip.example:5070"),
    )
    directory = Directory(trunks, {"sip.example": ("203.0.113.5",)})

    def ids(host: str) -> list[str]:
        return [one.trunk.id for one in directory.of(host)]

    assert ids("192.0.2.1") == ["a"]
    assert ids("198.51.100.77") == ["b"]
    assert ids("203.0.113.5") == ["c"]
    assert ids("::ffff:192.0.2.1") == ["a"]
    assert ids("192.0.2.2") == []
    assert ids("no address") == []


def test_where_the_number_stands_is_the_trunk_s_word() -> None:
    invite = parse(
        message(
            "INVITE sip:contact@10.0.0.1 SIP/2.0",
            "To: <sip:+61111111@x>",
            "P-Called-Party-ID: <sip:+61222222@x>",
            "Diversion: <sip:+61333333@x>;reason=unconditional",
        )
    )
    assert rung(invite, made()) == ("contact",)
    assert rung(invite, made(auth="register")) == ("contact", "+61111111")
    assert rung(invite, made(did_from="to")) == ("+61111111",)
    assert rung(invite, made(did_from="p-called-party-id")) == ("+61222222",)
    assert rung(invite, made(did_from="diversion")) == ("+61333333",)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (("From: <sip:+61400000001@x>;tag=1",), "+61400000001"),
        (("From: <sip:alice@x>;tag=1",), "alice"),
        (("From: <sip:anonymous@anonymous.invalid>;tag=1",), ""),
        (("From: <sip:1@x>;tag=1", "P-Asserted-Identity: <tel:+61-400-000-002>"), "+61400000002"),
        (("From: <sip:0400 000001@x>;tag=1", "Remote-Party-ID: <sip:0400000001@x>"), "0400000001"),
    ],
)
def test_who_rings_is_what_the_trunk_asserts(headers: tuple[str, ...], found: str) -> None:
    assert caller(parse(message("INVITE sip:x@y SIP/2.0", *headers))) == found


def test_scanners_say_so_themselves() -> None:
    assert scanner(parse(message("OPTIONS sip:x SIP/2.0", "User-Agent: Friendly-Scanner 1.0")))
    assert not scanner(parse(message("OPTIONS sip:x SIP/2.0", "User-Agent: Asterisk PBX 20.1")))


def test_rates_by_source() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0], per_s=10, burst=5)
    assert [rates.allows("a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert rates.allows("b")
    now[0] = 0.1
    assert [rates.allows("a") for _ in range(2)] == [True, False]
    now[0] = 100
    assert [rates.allows("a") for _ in range(6)] == [True] * 5 + [False]


def test_hosts_and_ports() -> None:
    assert split_host("sip.example:5070") == ("sip.example", 5070)
    assert split_host("sip.example") == ("sip.example", 0)
    assert split_host("[2001:db8::1]:5060") == ("2001:db8::1", 5060)
