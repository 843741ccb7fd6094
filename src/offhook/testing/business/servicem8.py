"""ServiceM8, as its documents describe it: rows with ids of the caller's choice, filters, cursors, times of the account's clock."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Appointment, Customer, RecordKind
from offhook.adapters.port import Incoming
from offhook.testing.business.base import Refused, Simulator, form_of, json_of

PAGE: Final = 5_000
FORM: Final = "%Y-%m-%d %H:%M:%S"
SPACE: Final = uuid.UUID("5e7c1ce8-0000-4000-8000-000000000008")
CONDITION: Final = re.compile(r"(\w+) (eq|ne|gt|lt) '([^'\"\\]*)'")
CONTACT: Final = {"first": 0, "last": 0, "phone": 0, "mobile": 0, "email": 0, "type": 0, "is_primary_contact": 0}
FIELDS: Final[Mapping[str, Mapping[str, int]]] = {
    "company": {"name": 100, "address": 500, "billing_address": 500, "website": 0, "payment_terms": 0},
    "companycontact": {**CONTACT, "company_uuid": 36},
    "job": {
        "status": 20,
        "date": 0,
        "company_uuid": 36,
        "job_address": 500,
        "billing_address": 500,
        "job_description": 0,
        "work_done_description": 0,
        "purchase_order_number": 100,
        "queue_uuid": 36,
        "category_uuid": 36,
    },
    "jobcontact": {**CONTACT, "job_uuid": 36},
    "jobactivity": {"job_uuid": 36, "staff_uuid": 36, "start_date": 19, "end_date": 19, "activity_was_scheduled": 1},
    "note": {"related_object": 0, "related_object_uuid": 36, "note": 0},
    "staff": {},
    "queue": {},
    "vendor": {},
}
"""What may be written, with the most characters where there is a bound."""
REQUIRED: Final = {"company": ("name",), "job": ("status",)}
REFERS: Final = {"company_uuid": "company", "job_uuid": "job", "staff_uuid": "staff", "queue_uuid": "queue"}
STATUSES: Final = ("Quote", "Work Order", "Unsuccessful", "Completed")


class ServiceM8(Simulator):
    """An account with two members of staff and a queue. ``KEY`` is taken as X-Api-Key and as a token."""

    NAME: ClassVar[str] = "crm/servicem8"
    BASE: ClassVar[str] = "https://api.servicem8.com"
    KEY: ClassVar[str] = "smk-simulated-0123456789"
    STAFF: ClassVar[tuple[str, str]] = ("5e7c1ce8-0000-4000-8000-0000000000a1", "5e7c1ce8-0000-4000-8000-0000000000a2")
    QUEUE: ClassVar[str] = "5e7c1ce8-0000-4000-8000-0000000000b1"

    def __init__(self, timezone: str = "Europe/London", duplicates: Literal["refused", "updates"] = "refused") -> None:
        """``duplicates``: what a new record with the id of an old one does; the documents do not say."""
        super().__init__()
        self.zone = ZoneInfo(timezone)
        self.duplicates = duplicates
        self.rows: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in FIELDS}
        self.subscriptions: dict[str, str] = {}
        for one_id, first, email in zip(self.STAFF, ("Tom", "Lucy"), ("tom@mill.example", "lucy@mill.example"), strict=True):
            self._put("staff", {"uuid": one_id, "first": first, "last": "Miller", "email": email, "hide_from_schedule": 0})
        self._put("queue", {"uuid": self.QUEUE, "name": "To quote"})
        self._put("vendor", {"uuid": self._new("vendor"), "name": "Mill Plumbing", "timezone_name": timezone, "currency": "GBP"})

    # -- the wire ------------------------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        return (
            Route("/api_1.0/search/company.json", self._search, methods=["GET"]),
            Route("/api_1.0/{kind}.json", self._rows, methods=["GET", "POST"]),
            Route("/api_1.0/{kind}/{id}.json", self._row, methods=["GET", "POST", "DELETE"]),
            Route("/webhook_subscriptions", self._subscriptions, methods=["GET", "POST", "DELETE"]),
        )

    def too_many(self) -> Response:
        """See Simulator."""
        message = {"errorCode": 429, "message": "Number of allowed API requests per minute exceeded"}
        return JSONResponse(message, 429, {"Retry-After": "1"})

    def _authorised(self, request: Request) -> None:
        given = {request.headers.get("x-api-key", ""), request.headers.get("authorization", "").removeprefix("Bearer ")}
        if self.KEY not in given:
            raise _refused(401, "Authentication failed. Please check your API key or OAuth token.")

    async def _rows(self, request: Request) -> Response:
        self._authorised(request)
        kind = request.path_params["kind"]
        if kind not in FIELDS:
            raise _refused(404, "no such endpoint")
        if request.method == "POST":
            body = await json_of(request)
            made = str(body.get("uuid") or uuid.uuid4())
            known = self.rows[kind].get(made)
            if known is not None and self.duplicates == "refused":
                raise _refused(400, "A record with this UUID exists already")
            self._check(kind, body, new=known is None)
            self._put(kind, {**(known or {}), **body, "uuid": made})
            return self._answer({"errorCode": 0, "message": "OK"}, {"x-record-uuid": made})
        chosen = [row for _, row in sorted(self.rows[kind].items()) if self._passes(row, request.query_params.get("$filter", ""))]
        size, cursor = self.page_size or PAGE, request.query_params.get("cursor", "-1")
        left = [row for row in chosen if cursor == "-1" or row["uuid"] >= cursor]
        more = {"x-next-cursor": left[size]["uuid"]} if len(left) > size else {}
        return self._answer(left[:size], more)

    async def _row(self, request: Request) -> Response:
        self._authorised(request)
        kind = request.path_params["kind"].replace("dbonote", "note")
        row = self.rows.get(kind, {}).get(request.path_params["id"])
        if row is None or (request.method == "DELETE" and not row["active"]):
            raise _refused(404, "Resource not found. The requested record does not exist or has been deleted.")
        if request.method == "GET":
            return self._answer(row)
        if request.method == "DELETE":
            self._put(kind, {**row, "active": 0})
        else:
            body = await json_of(request)
            self._check(kind, body, new=False)
            self._put(kind, {**row, **body})
        return self._answer({"errorCode": 0, "message": "OK"})

    async def _search(self, request: Request) -> Response:
        self._authorised(request)
        query = request.query_params.get("q", "")
        if not 0 < len(query) <= 100:
            raise _refused(400, "q")
        found = [row for row in self.rows["company"].values() if row["active"] and query.casefold() in row["name"].casefold()]
        limit = int(request.query_params.get("limit", "50"))
        results = [{"uuid": row["uuid"], "type": "company", "title": row["name"]} for row in found[:limit]]
        return self._answer({"results": results, "query": query, "objectType": "company", "count": len(results)})

    async def _subscriptions(self, request: Request) -> Response:
        self._authorised(request)
        if request.method == "GET":
            return JSONResponse([{"object": name, "callback_url": url} for name, url in self.subscriptions.items()])
        form = await form_of(request)
        if request.method == "DELETE":
            self.subscriptions.pop(form.get("object", ""), None)
        elif not form.get("object") or not form.get("fields") or not form.get("callback_url", "").startswith(("https://", "http://")):
            raise _refused(400, "object, fields and callback_url are required")
        else:
            self.subscriptions[form["object"]] = form["callback_url"]
        return JSONResponse({"success": True})

    def _answer(self, body: object, headers: Mapping[str, str] | None = None) -> Response:
        date = self.clock().strftime("%a, %d %b %Y %H:%M:%S GMT")
        return JSONResponse(body, headers={"date": date, **(headers or {})})

    def _passes(self, row: Mapping[str, Any], filter: str) -> bool:
        parts = filter.split(" and ") if filter else []
        if len(parts) > 10:
            raise _refused(400, "at most ten conditions")
        for part in parts:
            found = CONDITION.fullmatch(part)
            if found is None:
                raise _refused(400, f"this is no condition: {part}")
            name, op, wanted = found.groups()
            value = str(row.get(name, ""))
            same = value.casefold() == wanted.casefold()
            if not {"eq": same, "ne": not same, "gt": value > wanted, "lt": bool(value) and value < wanted}[op]:
                return False
        return True

    def _check(self, kind: str, body: Mapping[str, Any], *, new: bool) -> None:
        fields = FIELDS[kind]
        for name, value in body.items():
            if name == "uuid":
                uuid.UUID(str(value))
            elif name not in fields or not isinstance(value, str):
                raise _refused(400, f"{name} cannot be written, or not so")
            elif fields[name] and len(value) > fields[name]:
                raise _refused(400, f"{name} is too long")
            elif name in REFERS and value not in self.rows[REFERS[name]]:
                raise _refused(400, f"{name}: there is no such record")
            elif name in {"start_date", "end_date"}:
                _local(value)
            elif name == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
                raise _refused(400, "email is no address")
        if new and any(not body.get(name) for name in REQUIRED.get(kind, ())):
            raise _refused(400, "a required field is missing")
        if body.get("status", "Quote") not in STATUSES:
            raise _refused(400, "status")
        if body.get("start_date", "") > body.get("end_date", "z"):
            raise _refused(400, "it ends before it starts")
        if kind == "note" and new and body.get("related_object_uuid") not in self.rows.get(str(body.get("related_object")), {}):
            raise _refused(400, "related_object_uuid: there is no such record")

    # -- rows ----------------------------------------------------------------------------------------------------------------------

    def _new(self, kind: str) -> str:
        return str(uuid.uuid5(SPACE, f"{kind} {len(self.rows[kind])}"))

    def _put(self, kind: str, row: Mapping[str, Any]) -> str:
        now = self.clock().astimezone(self.zone).strftime(FORM)
        made: dict[str, Any] = {"active": 1, **row, "edit_date": now}
        if kind == "job":
            made.setdefault("date", now[:10])
            made.setdefault("generated_job_id", str(1_000 + len(self.rows["job"])))
        self.rows[kind][made["uuid"]] = made
        return str(made["uuid"])

    def _live(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.rows[kind].values() if row["active"]]

    def _text(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime(FORM)

    def _time(self, text: str) -> datetime:
        return _local(text).replace(tzinfo=self.zone).astimezone(UTC)

    # -- hands ---------------------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        jobs = [row["status"] == "Quote" for row in self._live("job")]
        tables = {"customer": "company", "appointment": "jobactivity", "note": "note"}
        return jobs.count(kind == "lead") if kind in {"lead", "job"} else len(self._live(tables[kind]))

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        made = self._put("company", {"uuid": self._new("company"), "name": customer.name, "address": customer.address})
        if customer.phones or customer.email:
            first, _, last = customer.name.partition(" ")
            reach = dict(zip(("mobile", "phone"), customer.phones, strict=False)) | ({"email": customer.email} if customer.email else {})
            contact = {
                "company_uuid": made,
                "first": first,
                "last": last,
                "is_primary_contact": "1",
                "type": "JOB",
            }
            self._put("companycontact", {"uuid": self._new("companycontact"), **contact, **reach})
        return made

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        row = self.rows["company"].get(id)
        if row is None or not row["active"]:
            return None
        contacts = [one for one in self._live("companycontact") if one["company_uuid"] == id]
        phones = tuple(one[name] for one in contacts for name in ("mobile", "phone") if one.get(name))
        return Customer(id, row["name"], phones, next((one["email"] for one in contacts if one.get("email")), ""), row.get("address", ""))

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        self._put("company", {**self.rows["company"][id], "name": name})
        first, _, last = name.partition(" ")
        for one in self._live("companycontact"):
            if one["company_uuid"] == id:
                self._put("companycontact", {**one, "first": first, "last": last})

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator."""
        table = {"customer": "company", "appointment": "jobactivity", "note": "note"}.get(kind, "job")
        self._put(table, {**self.rows[table][id], "active": 0})

    def add_job(self, customer: str, title: str) -> str:
        """See Simulator."""
        return self._put("job", {"uuid": self._new("job"), "company_uuid": customer, "job_description": title, "status": "Work Order"})

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """See Simulator."""
        times = {"start_date": self._text(start), "end_date": self._text(end)}
        row = {"uuid": self._new("jobactivity"), "staff_uuid": resource, "activity_was_scheduled": "1", **times}
        return self._put("jobactivity", row)

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """See Simulator."""
        self._put("jobactivity", {**self.rows["jobactivity"][id], "start_date": self._text(start), "end_date": self._text(end)})

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        row = self.rows["jobactivity"].get(id)
        if row is None or not row["active"]:
            return None
        return Appointment(
            row["staff_uuid"], self._time(row["start_date"]), self._time(row["end_date"]), job=row.get("job_uuid", ""), id=id
        )

    def notes(self) -> list[str]:
        """See Simulator."""
        return [row["note"] for row in self._live("note")]

    def incoming(self, secret: str, once: str = "") -> Incoming:  # noqa: ARG002 - messages have no id
        """See Simulator."""
        entry = {"changed_fields": ["status"], "time": self.clock().strftime(FORM), "uuid": self._new("job")}
        body = {"object": "JOB", "entry": [entry], "resource_url": f"{self.BASE}/api_1.0/job/{entry['uuid']}.json"}
        return Incoming({"content-type": "application/json"}, {}, json.dumps(body).encode(), _address(secret))

    def handshake(self, secret: str) -> tuple[Incoming, bytes] | None:
        """See Simulator."""
        body = urlencode({"mode": "subscribe", "challenge": "c-4711 &="}).encode()
        return Incoming({"content-type": "application/x-www-form-urlencoded"}, {}, body, _address(secret)), b"c-4711 &="


def _address(secret: str) -> str:
    return f"https://offhook.example/hooks/in/ten_1/con_1/{secret}"


def _local(text: str) -> datetime:
    try:
        return datetime.strptime(text, FORM)  # noqa: DTZ007 - the account's clock
    except ValueError as error:
        raise _refused(400, "a date has the form YYYY-MM-DD HH:MM:SS") from error


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"errorCode": 1000 if status == 400 else status, "message": message})


SIMULATOR = ServiceM8
