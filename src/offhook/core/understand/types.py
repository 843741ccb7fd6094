"""What the grammars need to know, and what they find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Context:
    """Where and when the words are spoken. ``now`` is aware, in the tenant's zone; ``hours`` are (weekday, opens, closes), 0 is Monday."""

    locale: str = "en-GB"
    region: str = "GB"
    now: datetime | None = None
    hours: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """One of the things offered: its words, and when it begins if it has a time (ISO 8601)."""

    label: str
    start: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A typed value in a text. ``start`` and ``end`` are characters; ``whole``: the value explains all words but fillers."""

    type: str
    value: object
    raw: str
    start: int
    end: int
    sure: float
    whole: bool
