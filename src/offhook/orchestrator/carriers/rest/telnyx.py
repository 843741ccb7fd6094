"""Telnyx's REST API (https://developers.telnyx.com/api-reference): TeXML calls, keys by call control, numbers by their TeXML application.

A number at Telnyx belongs to a connection, and a TeXML application is one: its address is that of all its numbers. The account names the
application that is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from offhook.adapters.http import Http, Json, Pace
from offhook.errors import AdapterNotFound, AdapterRejected, AdapterUnavailable
from offhook.orchestrator.carriers.rest.port import KEYS, CarrierNumber, NewLeg, PlacedCall, Standing
from offhook.orchestrator.carriers.schemas import Credentials

BASE: Final = "https://api.telnyx.com/v2"
PACES: Final = (Pace(10, 0),)
DETECTION: Final = {"detect": "Enable", "message_end": "DetectMessageEnd"}
PAGES: Final = 100


def authorization(opened: Credentials) -> dict[str, str]:
    """The API key, as a bearer."""
    return {"authorization": f"Bearer {opened.auth_token.get_secret_value()}"}


class TelnyxRest:
    """See CarrierRest."""

    kind: str = "telnyx"

    def __init__(self, http: Http, account: str, application: str) -> None:
        self._http = http
        self._root = f"/texml/Accounts/{quote(account, safe='')}/Calls"
        self._application = application

    async def hang_up(self, call: str) -> None:
        """See CarrierRest. A call that has ended is refused as unprocessable: it is gone."""
        try:
            await self._update(call, {"Status": "completed"})
        except AdapterNotFound:
            return

    async def redirect(self, call: str, url: str) -> None:
        """See CarrierRest."""
        await self._update(call, {"Url": url, "Method": "POST"})

    async def send_keys(self, call: str, digits: str, then: str = "") -> None:  # noqa: ARG002 - the call's document goes on
        """See CarrierRest. Not repeated where the answer was lost: keys pressed twice are other keys."""
        if not digits or not KEYS.issuperset(digits):
            raise AdapterRejected(self._http.adapter, "these are no keys of a telephone")
        path = f"/calls/{quote(call, safe='')}/actions/send_dtmf"
        self._there(await self._http.send("POST", path, body={"digits": digits}, also=(422,)))

    async def place(self, leg: NewLeg) -> str:
        """See CarrierRest. An answer without the call's id leaves it to be found in the list."""
        if not self._application:
            raise AdapterRejected(self._http.adapter, "enter the TeXML application of this account first: calls are placed by it")
        body: dict[str, Any] = {"ApplicationSid": self._application, "To": leg.to, "From": leg.caller_id, "Timeout": leg.timeout_s}
        body |= {"Url": leg.answer_url, "UrlMethod": "POST"}
        if leg.status_url:
            events = "initiated ringing answered completed" if leg.progress else "initiated completed"
            body |= {"StatusCallback": leg.status_url, "StatusCallbackMethod": "POST", "StatusCallbackEvent": events}
        if leg.machine_detection != "off":
            body["MachineDetection"] = DETECTION[leg.machine_detection]
            if leg.heard_url:
                body |= {"AsyncAmd": True, "AsyncAmdStatusCallback": leg.heard_url, "AsyncAmdStatusCallbackMethod": "POST"}
        made = (await self._http.send("POST", self._root, body=body)).json()
        return self._text(made, "call_sid" if isinstance(made, dict) and made.get("call_sid") else "sid")

    async def find(self, leg: NewLeg, since: datetime) -> Sequence[PlacedCall]:
        """See CarrierRest."""
        params = {"To": leg.to, "From": leg.caller_id, "PageSize": "50"}
        page = await self._http.get(f"{self._root}.json", params=params)
        rows = page.get("calls") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        floor = since.replace(microsecond=0)
        calls = [
            PlacedCall(self._text(one, "sid"), str(one.get("to")), str(one.get("from")), str(one.get("status")), _when(one)) for one in rows
        ]
        return sorted((one for one in calls if one.made_at is None or one.made_at >= floor), key=lambda one: one.made_at or floor)

    async def numbers(self) -> list[CarrierNumber]:
        """See CarrierRest."""
        application = await self._app()
        found: list[CarrierNumber] = []
        for page in range(1, PAGES):
            part = await self._http.get("/phone_numbers", params={"page[number]": str(page), "page[size]": "250"})
            rows = self._data(part)
            found += [self._number(one, application) for one in rows]
            if page >= int((part.get("meta") or {}).get("total_pages", 1)):
                break
        return found

    async def number(self, id: str) -> CarrierNumber:
        """See CarrierRest."""
        one = self._data(await self._http.get(f"/phone_numbers/{quote(id, safe='')}"))
        return self._number(one, await self._app())

    async def attach(self, number_id: str, voice_url: str) -> CarrierNumber:
        """See CarrierRest. The application's address is set first, so that the number never asks another."""
        application = await self._app()
        if not application:
            raise AdapterRejected(self._http.adapter, "enter the TeXML application of this account first: numbers are attached by it")
        if application.get("voice_url") != voice_url:
            change = {"friendly_name": self._text(application, "friendly_name"), "voice_url": voice_url, "voice_method": "post"}
            path = f"/texml_applications/{quote(self._application, safe='')}"
            application = self._data((await self._http.send("PATCH", path, body=change, repeat=True)).json())
        path = f"/phone_numbers/{quote(number_id, safe='')}"
        await self._http.send("PATCH", path, body={"connection_id": self._application}, repeat=True)
        return await self.number(number_id)

    async def standing(self) -> Standing:
        """See CarrierRest."""
        await self._http.get("/balance")
        note = "" if self._application else "no TeXML application is entered: numbers cannot be attached, nor calls placed"
        return Standing(True, note, places_calls=bool(self._application))

    async def _app(self) -> dict[str, Any]:
        """Our TeXML application; empty where none is entered."""
        if not self._application:
            return {}
        found: dict[str, Any] = self._data(await self._http.get(f"/texml_applications/{quote(self._application, safe='')}"))
        return found

    async def _update(self, call: str, fields: Mapping[str, str]) -> None:
        content = urlencode(fields).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        path = f"{self._root}/{quote(call, safe='')}"
        self._there(await self._http.send("POST", path, content=content, headers=kind, repeat=True, also=(422,)))

    def _there(self, reply: Any) -> None:  # noqa: ANN401 - a Reply
        """Telnyx says 422 with a code of its own where the call has ended; AdapterNotFound then, AdapterRejected for anything else."""
        if reply.status != 422:
            return
        text = reply.body.decode("utf-8", "replace")
        if '"90018"' in text or "already ended" in text:
            raise AdapterNotFound(self._http.adapter, "there is no such call at the carrier any more", detail=text[:2_000])
        raise AdapterRejected(self._http.adapter, "the carrier will not do this (422)", detail=text[:2_000])

    def _number(self, one: Mapping[str, Any], application: Mapping[str, Any]) -> CarrierNumber:
        ours = bool(self._application) and str(one.get("connection_id") or "") == self._application
        return CarrierNumber(
            id=self._text(one, "id"),
            did=str(one.get("phone_number") or ""),
            label=str(one.get("customer_reference") or ""),
            voice_url=str(application.get("voice_url") or "") if ours else "",
            fallback_url=str(application.get("voice_fallback_url") or "") if ours else "",
            used_by="connection" if one.get("connection_id") and not ours else "",
        )

    def _data(self, answer: Json) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(answer, dict) or "data" not in answer:
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        return answer["data"]

    def _text(self, one: Json, name: str) -> str:
        value = one.get(name) if isinstance(one, dict) else None
        if not isinstance(value, str) or not value:
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        return value


def _when(one: Mapping[str, Any]) -> datetime | None:
    try:
        return parsedate_to_datetime(str(one.get("date_created"))).astimezone(UTC)
    except ValueError:
        return None
