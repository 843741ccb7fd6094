"""Webhooks of business systems: who may send one, what is answered, and that each is taken once.

A system is given an address of its own for each connection. The token in it is ours; whether the message is the system's is for the
adapter to say, by its signature where it has one.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from offhook.adapters.port import Heard, Incoming
from offhook.errors import AdapterError, AdapterUnauthorized, NotFound
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.connections.opening import opened, secret
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.sync import ops
from offhook.orchestrator.sync.repo import SyncRepo
from offhook.orchestrator.tenants import ops as tenants

KEPT: Final = timedelta(days=7)
"""How long a message is remembered: longer than any vendor sends it again."""
log = logging.getLogger(__name__)


def token(given: Services, tenant: str, connection: str) -> str:
    """What the address of a connection's webhook ends with."""
    secret = given.settings.secret.get_secret_value().encode()
    return hmac.new(secret, f"hooks in\n{tenant}\n{connection}".encode(), hashlib.sha256).hexdigest()[:40]


def address(given: Services, tenant: str, connection: str) -> str:
    """Where a system sends what happens: to be set there by hand, where ``watch`` cannot."""
    return f"{given.settings.connect}/hooks/in/{tenant}/{connection}/{token(given, tenant, connection)}"


def by_hand(adapter: str) -> bool:
    """Whether the owner has to enter that address in the system: it tells of changes, and cannot be asked to."""
    hooks = connections.module_of(adapter).manifest.hooks
    return hooks is not None and not hooks.subscribe


async def take(given: Services, tenant: str, connection: str, shown: str, incoming: Incoming) -> Heard:
    """Check a message and have the connection read; NotFound for an address that is not ours, AdapterUnauthorized for a bad signature."""
    if not hmac.compare_digest(token(given, tenant, connection).encode(), shown.encode()):
        raise NotFound("no such address")
    async with given.database.tenant(tenant) as scope:
        found = await connections.show(scope, connection)
    if found.state != "active":
        return Heard(changed=False)  # vendors give up on an address that refuses; this one is used again after a reconnect
    heard = await _read(given, tenant, connection, shown, incoming)
    if heard is None:
        log.warning("a message that a business system did not sign", extra={"tenant": tenant, "connection": connection})
        raise AdapterUnauthorized(found.adapter, "the message is not signed by the system")
    if heard.changed:
        async with given.database.tenant(tenant) as scope:
            await _taken(scope, given, connection, heard)
    return heard


async def _read(given: Services, tenant: str, connection: str, shown: str, incoming: Incoming) -> Heard | None:
    """None for a message that is not the system's: anybody can send such, so it says nothing of the connection's health."""
    async with opened(given, tenant, connection) as system:
        hooks = system.manifest.hooks
        own = await secret(given, tenant, connection, hooks.secret) if hooks and hooks.secret else ""
        try:
            # Only a system that we gave the address to by ``watch`` may show its end for a signature.
            return system.adapter.hear(incoming, own or (shown if hooks and hooks.subscribe else ""))
        except AdapterUnauthorized:
            return None


async def _taken(scope: TenantScope, given: Services, connection: str, heard: Heard) -> None:
    repo = SyncRepo(scope, connection)
    if await repo.state() is None:
        return
    if heard.once and not await repo.heard(heard.once[:200], given.clock(), KEPT):
        return
    await ops.soon(scope, given, connection)


async def watch(given: Services, tenant: str, connection: str) -> None:
    """Have the system tell us of changes, where it can; asked again each day, since some forget."""
    try:
        async with opened(given, tenant, connection) as system:
            if system.manifest.hooks is None or not system.manifest.hooks.subscribe:
                return
            await system.adapter.watch(address(given, tenant, connection))
    except (AdapterError, NotFound) as error:
        log.warning("a business system does not tell of changes: %s", error.public, extra={"tenant": tenant, "connection": connection})
        return
    async with given.database.tenant(tenant) as scope:
        await SyncRepo(scope, connection).put(watched_at=given.clock())


async def watch_all(given: Services) -> None:
    """``watch`` for every active connection of every tenant."""
    async with given.database.platform() as platform:
        everybody = await tenants.every(platform)
    for tenant in everybody:
        async with given.database.tenant(tenant) as scope:
            active = [one.id for one in await connections.active(scope, capability="hooks")]
        for connection in active:
            await given.queue.configure_task(ops.WATCH).defer_async(tenant=tenant, connection=connection)


def incoming_of(headers: Mapping[str, str], query: Mapping[str, str], body: bytes, url: str) -> Incoming:
    """A request as adapters read it."""
    return Incoming({name.lower(): value for name, value in headers.items()}, dict(query), body, url)
