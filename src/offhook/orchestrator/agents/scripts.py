"""Scripts as text and as documents, within bounds: whoever may edit an agent must not be able to keep a processor busy. Pure."""

from __future__ import annotations

import copy
import functools
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ruamel.yaml import YAML

from offhook.authoring import check as authoring
from offhook.authoring.load import ScriptError, inspect, parse
from offhook.errors import Fault, Invalid

Path = tuple[str | int, ...]
Lines = Mapping[Path, tuple[str, int]]
MOST: Final[Mapping[str, int]] = {"states": 300, "slots": 300, "tools": 100, "topics": 200, "objections": 100, "given": 100, "must_say": 50}
LONGEST: Final = 2_000
CONDITION: Final = 500
KEPT: Final = 16
"""Texts that were read of late: a page and its check read the same one."""
_DEEP: Final = re.compile(r"(?:[\[{]\s*){20}")
_MERGE: Final = re.compile(r"<<\s*:")


def read(text: str) -> tuple[dict[str, Any], Lines]:
    """The document of a text, and the lines of its fields; Invalid with the line of a fault. Slow: call it in a thread."""
    document, lines = _read(text)
    return copy.deepcopy(document), lines


@functools.lru_cache(maxsize=KEPT)
def _read(text: str) -> tuple[dict[str, Any], Lines]:
    if _MERGE.search(text):
        raise _unreadable("merge keys ('<<') are not taken: write the fields out", _line(text, _MERGE))
    if _DEEP.search(text):
        raise _unreadable("is nested too deeply", _line(text, _DEEP))
    try:
        return parse(text)
    except ScriptError as error:
        first = error.faults[0]
        raise _unreadable(f"{first.message} ({first.code})", first.line or None) from error


def write(document: Mapping[str, Any]) -> str:
    """A document as text. Slow: call it in a thread."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 130
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(dict(document), out)
    return out.getvalue()


def faults(document: Mapping[str, Any], lines: Lines | None = None) -> tuple[authoring.Fault, ...]:
    """All faults and warnings of a script."""
    over = tuple(_over(document))
    if over:
        placed = lines or {}
        return tuple(one.placed("script", placed.get(one.path, ("", 0))[1]) for one in over)
    try:
        return inspect(document, lines)
    except RecursionError:
        return (authoring.Fault("S020", (), "a condition in it is nested too deeply"),)


def _over(node: Any, at: Path = ()) -> Iterator[authoring.Fault]:  # noqa: ANN401 - a plain document
    if isinstance(node, dict):
        if not at:
            for name, most in MOST.items():
                if isinstance(node.get(name), dict) and len(node[name]) > most:
                    yield authoring.Fault("S091", (name,), f"{len(node[name])} of them, at most {most} are taken")
        for key, value in node.items():
            if len(str(key)) > CONDITION:
                yield authoring.Fault("S091", at, "a name in it is too long")
            else:
                yield from _over(value, (*at, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _over(value, (*at, index))
    elif isinstance(node, str) and len(node) > (CONDITION if at[-1:] == ("if",) else LONGEST):
        yield authoring.Fault("S091", at, f"is {len(node)} characters long")
    elif isinstance(node, int) and not isinstance(node, bool) and abs(node) > 10**15:
        yield authoring.Fault("S091", at, "is too large a number")


def _unreadable(message: str, line: int | None) -> Invalid:
    return Invalid("the script cannot be read", faults=(Fault("script", message, line),))


def _line(text: str, pattern: re.Pattern[str]) -> int | None:
    found = pattern.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None
