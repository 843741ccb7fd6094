"""Accounts with carriers. Their secrets are sealed with the tenant's key, go in and are used, and never come out again."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr

from offhook.errors import Conflict, Fault, Invalid, NotFound, OffhookError
from offhook.orchestrator.carriers.kinds import KINDS, Kind
from offhook.orchestrator.carriers.repo import AccountRepo
from offhook.orchestrator.carriers.schemas import AccountChange, AccountView, Credentials, NewAccount, SecretView
from offhook.orchestrator.carriers.tables import CarrierAccountRow
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

SHOWN: Final = 4
_SETTINGS: Final = frozenset({"space", "public_key", "application_id"})
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
    fields["settings"] = new.settings
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
    row = _found(await AccountRepo(scope).get(id))
    kind, named = KINDS[row.kind], changes.model_fields_set
    _fitting(kind, row, changes)
    fields = changes.model_dump(include=named & {"label", "api_key_sid"})
    fields |= await _seal(scope, given, id, {name: getattr(changes, name) for name in _SECRETS if name in named})
    told = {name: getattr(changes, name) for name in kind.settings if name in named}
    if told:
        fields["settings"] = {name: value for name, value in (row.settings | told).items() if value}
    if fields:
        await AccountRepo(scope).change(id, fields, given.clock())
    return await show(scope, given, id)


def _fitting(kind: Kind, row: CarrierAccountRow, changes: AccountChange) -> None:
    """Invalid for what an account of this kind does not have, or cannot be without."""
    named = changes.model_fields_set
    faults = [Fault(name, f"{kind.title} knows no {name}") for name in (named & _SETTINGS) - set(kind.settings) if getattr(changes, name)]
    if row.kind == "twilio" and ("api_key_sid" in named) != ("api_key_secret" in named):
        faults.append(Fault("api_key_sid", "api_key_sid and api_key_secret belong together"))
    if row.kind != "twilio" and changes.api_key_sid is not None:
        faults.append(Fault("api_key_sid", f"{kind.title} knows no api_key_sid"))
    if not kind.secret and changes.api_key_secret is not None:
        faults.append(Fault("api_key_secret", f"{kind.title} knows no api_key_secret"))
    faults += [Fault(name, f"{kind.title} needs {name}") for name in sorted(named & kind.needed) if not getattr(changes, name)]
    for name, shape in kind.settings.items():
        if getattr(changes, name) and not re.fullmatch(shape, getattr(changes, name)):
            faults.append(Fault(name, f"not of the form that {kind.title} gives out"))
    if faults:
        raise Invalid("the account cannot be changed so", faults=tuple(faults))


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
        kind=row.kind,
        settings=row.settings,
        account_sid=row.account_sid,
        auth_token=SecretStr(token.decode()),
        api_key_sid=row.api_key_sid,
        api_key_secret=SecretStr(secret.decode()) if secret else None,
    )


async def faults(scope: TenantScope, given: Services, id: str) -> list[str]:
    """What stands in an account's way here, before its carrier is asked: its secrets, our address; NotFound."""
    found: list[str] = []
    row = _found(await AccountRepo(scope).get(id))
    try:
        opened = await credentials(scope, given, id)
    except OffhookError:
        found.append("the secrets cannot be opened: enter them again")
    else:
        token = opened.auth_token.get_secret_value()
        if row.kind == "twilio" and (len(token) != 32 or not all(letter in "0123456789abcdef" for letter in token.lower())):
            found.append("the auth token is not of the 32 hexadecimal digits that Twilio gives out")
    if not given.settings.public_url:
        found.append("this installation has no public address that the carrier could ring")
    return found


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
        settings=row.settings,
        asked=KINDS[row.kind].asked,
        voice_url=public + KINDS[row.kind].voice if public else "",
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _found(row: CarrierAccountRow | None) -> CarrierAccountRow:
    if row is None:
        raise NotFound("no such carrier account")
    return row
