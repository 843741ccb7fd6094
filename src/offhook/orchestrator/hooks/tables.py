"""Endpoints, their queues, events, deliveries of events to endpoints, and attempts of deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, ForeignKey, ForeignKeyConstraint, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base

_WAITING: Final = text("state = 'waiting'")
_FAILED: Final = text("state = 'failed'")


class EndpointRow(Base):
    """Where a tenant wants its events; ``event_types`` None for all. ``old_secret`` signs too until then."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (Index(None, "tenant_id", "created_at", "id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    event_types: Mapped[list[str] | None] = mapped_column(ARRAY(Text()))
    enabled: Mapped[bool] = mapped_column(server_default="true")
    disabled_reason: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    secret: Mapped[bytes]
    old_secret: Mapped[bytes | None]
    old_secret_until: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class QueueRow(Base):
    """The state of an endpoint's queue: who works on it until when (``runner``), when somebody comes to, and how it goes."""

    __tablename__ = "webhook_queue"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "endpoint_id"], ["webhook_endpoint.tenant_id", "webhook_endpoint.id"], ondelete="CASCADE"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    runner: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    wake_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]


class EventRow(Base):
    """What happened. Of one subject, events have ``seq`` in the order in which their transactions were committed."""

    __tablename__ = "webhook_event"
    __table_args__ = (Index(None, "tenant_id", "at", "id"), Index(None, "tenant_id", "subject"), Index(None, "at"))

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger(), Identity(always=True))
    type: Mapped[str]
    subject: Mapped[str]
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class DeliveryRow(Base):
    """An event on its way to an endpoint. ``tries`` counts this round's attempts, ``attempts`` those of all."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "endpoint_id"], ["webhook_endpoint.tenant_id", "webhook_endpoint.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "event_id"], ["webhook_event.tenant_id", "webhook_event.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "endpoint_id", "event_id"),
        Index(None, "tenant_id", "endpoint_id", "created_at", "id"),
        Index(None, "tenant_id", "event_id"),
        Index("webhook_delivery_order", "tenant_id", "endpoint_id", "subject", "seq", postgresql_where=_WAITING),
        Index("webhook_delivery_failed", "tenant_id", "endpoint_id", "created_at", "id", postgresql_where=_FAILED),
        Index("webhook_delivery_due", "next_at", "tenant_id", "endpoint_id", postgresql_where=_WAITING),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str]
    event_id: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger())
    type: Mapped[str]
    subject: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]


class AttemptRow(Base):
    """One request to an endpoint and what came of it; ``error`` None for a success. ``response`` is the beginning of the answer's body."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "delivery_id"], ["webhook_delivery.tenant_id", "webhook_delivery.id"], ondelete="CASCADE"),
        Index(None, "tenant_id", "delivery_id", "at", "id"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str]
    at: Mapped[datetime]
    ms: Mapped[int]
    status: Mapped[int | None]
    error: Mapped[str | None]
    message: Mapped[str]
    response: Mapped[str]
