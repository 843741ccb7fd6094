"""Twilio's Programmable Voice: its REST API, its documents and its webhooks, at an ``Exchange``."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import ClassVar, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree as Xml

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook import signing
from offhook.testing.business.base import Refused
from offhook.testing.carriers.exchange import Account, Call, Exchange, Source
from offhook.testing.carriers.exchange import Person as Person

PLACING: Final = frozenset(
    {
        "To", "From", "Url", "Method", "Twiml", "StatusCallback", "StatusCallbackEvent", "StatusCallbackMethod", "Timeout", "TimeLimit",
        "MachineDetection",
        "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", "SendDigits", "FallbackUrl", "FallbackMethod", "CallerId",
    }
)  # fmt: skip
NUMBER: Final = frozenset(
    {"VoiceUrl", "VoiceMethod", "VoiceFallbackUrl", "VoiceFallbackMethod", "VoiceApplicationSid", "TrunkSid", "FriendlyName"}
)
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "Say": frozenset({"language", "voice", "loop"}),
    "Play": frozenset({"loop", "digits"}),
    "Pause": frozenset({"length"}),
    "Gather": frozenset(
        {
            "input", "action", "method", "timeout", "numDigits", "finishOnKey", "speechTimeout", "language", "hints", "actionOnEmptyResult",
            "speechModel", "enhanced", "bargeIn", "profanityFilter",
        }
    ),
    "Dial": frozenset(
        {"action", "method", "timeout", "callerId", "hangupOnStar", "timeLimit", "record", "answerOnBridge", "ringTone", "sequential"}
    ),
    "Number": frozenset({"url", "method", "sendDigits", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"}),
    "Sip": frozenset({"url", "method", "username", "password", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"}),
    "Conference": frozenset(
        {
            "muted", "beep", "startConferenceOnEnter", "endConferenceOnExit", "waitUrl", "waitMethod", "maxParticipants", "record",
            "statusCallback", "statusCallbackEvent", "statusCallbackMethod", "participantLabel",
        }
    ),
    "Connect": frozenset({"action", "method"}),
    "Stream": frozenset({"url", "name", "statusCallback", "statusCallbackMethod", "track"}),
    "Parameter": frozenset({"name", "value"}),
    "Record": frozenset(
        {"action", "method", "timeout", "maxLength", "finishOnKey", "playBeep", "trim", "recordingStatusCallback", "transcribe"}
    ),
    "Redirect": frozenset({"method"}),
    "Reject": frozenset({"reason"}),
    "Hangup": frozenset(),
    "Leave": frozenset(),
}  # fmt: skip


@dataclass
class Number:
    """A number of an account."""

    sid: str
    account: Account
    did: str
    label: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    """``VoiceUrl`` and what else is set by REST."""

    def of(self, name: str) -> str:
        """A field; empty where it is not set."""
        return self.fields.get(name, "")


class TwilioCarrier(Exchange):
    """Accounts, each with its numbers and calls."""

    NAME: ClassVar[str] = "carrier/twilio"
    BASE: ClassVar[str] = "https://api.twilio.com"
    ATTRIBUTES: ClassVar[Mapping[str, frozenset[str]]] = ATTRIBUTES

    def __init__(self, web: httpx.AsyncClient | None = None) -> None:
        super().__init__(web)
        self.accounts: dict[str, Account] = {}
        self.numbers: dict[str, Number] = {}

    def add_account(self, sid: str, token: str, type: str = "Full", keys: Mapping[str, str] | None = None) -> Account:
        """Somebody opens an account."""
        made = self.accounts[sid] = Account(sid, token, type, keys=dict(keys or {}))
        return made

    def add_number(self, account: Account, did: str, label: str = "", **fields: str) -> Number:
        """An account buys a number; ``fields`` such as ``VoiceUrl``."""
        made = Number(self._sid("PN"), account, did, label or did, dict(fields))
        self.numbers[made.sid] = made
        return made

    # -- the exchange ----------------------------------------------------------------------------------------------------------

    def answered_by(self, did: str) -> tuple[Account, str]:
        """See Exchange."""
        number = self._number_of(did)
        if number is None:
            raise LookupError(did)
        return number.account, number.of("VoiceUrl")

    def instead(self, call: Call, url: str) -> str:
        """See Exchange."""
        number = self._number_of(call.to) if call.direction == "inbound" else None
        return number.of("VoiceFallbackUrl") if number is not None and number.of("VoiceUrl") == url else ""

    def caller_ids(self, account: Account) -> set[str]:
        """See Exchange."""
        return {one.did for one in self.numbers.values() if one.account is account}

    def form(self, call: Call) -> dict[str, str]:
        """See Exchange."""
        form = {
            "CallSid": call.sid, "AccountSid": call.account.sid, "From": call.from_, "To": call.to, "Caller": call.from_, "Called": call.to,
            "CallStatus": call.status, "Direction": call.direction, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        if call.parent:
            form["ParentCallSid"] = call.parent
        if call.answered_by:
            form["AnsweredBy"] = call.answered_by
        return form

    def signed(self, call: Call, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """See Exchange."""
        return {"X-Twilio-Signature": signing.twilio_signature(call.account.token, url, form), "User-Agent": "TwilioProxy/1.1"}

    def kept(self, call: Call) -> dict[str, str]:
        """See Exchange."""
        url = f"{self.BASE}/2010-04-01/Accounts/{call.account.sid}/Recordings/{self.taped('RE')}"
        return {"RecordingUrl": url, "RecordingDuration": "5", "Digits": "hangup"}

    def _number_of(self, did: str) -> Number | None:
        return next((one for one in self.numbers.values() if one.did == did), None)

    # -- REST ------------------------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[BaseRoute]:
        """The paths of the API that are known here."""
        root = "/2010-04-01/Accounts/{account}"
        return [
            Route(f"{root}/Calls.json", self._place, methods=["POST"]),
            Route(f"{root}/Calls.json", self._calls, methods=["GET"]),
            Route(f"{root}/Calls/{{call}}.json", self._update, methods=["POST"]),
            Route(f"{root}/Calls/{{call}}.json", self._show, methods=["GET"]),
            Route(f"{root}/IncomingPhoneNumbers.json", self._numbers, methods=["GET"]),
            Route(f"{root}/IncomingPhoneNumbers/{{number}}.json", self._one, methods=["GET", "POST"]),
            Route(f"{root}.json", self._account, methods=["GET"]),
            Route(f"{root}/Recordings/{{recording}}.wav", self._recording, methods=["GET"]),
        ]

    def authorised(self, request: Request) -> Account:
        """The account that the request is for, by its own token or one of its keys."""
        account = self.accounts.get(request.path_params["account"])
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
        except ValueError:
            user = secret = ""
        good = account is not None and kind == "Basic" and {account.sid: account.token, **account.keys}.get(user) == secret
        if account is None or not good:
            raise _wrong(401, 20003, "Authenticate")
        return account

    async def _account(self, request: Request) -> Response:
        account = self.authorised(request)
        return JSONResponse({"sid": account.sid, "status": account.status, "type": account.type, "friendly_name": "Account"})

    async def _recording(self, request: Request) -> Response:
        self.authorised(request)
        missing = JSONResponse({"code": 20404, "message": "The requested resource was not found", "status": 404}, 404)
        return self.tape.answer(missing) if request.path_params["recording"] in self.tapes else missing

    async def _place(self, request: Request) -> Response:
        account = self.authorised(request)
        fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
        if strange := set(fields) - PLACING:
            self.problems.append(f"REST: no such fields: {', '.join(sorted(strange))}")
        given = {name: values[0] for name, values in fields.items()}
        to, caller = given.get("To", ""), given.get("From", "")
        if not to.startswith("sip:") and not (to.startswith("+") and to[1:].isdigit() and 8 <= len(to) <= 16):
            raise _wrong(400, 21211, "The 'To' number is not a valid phone number")
        if caller not in {one.did for one in self.numbers.values() if one.account is account}:
            raise _wrong(400, 21210, "The source phone number provided is not yet verified for your account")
        if not given.get("Url") and not given.get("Twiml"):
            raise _wrong(400, 21205, "Url is not a valid URL")
        if not 1 <= int(given.get("Timeout", "60")) <= 600:
            raise _wrong(400, 21220, "Timeout is out of range")
        call = self._call(account, to, caller, "outbound-api")
        call.callback = given.get("StatusCallback", "")
        call.events = tuple(fields.get("StatusCallbackEvent", ["completed"]))
        source: Source = Xml.fromstring(given["Twiml"]) if given.get("Twiml") else (given["Url"], {})  # noqa: S314 - ours
        answer = JSONResponse(self._json(call), 201)
        later = given.get("AsyncAmdStatusCallback", "") if given.get("AsyncAmd") == "true" else ""
        self.place(call, source, given.get("MachineDetection", ""), later)
        return answer

    async def _calls(self, request: Request) -> Response:
        account = self.authorised(request)
        asked = request.query_params
        rows = [one for one in self.calls.values() if one.account is account]
        rows = [one for one in rows if asked.get("To") in {None, one.to} and asked.get("From") in {None, one.from_}]
        newest = rows[::-1][: int(asked.get("PageSize", "50"))]
        return JSONResponse({"calls": [self._json(one) for one in newest], "next_page_uri": None})

    async def _show(self, request: Request) -> Response:
        return JSONResponse(self._json(self._live(request)))

    async def _update(self, request: Request) -> Response:
        call = self._live(request)
        given = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if strange := set(given) - {"Url", "Method", "Status", "Twiml", "FallbackUrl", "StatusCallback"}:
            self.problems.append(f"REST: no such fields: {', '.join(sorted(strange))}")
        if not call.alive:
            raise _wrong(400, 21220, "Call is not in-progress. Cannot redirect.")
        if given.get("Status") in {"completed", "canceled"}:
            self._end(call, "completed" if call.answered.is_set() else "canceled")
        elif not call.answered.is_set():
            raise _wrong(400, 21220, "Call is not in-progress. Cannot redirect.")
        elif given.get("Twiml"):
            self._turn(call, Xml.fromstring(given["Twiml"]))  # noqa: S314 - ours
        elif urlsplit(given.get("Url", "")).scheme in {"http", "https"}:
            self._turn(call, (given["Url"], {}))
        else:
            raise _wrong(400, 21205, "Url is not a valid URL")
        return JSONResponse(self._json(call))

    def _live(self, request: Request) -> Call:
        account = self.authorised(request)
        call = self.calls.get(request.path_params["call"])
        if call is None or call.account is not account:
            raise _wrong(404, 20404, "The requested resource was not found")
        return call

    def _json(self, call: Call) -> dict[str, object]:
        return {
            "sid": call.sid, "account_sid": call.account.sid, "to": call.to, "from": call.from_, "status": call.status,
            "direction": call.direction, "parent_call_sid": call.parent or None, "answered_by": call.answered_by or None,
            "date_created": format_datetime(call.made_at), "start_time": None,
        }  # fmt: skip

    async def _numbers(self, request: Request) -> Response:
        account = self.authorised(request)
        rows = [one for one in self.numbers.values() if one.account is account]
        size = self.page_size or int(request.query_params.get("PageSize", "50"))
        page = int(request.query_params.get("Page", "0"))
        more = len(rows) > (page + 1) * size
        path = f"/2010-04-01/Accounts/{account.sid}/IncomingPhoneNumbers.json?PageSize={size}&Page={page + 1}"
        found = [self._number(one) for one in rows[page * size : (page + 1) * size]]
        return JSONResponse({"incoming_phone_numbers": found, "next_page_uri": path if more else None})

    async def _one(self, request: Request) -> Response:
        account = self.authorised(request)
        number = self.numbers.get(request.path_params["number"])
        if number is None or number.account is not account:
            raise _wrong(404, 20404, "The requested resource was not found")
        if request.method == "POST":
            given = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            if strange := set(given) - NUMBER:
                self.problems.append(f"REST: no such fields: {', '.join(sorted(strange))}")
            number.fields |= given
        return JSONResponse(self._number(number))

    def _number(self, one: Number) -> dict[str, object]:
        return {
            "sid": one.sid, "phone_number": one.did, "friendly_name": one.label, "voice_url": one.of("VoiceUrl"),
            "voice_method": one.of("VoiceMethod") or "POST", "voice_fallback_url": one.of("VoiceFallbackUrl"),
            "voice_application_sid": one.of("VoiceApplicationSid") or None, "trunk_sid": one.of("TrunkSid") or None,
            "capabilities": {"voice": one.of("NoVoice") != "true", "sms": True},
        }  # fmt: skip


def _wrong(status: int, code: int, message: str) -> Refused:
    return Refused(status, {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status})
