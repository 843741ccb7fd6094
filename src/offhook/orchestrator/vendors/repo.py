"""Reading and writing accounts with vendors. Rows hold sealed keys and stay inside this domain."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.scope import PlatformRepo, Repo, ResellerScope, TenantScope
from offhook.orchestrator.vendors.tables import ResellerVendorAccountRow, VendorAccountRow

Row = VendorAccountRow | ResellerVendorAccountRow


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a call needs of an account."""

    vendor: str
    api_key: bytes | None
    base_url: str | None
    region: str | None


class AccountRepo:
    """Accounts of one owner: a tenant, or a reseller, which has a table of its own."""

    def __init__(self, scope: TenantScope | ResellerScope) -> None:
        self._session = scope.session
        of_tenant = isinstance(scope, TenantScope)
        self._table: type[VendorAccountRow | ResellerVendorAccountRow] = VendorAccountRow if of_tenant else ResellerVendorAccountRow
        self._owner = {"tenant_id": scope.tenant} if isinstance(scope, TenantScope) else {"reseller_id": scope.reseller}

    def _mine(self, *vendors: str) -> list[Any]:
        found = [getattr(self._table, name) == value for name, value in self._owner.items()]
        return [*found, *(self._table.vendor == one for one in vendors)]

    async def get(self, vendor: str, *, lock: bool = False) -> Row | None:
        """By vendor."""
        query: Any = select(self._table).where(*self._mine(vendor)).execution_options(populate_existing=True)
        found: Row | None = (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
        return found

    async def page(self, limit: int, after: str | None) -> list[Row]:
        """Accounts by vendor, from after one of them."""
        query: Any = select(self._table).where(*self._mine(), *([self._table.vendor > after] if after else []))
        return list((await self._session.execute(query.order_by(self._table.vendor).limit(limit))).scalars())

    async def add(self, vendor: str, fields: Mapping[str, Any], now: datetime) -> bool:
        """Make one; False if somebody was quicker."""
        row = {**self._owner, "vendor": vendor, "created_at": now, "updated_at": now, **fields}
        made = insert(self._table).values(row).on_conflict_do_nothing().returning(self._table.vendor)
        return (await self._session.execute(made)).first() is not None

    async def change(self, vendor: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": self._table.revision + 1, "updated_at": now}
        await self._session.execute(update(self._table).where(*self._mine(vendor)).values(values))

    async def delete(self, vendor: str) -> None:
        """Drop it with its key."""
        await self._session.execute(delete(self._table).where(*self._mine(vendor)))


class CallAccounts(Repo):
    """What a tenant's calls go by."""

    async def sealed(self, vendors: Collection[str]) -> list[Sealed]:
        """The tenant's own accounts with these vendors."""
        table = VendorAccountRow
        query = select(table.vendor, table.api_key, table.base_url, table.region)
        rows = await self._session.execute(query.where(table.tenant_id == self._tenant, table.vendor.in_(vendors)))
        return [Sealed(*row) for row in rows]

    async def regions(self) -> dict[str, str | None]:
        """Regions of the tenant's own accounts, by vendor."""
        query = select(VendorAccountRow.vendor, VendorAccountRow.region).where(VendorAccountRow.tenant_id == self._tenant)
        return {row.vendor: row.region for row in await self._session.execute(query)}

    async def lent(self, reseller: str) -> dict[str, str | None]:
        """The same of those that its reseller lends it; nothing for any other reseller."""
        table = ResellerVendorAccountRow
        query = select(table.vendor, table.region).where(table.reseller_id == reseller)
        return {row.vendor: row.region for row in await self._session.execute(query)}


class Lent(PlatformRepo):
    """Accounts of resellers, for their tenants' calls."""

    async def sealed(self, reseller: str, vendors: Collection[str]) -> list[Sealed]:
        """A reseller's accounts with these vendors."""
        table = ResellerVendorAccountRow
        query = select(table.vendor, table.api_key, table.base_url, table.region)
        rows = await self._session.execute(query.where(table.reseller_id == reseller, table.vendor.in_(vendors)))
        return [Sealed(*row) for row in rows]
