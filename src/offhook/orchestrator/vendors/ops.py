"""Accounts with vendors, a tenant's own and its reseller's. Their keys are sealed, go to engines in plans of calls, and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from offhook.addresses import BadUrl, in_the_clear, take_apart
from offhook.authoring.suggest import suggest
from offhook.contracts.plan import Models
from offhook.errors import ConfigError, Fault, Invalid, NotFound, PreconditionFailed
from offhook.orchestrator.carriers.schemas import SecretView
from offhook.orchestrator.hooks.guard import rules
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.seal import Unsealable
from offhook.orchestrator.vendors.catalogue import Catalogue, Vendor
from offhook.orchestrator.vendors.catalogue import catalogue as catalogue
from offhook.orchestrator.vendors.catalogue import vendor_of as vendor_of
from offhook.orchestrator.vendors.repo import AccountRepo, CallAccounts, Lent, Row, Sealed
from offhook.orchestrator.vendors.schemas import Place, VendorAccount, VendorAccountView

Scope = TenantScope | ResellerScope
SHOWN: Final = 4
log = logging.getLogger(__name__)


# what owners do


async def page(scope: Scope, limit: int, after: str | None) -> list[VendorAccountView]:
    """Accounts by vendor, without their keys."""
    return [_view(row) for row in await AccountRepo(scope).page(limit, after)]


async def find(scope: Scope, vendor: str, *, lock: bool = False) -> VendorAccountView | None:
    """An account; None if there is none with this vendor."""
    row = await AccountRepo(scope).get(vendor, lock=lock)
    return _view(row) if row else None


async def show(scope: Scope, vendor: str, *, lock: bool = False) -> VendorAccountView:
    """An account; NotFound."""
    found = await find(scope, vendor, lock=lock)
    if found is None:
        raise NotFound("no account with this vendor")
    return found


async def check(given: Services, vendor: str, body: VendorAccount) -> None:
    """Invalid with all that is wrong with an account."""
    known = (await catalogue()).vendors
    if vendor not in known:
        there = suggest(vendor, known) or f": there are {', '.join(sorted(known))}"
        raise Invalid("no such vendor", faults=(Fault("vendor", f"no vendor of this name is known here{there}"),))
    if faults := _faults(given, known[vendor], body):
        raise Invalid("no call could use this account", faults=tuple(faults))


async def put(scope: Scope, given: Services, vendor: str, body: VendorAccount, old: VendorAccountView | None) -> VendorAccountView:
    """Keep an account that has been checked, in the place of ``old``; PreconditionFailed if somebody else made one meanwhile."""
    fields: dict[str, Any] = {"base_url": body.base_url.rstrip("/") if body.base_url else None, "region": body.region}
    fields |= await _seal(scope, given, vendor, body.api_key)
    repo, now = AccountRepo(scope), given.clock()
    if old is not None:
        await repo.change(vendor, fields, now)
    elif not await repo.add(vendor, fields, now):
        raise PreconditionFailed("somebody else has made this account in between")
    return await show(scope, vendor)


async def rotate(scope: Scope, given: Services, vendor: str, key: SecretStr) -> VendorAccountView:
    """Another key for an account that is locked. Calls that are under way keep the one that they began with."""
    await AccountRepo(scope).change(vendor, await _seal(scope, given, vendor, key), given.clock())
    return await show(scope, vendor)


async def delete(scope: Scope, vendor: str) -> None:
    """Drop an account with its key."""
    await AccountRepo(scope).delete(vendor)


# what calls go by


async def settings(given: Services, tenant: str, reseller: str, models: Models) -> dict[str, str]:
    """Settings of the accounts that these models need and no others: the tenant's, else its reseller's, else none (the engine's count).

    Secret. An account is one whole: a key goes to the address of its own account and to no other's. One that cannot be opened is given
    without a key, so that its calls go to the next provider and not to somebody else's account. In transactions of its own.
    """
    known = await catalogue()
    wanted = known.needed(models)
    if not wanted:
        return {}
    async with given.database.tenant(tenant) as scope:
        own = await CallAccounts(scope).sealed(wanted)
        found = await _opened(given, scope, known, own, tenant)
    if left := wanted - {one.vendor for one in own}:
        async with given.database.platform() as platform:
            lent = await Lent(platform).sealed(reseller, left)
            found |= await _opened(given, platform, known, lent, reseller)
    return found


async def places(scope: TenantScope, reseller: str) -> Mapping[str, Place]:
    """With which vendors the calls of this tenant of this reseller have an account, and where."""
    repo = CallAccounts(scope)
    lent = {vendor: Place(region, own=False) for vendor, region in (await repo.lent(reseller)).items()}
    return lent | {vendor: Place(region, own=True) for vendor, region in (await repo.regions()).items()}


async def _opened(
    given: Services, scope: TenantScope | PlatformScope, known: Catalogue, accounts: list[Sealed], owner: str
) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in accounts:
        vendor, key = known.vendors[one.vendor], b""
        if one.api_key is not None:
            place = _place(scope, one.vendor, owner)
            try:
                key = await given.vault.open(scope, place, one.api_key)
            except (ConfigError, Unsealable):
                log.exception("the key of an account with a vendor cannot be opened", extra={"owner": owner, "place": place})
        # Both are always said: what is left out would be the engine's own.
        found[vendor.key] = key.decode()
        found[vendor.base] = one.base_url or vendor.regions.get(one.region or "", "")
    return found


def _faults(given: Services, vendor: Vendor, body: VendorAccount) -> list[Fault]:
    faults = []
    if body.api_key is None and not vendor.keyless:
        faults.append(Fault("api_key", "this vendor needs a key"))
    if body.region is not None and body.base_url is not None:
        faults.append(Fault("region", "an address says where already: give one of the two"))
    elif body.region is not None and body.region not in vendor.regions:
        there = f"there are {', '.join(sorted(vendor.regions))}" if vendor.regions else "none is known of this vendor"
        faults.append(Fault("region", f"no such region: {there}; for any other give its address"))
    if body.base_url is None and not vendor.hosted:
        faults.append(Fault("base_url", "this vendor has no address that is the same for all: give yours"))
    if body.base_url is not None:
        try:
            take_apart(body.base_url, rules(given.settings))
        except BadUrl as error:
            faults.append(Fault("base_url", str(error)))
        else:
            if urlsplit(body.base_url).query:
                faults.append(Fault("base_url", "must have no ?query: paths are put behind it"))
            if body.api_key is not None and in_the_clear(body.base_url):
                faults.append(Fault("base_url", "must begin with https://: the key would travel in the clear"))
    return faults


async def _seal(scope: Scope, given: Services, vendor: str, key: SecretStr | None) -> dict[str, Any]:
    """A tenant's with the tenant's key; a reseller has none, so its with the platform's."""
    text = key.get_secret_value() if key else ""
    if not text:
        return {"api_key": None, "api_key_end": None}
    if isinstance(scope, TenantScope):
        sealed = await given.vault.seal(scope, _place(scope, vendor, scope.tenant), text.encode())
    else:
        async with given.database.platform() as platform:
            sealed = await given.vault.seal(platform, _place(platform, vendor, scope.reseller), text.encode())
    return {"api_key": sealed, "api_key_end": text[-SHOWN:]}


def _place(scope: TenantScope | PlatformScope, vendor: str, owner: str) -> str:
    """Where a key belongs, for the vault. All resellers' are sealed with one key, so the place says whose it is."""
    return f"vendor_account/{vendor}/api_key" if isinstance(scope, TenantScope) else f"reseller_vendor_account/{owner}/{vendor}/api_key"


def _view(row: Row) -> VendorAccountView:
    return VendorAccountView(
        vendor=row.vendor,
        api_key=SecretView(set=row.api_key is not None, last4=row.api_key_end),
        base_url=row.base_url,
        region=row.region,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
