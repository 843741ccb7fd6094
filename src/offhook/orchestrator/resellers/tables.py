"""Resellers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class ResellerRow(Base):
    """Who sells to tenants under its own name. ``direct`` is the platform itself. ``settings`` is a Brand document (schemas)."""

    __tablename__ = "reseller"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    suspended: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    revision: Mapped[int] = mapped_column(server_default="1")


class PictureRow(Base):
    """A picture of a reseller's: ``light`` and ``dark`` are its logo, ``icon`` stands in the browser's tab. Made harmless (``logo``)."""

    __tablename__ = "reseller_picture"

    reseller_id: Mapped[str] = mapped_column(ForeignKey("reseller.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    body: Mapped[bytes]
    version: Mapped[str]
    updated_at: Mapped[datetime]
