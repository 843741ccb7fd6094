"""What differs between two configurations, by path. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final

from offhook.orchestrator.agents.schemas import ChangeView

LONG: Final = 200
"""Characters from which on a text is shown by the lines that differ."""


def changes(before: Any, after: Any, at: str = "") -> Iterator[ChangeView]:  # noqa: ANN401 - plain documents
    """All differences, in the order of the document. Lists are matched by their items, so that one added at the front is one change."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            below = f"{at}.{key}" if at else key
            if key not in after:
                yield ChangeView(kind="removed", path=below, before=before[key])
            elif key not in before:
                yield ChangeView(kind="added", path=below, after=after[key])
            else:
                yield from changes(before[key], after[key], below)
        kept = [key for key in before if key in after]
        if kept != [key for key in after if key in before] and at.startswith("script"):
            yield ChangeView(kind="moved", path=at, before=kept, after=[key for key in after if key in before])
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, at)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > LONG:
            yield ChangeView(kind="changed", path=at, before=None, after=unified(before, after, at, at))
        else:
            yield ChangeView(kind="changed", path=at, before=before, after=after)


def _lists(before: list[Any], after: list[Any], at: str) -> Iterator[ChangeView]:
    matcher = difflib.SequenceMatcher(None, [repr(one) for one in before], [repr(one) for one in after], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = min(b - a, d - c)
        for offset in range(pairs):
            yield from changes(before[a + offset], after[c + offset], f"{at}.{c + offset}")
        for index in range(a + pairs, b):
            yield ChangeView(kind="removed", path=f"{at}.{index}", before=before[index])
        for index in range(c + pairs, d):
            yield ChangeView(kind="added", path=f"{at}.{index}", after=after[index])


def unified(before: str, after: str, name: str, other: str) -> str:
    """Lines that differ, as ``diff -u`` shows them; empty where none do."""
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), name, other, lineterm=""))
