"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class AuditRow(Base):
    """Who did what to what, when. No row is ever changed or removed by the application.

    Each tenant, each reseller and the platform has a log of its own, in which ``seq`` counts from 1 and ``hash`` covers the row and the
    hash of the row before (``audit.chain``).
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("uq_audit_tenant_id_reseller_id_seq", "tenant_id", "reseller_id", "seq", unique=True, postgresql_nulls_not_distinct=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"))
    reseller_id: Mapped[str | None]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    details: Mapped[dict[str, Any]]
    ip: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]


class AuditHeadRow(Base):
    """Where a log ends: its last row's place and hash. Who adds a row locks it, so that a log has one writer at a time."""

    __tablename__ = "audit_head"

    owner: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"))
    reseller_id: Mapped[str | None]
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
