"""Who we are to a system: the reseller's own OAuth client, else the operator's."""

from __future__ import annotations

from dataclasses import dataclass, field

from offhook.errors import ConfigError
from offhook.orchestrator.connections.repo import LentClients
from offhook.orchestrator.connections.secrets import client_place
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.seal import Unsealable


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client. ``owner`` is the reseller whose it is, empty for the operator's."""

    owner: str
    id: str
    secret: str = field(repr=False)


async def client_for(given: Services, reseller: str, adapter: str) -> Client | None:
    """With which client a tenant of this reseller connects a system; None if it cannot be connected so."""
    return await client_of(given, reseller, adapter) or await client_of(given, "", adapter)


async def client_of(given: Services, owner: str, adapter: str) -> Client | None:
    """The client of this reseller, or the operator's; ConfigError where its secret cannot be opened."""
    if not owner:
        one = given.settings.oauth_clients.get(adapter)
        return Client("", one.id, one.secret.get_secret_value()) if one else None
    async with given.database.platform() as scope:
        row = await LentClients(scope).get(owner, adapter)
        if row is None:
            return None
        client_id, sealed = row
        try:
            secret = await given.vault.open(scope, client_place(owner, adapter), sealed)
        except Unsealable as error:
            raise ConfigError("the secret of a reseller's OAuth client cannot be opened") from error
    return Client(owner, client_id, secret.decode())


async def with_client(given: Services, reseller: str) -> frozenset[str]:
    """Systems that tenants of this reseller can connect by OAuth."""
    async with given.database.platform() as scope:
        own = await LentClients(scope).adapters(reseller)
    return own | frozenset(given.settings.oauth_clients)
