"""Members, invitations and providers of one tenant, of one reseller, or of the platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, column, delete, select, table, update

from offhook.orchestrator.auth.permissions import Level, Role
from offhook.orchestrator.people.tables import InvitationRow, MembershipRow, PersonRow, ProviderRow
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope

TENANT: Final = table("tenant", column("id"), column("name"), column("reseller_id"))
RESELLER: Final = table("reseller", column("id"), column("name"))
"""Names and owners; the tables themselves are other domains'."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose members, invitations or providers."""

    level: Level
    id: str | None = None

    @classmethod
    def of(cls, scope: TenantScope | ResellerScope | PlatformScope) -> Owner:
        """The scope's own."""
        if isinstance(scope, TenantScope):
            return cls("tenant", scope.tenant)
        return cls("reseller", scope.reseller) if isinstance(scope, ResellerScope) else cls("platform")

    @property
    def tenant(self) -> str | None:
        """The tenant, if it is one."""
        return self.id if self.level == "tenant" else None

    @property
    def reseller(self) -> str | None:
        """The reseller, if it is one."""
        return self.id if self.level == "reseller" else None

    @property
    def columns(self) -> dict[str, str | None]:
        """As a row says it."""
        return {"level": self.level, "tenant_id": self.tenant, "reseller_id": self.reseller}


def owned(row: type[MembershipRow | InvitationRow | ProviderRow], owner: Owner) -> ColumnElement[bool]:
    """Rows of this owner."""
    return and_(
        row.level == owner.level,
        row.tenant_id == owner.tenant if owner.tenant else row.tenant_id.is_(None),
        row.reseller_id == owner.reseller if owner.reseller else row.reseller_id.is_(None),
    )


class Team:
    """Members, invitations and providers of one tenant, one reseller, or the platform, in its own transaction. Every query names it."""

    def __init__(self, scope: TenantScope | ResellerScope | PlatformScope) -> None:
        self._session = scope.session
        self.owner = Owner.of(scope)

    async def members(self, limit: int, after: str | None) -> list[Row[Any]]:
        """Members, the newest first."""
        query = self._members().order_by(MembershipRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(MembershipRow.id < after)
        return list(await self._session.execute(query))

    async def member(self, id: str) -> Row[Any] | None:
        """A member."""
        return (await self._session.execute(self._members().where(MembershipRow.id == id))).one_or_none()

    async def has_email(self, email: str) -> bool:
        """Whether somebody with this address is a member."""
        return (
            await self._session.execute(self._members().where(PersonRow.email == email, PersonRow.provider_id.is_(None)))
        ).first() is not None

    def _members(self) -> Any:  # noqa: ANN401 - a query
        return (
            select(
                MembershipRow.id,
                MembershipRow.role,
                MembershipRow.created_at,
                PersonRow.id.label("person_id"),
                PersonRow.name,
                PersonRow.email,
                PersonRow.provider_id,
            )
            .join(PersonRow, PersonRow.id == MembershipRow.person_id)
            .where(owned(MembershipRow, self.owner))
        )

    async def holders(self, role: Role) -> list[str]:
        """Ids of the members with this role, locked, so that two at once cannot each take the other for the one that stays."""
        query = (
            select(MembershipRow.id)
            .where(owned(MembershipRow, self.owner), MembershipRow.role == role)
            .order_by(MembershipRow.id)
            .with_for_update()
        )
        return list((await self._session.execute(query)).scalars())

    async def set_role(self, id: str, role: Role) -> None:
        """Give a member another role."""
        await self._session.execute(update(MembershipRow).where(owned(MembershipRow, self.owner), MembershipRow.id == id).values(role=role))

    async def remove(self, id: str) -> None:
        """No member any more."""
        await self._session.execute(delete(MembershipRow).where(owned(MembershipRow, self.owner), MembershipRow.id == id))

    async def invitations(self, limit: int, after: str | None, now: datetime) -> list[InvitationRow]:
        """Invitations that are still good, the newest first."""
        query = (
            select(InvitationRow)
            .where(owned(InvitationRow, self.owner), InvitationRow.expires_at > now)
            .order_by(InvitationRow.id.desc())
            .limit(limit)
        )
        if after is not None:
            query = query.where(InvitationRow.id < after)
        return list((await self._session.execute(query)).scalars())

    async def invite(self, row: InvitationRow) -> None:
        """A new invitation, in place of an older one to the same address."""
        await self._session.execute(delete(InvitationRow).where(owned(InvitationRow, self.owner), InvitationRow.email == row.email))
        self._session.add(row)
        await self._session.flush()

    async def revoke(self, id: str) -> InvitationRow | None:
        """Take an invitation back; None if there is none."""
        query = delete(InvitationRow).where(owned(InvitationRow, self.owner), InvitationRow.id == id).returning(InvitationRow)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def revoke_of(self, person: str) -> None:
        """Take back what somebody who has lost their role has invited."""
        await self._session.execute(delete(InvitationRow).where(owned(InvitationRow, self.owner), InvitationRow.created_by == person))

    async def name(self) -> str:
        """What this tenant or reseller is called."""
        source = TENANT if self.owner.level == "tenant" else RESELLER
        if self.owner.id is None:
            return "offhook"
        found: str = (await self._session.execute(select(source.c.name).where(source.c.id == self.owner.id))).scalar_one()
        return found

    async def providers(self, limit: int, after: str | None) -> list[ProviderRow]:
        """Providers, the newest first."""
        query = select(ProviderRow).where(owned(ProviderRow, self.owner)).order_by(ProviderRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(ProviderRow.id < after)
        return list((await self._session.execute(query)).scalars())

    async def provider(self, id: str, *, lock: bool = False) -> ProviderRow | None:
        """A provider."""
        query = select(ProviderRow).where(owned(ProviderRow, self.owner), ProviderRow.id == id)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def add_provider(self, row: ProviderRow) -> None:
        """A new provider."""
        self._session.add(row)
        await self._session.flush()

    async def drop_provider(self, id: str) -> None:
        """Forget a provider; the accounts that are only its own go with it."""
        await self._session.execute(delete(ProviderRow).where(owned(ProviderRow, self.owner), ProviderRow.id == id))

    async def keepers(self, provider: str, role: Role) -> tuple[int, int]:
        """How many with this role sign in by this provider only, and how many besides."""
        rows = list(await self._session.execute(self._members().where(MembershipRow.role == role)))
        by_it = sum(row.provider_id == provider for row in rows)
        return by_it, len(rows) - by_it
