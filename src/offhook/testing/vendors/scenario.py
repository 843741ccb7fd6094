"""What a vendor's double is told to do, and what it noted of its clients."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FaultKind = Literal[
    "close", "reset", "end", "stall", "half", "not_utf8", "not_json", "unknown", "unknown_field", "huge", "twice", "swap", "skip"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, once, with the ``at``-th message (from 0) that the vendor sends in a connection, counted over text and binary.

    ``close`` (with ``code``; None sends no status), ``reset`` (TCP RST), ``end`` (TCP FIN without a goodbye), ``stall`` (``seconds``, then
    what has gathered in a burst), ``half`` (half of the message, then RST), ``not_utf8``, ``not_json`` (in its place), ``unknown`` (a
    message of an unknown type before it), ``unknown_field`` (in it), ``huge`` (2 MiB before it), ``twice``, ``swap`` (with the next),
    ``skip`` (never sent).
    """

    kind: FaultKind
    at: int = 0
    code: int | None = 1011
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Door:
    """What happens at the door, to every connection, or to the first ``times`` of them."""

    kind: Literal["open", "status", "hang", "reset", "silent"] = "open"
    """``status`` answers with one; ``hang`` takes the connection and says nothing; ``silent`` opens the websocket and then says nothing."""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds to wait: the fixed part times a log-normal factor (``spread`` is sigma, 0 for none); ``spikes`` by how-manieth."""

    seconds: float = 0.0
    spread: float = 0.0
    spikes: Mapping[int, float] = field(default_factory=dict)

    def draw(self, dice: random.Random, number: int = 0) -> float:
        """One wait."""
        factor = math.exp(dice.gauss(0.0, self.spread)) if self.spread else 1.0
        return self.seconds * factor + self.spikes.get(number, 0.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a vendor behaves, for its connections from now on. ``options`` are the vendor's own: see its module."""

    door: Door = Door()
    faults: tuple[Fault, ...] = ()
    faulty: int | None = None
    """Only the first so many connections have the faults; all of them without it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Received:
    """One thing that a client sent, in the order of arrival."""

    vendor: str
    connection: int
    kind: Literal["open", "text", "binary", "close", "http", "gone"]
    at: float
    """Seconds of the loop's clock."""
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes = b""

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The data as JSON."""
        return json.loads(self.data)
