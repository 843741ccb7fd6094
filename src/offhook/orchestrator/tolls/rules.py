"""Which numbers and SIP addresses calls may be sent to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from offhook.orchestrator.numbers.dialling import NOWHERE
from offhook.orchestrator.tolls.ranges import FRAUD

Purpose: TypeAlias = Literal["transfer", "overflow", "outgoing", "call-back"]
Why: TypeAlias = Literal[
    "no_number", "premium", "satellite", "fraud_range", "unallocated", "country", "host",
    "suspended", "at_once", "per_minute", "minutes_per_hour", "spend_per_hour",
]  # fmt: skip
SAID: Final[dict[Why, str]] = {
    "no_number": "neither a phone number such as +441134960000 nor a SIP address",
    "premium": "calls are not sent to premium, shared-cost or personal numbers",
    "satellite": "calls are not sent to satellite or international network numbers",
    "fraud_range": "calls are not sent to this range of numbers: it is known for fraud",
    "unallocated": "no such number is in use there",
    "country": "calls to this country are not allowed: see the limits on calls",
    "host": "calls to this SIP host are not allowed: see the limits on calls",
    "suspended": "calls out are suspended until somebody resumes them",
    "at_once": "as many calls out as are allowed at once go on",
    "per_minute": "as many calls out as are allowed in a minute were made",
    "minutes_per_hour": "as many minutes of calls out as are allowed in an hour were used",
    "spend_per_hour": "as much as is allowed in an hour was spent on calls out",
}
"""In words, for whoever set the number up."""
COSTLY: Final = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER})
PREFIX: Final = 6
"""Digits that calls are counted by: finer than a country, coarser than a street."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Where one tenant's calls may go: its own region always, and what it has named."""

    region: str
    countries: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    def why_not(self, to: str) -> Why | None:
        """Why a call may not be sent to this E.164 number or SIP address; None if it may."""
        if to.startswith(("sip:", "sips:")):
            return None if host_of(to) in self.hosts else "host"
        parsed = _parsed(to)
        return "no_number" if parsed is None else self._number(to, parsed)

    def _number(self, to: str, parsed: PhoneNumber) -> Why | None:
        if parsed.country_code in NOWHERE:
            return "satellite"
        if phonenumbers.number_type(parsed) in COSTLY:
            return "premium"
        country = country_of(parsed)
        if any(to[1:].startswith(range_) for range_, own in FRAUD if own != self.region):
            return "fraud_range"
        if country == self.region:
            return None
        if country not in self.countries:
            return "country"
        # At home a number that the plan of numbers does not know costs what others cost; abroad it may be anybody's trap.
        return None if phonenumbers.is_valid_number(parsed) else "unallocated"

    def home(self, to: str) -> bool:
        """Whether a call there costs what calls at home cost."""
        parsed = _parsed(to)
        return parsed is not None and country_of(parsed) == self.region


def country_of(parsed: PhoneNumber) -> str:
    """Whose number it is, by region (ISO 3166-1); that of its country code where the plan of numbers does not know it."""
    found: str | None = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return found or ""


def host_of(address: str) -> str:
    """The host of a SIP address, without its port, in small letters."""
    host = address.rpartition("@")[2].partition(";")[0]
    return host.partition(":")[0].lower()


def prefix_of(to: str) -> str:
    """What calls there are counted under: the first digits, or the SIP host. Nobody is found by it."""
    return f"sip:{host_of(to)}" if to.startswith(("sip:", "sips:")) else to[1 : 1 + PREFIX]


def _parsed(to: str) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(to, None)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None
