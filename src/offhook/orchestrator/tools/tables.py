"""Tools that have run: the memory that makes a repeated request harmless."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class ToolRunRow(Base):
    """One effect and its answer, inserted before the work in the same transaction."""

    __tablename__ = "tool_run"
    __table_args__ = (Index(None, "tenant_id", "call_id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    tool: Mapped[str]
    fingerprint: Mapped[str]
    answer: Mapped[dict[str, Any] | None]
    ran_at: Mapped[datetime] = mapped_column(server_default=func.now())
