"""Plivo's REST API (https://www.plivo.com/docs/voice/api): JSON both ways, basic auth. Numbers are answered by applications.

An application's address is that of all its numbers; the account names the one that is ours. Plivo writes numbers without the plus sign.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from offhook.adapters.http import Http, Json, Pace
from offhook.errors import AdapterNotFound, AdapterRejected, AdapterUnavailable
from offhook.orchestrator.carriers.rest.port import KEYS, CarrierNumber, NewLeg, PlacedCall, Standing
from offhook.orchestrator.carriers.schemas import Credentials

BASE: Final = "https://api.plivo.com"
PACES: Final = (Pace(10, 0),)
PART: Final = 20
"""Rows of a page: no more are given."""
PAGES: Final = 100


def authorization(opened: Credentials) -> dict[str, str]:
    """The auth id and its token."""
    plain = f"{opened.account_sid}:{opened.auth_token.get_secret_value()}".encode()
    return {"authorization": f"Basic {base64.b64encode(plain).decode()}"}


class PlivoRest:
    """See CarrierRest."""

    kind: str = "plivo"

    def __init__(self, http: Http, account: str, application: str) -> None:
        self._http = http
        self._root = f"/v1/Account/{quote(account, safe='')}"
        self._application = application

    async def hang_up(self, call: str) -> None:
        """See CarrierRest. A call that rings nobody yet is only a request."""
        for kind in ("Call", "Request"):
            try:
                await self._http.send("DELETE", f"{self._root}/{kind}/{quote(call, safe='')}/", repeat=True)
            except AdapterNotFound:
                continue
            return

    async def redirect(self, call: str, url: str) -> None:
        """See CarrierRest."""
        body = {"legs": "aleg", "aleg_url": url, "aleg_method": "POST"}
        await self._http.send("POST", self._call(call), body=body, repeat=True)

    async def send_keys(self, call: str, digits: str, then: str = "") -> None:  # noqa: ARG002 - the call's document goes on
        """See CarrierRest. Not repeated where the answer was lost: keys pressed twice are other keys."""
        if not digits or not KEYS.issuperset(digits):
            raise AdapterRejected(self._http.adapter, "these are no keys of a telephone")
        await self._http.send("POST", f"{self._call(call)}DTMF/", body={"digits": digits, "leg": "aleg"})

    async def place(self, leg: NewLeg) -> str:
        """See CarrierRest. Plivo cannot wait for the end of a machine's greeting in the way of the others."""
        if leg.machine_detection == "message_end":
            raise AdapterRejected(self._http.adapter, "this carrier does not say when a machine's greeting has ended")
        body: dict[str, Any] = {
            "from": _bare(leg.caller_id),
            "to": _bare(leg.to),
            "answer_url": leg.answer_url,
            "answer_method": "POST",
            "ring_timeout": leg.timeout_s,
        }
        if leg.status_url:
            body |= {"hangup_url": leg.status_url, "hangup_method": "POST"}
            body |= {"ring_url": leg.status_url, "ring_method": "POST"} if leg.progress else {}
        if leg.machine_detection == "detect":
            body["machine_detection"] = "true"
            if leg.heard_url:
                body |= {"machine_detection_url": leg.heard_url, "machine_detection_method": "POST"}
        made = (await self._http.send("POST", f"{self._root}/Call/", body=body)).json()
        return self._text(made, "request_uuid")

    async def find(self, leg: NewLeg, since: datetime) -> Sequence[PlacedCall]:
        """See CarrierRest. Calls that go on are listed by id alone, those that are over by their numbers."""
        found: dict[str, PlacedCall] = {}
        for status in ("live", "queued"):
            listed = await self._http.get(f"{self._root}/Call/", params={"status": status})
            for call in (listed.get("calls") or [])[:PART]:
                try:
                    one = await self._http.get(self._call(str(call)), params={"status": status})
                except AdapterNotFound:
                    continue
                if (_bare(str(one.get("from"))), _bare(str(one.get("to")))) == (_bare(leg.caller_id), _bare(leg.to)):
                    found[str(call)] = PlacedCall(str(call), leg.to, leg.caller_id, status)
        params = {"from_number": _bare(leg.caller_id), "to_number": _bare(leg.to), "limit": str(PART)}
        for one in self._objects(await self._http.get(f"{self._root}/Call/", params=params)):
            made, call = _when(one.get("initiation_time")), self._text(one, "call_uuid")
            if made is None or made >= since.replace(microsecond=0):
                found.setdefault(call, PlacedCall(call, leg.to, leg.caller_id, "completed", made))
        return sorted(found.values(), key=lambda one: one.made_at or since)

    async def numbers(self) -> list[CarrierNumber]:
        """See CarrierRest."""
        application = await self._app()
        found: list[CarrierNumber] = []
        for page in range(PAGES):
            params = {"services": "voice", "limit": str(PART), "offset": str(page * PART)}
            rows = self._objects(await self._http.get(f"{self._root}/Number/", params=params))
            found += [self._number(one, application) for one in rows]
            if len(rows) < PART:
                break
        return found

    async def number(self, id: str) -> CarrierNumber:
        """See CarrierRest."""
        return self._number(await self._http.get(f"{self._root}/Number/{quote(id, safe='')}/"), await self._app())

    async def attach(self, number_id: str, voice_url: str) -> CarrierNumber:
        """See CarrierRest. The application's address is set first, so that the number never asks another."""
        application = await self._app()
        if not application:
            raise AdapterRejected(self._http.adapter, "enter the application of this account first: numbers are attached by it")
        if application.get("answer_url") != voice_url:
            change = {"answer_url": voice_url, "answer_method": "POST"}
            await self._http.send("POST", self._application_path(), body=change, repeat=True)
        path = f"{self._root}/Number/{quote(number_id, safe='')}/"
        await self._http.send("POST", path, body={"app_id": self._application}, repeat=True)
        return await self.number(number_id)

    async def standing(self) -> Standing:
        """See CarrierRest."""
        await self._http.get(f"{self._root}/")
        return Standing(True)

    async def _app(self) -> Mapping[str, Any]:
        if not self._application:
            return {}
        found: dict[str, Any] = await self._http.get(self._application_path())
        return found

    def _application_path(self) -> str:
        return f"{self._root}/Application/{quote(self._application, safe='')}/"

    def _call(self, call: str) -> str:
        return f"{self._root}/Call/{quote(call, safe='')}/"

    def _number(self, one: Mapping[str, Any], application: Mapping[str, Any]) -> CarrierNumber:
        number, theirs = self._text(one, "number"), str(one.get("application") or "")
        ours = bool(self._application) and theirs.rstrip("/").rpartition("/")[2] == self._application
        return CarrierNumber(
            id=number,
            did=f"+{_bare(number)}",
            label=str(one.get("alias") or ""),
            voice_url=str(application.get("answer_url") or "") if ours else "",
            fallback_url=str(application.get("fallback_answer_url") or "") if ours else "",
            used_by="application" if theirs and not ours else "",
        )

    def _objects(self, page: Json) -> list[dict[str, Any]]:
        rows = page.get("objects") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        return [one for one in rows if isinstance(one, dict)]

    def _text(self, one: Json, name: str) -> str:
        value = one.get(name) if isinstance(one, dict) else None
        if not isinstance(value, str) or not value:
            raise AdapterUnavailable(self._http.adapter, "the carrier's answer is not what it documents")
        return value


def _bare(number: str) -> str:
    return number.removeprefix("+")


def _when(text: object) -> datetime | None:
    try:
        made = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return made if made.tzinfo else made.replace(tzinfo=UTC)
