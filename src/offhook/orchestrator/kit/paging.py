"""Pages of a list: by a cursor that says where the page before ended. It is opaque, signed, and good for the same filters only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from offhook.errors import Fault, Invalid
from offhook.orchestrator.services import Services

T = TypeVar("T")
_MAC: Final = 16


class Page(BaseModel, Generic[T]):
    """Part of a list. ``next_cursor`` is None at its end."""

    data: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list."""

    limit: int
    cursor: str | None


def _page(
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=1_000, description="next_cursor of the page before.")] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


PageQuery = Annotated[PageRequest, Depends(_page)]


def cursor_of(given: Services, filters: Mapping[str, Any], position: tuple[str | int | datetime, ...]) -> str:
    """A cursor after this position. ``filters`` are those of the query, the tenant's id among them."""
    parts = [one.isoformat() if isinstance(one, datetime) else one for one in position]
    body = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(given, filters, body) + body).decode().rstrip("=")


def position_of(given: Services, filters: Mapping[str, Any], cursor: str | None) -> tuple[Any, ...] | None:
    """The position that a cursor names (times as ISO text), None without one; Invalid for a cursor of another list."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError as error:
        raise _foreign() from error
    mac, body = raw[:_MAC], raw[_MAC:]
    if not hmac.compare_digest(mac, _mac(given, filters, body)):
        raise _foreign()
    return tuple(json.loads(body))


def _mac(given: Services, filters: Mapping[str, Any], body: bytes) -> bytes:
    bound = json.dumps(filters, sort_keys=True, default=str).encode()
    key = hashlib.sha256(b"cursor" + given.settings.secret.get_secret_value().encode()).digest()
    return hmac.digest(key, len(bound).to_bytes(8, "big") + bound + body, "sha256")[:_MAC]


def _foreign() -> Invalid:
    return Invalid("the cursor is not one of this list", faults=(Fault("query.cursor", "not a cursor of this list and these filters"),))


def page(rows: list[T], limit: int, given: Services, filters: Mapping[str, Any], position: Any) -> Page[T]:  # noqa: ANN401 - a function of a row
    """A page from ``limit + 1`` rows; ``position(row)`` is what the next page goes on from."""
    more = len(rows) > limit
    kept = rows[:limit]
    return Page(data=kept, next_cursor=cursor_of(given, filters, position(kept[-1])) if more else None)
