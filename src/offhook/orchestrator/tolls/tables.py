"""Limits on calls out, the calls that count against them, and those that were refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class TollLimitRow(Base):
    """One tenant's limits; made with the defaults when they are first asked for. Whoever counts a call locks it."""

    __tablename__ = "toll_limit"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    countries: Mapped[list[Any]] = mapped_column(server_default="[]")
    hosts: Mapped[list[Any]] = mapped_column(server_default="[]")
    at_once: Mapped[int] = mapped_column(server_default="5")
    per_minute: Mapped[int] = mapped_column(server_default="10")
    minutes_per_hour: Mapped[int] = mapped_column(server_default="120")
    spend_per_hour: Mapped[int] = mapped_column(server_default="1000")
    max_minutes: Mapped[int] = mapped_column(server_default="30")
    price_home: Mapped[int] = mapped_column(server_default="2")
    price_abroad: Mapped[int] = mapped_column(server_default="25")
    suspended_at: Mapped[datetime | None]
    suspended_why: Mapped[str] = mapped_column(server_default="")
    revision: Mapped[int] = mapped_column(server_default="1")


class TollCallRow(Base):
    """A call out that was let through: to which range, at what price a minute, and until when it counts should nobody say that it ended."""

    __tablename__ = "toll_call"
    __table_args__ = (Index(None, "tenant_id", "started_at"), Index(None, "tenant_id", "prefix", "started_at"))

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    prefix: Mapped[str]
    price: Mapped[int]
    started_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class TollRefusalRow(Base):
    """How many calls out were refused on a day (UTC), by purpose and reason."""

    __tablename__ = "toll_refusal"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]
