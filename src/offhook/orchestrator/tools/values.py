"""The values that scripts hand to tools: lenient in form, strict in meaning. What does not fit is Invalid, never a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final, cast, get_args
from zoneinfo import ZoneInfo

from offhook.errors import Invalid
from offhook.orchestrator.bookings.slots import Part
from offhook.orchestrator.numbers.ops import e164

_TEXT: Final = 2_000


def text(args: Mapping[str, Any], name: str, *, limit: int = _TEXT) -> str:
    """Text, or the ``text`` of a typed value; "" when absent."""
    value = args.get(name)
    if isinstance(value, Mapping):
        known = [value[key] for key in ("text", "value", "label") if key in value]
        if value and not known:
            raise Invalid(f"{name} is not text")
        value = known[0] if known else None
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        value = str(value)
    if not isinstance(value, str) or len(value) > limit or "\x00" in value:
        raise Invalid(f"{name} is not text of at most {limit} characters")
    return value.strip()


def person(args: Mapping[str, Any], name: str = "name") -> str:
    """A person's name from ``{"given", "family"}`` or text."""
    value = args.get(name)
    if isinstance(value, Mapping) and ("given" in value or "family" in value):
        return " ".join(part for part in (text(value, "given", limit=100), text(value, "family", limit=100)) if part)
    return text(args, name, limit=200)


def address(args: Mapping[str, Any], name: str = "address") -> str:
    """An address on one line from ``{"lines", "postcode", "text"}`` or text."""
    value = args.get(name)
    if not isinstance(value, Mapping):
        return text(args, name, limit=500)
    lines = value.get("lines") or []
    if isinstance(lines, str):
        lines = [lines]
    if not isinstance(lines, list | tuple) or len(lines) > 10:
        raise Invalid(f"{name} has lines that are no list")
    parts = [text({"line": line}, "line", limit=200) for line in lines]
    parts.append(text(value, "postcode", limit=16))
    return ", ".join(part for part in parts if part) if any(parts) else text(value, "text", limit=500)


def phone(args: Mapping[str, Any], region: str, name: str = "phone") -> str | None:
    """A number as E.164; None when absent."""
    given = text(args, name, limit=64)
    if not given:
        return None
    number = e164(given, region)
    if number is None:
        raise Invalid(f"{name} is not a phone number")
    return number


@dataclass(frozen=True, slots=True)
class When:
    """A wish for a visit's time; each part may be missing."""

    day: date | None = None
    part: Part | None = None
    near: time | None = None


def when(args: Mapping[str, Any], name: str = "day") -> When:
    """A wish from "YYYY-MM-DD", a date and time, or ``{"date", "part" or "time"}``."""
    value = args.get(name)
    part: Part | None = None
    clock = ""
    if isinstance(value, Mapping):
        spoken = text(value, "part", limit=16)
        if spoken and spoken not in get_args(Part):
            raise Invalid(f"{name} names a part of the day that is none")
        part = cast("Part", spoken) if spoken else None
        clock = text(value, "time", limit=16)
        value = value.get("date")
    given = text({name: value}, name, limit=40)
    try:
        near = time.fromisoformat(clock) if clock else None
        if len(given) > len("YYYY-MM-DD"):
            moment = datetime.fromisoformat(given)
            return When(moment.date(), part, near or moment.time())
        return When(date.fromisoformat(given) if given else None, part, near)
    except ValueError as error:
        raise Invalid(f"{name} is not a date") from error


def moment(args: Mapping[str, Any], zone: ZoneInfo, name: str = "at") -> datetime | None:
    """A date and time; without a zone it is the tenant's, without a time it is nine o'clock. None when absent."""
    wish = when(args, name)
    if wish.day is None:
        return None
    found = datetime.combine(wish.day, wish.near or time(9))
    return found if found.tzinfo else found.replace(tzinfo=zone)


def slot(args: Mapping[str, Any], name: str = "slot") -> str:
    """The id of an offered visit, from the offer or its id."""
    value = args.get(name)
    given = text(value, "id", limit=200) if isinstance(value, Mapping) and "id" in value else text(args, name, limit=200)
    if not given:
        raise Invalid(f"{name} is missing")
    return given


def rest(args: Mapping[str, Any], *used: str) -> dict[str, Any]:
    """What else came, as short text: kept beside the record."""
    return {name: text(args, name) for name in sorted(args)[:50] if name not in used and len(name) <= 64}
