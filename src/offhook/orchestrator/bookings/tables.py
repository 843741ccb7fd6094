"""Appointments. That nobody is booked twice at once is a constraint of the table, not a hope of the code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class AppointmentRow(Base):
    """A visit of one member of staff. ``status`` is held, booked or cancelled; ``ref`` is short enough to say.

    ``contact_id`` is empty once the contact was deleted, ``call_id`` when no call booked it. A held row is a time that a call
    (``held_by``) keeps for a moment, for the tool request ``held_key``; it is a visit only once it is booked.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "ref"),
        Index(None, "tenant_id", "starts_at", "id"),
        Index(None, "tenant_id", "contact_id", "starts_at"),
        Index(None, "tenant_id", "call_id"),
        Index("ix_appointment_held", "tenant_id", "held_until", postgresql_where=text("status = 'held'")),
        CheckConstraint("starts_at < ends_at", name="appointment_lasts"),
        CheckConstraint("(status = 'held') = (held_until IS NOT NULL)", name="appointment_held"),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contact.tenant_id", "contact.id"]),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("staff", "="),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            where=text("status IN ('booked', 'held')"),
            name="appointment_no_overlap",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str]
    contact_id: Mapped[str | None]
    call_id: Mapped[str | None]
    staff: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(server_default="booked")
    name: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    problem: Mapped[str] = mapped_column(server_default="")
    extras: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revision: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    held_until: Mapped[datetime | None]
    held_by: Mapped[str | None]
    held_key: Mapped[str | None]


class AppointmentChangeRow(Base):
    """What was done to an appointment, by whom, and to which revision it led. Times, staff and states only: nothing personal."""

    __tablename__ = "appointment_change"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "appointment_id"], ["appointment.tenant_id", "appointment.id"]),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    appointment_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    by_kind: Mapped[str]
    by_id: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
