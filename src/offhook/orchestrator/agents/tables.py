"""Agents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


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
