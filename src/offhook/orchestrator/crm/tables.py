"""The built-in CRM: customers, leads, messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class CustomerRow(Base):
    """Somebody who rang or was served; one per phone number."""

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("tenant_id", "phone"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str | None]
    name: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    email: Mapped[str] = mapped_column(server_default="")
    no_calls: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LeadRow(Base):
    """A job that may come of a call; one per call. ``status`` is new, booked, callback, lost."""

    __tablename__ = "lead"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id"),
        ForeignKeyConstraint(["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    call_id: Mapped[str]
    status: Mapped[str]
    problem: Mapped[str] = mapped_column(server_default="")
    extras: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MessageRow(Base):
    """Something a caller wants the team to know or do. ``kind`` is message, callback or stop."""

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "tenant_id", "call_id"),
        ForeignKeyConstraint(["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    call_id: Mapped[str]
    kind: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    due: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
