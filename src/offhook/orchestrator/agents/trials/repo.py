"""Reading and writing voice tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.agents.trials.tables import VoiceTestRow
from offhook.orchestrator.scope import PlatformRepo, Repo


class TrialRepo(Repo):
    """A tenant's voice tests. Rows stay inside this domain."""

    async def add(self, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Keep one."""
        await self._session.execute(insert(VoiceTestRow).values(tenant_id=self._tenant, **fields))

    async def get(self, id: str) -> VoiceTestRow | None:
        """By id."""
        return await self._session.get(VoiceTestRow, (self._tenant, id), populate_existing=True)

    async def of_call(self, call: str, *, lock: bool = False) -> VoiceTestRow | None:
        """The test that a call is; the latest, should an engine have brought two tokens for one call."""
        query = select(VoiceTestRow).where(VoiceTestRow.tenant_id == self._tenant, VoiceTestRow.call_id == call)
        query = query.order_by(VoiceTestRow.created_at.desc()).limit(1)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def waiting(self, now: datetime) -> int:
        """How many tokens wait for their calls; those of call buttons' visitors (``wdg_``) are not among them."""
        query = select(func.count()).where(
            VoiceTestRow.tenant_id == self._tenant,
            VoiceTestRow.call_id.is_(None),
            VoiceTestRow.expires_at > now,
            ~VoiceTestRow.made_by.startswith("wdg_", autoescape=True),
        )
        return (await self._session.execute(query)).scalar_one()

    async def begun(self, by: str, since: datetime) -> int:
        """How many tokens somebody has had since then."""
        query = select(func.count()).where(
            VoiceTestRow.tenant_id == self._tenant, VoiceTestRow.made_by == by, VoiceTestRow.created_at > since
        )
        return (await self._session.execute(query)).scalar_one()

    async def free(self, id: str) -> None:
        """Let the token wait for another call."""
        here = (VoiceTestRow.tenant_id == self._tenant, VoiceTestRow.id == id)
        await self._session.execute(update(VoiceTestRow).where(*here).values(call_id=None))

    async def used(self, id: str, used: dict[str, int]) -> None:
        """How often each tool has answered."""
        here = (VoiceTestRow.tenant_id == self._tenant, VoiceTestRow.id == id)
        await self._session.execute(update(VoiceTestRow).where(*here).values(used=used))

    async def forget(self, before: datetime) -> None:
        """Drop tests that expired before this."""
        await self._session.execute(delete(VoiceTestRow).where(VoiceTestRow.tenant_id == self._tenant, VoiceTestRow.expires_at < before))


class TrialTokens(PlatformRepo):
    """Redeeming: before the tenant is known."""

    async def redeem(self, digest: str, call: str, now: datetime) -> tuple[str, str] | None:
        """Tenant and test of a token, used up for this call; None if it is unknown, late, or another call's."""
        use = (
            update(VoiceTestRow)
            .where(
                VoiceTestRow.token_digest == digest,
                VoiceTestRow.expires_at > now,
                or_(VoiceTestRow.call_id.is_(None), VoiceTestRow.call_id == call),
            )
            .values(call_id=call)
            .returning(VoiceTestRow.tenant_id, VoiceTestRow.id)
        )
        row = (await self._session.execute(use)).first()
        return (row.tenant_id, row.id) if row else None
