"""One-time tokens, and the accounts with carriers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.carriers.schemas import Redeemed
from offhook.orchestrator.carriers.tables import CarrierAccountRow, MediaTokenRow
from offhook.orchestrator.scope import PlatformRepo, Repo


class TokenRepo(Repo):
    """Writing a tenant's tokens."""

    async def add(self, digest: str, carrier_call: str, did: str, caller: str, expires: datetime) -> None:
        """Remember a token by its digest."""
        await self._session.execute(
            insert(MediaTokenRow).values(
                tenant_id=self._tenant, id=digest, carrier_call=carrier_call, did=did, caller=caller, expires_at=expires
            )
        )


class Tokens(PlatformRepo):
    """Redeeming: before the tenant is known."""

    async def redeem(self, digest: str, carrier_call: str, call: str, now: datetime) -> Redeemed | None:
        """Use it up for this call; None if it is unknown, late, of another carrier call, or used by another call."""
        use = (
            update(MediaTokenRow)
            .where(
                MediaTokenRow.id == digest,
                MediaTokenRow.carrier_call == carrier_call,
                MediaTokenRow.expires_at > now,
                or_(MediaTokenRow.used_by.is_(None), MediaTokenRow.used_by == call),
            )
            .values(used_by=call)
            .returning(MediaTokenRow.tenant_id, MediaTokenRow.did, MediaTokenRow.caller)
        )
        row = (await self._session.execute(use)).first()
        return Redeemed(tenant=row.tenant_id, did=row.did, caller=row.caller) if row else None

    async def sweep(self, before: datetime) -> None:
        """Forget tokens that expired before this."""
        await self._session.execute(delete(MediaTokenRow).where(MediaTokenRow.expires_at < before))


class AccountRepo(Repo):
    """A tenant's accounts with carriers. Rows hold sealed secrets and stay inside this domain."""

    async def add(self, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Make an account."""
        await self._session.execute(insert(CarrierAccountRow).values(tenant_id=self._tenant, **fields))

    async def get(self, id: str, *, lock: bool = False) -> CarrierAccountRow | None:
        """By id."""
        query = select(CarrierAccountRow).where(CarrierAccountRow.tenant_id == self._tenant, CarrierAccountRow.id == id)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def page(self, limit: int, after: tuple[datetime, str] | None) -> list[CarrierAccountRow]:
        """Accounts, newest first, from after a place in the list."""
        query = select(CarrierAccountRow).where(CarrierAccountRow.tenant_id == self._tenant)
        if after is not None:
            query = query.where(tuple_(CarrierAccountRow.created_at, CarrierAccountRow.id) < after)
        query = query.order_by(CarrierAccountRow.created_at.desc(), CarrierAccountRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": CarrierAccountRow.revision + 1, "updated_at": now}
        here = (CarrierAccountRow.tenant_id == self._tenant, CarrierAccountRow.id == id)
        await self._session.execute(update(CarrierAccountRow).where(*here).values(values))

    async def delete(self, id: str) -> None:
        """Drop it with its secrets."""
        await self._session.execute(
            delete(CarrierAccountRow).where(CarrierAccountRow.tenant_id == self._tenant, CarrierAccountRow.id == id)
        )
