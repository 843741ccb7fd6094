"""Amounts of money in minor units: "about sixty quid", "£4.50", "sixty pounds fifty", "a grand", "two and a half thousand dollars"."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re

from offhook.core.understand.clock import in_order
from offhook.core.understand.numbers import explains, numerals
from offhook.core.understand.types import Context, Found

CURRENCIES = {
    "GB": "GBP", "US": "USD", "AU": "AUD", "NZ": "NZD", "CA": "CAD", "IE": "EUR", "DE": "EUR", "FR": "EUR", "ES": "EUR", "IT": "EUR", "NL": "EUR",
    "AT": "EUR", "BE": "EUR", "FI": "EUR", "PT": "EUR", "GR": "EUR", "IN": "INR", "ZA": "ZAR", "SG": "SGD", "HK": "HKD", "CH": "CHF", "JP": "JPY",
    "IM": "GBP", "JE": "GBP", "GG": "GBP",
}  # fmt: skip
_DOLLARS = frozenset({"USD", "AUD", "NZD", "CAD", "SGD", "HKD"})
_UNIT = r"(?P<unit>pounds?(?: sterling)?|quid|gbp|dollars?|bucks|usd|aud|euros?|eur|rupees?|rand|francs?|yen)\b"
_AMOUNT = r"(?P<n>\d{1,3}(?:,\d{3})+|\d{1,9})(?:(?:\.| point )(?P<frac>\d{1,2}))?(?P<k> ?k\b| grand\b| thousand\b)?(?P<half> and a half(?P<hk> grand| thousand)?)?"
_RULES = tuple(
    re.compile(each)
    for each in (
        rf"(?P<sign>[£$€]) ?{_AMOUNT}(?: ?{_UNIT})?",
        rf"{_AMOUNT} ?(?P<sign>[£€])",
        rf"{_AMOUNT} {_UNIT}(?:,? (?:and )?(?P<minor>\d{{1,2}})(?![\d:])(?: ?(?:pence|penny|p|pee|cents?)\b)?)?",
        r"(?P<minor>\d{1,3}) ?(?P<small>pence|penny|p|pee|cents?)\b",
        r"(?P<word>a tenner|a fiver|a pound|a quid|a grand|half a grand|a couple of hundred|a couple of quid|a hundred quid|tenner|fiver)\b",
        r"(?P<n>\d{1,6})(?P<k> ?k\b| grand\b)",
    )
)
_BARE = re.compile(rf"(?<![\d.:,/])(?:{_AMOUNT})(?: (?P<minor>[1-9]\d))?(?![\d:/]|st\b|nd\b|rd\b|th\b)")
_WORDS = {
    "a tenner": 1_000, "tenner": 1_000, "a fiver": 500, "fiver": 500, "a pound": 100, "a quid": 100, "a grand": 100_000, "half a grand": 50_000,
    "a couple of hundred": 20_000, "a couple of quid": 200, "a hundred quid": 10_000,
}  # fmt: skip
_EXTRA = frozenset(
    "about roughly approximately only budget price cost costs under over up less than more max maximum each per total pounds".split()
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """``{"minor", "currency"}``; a bare number counts when ``asked``."""
    view = numerals(text)
    own = CURRENCIES.get(context.region, "USD")
    taken: list[tuple[int, int]] = []
    found: list[Found] = []
    rules = (*_RULES, _BARE) if asked else _RULES
    for rule in rules:
        if rule is _BARE and found:
            break
        for match in rule.finditer(view.text):
            if any(match.start() < b and match.end() > a for a, b in taken):
                continue
            taken.append(match.span())
            start, end = view.span(match.start(), match.start() + len(match[0].rstrip()))
            minor, currency = _minor(match), _currency(match, own)
            if currency == "JPY":
                minor //= 100
            bare = rule is _BARE
            sure = (0.6 if match["minor"] else 0.85) if bare else 0.93
            vague = re.search(
                r"\b(?:about|around|roughly|approximately|maybe|up to|under|over|less than|more than)\s*$", text[:start].casefold()
            )
            whole = explains(text, start, end, _EXTRA)
            sure = round(sure - (0.08 if vague else 0.0) - (0.0 if asked else 0.03), 2)
            found.append(Found("money", {"minor": minor, "currency": currency}, text[start:end], start, end, sure, whole))
    return in_order(text, found)


def _minor(match: re.Match[str]) -> int:
    group = match.groupdict()
    if group.get("word"):
        return _WORDS[group["word"]]
    if group.get("small"):
        return int(group["minor"])
    whole = int((group["n"] or "0").replace(",", ""))
    cents = int((group.get("frac") or "0").ljust(2, "0"))
    amount = whole * 100 + cents
    thousand = group.get("k") or group.get("hk")
    if group.get("half"):
        amount += 50
    if thousand:
        amount *= 1000
    return amount + int(group.get("minor") or 0)


def _currency(match: re.Match[str], own: str) -> str:
    group = match.groupdict()
    unit = group.get("unit") or ""
    if group.get("sign") == "£" or unit.startswith(("pound", "quid", "gbp")):
        return "GBP"
    if group.get("sign") == "€" or unit.startswith("eur"):
        return "EUR"
    if unit == "usd":
        return "USD"
    if unit == "aud":
        return "AUD"
    if group.get("sign") == "$" or unit.startswith(("dollar", "buck")):
        return own if own in _DOLLARS else "USD"
    named = {"rup": "INR", "ran": "ZAR", "fra": "CHF", "yen": "JPY"}
    return named.get(unit[:3], own)
