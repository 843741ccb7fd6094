"""HighLevel (GoHighLevel): contacts, opportunities in a chosen pipeline, appointments in its calendars, and notes of contacts.

HighLevel takes no key of ours with a write. Contacts are upserted by their number and address; opportunities, appointments and notes end
in a mark of the key, and are looked for among those of their contact before they are written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from offhook.adapters.crm import _gohighlevel_forms as forms
from offhook.adapters.http import Http, Json, Pace
from offhook.adapters.model import Account, Appointment, Busy, Change, Changes, Choice, Context, Customer, Lead, Note, RecordKind, Ref
from offhook.adapters.once import base32_of
from offhook.adapters.port import Chooser, Field, Heard, HookSpec, Incoming, KeyAuth, Link, Manifest, OAuth, Unsupported
from offhook.errors import AdapterError, AdapterNotFound, AdapterRateLimited, AdapterRejected, AdapterUnauthorized, Retry

PAGE: Final = 100
SLACK: Final = timedelta(seconds=30)
"""How far the search may lag behind."""
FRESH: Final = timedelta(minutes=5)
"""How old a webhook may be."""
BEFORE, AHEAD = timedelta(days=1), timedelta(days=90)
"""Which visits are copied."""

MANIFEST = Manifest(
    kind="crm",
    name="gohighlevel",
    title="HighLevel",
    base_url="https://services.leadconnectorhq.com",
    auth=(
        OAuth(
            authorize_url="https://marketplace.gohighlevel.com/oauth/chooselocation",
            token_url="https://services.leadconnectorhq.com/oauth/token",  # noqa: S106 - an address
            scopes=(
                "locations.readonly",
                "contacts.readonly",
                "contacts.write",
                "opportunities.readonly",
                "opportunities.write",
                "calendars.readonly",
                "calendars/events.readonly",
                "calendars/events.write",
            ),
            rotates=True,
        ),
        KeyAuth(),
    ),
    capabilities=frozenset(
        {
            "find_customer",
            "upsert_customer",
            "create_lead",
            "find_availability",
            "create_appointment",
            "reschedule",
            "cancel",
            "add_note",
            "get_context",
            "changes_since",
            "hooks",
        }
    ),
    paces=(Pace(100, 10.0), Pace(200_000, 86_400.0)),
    idempotency="search",
    tier="silver",
    fields=(
        Field(
            "location",
            "Location ID",
            help="Of the sub-account: Settings, Business Profile.",
            pattern="[A-Za-z0-9]{10,40}",
            placeholder="ve9EPM428h8vShlRW1KT",
        ),
        Field(
            "hook_key",
            "Public key of webhooks",
            help="Leave this empty unless HighLevel has published a new key (Ed25519).",
            pattern="[A-Za-z0-9+/=]*",
            required=False,
        ),
        Field(
            "hook_key_rsa",
            "Older public key of webhooks",
            help="Leave this empty unless HighLevel has published a new key (RSA).",
            pattern="[A-Za-z0-9+/=]*",
            required=False,
        ),
    ),
    choosers=(
        Chooser("pipeline", "Pipeline and stage", help="Where the opportunities of new callers begin.", required=True),
        Chooser("calendar", "Calendar", help="Into which visits are written.", per_staff=True),
    ),
    mappable={"monetaryValue": "Value"},
    hooks=HookSpec(secret="hook_key"),  # noqa: S106 - a field's name
    writes=("lead", "appointment", "note"),
    about="Writes contacts, opportunities, appointments and notes. HighLevel has no jobs: a booked visit is an appointment.",
)


class GoHighLevel(Unsupported):
    """See the module."""

    NAME = MANIFEST.id

    def __init__(self, http: Http, link: Link) -> None:
        super().__init__(http, link)
        http.classify = _classify

    async def verify(self) -> Account:
        """See Adapter."""
        found = (await self._get(f"/locations/{forms.part(self._location)}"))["location"]
        return Account(found["id"], found.get("name") or "", found.get("timezone") or "")

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter. A choice of pipelines is a stage, with its pipeline."""
        pipelines = (await self._get("/opportunities/pipelines", {"locationId": self._location}))["pipelines"]
        stages = [Choice(f"{one['id']}/{stage['id']}", stage["name"], one["name"]) for one in pipelines for stage in one["stages"]]
        calendars = (await self._get("/calendars/", {"locationId": self._location}))["calendars"]
        return {"pipeline": tuple(stages), "calendar": tuple(Choice(one["id"], one["name"]) for one in calendars)}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter. Whoever HighLevel takes for a duplicate, where the search knows no second one."""
        for by, field, value in (("number", "phone", phone), ("email", "email", email.strip())):
            if not value:
                continue
            known = (await self._get("/contacts/search/duplicate", {"locationId": self._location, by: value}))["contact"]
            if known:
                same = await self._search([{"field": field, "operator": "eq", "value": value}])
                return self._customer(known) if len(same) < 2 else None
        if wanted := name.strip().casefold():
            found = await self._search([{"field": "fullNameLowerCase", "operator": "eq", "value": name.strip().lower()}])
            named = [one for one in map(self._customer, found) if one.name.casefold() == wanted]
            return named[0] if len(named) == 1 else None
        return None

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter. HighLevel knows people by number and address; who has neither is known by a mark in ``source``."""
        new = forms.contact(customer)
        if customer.id:
            known = (await self._get(f"/contacts/{forms.part(customer.id)}"))["contact"]
            if known.get("phone"):
                new.pop("phone", None)
            await self._send("PUT", f"/contacts/{forms.part(customer.id)}", new, key=key, repeat=True)
            return self._ref("customer", customer.id)
        source = "phone"
        if not {"phone", "email"} & set(new):
            source = f"offhook {base32_of(key)}"
            if found := await self._search([{"field": "source", "operator": "eq", "value": source}]):
                return self._ref("customer", found[0]["id"])
        body = {**new, "locationId": self._location, "source": source}
        made = await self._send("POST", "/contacts/upsert", body, key=key, repeat=source == "phone")
        return self._ref("customer", made["contact"]["id"])

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter. An opportunity; where the location allows one at a time for each contact, the open one stands for this too."""
        pipeline, _, stage = next(iter(self.link.chosen.get("pipeline", ())), "").partition("/")
        if not stage:
            raise AdapterRejected(self.NAME, "choose a pipeline and a stage of HighLevel for new opportunities")
        mark = base32_of(key)[:12]
        query = {"location_id": self._location, "contact_id": lead.customer, "status": "all", "limit": "100"}
        known = (await self._get("/opportunities/search", query))["opportunities"]
        made = next((one for one in known if f"[{mark}]" in (one.get("name") or "")), None)
        if made is None:
            body = {
                "pipelineId": pipeline,
                "pipelineStageId": stage,
                "locationId": self._location,
                "contactId": lead.customer,
                "name": forms.marked(lead.title, mark),
                "status": "open",
                **forms.value(lead.fields.get("monetaryValue")),
            }
            try:
                made = (await self._send("POST", "/opportunities/", body, key=key))["opportunity"]
            except AdapterRejected as error:
                made = next((one for one in known if (one.get("status"), one.get("pipelineId")) == ("open", pipeline)), None)
                if made is None or "duplicate" not in error.detail.lower():
                    raise
        return self._ref("lead", made["id"])

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """See Adapter. Appointments and blocked times of each calendar."""
        found: list[Busy] = []
        for calendar in resources:
            for path in ("/calendars/events", "/calendars/blocked-slots"):
                taken = await self._events(path, calendar, start, end)
                found += [
                    Busy(calendar, one.start, one.end, one.id) for one in taken if not one.cancelled and start < one.end and one.start < end
                ]
        return tuple(sorted(found, key=lambda one: one.start))

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter. Our diary has checked the time; HighLevel's own grid of slots is not asked."""
        mark = base32_of(key)[:12]
        known = (await self._get(f"/contacts/{forms.part(appointment.customer)}/appointments"))["events"]
        made = next((one for one in known if f"[{mark}]" in (one.get("title") or "")), None)
        if made is None:
            body = {
                **forms.when(appointment),
                "locationId": self._location,
                "contactId": appointment.customer,
                "title": forms.marked(appointment.title, mark),
                "description": appointment.description[: forms.LONGEST],
                "address": appointment.address[: forms.LONGEST],
                "appointmentStatus": "confirmed",
            }
            made = await self._send("POST", "/calendars/events/appointments", body, key=key)
        return self._ref("appointment", made["id"], appointment.customer)

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        known = await self._appointment(id)
        if known.cancelled:
            raise AdapterNotFound(self.NAME, "the visit has been cancelled in the system")
        await self._send("PUT", f"/calendars/events/appointments/{forms.part(id)}", forms.when(appointment), key=key, repeat=True)
        return self._ref("appointment", id, known.customer)

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter. The appointment stays, as cancelled."""
        body = {"appointmentStatus": "cancelled"}
        try:
            await self._send("PUT", f"/calendars/events/appointments/{forms.part(id)}", body, key=key, repeat=True)
        except AdapterNotFound:
            return

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter. HighLevel keeps notes with contacts: that of the opportunity or appointment."""
        contact = note.about.id
        if note.about.kind == "lead":
            contact = (await self._get(f"/opportunities/{forms.part(contact)}"))["opportunity"]["contactId"]
        elif note.about.kind == "appointment":
            contact = (await self._appointment(contact)).customer
        path, mark = f"/contacts/{forms.part(contact)}/notes", f"[{base32_of(key)[:12]}]"
        made = next((one for one in (await self._get(path))["notes"] if mark in (one.get("body") or "")), None)
        if made is None:
            end = " ".join(filter(None, (note.link, mark)))
            made = (await self._send("POST", path, {"body": f"{note.text[: forms.LONGEST - len(end) - 1]}\n{end}"}, key=key))["note"]
        return self._ref("note", made["id"], contact)

    async def get_context(self, customer: str) -> Context:
        """See Adapter. Open opportunities stand as jobs."""
        contact = (await self._get(f"/contacts/{forms.part(customer)}"))["contact"]
        query = {"location_id": self._location, "contact_id": customer, "status": "open", "limit": "20"}
        found = (await self._get("/opportunities/search", query))["opportunities"]
        visits = (await self._get(f"/contacts/{forms.part(customer)}/appointments"))["events"]
        coming = (forms.appointment(one, self.link.timezone) for one in visits)
        ahead = [one for one in coming if one.end > self.http.now() and not one.cancelled]
        jobs = tuple(forms.job(one, customer, self._url("opportunities", one["id"])) for one in found)
        return Context(self._customer(contact), jobs, min(ahead, key=lambda one: one.start, default=None))

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. Contacts in the order in which they came, then the chosen calendars' visits. Deleted contacts are not told."""
        at: dict[str, Any] = json.loads(cursor) if cursor else {"since": "", "after": [], "seen": 0, "next": ""}
        begun = at["next"] or (self.http.now() - SLACK).astimezone(UTC).isoformat()
        filters = [{"field": "dateUpdated", "operator": "range", "value": {"gte": at["since"]}}] if at["since"] else []
        body = {"locationId": self._location, "pageLimit": PAGE, "filters": filters, "sort": [{"field": "dateAdded", "direction": "asc"}]}
        found = await self._send("POST", "/contacts/search", {**body, **({"searchAfter": at["after"]} if at["after"] else {})}, repeat=True)
        items = [Change("customer", one["id"], self._customer(one)) for one in found["contacts"]]
        seen = at["seen"] + len(items)
        if items and seen < found["total"]:
            after = found["contacts"][-1]["searchAfter"]
            return Changes(tuple(items), json.dumps({"since": at["since"], "after": after, "seen": seen, "next": begun}), more=True)
        since = datetime.fromisoformat(at["since"]) if at["since"] else None
        now, calendars = self.http.now(), {one for name, ids in self.link.chosen.items() if name != "pipeline" for one in ids}
        for calendar in sorted(calendars):
            visits = await self._events("/calendars/events", calendar, now - BEFORE, now + AHEAD)
            new = (one for one in visits if since is None or one.updated_at is None or one.updated_at >= since)
            items += [Change("appointment", one.id, one) for one in new]
        return Changes(tuple(items), json.dumps({"since": begun, "after": [], "seen": 0, "next": ""}))

    def hear(self, incoming: Incoming, secret: str) -> Heard:  # noqa: ARG002
        """See Adapter. Signed with HighLevel's Ed25519 key, or with its older RSA key where only that signature is there."""
        new, old = incoming.headers.get("x-ghl-signature", ""), incoming.headers.get("x-wh-signature", "")
        named = self.link.settings  # the keys are public: no secret of ours has a part in this
        key = (named.get("hook_key") or forms.ED25519) if new else (named.get("hook_key_rsa") or forms.RSA)
        if not (new or old) or not forms.signed(key, new or old, incoming.body):
            raise AdapterUnauthorized(self.NAME, "the webhook's signature is wrong")
        try:
            said = json.loads(incoming.body)
            at = forms.moment(said["timestamp"], "UTC") if said.get("timestamp") else self.http.now()
            ours = said.get("locationId") == self._location
        except (ValueError, TypeError, AttributeError) as error:
            raise AdapterRejected(self.NAME, "the webhook cannot be read") from error
        if abs(self.http.now() - at) > FRESH:
            raise AdapterUnauthorized(self.NAME, "the webhook is too old")
        return Heard(changed=ours, once=str(said.get("webhookId") or ""))

    @property
    def _location(self) -> str:
        return self.link.settings.get("location", "")

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = await self.http.get(path, params=params, headers=forms.version(path))
        return found

    async def _send(self, method: str, path: str, body: Json, *, key: str = "", repeat: bool = False) -> dict[str, Any]:
        reply = await self.http.send(method, path, body=body, headers=forms.version(path), repeat=repeat, key=key)
        found: dict[str, Any] = reply.json()
        return found

    async def _search(self, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = {"locationId": self._location, "pageLimit": 20, "filters": filters}
        found: list[dict[str, Any]] = (await self._send("POST", "/contacts/search", body, repeat=True))["contacts"]
        return found

    async def _events(self, path: str, calendar: str, start: datetime, end: datetime) -> list[Appointment]:
        window = {"startTime": str(int(start.timestamp() * 1_000)), "endTime": str(int(end.timestamp() * 1_000))}
        found = (await self._get(path, {"locationId": self._location, "calendarId": calendar, **window}))["events"]
        return [forms.appointment({"calendarId": calendar, **one}, self.link.timezone) for one in found]

    async def _appointment(self, id: str) -> Appointment:
        found = await self._get(f"/calendars/events/appointments/{forms.part(id)}")
        return forms.appointment(found.get("event") or found["appointment"], self.link.timezone)

    def _customer(self, one: Mapping[str, Any]) -> Customer:
        return forms.customer(one, self.link.region, self._url("contacts/detail", one["id"]))

    def _ref(self, kind: RecordKind, id: str, contact: str = "") -> Ref:
        return Ref(kind, id, self._url("opportunities", id) if kind == "lead" else self._url("contacts/detail", contact or id))

    def _url(self, what: str, id: str) -> str:
        return f"https://app.gohighlevel.com/v2/location/{quote(self._location)}/{what}/{quote(id)}"


def _classify(status: int, headers: Mapping[str, str], body: bytes) -> AdapterError | None:
    """HighLevel says 400 of records that are gone; and what is left of the day, but no time to wait."""
    if status in {400, 422} and b"not found" in body[:2_000].lower():
        return AdapterNotFound(MANIFEST.id, "there is no such record in the system", detail=body[:2_000].decode("utf-8", "replace"))
    if status != 429 or "retry-after" in headers:
        return None
    wait = 3_600.0 if headers.get("x-ratelimit-daily-remaining") == "0" else 10.0
    return AdapterRateLimited(
        MANIFEST.id, "the system wants fewer requests", detail=body[:2_000].decode("utf-8", "replace"), retry=Retry(wait)
    )


ADAPTER = GoHighLevel
