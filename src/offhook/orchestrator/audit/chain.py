"""The chain of a log: each row's hash covers the row and the hash before it. Pure.

A row that was changed, removed, added or moved behind the application's back breaks it. Whoever may write to the tables could work out a
new chain; against that, keep the end of a log (``Checked.head``, also in every export) somewhere else and compare.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

START: Final = bytes(32)
"""The hash before the first row."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a log, as far as it is hashed."""

    seq: int
    id: str
    tenant_id: str | None
    reseller_id: str | None
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    target: str
    details: Mapping[str, Any]
    ip: str


def link(before: bytes, line: Line) -> bytes:
    """The hash of a row that follows one with the hash ``before``."""
    parts: list[Any] = [
        line.seq, line.id, line.tenant_id, line.reseller_id, line.at.astimezone(UTC).isoformat(timespec="microseconds"), line.actor_kind,
        line.actor_id, line.actor_name, line.action, line.target, _plain(line.details), line.ip,
    ]  # fmt: skip
    text = json.dumps(parts, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(before + text.encode()).digest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """JSON as it comes back from the database, whose numbers are decimals: 1e22 and 10000000000000000000000 are one."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return f"#{Decimal(repr(value)).normalize() + 0:f}"
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value]
