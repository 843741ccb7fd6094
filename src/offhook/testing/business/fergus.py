"""A Fergus that holds state: what its documents and its own MCP client say of the partner API, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Appointment, Customer, RecordKind
from offhook.testing.business.base import Refused, Simulator, json_of

Row = dict[str, Any]
TYPES: Final = ("Quote", "Estimate", "Charge Up")
EVENTS: Final = ("JOB_PHASE", "QUOTE", "ESTIMATE", "OTHER")
ABOUT: Final = {"JOB": "jobs", "CUSTOMER": "customers", "ENQUIRY": "enquiries", "SITE": "sites"}
SORTS: Final = {
    "customers": {"createdAt", "lastModified"},
    "jobs": {"createdAt", "lastModified"},
    "enquiries": {"createdAt"},
    "notes": {"created_at"},
    "sites": {"name"},
    "users": {"createdAt"},
}


class Fergus(Simulator):
    """Fergus of one company."""

    NAME = "crm/fergus"
    BASE = "https://api.fergus.com"

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {"key"}
        self.drafts_listed = True
        """Whether drafts are found in the list of jobs: sources differ."""
        self.rows: dict[str, dict[int, Row]] = {
            name: {} for name in ("customers", "sites", "jobs", "phases", "enquiries", "calendarEvents", "notes", "users")
        }
        self._last = 1_000_000
        for first, last in (("Mia", "Brown"), ("Tane", "Ruru")):
            self._add("users", {"firstName": first, "lastName": last, "userType": "field_worker", "status": "active"})

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        return [
            Route("/company", self._company),
            Route("/{what:str}", self._list, methods=["GET"]),
            Route("/{what:str}", self._create, methods=["POST"]),
            Route("/customers/{id:int}", self._replace_customer, methods=["PUT"]),
            Route("/jobs/{id:int}/finalise", self._finalise, methods=["PUT"]),
            Route("/jobs/{id:int}/phases", self._phases, methods=["GET", "POST"]),
            Route("/calendarEvents/{id:int}", self._move, methods=["POST"]),
            Route("/calendarEvents/{id:int}", self._delete_event, methods=["DELETE"]),
            Route("/{what:str}/{id:int}", self._show, methods=["GET"]),
        ]

    # -- what people do ---------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator. A lead is an enquiry, or a job to price."""
        jobs = [one for one in self.rows["jobs"].values() if not one.get("gone")]
        if kind == "lead":
            return len(self.rows["enquiries"]) + len([one for one in jobs if one["jobType"] == "Quote"])
        if kind == "job":
            return len([one for one in jobs if one["jobType"] != "Quote"])
        name = {"customer": "customers", "appointment": "calendarEvents", "note": "notes"}[kind]
        return len([one for one in self.rows[name].values() if not one.get("gone")])

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        items = [{"contactType": "mobile", "contactValue": one} for one in customer.phones]
        items += [{"contactType": "email", "contactValue": customer.email}] if customer.email else []
        row: Row = {"customerFullName": customer.name, "mainContact": {"firstName": customer.name, "lastName": "", "contactItems": items}}
        if customer.address:
            row["physicalAddress"] = {"address1": customer.address}
        return str(self._add("customers", row)["id"])

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        row = self.rows["customers"].get(int(id))
        if row is None or row.get("gone"):
            return None
        items = row["mainContact"].get("contactItems", [])
        return Customer(
            id,
            row["customerFullName"],
            tuple(one["contactValue"] for one in items if one["contactType"] in {"phone", "mobile"}),
            next((one["contactValue"] for one in items if one["contactType"] == "email"), ""),
            ", ".join(row.get("physicalAddress", {}).values()),
        )

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        self._touch(self.rows["customers"][int(id)], {"customerFullName": name})

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator. Customers vanish from lists; visits are deleted."""
        if kind == "appointment":
            del self.rows["calendarEvents"][int(id)]
        else:
            self.rows[{"customer": "customers", "job": "jobs", "lead": "jobs", "note": "notes"}[kind]][int(id)]["gone"] = True

    def add_job(self, customer: str, title: str) -> str:
        """See Simulator."""
        row = {"jobType": "Charge Up", "title": title, "description": title, "customerId": int(customer), "status": "To Schedule"}
        return str(self._add("jobs", row)["id"])

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """See Simulator."""
        row = {"eventTitle": "Busy", "eventType": "OTHER", "userId": int(resource), "startTime": _z(start), "endTime": _z(end)}
        return str(self._add("calendarEvents", row)["id"])

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """See Simulator."""
        self.rows["calendarEvents"][int(id)] |= {"startTime": _z(start), "endTime": _z(end)}

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        row = self.rows["calendarEvents"].get(int(id))
        if row is None:
            return None
        start, end = datetime.fromisoformat(row["startTime"]), datetime.fromisoformat(row["endTime"])
        return Appointment(
            str(row["userId"]), start, end, row["eventTitle"], row.get("description", ""), job=str(row.get("jobId", "")), id=id
        )

    def notes(self) -> list[str]:
        """See Simulator."""
        return [one["text"] for one in self.rows["notes"].values()]

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    def too_many(self) -> Response:
        """See Simulator."""
        return JSONResponse({"message": "Rate limit exceeded"}, 429, {"retry-after": "2", "x-ratelimit-remaining": "0"})

    def _authorised(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            raise Refused(401, {"message": "Unauthorized"})
        if request.method == "GET" and "content-type" in request.headers:
            raise Refused(415, {"error": "FastifyError", "message": "Unsupported Media Type", "statusCode": 415})

    async def _company(self, request: Request) -> Response:
        self._authorised(request)
        return _answer({"guid": "5f0c", "name": "Brown & Ruru Plumbing", "tax": {"rate": 15, "type": "GST"}})

    async def _list(self, request: Request) -> Response:
        self._authorised(request)
        what, query = request.path_params["what"], request.query_params
        if what not in self.rows or what == "phases":
            raise Refused(404, {"message": f"Route GET:/api/partner/{what} not found", "error": "Not Found", "statusCode": 404})
        rows = [one for one in self.rows[what].values() if not one.get("gone")]
        if what == "calendarEvents":
            rows = _of_days(rows, query)
        elif query.get("sortField", "createdAt") not in SORTS[what] and "sortField" in query:
            raise _bad("querystring/sortField must be equal to one of the allowed values")
        if what == "jobs":
            rows = [one for one in rows if self.drafts_listed or one["status"] != "Draft"]
            if "filterCustomerId" in query:
                rows = [one for one in rows if str(one.get("customerId")) == query["filterCustomerId"]]
        if what == "notes" and "filterEntityName" in query:
            about = (query["filterEntityName"], query.get("filterEntityId"))
            rows = [one for one in rows if (one["entityName"], str(one["entityId"])) == about]
        if text := query.get("filterSearchText", "").casefold():
            rows = [one for one in rows if text in _text(one).casefold()]
        field = query.get("sortField", "")
        rows.sort(key=lambda one: (str(one.get(field, "")), one["id"]), reverse=query.get("sortOrder") == "desc")
        size, begin = int(query.get("pageSize", "10")), int(query.get("pageCursor", "0"))
        size = min(size, self.page_size or size)
        paging = {
            "perPage": size,
            "pageCount": -(-len(rows) // size),
            "links": {"self": f"/{what}?pageCursor={begin}", "previous": None, "next": None},
        }
        if begin + size < len(rows):
            paging["links"]["next"] = f"/{what}?pageCursor={begin + size}&pageSize={size}"  # type: ignore[index]
        return JSONResponse({"result": "success", "data": rows[begin : begin + size], "paging": paging})

    async def _show(self, request: Request) -> Response:
        self._authorised(request)
        return _answer(self._row(request.path_params["what"], request.path_params["id"]))

    async def _create(self, request: Request) -> Response:
        self._authorised(request)
        what, body = request.path_params["what"], await json_of(request)
        if what == "customers":
            _check(body, {"customerFullName": str, "mainContact": dict}, {"physicalAddress": dict, "postalAddress": dict})
            _contact(body["mainContact"], {"firstName": str})
            for one in self.rows["customers"].values():
                if not one.get("gone") and _same_customer(one, body):
                    return JSONResponse({"message": "Duplicate"}, 303, {"location": f"/customers/{one['id']}"})
        elif what == "sites":
            _check(body, {"defaultContact": dict, "siteAddress": dict}, {"name": str, "billingContact": dict, "postalAddress": dict})
            _contact(body["defaultContact"], {"firstName": str, "lastName": str})
            for one in self.rows["sites"].values():
                if one["siteAddress"] == body["siteAddress"]:
                    return JSONResponse({"message": "Duplicate"}, 303, {"location": f"/sites/{one['id']}"})
        elif what == "enquiries":
            _check(body, dict.fromkeys(("name", "email", "phoneNumber", "description", "source", "address1"), str), {})
            body["status"] = "TODO"
        elif what == "jobs":
            self._check_job(body)
        elif what == "calendarEvents":
            self._check_event(body)
        elif what == "notes":
            _check(body, {"text": str, "entityName": str, "entityId": int}, {"isPinned": bool, "parentId": int})
            if body["entityName"] not in ABOUT:
                raise _bad("body/entityName must be equal to one of the allowed values")
            self._row(ABOUT[body["entityName"]], body["entityId"])
        else:
            raise Refused(404, {"message": f"Route POST:/api/partner/{what} not found", "error": "Not Found", "statusCode": 404})
        return _answer(self._add(what, body), 201)

    def _check_job(self, body: Row) -> None:
        _check(
            body,
            {"jobType": str, "title": str},
            {"description": str, "customerId": int, "siteId": int, "isDraft": bool, "customerReference": str},
        )
        if body["jobType"] not in TYPES:
            raise _bad("body/jobType must be equal to one of the allowed values")
        if not body.pop("isDraft", False):
            _check(body, {"description": str, "customerId": int, "siteId": int}, {"jobType": str, "title": str, "customerReference": str})
            body["status"] = "To Price" if body["jobType"] != "Charge Up" else "To Schedule"
        else:
            body["status"] = "Draft"
        for name, what in (("customerId", "customers"), ("siteId", "sites")):
            if name in body:
                self._row(what, body[name])

    def _check_event(self, body: Row) -> None:
        wanted = {"eventTitle": str, "eventType": str, "startTime": str, "endTime": str, "userId": int}
        _check(body, wanted, {"jobId": int, "jobPhaseId": int, "description": str})
        _times(body)
        self._row("users", body["userId"])
        if body["eventType"] not in EVENTS:
            raise _bad("body/eventType must be equal to one of the allowed values")
        if body["eventType"] == "JOB_PHASE":
            body["jobId"] = self._row("phases", body.get("jobPhaseId", 0))["jobId"]
        elif body["eventType"] != "OTHER":
            self._row("jobs", body.get("jobId", 0))

    async def _replace_customer(self, request: Request) -> Response:
        self._authorised(request)
        row, body = self._row("customers", request.path_params["id"]), await json_of(request)
        _check(body, {"customerFullName": str, "mainContact": dict}, {"physicalAddress": dict, "postalAddress": dict})
        _contact(body["mainContact"], {"firstName": str})
        for name in ("physicalAddress", "postalAddress"):
            row.pop(name, None)
        return _answer(self._touch(row, body))

    async def _finalise(self, request: Request) -> Response:
        self._authorised(request)
        row = self._row("jobs", request.path_params["id"])
        if row["status"] != "Draft" or not row.get("siteId") or not row.get("customerId"):
            raise _bad("the job cannot be finalised")
        return _answer(self._touch(row, {"status": "To Price" if row["jobType"] != "Charge Up" else "To Schedule"}))

    async def _phases(self, request: Request) -> Response:
        self._authorised(request)
        job = self._row("jobs", request.path_params["id"])
        if request.method == "GET":
            found = [one for one in self.rows["phases"].values() if one["jobId"] == job["id"]]
            return JSONResponse({"result": "success", "data": found})
        body = await json_of(request)
        _check(body, {"title": str, "description": str}, {})
        return _answer(self._add("phases", {**body, "jobId": job["id"], "status": "To Schedule"}), 201)

    async def _move(self, request: Request) -> Response:
        self._authorised(request)
        row, body = self._row("calendarEvents", request.path_params["id"]), await json_of(request)
        _check(body, {"eventTitle": str, "startTime": str, "endTime": str}, {"userId": int, "description": str})
        _times(body)
        if "userId" in body:
            self._row("users", body["userId"])
        row |= body
        return _answer(row)

    async def _delete_event(self, request: Request) -> Response:
        self._authorised(request)
        _check(await json_of(request), {"deleteAllRecurring": bool}, {})
        self._row("calendarEvents", request.path_params["id"])
        del self.rows["calendarEvents"][request.path_params["id"]]
        return Response(status_code=204)

    def _row(self, what: str, id: int) -> Row:
        row = self.rows.get(what, {}).get(id)
        if row is None or row.get("gone"):
            raise Refused(404, {"message": f"{what} {id} not found", "error": "Not Found", "statusCode": 404})
        return row

    def _add(self, what: str, row: Row) -> Row:
        self._last += 1
        now = self.clock().isoformat()
        self.rows[what][self._last] = {"id": self._last, "createdAt": now, "created_at": now, "lastModified": now, **row}
        return self.rows[what][self._last]

    def _touch(self, row: Row, change: Mapping[str, Any]) -> Row:
        row |= {**change, "lastModified": self.clock().isoformat()}
        return row


SIMULATOR = Fergus


def _answer(row: Row, status: int = 200) -> Response:
    return JSONResponse({"result": "success", "data": row}, status)


def _bad(what: str) -> Refused:
    return Refused(400, {"error": "Bad Request", "message": f"Validation Failed: [{what}].", "statusCode": 400})


def _check(body: Row, wanted: Mapping[str, type], allowed: Mapping[str, type]) -> None:
    """The fields that must be there and may be there, each of its type."""
    for name in wanted:
        if name not in body or body[name] in ("", None):
            raise _bad(f"<body>: must have required property '{name}'")
    for name, value in body.items():
        kind = {**wanted, **allowed}.get(name)
        if kind is None:
            raise _bad(f"<body>: must NOT have additional properties: {name}")
        if type(value) is not kind:
            raise _bad(f"body/{name} must be {kind.__name__}")


def _contact(contact: Row, wanted: Mapping[str, type]) -> None:
    for name in wanted:
        if not isinstance(contact.get(name), str):
            raise _bad(f"<body>: must have required property '{name}'")
    for item in contact.get("contactItems", []):
        if item.get("contactType") not in {"email", "phone", "mobile", "other", "fax", "website"} or not item.get("contactValue"):
            raise _bad("body/mainContact/contactItems")


def _times(body: Row) -> None:
    start, end = datetime.fromisoformat(body["startTime"]), datetime.fromisoformat(body["endTime"])
    if not (body["startTime"].endswith("Z") and body["endTime"].endswith("Z")):
        raise _bad("times are UTC")
    if start >= end or any(one.minute % 15 or one.second for one in (start, end)):
        raise _bad("times are on a grid of 15 minutes")


def _of_days(rows: list[Row], query: Mapping[str, str]) -> list[Row]:
    start, end = datetime.fromisoformat(query["filterDateFrom"]), datetime.fromisoformat(query["filterDateTo"])
    return [
        one
        for one in rows
        if datetime.fromisoformat(one["startTime"]) < end
        and datetime.fromisoformat(one["endTime"]) > start
        and query.get("filterUserId", str(one["userId"])) == str(one["userId"])
    ]


def _same_customer(row: Row, body: Row) -> bool:
    """Fergus takes one for another by name and contact; which of them exactly is not documented."""

    def items(one: Row) -> set[str]:
        return {item["contactValue"] for item in one["mainContact"].get("contactItems", []) if item["contactType"] != "other"}

    return bool(row["customerFullName"] == body["customerFullName"] and items(row) & items(body))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(map(_text, value.values()))
    return "\n".join(map(_text, value)) if isinstance(value, list) else str(value)


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
