"""Which visits are possible, which to offer, how to name them, and slot ids that cannot be made up. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from offhook.contracts.plan import OpeningHours
from offhook.orchestrator.agents.hours import Calendar, opening
from offhook.orchestrator.tenants.schemas import Diary

Part = Literal["morning", "afternoon", "evening"]
OFFERED: Final = 3

_PARTS: Final[dict[str, tuple[int, int]]] = {"morning": (0, 12), "afternoon": (12, 17), "evening": (17, 24)}
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOURS: Final = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_MINUTES: Final = {0: "{h}", 15: "quarter past {h}", 30: "half past {h}", 45: "quarter to {n}"}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A visit's time, in UTC, and who would come."""

    start: datetime
    end: datetime
    staff: str


def possible(
    diary: Diary,
    hours: Sequence[OpeningHours] | Calendar,
    zone: ZoneInfo,
    now: datetime,
    busy: Iterable[Span],
    day: date | None = None,
) -> Iterator[Span]:
    """Every visit that could be booked, earliest first, one per start: within opening hours, after the lead time, with somebody free."""
    earliest = now + timedelta(minutes=diary.lead_minutes)
    length = timedelta(minutes=diary.visit_minutes)
    today = now.astimezone(zone).date()
    last = today + timedelta(days=diary.horizon_days)
    days = [day] if day else [today + timedelta(days=n) for n in range(diary.horizon_days + 1)]
    taken = list(busy)
    for one in days:
        if not today <= one <= last:
            continue
        for opens, closes in opening(hours, zone, one):
            start = opens
            while start + length <= closes:
                if start >= earliest:
                    for staff in diary.staff:
                        if not any(span.staff == staff and span.start < start + length and start < span.end for span in taken):
                            yield Span(start, start + length, staff)
                            break
                start += length


def in_part(spans: Iterable[Span], zone: ZoneInfo, part: Part) -> list[Span]:
    """Those that begin in this part of the day."""
    first, end = _PARTS[part]
    return [span for span in spans if first <= span.start.astimezone(zone).hour < end]


def spread(spans: Sequence[Span], zone: ZoneInfo, *, soon: bool, near: datetime | None = None) -> list[Span]:
    """At most three of them to offer, in order.

    ``near`` gives the closest to a time, ``soon`` the earliest; on one day the first, the middle and the last; over several
    days one a day, mornings and afternoons by turns.
    """
    if near is not None:
        return sorted(sorted(spans, key=lambda span: (abs(span.start - near), span.start))[:OFFERED])
    if soon or len(spans) <= OFFERED:
        return list(spans[:OFFERED])
    days: dict[date, list[Span]] = {}
    for span in spans:
        days.setdefault(span.start.astimezone(zone).date(), []).append(span)
    if len(days) == 1:
        return [spans[0], spans[len(spans) // 2], spans[-1]]
    chosen = [on[len(on) // 2 if n % 2 else 0] for n, on in enumerate(list(days.values())[:OFFERED])]
    for span in spans:
        if len(chosen) == OFFERED:
            break
        if span not in chosen:
            chosen.append(span)
    return sorted(chosen)


def label(start: datetime, zone: ZoneInfo, now: datetime) -> str:
    """How a visit is offered: "today at nine", "Tuesday at half past two", "Tuesday the 24th at nine" when a week or more away."""
    local, today = start.astimezone(zone), now.astimezone(zone).date()
    ahead = (local.date() - today).days
    name = _DAYS[local.weekday()]
    if ahead in {0, 1}:
        name = ("today", "tomorrow")[ahead]
    elif ahead >= 7:
        name = f"{name} the {_ordinal(local.day)}"
    shape = _MINUTES.get(local.minute)
    if shape is None:
        return f"{name} at {local.hour % 12 or 12}:{local.minute:02d}"
    evening = " in the evening" if local.hour >= 18 else " in the morning" if local.hour < 7 else ""
    return f"{name} at {shape.format(h=_HOURS[local.hour % 12], n=_HOURS[(local.hour + 1) % 12])}{evening}"


def _ordinal(day: int) -> str:
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def slot_id(secret: str, tenant: str, span: Span) -> str:
    """An id that says which visit it is and that we offered it to this tenant's callers."""
    text = f"{int(span.start.timestamp())}.{int((span.end - span.start).total_seconds())}.{span.staff}"
    return f"{text}.{_mac(secret, tenant, text)}"


def read_slot(secret: str, tenant: str, id: str) -> Span | None:
    """The visit that an id names; None for one that we did not make."""
    text, _, mac = id.rpartition(".")
    if not hmac.compare_digest(_mac(secret, tenant, text).encode(), mac.encode()):
        return None
    start, seconds, staff = text.split(".", 2)
    begins = datetime.fromtimestamp(int(start), UTC)
    return Span(begins, begins + timedelta(seconds=int(seconds)), staff)


def _mac(secret: str, tenant: str, text: str) -> str:
    digest = hmac.new(secret.encode(), f"slot\n{tenant}\n{text}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode()
