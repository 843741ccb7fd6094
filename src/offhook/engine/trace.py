"""The trace of a call: every event of the turn core and when, so that the call can be replayed bit for bit.

A file of JSON lines; the first is the head (format, call, policy), the others ``[name, fields...]`` in order. Lines are
gathered and written by a thread, so a trace neither blocks the loop nor grows in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread

from offhook.core.turn import events as ev
from offhook.core.turn.trace import NAMES, NOTE, read_lines

_GATHER = 200


class TraceWriter:
    """Writes one call's trace."""

    def __init__(self, path: Path, call: str, policy: Mapping[str, Any]) -> None:
        self.path = path
        self.broken = False
        self._lines: list[str] = [json.dumps({"trace": 1, "call": call, "policy": policy})]

    def event(self, event: ev.Event) -> None:
        """Keep an event; never waits."""
        kind = type(event)
        self._lines.append(json.dumps([kind.__name__, *[getattr(event, name) for name in NAMES[kind]]]))

    def note(self, at: int, kind: str, what: Mapping[str, Any]) -> None:
        """Keep something that is no event of the turn core, such as who answered and why; a replay passes over it."""
        self._lines.append(json.dumps([NOTE, at, kind, what]))

    @property
    def due(self) -> bool:
        """True when enough has been gathered to be worth a write."""
        return len(self._lines) >= _GATHER

    async def write(self) -> None:
        """Write what has been gathered; a full disk ends the trace, not the call."""
        lines, self._lines = self._lines, []
        if lines and not self.broken:
            try:
                await anyio.to_thread.run_sync(_append, self.path, lines)
            except OSError:
                self.broken = True


def _append(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read_trace(path: Path) -> tuple[dict[str, Any], Iterator[ev.Event]]:
    """The head and the events of a trace.

    Raises:
        ConfigError: when the file is not a trace, naming the line.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    return read_lines(lines, str(path))
