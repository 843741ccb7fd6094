"""Tenants, their exports, and what is left of those that were erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class TenantRow(Base):
    """A business. ``diary`` is a Diary document (schemas); ``max_calls`` is how many calls it may have at once, ``retention_days``
    for how long they are kept.

    A tenant that is being erased (``erasing_at``) is suspended too, and nobody finds it any more; ``erasing_by`` is who asked, as
    ``kind/id``.
    """

    __tablename__ = "tenant"
    __table_args__ = (Index(None, "created_at", "id"), Index(None, "reseller_id", "created_at", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    reseller_id: Mapped[str] = mapped_column(ForeignKey("reseller.id"))
    name: Mapped[str]
    timezone: Mapped[str]
    region: Mapped[str]
    locale: Mapped[str]
    fallback_number: Mapped[str | None]
    suspended: Mapped[bool] = mapped_column(server_default="false")
    diary: Mapped[dict[str, Any]]
    max_calls: Mapped[int] = mapped_column(server_default="10")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revision: Mapped[int] = mapped_column(server_default="1")
    erasing_at: Mapped[datetime | None]
    erasure_id: Mapped[str | None]
    erasing_by: Mapped[str | None]
    retention_days: Mapped[int | None]


class ExportRow(Base):
    """All data of a tenant in one file, for a while."""

    __tablename__ = "tenant_export"
    __table_args__ = (Index(None, "expires_at"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    requested_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class ErasureRow(Base):
    """That a tenant was erased, and how much of what. It holds nothing of the tenant: ``subject`` is a hash of its id."""

    __tablename__ = "erasure"
    __table_args__ = (Index(None, "requested_at", "id"), Index(None, "reseller_id", "requested_at", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    reseller_id: Mapped[str]
    subject: Mapped[str]
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    verified: Mapped[bool] = mapped_column(server_default="false")
