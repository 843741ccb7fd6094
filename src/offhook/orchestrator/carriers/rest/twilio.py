"""Twilio's REST API (https://www.twilio.com/docs/voice/api): form fields in, JSON out, basic auth by an API key or the auth token."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as Xml

from offhook.adapters.http import Http, Json, Pace, Reply
from offhook.errors import AdapterError, AdapterNotFound, AdapterRejected, AdapterUnauthorized, AdapterUnavailable
from offhook.orchestrator.carriers.rest.port import KEYS, CarrierNumber, NewLeg, PlacedCall, Standing
from offhook.orchestrator.carriers.schemas import Credentials

BASE: Final = "https://api.twilio.com"
PACES: Final = (Pace(20, 0),)
"""At once; what an account may have in a second is its own matter, and is said by 429."""
DETECTION: Final = {"detect": "Enable", "message_end": "DetectMessageEnd"}
_OVER: Final = frozenset({20404, 21220})
"""Error codes: no such call; it is not in a state for that (it has ended)."""
_DENIED: Final = frozenset({20003, 20005, 20008})
"""Authentication failed, account not active, test credentials where none can be used."""


def authorization(opened: Credentials) -> dict[str, str]:
    """Basic authorisation: the API key where there is one, else the account itself."""
    user, secret = opened.account_sid, opened.auth_token
    if opened.api_key_secret:
        user, secret = opened.api_key_sid or opened.account_sid, opened.api_key_secret
    plain = f"{user}:{secret.get_secret_value()}".encode()
    return {"authorization": f"Basic {base64.b64encode(plain).decode()}"}


class TwilioRest:
    """See CarrierRest. SignalWire's compatibility API is the same but for where it is."""

    kind: str = "twilio"
    SWITCHES: ClassVar[Mapping[str, str]] = {"VoiceApplicationSid": "", "TrunkSid": ""}
    """What else would answer a number before its own URL does: taken away."""

    def __init__(self, http: Http, account: str) -> None:
        http.classify = self._classify
        self._http = http
        self._account = account
        self._root = f"/2010-04-01/Accounts/{quote(account, safe='')}"

    async def hang_up(self, call: str) -> None:
        """See CarrierRest."""
        try:
            await self._post(self._call(call), [("Status", "completed")], repeat=True)
        except AdapterNotFound:
            return

    async def redirect(self, call: str, url: str) -> None:
        """See CarrierRest."""
        await self._post(self._call(call), [("Url", url), ("Method", "POST")], repeat=True)

    async def send_keys(self, call: str, digits: str, then: str = "") -> None:
        """See CarrierRest. Not repeated where the answer was lost: keys pressed twice are other keys."""
        if not digits or not KEYS.issuperset(digits):
            raise AdapterRejected(self._http.adapter, "these are no keys of a telephone")
        if not then:
            raise AdapterRejected(self._http.adapter, "this carrier presses keys only where the call can go on with a document afterwards")
        root = Xml.Element("Response")
        Xml.SubElement(root, "Play", digits=digits)
        Xml.SubElement(root, "Redirect", method="POST").text = then
        await self._post(self._call(call), [("Twiml", Xml.tostring(root, encoding="unicode"))])

    async def place(self, leg: NewLeg) -> str:
        """See CarrierRest. Twilio knows no idempotency key: ``Kept`` (placing.py) looks for the call before it asks again."""
        fields = [("To", leg.to), ("From", leg.caller_id), ("Url", leg.answer_url), ("Method", "POST"), ("Timeout", str(leg.timeout_s))]
        if leg.status_url:
            events = ("initiated", "ringing", "answered", "completed") if leg.progress else ("initiated", "completed")
            fields += [("StatusCallback", leg.status_url), ("StatusCallbackMethod", "POST")]
            fields += [("StatusCallbackEvent", event) for event in events]
        if leg.machine_detection != "off":
            fields.append(("MachineDetection", DETECTION[leg.machine_detection]))
            if leg.heard_url:
                fields += [("AsyncAmd", "true"), ("AsyncAmdStatusCallback", leg.heard_url), ("AsyncAmdStatusCallbackMethod", "POST")]
        made = (await self._post(f"{self._root}/Calls.json", fields)).json()
        return self._text(made, "sid")

    async def find(self, leg: NewLeg, since: datetime) -> Sequence[PlacedCall]:
        """See CarrierRest. Not asked by start: a call that is queued has none yet."""
        params = {"To": leg.to, "From": leg.caller_id, "PageSize": "50"}
        listed = self._list(await self._http.get(f"{self._root}/Calls.json", params=params), "calls")
        calls = [self._placed(one) for one in listed]
        # Twilio's times are of whole seconds.
        floor = since.replace(microsecond=0)
        return sorted((one for one in calls if one.made_at is None or one.made_at >= floor), key=lambda one: one.made_at or floor)

    async def numbers(self) -> list[CarrierNumber]:
        """See CarrierRest."""
        found: list[CarrierNumber] = []
        path = f"{self._root}/IncomingPhoneNumbers.json?PageSize=200"
        while path:
            page = await self._http.get(path)
            found += [self._number(one) for one in self._list(page, "incoming_phone_numbers") if _speaks(one)]
            path = self._next(str(page.get("next_page_uri") or ""))
        return found

    async def number(self, id: str) -> CarrierNumber:
        """See CarrierRest."""
        return self._number(await self._http.get(self._incoming(id)))

    async def attach(self, number_id: str, voice_url: str) -> CarrierNumber:
        """See CarrierRest. An application or trunk would answer before the URL does: both are taken away."""
        fields = [("VoiceUrl", voice_url), ("VoiceMethod", "POST"), *self.SWITCHES.items()]
        return self._number((await self._post(self._incoming(number_id), fields, repeat=True)).json())

    async def standing(self) -> Standing:
        """See CarrierRest. A trial account rings only numbers that it has verified."""
        account = await self._http.get(f"{self._root}.json")
        status = str(account.get("status"))
        if status != "active":
            return Standing(False, f"the carrier says that the account is {status}", places_calls=False)
        trial = str(account.get("type", "")).lower() == "trial"
        return Standing(True, "a trial account: it rings only numbers that are verified there" if trial else "", places_calls=not trial)

    def _call(self, call: str) -> str:
        return f"{self._root}/Calls/{quote(call, safe='')}.json"

    def _incoming(self, number: str) -> str:
        return f"{self._root}/IncomingPhoneNumbers/{quote(number, safe='')}.json"

    async def _post(self, path: str, fields: list[tuple[str, str]], *, repeat: bool = False) -> Reply:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._http.send("POST", path, content=urlencode(fields).encode(), headers=kind, repeat=repeat)

    def _next(self, uri: str) -> str:
        """The path of a list's next page."""
        return uri

    def _classify(self, status: int, _: Mapping[str, str], body: bytes) -> AdapterError | None:
        """The carrier's own error codes say more than the status does."""
        if 200 <= status < 300:
            return None
        try:
            code = json.loads(body).get("code")
            code = int(code) if str(code).isdigit() else None
        except (ValueError, AttributeError):
            return None
        name, detail = self._http.adapter, body[:2_000].decode("utf-8", "replace")
        if code in _OVER:
            return AdapterNotFound(name, "there is no such call or number at the carrier any more", detail=detail)
        if code in _DENIED:
            return AdapterUnauthorized(name, "the carrier does not take the account's keys", detail=detail)
        if status == 400 and code is not None:
            return AdapterRejected(name, f"the carrier will not do this (its error {code})", detail=detail)
        return None

    def _number(self, one: Mapping[str, Any]) -> CarrierNumber:
        other = "trunk" if one.get("trunk_sid") else "application" if one.get("voice_application_sid") else ""
        return CarrierNumber(
            id=self._text(one, "sid"),
            did=str(one.get("phone_number") or ""),
            label=str(one.get("friendly_name") or ""),
            voice_url="" if other else str(one.get("voice_url") or ""),
            fallback_url=str(one.get("voice_fallback_url") or ""),
            used_by=other,
        )

    def _placed(self, one: Mapping[str, Any]) -> PlacedCall:
        made = _when(one.get("date_created"))
        return PlacedCall(self._text(one, "sid"), str(one.get("to")), str(one.get("from")), str(one.get("status")), made)

    def _list(self, page: Json, name: str) -> list[dict[str, Any]]:
        rows = page.get(name) if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        return [one for one in rows if isinstance(one, dict)]

    def _text(self, one: Json, name: str) -> str:
        value = one.get(name) if isinstance(one, dict) else None
        if not isinstance(value, str) or not value:
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        return value


def _speaks(one: Mapping[str, Any]) -> bool:
    """Whether a number takes calls at all; some are for messages only."""
    return bool((one.get("capabilities") or {}).get("voice", True))


def _when(text: object) -> datetime | None:
    try:
        return parsedate_to_datetime(str(text)).astimezone(UTC)
    except ValueError:
        return None
