"""The trace of a call, line by line: every event of the turn core and when, so that the call can be replayed bit for bit.

JSON lines; the first is the head (format, call, policy), the others ``[name, fields...]`` in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from offhook.core.turn import events as ev
from offhook.errors import ConfigError

_EVENTS: Final[Mapping[str, type[ev.Event]]] = {
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
NAMES: Final = {kind: tuple(field.name for field in fields(kind)) for kind in _EVENTS.values()}
_KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {"Instant": int, "TurnNo": int, "int": int, "float": (int, float), "bool": bool}
_TYPES: Final = {kind: tuple(_KINDS.get(str(field.type), str) for field in fields(kind)) for kind in _EVENTS.values()}
NOTE: Final = "Note"


def read_lines(lines: Sequence[str], name: str) -> tuple[dict[str, Any], Iterator[ev.Event]]:
    """The head and the events of a trace. ``name`` stands before a line's number in what is said of it.

    Raises:
        ConfigError: when these are not the lines of a trace, naming the line.
    """
    head = _json(lines[0] if lines else "", name, 1)
    if not isinstance(head, dict) or head.get("trace") != 1 or not isinstance(head.get("policy"), dict) or "call" not in head:
        msg = f"{name}:1: not a call trace of format 1; record it with an engine of this version"
        raise ConfigError(msg)
    return head, _events(lines[1:], name)


def _events(lines: Sequence[str], name: str) -> Iterator[ev.Event]:
    for number, line in enumerate(lines, start=2):
        entry = _json(line, name, number)
        if isinstance(entry, list) and entry[:1] == [NOTE]:
            continue
        if not isinstance(entry, list) or not entry or not isinstance(entry[0], str) or entry[0] not in _EVENTS:
            msg = f"{name}:{number}: not an event of the turn core"
            raise ConfigError(msg)
        kind = _EVENTS[entry[0]]
        if len(entry) - 1 != len(NAMES[kind]):
            msg = f"{name}:{number}: {entry[0]} has {len(entry) - 1} fields, {len(NAMES[kind])} are needed"
            raise ConfigError(msg)
        if type(entry[1]) is not int:
            msg = f"{name}:{number}: the instant of {entry[0]} is not a whole number of nanoseconds"
            raise ConfigError(msg)
        if not all(map(isinstance, entry[1:], _TYPES[kind])):
            msg = f"{name}:{number}: a field of {entry[0]} is not what it has to be"
            raise ConfigError(msg)
        yield kind(*entry[1:])


def _json(line: str, name: str, number: int) -> Any:  # noqa: ANN401
    try:
        return json.loads(line)
    except ValueError as error:
        msg = f"{name}:{number}: not JSON"
        raise ConfigError(msg) from error
