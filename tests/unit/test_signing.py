"""Signatures against the reference implementations of others."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from offhook import signing
from offhook.errors import ConfigError, RemoteWireError

NOW = 1_795_000_000


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(min_size=1, max_size=64))
def test_sign_is_the_standards(body: str, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    theirs = standardwebhooks.Webhook(secret).sign("msg_1", datetime.fromtimestamp(NOW, UTC), body)
    assert signing.sign(secret, "msg_1", NOW, body.encode()) == theirs


def test_the_standards_own_verifier_takes_ours() -> None:
    secret = signing.new_secret()
    body = b'{"a": "\xc3\xa9"}'
    now = int(datetime.now(UTC).timestamp())
    assert standardwebhooks.Webhook(secret).verify(body, signing.headers(secret, "m", now, body)) == {"a": "é"}


def test_any_of_several_secrets_and_signatures_will_do() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    sent = signing.headers(old, "m", NOW, b"x")
    assert signing.verify([new, old], sent, b"x", NOW) == "m"
    both = sent | {signing.SIGNATURE: f"v1a,zzz v1,AAAA {sent[signing.SIGNATURE]}"}
    assert signing.verify([old], both, b"x", NOW) == "m"
    with pytest.raises(RemoteWireError, match="does not fit"):
        signing.verify([new], sent, b"x", NOW)
    with pytest.raises(RemoteWireError, match="does not fit"):
        signing.verify([], sent, b"x", NOW)


@pytest.mark.parametrize("off", [-301, 301, 10_000_000])
def test_the_time_counts(off: int) -> None:
    secret = signing.new_secret()
    with pytest.raises(RemoteWireError, match="too far"):
        signing.verify([secret], signing.headers(secret, "m", NOW + off, b""), b"", NOW)
    assert signing.verify([secret], signing.headers(secret, "m", NOW + off, b""), b"", NOW, tolerance=abs(off)) == "m"


@given(st.dictionaries(st.sampled_from([signing.ID, signing.TIMESTAMP, signing.SIGNATURE, "host"]), st.text()), st.binary())
def test_nothing_made_up_passes_or_crashes(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(RemoteWireError):
        signing.verify(["whsec_AAAA", "plain"], headers, body, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_*"])
def test_useless_secrets(secret: str) -> None:
    with pytest.raises(ConfigError):
        signing.sign(secret, "m", NOW, b"")


class Form(dict[str, list[str]]):
    """A form as web frameworks have it."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1)), st.text(min_size=1))
def test_twilio_signature_is_twilios(params: dict[str, list[str]], token: str) -> None:
    url = "https://voice.example.com/carriers/twilio/voice"
    assert signing.twilio_signature(token, url, params) == RequestValidator(token).compute_signature(url, Form(params))
    single = {name: values[0] for name, values in params.items()}
    assert signing.twilio_signature(token, url, single) == RequestValidator(token).compute_signature(url, single)


def test_twilio_verification() -> None:
    url, params = "https://voice.example.com/x?a=1", {"CallSid": "CA1", "To": "+442079460000"}
    good = RequestValidator("secret").compute_signature(url, params)
    assert signing.verify_twilio("secret", url, params, good)
    assert not signing.verify_twilio("secret", url + "2", params, good)
    assert not signing.verify_twilio("secret", url, params | {"To": "+1"}, good)
    assert not signing.verify_twilio("secret", url, params, "é")
    assert not signing.verify_twilio("", url, params, RequestValidator("").compute_signature(url, params))
