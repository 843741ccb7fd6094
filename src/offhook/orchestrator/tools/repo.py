"""The memory of effects."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.contracts.events import ToolAnswer
from offhook.errors import Conflict
from offhook.orchestrator.scope import Repo
from offhook.orchestrator.tools.tables import ToolRunRow


class ToolRunRepo(Repo):
    """A tenant's tool runs."""

    async def begin(self, key: str, call: str, tool: str, fingerprint: str) -> ToolAnswer | None:
        """Claim the key: None to go ahead, else the answer that was given before.

        A second request with the key waits here until the first has committed or failed. It goes ahead too where the first is between
        two transactions, or died there: what both would do is then done by whoever is first to (``left``). Conflict: the key belongs
        to another request.
        """
        put = insert(ToolRunRow).values(tenant_id=self._tenant, key=key, call_id=call, tool=tool, fingerprint=fingerprint)
        claimed = (await self._session.execute(put.on_conflict_do_nothing().returning(ToolRunRow.key))).first()
        if claimed is not None:
            return None
        row = (
            await self._session.execute(
                select(ToolRunRow).where(ToolRunRow.tenant_id == self._tenant, ToolRunRow.key == key).with_for_update()
            )
        ).scalar_one()
        if row.fingerprint != fingerprint:
            raise Conflict("this key was used for another request")
        return None if row.answer is None else ToolAnswer.model_validate(row.answer)

    async def left(self, key: str) -> ToolAnswer | None:
        """What the request was answered meanwhile by another run of it; nobody else ends it until the transaction does."""
        query = select(ToolRunRow.answer).where(ToolRunRow.tenant_id == self._tenant, ToolRunRow.key == key).with_for_update()
        answer = (await self._session.execute(query)).scalar_one_or_none()
        return None if answer is None else ToolAnswer.model_validate(answer)

    async def finish(self, key: str, answer: ToolAnswer) -> None:
        """Remember the answer."""
        await self._session.execute(
            update(ToolRunRow)
            .where(ToolRunRow.tenant_id == self._tenant, ToolRunRow.key == key)
            .values(answer=answer.model_dump(mode="json"))
        )

    async def forget(self, call: str) -> None:
        """Delete what ran in a call."""
        await self._session.execute(delete(ToolRunRow).where(ToolRunRow.tenant_id == self._tenant, ToolRunRow.call_id == call))
