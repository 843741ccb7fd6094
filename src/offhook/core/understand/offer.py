"""Which of the things offered: by place ("the second one"), by day, by hour, by its words."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from offhook.core.understand import calendar, clock
from offhook.core.understand.numbers import explains, numerals, tokens, words_only
from offhook.core.understand.types import Context, Found, Offer

_PLACE = re.compile(
    r"\b(?:(?:the |option |number )*(?P<nth>\d+)(?:st|nd|rd|th)(?: (?:1|option|slot|time|appointment|please|of those))?"
    r"|(?:option|number) (?P<n>\d+)|(?:the )?(?P<last>last|latest|later|final|latter)(?: (?:1|option|slot|time|of (?:the )?(?:2|two)))?"
    r"|(?:the )?(?P<first>earliest|earlier|former|soonest)(?: (?:1|option|slot|time))?"
    r"|(?:the )?(?P<middle>middle)(?: (?:1|option|slot))?"
    r"|(?P<any>either(?: (?:1|of (?:them|those)))?|any(?: (?:1|of (?:them|those)))?|whichever|i don't mind|don't mind|both(?: are)? fine))(?![\w])"
)
_NEGATED = re.compile(r"(?:\bnot|n't do|n't make|\bnone|\bneither)\s+(?:of\s+)?(?:the\s+|on\s+|at\s+)?$")
_EXTRA = frozenset(
    "one ones option slot time appointment works sounds suits works best better that'll do i'll book fine o'clock tell what".split()
)


def find(text: str, offers: Sequence[Offer], context: Context, asked: bool) -> list[Found]:
    """The places (from 1) of the offers that the words fit; more than one if the words do not decide."""
    if not offers:
        return []
    found = _by_time(text, offers, context) or _by_label(text, offers) or _by_place(text, offers)
    if not found and asked and len(offers) >= 1:
        view = numerals(text)
        bare = re.fullmatch(r"\W*(?:um |uh |the |number )*(\d)(?: please)?\W*", view.text)
        if bare and 1 <= int(bare[1]) <= len(offers):
            found = [_make(text, int(bare[1]), *view.span(*bare.span(1)), 0.85)]
    return [each if asked else replace(each, sure=round(each.sure - 0.1, 2)) for each in found]


def _make(text: str, place: int, start: int, end: int, sure: float) -> Found:
    whole = explains(text, start, end, _EXTRA)
    return Found("offer", place, text[start:end], start, end, sure if whole else sure - 0.05, whole)


def _starts(offers: Sequence[Offer]) -> list[datetime | None]:
    result: list[datetime | None] = []
    for offer in offers:
        try:
            result.append(datetime.fromisoformat(offer.start) if offer.start else None)
        except ValueError:
            result.append(None)
    return result


def _by_place(text: str, offers: Sequence[Offer]) -> list[Found]:
    view = numerals(text)
    count = len(offers)
    order = (
        sorted(range(count), key=lambda k: ((s := offers[k].start) is None and "~") or str(s))
        if all(o.start for o in offers)
        else list(range(count))
    )
    for match in _PLACE.finditer(view.text):
        start, end = view.span(*match.span())
        if _NEGATED.search(text[:start].casefold()):
            continue
        sure = 0.93
        if match["nth"] or match["n"]:
            place = int(match["nth"] or match["n"])
        elif match["last"]:
            place = count if match["last"] in {"last", "final", "latter"} else order[-1] + 1
        elif match["first"]:
            place = 1 if match["first"] == "former" else order[0] + 1
        elif match["middle"]:
            if count != 3:
                continue
            place = 2
        else:
            place, sure = 1, 0.76
        if 1 <= place <= count:
            return [_make(text, place, start, end, sure)]
    return []


def _by_time(text: str, offers: Sequence[Offer], context: Context) -> list[Found]:
    starts = _starts(offers)
    if not any(starts):
        return []
    left = [k for k, each in enumerate(starts) if each is not None]
    spans: list[tuple[int, int]] = []
    for span, keep in (*_days(text, starts, context), *_hours(text, starts), *_parts(text, starts)):
        kept = [k for k in left if k in keep]
        if kept:
            left = kept
            spans.append(span)
        elif keep is not None and span[1] - span[0] > 3 and not keep:
            return []  # a day or an hour that was not offered
    if not spans:
        return []
    start, end = min(a for a, _ in spans), max(b for _, b in spans)
    sure = 0.95 if len(left) == 1 else 0.45
    return [_make(text, k + 1, start, end, sure) for k in left]


def _days(text: str, starts: list[datetime | None], context: Context) -> list[tuple[tuple[int, int], set[int]]]:
    result = []
    low = text.casefold()
    for number, day in enumerate(calendar.WEEKDAYS):
        match = re.search(rf"\b(?:{day}|{day[:3]})s?\b", low) if len(low) == len(text) else None
        if match and not _NEGATED.search(low[: match.start()]):
            result.append((match.span(), {k for k, s in enumerate(starts) if s is not None and s.weekday() == number}))
    if not result:
        for each in calendar.find(text, context, asked=False):
            if not _NEGATED.search(text[: each.start].casefold()):
                keep = {k for k, s in enumerate(starts) if s is not None and s.date().isoformat() == each.value}
                by_day = {k for k, s in enumerate(starts) if s is not None and str(each.value).endswith(f"-{s.day:02d}")}
                if keep or by_day:
                    result.append(((each.start, each.end), keep or by_day))
    return result


def _hours(text: str, starts: list[datetime | None]) -> list[tuple[tuple[int, int], set[int]]]:
    result = []
    for each in clock.moments(text, asked=False):
        at = {k for k, s in enumerate(starts) if s is not None and s.minute == each.minute and s.hour in each.hours}
        result.append(((each.start, each.end), at))
    if not result:
        for match in re.finditer(r"\b(?:the|at) (\d{1,2})\b(?!(?:st|nd|rd|th))(?: 1)?", (view := numerals(text)).text):
            hour = int(match[1])
            at = {k for k, s in enumerate(starts) if s is not None and s.minute == 0 and s.hour in {hour, (hour + 12) % 24}}
            if at:
                result.append((view.span(*match.span()), at))
    return result


def _parts(text: str, starts: list[datetime | None]) -> list[tuple[tuple[int, int], set[int]]]:
    result = []
    for part, start, end in clock.parts(text):
        low, high = clock.PARTS[part]
        result.append(((start, end), {k for k, s in enumerate(starts) if s is not None and low <= s.hour < high}))
    return result


def _by_label(text: str, offers: Sequence[Offer]) -> list[Found]:
    """The words of a label that no other label has."""
    labels = [{each.text for each in words_only(tokens(offer.label))} for offer in offers]
    shared = set.intersection(*labels) if len(labels) > 1 else set()
    plain = {"the", "a", "at", "on", "of", "to", "and", "in", "with", "for", "o'clock", "one", "i", "it"}
    scores = []
    said = words_only(tokens(text))
    for place, label in enumerate(labels, start=1):
        hits = [each for each in said if each.text in label - shared - plain]
        if hits:
            scores.append((len({each.text for each in hits}), place, hits))
    if not scores:
        return []
    top = max(each[0] for each in scores)
    best = [each for each in scores if each[0] == top]
    sure = 0.85 if len(best) == 1 else 0.4
    return [_make(text, place, hits[0].start, hits[-1].end, sure) for _, place, hits in best]
