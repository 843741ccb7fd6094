"""A Jobber that holds state: queries are checked against the part of the schema that is used, so a wrong name fails as it does there.

Points are counted as Jobber counts them, nearly: a field costs one, times the rows that are asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from graphql import GraphQLError, execute_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Appointment, Customer, RecordKind
from offhook.adapters.port import Incoming
from offhook.testing.business._jobber_schema import SCHEMA, read
from offhook.testing.business.base import Refused, Simulator, json_of

Row = dict[str, Any]
MOST_POINTS: Final = 10_000
POINTS_A_SECOND: Final = 500
LONGEST_TITLE: Final = 255


class Jobber(Simulator):
    """Jobber of one account."""

    NAME = "crm/jobber"
    BASE = "https://api.getjobber.com/api"

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {"key"}
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in ("Client", "Property", "Request", "Job", "Visit", "Note", "User")}
        self.hooks: set[tuple[str, str]] = set()
        self._last = 0
        self._points, self._counted = float(MOST_POINTS), 0.0
        for first, last in (("Mia", "Brown"), ("Tane", "Ruru")):
            self._add("User", {"name": {"full": f"{first} {last}", "first": first, "last": last}})

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        return [Route("/api/graphql", self._graphql, methods=["POST"])]

    # -- what people do ---------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator. A lead's text is a note of its own, and belongs to it."""
        name = {"customer": "Client", "lead": "Request", "job": "Job", "appointment": "Visit", "note": "Note"}[kind]
        return len([one for one in self.rows[name].values() if not one.get("isArchived")])

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        first, _, last = customer.name.partition(" ")
        row = self._client(
            {
                "firstName": first,
                "lastName": last,
                "phones": [{"number": one, "primary": True} for one in customer.phones],
                "emails": [{"address": customer.email, "primary": True}] if customer.email else [],
            }
        )
        if customer.address:
            self._add("Property", {"client": row["id"], "address": {"street1": customer.address}})
        return str(row["id"])

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        row = self.rows["Client"].get(id)
        if row is None or row["isArchived"]:
            return None
        places = [one["address"] for one in self.rows["Property"].values() if one["client"] == id]
        return Customer(
            id,
            _named(row),
            tuple(one["number"] for one in row["phones"]),
            next((one["address"] for one in row["emails"]), ""),
            ", ".join(places[0].values()) if places else "",
        )

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        first, _, last = name.partition(" ")
        self._touch(self.rows["Client"][id], {"firstName": first, "lastName": last})

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator. Clients are archived, visits deleted."""
        if kind == "customer":
            self._touch(self.rows["Client"][id], {"isArchived": True})
        else:
            del self.rows[{"lead": "Request", "job": "Job", "appointment": "Visit", "note": "Note"}[kind]][id]

    def add_job(self, customer: str, title: str) -> str:
        """See Simulator."""
        place = next((one["id"] for one in self.rows["Property"].values() if one["client"] == customer), "")
        place = place or str(self._add("Property", {"client": customer, "address": {"street1": "1 High Street"}})["id"])
        return str(self._job({"propertyId": place, "title": title})["id"])

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """See Simulator. For a client of their own."""
        job = self.add_job(self.add_customer(Customer(name="Somebody Busy")), "Busy")
        return str(self._add("Visit", {"job": job, "title": "Busy", "startAt": _z(start), "endAt": _z(end), "people": [resource]})["id"])

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """See Simulator."""
        self.rows["Visit"][id] |= {"startAt": _z(start), "endAt": _z(end)}

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        row = self.rows["Visit"].get(id)
        if row is None:
            return None
        start, end = datetime.fromisoformat(row["startAt"]), datetime.fromisoformat(row["endAt"])
        people = row["people"]
        return Appointment(people[0] if people else "", start, end, row["title"], row.get("instructions", ""), job=row["job"], id=id)

    def notes(self) -> list[str]:
        """See Simulator."""
        return [one["message"] for one in self.rows["Note"].values()]

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """See Simulator."""
        event = {"topic": "CLIENT_UPDATE", "appId": "app", "accountId": _id("Account", 1), "itemId": _id("Client", 1)}
        return self.signed(
            json.dumps({"data": {"webHookEvent": {**event, "occurredAt": once or self.clock().isoformat()}}}).encode(), secret
        )

    def signed(self, body: bytes, secret: str) -> Incoming:
        """Any message as Jobber signs it."""
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        return Incoming({"x-jobber-hmac-sha256": signature, "content-type": "application/json"}, {}, body)

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    def too_many(self) -> Response:
        """See Simulator."""
        return self._throttled(12, 2.0)

    def _throttled(self, cost: int, available: float) -> Response:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": "https://developer.getjobber.com/docs"}}
        return JSONResponse({"errors": [error], "extensions": _cost(cost, None, available)})

    async def _graphql(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            raise Refused(401, {"message": "Access token is invalid or expired"})
        if not request.headers.get("x-jobber-graphql-version"):
            raise Refused(400, {"message": "The X-JOBBER-GRAPHQL-VERSION header is missing"})
        body = await json_of(request)
        query, given = str(body.get("query") or ""), dict(body.get("variables") or {})
        try:
            document, cost = read(query)
        except GraphQLError as error:
            return JSONResponse({"errors": [{"message": error.message}]})
        now = self.clock().timestamp()
        self._points = min(MOST_POINTS, self._points + (now - self._counted) * POINTS_A_SECOND) if self._counted else self._points
        self._counted = now
        if cost > self._points:
            return self._throttled(cost, self._points)
        result = execute_sync(SCHEMA, document, root_value=self._roots(), variable_values=given)
        self._points -= cost
        answer: Row = {"data": result.data, "extensions": _cost(cost, cost, self._points)}
        if result.errors:
            answer["errors"] = [{"message": error.message} for error in result.errors]
        return JSONResponse(answer)

    def _roots(self) -> dict[str, Callable[..., Any]]:
        """What queries and mutations begin with, by name."""
        rows = self.rows
        shown = {one.lower(): lambda _, one=one, **given: self._show(one, given["id"]) for one in ("Client", "Request", "Job", "Visit")}
        writes: dict[str, tuple[str, Callable[[Row], Any]]] = {
            "clientCreate": ("client", self._client_created),
            "clientEdit": ("client", self._client_edited),
            "propertyCreate": ("properties", self._places),
            "requestCreate": ("request", self._requested),
            "jobCreate": ("job", lambda given: self._seen("Job", self._job(given["input"]))),
            "visitCreate": ("createdVisits", self._planned),
            "visitEditSchedule": ("visit", self._moved),
            "visitEditAssignedUsers": ("visit", self._given),
            "visitDelete": ("visits", self._dropped),
            "clientCreateNote": ("clientNote", lambda given: self._noted("Client", given["clientId"], given["input"])),
            "requestCreateNote": ("requestNote", lambda given: self._noted("Request", given["requestId"], given["input"])),
            "jobCreateNote": ("jobNote", lambda given: self._noted("Job", given["jobId"], given["input"])),
            "webhookEndpointCreate": ("webhookEndpoint", self._hooked),
        }
        return {
            **shown,
            **{name: lambda _, what=what, make=make, **given: self._made(what, make, given) for name, (what, make) in writes.items()},
            "account": lambda _: {"id": _id("Account", 1), "name": "Brown & Ruru Plumbing"},
            "users": lambda _, **page: self._page(list(rows["User"].values()), page),
            "clients": lambda _, **given: self._clients(given),
            "jobs": lambda _, **given: self._page(self._sorted(rows["Job"].values(), given.get("sort")), given),
            "visits": lambda _, **given: self._page(self._visits(rows["Visit"].values(), given.get("filter")), given),
        }

    def _made(self, name: str, make: Callable[[Row], Any], given: Row) -> Row:
        try:
            return {name: make(given), "userErrors": []}
        except Wrong as wrong:
            return {name: None, "userErrors": [{"message": str(wrong), "path": ["input"]}]}

    # -- reading ----------------------------------------------------------------------------------------------------------------

    def _show(self, kind: str, id: str) -> Row | None:
        row = self.rows[kind].get(id)
        return None if row is None else self._seen(kind, row)

    def _seen(self, kind: str, row: Row) -> Row:
        """A record as its type shows it: what hangs on it is looked up when it is asked for."""
        seen: Mapping[str, Callable[[Row], Row]] = {
            "Client": self._client_seen,
            "Request": lambda one: {
                **one,
                "client": self._show("Client", one["client"]),
                "notes": lambda _, **page: self._page(self._notes(one["id"]), page),
            },
            "Job": self._job_seen,
            "Visit": lambda one: {
                **one,
                "job": lambda _: self._show("Job", one["job"]),
                "client": lambda _: self._show("Client", self.rows["Job"][one["job"]]["client"]),
                "assignedUsers": lambda _, **page: self._page([self.rows["User"][person] for person in one["people"]], page),
            },
        }
        return seen[kind](row)

    def _client_seen(self, row: Row) -> Row:
        def of(kind: str) -> list[Row]:
            return [one for one in self.rows[kind].values() if one["client"] == row["id"]]

        return {
            **row,
            "name": _named(row),
            "clientProperties": lambda _, **page: self._page(of("Property"), page),
            "requests": lambda _, **page: self._page([self._seen("Request", one) for one in of("Request")], page),
            "jobs": lambda _, **given: self._page(self._sorted(of("Job"), given.get("sort")), given),
            "notes": lambda _, **page: self._page(self._notes(row["id"]), page),
        }

    def _job_seen(self, row: Row) -> Row:
        visits = [one for one in self.rows["Visit"].values() if one["job"] == row["id"]]
        return {
            **row,
            "client": lambda _: self._show("Client", row["client"]),
            "property": self.rows["Property"][row["property"]],
            "visits": lambda _, **given: self._page(self._visits(visits, given.get("filter")), given),
            "notes": lambda _, **page: self._page(self._notes(row["id"]), page),
        }

    def _notes(self, about: str) -> list[Row]:
        return [one for one in self.rows["Note"].values() if one["about"] == about]

    def _clients(self, given: Row) -> Row:
        rows = list(self.rows["Client"].values())
        wanted = given.get("filter") or {}
        if "isArchived" in wanted:
            rows = [one for one in rows if one["isArchived"] == wanted["isArchived"]]
        rows = [one for one in rows if _within(one["updatedAt"], wanted.get("updatedAt"))]
        text = (given.get("searchTerm") or "").casefold()
        if text:
            rows = [one for one in rows if text in _searched(one)]
        return self._page([self._seen("Client", one) for one in rows], given)

    def _sorted(self, rows: Iterable[Row], sort: Sequence[Row] | None) -> list[Row]:
        found = [self._seen("Job", one) for one in rows]
        for one in reversed(sort or ()):
            name = {"UPDATED_AT": "updatedAt"}.get(one["key"], "createdAt")
            found.sort(key=lambda row: str(row[name]), reverse=one["direction"] == "DESCENDING")
        return found

    def _visits(self, rows: Iterable[Row], wanted: Row | None) -> list[Row]:
        return [self._seen("Visit", one) for one in rows if _within(one["startAt"], (wanted or {}).get("startAt"))]

    def _page(self, rows: list[Row], page: Row) -> Row:
        size = int(page.get("first") or 100)
        size = min(size, self.page_size or size)
        begin = int(base64.b64decode(page["after"])) if page.get("after") else 0
        end = begin + size
        cursor = base64.b64encode(str(min(end, len(rows))).encode()).decode()
        return {"nodes": rows[begin:end], "pageInfo": {"hasNextPage": end < len(rows), "endCursor": cursor if rows[begin:end] else None}}

    # -- writing ----------------------------------------------------------------------------------------------------------------

    def _client_created(self, asked: Row) -> Row:
        given = asked["input"]
        if not (given.get("firstName") or given.get("lastName") or given.get("companyName")):
            raise Wrong("Client must have a name")
        row = self._client({name: one for name, one in given.items() if name != "properties"})
        for place in given.get("properties") or []:
            self._add("Property", {"client": row["id"], "address": place["address"]})
        return self._client_seen(row)

    def _client_edited(self, asked: Row) -> Row:
        row, given = self._row("Client", asked["clientId"]), asked["input"]
        for name in ("phones", "emails"):
            row[name] = row[name] + [{"primary": False, **one} for one in given.get(f"{name}ToAdd") or []]
        self._touch(row, {name: given[name] for name in ("firstName", "lastName", "companyName") if name in given})
        return self._client_seen(row)

    def _places(self, asked: Row) -> list[Row]:
        client = self._row("Client", asked["clientId"])["id"]
        return [self._add("Property", {"client": client, "address": one["address"]}) for one in asked["input"]["properties"]]

    def _requested(self, asked: Row) -> Row:
        given = asked["input"]
        self._row("Client", given["clientId"])
        if given.get("propertyId"):
            self._row("Property", given["propertyId"])
        _short(given.get("title"))
        row = self._add("Request", {"client": given["clientId"], "title": given.get("title"), "jobberWebUri": ""})
        row["jobberWebUri"] = f"https://secure.getjobber.com/requests/{row['number']}"
        return self._seen("Request", row)

    def _job(self, given: Row) -> Row:
        place = self._row("Property", given["propertyId"])
        _short(given.get("title"))
        about = {"title": given.get("title"), "instructions": given.get("instructions"), "jobStatus": "active"}
        row = self._add("Job", {"client": place["client"], "property": place["id"], **about})
        row["jobberWebUri"] = f"https://secure.getjobber.com/work_orders/{row['number']}"
        return row

    def _planned(self, asked: Row) -> list[Row]:
        job = self._row("Job", asked["jobId"])["id"]
        made = []
        for one in asked["input"]["visits"]:
            _short(one.get("title"))
            schedule = one.get("schedule") or {}
            people = list(schedule.get("teamMemberIdsToAssign") or [])
            for person in people:
                self._row("User", person)
            times = _times(schedule)
            about = {"title": one.get("title"), "instructions": one.get("instructions") or ""}
            made.append(self._seen("Visit", self._add("Visit", {"job": job, "people": people, **about, **times})))
        return made

    def _moved(self, asked: Row) -> Row:
        row = self._row("Visit", asked["id"])
        row |= _times(asked["input"])
        return self._seen("Visit", row)

    def _given(self, asked: Row) -> Row:
        row = self._row("Visit", asked["visitId"])
        row["people"] = [self._row("User", one)["id"] for one in asked["input"]["assignedUserIds"]]
        return self._seen("Visit", row)

    def _dropped(self, asked: Row) -> list[Row]:
        found = [self._row("Visit", one) for one in asked["visitIds"]]
        return [self._seen("Visit", self.rows["Visit"].pop(row["id"])) for row in found]

    def _noted(self, kind: str, about: str, given: Row) -> Row:
        self._row(kind, about)
        return self._add("Note", {"about": about, "message": given["message"], "__typename": f"{kind}Note"})

    def _hooked(self, asked: Row) -> Row:
        given = asked["input"]
        if (given["topic"], given["url"]) in self.hooks:
            raise Wrong("You can only have one hook per topic and URL")
        self.hooks.add((given["topic"], given["url"]))
        return {**given, "id": _id("WebhookEndpoint", len(self.hooks))}

    def _row(self, kind: str, id: str) -> Row:
        if id not in self.rows[kind]:
            raise Wrong(f"{kind} not found")
        return self.rows[kind][id]

    def _client(self, row: Row) -> Row:
        whole = {
            "firstName": "",
            "lastName": "",
            "companyName": "",
            "isCompany": False,
            "isArchived": False,
            "phones": [],
            "emails": [],
            **row,
        }
        for name in ("phones", "emails"):
            whole[name] = [{"primary": False, **one} for one in whole[name]]
        made = self._add("Client", whole)
        made["jobberWebUri"] = f"https://secure.getjobber.com/clients/{made['number']}"
        return made

    def _add(self, kind: str, row: Row) -> Row:
        self._last += 1
        id, now = _id(kind, self._last), self.clock().isoformat()  # noqa: A001
        self.rows[kind][id] = {"createdAt": now, "updatedAt": now, **row, "id": id, "number": self._last}
        return self.rows[kind][id]

    def _touch(self, row: Row, change: Mapping[str, Any]) -> None:
        row |= {**change, "updatedAt": self.clock().isoformat()}


SIMULATOR = Jobber


class Wrong(Exception):
    """What goes into ``userErrors``."""


def _id(kind: str, number: int) -> str:
    return base64.b64encode(f"gid://Jobber/{kind}/{number}".encode()).decode()


def _named(row: Row) -> str:
    return str(row["companyName"] or f"{row['firstName'] or ''} {row['lastName'] or ''}".strip())


def _searched(row: Row) -> str:
    return "\n".join([_named(row), *(one["number"] for one in row["phones"]), *(one["address"] for one in row["emails"])]).casefold()


def _short(title: str | None) -> None:
    if title and len(title) > LONGEST_TITLE:
        raise Wrong("Title is too long (maximum is 255 characters)")


def _within(text: str, wanted: Row | None) -> bool:
    at = datetime.fromisoformat(text)
    after, before = (wanted or {}).get("after"), (wanted or {}).get("before")
    return (not after or at > datetime.fromisoformat(after)) and (not before or at < datetime.fromisoformat(before))


def _times(schedule: Row) -> Row:
    found = {}
    for name in ("startAt", "endAt"):
        given = schedule[name]
        local = datetime.fromisoformat(f"{given['date']}T{given['time']}").replace(tzinfo=ZoneInfo(given["timezone"]))
        found[name] = _z(local)
    if found["startAt"] >= found["endAt"]:
        raise Wrong("End time must be after start time")
    return found


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cost(requested: int, actual: int | None, available: float) -> Row:
    state = {"maximumAvailable": MOST_POINTS, "currentlyAvailable": int(available), "restoreRate": POINTS_A_SECOND}
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": state}}
