"""API keys: ``ok_live_<id>_<secret>``. Only a digest is kept: the secret is random enough to need no slow hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from offhook.errors import Conflict, Fault, Invalid, NotFound, NotPermitted
from offhook.orchestrator.auth.permissions import EVERYTHING, Grant, Permission, Principal
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.keys.repo import Directory
from offhook.orchestrator.keys.ring import Ring
from offhook.orchestrator.keys.schemas import Key, MintedKey, NewResellerKey, NewTenantKey
from offhook.orchestrator.keys.tables import ApiKeyRow
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Services

PREFIX: Final = "ok_live_"
MOST: Final = 200
"""Keys in force that a tenant or a reseller may have."""
KEPT: Final = timedelta(days=30)
"""How long a key that is revoked or over is remembered."""


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


async def create(
    given: Services, scope: TenantScope | ResellerScope, by: Principal, may: frozenset[Permission], body: NewTenantKey | NewResellerKey
) -> MintedKey:
    """A new key. NotPermitted if it could do what its maker cannot, Conflict if there are too many."""
    wanted = sorted(set(body.permissions))
    if beyond := [one for one in wanted if one not in may]:
        raise NotPermitted(f"a key may do no more than its maker: you lack {', '.join(beyond)}")
    now, ring = given.clock(), Ring(scope)
    if body.expires_at is not None and body.expires_at <= now:
        raise Invalid("the key would be over before it begins", faults=(Fault("expires_at", "is not in the future"),))
    if await ring.count(now) >= MOST:
        raise Conflict(f"there are {MOST} keys already: revoke one first")
    id, bearer, hash = mint(now)  # noqa: A001
    row = ApiKeyRow(id=id, **ring.columns, name=body.name, hash=hash, scopes=wanted, created_by=by.id, created_at=now)
    row.expires_at = body.expires_at
    await ring.add(row)
    return MintedKey(**view(row).model_dump(), secret=bearer)


def view(row: ApiKeyRow) -> Key:
    """A key as answers have it."""
    return Key(
        id=row.id,
        name=row.name,
        prefix=f"{PREFIX}{row.id.removeprefix('key_')}_",
        permissions=_permissions(row.scopes),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


async def page(scope: TenantScope | ResellerScope, limit: int, after: str | None) -> list[Key]:
    """Keys that nobody has revoked, the newest first; those that are over among them."""
    return [view(row) for row in await Ring(scope).newest(limit, after)]


async def show(scope: TenantScope | ResellerScope, id: str) -> Key:
    """A key; NotFound."""
    row = await Ring(scope).find(id)
    if row is None:
        raise NotFound("no such key")
    return view(row)


async def revoke(given: Services, scope: TenantScope | ResellerScope, id: str) -> Key:
    """Revoke a key, at once; NotFound."""
    row = await Ring(scope).revoke(id, given.clock())
    if row is None:
        raise NotFound("no such key")
    return view(row)


async def forget_ended(scope: PlatformScope, reseller: str, now: datetime) -> None:
    """A reseller's keys that are good for nothing any more need not outlive it."""
    await Directory(scope).forget_ended(reseller, now)


async def sweep(given: Services) -> int:
    """Forget keys that ended some time ago; how many."""
    async with given.database.platform() as scope:
        return await Directory(scope).sweep(given.clock() - KEPT)


def _permissions(scopes: Sequence[str]) -> list[Permission]:
    return sorted(one for one in EVERYTHING if one in scopes)


def _principal(row: ApiKeyRow) -> Principal:
    return Principal("key", row.id, row.name, (Grant(frozenset(_permissions(row.scopes)), row.tenant_id, row.reseller_id),))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
