"""Byte ranges (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ONE: Final = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")


class Unsatisfiable(Exception):
    """The range lies outside the file."""


@dataclass(frozen=True, slots=True)
class Range:
    """From ``first`` to ``last``, both in it."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Bytes."""
        return self.last - self.first + 1


def parse(header: str | None, size: int) -> Range | None:
    """What part of a file of this size is wanted; None for all of it, as where the header is none of one range; Unsatisfiable."""
    found = _ONE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last bytes
        wanted = int(found[2])
        if wanted == 0 or size == 0:
            raise Unsatisfiable
        return Range(max(0, size - wanted), size - 1)
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return Range(first, last)
