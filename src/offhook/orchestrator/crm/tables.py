"""The built-in CRM: contacts, leads, messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class ContactRow(Base):
    """Somebody who rang or is served. ``phone`` is the main one of their numbers in ``contact_phone``."""

    __tablename__ = "contact"
    __table_args__ = (Index(None, "tenant_id", "created_at", "id"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str | None]
    name: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    email: Mapped[str] = mapped_column(server_default="")
    no_calls: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    note: Mapped[str] = mapped_column(server_default="")
    revision: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ContactPhoneRow(Base):
    """A number (E.164) that is one contact's: several after a merge, and never of two."""

    __tablename__ = "contact_phone"
    __table_args__ = (
        Index(None, "tenant_id", "contact_id"),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contact.tenant_id", "contact.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str]


class ContactWordRow(Base):
    """A word that finds a contact by its beginning: of the name and of the e-mail address."""

    __tablename__ = "contact_word"
    __table_args__ = (
        Index(None, "tenant_id", "contact_id"),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contact.tenant_id", "contact.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    contact_id: Mapped[str] = mapped_column(primary_key=True)


class LeadRow(Base):
    """A job that may come of a call; one per call. ``status``: see ``schemas.LeadStatus``."""

    __tablename__ = "lead"
    __table_args__ = (
        UniqueConstraint("tenant_id", "call_id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "status", "created_at", "id"),
        Index(None, "tenant_id", "contact_id"),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contact.tenant_id", "contact.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str]
    call_id: Mapped[str]
    status: Mapped[str]
    problem: Mapped[str] = mapped_column(server_default="")
    extras: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    note: Mapped[str] = mapped_column(server_default="")
    assigned: Mapped[str] = mapped_column(server_default="")
    revision: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MessageRow(Base):
    """Something a caller wants the team to know or do. ``kind`` is message, callback or stop."""

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "tenant_id", "call_id"),
        Index(None, "tenant_id", "contact_id"),
        Index("ix_message_callback", "tenant_id", "created_at", "id", postgresql_where=text("kind = 'callback'")),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contact.tenant_id", "contact.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str]
    call_id: Mapped[str]
    kind: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    due: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
