"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class AuditRow(Base):
    """Who did what to what, when. No row is ever changed or removed by the application."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "tenant_id", "id"), Index(None, "reseller_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str | None]
    reseller_id: Mapped[str | None]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    actor_name: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    details: Mapped[dict[str, Any]]
    ip: Mapped[str]
