"""One part of a script's text put in another's place. All the rest stays as it was written, to the last blank. Pure.

A part is a named entry of a section: a state, a slot, a tool. Where a text is written in a way that does not let a part be cut out, the
whole is written anew: its comments stay, its line breaks may not.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from offhook.errors import Invalid
from offhook.orchestrator.agents import scripts

ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "states": (
        "goal", "say", "call", "collect", "also", "do", "transfer", "if_fails", "outcome", "wording", "next", "return", "end",
    ),
    "slots": (
        "type", "ask", "options", "from", "if_empty", "check", "confirm", "optional", "guess", "guess_ask", "resets", "keys", "pattern",
        "spoken", "says", "secure",
    ),
}  # fmt: skip
"""Where a key that a part did not have goes."""
WIDTH: Final = 4_000
"""No line is broken that its author did not break."""


def put(text: str, section: str, name: str, part: Mapping[str, Any] | None) -> str:
    """The text with this part under this name; None takes it out. Slow: call it in a thread."""
    document = scripts.read(text)[0]
    wanted = expected(document, section, name, part)
    if _same(document, wanted, section, name):
        return text
    for made in (_spliced(text, section, name, part), _whole(text, section, name, part)):
        if made is not None and _reads_as(made, wanted, section, name):
            return made
    return scripts.write(wanted)


def expected(document: Mapping[str, Any], section: str, name: str, part: Mapping[str, Any] | None) -> dict[str, Any]:
    """The same done to the document."""
    made = dict(document)
    found = made.get(section)
    entries = dict(found) if isinstance(found, dict) else {}
    if part is None:
        entries.pop(name, None)
    else:
        entries[name] = copy.deepcopy(dict(part))
    made[section] = entries
    return made


def _reads_as(text: str, wanted: Mapping[str, Any], section: str, name: str) -> bool:
    try:
        return _same(scripts.read(text)[0], wanted, section, name)
    except Invalid:
        return False


def _same(one: Mapping[str, Any], other: Mapping[str, Any], section: str, name: str) -> bool:
    """Whether two documents say the same. In a part the order of what is below its fields counts: of options, of answers."""
    if one != other:
        return False
    parts = [document[section].get(name) if isinstance(document.get(section), dict) else None for document in (one, other)]
    ordered = [{key: json.dumps(value) for key, value in part.items()} if isinstance(part, dict) else part for part in parts]
    return ordered[0] == ordered[1]


def _yaml(column: int = 2) -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.allow_unicode = True
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=column, sequence=column + 2, offset=column)
    return yaml


def _dumped(node: CommentedMap, column: int = 2) -> str:
    out = io.StringIO()
    _yaml(column).dump(node, out)
    return out.getvalue()


def _loaded(text: str) -> CommentedMap | None:
    try:
        tree = _yaml().load(text)
    except (YAMLError, ValueError):
        return None
    return tree if isinstance(tree, CommentedMap) else None


def _whole(text: str, section: str, name: str, part: Mapping[str, Any] | None) -> str | None:
    tree = _loaded(text)
    if tree is None:
        return None
    if not isinstance(tree.get(section), CommentedMap):
        tree[section] = CommentedMap()
    _set(tree[section], section, name, part)
    return _dumped(tree)


def _spliced(text: str, section: str, name: str, part: Mapping[str, Any] | None) -> str | None:
    """The text with only the part's own lines exchanged; None where it has none of its own."""
    tree = _loaded(text)
    if tree is None or tree.fa.flow_style():
        return None
    lines = text.splitlines(keepends=True)
    if section not in tree:
        new = CommentedMap({section: CommentedMap({name: _fresh(part or {}, 1)})})
        return _ended(text) + (_dumped(new) if part is not None else "")
    entries = tree[section]
    if not isinstance(entries, CommentedMap) or entries.fa.flow_style() or not entries:
        return None
    column = int(entries.lc.key(next(iter(entries)))[1])
    first, end = _span(tree, entries, name, lines)
    own: list[str] = []
    if part is not None:
        _set(entries, section, name, part)
        alone = CommentedMap({section: CommentedMap({name: entries[name]})})
        own = _content(_dumped(alone, column).splitlines(keepends=True))[1:]
    return _ended("".join(lines[:first])) + "".join(own) + "".join(lines[end:])


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _span(tree: CommentedMap, entries: CommentedMap, name: str, lines: list[str]) -> tuple[int, int]:
    """From which line to which a part goes, without the comments after it. A new one goes to the section's end."""
    starts = sorted(int(entries.lc.key(one)[0]) for one in entries)
    after = [int(tree.lc.key(one)[0]) for one in tree if int(tree.lc.key(one)[0]) > starts[-1]]
    bounds = [*starts, min(after, default=len(lines))]
    if name not in entries:
        place = bounds[-2] + len(_content(lines[bounds[-2] : bounds[-1]]))
        return place, place
    first = int(entries.lc.key(name)[0])
    last = bounds[bounds.index(first) + 1]
    return first, first + len(_content(lines[first:last]))


def _content(lines: list[str]) -> list[str]:
    """Without blank lines and comments at their end."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return lines[:end]


def _set(entries: CommentedMap, section: str, name: str, part: Mapping[str, Any] | None) -> None:
    if part is None:
        entries.pop(name, None)
    elif isinstance(entries.get(name), CommentedMap):
        _merge(entries[name], part, ORDER.get(section, ()))
    else:
        entries[name] = _fresh(part, 1)


def _merge(old: CommentedMap, new: Mapping[str, Any], order: Sequence[str] = ()) -> None:
    """Let a mapping hold what the new one does, with the style and the comments of what stays."""
    for key in [key for key in old if str(key) not in new]:
        del old[key]
    for key, value in new.items():
        if key in old:
            old[key] = _value(old[key], value)
            continue
        later = order[order.index(key) + 1 :] if key in order else ()
        place = next((at for at, one in enumerate(old) if str(one) in later), len(old))
        old.insert(place, key, _fresh(value, 2))
    if not order and [str(key) for key in old] != list(new):
        for key in new:
            old.move_to_end(key)


def _value(old: Any, new: Any) -> Any:  # noqa: ANN401 - nodes of a document
    if isinstance(old, CommentedMap) and isinstance(new, Mapping):
        _merge(old, new)
        return old
    if isinstance(old, CommentedSeq) and isinstance(new, list):
        return _list(old, new)
    return old if old == new and isinstance(old, bool) == isinstance(new, bool) else _fresh(new, 2)


def _list(old: CommentedSeq, new: list[Any]) -> CommentedSeq:
    if len(old) == len(new):
        for index, value in enumerate(new):
            old[index] = _value(old[index], value)
        return old
    left = list(old)
    made = CommentedSeq()
    for value in new:
        kept = next((one for one in left if one == value), None)
        if kept is not None:
            left.remove(kept)
        made.append(kept if kept is not None else _fresh(value, 3))
    if old.fa.flow_style():
        made.fa.set_flow_style()
    return made


def _fresh(value: Any, depth: int) -> Any:  # noqa: ANN401 - a plain document
    """A value as somebody would write it: lists of names and small mappings in one line."""
    if isinstance(value, Mapping):
        made = CommentedMap({key: _fresh(one, depth + 1) for key, one in value.items()})
        if depth >= 3 or not value:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        listed = CommentedSeq(_fresh(one, depth + 1) for one in value)
        if depth >= 3 or not any(isinstance(one, Mapping) for one in value):
            listed.fa.set_flow_style()
        return listed
    return value
