"""Accounts with vendors: a tenant's own, and those that a reseller lends to its tenants."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class VendorAccountRow(Base):
    """A tenant's account with a vendor. The key is sealed by the vault; ``api_key_end`` is what may be shown of it."""

    __tablename__ = "vendor_account"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    vendor: Mapped[str] = mapped_column(primary_key=True)
    api_key: Mapped[bytes | None]
    api_key_end: Mapped[str | None]
    base_url: Mapped[str | None]
    region: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ResellerVendorAccountRow(Base):
    """The same of a reseller. A reseller has no data key of its own: the platform's seals it."""

    __tablename__ = "reseller_vendor_account"

    reseller_id: Mapped[str] = mapped_column(ForeignKey("reseller.id", ondelete="CASCADE"), primary_key=True)
    vendor: Mapped[str] = mapped_column(primary_key=True)
    api_key: Mapped[bytes | None]
    api_key_end: Mapped[str | None]
    base_url: Mapped[str | None]
    region: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
