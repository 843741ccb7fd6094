"""Call buttons on tenants' web sites."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class WidgetRow(Base):
    """A call button: who answers, and the origins of the pages that it may stand on. ``key`` is public: it stands in those pages."""

    __tablename__ = "widget"
    __table_args__ = (
        UniqueConstraint("key"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"], ondelete="CASCADE"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str]
    key: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    origins: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    per_minute: Mapped[int]
    per_day: Mapped[int]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
