"""Resellers' own OAuth clients with systems: what is asked of people then has the reseller's name, and its limits are its own."""

from __future__ import annotations

from offhook.errors import Fault, Invalid, NotFound
from offhook.orchestrator.connections.forms import oauth_of
from offhook.orchestrator.connections.ops import module_of
from offhook.orchestrator.connections.repo import ResellerClients
from offhook.orchestrator.connections.schemas import OwnClient, OwnClientView
from offhook.orchestrator.connections.secrets import client_place
from offhook.orchestrator.connections.tables import ResellerClientRow
from offhook.orchestrator.scope import ResellerScope
from offhook.orchestrator.services import Services

SHOWN = 4


async def every(scope: ResellerScope) -> list[OwnClientView]:
    """All of them, by system, without their secrets."""
    return [_view(row) for row in await ResellerClients(scope).every()]


async def find(scope: ResellerScope, adapter: str, *, lock: bool = False) -> OwnClientView | None:
    """The one with a system."""
    row = await ResellerClients(scope).get(adapter, lock=lock)
    return _view(row) if row else None


async def show(scope: ResellerScope, adapter: str, *, lock: bool = False) -> OwnClientView:
    """The one with a system; NotFound."""
    found = await find(scope, adapter, lock=lock)
    if found is None:
        raise NotFound("no client with this system")
    return found


async def put(scope: ResellerScope, given: Services, adapter: str, body: OwnClient) -> OwnClientView:
    """Keep it. Connections that were made by the one before must be made again, if it was another."""
    try:
        auth = oauth_of(module_of(adapter).manifest)
    except NotFound as error:
        raise Invalid("no such system", faults=(Fault("adapter", "no system of this name is known here"),)) from error
    if auth is None:
        raise Invalid("this system is not connected by OAuth", faults=(Fault("adapter", "it needs no client"),))
    secret = body.client_secret.get_secret_value()
    async with given.database.platform() as platform:  # a reseller has no key of its own
        sealed = await given.vault.seal(platform, client_place(scope.reseller, adapter), secret.encode())
    fields = {"client_id": body.client_id, "client_secret": sealed, "client_secret_end": secret[-SHOWN:] if len(secret) > 12 else ""}
    await ResellerClients(scope).put(adapter, fields, given.clock())
    return await show(scope, adapter)


async def delete(scope: ResellerScope, adapter: str) -> None:
    """Drop it with its secret. Tenants then connect by the operator's, if there is one."""
    await ResellerClients(scope).delete(adapter)


def _view(row: ResellerClientRow) -> OwnClientView:
    return OwnClientView(
        adapter=row.adapter,
        client_id=row.client_id,
        client_secret_end=row.client_secret_end,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
