"""How times, lengths, money and numbers are written. Times are in the tenant's zone, whatever the server's is. Pure."""

from __future__ import annotations

import functools
import gettext
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberFormat

_words: Final = gettext.NullTranslations()
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SIGNS: Final = {"GBP": "£", "USD": "$", "EUR": "€", "AUD": "A$", "NZD": "NZ$", "CAD": "C$"}


def _(text: str) -> str:
    """A text of the portal's in the reader's language: one place to look, once there is a second one."""
    return _words.gettext(text)


def many(one: str, more: str, count: int) -> str:
    """The same for what is counted; ``{n}`` is the number."""
    return _words.ngettext(one, more, count).format(n=f"{count:,}")


def duration(seconds: float | None) -> str:
    """As m:ss, or h:mm:ss from an hour on; a dash for none."""
    if seconds is None:
        return "–"
    whole = int(max(0.0, seconds) + 0.5)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def position(seconds: float) -> str:
    """A moment in a call, as m:ss: the second that has begun."""
    return duration(int(seconds))


def milliseconds(value: float | None) -> str:
    """As 1,184 ms; a dash for none."""
    return "–" if value is None else f"{value:,.0f} ms"


def money(amount: Decimal, currency: str) -> str:
    """An amount in whole units of a currency (ISO 4217): two places, or as many as a fraction of a cent has."""
    places = max(2, -int(amount.as_tuple().exponent))
    sign = _SIGNS.get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{sign}{abs(amount):,.{places}f}"


def initials(name: str) -> str:
    """One or two letters for a square."""
    words = [one for one in name.split() if one[0].isalnum()] or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@dataclass(frozen=True, slots=True)
class Local:
    """A tenant's place, and what time it is."""

    zone: ZoneInfo
    region: str
    now: datetime

    def day_of(self, moment: datetime) -> date:
        """The day that a moment belongs to here."""
        return moment.astimezone(self.zone).date()

    @property
    def today(self) -> date:
        """The day that it is here."""
        return self.day_of(self.now)

    def begin(self, day: date) -> datetime:
        """When a day begins here. Where midnight does not exist that day, the first moment after it."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def clock(self, moment: datetime) -> str:
        """As 10:31 am."""
        here = moment.astimezone(self.zone)
        return f"{here.hour % 12 or 12}:{here.minute:02} {_('am') if here.hour < 12 else _('pm')}"

    def day(self, moment: datetime | date) -> str:
        """As Thursday 19 November; with the year where it is another one."""
        found = self.day_of(moment) if isinstance(moment, datetime) else moment
        year = "" if found.year == self.today.year else f" {found.year}"
        return f"{_(DAYS[found.weekday()])} {found.day} {_(MONTHS[found.month - 1])}{year}"

    def stamp(self, moment: datetime) -> str:
        """For machines and for <time>."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds")

    def monday(self) -> date:
        """With which this week began."""
        return self.today - timedelta(days=self.today.weekday())

    def phone(self, number: str) -> str:
        """A number as people here write it; as it is where it is none."""
        return _phone(number, self.region)


@functools.lru_cache(maxsize=10_000)
def _phone(number: str, region: str) -> str:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return number
    here = phonenumbers.country_code_for_region(region) == parsed.country_code
    form = PhoneNumberFormat.NATIONAL if here else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)
