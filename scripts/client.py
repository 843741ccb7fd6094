"""Write the Python client from the OpenAPI document, or with ``--check`` fail where it is out of date.

Reads docs/reference/openapi/orchestrator.json (see ``scripts/openapi.py``), writes models.py and operations.py in
src/offhook/client. One method for each operation, grouped by tag; what engines, carriers, development and browsers alone use is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.client_models import Types, Unsupported, doc, imports, reached, snake  # noqa: E402

DOCUMENT = ROOT / "docs" / "reference" / "openapi" / "orchestrator.json"
FOLDER = ROOT / "src" / "offhook" / "client"
NOT_FOR_CUSTOMERS = frozenset({"engine", "dev", "carriers"})
"""Tags of what is signed by others, or is there in development only."""
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a method. ``place``: path, query or header."""

    name: str
    python: str
    kind: str
    place: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method returns. ``shape``: value, tagged, pages, file or nothing; ``kind`` is the type of the value or item."""

    shape: str
    kind: str = "None"


@dataclass(slots=True)
class Operation:
    """One operation of the document, as a method."""

    group: str
    name: str
    method: str
    path: str
    text: str
    parameters: list[Parameter]
    body: str
    """Type of the JSON body; ``bytes`` for any other; empty without one."""
    body_type: str
    body_required: bool
    answer: Answer
    once: bool
    full_name: str = field(default="")


# -- reading the document -----------------------------------------------------------------------------------------------------


def chosen(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Operations for customers: path, method, operation."""
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            operation = item.get(method)
            if operation is not None and not NOT_FOR_CUSTOMERS & set(operation.get("tags", ())) and not _redirects(operation):
                shared = item.get("parameters", [])
                yield path, method, {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def _redirects(operation: dict[str, Any]) -> bool:
    """Whether it only ever sends a browser to another page."""
    return not _successes(operation) and any(status.startswith("3") for status in operation["responses"])


def types_of(document: dict[str, Any]) -> Types:
    """The types of all that the chosen operations send and are answered."""
    schemas = document.get("components", {}).get("schemas", {})
    sent: set[str] = set()
    read: set[str] = set()
    for _, _, operation in chosen(document):
        reached(schemas, [operation.get("requestBody", {}), operation["parameters"]], sent)
        reached(schemas, [answer for _, answer in _successes(operation)], read)
    return Types(schemas, sent, read)


def _successes(operation: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    return [(int(status), answer) for status, answer in sorted(operation["responses"].items()) if status.startswith("2")]


def operations(document: dict[str, Any], types: Types) -> list[Operation]:
    """All methods, with names that are unique in their group."""
    conditional = {path for path, _, one in chosen(document) if _header(one, "if-match")}
    found = []
    for path, method, one in chosen(document):
        where = f"{method} {path}"
        full = _full_name(one.get("operationId", ""), path, method)
        group = snake((one.get("tags") or [path.strip("/").split("/")[0]])[0])
        body, body_type = _body(one, types, where)
        found.append(
            Operation(
                group=group,
                name=_short(full, group),
                full_name=full,
                method=method.upper(),
                path=path,
                text=one.get("description") or one.get("summary") or full,
                parameters=_parameters(one, types, where),
                body=body,
                body_type=body_type,
                body_required=bool(one.get("requestBody", {}).get("required")),
                answer=_answer(one, types, where, method != "delete" and (_tagging(one) or (method == "get" and path in conditional))),
                once=_header(one, "idempotency-key") is not None,
            )
        )
    _unique(found)
    return found


def _full_name(id: str, path: str, method: str) -> str:
    """FastAPI's operationId without the path and the method."""
    tail = "_" + re.sub(r"\W", "_", path.removeprefix("/")) + "_" + method
    plain = id.removesuffix(re.sub(r"\W", "_", path) + f"_{method}").removesuffix(tail)
    return snake(plain or id or f"{method}{path}")


def _short(name: str, group: str) -> str:
    """``list_calls`` of ``calls`` is ``list``."""
    nouns = {group, group.removesuffix("s"), *group.split("_"), *(word.removesuffix("s") for word in group.split("_"))}
    if group.endswith("ies"):
        nouns.add(group[:-3] + "y")
    left = [word for word in name.split("_") if word not in nouns]
    while left[-1:] and left[-1] in {"in", "of", "to"}:  # say_in_live_call is say
        left.pop()
    return snake("_".join(left)) or name


def _unique(found: list[Operation]) -> None:
    places: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for one in found:
        places[one.group, one.name].append(one)
    for same in places.values():
        if len(same) > 1:
            for one in same:
                one.name = one.full_name
    names = [(one.group, one.name) for one in found]
    for one in found:
        if names.count((one.group, one.name)) > 1:
            raise Unsupported(f"two operations of {one.group} are called {one.name}")


def _header(operation: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((one for one in operation["parameters"] if one["in"] == "header" and one["name"].lower() == name), None)


def _tagging(operation: dict[str, Any]) -> bool:
    """Whether its answer is the new state of what it changed."""
    return _header(operation, "if-match") is not None


def _parameters(operation: dict[str, Any], types: Types, where: str) -> list[Parameter]:
    found = []
    for one in operation["parameters"]:
        name, place = one["name"], one["in"]
        if place == "cookie" or name.lower() in {"idempotency-key", "authorization", "accept"}:
            continue
        kind = types.expression(one.get("schema", {}), f"{where} {name}")
        required = bool(one.get("required")) or name.lower() == "if-match"
        if name.lower() == "if-match":
            kind = "str"
        found.append(Parameter(name, snake(name), kind, place, required, one.get("description", "")))
    in_path = {one.name: one for one in found if one.place == "path"}
    order = [in_path[name] for name in re.findall(r"{(\w+)}", _path_of(where)) if name in in_path]
    return [*order, *(one for one in found if one.place != "path")]


def _path_of(where: str) -> str:
    return where.partition(" ")[2]


def _body(operation: dict[str, Any], types: Types, where: str) -> tuple[str, str]:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return "", ""
    if "application/json" in content:
        return types.expression(content["application/json"].get("schema"), f"{where} body"), "application/json"
    kind = next(iter(content))
    if kind.startswith("multipart/") or kind.endswith("form-urlencoded"):
        raise Unsupported(f"{where}: a body of type {kind}")
    return "bytes", kind


def _answer(operation: dict[str, Any], types: Types, where: str, conditional: bool) -> Answer:
    kinds: list[str] = []
    tagged = False
    for status, answer in _successes(operation):
        content = answer.get("content", {})
        if status == 204 or (status == 205):
            kinds.append("None")
        elif "application/json" in content and (len(content) == 1 or content["application/json"].get("schema")):
            schema = content["application/json"].get("schema", {})
            item = types.page_item(schema.get("$ref"))
            if item is not None and any(one["name"] == "cursor" for one in operation["parameters"]):
                return Answer("pages", item)
            kinds.append(types.expression(schema, f"{where} {status}"))
            etag = any(name.lower() == "etag" for name in answer.get("headers", {}))
            tagged = tagged or etag or conditional
        else:
            return Answer("file", "bytes")
    kinds = list(dict.fromkeys(kinds))
    if not kinds:
        raise Unsupported(f"{where}: no answer of success is described")
    if kinds == ["None"]:
        return Answer("nothing")
    return Answer("tagged" if tagged else "value", " | ".join(sorted(kinds, key=lambda kind: kind == "None")))


# -- writing the methods --------------------------------------------------------------------------------------------------------


def _qualified(kind: str) -> str:
    """A type as it must be written in a class that has a method called ``list``."""
    return re.sub(r"(?<![\w.])(list|dict)\[", r"builtins.\1[", kind)


def _returns(answer: Answer, prefix: str) -> str:
    kind = _qualified(answer.kind)
    shapes = {"pages": f"{prefix}Pages[{kind}]", "file": f"{prefix}File", "tagged": f"Tagged[{kind}]", "nothing": "None"}
    return shapes.get(answer.shape, kind)


def _signature(one: Operation) -> list[str]:
    """Path and body by place, all else by name."""
    places = [f"{each.python}: {_qualified(each.kind)}" for each in one.parameters if each.place == "path"]
    if one.body:
        places.append(f"body: {_qualified(one.body)}" + ("" if one.body_required else " | None = None"))
    named = [each for each in one.parameters if each.place != "path"]
    words = [f"{each.python}: {_qualified(each.kind)}" for each in named if each.required]
    words += [f"{each.python}: {_optional(_qualified(each.kind))} = None" for each in named if not each.required]
    if one.once:
        words.append("idempotency_key: str | None = None")
    return [*places, *(["*", *words] if words else [])]


def _optional(kind: str) -> str:
    return kind if kind.endswith("None") or kind == "Any" else f"{kind} | None"


def _request(one: Operation) -> str:
    path = one.path
    for each in one.parameters:
        if each.place == "path":
            path = path.replace(f"{{{each.name}}}", f"{{part({each.python})}}")
    words = [f'"{one.method}"', f'f"{path}"' if "{" in path else f'"{path}"']
    for place, name in (("query", "query"), ("header", "headers")):
        pairs = [f'"{each.name}": {each.python}' for each in one.parameters if each.place == place]
        if pairs:
            words.append(f"{name}={{{', '.join(pairs)}}}")
    if one.body and one.body_type == "application/json":
        words.append("body=body")
    elif one.body:
        words += ["content=body", f'content_type="{one.body_type}"']
    if one.once:
        words += ["once=True", "key=idempotency_key"]
    return f"Request({', '.join(words)})"


def _method(one: Operation, prefix: str) -> list[str]:
    lazy = one.answer.shape in {"pages", "file"}
    begin, wait = ("async def", "await ") if prefix and not lazy else ("def", "")
    arguments = ", ".join(["self", *_signature(one)])
    returns = _returns(one.answer, prefix)
    free = "  # noqa: ANN401" if returns == "Any" or re.search(r": Any\b", arguments) else ""
    lines = [f"    {begin} {one.name}({arguments}) -> {returns}:{free}", *doc(one.text, 8)]
    lines.append(f"        request = {_request(one)}")
    kind = _qualified(one.answer.kind)
    if one.answer.shape == "nothing":
        return [*lines, f"        {wait}self._sender.nothing(request)"]
    if one.answer.shape == "file":
        return [*lines, "        return self._sender.file(request)"]
    if re.search(r"\||\bAny\b|Annotated|Literal", re.sub(r"\[.*\]", "", kind)) and not kind.startswith("builtins."):
        # A union is no class: mypy cannot infer the value's type from it.
        lines.append(f'        found: {returns} = {wait}self._sender.{one.answer.shape}(request, cast("Any", {kind}))')
        return [*lines, "        return found"]
    return [*lines, f"        return {wait}self._sender.{one.answer.shape}(request, {kind})"]


def _classes(groups: dict[str, list[Operation]], prefix: str) -> Iterator[str]:
    sender = f"{prefix}Sender"
    for group, methods in sorted(groups.items()):
        lines = [f"class {prefix}{_class_name(group)}:", *doc(f"Operations on {group.replace('_', ' ')}.", 4), ""]
        lines += [f"    def __init__(self, sender: {sender}) -> None:", "        self._sender = sender", ""]
        for one in methods:
            lines += [*_method(one, prefix), ""]
        yield "\n".join(lines).rstrip()
    lines = [f"class {prefix}Operations:", '    """All operations, by what they are about."""', ""]
    lines += [f"    def __init__(self, sender: {sender}) -> None:"]
    lines += [f"        self.{group} = {prefix}{_class_name(group)}(sender)" for group in sorted(groups)]
    yield "\n".join(lines)


def _class_name(group: str) -> str:
    """``live_calls`` is ``LiveCallsGroup``: never the name of a value."""
    return "".join(word.capitalize() for word in group.split("_")) + "Group"


def operations_text(found: list[Operation], types: Types, package: str) -> str:
    """``operations.py``, before formatting."""
    groups: dict[str, list[Operation]] = defaultdict(list)
    for one in found:
        groups[one.group].append(one)
    body = "\n\n\n".join([*_classes(groups, ""), *_classes(groups, "Async")])
    models = sorted(name for name in types.names.of.values() if re.search(rf"\b{name}\b", _code(body)))
    typing = [line for line in imports(_code(body)) if "typing" not in line]
    words = [name for name in ("Annotated", "Any", "Literal", "cast") if re.search(rf"\b{name}\b", _code(body))]
    base = [name for name in ("File", "Page", "Pages", "Request", "Sender", "Tagged", "part") if re.search(rf"\b{name}\b", _code(body))]
    aio = [name for name in ("AsyncFile", "AsyncPages", "AsyncSender") if re.search(rf"\b{name}\b", body)]
    lines = ['"""Operations of the orchestrator\'s interface. Made by ``scripts/client.py``; do not edit."""', ""]
    lines += ["from __future__ import annotations", ""]
    lines += ["import builtins"] if "builtins." in body else []
    lines += typing
    lines += [f"from typing import {', '.join(words)}"] if words else []
    lines += ["", "from pydantic import Field", ""] if re.search(r"\bField\(", _code(body)) else []
    lines += ["", f"from offhook.client.aio import {', '.join(aio)}", f"from offhook.client.base import {', '.join(base)}"]
    lines += [f"from {package}.models import {', '.join(models)}"] if models else []
    return "\n".join(lines) + "\n\n\n" + body + "\n"


def _code(body: str) -> str:
    """Without docstrings, whose words may be names."""
    return re.sub(r'""".*?"""', "", body, flags=re.DOTALL)


# -- files -------------------------------------------------------------------------------------------------------------------


def generate(document: dict[str, Any], package: str = "offhook.client") -> dict[str, str]:
    """File names and their text, for a package of that name."""
    types = types_of(document)
    found = operations(document, types)
    return {"models.py": tidy(types.definitions()), "operations.py": tidy(operations_text(found, types, package))}


def tidy(text: str) -> str:
    """Sorted imports, one format."""
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check", "--select", "I", "--fix", "--quiet", "-"], ["format", "--quiet", "-"]):
        done = subprocess.run([*ruff, *words, "--stdin-filename", str(FOLDER / "made.py")], input=text, capture_output=True, text=True)
        if done.returncode:
            raise Unsupported(f"what was made is no Python: {done.stderr or done.stdout}")
        text = done.stdout
    return text


def main() -> int:
    try:
        made = generate(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    except Unsupported as error:
        print(f"{DOCUMENT}: {error}")
        return 1
    stale = [name for name, text in made.items() if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for name in stale:
            print(f"{FOLDER / name} is out of date: run scripts/client.py")
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(made[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
