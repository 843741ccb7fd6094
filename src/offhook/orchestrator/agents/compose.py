"""The script that a call follows: the tenant's own, with the agent's greeting, disclosure and what happens out of hours. Pure.

One script serves all hours: it asks ``open_now``, which the plan gives. Names that begin with ``agent.`` are ours.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from offhook.orchestrator.agents.config import AgentConfig

DISCLOSURE: Final = "agent.disclosure"
ENTRY: Final = "agent.opening"
CLOSED: Final = "agent.closed"
SORRY: Final = "agent.sorry"
OUTCOME: Final = "agent.out_of_hours"
CLOSED_NOW: Final = "open_now is no"
NAMED: Final = "caller_name is known"
HELLO: Final = "Hello {caller_name}."
Path = tuple[str | int, ...]


def compose(config: AgentConfig) -> dict[str, Any]:
    """The whole script. The configuration's own is not touched; one that is malformed comes back as it is."""
    script = copy.deepcopy(config.script)
    states, start = script.get("states"), script.get("start")
    if not isinstance(states, dict) or not isinstance(states.get(start), dict):
        return script
    if config.recording.record and config.recording.disclosure:
        script["must_say"] = {DISCLOSURE: {"text": config.recording.disclosure, "before": "first question"}, **_map(script.get("must_say"))}
    greet(config, states[start])
    closed = config.out_of_hours
    if closed.do != "answer":
        states |= _closed_states(config, str(start))
        script["start"] = ENTRY
        if closed.do in {"say", "transfer"}:
            script["outcomes"] = {**_map(script.get("outcomes")), OUTCOME: "neutral"}
    if closed.do != "answer" or closed.line:
        given = _map(script.get("given"))
        given.setdefault("open_now", "yes_no")
        if closed.do == "transfer" and closed.target:
            given.setdefault(closed.target, "phone")
        script["given"] = given
    return script


def told_first(config: AgentConfig) -> tuple[str, ...]:
    """Names of the texts that a caller hears before anything is recorded: the disclosure, else the script's own."""
    if not config.recording.record:
        return ()
    if config.recording.disclosure:
        return (DISCLOSURE,)
    return tuple(name for name, one in _map(config.script.get("must_say")).items() if _first(one))


def _first(must: object) -> bool:
    gates = must.get("before") if isinstance(must, Mapping) else None
    return gates == "first question" or (isinstance(gates, list) and "first question" in gates)


def greet(config: AgentConfig, state: dict[str, Any]) -> None:
    """What the script's first state says."""
    if config.greeting:
        by_name = {"if": NAMED, "text": f"{config.greeting} {HELLO}"}
        state["say"] = [by_name, {"text": config.greeting}] if greets_by_name(config) else config.greeting
    if config.out_of_hours.do == "answer" and config.out_of_hours.line:
        usual = state.get("say")
        variants = usual if isinstance(usual, list) else [{"text": usual}] if usual else []
        state["say"] = [{"if": CLOSED_NOW, "text": config.out_of_hours.line}, *variants]


def greets_by_name(config: AgentConfig) -> bool:
    """Whether a caller whose name is known is greeted by it after the agent's own greeting."""
    return config.callers.greet and bool(config.greeting) and "caller_name" in _map(config.script.get("given"))


def _closed_states(config: AgentConfig, start: str) -> dict[str, Any]:
    closed = config.out_of_hours
    line = {"say": closed.line} if closed.line else {}
    made: dict[str, Any] = {ENTRY: {"next": [{"if": CLOSED_NOW, "go": CLOSED}, {"go": start}]}}
    if closed.do == "message":
        made[CLOSED] = {**line, "next": closed.entry}
    elif closed.do == "say":
        made[CLOSED] = {**line, "end": OUTCOME}
    else:
        made[CLOSED] = {**line, "transfer": closed.target, "if_fails": SORRY, "end": OUTCOME}
        made[SORRY] = {"say": config.lines.failed, "end": OUTCOME}
    return made


def origin(config: AgentConfig, path: Path) -> Path:
    """The configuration's field that a place in the composed script comes from."""
    start = config.script.get("start")
    closed = config.out_of_hours
    if path[:2] == ("must_say", DISCLOSURE):
        return ("recording", "disclosure")
    if path[:2] == ("states", start) and path[2:3] == ("say",):
        if closed.do == "answer" and closed.line:
            if path[3:4] == (0,):
                return ("out_of_hours", "line")
            path = (*path[:3], *(path[4:] if not isinstance(config.script["states"][start].get("say"), list) else _before(path[3:])))
        return ("greeting",) if config.greeting else ("script", *path)
    if path[:2] == ("states", SORRY):
        return ("lines", "failed")
    if path[:2] in {("states", CLOSED), ("states", ENTRY)}:
        field = {"say": "line", "next": "entry", "transfer": "target"}.get(str(path[2]) if len(path) > 2 else "", "do")
        return ("out_of_hours", field)
    if path[:1] in {("start",), ("outcomes",)} and any(str(part).startswith("agent.") for part in path):
        return ("out_of_hours", "do")
    return ("script", *path)


def _before(path: Path) -> Path:
    return (path[0] - 1, *path[1:]) if path and isinstance(path[0], int) else path


def _map(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
