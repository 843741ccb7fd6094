"""A system that takes signed messages: it checks the signature, drops what it has seen, keeps the rest, and answers questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook import signing
from offhook.adapters.model import Appointment, Customer, RecordKind
from offhook.adapters.phones import e164
from offhook.errors import RemoteWireError
from offhook.testing.business.base import Refused, Simulator

Row = dict[str, Any]
KINDS: Mapping[str, RecordKind] = {
    "customer.upserted": "customer",
    "lead.created": "lead",
    "job.created": "job",
    "appointment.created": "appointment",
    "appointment.changed": "appointment",
    "note.added": "note",
}


class Webhook(Simulator):
    """Somebody's own system behind ``URL`` and ``LOOKUP``."""

    NAME = "crm/webhook"
    BASE = "https://crm.example.com"
    URL = "https://crm.example.com/offhook"
    LOOKUP = "https://crm.example.com/offhook/ask"
    SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the standard's own examples

    def __init__(self) -> None:
        super().__init__()
        self.secret = self.SECRET
        self.rows: dict[RecordKind, dict[str, Row]] = {name: {} for name in ("customer", "lead", "job", "appointment", "note")}
        self.seen: dict[str, Response] = {}
        """Answers by message id."""
        self.refuses_taken = False
        """Whether two visits of one person at one time are refused."""
        self.refuse: int | None = None
        """A status for all messages that come."""

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        return [Route("/offhook", self._take, methods=["POST"]), Route("/offhook/ask", self._asked, methods=["POST"])]

    # -- what people do ---------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        return len(self.rows[kind])

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        number = str(len(self.rows["customer"]) + 1)
        self.rows["customer"][number] = {"id": number, "name": customer.name, "phones": list(customer.phones), "email": customer.email}
        self.rows["customer"][number]["address"] = customer.address
        return number

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        row = self.rows["customer"].get(id)
        return None if row is None else Customer(id, row["name"], tuple(row["phones"]), row["email"], row.get("address", ""))

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        self.rows["customer"][id]["name"] = name

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator."""
        del self.rows[kind][id]

    def add_job(self, customer: str, title: str) -> str:
        """See Simulator."""
        number = f"job-{len(self.rows['job']) + 1}"
        self.rows["job"][number] = {"id": number, "customer": customer, "title": title}
        return number

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        row = self.rows["appointment"].get(id)
        if row is None:
            return None
        start, end = datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])
        visit = Appointment(row["resource"], start, end, row["title"], row["description"], row["address"], row["customer"], row["job"], id)
        return replace(visit, cancelled=False)

    def notes(self) -> list[str]:
        """See Simulator."""
        return [f"{one['text']}\n{one['link']}" for one in self.rows["note"].values()]

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    async def _message(self, request: Request) -> tuple[str, str, Row]:
        body = await request.body()
        try:
            id = signing.verify((self.secret,), request.headers, body, self.clock().timestamp())  # noqa: A001
        except RemoteWireError as error:
            raise Refused(401, {"error": error.public}) from error
        message = json.loads(body)
        if set(message) != {"type", "timestamp", "data"} or datetime.fromisoformat(message["timestamp"]).tzinfo is None:
            raise Refused(400, {"error": "type, timestamp and data are wanted"})
        return id, message["type"], message["data"]

    async def _take(self, request: Request) -> Response:
        id, type, data = await self._message(request)  # noqa: A001
        if self.refuse is not None:
            raise Refused(self.refuse, {"error": "refused"})
        if id not in self.seen:
            self.seen[id] = self._keep(type, data)
        return self.seen[id]

    def _keep(self, type: str, data: Row) -> Response:
        if type == "test":
            return JSONResponse({"ok": True})
        if type == "appointment.cancelled":
            return Response(status_code=404 if self.rows["appointment"].pop(data["id"], None) is None else 204)
        if type not in KINDS:
            raise Refused(400, {"error": f"unknown type {type}"})
        kind = KINDS[type]
        if kind == "appointment" and datetime.fromisoformat(data["start"]) >= datetime.fromisoformat(data["end"]):
            raise Refused(422, {"error": "it ends before it begins"})
        number = str(data.get("id") or f"{kind}-{len(self.seen) + 1}")
        if type == "appointment.changed" and number not in self.rows["appointment"]:
            raise Refused(404, {"error": "no such appointment"})
        if kind == "appointment" and self.refuses_taken and self._taken(number, data):
            raise Refused(409, {"error": "taken"})
        known = self.rows[kind].get(number, {})
        self.rows[kind][number] = {**known, **{name: one for name, one in data.items() if one or name not in known}, "id": number}
        return JSONResponse({"id": number, "url": f"{self.BASE}/{kind}s/{number}"})

    def _taken(self, id: str, data: Row) -> bool:
        start, end = datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"])
        return any(
            one["resource"] == data["resource"]
            and one["id"] != id
            and datetime.fromisoformat(one["start"]) < end
            and datetime.fromisoformat(one["end"]) > start
            for one in self.rows["appointment"].values()
        )

    async def _asked(self, request: Request) -> Response:
        _, question, data = await self._message(request)
        if question == "customer.find":
            for name, of in (("phone", "phones"), ("email", "email"), ("name", "name")):
                wanted = data[name]
                rows = self.rows["customer"].values()
                if of == "phones":
                    found = [one for one in rows if wanted and wanted in [e164(number, "GB") for number in one["phones"]]]
                else:
                    found = [one for one in rows if wanted and wanted == one[of]]
                if found:
                    return JSONResponse({"customer": found[0] if len(found) == 1 else None})
            return JSONResponse({"customer": None})
        customer = self.rows["customer"].get(data["id"])
        jobs = [one for one in self.rows["job"].values() if one["customer"] == data["id"]]
        now = self.clock()
        visits = [
            one for one in self.rows["appointment"].values() if one["customer"] == data["id"] and datetime.fromisoformat(one["end"]) > now
        ]
        return JSONResponse(
            {
                "customer": customer,
                "jobs": jobs[::-1],
                "next_appointment": min(visits, key=lambda one: str(one["start"]), default=None),
                "balance": None,
                "notes": [one["text"] for one in self.rows["note"].values() if one["about"]["id"] == data["id"]],
            }
        )


SIMULATOR = Webhook
