"""Xero: contacts, draft quotes, notes in the history, and what a customer owes. Xero has no jobs and no calendar."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from offhook.adapters.crm import _xero_forms as forms
from offhook.adapters.http import Json, Pace, Reply
from offhook.adapters.model import Account, Change, Changes, Choice, Context, Customer, Job, Lead, Money, Note, Ref
from offhook.adapters.once import base32_of, uuid_of
from offhook.adapters.port import Chooser, Field, Heard, HookSpec, Incoming, Manifest, OAuth, Unsupported
from offhook.errors import AdapterNotFound, AdapterRejected, AdapterUnauthorized

PAGE: Final = 1_000
OPEN: Final = frozenset({"DRAFT", "SENT", "ACCEPTED"})
"""Quotes that may still become work."""
LONGEST_NOTE: Final = 2_500

MANIFEST = Manifest(
    kind="crm",
    name="xero",
    title="Xero",
    base_url="https://api.xero.com/api.xro/2.0",
    auth=(
        OAuth(
            authorize_url="https://login.xero.com/identity/connect/authorize",
            token_url="https://identity.xero.com/connect/token",  # noqa: S106 - an address
            revoke_url="https://identity.xero.com/connect/revocation",
            scopes=("offline_access", "accounting.contacts", "accounting.invoices"),
            client_auth="basic",
            rotates=True,
        ),
    ),
    capabilities=frozenset({"find_customer", "upsert_customer", "create_lead", "add_note", "get_context", "changes_since", "hooks"}),
    paces=(Pace(60, 60.0), Pace(5, 0.0), Pace(5_000, 86_400.0)),
    idempotency="header",
    tier="silver",
    fields=(
        Field(
            "webhook_key",
            "Webhook key",
            help="From the page Webhooks of your app at developer.xero.com; only needed to hear of changes at once.",
            secret=True,
            required=False,
        ),
    ),
    choosers=(Chooser("account", "Organisation", help="Needed where this sign-in reaches more than one organisation."),),
    mappable={"Terms": "Terms", "Summary": "Summary"},
    hooks=HookSpec(secret="webhook_key"),  # noqa: S106 - a field's name
    writes=("lead", "note"),
    about="Writes contacts, draft quotes and notes, reads what a customer owes. Xero has no jobs and no calendar: add a calendar too.",
)


class Xero(Unsupported):
    """See the module."""

    NAME = MANIFEST.id
    _organisation = ""

    async def verify(self) -> Account:
        """See Adapter. Names all organisations where none has been chosen."""
        found = await self._organisations()
        chosen = self.link.chosen.get("account") or tuple(found)
        named = [found[one] for one in chosen if one in found]
        if not named:
            raise AdapterUnauthorized(self.NAME, "this sign-in does not reach the organisation any more")
        return Account(chosen[0] if len(chosen) == 1 else "", ", ".join(named))

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        return {"account": tuple(Choice(one, name) for one, name in (await self._organisations()).items())}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:  # noqa: ARG002
        """See Adapter. Xero cannot be searched by phone number: that is for the index of sync.

        Asked with ``searchTerm`` and compared here, so that no text from a call is ever part of a ``where`` expression.
        """
        for field, wanted in (("EmailAddress", email.strip()), ("Name", name.strip())):
            if not wanted:
                continue
            reply = await self._get("/Contacts", {"searchTerm": wanted, "page": "1", "pageSize": "100"})
            same = [one for one in reply["Contacts"] if forms.same(one.get(field, ""), wanted) and forms.live(one)]
            if same:
                return forms.customer(same[0], self.link.region) if len(same) == 1 else None
        return None

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter. New contacts carry the key as their contact number, which is unique in Xero, so that one is found again."""
        if customer.id:
            known = (await self._get(f"/Contacts/{forms.id_of(customer.id, self.NAME)}"))["Contacts"][0]
            reply = await self._write(
                "POST", f"/Contacts/{customer.id}", key, {"Contacts": [forms.completed(known, customer, self.link.region)]}
            )
            return forms.ref("customer", reply.json()["Contacts"][0]["ContactID"])
        number = uuid_of(key)
        try:
            made = await self._made(key, number, customer, customer.name)
        except AdapterRejected as error:
            # 400: the number is there already (an answer was lost), or somebody else has that name, which Xero keeps unique
            again = await self._get("/Contacts", {"searchTerm": number, "page": "1"})
            own = next((one for one in again["Contacts"] if one.get("ContactNumber") == number), None)
            if own is None and "already" not in error.detail:
                raise
            made = own or await self._made(key, number, customer, f"{customer.name} ({(customer.phones or (number[:8],))[0]})")
        return forms.ref("customer", made["ContactID"])

    async def _made(self, key: str, number: str, customer: Customer, name: str) -> dict[str, Any]:
        contact = {"ContactNumber": number, **forms.contact(customer), "Name": forms.cut(name or "Caller", 255)}
        reply = await self._write("PUT", "/Contacts", f"{key}\n{name}", {"Contacts": [contact]})
        made: dict[str, Any] = reply.json()["Contacts"][0]
        return made

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter. A draft quote without prices; its reference carries the key, so that it is found again."""
        contact, mark = forms.id_of(lead.customer, self.NAME), f"OH-{base32_of(key)[:16]}"
        known = await self._get("/Quotes", {"ContactID": contact, "page": "1", "order": "UpdatedDateUTC DESC"})
        found = next((one for one in known["Quotes"] if one.get("Reference") == mark), None)
        if found is None:
            text = "\n".join(filter(None, (lead.description, lead.address, lead.urgency and f"Urgency: {lead.urgency}"))) or lead.title
            quote = {
                "Contact": {"ContactID": contact},
                "Reference": mark,
                "Status": "DRAFT",
                "Date": self.http.now().astimezone(ZoneInfo(self.link.timezone)).date().isoformat(),
                "Title": forms.cut(lead.title, 100),
                "LineItems": [{"Description": forms.cut(text, 4_000)}],
                **{name: forms.cut(str(value), 3_000) for name, value in lead.fields.items() if name in MANIFEST.mappable and value},
            }
            found = (await self._write("PUT", "/Quotes", key, {"Quotes": [quote]})).json()["Quotes"][0]
        return forms.ref("lead", found["QuoteID"])

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter. A line in the history of the contact or quote, which ends in the key's mark."""
        where = "Quotes" if note.about.kind == "lead" else "Contacts"
        path, mark = f"/{where}/{forms.id_of(note.about.id, self.NAME)}/History", f"[OH-{base32_of(key)[:16]}]"
        known = await self._get(path)
        if not any(mark in one.get("Details", "") for one in known.get("HistoryRecords", ())):
            end = " ".join(filter(None, (note.link, mark)))
            text = f"{forms.cut(note.text, LONGEST_NOTE - len(end) - 1)}\n{end}"
            await self._write("PUT", path, key, {"HistoryRecords": [{"Details": text}]})
        return Ref("note", mark.strip("[]"), note.about.url)

    async def get_context(self, customer: str) -> Context:
        """See Adapter. Open quotes stand as jobs; the balance is what is due on approved invoices, in one currency."""
        contact = (await self._get(f"/Contacts/{forms.id_of(customer, self.NAME)}"))["Contacts"]
        if not contact:
            raise AdapterNotFound(self.NAME, "there is no such record in the system")
        query = {"ContactIDs": customer, "Statuses": "AUTHORISED", "summaryOnly": "true", "page": "1", "pageSize": "100"}
        invoices = (await self._get("/Invoices", query))["Invoices"]
        due: dict[str, Decimal] = {}
        for one in invoices:
            if one.get("Type") == "ACCREC" and one.get("AmountDue"):
                currency = one.get("CurrencyCode", "")
                due[currency] = due.get(currency, Decimal(0)) + Decimal(str(one["AmountDue"]))
        quotes = (await self._get("/Quotes", {"ContactID": customer, "page": "1", "order": "UpdatedDateUTC DESC"}))["Quotes"]
        jobs = tuple(_job(one, customer) for one in quotes if one.get("Status") in OPEN)
        balance = [Money(amount, currency) for currency, amount in due.items()]
        return Context(forms.customer(contact[0], self.link.region), jobs[:10], balance=balance[0] if len(balance) == 1 else None)

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. Contacts in the order of their ids, so that a change in between moves nobody to a page that was read."""
        at: dict[str, Any] = json.loads(cursor) if cursor else {"since": "", "page": 1, "next": ""}
        query = {"page": str(at["page"]), "pageSize": str(PAGE), "order": "ContactID ASC", "includeArchived": "true"}
        reply = await self._send("GET", "/Contacts", params=query, headers={"If-Modified-Since": at["since"]} if at["since"] else None)
        page = reply.json()
        items = tuple(
            Change("customer", one["ContactID"], forms.customer(one, self.link.region))
            if forms.live(one)
            else Change("customer", one["ContactID"], gone=True)
            for one in page["Contacts"]
        )
        begun = at["next"] or self._now(reply)
        if at["page"] < page["pagination"]["pageCount"]:
            return Changes(items, json.dumps({"since": at["since"], "page": at["page"] + 1, "next": begun}), more=True)
        return Changes(items, json.dumps({"since": begun, "page": 1, "next": ""}))

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """See Adapter. A bad signature must be answered with 401 (Xero tries it when the webhook is made), a good one with no body."""
        wanted = base64.b64encode(hmac.new(secret.encode(), incoming.body, hashlib.sha256).digest()).decode()
        if not secret or not hmac.compare_digest(wanted.encode(), incoming.headers.get("x-xero-signature", "").encode()):
            raise AdapterUnauthorized(self.NAME, "the webhook's signature is wrong")
        try:
            said = json.loads(incoming.body)
            ours = set(self.link.chosen.get("account", ()))
            changed = any(not ours or one["tenantId"] in ours for one in said["events"])
            return Heard(changed=changed, once=f"{said['firstEventSequence']}-{said['lastEventSequence']}-{said['entropy']}")
        except (ValueError, KeyError, TypeError) as error:
            raise AdapterRejected(self.NAME, "the webhook cannot be read") from error

    def _now(self, reply: Reply) -> str:
        """When a first page was answered, by Xero's own clock."""
        try:
            at = parsedate_to_datetime(reply.headers.get("date", ""))
        except ValueError:
            at = self.http.now() - timedelta(minutes=1)
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _organisations(self) -> dict[str, str]:
        found = await self.http.get("https://api.xero.com/Connections")
        return {one["tenantId"]: one.get("tenantName") or "" for one in found if one.get("tenantType") == "ORGANISATION"}

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        key: str = "",
    ) -> Reply:
        if not self._organisation:
            chosen = self.link.chosen.get("account") or tuple(await self._organisations())
            if len(chosen) != 1:
                raise AdapterRejected(self.NAME, "choose which organisation of Xero this connection is for")
            self._organisation = chosen[0]
        named = {"xero-tenant-id": self._organisation, **(headers or {})}
        return await self.http.send(method, path, params=params, body=body, headers=named, repeat=True, key=key)

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = (await self._send("GET", path, params=params)).json()
        return found

    async def _write(self, method: str, path: str, key: str, body: Json) -> Reply:
        return await self._send(method, path, body=body, headers={"Idempotency-Key": uuid_of(key, path)}, key=key)


def _job(quote: Mapping[str, Any], customer: str) -> Job:
    lines = quote.get("LineItems") or [{}]
    return Job(
        customer=customer,
        title=quote.get("Title") or quote.get("QuoteNumber") or "Quote",
        description=quote.get("Summary") or lines[0].get("Description") or "",
        id=quote["QuoteID"],
        status=quote.get("Status", "").capitalize(),
        url=forms.ref("lead", quote["QuoteID"]).url,
        updated_at=forms.moment(quote.get("UpdatedDateUTC")),
    )


ADAPTER = Xero
