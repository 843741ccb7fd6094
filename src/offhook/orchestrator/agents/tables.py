"""Agents and their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class AgentRow(Base):
    """Who answers. ``draft`` is an AgentConfig that may be unfinished; ``live`` the version that takes calls.

    Documents are JSON, not JSONB: the order of a script's options and topics means something.
    """

    __tablename__ = "agent"
    __table_args__ = (Index(None, "tenant_id", "created_at", "id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    draft: Mapped[dict[str, Any]] = mapped_column(JSON())
    draft_text: Mapped[str | None]
    draft_sha: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default="1")
    live: Mapped[int | None]
    live_sha: Mapped[str | None]
    latest: Mapped[int] = mapped_column(server_default="0")
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AgentVersionRow(Base):
    """An AgentConfig as it was published. Nobody can change it."""

    __tablename__ = "agent_version"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"]),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    config: Mapped[dict[str, Any]] = mapped_column(JSON())
    script_text: Mapped[str | None]
    sha: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    restored_from: Mapped[int | None]
    published_kind: Mapped[str]
    published_by: Mapped[str]
    published_name: Mapped[str]
    published_at: Mapped[datetime]
