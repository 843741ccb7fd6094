"""Reading and writing what is known of recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.contracts.handover import Handover, Kind
from offhook.orchestrator.recordings.schemas import RecordingView
from offhook.orchestrator.recordings.tables import RecordingRow
from offhook.orchestrator.scope import Repo


class RecordingRepo(Repo):
    """The files of a tenant's calls."""

    async def add(self, one: Handover, now: datetime) -> bool:
        """Note a file that has come; False if there is one of this call and kind."""
        row = {
            "tenant_id": self._tenant,
            "call_id": one.call,
            "kind": one.kind,
            "size": one.size,
            "sha256": one.sha256,
            "recovered": one.recovered,
            "stored_at": now,
        }
        put = insert(RecordingRow).values(row).on_conflict_do_nothing().returning(RecordingRow.call_id)
        return (await self._session.execute(put)).first() is not None

    async def get(self, call: str, kind: Kind) -> RecordingView | None:
        """One."""
        row = await self._session.get(RecordingRow, (self._tenant, call, kind), populate_existing=True)
        return RecordingView.model_validate(row) if row else None

    async def unexamined(self, call: str) -> bool:
        """Whether a recording waits to be examined."""
        query = select(RecordingRow.call_id).where(*self._of(call), RecordingRow.kind == "recording", RecordingRow.examined_at.is_(None))
        return (await self._session.execute(query)).first() is not None

    async def examined(self, call: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Note what was found in a recording."""
        await self._session.execute(update(RecordingRow).where(*self._of(call), RecordingRow.kind == "recording").values(**fields))

    async def peaks(self, call: str) -> bytes | None:
        """The sealed waveform."""
        query = select(RecordingRow.peaks).where(*self._of(call), RecordingRow.kind == "recording")
        return (await self._session.execute(query)).scalar_one_or_none()

    async def remove(self, call: str) -> None:
        """Forget a call's files."""
        await self._session.execute(delete(RecordingRow).where(*self._of(call)))

    def _of(self, call: str) -> tuple[Any, ...]:
        return RecordingRow.tenant_id == self._tenant, RecordingRow.call_id == call
