from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from offhook.adapters.crm._hubspot_forms import LONGEST, completing, deal, id_of, note, properties, signature
from offhook.adapters.model import Customer, Lead
from offhook.errors import AdapterNotFound


def test_a_note_ends_in_link_and_mark_however_long_it_is() -> None:
    text = note("<&>" * LONGEST, "https://offhook.example/?a=1&b=2", "ref. abc")
    assert len(text) <= LONGEST
    assert text.endswith('<br><a href="https://offhook.example/?a=1&amp;b=2">https://offhook.example/?a=1&amp;b=2</a><br>ref. abc')
    assert text.startswith("&lt;&amp;&gt;&lt;")
    assert text.partition("<br>")[0].endswith(";")  # no escape is cut in two
    assert note("a\nb", "", "ref. abc") == "a<br>b<br>ref. abc"


def test_names_are_kept_in_two_parts() -> None:
    assert properties(Customer(name="Ann Mary Lee")) == {"firstname": "Ann Mary", "lastname": "Lee"}
    assert properties(Customer(name="Cher", phones=("+1", "+2", "+3"))) == {"firstname": "Cher", "phone": "+1", "mobilephone": "+2"}
    assert properties(Customer()) == {}


def test_completing_fills_what_is_empty_and_repeats_no_number() -> None:
    known = {"id": "1", "properties": {"phone": "07700 900001", "mobilephone": None}}
    assert completing(known, Customer(phones=("+447700900001",)), "GB") == {}
    assert completing(known, Customer(phones=("+447700900001", "+447700900002")), "GB") == {"mobilephone": "+447700900002"}


def test_a_deal_has_only_fields_that_may_be_mapped() -> None:
    made = deal(Lead("1", "Boiler", fields={"amount": 0, "dealtype": "", "hubspot_owner_id": "7"}), "p/s", {"amount": "", "dealtype": ""})
    assert made == {"dealname": "Boiler", "pipeline": "p", "dealstage": "s", "description": "", "amount": "0"}


def test_an_address_is_signed_with_some_escapes_undone() -> None:
    said = b"POSThttps://a.example/x?to=a@b.c&q=%20%26" + b"{}" + b"1700000000000"
    wanted = base64.b64encode(hmac.new(b"secret", said, hashlib.sha256).digest())
    assert signature("secret", "https://a.example/x%3Fto=a%40b.c&q=%20%26", b"{}", "1700000000000") == wanted


def test_what_can_be_no_id_is_not_found() -> None:
    assert id_of("101", "crm/hubspot") == "101"
    for text in ("", "1/2", "-1", "١"):
        with pytest.raises(AdapterNotFound):
            id_of(text, "crm/hubspot")
