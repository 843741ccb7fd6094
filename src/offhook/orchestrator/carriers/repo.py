"""One-time tokens, the accounts with carriers, and calls that were placed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from offhook.orchestrator.carriers.schemas import NumberCheck, Redeemed
from offhook.orchestrator.carriers.tables import CarrierAccountRow, CarrierLegRow, MediaTokenRow, NumberCheckRow
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

    async def whose(self, digest: str, carrier_call: str, now: datetime) -> tuple[str, str, str] | None:
        """Tenant and number of a token that was not taken, and why it was not; None for one that nobody has made."""
        query = select(MediaTokenRow).where(MediaTokenRow.id == digest)
        row = (await self._session.execute(query)).scalar_one_or_none()
        if row is None:
            return None
        why = "other_call" if row.carrier_call != carrier_call else "late" if row.expires_at <= now else "used"
        return row.tenant_id, row.did, why

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


class LegRepo(Repo):
    """Calls that a tenant has asked its carriers to place."""

    async def begin(self, key: str, account: str, to: str, caller_id: str, now: datetime) -> tuple[bool, datetime, str, str]:
        """Keep an attempt. Whether it is new, when it was first made, its call as far as known, and the account that was asked."""
        row = {"tenant_id": self._tenant, "key": key, "account_id": account, "to_number": to, "caller_id": caller_id, "begun_at": now}
        made = await self._session.execute(insert(CarrierLegRow).values(row).on_conflict_do_nothing().returning(CarrierLegRow.key))
        if made.first() is not None:
            return True, now, "", account
        query = select(CarrierLegRow.begun_at, CarrierLegRow.carrier_call, CarrierLegRow.account_id).where(*self._of(key))
        found = (await self._session.execute(query)).one()
        return False, found.begun_at, found.carrier_call or "", found.account_id

    async def again(self, key: str, begun: datetime, now: datetime) -> bool:
        """The attempt is made again; False if somebody else has just done so."""
        here = (*self._of(key), CarrierLegRow.begun_at == begun, CarrierLegRow.carrier_call.is_(None))
        query = update(CarrierLegRow).where(*here).values(begun_at=now).returning(CarrierLegRow.key)
        return (await self._session.execute(query)).first() is not None

    async def found(self, key: str, call: str) -> bool:
        """The carrier's id of an attempt's call; False if the attempt has another, or the call another attempt."""
        free = or_(CarrierLegRow.carrier_call.is_(None), CarrierLegRow.carrier_call == call)
        query = update(CarrierLegRow).where(*self._of(key), free).values(carrier_call=call).returning(CarrierLegRow.key)
        try:
            async with self._session.begin_nested():
                return (await self._session.execute(query)).first() is not None
        except IntegrityError:
            return False

    async def taken(self, account: str, calls: Sequence[str]) -> set[str]:
        """Which of these calls are known to be of an attempt."""
        here = (CarrierLegRow.tenant_id == self._tenant, CarrierLegRow.account_id == account)
        query = select(CarrierLegRow.carrier_call).where(*here, CarrierLegRow.carrier_call.in_(list(calls)))
        return {one for one in (await self._session.execute(query)).scalars() if one}

    async def drop(self, key: str) -> None:
        """Forget an attempt that came to nothing."""
        await self._session.execute(delete(CarrierLegRow).where(*self._of(key), CarrierLegRow.carrier_call.is_(None)))

    def _of(self, key: str) -> tuple[ColumnElement[bool], ...]:
        return (CarrierLegRow.tenant_id == self._tenant, CarrierLegRow.key == key)


class OldLegs(PlatformRepo):
    """Forgetting old attempts, of all tenants."""

    async def sweep(self, before: datetime) -> None:
        """Drop attempts that began before this."""
        await self._session.execute(delete(CarrierLegRow).where(CarrierLegRow.begun_at < before))


class CheckRepo(Repo):
    """What self-tests of a tenant's numbers at carriers found."""

    async def get(self, account: str, number: str) -> NumberCheck | None:
        """The last of a number."""
        row = (await self._session.execute(select(NumberCheckRow).where(*self._of(account, number)))).scalar_one_or_none()
        return NumberCheck.model_validate(row) if row else None

    async def keep(self, account: str, number: str, did: str, state: str, fault: str, call_from: str, now: datetime) -> None:
        """Keep a new one in place of the last."""
        fields = {"did": did, "state": state, "fault": fault, "call_from": call_from, "checked_at": now, "rang_at": None}
        row = {"tenant_id": self._tenant, "account_id": account, "carrier_number": number, **fields}
        key = [NumberCheckRow.tenant_id, NumberCheckRow.account_id, NumberCheckRow.carrier_number]
        await self._session.execute(insert(NumberCheckRow).values(row).on_conflict_do_update(index_elements=key, set_=fields))

    async def not_rung(self, account: str, number: str, fault: str) -> None:
        """There was no call after all."""
        await self._session.execute(update(NumberCheckRow).where(*self._of(account, number)).values(state="failed", fault=fault))

    async def rang(self, did: str, caller: str, since: datetime, now: datetime) -> bool:
        """A call from this number has come in; False if no self-test waits for it."""
        here = (
            NumberCheckRow.tenant_id == self._tenant,
            NumberCheckRow.did == did,
            NumberCheckRow.call_from == caller,
            NumberCheckRow.call_from != "",
            NumberCheckRow.state.in_(("ringing", "rang")),
            NumberCheckRow.checked_at >= since,
        )
        query = update(NumberCheckRow).where(*here).values(state="rang", rang_at=now).returning(NumberCheckRow.did)
        return (await self._session.execute(query)).first() is not None

    def _of(self, account: str, number: str) -> tuple[ColumnElement[bool], ...]:
        here = (NumberCheckRow.tenant_id == self._tenant, NumberCheckRow.account_id == account)
        return (*here, NumberCheckRow.carrier_number == number)
