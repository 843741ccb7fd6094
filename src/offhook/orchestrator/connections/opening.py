"""Opening a connection: the adapter with all that it needs to talk to its system, in transactions that are over before it does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import anyio

from offhook.adapters.http import Exchange, FixedSigner, Http, Pacer, Priority, Signer
from offhook.adapters.modules import Module
from offhook.adapters.modules import found as adapters
from offhook.adapters.port import Adapter, KeyAuth, Link, Manifest
from offhook.errors import AdapterError, AdapterUnauthorized, AdapterUnavailable, NotFound
from offhook.orchestrator.connections import health, secrets
from offhook.orchestrator.connections.forms import parted
from offhook.orchestrator.connections.repo import ConnectionRepo, Exchanges, Secrets
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.connections.tables import ConnectionRow
from offhook.orchestrator.connections.tokens import TokenSigner
from offhook.orchestrator.connections.views import view
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

MOST: Final = 16_384
"""Bytes of each body that are kept for support."""
BATCH: Final = 50
HIDDEN: Final = b"(secret)"


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that can be talked over."""

    connection: Connection
    manifest: Manifest
    adapter: Adapter


@asynccontextmanager
async def opened(given: Services, tenant: str, connection_id: str, *, priority: Priority = "work", call: str = "") -> AsyncIterator[Opened]:
    """The adapter of a connection. Call it within no transaction: it makes its own short ones and holds none while the system is asked.

    NotFound; AdapterUnauthorized where the connection is expired or off. An AdapterError that leaves the block is noted as the
    connection's health, and so is an end without one.
    """
    async with given.database.tenant(tenant) as scope:
        row = await ConnectionRepo(scope).get(connection_id)
        if row is None:
            raise NotFound("no such connection")
        if row.state != "active":
            raise AdapterUnauthorized(row.adapter, row.problem or "this connection is switched off: connect it again")
        module = adapters().get(row.adapter)
        if module is None:
            raise AdapterUnavailable(row.adapter, "the adapter of this connection is not installed here")
        hidden = await secrets.open_all(scope, given, row.id, row.adapter, await Secrets(scope).of(row.id))
        business = await tenants.get(scope)
    one = view(row, module)
    signer = _signer(given, tenant, row, module.manifest, hidden, priority)
    pacer = given.systems.pacer(tenant, row.id, module.manifest.paces)
    tap = Tap(given, tenant, row.id, call, [*hidden.values()])
    link = link_of(row.auth, one.settings, hidden, one.chosen, row.timezone or business.timezone, business.region)
    try:
        async with given.systems.client(row.adapter) as client:
            http = Http(row.adapter, module.manifest.base_url, client, signer, pacer, priority=priority, tap=tap.keep, now=given.clock)
            yield Opened(one, module.manifest, module.adapter(http, link))
    except AdapterError as error:
        await tap.flush()
        # What no system has said, such as a webhook that somebody else has signed, says nothing of the connection.
        if tap.answered or not isinstance(error, AdapterUnauthorized):
            await health.failed(given, tenant, row.id, error)
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await tap.flush()
    if tap.answered:
        await health.succeeded(given, tenant, row.id)


@asynccontextmanager
async def tried(
    given: Services, module: Module, auth: str, fields: Mapping[str, str], signer: Signer, timezone: str, region: str
) -> AsyncIterator[Adapter]:
    """The adapter over a connection that is not kept yet: to ask the system whose it is. Nothing of it is kept."""
    manifest = module.manifest
    plain, hidden = parted(manifest, fields)
    link = link_of(auth, plain, hidden, {}, timezone, region)
    async with given.systems.client(manifest.id) as client:
        yield module.adapter(Http(manifest.id, manifest.base_url, client, signer, Pacer(manifest.paces), now=given.clock), link)


async def secret(given: Services, tenant: str, connection_id: str, field: str) -> str:
    """A secret field of a connection, such as the one that its system's webhooks are signed with; empty where there is none."""
    async with given.database.tenant(tenant) as scope:
        row = await ConnectionRepo(scope).get(connection_id)
        if row is None:
            raise NotFound("no such connection")
        sealed = (await Secrets(scope).of(row.id)).get(field)
        return await secrets.open_one(scope, given, secrets.place(row.id, field), row.adapter, sealed) if sealed else ""


def key_signer(manifest: Manifest, fields: Mapping[str, str]) -> FixedSigner:
    """Sends the key that the owner has pasted."""
    auth = next((one for one in manifest.auth if isinstance(one, KeyAuth)), None)
    if auth is None:
        return FixedSigner()
    return FixedSigner({auth.header: f"{auth.scheme} {fields.get('key', '')}".strip()})


def link_of(
    auth: str,
    settings: Mapping[str, str],
    hidden: Mapping[str, str],
    chosen: Mapping[str, list[str]],
    timezone: str,
    region: str,
) -> Link:
    """What the adapter sees. The key that its requests carry anyway it does not."""
    signed = {"key"} if auth == "key" else set()
    seen = {**settings, **{name: value for name, value in hidden.items() if name not in signed}}
    return Link(seen, {name: tuple(ids) for name, ids in chosen.items()}, timezone, region)


def _signer(given: Services, tenant: str, row: ConnectionRow, manifest: Manifest, hidden: Mapping[str, str], priority: Priority) -> Signer:
    if row.auth == "oauth":
        return TokenSigner(given, tenant, row.id, manifest, priority)
    return key_signer(manifest, hidden) if row.auth == "key" else FixedSigner()


class Tap:
    """Keeps what was said, in a transaction for many: nobody who talks waits for it, but at the end."""

    def __init__(self, given: Services, tenant: str, connection: str, call: str, hidden: list[str]) -> None:
        self._given, self._tenant, self._connection, self._call = given, tenant, connection, call
        self._hidden = [one.encode() for one in hidden if len(one) >= 4]
        self._waiting: list[Exchange] = []
        self.answered = False

    async def keep(self, exchange: Exchange) -> None:
        """Of Http."""
        self.answered = self.answered or exchange.status is not None
        self._waiting.append(exchange)
        if len(self._waiting) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        now = self._given.clock()
        async with self._given.database.tenant(self._tenant) as scope:
            if await ConnectionRepo(scope).get(self._connection) is None:
                return
            rows: list[dict[str, Any]] = []
            for one in waiting:
                id = new_id("exc", now)  # noqa: A001 - what it is
                raw = json.dumps({"url": self._told(one.url.encode()), "sent": self._told(one.sent), "got": self._told(one.got)}).encode()
                row = {
                    "id": id,
                    "connection_id": self._connection,
                    "call_id": self._call,
                    "write_key": one.key,
                    "at": now,
                    "method": one.method,
                    "path": self._told(urlsplit(one.url).path.encode()),
                    "status": one.status,
                    "trouble": one.trouble,
                    "seconds": one.seconds,
                    "sent_sha256": one.sent_hash,
                    "got_sha256": one.got_hash,
                    "raw": await self._given.vault.seal(scope, secrets.exchange_place(self._connection, id), raw),
                }
                rows.append(row)
            await Exchanges(scope).add(rows)

    def _told(self, text: bytes) -> str:
        for one in self._hidden:
            text = text.replace(one, HIDDEN)
        return text[:MOST].decode("utf-8", "replace").replace("\0", "")
