"""Callers put through to people, and who was rung for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class TransferRow(Base):
    """One attempt to put a caller through. ``version`` goes up with whatever its engine is to know. ``taken_by``: the place of who took it.

    ``trunk_id``: the engine itself rings people, over this trunk, which ``refer`` has it ask to take both legs over.
    ``fetched``: the carrier has asked where the caller goes, so they have left the agent. ``parted``: the talk with the person is over.
    ``brief`` is what people are told; it is dropped when the attempt is over.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index(None, "tenant_id", "call_id"),
        Index(None, "tenant_id", "caller_leg"),
        Index(None, "until", postgresql_where=text("state IN ('trying', 'bridging')")),
        ForeignKeyConstraint(["tenant_id", "call_id"], ["call.tenant_id", "call.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str]
    key: Mapped[str]
    target: Mapped[str]
    people: Mapped[list[Any]]
    account_id: Mapped[str | None]
    trunk_id: Mapped[str | None]
    refer: Mapped[bool] = mapped_column(server_default="false")
    carrier: Mapped[str] = mapped_column(server_default="twilio")
    caller_leg: Mapped[str]
    did: Mapped[str]
    language: Mapped[str]
    warm: Mapped[bool]
    brief: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    version: Mapped[int] = mapped_column(server_default="1")
    taken_by: Mapped[int | None]
    fetched: Mapped[bool] = mapped_column(server_default="false")
    parted: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime]
    until: Mapped[datetime]


class TransferAttemptRow(Base):
    """One person of a transfer, who is rung once. ``asked_at``: when the carrier was last asked to; ``leg`` is its call to them."""

    __tablename__ = "transfer_attempt"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "transfer_id"], ["transfer.tenant_id", "transfer.id"], ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    transfer_id: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    number: Mapped[str]
    outcome: Mapped[str]
    leg: Mapped[str] = mapped_column(server_default="")
    began_at: Mapped[datetime]
    asked_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
