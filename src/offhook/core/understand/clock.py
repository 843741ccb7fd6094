"""Times of day: "half past two", "9:30 pm", "nine", "noon", "in half an hour". Opening hours decide between morning and afternoon."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from offhook.core.understand.numbers import View, explains, numerals
from offhook.core.understand.types import Context, Found

PARTS = {"morning": (5, 12), "lunchtime": (12, 14), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 24)}
"""Hours from and before which a part of the day lasts."""

_AP = r"(?:\s*(?P<ap>am|pm|a\.m\.?|p\.m\.?)(?![a-z]))"
_IN = r"(?:,?\s*(?:in the |at |this |of the |tomorrow |on [a-z]+ |at )?(?P<part>morning|afternoon|evening|night|tonight)\b)"
_SIZE = r"(?P<unit>minutes?|mins?|hours?|hrs?)"
_MIN = r"(?P<m>[0-5]?\d)"
_HOUR = r"(?P<h>2[0-4]|1\d|0?\d)"
_HOUR_END = r"(?![\d:/%]|\.\d|,\d{3}|st\b|nd\b|rd\b|th\b)"
_RULES = tuple(
    re.compile(each)
    for each in (
        rf"(?<![\d.:£$€])(?:(?:half|(?P<frac>quarter))(?: an hour)?|{_MIN}(?: minutes?)?) (?P<dir>past|to|before|after|till|of) {_HOUR}{_HOUR_END}(?: o['\" ]?clock)?{_AP}?{_IN}?",
        r"(?<![\d.:£$€/-])(?:a )?(?P<frac>quarter) (?P<dir>past|to|before|after|till|of) (?P<word>noon|midday|midnight)",
        rf"(?:\b(?P<part2>morning|afternoon|evening|night) (?:at )?)?(?<![\d.:£$€/-]){_HOUR}[:.](?P<m2>[0-5]\d)(?![\d:/]|\.\d)(?:h|hrs| hours| o['\" ]?clock)?{_AP}?{_IN}?",
        rf"(?<![\d.:£$€/-]){_HOUR}(?: hundred|00)(?: hours| hrs){_IN}?",
        r"\bat (?P<h>1[3-9]|2[0-3])00\b(?! *[a-z])",
        rf"\b(?P<part>morning|afternoon|evening|night) (?:at )?{_HOUR}{_HOUR_END}(?! *(?:people|adults|pounds|quid|days?|weeks?|of))",
        rf"(?<![\d.:£$€/-]){_HOUR}(?: (?:o|oh|0) ?(?P<oh>[1-9])| (?P<m3>[0-5]\d)){_HOUR_END}{_AP}?{_IN}?(?! *(?:people|adults|pounds|quid|dollars|days|weeks|%))",
        rf"(?<![\d.:£$€/-])half (?P<hh>1[0-2]|\d){_HOUR_END}{_AP}?{_IN}?",
        rf"(?<![\d.:£$€/-]){_HOUR}(?: o['\" ]?clock(?:ish)?|ish\b| ish\b|{_AP}|{_IN})(?:ish\b| ish\b)?(?:{_AP.replace('<ap>', '<ap2>')}|{_IN.replace('<part>', '<part2>')})?",
        r"\b(?P<word>noon|midday|mid-day|midnight|lunchtime|lunch time)\b",
        rf"\bin (?:about |around )?(?P<n>\d+|an?|half an?|a quarter of an|3 quarters of an|a couple of) {_SIZE}(?P<half> and a half)?(?:'s? time)?",
        r"\b(?P<now>right now|straight away|right away|immediately|as soon as possible|asap|now)\b",
        rf"\b(?P<prep>at|around|about|by|before|after|from|until|till|past|about|for|like|say|than|make it|no,|no|sorry,|sorry|actually|i mean)(?: about| around| say| like)? {_HOUR}"
        rf"{_HOUR_END}(?! *(?:people|persons?|adults?|of us|pounds|quid|days?|weeks?|minutes?|hours?|guests|nights?|months?|years?|"
        rf"kids|children|[a-z]*teen|rooms?|tables?|star|miles?|January|of)\b)",
    )
)
_BARE = re.compile(
    rf"^\W*(?:(?:yes|yeah|um|uh|er|the|maybe|well|it's|say|let's say|make it|i think|ok|okay|no|sorry|\s|,)+)?{_HOUR}{_HOUR_END}(?: 1)?(?: please| then| thanks| ok| works| is fine)?\W*$"
)
_PART = re.compile(
    r"\b(?:(?P<tonight>tonight)|(?:(?P<early>early|first thing|late|later|mid)[ -]?(?:in )?(?:the )?)?(?P<part>mornings?|afternoons?|evenings?|lunchtime|lunch|nights?)\b"
    r"|(?P<first>first thing)|(?P<a>am|a\.m\.)(?![a-z])|(?P<p>pm|p\.m\.)(?![a-z]))"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """An hour that was said: the hours of the day that it may mean, best known first."""

    hours: tuple[int, ...]
    minute: int
    start: int
    end: int
    sure: float
    ahead: timedelta | None = None
    """For "in half an hour": how far from now."""
    sloppy: bool = False


def parts(text: str) -> list[tuple[str, int, int]]:
    """Parts of the day with their spans."""
    view = numerals(text)
    result = []
    for match in _PART.finditer(view.text):
        if match["a"] or match["p"]:
            if match.start() and view.text[: match.start()].rstrip()[-1:].isdigit():
                continue
            part = "morning" if match["a"] else "afternoon"
            if view.text[: match.start()].rstrip().endswith((" i", "'i")) or view.text[: match.start()].strip() in {"i", ""}:
                continue
        elif match["tonight"]:
            part = "evening"
        elif match["first"]:
            part = "morning"
        else:
            part = match["part"].rstrip("s")
            part = "lunchtime" if part == "lunch" else part
        start, end = view.span(*match.span())
        before = view.text[: match.start()].rstrip()
        if before.endswith("good"):
            continue  # a greeting
        result.append((part, start, end))
    return result


def moments(text: str, *, asked: bool) -> list[Moment]:
    """Times said in a text, left to right, each word used once. A bare number counts only when ``asked``."""
    view = numerals(text)
    said = [part for part, _, _ in parts(text)]
    result: list[Moment] = []
    taken: list[tuple[int, int]] = []
    for number, rule in enumerate(_RULES):
        for match in rule.finditer(view.text):
            if any(match.start() < b and match.end() > a for a, b in taken):
                continue
            if (
                number == len(_RULES) - 1
                and not asked
                and match["prep"]
                in {"for", "like", "about", "past", "say", "than", "from", "no,", "no", "sorry,", "sorry", "actually", "i mean"}
            ):
                continue
            moment = _moment(match, view, said)
            if moment is not None:
                taken.append(match.span())
                result.append(moment)
    if not result and asked and (bare := _BARE.match(view.text)) is not None:
        hours = _twelve(int(bare["h"]), None, said[0] if said else None)
        if hours:
            result.append(Moment(hours, 0, *view.span(*bare.span("h")), 0.85))
    return sorted(result, key=lambda each: each.start)


def _moment(match: re.Match[str], view: View, said: list[str]) -> Moment | None:
    group = match.groupdict()
    start, end = view.span(*match.span())
    if group.get("unit"):
        return Moment((), 0, start, end, 0.85, _ahead(group))
    if group.get("now"):
        return Moment((), 0, start, end, 0.55, timedelta(0))
    part = group.get("part") or group.get("part2")
    meridiem = (group.get("ap") or group.get("ap2") or "")[:1]
    sure, sloppy = 0.95, "ish" in match[0]
    if word := group.get("word"):
        hour = 0 if word == "midnight" else 12
        sure = 0.9 if "lunch" not in word else 0.5
        if group.get("frac"):
            past = group["dir"] in {"past", "after"}
            return Moment(((hour if past else hour - 1) % 24,), 15 if past else 45, start, end, sure)
        return Moment((hour,), 0, start, end, sure)
    if prep := group.get("prep"):
        start, end = view.span(match.start("h"), match.end("h"))
        sure, sloppy = 0.8, prep not in {"at", "for", "make it", "say", "like"}
    hour = int(group.get("h") or group.get("hh") or 0)
    minute = int(group.get("m2") or group.get("m3") or group.get("oh") or (30 if group.get("hh") else 0))
    if direction := group.get("dir"):
        minute = 15 if group.get("frac") else int(group["m"]) if group.get("m") else 30
        if direction in {"to", "before", "till", "of"}:
            if minute == 30 and not group.get("m"):
                return None
            hour, minute = (hour - 1) % 24 if hour != 1 else 12, 60 - minute
            minute, hour = (0, (hour + 1) % 24) if minute == 60 else (minute, hour)
    fixed = group.get("m2") is not None and (group.get("h") or "").startswith("0")
    hours = _twelve(hour, meridiem or None, part or (said[0] if said and not fixed else None), fixed=fixed)
    return Moment(hours, minute, start, end, sure - (0.1 if sloppy else 0), sloppy=sloppy) if hours and minute < 60 else None


def _ahead(group: dict[str, str | None]) -> timedelta:
    amount = {"a": 1.0, "an": 1.0, "half an": 0.5, "half a": 0.5, "a quarter of an": 0.25, "3 quarters of an": 0.75, "a couple of": 2.0}
    said = group["n"] or "1"
    size = amount[said] if said in amount else float(said[:4])
    if group.get("half"):
        size += 0.5
    return timedelta(hours=size) if (group["unit"] or "").startswith("h") else timedelta(minutes=size)


def _twelve(hour: int, meridiem: str | None, part: str | None, *, fixed: bool = False) -> tuple[int, ...]:
    """The hours of the day that a spoken hour may mean."""
    if hour > 24:
        return ()
    if hour == 24:
        return (0,)
    if hour > 12 or hour == 0:
        return (hour,)
    early, late = hour % 12, hour % 12 + 12
    if meridiem is not None:
        return (early,) if meridiem == "a" else (late,)
    if part == "morning":
        return (early,)
    if part in {"afternoon", "lunchtime"}:
        return (late,) if hour != 11 or part == "afternoon" else (early,)
    if part in {"evening", "tonight", "night"}:
        if hour == 12:
            return (0,)
        return (late,) if hour >= 4 or part != "night" else (early,)
    if fixed:
        return (early, late) if hour < 12 else (12,)
    return (early, late)


def settle(moment: Moment, context: Context, day: date | None) -> tuple[str, float, date | None]:
    """The time as HH:MM, confidence, and the day if it follows from the words ("in half an hour")."""
    if moment.ahead is not None:
        if context.now is None:
            return "", 0.0, None
        at = context.now + moment.ahead
        at -= timedelta(minutes=at.minute % 5, seconds=at.second, microseconds=at.microsecond) if moment.ahead else timedelta(0)
        return f"{at:%H:%M}", moment.sure, at.date()
    hours, sure = moment.hours, moment.sure
    if len(hours) == 1:
        return f"{hours[0]:02d}:{moment.minute:02d}", sure, None
    open_now = [h for h in hours if _open(h, moment.minute, context, day)]
    if len(open_now) == 1:
        return f"{open_now[0]:02d}:{moment.minute:02d}", min(sure, 0.85), None
    early, late = hours
    if day is not None and context.now is not None and day == context.now.date():
        clock = (context.now.hour, context.now.minute)
        ahead = [h for h in hours if (h, moment.minute) > clock]
        if len(ahead) == 1:
            return f"{ahead[0]:02d}:{moment.minute:02d}", min(sure, 0.75), None
    best = late if early < 7 else early
    return f"{best:02d}:{moment.minute:02d}", min(sure, 0.65), None


def _open(hour: int, minute: int, context: Context, day: date | None) -> bool:
    at = f"{hour:02d}:{minute:02d}"
    return any(opens <= at < closes for weekday, opens, closes in context.hours if day is None or weekday == day.weekday())


_NOT = re.compile(r"\b(?:not|n't(?: do| make)?)\s+(?:at\s+|the\s+)?$")
_UNDO = re.compile(r"\b(?:no|sorry|actually|i mean|i meant|rather|wait|make that|make it|instead|to)\b")


def in_order(text: str, found: list[Found]) -> list[Found]:
    """Found values with negated ones left out, and the one after a correction ("no, sorry, Friday") first."""
    low = text.casefold() if len(text.casefold()) == len(text) else text.lower()
    kept = [each for each in sorted(found, key=lambda f: f.start) if not _NOT.search(low[: each.start])]
    result: list[Found] = []
    for place, each in enumerate(kept):
        between = [low[a.end : b.start] for a, b in zip(kept[place:], kept[place + 1 :], strict=False)]
        undone = any(_UNDO.search(gap) for gap in between)
        either = any(gap.strip(" ,") == "or" for gap in (between[:1] + [low[a.end : each.start] for a in kept[max(place - 1, 0) : place]]))
        drop = (
            (0.4 if either else 0.0)
            + (0.35 if undone else 0.0)
            + (0.1 if len(kept) > 1 and place and not any(_UNDO.search(low[a.end : each.start]) for a in kept[:place]) else 0.0)
        )
        result.append(Found(each.type, each.value, each.raw, each.start, each.end, round(max(each.sure - drop, 0.1), 2), each.whole))
    return result


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """Times as HH:MM."""
    return in_order(text, list(_all(text, context, asked)))


def _all(text: str, context: Context, asked: bool) -> Iterator[Found]:
    for moment in moments(text, asked=asked):
        value, sure, _ = settle(moment, context, None)
        if value:
            sure = round(sure - (0.0 if asked else 0.05), 2)
            whole = explains(text, moment.start, moment.end, _EXTRA)
            yield Found("time", value, text[moment.start : moment.end], moment.start, moment.end, sure, whole)


_EXTRA = frozenset(
    "o'clock morning afternoon evening night tonight today tomorrow sharp exactly works pm am p m by after before time works earliest".split()
)


def view_of(when: datetime) -> str:
    """HH:MM of a moment."""
    return f"{when:%H:%M}"
