"""Phone numbers: their one form, and which of them we let a call be sent to. Pure."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

COSTLY: Final = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})
NOWHERE: Final = frozenset({870, 878, 881, 882, 883, 888, 979})
"""Country codes of satellites, international networks and international premium rate: where toll fraud sends calls."""
LONGEST: Final = 128
_SIP: Final = re.compile(r"sips?:[A-Za-z0-9_.!~*'()&=+$,;?/%-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?(?::[0-9]{1,5})?")


def e164(text: str, region: str) -> str | None:
    """A phone number in any usual form as E.164; None if it is none. A number without a country code belongs to ``region``."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if phonenumbers.is_possible_number(number) else None


def costly(number: str) -> bool:
    """Whether calls to this E.164 number may cost whoever rings it more than a call: premium rate, shared cost, satellite."""
    parsed = phonenumbers.parse(number, None)
    return parsed.country_code in NOWHERE or phonenumbers.number_type(parsed) in COSTLY


def target(text: str, region: str) -> str:
    """Where a call may be sent, as E.164 or a SIP address; ValueError says why not."""
    if len(text) > LONGEST:
        raise ValueError(f"at most {LONGEST} characters")
    if text.startswith(("sip:", "sips:")):
        if not _SIP.fullmatch(text):
            raise ValueError("not a SIP address such as sip:desk@example.com")
        return text
    number = e164(text, region)
    if number is None:
        raise ValueError("neither a phone number such as +441134960000 nor a SIP address")
    if costly(number):
        raise ValueError("calls are not sent to premium, shared-cost or satellite numbers")
    return number
