"""Postal addresses: house number, street, town and postcode, the postcode as letters and digits ("N W 1 4 double A")."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re

from offhook.core.understand.numbers import View, explains, numerals
from offhook.core.understand.spelling import Piece, runs
from offhook.core.understand.types import Context, Found

STREETS = (
    "street|st|road|rd|avenue|ave|lane|ln|drive|dr|close|crescent|court|ct|place|pl|way|terrace|gardens?|grove|square|sq|mews|hill|row|walk|park|parade|"
    "boulevard|blvd|highway|hwy|circle|quay|rise|view|green|wharf|yard|esplanade|circuit|broadway|vale|croft|alley|common|embankment|gate|parkway|trail"
)
_UNIT = r"(?P<unit>(?:flat|apartment|apt|unit|suite|room|level) (?:number )?[a-z0-9]{1,5}),? *"
_ORDINAL = "(?:st|nd|rd|th)"
"""After a house number it is the beginning of the street's name, misheard ("fourteen Station Road"); "14th Street" is a name."""
_NO_NAME = "in|at|on|to|of|and|or|i|we|it|is|for|near|by|please"
"""After an ordinal: it is a day."""
_STREET = re.compile(
    rf"(?:{_UNIT})?(?:(?:number |no\.? )?(?P<no>\d{{1,5}}(?:[ -]?[a-d])?(?:[/-]\d{{1,4}})?)(?:{_ORDINAL}(?= (?!(?:{STREETS}|{_NO_NAME})\b)))?,? +)(?P<name>(?:the )?(?:[a-z0-9'’.]+ ){{0,4}}?(?:{STREETS}))\b(?! (?:{STREETS})\b)\.?"
)
_NAMED_STREET = re.compile(
    rf"(?:{_UNIT})?(?<![\w'’])(?P<name>(?:the )?(?:(?!in\b|at\b|on\b|is\b|it's\b|address\b|live\b|to\b|my\b|the\b|no\b|by\b|this\b|a\b)(?:\d{{1,3}}{_ORDINAL}|[a-z'’]+) ){{1,3}}(?:street|road|avenue|lane|drive|close|crescent|terrace|grove|mews|square))\b"
)
_UK = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}")
_WRITTEN = re.compile(
    r"\b([a-z]{1,2}\d[a-z\d]?)[ ,.]*(\d)(?: (?!(?:as|at|an|be|by|he|up|us|we)\b)(?=[abd-hjlnp-uw-z]{2}\b))?([a-z]{2})\b", re.IGNORECASE
)
"""A postcode as a recogniser may write it: "NW1, 4 AA". Its last two letters are none of C, I, K, M, O, V (Royal Mail, PAF)."""
_NO_STREET = re.compile(
    r"(?:the )?(?:right|same|my|a|no|this|that|any|whole|all the|on the|by the|in the) (?:way|street|road|place|park|view)$"
)
_EXTRA = frozenset(
    (
        "address live lives living house home post postcode code zip property number flat i'm we're located based town city london the s "
        "lane near road it'll"
    ).split()
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """``{"lines", "postcode", "text"}``. A street is needed, or when asked for a postcode alone."""
    view = numerals(text)
    code, code_span = _postcode(text, context.region)
    match = _street(view, asked)
    if match is None and (code is None or not asked):
        return []
    lines: list[str] = []
    spans = [code_span] if code else []
    if match is not None:
        if match["unit"]:
            lines.append(_title(match["unit"]))
        number = (match.groupdict().get("no") or "").replace(" ", "").upper()
        lines.append(f"{number} {_title(match['name'])}".strip())
        spans.append(view.span(*match.span()))
        town = _town(text, view.span(*match.span())[1], code_span[0] if code else len(text), code is not None)
        if town is not None:
            lines.append(_title(town[0]))
            spans.append(town[1])
    start, end = min(a for a, _ in spans), max(b for _, b in spans)
    sure = 0.5 + (0.2 if code else 0) + (0.2 if match is not None and match.groupdict().get("no") else 0) - (0 if asked else 0.1)
    value = {"lines": lines, "postcode": code, "text": ", ".join([*lines, code] if code else lines)}
    whole = explains(text, start, end, _EXTRA)
    return [Found("address", value, text[start:end], start, end, round(sure, 2), whole)]


def _street(view: View, asked: bool) -> re.Match[str] | None:
    for rule in (_STREET, _NAMED_STREET) if asked else (_STREET,):
        for match in rule.finditer(view.text):
            if not _NO_STREET.search(match["name"]):
                return match
    return None


def _title(text: str) -> str:
    return " ".join(each[:1].upper() + each[1:] for each in text.split())


def _town(text: str, after: int, before: int, closed: bool) -> tuple[str, tuple[int, int]] | None:
    """The words between street and postcode; without a postcode only what follows a comma or "in"."""
    gap = text[after:before]
    rule = r"[\s,.]*(?:and |it's |the |in |that's )*([A-Za-z][A-Za-z' -]{2,40}?)(?:[\s,.]+(?:and )?(?:the |my )?(?:post ?code|zip(?: code)?)(?: is|'s)?)?[\s,.]*$"
    if not closed:
        rule = r"(?:,| in) *(?:in )?([A-Za-z][A-Za-z' -]{2,40}?)[\s,.]*$"
    match = re.match(rule, gap)
    if (
        match is None
        or len(match[1].split()) > 4
        or match[1].casefold() in {"post code", "postcode", "please", "thanks", "thank you", "the", "zip code"}
    ):
        return None
    if match[1].split()[0].casefold() in {"post", "postcode", "zip", "and", "please", "thank"}:
        return None
    return match[1], (after + match.start(1), after + match.end(1))


def _postcode(text: str, region: str) -> tuple[str | None, tuple[int, int]]:
    if region in {"GB", "IM", "JE", "GG"}:
        return _uk(text)
    size = {"AU": 4, "NZ": 4, "US": 5, "DE": 5, "FR": 5, "ES": 5, "IT": 5}.get(region)
    if size is None:
        return None, (0, 0)
    for run in reversed(runs(text, digits=True, letters=False)):
        digits = run.text.replace(" ", "")
        start, end = run.pieces[0].start, run.pieces[-1].end
        if len(digits) == size and not re.match(rf"\s+(?:\w+\s+){{0,3}}(?:{STREETS})\b", text[end:], re.IGNORECASE):
            return digits, (start, end)
    return None, (0, 0)


def _uk(text: str) -> tuple[str | None, tuple[int, int]]:
    for run in runs(text, digits=True):
        pieces = run.pieces
        for i in range(len(pieces)):
            for j in range(min(len(pieces), i + 8), i + 1, -1):
                code = _shape(pieces[i:j])
                if code is not None:
                    return code, (pieces[i].start, pieces[j - 1].end)
    written = _WRITTEN.search(text)
    if written:
        return f"{written[1]} {written[2]}{written[3]}".upper(), written.span()
    return None, (0, 0)


def _shape(pieces: tuple[Piece, ...]) -> str | None:
    code = "".join(each.text for each in pieces).upper()
    for tried in (code, code[:-3] + code[-3:].replace("O", "0", 1) if len(code) > 4 else code):
        if _UK.fullmatch(tried):
            return f"{tried[:-3]} {tried[-3:]}"
    return None
