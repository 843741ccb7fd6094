"""Carriers: the tenants' accounts with them, calls that we place there, what was seen of their numbers, and one-time tokens.

A webhook hands a token out, the media brings it back.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class CarrierAccountRow(Base):
    """A tenant's account with a carrier. Both secrets are sealed by the vault; ``*_end`` is what may be shown of them.

    ``settings`` is what else the carrier wants and nobody has to hide (``schemas.KINDS``).
    """

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
    settings: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
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


class CarrierLegRow(Base):
    """A call that we have asked a carrier to place, once for each key. ``carrier_call`` is empty while nobody knows of one."""

    __tablename__ = "carrier_leg"
    __table_args__ = (
        Index(None, "tenant_id", "account_id", "carrier_call", unique=True, postgresql_where="carrier_call IS NOT NULL"),
        Index(None, "begun_at"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    to_number: Mapped[str]
    caller_id: Mapped[str]
    carrier_call: Mapped[str | None]
    begun_at: Mapped[datetime]


class NumberCheckRow(Base):
    """What the last self-test of a number at the carrier found. ``ringing``: a call to it is under way."""

    __tablename__ = "carrier_number_check"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["carrier_account.tenant_id", "carrier_account.id"], ondelete="CASCADE"),
        Index(None, "tenant_id", "did"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    carrier_number: Mapped[str] = mapped_column(primary_key=True)
    did: Mapped[str]
    state: Mapped[str]
    fault: Mapped[str] = mapped_column(server_default="")
    call_from: Mapped[str] = mapped_column(server_default="")
    checked_at: Mapped[datetime]
    rang_at: Mapped[datetime | None]
