"""Scripts from YAML with line numbers, or from a plain dict. All faults at once, each with file, line, field and suggestion."""
# ruff: noqa: ANN401 - documents are plain data of any shape

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from offhook.authoring.build import Builder
from offhook.authoring.check import Fault, check
from offhook.authoring.suggest import suggest
from offhook.contracts.script import ScriptDoc
from offhook.core.script.model import Script
from offhook.errors import ConfigError

MOST = 50_000
"""Fields of a document; more is a mistake, or an alias that multiplies itself."""
DEEPEST = 20
Path_ = tuple[str | int, ...]


class ScriptError(ConfigError):
    """A script has faults; ``faults`` lists them all."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked script with the place in its files of every field."""

    script: Script
    document: ScriptDoc
    source: Mapping[str, Any]
    lines: Mapping[Path_, tuple[str, int]] = field(repr=False, default_factory=dict)
    warnings: tuple[Fault, ...] = ()

    def at(self, *path: str | int) -> str:
        """``file:line`` of a field, of the nearest one above it if it is not written out."""
        name, line = _place(self.lines, path)
        return f"{name}:{line}" if line else name


def load(path: Path) -> Loaded:
    """Read a script file and what it includes. Raises ScriptError with all faults."""
    plain, lines = read(path)
    return _checked(plain, lines, path.name)


def compile(document: Mapping[str, Any]) -> Script:  # noqa: A001 - the name that the engine asks for
    """The script of a plain document. Raises ScriptError with all faults."""
    return _checked(dict(document), {}, "script").script


def parse(text: str, name: str = "script") -> tuple[dict[str, Any], dict[Path_, tuple[str, int]]]:
    """The plain document of a YAML (or JSON) text, and the place of every field. Raises ScriptError."""
    return _tree(text, name)


def inspect(document: Mapping[str, Any], lines: Mapping[Path_, tuple[str, int]] | None = None, name: str = "script") -> tuple[Fault, ...]:
    """All faults and warnings of a plain document, with the places of its text where they are known."""
    try:
        return _checked(dict(document), dict(lines or {}), name).warnings
    except ScriptError as error:
        return error.faults


def read(path: Path) -> tuple[dict[str, Any], dict[Path_, tuple[str, int]]]:
    """The plain document of a file with what it includes, and the place of every field. Raises ScriptError."""
    plain, lines = _yaml(path)
    for index, name in enumerate(plain.get("include") or []):
        if not isinstance(name, str):
            continue
        other = path.parent / name
        if not other.is_file():
            raise ScriptError((Fault("S092", ("include", index), f"no file '{name}'", *_place(lines, ("include", index))),))
        prefix = Path(name).stem
        part, part_lines = _yaml(other)
        for section in ("slots", "states"):
            own = part.get(section) or {}
            into = plain.setdefault(section, {})
            for key, value in own.items():
                into[f"{prefix}.{key}"] = _prefixed(value, prefix, {*(part.get("slots") or {}), *(part.get("states") or {})})
            for at, place in part_lines.items():
                if len(at) >= 2 and at[0] == section:
                    lines[(section, f"{prefix}.{at[1]}", *at[2:])] = place
    return plain, lines


def read_list(path: Path, within: str) -> tuple[dict[str, Any], dict[Path_, tuple[str, int]]]:
    """A file that holds a list, or a mapping with the list under ``within``."""
    return _yaml(path, within)


_REFERENCES = {"collect", "also", "forget", "resets"}
_TARGETS = {"call", "next", "go", "if_fails"}


def _prefixed(value: Any, prefix: str, own: set[str], key: str = "") -> Any:
    """An included part with its own names under the prefix: in lists of names, targets, conditions and holes."""
    if isinstance(value, dict):
        return {name: _prefixed(each, prefix, own, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_prefixed(each, prefix, own, key) for each in value]
    if not isinstance(value, str):
        return value
    if (key in _REFERENCES or key in _TARGETS) and value in own:
        return f"{prefix}.{value}"
    if key in {"say", "ask", "text", "guess_ask", "else", "if"}:
        for name in own:
            value = value.replace("{" + name + "}", "{" + f"{prefix}.{name}" + "}")
            if key == "if":
                value = " ".join(f"{prefix}.{word}" if word == name else word for word in value.split(" "))
    return value


def _yaml(path: Path, within: str = "") -> tuple[dict[str, Any], dict[Path_, tuple[str, int]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScriptError((Fault("S092", (), f"cannot be read: {error.strerror}", path.name, 0),)) from None
    except UnicodeDecodeError:
        raise ScriptError((Fault("S092", (), "is not UTF-8 text", path.name, 0),)) from None
    return _tree(text, path.name, within)


def _tree(text: str, name: str, within: str = "") -> tuple[dict[str, Any], dict[Path_, tuple[str, int]]]:
    try:
        tree = YAML(typ="rt").load(text)
    except RecursionError:
        raise ScriptError((Fault("S091", (), "is nested too deeply", name, 0),)) from None
    except MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 0
        hint = "; a text with ?, : or a comma inside { } or [ ] needs quotes" if error.problem else ""
        raise ScriptError((Fault("S091", (), f"is no YAML: {error.problem or error.context}{hint}", name, line),)) from None
    except YAMLError:
        raise ScriptError((Fault("S091", (), "holds characters that YAML does not allow", name, 0),)) from None
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, NotImplementedError):
        # What ruamel's constructors raise on tags with the wrong content, such as '!!int x'.
        raise ScriptError((Fault("S091", (), "holds a tag (!!) that a script cannot have", name, 0),)) from None
    lines: dict[Path_, tuple[str, int]] = {}
    if within and isinstance(tree, CommentedSeq):
        return {within: _plain(tree, (within,), name, lines)}, lines
    plain = _plain(tree, (), name, lines)
    if not isinstance(plain, dict):
        raise ScriptError((Fault("S091", (), "a script is a mapping of keys", name, 1),))
    return plain, lines


def _plain(node: Any, at: Path_, name: str, lines: dict[Path_, tuple[str, int]]) -> Any:
    if len(lines) > MOST or len(at) > DEEPEST:
        raise ScriptError((Fault("S091", at[:4], "is too large, or refers to itself", name, 0),))
    if isinstance(node, CommentedMap):
        lines.setdefault(at, (name, (node.lc.line or 0) + 1))
        found = {}
        for key, value in node.items():
            below = (*at, str(key))
            lines[below] = (name, node.lc.key(key)[0] + 1 if key in (node.lc.data or {}) else (node.lc.line or 0) + 1)
            found[str(key)] = _plain(value, below, name, lines)
        return found
    if isinstance(node, CommentedSeq):
        items = []
        for index, value in enumerate(node):
            below = (*at, index)
            lines[below] = (name, node.lc.item(index)[0] + 1 if index in (node.lc.data or {}) else (node.lc.line or 0) + 1)
            items.append(_plain(value, below, name, lines))
        return items
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return str(node)


def _place(lines: Mapping[Path_, tuple[str, int]], path: Path_) -> tuple[str, int]:
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return ("script", 0)


def _checked(plain: dict[str, Any], lines: dict[Path_, tuple[str, int]], name: str) -> Loaded:
    try:
        document = ScriptDoc.model_validate(plain)
    except ValidationError as error:
        raise ScriptError(tuple(_form_faults(error, plain, lines, name))) from None
    builder = Builder(document, _digest(plain))
    script, found = check(builder)
    placed = tuple(fault.placed(*(_place(lines, fault.path) if lines else (name, 0))) for fault in found)
    wrong = tuple(fault for fault in placed if not fault.warning)
    if wrong or script is None:
        raise ScriptError(wrong)
    return Loaded(script, document, plain, lines, tuple(fault for fault in placed if fault.warning))


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def _form_faults(error: ValidationError, plain: Any, lines: dict[Path_, tuple[str, int]], name: str) -> list[Fault]:
    """Faults of form, one per field: a union reports once for each of its members, the author made one mistake."""
    found: dict[Path_, Fault] = {}
    for each in error.errors():
        path: list[str | int] = []
        node: Any = plain
        for part in each["loc"]:
            if isinstance(node, dict) and part in node:  # noqa: SIM114 - the types differ
                node = node[part]
            elif isinstance(node, list) and not isinstance(part, str) and part < len(node):
                node = node[part]
            else:
                continue
            path.append(part)
        at: Path_ = tuple(path)
        message, code = each["msg"], "S090"
        last = str(each["loc"][-1]) if each["loc"] else ""
        if each["type"] == "extra_forbidden":
            message = f"no key '{last}' here{suggest(last, _keys_near(each['loc']))}"
        elif each["type"] == "missing":
            message = f"'{last}' is missing"
        elif each["type"] == "literal_error":
            options = str(each.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
            message = f"'{each['input']}' is none of {', '.join(options)}{suggest(str(each['input']), options)}"
            code = "S010" if last == "type" or (at and at[0] == "given") else "S090"
        fault = Fault(code, at, message, *(_place(lines, at) if lines else (name, 0)))
        found.setdefault(at, fault)
    deepest = [at for at in found if not any(other != at and other[: len(at)] == at for other in found)]
    return [found[at] for at in deepest]


def _keys_near(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed where an unknown one was found."""
    from offhook.contracts import script as contracts

    parts: dict[str, type[contracts.Part]] = {
        "slots": contracts.SlotDoc,
        "tools": contracts.ToolDoc,
        "topics": contracts.TopicDoc,
        "objections": contracts.ObjectionDoc,
        "must_say": contracts.MustSayDoc,
        "states": contracts.StateDoc,
        "universals": contracts.UniversalsDoc,
        "knowledge": contracts.KnowledgeDoc,
    }
    if len(loc) <= 1:
        model: type[contracts.Part] = ScriptDoc
    elif "next" in loc or "human" in loc:
        model = contracts.LineDoc
    elif "options" in loc:
        model = contracts.OptionDoc
    elif "check" in loc:
        model = contracts.CheckDoc
    elif "if_fails" in loc or "if_empty" in loc:
        model = contracts.ReactionDoc
    else:
        model = parts.get(str(loc[0]), ScriptDoc)
    return [each.alias or name for name, each in model.model_fields.items()]
