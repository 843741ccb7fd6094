"""Outlook's calendars in Microsoft Graph 1.0 as its documents describe them: transactions, views, changes within a window, subscriptions.

There is no official description to check requests against, so that this refuses what the documents do not allow.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Appointment, RecordKind
from offhook.adapters.port import Incoming
from offhook.testing.business.base import Refused, Simulator, json_of

JsonObject = dict[str, Any]
_WINDOWS: Final = {"GMT Standard Time": "Europe/London", "AUS Eastern Standard Time": "Australia/Sydney", "tzone://Microsoft/Utc": "UTC"}
_WRITABLE: Final = frozenset(
    "subject body start end location locations isAllDay showAs sensitivity importance categories attendees isReminderOn "
    "reminderMinutesBeforeStart responseRequested allowNewTimeProposals hideAttendees isOnlineMeeting onlineMeetingProvider recurrence "
    "singleValueExtendedProperties transactionId".split()
)
_READABLE: Final = _WRITABLE | frozenset(
    "id changeKey createdDateTime lastModifiedDateTime iCalUId isCancelled isDraft isOrganizer organizer originalStartTimeZone type "
    "originalEndTimeZone responseStatus seriesMasterId webLink onlineMeeting bodyPreview hasAttachments".split()
)
_CALENDAR: Final = frozenset("id name color canShare canViewPrivateItems canEdit owner isDefaultCalendar changeKey".split())
_SHOWN: Final = frozenset({"free", "tentative", "busy", "oof", "workingElsewhere", "unknown"})
_PROPERTY: Final = re.compile(r"(?:String|Integer|Boolean) \{[0-9a-f-]{36}\} (?:Name .+|Id 0x[0-9a-fA-F]+)")
_ID: Final = re.compile(r"AAMk[A-Za-z0-9_=-]+")
_WITH_PROPERTY: Final = re.compile(r"singleValueExtendedProperties/Any\(ep: ep/id eq '([^']+)' and ep/value eq '((?:[^']|'')*)'\)")
_EXPANDED: Final = re.compile(r"singleValueExtendedProperties\(\$filter=id eq '([^']+)'\)")
_LONGEST: Final = timedelta(minutes=10_080)
_MOST: Final = 1_000


@dataclass(slots=True)
class Calendar:
    """One calendar. ``gone``: events that were in it, by the number of the change that took them out."""

    id: str
    name: str
    can_edit: bool = True
    can_share: bool = True
    gone: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Kept:
    """An event: where it is, what it says, and the number of its last change. Times in ``raw`` are in UTC, those of whole days bare."""

    calendar: str
    raw: JsonObject
    turn: int
    properties: dict[str, str] = field(default_factory=dict)

    def span(self) -> tuple[datetime, datetime]:
        """From when to when, in UTC."""
        return tuple(datetime.fromisoformat(self.raw[name]["dateTime"]).replace(tzinfo=UTC) for name in ("start", "end"))  # type: ignore[return-value]


class MicrosoftCalendar(Simulator):
    """A mailbox. Any bearer token is taken that is not in ``dead``.

    ``repeats``: what a second event of a transaction gets. The service has been seen to answer in each of these ways.
    """

    NAME: ClassVar[str] = "calendar/microsoft"
    BASE: ClassVar[str] = "https://graph.microsoft.com/v1.0"

    def __init__(self) -> None:
        super().__init__()
        self.calendars: dict[str, Calendar] = {}
        self.events: dict[str, Kept] = {}
        self.transactions: dict[str, str] = {}
        self.subscriptions: dict[str, JsonObject] = {}
        self.pokes: list[tuple[str, bytes]] = []
        self.dead: set[str] = set()
        self.repeats: Literal["201", "400", "409"] = "409"
        self._turn = 1
        self._epoch = 1
        for name in ("Calendar", "Van 1", "Van 2"):
            self.add(name)
        self.add("Holidays", can_edit=False)

    # -- what people do ----------------------------------------------------------------------------------------------------------

    def add(self, name: str, *, can_edit: bool = True, can_share: bool = True) -> str:
        """Another calendar; its id. The first is the account's own."""
        made = Calendar("AAMk" + base64.urlsafe_b64encode(name.encode()).decode(), name, can_edit, can_share)
        self.calendars[made.id] = made
        return made.id

    def put(self, calendar: str, start: datetime | date, end: datetime | date, subject: str = "Busy", **more: Any) -> str:  # noqa: ANN401
        """Somebody makes an event, with whatever fields of the system's; its id there."""
        whole = not isinstance(start, datetime)
        times = {"start": _kept_time(start), "end": _kept_time(end), "isAllDay": whole}
        return str(self._keep(self._calendar(calendar), {"subject": subject, **times, **more}, None).raw["id"])

    def edit(self, id: str, **more: Any) -> None:  # noqa: ANN401 - fields of the system's
        """Somebody changes an event."""
        kept = self._kept(id)
        self._keep(self.calendars[kept.calendar], {**kept.raw, **more}, kept)

    def drag(self, id: str, to: str) -> None:
        """Somebody moves an event to another calendar: its immutable id stays."""
        kept = self._kept(id)
        self._turn += 1
        self.calendars[kept.calendar].gone[kept.raw["id"]] = self._turn
        kept.calendar, kept.turn = self._calendar(to).id, self._turn

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        return len(self.events) if kind == "appointment" else 0

    def remove(self, kind: RecordKind, id: str) -> None:  # noqa: ARG002 - only events
        """See Simulator."""
        self._drop(self._kept(id))

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """See Simulator."""
        return f"{resource}:{self.put(resource, start, end)}"

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """See Simulator."""
        self.edit(id, start=_kept_time(start), end=_kept_time(end))

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        kept = self.events.get(id.rpartition(":")[2])
        if kept is None:
            return None
        raw, (start, end) = kept.raw, kept.span()
        said = {"title": raw["subject"], "description": raw["body"]["content"], "address": raw["location"]["displayName"]}
        return Appointment(kept.calendar, start, end, **said, id=id, url=raw["webLink"])

    def forget(self) -> None:
        """See Simulator."""
        self._epoch += 1

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """See Simulator."""
        return Incoming({"content-type": "application/json"}, {}, _notice(once or "subscription", secret, "updated", "AAMkEvent"))

    def handshake(self, secret: str) -> tuple[Incoming, bytes] | None:  # noqa: ARG002
        """See Simulator."""
        return Incoming(
            {"content-type": "text/plain"}, {"validationToken": "Validation: Testing <client> 1"}, b""
        ), b"Validation: Testing <client> 1"

    # -- the system --------------------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        found: list[BaseRoute] = [
            Route("/v1.0/me", self._me, methods=["GET"]),
            Route("/v1.0/me/calendars", self._list_calendars, methods=["GET"]),
            Route("/v1.0/me/events/{event}", self._get, methods=["GET"]),
            Route("/v1.0/me/events/{event}", self._patch, methods=["PATCH"]),
            Route("/v1.0/me/events/{event}", self._delete, methods=["DELETE"]),
            Route("/v1.0/me/events/{event}/calendar", self._calendar_of, methods=["GET"]),
            Route("/v1.0/subscriptions", self._list_subscriptions, methods=["GET"]),
            Route("/v1.0/subscriptions", self._subscribe, methods=["POST"]),
            Route("/v1.0/subscriptions/{subscription}", self._renew, methods=["PATCH"]),
        ]
        for root in ("/v1.0/me/calendar", "/v1.0/me/calendars/{calendar}"):
            found += [
                Route(f"{root}/events", self._list, methods=["GET"]),
                Route(f"{root}/events", self._insert, methods=["POST"]),
                Route(f"{root}/calendarView", self._view, methods=["GET"]),
                Route(f"{root}/calendarView/delta", self._delta, methods=["GET"]),
            ]
        return found

    def too_many(self) -> Response:
        """See Simulator."""
        text = "Application is over its MailboxConcurrency limit."
        return JSONResponse(_error("ApplicationThrottled", text), 429, {"Retry-After": "2"})

    def _enter(self, request: Request, allowed: frozenset[str] = frozenset()) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token or token in self.dead:
            raise _refused(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if wrong := set(request.query_params) - allowed:
            raise _refused(400, "BadRequest", f"Query option not supported here: {sorted(wrong)}")

    def _calendar(self, id: str) -> Calendar:
        if id in {"", "default"}:
            return next(iter(self.calendars.values()))
        if id not in self.calendars:
            raise _refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return self.calendars[id]

    def _of(self, request: Request, *, write: bool = False) -> Calendar:
        found = self._calendar(request.path_params.get("calendar", ""))
        if write and not found.can_edit:
            raise _refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return found

    def _kept(self, id: str) -> Kept:
        name = id.rpartition(":")[2]
        if not _ID.fullmatch(name):
            raise _refused(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        found = self.events.get(name)
        if found is None:
            raise _refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return found

    async def _me(self, request: Request) -> Response:
        self._enter(request, frozenset({"$select"}))
        me = {"id": "48d31887-5fad-4d73-a9f5-3c356e68a038", "displayName": "Kate Miller", "mail": "kate@example.com"}
        return JSONResponse({**me, "userPrincipalName": "kate@example.onmicrosoft.com"})

    async def _list_calendars(self, request: Request) -> Response:
        self._enter(request, frozenset({"$select", "$top", "$skip"}))
        _selected(request, _CALENDAR)
        rows = [_calendar_row(one, number == 0) for number, one in enumerate(self.calendars.values())]
        return JSONResponse(self._page(request, rows))

    async def _calendar_of(self, request: Request) -> Response:
        self._enter(request, frozenset({"$select"}))
        calendar = self.calendars[self._kept(request.path_params["event"]).calendar]
        return JSONResponse(_calendar_row(calendar, calendar is self._calendar("")))

    async def _list(self, request: Request) -> Response:
        self._enter(request, frozenset({"$select", "$filter", "$top", "$skip", "$expand"}))
        match = _WITH_PROPERTY.fullmatch(request.query_params.get("$filter", ""))
        if match is None:
            raise _refused(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
        calendar = self._of(request)
        name, value = match[1], match[2].replace("''", "'")
        found = [one for one in self.events.values() if one.calendar == calendar.id and one.properties.get(name) == value]
        return JSONResponse(self._page(request, [_shown(request, one) for one in found]))

    async def _view(self, request: Request) -> Response:
        self._enter(request, frozenset({"startDateTime", "endDateTime", "$select", "$top", "$skip", "$orderby"}))
        start, end = _window(request)
        calendar = self._of(request)
        found = [one for one in self.events.values() if one.calendar == calendar.id and _within(one, start, end)]
        rows = [_shown(request, one) for one in sorted(found, key=Kept.span)]
        return JSONResponse(self._page(request, rows))

    def _page(self, request: Request, rows: list[JsonObject]) -> JsonObject:
        """Ten rows unless more are asked for."""
        query = dict(request.query_params)
        first, most = int(query.get("$skip", "0")), min(int(query.get("$top", "10")), _MOST)
        page = rows[first : first + min(most, self.page_size or most)]
        reply: JsonObject = {"@odata.context": f"{self.BASE}/$metadata", "value": page}
        if first + len(page) < len(rows):
            reply["@odata.nextLink"] = self._link(request, {**query, "$skip": str(first + len(page))})
        return reply

    def _link(self, request: Request, query: Mapping[str, str]) -> str:
        path = request.url.path.removeprefix("/v1.0")
        return f"{self.BASE}{path}?" + "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in query.items())

    async def _delta(self, request: Request) -> Response:
        self._enter(request, frozenset({"startDateTime", "endDateTime", "$deltatoken", "$skiptoken"}))
        calendar, query = self._of(request), request.query_params
        since, upto, first = 0, self._turn, 0
        if "$skiptoken" in query:
            since, upto, first, start, end = self._unpack(query["$skiptoken"])
        elif "$deltatoken" in query:
            since, _, _, start, end = self._unpack(query["$deltatoken"])
        else:
            start, end = _window(request)
        rows: list[JsonObject] = []
        for kept in self.events.values():
            if kept.calendar != calendar.id or not since < kept.turn <= upto:
                continue
            if _within(kept, start, end):
                rows.append(_shown(request, kept, whole=True))
            elif since:
                # Documented: what changes outside the window is told as removed, too.
                rows.append({"@odata.type": "#microsoft.graph.event", "id": kept.raw["id"], "@removed": {"reason": "deleted"}})
        for one, turn in calendar.gone.items():
            back = one in self.events and self.events[one].calendar == calendar.id
            if since and since < turn <= upto and not back:
                rows.append({"id": one, "@removed": {"reason": "deleted"}})
        wished = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
        page = rows[first : first + min(int(wished[1]) if wished else 10, self.page_size or _MOST)]
        reply: JsonObject = {"@odata.context": f"{self.BASE}/$metadata#Collection(event)", "value": page}
        if first + len(page) < len(rows):
            reply["@odata.nextLink"] = self._link(request, {"$skiptoken": self._pack(since, upto, first + len(page), start, end)})
        else:
            reply["@odata.deltaLink"] = self._link(request, {"$deltatoken": self._pack(upto, upto, 0, start, end)})
        return JSONResponse(reply)

    def _pack(self, since: int, upto: int, first: int, start: datetime, end: datetime) -> str:
        text = json.dumps([self._epoch, since, upto, first, start.isoformat(), end.isoformat()])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _unpack(self, token: str) -> tuple[int, int, int, datetime, datetime]:
        try:
            epoch, since, upto, first, start, end = json.loads(base64.urlsafe_b64decode(token.encode()))
        except ValueError as error:
            raise _refused(400, "SyncStateInvalid", "The sync state is invalid.") from error
        if epoch != self._epoch:
            raise _refused(410, "SyncStateNotFound", f"The sync state generation is not found; generation={epoch}.")
        return since, upto, first, datetime.fromisoformat(start), datetime.fromisoformat(end)

    async def _insert(self, request: Request) -> Response:
        self._enter(request)
        calendar, body = self._of(request, write=True), await json_of(request)
        transaction = str(body.get("transactionId") or "")
        if transaction in self.transactions:
            known = self.events.get(self.transactions[transaction])
            if self.repeats == "201" and known is not None:
                return JSONResponse(_shown(request, known), 201)
            text = "Your request can't be completed. The TransactionId specified in the request has already been used."
            raise _refused(400 if self.repeats == "400" else 409, "ErrorDuplicateTransactionId", text)
        _known(body)
        kept = self._keep(calendar, body, None)
        if transaction:
            self.transactions[transaction] = str(kept.raw["id"])
        return JSONResponse(_shown(request, kept), 201)

    async def _get(self, request: Request) -> Response:
        self._enter(request, frozenset({"$select", "$expand"}))
        return JSONResponse(_shown(request, self._kept(request.path_params["event"])))

    async def _patch(self, request: Request) -> Response:
        self._enter(request)
        kept, body = self._kept(request.path_params["event"]), await json_of(request)
        if not self.calendars[kept.calendar].can_edit:
            raise _refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        if body.get("transactionId", kept.raw.get("transactionId")) != kept.raw.get("transactionId"):
            raise _refused(400, "ErrorPropertyValidationFailure", "transactionId cannot be changed.")
        _known(body)
        return JSONResponse(_shown(request, self._keep(self.calendars[kept.calendar], {**kept.raw, **body}, kept)))

    async def _delete(self, request: Request) -> Response:
        self._enter(request)
        self._drop(self._kept(request.path_params["event"]))
        return Response(status_code=204)

    async def _list_subscriptions(self, request: Request) -> Response:
        self._enter(request, frozenset({"$skip"}))
        live = [one for one in self.subscriptions.values() if datetime.fromisoformat(one["expirationDateTime"]) > self.clock()]
        return JSONResponse(self._page(request, [{**one, "clientState": None} for one in live]))

    async def _subscribe(self, request: Request) -> Response:
        self._enter(request)
        body = await json_of(request)
        if set(str(body.get("changeType", "")).split(",")) - {"created", "updated", "deleted"}:
            raise _refused(400, "InvalidRequest", "changeType is invalid.")
        if not str(body.get("notificationUrl", "")).startswith("https://"):
            raise _refused(400, "InvalidRequest", "The notification URL must be HTTPS.")
        if body.get("resource", "").lstrip("/") != "me/events":
            raise _refused(400, "ExtensionError", "The resource is not supported.")
        if len(str(body.get("clientState", ""))) > 128:
            raise _refused(400, "InvalidRequest", "clientState is longer than 128 characters.")
        made = {**body, "id": f"7f105c7d-{len(self.subscriptions):04d}-4a36-9f0e-6d2a6a2b1c3d", "expirationDateTime": self._until(body)}
        self.subscriptions[made["id"]] = made
        return JSONResponse(made, 201)

    async def _renew(self, request: Request) -> Response:
        self._enter(request)
        found = self.subscriptions.get(request.path_params["subscription"])
        if found is None:
            raise _refused(404, "ResourceNotFound", "The object was not found.")
        found["expirationDateTime"] = self._until(await json_of(request))
        return JSONResponse(found)

    def _until(self, body: JsonObject) -> str:
        try:
            until = datetime.fromisoformat(body["expirationDateTime"])
        except (KeyError, ValueError) as error:
            raise _refused(400, "InvalidRequest", "expirationDateTime is invalid.") from error
        if not self.clock() < until <= self.clock() + _LONGEST:
            raise _refused(400, "ExtensionError", "Subscription expiration can only be 10080 minutes in the future.")
        return str(body["expirationDateTime"])

    def _keep(self, calendar: Calendar, body: Mapping[str, Any], before: Kept | None) -> Kept:
        whole = bool(body.get("isAllDay"))
        times = {one: _kept_time(_read_time(body.get(one), one)) for one in ("start", "end")}
        if times["end"]["dateTime"] < times["start"]["dateTime"]:
            raise _refused(400, "ErrorCalendarEndDateIsEarlierThanStartDate", "The end date is earlier than the start date.")
        if whole and any(not one["dateTime"].endswith("T00:00:00.0000000") for one in times.values()):
            raise _refused(400, "ErrorPropertyValidationFailure", "An all-day event needs to be set to midnight.")
        if len(body.get("subject") or "") > 255:
            raise _refused(400, "ErrorPropertyValidationFailure", "The subject is longer than 255 characters.")
        if body.get("showAs", "busy") not in _SHOWN:
            raise _refused(400, "RequestBodyRead", "Cannot convert a literal to the expected type 'freeBusyStatus'.")
        self._turn += 1
        name = before.raw["id"] if before else "AAMkEvent" + base64.urlsafe_b64encode(f"{self._turn:09d}".encode()).decode()
        stamp = self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        raw: JsonObject = {
            "createdDateTime": stamp,
            "subject": "",
            "showAs": "busy",
            "isCancelled": False,
            "type": "singleInstance",
            "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
            **{what: value for what, value in body.items() if what != "singleValueExtendedProperties"},
            **times,
            "isAllDay": whole,
            "body": {"contentType": "text", "content": "", **(body.get("body") or {})},
            "location": {"displayName": "", **(body.get("location") or {}), "locationType": "default"},
            "id": name,
            "@odata.etag": f'W/"{self._turn}"',
            "changeKey": str(self._turn),
            "lastModifiedDateTime": stamp,
            "iCalUId": f"040000008200E00074C5B7101A82E008{name}",
            "webLink": f"https://outlook.office365.com/owa/?itemid={quote(str(name), safe='')}&exvsurl=1&path=/calendar/item",
        }
        properties = {one["id"]: one["value"] for one in body.get("singleValueExtendedProperties", ())}
        self.events[name] = Kept(calendar.id, raw, self._turn, before.properties | properties if before else properties)
        self._tell("updated" if before else "created", name)
        return self.events[name]

    def _drop(self, kept: Kept) -> None:
        self._turn += 1
        del self.events[kept.raw["id"]]
        self.calendars[kept.calendar].gone[kept.raw["id"]] = self._turn
        self._tell("deleted", kept.raw["id"])

    def _tell(self, change: str, event: str) -> None:
        for one in self.subscriptions.values():
            if datetime.fromisoformat(one["expirationDateTime"]) > self.clock():
                self.pokes.append((one["notificationUrl"], _notice(one["id"], one.get("clientState", ""), change, event)))


def _error(code: str, message: str) -> JsonObject:
    return {"error": {"code": code, "message": message, "innerError": {"request-id": "9ba1a2f0-2b5c-4a8a-8b1d-5f2f1b0d1c11"}}}


def _refused(status: int, code: str, message: str) -> Refused:
    return Refused(status, _error(code, message))


def _notice(subscription: str, state: str, change: str, event: str) -> bytes:
    data = {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": f"Users/48d31887/Events/{event}", "id": event}
    one = {"subscriptionId": subscription, "clientState": state, "changeType": change, "resource": f"Users/48d31887/Events/{event}"}
    return json.dumps({"value": [{**one, "subscriptionExpirationDateTime": "2031-02-06T09:00:00Z", "resourceData": data}]}).encode()


def _calendar_row(calendar: Calendar, default: bool) -> JsonObject:
    flags = {"canEdit": calendar.can_edit, "canShare": calendar.can_share, "isDefaultCalendar": default}
    return {"id": calendar.id, "name": calendar.name, **flags, "owner": {"name": "Kate Miller", "address": "kate@example.com"}}


def _known(body: Mapping[str, Any]) -> None:
    for name in body:
        if name not in _WRITABLE:
            raise _refused(400, "RequestBodyRead", f"The property '{name}' does not exist on type 'microsoft.graph.event' or is read only.")
    for one in body.get("singleValueExtendedProperties", ()):
        if set(one) != {"id", "value"} or not _PROPERTY.fullmatch(one["id"]) or not isinstance(one["value"], str):
            raise _refused(400, "ErrorInvalidProperty", "The extended property is not valid.")
    if (body.get("body") or {}).get("contentType", "text") not in {"text", "html"}:
        raise _refused(400, "RequestBodyRead", "Cannot convert a literal to the expected type 'bodyType'.")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(_WINDOWS.get(name, name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _refused(400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be specified: {name}") from error


def _read_time(given: object, name: str) -> datetime:
    if not isinstance(given, dict) or set(given) != {"dateTime", "timeZone"}:
        raise _refused(400, "ErrorPropertyValidationFailure", f"{name} is no dateTimeTimeZone.")
    try:
        at = datetime.fromisoformat(given["dateTime"])
    except ValueError as error:
        raise _refused(400, "ErrorPropertyValidationFailure", f"{name} is no time.") from error
    return at if at.tzinfo else at.replace(tzinfo=_zone(given["timeZone"]))


def _kept_time(at: datetime | date) -> JsonObject:
    moment = at.astimezone(UTC) if isinstance(at, datetime) else datetime(at.year, at.month, at.day, tzinfo=UTC)
    return {"dateTime": moment.replace(tzinfo=None).isoformat(timespec="seconds") + ".0000000", "timeZone": "UTC"}


def _window(request: Request) -> tuple[datetime, datetime]:
    try:
        start, end = (datetime.fromisoformat(request.query_params[name]) for name in ("startDateTime", "endDateTime"))
    except (KeyError, ValueError) as error:
        text = "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime."
        raise _refused(400, "ErrorInvalidParameter", text) from error
    start, end = (one if one.tzinfo else one.replace(tzinfo=UTC) for one in (start, end))
    if end < start:
        raise _refused(400, "ErrorCalendarEndDateIsEarlierThanStartDate", "The end date is earlier than the start date.")
    return start, end


def _within(kept: Kept, start: datetime, end: datetime) -> bool:
    begun, over = kept.span()
    return begun < end and over > start


def _selected(request: Request, names: frozenset[str]) -> frozenset[str]:
    found = frozenset(request.query_params["$select"].split(",")) if "$select" in request.query_params else names
    if wrong := found - names:
        raise _refused(400, "BadRequest", f"Could not find a property named '{min(wrong)}'.")
    return found


def _shown(request: Request, kept: Kept, *, whole: bool = False) -> JsonObject:
    """An event as asked for: its properties by $select, its times in the zone of the Prefer header."""
    names = _READABLE if whole else _selected(request, _READABLE)
    wished = re.search(r'outlook\.timezone="([^"]+)"', request.headers.get("prefer", ""))
    zone = wished[1] if wished else "UTC"
    row = {name: value for name, value in kept.raw.items() if name in names or name == "@odata.etag"}
    for name in {"start", "end"} & set(row):
        at = datetime.fromisoformat(row[name]["dateTime"]).replace(tzinfo=UTC)
        # A whole day begins at midnight whatever the zone.
        local = at if kept.raw["isAllDay"] else at.astimezone(_zone(zone))
        row[name] = {"dateTime": local.replace(tzinfo=None).isoformat(timespec="seconds") + ".0000000", "timeZone": zone}
    if "$expand" in request.query_params:
        match = _EXPANDED.fullmatch(request.query_params["$expand"])
        if match is None:
            raise _refused(400, "BadRequest", "The expand is not valid.")
        if match[1] in kept.properties:
            row["singleValueExtendedProperties"] = [{"id": match[1], "value": kept.properties[match[1]]}]
    return row


SIMULATOR = MicrosoftCalendar
