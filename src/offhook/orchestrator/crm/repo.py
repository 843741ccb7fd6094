"""Reading and writing contacts, leads and messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import aliased

from offhook.orchestrator.crm.schemas import BY_TEAM, Contact, Lead, Message
from offhook.orchestrator.crm.tables import ContactPhoneRow, ContactRow, ContactWordRow, LeadRow, MessageRow
from offhook.orchestrator.crm.words import after as after_word
from offhook.orchestrator.crm.words import words
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.kit.among import among
from offhook.orchestrator.scope import Repo

After = tuple[datetime, str] | None


class ContactRepo(Repo):
    """A tenant's contacts."""

    async def get(self, id: str, *, lock: bool = False) -> Contact | None:
        """By id."""
        query = select(ContactRow).where(ContactRow.tenant_id == self._tenant, ContactRow.id == id)
        query = query.execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
        return Contact.model_validate(row) if row else None

    async def keep(self, id: str) -> Contact | None:
        """By id; nobody deletes it until the transaction ends, and nobody else waits for it.

        It is what a reference to the contact would take anyway, only earlier: before the locks of whatever refers to it.
        """
        query = select(ContactRow).where(ContactRow.tenant_id == self._tenant, ContactRow.id == id)
        query = query.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
        row = (await self._session.execute(query)).scalar_one_or_none()
        return Contact.model_validate(row) if row else None

    async def by_phone(self, phone: str) -> Contact | None:
        """Whose number (E.164) this is."""
        mine = select(ContactPhoneRow.contact_id).where(ContactPhoneRow.tenant_id == self._tenant, ContactPhoneRow.phone == phone)
        query = select(ContactRow).where(ContactRow.tenant_id == self._tenant, ContactRow.id == mine.scalar_subquery())
        row = (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
        return Contact.model_validate(row) if row else None

    async def names(self, phones: Collection[str]) -> dict[str, str]:
        """The names of those whose numbers (E.164) these are, by number."""
        query = (
            select(ContactPhoneRow.phone, ContactRow.name)
            .join(ContactRow, (ContactRow.tenant_id == ContactPhoneRow.tenant_id) & (ContactRow.id == ContactPhoneRow.contact_id))
            .where(ContactPhoneRow.tenant_id == self._tenant, among(ContactPhoneRow.phone, phones), ContactRow.name != "")
        )
        return {row[0]: row[1] for row in await self._session.execute(query)} if phones else {}

    async def some(self, ids: Collection[str]) -> dict[str, Contact]:
        """Those of these that there are, by id."""
        query = select(ContactRow).where(ContactRow.tenant_id == self._tenant, among(ContactRow.id, ids))
        return {row.id: Contact.model_validate(row) for row in (await self._session.execute(query)).scalars()} if ids else {}

    async def by_phones(self, phones: Collection[str]) -> dict[str, Contact]:
        """Whose numbers (E.164) these are, by number."""
        query = (
            select(ContactPhoneRow.phone, ContactRow)
            .join(ContactRow, (ContactRow.tenant_id == ContactPhoneRow.tenant_id) & (ContactRow.id == ContactPhoneRow.contact_id))
            .where(ContactPhoneRow.tenant_id == self._tenant, among(ContactPhoneRow.phone, phones))
        )
        return {row[0]: Contact.model_validate(row[1]) for row in await self._session.execute(query)} if phones else {}

    async def phones(self, id: str) -> list[str]:
        """All numbers of a contact."""
        query = select(ContactPhoneRow.phone).where(ContactPhoneRow.tenant_id == self._tenant, ContactPhoneRow.contact_id == id)
        return sorted((await self._session.execute(query)).scalars())

    async def page(self, limit: int, after: After, search: Sequence[str] = (), phone: str | None = None) -> list[Contact]:
        """Contacts, newest first: those of which every searched word begins a word, or whose number it is."""
        query = select(ContactRow).where(ContactRow.tenant_id == self._tenant)
        if search or phone:
            found: ColumnElement[bool] = self._has_words(search)
            query = query.where(found | self._has_phone(phone) if phone else found)
        if after is not None:
            query = query.where(tuple_(ContactRow.created_at, ContactRow.id) < after)
        query = query.order_by(ContactRow.created_at.desc(), ContactRow.id.desc()).limit(limit)
        return [Contact.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    def _has_phone(self, phone: str) -> ColumnElement[bool]:
        mine = select(ContactPhoneRow.contact_id).where(ContactPhoneRow.tenant_id == self._tenant, ContactPhoneRow.phone == phone)
        return ContactRow.id.in_(mine)

    def _has_words(self, search: Sequence[str]) -> ColumnElement[bool]:
        condition = ContactRow.id != ""
        for word in search:
            with_it = select(ContactWordRow.contact_id).where(
                ContactWordRow.tenant_id == self._tenant, ContactWordRow.word >= word, ContactWordRow.word < after_word(word)
            )
            condition &= ContactRow.id.in_(with_it)
        return condition

    async def add(self, now: datetime, phone: str | None, fields: Mapping[str, Any]) -> Contact | None:
        """Make a contact; None if somebody has the number."""
        name = new_id("con", now)
        row = {"tenant_id": self._tenant, "id": name, "phone": phone, "created_at": now, "updated_at": now, **fields}
        made = (await self._session.execute(insert(ContactRow).values(row).returning(ContactRow))).scalar_one()
        if phone is not None and not await self.take_phone(name, phone):
            await self._session.execute(delete(ContactRow).where(ContactRow.tenant_id == self._tenant, ContactRow.id == name))
            return None
        contact = Contact.model_validate(made)
        await self._index(contact)
        return contact

    async def take_phone(self, id: str, phone: str) -> bool:
        """Give the contact a number; False if it is another's. Waits for whoever is just taking it."""
        put = insert(ContactPhoneRow).values(tenant_id=self._tenant, phone=phone, contact_id=id).on_conflict_do_nothing()
        await self._session.execute(put)
        query = select(ContactPhoneRow.contact_id).where(ContactPhoneRow.tenant_id == self._tenant, ContactPhoneRow.phone == phone)
        return (await self._session.execute(query)).scalar_one_or_none() == id

    async def change(self, id: str, now: datetime, fields: Mapping[str, Any]) -> Contact | None:
        """Set columns; the revision goes up by one. None if there is no such contact."""
        change = (
            update(ContactRow)
            .where(ContactRow.tenant_id == self._tenant, ContactRow.id == id)
            .values(**fields, revision=ContactRow.revision + 1, updated_at=now)
            .returning(ContactRow)
            .execution_options(populate_existing=True)
        )
        row = (await self._session.execute(change)).scalar_one_or_none()
        if row is None:
            return None
        contact = Contact.model_validate(row)
        if fields.keys() & {"name", "email"}:
            await self._index(contact)
        return contact

    async def drop_phones(self, id: str) -> None:
        """Let go all numbers of a contact."""
        await self._session.execute(
            delete(ContactPhoneRow).where(ContactPhoneRow.tenant_id == self._tenant, ContactPhoneRow.contact_id == id)
        )

    async def move_phones(self, old: str, new: str) -> None:
        """Give all numbers of a contact to another."""
        await self._session.execute(
            update(ContactPhoneRow)
            .where(ContactPhoneRow.tenant_id == self._tenant, ContactPhoneRow.contact_id == old)
            .values(contact_id=new)
        )

    async def delete(self, id: str) -> None:
        """Drop a contact with its numbers and words. What refers to it must be gone."""
        for table in (ContactPhoneRow, ContactWordRow):
            await self._session.execute(delete(table).where(table.tenant_id == self._tenant, table.contact_id == id))
        await self._session.execute(delete(ContactRow).where(ContactRow.tenant_id == self._tenant, ContactRow.id == id))

    async def _index(self, contact: Contact) -> None:
        await self._session.execute(
            delete(ContactWordRow).where(ContactWordRow.tenant_id == self._tenant, ContactWordRow.contact_id == contact.id)
        )
        rows = [{"tenant_id": self._tenant, "contact_id": contact.id, "word": word} for word in sorted(words(contact.name, contact.email))]
        if rows:
            await self._session.execute(insert(ContactWordRow).values(rows).on_conflict_do_nothing())


class LeadRepo(Repo):
    """A tenant's leads."""

    async def save(self, now: datetime, contact: str, call: str, status: str, problem: str, extras: dict[str, Any]) -> tuple[Lead, bool]:
        """The call's lead, and whether it is new: one, whatever is saved how often. Booked stays booked, and the team's word stays."""
        row = {"tenant_id": self._tenant, "id": new_id("lead", now), "contact_id": contact, "call_id": call, "status": status}
        put = insert(LeadRow).values({**row, "problem": problem, "extras": extras, "created_at": now, "updated_at": now})
        made = (await self._session.execute(put.on_conflict_do_nothing().returning(LeadRow))).scalar_one_or_none()
        if made is not None:
            return Lead.model_validate(made), True
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.call_id == call).with_for_update()
        old = (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one()
        fields: dict[str, Any] = {"contact_id": contact, "extras": {**old.extras, **extras}, "problem": problem or old.problem}
        if old.status not in {"booked", *BY_TEAM}:
            fields["status"] = status
        return await self.change(old.id, now, fields), False

    async def unbooked(self, call: str, now: datetime) -> None:
        """From booked to new."""
        change = update(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.call_id == call, LeadRow.status == "booked")
        await self._session.execute(change.values(status="new", revision=LeadRow.revision + 1, updated_at=now))

    async def get(self, id: str, *, lock: bool = False) -> Lead | None:
        """By id."""
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.id == id).execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
        return Lead.model_validate(row) if row else None

    async def change(self, id: str, now: datetime, fields: Mapping[str, Any]) -> Lead:
        """Set columns of a lead that is there; the revision goes up by one."""
        change = (
            update(LeadRow)
            .where(LeadRow.tenant_id == self._tenant, LeadRow.id == id)
            .values(**fields, revision=LeadRow.revision + 1, updated_at=now)
            .returning(LeadRow)
            .execution_options(populate_existing=True)
        )
        return Lead.model_validate((await self._session.execute(change)).scalar_one())

    async def page(self, limit: int, after: After, *, status: str | None, since: datetime | None, until: datetime | None) -> list[Lead]:
        """Leads, newest first."""
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant)
        if status is not None:
            query = query.where(LeadRow.status == status)
        if since is not None:
            query = query.where(LeadRow.created_at >= since)
        if until is not None:
            query = query.where(LeadRow.created_at < until)
        if after is not None:
            query = query.where(tuple_(LeadRow.created_at, LeadRow.id) < after)
        query = query.order_by(LeadRow.created_at.desc(), LeadRow.id.desc()).limit(limit)
        return [Lead.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def of_call(self, call: str) -> Lead | None:
        """The lead that a call left."""
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.call_id == call)
        row = (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
        return Lead.model_validate(row) if row else None

    async def of_calls(self, calls: Collection[str]) -> dict[str, Lead]:
        """The leads that these calls left, by call."""
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant, among(LeadRow.call_id, calls))
        rows = await self._session.execute(query.execution_options(populate_existing=True))
        return {row.call_id: Lead.model_validate(row) for row in rows.scalars()} if calls else {}

    async def newest(self, contacts: Collection[str]) -> dict[str, Lead]:
        """The newest lead of each of these contacts that has one."""
        query = (
            select(LeadRow)
            .ext(distinct_on(LeadRow.contact_id))
            .where(LeadRow.tenant_id == self._tenant, among(LeadRow.contact_id, contacts))
            .order_by(LeadRow.contact_id, LeadRow.created_at.desc(), LeadRow.id.desc())
        )
        rows = await self._session.execute(query.execution_options(populate_existing=True))
        return {row.contact_id: Lead.model_validate(row) for row in rows.scalars()} if contacts else {}

    async def at(self, status: str, limit: int, after: After) -> list[Lead]:
        """Leads of this status that are the newest of their contact, the newest first."""
        later = aliased(LeadRow)
        newer = exists().where(
            later.tenant_id == self._tenant,
            later.contact_id == LeadRow.contact_id,
            tuple_(later.created_at, later.id) > tuple_(LeadRow.created_at, LeadRow.id),
        )
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.status == status, ~newer)
        if after is not None:
            query = query.where(tuple_(LeadRow.created_at, LeadRow.id) < after)
        query = query.order_by(LeadRow.created_at.desc(), LeadRow.id.desc()).limit(limit)
        return [Lead.model_validate(row) for row in (await self._session.execute(query)).scalars()]

    async def of_contact(self, contact: str, limit: int) -> list[Lead]:
        """A contact's leads, newest first."""
        query = select(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.contact_id == contact)
        rows = await self._session.execute(query.order_by(LeadRow.created_at.desc(), LeadRow.id.desc()).limit(limit))
        return [Lead.model_validate(row) for row in rows.scalars()]

    async def move(self, old: str, new: str) -> None:
        """Give all leads of a contact to another."""
        await self._session.execute(
            update(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.contact_id == old).values(contact_id=new)
        )

    async def delete(self, *, contact: str) -> None:
        """Drop a contact's leads."""
        await self._session.execute(delete(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.contact_id == contact))


class MessageRepo(Repo):
    """A tenant's messages from callers."""

    async def add(self, now: datetime, contact: str, call: str, kind: str, note: str, due: datetime | None) -> Message:
        """Keep a message."""
        fields = {"contact_id": contact, "call_id": call, "kind": kind, "note": note, "due": due, "created_at": now}
        row = MessageRow(tenant_id=self._tenant, id=new_id("msg", now), **fields)
        self._session.add(row)
        await self._session.flush()
        return Message.model_validate(row)

    async def of_call(self, call: str) -> list[Message]:
        """The messages that a call left, in order."""
        return await self._some(MessageRow.call_id == call)

    async def of_contact(self, contact: str) -> list[Message]:
        """The messages that somebody left, in order."""
        return await self._some(MessageRow.contact_id == contact)

    async def _some(self, which: ColumnElement[bool]) -> list[Message]:
        query = select(MessageRow).where(MessageRow.tenant_id == self._tenant, which).order_by(MessageRow.created_at, MessageRow.id)
        return [Message.model_validate(one) for one in (await self._session.execute(query)).scalars()]

    async def callbacks(self, since: datetime, limit: int) -> list[Message]:
        """Promises to ring back, the newest first."""
        query = select(MessageRow).where(MessageRow.tenant_id == self._tenant, text("message.kind = 'callback'"))  # the index's own words
        query = query.where(MessageRow.created_at >= since).order_by(MessageRow.created_at.desc(), MessageRow.id.desc()).limit(limit)
        return [Message.model_validate(one) for one in (await self._session.execute(query)).scalars()]

    async def move(self, old: str, new: str) -> None:
        """Give all messages of a contact to another."""
        await self._session.execute(
            update(MessageRow).where(MessageRow.tenant_id == self._tenant, MessageRow.contact_id == old).values(contact_id=new)
        )

    async def delete(self, *, contact: str) -> None:
        """Drop a contact's messages."""
        await self._session.execute(delete(MessageRow).where(MessageRow.tenant_id == self._tenant, MessageRow.contact_id == contact))
