"""Accounts with carriers. Their secrets are sealed with the tenant's key, go in and are used, and never come out again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr

from offhook.errors import Conflict, NotFound, OffhookError
from offhook.orchestrator.carriers.repo import AccountRepo
from offhook.orchestrator.carriers.schemas import AccountChange, AccountTest, AccountView, Credentials, NewAccount, SecretView
from offhook.orchestrator.carriers.tables import CarrierAccountRow
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

VOICE: Final = "/carriers/twilio/voice"
SHOWN: Final = 4
_SECRETS: Final = {"auth_token": "auth_token_end", "api_key_secret": "api_key_end"}


def place(id: str, name: str) -> str:
    """Where a secret belongs, for the vault."""
    return f"carrier/{id}/{name}"


async def create(scope: TenantScope, given: Services, new: NewAccount) -> AccountView:
    """Keep an account."""
    now = given.clock()
    made = new_id("acc", now)
    fields = new.model_dump(include={"kind", "label", "account_sid", "api_key_sid"})
    secrets = {"auth_token": new.auth_token, "api_key_secret": new.api_key_secret}
    fields |= await _seal(scope, given, made, secrets)
    await AccountRepo(scope).add(id=made, created_at=now, updated_at=now, **fields)
    return await show(scope, given, made)


async def show(scope: TenantScope, given: Services, id: str, *, lock: bool = False) -> AccountView:
    """An account without its secrets; NotFound."""
    return _view(given, _found(await AccountRepo(scope).get(id, lock=lock)))


async def page(scope: TenantScope, given: Services, limit: int, after: tuple[datetime, str] | None) -> list[AccountView]:
    """Accounts, newest first."""
    return [_view(given, row) for row in await AccountRepo(scope).page(limit, after)]


async def change(scope: TenantScope, given: Services, id: str, changes: AccountChange) -> AccountView:
    """Change what is given. A new auth token counts from the next webhook on."""
    named = changes.model_fields_set
    fields = changes.model_dump(include=named & {"label", "api_key_sid"})
    fields |= await _seal(scope, given, id, {name: getattr(changes, name) for name in _SECRETS if name in named})
    if fields:
        await AccountRepo(scope).change(id, fields, given.clock())
    return await show(scope, given, id)


async def delete(scope: TenantScope, id: str) -> None:
    """Drop an account with its secrets; Conflict while numbers belong to it."""
    if await numbers.with_account(scope, id):
        raise Conflict("numbers belong to this carrier account: give them another first")
    await AccountRepo(scope).delete(id)


async def credentials(scope: TenantScope, given: Services, id: str) -> Credentials:
    """An account's secrets, opened; NotFound."""
    row = _found(await AccountRepo(scope).get(id))
    token = await given.vault.open(scope, place(id, "auth_token"), row.auth_token)
    secret = await given.vault.open(scope, place(id, "api_key_secret"), row.api_key_secret) if row.api_key_secret else None
    return Credentials(
        account_sid=row.account_sid,
        auth_token=SecretStr(token.decode()),
        api_key_sid=row.api_key_sid,
        api_key_secret=SecretStr(secret.decode()) if secret else None,
    )


async def test(scope: TenantScope, given: Services, id: str) -> AccountTest:
    """Whether the account could be used as far as can be told here: its secrets open, and the carrier can reach us; NotFound."""
    faults: list[str] = []
    _found(await AccountRepo(scope).get(id))
    try:
        opened = await credentials(scope, given, id)
    except OffhookError:
        faults.append("the secrets cannot be opened: enter them again")
    else:
        token = opened.auth_token.get_secret_value()
        if len(token) != 32 or not all(letter in "0123456789abcdef" for letter in token.lower()):
            faults.append("the auth token is not of the 32 hexadecimal digits that Twilio gives out")
    if not given.settings.public_url:
        faults.append("this installation has no public address that the carrier could ring")
    return AccountTest(ok=not faults, faults=faults)


async def _seal(scope: TenantScope, given: Services, id: str, secrets: dict[str, SecretStr | None]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, secret in secrets.items():
        text = secret.get_secret_value() if secret else None
        fields[name] = await given.vault.seal(scope, place(id, name), text.encode()) if text else None
        fields[_SECRETS[name]] = text[-SHOWN:] if text else None
    return fields


def _view(given: Services, row: CarrierAccountRow) -> AccountView:
    public = given.settings.public_url.rstrip("/")
    return AccountView(
        id=row.id,
        kind=row.kind,
        label=row.label,
        account_sid=row.account_sid,
        auth_token=SecretView(set=True, last4=row.auth_token_end),
        api_key_sid=row.api_key_sid,
        api_key_secret=SecretView(set=row.api_key_secret is not None, last4=row.api_key_end),
        voice_url=public + VOICE if public else "",
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _found(row: CarrierAccountRow | None) -> CarrierAccountRow:
    if row is None:
        raise NotFound("no such carrier account")
    return row
