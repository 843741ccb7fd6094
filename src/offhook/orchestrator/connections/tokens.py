"""Tokens of OAuth connections: kept sealed, renewed by one at a time, revoked at the end.

A system may give a new refresh token with each renewal and end the old one, so that two who renew at once would end each other's. So
whoever renews holds the token's row until the new ones are committed; everybody else finds the next generation when they get it. Nothing
cuts a renewal short: an answer that nobody kept would be a connection lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from offhook.adapters.http import Priority
from offhook.adapters.port import Manifest, OAuth
from offhook.errors import AdapterUnauthorized, AdapterUnavailable
from offhook.orchestrator.connections import health
from offhook.orchestrator.connections.clients import Client, client_of
from offhook.orchestrator.connections.forms import oauth_of
from offhook.orchestrator.connections.repo import Tokens
from offhook.orchestrator.connections.secrets import open_one, token_place
from offhook.orchestrator.connections.tables import TokenRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

WITHIN_S: Final = 8.0
"""Seconds that a system has to give tokens. Shorter than the database lets a row be waited for."""
TRIES: Final = 2
MOST: Final = 64 * 1024
EARLY: Final[Mapping[Priority, timedelta]] = {"work": timedelta(minutes=5), "live": timedelta(seconds=20)}
"""How long before their end tokens are renewed; a caller does not wait for what can be done later."""
OURS: Final = frozenset(
    {"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_scope", "temporarily_unavailable",
     "server_error"}
)  # fmt: skip
"""Errors (RFC 6749 section 5.2) that say nothing of the connection: our client is wrong, or the system is."""


class Refused(Exception):
    """The system gives no tokens for this code or refresh token any more."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a system has given."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_in: float | None
    scope: str


@dataclass(frozen=True, slots=True)
class Access:
    """An access token, of which generation, and until when it is good."""

    token: str = field(repr=False)
    generation: int
    expires_at: datetime | None

    def over(self, now: datetime, early: timedelta) -> bool:
        """Whether it should be renewed."""
        return self.expires_at is not None and now >= self.expires_at - early


class TokenSigner:
    """Signs a connection's requests with its access token; see ``adapters.http.Signer``."""

    def __init__(self, given: Services, tenant: str, connection: str, manifest: Manifest, priority: Priority = "work") -> None:
        self._given, self._tenant, self._connection, self._manifest = given, tenant, connection, manifest
        self._early = EARLY[priority]
        self._access: Access | None = None

    async def headers(self) -> Mapping[str, str]:
        """The token, renewed where it is about to end."""
        if self._access is None:
            self._access = await _access(self._given, self._tenant, self._connection, self._manifest)
        if self._access.over(self._given.clock(), self._early):
            self._access = await renewed(self._given, self._tenant, self._connection, self._manifest, self._access.generation)
        return {"authorization": f"Bearer {self._access.token}"}

    async def renew(self, used: Mapping[str, str]) -> bool:
        """After a 401: by whoever is first; the others use what that one got."""
        if self._access is None or used.get("authorization") != f"Bearer {self._access.token}":
            return True  # renewed meanwhile
        self._access = await renewed(self._given, self._tenant, self._connection, self._manifest, self._access.generation)
        return True


async def keep(scope: TenantScope, given: Services, connection: str, owner: str, granted: Granted) -> None:
    """Keep tokens in the place of what there is. The refresh token stays where none came with them."""
    now, repo = given.clock(), Tokens(scope)
    old = await repo.get(connection, lock=True)
    fields: dict[str, Any] = {
        "access_token": await given.vault.seal(scope, token_place(connection, "access"), granted.access.encode()),
        "granted": granted.scope,
        "owner": owner,
        "generation": old.generation + 1 if old else 1,
        "expires_at": now + timedelta(seconds=granted.expires_in) if granted.expires_in is not None else None,
        "renewed_at": now,
        "warned_at": None,
    }
    if granted.refresh is not None:
        fields["refresh_token"] = await given.vault.seal(scope, token_place(connection, "refresh"), granted.refresh.encode())
    await repo.put(connection, fields)


async def renewed(given: Services, tenant: str, connection: str, manifest: Manifest, generation: int) -> Access:
    """The access token that follows this generation: asked for, unless somebody has. Within no transaction.

    AdapterUnauthorized where the system refuses, which makes the connection expired; AdapterUnavailable where it does not answer.
    """
    auth = oauth_of(manifest)
    if auth is None:
        raise AdapterUnauthorized(manifest.id, "this connection has no authorisation")
    async with given.systems.alone(tenant, connection):  # few of this process wait in the database
        async with given.database.tenant(tenant) as scope:
            row = await _row(scope, connection, manifest)
            if row.generation != generation:
                return await _opened(scope, given, row, manifest)
        client = await client_of(given, row.owner, manifest.id)
        if client is None:
            raise AdapterUnavailable(manifest.id, "there is no client any more by which this connection was authorised")
        with anyio.CancelScope(shield=True):
            access = await _renew(given, tenant, connection, manifest, auth, client, generation)
            if access is None:
                await health.expire(given, tenant, connection, health.ENDED)
        if access is None:
            raise AdapterUnauthorized(manifest.id, "the system does not renew this connection's authorisation any more")
        return access


async def _renew(
    given: Services, tenant: str, connection: str, manifest: Manifest, auth: OAuth, client: Client, generation: int
) -> Access | None:
    async with given.database.tenant(tenant) as scope:
        row = await _row(scope, connection, manifest, lock=True)
        if row.generation == generation:
            if row.refresh_token is None:
                return None
            refresh = await open_one(scope, given, token_place(connection, "refresh"), manifest.id, row.refresh_token)
            try:
                granted = await ask(given, manifest.id, auth, client, "refresh_token", {"refresh_token": refresh})
            except Refused:
                await Tokens(scope).note(connection, {"refresh_token": None})  # it is worth nothing: those who wait need not ask too
                return None
            await keep(scope, given, connection, row.owner, granted)
            row = await _row(scope, connection, manifest)
        return await _opened(scope, given, row, manifest)


async def ask(given: Services, adapter: str, auth: OAuth, client: Client, grant: str, values: Mapping[str, str]) -> Granted:
    """Ask the system for tokens (RFC 6749 sections 4.1.3 and 6); Refused, AdapterUnavailable.

    An answer that did not come is asked for once more with the same words: a system that rotates takes them again for a while, or says
    that it does not.
    """
    body = prepare_token_request(grant, **values)
    plain = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    method = "client_secret_basic" if auth.client_auth == "basic" else "client_secret_post" if client.secret else "none"
    url, headers, body = ClientAuth(client.id, client.secret, method).prepare("POST", auth.token_url, plain, body)
    status, answer = await _said(given, adapter, url, headers, body.encode())
    found = _object(answer)
    if status == 200 and isinstance(found.get("access_token"), str) and found["access_token"]:
        refresh, scope, ends = found.get("refresh_token"), found.get("scope"), found.get("expires_in")
        return Granted(
            found["access_token"],
            refresh if isinstance(refresh, str) and refresh else None,
            max(0.0, float(ends)) if isinstance(ends, int | float) or (isinstance(ends, str) and ends.isdigit()) else None,
            scope[:2_000] if isinstance(scope, str) else "",
        )
    error = found.get("error")
    if status in {400, 401, 403} and error not in OURS:
        raise Refused
    known = f": {error}" if isinstance(error, str) and error in OURS else ""
    raise AdapterUnavailable(adapter, f"the system gives no authorisation now ({status}{known})")


async def revoke(given: Services, adapter: str, auth: OAuth, client: Client, token: str, kind: str) -> bool:
    """Tell the system that a token is over (RFC 7009); whether it took it."""
    body = str(httpx.QueryParams({"token": token, "token_type_hint": kind}))
    plain = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    method = "client_secret_basic" if auth.client_auth == "basic" else "client_secret_post" if client.secret else "none"
    url, headers, body = ClientAuth(client.id, client.secret, method).prepare("POST", auth.revoke_url, plain, body)
    try:
        status, _ = await _said(given, adapter, url, headers, body.encode())
    except AdapterUnavailable:
        return False
    return 200 <= status < 300


async def _said(given: Services, adapter: str, url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
    trouble: Exception | None = None
    for _ in range(TRIES):
        try:
            with anyio.fail_after(WITHIN_S / TRIES):
                async with given.systems.client(adapter) as client, client.stream("POST", url, headers=headers, content=content) as got:
                    answer = b""
                    async for piece in got.aiter_bytes():
                        answer += piece
                        if len(answer) > MOST:
                            raise AdapterUnavailable(adapter, "the system's answer is longer than tokens are")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            trouble = error
        else:
            if got.status_code < 500:
                return got.status_code, answer
            trouble = None
    raise AdapterUnavailable(adapter, "the system cannot be asked for its authorisation", detail=str(trouble)) from trouble


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _access(given: Services, tenant: str, connection: str, manifest: Manifest) -> Access:
    async with given.database.tenant(tenant) as scope:
        return await _opened(scope, given, await _row(scope, connection, manifest), manifest)


async def _row(scope: TenantScope, connection: str, manifest: Manifest, *, lock: bool = False) -> TokenRow:
    row = await Tokens(scope).get(connection, lock=lock)
    if row is None:
        raise AdapterUnauthorized(manifest.id, "this connection has no authorisation any more: connect it again")
    return row


async def _opened(scope: TenantScope, given: Services, row: TokenRow, manifest: Manifest) -> Access:
    token = await open_one(scope, given, token_place(row.connection_id, "access"), manifest.id, row.access_token)
    return Access(token, row.generation, row.expires_at)
