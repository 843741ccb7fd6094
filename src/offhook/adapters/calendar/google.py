"""Google Calendar: visits as events, busy times, and changes that people make there.

An event's id is ours (letters of base 32 made from the write's key), so a repeated insert is refused with 409 and then only looked at. An
event that somebody drags to another calendar keeps its id; it is looked for in the other chosen calendars before it counts as gone.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from offhook.adapters.calendar._events import (
    HOOK_TOKEN,
    Cursor,
    at_once,
    check_token,
    chosen,
    hook_token,
    join,
    place_of,
    split,
    stamp,
    text_of,
    title_of,
)
from offhook.adapters.http import Http, Pace, retry_after
from offhook.adapters.model import Account, Appointment, Busy, Change, Changes, Choice, Ref
from offhook.adapters.once import base32_of, uuid_of
from offhook.adapters.port import Chooser, Heard, HookSpec, Incoming, Link, Manifest, OAuth, Unsupported
from offhook.errors import (
    AdapterConflict,
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnavailable,
    Retry,
)

_SCOPE: Final = "https://www.googleapis.com/auth/"
MANIFEST = Manifest(
    kind="calendar",
    name="google",
    title="Google Calendar",
    base_url="https://www.googleapis.com/calendar/v3",
    auth=(
        OAuth(
            authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
            token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
            revoke_url="https://oauth2.googleapis.com/revoke",
            scopes=(f"{_SCOPE}calendar.events", f"{_SCOPE}calendar.freebusy", f"{_SCOPE}calendar.calendarlist.readonly"),
            authorize={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "false"},
        ),
    ),
    capabilities=frozenset({"find_availability", "create_appointment", "reschedule", "cancel", "changes_since", "hooks"}),
    paces=(Pace(600, 60), Pace(8, 0)),
    idempotency="id",
    tier="silver",
    choosers=(
        Chooser("calendar", "Calendar", "Whose times count and where visits are written.", many=False, required=True, per_staff=True),
    ),
    hooks=HookSpec(secret=HOOK_TOKEN, subscribe=True),
    writes=("appointment",),
    about="Busy times are respected, visits are written, and changes made there come back. Knows no customers.",
)

OURS: Final = "offhook"
"""The private property of an event that holds the key of its write."""
_OWN_ID: Final = re.compile(r"[0-9a-v]{32}")
_RATE: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
_OFF: Final = frozenset({"accessNotConfigured", "insufficientPermissions", "authError"})
"""Reasons of a 403 that end the connection; others are about one record."""
_LONGEST: Final = timedelta(days=60)
"""Of a question for busy times; the system refuses much longer ones."""
_AT_ONCE: Final = 50
_PERIOD_S: Final = 5 * 86_400
_CHANNEL_S: Final = 7 * 86_400
"""How often a channel is opened anew, and how long one lives."""
_BUSY_FIELDS: Final = "timeZone,nextPageToken,items(id,status,start,end,transparency,eventType,attendees(self,responseStatus))"

Event = Mapping[str, Any]


class Google(Unsupported):
    """One Google account."""

    NAME = MANIFEST.id

    def __init__(self, http: Http, link: Link) -> None:
        super().__init__(http, link)
        http.classify = lambda status, headers, body: _classify(status, headers, body, http.now())
        self._calendars = chosen(link.chosen, "primary")

    async def verify(self) -> Account:
        """See Adapter."""
        own = await self.http.get("/users/me/calendarList/primary")
        return Account(own["id"], own.get("summary", own["id"]), own.get("timeZone", ""))

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        found: list[Choice] = []
        page = ""
        while True:
            params = {"minAccessRole": "writer", "maxResults": "250"} | ({"pageToken": page} if page else {})
            reply = await self.http.get("/users/me/calendarList", params=params)
            found += [Choice(one["id"], one.get("summaryOverride") or one.get("summary") or one["id"]) for one in reply.get("items", ())]
            page = reply.get("nextPageToken", "")
            if not page:
                return {"calendar": tuple(found)}

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """See Adapter. The system says what is busy; where anything is, its events say whose it is."""
        found: dict[str, list[tuple[datetime, datetime]]] = {one: [] for one in resources}
        while start < end and resources:
            until = min(end, start + _LONGEST)
            for first in range(0, len(resources), _AT_ONCE):
                await self._free_busy(resources[first : first + _AT_ONCE], start, until, found)
            start = until
        out: dict[str, list[Busy]] = {}

        async def name(calendar: str) -> None:
            periods = found[calendar]
            events = await self._named(calendar, periods[0][0], periods[-1][1])
            out[calendar] = [piece for period in periods for piece in _pieces(calendar, period, events)]

        await at_once(name, (calendar for calendar, periods in found.items() if periods))
        return tuple(piece for calendar in resources for piece in out.get(calendar, ()))

    async def _free_busy(
        self, calendars: tuple[str, ...], start: datetime, end: datetime, found: dict[str, list[tuple[datetime, datetime]]]
    ) -> None:
        body = {"timeMin": stamp(start), "timeMax": stamp(end), "items": [{"id": one} for one in calendars]}
        reply = (await self.http.send("POST", "/freeBusy", body=body, repeat=True)).json()
        for calendar in calendars:
            answer = reply["calendars"].get(calendar, {"errors": [{"reason": "notFound"}]})
            for error in answer.get("errors", ()):
                if error.get("reason") == "notFound":
                    raise AdapterNotFound(self.NAME, "a chosen calendar is not there any more, or not shared with this account")
                raise AdapterUnavailable(self.NAME, "the system could not say when a calendar is free", detail=json.dumps(error))
            found[calendar] += [(_at(one["start"]), _at(one["end"])) for one in answer.get("busy", ())]

    async def _named(self, calendar: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime, str]]:
        """Busy events in a time, with ids; none where the calendar shows only that it is busy."""
        found: list[tuple[datetime, datetime, str]] = []
        params = {"singleEvents": "true", "maxResults": "2500", "fields": _BUSY_FIELDS, "timeMin": stamp(start), "timeMax": stamp(end)}
        while True:
            reply = await self.http.send("GET", f"{_path(calendar)}/events", params=params, also=(403, 404))
            if reply.status != 200:
                return found
            page = reply.json()
            zone = _zone(page.get("timeZone", ""), self.link.timezone)
            found += [(*_span(one, zone), join(calendar, one["id"])) for one in page.get("items", ()) if _busy(one)]
            if not page.get("nextPageToken"):
                return sorted(found)
            params["pageToken"] = page["nextPageToken"]

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        calendar, event = appointment.resource or self._calendars[0], base32_of(key)
        body = self._body(key, appointment)
        path = f"{_path(calendar)}/events"
        reply = await self.http.send("POST", path, body={"id": event, **body}, key=key, repeat=True, also=(409,))
        made = reply.json() if reply.status != 409 else await self._as_wanted(key, calendar, event, body)

        # An earlier try, before the visit was given to somebody else, may have reached the calendar of that time.
        async def drop(other: str) -> None:
            if (old := await self._read(other, event)) is not None and old.get("status") != "cancelled":
                await self.http.send("DELETE", f"{_path(other)}/events/{event}", key=key, repeat=True, also=(404, 410))

        await at_once(drop, (one for one in self._calendars if one != calendar))
        return _ref(calendar, made)

    async def _as_wanted(self, key: str, calendar: str, event: str, body: dict[str, Any]) -> Event:
        """The event that has this id already."""
        path = f"{_path(calendar)}/events"
        found = await self._read(calendar, event)
        if found is None:
            raise AdapterConflict(self.NAME, "the system has had this event and does not show it any more")
        if found.get("status") == "cancelled":
            # An event that was deleted is only hidden, and its id stays taken: written whole, it is there again.
            whole = {"status": "confirmed", **body}
            found = (await self.http.send("PUT", f"{path}/{event}", body=whole, key=key, repeat=True)).json()
        elif not _same(found, body):
            found = (await self.http.send("PATCH", f"{path}/{event}", body=body, key=key, repeat=True)).json()
        return found

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter. Only what the appointment says is changed; what people added to the event stays."""
        calendar, event = split(self.NAME, id)
        wanted = appointment.resource or calendar
        for last in (False, True):
            found = await self._find(event, (wanted, calendar, *self._calendars))
            if found is None:
                raise AdapterNotFound(self.NAME, "there is no such event in the calendar")
            where, now = found
            if where != wanted:
                path = f"{_path(where)}/events/{quote(event, safe='')}/move"
                now = (await self.http.send("POST", path, params={"destination": wanted}, key=key)).json()
            body = {name: value for name, value in self._body("", appointment).items() if value}
            path = f"{_path(wanted)}/events/{quote(event, safe='')}"
            match = {"if-match": str(now["etag"])} if now.get("etag") else {}
            reply = await self.http.send("PATCH", path, body=body, headers=match, key=key, repeat=True, also=() if last else (412,))
            if reply.status != 412:
                return _ref(wanted, reply.json())
        raise AdapterConflict(self.NAME, "somebody is changing this event in the calendar")

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter."""
        calendar, event = split(self.NAME, id)
        path = f"/events/{quote(event, safe='')}"
        reply = await self.http.send("DELETE", f"{_path(calendar)}{path}", key=key, repeat=True, also=(404, 410))
        if reply.status in {404, 410} and _OWN_ID.fullmatch(event):
            found = await self._find(event, tuple(one for one in self._calendars if one != calendar))
            if found is not None:
                await self.http.send("DELETE", f"{_path(found[0])}{path}", key=key, repeat=True, also=(404, 410))

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. One page of one calendar; events of others show their times only."""
        at = Cursor.read(cursor, self._calendars)
        calendar, token = at.left[0], at.tokens.get(at.left[0], "")
        params = {"singleEvents": "true", "maxResults": "250"}
        # What a visit may still matter for began yesterday at the earliest.
        params |= {"syncToken": token} if token else {"timeMin": stamp(_midnight(self.http.now()) - timedelta(days=1))}
        params |= {"pageToken": at.page} if at.page else {}
        path = f"{_path(calendar)}/events"
        reply = await self.http.send("GET", path, params=params, also=(400, 410) if token or at.page else ())
        if reply.status in {400, 410}:
            return await self.changes_since(at.again(self._calendars).write())
        page = reply.json()
        zone = _zone(page.get("timeZone", ""), self.link.timezone)
        items = [await self._change(calendar, one, zone) for one in page.get("items", ())]
        after = at.next(page=page.get("nextPageToken", ""), token=page.get("nextSyncToken", ""))
        return Changes(tuple(items), after.write(), more=bool(after.left), whole=at.whole)

    async def _change(self, calendar: str, event: Event, zone: ZoneInfo) -> Change:
        known = join(calendar, event["id"])
        if event.get("status") != "cancelled":
            return Change("appointment", known, _appointment(calendar, event, zone))
        others = tuple(one for one in self._calendars if one != calendar)
        if others and _OWN_ID.fullmatch(event["id"]) and (found := await self._find(event["id"], others)) is not None:
            return Change("appointment", known, _appointment(*found, zone))
        return Change("appointment", known, gone=True)

    async def watch(self, url: str) -> None:
        """See Adapter. A channel lives a week and cannot be prolonged: each few days another one is opened beside it."""
        period = str(int(self.http.now().timestamp()) // _PERIOD_S)
        for calendar in self._calendars:
            body = {
                "id": uuid_of(f"{url}/{calendar}", period),
                "type": "web_hook",
                "address": url,
                "token": hook_token(self.link.settings, url),
                "params": {"ttl": str(_CHANNEL_S)},
            }
            path = f"{_path(calendar)}/events/watch"
            reply = await self.http.send("POST", path, body=body, repeat=True, also=(400,))
            if reply.status == 400 and "channelIdNotUnique" not in _reasons(reply.body):
                raise AdapterRejected(self.NAME, "the system does not send webhooks to this address", detail=reply.body[:300].decode())

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """See Adapter."""
        headers = incoming.headers
        check_token(self.NAME, headers.get("x-goog-channel-token", ""), secret, incoming)
        once = f"{headers.get('x-goog-channel-id', '')}/{headers.get('x-goog-message-number', '')}"
        return Heard(changed=headers.get("x-goog-resource-state", "") != "sync", once="" if once == "/" else once)

    def _body(self, key: str, appointment: Appointment) -> dict[str, Any]:
        body: dict[str, Any] = {
            "summary": title_of(appointment),
            "description": html.escape(text_of(appointment), quote=False),
            "location": place_of(appointment),
            "start": {"dateTime": stamp(appointment.start), "timeZone": self.link.timezone},
            "end": {"dateTime": stamp(appointment.end), "timeZone": self.link.timezone},
        }
        return body | {"extendedProperties": {"private": {OURS: key}}} if key else body

    async def _read(self, calendar: str, event: str) -> Event | None:
        reply = await self.http.send("GET", f"{_path(calendar)}/events/{quote(event, safe='')}", also=(404, 410))
        found: Event | None = reply.json() if reply.status == 200 else None
        return found

    async def _find(self, event: str, calendars: Iterable[str]) -> tuple[str, Event] | None:
        """The first of these calendars where the event stands."""
        for calendar in dict.fromkeys(calendars):
            found = await self._read(calendar, event)
            if found is not None and found.get("status") != "cancelled":
                return calendar, found
        return None


def _path(calendar: str) -> str:
    return f"/calendars/{quote(calendar, safe='')}"


def _ref(calendar: str, event: Event) -> Ref:
    return Ref("appointment", join(calendar, event["id"]), event.get("htmlLink", ""))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _zone(*names: str) -> ZoneInfo:
    for name in names:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return ZoneInfo("UTC")


def _span(event: Event, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when; a whole day is one of the calendar's time zone."""
    ends = []
    for name in ("start", "end"):
        given = event[name]
        if "dateTime" in given:
            at = datetime.fromisoformat(given["dateTime"])
            ends.append((at if at.tzinfo else at.replace(tzinfo=_zone(given.get("timeZone", ""), zone.key))).astimezone(UTC))
        else:
            ends.append(datetime.combine(date.fromisoformat(given["date"]), time(), zone).astimezone(UTC))
    return ends[0], ends[1]


def _busy(event: Event) -> bool:
    """Whether an event takes its time: not cancelled, not shown as free, not declined by the calendar's owner, and no mere mark."""
    declined = any(one.get("self") and one.get("responseStatus") == "declined" for one in event.get("attendees", ()))
    mark = event.get("eventType", "default") in {"workingLocation", "birthday"}
    return event.get("status") != "cancelled" and event.get("transparency") != "transparent" and not declined and not mark


def _pieces(calendar: str, period: tuple[datetime, datetime], events: list[tuple[datetime, datetime, str]]) -> list[Busy]:
    """A busy time told by the events in it, and what is left of it without one."""
    start, end = period
    found: list[Busy] = []
    covered = start
    for begun, over, named in events:
        if begun < end and over > start:
            if begun > covered:
                found.append(Busy(calendar, covered, begun))
            found.append(Busy(calendar, max(begun, start), min(over, end), named))
            covered = max(covered, over)
    if covered < end:
        found.append(Busy(calendar, covered, end))
    return found


def _appointment(calendar: str, event: Event, zone: ZoneInfo) -> Appointment:
    start, end = _span(event, zone)
    key = event.get("extendedProperties", {}).get("private", {}).get(OURS, "")
    said = event if key else {}
    return Appointment(
        resource=calendar,
        start=start,
        end=end,
        title=said.get("summary", ""),
        description=html.unescape(said.get("description", "")),
        address=said.get("location", ""),
        id=join(calendar, event["id"]),
        url=said.get("htmlLink", ""),
        updated_at=_at(event["updated"]) if "updated" in event else None,
        extras={"key": key, "busy": _busy(event)},
    )


def _same(event: Event, body: Mapping[str, Any]) -> bool:
    """Whether an event is as wanted."""
    texts = all(event.get(name, "") == body[name] for name in ("summary", "description", "location"))
    return texts and _span(event, ZoneInfo("UTC")) == _span(body, ZoneInfo("UTC"))


def _reasons(body: bytes) -> frozenset[str]:
    try:
        return frozenset(str(one["reason"]) for one in json.loads(body)["error"]["errors"])
    except (ValueError, KeyError, TypeError):
        return frozenset()


def _classify(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> AdapterError | None:
    """A 403 is mostly about pace or about one record, and seldom about the authorisation."""
    if status != 403:
        return None
    reasons, detail = _reasons(body), body[:2_000].decode("utf-8", "replace")
    if reasons & _RATE:
        wait = retry_after(headers, 3_600.0 if reasons & {"quotaExceeded", "dailyLimitExceeded"} else 2.0, now)
        return AdapterRateLimited(MANIFEST.id, "the system wants fewer requests", detail=detail, retry=Retry(wait))
    if reasons and not reasons & _OFF:
        return AdapterRejected(MANIFEST.id, "this account may not change that event or calendar", detail=detail)
    return None


ADAPTER = Google
