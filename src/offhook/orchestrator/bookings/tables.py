"""Appointments. That nobody is booked twice at once is a constraint of the table, not a hope of the code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class AppointmentRow(Base):
    """A visit of one member of staff. ``status`` is booked or cancelled; ``ref`` is short enough to say."""

    __tablename__ = "appointment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "ref"),
        Index(None, "tenant_id", "starts_at"),
        Index(None, "tenant_id", "call_id"),
        CheckConstraint("starts_at < ends_at", name="appointment_lasts"),
        ForeignKeyConstraint(["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"]),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("staff", "="),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            where=text("status = 'booked'"),
            name="appointment_no_overlap",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str]
    customer_id: Mapped[str]
    call_id: Mapped[str]
    staff: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(server_default="booked")
    name: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    problem: Mapped[str] = mapped_column(server_default="")
    extras: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
