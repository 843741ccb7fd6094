"""Numbers, the places that calls take, and the calls that found none."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class NumberRow(Base):
    """A DID (E.164), unique on the whole platform, and the agent that answers it. It comes by a carrier account or by a trunk.

    ``overflow`` is where callers go when there is no place (E.164 or ``sip:``); ``max_calls`` is a cap of the number's own.
    """

    __tablename__ = "number"
    __table_args__ = (
        UniqueConstraint("did"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"]),
        ForeignKeyConstraint(["tenant_id", "carrier_account_id"], ["carrier_account.tenant_id", "carrier_account.id"]),
        ForeignKeyConstraint(["tenant_id", "trunk_id"], ["trunk.tenant_id", "trunk.id"]),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "carrier_account_id"),
        Index(None, "tenant_id", "agent_id"),
        Index(None, "tenant_id", "trunk_id"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    did: Mapped[str]
    agent_id: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    carrier_account_id: Mapped[str | None]
    overflow: Mapped[str | None]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    max_calls: Mapped[int | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    trunk_id: Mapped[str | None]


class PlacementRow(Base):
    """One of the tenant's places, taken by a call: of a carrier's id before its media is here, of the engine's id from then on."""

    __tablename__ = "placement"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id"),
        UniqueConstraint("tenant_id", "carrier_call"),
        Index(None, "tenant_id", "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    number_id: Mapped[str]
    call_id: Mapped[str | None]
    carrier_call: Mapped[str | None]
    placed_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RefusedCallRow(Base):
    """How many calls to a number were not taken on a day (UTC), and why."""

    __tablename__ = "refused_call"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    number_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]


class StrayCallRow(Base):
    """How many calls came on a day (UTC) to a number that is nobody's."""

    __tablename__ = "stray_call"

    day: Mapped[date] = mapped_column(primary_key=True)
    did: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]
