"""What the calendars have in common: the text of a visit, ids that name their calendar, and cursors over several calendars."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import anyio

from offhook.adapters.model import Appointment
from offhook.adapters.port import Incoming
from offhook.errors import AdapterError, AdapterRejected, AdapterUnauthorized

TITLE: Final = 250
TEXT: Final = 8_000
PLACE: Final = 250
"""Characters that both systems take."""
HOOK_TOKEN: Final = "hook_token"  # noqa: S105 - the name of a field
"""The connection's field with the key of its webhooks."""


def join(calendar: str, event: str) -> str:
    """The id of an event in a calendar: neither system has a colon in the latter part."""
    return f"{calendar}:{event}"


def split(adapter: str, id: str) -> tuple[str, str]:
    """Calendar and event of an id; AdapterRejected."""
    calendar, colon, event = id.rpartition(":")
    if not colon or not calendar or not event:
        raise AdapterRejected(adapter, "this is not the id of an event in a calendar")
    return calendar, event


def title_of(appointment: Appointment) -> str:
    """Who and what: the customer's name, and the problem where it does not say the name already."""
    name = appointment.person.name.strip() if appointment.person else ""
    title = appointment.title.strip()
    if name and name.casefold() not in title.casefold():
        title = f"{name}: {title}" if title else name
    return _cut(title, TITLE)


def text_of(appointment: Appointment) -> str:
    """What whoever drives there needs: the problem, telephone, address, and where to hear the call."""
    person = appointment.person
    lines = [appointment.description.strip()]
    if person is not None and person.phones:
        lines.append("Phone: " + ", ".join(person.phones))
    if person is not None and person.email:
        lines.append(f"Email: {person.email}")
    if appointment.address:
        lines.append(f"Address: {appointment.address}")
    link = str(appointment.extras.get("link", "")) or appointment.url
    tail = f"Call: {link}" if link else ""
    text = _cut("\n".join(line for line in lines if line), TEXT - len(tail) - 1)
    return "\n".join(part for part in (text, tail) if part)


def place_of(appointment: Appointment) -> str:
    """The address, on one line."""
    return _cut(" ".join(appointment.address.split()), PLACE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def chosen(choices: Mapping[str, tuple[str, ...]], default: str) -> tuple[str, ...]:
    """All calendars that the owner chose, for whomever, each once; the account's own where none is."""
    found = sorted({one for name, ones in choices.items() if name == "calendar" or name.startswith("staff/") for one in ones if one})
    return tuple(found) or (default,)


def hook_token(settings: Mapping[str, str], url: str) -> str:
    """The key that the system is to send with its webhooks: the connection's, else the secret end of the address."""
    return settings.get(HOOK_TOKEN, "") or url.split("?", 1)[0].rstrip("/").rpartition("/")[2]


def check_token(adapter: str, sent: str, secret: str, incoming: Incoming) -> None:
    """AdapterUnauthorized unless the webhook brought the key."""
    wanted = secret or hook_token({}, incoming.url)
    if not wanted or not hmac.compare_digest(sent.encode(), wanted.encode()):
        raise AdapterUnauthorized(adapter, "this webhook does not carry the connection's key")


async def at_once(work: Callable[[str], Awaitable[None]], calendars: Iterable[str]) -> None:
    """Do this for all calendars at the same time; the first error as it is, without a group around it."""
    errors: list[AdapterError] = []
    async with anyio.create_task_group() as group:

        async def one(calendar: str) -> None:
            try:
                await work(calendar)
            except AdapterError as error:
                errors.append(error)
                group.cancel_scope.cancel()

        for calendar in calendars:
            group.start_soon(one, calendar)
    if errors:
        raise errors[0]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the reading of changes is: tokens of calendars that are read, those left in this round, and a page within the first of them."""

    tokens: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    page: str = ""
    whole: bool = False

    @classmethod
    def read(cls, text: str, calendars: Sequence[str]) -> Cursor:
        """Go on, or begin a round. All is read anew where the cursor is none of ours or a calendar is not chosen any more."""
        anew = cls(left=tuple(calendars), whole=bool(text))
        if not text:
            return anew
        try:
            raw = json.loads(text)
            tokens, left = {str(name): str(token) for name, token in raw["tokens"].items()}, tuple(str(one) for one in raw["left"])
            found = cls(tokens, left, str(raw["page"]), bool(raw["whole"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return anew
        if not (set(found.tokens) | set(found.left)) <= set(calendars):
            return anew
        return found if found.left else cls(tokens, tuple(calendars))

    def again(self, calendars: Sequence[str]) -> Cursor:
        """After the system forgot: everything."""
        return Cursor(left=tuple(calendars), whole=True)

    def next(self, *, page: str = "", token: str = "") -> Cursor:
        """After a page: the next of the same calendar, or the next calendar."""
        if page:
            return replace(self, page=page)
        return replace(self, tokens={**self.tokens, self.left[0]: token}, left=self.left[1:], page="")

    def write(self) -> str:
        """As kept."""
        return json.dumps({"tokens": dict(self.tokens), "left": self.left, "page": self.page, "whole": self.whole}, separators=(",", ":"))
