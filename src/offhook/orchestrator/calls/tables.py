"""Calls, what happened in them, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Computed, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class CallRow(Base):
    """One call, from its plan on. ``state`` is planned, live or ended; ``last_seq`` is that of call.ended; ``at`` is what lists go by.

    ``slowest_ms`` is the longest that an answer was waited for, once the call is over. ``kept`` until its recording, its trace and its
    words have been kept for as long as its agent says.
    """

    __tablename__ = "call"
    __table_args__ = (
        Index("ix_call_list", "tenant_id", "test", "at", "id"),
        Index("ix_call_agent", "tenant_id", "agent_id", "at", "id"),
        Index("ix_call_did", "tenant_id", "did", "at", "id"),
        Index("ix_call_caller", "tenant_id", "caller", "at", "id"),
        Index("ix_call_outcome", "tenant_id", "outcome", "at", "id", postgresql_where=text("outcome IS NOT NULL")),
        Index("ix_call_open", "tenant_id", "state", "at", "id", postgresql_where=text("state <> 'ended'")),
        Index("ix_call_broken", "tenant_id", "at", "id", postgresql_where=text("reason = 'failed'")),
        Index("ix_call_slow", "tenant_id", "at", "id", postgresql_where=text("slowest_ms > 700")),
        Index("ix_call_kept", "tenant_id", "agent_id", "at", postgresql_where=text("kept")),
        Index("ix_call_carrier_call", "tenant_id", "carrier_call", postgresql_where=text("carrier_call <> ''")),
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
    slowest_ms: Mapped[float | None]
    test: Mapped[bool] = mapped_column(server_default="false")
    agent_version: Mapped[int | None]
    engine_url: Mapped[str] = mapped_column(server_default="")
    trace_id: Mapped[str] = mapped_column(server_default="")
    summary: Mapped[str] = mapped_column(server_default="")
    recorded: Mapped[bool] = mapped_column(server_default="false")
    kept: Mapped[bool] = mapped_column(server_default="true")
    flag: Mapped[str] = mapped_column(server_default="")
    flagged_by: Mapped[str] = mapped_column(server_default="")
    flagged_at: Mapped[datetime | None]
    shares: Mapped[int] = mapped_column(server_default="0")
    at: Mapped[datetime] = mapped_column(Computed("coalesce(started_at, planned_at)", persisted=True))


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
    """The structured result, written once. ``corrections`` are people's, by the name of a value; they hold whatever the result says."""

    __tablename__ = "call_result"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    result: Mapped[dict[str, Any]]
    missing: Mapped[int] = mapped_column(server_default="0")
    corrections: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CallWordRow(Base):
    """A word that finds a call: of who rang and of the summary. ``at`` is the call's."""

    __tablename__ = "call_word"
    __table_args__ = (
        Index(None, "tenant_id", "call_id"),
        ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)


class CallViewRow(Base):
    """A list of calls that a person keeps under a name: ``asked`` is what the portal's list is asked for."""

    __tablename__ = "call_view"
    __table_args__ = (Index(None, "person_id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class DeletedCallRow(Base):
    """A call that was deleted: nothing that comes late brings it back."""

    __tablename__ = "deleted_call"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    deleted_at: Mapped[datetime]
