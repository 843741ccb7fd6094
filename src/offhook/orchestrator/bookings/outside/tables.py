"""Visits as other systems have them, and when those systems' calendars are busy."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


def _of_connection() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "connection_id"], ["connection.tenant_id", "connection.id"], ondelete="CASCADE")


class CopyRow(Base):
    """A visit in another system. ``resource``, ``starts_at`` and ``ends_at`` are where it was last written or tried to be.

    ``revision`` is that of the visit which is there; ``tried`` the first one that was sent without an answer, 0 for none. Whoever writes
    holds the ``lease``.
    """

    __tablename__ = "appointment_copy"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'written', 'failed', 'gone')", name="ck_appointment_copy_state"),
        ForeignKeyConstraint(["tenant_id", "appointment_id"], ["appointment.tenant_id", "appointment.id"]),
        _of_connection(),
        Index("ix_appointment_copy_external", "tenant_id", "connection_id", "external_id"),
        Index("ix_appointment_copy_next_at", "next_at", postgresql_where=text("state = 'waiting'")),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    appointment_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    external_id: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str] = mapped_column(server_default="")
    write_key: Mapped[str]
    resource: Mapped[str] = mapped_column(server_default="")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(server_default="0")
    tried: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(server_default="")
    waiting_since: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    lease: Mapped[str] = mapped_column(server_default="")
    leased_until: Mapped[datetime | None]
    written_at: Mapped[datetime | None]
    clash: Mapped[str] = mapped_column(server_default="")
    clash_at: Mapped[datetime | None]


class BusyTimeRow(Base):
    """Time in which a calendar is not free, as it was when the calendar was last asked."""

    __tablename__ = "busy_time"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    resource: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)


class BusyStateRow(Base):
    """When a connection's calendars were last asked, up to when, and when they are to be asked next."""

    __tablename__ = "busy_state"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    fetched_at: Mapped[datetime | None]
    known_until: Mapped[datetime | None]
    next_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default="0")
