"""Microsoft 365: visits as events in Outlook's calendars, by Microsoft Graph 1.0.

The system chooses ids; it takes a second event of one ``transactionId`` for the first, or refuses it, and then the first is found by a
property that holds the write's key. Ids are asked to be immutable, so that an event keeps its own when somebody moves it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

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
from offhook.adapters.calendar._zones import zone_of
from offhook.adapters.http import Http, Json, Pace, Reply
from offhook.adapters.model import Account, Appointment, Busy, Change, Changes, Choice, Ref
from offhook.adapters.once import uuid_of
from offhook.adapters.port import Chooser, Heard, HookSpec, Incoming, Link, Manifest, OAuth, Unsupported
from offhook.errors import AdapterConflict, AdapterError, AdapterNotFound, AdapterUnauthorized

_LOGIN: Final = "https://login.microsoftonline.com/common/oauth2/v2.0"
MANIFEST = Manifest(
    kind="calendar",
    name="microsoft",
    title="Microsoft 365",
    base_url="https://graph.microsoft.com/v1.0",
    auth=(
        OAuth(
            authorize_url=f"{_LOGIN}/authorize",
            token_url=f"{_LOGIN}/token",
            scopes=("offline_access", "User.Read", "Calendars.ReadWrite"),
            authorize={"prompt": "select_account"},
        ),
    ),
    capabilities=frozenset({"find_availability", "create_appointment", "reschedule", "cancel", "changes_since", "hooks"}),
    paces=(Pace(10_000, 600), Pace(20, 1), Pace(4, 0)),  # the second is ours: the system slows mailboxes down that are asked in bursts
    idempotency="property",
    tier="silver",
    choosers=(Chooser("calendar", "Calendar", "Whose times count and where visits are written.", required=True, per_staff=True),),
    hooks=HookSpec(secret=HOOK_TOKEN, subscribe=True),
    writes=("appointment",),
    about="Busy times are respected, visits are written, and changes made there come back. Knows no customers.",
)

DEFAULT: Final = "default"
"""The account's own calendar, where none was chosen."""
_SPACE: Final = "String {6a2f2f0e-5f5c-5f0a-9a0e-4a6b8f1c2d3e} Name "
OURS: Final = f"{_SPACE}offhook"
CAME_FROM: Final = f"{_SPACE}offhook-from"
"""Properties of an event: the key of its write, and the id of the event whose place it took in another calendar."""
_SELECT: Final = (
    "id,subject,body,location,start,end,isAllDay,showAs,isCancelled,responseStatus,webLink,lastModifiedDateTime,type,transactionId"
)
_EXPAND: Final = f"singleValueExtendedProperties($filter=id eq '{OURS}')"
_OUR_TRANSACTION: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MOST_LIVES: Final = 5
"""How often a visit that people keep deleting is made anew under one key."""
_BACK: Final = timedelta(days=1)
_AHEAD: Final = timedelta(days=400)
_SLIDE: Final = timedelta(days=30)
"""The window in which changes are read, and after how long it is moved on."""
_LIFE: Final = timedelta(minutes=4_200)
"""Of a subscription: somewhat less than the shortest limit that the system has had."""

Event = Mapping[str, Any]


class Microsoft(Unsupported):
    """One mailbox."""

    NAME = MANIFEST.id

    def __init__(self, http: Http, link: Link) -> None:
        super().__init__(http, link)
        http.classify = _classify
        self._calendars = chosen(link.chosen, DEFAULT)

    async def verify(self) -> Account:
        """See Adapter."""
        me = await self._get("/me", {"$select": "id,displayName,mail,userPrincipalName"})
        return Account(me["id"], me.get("mail") or me.get("userPrincipalName") or me.get("displayName") or me["id"])

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """See Adapter."""
        found = await self._pages("/me/calendars", {"$select": "id,name,canEdit,canShare", "$top": "100"})
        # Whoever may share a calendar owns it: those of others are not reached with our scopes.
        return {"calendar": tuple(Choice(one["id"], one["name"]) for one in found if one.get("canEdit") and one.get("canShare"))}

    async def find_availability(self, resources: tuple[str, ...], start: datetime, end: datetime) -> tuple[Busy, ...]:
        """See Adapter. By the calendars' own events: schedules are there for work accounts' first calendars only."""
        out: dict[str, list[Busy]] = {}
        query = {"startDateTime": stamp(start), "endDateTime": stamp(end), "$top": "500"}
        query["$select"] = "id,start,end,isAllDay,showAs,isCancelled,responseStatus"

        async def ask(calendar: str) -> None:
            events = await self._pages(f"{_path(calendar)}/calendarView", query)
            spans = ((*self._span(one), join(calendar, one["id"])) for one in events if _busy(one))
            out[calendar] = [Busy(calendar, max(a, start), min(b, end), known) for a, b, known in sorted(spans) if a < end and b > start]

        await at_once(ask, resources if start < end else ())
        return tuple(busy for calendar in resources for busy in out.get(calendar, ()))

    async def create_appointment(self, key: str, appointment: Appointment) -> Ref:
        """See Adapter."""
        calendar = appointment.resource or self._calendars[0]
        body = {**_body(appointment), "showAs": "busy", "singleValueExtendedProperties": [{"id": OURS, "value": key}]}
        made = await self._create(key, calendar, body, (OURS, key))

        # An earlier try, before the visit was given to somebody else, may have reached the calendar of that time.
        async def drop(other: str) -> None:
            if (old := await self._marked(other, (OURS, key))) is not None:
                await self._delete(key, old["id"])

        await at_once(drop, (one for one in self._calendars if one != calendar))
        return made

    async def _create(self, key: str, calendar: str, body: dict[str, Any], mark: tuple[str, str]) -> Ref:
        """Make an event, or make the one that bears this mark as it should be.

        A transaction whose event people have deleted is used up: the visit gets the next one.
        """
        for life in range(_MOST_LIVES):
            sent = {**body, "transactionId": uuid_of(f"{calendar}\n{key}", str(life) if life else "")}
            found: Event | None
            try:
                found = (await self._send("POST", f"{_path(calendar)}/events", body=sent, key=key, repeat=True)).json()
            except AdapterConflict:
                found = await self._marked(calendar, mark)
            if found is None:
                continue
            if not self._same(found, body):
                found = await self._patch(key, found["id"], body)
            return _ref(calendar, found)
        raise AdapterConflict(self.NAME, "the system takes this visit for one that it has had")

    async def reschedule(self, key: str, id: str, appointment: Appointment) -> Ref:
        """See Adapter. The system moves no event between calendars: one is made there, and the old one deleted."""
        calendar, event = split(self.NAME, id)
        wanted = appointment.resource or calendar
        body = _body(appointment)
        if wanted == calendar:
            return _ref(calendar, await self._patch(key, event, body))
        old = await self._event(event)
        if old is None:
            moved = await self._marked(wanted, (CAME_FROM, event))
            if moved is None:
                raise AdapterNotFound(self.NAME, "there is no such event in the calendar")
            return _ref(wanted, await self._patch(key, moved["id"], body))
        marks = [{"id": CAME_FROM, "value": event}] + ([{"id": OURS, "value": _key(old)}] if _key(old) else [])
        kept = {name: old[name] for name in ("subject", "body", "showAs") if name in old} | {"location": {"displayName": _place(old)}}
        new = await self._create(f"move/{event}", wanted, {**kept, **body, "singleValueExtendedProperties": marks}, (CAME_FROM, event))
        await self._delete(key, event)
        return new

    async def cancel(self, key: str, id: str) -> None:
        """See Adapter."""
        await self._delete(key, split(self.NAME, id)[1])

    async def changes_since(self, cursor: str) -> Changes:
        """See Adapter. A page of the changes within a window of days; a window that has grown old is moved on, and all read anew."""
        at = Cursor.read(cursor, self._calendars)
        now = self.http.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        calendar = at.left[0]
        begun, _, link = (at.page or at.tokens.get(calendar, "")).partition(" ")
        if begun and datetime.fromisoformat(begun) < now - _SLIDE:
            at, begun, link = at.again(self._calendars), "", ""
            calendar = at.left[0]
        query = None
        if not link:
            begun, link = stamp(now), f"{_path(calendar)}/calendarView/delta"
            query = {"startDateTime": stamp(now - _BACK), "endDateTime": stamp(now + _AHEAD)}
        reply = await self._send("GET", link, params=query, also=() if query else (400, 410), prefer="odata.maxpagesize=100")
        if reply.status in {400, 410}:
            return await self.changes_since(at.again(self._calendars).write())
        page = reply.json()
        items = [await self._change(calendar, one) for one in page.get("value", ()) if one.get("type") != "seriesMaster"]
        on, done = page.get("@odata.nextLink", ""), page.get("@odata.deltaLink", "")
        after = at.next(page=f"{begun} {_relative(on)}" if on else "", token=f"{begun} {_relative(done)}")
        return Changes(tuple(items), after.write(), more=bool(after.left), whole=at.whole)

    async def _change(self, calendar: str, event: Event) -> Change:
        """What is told to be removed may as well have left the window or gone to another calendar: only the event itself tells."""
        known = join(calendar, event["id"])
        if "@removed" not in event:
            return Change("appointment", known, self._appointment(calendar, event))
        found = await self._event(event["id"])
        if found is None or found.get("isCancelled"):
            return Change("appointment", known, gone=True)
        where = (await self._get(f"/me/events/{quote(event['id'], safe='')}/calendar", {"$select": "id"}))["id"]
        # The account's own calendar is known to us by another name than to the system.
        place = where if where in self._calendars or DEFAULT not in self._calendars else DEFAULT
        return Change("appointment", known, self._appointment(place, found))

    async def watch(self, url: str) -> None:
        """See Adapter. One subscription for all calendars, prolonged each time."""
        until = stamp(self.http.now() + _LIFE)
        resource = "/me/events"
        for one in await self._pages("/subscriptions", {}):
            if one.get("notificationUrl") == url and one.get("resource", "").lstrip("/") == resource.lstrip("/"):
                await self._send("PATCH", f"/subscriptions/{quote(one['id'], safe='')}", body={"expirationDateTime": until}, repeat=True)
                return
        body = {"changeType": "created,updated,deleted", "notificationUrl": url, "resource": resource, "expirationDateTime": until}
        await self._send("POST", "/subscriptions", body={**body, "clientState": hook_token(self.link.settings, url)})

    def hear(self, incoming: Incoming, secret: str) -> Heard:
        """See Adapter. A new address is asked to say a token back; after that each notice carries the key."""
        if asked := incoming.query.get("validationToken", ""):
            return Heard(answer=asked.encode(), changed=False)
        try:
            notices = json.loads(incoming.body)["value"]
            keys = [str(one["clientState"]) for one in notices]
        except (ValueError, KeyError, TypeError) as error:
            raise AdapterUnauthorized(self.NAME, "this webhook does not carry the connection's key") from error
        for one in keys or [""]:
            check_token(self.NAME, one, secret, incoming)
        return Heard(status=202, once=hashlib.sha256(incoming.body).hexdigest())

    # -- requests ----------------------------------------------------------------------------------------------------------------

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json = None,
        key: str = "",
        repeat: bool | None = None,
        also: tuple[int, ...] = (),
        prefer: str = "",
    ) -> Reply:
        wishes = ('outlook.timezone="UTC"', 'IdType="ImmutableId"', *((prefer,) if prefer else ()))
        headers = {"prefer": ", ".join(wishes)}
        return await self.http.send(method, path, params=params, body=body, headers=headers, key=key, repeat=repeat, also=also)

    async def _get(self, path: str, params: Mapping[str, str]) -> Json:
        return (await self._send("GET", path, params=params)).json()

    async def _pages(self, path: str, params: Mapping[str, str]) -> list[Event]:
        found: list[Event] = []
        page = await self._get(path, params)
        while True:
            found += page.get("value", ())
            if "@odata.nextLink" not in page:
                return found
            page = (await self._send("GET", _relative(page["@odata.nextLink"]))).json()

    async def _event(self, event: str) -> Event | None:
        reply = await self._send("GET", f"/me/events/{quote(event, safe='')}", params={"$select": _SELECT, "$expand": _EXPAND}, also=(404,))
        found: Event | None = reply.json() if reply.status == 200 else None
        return found

    async def _marked(self, calendar: str, mark: tuple[str, str]) -> Event | None:
        """The event of a calendar with this property."""
        name, value = mark[0], mark[1].replace("'", "''")
        wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value eq '{value}')"
        found = await self._get(f"{_path(calendar)}/events", {"$filter": wanted, "$select": _SELECT, "$top": "1"})
        event: Event | None = next(iter(found["value"]), None)
        return event

    async def _patch(self, key: str, event: str, body: Mapping[str, Any]) -> Event:
        changes = {name: value for name, value in body.items() if name not in {"singleValueExtendedProperties", "transactionId"}}
        found: Event = (await self._send("PATCH", f"/me/events/{quote(event, safe='')}", body=changes, key=key, repeat=True)).json()
        return found

    async def _delete(self, key: str, event: str) -> None:
        try:
            await self._send("DELETE", f"/me/events/{quote(event, safe='')}", key=key, repeat=True)
        except AdapterNotFound:
            return

    # -- events ------------------------------------------------------------------------------------------------------------------

    def _span(self, event: Event) -> tuple[datetime, datetime]:
        """From when to when. A whole day has no zone there, whatever it says: it is one of the business's."""
        ends = []
        for name in ("start", "end"):
            given = event[name]
            zone = zone_of("" if event.get("isAllDay") else given.get("timeZone", "UTC"), self.link.timezone)
            at = datetime.fromisoformat(given["dateTime"])
            ends.append((at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC))
        return ends[0], ends[1]

    def _same(self, event: Event, body: Mapping[str, Any]) -> bool:
        """Whether an event is as wanted; texts may have been put into HTML there."""
        texts = (event.get("subject") or "") == body.get("subject", "") and _place(event) == _place(body)
        return texts and self._span(event) == self._span(body)

    def _appointment(self, calendar: str, event: Event) -> Appointment:
        start, end = self._span(event)
        own = bool(_key(event)) or _OUR_TRANSACTION.fullmatch(event.get("transactionId") or "") is not None
        said = event if own else {}
        body = said.get("body") or {}
        return Appointment(
            resource=calendar,
            start=start,
            end=end,
            title=said.get("subject") or "",
            description=body.get("content", "") if body.get("contentType") == "text" else "",
            address=_place(said),
            id=join(calendar, event["id"]),
            url=said.get("webLink") or "",
            cancelled=bool(event.get("isCancelled")),
            updated_at=_moment(event["lastModifiedDateTime"]) if event.get("lastModifiedDateTime") else None,
            extras={"key": _key(event), "busy": _busy(event)},
        )


def _body(appointment: Appointment) -> dict[str, Any]:
    place, text = place_of(appointment), text_of(appointment)
    said = {
        "subject": title_of(appointment),
        "body": {"contentType": "text", "content": text} if text else None,
        "location": {"displayName": place} if place else None,
    }
    return {name: value for name, value in said.items() if value} | {"start": _when(appointment.start), "end": _when(appointment.end)}


def _when(at: datetime) -> dict[str, str]:
    return {"dateTime": at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds"), "timeZone": "UTC"}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _place(event: Event) -> str:
    return str((event.get("location") or {}).get("displayName", ""))


def _key(event: Event) -> str:
    return next((str(one["value"]) for one in event.get("singleValueExtendedProperties") or () if one["id"].lower() == OURS.lower()), "")


def _busy(event: Event) -> bool:
    """Whether an event takes its time: not cancelled, not declined, not shown as free or as work from elsewhere."""
    declined = (event.get("responseStatus") or {}).get("response") == "declined"
    return not event.get("isCancelled") and not declined and event.get("showAs") not in {"free", "workingElsewhere"}


def _path(calendar: str) -> str:
    return "/me/calendar" if calendar == DEFAULT else f"/me/calendars/{quote(calendar, safe='')}"


def _relative(link: str) -> str:
    """A link of the system's as a path below its base: never to another host, whatever an answer says."""
    parts = urlsplit(link)
    path = parts.path.removeprefix(urlsplit(MANIFEST.base_url).path)
    return f"{path}?{parts.query}" if parts.query else path


def _ref(calendar: str, event: Event) -> Ref:
    return Ref("appointment", join(calendar, event["id"]), event.get("webLink") or "")


def _classify(status: int, headers: Mapping[str, str], body: bytes) -> AdapterError | None:  # noqa: ARG001
    """What the system calls a bad request and is none."""
    if status != 400:
        return None
    try:
        code = str(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return None
    detail = body[:2_000].decode("utf-8", "replace")
    if code == "ErrorDuplicateTransactionId":
        return AdapterConflict(MANIFEST.id, "the system has had this event", detail=detail)
    if code in {"ErrorInvalidIdMalformed", "ErrorItemNotFound"}:
        return AdapterNotFound(MANIFEST.id, "there is no such event in the calendar", detail=detail)
    return None


ADAPTER = Microsoft
