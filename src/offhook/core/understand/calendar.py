"""Days: "next Tuesday", "the 27th", "Friday week", "3 December", "in two weeks", "end of next week". Days without a year lie ahead."""

# ruff: noqa: E501, ARG001  - rules and word lists stay on one line, and all makers of days take the same arguments

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from offhook.core.understand.clock import in_order
from offhook.core.understand.numbers import explains, numerals
from offhook.core.understand.types import Context, Found

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_US = frozenset({"US", "PR", "PH"})
_W = r"(?P<w>mon(?:day)?|tue(?:s|sday)?|wed(?:s|nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)(?:'s|s)?\b\.?"
_W_ANY = _W.replace("(?P<w>", "(?P<w2>")
_M = r"(?P<mon>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
_D = r"(?P<d>3[01]|[12]\d|0?[1-9])(?:\s?(?:st|nd|rd|th))?(?![\d:])"
_DTH = r"(?P<d>3[01]|[12]\d|0?[1-9])\s?(?:st|nd|rd|th)\b"
_Y = r"(?:,? *(?:of )?(?P<y>(?:19|20)\d\d|20 [0-4]\d)(?![\d:]))?"
_N = r"(?P<n>\d{1,3}|an?|a couple of|a few)"
_U = r"(?P<u>days?|weeks?|fortnights?|months?|years?)"
_FESTIVE = {
    "christmas eve": (12, 24), "christmas": (12, 25), "xmas": (12, 25), "boxing": (12, 26), "new year's eve": (12, 31), "new years eve": (12, 31),
    "new year's": (1, 1), "new years": (1, 1), "valentine's": (2, 14), "valentines": (2, 14), "halloween": (10, 31), "bonfire night": (11, 5),
    "independence": (7, 4), "anzac": (4, 25), "australia": (1, 26), "st patrick's": (3, 17),
}  # fmt: skip

_Match = re.Match[str]
_Result = tuple[date, float] | None


def month_of(word: str) -> int:
    """1 to 12 by the first three letters."""
    return [each[:3] for each in MONTHS].index(word[:3]) + 1


def weekday_of(word: str) -> int:
    """0 is Monday, by the first three letters."""
    return [each[:3] for each in WEEKDAYS].index(word[:3])


def _make(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


def _ahead(today: date, month: int, day: int) -> date | None:
    """The next time that day comes round (29 February may be years away)."""
    for year in range(today.year, min(today.year + 9, 9998)):
        made = _make(year, month, day)
        if made is not None and made >= today:
            return made
    return None


def _shift(today: date, unit: str, count: int) -> date | None:
    """A day so many units away; None beyond the calendar."""
    if unit[0] in "dwf":
        days = count * {"d": 1, "w": 7, "f": 14}[unit[0]]
        return today + timedelta(days=days) if abs(days) < 20_000 and 2 < today.year < 9_900 else None
    months = today.year * 12 + today.month - 1 + count * (12 if unit[0] == "y" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9998:
        return None
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def _count(word: str) -> int:
    return {"a": 1, "an": 1, "a couple of": 2, "a few": 3}.get(word) or int(word)


def _iso(m: _Match, today: date, us: bool) -> _Result:
    made = _make(int(m["y"]), int(m["mo"]), int(m["d"]))
    return (made, 0.95) if made else None


def _slashed(m: _Match, today: date, us: bool) -> _Result:
    one, two = int(m["a"]), int(m["b"])
    day, month = (two, one) if (us and one <= 12) or two > 12 else (one, two)
    if m["y"] is None:
        made = _ahead(today, month, day)
    else:
        year = int(m["y"])
        made = _make(year + 2000 if year < 100 else year, month, day)
    return (made, 0.9 if day > 12 or day == month else 0.75) if made else None


def _named(m: _Match, today: date, us: bool) -> _Result:
    month, day = month_of(m["mon"]), int(m["d"])
    made = _make(int(m["y"].replace(" ", "")), month, day) if m["y"] else _ahead(today, month, day)
    if made is None:
        return None
    said = m.groupdict().get("w")
    return made, 0.95 if said is None or weekday_of(said) == made.weekday() else 0.55


def _of_month(m: _Match, today: date, us: bool) -> _Result:
    base = today.replace(day=1) if m["which"] in {"this", "the"} else _shift(today.replace(day=1), "month", 1)
    made = _make(base.year, base.month, int(m["d"])) if base else None
    return (made, 0.9) if made else None


def _day_only(m: _Match, today: date, us: bool) -> _Result:
    said = m.groupdict().get("w")
    day = int(m["d"])
    first = today.replace(day=1)
    for step in range(13):
        month = _shift(first, "month", step)
        made = _make(month.year, month.month, day) if month else None
        if made is None or made < today or (said and weekday_of(said) != made.weekday() and step < 12):
            continue
        if said and step > 2:
            break
        return made, 0.92 if said else 0.88
    if said:  # no such weekday soon: the number is worth more than the name of the day
        for step in range(3):
            month = _shift(first, "month", step)
            made = _make(month.year, month.month, day) if month else None
            if made is not None and made >= today:
                return made, 0.5
    return None


def _near(m: _Match, today: date, us: bool) -> _Result:
    word = m["near"]
    steps = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "tmrw": 1, "tomorrow's": 1, "today's": 0}
    if word in steps:
        return today + timedelta(days=steps[word]), 0.96
    if word.startswith(("this", "later")):
        return today, 0.9
    if word.startswith("last"):
        return today - timedelta(days=1), 0.9
    return today + timedelta(days=2 if "tomorrow" in word else -2), 0.95


def _after_day(m: _Match, today: date, us: bool) -> _Result:
    """A fortnight today, a week tomorrow, a week on Friday, two weeks from Monday, Friday week."""
    base = today
    said = m["w"]
    if said:
        base = today + timedelta(days=(weekday_of(said) - today.weekday()) % 7 or 7)
    elif m["near"] == "tomorrow":
        base = today + timedelta(days=1)
    count = m.groupdict().get("n")
    unit = m.groupdict().get("u") or "week"
    made = _shift(base, unit, _count(count) if count else 1)
    return (made, 0.88) if made else None


def _in(m: _Match, today: date, us: bool) -> _Result:
    made = _shift(today, m["u"], _count(m["n"]))
    if made and m.groupdict().get("n2"):
        made = _shift(made, m["u2"], int(m["n2"]))
    vague = 0.6 if m["n"] in {"a few", "a couple of"} or m["u"][0] in "my" else 0.9
    return (made, vague) if made else None


def _ago(m: _Match, today: date, us: bool) -> _Result:
    made = _shift(today, m["u"], -_count(m["n"]))
    return (made, 0.85) if made else None


def _weekday(m: _Match, today: date, us: bool) -> _Result:
    said = weekday_of(m["w"])
    ahead = (said - today.weekday()) % 7
    which = (m.groupdict().get("which") or "").strip()
    monday = today - timedelta(days=today.weekday())
    later = (m.groupdict().get("week") or "").strip()
    if which == "last":
        return today - timedelta(days=(today.weekday() - said) % 7 or 7), 0.85
    if "next" in later or "following" in later:
        return monday + timedelta(days=7 + said), 0.92
    if "this" in later:
        return monday + timedelta(days=said), 0.92
    if which in {"next", "the following"}:
        made = monday + timedelta(days=7 + said)
        return made, 0.62 if today.weekday() < said else 0.88
    if which.startswith("the week after"):
        return monday + timedelta(days=14 + said), 0.8
    if ahead == 0:
        return (today, 0.7) if which == "this" else (today + timedelta(days=7), 0.6)
    return today + timedelta(days=ahead), 0.93


def _vague(m: _Match, today: date, us: bool) -> _Result:
    which, unit = m["which"], m["unit"]
    edge = m.groupdict().get("edge") or ""
    monday = today - timedelta(days=today.weekday())
    if unit == "weekend":
        saturday = monday + timedelta(days=5 + (7 if which == "next" else 0))
        return max(saturday, today), 0.5
    if unit == "week":
        base = monday + timedelta(days=7 if which in {"next", "the following"} else 0)
        step = {"end": 4, "later": 3, "middle": 2, "mid": 2}.get(edge.split(" ")[0], 0)
        made = max(base + timedelta(days=step), today)
        return made, 0.5 if edge else 0.4
    first = today.replace(day=1) if which in {"this", "the"} else _shift(today.replace(day=1), "month", 1)
    if first is None:
        return None
    day = {"end": monthrange(first.year, first.month)[1], "middle": 15, "mid": 15}.get(edge.split(" ")[0], 1)
    return max(first.replace(day=day), today), 0.45 if edge else 0.35


def _festive(m: _Match, today: date, us: bool) -> _Result:
    month, day = _FESTIVE[m["feast"]]
    made = _make(int(m["y"]), month, day) if m["y"] else _ahead(today, month, day)
    return (made, 0.85) if made else None


_EDGE = r"(?P<edge>end|beginning|start|middle|mid|later|early|earlier)(?: of| in)? *"
_SPEC: tuple[tuple[str, Callable[[_Match, date, bool], _Result]], ...] = (
    (r"(?<!\d)(?P<y>(?:19|20)\d\d)[-/.](?P<mo>1[0-2]|0?[1-9])[-/.](?P<d>3[01]|[12]\d|0?[1-9])(?!\d)", _iso),
    (r"(?<![\d.£$])(?P<a>3[01]|[12]\d|0?[1-9])(?P<s>[/.-])(?P<b>3[01]|[12]\d|0?[1-9])(?P=s)(?P<y>(?:19|20)?\d\d)(?![\d.])", _slashed),
    (r"(?<![\d/.£$])(?P<a>3[01]|[12]\d|0?[1-9])/(?P<b>3[01]|[12]\d|0?[1-9])(?P<y>(?!))?(?![\d/.])", _slashed),
    (rf"(?:\b{_W},? *(?:on )?)?(?:the )?(?<![\d:.]){_D} *(?:of |,)? *{_M}{_Y}", _named),
    (rf"(?:\b{_W},? *)?(?:the )?\b{_M},? *(?:the )?{_D}{_Y}", _named),
    (rf"(?:the )?\b{_DTH} (?:of )?(?P<which>this|next|the) month", _of_month),
    (rf"\b(?P<which>this|next) month,? (?:on )?(?:the )?{_DTH}", _of_month),
    (rf"\b{_W},? (?:on )?(?:the )?{_DTH}", _day_only),
    (r"\b(?P<near>day after tomorrow|day before yesterday)\b", _near),
    (rf"\b(?:(?P<n>\d|an?) )?(?P<u>fortnights?|weeks?) (?:(?:from |on )?(?:(?P<near>today|tomorrow|now)|{_W}))", _after_day),
    (rf"\b{_W} (?:in a )?(?P<u>week|fortnight)\b(?P<near>(?!))?", _after_day),
    (r"\b(?P<near>tomorrow|today) (?P<u>week|fortnight)\b(?P<w>(?!))?", _after_day),
    (rf"\b(?:in|within) (?:about |around )?{_N} {_U}'?(?: and (?P<n2>\d+) (?P<u2>days?|weeks?))?(?: ?'?s?'? time)?", _in),
    (rf"\b{_N} {_U} (?:from (?:now|today)|hence)", _in),
    (rf"\b{_N} {_U}' ?time", _in),
    (rf"\b{_N} {_U} ago\b", _ago),
    (rf"\b(?P<week>next week|this week|the following week),? (?:on )?(?:the )?{_W}(?P<which>(?!))?", _weekday),
    (
        rf"\b(?P<which>this coming |this |next |last |coming |on |the week after next on |the following )?{_W}(?P<week>,? (?:of )?(?:next|this|the following) week)?",
        _weekday,
    ),
    (rf"\b{_EDGE}(?P<which>this|next|the following|the) (?P<unit>week|month)\b", _vague),
    (r"\b(?P<which>this|next|the) (?P<unit>weekend)\b", _vague),
    (r"\b(?P<which>next|the following) (?P<unit>week|month)\b", _vague),
    (r"\b(?P<which>this) (?P<unit>week|month)\b", _vague),
    (rf"\b(?P<feast>{'|'.join(sorted(_FESTIVE, key=len, reverse=True))})(?: day)?\b(?: (?P<y>(?:19|20)\d\d))?", _festive),
    (
        r"\b(?P<near>today's|tomorrow's|today|tonight|tomorrow|yesterday|tmrw|this (?:morning|afternoon|evening)|later today|last night)\b",
        _near,
    ),
    (
        rf"(?:\bthe )?(?<![\d:.]){_DTH}(?! (?:floor|street|avenue|time|one|1|option|slot|of (?:them|those|all)|road|name|thing|choice|class|left|right|half)\b)",
        _day_only,
    ),
    (r"\b(?:the|on) (?P<d>3[01]|[12]\d)(?![\d:.]|(?:st|nd|rd|th)|,\d| (?:of us|people|pounds|quid|\d))", _day_only),
)
_RULES = tuple((re.compile(rule), make) for rule, make in _SPEC)
_EXTRA = frozenset(
    (
        "day date morning afternoon evening night tonight lunchtime first thing early late later works works. best earliest after before "
        "by from coming time monday tuesday wednesday thursday friday saturday sunday"
    ).split()
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """Days as YYYY-MM-DD. Without ``context.now`` only days with a year are found."""
    return in_order(text, list(_all(text, context, asked)))


def _all(text: str, context: Context, asked: bool) -> Iterator[Found]:
    view = numerals(text)
    taken: list[tuple[int, int]] = []
    today = context.now.date() if context.now is not None else None
    if today is not None and not 10 < today.year < 9900:
        return
    for rule, make in _RULES:
        for match in rule.finditer(view.text):
            if any(match.start() < b and match.end() > a for a, b in taken):
                continue
            if today is None and not match.groupdict().get("y"):
                continue
            made = make(match, today or date(2000, 1, 1), context.region in _US)
            if made is None:
                continue
            taken.append(match.span())
            length = len(match[0].rstrip(" .,"))
            start, end = view.span(match.start(), match.start() + length)
            sure = round(made[1] - (0.0 if asked else 0.03), 2)
            yield Found("date", made[0].isoformat(), text[start:end], start, end, sure, explains(text, start, end, _EXTRA))
