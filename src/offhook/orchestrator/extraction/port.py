"""What reads the result of a call off its words: the port, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from offhook.contracts.analysis import Evidence
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction.spoken import Spoken


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it comes from. There is none without."""

    value: Any
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Draft:
    """What was read. ``values`` by their place in the result, ``contact.name`` or ``facts.boiler_make``."""

    values: Mapping[str, Value] = field(default_factory=dict)
    summary: str = ""


class Unread(Exception):
    """Nothing could be read; the text says why, in words that may be shown."""


class StructuredExtractor(Protocol):
    """Reads a call."""

    @property
    def name(self) -> str:
        """Which model it is."""
        ...

    async def read(self, spoken: Spoken, fields: tuple[ExtractField, ...]) -> Draft:
        """What was said, as values with their evidence; Unread."""
        ...
