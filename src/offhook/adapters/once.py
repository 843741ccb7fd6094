"""Names of writes in the forms that systems want: a UUID, or letters of base 32."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Final

_SPACE: Final = uuid.UUID("6a2f2f0e-5f5c-5f0a-9a0e-4a6b8f1c2d3e")
"""Namespace of our keys (RFC 9562 section 6.6)."""


def uuid_of(key: str, part: str = "") -> str:
    """The UUID (version 5) of a write, or of a part of it where one write makes several records."""
    return str(uuid.uuid5(_SPACE, f"{key}\n{part}"))


def base32_of(key: str, part: str = "") -> str:
    """32 characters of a-v and 0-9 (RFC 4648 base32hex in small letters), which calendars take for an id."""
    return base64.b32hexencode(hashlib.sha256(f"{key}\n{part}".encode()).digest()[:20]).decode().lower()


def mark_of(key: str, part: str = "") -> str:
    """A short name of a write for a text that the system keeps (``oh-`` and 16 characters), by which it is found again."""
    return f"oh-{base32_of(key, part)[:16]}"
