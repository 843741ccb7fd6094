"""API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class ApiKeyRow(Base):
    """A key of a tenant, a reseller or the platform. ``hash`` is the SHA-256 of its secret, which is 256 random bits."""

    __tablename__ = "api_key"
    __table_args__ = (Index(None, "tenant_id", "id"), Index(None, "reseller_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]
    reseller_id: Mapped[str | None] = mapped_column(ForeignKey("reseller.id"))
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"))
    name: Mapped[str]
    hash: Mapped[bytes]
    scopes: Mapped[list[Any]]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
