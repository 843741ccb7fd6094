"""Telnyx, as far as our client asks it: calls by TeXML (they live until they are ended), keys, numbers and TeXML applications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.testing.business.base import Refused, Simulator, form_of, json_of

PLACING: Final = frozenset(
    {
        "ApplicationSid", "To", "From", "Url", "UrlMethod", "Timeout", "StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent",
        "MachineDetection",
    }
)  # fmt: skip


@dataclass
class Call:
    """A call that was placed."""

    sid: str
    to: str
    from_: str
    fields: dict[str, Any]
    made_at: datetime
    alive: bool = True
    url: str = ""
    keys: list[str] = field(default_factory=list)


class TelnyxCarrier(Simulator):
    """One account. ``silent``: placing answers without the call's id, as its documents' example does."""

    NAME: ClassVar[str] = "carrier/telnyx"
    BASE: ClassVar[str] = "https://api.telnyx.com"

    def __init__(self, account: str, key: str) -> None:
        super().__init__()
        self.account = account
        self.key = key
        self.silent = False
        self.calls: dict[str, Call] = {}
        self.numbers: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}

    def add_application(self, id: str, voice_url: str = "") -> dict[str, Any]:
        """Somebody makes a TeXML application."""
        made = self.applications[id] = {"id": id, "friendly_name": "offhook", "voice_url": voice_url, "voice_fallback_url": ""}
        return made

    def add_number(self, did: str, connection: str = "") -> str:
        """The account buys a number; its id."""
        made = f"{len(self.numbers) + 1:019d}"
        self.numbers[made] = {"id": made, "phone_number": did, "connection_id": connection, "customer_reference": ""}
        return made

    def routes(self) -> Sequence[BaseRoute]:
        """The paths of the API that are known here."""
        root = "/v2/texml/Accounts/{account}/Calls"
        return [
            Route("/v2/balance", self._balance, methods=["GET"]),
            Route(root, self._place, methods=["POST"]),
            Route(f"{root}.json", self._list, methods=["GET"]),
            Route(f"{root}/{{call}}", self._update, methods=["POST"]),
            Route("/v2/calls/{call}/actions/send_dtmf", self._keys, methods=["POST"]),
            Route("/v2/phone_numbers", self._numbers, methods=["GET"]),
            Route("/v2/phone_numbers/{number}", self._number, methods=["GET", "PATCH"]),
            Route("/v2/texml_applications/{application}", self._application, methods=["GET", "PATCH"]),
        ]

    def authorised(self, request: Request) -> None:
        """Refused unless the key is right, and the account of the path the key's."""
        named = request.path_params.get("account", self.account)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise _wrong(401, "10009", "Authentication failed")
        if named != self.account:
            raise _wrong(403, "10010", "Authorization failed")

    async def _balance(self, request: Request) -> Response:
        self.authorised(request)
        return JSONResponse({"data": {"record_type": "balance", "balance": "10.00", "currency": "USD"}})

    async def _place(self, request: Request) -> Response:
        self.authorised(request)
        body = await json_of(request)
        if set(body) - PLACING:
            raise _wrong(422, "10015", f"no such fields: {sorted(set(body) - PLACING)}")
        if body.get("ApplicationSid") not in self.applications:
            raise _wrong(422, "10015", "Invalid ApplicationSid")
        if body.get("From") not in {one["phone_number"] for one in self.numbers.values()}:
            raise _wrong(403, "D51", "Unverified origination number")
        sid = f"v3:call-{len(self.calls) + 1}"
        self.calls[sid] = Call(sid, str(body["To"]), str(body["From"]), body, self.clock(), url=str(body.get("Url")))
        said = {"from": body["From"], "to": body["To"], "status": "queued"}
        return JSONResponse(said if self.silent else said | {"call_sid": sid})

    async def _list(self, request: Request) -> Response:
        self.authorised(request)
        asked = request.query_params
        rows = [one for one in self.calls.values() if asked.get("To") in {None, one.to} and asked.get("From") in {None, one.from_}]
        return JSONResponse({"calls": [self._json(one) for one in rows[::-1]], "page": 0})

    async def _update(self, request: Request) -> Response:
        call = self._live(request)
        fields = await form_of(request)
        if set(fields) - {"Status", "Url", "Method"}:
            raise _wrong(422, "10015", "no such fields")
        call.alive = fields.get("Status") != "completed"
        call.url = fields.get("Url", call.url)
        return JSONResponse(self._json(call))

    async def _keys(self, request: Request) -> Response:
        call = self._live(request)
        call.keys.append(str((await json_of(request))["digits"]))
        return JSONResponse({"data": {"result": "ok"}})

    def _live(self, request: Request) -> Call:
        self.authorised(request)
        call = self.calls.get(request.path_params["call"])
        if call is None:
            raise _wrong(404, "10005", "Resource not found")
        if not call.alive:
            raise _wrong(422, "90018", "Call has already ended")
        return call

    def _json(self, call: Call) -> dict[str, Any]:
        status = "in-progress" if call.alive else "completed"
        return {"sid": call.sid, "to": call.to, "from": call.from_, "status": status, "date_created": format_datetime(call.made_at)}

    async def _numbers(self, request: Request) -> Response:
        self.authorised(request)
        size, page = int(request.query_params["page[size]"]), int(request.query_params["page[number]"])
        size = self.page_size or size
        rows = list(self.numbers.values())
        meta = {"page_number": page, "page_size": size, "total_pages": -(-len(rows) // size) or 1}
        return JSONResponse({"data": rows[(page - 1) * size : page * size], "meta": meta})

    async def _number(self, request: Request) -> Response:
        self.authorised(request)
        return await self._kept(request, self.numbers.get(request.path_params["number"]), {"connection_id", "tags", "customer_reference"})

    async def _application(self, request: Request) -> Response:
        self.authorised(request)
        found = self.applications.get(request.path_params["application"])
        return await self._kept(request, found, {"friendly_name", "voice_url", "voice_method"}, {"friendly_name", "voice_url"})

    async def _kept(self, request: Request, found: dict[str, Any] | None, known: set[str], needed: set[str] | None = None) -> Response:
        if found is None:
            raise _wrong(404, "10005", "Resource not found")
        if request.method == "PATCH":
            body = await json_of(request)
            if set(body) - known or (needed or set()) - set(body):
                raise _wrong(422, "10015", "no such fields, or one is missing")
            found |= body
        return JSONResponse({"data": found})


def _wrong(status: int, code: str, title: str) -> Refused:
    return Refused(status, {"errors": [{"code": code, "title": title}]})
