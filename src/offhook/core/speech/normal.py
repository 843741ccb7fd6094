"""Values as words for speech (``speak``), and any text made speakable (``clean``): figures, times, money, signs into words."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

import phonenumbers

from offhook.core.understand.calendar import MONTHS, WEEKDAYS
from offhook.core.understand.numbers import digit_words, groups_of, number_words, ordinal_words

_CURRENCY = {
    "GBP": ("pound", "pounds", "pence"),
    "USD": ("dollar", "dollars", "cents"),
    "AUD": ("dollar", "dollars", "cents"),
    "NZD": ("dollar", "dollars", "cents"),
    "CAD": ("dollar", "dollars", "cents"),
    "EUR": ("euro", "euros", "cents"),
    "INR": ("rupee", "rupees", "paise"),
    "ZAR": ("rand", "rand", "cents"),
}
_SIGNS = {"@": "at", ".": "dot", "_": "underscore", "-": "dash", "+": "plus", "%": "percent"}


def speak(type: str, value: object, locale: str = "en-GB", style: str | None = None) -> str:
    """A value of a slot's type in words. Styles: ``last3``/``last4`` (phone), ``spelled`` (names), ``short`` (dates without month).

    A value that does not fit its type is said as plain text.
    """
    try:
        return _speak(type, value, locale, style)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return clean(str(value), locale)


def _speak(type: str, value: object, locale: str, style: str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if type == "phone":
        return _phone(str(value), locale, style)
    if type in {"date", "time", "datetime"} or isinstance(value, datetime | date | time):
        return _when(value, locale, style)
    if type == "money":
        return _money(value)
    if type == "person_name" and isinstance(value, Mapping):
        return _name(value, style)
    if type == "email":
        return _email(str(value))
    if type == "address":
        return _address(value, locale)
    if type == "pattern":
        return _spelled(str(value))
    if type == "number" and isinstance(value, int | float | Decimal):
        return amount_words(value)
    if isinstance(value, Mapping):
        value = value.get("label") or value.get("text") or ""
    if type == "person_name" and style == "spelled":
        return f"{value}, {_spelled(str(value))}"
    return clean(str(value), locale)


def amount_words(value: float | Decimal) -> str:
    """A number in words, the digits after the point one by one."""
    if value == int(value):
        return number_words(int(value))
    whole, _, rest = f"{abs(value)}".partition(".")
    return f"{'minus ' if value < 0 else ''}{number_words(int(whole))} point {digit_words(rest, 'zero')}"


def _phone(value: str, locale: str, style: str | None) -> str:
    """Digits in groups of three and four; the country code is left out at home."""
    zero = "zero" if locale.endswith("US") else "oh"
    digits = "".join(each for each in value if each.isdecimal())
    if style and (match := re.fullmatch(r"last(\d)", style)):
        return digit_words(digits[-int(match[1]) :], zero)
    head = ""
    try:
        parsed = phonenumbers.parse(value, locale[-2:].upper())
        if phonenumbers.region_code_for_country_code(parsed.country_code or 0) == locale[-2:].upper():
            shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            digits = "".join(each for each in shown if each.isdecimal())
        else:
            head = f"plus {digit_words(str(parsed.country_code), zero)}, "
            digits = phonenumbers.national_significant_number(parsed)
    except phonenumbers.NumberParseException:
        head = ""
    sizes = {11: (3, 4, 4) if digits.startswith("02") else (5, 3, 3), 10: (4, 3, 3) if digits.startswith("0") else (3, 3, 4), 9: (3, 3, 3)}
    cut = groups_of(digits, sizes.get(len(digits), (3, 3, 3, 4)))
    return head + ", ".join(digit_words(each, zero) for each in cut)


def _when(value: object, locale: str, style: str | None) -> str:
    if isinstance(value, Mapping):
        pieces = [_day(date.fromisoformat(str(value["date"])), style)] if value.get("date") else []
        if value.get("time"):
            pieces.append(f"at {time_words(time.fromisoformat(str(value['time'])), locale)}")
        elif value.get("part"):
            pieces.append({"night": "at night"}.get(str(value["part"]), f"in the {value['part']}"))
        return " ".join(pieces)
    if isinstance(value, datetime):
        return f"{_day(value.date(), style)} at {time_words(value.timetz(), locale)}"
    if isinstance(value, date):
        return _day(value, style)
    if isinstance(value, time):
        return time_words(value, locale)
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return _day(date.fromisoformat(text), style)
    if re.fullmatch(r"\d\d:\d\d(:\d\d)?", text):
        return time_words(time.fromisoformat(text), locale)
    return _when(datetime.fromisoformat(text), locale, style)


def _day(day: date, style: str | None) -> str:
    """As "Friday the twenty-seventh of November"; ``short`` leaves the month out, ``year`` adds the year."""
    words = f"{WEEKDAYS[day.weekday()].capitalize()} the {ordinal_words(day.day)}"
    if style == "short":
        return words
    words += f" of {MONTHS[day.month - 1].capitalize()}"
    return f"{words} {_year(day.year)}" if style == "year" else words


def _year(year: int) -> str:
    if 2000 <= year < 2010 or year % 100 == 0 or not 1000 <= year < 10_000:
        return number_words(year)
    head, rest = divmod(year, 100)
    return f"{number_words(head)} {'oh ' if rest < 10 else ''}{number_words(rest)}"


def time_words(at: time, locale: str = "en-GB") -> str:
    """As "half past two in the afternoon" (en-US: "two thirty in the afternoon"); noon and midnight by name."""
    if at.minute == 0 and at.hour in {0, 12}:
        return "midnight" if at.hour == 0 else "noon"
    part = "in the morning" if at.hour < 12 else "in the afternoon" if at.hour < 18 else "in the evening" if at.hour < 21 else "at night"
    hour = number_words(at.hour % 12 or 12)
    british = not locale.endswith("US")
    if at.minute == 0:
        words = hour
    elif british and at.minute in {15, 30}:
        words = f"{'quarter' if at.minute == 15 else 'half'} past {hour}"
    elif british and at.minute == 45 and at.hour % 12 != 11:
        words = f"quarter to {number_words((at.hour + 1) % 12 or 12)}"
    else:
        words = f"{hour} {'oh ' if at.minute < 10 else ''}{number_words(at.minute)}"
    return f"{words} {part}"


def _money(value: object) -> str:
    minor, currency = (value["minor"], str(value["currency"])) if isinstance(value, Mapping) else (value, "GBP")
    return money_words(int(str(minor)), currency)


def money_words(minor: int, currency: str) -> str:
    """As "sixty pounds fifty"; only pence if there is no pound."""
    if currency == "JPY":
        return f"{number_words(minor)} yen"
    one, many, small = _CURRENCY.get(currency, (currency, currency, "cents"))
    sign, (whole, rest) = ("minus " if minor < 0 else ""), divmod(abs(minor), 100)
    if not whole and rest:
        return f"{sign}{number_words(rest)} {small if rest != 1 or small == 'paise' else {'pence': 'penny', 'cents': 'cent'}[small]}"
    words = f"{sign}{number_words(whole)} {one if whole == 1 else many}"
    return f"{words} and {number_words(rest)} {small}" if rest else words


def _spelled(text: str) -> str:
    """Letters and digits one by one."""
    return " ".join(number_words(int(each)) if each.isdecimal() and each.isascii() else each.upper() for each in text if each.isalnum())


def _name(value: Mapping[str, object], style: str | None) -> str:
    names = [str(each) for each in (value.get("given"), value.get("family")) if each]
    if style == "spelled" and names:
        return f"{' '.join(names)}, {_spelled(str(value.get('spelling') or names[-1]))}"
    return " ".join(names)


def _email(value: str) -> str:
    words: list[str] = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", value):
        if part.isdecimal():
            words.append(digit_words(part, "zero"))
        elif part in _SIGNS:
            words.append(_SIGNS[part])
        elif len(part) <= 2 and part not in {"co", "me", "at"}:
            words.append(_spelled(part))
        else:
            words.append(part)
    return " ".join(words).replace("gmail", "g mail")


def _address(value: object, locale: str) -> str:
    if not isinstance(value, Mapping):
        return clean(str(value), locale)
    lines = value.get("lines")
    said = [_line(str(each)) for each in lines] if isinstance(lines, list | tuple) else []
    if value.get("postcode"):
        said.append(", ".join(_spelled(each) for each in str(value["postcode"]).split()))
    return ", ".join(said) if said else clean(str(value.get("text") or ""), locale)


def _line(line: str) -> str:
    """House numbers in words, "21B" as "twenty-one B"."""
    return re.sub(r"(\d{1,5})([A-Za-z]?)\b", lambda m: f"{number_words(int(m[1]))} {m[2].upper()}".strip(), line)


_SHORT = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "st": "saint", "etc": "et cetera", "e.g": "for example", "i.e": "that is", "approx": "approximately",
    "no": "number", "tel": "telephone", "ltd": "limited", "vs": "versus", "min": "minutes", "mins": "minutes", "hrs": "hours", "hr": "hour", "sq": "square",
    "rd": "road", "ave": "avenue", "apt": "apartment", "dept": "department",
}  # fmt: skip
_DAYS = {each[:3]: each.capitalize() for each in (*WEEKDAYS, *MONTHS) if each != "may"} | {
    "tues": "Tuesday",
    "thurs": "Thursday",
    "sept": "September",
}
_BY_SIGN = {"£": "GBP", "$": "USD", "€": "EUR"}


def clean(text: str, locale: str = "en-GB") -> str:
    """A text with figures, signs and abbreviations in words, for speech. Words are left as they are."""
    for rule, make in _CLEAN:
        text = rule.sub(lambda m, make=make: make(m, locale), text)  # type: ignore[misc]
    return re.sub(r"[ \t]{2,}", " ", text).strip()


def _clean_money(m: re.Match[str], locale: str) -> str:
    minor = int(m["n"].replace(",", "")) * 100 + int((m["c"] or "0").ljust(2, "0"))
    currency = {"AU": "AUD", "NZ": "NZD", "CA": "CAD"}.get(locale[-2:], "USD") if m["sign"] == "$" else _BY_SIGN[m["sign"]]
    return money_words(minor, currency) if len(m["n"]) < 15 else digit_words(m["n"])


def _clean_time(m: re.Match[str], locale: str) -> str:
    hour, minute, half = int(m["h"]), int(m["m"] or 0), (m["ap"] or "").lower()[:1]
    if hour > 23 or minute > 59 or (half and hour > 12):
        return m[0]
    if half:
        return time_words(time(hour % 12 + (12 if half == "p" else 0), minute), locale)
    if hour == 0 or hour > 12:
        return time_words(time(hour, minute), locale)
    return f"{number_words(hour)} {'o’clock' if not minute else ('oh ' if minute < 10 else '') + number_words(minute)}".replace("’", "'")


def _clean_number(m: re.Match[str], locale: str) -> str:
    figures = m["n"].replace(",", "")
    if (figures.startswith("0") and len(figures) > 1) or len(figures) > 7:
        groups = groups_of(figures, (3, 4, 4)) if len(figures) > 5 else (figures,)
        return ", ".join(digit_words(each, "zero" if locale.endswith("US") else "oh") for each in groups)
    if len(figures) == 4 and 1900 <= int(figures) < 2100 and "," not in m["n"] and not m["c"]:
        return _year(int(figures))
    return number_words(int(figures)) + (f" point {digit_words(m['c'], 'zero')}" if m["c"] else "")


def _clean_phone(m: re.Match[str], locale: str) -> str:
    """A telephone number written in groups keeps them."""
    zero = "zero" if locale.endswith("US") else "oh"
    groups = ", ".join(digit_words(each, zero) for each in re.findall(r"\d+", m[0]))
    return f"plus {groups}" if m[0].startswith("+") else groups


def _clean_date(m: re.Match[str], _locale: str) -> str:
    try:
        return _day(date.fromisoformat(m[0]), "year")
    except ValueError:
        return m[0]


_MONEY = re.compile(r"(?P<sign>[£$€])\s?(?P<n>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<c>\d{1,2}))?(?!\d)", re.ASCII)
_CLEAN = (
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), lambda m, _: _email(m[0])),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b", re.ASCII), _clean_date),
    (_MONEY, _clean_money),
    (
        re.compile(r"(?<![\d.:])(?P<h>\d{1,2})(?::(?P<m>[0-5]\d))(?:\s?(?P<ap>[ap]\.?m\b\.?))?(?![\d:])", re.IGNORECASE | re.ASCII),
        _clean_time,
    ),
    (re.compile(r"(?<![\d.:])(?P<h>\d{1,2})(?P<m>(?!))?\s?(?P<ap>[ap]\.?m\b)", re.IGNORECASE | re.ASCII), _clean_time),
    (re.compile(r"(?<![\w.])(?:\+\d{1,3}|0\d{2,4}|\d{3}(?=-\d{3}-\d{4}))(?:[ -]\d{2,4}){2,4}\b", re.ASCII), _clean_phone),
    (re.compile(r"(?<!\S)\+(?=\d)"), lambda _m, _: "plus "),
    (re.compile(r"\b(?P<n>\d{1,4})(?:st|nd|rd|th)\b", re.ASCII), lambda m, _: ordinal_words(int(m["n"]))),
    (re.compile(r"(?P<n>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<c>\d{1,6})(?!\d))?", re.ASCII), _clean_number),
    (re.compile(r"\s?%"), lambda _m, _: " percent"),
    (re.compile(r"\s?&\s?"), lambda _m, _: " and "),
    (re.compile(r"(?<=\w)/(?=\w)"), lambda _m, _: " or "),
    (
        re.compile(r"\b(mr|mrs|ms|dr|etc|e\.g|i\.e|approx|tel|ltd|vs|mins|hrs|rd|ave|apt|dept|no)\.(?!\w)(?=\s|$|,)", re.IGNORECASE),
        lambda m, _: _short(m),
    ),
    (re.compile(r"\b(mr|mrs|dr)\b(?=\s+[A-Z])", re.IGNORECASE), lambda m, _: _SHORT[m[1].lower()]),
    (
        re.compile(r"\b(Mon|Tues?|Wed|Thurs?|Fri|Sat|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=[\s,]|$)"),
        lambda m, _: _DAYS[m[1].lower() if m[1].lower() in _DAYS else m[1].lower()[:3]],
    ),
    (re.compile(r"[*_#~`<>|\[\]{}]+"), lambda _m, _: " "),
)


def _short(m: re.Match[str]) -> str:
    """An abbreviation with its point; "No." only before a number, "etc." at the end keeps the stop of the sentence."""
    word = m[1].lower()
    if word == "no":
        follows = m.string[m.end() :].lstrip()
        return "number" if follows[:1].isdigit() else m[0]
    last = m.end() >= len(m.string.rstrip())
    return _SHORT[word] + ("." if last else "")
