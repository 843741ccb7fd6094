from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as curve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from offhook.adapters.crm._gohighlevel_forms import ED25519, RSA, contact, marked, moment, part, signed, value
from offhook.adapters.model import Customer
from offhook.errors import AdapterNotFound


def _public(key: PublicKeyTypes, form: Encoding) -> str:
    raw = key.public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode() if form is Encoding.PEM else base64.b64encode(raw).decode()


def test_a_signature_is_taken_under_its_key_only_written_either_way() -> None:
    key, other, body = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), b'{"a":1}'
    signature = base64.b64encode(key.sign(body)).decode()
    assert all(signed(_public(key.public_key(), form), signature, body) for form in (Encoding.DER, Encoding.PEM))
    assert not signed(_public(other.public_key(), Encoding.DER), signature, body)
    assert not signed(_public(key.public_key(), Encoding.DER), signature, body + b" ")
    for nonsense in ("", "N/A", "äöü", "AAAA"):
        assert not signed(_public(key.public_key(), Encoding.DER), nonsense, body)
        assert not signed(nonsense, signature, body)
    assert not signed(_public(curve(SECP256R1()).public_key(), Encoding.DER), signature, body)


def test_highlevels_own_keys_are_keys() -> None:
    for key in (ED25519, RSA):
        load_der_public_key(base64.b64decode(key, validate=True))
        assert not signed(key, base64.b64encode(b"0" * 64).decode(), b"{}")


def test_a_time_without_an_offset_is_the_locations_own() -> None:
    assert moment("2021-07-16 11:00:00", "America/Chicago") == datetime(2021, 7, 16, 16, tzinfo=UTC)
    assert moment("2023-09-25T16:00:00+05:30", "America/Chicago") == datetime(2023, 9, 25, 10, 30, tzinfo=UTC)
    assert moment("2021-07-02T05:18:26.704Z", "UTC") == datetime(2021, 7, 2, 5, 18, 26, 704_000, UTC)


def test_only_what_is_known_of_somebody_is_sent() -> None:
    assert contact(Customer(name="Cher")) == {"firstName": "Cher"}
    assert contact(Customer(name="Ann Lee", phones=("+1", "+2"))) == {"firstName": "Ann", "lastName": "Lee", "phone": "+1"}


def test_a_long_title_keeps_its_mark() -> None:
    assert marked("Boiler", "abc") == "Boiler [abc]"
    assert len(marked("x" * 999, "abc")) == 250
    assert marked("x" * 999, "abc").endswith("x [abc]")


def test_what_is_no_number_is_no_value() -> None:
    assert [value(one) for one in (250, "99.5", "much", "", None)] == [{"monetaryValue": 250.0}, {"monetaryValue": 99.5}, {}, {}, {}]


def test_what_can_be_no_id_is_not_found() -> None:
    assert part("ocQHyuzHvysMo5N5VsXc_1729821600000_1800") == "ocQHyuzHvysMo5N5VsXc_1729821600000_1800"
    for text in ("", "..", "a/b", "ä"):
        with pytest.raises(AdapterNotFound):
            part(text)
