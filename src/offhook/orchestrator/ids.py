"""Ids: a prefix that says what it is, and 26 characters that sort by time."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""


def new_id(prefix: str, now: datetime) -> str:
    """``prefix_`` and 48 bits of milliseconds since 1970 and 80 random ones, as ULIDs have them (github.com/ulid/spec)."""
    number = (int(now.timestamp() * 1_000) & (2**48 - 1)) << 80 | secrets.randbits(80)
    return f"{prefix}_" + "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
