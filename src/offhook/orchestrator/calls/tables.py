"""Calls, what happened in them, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class CallRow(Base):
    """One call, from its plan on. ``state`` is planned, live or ended; ``last_seq`` is that of call.ended."""

    __tablename__ = "call"
    __table_args__ = (
        Index(None, "tenant_id", "planned_at"),
        Index(None, "carrier_call"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str]
    transport: Mapped[str] = mapped_column(server_default="")
    carrier_call: Mapped[str] = mapped_column(server_default="")
    did: Mapped[str] = mapped_column(server_default="")
    caller: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="planned")
    planned_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    last_seq: Mapped[int | None]
    reason: Mapped[str | None]
    outcome: Mapped[str | None]
    seconds: Mapped[float | None]


class CallEventRow(Base):
    """An event as it came: once by id, once by place."""

    __tablename__ = "call_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id", "seq"),
        ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    type: Mapped[str]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CallResultRow(Base):
    """The structured result, written once."""

    __tablename__ = "call_result"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    result: Mapped[dict[str, Any]]
    missing: Mapped[int] = mapped_column(server_default="0")
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())
