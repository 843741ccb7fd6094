"""Jobber (https://developer.getjobber.com), GraphQL of 2025-04-16: clients, properties, requests, jobs, visits, notes.

Jobber knows no idempotency keys: every write carries a mark of its key in a text that Jobber keeps, and looks for it first. Each query
costs points of a bucket that fills again; a query that finds too few is refused with the state of the bucket, which says how long to wait.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from offhook.adapters.crm import _jobber_forms as forms
from offhook.adapters.crm import _jobber_queries as queries
from offhook.adapters.http import Http, Pace
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
from offhook.adapters.port import Chooser, Field, Heard, HookSpec, Incoming, Link, Manifest, OAuth, Unsupported
from offhook.adapters.window import compared
from offhook.errors import (
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
    Retry,
)

Row = dict[str, Any]

VERSION: Final = "2025-04-16"
MANIFEST = Manifest(
    kind="crm",
    name="jobber",
    title="Jobber",
    base_url="https://api.getjobber.com/api",
    auth=(
        OAuth(
            "https://api.getjobber.com/api/oauth/authorize",
            "https://api.getjobber.com/api/oauth/token",
            scopes=(
                "read_clients",
                "write_clients",
                "read_requests",
                "write_requests",
                "read_jobs",
                "write_jobs",
                "read_scheduled_items",
                "write_scheduled_items",
                "read_users",
            ),
            rotates=True,
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
            "hooks",
        }
    ),
    paces=(Pace(80, 10.0),),  # 2,500 in 300 s for an app and account; the points are Jobber's to count
    idempotency="search",
    fields=(
        Field(
            "app_secret",
            "Secret of the app in Jobber",
            "Its client secret: checks that messages on changes are Jobber's. Without it changes are asked for now and then.",
            secret=True,
            required=False,
        ),
    ),
    choosers=(Chooser("staff", "Person in Jobber", "Who visits are given to.", required=True, per_staff=True),),
    mappable={"instructions": "Instructions"},
    hooks=HookSpec(secret="app_secret", subscribe=True),  # noqa: S106 - a field's name
    writes=("lead", "job", "appointment", "note"),
    about="Clients, requests, jobs, visits and notes. Busy times are visits only: tasks and events of the calendar are not seen.",
)
AHEAD: Final = timedelta(days=90)
"""How far visits are followed."""
LATE: Final = timedelta(seconds=30)
"""What was changed so shortly before a copy is told by the next one too: it may have been in the making."""
LONGEST: Final = 250
"""Characters of a title."""
TOPICS: Final = tuple(f"{what}_{how}" for what in ("CLIENT", "JOB", "VISIT") for how in ("CREATE", "UPDATE", "DESTROY"))
SIGNATURE: Final = "x-jobber-hmac-sha256"


class Jobber(Unsupported):
    """See Adapter."""

    NAME = MANIFEST.id

    def __init__(self, http: Http, link: Link) -> None:
        super().__init__(http, link)
        http.classify = _throttled

    async def verify(self) -> Account:
        """See Adapter."""
        account = (await self._read("query { account { id name } }", {})).get("account") or {}
        return Account(str(account.get("id") or ""), str(account.get("name") or ""))

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        rows = await self._all(queries.USERS, {}, ("users",))
        return {"staff": tuple(Choice(row["id"], str((row.get("name") or {}).get("full") or row["id"])) for row in rows)}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        """See Adapter. Jobber looks for the text as it was typed, so a number is asked for in its usual forms."""
        number = e164(phone, self.link.region) if phone else ""
        for what, texts in (("phone", written(number) if number else ()), ("email", (email,)), ("name", (name,))):
            found: dict[str, Customer] = {}
            for text in filter(None, texts):
                for one in await self._search(text):
                    same = number in one.phones if what == "phone" else forms.same(text, one.email if what == "email" else one.name)
                    found |= {one.id: one} if same else {}
            if found:
                return next(iter(found.values())) if len(found) == 1 else None
        return None

    async def _search(self, text: str) -> list[Customer]:
        rows = ((await self._read(queries.FIND, {"term": text[:LONGEST]})).get("clients") or {}).get("nodes") or []
        return [self._customer(row) for row in rows]

    async def upsert_customer(self, key: str, customer: Customer) -> Ref:
        """See Adapter. Clients hold no mark: one of the same name with the same number or address is the one that was made."""
        if customer.id:
            return await self._complete(key, customer)
        name = customer.company or customer.name or "Caller"
        numbers = {e164(one, self.link.region) for one in customer.phones}
        for one in await self._search(name):
            known = bool(numbers & set(one.phones)) or forms.same(customer.email, one.email) or not (numbers or customer.email)
            if forms.same(name, one.name) and known:
                return Ref("customer", one.id, one.url)
        first, _, last = (customer.name or ("" if customer.company else name)).partition(" ")
        about: Row = {"firstName": first, "lastName": last, "companyName": customer.company, "isCompany": bool(customer.company) or None}
        about |= forms.contacts(customer.phones, customer.email, first=True)
        if customer.address:
            about["properties"] = [{"address": forms.address(customer.address)}]
        given = {"input": {name: one for name, one in about.items() if one}}
        made = await self._write(queries.NEW_CLIENT, given, key, "clientCreate", "client")
        return Ref("customer", made["id"], forms.url(made))

    async def _complete(self, key: str, customer: Customer) -> Ref:
        known = self._customer(await self._client(customer.id))
        numbers = tuple(one for one in customer.phones if e164(one, self.link.region) not in known.phones)
        change: Row = {}
        if customer.name and not forms.same(customer.name, known.name):
            first, _, last = customer.name.partition(" ")
            change |= {"firstName": first, "lastName": last}
        if customer.company and customer.company != known.company:
            change["companyName"] = customer.company
        email = customer.email if not forms.same(customer.email, known.email) else ""
        change |= {f"{name}ToAdd": one for name, one in forms.contacts(numbers, email, first=not known.phones).items()}
        if change:
            await self._write(queries.EDIT_CLIENT, {"id": customer.id, "input": change}, key, "clientEdit", "client")
        if customer.address:
            await self._place(key, customer.id, customer.address)
        return Ref("customer", customer.id, known.url)

    async def _place(self, key: str, client: str, address: str) -> str:
        """The client's property by its address, made where there is none; without an address the first."""
        row = await self._client(client)
        places = (row.get("clientProperties") or {}).get("nodes") or []
        for place in places:
            if not address or forms.same(forms.plain(place.get("address")), forms.plain(forms.address(address))):
                return str(place["id"])
        wanted = {"properties": [{"address": forms.address(address) if address else {"street1": "Address not given"}}]}
        made = await self._write(queries.NEW_PLACE, {"id": client, "input": wanted}, key, "propertyCreate", "properties")
        return str(made[0]["id"])

    async def create_lead(self, key: str, lead: Lead) -> Ref:
        """See Adapter. A request has a title only: the mark is in it, and all else goes into a note."""
        client = await self._client_of(key, lead.customer, lead.person)
        mark = mark_of(key)
        rows = await self._all(queries.of("client", "requests", "id title jobberWebUri"), {"id": client}, ("client", "requests"))
        row = next((one for one in rows if mark in str(one.get("title"))), None)
        if row is None:
            place = await self._place(key, client, lead.address)
            wanted = {"clientId": client, "propertyId": place, "title": f"{lead.title[: LONGEST - 25]} ({mark})"}
            row = await self._write(queries.NEW_REQUEST, {"input": wanted}, key, "requestCreate", "request")
        ref = Ref("lead", row["id"], forms.url(row))
        urgency = f"Urgency: {lead.urgency}" if lead.urgency else ""
        text = "\n".join(filter(None, (lead.title[LONGEST - 25 :], lead.description, urgency, str(lead.fields.get("instructions") or ""))))
        if text:
            await self.add_note(f"{key}/text", Note(ref, text))
        return ref

    async def create_job(self, key: str, job: Job) -> Ref:
        """See Adapter."""
        client = await self._client_of(key, job.customer, job.person)
        mark = mark_of(key)
        for row in await self._all(queries.of("client", "jobs", "id instructions jobberWebUri"), {"id": client}, ("client", "jobs")):
            if mark in str(row.get("instructions")):
                return Ref("job", row["id"], forms.url(row))
        text = "\n".join(filter(None, (job.description, str(job.fields.get("instructions") or ""))))
        wanted = {
            "propertyId": await self._place(key, client, job.address),
            "title": job.title[:LONGEST],
            "instructions": forms.marked(text, mark),
            "invoicing": {"invoicingType": "FIXED_PRICE", "invoicingSchedule": "ON_COMPLETION"},
            "scheduling": {"createVisits": False, "notifyTeam": False},
        }
        made = await self._write(queries.NEW_JOB, {"input": wanted}, key, "jobCreate", "job")
        return Ref("job", made["id"], forms.url(made))

    async def _client_of(self, key: str, customer: str, person: Customer | None) -> str:
        if customer:
            return customer
        if person is None:
            raise AdapterRejected(self.NAME, "a request or job in Jobber belongs to a client")
        return (await self.upsert_customer(key, person)).id

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """See Adapter."""
        if not resources:
            return ()
        rows = await self._all(queries.VISITS, {"from": forms.time(start - timedelta(days=1)), "to": forms.time(end)}, ("visits",))
        found: list[Busy] = []
        for visit, row in zip(map(forms.visit, rows), rows, strict=True):
            if visit is not None and visit.end > start and visit.start < end:
                found += [Busy(one, visit.start, visit.end, visit.id) for one in forms.people(row) if one in resources]
        return tuple(found)

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter. Jobber lets visits overlap. One without a job gets one."""
        job = appointment.job
        if not job:
            job = (
                await self.create_job(
                    f"{key}/job",
                    Job(
                        appointment.customer,
                        appointment.title or "Visit",
                        appointment.description,
                        appointment.address,
                        person=appointment.person,
                    ),
                )
            ).id
        mark = mark_of(key)
        for row in await self._all(queries.of("job", "visits", "id instructions"), {"id": job}, ("job", "visits")):
            if mark in str(row.get("instructions")):
                return Ref("appointment", row["id"])
        schedule = {
            **self._times(appointment),
            "notifyTeam": False,
            "teamMemberIdsToAssign": [appointment.resource] if appointment.resource else [],
        }
        visit = {
            "title": appointment.title[:LONGEST] or "Visit",
            "instructions": forms.marked(appointment.description, mark),
            "schedule": schedule,
        }
        made = await self._write(queries.NEW_VISIT, {"id": job, "input": {"visits": [visit]}}, key, "visitCreate", "createdVisits")
        return Ref("appointment", made[0]["id"])

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        row = (await self._read(queries.SHOW_VISIT, {"id": id})).get("visit")
        if row is None:
            raise AdapterNotFound(self.NAME, "there is no such record in the system")
        await self._write(queries.MOVE_VISIT, {"id": id, "input": self._times(appointment)}, key, "visitEditSchedule", "visit", again=True)
        if appointment.resource and forms.people(row) != [appointment.resource]:
            people = {"assignedUserIds": [appointment.resource]}
            await self._write(queries.GIVE_VISIT, {"id": id, "input": people}, key, "visitEditAssignedUsers", "visit", again=True)
        return Ref("appointment", id)

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter."""
        try:
            await self._write(queries.DROP_VISIT, {"ids": [id]}, key, "visitDelete", again=True)
        except AdapterNotFound:
            return

    async def add_note(self, key: str, note: Note) -> Ref:
        """See Adapter."""
        if note.about.kind not in queries.NOTES:
            raise AdapterRejected(self.NAME, "Jobber keeps notes with clients, requests and jobs only")
        kind, query, mutation = queries.NOTES[note.about.kind]
        mark = mark_of(key)
        for row in await self._all(query, {"id": note.about.id}, (kind, "notes")):
            if mark in str(row.get("message")):
                return Ref("note", row["id"])
        text = forms.marked("\n".join(filter(None, (note.text, note.link))), mark)
        given = {"id": note.about.id, "input": {"message": text}}
        made = await self._write(mutation, given, key, f"{kind}CreateNote", f"{kind}Note")
        return Ref("note", made["id"])

    async def get_context(self, customer: str) -> Context:
        """See Adapter. One query: a visit that is going on has begun, and is not the next."""
        row = (await self._read(queries.CONTEXT, {"id": customer, "now": forms.time(self.http.now())})).get("client")
        if row is None:
            raise AdapterNotFound(self.NAME, "there is no such record in the system")
        rows = sorted((row.get("jobs") or {}).get("nodes") or [], key=lambda one: str(one.get("createdAt")), reverse=True)
        visits = [forms.visit(one) for job in rows for one in (job.get("visits") or {}).get("nodes") or []]
        return Context(
            self._customer(row),
            tuple(job for job in map(forms.job, rows) if job.open),
            min((one for one in visits if one is not None), key=lambda one: one.start, default=None),
            notes=tuple(str(one.get("message") or "") for one in (row.get("notes") or {}).get("nodes") or []),
        )

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. Clients that changed, then jobs, newest first until what is known; then the visits of the days ahead, compared."""
        try:
            state: Row = json.loads(cursor) if cursor else {}
            whole = bool(state.get("whole"))
        except (ValueError, AttributeError):
            state, whole = {}, True
        stage, since, now = state.get("stage", "clients"), state.get("since", ""), self.http.now()
        until = state.get("until") or forms.time(now - LATE)
        if stage == "visits":
            day = now.replace(hour=0, minute=0, second=0, microsecond=0)
            rows = await self._all(queries.VISITS, {"from": forms.time(day), "to": forms.time(day + AHEAD)}, ("visits",))
            items, visits = compared(state.get("visits", {}), [one for one in map(forms.visit, rows) if one is not None], day)
            return Changes(items, json.dumps({"since": until, "visits": visits}), whole=whole)
        if stage == "clients":
            given: Row = {"filter": {"updatedAt": {"after": since}} if since else None, "after": state.get("after")}
            page = (await self._read(queries.CLIENTS, given)).get("clients") or {}
            rows = page.get("nodes") or []
            found = tuple(
                Change("customer", row["id"], None if row.get("isArchived") else self._customer(row), bool(row.get("isArchived")))
                for row in rows
            )
            further = forms.following(page)
        else:
            page = (await self._read(queries.JOBS, {"after": state.get("after")})).get("jobs") or {}
            rows = page.get("nodes") or []
            fresh = [row for row in rows if not since or forms.when(row.get("updatedAt")) > forms.when(since)]
            found = tuple(Change("job", row["id"], forms.job(row)) for row in fresh)
            further = forms.following(page) if len(fresh) == len(rows) else ""
        onward = {"stage": stage, "after": further} if further else {"stage": {"clients": "jobs", "jobs": "visits"}[stage]}
        kept = {"since": since, "until": until, "visits": state.get("visits", {}), "whole": whole, **onward}
        return Changes(found, json.dumps(kept), more=True, whole=whole)

    async def watch(self, url: str) -> None:
        """See Adapter. Jobber has no list of subscriptions, and refuses a second one for a topic."""
        for topic in TOPICS:
            try:
                await self._write(queries.WATCH, {"input": {"topic": topic, "url": url}}, "", "webhookEndpointCreate", "webhookEndpoint")
            except AdapterRejected as error:
                if not any(word in error.detail.casefold() for word in ("already", "exists", "one hook", "taken", "duplicate")):
                    raise

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """See Adapter."""
        expected = base64.b64encode(hmac.new(secret.encode(), incoming.body, hashlib.sha256).digest())
        given = incoming.headers.get(SIGNATURE, "").encode("latin-1", "replace")
        if not secret or not hmac.compare_digest(expected, given):
            raise AdapterUnauthorized(self.NAME, "the message is not signed by Jobber")
        try:
            event = json.loads(incoming.body)["data"]["webHookEvent"]
            topic, item, at = str(event["topic"]), str(event["itemId"]), str(event.get("occurredAt") or event.get("occuredAt") or "")
        except (ValueError, KeyError, TypeError):
            return Heard(changed=False)
        return Heard(changed=topic in TOPICS, once=f"{topic}:{item}:{at}"[:200])

    # -- the wire -------------------------------------------------------------------------------------------------------------

    async def _read(self, query: str, given: Mapping[str, Any]) -> Row:
        return await self._ask(query, given, reads=True)

    async def _all(self, query: str, given: Mapping[str, Any], path: Sequence[str]) -> list[Row]:
        """All pages of a list; AdapterNotFound where what it hangs on is not there."""
        rows: list[Row] = []
        after = ""
        while True:
            page: Any = await self._read(query, {**given, "after": after or None})
            for name in path:
                page = page.get(name)
                if page is None:
                    raise AdapterNotFound(self.NAME, "there is no such record in the system")
            rows += page.get("nodes") or []
            further = forms.following(page)
            if not further or further == after:
                return rows
            after = further

    async def _write(self, query: str, given: Mapping[str, Any], key: str, name: str, what: str = "", *, again: bool = False) -> Any:  # noqa: ANN401 - JSON
        """What a mutation made. What Jobber refuses it lists in ``userErrors``, with status 200."""
        payload = (await self._ask(query, given, key=key, again=again)).get(name) or {}
        if wrong := payload.get("userErrors"):
            raise self._refused([str(one.get("message") or "") for one in wrong])
        if what and not payload.get(what):
            raise AdapterUnavailable(self.NAME, "the system does not say what it made")
        return payload[what] if what else None

    async def _ask(self, query: str, given: Mapping[str, Any], *, key: str = "", reads: bool = False, again: bool = False) -> Row:
        body = {"query": query, "variables": dict(given)}
        headers = {"x-jobber-graphql-version": VERSION}
        reply = await self.http.send(
            "POST", "/graphql", body=body, headers=headers, key=key, reads=reads, repeat=True if reads or again else None
        )
        answer = reply.json()
        if not isinstance(answer, dict):
            raise AdapterUnavailable(self.NAME, "the system's answer is no record", detail=str(answer)[:300])
        if errors := answer.get("errors"):
            raise self._refused([str(one.get("message") or "") for one in errors])
        return answer.get("data") or {}

    def _refused(self, messages: Sequence[str]) -> AdapterError:
        said = "; ".join(messages)
        text = said.casefold()
        if any(words in text for words in ("not found", "does not exist", "could not be found")):
            return AdapterNotFound(self.NAME, "there is no such record in the system", detail=said)
        if "permission" in text or "not authorized" in text or "unauthorized" in text:
            return AdapterUnauthorized(self.NAME, "this connection may not do that in the system", detail=said, partly=True)
        return AdapterRejected(self.NAME, "the system refused what it was sent", detail=said)

    async def _client(self, id: str) -> Row:
        row: Row | None = (await self._read(queries.SHOW, {"id": id})).get("client")
        if row is None:
            raise AdapterNotFound(self.NAME, "there is no such record in the system")
        return row

    def _customer(self, row: Row) -> Customer:
        places = (row.get("clientProperties") or {}).get("nodes") or []
        return Customer(
            id=str(row["id"]),
            name=str(row.get("name") or ""),
            phones=tuple(dict.fromkeys(e164(str(one["number"]), self.link.region) for one in row.get("phones") or [])),
            email=next((str(one["address"]) for one in row.get("emails") or []), ""),
            address=forms.plain(places[0].get("address")) if places else "",
            company=str(row.get("companyName") or ""),
            url=forms.url(row),
            updated_at=forms.when(row["updatedAt"]) if row.get("updatedAt") else None,
        )

    def _times(self, appointment: Appointment) -> dict[str, Row]:
        return {"startAt": self._local(appointment.start), "endAt": self._local(appointment.end)}

    def _local(self, moment: datetime) -> Row:
        """Jobber takes wall-clock times; one that a clock shows twice is said in UTC."""
        zone = self.link.timezone
        local = moment.astimezone(ZoneInfo(zone))
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            zone, local = "Etc/UTC", moment.astimezone(UTC)
        return {"date": local.date().isoformat(), "time": local.strftime("%H:%M:%S"), "timezone": zone}


ADAPTER = Jobber


def _throttled(status: int, _: Mapping[str, str], body: bytes) -> AdapterError | None:
    """Too few points are told with status 200."""
    if status != 200 or b"THROTTLED" not in body:
        return None
    try:
        answer = json.loads(body)
        codes = {(one.get("extensions") or {}).get("code") for one in answer.get("errors") or ()}
        wait = _wait((answer.get("extensions") or {}).get("cost") or {})
    except (ValueError, AttributeError, TypeError):
        return None
    return AdapterRateLimited(MANIFEST.id, "the system wants fewer requests", retry=Retry(wait)) if "THROTTLED" in codes else None


def _wait(cost: Row) -> float:
    """Seconds until the bucket holds what the query costs."""
    state = cost.get("throttleStatus") or {}
    try:
        missing = float(cost.get("requestedQueryCost") or 0) - float(state.get("currentlyAvailable") or 0)
        return min(max(missing / float(state.get("restoreRate") or 500) + 0.5, 1.0), 600.0)
    except (TypeError, ValueError, ZeroDivisionError):
        return 5.0
