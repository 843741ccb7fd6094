"""HubSpot: contacts, deals in a chosen pipeline, and notes. Visits stay in a calendar of their own.

Contacts and deals carry our key in a unique property of ours, by which they are upserted; notes carry it in their text, and are looked for
among the notes of their record, which is read at once and not from the search, whose index lags behind.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from offhook.adapters.crm import _hubspot_forms as forms
from offhook.adapters.http import Http, Pace
from offhook.adapters.model import Account, Change, Changes, Choice, Context, Customer, Lead, Note, Ref
from offhook.adapters.once import base32_of
from offhook.adapters.phones import national
from offhook.adapters.port import Chooser, Field, Heard, HookSpec, Incoming, KeyAuth, Link, Manifest, OAuth, Unsupported
from offhook.errors import AdapterError, AdapterRateLimited, AdapterRejected, AdapterUnauthorized, Retry

KEY: Final = "offhook_key"
"""Our unique property of contacts and deals."""
PAGE: Final = 200
SLACK: Final = timedelta(seconds=30)
"""How far the search may lag behind."""
FRESH: Final = timedelta(minutes=5)
"""How old a webhook may be."""
WAITS: Final = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3_600.0}
"""Seconds until a limit may have room again."""
NOTE_TYPES: Final = {"contacts": 202, "deals": 214}
"""HubSpot's types of the association from a note."""

MANIFEST = Manifest(
    kind="crm",
    name="hubspot",
    title="HubSpot",
    base_url="https://api.hubapi.com",
    auth=(
        OAuth(
            authorize_url="https://app.hubspot.com/oauth/authorize",
            token_url="https://api.hubapi.com/oauth/v1/token",  # noqa: S106 - an address
            scopes=(
                "oauth",
                "crm.objects.contacts.read",
                "crm.objects.contacts.write",
                "crm.objects.deals.read",
                "crm.objects.deals.write",
                "crm.schemas.contacts.write",
                "crm.schemas.deals.write",
            ),
        ),
        KeyAuth(),
    ),
    capabilities=frozenset({"find_customer", "upsert_customer", "create_lead", "add_note", "get_context", "changes_since", "hooks"}),
    paces=(Pace(100, 10.0),),
    idempotency="property",
    tier="silver",
    fields=(
        Field(
            "app_secret",
            "App secret",
            help="The client secret of your app; only needed to hear of changes at once.",
            secret=True,
            required=False,
        ),
    ),
    choosers=(Chooser("pipeline", "Pipeline and stage", help="Where the deals of new callers begin.", required=True),),
    mappable={"amount": "Amount", "closedate": "Close date", "dealtype": "Deal type", "hs_priority": "Priority"},
    hooks=HookSpec(secret="app_secret"),  # noqa: S106 - a field's name
    writes=("lead", "note"),
    about="Writes contacts, deals and notes. HubSpot has no jobs, and visits are not written there: add a calendar too.",
)


class HubSpot(Unsupported):
    """See the module."""

    NAME = MANIFEST.id

    def __init__(self, http: Http, link: Link) -> None:
        super().__init__(http, link)
        http.classify = _classify

    async def verify(self) -> Account:
        """See Adapter."""
        found = await self.http.get("/account-info/v3/details")
        return Account(str(found["portalId"]), f"HubSpot account {found['portalId']}", found.get("timeZone", ""))

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter. A choice is a stage, with its pipeline."""
        found = (await self.http.get("/crm/v3/pipelines/deals"))["results"]
        stages = [
            Choice(f"{pipeline['id']}/{stage['id']}", stage["label"], pipeline["label"])
            for pipeline in found
            for stage in sorted(pipeline["stages"], key=lambda one: int(one["displayOrder"]))
        ]
        return {"pipeline": tuple(stages)}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter. What the search finds is compared here again."""
        if phone:
            calculated = ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")
            like = [{"propertyName": one, "operator": "CONTAINS_TOKEN", "value": f"*{national(phone)}"} for one in calculated]
            found = [one for one in await self._found({"filterGroups": [{"filters": [one]} for one in like]}) if phone in one.phones]
            if found:
                return found[0] if len(found) == 1 else None
        if email:
            same = {"propertyName": "email", "operator": "EQ", "value": email.strip().lower()}
            found = await self._found({"filterGroups": [{"filters": [same]}]})
            if found:
                return found[0] if len(found) == 1 else None
        if name.strip():
            wanted = name.strip().casefold()
            found = [one for one in await self._found({"query": name.strip()[:3_000]}) if one.name.casefold() == wanted]
            return found[0] if len(found) == 1 else None
        return None

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter. Whoever has this e-mail address already is completed: HubSpot keeps addresses unique."""
        known = await self._contact(customer.id) if customer.id else await self._by_email(customer.email)
        if known is None:
            try:
                return forms.ref("customer", await self._upsert("contacts", key, forms.properties(customer)))
            except AdapterRejected:
                known = await self._by_email(customer.email)  # made by somebody else meanwhile
                if known is None:
                    raise
        body = {"properties": forms.completing(known, customer, self.link.region)}
        reply = await self.http.send("PATCH", f"/crm/v3/objects/contacts/{known['id']}", body=body, repeat=True, key=key)
        return forms.ref("customer", reply.json())

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter. A deal, and its association with the contact."""
        place = next(iter(self.link.chosen.get("pipeline", ())), "")
        if "/" not in place:
            raise AdapterRejected(self.NAME, "choose a pipeline and a stage of HubSpot for new deals")
        contact = forms.id_of(lead.customer, self.NAME)
        made = await self._upsert("deals", key, forms.deal(lead, place, MANIFEST.mappable))
        path = f"/crm/v4/objects/deals/{made['id']}/associations/default/contacts/{contact}"
        await self.http.send("PUT", path, repeat=True, key=key)
        return forms.ref("lead", made)

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter. The text ends in a mark of the key."""
        kind = "deals" if note.about.kind == "lead" else "contacts"
        about, mark = forms.id_of(note.about.id, self.NAME), f"ref. {base32_of(key)}"
        notes = await self._associated(kind, about, "notes", ("hs_note_body",))
        made = next((one for one in notes if mark in (one["properties"].get("hs_note_body") or "")), None)
        if made is None:
            types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TYPES[kind]}]
            at = (note.at or self.http.now()).astimezone(UTC).isoformat(timespec="milliseconds")
            body = {
                "properties": {"hs_timestamp": at, "hs_note_body": forms.note(note.text, note.link, mark)},
                "associations": [{"to": {"id": about}, "types": types}],
            }
            made = (await self.http.send("POST", "/crm/v3/objects/notes", body=body, key=key)).json()
        return forms.ref("note", made)

    async def get_context(self, customer: str) -> Context:
        """See Adapter. Open deals stand as jobs."""
        contact = await self._contact(customer)
        deals = await self._associated("contacts", contact["id"], "deals", ("dealname", "description", "hs_is_closed"))
        jobs = [forms.job(one, customer) for one in deals if one["properties"].get("hs_is_closed") != "true"]
        return Context(forms.customer(contact, self.link.region), tuple(jobs[:10]))

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. Contacts changed since, by id, so that no search is ever deeper than HubSpot's 10,000; then those archived."""
        at: dict[str, Any] = json.loads(cursor) if cursor else {"since": 0, "id": 0, "next": 0, "archived": ""}
        begun = at["next"] or int((self.http.now() - SLACK).timestamp() * 1_000)
        if at["archived"]:
            return await self._archived(at)
        filters = [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(at["since"])},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(at["id"])},
        ]
        sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        found = await self._search({"filterGroups": [{"filters": filters}], "sorts": sorts}, PAGE)
        items: list[Change] = []
        for one in found["results"]:
            items.append(Change("customer", one["id"], forms.customer(one, self.link.region)))
            merged = one["properties"].get("hs_merged_object_ids") or ""
            items.extend(Change("customer", gone, gone=True) for gone in merged.split(";") if gone)
        if found.get("paging", {}).get("next") and found["results"]:
            return Changes(tuple(items), json.dumps({**at, "id": int(found["results"][-1]["id"]), "next": begun}), more=True)
        if at["since"]:
            return Changes(tuple(items), json.dumps({**at, "next": begun, "archived": "0"}), more=True)
        return Changes(tuple(items), json.dumps({"since": begun, "id": 0, "next": 0, "archived": ""}))

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """See Adapter. Signed over method, address, body and time, with the app's secret."""
        stamp = incoming.headers.get("x-hubspot-request-timestamp", "")
        wanted = forms.signature(secret, incoming.url, incoming.body, stamp)
        if not secret or not hmac.compare_digest(wanted, incoming.headers.get("x-hubspot-signature-v3", "").encode()):
            raise AdapterUnauthorized(self.NAME, "the webhook's signature is wrong")
        try:
            at = datetime.fromtimestamp(int(stamp) / 1_000, UTC)
            events = json.loads(incoming.body)
            names = "\n".join(f"{one['eventId']}/{one['subscriptionId']}" for one in events)
            changed = any(one["subscriptionType"].startswith(("contact.", "deal.", "object.")) for one in events)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AdapterRejected(self.NAME, "the webhook cannot be read") from error
        if abs(self.http.now() - at) > FRESH:
            raise AdapterUnauthorized(self.NAME, "the webhook is too old")
        return Heard(changed=changed, once=hashlib.sha256(names.encode()).hexdigest())

    async def _archived(self, at: Mapping[str, Any]) -> Changes:
        query = {"archived": "true", "limit": "100", **({"after": at["archived"]} if at["archived"] != "0" else {})}
        found = await self.http.get("/crm/v3/objects/contacts", params=query)
        since = datetime.fromtimestamp(at["since"] / 1_000, UTC)
        items = tuple(Change("customer", one["id"], gone=True) for one in found["results"] if forms.moment(one["archivedAt"]) >= since)
        after = found.get("paging", {}).get("next", {}).get("after")
        if after:
            return Changes(items, json.dumps({**at, "archived": after}), more=True)
        return Changes(items, json.dumps({"since": at["next"], "id": 0, "next": 0, "archived": ""}))

    async def _search(self, body: dict[str, Any], limit: int) -> dict[str, Any]:
        wanted = {**body, "properties": list(forms.READ), "limit": limit}
        found: dict[str, Any] = (await self.http.send("POST", "/crm/v3/objects/contacts/search", body=wanted, repeat=True)).json()
        return found

    async def _found(self, body: dict[str, Any]) -> list[Customer]:
        return [forms.customer(one, self.link.region) for one in (await self._search(body, 100))["results"]]

    async def _contact(self, id: str) -> dict[str, Any]:
        query = {"properties": ",".join(forms.READ)}
        found: dict[str, Any] = await self.http.get(f"/crm/v3/objects/contacts/{forms.id_of(id, self.NAME)}", params=query)
        return found

    async def _by_email(self, email: str) -> dict[str, Any] | None:
        if not email.strip():
            return None
        query = {"properties": ",".join(forms.READ), "idProperty": "email"}
        reply = await self.http.send("GET", f"/crm/v3/objects/contacts/{quote(email.strip(), safe='@')}", params=query, also=(404,))
        return reply.json() if reply.status != 404 else None

    async def _upsert(self, what: str, key: str, properties: Mapping[str, str]) -> dict[str, Any]:
        """A record by our key. Where HubSpot does not know our property yet, it is made first."""
        path = f"/crm/v3/objects/{what}/batch/upsert"
        body = {"inputs": [{"idProperty": KEY, "id": base32_of(key), "properties": {**properties, KEY: base32_of(key)}}]}
        try:
            reply = await self.http.send("POST", path, body=body, repeat=True, key=key)
        except AdapterRejected as error:
            if KEY not in error.detail:
                raise
            await self._prepared(what)
            reply = await self.http.send("POST", path, body=body, repeat=True, key=key)
        found = reply.json()
        if not found.get("results"):
            raise AdapterRejected(self.NAME, "the system refused what it was sent", detail=json.dumps(found.get("errors", ""))[:2_000])
        made: dict[str, Any] = found["results"][0]
        return made

    async def _prepared(self, what: str) -> None:
        group = {"contacts": "contactinformation", "deals": "dealinformation"}[what]
        ours = {"name": KEY, "label": "offhook key", "type": "string", "fieldType": "text", "groupName": group, "hasUniqueValue": True}
        await self.http.send("POST", f"/crm/v3/properties/{what}", body=ours, repeat=True, also=(409,))

    async def _associated(self, kind: str, id: str, what: str, properties: tuple[str, ...]) -> list[dict[str, Any]]:
        """Records of a kind that belong to this one, the newest first, at most a hundred."""
        found = await self.http.get(f"/crm/v4/objects/{kind}/{id}/associations/{what}", params={"limit": "500"})
        ids = sorted({int(one["toObjectId"]) for one in found["results"]}, reverse=True)[:100]
        if not ids:
            return []
        body = {"inputs": [{"id": str(one)} for one in ids], "properties": list(properties)}
        read = (await self.http.send("POST", f"/crm/v3/objects/{what}/batch/read", body=body, repeat=True)).json()
        return sorted(read["results"], key=lambda one: int(one["id"]), reverse=True)


def _classify(status: int, headers: Mapping[str, str], body: bytes) -> AdapterError | None:
    """HubSpot names the limit that was reached, and no time to wait."""
    if status != 429 or "retry-after" in headers:
        return None
    text = body[:2_000].decode("utf-8", "replace")
    wait = next((seconds for name, seconds in WAITS.items() if f'"{name}"' in text), 1.0)
    return AdapterRateLimited(MANIFEST.id, "the system wants fewer requests", detail=text, retry=Retry(wait))


ADAPTER = HubSpot
