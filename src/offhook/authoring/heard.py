"""What the grammars that understand callers while they speak read in a text, for those who read it afterwards."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from offhook.core.understand.numbers import digit_runs, numerals
from offhook.core.understand.parse import parse
from offhook.core.understand.types import Context

Kind: TypeAlias = Literal[
    "person_name", "phone", "email", "address", "date", "time", "datetime", "number", "money", "yes_no", "choice", "free_text"
]


@dataclass(frozen=True, slots=True)
class Where:
    """Where and when the words were spoken; ``now`` is aware, in the tenant's zone."""

    locale: str
    region: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """A value in a text, and which characters say it. Plain: text, a number, a truth, or a mapping of them."""

    value: Any
    quote: str
    start: int
    end: int
    sure: float
    whole: bool


def heard(
    kind: Kind, text: str, where: Where, *, asked: bool = False, options: Mapping[str, Sequence[str]] | None = None
) -> tuple[Heard, ...]:
    """Values of a kind in a text, best first. ``asked``: somebody has just asked for one, so that bare answers count."""
    if kind == "choice":
        found = parse("choice", text, Context(where.locale, where.region, where.now), options=options or {}, asked=asked)
        return tuple(Heard(one.value, one.raw, one.start, one.end, one.sure, one.whole) for one in found)
    return _heard(kind, text, where, asked)


@functools.lru_cache(maxsize=4_096)
def _heard(kind: Kind, text: str, where: Where, asked: bool) -> tuple[Heard, ...]:
    found = parse(kind, text, Context(where.locale, where.region, where.now), asked=asked)
    return tuple(Heard(one.value, one.raw, one.start, one.end, one.sure, one.whole) for one in found)


def figures(text: str) -> str:
    """A text in small letters with its number words in figures: ``half past 2``, ``the 27th``."""
    return numerals(text).text


def digits(text: str) -> tuple[str, ...]:
    """Runs of digits as dictated: ``double seven`` is two of them."""
    return tuple("".join(one.groups) for one in digit_runs(text))
