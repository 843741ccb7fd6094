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

        A second request with the key waits here until the first has committed or failed. Conflict: the key belongs to
        another request.
        """
        put = insert(ToolRunRow).values(tenant_id=self._tenant, key=key, call_id=call, tool=tool, fingerprint=fingerprint)
        claimed = (await self._session.execute(put.on_conflict_do_nothing().returning(ToolRunRow.key))).first()
        if claimed is not None:
            return None
        row = (
            await self._session.execute(select(ToolRunRow).where(ToolRunRow.tenant_id == self._tenant, ToolRunRow.key == key))
        ).scalar_one()
        if row.fingerprint != fingerprint:
            raise Conflict("this key was used for another request")
        return ToolAnswer.model_validate(row.answer)

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
