"""Python types for the schemas of an OpenAPI 3.1 document: what ``scripts/client.py`` writes as ``client/models.py``.

Limits of values (lengths, ranges, patterns) are left to the orchestrator, which names the field that breaks one. A schema that
has no type here stops the generation: nothing becomes ``Any`` by accident.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH = 132
_TAKEN = frozenset(
    "bool bytes construct copy dict dt decimal float from_orm int json json_schema list object parse_obj parse_raw schema schema_json str"
    " tuple update_forward_refs uuid validate constants Any Literal Annotated Field Model Sent Document".split()
)
"""Names that a field must not hide from its own class."""
_SECRET = re.compile(r"(^|_)(secret|password|token|pending|recovery_codes|uri)$")
_FORMATS = {
    "date-time": "dt.datetime",
    "date": "dt.date",
    "time": "dt.time",
    "duration": "dt.timedelta",
    "uuid": "uuid.UUID",
    "binary": "bytes",
}


_EVERYWHERE = frozenset({"offhook", "orchestrator", "contracts", "schemas"})
"""Parts of dotted names that tell nothing apart."""


class Unsupported(Exception):
    """The document holds something that has no Python type here."""


def snake(name: str) -> str:
    """A name as a Python argument."""
    found = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
    return f"{found}_" if keyword.iskeyword(found) else found


def doc(text: str, indent: int) -> list[str]:
    """A docstring: the text's first paragraph, wrapped."""
    plain = " ".join(text.split("\n\n")[0].split()).replace("\\", "\\\\").replace('"""', "'''")
    plain = plain or "No description."
    lines = textwrap.wrap(plain if plain[-1] in ".!?" else f"{plain.rstrip(':;,')}.", WIDTH - indent - 6)
    if lines[-1].endswith('"'):
        lines[-1] += " "
    pad = " " * indent
    if len(lines) == 1:
        return [f'{pad}"""{lines[0]}"""']
    return [f'{pad}"""{lines[0]}', *(f"{pad}{line}" for line in lines[1:]), f'{pad}"""']


@dataclass(frozen=True, slots=True)
class Names:
    """What each schema is called in Python."""

    of: dict[str, str]

    @classmethod
    def choose(cls, schemas: list[str]) -> Names:
        """Last part of a dotted name where that is unique, else what tells them apart; brackets of generics go."""
        ways = [
            {name: _words(name.rpartition("__")[2] or name) for name in schemas},
            {name: _words("_".join(part for part in name.split("__") if part not in _EVERYWHERE)) for name in schemas},
            {name: _words(name) for name in schemas},
        ]
        found = ways[0]
        for way in ways[1:]:
            often = Counter(found.values())
            found = {name: one if often[one] == 1 else way[name] for name, one in found.items()}
        return cls(found)


def _words(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"\W+|_+", name) if word)


class Types:
    """The types of a document's schemas. ``sent`` and ``read`` are the names of the schemas that requests and answers reach."""

    def __init__(self, schemas: dict[str, Any], sent: set[str], read: set[str]) -> None:
        self.schemas = schemas
        self.sent, self.read = sent, read
        self.names = Names.choose(sorted(sent | read))
        self._hopeless: set[str] = set()

    # -- expressions -------------------------------------------------------------------------------------------------------

    def expression(self, schema: object, where: str) -> str:
        """The Python type of a schema. ``where`` is for the message when there is none."""
        if schema is True or not isinstance(schema, dict):
            return "Any"
        if "$ref" in schema:
            return self.reference(schema["$ref"], where)
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return f"Literal[{', '.join(repr(one) for one in schema['enum'])}]"
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._union(schema, word, where)
        if "allOf" in schema:
            if len(schema["allOf"]) != 1:
                raise Unsupported(f"{where}: allOf of several schemas")
            return self.expression(schema["allOf"][0], where)
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._join([self.expression({**schema, "type": one}, where) for one in kind])
        return self._simple(schema, kind, where)

    def _simple(self, schema: dict[str, Any], kind: object, where: str) -> str:
        if kind == "array":
            if "prefixItems" in schema:
                return f"tuple[{', '.join(self.expression(one, f'{where}[{i}]') for i, one in enumerate(schema['prefixItems']))}]"
            return f"list[{self.expression(schema.get('items'), where + '[]')}]"
        if kind == "object":
            if schema.get("properties"):
                raise Unsupported(f"{where}: an object with fields that has no name of its own")
            return f"dict[str, {self.expression(schema.get('additionalProperties'), where + '{}')}]"
        if kind == "string":
            return _FORMATS.get(schema.get("format", ""), "str")
        simple = {"integer": "int", "number": "float", "boolean": "bool", "null": "None", None: "Any"}
        if kind is None and set(schema) - {"title", "description", "default", "examples", "deprecated"}:
            raise Unsupported(f"{where}: {sorted(schema)}")
        if kind not in simple:
            raise Unsupported(f"{where}: type {kind}")
        return simple[kind]

    def _union(self, schema: dict[str, Any], word: str, where: str) -> str:
        members = [self.expression(one, f"{where}|{i}") for i, one in enumerate(schema[word])]
        joined = self._join(members)
        key = schema.get("discriminator", {}).get("propertyName")
        return f'Annotated[{joined}, Field(discriminator="{snake(key)}")]' if key and len(members) > 1 else joined

    @staticmethod
    def _join(members: list[str]) -> str:
        if {"float", "str"} <= set(members) and len(set(members) - {"None"}) == 2:
            members = ["decimal.Decimal", *(one for one in members if one == "None")]
        found = [one for one in dict.fromkeys(members) if one != "None"]
        if "Any" in found:
            return "Any"
        return " | ".join([*found, *(["None"] if "None" in members else [])])

    def reference(self, ref: str, where: str) -> str:
        """The type that a ``$ref`` names; a page is generic and has no class of its own."""
        name = ref.rpartition("/")[2]
        if name not in self.schemas:
            raise Unsupported(f"{where}: {ref} is not there")
        item = self.page_item(ref)
        return self.names.of[name] if item is None else f"Page[{item}]"

    def page_item(self, ref: str | None) -> str | None:
        """The type of the items, if a schema is a page: ``data`` and ``next_cursor``, nothing else."""
        schema = self.schemas.get((ref or "").rpartition("/")[2], {})
        properties = schema.get("properties", {})
        if set(properties) != {"data", "next_cursor"}:
            return None
        return self.expression(properties["data"].get("items"), f"{ref}.data[]")

    # -- definitions ---------------------------------------------------------------------------------------------------------

    def definitions(self) -> str:
        """``models.py``, before formatting."""
        classes: list[str] = []
        aliases: dict[str, str] = {}
        for name in sorted(self.names.of, key=lambda each: self.names.of[each]):
            schema = self.schemas[name]
            if self.page_item(name) is not None:
                continue
            if schema.get("type") == "object" and (schema.get("properties") or schema.get("additionalProperties") is False):
                classes.append(self._class(name, schema))
            else:
                aliases[self.names.of[name]] = self._alias(name, schema)
        body = "\n\n\n".join([*classes, *_in_order(aliases)])
        return _header(body) + "\n\n\n" + body + "\n"

    def _alias(self, name: str, schema: dict[str, Any]) -> str:
        text = f"{self.names.of[name]} = {self.expression(schema, name)}"
        return "\n".join([text, *(doc(schema["description"], 0) if schema.get("description") else [])])

    def _class(self, name: str, schema: dict[str, Any]) -> str:
        base = "Document" if name in self.sent and name in self.read else "Sent" if name in self.sent else "Model"
        lines = [f"class {self.names.of[name]}({base}):", *doc(schema.get("description", self.names.of[name] + "."), 4), ""]
        required = set(schema.get("required", ()))
        used: set[str] = set()
        for field, one in schema.get("properties", {}).items():
            python = self._field_name(field, used)
            lines.append(f"    {python}: {self._field(f'{name}.{field}', field, python, one, field in required)}")
            if isinstance(one, dict) and one.get("description"):
                lines += doc(one["description"], 4)
        return "\n".join(lines).rstrip()

    @staticmethod
    def _field_name(field: str, used: set[str]) -> str:
        python = snake(field) if not field.isidentifier() or keyword.iskeyword(field) else field
        python = python.lstrip("_") or "value"
        if python in _TAKEN or python.startswith("model_") or python[0].isdigit():
            python = f"{python}_" if not python[0].isdigit() else f"n{python}"
        while python in used:
            python += "_"
        used.add(python)
        return python

    def _field(self, where: str, field: str, python: str, schema: object, required: bool) -> str:
        kind = self.expression(schema, where)
        facts: list[str] = []
        value = ""
        if not required:
            value = _default(schema, kind)
            if value == "None" and not kind.endswith("None") and kind != "Any":
                kind += " | None"
        if python != field:
            facts.append(f'alias="{field}"')
        if kind in {"str", "str | None", "list[str]"} and (_SECRET.search(field) or _hidden(schema)):
            facts.append("repr=False")
        if value in {"list", "dict"}:
            facts.insert(0, f"default_factory={value}")
        elif facts and value:
            facts.insert(0, f"default={value}")
        if facts:
            return f"{kind} = Field({', '.join(facts)})"
        return f"{kind} = {value}" if value else kind


def _hidden(schema: object) -> bool:
    """Whether it is described as a secret, perhaps one that may be left out."""
    if not isinstance(schema, dict):
        return False
    return schema.get("format") == "password" or any(_hidden(one) for one in schema.get("anyOf", ()))


def _default(schema: object, kind: str) -> str:
    """A field's default. What is not set is not sent, so a default that is no simple value need not be known here."""
    value = schema.get("default") if isinstance(schema, dict) else None
    if value is None and re.fullmatch(r"Literal\[[^,\]]+\]", kind):
        return kind.removeprefix("Literal[").removesuffix("]")
    if isinstance(value, list | dict) and not value and kind.startswith(("list[", "dict[")):
        return "list" if kind.startswith("list[") else "dict"
    simple = kind.removesuffix(" | None") in {"str", "int", "float", "bool"} or kind.startswith("Literal[")
    return repr(value) if simple and isinstance(value, str | int | float | bool) else "None"


def _in_order(aliases: dict[str, str]) -> Iterator[str]:
    """Aliases after those that they use; they are evaluated at once, unlike a class's fields."""
    left = dict(aliases)
    while left:
        ready = [
            name for name, text in left.items() if not any(other != name and re.search(rf"\b{other}\b", _value(text)) for other in left)
        ]
        if not ready:
            raise Unsupported(f"types that use each other: {', '.join(sorted(left))}")
        for name in ready:
            if re.search(rf"\b{name}\b", _value(left[name])):
                raise Unsupported(f"{name} uses itself")
        yield from (left.pop(name) for name in ready)


def _value(text: str) -> str:
    return text.partition("\n")[0].partition(" = ")[2]


def imports(body: str) -> list[str]:
    """What the types in a text need."""
    found = []
    for module, use in (("datetime as dt", r"\bdt\."), ("decimal", r"\bdecimal\."), ("uuid", r"\buuid\.")):
        if re.search(use, body):
            found.append(f"import {module}")
    typing = [name for name in ("Annotated", "Any", "Literal") if re.search(rf"\b{name}\b", body)]
    if typing:
        found.append(f"from typing import {', '.join(typing)}")
    return found


def _header(body: str) -> str:
    bases = [name for name in ("Document", "Model", "Page", "Sent") if re.search(rf"\({name}\):|\b{name}\[", body)]
    lines = ['"""Values of the orchestrator\'s interface. Made by ``scripts/client.py``; do not edit."""', ""]
    lines += ["from __future__ import annotations", "", *imports(body), ""]
    if re.search(r"\bField\(", body):
        lines += ["from pydantic import Field", ""]
    if bases:
        lines.append(f"from offhook.client.base import {', '.join(bases)}")
    return "\n".join(lines)


def reached(schemas: dict[str, Any], node: object, found: set[str] | None = None) -> set[str]:
    """Names of all schemas that a part of the document refers to, and those that they refer to."""
    found = set() if found is None else found
    if isinstance(node, dict):
        ref = node.get("$ref")
        name = ref.rpartition("/")[2] if isinstance(ref, str) else ""
        if name and name not in found:
            found.add(name)
            reached(schemas, schemas.get(name, {}), found)
        for key, each in node.items():
            if key != "discriminator":
                reached(schemas, each, found)
    elif isinstance(node, list):
        for each in node:
            reached(schemas, each, found)
    return found
