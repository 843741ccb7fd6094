"""Each carrier's signature: good, of another account, tampered with, old, cut short, missing."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from offhook.orchestrator.carriers import signatures

NOW = 1_795_000_000.0
URL = "https://voice.example.com/carriers/plivo/voice"
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
APP = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
BODY = b"CallSid=v3%3Aone&To=%2B442079460000"


def _public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _telnyx(key: Ed25519PrivateKey, stamp: str, body: bytes) -> str:
    return base64.b64encode(key.sign(f"{stamp}|".encode() + body)).decode()


GOOD = _telnyx(KEY, "1795000000", BODY)


@pytest.mark.parametrize(
    ("key", "stamp", "signature", "body", "good"),
    [
        (_public(KEY), "1795000000", GOOD, BODY, True),
        (_public(KEY), "1794999700", _telnyx(KEY, "1794999700", BODY), BODY, True),
        (_public(OTHER), "1795000000", GOOD, BODY, False),
        (_public(KEY), "1795000000", GOOD, BODY + b"&x=1", False),
        (_public(KEY), "1795000001", GOOD, BODY, False),
        (_public(KEY), "1794999699", _telnyx(KEY, "1794999699", BODY), BODY, False),
        (_public(KEY), "1795000301", _telnyx(KEY, "1795000301", BODY), BODY, False),
        (_public(KEY), "", GOOD, BODY, False),
        (_public(KEY), "-1795000000", GOOD, BODY, False),
        (_public(KEY), "1795000000", "", BODY, False),
        (_public(KEY), "1795000000", GOOD[:40], BODY, False),
        (_public(KEY), "1795000000", "%%%", BODY, False),
        ("", "1795000000", GOOD, BODY, False),
        ("AAAA", "1795000000", GOOD, BODY, False),
        (_public(KEY), "1795000000", "A" * 100_000, BODY, False),
    ],
    ids="good early other-account tampered other-time replayed ahead no-time minus missing cut no-base64 no-key short-key long".split(),
)
def test_telnyx(key: str, stamp: str, signature: str, body: bytes, good: bool) -> None:
    assert signatures.telnyx(key, stamp, signature, body, NOW) is good


def _plivo(token: str, url: str, fields: Mapping[str, str], nonce: str) -> str:
    """As Plivo's own library builds it: a question mark before a form where there is no query, a full stop where there is one."""
    base, _, query = url.partition("?")
    pairs = sorted(query.split("&")) if query else []
    text = base + ("?" + "&".join(pairs) if pairs or fields else "") + ("." if pairs and fields else "")
    text += "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), f"{text}.{nonce}".encode(), hashlib.sha256).digest()).decode()


FORM = {"CallUUID": "c-1", "To": "442079460000", "From": "447700900123", "CallStatus": "ringing"}


@pytest.mark.parametrize(
    ("url", "fields", "nonce", "signed", "good"),
    [
        (URL, FORM, "n1", _plivo("tok", URL, FORM, "n1"), True),
        (f"{URL}?b=2&a=1", FORM, "n1", _plivo("tok", f"{URL}?b=2&a=1", FORM, "n1"), True),
        (URL, {}, "n1", _plivo("tok", URL, {}, "n1"), True),
        (URL, FORM, "n1", f"{_plivo('other', URL, FORM, 'n1')}, {_plivo('tok', URL, FORM, 'n1')}", True),
        (URL, FORM, "n1", _plivo("other", URL, FORM, "n1"), False),
        (URL, FORM | {"To": "441134960000"}, "n1", _plivo("tok", URL, FORM, "n1"), False),
        (URL.replace("plivo", "twilio"), FORM, "n1", _plivo("tok", URL, FORM, "n1"), False),
        (URL, FORM, "n2", _plivo("tok", URL, FORM, "n1"), False),
        (URL, FORM, "", _plivo("tok", URL, FORM, ""), False),
        (URL, FORM, "n1", "", False),
        (URL, FORM, "n1", "," * 10_000, False),
    ],
    ids="good query no-form second-token other-account tampered other-path other-nonce no-nonce missing long".split(),
)
def test_plivo(url: str, fields: dict[str, str], nonce: str, signed: str, good: bool) -> None:
    assert signatures.plivo("tok", url, {name: [value] for name, value in fields.items()}, nonce, signed) is good
    assert not signatures.plivo("", url, {name: [value] for name, value in fields.items()}, nonce, signed)


JSON = b'{"uuid":"u-1","to":"442079460000","from":"447700900123"}'


def _vonage(secret: str, body: bytes = JSON, **changes: Any) -> str:
    claims = {"iss": "Vonage", "iat": int(NOW), "jti": "j1", "application_id": APP, "payload_hash": hashlib.sha256(body).hexdigest()}
    token: str = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims | changes, OctKey.import_key(secret))
    return f"Bearer {token}"


SECRET = "s" * 40
NONE = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")


@pytest.mark.parametrize(
    ("bearer", "body", "good"),
    [
        (_vonage(SECRET), JSON, True),
        (_vonage(SECRET, iat=int(NOW) - 299), JSON, True),
        (_vonage("t" * 40), JSON, False),
        (_vonage(SECRET, application_id="another"), JSON, False),
        (_vonage(SECRET), JSON + b" ", False),
        (_vonage(SECRET, iat=int(NOW) - 301), JSON, False),
        (_vonage(SECRET, iat=int(NOW) + 301), JSON, False),
        (_vonage(SECRET, iat="soon"), JSON, False),
        (_vonage(SECRET, payload_hash=None), JSON, False),
        (f"Bearer {NONE}.{_vonage(SECRET).split('.')[1]}.", JSON, False),
        (f"Bearer {NONE}.{_vonage(SECRET).split('.')[1]}.{_vonage(SECRET).split('.')[2]}", JSON, False),
        (_vonage(SECRET).removeprefix("Bearer "), JSON, False),
        ("Bearer a.b.c", JSON, False),
        ("", JSON, False),
    ],
    ids="good early other-account other-application tampered old ahead no-time no-hash none none-signed no-bearer junk missing".split(),
)
def test_vonage(bearer: str, body: bytes, good: bool) -> None:
    assert signatures.vonage(SECRET, APP, bearer, body, NOW) is good
    assert not signatures.vonage("", APP, bearer, body, NOW)


@given(st.text(max_size=200), st.text(max_size=200), st.binary(max_size=200))
def test_whatever_comes_is_false_and_no_error(first: str, second: str, body: bytes) -> None:
    assert not signatures.vonage(SECRET, APP, f"Bearer {first}.{second}", body, NOW)
    assert not signatures.vonage(SECRET, APP, first, body, NOW)
    assert not signatures.telnyx(_public(KEY), first, second, body, NOW)
    assert not signatures.plivo("tok", URL, {first: [second]}, first, second)
