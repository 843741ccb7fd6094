"""Recordings, traces and messages of callers: what of them the database knows. The bytes are sealed files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class RecordingRow(Base):
    """One file of a call. ``kind`` is recording, trace or message; ``size`` and ``sha256`` are of the clear.

    A sound's length and waveform are known once it has been examined; ``peaks`` are sealed.
    """

    __tablename__ = "recording"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    recovered: Mapped[bool] = mapped_column(server_default="false")
    stored_at: Mapped[datetime]
    examined_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    sample_rate: Mapped[int | None]
    channels: Mapped[int | None]
    peaks: Mapped[bytes | None] = mapped_column(deferred=True)


class VoiceMessageRow(Base):
    """A message that a caller left with the carrier. ``url`` is where it is there: sealed, since it may be all that is needed to hear it;
    None once that is of no more use.
    """

    __tablename__ = "voice_message"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    carrier: Mapped[str]
    account_id: Mapped[str | None]
    recording: Mapped[str]
    url: Mapped[bytes | None]
    seconds: Mapped[float]
    state: Mapped[str] = mapped_column(server_default="fetching")
    fault: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    left_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
