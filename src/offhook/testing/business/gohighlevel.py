"""A simulator of HighLevel: one location with contacts, opportunities, calendars and notes; duplicates by number and address."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Appointment, Customer, RecordKind
from offhook.adapters.phones import e164
from offhook.adapters.port import Incoming
from offhook.testing.business.base import Refused, Simulator, json_of

LOCATION: Final = "ve9EPM428h8vShlRW1KT"
CALENDARS: Final = {"BqTwX8QFwXzpegMve9EQ": "Ben", "CVokAlI8fgw4WYWoCtQz": "Cara"}
STAGE: Final = {"id": "7915dedc-8f18-44d5-8bc3-77c04e994a10", "name": "New"}
PIPELINE: Final = {"id": "VDm7RPYC2GLUvdpKmBfC", "name": "Sales"}
SIGNING: Final = Ed25519PrivateKey.from_private_bytes(b"a key of the simulator, only so.")
"""What webhooks are signed with."""
PUBLIC: Final = base64.b64encode(SIGNING.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
MOST: Final = 500


class GoHighLevelSimulator(Simulator):
    """See the module. ``ended``: access tokens that are not taken any more; ``one_each``: a contact has one open opportunity at most."""

    NAME: ClassVar[str] = "crm/gohighlevel"
    BASE: ClassVar[str] = "https://services.leadconnectorhq.com"

    def __init__(self, timezone: str = "Europe/London") -> None:
        super().__init__()
        self.timezone = timezone
        self.ended = set[str]()
        self.one_each = False
        self.contacts: dict[str, dict[str, Any]] = {}
        self.opportunities: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.blocked: dict[str, dict[str, Any]] = {}
        self.kept_notes: dict[str, list[dict[str, Any]]] = {}
        self._ids = (f"id{number:018}" for number in itertools.count(1))

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        paths: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("GET", "/locations/{location}", self._located),
            ("GET", "/contacts/search/duplicate", self._duplicate),
            ("POST", "/contacts/search", self._search),
            ("POST", "/contacts/upsert", self._upsert),
            ("GET", "/contacts/{id}", self._contact),
            ("PUT", "/contacts/{id}", self._complete),
            ("GET", "/contacts/{id}/notes", self._list_notes),
            ("POST", "/contacts/{id}/notes", self._note),
            ("GET", "/contacts/{id}/appointments", self._of_contact),
            ("GET", "/opportunities/pipelines", self._pipelines),
            ("GET", "/opportunities/search", self._find_opportunities),
            ("GET", "/opportunities/{id}", self._opportunity),
            ("POST", "/opportunities/", self._open),
            ("GET", "/calendars/", self._calendars),
            ("GET", "/calendars/events", self._list_events),
            ("GET", "/calendars/blocked-slots", self._list_events),
            ("POST", "/calendars/events/appointments", self._book),
            ("GET", "/calendars/events/appointments/{id}", self._event),
            ("PUT", "/calendars/events/appointments/{id}", self._move),
        ]
        return [Route(path, self._guarded(handler), methods=[method]) for method, path, handler in paths]

    # -- people -----------------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        if kind == "appointment":
            return sum(one["appointmentStatus"] != "cancelled" for one in self.events.values())
        return {"customer": len(self.contacts), "lead": len(self.opportunities), "note": len(self.notes())}.get(kind, 0)

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        first, _, last = customer.name.partition(" ")
        phone = customer.phones[0] if customer.phones else ""
        known = {"firstName": first, "lastName": last, "email": customer.email, "phone": phone, "address1": customer.address}
        return str(self._kept({name: value for name, value in known.items() if value})["id"])

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        one = self.contacts.get(id)
        if one is None:
            return None
        name = f"{one.get('firstName', '')} {one.get('lastName', '')}".strip()
        return Customer(id, name, (one["phone"],) if one.get("phone") else (), one.get("email", ""), one.get("address1", ""))

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        first, _, last = name.partition(" ")
        self._changed(self.contacts[id], {"firstName": first, "lastName": last})

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator. A visit is cancelled."""
        if kind == "appointment":
            self._changed(self.events[id], {"appointmentStatus": "cancelled"})
        else:
            del {"customer": self.contacts, "lead": self.opportunities}[kind][id]

    def add_job(self, customer: str, title: str) -> str:
        """Somebody opens an opportunity, the nearest that there is to a job."""
        return str(self._opened({"contactId": customer, "name": title, "pipelineId": PIPELINE["id"], "status": "open"})["id"])

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """See Simulator."""
        times = {"startTime": start.isoformat(), "endTime": end.isoformat()}
        return str(self._booked({"calendarId": resource, "contactId": "nobody", "title": "By hand", **times})["id"])

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """See Simulator."""
        self._changed(self.events[id], {"startTime": start.isoformat(), "endTime": end.isoformat()})

    def block(self, resource: str, start: datetime, end: datetime) -> None:
        """Somebody keeps a time free of visits."""
        times = {"startTime": start.isoformat(), "endTime": end.isoformat()}
        made = self._booked({"calendarId": resource, "contactId": "nobody", "title": "Blocked", **times})
        self.blocked[made["id"]] = self.events.pop(made["id"])

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        one = self.events.get(id)
        if one is None or one["appointmentStatus"] == "cancelled":
            return None
        start, end = (datetime.fromisoformat(one[name]).astimezone(UTC) for name in ("startTime", "endTime"))
        return Appointment(one["calendarId"], start, end, one["title"], customer=one["contactId"], id=id)

    def notes(self) -> list[str]:
        """See Simulator."""
        return [one["body"] for notes in self.kept_notes.values() for one in notes]

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """See Simulator. Under the public key that ``secret`` is; of any other nobody here has the private one."""
        key = SIGNING if secret == PUBLIC else Ed25519PrivateKey.generate()
        body = self._said(once)
        return Incoming({"x-ghl-signature": base64.b64encode(key.sign(body)).decode()}, {}, body)

    def incoming_by(self, key: RSAPrivateKey, once: str = "") -> Incoming:
        """The same with the older signature."""
        body = self._said(once)
        return Incoming({"x-wh-signature": base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()}, {}, body)

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    def too_many(self) -> Response:
        """See Simulator. HighLevel says no time to wait."""
        headers = {"X-RateLimit-Daily-Remaining": "199900", "X-RateLimit-Max": "100", "X-RateLimit-Remaining": "0"}
        return JSONResponse({"statusCode": 429, "message": "Too many requests"}, 429, headers)

    def _said(self, once: str) -> bytes:
        contact = {"type": "ContactUpdate", "locationId": LOCATION, "id": "nmFmQEsNgz6AVpgLVUJ0"}
        return json.dumps({**contact, "timestamp": self._stamp(), "webhookId": once or next(self._ids)}).encode()

    def _guarded(self, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            word, _, token = request.headers.get("authorization", "").partition(" ")
            if word != "Bearer" or not token or token.endswith("-stale") or token in self.ended:
                raise Refused(401, {"statusCode": 401, "message": "Invalid token", "error": "Unauthorized"})
            wanted = "2021-04-15" if request.url.path.startswith("/calendars/") else "2021-07-28"
            if request.headers.get("version") != wanted:
                raise Refused(401, {"statusCode": 401, "message": "version header was not found.", "error": "Unauthorized"})
            reply: Response = await handler(request)
            return reply

        return guarded

    async def _located(self, request: Request) -> Response:
        if request.path_params["location"] != LOCATION:
            raise _refused(400, "the location is not of this token")
        return JSONResponse({"location": {"id": LOCATION, "name": "Acme Plumbing", "timezone": self.timezone, "country": "GB"}})

    async def _duplicate(self, request: Request) -> Response:
        self._here(request.query_params.get("locationId"))
        number, email = (request.query_params.get(one) for one in ("number", "email"))
        return JSONResponse({"contact": self._known(number, email)})

    async def _search(self, request: Request) -> Response:
        sent = await json_of(request)
        self._here(sent.get("locationId"))
        if not 0 < sent.get("pageLimit", 0) <= MOST or set(sent) - {"locationId", "pageLimit", "filters", "sort", "searchAfter"}:
            raise _refused(422, "pageLimit must not be greater than 500")
        found = [one for one in self.contacts.values() if all(_fits(one, wanted) for wanted in sent.get("filters", []))]
        found.sort(key=lambda one: (one["dateAdded"], one["id"]))
        after = tuple(sent.get("searchAfter", ()))
        rest = [one for one in found if not after or (one["dateAdded"], one["id"]) > after]
        page = rest[: min(sent["pageLimit"], self.page_size or MOST)]
        return JSONResponse({"contacts": [{**one, "searchAfter": [one["dateAdded"], one["id"]]} for one in page], "total": len(found)})

    async def _upsert(self, request: Request) -> Response:
        sent = await json_of(request)
        self._here(sent.get("locationId"))
        known = self._known(sent.get("phone"), sent.get("email"))
        if known is not None:
            self._changed(known, sent)
        made = known or self._kept(sent)
        return JSONResponse({"new": known is None, "contact": made, "traceId": next(self._ids)})

    async def _contact(self, request: Request) -> Response:
        return JSONResponse({"contact": self._one(request)})

    async def _complete(self, request: Request) -> Response:
        sent, known = await json_of(request), self._one(request)
        self._changed(known, sent)
        return JSONResponse({"succeded": True, "contact": known})

    async def _list_notes(self, request: Request) -> Response:
        return JSONResponse({"notes": self.kept_notes.get(self._one(request)["id"], [])})

    async def _note(self, request: Request) -> Response:
        sent, about = await json_of(request), self._one(request)["id"]
        made = {"id": next(self._ids), "body": sent["body"], "dateAdded": self._stamp(), "contactId": about}
        self.kept_notes.setdefault(about, []).append(made)
        return JSONResponse({"note": made}, 201)

    async def _of_contact(self, request: Request) -> Response:
        names = (
            "id",
            "calendarId",
            "title",
            "address",
            "startTime",
            "endTime",
            "locationId",
            "contactId",
            "appointmentStatus",
            "dateUpdated",
        )
        about = self._one(request)["id"]
        found = [{name: one.get(name, "") for name in names} for one in self.events.values() if one["contactId"] == about]
        return JSONResponse({"events": found})

    async def _pipelines(self, request: Request) -> Response:
        self._here(request.query_params.get("locationId"))
        return JSONResponse({"pipelines": [{**PIPELINE, "stages": [STAGE], "locationId": LOCATION}]})

    async def _find_opportunities(self, request: Request) -> Response:
        asked = request.query_params
        self._here(asked.get("location_id"))
        found = [one for one in self.opportunities.values() if one["contactId"] == asked["contact_id"]]
        found = [one for one in found if asked["status"] in {"all", one["status"]}][: int(asked["limit"])]
        return JSONResponse({"opportunities": found, "meta": {"total": len(found), "currentPage": 1}, "aggregations": {}})

    async def _opportunity(self, request: Request) -> Response:
        return JSONResponse({"opportunity": self._one(request, self.opportunities)})

    async def _open(self, request: Request) -> Response:
        sent = await json_of(request)
        self._here(sent.get("locationId"))
        if sent["pipelineId"] != PIPELINE["id"] or sent["contactId"] not in self.contacts:
            raise _refused(400, "there is no such pipeline or contact")
        same = (one for one in self.opportunities.values() if (one["contactId"], one["status"]) == (sent["contactId"], "open"))
        if self.one_each and any(same):
            raise _refused(400, "Can not create duplicate opportunity for the contact.")
        return JSONResponse({"opportunity": self._opened(sent)}, 201)

    async def _calendars(self, request: Request) -> Response:
        self._here(request.query_params.get("locationId"))
        return JSONResponse({"calendars": [{"id": id, "name": name, "locationId": LOCATION} for id, name in CALENDARS.items()]})  # noqa: A001

    async def _list_events(self, request: Request) -> Response:
        asked = request.query_params
        self._here(asked.get("locationId"))
        start, end = (datetime.fromtimestamp(int(asked[name]) / 1_000, UTC) for name in ("startTime", "endTime"))
        among = self.blocked if request.url.path.endswith("blocked-slots") else self.events
        found = [one for one in among.values() if one["calendarId"] == asked["calendarId"]]
        within = [one for one in found if datetime.fromisoformat(one["endTime"]) > start and datetime.fromisoformat(one["startTime"]) < end]
        return JSONResponse({"events": within})

    async def _book(self, request: Request) -> Response:
        sent = await json_of(request)
        self._here(sent.get("locationId"))
        if sent["calendarId"] not in CALENDARS or sent["contactId"] not in self.contacts:
            raise _refused(400, "there is no such calendar or contact")
        return JSONResponse(_booking(self._booked(sent)))

    async def _event(self, request: Request) -> Response:
        return JSONResponse({"event": self._one(request, self.events)})

    async def _move(self, request: Request) -> Response:
        sent, known = await json_of(request), self._one(request, self.events)
        self._changed(known, {name: value for name, value in sent.items() if not name.startswith("ignore")})
        return JSONResponse(_booking(known))

    # -- state ------------------------------------------------------------------------------------------------------------------

    def _here(self, location: str | None) -> None:
        if location != LOCATION:
            raise Refused(403, {"statusCode": 403, "message": "The token does not have access to this location.", "error": "Forbidden"})

    def _one(self, request: Request, among: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
        found = (self.contacts if among is None else among).get(request.path_params["id"])
        if found is None:
            raise _refused(400, f"{request.path_params['id']} not found")
        return found

    def _known(self, number: str | None, email: str | None) -> dict[str, Any] | None:
        same = (one for one in self.contacts.values() if number and one.get("phone") == number)
        return next(same, None) or next((one for one in self.contacts.values() if email and one.get("email") == email), None)

    def _kept(self, sent: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"id": next(self._ids), "locationId": LOCATION, "dateAdded": self._stamp()}
        self.contacts[made["id"]] = made
        self._changed(made, sent)
        return made

    def _opened(self, sent: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {
            **sent,
            "id": next(self._ids),
            "locationId": LOCATION,
            "createdAt": self._stamp(),
            "updatedAt": self._stamp(),
        }
        self.opportunities[made["id"]] = made
        return made

    def _booked(self, sent: dict[str, Any]) -> dict[str, Any]:
        blank = {
            "groupId": "",
            "assignedUserId": "YlWd2wuCAZQzh2cH1fVZ",
            "users": [],
            "appointmentStatus": "confirmed",
            "dateAdded": self._stamp(),
        }
        made: dict[str, Any] = {**blank, "id": next(self._ids), "locationId": LOCATION}
        self.events[made["id"]] = made
        self._changed(made, {name: value for name, value in sent.items() if not name.startswith("ignore")})
        return made

    def _changed(self, one: dict[str, Any], sent: dict[str, Any]) -> None:
        one |= sent
        one["dateUpdated"] = self._stamp()
        if one["id"] in self.contacts:
            one["fullNameLowerCase"] = f"{one.get('firstName', '')} {one.get('lastName', '')}".strip().lower()
            if one.get("phone"):
                one["phone"] = e164(one["phone"], "GB")

    def _stamp(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")


def _fits(one: dict[str, Any], wanted: dict[str, Any]) -> bool:
    value, operator, by = one.get(wanted["field"], ""), wanted["operator"], wanted["value"]
    if operator == "range":
        return bool(datetime.fromisoformat(value) >= datetime.fromisoformat(by["gte"]))
    return operator == "eq" and bool(value == by)


def _booking(one: dict[str, Any]) -> dict[str, Any]:
    names = (
        "id",
        "calendarId",
        "locationId",
        "contactId",
        "startTime",
        "endTime",
        "title",
        "appointmentStatus",
        "assignedUserId",
        "address",
    )
    return {name: one[name] for name in names if name in one}


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"statusCode": status, "message": message})


SIMULATOR = GoHighLevelSimulator
