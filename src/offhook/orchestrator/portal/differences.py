"""What differs between two versions of an agent, step by step and word by word. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from offhook.orchestrator.agents.schemas import ChangeView
from offhook.orchestrator.portal.show import _

Piece = tuple[Literal["same", "gone", "new"], str]
PARTS: Final[Mapping[str, str]] = {
    "name": "Name",
    "script": "Script",
    "locale": "Language",
    "timezone": "Time zone",
    "voice": "Voice",
    "providers": "Who hears, speaks and thinks",
    "turn": "Turns",
    "limits": "Turns",
    "fillers": "Turns",
    "openers": "Turns",
    "lines": "Fixed lines",
    "greeting": "Greeting",
    "recording": "Recording",
    "callers": "Known callers",
    "notify": "Who is told",
    "hours": "Hours",
    "holidays": "Holidays",
    "out_of_hours": "When it is closed",
    "transfer": "Transfers",
    "knowledge": "Knowledge",
    "tools": "Connections",
}
KINDS: Final[Mapping[str, str]] = {"added": "added", "removed": "removed", "changed": "changed", "moved": "order changed"}
_WORDS: Final = re.compile(r"\s+|[\w'’]+|[^\w\s]")
_LONGEST: Final = 4_000
"""Characters of one side that are compared word by word."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One: where in its part, what happened, and the words with what is gone and what is new."""

    where: str
    kind: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A step of the script, or a part of the agent, and what differs in it."""

    title: str
    step: bool
    differences: tuple[Difference, ...]


def parts(changes: Iterable[ChangeView]) -> list[Part]:
    """In the order of the document."""
    found: dict[tuple[str, bool], list[Difference]] = {}
    for one in changes:
        title, step, where = _place(one.path)
        found.setdefault((title, step), []).append(Difference(where, _(KINDS[one.kind]), _pieces(one)))
    return [Part(title, step, tuple(differences)) for (title, step), differences in found.items()]


def words(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts as one, with what is gone and what is new."""
    if max(len(before), len(after)) > _LONGEST:
        return _only("gone", before) + _only("new", after)
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    pieces: list[Piece] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        pieces += _only("gone", "".join(old[a:b])) + _only("new", "".join(new[c:d]))
    return tuple(pieces)


def _place(path: str) -> tuple[str, bool, str]:
    head, _dot, rest = path.partition(".")
    if head == "script" and rest.startswith("states."):
        step, _dot, rest = rest.removeprefix("states.").partition(".")
        return step.replace("_", " "), True, _said(rest)
    return _(PARTS.get(head, head)), False, _said(rest)


def _said(path: str) -> str:
    """A path as words: ``ask.0.say`` is ask, 1, say."""
    return ", ".join(str(int(part) + 1) if part.isdigit() else part.replace("_", " ") for part in path.split(".") if part)


def _pieces(one: ChangeView) -> tuple[Piece, ...]:
    if one.kind == "changed" and one.before is None and isinstance(one.after, str) and one.after.startswith("--- "):
        return _lines(one.after)
    before, after = _text(one.before), _text(one.after)
    if one.kind == "added":
        return _only("new", after)
    if one.kind == "removed":
        return _only("gone", before)
    return words(before, after)


def _lines(unified: str) -> tuple[Piece, ...]:
    """A long text's lines that differ, word by word where one stands for another."""
    old, new = [], []
    for line in unified.splitlines()[2:]:
        if line.startswith("@@"):
            continue
        if not line.startswith("+"):
            old.append(line[1:])
        if not line.startswith("-"):
            new.append(line[1:])
    return words("\n".join(old), "\n".join(new))


def _text(value: Any) -> str:  # noqa: ANN401 - a plain document
    if value is None:
        return _("preset or default")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str):
        return value or _("empty")
    if isinstance(value, dict):
        return "; ".join(f"{_said(str(name))}: {_text(one)}" for name, one in value.items() if one is not None and one not in ("", [], {}))
    return "; ".join(map(_text, value)) if isinstance(value, list) else str(value)


def _only(kind: Literal["gone", "new"], text: str) -> tuple[Piece, ...]:
    return ((kind, text),) if text else ()
