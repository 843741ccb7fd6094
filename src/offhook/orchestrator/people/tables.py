"""Tables of people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class ProviderRow(Base):
    """Where a tenant's or a reseller's people sign in by OpenID Connect. ``client_secret`` is sealed with its owner's key."""

    __tablename__ = "oidc_provider"
    __table_args__ = (Index(None, "tenant_id", "id"), Index(None, "reseller_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]
    reseller_id: Mapped[str | None] = mapped_column(ForeignKey("reseller.id"))
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"))
    name: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[bytes]
    domains: Mapped[list[Any]]
    default_role: Mapped[str | None]
    enabled: Mapped[bool]
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PersonRow(Base):
    """An account. Of a provider if ``provider_id`` is given: then it is apart from the account that the same mail address has elsewhere,
    since what a provider says about an address holds only where the provider is trusted.
    """

    __tablename__ = "person"
    __table_args__ = (
        Index("uq_person_email", "email", unique=True, postgresql_where=text("provider_id IS NULL")),
        Index("uq_person_provider_id_email", "provider_id", "email", unique=True, postgresql_where=text("provider_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[str | None] = mapped_column(ForeignKey("oidc_provider.id", ondelete="CASCADE"))
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]


class MembershipRow(Base):
    """A person's role in a tenant, in a reseller or on the platform."""

    __tablename__ = "membership"
    __table_args__ = (
        Index("uq_membership_tenant_id_person_id", "tenant_id", "person_id", unique=True, postgresql_where=text("level = 'tenant'")),
        Index("uq_membership_reseller_id_person_id", "reseller_id", "person_id", unique=True, postgresql_where=text("level = 'reseller'")),
        Index("uq_membership_platform", "person_id", unique=True, postgresql_where=text("level = 'platform'")),
        Index(None, "tenant_id", "id"),
        Index(None, "reseller_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    level: Mapped[str]
    reseller_id: Mapped[str | None] = mapped_column(ForeignKey("reseller.id"))
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"))
    role: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class SessionRow(Base):
    """A browser that somebody is signed in with. One made by a provider reaches no further than the provider's owner."""

    __tablename__ = "session"
    __table_args__ = (UniqueConstraint("token_hash"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes]
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    provider_id: Mapped[str | None] = mapped_column(ForeignKey("oidc_provider.id", ondelete="CASCADE"), index=True)
    host: Mapped[str]
    ip: Mapped[str]
    user_agent: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]


class InvitationRow(Base):
    """An invitation that nobody has taken yet; taking or revoking it removes it."""

    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "tenant_id", "id"), Index(None, "reseller_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes]
    level: Mapped[str]
    reseller_id: Mapped[str | None] = mapped_column(ForeignKey("reseller.id"))
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"))
    email: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    created_by_name: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TicketRow(Base):
    """A one-time token: to make the first administrator, or to set a new password. Using it removes it."""

    __tablename__ = "ticket"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class TotpRow(Base):
    """A person's app for one-time codes. ``last_step`` is of the last code used; ``recovery`` are digests of unused codes."""

    __tablename__ = "totp"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[bytes]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int]
    recovery: Mapped[list[Any]]


class IdentityRow(Base):
    """Whom a provider's subject is."""

    __tablename__ = "identity"

    provider_id: Mapped[str] = mapped_column(ForeignKey("oidc_provider.id", ondelete="CASCADE"), primary_key=True)
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class UsedStateRow(Base):
    """A sign-in by a provider that has come back, and may not again."""

    __tablename__ = "oidc_used"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class MailRow(Base):
    """A mail that is still to be sent; its job knows only the id, so that no address and no token stands in the queue or its log.

    The text may hold a token, so it is in no export. Of a ``reset`` only the address is given: its job looks whether there is an account,
    and makes the token.
    """

    __tablename__ = "mail"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str | None] = mapped_column(ForeignKey("tenant.id"), index=True)
    kind: Mapped[str]
    recipient: Mapped[str]
    subject: Mapped[str]
    secret_text: Mapped[str]
    created_at: Mapped[datetime]
