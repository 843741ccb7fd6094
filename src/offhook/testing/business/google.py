"""Google Calendar as its reference (v3) describes it: ids that are ours, etags, sync tokens that are forgotten, busy times, channels."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.adapters.model import Appointment, RecordKind
from offhook.adapters.port import Incoming
from offhook.testing.business.base import Refused, Simulator, json_of

JsonObject = dict[str, Any]
_ID: Final = re.compile(r"[0-9a-v]{5,1024}")
_CHANNEL: Final = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_ORDER: Final = ("freeBusyReader", "reader", "writer", "owner")
_NOT_WITH_TOKEN: Final = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
_READ_ONLY: Final = ("kind", "etag", "created", "updated", "creator", "organizer", "htmlLink", "iCalUID", "sequence")
_STEPS: Final = {"DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_MOST_INSTANCES: Final = 400
_LONGEST: Final = timedelta(days=92)


@dataclass(slots=True)
class Calendar:
    """One calendar. Events by id, cancelled ones too; ``turn`` of an event is the number of the change that made it what it is."""

    id: str
    summary: str
    zone: str = "Europe/London"
    role: str = "owner"
    primary: bool = False
    events: dict[str, JsonObject] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poke:
    """A webhook that the system would send."""

    url: str
    headers: Mapping[str, str]


class GoogleCalendar(Simulator):
    """An account with calendars. Any bearer token is taken that is not in ``dead``."""

    NAME: ClassVar[str] = "calendar/google"
    BASE: ClassVar[str] = "https://www.googleapis.com/calendar/v3"

    def __init__(self, zone: str = "Europe/London") -> None:
        super().__init__()
        self.zone = zone
        self.calendars: dict[str, Calendar] = {}
        self.channels: dict[str, JsonObject] = {}
        self.pokes: list[Poke] = []
        self.dead: set[str] = set()
        self._turn = 0
        self._epoch = 1
        self.add("owner@example.com", "Kate Miller", primary=True)
        self.add("van1@group.calendar.google.com", "Van 1")
        self.add("van2@group.calendar.google.com", "Van 2")
        self.add("holidays@group.v.calendar.google.com", "Holidays", role="reader")

    # -- what people do ----------------------------------------------------------------------------------------------------------

    def add(self, id: str, summary: str, *, zone: str = "", role: str = "owner", primary: bool = False) -> Calendar:
        """Another calendar."""
        self.calendars[id] = Calendar(id, summary, zone or self.zone, role, primary)
        return self.calendars[id]

    def put(self, calendar: str, start: datetime | date, end: datetime | date, summary: str = "Busy", **more: Any) -> str:  # noqa: ANN401
        """Somebody makes an event, with whatever fields of the system's; its id there."""
        where = self._calendar(calendar)
        event = {"summary": summary, "start": _when(start, where.zone), "end": _when(end, where.zone), **more}
        return str(self._keep(where, f"person{self._turn + 1:06d}", event, {})["id"])

    def edit(self, id: str, **more: Any) -> None:  # noqa: ANN401 - fields of the system's
        """Somebody changes an event."""
        where, event = self._split(id)
        self._keep(where, event, {**where.events[event], **more}, where.events[event])

    def drag(self, id: str, to: str) -> None:
        """Somebody moves an event to another calendar."""
        here, event = self._split(id)
        self._keep(self._calendar(to), event, here.events[event], {})
        self._cancel(here, event)

    def standing(self, calendar: str) -> list[JsonObject]:
        """Events that are not cancelled, as kept."""
        return [one for one in self._calendar(calendar).events.values() if one["status"] != "cancelled"]

    def count(self, kind: RecordKind) -> int:
        """See Simulator."""
        return sum(len(self.standing(one)) for one in self.calendars) if kind == "appointment" else 0

    def remove(self, kind: RecordKind, id: str) -> None:  # noqa: ARG002 - only events
        """See Simulator."""
        self._cancel(*self._split(id))

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """See Simulator."""
        return f"{resource}:{self.put(resource, start, end)}"

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """See Simulator."""
        where, event = self._split(id)
        times = {"start": _when(start, where.zone), "end": _when(end, where.zone)}
        self._keep(where, event, {**where.events[event], **times}, where.events[event])

    def visit(self, id: str) -> Appointment | None:
        """See Simulator."""
        where, name = self._split(id)
        event = where.events.get(name)
        if event is None or event["status"] == "cancelled":
            return None
        start, end = (at.astimezone(UTC) for at in _span(event, where.zone))
        texts = {"title": event.get("summary", ""), "description": html.unescape(event.get("description", ""))}
        return Appointment(where.id, start, end, **texts, address=event.get("location", ""), id=id, url=event["htmlLink"])

    def forget(self) -> None:
        """See Simulator."""
        self._epoch += 1

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """See Simulator. The message has no body: headers say that something changed."""
        headers = {"x-goog-channel-id": "channel", "x-goog-channel-token": secret, "x-goog-resource-state": "exists"}
        return Incoming({**headers, "x-goog-message-number": once or "1"}, {}, b"")

    def handshake(self, secret: str) -> tuple[Incoming, bytes] | None:
        """See Simulator: the first message of a channel, which says nothing."""
        heard = self.incoming(secret)
        return Incoming({**heard.headers, "x-goog-resource-state": "sync"}, {}, b""), b""

    def _split(self, id: str) -> tuple[Calendar, str]:
        calendar, _, event = id.rpartition(":")
        return self._calendar(calendar), event

    # -- the system --------------------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator."""
        root, events = "/calendar/v3", "/calendar/v3/calendars/{calendar}/events"
        one = f"{events}/{{event}}"
        return (
            Route(f"{root}/freeBusy", self._free_busy, methods=["POST"]),
            Route(f"{root}/users/me/calendarList", self._calendar_list, methods=["GET"]),
            Route(f"{root}/users/me/calendarList/{{calendar}}", self._calendar_get, methods=["GET"]),
            Route(f"{root}/channels/stop", self._stop, methods=["POST"]),
            Route(events, self._list, methods=["GET"]),
            Route(events, self._insert, methods=["POST"]),
            Route(f"{events}/watch", self._watch, methods=["POST"]),
            Route(f"{one}/move", self._move, methods=["POST"]),
            Route(one, self._get, methods=["GET"]),
            Route(one, self._write, methods=["PUT", "PATCH"]),
            Route(one, self._delete, methods=["DELETE"]),
        )

    def too_many(self) -> Response:
        """See Simulator: this one answers 403 as often as 429."""
        return JSONResponse(_error(403, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"), 403)

    def _enter(self, request: Request, role: str = "", name: str = "calendar") -> Calendar:
        """Authorisation, and the calendar with what may be done in it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token or token in self.dead:
            raise _refused(401, "authError", "Invalid Credentials")
        calendar = self._calendar(request.path_params.get(name) or "primary")
        if role and _ORDER.index(calendar.role) < _ORDER.index(role):
            raise _refused(403, "requiredAccessLevel", f"You need to have {role} access to this calendar.", "calendar")
        return calendar

    def _calendar(self, id: str) -> Calendar:
        found = self.calendars.get(id) or (next((one for one in self.calendars.values() if one.primary), None) if id == "primary" else None)
        if found is None:
            raise _refused(404, "notFound", "Not Found")
        return found

    async def _calendar_list(self, request: Request) -> Response:
        self._enter(request)
        least = _ORDER.index(request.query_params.get("minAccessRole", "freeBusyReader"))
        found = [_entry(one) for one in self.calendars.values() if _ORDER.index(one.role) >= least]
        first = int(request.query_params.get("pageToken", "0"))
        page = found[first : first + min(self.page_size or 250, int(request.query_params.get("maxResults", "100")))]
        more = {"nextPageToken": str(first + len(page))} if first + len(page) < len(found) else {"nextSyncToken": self._token()}
        return JSONResponse({"kind": "calendar#calendarList", "etag": '"list"', "items": page, **more})

    async def _calendar_get(self, request: Request) -> Response:
        return JSONResponse(_entry(self._enter(request)))

    async def _free_busy(self, request: Request) -> Response:
        self._enter(request)
        body = await json_of(request)
        start, end = _moment(body.get("timeMin"), "timeMin"), _moment(body.get("timeMax"), "timeMax")
        if end <= start:
            raise _refused(400, "timeRangeEmpty", "The specified time range is empty.", "calendar")
        if end - start > _LONGEST:
            raise _refused(400, "timeRangeTooLong", "The requested time range is too long.", "calendar")
        found: JsonObject = {}
        for item in body.get("items", ()):
            try:
                calendar = self._calendar(item["id"])
            except Refused:
                found[item["id"]] = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
                continue
            found[item["id"]] = {"busy": [{"start": _text(a), "end": _text(b)} for a, b in _merged(calendar, start, end)]}
        if len(found) > 50:
            raise _refused(400, "tooManyCalendarsRequested", "Too many calendars.", "calendar")
        return JSONResponse({"kind": "calendar#freeBusy", "timeMin": _text(start), "timeMax": _text(end), "calendars": found})

    async def _list(self, request: Request) -> Response:
        calendar = self._enter(request, "reader")
        query = dict(request.query_params)
        turn, first = 0, 0
        if "syncToken" in query:
            if wrong := [name for name in _NOT_WITH_TOKEN if name in query]:
                raise _refused(400, "invalid", f"Sync token cannot be used with the following parameters: {wrong}", "calendar")
            turn = self._read_token(query["syncToken"])
        upto = self._turn
        if "pageToken" in query:
            upto, first = _unpacked(query["pageToken"], "pageToken")
        events = self._found(calendar, query, turn, upto)
        page = events[first : first + min(self.page_size or 250, int(query.get("maxResults", "250")), 2_500)]
        reply = {
            "kind": "calendar#events",
            "etag": f'"{self._turn}"',
            "summary": calendar.summary,
            "timeZone": calendar.zone,
            "accessRole": calendar.role,
            "items": page,
        }
        if first + len(page) < len(events):
            reply["nextPageToken"] = _packed(upto, first + len(page))
        else:
            reply["nextSyncToken"] = self._token(upto)
        return JSONResponse(_select(reply, query["fields"]) if "fields" in query else reply)

    def _found(self, calendar: Calendar, query: Mapping[str, str], turn: int, upto: int) -> list[JsonObject]:
        since = _moment(query["timeMin"], "timeMin") if "timeMin" in query else None
        until = _moment(query["timeMax"], "timeMax") if "timeMax" in query else None
        found: list[JsonObject] = []
        for name, event in calendar.events.items():
            cancelled = event["status"] == "cancelled"
            if not turn < calendar.turns[name] <= upto or (cancelled and not turn and query.get("showDeleted") != "true"):
                continue
            if cancelled:
                found.append({"kind": "calendar#event", "etag": event["etag"], "id": name, "status": "cancelled"})
                continue
            each = _instances(event, calendar.zone, until) if query.get("singleEvents") == "true" else iter((event,))
            for one in each:
                start, end = _span(one, calendar.zone)
                if (since is None or end > since) and (until is None or start < until):
                    found.append(one)
        return found

    async def _insert(self, request: Request) -> Response:
        calendar = self._enter(request, "writer")
        event = await json_of(request)
        name = event.get("id", f"made{self._turn + 1:06d}")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise _refused(400, "invalid", "Invalid resource id value.")
        if name in calendar.events:
            raise _refused(409, "duplicate", "The requested identifier already exists.")
        return JSONResponse(self._keep(calendar, name, event, {}))

    async def _get(self, request: Request) -> Response:
        calendar = self._enter(request, "reader")
        return JSONResponse(self._event(calendar, request))

    async def _write(self, request: Request) -> Response:
        calendar = self._enter(request, "writer")
        before, body = self._event(calendar, request), await json_of(request)
        match = request.headers.get("if-match", before["etag"])
        if match not in {before["etag"], "*"}:
            raise _refused(412, "conditionNotMet", "Precondition Failed")
        if request.method == "PATCH":
            body = {**{name: value for name, value in before.items() if name not in _READ_ONLY}, **body}
            body = {name: value for name, value in body.items() if value is not None}
        return JSONResponse(self._keep(calendar, before["id"], body, before))

    async def _delete(self, request: Request) -> Response:
        calendar = self._enter(request, "writer")
        event = self._event(calendar, request)
        if event["status"] == "cancelled":
            raise _refused(410, "deleted", "Resource has been deleted")
        self._cancel(calendar, event["id"])
        return Response(status_code=204)

    async def _move(self, request: Request) -> Response:
        calendar = self._enter(request, "writer")
        event = self._event(calendar, request)
        if event["status"] == "cancelled":
            raise _refused(404, "notFound", "Not Found")
        there = self._calendar(request.query_params.get("destination", ""))
        if there.events.get(event["id"], {}).get("status") not in {None, "cancelled"}:
            raise _refused(409, "duplicate", "The requested identifier already exists.")
        self._cancel(calendar, event["id"])
        return JSONResponse(self._keep(there, event["id"], event, {}))

    async def _watch(self, request: Request) -> Response:
        calendar = self._enter(request, "reader")
        body = await json_of(request)
        if body.get("type") not in {"web_hook", "webhook"}:
            raise _refused(400, "channelUnknown", "Unknown channel type.", "push")
        if not isinstance(body.get("id"), str) or not _CHANNEL.fullmatch(body["id"]):
            raise _refused(400, "invalid", "Channel id not valid.", "push")
        if body["id"] in self.channels:
            raise _refused(400, "channelIdNotUnique", f"Channel id {body['id']} not unique")
        if not str(body.get("address", "")).startswith("https://"):
            raise _refused(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS")
        life = min(int(body.get("params", {}).get("ttl", "604800")), 2_592_000)
        channel = {"kind": "api#channel", "id": body["id"], "resourceId": f"res-{calendar.id}", "token": body.get("token", "")}
        channel["resourceUri"] = f"{self.BASE}/calendars/{calendar.id}/events?alt=json"
        channel["expiration"] = str(int((self.clock() + timedelta(seconds=life)).timestamp() * 1_000))
        self.channels[body["id"]] = {**channel, "address": body["address"], "calendar": calendar.id, "number": 0}
        self._poke(self.channels[body["id"]], "sync")
        return JSONResponse(channel)

    async def _stop(self, request: Request) -> Response:
        self._enter(request)
        if self.channels.pop((await json_of(request)).get("id", ""), None) is None:
            raise _refused(404, "notFound", "Channel not found")
        return Response(status_code=204)

    def _poke(self, channel: JsonObject, state: str) -> None:
        channel["number"] += 1
        headers = {
            "x-goog-channel-id": channel["id"],
            "x-goog-channel-token": channel["token"],
            "x-goog-message-number": str(channel["number"]),
            "x-goog-resource-id": channel["resourceId"],
            "x-goog-resource-state": state,
            "x-goog-resource-uri": channel["resourceUri"],
        }
        self.pokes.append(Poke(channel["address"], headers))

    def _event(self, calendar: Calendar, request: Request) -> JsonObject:
        found = calendar.events.get(request.path_params["event"])
        if found is None:
            raise _refused(404, "notFound", "Not Found")
        return found

    def _keep(self, calendar: Calendar, id: str, event: Mapping[str, Any], before: Mapping[str, Any]) -> JsonObject:
        for name in ("start", "end"):
            if not isinstance(event.get(name), dict) or not ({"date", "dateTime"} & set(event[name])):
                raise _refused(400, "required", f"Missing {name} time.")
        start, end = _span(event, calendar.zone)
        if end < start:
            raise _refused(400, "timeRangeEmpty", "The specified time range is empty.", "calendar")
        if event.get("status", "confirmed") not in {"confirmed", "tentative", "cancelled"}:
            raise _refused(400, "invalid", "Invalid value for: status")
        self._turn += 1
        stamp, who = _text(self.clock()), {"email": calendar.id, "self": True}
        kept: JsonObject = {
            "kind": "calendar#event",
            "status": "confirmed",
            "reminders": {"useDefault": True},
            "eventType": "default",
            **{name: value for name, value in event.items() if name not in _READ_ONLY},
            "id": id,
            "etag": f'"{self._turn}"',
            "htmlLink": f"https://www.google.com/calendar/event?eid={base64.urlsafe_b64encode(f'{id} {calendar.id}'.encode()).decode()}",
            "created": before.get("created", stamp),
            "updated": stamp,
            "creator": who,
            "organizer": who,
            "iCalUID": f"{id}@google.com",
            "sequence": int(before.get("sequence", -1)) + 1,
        }
        self._store(calendar, id, kept)
        return kept

    def _cancel(self, calendar: Calendar, id: str) -> None:
        self._turn += 1
        self._store(calendar, id, {**calendar.events[id], "status": "cancelled", "etag": f'"{self._turn}"'})

    def _store(self, calendar: Calendar, id: str, event: JsonObject) -> None:
        calendar.events[id], calendar.turns[id] = event, self._turn
        for channel in self.channels.values():
            if channel["calendar"] == calendar.id:
                self._poke(channel, "exists")

    def _token(self, turn: int | None = None) -> str:
        return _packed(self._epoch, self._turn if turn is None else turn)

    def _read_token(self, text: str) -> int:
        epoch, turn = _unpacked(text, "syncToken")
        if epoch != self._epoch:
            raise _refused(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.", "calendar")
        return turn


def _error(status: int, reason: str, message: str, domain: str = "global") -> JsonObject:
    return {"error": {"errors": [{"domain": domain, "reason": reason, "message": message}], "code": status, "message": message}}


def _refused(status: int, reason: str, message: str, domain: str = "global") -> Refused:
    return Refused(status, _error(status, reason, message, domain))


def _entry(calendar: Calendar) -> JsonObject:
    entry: JsonObject = {"kind": "calendar#calendarListEntry", "etag": '"1"', "id": calendar.id, "summary": calendar.summary}
    entry |= {"timeZone": calendar.zone, "accessRole": calendar.role, "selected": True, "defaultReminders": []}
    return entry | ({"primary": True} if calendar.primary else {})


def _packed(one: int, two: int) -> str:
    return base64.urlsafe_b64encode(f"{one}.{two}".encode()).decode()


def _unpacked(text: str, name: str) -> tuple[int, int]:
    try:
        one, two = base64.urlsafe_b64decode(text.encode()).decode().split(".")
        return int(one), int(two)
    except ValueError as error:
        raise _refused(400, "invalid", f"Invalid {name} value.") from error


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: object, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _refused(400, "badRequest", f"Bad Request: {name}") from error
    if at.tzinfo is None:
        raise _refused(400, "badRequest", f"Bad Request: {name} without an offset")
    return at


def _when(at: datetime | date, zone: str) -> JsonObject:
    """A time as the system tells it: in the calendar's zone, with its offset."""
    if isinstance(at, datetime):
        return {"dateTime": at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds"), "timeZone": zone}
    return {"date": at.isoformat()}


def _local(given: Mapping[str, Any], zone: str) -> datetime:
    if "date" in given:
        return datetime.combine(date.fromisoformat(given["date"]), time(), ZoneInfo(zone))
    try:
        at = datetime.fromisoformat(given["dateTime"])
    except ValueError as error:
        raise _refused(400, "invalid", "Invalid start time.") from error
    own = given.get("timeZone")
    if at.tzinfo is None and not own:
        raise _refused(400, "required", "Missing time zone definition for start time.")
    return at.replace(tzinfo=ZoneInfo(str(own))) if at.tzinfo is None else at.astimezone(ZoneInfo(own or zone))


def _span(event: Mapping[str, Any], zone: str) -> tuple[datetime, datetime]:
    return _local(event["start"], zone), _local(event["end"], zone)


def _instances(event: JsonObject, zone: str, until: datetime | None) -> Iterator[JsonObject]:
    """The event itself, or those that its RRULE (daily or weekly) makes, at the same local time also over a change of the clocks."""
    rules = [one for one in event.get("recurrence", ()) if one.startswith("RRULE:")]
    if not rules:
        yield event
        return
    rule = dict(part.split("=", 1) for part in rules[0].removeprefix("RRULE:").split(";"))
    step = _STEPS[rule["FREQ"]] * int(rule.get("INTERVAL", "1"))
    start, end = _span(event, zone)
    last = datetime.strptime(rule["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if "UNTIL" in rule else until
    for number in range(min(int(rule.get("COUNT", _MOST_INSTANCES)), _MOST_INSTANCES)):
        begun, over = start + number * step, end + number * step
        if last is not None and begun > last:
            return
        whole = "date" in event["start"]
        at = _when(begun.date() if whole else begun, zone), _when(over.date() if whole else over, zone)
        named = {name: value for name, value in event.items() if name != "recurrence"}
        suffix = begun.strftime("%Y%m%d") if whole else begun.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        yield {
            **named,
            "id": f"{event['id']}_{suffix}",
            "recurringEventId": event["id"],
            "start": at[0],
            "end": at[1],
            "originalStartTime": at[0],
        }


def _merged(calendar: Calendar, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Busy times: of opaque events that nobody declined, those that touch as one, and only what lies in the window."""
    found: list[tuple[datetime, datetime]] = []
    spans: list[tuple[datetime, datetime]] = []
    for event in calendar.events.values():
        declined = any(one.get("self") and one.get("responseStatus") == "declined" for one in event.get("attendees", ()))
        if event["status"] == "cancelled" or event.get("transparency") == "transparent" or declined:
            continue
        if event.get("eventType") in {"workingLocation", "birthday"}:
            continue
        spans += [_span(one, calendar.zone) for one in _instances(event, calendar.zone, end)]
    for begun, over in sorted(spans):
        if begun >= end or over <= start:
            continue
        begun, over = max(begun, start), min(over, end)
        if found and begun <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], over))
        else:
            found.append((begun, over))
    return found


def _select(value: Any, fields: str) -> Any:  # noqa: ANN401 - JSON
    """Partial response: names by comma, those within in brackets."""
    wanted = dict(re.findall(r"(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?", fields))
    if isinstance(value, list):
        return [_select(one, fields) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _select(value[name], inner) if inner else value[name] for name, inner in wanted.items() if name in value}


SIMULATOR = GoogleCalendar
