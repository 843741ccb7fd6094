"""The state that goes with somebody to a system and comes back: signed, for one purpose, good for ten minutes. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

LIFETIME: Final = timedelta(minutes=10)
LONGEST: Final = 2_000
_ALGORITHM: Final = "HS256"
_PURPOSE: Final = "offhook connection"
_CLAIMS: Final = ("tid", "rid", "uid", "prov", "n", "host", "ret")


@dataclass(frozen=True, slots=True)
class State:
    """Who connects what, and where they go on."""

    tenant: str
    reseller: str
    person: str
    adapter: str
    nonce: str
    host: str
    path: str


def sign(secrets: Sequence[str], state: State, now: datetime) -> str:
    """A compact token, by the first secret."""
    values = (state.tenant, state.reseller, state.person, state.adapter, state.nonce, state.host, state.path)
    claims: dict[str, Any] = dict(zip(_CLAIMS, values, strict=True))
    kid, key = _key(secrets[0])
    return jwt.encode({"alg": _ALGORITHM, "kid": kid}, claims | {"aud": _PURPOSE, "exp": int((now + LIFETIME).timestamp())}, key)


def read(secrets: Sequence[str], token: str, now: datetime) -> State | None:
    """What was signed; None for what is forged, of another purpose, over, or by a key that we do not know."""
    if not 0 < len(token) <= LONGEST:
        return None
    known = dict(_key(one) for one in secrets)
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
        key = known.get(kid) if isinstance(kid, str) else None
        if key is None:
            return None
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
    except (JoseError, ValueError, TypeError):
        return None
    ends, values = claims.get("exp"), [claims.get(name) for name in _CLAIMS]
    if claims.get("aud") != _PURPOSE or not isinstance(ends, int) or ends <= now.timestamp():
        return None
    texts = [one for one in values if isinstance(one, str)]
    return State(*texts) if len(texts) == len(_CLAIMS) else None


def nonce_id(nonce: str) -> str:
    """By what a nonce's row goes."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def session_hash(session: str) -> bytes:
    """What is kept of the session that began: not what the session itself is found by."""
    return hashlib.sha256(b"offhook connection session " + session.encode()).digest()


def handoff_hash(handoff: str) -> bytes:
    """What is kept of a handoff code."""
    return hashlib.sha256(handoff.encode()).digest()


def _key(secret: str) -> tuple[str, OctKey]:
    made = hmac.digest(secret.encode(), _PURPOSE.encode(), "sha256")
    return hashlib.sha256(made).hexdigest()[:12], OctKey.import_key(made)
