"""What is wrong with an agent's draft, as its pages say it: the same words at the field, the line, the step and the conversation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from offhook.authoring.suggest import meant
from offhook.orchestrator.agents.schemas import CheckView, FaultView
from offhook.orchestrator.portal.forms import sentence
from offhook.orchestrator.portal.graph import mapping

_CODE: Final = re.compile(r" \((S\d{3})\)$")
_STATE: Final = re.compile(r"^no state '")
_PATTERN: Final = "String should match pattern"
NOT_A_NAME: Final = "a name is needed here: small letters, digits and _"
OPENED: Final[Mapping[str, str]] = {"states": "step", "slots": "slot"}
"""Sections with a form of their own, and what it is asked for by."""
TABS: Final[Mapping[str, str]] = {
    "voice": "voice",
    "providers": "voice",
    "turn": "turns",
    "fillers": "turns",
    "openers": "turns",
    "limits": "turns",
    "hours": "hours",
    "holidays": "hours",
    "out_of_hours": "hours",
    "transfer": "transfers",
    "knowledge": "knowledge",
    "extract": "results",
}
"""Which page has the rest of a configuration."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One of them. ``field`` is its place below the part; ``fix`` the word that was perhaps meant; ``line`` is of the script's text."""

    section: str
    name: str
    field: str
    said: str
    fix: str
    code: str
    line: int | None
    warning: bool
    tab: str
    """The page that mends it."""


def problems(check: CheckView, document: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All, those that keep it from being published first."""
    faults = [_problem(one, document, warning=False) for one in check.faults]
    return (*faults, *(_problem(one, document, warning=True) for one in check.warnings))


def _problem(fault: FaultView, document: Mapping[str, Any], *, warning: bool) -> Problem:
    section, name, field = _place(fault.path, document)
    code = found.group(1) if (found := _CODE.search(fault.message)) else ""
    message, fix = meant(_CODE.sub("", fault.message))
    said = sentence(NOT_A_NAME if message.startswith(_PATTERN) else _STATE.sub("there is no step '", message))
    tab = "script" if fault.path.partition(".")[0] == "script" else TABS.get(fault.path.partition(".")[0], "")
    return Problem(section, name, field, said, fix, code, fault.line, warning, tab)


def _place(path: str, document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Section, name and field. Names may hold a dot, so that they are looked for."""
    first, _, rest = path.partition(".")
    if first != "script":
        return "", "", path
    section, _, rest = rest.partition(".")
    names = [name for name in mapping(document.get(section)) if isinstance(name, str) and (rest == name or rest.startswith(f"{name}."))]
    if not names:
        return section, "", rest
    name = max(names, key=len)
    return section, name, rest[len(name) + 1 :]


def at(found: Sequence[Problem], field: str) -> list[Problem]:
    """Those of a field, and of what is below it."""
    return [one for one in found if one.field == field or one.field.startswith(f"{field}.")]


def steps_with(found: Sequence[Problem], document: Mapping[str, Any]) -> set[str]:
    """Steps that something is wrong with: themselves, a value that they ask for, or a tool that they run."""
    return {name for one in found if not one.warning for name in _steps(one, document)}


def _steps(one: Problem, document: Mapping[str, Any]) -> Iterator[str]:
    if one.section == "states" and one.name:
        yield one.name
    for name, state in mapping(document.get("states")).items():
        used = mapping(state)
        listed = used.get("collect")
        if one.section == "slots" and isinstance(listed, list) and one.name in listed:
            yield name
        if one.section == "tools" and used.get("do") == one.name:
            yield name
