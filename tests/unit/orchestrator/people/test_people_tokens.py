"""Random and signed tokens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

from offhook.orchestrator.people.tokens import Signer, digest, mint

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_minted() -> None:
    token, kept = mint()
    assert len(token) == 43
    assert digest(token) == kept
    assert token.encode() not in kept
    assert mint()[0] != token


def test_signed() -> None:
    signer = Signer("secret", "state")
    token = signer.sign({"sub": "usr_1"}, NOW, MINUTE)
    claims = signer.read(token, NOW)
    assert claims is not None
    assert claims["sub"] == "usr_1"
    assert signer.read(token, NOW + MINUTE) is None
    assert Signer("secret", "other").read(token, NOW) is None
    assert Signer("other", "state").read(token, NOW) is None


def test_forged() -> None:
    signer = Signer("secret", "state")
    head, body, mac = signer.sign({"sub": "usr_1"}, NOW, MINUTE).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "usr_2"}).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for token in (f"{head}.{other}.{mac}", f"{none}.{body}.", f"{head}.{body}.", "x", "", "a.b.c", "a" * 10_000, "é.é.é"):
        assert signer.read(token, NOW) is None


def test_derived() -> None:
    signer = Signer("secret", "state")
    assert signer.derive("nonce", "a") == signer.derive("nonce", "a")
    assert len({signer.derive("nonce", "a"), signer.derive("nonce", "b"), signer.derive("pkce", "a")}) == 3
    assert len(signer.derive("pkce", "a")) == 43
