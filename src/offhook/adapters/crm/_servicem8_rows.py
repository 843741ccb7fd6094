"""ServiceM8's rows, and ours made of them: times of the account's clock, filters, contacts, jobs that are leads too. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from offhook.adapters.model import Appointment, Customer, Job
from offhook.adapters.phones import e164

UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
Row: TypeAlias = Mapping[str, Any]
OPEN: Final = frozenset({"Quote", "Work Order"})
NAME: Final = 100
ADDRESS: Final = 500
TEXT: Final = 15_000
"""Characters that fields take; those of texts stand nowhere and are a safe part of the 64 KiB that such columns have."""
FORM: Final = "%Y-%m-%d %H:%M:%S"


# -- times and filters --------------------------------------------------------------------------------------------------------------


def local(at: datetime, zone: ZoneInfo) -> str:
    """A time as the account's clock shows it. The hour that comes twice in autumn has one name only."""
    return at.astimezone(zone).strftime(FORM)


def utc(text: object, zone: ZoneInfo) -> datetime | None:
    """A time of the account's clock; None for nothing and for ``0000-00-00``."""
    try:
        return datetime.strptime(str(text), FORM).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def where(*conditions: tuple[str, str, object]) -> str:
    """A filter. Values that would end their quotes are refused: nobody says how to escape them."""
    for _, _, value in conditions:
        if not plain(str(value)):
            raise ValueError("a filter cannot hold this value")
    return " and ".join(f"{name} {op} '{value}'" for name, op, value in conditions)


def plain(text: str) -> bool:
    """Whether a filter can hold it."""
    return bool(text) and not any(one in "'\"\\" or ord(one) < 32 for one in text)


def live(rows: Iterable[Row]) -> list[Row]:
    """Rows that are not deleted; some endpoints write flags as text."""
    return [row for row in rows if str(row.get("active", 1)) == "1"]


# -- customers ----------------------------------------------------------------------------------------------------------------------


def written(phone: str, region: str) -> tuple[str, ...]:
    """The ways in which people type a number."""
    try:
        number = phonenumbers.parse(phone, region)
    except NumberParseException:
        return (phone,)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    digits = "".join(one for one in national if one.isdigit())
    return tuple(dict.fromkeys((phonenumbers.format_number(number, PhoneNumberFormat.E164), digits, national, international)))


def phone_fields(phones: Sequence[str], region: str) -> dict[str, str]:
    """The first number for each of the two fields that a contact has: text messages go to the mobile."""
    found: dict[str, str] = {}
    for phone in phones:
        try:
            kind = phonenumbers.number_type(phonenumbers.parse(phone, region))
        except NumberParseException:
            kind = PhoneNumberType.UNKNOWN
        found.setdefault("phone" if kind == PhoneNumberType.FIXED_LINE else "mobile", phone)
    return found


def contact_fields(person: Customer, region: str) -> dict[str, str]:
    """What a contact says of a person, for customers and jobs alike; empty for somebody of whom only the name is known."""
    email = {"email": person.email} if "@" in person.email else {}
    reach = {**phone_fields(person.phones, region), **email}
    if not reach:
        return {}
    first, _, last = person.name.partition(" ")
    return {**({"first": first[:NAME]} if first else {}), **({"last": last.strip()[:NAME]} if last.strip() else {}), **reach, "type": "JOB"}


def contact_phones(contacts: Sequence[Row], region: str) -> tuple[str, ...]:
    """All numbers in E.164, those of the first contact first."""
    texts = [str(row.get(name) or "") for row in contacts for name in ("mobile", "phone")]
    return tuple(dict.fromkeys(e164(one, region) for one in texts if one.strip()))


def customer(row: Row, contacts: Sequence[Row], zone: ZoneInfo, region: str) -> Customer:
    """A company with its contacts, the primary one first. A person's company has the person's name; another's is told besides."""
    known = sorted(live(contacts), key=lambda one: str(one.get("is_primary_contact")) != "1")
    name = str(row.get("name") or "")
    person = " ".join(str(known[0].get(one) or "").strip() for one in ("first", "last")).strip() if known else ""
    return Customer(
        str(row["uuid"]),
        person or name,
        contact_phones(known, region),
        next((str(one["email"]) for one in known if one.get("email")), ""),
        str(row.get("address") or ""),
        "" if not person or same(person, name) else name,
        updated_at=utc(row.get("edit_date"), zone),
    )


def same(one: str, two: str) -> bool:
    """Whether two names are one, but for the case of letters and spaces."""
    return " ".join(one.split()).casefold() == " ".join(two.split()).casefold()


# -- jobs and visits ------------------------------------------------------------------------------------------------------------------


def text_of(title: str, *more: str) -> str:
    """A title on a line of its own, and what else is to be said."""
    return "\n".join(one for one in (" ".join(title.split())[:ADDRESS], *more) if one.strip())[:TEXT]


def job(row: Row, zone: ZoneInfo) -> Job:
    """A job: the first line of its description is what it is called, if it has any."""
    title, _, rest = str(row.get("job_description") or "").strip().partition("\n")
    number = row.get("generated_job_id")
    return Job(
        str(row.get("company_uuid") or ""),
        title.strip() or (f"Job {number}" if number else "Job"),
        rest.strip(),
        str(row.get("job_address") or ""),
        str(row["uuid"]),
        str(row.get("status") or ""),
        row.get("status") in OPEN,
        job_url(str(row["uuid"])),
        updated_at=utc(row.get("edit_date"), zone),
    )


def job_url(id: str) -> str:
    """Where people see a job."""
    return f"https://go.servicem8.com/job/{id}"


def appointment(row: Row, zone: ZoneInfo, of: Job | None = None) -> Appointment | None:
    """A scheduled activity; None for recorded ones and those without a time."""
    start, end = utc(row.get("start_date"), zone), utc(row.get("end_date"), zone)
    if start is None or end is None or str(row.get("activity_was_scheduled", "1")) != "1":
        return None
    return Appointment(
        str(row.get("staff_uuid") or ""),
        start,
        end,
        title=of.title if of else "",
        address=of.address if of else "",
        customer=of.customer if of else "",
        job=str(row.get("job_uuid") or ""),
        id=str(row["uuid"]),
        cancelled=not live([row]),
        updated_at=utc(row.get("edit_date"), zone),
    )


def carries(url: str, secret: str) -> bool:
    """Whether an address ends with the connection's secret."""
    return bool(secret) and hmac.compare_digest(url.split("?", 1)[0].rstrip("/").rpartition("/")[2].encode(), secret.encode())
