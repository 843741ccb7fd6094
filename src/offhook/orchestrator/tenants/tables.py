"""Tenants, their agents and numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class TenantRow(Base):
    """A business. ``diary`` is a Diary document (schemas)."""

    __tablename__ = "tenant"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    timezone: Mapped[str]
    region: Mapped[str]
    locale: Mapped[str]
    fallback_number: Mapped[str | None]
    suspended: Mapped[bool] = mapped_column(server_default="false")
    diary: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AgentRow(Base):
    """Who answers: the script in force and how it sounds. ``hours``, ``turn``, ``lines``, ``tools`` as in schemas."""

    __tablename__ = "agent"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    script: Mapped[dict[str, Any]]
    voice: Mapped[str]
    turn: Mapped[dict[str, Any]]
    lines: Mapped[dict[str, Any]]
    hours: Mapped[list[Any]]
    knowledge: Mapped[list[Any]]
    transfer_to: Mapped[dict[str, Any]]
    tools: Mapped[dict[str, Any]]


class NumberRow(Base):
    """A DID, unique on the whole platform, and the agent that answers it."""

    __tablename__ = "number"
    __table_args__ = (
        UniqueConstraint("did"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    did: Mapped[str]
    agent_id: Mapped[str]
