"""Jobber's records and ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from offhook.adapters.model import Appointment, Job
from offhook.errors import AdapterUnavailable

Row = dict[str, Any]
NAME: Final = "crm/jobber"
CLOSED: Final = frozenset({"archived", "requires_invoicing"})


def same(one: str, other: str) -> bool:
    return bool(one) and one.strip().casefold() == other.strip().casefold()


def contacts(phones: Sequence[str], email: str, *, first: bool) -> Row:
    found: Row = {}
    if phones:
        found["phones"] = [{"description": "MAIN", "primary": first and not n, "number": one} for n, one in enumerate(phones)]
    if email:
        found["emails"] = [{"description": "MAIN", "primary": first, "address": email}]
    return found


def address(text: str) -> Row:
    """A spoken address in Jobber's lines: nothing is guessed, so what has no commas is one line."""
    parts = [one.strip() for one in text.split(",") if one.strip()]
    lines = {"street1": parts[0] if parts else text, "street2": ", ".join(parts[1:-1]), "city": parts[-1] if len(parts) > 1 else ""}
    return {name: line for name, line in lines.items() if line}


def plain(address: Row | None) -> str:
    names = ("street1", "street2", "city", "province", "postalCode")
    return ", ".join(str(address[name]) for name in names if address.get(name)) if address else ""


def marked(text: str, mark: str) -> str:
    return f"{text}\n\nRef {mark}".strip()


def url(row: Row) -> str:
    url = str(row.get("jobberWebUri") or "")
    return url if url.startswith("https://") else ""


def time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def when(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise AdapterUnavailable(NAME, "the system gave a time that is none") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def following(page: Row) -> str:
    info = page.get("pageInfo") or {}
    return str(info.get("endCursor") or "") if info.get("hasNextPage") else ""


def people(row: Row) -> list[str]:
    return [str(one["id"]) for one in (row.get("assignedUsers") or {}).get("nodes") or []]


def visit(row: Row) -> Appointment | None:
    """None for a visit that is not planned yet."""
    if not row.get("startAt") or not row.get("endAt"):
        return None
    return Appointment(
        resource=next(iter(people(row)), ""),
        start=when(row["startAt"]),
        end=when(row["endAt"]),
        title=str(row.get("title") or ""),
        description=str(row.get("instructions") or ""),
        customer=str((row.get("client") or {}).get("id") or ""),
        job=str((row.get("job") or {}).get("id") or ""),
        id=str(row["id"]),
    )


def job(row: Row) -> Job:
    status = str(row.get("jobStatus") or "")
    return Job(
        customer=str((row.get("client") or {}).get("id") or ""),
        title=str(row.get("title") or ""),
        description=str(row.get("instructions") or ""),
        address=plain((row.get("property") or {}).get("address")),
        id=str(row["id"]),
        status=status,
        open=status not in CLOSED,
        url=url(row),
        updated_at=when(row["updatedAt"]) if row.get("updatedAt") else None,
    )
