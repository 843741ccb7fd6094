"""How carriers sign their webhooks, each in its own way. Pure; whatever is wrong is False.

Twilio and SignalWire: HMAC-SHA1 over the URL and the form (``signing.verify_twilio``). Plivo: HMAC-SHA256 over URL, form and a nonce.
Telnyx: Ed25519 over the time and the raw body. Vonage: a JWT (HS256) that names the application and the body's hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_S: Final = 300
"""Seconds that a signature's time may be off, either way."""
LONGEST: Final = 4_096
"""Characters of a token or header that are looked at."""


def telnyx(public_key: str, stamp: str, signature: str, body: bytes, now: float) -> bool:
    """``telnyx-signature-ed25519`` over ``telnyx-timestamp``, a bar and the body."""
    if not (public_key and signature and len(signature) <= LONGEST and _fresh(stamp, now)):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), f"{stamp}|".encode() + body)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def plivo_signatures(token: str, url: str, fields: Mapping[str, Sequence[str]], nonce: str) -> list[str]:
    """X-Plivo-Signature-V3 of a POST: over the URL with its query sorted, the form sorted, and the nonce.

    Where the URL has no query, Plivo's libraries put a question mark before the form, and its documents a full stop: either will do.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    asked = "&".join(f"{name}={value}" for name in sorted(query) for value in sorted(query[name]))
    form = "".join(f"{name}{value}" for name in sorted(fields) for value in sorted(fields[name]))
    text = f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{asked}" if asked else "")
    joints = [""] if not form else ["."] if asked else ["?", "."]
    signed = [hmac.new(token.encode(), f"{text}{joint}{form}.{nonce}".encode(), hashlib.sha256).digest() for joint in joints]
    return [base64.b64encode(one).decode() for one in signed]


def plivo(token: str, url: str, fields: Mapping[str, Sequence[str]], nonce: str, signatures: str) -> bool:
    """Whether one of the signatures (one for each token of the account, between commas) is this token's."""
    if not (token and nonce and signatures) or len(nonce) > LONGEST or len(signatures) > LONGEST:
        return False
    found = False
    for expected in plivo_signatures(token, url, fields, nonce):
        for one in signatures.split(",")[:8]:
            found |= hmac.compare_digest(expected.encode(), one.strip().encode())
    return found


def vonage(secret: str, application: str, bearer: str, body: bytes, now: float) -> bool:
    """A signed webhook's ``Authorization: Bearer``: of this application, of now, and for this body."""
    kind, _, token = bearer.partition(" ")
    parts = token.strip().split(".")
    if kind.lower() != "bearer" or not secret or len(token) > LONGEST or len(parts) != 3:
        return False
    expected = hmac.new(secret.encode(), f"{parts[0]}.{parts[1]}".encode("utf-8", "replace"), hashlib.sha256).digest()
    header, claims, signature = _json(parts[0]), _json(parts[1]), _bytes(parts[2])
    if header.get("alg") != "HS256" or not hmac.compare_digest(expected, signature):
        return False
    hashed = claims.get("payload_hash")
    whole = isinstance(hashed, str) and hmac.compare_digest(hashed.lower().encode(), hashlib.sha256(body).hexdigest().encode())
    # A token of another application of the same account is another tenant's, perhaps.
    ours = claims.get("application_id") == application
    return whole and ours and _fresh(str(claims.get("iat")), now)


def _fresh(stamp: str, now: float) -> bool:
    return stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and abs(now - int(stamp)) <= TOLERANCE_S


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return b""


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
