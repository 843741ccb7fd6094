"""Plivo, as far as our client asks it: calls (they ring until they are answered or ended by a test), keys, numbers and applications."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.testing.business.base import Refused, Simulator, json_of

PLACING: Final = frozenset(
    {
        "from", "to", "answer_url", "answer_method", "hangup_url", "hangup_method", "ring_url", "ring_method", "ring_timeout",
        "machine_detection",
    }
)  # fmt: skip


@dataclass
class Call:
    """A call that was placed. ``status``: queued (it rings nobody yet), live, over."""

    uuid: str
    to: str
    from_: str
    made_at: datetime
    status: str = "live"
    url: str = ""
    keys: list[str] = field(default_factory=list)


class PlivoCarrier(Simulator):
    """One account."""

    NAME: ClassVar[str] = "carrier/plivo"
    BASE: ClassVar[str] = "https://api.plivo.com"

    def __init__(self, account: str, token: str) -> None:
        super().__init__()
        self.account = account
        self.token = token
        self.rings = False
        """Calls stay queued."""
        self.calls: dict[str, Call] = {}
        self.numbers: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}

    def add_application(self, id: str, answer_url: str = "") -> dict[str, Any]:
        """Somebody makes an application."""
        made = self.applications[id] = {"app_id": id, "answer_url": answer_url, "fallback_answer_url": ""}
        return made

    def add_number(self, number: str, application: str = "") -> None:
        """The account buys a number, written without the plus sign."""
        path = f"/v1/Account/{self.account}/Application/{application}/" if application else None
        self.numbers[number] = {"number": number, "alias": "", "application": path, "voice_enabled": True}

    def routes(self) -> Sequence[BaseRoute]:
        """The paths of the API that are known here."""
        root = "/v1/Account/{account}"
        return [
            Route(f"{root}/", self._account, methods=["GET"]),
            Route(f"{root}/Call/", self._place, methods=["POST"]),
            Route(f"{root}/Call/", self._list, methods=["GET"]),
            Route(f"{root}/Call/{{call}}/", self._call, methods=["GET", "POST", "DELETE"]),
            Route(f"{root}/Request/{{call}}/", self._request, methods=["DELETE"]),
            Route(f"{root}/Call/{{call}}/DTMF/", self._keys, methods=["POST"]),
            Route(f"{root}/Number/", self._numbers, methods=["GET"]),
            Route(f"{root}/Number/{{number}}/", self._number, methods=["GET", "POST"]),
            Route(f"{root}/Application/{{application}}/", self._application, methods=["GET", "POST"]),
        ]

    def authorised(self, request: Request) -> None:
        """Refused unless the auth id and its token are right."""
        wanted = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}" or request.path_params["account"] != self.account:
            raise Refused(401, {"error": "authentication failed"})

    async def _account(self, request: Request) -> Response:
        self.authorised(request)
        return JSONResponse({"auth_id": self.account, "cash_credits": "10.00"})

    async def _place(self, request: Request) -> Response:
        self.authorised(request)
        body = await json_of(request)
        if strange := set(body) - PLACING:
            raise Refused(400, {"error": f"no such fields: {sorted(strange)}"})
        if body.get("from") not in self.numbers or body.get("from") == body.get("to"):
            raise Refused(400, {"error": "from is not a number of this account"})
        uuid = f"call-{len(self.calls) + 1}"
        status = "queued" if self.rings else "live"
        self.calls[uuid] = Call(uuid, str(body["to"]), str(body["from"]), self.clock(), status, str(body["answer_url"]))
        return JSONResponse({"message": "call fired", "request_uuid": uuid, "api_id": "api-1"}, 201)

    async def _list(self, request: Request) -> Response:
        self.authorised(request)
        asked = request.query_params
        if status := asked.get("status"):
            return JSONResponse({"api_id": "api-1", "calls": [one.uuid for one in self.calls.values() if one.status == status]})
        rows = [one for one in self.calls.values() if one.status == "over"]
        rows = [one for one in rows if asked.get("to_number") in {None, one.to} and asked.get("from_number") in {None, one.from_}]
        found = [
            {"call_uuid": one.uuid, "to_number": one.to, "from_number": one.from_, "initiation_time": one.made_at.isoformat(sep=" ")}
            for one in rows
        ]
        return JSONResponse({"meta": {"limit": 20, "offset": 0}, "objects": found})

    async def _call(self, request: Request) -> Response:
        call = self._found(request, "live")
        if request.method == "GET":
            return JSONResponse({"call_uuid": call.uuid, "from": call.from_, "to": call.to, "call_status": call.status})
        if request.method == "DELETE":
            call.status = "over"
            return Response(status_code=204)
        body = await json_of(request)
        if set(body) != {"legs", "aleg_url", "aleg_method"} or body["legs"] != "aleg":
            raise Refused(400, {"error": "not a transfer of the first leg"})
        call.url = body["aleg_url"]
        return JSONResponse({"message": "call transferred", "call_uuids": [call.uuid]}, 202)

    async def _request(self, request: Request) -> Response:
        self._found(request, "queued").status = "over"
        return Response(status_code=204)

    async def _keys(self, request: Request) -> Response:
        call = self._found(request, "live")
        call.keys.append(str((await json_of(request))["digits"]))
        return JSONResponse({"message": "digits sent"}, 202)

    def _found(self, request: Request, status: str) -> Call:
        self.authorised(request)
        call = self.calls.get(request.path_params["call"])
        if call is None or call.status != request.query_params.get("status", status):
            raise Refused(404, {"error": "not found"})
        return call

    async def _numbers(self, request: Request) -> Response:
        self.authorised(request)
        limit, offset = int(request.query_params["limit"]), int(request.query_params["offset"])
        if limit > 20:
            raise Refused(400, {"error": "limit is at most 20"})
        return JSONResponse({"meta": {}, "objects": list(self.numbers.values())[offset : offset + limit]})

    async def _number(self, request: Request) -> Response:
        self.authorised(request)
        number = self.numbers.get(request.path_params["number"])
        if number is None:
            raise Refused(404, {"error": "not found"})
        if request.method == "GET":
            return JSONResponse(number)
        app = str((await json_of(request))["app_id"])
        if app not in self.applications:
            raise Refused(400, {"error": "no such application"})
        number["application"] = f"/v1/Account/{self.account}/Application/{app}/"
        return JSONResponse({"message": "changed"}, 202)

    async def _application(self, request: Request) -> Response:
        self.authorised(request)
        found = self.applications.get(request.path_params["application"])
        if found is None:
            raise Refused(404, {"error": "not found"})
        if request.method == "POST":
            found |= await json_of(request)
            return JSONResponse({"message": "changed"}, 202)
        return JSONResponse(found)
