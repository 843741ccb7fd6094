"""Fergus (https://api.fergus.com/docs), as of May 2026: customers, sites, enquiries, jobs, calendar events, notes.

Fergus knows no idempotency keys: every write carries a mark of its key in a text that Fergus keeps, and looks for it first. A job needs
a customer and a site, a visit to a job that is charged up needs one of its phases: each is made once, and a retry goes on where it broke.
Times are UTC on a grid of 15 minutes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from offhook.adapters.http import Pace
from offhook.adapters.model import (
    Account,
    Appointment,
    Busy,
    Change,
    Changes,
    Choice,
    Context,
    Customer,
    Job,
    Lead,
    Note,
    Ref,
)
from offhook.adapters.once import mark_of
from offhook.adapters.phones import e164, written
from offhook.adapters.port import Chooser, Field, KeyAuth, Manifest, OAuth, Unsupported
from offhook.adapters.window import compared
from offhook.errors import AdapterNotFound, AdapterRejected, AdapterUnavailable

Row = dict[str, Any]

MANIFEST = Manifest(
    kind="crm",
    name="fergus",
    title="Fergus",
    base_url="https://api.fergus.com",
    auth=(
        KeyAuth(),
        OAuth(
            "https://auth.fergus.com/oauth2/authorize",
            "https://auth.fergus.com/oauth2/token",
            scopes=("openid", "email", "profile"),
            revoke_url="https://auth.fergus.com/oauth2/revoke",
            client_auth="basic",
        ),
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
        }
    ),
    paces=(Pace(90, 60.0),),  # 100 for the whole company, all of its tokens: some are left for others
    idempotency="search",
    fields=(
        Field("key", "Personal access token", "In Fergus: Settings, Integrations, Personal access tokens.", secret=True),
        Field(
            "job_type",
            "Type of a booked job",
            "Charge Up, Quote or Estimate.",
            pattern="Charge Up|Quote|Estimate",
            required=False,
            placeholder="Charge Up",
        ),
    ),
    choosers=(Chooser("staff", "Person in Fergus", "Whose calendar visits go to.", required=True, per_staff=True),),
    mappable={"description": "Description"},
    writes=("lead", "job", "appointment", "note"),
    about="Customers, enquiries, jobs, visits and notes. Fergus does not tell who owes what, nor which customers were deleted.",
)
GRID: Final = timedelta(minutes=15)
AHEAD: Final = timedelta(days=90)
"""How far visits are followed."""
LATE: Final = timedelta(seconds=30)
"""What was changed so shortly before a copy is told by the next one too: it may have been in the making."""
PAGE: Final = 50
SEARCHED: Final = 60
"""Characters of a text that is looked for."""
TITLE: Final = 250
CLOSED: Final = frozenset(
    {"completed", "inactive", "invoice paid", "invoiced", "invoice approved", "quote rejected", "estimate rejected", "to be approved"}
)
ENQUIRY: Final = "enquiry:"
"""Prefix of a lead's id that is an enquiry; others are jobs."""


class Fergus(Unsupported):
    """See Adapter."""

    NAME = MANIFEST.id

    async def verify(self) -> Account:
        """See Adapter."""
        company = await self._one("/company")
        return Account(str(company.get("guid") or company.get("id") or ""), str(company.get("name") or ""))

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        found: list[Choice] = []
        page = "0"
        while page:
            rows, page = await self._page("/users", {}, page)
            found += [Choice(str(row["id"]), _name(row), str(row.get("userType") or "")) for row in rows]
        return {"staff": tuple(found)}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter. Fergus looks for the text as it was typed, so a number is asked for in its usual forms."""
        for what, texts in (("phone", written(phone)), ("email", (email,)), ("name", (name,))):
            matches: dict[str, Customer] = {}
            for text in filter(None, texts):
                rows, _ = await self._page("/customers", {"filterSearchText": text[:SEARCHED]})
                matches |= {one.id: one for one in map(self._customer, rows) if self._is(one, what, phone or text, text)}
            if matches:
                return next(iter(matches.values())) if len(matches) == 1 else None
        return None

    def _is(self, one: Customer, what: str, phone: str, text: str) -> bool:
        if what == "phone":
            return e164(phone, self.link.region) in one.phones
        return text.casefold() == (one.email if what == "email" else one.name).casefold()

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter."""
        if customer.id:
            return await self._complete(key, customer)
        mark = mark_of(key)
        name = customer.company or customer.name or "Caller"
        rows, _ = await self._page("/customers", {"filterSearchText": name[:SEARCHED], "sortField": "createdAt", "sortOrder": "desc"})
        for row in rows:
            if any(item.get("contactValue") == mark for item in _items(row)):
                return Ref("customer", str(row["id"]))
        items = [{"contactType": "phone", "contactValue": one} for one in customer.phones]
        items += [{"contactType": "email", "contactValue": customer.email}] if customer.email else []
        body: Row = {
            "customerFullName": name,
            "mainContact": {**_person(customer.name or name), "contactItems": [*items, {"contactType": "other", "contactValue": mark}]},
        }
        if customer.address:
            body["physicalAddress"] = _address(customer.address)
        return Ref("customer", str((await self._make("/customers", body, key))["id"]))

    async def _complete(self, key: str, customer: Customer) -> Ref:
        """PUT replaces everything, so what is there is sent back with what is new."""
        row = await self._one(f"/customers/{_id(customer.id)}")
        contact: Row = dict(row.get("mainContact") or {})
        items = list(contact.get("contactItems") or [])
        known = self._customer(row)
        items += [
            {"contactType": "phone", "contactValue": one} for one in customer.phones if e164(one, self.link.region) not in known.phones
        ]
        if customer.email and customer.email.casefold() not in {str(one.get("contactValue")).casefold() for one in items}:
            items.append({"contactType": "email", "contactValue": customer.email})
        if customer.name and customer.name.casefold() != known.name.casefold():
            contact |= _person(customer.name)
        contact["contactItems"] = items
        contact.setdefault("firstName", known.name or "Caller")
        body: Row = {"customerFullName": customer.company or (customer.name or known.name), "mainContact": contact}
        for name in ("physicalAddress", "postalAddress"):
            if row.get(name):
                body[name] = row[name]
        if customer.address and customer.address != known.address:
            body["physicalAddress"] = _address(customer.address)
        if any(row.get(name) != value for name, value in body.items()):
            await self.http.send("PUT", f"/customers/{_id(customer.id)}", body=body, key=key, repeat=True)
        return Ref("customer", customer.id)

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter. An enquiry must have a name, e-mail address, number and address: a caller who gave fewer becomes a job to price."""
        mark = mark_of(key)
        row = await self._made_before("/enquiries", {}, mark)
        if row is not None:
            return Ref("lead", f"{ENQUIRY}{row['id']}")
        person = lead.person or (self._customer(await self._one(f"/customers/{_id(lead.customer)}")) if lead.customer else Customer())
        address = lead.address or person.address
        text = _marked("\n".join(filter(None, (lead.title, lead.description, lead.urgency and f"Urgency: {lead.urgency}"))), mark)
        if person.name and person.email and person.phones and address:
            body = {
                "name": person.name,
                "email": person.email,
                "phoneNumber": person.phones[0],
                "address1": address,
                "source": "Phone call",
                "description": text,
            }
            made = _data((await self.http.send("POST", "/enquiries", body=body, key=key)).json(), self.NAME)
            return Ref("lead", f"{ENQUIRY}{made['id']}")
        job = Job(lead.customer, lead.title, lead.description, address, person=lead.person, fields=lead.fields)
        return replace(await self._job(key, job, "Quote", lead.urgency), kind="lead")

    async def create_job(self, key: str, job: Job) -> Ref:
        """See Adapter. Without an address there is no site, and the job stays a draft that the owner completes."""
        return await self._job(key, job, self.link.settings.get("job_type") or "Charge Up", "")

    async def _job(self, key: str, job: Job, kind: str, urgency: str) -> Ref:
        mark = mark_of(key)
        row = await self._made_before("/jobs", {"filterCustomerId": str(_id(job.customer))} if job.customer else {}, mark)
        if row is None:
            customer = self._customer(await self._one(f"/customers/{_id(job.customer)}")) if job.customer else Customer()
            address = job.address or customer.address
            site = await self._site(key, address, (job.person or customer).name or customer.name) if address and job.customer else ""
            parts = (str(job.fields.get("description") or ""), job.description, "" if site else address, urgency and f"Urgency: {urgency}")
            body: Row = {
                "jobType": kind,
                "title": job.title[:TITLE],
                "description": _marked("\n".join(filter(None, parts)), mark),
                "isDraft": not site,
            }
            if job.customer:
                body["customerId"] = _id(job.customer)
            if site:
                body["siteId"] = _id(site)
            row = _data((await self.http.send("POST", "/jobs", body=body, key=key)).json(), self.NAME)
        if row.get("status") == "Draft" and row.get("customerId") and row.get("siteId"):
            await self.http.send("PUT", f"/jobs/{row['id']}/finalise", body={}, key=key)
        return Ref("job", str(row["id"]))

    async def _site(self, key: str, address: str, name: str) -> str:
        """The place by its address, made where Fergus has none there."""
        wanted = _address(address)
        rows, _ = await self._page("/sites", {"filterSearchText": wanted["address1"][:SEARCHED]})
        for row in rows:
            if _plain(row.get("siteAddress") or {}).casefold() == _plain(wanted).casefold():
                return str(row["id"])
        site = await self._make("/sites", {"defaultContact": _person(name or "Caller"), "siteAddress": wanted}, key)
        return str(site["id"])

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """See Adapter."""
        found: list[Busy] = []
        for resource in resources:
            visits = await self._events(start, end, resource)
            found += [Busy(resource, one.start, one.end, one.id) for one in visits if one.end > start and one.start < end]
        return tuple(found)

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter. Fergus lets visits overlap."""
        mark = mark_of(key)
        start, end = _grid(appointment.start, appointment.end)
        near = await self._events(start - timedelta(days=1), end + timedelta(days=1))
        for visit in near:
            if mark in visit.description:
                return Ref("appointment", visit.id)
        text = "\n".join(filter(None, (appointment.description, appointment.address)))
        body: Row = {
            "eventTitle": appointment.title[:TITLE] or "Visit",
            "startTime": _time(start),
            "endTime": _time(end),
            "userId": _id(appointment.resource),
            "description": _marked(text, mark),
            **(await self._event_of(key, appointment)),
        }
        made = _data((await self.http.send("POST", "/calendarEvents", body=body, key=key)).json(), self.NAME)
        return Ref("appointment", str(made["id"]))

    async def _event_of(self, key: str, appointment: Appointment) -> Row:
        """What kind of event this is: a quote or estimate hangs on its job, other work on a phase of it."""
        if not appointment.job:
            return {"eventType": "OTHER"}
        job = await self._one(f"/jobs/{_id(appointment.job)}")
        kind = str(job.get("jobType") or "")
        if kind in {"Quote", "Estimate"}:
            return {"eventType": kind.upper(), "jobId": _id(appointment.job)}
        phases = (await self.http.get(f"/jobs/{_id(appointment.job)}/phases")).get("data") or []
        phase = next((one for one in phases if one.get("status") != "Voided"), None)
        if phase is None:
            title = appointment.title[:TITLE] or "Visit"
            body = {"title": title, "description": title}
            phase = _data((await self.http.send("POST", f"/jobs/{_id(appointment.job)}/phases", body=body, key=key)).json(), self.NAME)
        return {"eventType": "JOB_PHASE", "jobPhaseId": phase["id"]}

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        row = await self._one(f"/calendarEvents/{_id(id)}")
        start, end = _grid(appointment.start, appointment.end)
        resource = appointment.resource or str(row.get("userId") or "")
        body = {
            "eventTitle": appointment.title[:TITLE] or row.get("eventTitle") or row.get("title") or "Visit",
            "startTime": _time(start),
            "endTime": _time(end),
            "userId": _id(resource),
        }
        await self.http.send("POST", f"/calendarEvents/{_id(id)}", body=body, key=key, repeat=True)
        return Ref("appointment", id)

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter."""
        body = {"deleteAllRecurring": False}
        await self.http.send("DELETE", f"/calendarEvents/{_id(id)}", body=body, key=key, repeat=True, also=(404, 410))

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter."""
        mark = mark_of(key)
        about_id = note.about.id
        entity = (
            "ENQUIRY" if about_id.startswith(ENQUIRY) else {"customer": "CUSTOMER", "lead": "JOB", "job": "JOB"}.get(note.about.kind, "")
        )
        if not entity:
            raise AdapterRejected(self.NAME, "Fergus keeps notes with customers, enquiries and jobs only")
        number = _id(about_id.removeprefix(ENQUIRY))
        about = {"filterEntityName": entity, "filterEntityId": str(number), "sortField": "created_at", "sortOrder": "desc"}
        rows, _ = await self._page("/notes", about)
        for row in rows:
            if mark in str(row.get("text")):
                return Ref("note", str(row["id"]))
        text = _marked("\n".join(filter(None, (note.text, note.link))), mark)
        body = {"text": text, "entityName": entity, "entityId": number, "isPinned": False}
        made = _data((await self.http.send("POST", "/notes", body=body, key=key)).json(), self.NAME)
        return Ref("note", str(made["id"]))

    async def get_context(self, customer: str) -> Context:
        """See Adapter."""
        who = self._customer(await self._one(f"/customers/{_id(customer)}"))
        rows, _ = await self._page("/jobs", {"filterCustomerId": str(_id(customer)), "sortField": "createdAt", "sortOrder": "desc"})
        jobs = tuple(job for job in map(self._job_of, rows) if job.open)
        now = self.http.now()
        ids = {job.id for job in jobs}
        visits = [one for one in await self._events(now, now + AHEAD) if one.job in ids and one.end > now] if ids else []
        about = {"filterEntityName": "CUSTOMER", "filterEntityId": str(_id(customer)), "sortField": "created_at", "sortOrder": "desc"}
        notes, _ = await self._page("/notes", {**about, "pageSize": "3"})
        return Context(
            who,
            jobs,
            min(visits, key=lambda one: one.start, default=None),
            notes=tuple(str(one.get("text") or "") for one in notes),
        )

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. Customers, then jobs, newest first until what is known; then the visits of the days ahead, compared."""
        try:
            state: Row = json.loads(cursor) if cursor else {}
            whole = bool(state.get("whole"))
        except (ValueError, AttributeError):
            state, whole = {}, True
        stage, seen, new = state.get("stage", "customers"), state.get("seen", {}), dict(state.get("new", {}))
        now = self.http.now()
        if stage == "visits":
            since = now.replace(hour=0, minute=0, second=0, microsecond=0)
            items, visits = compared(state.get("visits", {}), await self._events(since, since + AHEAD), since)
            return Changes(items, _packed({"seen": {**seen, **new}, "visits": visits}), whole=whole)
        rows, page = await self._page(f"/{stage}", {"sortField": "lastModified", "sortOrder": "desc"}, state.get("page", "0"))
        known = _when(seen.get(stage))
        times = [_when(row.get("lastModified")) for row in rows]
        fresh = [row for row, at in zip(rows, times, strict=True) if known is None or at is None or at > known]
        if "page" not in state and times and times[0] is not None:
            new[stage] = min(times[0], now - LATE).isoformat()
        further: Row = {"stage": stage, "page": page} if page and len(fresh) == len(rows) else {"stage": _after(stage)}
        kept = _packed({"seen": seen, "new": new, "visits": state.get("visits", {}), "whole": whole, **further})
        return Changes(tuple(self._change(stage, row) for row in fresh), kept, more=True, whole=whole)

    def _change(self, stage: str, row: Row) -> Change:
        gone = bool(row.get("isDeleted") or row.get("isArchived"))
        if stage == "customers":
            return Change("customer", str(row["id"]), None if gone else self._customer(row), gone)
        return Change("job", str(row["id"]), None if gone else self._job_of(row), gone)

    # -- reading --------------------------------------------------------------------------------------------------------------

    async def _one(self, path: str) -> Row:
        return _data(await self.http.get(path), self.NAME)

    async def _page(self, path: str, params: Mapping[str, str], cursor: str = "0") -> tuple[list[Row], str]:
        """A page of a list, and the next one's cursor or nothing."""
        answer = await self.http.get(path, params={"pageSize": str(PAGE), "pageCursor": cursor, **params})
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise AdapterUnavailable(self.NAME, "the system's answer is no list", detail=str(answer)[:300])
        following = ((answer.get("paging") or {}).get("links") or {}).get("next") or ""
        return answer["data"], (parse_qs(urlsplit(following).query).get("pageCursor") or [""])[0]

    async def _made_before(self, path: str, among: Mapping[str, str], mark: str) -> Row | None:
        """The newest are read, since what Fergus' search makes of a mark is not documented, nor in which field a job's text comes back."""
        rows, _ = await self._page(path, {**among, "sortField": "createdAt", "sortOrder": "desc"})
        return next((one for one in rows if mark in json.dumps(one)), None)

    async def _make(self, path: str, body: Row, key: str) -> Row:
        """POST; where Fergus has it already it answers 303 with its place."""
        reply = await self.http.send("POST", path, body=body, key=key, also=(303,))
        if reply.status != 303:
            return _data(reply.json(), self.NAME)
        number = urlsplit(reply.headers.get("location", "")).path.rpartition("/")[2]
        if not number.isdecimal():
            raise AdapterUnavailable(self.NAME, "the system has this record but does not say where")
        return await self._one(f"{path}/{number}")

    async def _events(self, start: datetime, end: datetime, user: str = "") -> list[Appointment]:
        params = {"filterDateFrom": _time(start), "filterDateTo": _time(end), **({"filterUserId": user} if user else {})}
        found: list[Appointment] = []
        page = "0"
        while page:
            rows, page = await self._page("/calendarEvents", params, page)
            found += map(_event, rows)
        return found

    def _customer(self, row: Row) -> Customer:
        items = _items(row)
        contact = row.get("mainContact") or {}
        return Customer(
            id=str(row["id"]),
            name=str(row.get("customerFullName") or ""),
            phones=tuple(
                dict.fromkeys(
                    e164(str(one["contactValue"]), self.link.region) for one in items if one.get("contactType") in {"phone", "mobile"}
                )
            ),
            email=next((str(one["contactValue"]) for one in items if one.get("contactType") == "email"), ""),
            address=_plain(row.get("physicalAddress") or {}),
            company=str(contact.get("company") or ""),
            updated_at=_when(row.get("lastModified")),
        )

    def _job_of(self, row: Row) -> Job:
        status = str(row.get("status") or "")
        customer = row.get("customerId") or (row.get("customer") or {}).get("id") or ""
        return Job(
            customer=str(customer),
            title=str(row.get("title") or row.get("description") or ""),
            description=str(row.get("description") or ""),
            address=_plain(row.get("siteAddress") or {}),
            id=str(row["id"]),
            status=status,
            open=status.casefold() not in CLOSED,
            updated_at=_when(row.get("lastModified")),
        )


ADAPTER = Fergus


def _packed(state: Row) -> str:
    return json.dumps(state, separators=(",", ":"))


def _after(stage: str) -> str:
    return {"customers": "jobs", "jobs": "visits"}[stage]


def _data(answer: Any, adapter: str) -> Row:  # noqa: ANN401 - JSON
    found = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        raise AdapterUnavailable(adapter, "the system's answer is no record", detail=str(answer)[:300])
    return found


def _id(text: str) -> int:
    """Fergus' ids are numbers, and what is not one names no record."""
    if not (text.isascii() and text.isdecimal()):
        raise AdapterNotFound(MANIFEST.id, "there is no such record in the system")
    return int(text)


def _items(row: Row) -> list[Row]:
    return [one for one in (row.get("mainContact") or {}).get("contactItems") or [] if one.get("contactValue")]


def _name(row: Row) -> str:
    return f"{row.get('firstName') or ''} {row.get('lastName') or ''}".strip()


def _person(name: str) -> Row:
    first, _, last = name.strip().partition(" ")
    return {"firstName": first, "lastName": last.strip()}


def _address(text: str) -> dict[str, str]:
    """A spoken address in Fergus' lines: nothing is guessed, so what has no commas is one line."""
    parts = [one.strip() for one in text.split(",") if one.strip()]
    lines = {
        "address1": parts[0] if parts else text,
        "addressSuburb": ", ".join(parts[1:-1]),
        "addressCity": parts[-1] if len(parts) > 1 else "",
    }
    return {name: line for name, line in lines.items() if line}


def _plain(address: Mapping[str, Any]) -> str:
    names = ("address1", "address2", "addressSuburb", "addressCity", "addressRegion", "addressPostcode")
    return ", ".join(str(address[name]) for name in names if address.get(name))


def _marked(text: str, mark: str) -> str:
    return f"{text}\n\nRef {mark}".strip()


def _grid(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Outwards to the quarter of an hour."""
    zero = datetime(2000, 1, 1, tzinfo=UTC)
    begin = zero + (start - zero) // GRID * GRID
    return begin, max(zero + -((zero - end) // GRID) * GRID, begin + GRID)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _when(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _event(row: Row) -> Appointment:
    start, end = _when(row.get("startTime")), _when(row.get("endTime"))
    if start is None or end is None:
        raise AdapterUnavailable(MANIFEST.id, "the system gave a visit without a time")
    return Appointment(
        resource=str(row.get("userId") or ""),
        start=start,
        end=end,
        title=str(row.get("eventTitle") or row.get("title") or ""),
        description=str(row.get("description") or ""),
        job=str(row.get("jobId") or ""),
        id=str(row["id"]),
    )
