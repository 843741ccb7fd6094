"""Reading and writing transfers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.scope import PlatformRepo, Repo
from offhook.orchestrator.transfers.schemas import OPEN, Attempt, Transfer
from offhook.orchestrator.transfers.tables import TransferAttemptRow, TransferRow


class TransferRepo(Repo):
    """A tenant's."""

    async def add(self, **fields: Any) -> bool:  # noqa: ANN401 - columns
        """Begin one; False if there is one of this key."""
        put = insert(TransferRow).values(tenant_id=self._tenant, **fields).on_conflict_do_nothing().returning(TransferRow.id)
        return (await self._session.execute(put)).first() is not None

    async def by_key(self, key: str) -> Transfer | None:
        """By the engine's key."""
        return await self._one(TransferRow.key == key)

    async def get(self, id: str, *, lock: bool = False) -> Transfer | None:
        """By id; locked, so that of two who answer at once one is the second."""
        return await self._one(TransferRow.id == id, lock=lock)

    async def of_leg(self, caller_leg: str) -> Transfer | None:
        """The last one of a caller, by the carrier's id of their call."""
        return await self._one(TransferRow.caller_leg == caller_leg)

    async def _one(self, which: Any, *, lock: bool = False) -> Transfer | None:  # noqa: ANN401 - a condition
        query = select(TransferRow).where(TransferRow.tenant_id == self._tenant, which).order_by(TransferRow.created_at.desc()).limit(1)
        query = query.execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
        if row is None:
            return None
        attempts = (
            select(TransferAttemptRow)
            .where(TransferAttemptRow.tenant_id == self._tenant, TransferAttemptRow.transfer_id == row.id)
            .order_by(TransferAttemptRow.place)
            .execution_options(populate_existing=True)
        )
        found = tuple(Attempt.model_validate(one) for one in (await self._session.execute(attempts)).scalars())
        return Transfer.model_validate(row).model_copy(update={"attempts": found})

    async def change(self, id: str, *, news: bool = True, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns; ``news``: its engine is to know."""
        values = fields | ({"version": TransferRow.version + 1} if news else {})
        if values.get("state", "trying") not in OPEN:
            values["brief"] = ""
        here = (TransferRow.tenant_id == self._tenant, TransferRow.id == id)
        await self._session.execute(update(TransferRow).where(*here).values(**values))

    async def ring(self, id: str, place: int, **fields: Any) -> None:  # noqa: ANN401 - columns
        """A person is about to be rung."""
        await self._session.execute(insert(TransferAttemptRow).values(tenant_id=self._tenant, transfer_id=id, place=place, **fields))

    async def mark(self, id: str, place: int, **fields: Any) -> None:  # noqa: ANN401 - columns
        """What is new of one of them."""
        here = (TransferAttemptRow.tenant_id == self._tenant, TransferAttemptRow.transfer_id == id, TransferAttemptRow.place == place)
        await self._session.execute(update(TransferAttemptRow).where(*here).values(**fields))

    async def forget(self, call: str) -> None:
        """Drop those of a call."""
        await self._session.execute(delete(TransferRow).where(TransferRow.tenant_id == self._tenant, TransferRow.call_id == call))


class Overdue(PlatformRepo):
    """Those that should be over."""

    async def before(self, now: datetime) -> list[tuple[str, str]]:
        """Tenant and id of each."""
        query = select(TransferRow.tenant_id, TransferRow.id).where(TransferRow.until < now, TransferRow.state.in_(sorted(OPEN)))
        return [(row[0], row[1]) for row in await self._session.execute(query)]
