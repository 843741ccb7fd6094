"""Xero's records and ours: contacts both ways, dates such as ``/Date(1573755038314)/``, texts no longer than it takes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from offhook.adapters.model import Customer, Ref
from offhook.adapters.phones import e164
from offhook.errors import AdapterNotFound

_DATE: Final = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_PAGES: Final = {"customer": "https://go.xero.com/Contacts/View/{}", "lead": "https://go.xero.com/app/quotes/edit/{}"}


def moment(text: str | None) -> datetime | None:
    """A date of Xero's: milliseconds since 1970 in UTC, whatever offset is written behind; None for none."""
    found = _DATE.fullmatch(text or "")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1])) if found else None


def same(left: str, right: str) -> bool:
    """Whether two names or addresses are the same but for case and blanks around."""
    return left.strip().casefold() == right.casefold()


def live(contact: Mapping[str, Any]) -> bool:
    """Whether a contact is in use: not archived, not merged into another."""
    return contact.get("ContactStatus", "ACTIVE") == "ACTIVE" and not contact.get("MergedToContactID")


def id_of(text: str, adapter: str) -> str:
    """An id as Xero has them; AdapterNotFound for what can be none."""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise AdapterNotFound(adapter, "there is no such record in the system") from error


def ref(kind: Literal["customer", "lead"], id: str) -> Ref:
    """With the page that shows it."""
    return Ref(kind, id, _PAGES[kind].format(id))


def cut(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def customer(contact: Mapping[str, Any], region: str) -> Customer:
    """A contact as ours."""
    numbers = (_phone(one, region) for one in contact.get("Phones", ()) if one.get("PhoneType") != "FAX")
    street: Mapping[str, Any] = next((one for one in contact.get("Addresses", ()) if one.get("AddressLine1")), {})
    parts = ("AddressLine1", "AddressLine2", "City", "Region", "PostalCode")
    return Customer(
        id=contact["ContactID"],
        name=contact.get("Name", ""),
        phones=tuple(dict.fromkeys(filter(None, numbers))),
        email=contact.get("EmailAddress", ""),
        address=", ".join(filter(None, (street.get(one, "") for one in parts))),
        url=ref("customer", contact["ContactID"]).url,
        updated_at=moment(contact.get("UpdatedDateUTC")),
    )


def contact(one: Customer) -> dict[str, Any]:
    """What is known of a new contact."""
    made: dict[str, Any] = {}
    if one.email:
        made["EmailAddress"] = cut(one.email, 255)
    if one.phones:
        kinds = ("DEFAULT", "MOBILE", "DDI")
        made["Phones"] = [{"PhoneType": kind, "PhoneNumber": cut(phone, 50)} for kind, phone in zip(kinds, one.phones, strict=False)]
    if one.address:
        made["Addresses"] = [{"AddressType": "STREET", "AddressLine1": cut(one.address, 500)}]
    return made


def completed(known: Mapping[str, Any], one: Customer, region: str) -> dict[str, Any]:
    """What is to be sent so that a contact has this too; numbers go where there is none yet, and none is overwritten."""
    made = {"ContactID": known["ContactID"], **contact(one)}
    made.pop("Phones", None)
    if one.name:
        made["Name"] = cut(one.name, 255)
    there = {kind["PhoneType"]: _phone(kind, region) for kind in known.get("Phones", ())}
    new = [phone for phone in one.phones if phone not in there.values()]
    free = [kind for kind in ("DEFAULT", "MOBILE", "DDI") if not there.get(kind)]
    if new and free:
        made["Phones"] = [{"PhoneType": kind, "PhoneNumber": cut(phone, 50)} for kind, phone in zip(free, new, strict=False)]
    return made


def _phone(one: Mapping[str, Any], region: str) -> str:
    country, area, number = (str(one.get(part) or "").strip() for part in ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber"))
    if not number:
        return ""
    if number.startswith("+"):
        return e164(number, region)
    return e164(f"+{country.lstrip('+')}{area}{number}" if country else f"{area}{number}", region)
