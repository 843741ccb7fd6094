"""HubSpot's records and ours, and its signature of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import accumulate, takewhile
from typing import Any, Final, Literal

from offhook.adapters.model import Customer, Job, Lead, Ref
from offhook.adapters.phones import e164
from offhook.errors import AdapterNotFound

READ: Final = ("firstname", "lastname", "email", "phone", "mobilephone", "address", "company", "hs_merged_object_ids")
"""Properties of contacts that we ask for."""
NUMBERS: Final = ("phone", "mobilephone")
LONGEST: Final = 65_000
"""Characters of a text; HubSpot takes a few more."""
_PLAIN: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""Escapes that HubSpot undoes in an address before it signs it, and no others."""


def id_of(text: str, adapter: str) -> str:
    """An id as HubSpot has them; AdapterNotFound for what can be none."""
    if not text.isdecimal() or not text.isascii():
        raise AdapterNotFound(adapter, "there is no such record in the system")
    return text


def moment(text: str) -> datetime:
    """A time as HubSpot writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def ref(kind: Literal["customer", "lead", "note"], one: Mapping[str, Any]) -> Ref:
    """What a write made, with its page where HubSpot says it."""
    return Ref(kind, str(one["id"]), one.get("url") or "")


def customer(one: Mapping[str, Any], region: str) -> Customer:
    """A contact as ours."""
    there = {name: value or "" for name, value in one["properties"].items()}
    phones = (e164(there[name], region) for name in NUMBERS if there.get(name))
    return Customer(
        id=one["id"],
        name=f"{there.get('firstname', '')} {there.get('lastname', '')}".strip(),
        phones=tuple(dict.fromkeys(phones)),
        email=there.get("email", ""),
        address=there.get("address", ""),
        company=there.get("company", ""),
        url=one.get("url") or "",
        updated_at=moment(one["updatedAt"]),
    )


def properties(one: Customer) -> dict[str, str]:
    """What is known of somebody, as properties of a contact."""
    first, _, last = one.name.strip().rpartition(" ")
    names = {"firstname": first or last, "lastname": last if first else ""}
    known = {**names, "email": one.email, "address": one.address, "company": one.company, **dict(zip(NUMBERS, one.phones, strict=False))}
    return {name: value[:LONGEST] for name, value in known.items() if value}


def completing(known: Mapping[str, Any], one: Customer, region: str) -> dict[str, str]:
    """The same for a contact who is there: numbers go where there is none yet, and none is overwritten."""
    there = known["properties"]
    missing = [phone for phone in one.phones if phone not in {e164(there.get(name) or "", region) for name in NUMBERS}]
    free = [name for name in NUMBERS if not there.get(name)]
    others = {name: value for name, value in properties(one).items() if name not in NUMBERS}
    return others | dict(zip(free, missing, strict=False))


def deal(lead: Lead, place: str, mappable: Mapping[str, str]) -> dict[str, str]:
    """The properties of a deal; ``place`` is its pipeline and stage."""
    pipeline, _, stage = place.partition("/")
    text = "\n".join(filter(None, (lead.description, lead.address, lead.urgency and f"Urgency: {lead.urgency}")))
    fields = {name: str(value) for name, value in lead.fields.items() if name in mappable and value not in {None, ""}}
    return {"dealname": lead.title[:LONGEST], "pipeline": pipeline, "dealstage": stage, "description": text[:LONGEST], **fields}


def job(one: Mapping[str, Any], whose: str) -> Job:
    """A deal as a job that may come."""
    there = one["properties"]
    return Job(
        customer=whose,
        title=there.get("dealname") or "",
        description=there.get("description") or "",
        id=one["id"],
        status="Open",
        url=one.get("url") or "",
        updated_at=moment(one["updatedAt"]),
    )


def note(text: str, link: str, mark: str) -> str:
    """A note's HTML, which ends in link and mark whatever had to be left out of the text."""
    end = (f'<br><a href="{html.escape(link)}">{html.escape(link)}</a>' if link else "") + f"<br>{mark}"
    letters = [html.escape(one).replace("\n", "<br>") for one in text]
    fit = sum(1 for _ in takewhile(lambda length: length <= LONGEST - len(end), accumulate(map(len, letters))))
    return "".join(letters[:fit]) + end


def signature(secret: str, url: str, body: bytes, stamp: str) -> bytes:
    """Version 3: over method, address, body and time."""
    for escaped, plain in _PLAIN.items():
        url = url.replace(escaped, plain).replace(escaped.lower(), plain)
    return base64.b64encode(hmac.new(secret.encode(), f"POST{url}".encode() + body + stamp.encode(), hashlib.sha256).digest())
