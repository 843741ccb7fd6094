"""What became of each call in each system: runs, their steps, and who is whom there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class RunRow(Base):
    """A call's paperwork in one system; ``connection_id`` is empty for what stays here. ``runner`` works on it until ``leased_until``.

    ``adapter`` and ``title`` are the connection's, which may be gone by the time that somebody looks. ``person`` is a hash.
    ``failing_since``: since when there is nothing but failures, ``tries`` of them. ``renewed``: the customer's record
    there was gone, and was looked for anew.
    """

    __tablename__ = "paperwork_run"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"], ondelete="CASCADE"),
        Index("ix_paperwork_run_due", "next_at", "tenant_id", postgresql_where=text("state in ('waiting', 'held')")),
        Index("ix_paperwork_run_person", "tenant_id", "connection_id", "person"),
        Index("ix_paperwork_run_failed", "tenant_id", "done_at", postgresql_where=text("state = 'failed'")),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    adapter: Mapped[str] = mapped_column(server_default="")
    title: Mapped[str] = mapped_column(server_default="")
    person: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    next_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None]
    renewed: Mapped[bool] = mapped_column(server_default="false")
    runner: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class StepRow(Base):
    """One step and what came of it: the record that it made or found there. ``key`` names its write, however often it is sent."""

    __tablename__ = "paperwork_step"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "call_id", "connection_id"],
            ["paperwork_run.tenant_id", "paperwork_run.call_id", "paperwork_run.connection_id"],
            ondelete="CASCADE",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    state: Mapped[str]
    key: Mapped[str] = mapped_column(server_default="")
    attempts: Mapped[int] = mapped_column(server_default="0")
    record_kind: Mapped[str] = mapped_column(server_default="")
    record_id: Mapped[str] = mapped_column(server_default="")
    record_url: Mapped[str] = mapped_column(server_default="")
    error: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    begun_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class CallerRow(Base):
    """Who a caller is in a system: known at once to their next call, long before a sync. ``key`` names the write that makes them.

    Kept before the write, so that two calls of one caller, or one that was cut off, make the same customer.
    """

    __tablename__ = "paperwork_caller"
    __table_args__ = (Index(None, "tenant_id", "connection_id", "record_id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    record_id: Mapped[str] = mapped_column(server_default="")
    record_url: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime]
