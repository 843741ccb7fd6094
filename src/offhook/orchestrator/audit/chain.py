"""The chain of a log: each row's hash covers the row and the hash before it. Pure.

A row that was changed, removed, added or moved behind the application's back breaks it. Whoever may write to the tables could work out a
new chain; against that, keep the end of a log (``schemas.Checked.head``, also in every export) somewhere else and compare.
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


@dataclass(slots=True)
class Walk:
    """Follows a log from its first row. ``broken_at`` is the place of the first row that is not as it was written."""

    seq: int = 0
    before: bytes = START
    broken_at: int | None = None

    def row(self, line: Line, hashed: bytes) -> None:
        """The next row."""
        if self.broken_at is None and (line.seq != self.seq + 1 or link(self.before, line) != hashed):
            self.broken_at = self.seq + 1
        self.seq, self.before = line.seq, hashed

    def end(self, seq: int, hashed: bytes) -> None:
        """Where the log ends, by its head."""
        if self.broken_at is None and (seq, hashed) != (self.seq, self.before):
            self.broken_at = min(seq, self.seq) + 1


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """JSON as it comes back from the database, whose numbers are decimals: 1e22 and 10000000000000000000000 are one.

    Numbers and lists say what they are, so that no list and no text looks like a number.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return ["number", f"{Decimal(repr(value)).normalize() + 0:f}"]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return ["list", *(_plain(one) for one in value)]
