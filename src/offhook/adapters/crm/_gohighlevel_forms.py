"""HighLevel's records and ours, and its two signatures of webhooks."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from offhook.adapters.model import Appointment, Customer, Job
from offhook.adapters.phones import e164
from offhook.errors import AdapterNotFound

LONGEST: Final = 5_000
"""Characters of a note or description."""
GONE: Final = frozenset({"cancelled", "invalid", "noshow"})
ED25519: Final = "MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg="
RSA: Final = (
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSCFrm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIcBOK4u3cLSqJGOLaPuXw6"
    "dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfBcsedpinheNnyYeFXolrJvcsjDtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpv"
    "uxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF3kvoV5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKU"
    "J062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xkx2zE/Juc+yjLjTXpIocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzN"
    "h/AMfHKIjE4xQA1SZuYJmNnmVZLIZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhCHULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJ"
    "PQe7z0cvj7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAykT1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ=="
)
"""HighLevel's public keys, as it published them; a connection may name others, should they change."""


def signed(key: str, signature: str, body: bytes) -> bool:
    """Whether a body was signed by the owner of a public key: base64 of its DER, or PEM."""
    try:
        public = load_der_public_key(base64.b64decode(re.sub(r"-----[A-Z ]+-----|\s", "", key), validate=True))
        raw = base64.b64decode(signature, validate=True)
        if isinstance(public, Ed25519PublicKey):
            public.verify(raw, body)
        elif isinstance(public, RSAPublicKey):
            public.verify(raw, body, PKCS1v15(), SHA256())
        else:
            return False
    except (ValueError, InvalidSignature):
        return False
    return True


def moment(text: str, timezone: str) -> datetime:
    """A time as HighLevel writes it; one without an offset is the location's own."""
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)


def customer(one: Mapping[str, Any], region: str, url: str) -> Customer:
    """A contact as ours."""
    parts = (one.get("firstNameRaw") or one.get("firstName") or "", one.get("lastNameRaw") or one.get("lastName") or "")
    street = (one.get("address1") or one.get("address") or "", one.get("city") or "", one.get("state") or "", one.get("postalCode") or "")
    updated = one.get("dateUpdated")
    return Customer(
        id=one["id"],
        name=" ".join(filter(None, parts)) or one.get("name") or "",
        phones=(e164(one["phone"], region),) if one.get("phone") else (),
        email=one.get("email") or "",
        address=", ".join(filter(None, street)),
        company=one.get("companyName") or "",
        url=url,
        updated_at=moment(updated, "UTC") if updated else None,
    )


def contact(one: Customer) -> dict[str, Any]:
    """What is known of somebody, as fields of a contact."""
    first, _, last = one.name.strip().rpartition(" ")
    known = {
        "firstName": (first or last)[:255],
        "lastName": (last if first else "")[:255],
        "email": one.email,
        "phone": one.phones[0] if one.phones else "",
        "address1": one.address[:LONGEST],
    }
    return {name: value for name, value in known.items() if value}


def appointment(one: Mapping[str, Any], timezone: str) -> Appointment:
    """An appointment as ours."""
    updated = one.get("dateUpdated")
    return Appointment(
        resource=one["calendarId"],
        start=moment(one["startTime"], timezone),
        end=moment(one["endTime"], timezone),
        title=one.get("title") or "",
        description=one.get("notes") or "",
        address=one.get("address") or "",
        customer=one.get("contactId") or "",
        id=one["id"],
        cancelled=one.get("appointmentStatus") in GONE,
        updated_at=moment(updated, "UTC") if updated else None,
    )


def job(one: Mapping[str, Any], whose: str, url: str) -> Job:
    """An opportunity as a job that may come."""
    return Job(customer=whose, title=one.get("name") or "", id=one["id"], status=(one.get("status") or "").capitalize(), url=url)


def marked(title: str, mark: str) -> str:
    """A title that ends in the mark."""
    return f"{title[: 247 - len(mark)].rstrip()} [{mark}]"


def version(path: str) -> Mapping[str, str]:
    """The version of the part of the API that a path belongs to, as a header."""
    return {"Version": "2021-04-15" if path.startswith("/calendars/") else "2021-07-28"}


def part(id: str) -> str:
    """An id as a part of a path; AdapterNotFound for what can be none."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", id):
        raise AdapterNotFound("crm/gohighlevel", "there is no such record in the system")
    return id


def when(visit: Appointment) -> dict[str, Any]:
    """Where and when a visit is; our diary has checked the time, and HighLevel's own grid of slots is not asked."""
    times = {"startTime": visit.start.astimezone(UTC).isoformat(), "endTime": visit.end.astimezone(UTC).isoformat()}
    return {"calendarId": visit.resource, **times, "ignoreDateRange": True, "ignoreFreeSlotValidation": True}


def value(amount: object) -> dict[str, float]:
    """What an opportunity is worth, where a number was given."""
    try:
        return {"monetaryValue": float(str(amount))} if amount not in {None, ""} else {}
    except ValueError:
        return {}
