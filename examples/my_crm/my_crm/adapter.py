"""My CRM (https://api.my-crm.example): people, enquiries and notes, by key. A write that is repeated under its key happens once."""

from __future__ import annotations

from typing import Any

from offhook.adapters.http import Pace
from offhook.adapters.model import Account, Customer, Lead, Note, Ref
from offhook.adapters.phones import e164
from offhook.adapters.port import Field, KeyAuth, Manifest, Unsupported

MANIFEST = Manifest(
    kind="crm",
    name="my_crm",
    title="My CRM",
    base_url="https://api.my-crm.example/v1",
    auth=(KeyAuth(),),
    capabilities=frozenset({"find_customer", "upsert_customer", "create_lead", "add_note"}),
    paces=(Pace(60, 60.0),),
    idempotency="header",
    fields=(Field("key", "API key", "Settings, API.", secret=True),),
    writes=("lead", "note"),
    about="People, enquiries and notes. My CRM has no jobs and no calendar.",
)


class MyCrm(Unsupported):
    """See Adapter."""

    NAME = MANIFEST.id

    async def verify(self) -> Account:
        """See Adapter."""
        me = await self.http.get("/me")
        return Account(str(me["id"]), str(me["company"]))

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter."""
        for field, wanted in (("phone", phone), ("email", email), ("name", name)):
            if wanted:
                found = (await self.http.get("/people", params={field: wanted}))["people"]
                if found:
                    return self._customer(found[0]) if len(found) == 1 else None
        return None

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter."""
        known = {"name": customer.name, "phones": list(customer.phones), "email": customer.email, "address": customer.address}
        body = {name: value for name, value in known.items() if value}
        made = await self._write("PATCH" if customer.id else "POST", f"/people/{customer.id}" if customer.id else "/people", body, key)
        return Ref("customer", made["id"], made["url"])

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter."""
        text = "\n".join(filter(None, (lead.description, lead.address, lead.urgency)))
        made = await self._write("POST", "/enquiries", {"person": lead.customer, "title": lead.title, "text": text}, key)
        return Ref("lead", made["id"], made["url"])

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter."""
        text = "\n".join(filter(None, (note.text, note.link)))
        made = await self._write("POST", "/notes", {"about": note.about.id, "text": text}, key)
        return Ref("note", made["id"])

    async def _write(self, method: str, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        # The system knows the key, so sending it again does no harm: ``repeat``.
        reply = await self.http.send(method, path, body=body, headers={"idempotency-key": key}, key=key, repeat=True)
        made: dict[str, Any] = reply.json()
        return made

    def _customer(self, person: dict[str, Any]) -> Customer:
        return Customer(
            id=person["id"],
            name=person["name"],
            phones=tuple(e164(one, self.link.region) for one in person["phones"]),
            email=person["email"],
            address=person["address"],
            url=person["url"],
        )


ADAPTER = MyCrm
