"""API keys: ``ok_live_<id>_<secret>``. Only a digest is kept: the secret is random enough to need no slow hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final, cast

from offhook.orchestrator.auth.permissions import EVERYTHING, Grant, Permission, Principal
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.keys.repo import Directory
from offhook.orchestrator.keys.tables import ApiKeyRow
from offhook.orchestrator.services import Services

PREFIX: Final = "ok_live_"


def mint(now: datetime) -> tuple[str, str, bytes]:
    """Id, bearer token and digest of a new key."""
    name, secret = new_id("key", now), secrets.token_urlsafe(32)
    return name, f"{PREFIX}{name.removeprefix('key_')}_{secret}", _digest(secret)


async def authenticate(given: Services, bearer: str) -> Principal | None:
    """Whose key this is; None for a wrong, expired or revoked one."""
    tail, _, secret = bearer.removeprefix(PREFIX).partition("_")
    if not bearer.startswith(PREFIX) or not tail.isalnum() or not secret:
        return None
    now = given.clock()
    async with given.database.platform() as scope:
        directory = Directory(scope)
        row = await directory.find(f"key_{tail}", now)
        if row is None or not hmac.compare_digest(row.hash, _digest(secret)):
            return None
        if row.last_used_at is None or row.last_used_at < now - timedelta(minutes=1):
            await directory.used(row.id, now)
        return _principal(row)


def _principal(row: ApiKeyRow) -> Principal:
    permissions = frozenset(cast("Permission", one) for one in row.scopes) & EVERYTHING
    return Principal("key", row.id, row.name, (Grant(permissions, row.tenant_id, row.reseller_id),))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
