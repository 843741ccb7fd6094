"""Telephone keys as acts, by the open question: 0 a person, * again, # the end, where they mean nothing else."""

from __future__ import annotations

import datetime as dt

from offhook.core.script import acts as act
from offhook.core.script.model import Slot
from offhook.core.script.secret import secure_slot
from offhook.core.script.work import Work
from offhook.core.understand.parse import parse


def as_acts(work: Work, digits: str, sealed: object = None) -> tuple[act.Act, ...]:
    """What the caller did by pressing these keys."""
    if digits == "0":
        return (act.Human(),)
    if digits == "*":
        return (act.Repeat(),)
    body = digits.rstrip("#")
    asked = work.open
    hidden = secure_slot(work.script, work.state)
    if hidden is not None and digits != "#":
        return (act.Set(hidden.name, sealed, str(sealed)),) if sealed is not None else (act.Unclear(),)
    if asked is None:
        return (act.Goodbye(),) if digits == "#" else (act.Unclear(),)
    slot = work.script.slots.get(asked.slot)
    if asked.kind in {"guess", "confirm", "agree", "change"} or (slot is not None and slot.type == "yes_no"):
        if body in {"1", "2"}:
            return (act.Affirm() if body == "1" else act.Deny(),)
        return (act.Goodbye(),) if digits == "#" else (act.Unclear(),)
    if slot is None:
        return (act.Unclear(),)
    if slot.keys == "record" and work.mode == "keys" and slot.type not in {"phone", "number", "money"} and digits == "#":
        return (act.Set(slot.name, "(recorded)", "(recorded)"),)
    if digits == "#":
        return (act.Skip(),) if slot.optional else (act.Goodbye(),)
    if slot.type in {"choice", "offer"}:
        return (act.Choose(int(body)),) if body.isdigit() else (act.Unclear(),)
    return _typed(work, slot, body)


def _typed(work: Work, slot: Slot, body: str) -> tuple[act.Act, ...]:
    context = work.state.context
    if slot.type in {"date", "time"}:
        value = _day(body, work.today) if slot.type == "date" else _hour(body)
        return (act.Set(slot.name, value, body),) if value is not None else (act.Unclear(),)
    if slot.type not in {"phone", "number", "money", "pattern"} or context is None:
        return (act.Unclear(),)
    words = body.replace("*", ".") if slot.type in {"number", "money"} else body
    if slot.type == "number" and words.isdigit():
        return (act.Set(slot.name, int(words), body),)
    found = parse(slot.type, words, context, pattern=slot.pattern or None, spoken=slot.spoken or None, asked=True)
    return (act.Set(slot.name, found[0].value, body),) if found else (act.Unclear(),)


def _day(body: str, today: dt.date) -> str | None:
    """DDMM, the next one that comes."""
    if len(body) != 4 or not body.isdigit():
        return None
    for year in (today.year, today.year + 1):
        try:
            day = dt.date(year, int(body[2:]), int(body[:2]))
        except ValueError:
            continue
        if day >= today:
            return day.isoformat()
    return None


def _hour(body: str) -> str | None:
    """HHMM."""
    if len(body) not in {3, 4} or not body.isdigit():
        return None
    hour, minute = int(body[:-2]), int(body[-2:])
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None
