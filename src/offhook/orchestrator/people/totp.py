"""One-time codes of an app (RFC 6238: SHA-1, 6 digits, 30 s) and recovery codes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

import pyotp
from pyotp.utils import strings_equal

from offhook.orchestrator.ids import ALPHABET

STEP_S: Final = 30
DRIFT: Final = 1
"""Steps that a clock may be off, each way."""
RECOVERY_CODES: Final = 10
_LENGTH: Final = 16


def new_secret() -> str:
    """160 bits in base 32 (RFC 4226 section 4, R6)."""
    return pyotp.random_base32(32)


def uri(secret: str, account: str, issuer: str) -> str:
    """What an app reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=account, issuer_name=issuer)


def step_of(secret: str, code: str, now: datetime, last: int) -> int | None:
    """The time step that the code is of; None if it is wrong, or of a step that is not after ``last``, the last one used."""
    totp = pyotp.TOTP(secret, interval=STEP_S)
    current = int(now.timestamp()) // STEP_S
    for step in range(current - DRIFT, current + DRIFT + 1):
        if step > last and strings_equal(totp.generate_otp(step), code):
            return step
    return None


def recovery_codes() -> tuple[str, ...]:
    """Codes of 80 random bits for when the app is lost, each good once."""
    return tuple(_grouped("".join(secrets.choice(ALPHABET) for _ in range(_LENGTH))) for _ in range(RECOVERY_CODES))


def recovery_digest(code: str) -> str:
    """What is kept of a recovery code; however it was typed."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(plain.translate(str.maketrans("OIL", "011")).encode()).hexdigest()


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, _LENGTH, 4))
