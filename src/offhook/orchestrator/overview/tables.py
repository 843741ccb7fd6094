"""What is counted of each tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class HourRow(Base):
    """An hour of a tenant's calls, which begins where one of its zone's does; none of what was said, nor who rang.

    ``replies`` counts replies by how long they were waited for (``schemas.EDGES``). Test calls are not in it.
    """

    __tablename__ = "tenant_hour"
    __table_args__ = (Index(None, "hour"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    calls: Mapped[int]
    booked: Mapped[int]
    leads: Mapped[int]
    failed: Mapped[int]
    seconds: Mapped[float]
    replies: Mapped[list[int]] = mapped_column(ARRAY(Integer()))


class PulseRow(Base):
    """How a tenant is doing: today and seven days, made of its hours, and what is wrong with it (``schemas.Problem``).

    ``shift`` is how many minutes past UTC's hours its own begin. ``counted_from`` is where the next count begins: no hour before it can
    change any more. ``worst`` is the grade of the worst problem.
    """

    __tablename__ = "tenant_pulse"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    shift: Mapped[int]
    counted_at: Mapped[datetime]
    counted_from: Mapped[datetime]
    days: Mapped[list[int]] = mapped_column(ARRAY(Integer()))
    booked: Mapped[int]
    today_booked: Mapped[int]
    today_failed: Mapped[int]
    today_replies: Mapped[list[int]] = mapped_column(ARRAY(Integer()))
    seconds: Mapped[float]
    nine_in_ten: Mapped[int | None]
    live: Mapped[int]
    worst: Mapped[int]
    problems: Mapped[list[Any]]
