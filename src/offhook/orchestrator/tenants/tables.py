"""Tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class TenantRow(Base):
    """A business. ``diary`` is a Diary document (schemas); ``max_calls`` is how many calls it may have at once."""

    __tablename__ = "tenant"

    id: Mapped[str] = mapped_column(primary_key=True)
    reseller_id: Mapped[str] = mapped_column(ForeignKey("reseller.id"), index=True)
    name: Mapped[str]
    timezone: Mapped[str]
    region: Mapped[str]
    locale: Mapped[str]
    fallback_number: Mapped[str | None]
    suspended: Mapped[bool] = mapped_column(server_default="false")
    diary: Mapped[dict[str, Any]]
    max_calls: Mapped[int] = mapped_column(server_default="10")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
