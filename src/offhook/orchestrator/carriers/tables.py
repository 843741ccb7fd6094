"""Carriers: the tenants' accounts with them, and one-time tokens: a webhook hands one out, the media brings it back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class CarrierAccountRow(Base):
    """A tenant's account with a carrier. Both secrets are sealed by the vault; ``*_end`` is what may be shown of them."""

    __tablename__ = "carrier_account"
    __table_args__ = (Index(None, "tenant_id", "created_at", "id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    account_sid: Mapped[str]
    auth_token: Mapped[bytes]
    auth_token_end: Mapped[str]
    api_key_sid: Mapped[str | None]
    api_key_secret: Mapped[bytes | None]
    api_key_end: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class MediaTokenRow(Base):
    """``id`` is the token's SHA-256; ``used_by`` the call that redeemed it."""

    __tablename__ = "media_token"
    __table_args__ = (UniqueConstraint("id"), Index(None, "expires_at"), Index(None, "tenant_id", "carrier_call"))

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    carrier_call: Mapped[str]
    did: Mapped[str]
    caller: Mapped[str]
    expires_at: Mapped[datetime]
    used_by: Mapped[str | None]
