"""Requests and replies against one of Google's discovery documents: path, method, parameters, and bodies by its dialect of JSON schema."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.conformance.specs import SPECS

from offhook.testing.business.base import Seen

Json = Mapping[str, Any]
_READ_ONLY = re.compile(r"Read-[oO]nly\.?\s*$")
"""How this document says it, for want of a keyword."""
_WHOLE = {"int32": 32, "uint32": 32, "int64": 64, "uint64": 64}


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of the document, and the pattern of its path."""

    id: str
    verb: str
    path: re.Pattern[str]
    parameters: Mapping[str, Json]
    request: str
    response: str
    scopes: frozenset[str]


class DiscoveryChecker:
    """One document, as a SpecChecker. ``scopes``: what a connection asks for; every method that is used must do with these."""

    def __init__(self, file: str, scopes: Sequence[str] = ()) -> None:
        self.name = Path(file).name
        self._path = SPECS / file
        self._scopes = frozenset(scopes)

    def there(self) -> bool:
        return self._path.is_file()

    def covers(self, seen: Seen) -> bool:
        return urlsplit(seen.url).path.startswith(_read(self._path).base)

    def check(self, seen: Seen) -> list[str]:
        return _read(self._path).check(seen, self._scopes)


@functools.cache
def _read(path: Path) -> Discovery:
    return Discovery(json.loads(path.read_text(encoding="utf-8")))


class Discovery:
    """One document."""

    def __init__(self, document: Json) -> None:
        self.base = "/" + document["servicePath"]
        self._schemas: Mapping[str, Json] = document["schemas"]
        self._common: Mapping[str, Json] = document.get("parameters", {})
        self._methods = list(self._found(document, self.base))

    def check(self, seen: Seen, scopes: frozenset[str] = frozenset()) -> list[str]:
        """Violations of a request, and of its reply unless that was a planned fault."""
        url = urlsplit(seen.url)
        method = next((one for one in self._methods if one.verb == seen.method and one.path.fullmatch(url.path)), None)
        if method is None:
            return [f"{seen.method} {url.path}: no such method"]
        wrong = [*self._parameters(method, url.path, url.query)]
        wrong += self._sent(method, seen)
        wrong += ["needs another scope"] if scopes and not scopes & method.scopes else []
        if seen.fault is None:
            wrong += self._replied(method, seen)
        return [f"{method.id}: {one}" for one in wrong]

    def _found(self, node: Json, base: str) -> Iterator[_Method]:
        for one in node.get("methods", {}).values():
            path = re.sub(r"\{\+?(\w+)\}", r"(?P<\1>[^/]+)", base + re.escape(one["path"]).replace(r"\{", "{").replace(r"\}", "}"))
            yield _Method(
                id=one["id"],
                verb=one["httpMethod"],
                path=re.compile(path),
                parameters={**self._common, **one.get("parameters", {})},
                request=one.get("request", {}).get("$ref", ""),
                response=one.get("response", {}).get("$ref", ""),
                scopes=frozenset(one.get("scopes", ())),
            )
        for one in node.get("resources", {}).values():
            yield from self._found(one, base)

    def _parameters(self, method: _Method, path: str, query: str) -> Iterator[str]:
        match = method.path.fullmatch(path)
        given: dict[str, list[str]] = {name: [unquote(value)] for name, value in (match.groupdict() if match else {}).items()}
        for name, value in parse_qsl(query, keep_blank_values=True):
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            schema = method.parameters.get(name)
            if schema is None:
                yield f"unknown parameter {name}"
                continue
            if len(values) > 1 and not schema.get("repeated"):
                yield f"parameter {name} more than once"
            for value in values:
                yield from _text_parameter(name, value, schema)
        for name, schema in method.parameters.items():
            if schema.get("required") and not any(given.get(name, ())):
                yield f"parameter {name} is required"

    def _sent(self, method: _Method, seen: Seen) -> Iterator[str]:
        if not method.request:
            if seen.body:
                yield "a body that is not described"
            return
        if not seen.headers.get("content-type", "").startswith("application/json"):
            yield "the body is not said to be JSON"
        body = json.loads(seen.body or b"null")
        yield from self._value(body, {"$ref": method.request}, "request")
        if isinstance(body, dict):
            for name, schema in self._schemas[method.request].get("properties", {}).items():
                # Partial bodies (patch) need nothing.
                if method.id in schema.get("annotations", {}).get("required", ()) and name not in body:
                    yield f"request.{name}: is required"
                if name in body and (schema.get("readOnly") or _READ_ONLY.search(schema.get("description", ""))):
                    yield f"request.{name}: is read only"

    def _replied(self, method: _Method, seen: Seen) -> Iterator[str]:
        if seen.status >= 400:
            body = json.loads(seen.reply or b"null")
            error = body.get("error") if isinstance(body, dict) else None
            if not isinstance(error, dict) or error.get("code") != seen.status or not error.get("errors"):
                yield "an error that is not in the form of errors"
        elif not method.response:
            if seen.reply:
                yield "a reply that is not described"
        else:
            yield from self._value(json.loads(seen.reply or b"null"), {"$ref": method.response}, "reply")

    def _value(self, value: Any, schema: Json, at: str) -> Iterator[str]:
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"]]
        kind = schema.get("type", "any")
        if kind == "object":
            yield from self._object(value, schema, at)
        elif kind == "array":
            if not isinstance(value, list):
                yield f"{at}: no array"
                return
            for number, one in enumerate(value):
                yield from self._value(one, schema["items"], f"{at}[{number}]")
        elif kind == "string":
            yield from ([f"{at}: no string"] if not isinstance(value, str) else _text(value, schema, at))
        elif kind == "boolean" and not isinstance(value, bool):
            yield f"{at}: no boolean"
        elif kind == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
            yield f"{at}: no integer"
        elif kind == "number" and (not isinstance(value, int | float) or isinstance(value, bool)):
            yield f"{at}: no number"

    def _object(self, value: Any, schema: Json, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: no object"
            return
        known, other = schema.get("properties", {}), schema.get("additionalProperties")
        for name, one in value.items():
            if name in known:
                yield from self._value(one, known[name], f"{at}.{name}")
            elif other is not None:
                yield from self._value(one, other, f"{at}.{name}")
            else:
                yield f"{at}.{name}: is not described"


def _text_parameter(name: str, value: str, schema: Json) -> Iterator[str]:
    kind = schema.get("type")
    if kind == "boolean" and value not in {"true", "false"}:
        yield f"parameter {name}: no boolean"
    elif kind == "integer":
        if not re.fullmatch(r"-?\d+", value):
            yield f"parameter {name}: no integer"
        elif not int(schema.get("minimum", value)) <= int(value) <= int(schema.get("maximum", value)):
            yield f"parameter {name}: out of bounds"
    elif kind == "string":
        yield from _text(value, schema, f"parameter {name}")


def _text(value: str, schema: Json, at: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not one of the values that are known"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: not of its pattern"
    form = schema.get("format", "")
    try:
        if form == "date-time":
            if datetime.fromisoformat(value).tzinfo is None:
                yield f"{at}: a time without an offset"
        elif form == "date":
            date.fromisoformat(value)
        elif form == "byte":
            base64.urlsafe_b64decode(value)
        elif form in _WHOLE and not 0 <= abs(int(value)) < 2 ** _WHOLE[form]:
            yield f"{at}: out of bounds"
    except ValueError:
        yield f"{at}: no {form}"
