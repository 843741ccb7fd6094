"""Voice tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class VoiceTestRow(Base):
    """One test call, before and after it is made. ``token_digest`` is the token's SHA-256; ``call_id`` the call that used it.

    ``config`` is what is tested, kept because a draft may change in between; ``tools`` is what tools answer, ``used`` how often they did.
    Documents are JSON, not JSONB: the order of a script's options and topics means something.
    """

    __tablename__ = "voice_test"
    __table_args__ = (
        UniqueConstraint("token_digest"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"], ondelete="CASCADE"),
        Index(None, "tenant_id", "agent_id", "created_at"),
        Index(None, "tenant_id", "call_id"),
        Index(None, "tenant_id", "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    token_digest: Mapped[str]
    agent_id: Mapped[str]
    version: Mapped[int | None]
    draft: Mapped[int | None]
    config: Mapped[dict[str, Any]] = mapped_column(JSON())
    caller: Mapped[str] = mapped_column(server_default="")
    tools: Mapped[dict[str, Any]] = mapped_column(JSON())
    used: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    made_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    call_id: Mapped[str | None]
