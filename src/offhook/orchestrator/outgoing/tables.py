"""Calls that we place, and who may be rung."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class OutgoingRow(Base):
    """A call to be placed; ``next_at`` is when somebody has to look at it, ``once`` what it is the only one for.

    ``waiting`` -> ``dialling`` (written before the carrier is asked) -> ``ringing`` -> ``answered`` -> ``done``, or ``failed``,
    ``refused``, ``cancelled``; busy or unanswered it is ``waiting`` again.
    """

    __tablename__ = "outgoing_call"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.id"]),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "once", unique=True, postgresql_where=text("once IS NOT NULL")),
        Index(None, "tenant_id", "carrier_call"),
        Index("ix_outgoing_call_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    to: Mapped[str]
    did: Mapped[str]
    agent_id: Mapped[str]
    number_id: Mapped[str]
    purpose: Mapped[str]
    about: Mapped[str] = mapped_column(server_default="")
    on_machine: Mapped[str] = mapped_column(server_default="")
    contact_id: Mapped[str | None]
    lead_id: Mapped[str | None]
    appointment_id: Mapped[str | None]
    once: Mapped[str | None]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    consent: Mapped[str] = mapped_column(server_default="")
    not_before: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime | None]
    carrier_call: Mapped[str] = mapped_column(server_default="")
    answered_by: Mapped[str] = mapped_column(server_default="")
    call_id: Mapped[str | None]
    by: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    trunk_id: Mapped[str | None]
    """Over which it goes, in place of a carrier's REST."""
    engine: Mapped[str] = mapped_column(server_default="")
    """Where the engine is asked that places the attempt which goes on, and which start of it alone may."""
    boot: Mapped[str] = mapped_column(server_default="")


class AttemptRow(Base):
    """One time that a carrier was asked to ring; kept before it was."""

    __tablename__ = "outgoing_attempt"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "outgoing_id"], ["outgoing_call.tenant_id", "outgoing_call.id"], ondelete="CASCADE"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    outgoing_id: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    carrier_call: Mapped[str] = mapped_column(server_default="")
    result: Mapped[str] = mapped_column(server_default="")
    ended_at: Mapped[datetime | None]


class SettingRow(Base):
    """How a tenant places calls; see ``schemas.Setting``."""

    __tablename__ = "outgoing_setting"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    opens: Mapped[int] = mapped_column(server_default="540")
    closes: Mapped[int] = mapped_column(server_default="1200")
    days: Mapped[list[Any]] = mapped_column(server_default="[0, 1, 2, 3, 4, 5, 6]")
    consent_for: Mapped[list[Any]] = mapped_column(server_default='["reminder", "call-back", "other"]')
    attempts: Mapped[int] = mapped_column(server_default="2")
    gap_minutes: Mapped[int] = mapped_column(server_default="30")
    voicemail: Mapped[str] = mapped_column(server_default="")
    reminder_hours: Mapped[int | None]
    reminder_agent: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1")


class ConsentRow(Base):
    """That somebody agreed to be rung by an automated assistant: when, and how it is known."""

    __tablename__ = "call_consent"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    phone: Mapped[str] = mapped_column(primary_key=True)
    how: Mapped[str]
    given_at: Mapped[datetime]
    by: Mapped[str]


class DoNotCallRow(Base):
    """A number (E.164) that is never rung."""

    __tablename__ = "do_not_call"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    phone: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime]
    by: Mapped[str]
