"""Links to one call for people without an account: signed, good for a week, and called in all at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from offhook.errors import NotFound
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.calls.schemas import Share
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

GOOD_FOR: Final = timedelta(days=7)
PREFIX: Final = "/shared/calls/"
LONGEST: Final = 600
_MAC: Final = 32


@dataclass(frozen=True, slots=True)
class Shared:
    """What a token is for."""

    tenant: str
    call: str
    shares: int
    expires_at: datetime


async def share(access: TenantAccess, call: str) -> Share:
    """A link to a call; NotFound. Written down."""
    found = await ops.get(access.scope, call)
    expires = (access.given.clock() + GOOD_FOR).replace(microsecond=0)
    token = _sealed(access.given, Shared(access.scope.tenant, call, found.shares, expires))
    await access.audit("call.shared", call, {"expires_at": expires.isoformat()})
    return Share(path=PREFIX + token, expires_at=expires)


async def call_in(access: TenantAccess, call: str) -> None:
    """No link to this call is good any longer; NotFound. Written down."""
    found = await ops.locked(access.scope, call)
    await CallRepo(access.scope).change(call, shares=found.shares + 1)
    await access.audit("call.share.revoked", call)


def opened(given: Services, token: str) -> Shared:
    """What a token is for; NotFound for one that is none of ours, or too old. Whether it was called in: ``check``."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        mac, body = raw[:_MAC], raw[_MAC:]
        if not hmac.compare_digest(mac, _mac(given, body)):
            raise _nothing()
        tenant, call, shares, until = json.loads(body)
    except ValueError:
        raise _nothing() from None
    found = Shared(tenant, call, shares, datetime.fromtimestamp(until, UTC))
    if found.expires_at <= given.clock():
        raise _nothing()
    return found


async def check(scope: TenantScope, shared: Shared) -> None:
    """NotFound where the link was called in, or its call is deleted."""
    if (await ops.get(scope, shared.call)).shares != shared.shares:
        raise _nothing()


def _sealed(given: Services, one: Shared) -> str:
    body = json.dumps([one.tenant, one.call, one.shares, int(one.expires_at.timestamp())], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(given, body) + body).decode().rstrip("=")


def _mac(given: Services, body: bytes) -> bytes:
    key = hashlib.sha256(b"shared call" + given.settings.secret.get_secret_value().encode()).digest()
    return hmac.digest(key, body, "sha256")


def _nothing() -> NotFound:
    return NotFound("no such link, or it is over")
