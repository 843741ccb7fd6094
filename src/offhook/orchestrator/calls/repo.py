"""Reading and writing calls and their events."""

from __future__ import annotations

from typing import Any

from psycopg.errors import ForeignKeyViolation
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from offhook.contracts.analysis import CallResult
from offhook.errors import NotFound
from offhook.orchestrator.calls.schemas import Call
from offhook.orchestrator.calls.tables import CallEventRow, CallResultRow, CallRow, DeletedCallRow
from offhook.orchestrator.scope import Repo


class CallRepo(Repo):
    """A tenant's calls."""

    async def ensure(self, id: str, agent: str, **fields: Any) -> Call | None:  # noqa: ANN401 - columns
        """The call, made if it is new; None if it was deleted. NotFound, and the transaction is over, if there is no such agent."""
        put = insert(CallRow).values(tenant_id=self._tenant, id=id, agent_id=agent, **fields)
        try:
            made = (await self._session.execute(put.on_conflict_do_nothing().returning(CallRow.id))).first() is not None
        except IntegrityError as error:
            if not isinstance(error.orig, ForeignKeyViolation):
                raise
            raise NotFound("no such agent") from error
        # Asked after the insert, which waits for a deletion that is under way: only then is what that left behind seen.
        if made and await self.deleted(id):
            await self._session.execute(delete(CallRow).where(CallRow.tenant_id == self._tenant, CallRow.id == id))
            return None
        return await self.get(id)

    async def deleted(self, id: str) -> bool:
        """Whether there was such a call and it was deleted."""
        query = select(DeletedCallRow.call_id).where(DeletedCallRow.tenant_id == self._tenant, DeletedCallRow.call_id == id)
        return (await self._session.execute(query)).first() is not None

    async def get(self, id: str) -> Call | None:
        """By id."""
        row = await self._session.get(CallRow, (self._tenant, id), populate_existing=True)
        return Call.model_validate(row) if row else None

    async def lock(self, id: str) -> None:
        """Let the events of one call come one after the other."""
        await self._session.execute(select(CallRow.id).where(CallRow.tenant_id == self._tenant, CallRow.id == id).with_for_update())

    async def change(self, id: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns."""
        await self._session.execute(update(CallRow).where(CallRow.tenant_id == self._tenant, CallRow.id == id).values(**fields))

    async def latest(self, limit: int) -> list[Call]:
        """The latest calls."""
        query = select(CallRow).where(CallRow.tenant_id == self._tenant).order_by(CallRow.at.desc(), CallRow.id.desc()).limit(limit)
        return [Call.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def by_carrier_call(self, carrier_call: str) -> Call | None:
        """The call that a carrier's id belongs to; the latest, should there be several."""
        query = (
            select(CallRow)
            .where(CallRow.tenant_id == self._tenant, CallRow.carrier_call == carrier_call)
            .order_by(CallRow.planned_at.desc())
            .limit(1)
        )
        row = (await self._session.execute(query)).scalar_one_or_none()
        return Call.model_validate(row) if row else None

    async def add_event(self, call: str, id: str, seq: int, type: str, body: dict[str, Any]) -> bool:
        """Store it; False if the id or the place is taken."""
        put = insert(CallEventRow).values(tenant_id=self._tenant, call_id=call, id=id, seq=seq, type=type, body=body)
        return (await self._session.execute(put.on_conflict_do_nothing().returning(CallEventRow.id))).first() is not None

    async def has_event(self, call: str, id: str) -> bool:
        """Whether an event of this id is stored."""
        return await self._session.get(CallEventRow, (self._tenant, call, id)) is not None

    async def events(self, call: str) -> list[dict[str, Any]]:
        """All that came, in order."""
        query = (
            select(CallEventRow.body).where(CallEventRow.tenant_id == self._tenant, CallEventRow.call_id == call).order_by(CallEventRow.seq)
        )
        return list((await self._session.execute(query)).scalars())

    async def missing(self, call: str) -> int | None:
        """How many events up to call.ended have not come; None while call.ended has not."""
        last = (
            await self._session.execute(select(CallRow.last_seq).where(CallRow.tenant_id == self._tenant, CallRow.id == call))
        ).scalar_one_or_none()
        if last is None:
            return None
        count = select(func.count()).where(CallEventRow.tenant_id == self._tenant, CallEventRow.call_id == call, CallEventRow.seq <= last)
        return last - (await self._session.execute(count)).scalar_one()

    async def result(self, call: str) -> tuple[CallResult, int] | None:
        """The result and how many events it was made without."""
        row = await self._session.get(CallResultRow, (self._tenant, call))
        return (CallResult.model_validate(row.result), row.missing) if row else None

    async def write_result(self, call: str, result: CallResult, missing: int) -> bool:
        """Write it once; False if it was there."""
        put = insert(CallResultRow).values(tenant_id=self._tenant, call_id=call, result=result.model_dump(mode="json"), missing=missing)
        return (await self._session.execute(put.on_conflict_do_nothing().returning(CallResultRow.call_id))).first() is not None
