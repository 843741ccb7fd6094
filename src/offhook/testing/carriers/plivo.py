"""Plivo: calls by Plivo XML at an ``Exchange``, keys, numbers and applications by REST. It writes numbers without the plus sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urljoin
from xml.etree import ElementTree as Xml

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.testing.business.base import Refused, json_of
from offhook.testing.carriers.exchange import Account, Call, Exchange, Source

PLACING: Final = frozenset(
    {
        "from", "to", "answer_url", "answer_method", "hangup_url", "hangup_method", "ring_url", "ring_method", "ring_timeout",
        "machine_detection", "machine_detection_url", "machine_detection_method",
    }
)  # fmt: skip
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "Speak": frozenset({"language", "voice", "loop"}),
    "Play": frozenset({"loop"}),
    "Wait": frozenset({"length", "silence", "minSilence", "beep"}),
    "GetInput": frozenset(
        {
            "action", "method", "inputType", "executionTimeout", "digitEndTimeout", "speechEndTimeout", "finishOnKey", "numDigits",
            "speechModel", "hints", "language", "redirect", "log",
        }
    ),
    "Dial": frozenset({"action", "method", "timeout", "callerId", "callerName", "timeLimit", "hangupOnStar", "redirect", "dialMusic"}),
    "Number": frozenset({"sendDigits", "sendOnPreanswer"}),
    "User": frozenset({"sendDigits", "sipHeaders"}),
    "Conference": frozenset(
        {
            "muted", "enterSound", "exitSound", "startConferenceOnEnter", "endConferenceOnExit", "stayAlone", "waitSound", "maxMembers",
            "timeLimit", "action", "method", "redirect", "callbackUrl", "callbackMethod", "record",
        }
    ),
    "Stream": frozenset({"bidirectional", "keepCallAlive", "contentType", "audioTrack", "streamTimeout", "extraHeaders"}),
    "Record": frozenset({"action", "method", "fileFormat", "redirect", "timeout", "maxLength", "playBeep", "finishOnKey"}),
    "Redirect": frozenset({"method"}),
    "Hangup": frozenset({"reason", "schedule"}),
}  # fmt: skip
WORDS: Final[Mapping[str, str]] = {"canceled": "cancel"}


class PlivoCarrier(Exchange):
    """One account. ``renames``: a call that rings has another id than its request."""

    NAME: ClassVar[str] = "carrier/plivo"
    BASE: ClassVar[str] = "https://api.plivo.com"
    ATTRIBUTES: ClassVar[Mapping[str, frozenset[str]]] = ATTRIBUTES

    def __init__(self, account: str, token: str) -> None:
        super().__init__()
        self.account = account
        self.token = token
        self.one = Account(account, token)
        self.rings = False
        """Calls stay queued."""
        self.renames = False
        self.numbers: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}

    # -- the exchange ----------------------------------------------------------------------------------------------------------

    def answered_by(self, did: str) -> tuple[Account, str]:
        """See Exchange."""
        number = self.numbers.get(did.removeprefix("+"))
        if number is None:
            raise LookupError(did)
        application = str(number["application"] or "").rstrip("/").rpartition("/")[2]
        return self.one, str(self.applications.get(application, {}).get("answer_url", ""))

    def caller_ids(self, account: Account) -> set[str]:  # noqa: ARG002
        """See Exchange."""
        return {f"+{one}" for one in self.numbers}

    def form(self, call: Call) -> dict[str, str]:
        """See Exchange."""
        direction = "inbound" if call.direction == "inbound" else "outbound"
        said = {
            "CallUUID": call.sid, "From": call.from_.removeprefix("+"), "To": call.to.removeprefix("+"), "Direction": direction,
            "CallStatus": WORDS.get(call.status, call.status), "Event": "StartApp" if call.alive else "Hangup",
        }  # fmt: skip
        if call.request:
            said |= {"RequestUUID": call.request, "ALegUUID": call.sid, "ALegRequestUUID": call.request}
        return said | ({"Machine": str(call.answered_by == "machine").lower()} if call.answered_by else {})

    def signed(self, call: Call, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """See Exchange."""
        nonce = self._sid("")
        text = f"{url}?{''.join(name + form[name] for name in sorted(form))}.{nonce}"
        signature = base64.b64encode(hmac.new(call.account.token.encode(), text.encode(), hashlib.sha256).digest()).decode()
        return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce}

    def gone(self, status: str) -> dict[str, str]:
        """See Exchange."""
        return {"DialStatus": WORDS.get(status, status), "DialHangupCause": "NORMAL_CLEARING"}

    def kept(self, call: Call) -> dict[str, str]:  # noqa: ARG002
        """See Exchange."""
        made = self.taped("")
        url = f"https://media.plivo.com/v1/Account/{self.account}/Recording/{made}.wav"
        return {"RecordUrl": url, "RecordFile": url, "RecordingID": made, "RecordingDuration": "5", "RecordingDurationMs": "5000"}

    async def listened(self, call: Call, source: Source, detection: str, *, machine: bool) -> Source:
        """See Exchange."""
        if detection:
            call.answered_by = "machine" if machine else "human"
        return source

    def verdict(self, *, machine: bool) -> str:
        """See Exchange."""
        return "machine" if machine else "human"

    async def verb(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """See Exchange: Plivo's words."""
        match verb.tag:
            case "Speak":
                call.heard.append(f"say: {(verb.text or '').strip()}")
                return None
            case "Wait":
                call.heard.append("wait")
                return None
            case "GetInput":
                return self.gather(call, verb, base)
            case "Stream":
                return await self.connect(call, verb, base)
            case "Conference":
                await self.confer(call, verb, base)
                return (urljoin(base, verb.get("action", "")), {"ConferenceAction": "exit"}) if verb.get("action") else None
        return await super().verb(call, verb, base)

    def gather(self, call: Call, verb: Xml.Element, base: str) -> Source | None:
        """See Exchange. Without an answer the next element follows."""
        for prompt in verb:
            call.heard.append(f"say: {(prompt.text or '').strip()}")
        if not 5 <= int(verb.get("executionTimeout", "15")) <= 60:
            self.problems.append("executionTimeout is out of range")
        given = call.inputs.popleft() if call.inputs else None
        if not given:
            return None
        speech = given.removeprefix("speech:").strip() if given.startswith("speech:") else ""
        more = (
            {"InputType": "speech", "Speech": speech}
            if speech
            else {"InputType": "dtmf", "Digits": given[: int(verb.get("numDigits", "98"))]}
        )
        return urljoin(base, verb.get("action", "")), more

    async def connect(self, call: Call, verb: Xml.Element, base: str) -> Source | None:  # noqa: ARG002
        """See Exchange. What the address ends with is all that arrives of our token."""
        url = (verb.text or "").strip()
        if not url.startswith("wss://"):
            self.problems.append(f"a stream to {url}")
        await self.media(call, url, {"token": unquote(url.rpartition("/")[2])})
        return None

    # -- REST ------------------------------------------------------------------------------------------------------------------

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
            Route(f"{root}/Call/{{call}}/", self._one_call, methods=["GET", "POST", "DELETE"]),
            Route(f"{root}/Request/{{call}}/", self._request, methods=["DELETE"]),
            Route(f"{root}/Call/{{call}}/DTMF/", self._keys, methods=["POST"]),
            Route(f"{root}/Number/", self._numbers, methods=["GET"]),
            Route(f"{root}/Number/{{number}}/", self._number, methods=["GET", "POST"]),
            Route(f"{root}/Application/{{application}}/", self._application, methods=["GET", "POST"]),
            Route(f"{root}/Recording/{{recording}}.wav", self._recording, methods=["GET"]),
        ]

    def authorised(self, request: Request) -> None:
        """Refused unless the auth id and its token are right."""
        wanted = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}" or request.path_params["account"] != self.account:
            raise Refused(401, {"error": "authentication failed"})

    async def _account(self, request: Request) -> Response:
        self.authorised(request)
        return JSONResponse({"auth_id": self.account, "cash_credits": "10.00"})

    async def _recording(self, request: Request) -> Response:
        self.authorised(request)
        missing = JSONResponse({"error": "not found"}, 404)
        return self.tape.answer(missing) if request.path_params["recording"] in self.tapes else missing

    async def _place(self, request: Request) -> Response:
        self.authorised(request)
        body = await json_of(request)
        if strange := set(body) - PLACING:
            raise Refused(400, {"error": f"no such fields: {sorted(strange)}"})
        if body.get("from") not in self.numbers or body.get("from") == body.get("to"):
            raise Refused(400, {"error": "from is not a number of this account"})
        call = self._call(self.one, f"+{body['to']}", f"+{body['from']}", "outbound-api")
        call.request = f"request-{call.sid}" if self.renames else call.sid
        call.callback, call.events = str(body.get("hangup_url", "")), ("completed",)
        if not self.rings:
            self.place(
                call, (str(body["answer_url"]), {}), str(body.get("machine_detection", "")), str(body.get("machine_detection_url", ""))
            )
        return JSONResponse({"message": "call fired", "request_uuid": call.request, "api_id": "api-1"}, 201)

    async def _list(self, request: Request) -> Response:
        self.authorised(request)
        asked = request.query_params
        if status := asked.get("status"):
            return JSONResponse({"api_id": "api-1", "calls": [one.sid for one in self.calls.values() if _state(one) == status]})
        rows = [one for one in self.calls.values() if _state(one) == "over"]
        rows = [one for one in rows if asked.get("to_number") in {None, one.to[1:]} and asked.get("from_number") in {None, one.from_[1:]}]
        found = [
            {"call_uuid": one.sid, "to_number": one.to[1:], "from_number": one.from_[1:], "initiation_time": one.made_at.isoformat(sep=" ")}
            for one in rows
        ]
        return JSONResponse({"meta": {"limit": 20, "offset": 0}, "objects": found})

    async def _one_call(self, request: Request) -> Response:
        call = self._found(request, "live")
        if request.method == "GET":
            return JSONResponse({"call_uuid": call.sid, "from": call.from_[1:], "to": call.to[1:], "call_status": call.status})
        if request.method == "DELETE":
            self._end(call, "completed" if call.answered.is_set() else "canceled")
            return Response(status_code=204)
        body = await json_of(request)
        if set(body) != {"legs", "aleg_url", "aleg_method"} or body["legs"] != "aleg":
            raise Refused(400, {"error": "not a transfer of the first leg"})
        call.url = body["aleg_url"]
        self._turn(call, (call.url, {}))
        return JSONResponse({"message": "call transferred", "call_uuids": [call.sid]}, 202)

    async def _request(self, request: Request) -> Response:
        self.authorised(request)
        call = next((one for one in self.calls.values() if one.request == request.path_params["call"]), None)
        if call is None or not call.alive or call.answered.is_set():
            raise Refused(404, {"error": "not found"})
        self._end(call, "canceled")
        return Response(status_code=204)

    async def _keys(self, request: Request) -> Response:
        call = self._found(request, "live")
        call.keys.append(str((await json_of(request))["digits"]))
        return JSONResponse({"message": "digits sent"}, 202)

    def _found(self, request: Request, status: str) -> Call:
        self.authorised(request)
        call = self.calls.get(request.path_params["call"])
        if call is None or _state(call) != request.query_params.get("status", status):
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


def _state(call: Call) -> str:
    """What Plivo's lists call it: one that rings nobody yet is queued."""
    return "over" if not call.alive else "live" if call.answered.is_set() else "queued"
