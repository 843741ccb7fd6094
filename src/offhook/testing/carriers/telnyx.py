"""Telnyx: calls by TeXML at an ``Exchange``, keys, numbers and TeXML applications by REST."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlencode
from xml.etree import ElementTree as Xml

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.testing.business.base import Refused, form_of, json_of
from offhook.testing.carriers.exchange import Account, Call, Exchange, Source
from offhook.testing.carriers.twilio import ATTRIBUTES as TWILIO

PLACING: Final = frozenset(
    {
        "ApplicationSid", "To", "From", "Url", "UrlMethod", "Timeout", "StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent",
        "MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod",
    }
)  # fmt: skip
BUCKET: Final = "/telephony-recorder-prod"
EXPIRES_S: Final = 600
"""Seconds that the address of a recording is good."""
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    **TWILIO,
    "Gather": frozenset(
        {
            "input", "action", "method", "timeout", "numDigits", "finishOnKey", "speechTimeout", "language", "hints", "useEnhanced",
            "transcriptionEngine", "profanityFilter", "minDigits", "maxDigits", "validDigits",
        }
    ),
    "Stream": frozenset({"url", "name", "track", "codec", "bidirectionalMode", "bidirectionalCodec", "statusCallback"}),
}  # fmt: skip


class TelnyxCarrier(Exchange):
    """One account. ``silent``: placing answers without the call's id, as its documents' example does."""

    NAME: ClassVar[str] = "carrier/telnyx"
    BASE: ClassVar[str] = "https://api.telnyx.com"
    ATTRIBUTES: ClassVar[Mapping[str, frozenset[str]]] = ATTRIBUTES

    def __init__(self, account: str, key: str) -> None:
        super().__init__()
        self.account = account
        self.key = key
        self.silent = False
        self.one = Account(account, key)
        self.private = Ed25519PrivateKey.generate()
        self.numbers: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}

    @property
    def public_key(self) -> str:
        """What its webhooks are checked with."""
        return base64.b64encode(self.private.public_key().public_bytes_raw()).decode()

    # -- the exchange ----------------------------------------------------------------------------------------------------------

    def answered_by(self, did: str) -> tuple[Account, str]:
        """See Exchange."""
        for one in self.numbers.values():
            if one["phone_number"] == did:
                return self.one, str(self.applications.get(one["connection_id"], {}).get("voice_url", ""))
        raise LookupError(did)

    def caller_ids(self, account: Account) -> set[str]:  # noqa: ARG002
        """See Exchange."""
        return {one["phone_number"] for one in self.numbers.values()}

    def form(self, call: Call) -> dict[str, str]:
        """See Exchange."""
        said = {
            "CallSid": call.sid, "CallSidLegacy": call.sid, "AccountSid": self.account, "From": call.from_, "To": call.to,
            "CallStatus": call.status, "ConnectionId": next(iter(self.applications), ""),
        }  # fmt: skip
        return said | ({"ParentCallSid": call.parent} if call.parent else {})

    def signed(self, call: Call, url: str, form: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002
        """See Exchange."""
        at = str(int(self.clock().timestamp()))
        signature = self.private.sign(f"{at}|{urlencode(form)}".encode())
        return {"telnyx-timestamp": at, "telnyx-signature-ed25519": base64.b64encode(signature).decode()}

    def kept(self, call: Call) -> dict[str, str]:  # noqa: ARG002
        """See Exchange."""
        sid = self.taped("RE")
        until = int(self.clock().timestamp()) + EXPIRES_S
        url = f"https://s3.amazonaws.com{BUCKET}/{self.account}/{sid}.wav?until={until}&X-Amz-Signature={self._sign(sid, until)}"
        return {"RecordingUrl": url, "RecordingSid": sid, "RecordingDuration": "5"}

    def _sign(self, sid: str, until: int) -> str:
        return hashlib.sha256(f"{self.key}{sid}{until}".encode()).hexdigest()

    async def listened(self, call: Call, source: Source, detection: str, *, machine: bool) -> Source:
        """See Exchange. The document is asked for first; who has answered is told by the status, whose answer may be another one."""
        if not detection:
            return source
        found = await self._document(call, source)
        call.answered_by = "machine" if machine else "human"
        told = {"AnsweredBy": call.answered_by, "CallbackSource": "call-progress-events"}
        answer = await self._ask(call, call.callback, told)
        if answer is not None and answer.text.startswith("<?xml"):
            return Xml.fromstring(answer.text)  # noqa: S314 - our own answer
        document = Xml.Element("Response")
        document.extend(found[1] if found is not None else [])
        return document

    # -- REST ------------------------------------------------------------------------------------------------------------------

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
            Route(f"{BUCKET}/{{account}}/{{recording}}.wav", self._recording, methods=["GET"]),
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

    async def _recording(self, request: Request) -> Response:
        """The bucket: whoever has a signed address has the recording, and nobody shows anything besides."""
        sid, until = request.path_params["recording"], request.query_params.get("until", "")
        if "authorization" in request.headers:
            raise Refused(400, "<Error><Code>InvalidArgument</Code></Error>")
        signed = until.isdigit() and request.query_params.get("X-Amz-Signature") == self._sign(sid, int(until))
        if not signed or self.clock().timestamp() > int(until):
            raise Refused(403, "<Error><Code>AccessDenied</Code></Error>")
        missing = Response("<Error><Code>NoSuchKey</Code></Error>", 404, media_type="application/xml")
        return self.tape.answer(missing) if sid in self.tapes else missing

    async def _place(self, request: Request) -> Response:
        self.authorised(request)
        body = await json_of(request)
        if set(body) - PLACING:
            raise _wrong(422, "10015", f"no such fields: {sorted(set(body) - PLACING)}")
        if body.get("ApplicationSid") not in self.applications:
            raise _wrong(422, "10015", "Invalid ApplicationSid")
        if body.get("From") not in self.caller_ids(self.one):
            raise _wrong(403, "D51", "Unverified origination number")
        call = self._call(self.one, str(body["To"]), str(body["From"]), "outbound-api")
        call.callback = str(body.get("StatusCallback", ""))
        call.events = tuple(str(body.get("StatusCallbackEvent", "completed")).split())
        said = {"from": body["From"], "to": body["To"], "status": "queued"}
        self.place(call, (str(body.get("Url")), {}), str(body.get("MachineDetection", "")), str(body.get("AsyncAmdStatusCallback", "")))
        return JSONResponse(said if self.silent else said | {"call_sid": call.sid})

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
        if fields.get("Status") == "completed":
            self._end(call, "completed" if call.answered.is_set() else "canceled")
        elif not call.answered.is_set():
            raise _wrong(422, "90034", "Call is not answered")
        else:
            call.url = fields["Url"]
            self._turn(call, (call.url, {}))
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
        return {"sid": call.sid, "to": call.to, "from": call.from_, "status": call.status, "date_created": format_datetime(call.made_at)}

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
