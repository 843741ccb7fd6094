"""The trace of a call: every event of the turn core and when, so that the call can be replayed bit for bit.

A file of JSON lines; the first is the head (format, call, policy), the others ``[name, fields...]`` in order. Lines are
gathered and written by a thread, so a trace neither blocks the loop nor grows in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import anyio.to_thread

from offhook.core.turn import events as ev
from offhook.errors import ConfigError

_EVENTS: dict[str, type[ev.Event]] = {
    kind.__name__: kind
    for kind in (
        ev.Answered,
        ev.Hangup,
        ev.SpeechStarted,
        ev.SpeechStopped,
        ev.Partial,
        ev.Final,
        ev.Settled,
        ev.Behind,
        ev.ShiftScored,
        ev.TurnEnding,
        ev.Dtmf,
        ev.ReplyAudio,
        ev.ReplyDone,
        ev.ReplyFailed,
        ev.Played,
        ev.Drained,
        ev.Taken,
        ev.ToolStarted,
        ev.ToolDone,
        ev.Command,
        ev.Transferred,
        ev.Tick,
    )
}
_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in _EVENTS.values()}
_GATHER = 200
NOTE = "Note"


class TraceWriter:
    """Writes one call's trace."""

    def __init__(self, path: Path, call: str, policy: Mapping[str, Any]) -> None:
        self.path = path
        self.broken = False
        self._lines: list[str] = [json.dumps({"trace": 1, "call": call, "policy": policy})]

    def event(self, event: ev.Event) -> None:
        """Keep an event; never waits."""
        kind = type(event)
        self._lines.append(json.dumps([kind.__name__, *[getattr(event, name) for name in _NAMES[kind]]]))

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
    head = _json(lines[0] if lines else "", path, 1)
    if not isinstance(head, dict) or head.get("trace") != 1 or not isinstance(head.get("policy"), dict) or "call" not in head:
        msg = f"{path}:1: not a call trace of format 1; record it with an engine of this version"
        raise ConfigError(msg)
    return head, _events(lines[1:], path)


def _events(lines: list[str], path: Path) -> Iterator[ev.Event]:
    for number, line in enumerate(lines, start=2):
        entry = _json(line, path, number)
        if isinstance(entry, list) and entry[:1] == [NOTE]:
            continue
        if not isinstance(entry, list) or not entry or not isinstance(entry[0], str) or entry[0] not in _EVENTS:
            msg = f"{path}:{number}: not an event of the turn core"
            raise ConfigError(msg)
        kind = _EVENTS[entry[0]]
        if len(entry) - 1 != len(_NAMES[kind]):
            msg = f"{path}:{number}: {entry[0]} has {len(entry) - 1} fields, {len(_NAMES[kind])} are needed"
            raise ConfigError(msg)
        if type(entry[1]) is not int:
            msg = f"{path}:{number}: the instant of {entry[0]} is not a whole number of nanoseconds"
            raise ConfigError(msg)
        yield kind(*entry[1:])


def _json(line: str, path: Path, number: int) -> Any:  # noqa: ANN401
    try:
        return json.loads(line)
    except ValueError as error:
        msg = f"{path}:{number}: not JSON"
        raise ConfigError(msg) from error
