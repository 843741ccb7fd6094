"""What connections do, for their routes and for other domains. ``opening.opened`` is how they are talked over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from offhook.adapters.http import FixedSigner, Signer
from offhook.adapters.model import Account, Choice
from offhook.adapters.modules import Module
from offhook.adapters.modules import found as adapters
from offhook.adapters.port import Capability, Manifest
from offhook.errors import AdapterError, AdapterUnauthorized, AdapterUnavailable, Conflict, Fault, Invalid, NotFound, Unreachable
from offhook.orchestrator.connections.clients import client_of, with_client
from offhook.orchestrator.connections.forms import Way, checked, oauth_of, parted, system, way_of
from offhook.orchestrator.connections.health import failed as failed
from offhook.orchestrator.connections.health import succeeded as succeeded
from offhook.orchestrator.connections.opening import key_signer, opened, tried
from offhook.orchestrator.connections.repo import After, ConnectionRepo, Everybodys, Exchanges, Secrets, Tokens
from offhook.orchestrator.connections.schemas import Connection, ExchangeView, Kind, System, Tested
from offhook.orchestrator.connections.secrets import open_one, seal_all, token_place
from offhook.orchestrator.connections.tables import ConnectionRow, TokenRow
from offhook.orchestrator.connections.tokens import Granted, keep, revoke
from offhook.orchestrator.connections.views import view
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Tenant, known_zone

CONNECTED: Final = "connection_connected"
"""Name of the job that tells other domains of a connection that works, again or for the first time: their jobs' ``connected``."""
DISCONNECTED: Final = "connection_disconnected"
"""The same of one that is off: their jobs' ``disconnected``."""
MOST: Final = 50
"""Connections of one tenant."""
_PATH: Final = re.compile(r"[a-z_]{1,40}(\.[A-Za-z0-9_-]{1,60}){0,3}")


# what other domains ask


async def every(scope: TenantScope) -> list[Connection]:
    """All of a tenant's, the oldest first."""
    modules = adapters()
    return [view(row, modules.get(row.adapter)) for row in await ConnectionRepo(scope).every()]


async def active(scope: TenantScope, *, kind: Kind | None = None, capability: Capability | None = None) -> list[Connection]:
    """Those that work, the oldest first: of this kind, whose system can do this."""
    modules = adapters()
    found = []
    for one in await every(scope):
        module = modules.get(one.adapter)
        able = module is not None and (capability is None or capability in module.manifest.capabilities)
        if one.state == "active" and able and kind in {None, one.kind}:
            found.append(one)
    return found


async def show(scope: TenantScope, id: str) -> Connection:
    """A connection; NotFound."""
    return _view(await _row(scope, id))


async def working(scope: PlatformScope) -> list[tuple[str, str, str]]:
    """Tenant, id and adapter of all connections that are active, for jobs that go through them."""
    return await Everybodys(scope).working()


async def synced(scope: TenantScope, given: Services, id: str) -> None:
    """What its system had to tell has been read."""
    await ConnectionRepo(scope).note(id, {"synced_at": given.clock()})


# what owners do


async def systems(given: Services, reseller: str) -> list[System]:
    """What a tenant of this reseller can connect, by title."""
    able = await with_client(given, reseller)
    modules = adapters()
    found = [system(one.manifest, ways(one.manifest, able)) for one in modules.values()]
    return sorted(found, key=lambda one: one.title.lower())


def ways(manifest: Manifest, able: frozenset[str]) -> list[Way]:
    """How a system can be connected here: by OAuth only where there is a client for it."""
    found = [way_of(one) for one in manifest.auth]
    return [one for one in found if one != "oauth" or manifest.id in able]


async def page(scope: TenantScope, limit: int, after: After) -> list[Connection]:
    """Some of a tenant's, the newest first."""
    modules = adapters()
    return [view(row, modules.get(row.adapter)) for row in await ConnectionRepo(scope).page(limit, after)]


@dataclass(frozen=True, slots=True)
class Proven:
    """What is about to be kept: a system has said whose account it is."""

    module: Module
    way: Way
    fields: dict[str, str]
    account: Account


async def prove(given: Services, tenant: str, adapter: str, fields: Mapping[str, str]) -> Proven:
    """Ask a system with the fields of its form, its key among them, whose account it is. Within no transaction.

    Invalid names what is wrong with the form, or that the system does not take it; Unreachable.
    """
    module = module_of(adapter)
    found = [way_of(one) for one in module.manifest.auth]
    way: Way = "key" if "key" in found else "none"
    if way not in found:
        raise Invalid(f"{module.manifest.title} is connected by signing in there")
    values = checked(module.manifest, way, fields)
    signer: Signer = key_signer(module.manifest, values) if way == "key" else FixedSigner()
    return Proven(module, way, values, await whose(given, tenant, module, way, values, signer))


async def whose(given: Services, tenant: str, module: Module, way: Way, values: Mapping[str, str], signer: Signer) -> Account:
    """Whose account a system is that is not connected yet."""
    async with given.database.tenant(tenant) as scope:
        business = await tenants.get(scope)
    title = module.manifest.title
    try:
        async with tried(given, module, way, values, signer, business.timezone, business.region) as adapter:
            return await adapter.verify()
    except AdapterUnauthorized as error:
        said = f"{title} does not take this key" if way == "key" else f"{title}: {error.public}"
        raise Invalid(f"{title} does not take it", faults=(Fault("fields.key", said),), detail=error.detail) from error
    except AdapterUnavailable as error:
        raise Unreachable(f"{title} cannot be reached now: {error.public}", detail=error.detail) from error
    except AdapterError as error:
        raise Invalid(f"{title} cannot be connected: {error.public}", detail=error.detail) from error


async def keep_proven(
    scope: TenantScope, given: Services, proven: Proven, *, id: str | None = None, granted: Granted | None = None, owner: str = ""
) -> tuple[Connection, bool]:
    """Keep a connection, and whether it is a new one.

    ``id`` connects that one again, which must be to the same account. An account that was connected before gets its connection back, with
    all that was chosen. Conflict if it is connected now, or if there are too many.
    """
    manifest, account, now, repo = proven.module.manifest, proven.account, given.clock(), ConnectionRepo(scope)
    await repo.alone(manifest.id)
    # A system that asks for nothing has no accounts: there may be two connections to one host.
    account_id = account.id[:200] if proven.way != "none" else ""
    same = await repo.of_account(manifest.id, account_id)
    old = await _again(repo, manifest, account_id, id, same) if id else same
    if id is None and old is not None and old.state == "active":
        raise Conflict(f"this account of {manifest.title} is connected already")
    plain, hidden = parted(manifest, proven.fields)
    fields = {
        "auth": proven.way,
        "account_id": account_id,
        "account": account.name[:200],
        "timezone": account.timezone if _known(account.timezone) else "",
        "state": "active",
        "problem": "",
        "settings": plain,
        "ok_at": now,
    }
    if old is not None:
        made = old.id
        await repo.change(made, fields, now)
    else:
        if len(await repo.every()) >= MOST:
            raise Conflict(f"a business may have {MOST} connections")
        made = new_id("con", now)
        await repo.add({**fields, "id": made, "adapter": manifest.id, "chosen": {}, "mapping": {}, "created_at": now, "updated_at": now})
    await Secrets(scope).replace(made, await seal_all(scope, given, made, hidden), now)
    if granted is not None:
        await keep(scope, given, made, owner, granted)
    else:
        await Tokens(scope).shred(made)
    await _tell(scope, given, CONNECTED, made)
    return await show(scope, made), old is None


async def _again(repo: ConnectionRepo, manifest: Manifest, account_id: str, id: str, same: ConnectionRow | None) -> ConnectionRow:
    old = await repo.get(id, lock=True)
    if old is None or old.adapter != manifest.id:
        raise NotFound("no such connection")
    if (old.account_id and old.account_id != account_id) or (same is not None and same.id != old.id):
        raise Conflict(f"this is another account of {manifest.title} than the one that was connected: connect it as a new one")
    return old


async def test(given: Services, tenant: str, id: str) -> Tested:
    """Ask the system whose account it is, now. Within no transaction; NotFound."""
    try:
        async with opened(given, tenant, id) as found:
            account = await found.adapter.verify()
    except AdapterError as error:
        return Tested(ok=False, account="", problem=f"{error.public[:1].upper()}{error.public[1:]}.")
    return Tested(ok=True, account=account.name, problem="")


async def choices(given: Services, tenant: str, id: str) -> dict[str, tuple[Choice, ...]]:
    """What there is to choose from, by chooser. Within no transaction; NotFound, Conflict where it must be connected again first,
    Unreachable where the system does not say.
    """
    async with given.database.tenant(tenant) as scope:
        module_of((await show(scope, id)).adapter)
    try:
        async with opened(given, tenant, id) as found:
            return dict(await found.adapter.choices())
    except AdapterUnauthorized as error:
        raise Conflict(f"connect it again first: {error.public}", detail=error.detail) from error
    except AdapterError as error:
        raise Unreachable(f"the system does not say what there is to choose from: {error.public}", detail=error.detail) from error


async def choose(
    scope: TenantScope, given: Services, old: Connection, chosen: Mapping[str, list[str]], offered: Mapping[str, tuple[Choice, ...]]
) -> Connection:
    """Keep what was chosen, all of it; Invalid for what the system has not offered."""
    module = module_of(old.adapter)
    business = await tenants.get(scope)
    faults = _choosing(module.manifest, business, chosen, offered)
    if faults:
        raise Invalid("this cannot be chosen", faults=tuple(faults))
    kept = {name: list(dict.fromkeys(ids)) for name, ids in sorted(chosen.items()) if ids}
    await ConnectionRepo(scope).change(old.id, {"chosen": kept}, given.clock())
    await _tell(scope, given, CONNECTED, old.id)
    return await show(scope, old.id)


async def map_fields(scope: TenantScope, given: Services, old: Connection, mapping: Mapping[str, str]) -> Connection:
    """Keep which of the system's fields are filled from where in a call's result; Invalid."""
    module = module_of(old.adapter)
    faults = [Fault(f"mapping.{name}", "there is no such field") for name in sorted(mapping.keys() - module.manifest.mappable.keys())]
    faults += [
        Fault(f"mapping.{name}", "no place in a call's result") for name, path in mapping.items() if path and not _PATH.fullmatch(path)
    ]
    if faults:
        raise Invalid("these fields cannot be filled so", faults=tuple(faults))
    kept = {name: path for name, path in sorted(mapping.items()) if path}
    await ConnectionRepo(scope).change(old.id, {"mapping": kept}, given.clock())
    return await show(scope, old.id)


@dataclass(frozen=True, slots=True)
class Ending:
    """The tokens of a connection that has been switched off, to be revoked once that is committed."""

    adapter: str
    owner: str
    tokens: tuple[tuple[str, str], ...]


async def disconnect(scope: TenantScope, given: Services, old: Connection) -> Ending | None:
    """Switch it off: its secrets and tokens are deleted. What was chosen and what refers to it stays, for if it is connected again."""
    row = await Tokens(scope).get(old.id, lock=True)
    ending = await _ending(scope, given, old, row) if row else None
    await Secrets(scope).shred(old.id)
    await Tokens(scope).shred(old.id)
    await ConnectionRepo(scope).change(old.id, {"state": "off", "problem": ""}, given.clock())
    await _tell(scope, given, DISCONNECTED, old.id)
    return ending


async def end(given: Services, ending: Ending) -> bool:
    """Revoke the tokens at the system; whether it took that. Within no transaction."""
    module = adapters().get(ending.adapter)
    auth = oauth_of(module.manifest) if module else None
    client = await client_of(given, ending.owner, ending.adapter)
    if auth is None or not auth.revoke_url or client is None:
        return False
    taken = [await revoke(given, ending.adapter, auth, client, token, kind) for kind, token in ending.tokens]
    return any(taken)


async def exchanges(scope: TenantScope, id: str, limit: int, after: str | None) -> list[ExchangeView]:
    """What was said over a connection, the newest first; NotFound."""
    await _row(scope, id)
    names = list(ExchangeView.model_fields)
    rows = await Exchanges(scope).page(id, limit, after)
    return [ExchangeView(**{name: getattr(row, name) for name in names}) for row in rows]


async def locked(scope: TenantScope, id: str) -> Connection:
    """A connection that nobody else changes until the transaction ends; NotFound."""
    return _view(await _row(scope, id, lock=True))


def module_of(adapter: str) -> Module:
    """The adapter of a system; NotFound."""
    found = adapters().get(adapter)
    if found is None:
        raise NotFound("no such system")
    return found


def _view(row: ConnectionRow) -> Connection:
    return view(row, adapters().get(row.adapter))


async def _row(scope: TenantScope, id: str, *, lock: bool = False) -> ConnectionRow:
    found = await ConnectionRepo(scope).get(id, lock=lock)
    if found is None:
        raise NotFound("no such connection")
    return found


async def _ending(scope: TenantScope, given: Services, old: Connection, row: TokenRow) -> Ending:
    sealed = {"refresh_token": row.refresh_token, "access_token": row.access_token}
    found = []
    for kind, value in sealed.items():
        if value is not None:
            try:
                place = token_place(old.id, kind.partition("_")[0])
                found.append((kind, await open_one(scope, given, place, old.adapter, value)))
            except AdapterUnauthorized:  # what cannot be opened cannot be revoked, and goes all the same
                continue
    return Ending(old.adapter, row.owner, tuple(found))


async def _tell(scope: TenantScope, given: Services, job: str, id: str) -> None:
    queued = given.queue.configure_task(job, connection=await raw_connection(scope.session))
    await queued.defer_async(tenant=scope.tenant, connection=id)


def _choosing(
    manifest: Manifest, business: Tenant, chosen: Mapping[str, list[str]], offered: Mapping[str, tuple[Choice, ...]]
) -> list[Fault]:
    faults = []
    of_each = next((one for one in manifest.choosers if one.per_staff), None)
    for name, ids in chosen.items():
        head, _, staff = name.partition("/")
        one = of_each if staff and head == "staff" else next((one for one in manifest.choosers if one.name == name), None)
        if one is None or (staff and staff not in business.diary.staff):
            faults.append(Fault(f"chosen.{name}", "there is nothing of this name to choose"))
            continue
        known = {choice.id for choice in offered.get(one.name, ())}
        if unknown := [each for each in ids if each not in known]:
            faults.append(Fault(f"chosen.{name}", f"{manifest.title} has not offered {', '.join(unknown[:3])}"))
        if len(ids) > 1 and not one.many:
            faults.append(Fault(f"chosen.{name}", "choose one"))
    missing = [one.name for one in manifest.choosers if one.required and not one.per_staff and not chosen.get(one.name)]
    return [*faults, *(Fault(f"chosen.{name}", "choose one") for name in missing)]


def _known(zone: str) -> bool:
    try:
        return bool(zone) and known_zone(zone) == zone
    except ValueError:
        return False
