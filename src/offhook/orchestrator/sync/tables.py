"""Copies of what business systems know, and how far they have been read.

No copy refers to a connection by a foreign key that would let it outlive one: disconnecting deletes them with it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKeyConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


def _of_connection() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "connection_id"], ["connection.tenant_id", "connection.id"], ondelete="CASCADE")


class SyncRow(Base):
    """How far a connection has been read. ``lap`` counts whole readings; ``runner`` holds it ``leased_until`` then."""

    __tablename__ = "sync"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str] = mapped_column(server_default="")
    lap: Mapped[int] = mapped_column(server_default="0")
    whole: Mapped[bool] = mapped_column(server_default="true")
    """The reading under way is of all there is: what it does not bring is gone."""
    due_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    runner: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    watched_at: Mapped[datetime | None]


class OutsideCustomerRow(Base):
    """A customer of the system. ``lap``: the whole reading that brought it last."""

    __tablename__ = "outside_customer"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    address: Mapped[str]
    url: Mapped[str]
    balance: Mapped[Decimal | None] = mapped_column(Numeric(18, 4))
    currency: Mapped[str]
    read_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    """When its context was asked for, beyond what changes bring."""
    lap: Mapped[int]


class OutsidePhoneRow(Base):
    """Whose number (E.164) it is in the system. One number may be several customers'."""

    __tablename__ = "outside_phone"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "connection_id", "customer_id"],
            ["outside_customer.tenant_id", "outside_customer.connection_id", "outside_customer.id"],
            ondelete="CASCADE",
        ),
        Index(None, "tenant_id", "connection_id", "customer_id"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)


class OutsideJobRow(Base):
    """An open job of a customer."""

    __tablename__ = "outside_job"
    __table_args__ = (_of_connection(), Index(None, "tenant_id", "connection_id", "customer_id"))

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    title: Mapped[str]
    status: Mapped[str]
    url: Mapped[str]
    changed_at: Mapped[datetime]
    lap: Mapped[int]


class OutsideVisitRow(Base):
    """A visit in the system that lies ahead, or did when it was read."""

    __tablename__ = "outside_visit"
    __table_args__ = (
        _of_connection(),
        Index(None, "tenant_id", "connection_id", "customer_id"),
        Index(None, "tenant_id", "connection_id", "job_id"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    job_id: Mapped[str]
    title: Mapped[str]
    url: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    lap: Mapped[int]


class HeardRow(Base):
    """A message of a system's webhook that was taken: each once."""

    __tablename__ = "sync_heard"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
