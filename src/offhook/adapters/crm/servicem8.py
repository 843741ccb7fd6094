"""ServiceM8: customers with contacts, quotes as leads, jobs, scheduled activities, notes.

Records have ids of ours, so a write that is sent again finds its record. Times are those of the account's clock. Nothing can be searched by
phone but by its exact text: our own index of numbers, kept by ``changes_since``, is asked first.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from offhook.adapters.crm import _servicem8_rows as rows
from offhook.adapters.crm._servicem8_rows import Row, where
from offhook.adapters.http import Http, Pace
from offhook.adapters.model import Account, Appointment, Busy, Change, Changes, Choice, Context, Customer, Job, Lead, Note, Ref
from offhook.adapters.once import uuid_of
from offhook.adapters.port import Chooser, Heard, HookSpec, Incoming, KeyAuth, Link, Manifest, OAuth, Unsupported
from offhook.errors import AdapterConflict, AdapterNotFound, AdapterRejected, AdapterUnauthorized, AdapterUnavailable

ORIGIN: Final = "https://api.servicem8.com"
WATCHED: Final = {
    "company": "uuid,name,address,active",
    "companycontact": "uuid,company_uuid,first,last,phone,mobile,email,active",
    "job": "uuid,status,company_uuid,job_description,job_address,active",
    "jobactivity": "uuid,job_uuid,staff_uuid,start_date,end_date,active",
}
FEW: Final = 8
"""Up to so many records are read one by one; for more, the whole list is cheaper."""
JOBS: Final = 6
"""Open jobs, the newest, whose next visit is looked for."""
PARTS: Final = 4
"""Of a round: customers, contacts, jobs, visits."""
OVERLAP: Final = timedelta(seconds=2)
"""Changes are told to the second, and filters know no "at or after"."""

MANIFEST: Final = Manifest(
    kind="crm",
    name="servicem8",
    title="ServiceM8",
    base_url=f"{ORIGIN}/api_1.0",
    auth=(
        OAuth(
            f"{ORIGIN}/oauth/authorize",
            f"{ORIGIN}/oauth/access_token",
            (
                "vendor",
                "read_customers",
                "manage_customers",
                "read_customer_contacts",
                "manage_customer_contacts",
                "read_jobs",
                "create_jobs",
                "manage_jobs",
                "read_job_contacts",
                "manage_job_contacts",
                "read_job_queues",
                "read_schedule",
                "manage_schedule",
                "read_staff",
                "read_job_notes",
                "publish_job_notes",
            ),
        ),
        KeyAuth("X-Api-Key", ""),
    ),
    capabilities=frozenset(
        {
            "find_customer",
            "upsert_customer",
            "create_lead",
            "create_job",
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
    paces=(Pace(180, 60), Pace(20_000, 86_400)),
    idempotency="id",
    tier="silver",
    choosers=(
        Chooser("staff", "Staff", "Who in ServiceM8 each of your people is: their schedule is read and visits go there.", per_staff=True),
        Chooser("queue", "Queue for leads", "Where a call that booked nothing waits, as a quote. Leave it out for none."),
    ),
    mappable={"purchase_order_number": "Purchase order number", "billing_address": "Billing address", "work_done_description": "Work done"},
    hooks=HookSpec(secret="hook_token", subscribe=True),  # noqa: S106 - the name of a field
    writes=("lead", "job", "appointment", "note"),
    about="Callers become customers with a quote or a job; bookings go to your staff's schedule; invoices are not read.",
)
MOST: Final = {"purchase_order_number": 100, "billing_address": 500, "work_done_description": rows.TEXT}


@dataclass(frozen=True, slots=True)
class _Round:
    """Where the reading of changes is. ``since``: the last round's beginning, None for all there is; ``to``: this one's."""

    since: datetime | None = None
    to: datetime | None = None
    part: int = 0
    page: str = "-1"

    def text(self) -> str:
        times = {"since": self.since and self.since.isoformat(), "to": self.to and self.to.isoformat()}
        return json.dumps({**times, "part": self.part, "page": self.page}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> _Round:
        """Everything anew from what is no cursor of ours."""
        try:
            raw = json.loads(text) if text else {}
            since, to = (datetime.fromisoformat(raw[name]) if raw.get(name) else None for name in ("since", "to"))
            part = int(raw.get("part", 0))
        except (ValueError, TypeError, AttributeError):
            return cls()
        return cls(since, to, part, str(raw.get("page", "-1"))) if 0 <= part < PARTS else cls()


class ServiceM8(Unsupported):
    """See Adapter."""

    NAME = MANIFEST.id

    def __init__(self, http: Http, link: Link) -> None:
        super().__init__(http, link)
        self._zone = ZoneInfo(link.timezone)

    # -- the connection ------------------------------------------------------------------------------------------------------------

    async def verify(self) -> Account:
        """See Adapter."""
        found = await self.http.get("/vendor.json")
        if not isinstance(found, list) or not found:
            raise AdapterUnavailable(self.NAME, "ServiceM8 does not say whose account this is")
        return Account(str(found[0].get("uuid", "")), str(found[0].get("name", "")), str(found[0].get("timezone_name") or ""))

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        staff = await self._all("staff", where(("active", "eq", 1)))
        queues = await self._all("queue", where(("active", "eq", 1)))
        return {
            "staff": tuple(
                Choice(one["uuid"], f"{one.get('first', '')} {one.get('last', '')}".strip() or str(one.get("email", "")))
                for one in staff
                if str(one.get("hide_from_schedule", 0)) != "1"
            ),
            "queue": tuple(Choice(one["uuid"], str(one.get("name") or "Queue")) for one in queues),
        }

    # -- customers -----------------------------------------------------------------------------------------------------------------

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter."""
        forms = [form for form in rows.written(phone, self.link.region) if rows.plain(form)] if phone else []
        asked = [[(field, form) for field in ("mobile", "phone") for form in forms], [("email", email)] if rows.plain(email) else []]
        for conditions in asked:
            contacts = [one for field, value in conditions for one in await self._all("companycontact", where((field, "eq", value)))]
            companies = {str(one.get("company_uuid") or "") for one in rows.live(contacts)} - {""}
            found = [one for one in (await self._customers(companies)).values() if one is not None]
            if found:
                return found[0] if len(found) == 1 else None
        return await self._named(name) if name else None

    async def _named(self, name: str) -> Customer | None:
        if rows.plain(name):
            found = rows.live(await self._all("company", where(("name", "eq", name))))
            ids = {str(one["uuid"]) for one in found if rows.same(str(one.get("name", "")), name)}
        else:
            reply = await self.http.get("/search/company.json", params={"q": name[:100], "limit": "100"})
            ids = {str(one["uuid"]) for one in reply["results"] if rows.same(str(one.get("title", "")), name)}
        known = [one for one in (await self._customers(ids)).values() if one is not None]
        return known[0] if len(known) == 1 else None

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter."""
        if customer.id:
            return await self._complete(key, customer)
        made = uuid_of(key, "company")
        address = {"address": customer.address[: rows.ADDRESS]} if customer.address else {}
        name = (customer.company or customer.name or "Unknown caller")[: rows.NAME]
        await self._create("company", {"uuid": made, "name": name, **address})
        if contact := rows.contact_fields(customer, self.link.region):
            mine = {"uuid": uuid_of(key, "contact"), "company_uuid": made, "is_primary_contact": "1"}
            await self._create("companycontact", {**contact, **mine})
        return Ref("customer", made)

    async def _complete(self, key: str, customer: Customer) -> Ref:
        """Add what is missing; what the business has written itself stays."""
        row = await self._one("company", customer.id)
        contacts = rows.live(await self._all("companycontact", where(("company_uuid", "eq", customer.id))))
        known = rows.customer(row, contacts, self._zone, self.link.region)
        if customer.address and not known.address:
            body = {"name": row["name"], "address": customer.address[: rows.ADDRESS]}
            await self.http.send("POST", f"/company/{customer.id}.json", body=body, repeat=True)
        missing = Customer(
            name=customer.name,
            phones=tuple(one for one in customer.phones if one not in known.phones),
            email="" if known.email else customer.email,
        )
        fields = rows.contact_fields(missing, self.link.region)
        if not fields:
            return Ref("customer", customer.id)
        first: Row = contacts[0] if contacts else {}
        new = {name: value for name, value in fields.items() if name in {"mobile", "phone", "email"} and not first.get(name)}
        if first and len(new) == len(fields.keys() & {"mobile", "phone", "email"}):
            await self.http.send("POST", f"/companycontact/{first['uuid']}.json", body=new, repeat=True)
        else:
            mine = {"uuid": uuid_of(key, "contact"), "company_uuid": customer.id, "is_primary_contact": "0" if first else "1"}
            await self._create("companycontact", {**fields, **mine})
        return Ref("customer", customer.id)

    # -- leads and jobs ------------------------------------------------------------------------------------------------------------

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter. A job with the status Quote."""
        more = [f"Urgency: {lead.urgency}" if lead.urgency else "", lead.description]
        queue = self.link.chosen.get("queue", ())
        fields = {**_mapped(lead.fields), **({"queue_uuid": queue[0]} if queue else {})}
        return await self._job(key, "lead", "Quote", lead.customer, rows.text_of(lead.title, *more), lead.address, lead.person, fields)

    async def create_job(self, key: str, job: Job) -> Ref:
        """See Adapter."""
        text = rows.text_of(job.title, job.description)
        return await self._job(key, "job", "Work Order", job.customer, text, job.address, job.person, _mapped(job.fields))

    async def _job(
        self,
        key: str,
        kind: Literal["lead", "job"],
        status: str,
        customer: str,
        text: str,
        address: str,
        person: Customer | None,
        fields: Mapping[str, str],
    ) -> Ref:
        made = uuid_of(key, kind)
        place = {"job_address": address[: rows.ADDRESS]} if address else {}
        whose = {"company_uuid": customer} if customer else {}
        await self._create("job", {**fields, **place, **whose, "uuid": made, "status": status, "job_description": text})
        if person is not None and (contact := rows.contact_fields(person, self.link.region)):
            await self._create("jobcontact", {**contact, "uuid": uuid_of(key, f"{kind} contact"), "job_uuid": made})
        return Ref(kind, made, rows.job_url(made))

    # -- the schedule --------------------------------------------------------------------------------------------------------------

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """See Adapter."""
        if not resources:
            return ()
        # An hour more on both sides: where clocks change, the order of local times is not that of time.
        from_, to = (rows.local(at, self._zone) for at in (start - timedelta(hours=1), end + timedelta(hours=1)))
        chosen = where(("active", "eq", 1), ("end_date", "gt", from_), ("start_date", "lt", to))
        found = [rows.appointment(one, self._zone) for one in await self._all("jobactivity", chosen)]
        return tuple(
            Busy(one.resource, one.start, one.end, one.id)
            for one in sorted((one for one in found if one is not None), key=lambda one: (one.start, one.id))
            if one.resource in resources and one.end > start and one.start < end
        )

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter. It belongs to a job; where there is none, one is made."""
        job = appointment.job
        if not job:
            about = Job(appointment.customer, appointment.title, appointment.description, appointment.address, person=appointment.person)
            job = (await self.create_job(key, about)).id
        made = uuid_of(key, "visit")
        await self._create("jobactivity", {"uuid": made, "job_uuid": job, "activity_was_scheduled": "1", **self._times(appointment)})
        return Ref("appointment", made, rows.job_url(job))

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        row = await self._one("jobactivity", id)
        await self.http.send("POST", f"/jobactivity/{id}.json", body=self._times(appointment), repeat=True, key=key)
        return Ref("appointment", id, rows.job_url(str(row["job_uuid"])) if row.get("job_uuid") else "")

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter."""
        if rows.UUID.fullmatch(id):
            await self.http.send("DELETE", f"/jobactivity/{id}.json", repeat=True, also=(404, 410), key=key)

    def _times(self, appointment: Appointment) -> dict[str, str]:
        start, end = (rows.local(at, self._zone) for at in (appointment.start, appointment.end))
        return {"staff_uuid": appointment.resource, "start_date": start, "end_date": end}

    # -- notes and context ---------------------------------------------------------------------------------------------------------

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter. Notes of a visit stand at its job."""
        about, made = note.about, uuid_of(key, "note")
        kind, where_to = ("company" if about.kind == "customer" else "job"), about.id
        if about.kind == "appointment":
            where_to = str((await self._one("jobactivity", about.id)).get("job_uuid") or "")
        text = note.text[: rows.TEXT] + (f"\n\n{note.link}" if note.link else "")
        await self._create("note", {"uuid": made, "related_object": kind, "related_object_uuid": where_to, "note": text})
        return Ref("note", made, rows.job_url(where_to) if kind == "job" else "")

    async def get_context(self, customer: str) -> Context:
        """See Adapter."""
        known = (await self._customers({customer})).get(customer)
        if known is None:
            raise AdapterNotFound(self.NAME, "there is no such customer in ServiceM8")
        found = rows.live(await self._all("job", where(("company_uuid", "eq", customer), ("active", "eq", 1))))
        found.sort(key=lambda row: (str(row.get("date", "")), str(row.get("edit_date", ""))), reverse=True)
        jobs = [one for one in (rows.job(row, self._zone) for row in found) if one.open]
        visits: list[Appointment] = []
        now = self.http.now()
        for job in jobs[:JOBS]:
            chosen = where(("job_uuid", "eq", job.id), ("active", "eq", 1))
            made = [rows.appointment(row, self._zone, job) for row in await self._all("jobactivity", chosen)]
            visits += [one for one in made if one is not None and one.end > now]
        return Context(known, tuple(jobs), min(visits, key=lambda one: one.start, default=None))

    # -- changes -------------------------------------------------------------------------------------------------------------------

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. At first all customers, open jobs and coming visits; then whatever was edited."""
        at = _Round.read(cursor)
        begun = self.http.now()
        parts: tuple[tuple[str, Callable[[list[Row]], Any], str], ...] = (
            ("company", self._changed_companies, ""),
            ("companycontact", self._changed_contacts, "skip"),
            ("job", self._changed_jobs, where(("active", "eq", 1), ("status", "ne", "Completed"), ("status", "ne", "Unsuccessful"))),
            ("jobactivity", self._changed_visits, where(("active", "eq", 1), ("end_date", "gt", rows.local(begun, self._zone)))),
        )
        kind, told, all_there_is = parts[at.part]
        chosen = all_there_is if at.since is None else where(("edit_date", "gt", self._mark(at.since, begun)))
        items: tuple[Change, ...] = ()
        page, to = "", at.to
        if chosen != "skip":  # contacts came with their companies
            params = {"cursor": at.page, **({"$filter": chosen} if chosen else {})}
            reply = await self.http.send("GET", f"/{kind}.json", params=params)
            to = at.to or _date(reply.headers.get("date", ""), begun)
            items = tuple(await told(reply.json() or []))
            page = reply.headers.get("x-next-cursor", "")
        after = _Round(at.since, to, at.part, page) if page else _Round(at.since, to, at.part + 1)
        if after.part == PARTS:
            return Changes(items, _Round(to).text(), whole=at.since is None)
        return Changes(items, after.text(), more=True, whole=at.since is None)

    def _mark(self, since: datetime, now: datetime) -> str:
        """A local time that nothing edited after ``since`` bears less than: clocks may have gone back meanwhile."""
        before, after = (at.astimezone(self._zone).utcoffset() or timedelta() for at in (since, now))
        return rows.local(since - OVERLAP - max(before - after, timedelta()), self._zone)

    async def _changed_companies(self, found: list[Row]) -> list[Change]:
        contacts = await self._contacts(found)
        return [
            Change("customer", str(row["uuid"]), rows.customer(row, contacts.get(str(row["uuid"]), ()), self._zone, self.link.region))
            if rows.live([row])
            else Change("customer", str(row["uuid"]), gone=True)
            for row in found
        ]

    async def _changed_contacts(self, found: list[Row]) -> list[Change]:
        whose = {str(row.get("company_uuid") or "") for row in found} - {""}
        return [Change("customer", one_id, one, gone=one is None) for one_id, one in (await self._customers(whose)).items()]

    async def _changed_jobs(self, found: list[Row]) -> list[Change]:
        return [
            Change("job", str(row["uuid"]), rows.job(row, self._zone)) if rows.live([row]) else Change("job", str(row["uuid"]), gone=True)
            for row in found
        ]

    async def _changed_visits(self, found: list[Row]) -> list[Change]:
        jobs = await self._by_id("job", {str(row.get("job_uuid") or "") for row in rows.live(found)} - {""})
        changes = []
        for row in found:
            of = jobs.get(str(row.get("job_uuid") or ""))
            visit = rows.appointment(row, self._zone, rows.job(of, self._zone) if of else None)
            gone = visit is None or visit.cancelled
            changes.append(Change("appointment", str(row["uuid"]), None if gone else visit, gone=gone))
        return changes

    # -- webhooks ------------------------------------------------------------------------------------------------------------------

    async def watch(self, url: str) -> None:
        """See Adapter. A subscription to the same object replaces the one before."""
        for kind, fields in WATCHED.items():
            form = {"object": kind, "fields": fields, "callback_url": url}
            await self.http.send("POST", f"{ORIGIN}/webhook_subscriptions", form=form, repeat=True)

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """See Adapter. Messages are not signed and say no more than that something changed: the address is the secret."""
        if not rows.carries(incoming.url, secret):
            raise AdapterUnauthorized(self.NAME, "this webhook did not come to the connection's address")
        try:
            asked = parse_qs(incoming.body.decode(), max_num_fields=50)
        except ValueError:
            asked = {}
        if asked.get("mode") == ["subscribe"] and "challenge" in asked:
            return Heard(asked["challenge"][0][:1_000].encode(), changed=False)
        return Heard()

    # -- rows ----------------------------------------------------------------------------------------------------------------------

    async def _all(self, kind: str, filter: str) -> list[Row]:
        """All rows that a filter lets through."""
        return [row async for row in self._each(kind, filter)]

    async def _each(self, kind: str, filter: str) -> AsyncIterator[Row]:
        page = "-1"
        while page:
            params = {"cursor": page, **({"$filter": filter} if filter else {})}
            reply = await self.http.send("GET", f"/{kind}.json", params=params)
            for row in reply.json() or []:
                yield row
            before, page = page, reply.headers.get("x-next-cursor", "")
            if page == before:
                raise AdapterUnavailable(self.NAME, "ServiceM8's pages have no end")

    async def _one(self, kind: str, id: str) -> Row:
        """A row that is not deleted; AdapterNotFound."""
        if not rows.UUID.fullmatch(id):
            raise AdapterNotFound(self.NAME, "there is no such record in ServiceM8")
        row: Row = await self.http.get(f"/{kind}/{id}.json")
        if not rows.live([row]):
            raise AdapterNotFound(self.NAME, "there is no such record in ServiceM8 any more")
        return row

    async def _create(self, kind: str, body: Mapping[str, str]) -> None:
        """Make a record with an id of ours, once: where the system refuses it, it may be there already."""
        try:
            await self.http.send("POST", f"/{kind}.json", body=body, repeat=True, key=body["uuid"])
        except (AdapterRejected, AdapterConflict):
            name = "dbonote" if kind == "note" else kind
            reply = await self.http.send("GET", f"/{name}/{body['uuid']}.json", also=(400, 404))
            if reply.status != 200:
                raise

    async def _by_id(self, kind: str, ids: Iterable[str]) -> dict[str, Row]:
        """Rows by id, those that there are."""
        wanted = {one for one in ids if rows.UUID.fullmatch(one)}
        if len(wanted) > FEW:
            return {str(row["uuid"]): row async for row in self._each(kind, "") if row["uuid"] in wanted}
        found: dict[str, Row] = {}
        for one_id in sorted(wanted):
            reply = await self.http.send("GET", f"/{kind}/{one_id}.json", also=(404,))
            if reply.status == 200:
                found[one_id] = reply.json()
        return found

    async def _contacts(self, companies: Sequence[Row]) -> dict[str, list[Row]]:
        """Contacts of companies, by the company's id."""
        ids = {str(row["uuid"]) for row in rows.live(companies)}
        if len(ids) > FEW:
            every = await self._all("companycontact", where(("active", "eq", 1)))
        else:
            every = [one for one_id in sorted(ids) for one in await self._all("companycontact", where(("company_uuid", "eq", one_id)))]
        found: dict[str, list[Row]] = {}
        for row in every:
            found.setdefault(str(row.get("company_uuid") or ""), []).append(row)
        return found

    async def _customers(self, ids: Iterable[str]) -> dict[str, Customer | None]:
        """Customers by id; None for those that are gone."""
        wanted = sorted(one for one in set(ids) if rows.UUID.fullmatch(one))
        companies = await self._by_id("company", wanted)
        contacts = await self._contacts(list(companies.values()))
        here = {one_id for one_id, row in companies.items() if rows.live([row])}
        region, zone = self.link.region, self._zone
        return {
            one_id: rows.customer(companies[one_id], contacts.get(one_id, ()), zone, region) if one_id in here else None
            for one_id in wanted
        }


def _mapped(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value)[: MOST[name]] for name, value in fields.items() if name in MOST and value not in {None, ""}}


def _date(text: str, default: datetime) -> datetime:
    """The system's own time, by its answer."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return default


ADAPTER = ServiceM8
