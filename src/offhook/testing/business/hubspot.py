"""A simulator of HubSpot: contacts, deals, notes, associations, properties that must be made first, and a search that ends at 10,000."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Customer, RecordKind
from offhook.adapters.port import Incoming
from offhook.testing.business.base import Refused, Simulator, json_of

OBJECTS: Final = ("contacts", "deals", "notes")
DEEPEST: Final = 10_000
LONGEST: Final = 65_536
KNOWN: Final = {
    "contacts": {
        "firstname", "lastname", "email", "phone", "mobilephone", "address", "company", "lastmodifieddate", "hs_object_id",
        "hs_merged_object_ids",
    },
    "deals": {"dealname", "pipeline", "dealstage", "description", "amount", "closedate", "dealtype", "hs_priority", "hs_is_closed"},
    "notes": {"hs_timestamp", "hs_note_body"},
}  # fmt: skip
"""Properties that an account has from the start."""
NOTE_TYPES: Final = {202: "contacts", 214: "deals"}
HOOK_URL: Final = "https://offhook.example/hooks/in/ten_1/con_1/token?from=%40hubspot"


class HubSpotSimulator(Simulator):
    """See the module. ``ended``: access tokens that are not taken any more."""

    NAME: ClassVar[str] = "crm/hubspot"
    BASE: ClassVar[str] = "https://api.hubapi.com"

    def __init__(self, timezone: str = "Europe/London") -> None:
        super().__init__()
        self.timezone = timezone
        self.ended = set[str]()
        self.records: dict[str, dict[str, dict[str, Any]]] = {one: {} for one in OBJECTS}
        self.links: set[tuple[str, str, str, str]] = set()
        """Associations, from kind and id to kind and id; each stands once and is read both ways."""
        self.unique: dict[str, set[str]] = {"contacts": {"email"}, "deals": set(), "notes": set()}
        self.known = {kind: set(names) for kind, names in KNOWN.items()}
        self.pipelines = {"default": ("Sales", {"appointmentscheduled": "New", "closedwon": "Won"})}
        self._ids = itertools.count(101)

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        objects = "/crm/v3/objects/{kind}"
        paths: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("GET", "/account-info/v3/details", self._account),
            ("GET", "/crm/v3/pipelines/deals", self._pipelines),
            ("POST", "/crm/v3/properties/{kind}", self._property),
            ("POST", f"{objects}/search", self._search),
            ("POST", f"{objects}/batch/upsert", self._upsert),
            ("POST", f"{objects}/batch/read", self._read),
            ("GET", objects, self._list),
            ("POST", objects, self._create),
            ("GET", f"{objects}/{{id}}", self._get),
            ("PATCH", f"{objects}/{{id}}", self._patch),
            ("GET", "/crm/v4/objects/{kind}/{id}/associations/{to}", self._associated),
            ("PUT", "/crm/v4/objects/{kind}/{id}/associations/default/{to}/{other}", self._associate),
        ]
        return [Route(path, self._guarded(handler), methods=[method]) for method, path, handler in paths]

    # -- people -----------------------------------------------------------------------------------------------------------------

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        of = {"customer": "contacts", "lead": "deals", "note": "notes"}.get(kind)
        return sum(not one["archived"] for one in self.records[of].values()) if of else 0

    def add_customer(self, customer: Customer) -> str:
        """See Simulator."""
        first, _, last = customer.name.partition(" ")
        numbers = dict(zip(("phone", "mobilephone"), customer.phones, strict=False))
        known = {"firstname": first, "lastname": last, "email": customer.email, "address": customer.address, **numbers}
        return str(self._kept("contacts", {name: value for name, value in known.items() if value})["id"])

    def customer(self, id: str) -> Customer | None:
        """See Simulator."""
        one = self.records["contacts"].get(id)
        if one is None or one["archived"]:
            return None
        there = one["properties"]
        phones = tuple(there[name] for name in ("phone", "mobilephone") if there.get(name))
        name = f"{there.get('firstname', '')} {there.get('lastname', '')}".strip()
        return Customer(id, name, phones, there.get("email", ""), there.get("address", ""))

    def edit_customer(self, id: str, name: str) -> None:
        """See Simulator."""
        first, _, last = name.partition(" ")
        self._changed(self.records["contacts"][id], {"firstname": first, "lastname": last})

    def remove(self, kind: RecordKind, id: str) -> None:
        """See Simulator."""
        one = self.records[{"customer": "contacts", "lead": "deals"}.get(kind, "notes")][id]
        one |= {"archived": True, "archivedAt": self._stamp()}

    def merge(self, kept: str, gone: str) -> None:
        """Somebody merges two contacts into one."""
        self._changed(self.records["contacts"][kept], {"hs_merged_object_ids": gone})
        del self.records["contacts"][gone]

    def add_job(self, customer: str, title: str) -> str:
        """Somebody opens a deal, the nearest that there is to a job."""
        made = self._kept("deals", {"dealname": title, "pipeline": "default", "dealstage": "appointmentscheduled", "hs_is_closed": "false"})
        self.links.add(("deals", made["id"], "contacts", customer))
        return str(made["id"])

    def close(self, deal: str) -> None:
        """Somebody wins a deal."""
        self._changed(self.records["deals"][deal], {"hs_is_closed": "true"})

    def notes(self) -> list[str]:
        """See Simulator."""
        return [one["properties"]["hs_note_body"] for one in self.records["notes"].values()]

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """See Simulator."""
        event = {
            "eventId": int.from_bytes(hashlib.sha256(once.encode()).digest()[:4]) if once else next(self._ids),
            "subscriptionId": 7,
            "portalId": 123456,
            "occurredAt": int(self.clock().timestamp() * 1_000),
            "subscriptionType": "contact.propertyChange",
            "attemptNumber": 0,
            "objectId": 101,
        }
        stamp, body = str(int(self.clock().timestamp() * 1_000)), json.dumps([event]).encode()
        said = f"POST{HOOK_URL.replace('%40', '@')}".encode() + body + stamp.encode()
        signature = base64.b64encode(hmac.new(secret.encode(), said, hashlib.sha256).digest()).decode()
        headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp, "content-type": "application/json"}
        return Incoming(headers, {"from": "@hubspot"}, body, HOOK_URL)

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    def too_many(self) -> Response:
        """See Simulator. HubSpot says no time to wait."""
        body = {"status": "error", "message": "You have reached your secondly limit.", "errorType": "RATE_LIMIT", "policyName": "SECONDLY"}
        return JSONResponse(body, 429, {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000", "X-HubSpot-RateLimit-Remaining": "0"})

    def _guarded(self, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            word, _, token = request.headers.get("authorization", "").partition(" ")
            if word != "Bearer" or not token or token.endswith("-stale") or token in self.ended:
                raise _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
            if request.path_params.get("kind", "contacts") not in OBJECTS:
                raise _error(404, "OBJECT_NOT_FOUND", "unknown object")
            reply: Response = await handler(request)
            return reply

        return guarded

    async def _account(self, _: Request) -> Response:
        return JSONResponse({"portalId": 123456, "accountType": "STANDARD", "timeZone": self.timezone, "companyCurrency": "GBP"})

    async def _pipelines(self, _: Request) -> Response:
        found = []
        for pipeline, (label, names) in self.pipelines.items():
            stages = [{"id": one, "label": name, "displayOrder": n} for n, (one, name) in enumerate(names.items())]
            found.append({"id": pipeline, "label": label, "displayOrder": 0, "stages": stages})
        return JSONResponse({"results": found})

    async def _property(self, request: Request) -> Response:
        sent, kind = await json_of(request), request.path_params["kind"]
        if {"name", "label", "type", "fieldType", "groupName"} - set(sent):
            raise _error(400, "VALIDATION_ERROR", "a property needs name, label, type, fieldType and groupName")
        if sent["name"] in self.known[kind]:
            raise _error(409, "PROPERTY_EXISTS", f"Property {sent['name']} already exists")
        self.known[kind].add(sent["name"])
        if sent.get("hasUniqueValue"):
            self.unique[kind].add(sent["name"])
        return JSONResponse(sent, 201)

    async def _search(self, request: Request) -> Response:
        sent, kind = await json_of(request), request.path_params["kind"]
        limit, after = sent.get("limit", 10), int(sent.get("after", 0))
        groups = sent.get("filterGroups", [])
        if not 0 < limit <= 200 or after + limit > DEEPEST or len(groups) > 5 or any(len(one["filters"]) > 6 for one in groups):
            raise _error(400, "VALIDATION_ERROR", "There was a problem with the request.")
        found = [one for one in self.records[kind].values() if not one["archived"]]
        if words := sent.get("query", "").casefold().split():
            names = ("firstname", "lastname", "email", "phone", "company")
            found = [one for one in found if all(any(word in one["properties"].get(p, "").casefold() for p in names) for word in words)]
        if groups:
            found = [one for one in found if any(all(_fits(one, wanted) for wanted in group["filters"]) for group in groups)]
        for sort in sent.get("sorts", []):
            found.sort(key=lambda one, by=sort["propertyName"]: int(_value(one, by)), reverse=sort["direction"] == "DESCENDING")  # type: ignore[misc]
        size = min(limit, self.page_size or limit)
        page = [self._shown(one, sent.get("properties", [])) for one in found[after : after + size]]
        more = {"paging": {"next": {"after": str(after + size)}}} if after + size < len(found) else {}
        return JSONResponse({"total": len(found), "results": page, **more})

    async def _upsert(self, request: Request) -> Response:
        sent, kind = await json_of(request), request.path_params["kind"]
        done = []
        for one in sent["inputs"]:
            by = one["idProperty"]
            if by not in self.unique[kind]:
                raise _error(400, "VALIDATION_ERROR", f'Property "{by}" does not exist or is not unique')
            known = next((r for r in self.records[kind].values() if r["properties"].get(by) == one["id"] and not r["archived"]), None)
            if known is not None:
                self._changed(known, self._checked(kind, one["properties"], known["id"]))
            kept = known or self._kept(kind, {by: one["id"], **self._checked(kind, one["properties"], "")})
            done.append({**self._shown(kept, one["properties"]), "new": known is None})
        return JSONResponse({"status": "COMPLETE", "results": done, "startedAt": self._stamp(), "completedAt": self._stamp()})

    async def _read(self, request: Request) -> Response:
        sent, kind = await json_of(request), request.path_params["kind"]
        if len(sent["inputs"]) > 100:
            raise _error(400, "VALIDATION_ERROR", "at most 100 inputs")
        found = [self.records[kind][one["id"]] for one in sent["inputs"] if one["id"] in self.records[kind]]
        shown = [self._shown(one, sent.get("properties", [])) for one in found if not one["archived"]]
        return JSONResponse({"status": "COMPLETE", "results": shown, "startedAt": self._stamp(), "completedAt": self._stamp()})

    async def _list(self, request: Request) -> Response:
        asked = request.query_params
        archived, after = asked.get("archived") == "true", int(asked.get("after", 0))
        found = [one for one in self.records[request.path_params["kind"]].values() if one["archived"] == archived]
        size = min(int(asked.get("limit", 10)), 100, self.page_size or 100)
        more = {"paging": {"next": {"after": str(after + size)}}} if after + size < len(found) else {}
        return JSONResponse({"results": [self._shown(one, []) for one in found[after : after + size]], **more})

    async def _create(self, request: Request) -> Response:
        sent, kind = await json_of(request), request.path_params["kind"]
        made = self._kept(kind, self._checked(kind, sent["properties"], ""))
        for one in sent.get("associations", []):
            to = NOTE_TYPES[one["types"][0]["associationTypeId"]]
            if one["to"]["id"] not in self.records[to]:
                del self.records[kind][made["id"]]
                raise _error(404, "OBJECT_NOT_FOUND", "no such object to associate with")
            self.links.add((kind, made["id"], to, one["to"]["id"]))
        return JSONResponse(self._shown(made, sent["properties"]), 201)

    async def _get(self, request: Request) -> Response:
        asked = request.query_params
        return JSONResponse(self._shown(self._one(request), asked.get("properties", "").split(",")))

    async def _patch(self, request: Request) -> Response:
        sent, known = await json_of(request), self._one(request)
        self._changed(known, self._checked(request.path_params["kind"], sent["properties"], known["id"]))
        return JSONResponse(self._shown(known, sent["properties"]))

    async def _associated(self, request: Request) -> Response:
        kind, to, known = request.path_params["kind"], request.path_params["to"], self._one(request)
        found = [link[3] for link in self.links if link[:3] == (kind, known["id"], to)]
        found += [link[1] for link in self.links if (link[0], *link[2:]) == (to, kind, known["id"])]
        types = [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": None}]
        return JSONResponse({"results": [{"toObjectId": int(one), "associationTypes": types} for one in found]})

    async def _associate(self, request: Request) -> Response:
        path, known = request.path_params, self._one(request)
        if path["other"] not in self.records[path["to"]]:
            raise _error(404, "OBJECT_NOT_FOUND", "no such object to associate with")
        self.links.add((path["kind"], known["id"], path["to"], path["other"]))
        return JSONResponse({"status": "COMPLETE", "results": [], "startedAt": self._stamp(), "completedAt": self._stamp()})

    # -- state ------------------------------------------------------------------------------------------------------------------

    def _one(self, request: Request) -> dict[str, Any]:
        kind, asked = request.path_params["kind"], request.path_params["id"]
        by = request.query_params.get("idProperty")
        found = self.records[kind].values()
        known = next((one for one in found if (one["properties"].get(by) if by else one["id"]) == asked and not one["archived"]), None)
        if known is None:
            raise _error(404, "OBJECT_NOT_FOUND", "resource not found")
        return known

    def _checked(self, kind: str, properties: Mapping[str, Any], own: str) -> dict[str, str]:
        for name, value in properties.items():
            if name not in self.known[kind]:
                raise _error(400, "VALIDATION_ERROR", f'Property "{name}" does not exist')
            if not isinstance(value, str) or len(value) > LONGEST:
                raise _error(400, "VALIDATION_ERROR", f'Property "{name}" is no text or too long')
            if name in self.unique[kind]:
                others = (one for one in self.records[kind].values() if one["id"] != own and not one["archived"])
                if any(one["properties"].get(name) == value for one in others):
                    raise _error(409, "CONFLICT", f"{name} already has that value")
        if kind == "deals" and "dealstage" in properties and properties["dealstage"] not in self.pipelines[properties["pipeline"]][1]:
            raise _error(400, "VALIDATION_ERROR", "there is no such stage")
        return dict(properties)

    def _kept(self, kind: str, properties: Mapping[str, str]) -> dict[str, Any]:
        made: dict[str, Any] = {"id": str(next(self._ids)), "properties": {}, "archived": False, "createdAt": self._stamp()}
        self.records[kind][made["id"]] = made
        self._changed(made, properties)
        return made

    def _changed(self, one: dict[str, Any], properties: Mapping[str, str]) -> None:
        one["properties"] |= properties
        one["updatedAt"] = self._stamp()

    def _shown(self, one: dict[str, Any], names: Any) -> dict[str, Any]:  # noqa: ANN401 - names in a list or mapping
        properties = {name: one["properties"].get(name) for name in names if name}
        return {**one, "properties": {**properties, "hs_object_id": one["id"]}}

    def _stamp(self) -> str:
        return self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(one: Mapping[str, Any], name: str) -> str:
    there: Mapping[str, str] = one["properties"]
    if name == "hs_object_id":
        return str(one["id"])
    if name == "lastmodifieddate":
        return str(int(datetime.fromisoformat(one["updatedAt"]).timestamp() * 1_000))
    if name.startswith("hs_searchable_calculated_"):
        number = there.get("mobilephone" if "mobile" in name else "phone", "")
        return "".join(filter(str.isdigit, number.removeprefix("+44")))
    return there.get(name, "")


def _fits(one: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    value, operator, by = _value(one, wanted["propertyName"]), wanted["operator"], wanted["value"]
    if operator == "EQ":
        return bool(value) and value.casefold() == by
    if operator == "CONTAINS_TOKEN":
        return bool(value) and fnmatchcase(value, by)
    return int(value) > int(by) if operator == "GT" else int(value) >= int(by)


def _error(status: int, category: str, message: str) -> Refused:
    return Refused(status, {"status": "error", "category": category, "message": message, "correlationId": "c0ffee"})


SIMULATOR = HubSpotSimulator
