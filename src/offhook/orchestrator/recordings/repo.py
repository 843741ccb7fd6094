"""Reading and writing what is known of recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.recordings.schemas import Held, MessageFault, MessageState, RecordingView, VoiceMessage
from offhook.orchestrator.recordings.tables import RecordingRow, VoiceMessageRow
from offhook.orchestrator.scope import Repo


class RecordingRepo(Repo):
    """The files of a tenant's calls."""

    async def add(self, call: str, kind: Held, now: datetime, *, size: int, sha256: str, recovered: bool = False) -> bool:
        """Note a file that has come; False if there is one of this call and kind."""
        row = {
            "tenant_id": self._tenant,
            "call_id": call,
            "kind": kind,
            "size": size,
            "sha256": sha256,
            "recovered": recovered,
            "stored_at": now,
        }
        put = insert(RecordingRow).values(row).on_conflict_do_nothing().returning(RecordingRow.call_id)
        return (await self._session.execute(put)).first() is not None

    async def get(self, call: str, kind: Held) -> RecordingView | None:
        """One."""
        row = await self._session.get(RecordingRow, (self._tenant, call, kind), populate_existing=True)
        return RecordingView.model_validate(row) if row else None

    async def unexamined(self, call: str, kind: Held) -> bool:
        """Whether a sound waits to be examined."""
        query = select(RecordingRow.call_id).where(*self._of(call), RecordingRow.kind == kind, RecordingRow.examined_at.is_(None))
        return (await self._session.execute(query)).first() is not None

    async def examined(self, call: str, kind: Held, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Note what was found in a sound."""
        await self._session.execute(update(RecordingRow).where(*self._of(call), RecordingRow.kind == kind).values(**fields))

    async def peaks(self, call: str, kind: Held) -> bytes | None:
        """The sealed waveform."""
        query = select(RecordingRow.peaks).where(*self._of(call), RecordingRow.kind == kind)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def remove(self, call: str) -> None:
        """Forget a call's files, and that there was a message."""
        gone = (VoiceMessageRow.tenant_id == self._tenant, VoiceMessageRow.call_id == call)
        await self._session.execute(delete(VoiceMessageRow).where(*gone))
        await self._session.execute(delete(RecordingRow).where(*self._of(call)))

    def _of(self, call: str) -> tuple[Any, ...]:
        return RecordingRow.tenant_id == self._tenant, RecordingRow.call_id == call


class MessageRepo(Repo):
    """The messages that a tenant's callers left with carriers: at most one a call."""

    async def add(self, call: str, **fields: Any) -> bool:  # noqa: ANN401 - columns
        """Note one; False if there is one of this call."""
        put = insert(VoiceMessageRow).values(tenant_id=self._tenant, call_id=call, **fields).on_conflict_do_nothing()
        return (await self._session.execute(put.returning(VoiceMessageRow.call_id))).first() is not None

    async def get(self, call: str) -> VoiceMessage | None:
        """One, as it is shown."""
        row = await self._row(call)
        return VoiceMessage.model_validate(row) if row else None

    async def waiting(self, call: str) -> VoiceMessageRow | None:
        """One whose sound is still to come. Its row stays inside this domain."""
        row = await self._row(call)
        return row if row is not None and row.state == "fetching" else None

    async def again(self, call: str) -> None:
        """Count an attempt that came to nothing."""
        await self._session.execute(update(VoiceMessageRow).where(*self._of(call)).values(attempts=VoiceMessageRow.attempts + 1))

    async def settle(
        self, call: str, state: MessageState, now: datetime, fault: MessageFault | None = None, seconds: float | None = None
    ) -> bool:
        """How it went in the end; False if that is known already, or the message is no more."""
        values: dict[str, Any] = {"state": state, "fault": fault, "settled_at": now, "url": None}
        if seconds is not None:
            values["seconds"] = seconds
        change = update(VoiceMessageRow).where(*self._of(call), VoiceMessageRow.state == "fetching").values(values)
        return (await self._session.execute(change.returning(VoiceMessageRow.call_id))).first() is not None

    async def _row(self, call: str) -> VoiceMessageRow | None:
        return await self._session.get(VoiceMessageRow, (self._tenant, call), populate_existing=True)

    def _of(self, call: str) -> tuple[Any, ...]:
        return VoiceMessageRow.tenant_id == self._tenant, VoiceMessageRow.call_id == call
