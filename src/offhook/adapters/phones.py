"""Phone numbers as systems keep them, in whatever form people typed, read into E.164."""

from __future__ import annotations

import phonenumbers
from phonenumbers import PhoneNumberFormat


def e164(text: str, region: str) -> str:
    """The number in E.164; as it was written where it cannot be read. One without a country code belongs to ``region``."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return text.strip()
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if phonenumbers.is_possible_number(number) else text.strip()


def written(number: str) -> tuple[str, ...]:
    """A number (E.164) in the forms that people of its country type, for systems that look for text."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return (number,)
    home = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    abroad = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    return tuple(dict.fromkeys((number, home, "".join(filter(str.isdigit, home)), abroad)))


def national(number: str) -> str:
    """The digits of an E.164 number within its country; all digits of anything else."""
    try:
        return str(phonenumbers.parse(number, None).national_number)
    except phonenumbers.NumberParseException:
        return "".join(filter(str.isdigit, number))
