"""Trunks: the tenants' SIP links, how they fare at each engine, and which engine registers with them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class TrunkRow(Base):
    """A SIP link to a tenant's carrier or exchange. ``password`` is sealed by the vault; ``sources`` are addresses and networks."""

    __tablename__ = "trunk"
    __table_args__ = (Index(None, "tenant_id", "created_at", "id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(server_default="")
    auth: Mapped[str]
    host: Mapped[str] = mapped_column(server_default="")
    username: Mapped[str] = mapped_column(server_default="")
    password: Mapped[bytes | None]
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    did_from: Mapped[str]
    codecs: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    max_calls: Mapped[int]
    transfers: Mapped[str] = mapped_column(server_default="bridge")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TrunkStateRow(Base):
    """What an engine has last told of a trunk."""

    __tablename__ = "trunk_state"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "trunk_id"], ["trunk.tenant_id", "trunk.id"], ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    trunk_id: Mapped[str] = mapped_column(primary_key=True)
    engine: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    error: Mapped[str] = mapped_column(server_default="")
    calls: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    at: Mapped[datetime]
    boot: Mapped[str] = mapped_column(server_default="")
    """Which start of the engine; empty where it places no calls."""


class TrunkLeaseRow(Base):
    """Which engine registers with a trunk, and until when if it is not heard of again. ``holder`` is that engine's start."""

    __tablename__ = "trunk_lease"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "trunk_id"], ["trunk.tenant_id", "trunk.id"], ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    trunk_id: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[datetime]
