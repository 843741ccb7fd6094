"""Signatures between processes and from carriers: Standard Webhooks (https://www.standardwebhooks.com) and Twilio. Standard library only.

A secret is ``whsec_`` and base64, as the standard has it; a secret without the prefix is used as its UTF-8 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets as randomness
from collections.abc import Mapping, Sequence
from typing import Final

from offhook.errors import ConfigError, RemoteWireError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
TOLERANCE: Final = 300
"""Seconds that a timestamp may be off, either way."""

_PREFIX: Final = "whsec_"


def new_secret() -> str:
    """A fresh secret of 32 bytes."""
    return _PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        key = secret.encode()
    else:
        encoded = secret[len(_PREFIX) :]
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except binascii.Error as error:
            raise ConfigError("the webhook secret after whsec_ is not base64") from error
    if not key:
        raise ConfigError("the webhook secret is empty")
    return key


def about(action: str, call: str, nonce: str) -> str:
    """A message id that says what the message is for: the signature covers it, but not the address that it is sent to."""
    return f"{action}.{call}.{nonce}"


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature`` for this body; ``timestamp`` is Unix seconds."""
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def headers(secret: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed request."""
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: sign(secret, id, timestamp, body)}


def verify(secrets: Sequence[str], given: Mapping[str, str], body: bytes, now: float, tolerance: float = TOLERANCE) -> str:
    """Return the message's id, or raise RemoteWireError saying what is wrong.

    ``given`` are the request's headers, looked up by lower-case name. Any of several secrets may have signed, so that
    one can be replaced without a gap.
    """
    message, stamp, signatures = (given.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (message and stamp and signatures):
        raise RemoteWireError("the request is not signed: webhook-id, webhook-timestamp and webhook-signature are needed")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise RemoteWireError("webhook-timestamp is not a number of seconds")
    if abs(now - int(stamp)) > tolerance:
        raise RemoteWireError("webhook-timestamp is too far from the present")
    expected = [sign(secret, message, int(stamp), body).encode() for secret in secrets]
    found = False
    for signature in signatures.split(" ")[:16]:
        for one in expected:
            found |= hmac.compare_digest(one, signature.encode())
    if not found:
        raise RemoteWireError("the signature does not fit the request")
    return message


def twilio_signature(token: str, url: str, params: Mapping[str, str | Sequence[str]]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 over the exact URL and the sorted form fields, each distinct value once."""
    text = url
    for name in sorted(params):
        value = params[name]
        values = [value] if isinstance(value, str) else sorted(set(value))
        text += "".join(name + one for one in values)
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def verify_twilio(token: str, url: str, params: Mapping[str, str | Sequence[str]], signature: str) -> bool:
    """Whether Twilio signed this request to the configured public URL."""
    return bool(token) and hmac.compare_digest(twilio_signature(token, url, params).encode(), signature.encode())


def visit(secret: str, origin: str, until: int) -> str:
    """A pass for pages of one origin (empty: for who is no page): until a Unix second they may offer calls to an engine."""
    return f"{until}.{_visited(secret, origin, until)}"


def is_visit(secret: str, given: str, origin: str, now: float) -> bool:
    """Whether a pass is good for this origin, now."""
    until, _, signature = given.partition(".")
    if not (secret and until.isascii() and until.isdigit() and len(until) <= 12) or int(until) < now:
        return False
    return hmac.compare_digest(_visited(secret, origin, int(until)).encode(), signature.encode())


def _visited(secret: str, origin: str, until: int) -> str:
    digest = hmac.new(_key(secret), f"visit.{until}.{origin}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def turn_credentials(secret: str, until: int) -> tuple[str, str]:
    """Name and password at a TURN server that shares a secret with us (``use-auth-secret`` of coturn), good until a Unix second."""
    name = f"{until}:offhook"
    return name, base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode()


def plivo_signature(token: str, url: str, nonce: str) -> str:
    """X-Plivo-Signature-V3 of a request that has no form: HMAC-SHA256 over the URL and the nonce."""
    return base64.b64encode(hmac.new(token.encode(), f"{url}.{nonce}".encode(), hashlib.sha256).digest()).decode()


def verify_plivo_upgrade(token: str, url: str, nonce: str, signatures: str) -> bool:
    """Whether Plivo signed a websocket's upgrade; the header may hold a signature for each token of an account."""
    expected = plivo_signature(token, url, nonce).encode()
    found = False
    for signature in signatures.split(",")[:8]:
        found |= hmac.compare_digest(expected, signature.strip().encode())
    return bool(token and nonce) and found
