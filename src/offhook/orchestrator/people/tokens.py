"""Tokens: random ones, of which only a digest is kept, and signed ones, which say something and end soon."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

_ALGORITHM: Final = "HS256"


def mint() -> tuple[str, bytes]:
    """A token of 256 random bits (43 characters) and the digest that is kept of it."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> bytes:
    """SHA-256: enough for what cannot be guessed anyhow."""
    return hashlib.sha256(token.encode()).digest()


class Signer:
    """Signs claims for one purpose; what was signed for another purpose is not valid here."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._purpose = purpose
        self._secret = hmac.digest(secret.encode(), b"offhook people " + purpose.encode(), "sha256")
        self._key = OctKey.import_key(self._secret)

    def sign(self, claims: Mapping[str, Any], now: datetime, lifetime: timedelta) -> str:
        """A compact token, valid for ``lifetime``."""
        body = {**claims, "aud": self._purpose, "exp": int((now + lifetime).timestamp())}
        return jwt.encode({"alg": _ALGORITHM}, body, self._key)

    def read(self, token: str, now: datetime) -> dict[str, Any] | None:
        """The claims; None for a token that is forged, of another purpose, or over."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        ends = claims.get("exp")
        if claims.get("aud") != self._purpose or not isinstance(ends, int) or ends <= now.timestamp():
            return None
        return dict(claims)

    def derive(self, name: str, of: str) -> str:
        """Another secret of the same token, which need not be stored: 256 bits in 43 characters of base64url."""
        value = hmac.digest(self._secret, f"{name} {of}".encode(), "sha256")
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
