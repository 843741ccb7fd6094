"""Any system that takes signed HTTP requests: each write is one POST (Standard Webhooks), reads are asked of an optional second address.

docs/howto/connect-webhook.md has the messages. The message's id is the write's key: who has seen it drops it, so a repeat does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from offhook import signing
from offhook.adapters.http import Json, Pace, Reply
from offhook.adapters.model import (
    Account,
    Appointment,
    Context,
    Customer,
    Job,
    Lead,
    Money,
    Note,
    RecordKind,
    Ref,
)
from offhook.adapters.once import base32_of, mark_of
from offhook.adapters.phones import e164
from offhook.adapters.port import Field, Manifest, NoAuth, Unsupported
from offhook.errors import AdapterNotFound, AdapterRejected, AdapterUnavailable

MANIFEST = Manifest(
    kind="crm",
    name="webhook",
    title="Webhook",
    base_url="",
    auth=(NoAuth(),),
    capabilities=frozenset(
        {
            "find_customer",
            "upsert_customer",
            "create_lead",
            "create_job",
            "create_appointment",
            "reschedule",
            "cancel",
            "add_note",
            "get_context",
        }
    ),
    paces=(Pace(10, 1.0), Pace(4, 0)),
    idempotency="header",
    fields=(
        Field(
            "url", "Address", "Where messages go, by POST.", pattern=r"https://[^\s]{3,2000}", placeholder="https://crm.example.com/offhook"
        ),
        Field(
            "secret",
            "Secret",
            "Signs every message (Standard Webhooks). Make one of at least 24 characters, or use one that starts with whsec_.",
            pattern=r"whsec_[A-Za-z0-9+/=]{24,200}|[!-~]{24,200}",
            secret=True,
        ),
        Field(
            "lookup_url",
            "Address for questions",
            "Asked who a caller is, and what is known of them. Leave it empty if your system only listens.",
            pattern=r"https://[^\s]{3,2000}",
            required=False,
        ),
    ),
    writes=("lead", "job", "appointment", "note"),
    about="Sends what a call brought to an address of yours, signed. It does not read calendars or follow changes.",
)
LONGEST: Final = 2_000
"""Characters of a text in an answer."""
MOST: Final = 50
"""Entries of a list in an answer."""
T = TypeVar("T")


class Webhook(Unsupported):
    """See Adapter."""

    NAME = MANIFEST.id

    async def verify(self) -> Account:
        """A signed ``test`` message. A page is no answer to it: the address is a website's, then."""
        url = self.link.settings.get("url", "")
        (await self._send(url, "test", base32_of(self.http.now().isoformat())[:16], {}, reads=True)).json()
        host = urlsplit(url).hostname or ""
        return Account(host, host)

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter; None where the connection has no address for questions."""
        answer = await self._ask("customer.find", {"phone": phone, "email": email, "name": name})
        found = answer.get("customer") if answer is not None else None
        return self._known(self._read(_customer, found)) if found is not None else None

    async def get_context(self, customer: str) -> Context:
        """See Adapter."""
        answer = await self._ask("customer.context", {"id": customer})
        if answer is None:
            return Context(Customer(customer))
        if answer.get("customer") is None:
            raise AdapterNotFound(self.NAME, "there is no such record in the system")
        known = self._read(_context, answer)
        return replace(known, customer=self._known(known.customer))

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter."""
        return await self._write("customer", "customer.upserted", key, _plain(customer), customer.id)

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter."""
        return await self._write("lead", "lead.created", key, _plain(lead))

    async def create_job(self, key: str, job: Job) -> Ref:
        """See Adapter."""
        return await self._write("job", "job.created", key, _plain(job))

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        return await self._write("appointment", "appointment.created", key, _plain(appointment))

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        return await self._write("appointment", "appointment.changed", key, {**_plain(appointment), "id": id}, id)

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter."""
        await self._tell("appointment.cancelled", key, {"id": id}, also=(404, 410))

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter."""
        return await self._write("note", "note.added", key, _plain(note))

    def _known(self, customer: Customer) -> Customer:
        return replace(customer, phones=tuple(e164(one, self.link.region) for one in customer.phones))

    async def _write(self, kind: RecordKind, type: str, key: str, data: Mapping[str, Any], id: str = "") -> Ref:
        """Tell, with ``ref``: the id that we use unless the answer gives one of the system's own."""
        ref = id or mark_of(key)
        reply = await self._tell(type, key, {**data, "ref": ref})
        try:
            answer = reply.json()
        except AdapterUnavailable:  # such as "OK": it was taken, and that is all we need
            answer = None
        if not isinstance(answer, dict):
            return Ref(kind, ref)
        own, url = answer.get("id"), answer.get("url")
        own = str(own) if isinstance(own, str | int) and not isinstance(own, bool) and 0 < len(str(own)) <= 200 else ref
        return Ref(kind, own, url if isinstance(url, str) and _opens(url) else "")

    async def _tell(self, type: str, key: str, data: Mapping[str, Any], also: tuple[int, ...] = ()) -> Reply:
        return await self._send(self.link.settings.get("url", ""), type, key, data, also=also)

    async def _ask(self, type: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer to a question; None where nobody is there to be asked."""
        url = self.link.settings.get("lookup_url", "")
        if not url:
            return None
        asked = base32_of(json.dumps(data, sort_keys=True), self.http.now().isoformat())[:24]
        answer = (await self._send(url, type, asked, data, reads=True)).json()
        if not isinstance(answer, dict):
            raise AdapterUnavailable(self.NAME, "the answer is no JSON object")
        return answer

    async def _send(
        self, url: str, type: str, key: str, data: Mapping[str, Any], *, reads: bool = False, also: tuple[int, ...] = ()
    ) -> Reply:
        secret = self.link.settings.get("secret", "")
        if not url or not secret:
            raise AdapterRejected(self.NAME, "the connection has no address or no secret")
        now = int(self.http.now().timestamp())
        message = {"type": type, "timestamp": datetime.fromtimestamp(now, UTC).isoformat(), "data": data}
        body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
        id = f"{key}/{type.replace('.', '_')}"  # noqa: A001 - one key may name a visit's making and its move
        headers = {"content-type": "application/json", **signing.headers(secret, id, now, body)}
        return await self.http.send("POST", url, content=body, headers=headers, key=key, repeat=True, reads=reads, also=also)

    def _read(self, read: Callable[[Json], T], answer: Json) -> T:
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise AdapterUnavailable(self.NAME, "the answer is not in the form that is documented", detail=repr(error)[:300]) from error


ADAPTER = Webhook


def _opens(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname) and len(url) <= LONGEST


def _plain(record: Customer | Lead | Job | Appointment | Note) -> dict[str, Any]:
    """The record as JSON: all its fields, times in UTC."""

    def value(one: Any) -> Any:  # noqa: ANN401 - of a dataclass
        if isinstance(one, datetime):
            return one.astimezone(UTC).isoformat()
        if isinstance(one, Decimal):
            return str(one)
        if isinstance(one, Mapping):
            return {str(name): value(each) for name, each in one.items()}
        return [value(each) for each in one] if isinstance(one, tuple | list) else one

    return {name: value(one) for name, one in asdict(record).items()}


def _text(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name) or ""
    if not isinstance(found, str | int):
        raise TypeError(name)
    return str(found)[:LONGEST]


def _moment(text: object) -> datetime:
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return found.astimezone(UTC)


def _customer(row: Json) -> Customer:
    if not _text(row, "id"):
        raise ValueError("a customer without an id")
    phones = row.get("phones") or ()
    if not isinstance(phones, list | tuple):
        raise TypeError("phones")
    return Customer(
        id=_text(row, "id"),
        name=_text(row, "name"),
        phones=tuple(str(one)[:40] for one in phones[:MOST]),
        email=_text(row, "email"),
        address=_text(row, "address"),
        company=_text(row, "company"),
        url=_text(row, "url") if _opens(_text(row, "url")) else "",
    )


def _money(row: Json) -> Money:
    amount = Decimal(str(row["amount"]))
    if not amount.is_finite():
        raise ValueError("an amount that is none")
    return Money(amount, str(row["currency"])[:3])


def _context(answer: Json) -> Context:
    who = _customer(answer["customer"])
    jobs = tuple(
        Job(
            customer=who.id,
            title=_text(one, "title"),
            description=_text(one, "description"),
            address=_text(one, "address"),
            id=_text(one, "id"),
            status=_text(one, "status"),
        )
        for one in (answer.get("jobs") or [])[:MOST]
    )
    visit = answer.get("next_appointment")
    balance = answer.get("balance")
    return Context(
        customer=who,
        jobs=jobs,
        next_appointment=visit
        and Appointment(
            resource=_text(visit, "resource"),
            start=_moment(visit["start"]),
            end=_moment(visit["end"]),
            title=_text(visit, "title"),
            id=_text(visit, "id"),
        ),
        balance=balance and _money(balance),
        notes=tuple(str(one)[:LONGEST] for one in (answer.get("notes") or [])[:MOST]),
    )
