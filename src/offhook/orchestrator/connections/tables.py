"""Connections, their sealed secrets and tokens, what was said over them, and authorisations under way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


def _of_connection() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "connection_id"], ["connection.tenant_id", "connection.id"], ondelete="CASCADE")


class ConnectionRow(Base):
    """A link to one account of one system. ``settings`` are the fields of its form that are no secrets."""

    __tablename__ = "connection"
    __table_args__ = (
        CheckConstraint("auth IN ('key', 'oauth', 'none')", name="ck_connection_auth"),
        CheckConstraint("state IN ('active', 'expired', 'off')", name="ck_connection_state"),
        Index(
            "uq_connection_tenant_id_adapter_account_id",
            "tenant_id",
            "adapter",
            "account_id",
            unique=True,
            postgresql_where=text("account_id <> ''"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    adapter: Mapped[str]
    auth: Mapped[str]
    account_id: Mapped[str]
    account: Mapped[str]
    timezone: Mapped[str]
    state: Mapped[str]
    problem: Mapped[str] = mapped_column(server_default="")
    settings: Mapped[dict[str, Any]]
    chosen: Mapped[dict[str, Any]]
    mapping: Mapped[dict[str, Any]]
    ok_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    synced_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SecretRow(Base):
    """A secret field of a connection, sealed by the vault for this tenant, connection and field alone."""

    __tablename__ = "connection_secret"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    made_at: Mapped[datetime]


class TokenRow(Base):
    """What OAuth has given, sealed. ``owner`` is the reseller whose client asked for it, empty for the operator's."""

    __tablename__ = "connection_token"
    __table_args__ = (_of_connection(), Index(None, "renewed_at"))

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    access_token: Mapped[bytes]
    refresh_token: Mapped[bytes | None]
    granted: Mapped[str]
    owner: Mapped[str]
    generation: Mapped[int]
    expires_at: Mapped[datetime | None]
    renewed_at: Mapped[datetime]
    warned_at: Mapped[datetime | None]


class ExchangeRow(Base):
    """A request over a connection and what came of it. ``raw`` is both bodies, sealed; no header is kept."""

    __tablename__ = "connection_exchange"
    __table_args__ = (
        _of_connection(),
        Index("ix_connection_exchange_connection_id", "tenant_id", "connection_id", "id"),
        Index(None, "at"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str]
    call_id: Mapped[str]
    write_key: Mapped[str]
    at: Mapped[datetime]
    method: Mapped[str]
    path: Mapped[str]
    status: Mapped[int | None]
    trouble: Mapped[str]
    seconds: Mapped[float]
    sent_sha256: Mapped[str]
    got_sha256: Mapped[str]
    raw: Mapped[bytes]


class FlowRow(Base):
    """An authorisation under way: who began it, in which session, and (``kept``, sealed) what its end needs.

    ``id`` is the nonce's digest.
    """

    __tablename__ = "oauth_flow"
    __table_args__ = (CheckConstraint("state IN ('begun', 'back', 'done')", name="ck_oauth_flow_state"), Index(None, "expires_at"))

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    adapter: Mapped[str]
    connection_id: Mapped[str | None]
    begun_by: Mapped[str]
    session_hash: Mapped[bytes]
    host: Mapped[str]
    path: Mapped[str]
    owner: Mapped[str]
    client_id: Mapped[str]
    kept: Mapped[bytes]
    state: Mapped[str]
    handoff_hash: Mapped[bytes | None]
    code: Mapped[bytes | None]
    error: Mapped[str] = mapped_column(server_default="")
    expires_at: Mapped[datetime]


class ResellerClientRow(Base):
    """A reseller's own OAuth client with a system. A reseller has no data key of its own: the platform's seals the secret."""

    __tablename__ = "reseller_oauth_client"

    reseller_id: Mapped[str] = mapped_column(ForeignKey("reseller.id", ondelete="CASCADE"), primary_key=True)
    adapter: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    client_secret: Mapped[bytes]
    client_secret_end: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
