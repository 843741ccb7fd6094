"""A simulator of Xero: organisations, contacts, quotes, invoices, histories; names and numbers are unique, keys are kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar, Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Customer, RecordKind
from offhook.adapters.port import Incoming
from offhook.testing.business.base import Refused, Simulator, json_of

BASE_PATH: Final = "/api.xro/2.0"
MOST: Final = 1_000


class XeroSimulator(Simulator):
    """See the module. ``ended``: access tokens that are not taken any more; ``organisations``: what they reach, id to name."""

    NAME: ClassVar[str] = "crm/xero"
    BASE: ClassVar[str] = "https://api.xero.com/api.xro/2.0"

    def __init__(self) -> None:
        super().__init__()
        self.ended = set[str]()
        self.organisations = {_new(): "Acme Plumbing"}
        self.contacts: dict[str, dict[str, Any]] = {}
        self.quotes: dict[str, dict[str, Any]] = {}
        self.invoices: dict[str, dict[str, Any]] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.keys: dict[str, tuple[str, bytes]] = {}
        """Idempotency keys, with what was sent and what was answered."""
        self._sequence = 0

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        return [
            Route("/Connections", self._connections),
            Route(f"{BASE_PATH}/Contacts", self._list_contacts, methods=["GET"]),
            Route(f"{BASE_PATH}/Contacts", self._make_contacts, methods=["PUT"]),
            Route(f"{BASE_PATH}/Contacts/{{id}}", self._one_contact, methods=["GET", "POST"]),
            Route(f"{BASE_PATH}/{{kind}}/{{id}}/History", self._history, methods=["GET", "PUT"]),
            Route(f"{BASE_PATH}/Quotes", self._quotes, methods=["GET", "PUT"]),
            Route(f"{BASE_PATH}/Invoices", self._invoices),
        ]

    # -- people -----------------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        if kind == "customer":
            return sum(one["ContactStatus"] == "ACTIVE" for one in self.contacts.values())
        if kind == "lead":
            return sum(one["Status"] != "DELETED" for one in self.quotes.values())
        return len(self.notes()) if kind == "note" else 0

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        contact: dict[str, Any] = {"Name": customer.name, "EmailAddress": customer.email}
        contact["Phones"] = [
            {"PhoneType": kind, "PhoneNumber": phone} for kind, phone in zip(("DEFAULT", "MOBILE"), customer.phones, strict=False)
        ]
        if customer.address:
            contact["Addresses"] = [{"AddressType": "STREET", "AddressLine1": customer.address}]
        return str(self._kept(contact, unique=False)["ContactID"])

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        one = self.contacts.get(id)
        if one is None or one["ContactStatus"] != "ACTIVE":
            return None
        phones = tuple(phone["PhoneNumber"] for phone in one["Phones"] if phone["PhoneNumber"])
        street = next((place["AddressLine1"] for place in one["Addresses"] if place.get("AddressLine1")), "")
        return Customer(id, one["Name"], phones, one["EmailAddress"], street)

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        self.contacts[id] |= {"Name": name, "UpdatedDateUTC": self._stamp()}

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator. Contacts are archived, quotes deleted."""
        if kind == "customer":
            self.contacts[id] |= {"ContactStatus": "ARCHIVED", "UpdatedDateUTC": self._stamp()}
        else:
            self.quotes[id] |= {"Status": "DELETED", "UpdatedDateUTC": self._stamp()}

    def add_invoice(self, customer: str, due: str, currency: str = "AUD", status: str = "AUTHORISED") -> str:
        """Somebody sends an invoice."""
        made, whose = _new(), {"Type": "ACCREC", "Contact": {"ContactID": customer}, "Status": status, "CurrencyCode": currency}
        self.invoices[made] = {"InvoiceID": made, **whose, "AmountDue": float(due), "UpdatedDateUTC": self._stamp()}
        return made

    def add_job(self, customer: str, title: str) -> str:
        """Somebody sends a quote, the nearest that there is to a job."""
        quote = {"Contact": {"ContactID": customer}, "Title": title, "Status": "SENT", "LineItems": [{"Description": title}]}
        return str(self._quoted(quote)["QuoteID"])

    def notes(self) -> list[str]:
        """See Simulator."""
        return [one["Details"] for lines in self.histories.values() for one in lines]

    def forget(self) -> None:
        """Idempotency keys do not last."""
        self.keys.clear()

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """See Simulator."""
        self._sequence += 1
        event = {
            "resourceUrl": f"{self.BASE}/Contacts/{_new()}",
            "resourceId": _new(),
            "eventDateUtc": self.clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "eventType": "UPDATE",
            "eventCategory": "CONTACT",
            "tenantId": next(iter(self.organisations)),
            "tenantType": "ORGANISATION",
        }
        return _signed(secret, [event], 1 if once else self._sequence, once or f"E{self._sequence:019}")

    def handshake(self, secret: str) -> tuple[Incoming, bytes] | None:
        """See Simulator."""
        return _signed(secret, [], 0, "S0m3r4Nd0mt3xt"), b""

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    def too_many(self) -> Response:
        """See Simulator."""
        return Response("", 429, {"Retry-After": "7", "X-Rate-Limit-Problem": "minute"})

    async def _connections(self, request: Request) -> Response:
        self._authorised(request, organisation=False)
        stamp = self.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        always = {"tenantType": "ORGANISATION", "createdDateUtc": stamp, "updatedDateUtc": stamp}
        found = [{"id": _new(), "tenantId": one, "tenantName": name, **always} for one, name in self.organisations.items()]
        return JSONResponse(found)

    async def _list_contacts(self, request: Request) -> Response:
        self._authorised(request)
        asked = request.query_params
        found = [one for one in self.contacts.values() if asked.get("includeArchived") == "true" or one["ContactStatus"] == "ACTIVE"]
        if term := asked.get("searchTerm", "").casefold():
            found = [
                one for one in found if any(term in one.get(part, "").casefold() for part in ("Name", "EmailAddress", "ContactNumber"))
            ]
        if since := request.headers.get("if-modified-since"):
            at = int(datetime.fromisoformat(since).timestamp() * 1000)
            found = [one for one in found if _milliseconds(one["UpdatedDateUTC"]) >= at]
        if asked.get("order") == "ContactID ASC":
            found.sort(key=lambda one: str(one["ContactID"]))
        return self._answer(self._page(request, "Contacts", found))

    async def _make_contacts(self, request: Request) -> Response:
        self._authorised(request)
        return await self._once(request, lambda sent: {"Contacts": [self._kept(one) for one in sent["Contacts"]]})

    async def _one_contact(self, request: Request) -> Response:
        self._authorised(request)
        known = self.contacts.get(request.path_params["id"])
        if known is None:
            raise Refused(404, "The resource you're looking for cannot be found")
        if request.method == "GET":
            return self._answer({"Contacts": [known]})
        return await self._once(request, lambda sent: {"Contacts": [self._completed(known, sent["Contacts"][0])]})

    async def _history(self, request: Request) -> Response:
        self._authorised(request)
        about, kind = request.path_params["id"], request.path_params["kind"]
        if about not in (self.contacts if kind == "Contacts" else self.quotes):
            raise Refused(404, "The resource you're looking for cannot be found")
        lines = self.histories.setdefault(about, [])
        if request.method == "GET":
            return self._answer({"HistoryRecords": lines})

        def noted(sent: dict[str, Any]) -> dict[str, Any]:
            new = [{"Details": one["Details"], "Changes": "Note", "DateUTC": self._stamp()} for one in sent["HistoryRecords"]]
            if any(len(one["Details"]) > 2_500 for one in new):
                raise _invalid("Details must be no longer than 2500 characters")
            lines.extend(new)
            return {"HistoryRecords": new}

        return await self._once(request, noted)

    async def _quotes(self, request: Request) -> Response:
        self._authorised(request)
        if request.method == "PUT":
            return await self._once(request, lambda sent: {"Quotes": [self._quoted(one) for one in sent["Quotes"]]})
        of = request.query_params.get("ContactID")
        found = [one for one in self.quotes.values() if of in {None, one["Contact"]["ContactID"]}]
        found.sort(key=lambda one: _milliseconds(one["UpdatedDateUTC"]), reverse=request.query_params.get("order") == "UpdatedDateUTC DESC")
        return self._answer(self._page(request, "Quotes", found))

    async def _invoices(self, request: Request) -> Response:
        self._authorised(request)
        contacts, statuses = (request.query_params.get(one, "").split(",") for one in ("ContactIDs", "Statuses"))
        found = [one for one in self.invoices.values() if one["Contact"]["ContactID"] in contacts and one["Status"] in statuses]
        return self._answer(self._page(request, "Invoices", found))

    # -- state ------------------------------------------------------------------------------------------------------------------

    def _kept(self, sent: dict[str, Any], *, unique: bool = True) -> dict[str, Any]:
        name = sent.get("Name", "")
        if not name or len(name) > 255:
            raise _invalid("Contact name must be given, and be no longer than 255 characters")
        live = [one for one in self.contacts.values() if one["ContactStatus"] == "ACTIVE"]
        if unique and any(one["Name"].casefold() == name.casefold() for one in live):
            raise _invalid(f"The contact name {name} is already assigned to another contact.")
        if (number := sent.get("ContactNumber")) and any(one.get("ContactNumber") == number for one in self.contacts.values()):
            raise _invalid(f"The contact number {number} is already assigned to another contact.")
        blank = {"EmailAddress": "", "Phones": [], "Addresses": [], "ContactStatus": "ACTIVE"}
        made = {**blank, **sent, "ContactID": _new(), "UpdatedDateUTC": self._stamp()}
        self.contacts[made["ContactID"]] = made
        return made

    def _completed(self, known: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        taken = {phone["PhoneType"]: phone for phone in [*known["Phones"], *sent.get("Phones", [])]}
        known |= {**sent, "Phones": list(taken.values()), "ContactID": known["ContactID"], "UpdatedDateUTC": self._stamp()}
        return known

    def _quoted(self, sent: dict[str, Any]) -> dict[str, Any]:
        if sent["Contact"]["ContactID"] not in self.contacts:
            raise _invalid("The Contact does not exist")
        if len(sent.get("Title", "")) > 100 or not sent.get("LineItems"):
            raise _invalid("A quote needs a line, and a title of no more than 100 characters")
        number = f"QU-{len(self.quotes) + 1:04}"
        made = {**sent, "QuoteID": _new(), "QuoteNumber": number, "UpdatedDateUTC": self._stamp(), "CurrencyCode": "AUD"}
        made["Date"] = self._stamp()
        self.quotes[made["QuoteID"]] = made
        return made

    def _authorised(self, request: Request, *, organisation: bool = True) -> None:
        word, _, token = request.headers.get("authorization", "").partition(" ")
        if word != "Bearer" or not token or token.endswith("-stale") or token in self.ended:
            raise Refused(401, {"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired"})
        if organisation and request.headers.get("xero-tenant-id") not in self.organisations:
            raise Refused(403, {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"})

    async def _once(self, request: Request, write: Any) -> Response:  # noqa: ANN401 - JSON to JSON
        """A write under its idempotency key: the same one is answered as before; the same key for another request is refused."""
        sent = await json_of(request)
        key, what = request.headers.get("idempotency-key", ""), f"{request.method} {request.url.path} {sent}"
        if len(key) > 128:
            raise _invalid("The idempotency key is longer than 128 characters")
        if key in self.keys:
            before, reply = self.keys[key]
            if before != what:
                raise _invalid("The idempotency key was used for another request")
            return Response(reply, 200, media_type="application/json")
        answer = self._answer(cast("dict[str, Any]", write(sent)))
        if key:
            self.keys[key] = (what, bytes(answer.body))
        return answer

    def _answer(self, body: dict[str, Any]) -> Response:
        return JSONResponse(body, headers={"Date": format_datetime(self.clock().astimezone(UTC), usegmt=True)})

    def _page(self, request: Request, name: str, found: list[dict[str, Any]]) -> dict[str, Any]:
        size = self.page_size or min(int(request.query_params.get("pageSize", "100")), MOST)
        page = int(request.query_params.get("page", "1"))
        paging = {"page": page, "pageSize": size, "pageCount": -(-len(found) // size), "itemCount": len(found)}
        return {"pagination": paging, name: found[(page - 1) * size : page * size]} if name != "Quotes" else {name: found[:size]}

    def _stamp(self) -> str:
        return f"/Date({int(self.clock().timestamp() * 1000)}+0000)/"


def _new() -> str:
    return str(uuid.uuid4())


def _milliseconds(date: str) -> int:
    return int(date.removeprefix("/Date(").removesuffix("+0000)/"))


def _invalid(message: str) -> Refused:
    errors = [{"ValidationErrors": [{"Message": message}]}]
    return Refused(
        400, {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred", "Elements": errors}
    )


def _signed(secret: str, events: list[dict[str, Any]], sequence: int, entropy: str) -> Incoming:
    said = {"events": events, "lastEventSequence": sequence, "firstEventSequence": sequence, "entropy": entropy}
    body = json.dumps(said).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return Incoming({"x-xero-signature": signature}, {}, body)


SIMULATOR = XeroSimulator
