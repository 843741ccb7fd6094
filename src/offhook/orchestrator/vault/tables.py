"""Data keys, wrapped."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class DataKeyRow(Base):
    """A tenant's key, wrapped with the master key ``kek_id``. The newest version seals; those retired still open."""

    __tablename__ = "data_key"
    __table_args__ = (Index(None, "kek_id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kek_id: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class PlatformDataKeyRow(Base):
    """The same of the platform itself."""

    __tablename__ = "platform_data_key"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kek_id: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
