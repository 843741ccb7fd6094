"""Telephone numbers, spoken or written, as E.164 by the region's numbering plan."""

from __future__ import annotations

from functools import cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from offhook.core.understand.numbers import Digits, digit_runs, explains
from offhook.core.understand.types import Context, Found

_EXTRA = frozenset(
    "number phone mobile telephone cell landline home work best contact ring call reach digits no wait code country area not's".split()
)
_SHORTEST = 6


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """E.164 numbers that are possible where the caller is, valid ones first and with more confidence."""
    found = []
    for run in digit_runs(text):
        value, sure = number(run, context.region)
        if value is None:
            continue
        whole = explains(text, run.start, run.end, _EXTRA)
        sure -= 0.0 if asked else 0.05
        found.append(Found("phone", value, text[run.start : run.end], run.start, run.end, round(sure, 2), whole))
    return found


def number(run: Digits, region: str) -> tuple[str | None, float]:
    """The number of a run of digits, and how far it is to be believed; (None, 0) for what cannot be one."""
    if not _SHORTEST <= len(run.text) <= 17:
        return None, 0.0
    tries = [f"+{run.text}"] if run.plus else [run.text]
    if run.text.startswith("00") and not run.plus:
        tries.append(f"+{run.text[2:]}")
    code = str(phonenumbers.country_code_for_region(region))
    if not run.plus and code != "0" and run.text.startswith(code):
        tries.append(f"+{run.text}")
    if run.plus and code != "0" and run.text.startswith(f"{code}0"):
        tries.append(f"+{code}{run.text[len(code) + 1 :]}")
    best: tuple[str | None, float] = (None, 0.0)
    for each in tries:
        try:
            parsed = phonenumbers.parse(each, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            sure = 0.92
        elif _fits(parsed, region):
            sure = 0.85
        elif run.plus and phonenumbers.is_possible_number_with_reason(parsed) is ValidationResult.IS_POSSIBLE:
            # Without a country code a number must be as long as those at home: another length is a digit misheard.
            sure = 0.4
        else:
            continue
        if sure > best[1]:
            best = phonenumbers.format_number(parsed, PhoneNumberFormat.E164), sure
    return best


def _fits(parsed: phonenumbers.PhoneNumber, region: str) -> bool:
    """As long as a number of its kind is: blocks not in use (such as those kept for films) are told by callers too."""
    home = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    national = phonenumbers.national_significant_number(parsed)
    return bool(national) and len(national) == _length(home if home != "001" else region, national[0])


@cache
def _length(region: str, lead: str) -> int:
    """Digits of the national number after its trunk prefix, by its first digit; 0 where that is not known."""
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        national = phonenumbers.national_significant_number(example)
        if kind == PhoneNumberType.FIXED_LINE or national[0] == lead:
            return len(national) if lead != "0" else 0
    return 0


def state(digits: str, plus: bool, region: str) -> float:
    """How complete a number in progress is: about 0.1 while it is too short, 0.95 when it is a number, 0.5 when it is too long."""
    value, sure = number(Digits(digits, plus, (digits,), 0, 0), region)
    if value is not None and sure > 0.8:
        return 0.95 if _closed(digits, plus, region) else 0.25
    try:
        parsed = phonenumbers.parse(f"+{digits}" if plus else digits, region)
    except phonenumbers.NumberParseException:
        return 0.1
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason is ValidationResult.TOO_LONG:
        return 0.5
    return 0.1


def _longer(digits: str, plus: bool, region: str) -> bool:
    """Whether one or two more digits could make a valid number."""
    for more in ("0", "1", "5", "7", "00", "12", "55", "70"):
        value, sure = number(Digits(digits + more, plus, (), 0, 0), region)
        if value is not None and sure > 0.8:
            return True
    return False


def _closed(digits: str, plus: bool, region: str) -> bool:
    """Whether no longer valid number begins with these digits (a ten-digit UK landline may be the start of an eleven-digit one)."""
    return not _longer(digits, plus, region)
