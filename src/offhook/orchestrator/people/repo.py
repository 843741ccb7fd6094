"""Reading and writing people by the directory, for signing in. The members of one place: ``team``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute

from offhook.orchestrator.ids import new_id
from offhook.orchestrator.people.tables import (
    IdentityRow,
    InvitationRow,
    MailRow,
    MembershipRow,
    PersonRow,
    ProviderRow,
    SessionRow,
    TicketRow,
    TotpRow,
    UsedStateRow,
)
from offhook.orchestrator.people.team import RESELLER, TENANT, Owner
from offhook.orchestrator.scope import PlatformRepo


class Directory(PlatformRepo):
    """All people, for finding out who somebody is."""

    async def by_email(self, email: str) -> PersonRow | None:
        """The account with this address; accounts of providers are not found by it."""
        query = select(PersonRow).where(PersonRow.email == email, PersonRow.provider_id.is_(None))
        return (await self._session.execute(query)).scalar_one_or_none()

    async def person(self, id: str, *, lock: bool = False) -> PersonRow | None:
        """An account; locked, it does not change before the transaction ends."""
        query = select(PersonRow).where(PersonRow.id == id)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def make_person(self, now: datetime, email: str, name: str, hash: str | None, provider: str | None = None) -> str | None:
        """A new account; None if there is one with this address."""
        made = new_id("usr", now)
        row = {"id": made, "provider_id": provider, "email": email, "name": name, "password_hash": hash, "created_at": now}
        result = await self._session.execute(upsert(PersonRow).values(row).on_conflict_do_nothing().returning(PersonRow.id))
        return result.scalar_one_or_none()

    async def change_person(self, id: str, **fields: object) -> None:
        """Change an account."""
        await self._session.execute(update(PersonRow).where(PersonRow.id == id).values(**fields))

    async def join(self, now: datetime, person: str, owner: Owner, role: str, by: str) -> str | None:
        """Make a member; None if the person is one already."""
        row = {"id": new_id("mbr", now), "person_id": person, **owner.columns, "role": role, "created_at": now, "created_by": by}
        result = await self._session.execute(upsert(MembershipRow).values(row).on_conflict_do_nothing().returning(MembershipRow.id))
        return result.scalar_one_or_none()

    async def memberships(self, person: str) -> list[Row[Any]]:
        """A person's memberships with the names of where they are, and the tenants' resellers."""
        query = (
            select(
                MembershipRow.id,
                MembershipRow.level,
                MembershipRow.tenant_id,
                MembershipRow.reseller_id,
                MembershipRow.role,
                func.coalesce(TENANT.c.name, RESELLER.c.name, "").label("name"),
                TENANT.c.reseller_id.label("tenant_reseller"),
            )
            .outerjoin(TENANT, TENANT.c.id == MembershipRow.tenant_id)
            .outerjoin(RESELLER, RESELLER.c.id == MembershipRow.reseller_id)
            .where(MembershipRow.person_id == person)
            .order_by(MembershipRow.id)
        )
        return list(await self._session.execute(query))

    async def any_admin(self) -> bool:
        """Whether somebody runs the platform."""
        return bool((await self._session.execute(select(exists().where(MembershipRow.level == "platform")))).scalar())

    async def lock_setup(self) -> None:
        """One at a time."""
        await self._session.execute(text("select pg_advisory_xact_lock(722000004)"))

    async def name_of(self, owner: Owner) -> str:
        """What a tenant or a reseller is called."""
        source = TENANT if owner.level == "tenant" else RESELLER
        if owner.id is None:
            return "offhook"
        found = (await self._session.execute(select(source.c.name).where(source.c.id == owner.id))).scalar_one_or_none()
        return found or ""

    async def reseller_of(self, tenant: str) -> str | None:
        """Whose tenant it is."""
        return (await self._session.execute(select(TENANT.c.reseller_id).where(TENANT.c.id == tenant))).scalar_one_or_none()

    # -- tickets

    async def issue(self, hash: bytes, kind: str, person: str | None, now: datetime, lifetime: timedelta) -> None:
        """A new ticket in place of the older ones."""
        mine = TicketRow.person_id == person if person else TicketRow.person_id.is_(None)
        await self._session.execute(delete(TicketRow).where(TicketRow.kind == kind, mine))
        row = {"token_hash": hash, "kind": kind, "person_id": person, "created_at": now, "expires_at": now + lifetime}
        await self._session.execute(insert(TicketRow).values(row))

    async def ticket(self, hash: bytes, kind: str, now: datetime) -> TicketRow | None:
        """A ticket that is still good."""
        query = select(TicketRow).where(TicketRow.token_hash == hash, TicketRow.kind == kind, TicketRow.expires_at > now)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def redeem(self, hash: bytes, kind: str, now: datetime) -> bool:
        """Use a ticket; False if it is not good (any more)."""
        query = delete(TicketRow).where(TicketRow.token_hash == hash, TicketRow.kind == kind, TicketRow.expires_at > now)
        return (await self._session.execute(query.returning(TicketRow.kind))).first() is not None

    async def drop_tickets(self, person: str) -> None:
        """None of a person's tickets is good any more."""
        await self._session.execute(delete(TicketRow).where(TicketRow.person_id == person))

    # -- invitations

    async def invitation(self, hash: bytes, now: datetime) -> InvitationRow | None:
        """An invitation that is still good."""
        query = select(InvitationRow).where(InvitationRow.token_hash == hash, InvitationRow.expires_at > now)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def take_invitation(self, hash: bytes, now: datetime) -> bool:
        """Use an invitation; False if it is not good (any more)."""
        query = delete(InvitationRow).where(InvitationRow.token_hash == hash, InvitationRow.expires_at > now)
        return (await self._session.execute(query.returning(InvitationRow.id))).first() is not None

    # -- one-time codes

    async def totp(self, person: str, *, lock: bool = False) -> TotpRow | None:
        """A person's app, confirmed or not."""
        query = select(TotpRow).where(TotpRow.person_id == person)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def put_totp(self, person: str, secret: bytes) -> None:
        """A new app, not confirmed, in place of the last one that was not."""
        row: dict[str, Any] = {"person_id": person, "secret": secret, "confirmed_at": None, "last_step": -1, "recovery": []}
        await self._session.execute(upsert(TotpRow).values(row).on_conflict_do_update(index_elements=["person_id"], set_=row))

    async def change_totp(self, person: str, **fields: object) -> None:
        """Change a person's app."""
        await self._session.execute(update(TotpRow).where(TotpRow.person_id == person).values(**fields))

    async def drop_totp(self, person: str) -> None:
        """No app any more."""
        await self._session.execute(delete(TotpRow).where(TotpRow.person_id == person))

    # -- sign-in by a provider

    async def provider(self, id: str) -> Row[Any] | None:
        """A provider in use, without its secret."""
        columns: tuple[InstrumentedAttribute[Any], ...] = (
            ProviderRow.id, ProviderRow.level, ProviderRow.tenant_id, ProviderRow.reseller_id, ProviderRow.name, ProviderRow.issuer,
            ProviderRow.client_id, ProviderRow.domains, ProviderRow.default_role,
        )  # fmt: skip
        query = select(*columns).where(ProviderRow.id == id, ProviderRow.enabled)
        return (await self._session.execute(query)).one_or_none()

    async def use_state(self, hash: bytes, expires: datetime) -> bool:
        """False if it was used before."""
        row = {"state_hash": hash, "expires_at": expires}
        result = await self._session.execute(upsert(UsedStateRow).values(row).on_conflict_do_nothing().returning(UsedStateRow.state_hash))
        return result.first() is not None

    async def identity(self, provider: str, issuer: str, subject: str) -> PersonRow | None:
        """Whom a provider's subject is."""
        query = (
            select(PersonRow)
            .join(IdentityRow, IdentityRow.person_id == PersonRow.id)
            .where(IdentityRow.provider_id == provider, IdentityRow.issuer == issuer, IdentityRow.subject == subject)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def remember(self, now: datetime, provider: str, issuer: str, subject: str, person: str) -> None:
        """Whom a provider's subject is from now on."""
        row = {"provider_id": provider, "issuer": issuer, "subject": subject, "person_id": person, "created_at": now}
        await self._session.execute(insert(IdentityRow).values(row))

    async def lock_subject(self, provider: str, subject: str) -> None:
        """One sign-in of a subject at a time: the first one makes the account."""
        await self._session.execute(text("select pg_advisory_xact_lock(722000005, hashtext(:key))"), {"key": f"{provider} {subject}"})

    async def reaches(self, person: str, reach: Owner) -> bool:
        """Whether somebody is a member where a provider of this owner may let them in: there, or (a reseller's) in one of its tenants."""
        query = select(exists().where(MembershipRow.person_id == person, self._within(MembershipRow, reach)))
        return bool((await self._session.execute(query)).scalar())

    async def invited(self, email: str, reach: Owner, now: datetime) -> list[InvitationRow]:
        """Invitations of this address that a provider of this owner may take."""
        query = select(InvitationRow).where(
            InvitationRow.email == email, InvitationRow.expires_at > now, self._within(InvitationRow, reach)
        )
        return list((await self._session.execute(query.order_by(InvitationRow.id))).scalars())

    @staticmethod
    def _within(row: type[MembershipRow | InvitationRow], reach: Owner) -> ColumnElement[bool]:
        if reach.tenant is not None:
            return row.tenant_id == reach.tenant
        tenants = select(TENANT.c.id).where(TENANT.c.reseller_id == reach.reseller)
        return or_(row.reseller_id == reach.reseller, row.tenant_id.in_(tenants))

    # -- mail

    async def mail(self, id: str) -> MailRow | None:
        """A mail that is still to be sent."""
        return (await self._session.execute(select(MailRow).where(MailRow.id == id))).scalar_one_or_none()

    async def drop_mail(self, id: str) -> None:
        """It has been sent."""
        await self._session.execute(delete(MailRow).where(MailRow.id == id))

    # -- what is over

    async def sweep(self, now: datetime, idle: timedelta, unattached: timedelta) -> None:
        """Forget what has ended: sessions, invitations, tickets, states, old mails, and accounts that are nobody's member any more."""
        stale = or_(SessionRow.expires_at <= now, SessionRow.last_seen_at <= now - idle)
        await self._session.execute(delete(SessionRow).where(stale))
        await self._session.execute(delete(InvitationRow).where(InvitationRow.expires_at <= now))
        await self._session.execute(delete(TicketRow).where(TicketRow.expires_at <= now))
        await self._session.execute(delete(UsedStateRow).where(UsedStateRow.expires_at <= now))
        await self._session.execute(delete(MailRow).where(MailRow.created_at <= now - timedelta(days=2)))
        await self.drop_unattached(now - unattached)

    async def drop_unattached(self, before: datetime) -> int:
        """Erase accounts, older than that, without any membership. Those known to a provider stay, so that it does not let them in anew."""
        lonely = delete(PersonRow).where(
            PersonRow.created_at <= before,
            ~exists().where(MembershipRow.person_id == PersonRow.id),
            ~exists().where(IdentityRow.person_id == PersonRow.id),
        )
        return len(list(await self._session.execute(lonely.returning(PersonRow.id))))


class Sessions(PlatformRepo):
    """All sessions."""

    async def add(self, row: SessionRow) -> None:
        """A new one."""
        self._session.add(row)
        await self._session.flush()

    async def grants(self, hash: bytes, host: str, now: datetime, idle: timedelta) -> list[Row[Any]]:
        """The session with its person, memberships and provider: a row for each membership, one if there is none, none if it has ended."""
        query = (
            select(
                SessionRow.id.label("session"),
                SessionRow.last_seen_at,
                SessionRow.provider_id,
                PersonRow.id.label("person"),
                PersonRow.name,
                MembershipRow.level,
                MembershipRow.tenant_id,
                MembershipRow.reseller_id,
                MembershipRow.role,
                TENANT.c.reseller_id.label("tenant_reseller"),
                ProviderRow.tenant_id.label("provider_tenant"),
                ProviderRow.reseller_id.label("provider_reseller"),
            )
            .join(PersonRow, PersonRow.id == SessionRow.person_id)
            .outerjoin(MembershipRow, MembershipRow.person_id == PersonRow.id)
            .outerjoin(TENANT, TENANT.c.id == MembershipRow.tenant_id)
            .outerjoin(ProviderRow, ProviderRow.id == SessionRow.provider_id)
            .where(self._alive(hash, host, now, idle), or_(SessionRow.provider_id.is_(None), ProviderRow.enabled))
        )
        return list(await self._session.execute(query))

    async def find(self, hash: bytes, host: str, now: datetime, idle: timedelta) -> SessionRow | None:
        """The session of a cookie."""
        return (await self._session.execute(select(SessionRow).where(self._alive(hash, host, now, idle)))).scalar_one_or_none()

    @staticmethod
    def _alive(hash: bytes, host: str, now: datetime, idle: timedelta) -> ColumnElement[bool]:
        return and_(
            SessionRow.token_hash == hash, SessionRow.host == host, SessionRow.expires_at > now, SessionRow.last_seen_at > now - idle
        )

    async def seen(self, id: str, now: datetime) -> None:
        """Remember the use; the time is kept to the minute."""
        late = SessionRow.last_seen_at <= now - timedelta(minutes=1)
        await self._session.execute(update(SessionRow).where(SessionRow.id == id, late).values(last_seen_at=now))

    async def of(self, person: str, now: datetime, idle: timedelta) -> list[SessionRow]:
        """A person's, the last used first."""
        query = (
            select(SessionRow)
            .where(SessionRow.person_id == person, SessionRow.expires_at > now, SessionRow.last_seen_at > now - idle)
            .order_by(SessionRow.last_seen_at.desc(), SessionRow.id.desc())
            .limit(200)
        )
        return list((await self._session.execute(query)).scalars())

    async def end_one(self, person: str, id: str) -> bool:
        """End one of a person's."""
        query = delete(SessionRow).where(SessionRow.person_id == person, SessionRow.id == id).returning(SessionRow.id)
        return (await self._session.execute(query)).first() is not None

    async def end_all(self, person: str, *, but: str | None = None) -> int:
        """End all of a person's, but perhaps one; how many."""
        query = delete(SessionRow).where(SessionRow.person_id == person)
        if but is not None:
            query = query.where(SessionRow.id != but)
        return len(list(await self._session.execute(query.returning(SessionRow.id))))
