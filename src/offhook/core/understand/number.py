"""Counts and amounts without a unit: words, figures, "a couple", "half a dozen", people ("me, my wife and 2 children" are 4)."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re

from offhook.core.understand import calendar, clock
from offhook.core.understand.numbers import View, explains, numerals
from offhook.core.understand.types import Context, Found

_WORDS = {
    "half a dozen": 6, "a dozen": 12, "dozen": 12, "a couple of dozen": 24, "a couple": 2, "couple": 2, "a pair": 2, "a few": 3, "several": 5, "none": 0,
    "no one": 0, "nobody": 0, "just me": 1, "only me": 1, "by myself": 1, "on my own": 1, "just myself": 1, "once": 1, "twice": 2, "both of us": 2,
    "zilch": 0,
}  # fmt: skip
_PERSON = (
    r"adults?|children|child|kids?|people|persons?|guests?|men|man|women|woman|boys?|girls?|friends?|babies|baby|toddlers?|infants?|seniors?|ladies|lads|"
    r"couples?|others?|co-?workers?|colleagues?|heads?|grown-?ups|teenagers?|pensioners?|sisters?|brothers?|sons?|daughters?|students?|concessions?"
)
_KIN = r"wife|husband|partner|girlfriend|boyfriend|mum|mom|dad|mother|father|friend|brother|sister|son|daughter|boss|kid|child|baby|coworker|co-worker|colleague|mate|fianc[eé]e?"
_ITEM = rf"(?:(?P<n>\d{{1,3}}|an?|a couple of|my|his|her|their|our|the)(?: (?P<many>\d{{1,3}}))?(?: [a-z]+)? (?P<who>{_PERSON}|{_KIN}|parents)\b|(?P<me>\bme\b|\bmyself\b|\bi\b))"
_ONE = re.compile(_ITEM)
_DECIMAL = re.compile(
    r"(?<![\d.:/-])(?P<neg>minus )?(?P<n>\d{1,12})(?:(?P<sep>\.| point )(?P<frac>\d(?: ?\d)*))?(?P<half> and a half)?(?![\d:/]|st\b|nd\b|rd\b|th\b)"
)
_NAMED = re.compile(rf"(?<![\w])(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![\w])")
_EXTRA = frozenset(
    (
        "people persons person adults of us total altogether guests there're there's there are we're party size group number about only "
        "all in them ones room rooms nights night days times altogether heads bedrooms bedroom years old items pieces"
    ).split()
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """Numbers, those that belong to a day or a time left out; groups of people are added up."""
    view = numerals(text)
    taken = _others(text, context)
    found: list[Found] = []
    for start, end, value, sure in (*_people(view), *_plain(view)):
        if any(start < b and end > a for a, b in taken):
            continue
        taken.append((start, end))
        whole = explains(text, start, end, _EXTRA)
        sure = sure if whole else sure - 0.1
        found.append(Found("number", value, text[start:end], start, end, round(sure - (0 if asked else 0.1), 2), whole))
    return clock.in_order(text, found)


def _others(text: str, context: Context) -> list[tuple[int, int]]:
    """Spans of days and times."""
    days = [(each.start, each.end) for each in calendar.find(text, context, asked=False)]
    return days + [
        (each.start, each.end)
        for each in clock.moments(text, asked=False)
        if not each.sloppy or text[each.start : each.end].strip().isdigit() is False
    ]


def _people(view: View) -> list[tuple[int, int, int, float]]:
    items = list(_ONE.finditer(view.text))
    result: list[tuple[int, int, int, float]] = []
    k = 0
    while k < len(items):
        chain = [items[k]]
        while k + 1 < len(items) and re.fullmatch(
            r"(?:[ ,&]|\band\b|\bplus\b|\bwith\b|\bfor\b|\balso\b|\bmy\b)*", view.text[items[k].end() : items[k + 1].start()]
        ):
            k += 1
            chain.append(items[k])
        k += 1
        if all(each["me"] for each in chain) and not re.search(r"\b(?:just|only|be|for|it's) *$", view.text[: chain[0].start()]):
            continue
        if len(chain) == 1 and chain[0]["me"] == "i":
            continue
        if len(chain) == 1 and chain[0]["n"] and not chain[0]["n"].isdigit() and not chain[0]["many"]:
            continue
        start, end = view.span(chain[0].start(), chain[-1].end())
        result.append((start, end, sum(map(_heads, chain)), 0.9))
    return result


def _heads(item: re.Match[str]) -> int:
    if item["me"]:
        return 1
    count = item["many"] or item["n"]
    size = int(count) if count.isdigit() else 2 if count == "a couple of" else 1
    if item["who"].startswith("couple"):
        return 2 * size
    return 2 if item["who"] == "parents" and size == 1 else size


def _plain(view: View) -> list[tuple[int, int, int | float, float]]:
    result: list[tuple[int, int, int | float, float]] = []
    for match in _NAMED.finditer(view.text):
        vague = match[0] in {"a few", "several"}
        result.append((*view.span(*match.span()), _WORDS[match[0]], 0.5 if vague else 0.88))
    for match in _DECIMAL.finditer(view.text):
        value: int | float = int(match["n"])
        if match["frac"]:
            value = float(f"{match['n']}.{match['frac'].replace(' ', '')[:6]}")
        if match["half"]:
            value += 0.5
        one = match["n"] == "1" and view.text[match.start() : match.end() + 1].strip() == "1" and match.end() - match.start() == 1
        word = view.ends[match.start()] - view.starts[match.start()] == 3
        result.append((*view.span(*match.span()), -value if match["neg"] else value, 0.8 if one and word else 0.95))
    return result
