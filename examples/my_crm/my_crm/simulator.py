"""My CRM as its tests meet it: state in memory, and the rules of its API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Customer, RecordKind
from offhook.adapters.phones import e164
from offhook.testing.business.base import Refused, Simulator, json_of

Row = dict[str, Any]


class MyCrm(Simulator):
    """One account."""

    NAME = "crm/my_crm"
    BASE = "https://api.my-crm.example/v1"

    def __init__(self) -> None:
        super().__init__()
        self.key = "key"
        self.rows: dict[str, dict[str, Row]] = {"people": {}, "enquiries": {}, "notes": {}}
        self.answers: dict[str, Row] = {}
        """By idempotency key."""

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        return [
            Route("/v1/me", self._me),
            Route("/v1/people", self._find, methods=["GET"]),
            Route("/v1/{what:str}", self._create, methods=["POST"]),
            Route("/v1/people/{id:str}", self._change, methods=["PATCH"]),
        ]

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        return len(self.rows[{"customer": "people", "lead": "enquiries", "note": "notes"}[kind]])

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        row = {"name": customer.name, "phones": list(customer.phones), "email": customer.email, "address": customer.address}
        return str(self._add("people", row)["id"])

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        row = self.rows["people"].get(id)
        return None if row is None else Customer(id, row["name"], tuple(row["phones"]), row["email"], row["address"])

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator."""
        del self.rows[{"customer": "people", "lead": "enquiries", "note": "notes"}[kind]][id]

    def notes(self) -> list[str]:
        """See Simulator."""
        return [one["text"] for one in self.rows["notes"].values()]

    def _authorised(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(401, {"error": "unknown key"})

    async def _me(self, request: Request) -> Response:
        self._authorised(request)
        return JSONResponse({"id": "a1", "company": "Mill Plumbing"})

    async def _find(self, request: Request) -> Response:
        self._authorised(request)
        ((field, wanted),) = request.query_params.items()
        rows = self.rows["people"].values()
        if field == "phone":
            return JSONResponse({"people": [one for one in rows if wanted in [e164(number, "GB") for number in one["phones"]]]})
        return JSONResponse({"people": [one for one in rows if one[field] == wanted]})

    async def _create(self, request: Request) -> Response:
        self._authorised(request)
        what, body = request.path_params["what"], await json_of(request)
        if what == "people" and not body.get("name"):
            raise Refused(422, {"error": "a person has a name"})
        key = request.headers["idempotency-key"]
        if key not in self.answers:
            self.answers[key] = self._add(what, {"phones": [], "email": "", "address": "", **body} if what == "people" else body)
        return JSONResponse(self.answers[key], 201)

    async def _change(self, request: Request) -> Response:
        self._authorised(request)
        row = self.rows["people"].get(request.path_params["id"])
        if row is None:
            raise Refused(404, {"error": "no such person"})
        row |= await json_of(request)
        return JSONResponse(row)

    def _add(self, what: str, row: Row) -> Row:
        number = f"{what[0]}{len(self.rows[what]) + 1}"
        self.rows[what][number] = {**row, "id": number, "url": f"https://my-crm.example/{what}/{number}"}
        return self.rows[what][number]


SIMULATOR = MyCrm
