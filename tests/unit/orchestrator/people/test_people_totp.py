"""One-time codes: RFC 6238's own values, drift, replay, recovery."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from offhook.orchestrator.people import totp

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = datetime(2026, 11, 23, 7, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
)
def test_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    assert totp.step_of(RFC_SECRET, code, datetime.fromtimestamp(seconds, UTC), -1) == seconds // 30


def test_drift() -> None:
    secret = totp.new_secret()
    step = int(NOW.timestamp()) // 30
    for off, right in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = pyotp.TOTP(secret).at(NOW + timedelta(seconds=30 * off))
        assert (totp.step_of(secret, code, NOW, -1) == step + off) is right


def test_a_code_is_good_once() -> None:
    secret = totp.new_secret()
    code = pyotp.TOTP(secret).at(NOW)
    step = totp.step_of(secret, code, NOW, -1)
    assert step is not None
    assert totp.step_of(secret, code, NOW, step) is None
    assert totp.step_of(secret, pyotp.TOTP(secret).at(NOW - timedelta(seconds=30)), NOW, step) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "000000\0"])
def test_what_is_no_code(code: str) -> None:
    assert totp.step_of(RFC_SECRET, code, NOW, -1) is None


def test_recovery_codes() -> None:
    codes = totp.recovery_codes()
    assert len(set(codes)) == 10
    assert totp.recovery_digest(codes[0]) == totp.recovery_digest(codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "i"))
    assert totp.recovery_digest(codes[0]) != totp.recovery_digest(codes[1])


def test_the_secret_is_long_enough() -> None:
    assert len(base64.b32decode(totp.new_secret())) == 20
    assert "issuer=Harbour%20Plumbing" in totp.uri(RFC_SECRET, "a@b.example", "Harbour Plumbing")
