"""One-time tokens: a carrier's webhook hands one out, the media brings it back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class MediaTokenRow(Base):
    """``id`` is the token's SHA-256; ``used_by`` the call that redeemed it."""

    __tablename__ = "media_token"
    __table_args__ = (UniqueConstraint("id"), Index(None, "expires_at"))

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    carrier_call: Mapped[str]
    did: Mapped[str]
    caller: Mapped[str]
    expires_at: Mapped[datetime]
    used_by: Mapped[str | None]
