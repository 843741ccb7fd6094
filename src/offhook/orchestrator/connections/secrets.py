"""Where the vault knows a connection's secrets to belong: to this tenant, this connection and this field, and to no other."""

from __future__ import annotations

from collections.abc import Mapping

from offhook.errors import AdapterUnauthorized, ConfigError
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.seal import Unsealable


def place(connection: str, field: str) -> str:
    """Of a secret field of the form."""
    return f"connection/{connection}/field/{field}"


def token_place(connection: str, which: str) -> str:
    """Of a token: ``access`` or ``refresh``."""
    return f"connection/{connection}/token/{which}"


def exchange_place(connection: str, exchange: str) -> str:
    """Of the bodies of an exchange."""
    return f"connection/{connection}/exchange/{exchange}"


def flow_place(flow: str) -> str:
    """Of the PKCE verifier of an authorisation under way, and of the form's fields."""
    return f"oauth_flow/{flow}/kept"


def code_place(flow: str) -> str:
    """Of the code that has come back."""
    return f"oauth_flow/{flow}/code"


def client_place(reseller: str, adapter: str) -> str:
    """Of a reseller's client secret: sealed with the platform's key, as all resellers' are, so the place says whose it is."""
    return f"reseller_oauth_client/{reseller}/{adapter}/client_secret"


async def seal_all(scope: TenantScope, given: Services, connection: str, secrets: Mapping[str, str]) -> dict[str, bytes]:
    """The secret fields of a form, sealed."""
    return {name: await given.vault.seal(scope, place(connection, name), value.encode()) for name, value in secrets.items()}


async def open_all(scope: TenantScope, given: Services, connection: str, adapter: str, sealed: Mapping[str, bytes]) -> dict[str, str]:
    """The secret fields again; AdapterUnauthorized for what cannot be opened."""
    return {name: await open_one(scope, given, place(connection, name), adapter, value) for name, value in sealed.items()}


async def open_one(scope: TenantScope, given: Services, place: str, adapter: str, sealed: bytes) -> str:
    """A secret again; AdapterUnauthorized."""
    try:
        return (await given.vault.open(scope, place, sealed)).decode()
    except (ConfigError, Unsealable) as error:
        raise AdapterUnauthorized(adapter, "this connection's key cannot be opened: connect it again", detail=error.public) from error
