"""What all doubles of language models share: what is answered, how fast, cut into which pieces, and what a schema allows.

Options of a scenario (``Scenario.options``), the same for every vendor:

- ``reply``: text, a ``Reply``, or a function from ``Asked`` to either. Without it: a sentence, or JSON that obeys the request's schema.
- ``first_token`` (a ``Latency`` or seconds), ``rate`` (tokens a second; 0 sends all at once).
- ``models``: a pattern of the models that there are; others are 404.
- ``refuse``: parameters that this model does not take, each ``unknown``, ``unsupported`` or ``value``.
- ``usage``, ``finish``, ``done``: False leaves out the usage, the reason of the end, the vendor's last word.
- ``linger``: from the last event to the end of the answer.
- ``inside``: an error object (``{"type": ..., "message": ...}``) sent after the first token, with 200 long gone.
- ``comments``: comment lines before the first token. ``crlf``: lines end so. ``split``: bytes of the largest piece that is written at once;
  pieces count as messages for faults. ``fragment``: characters of a tool's arguments in one event; ``interleaved``:
  pieces of several calls by turns.
- ``cache_min``: tokens of the shortest beginning, the same as in an earlier request, that counts as cached.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Literal

import anyio

from offhook.testing.vendors.server import Gone, Peer

DEFAULT: Final = "Sure, I can help you with that."
FRAGMENT: Final = 7


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model calls; ``arguments`` is text, so that it may be wrong."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answers. ``pieces`` says how the text is cut into tokens; without it, by words."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    why: Literal["stop", "length", "filtered", "tools"] = "stop"
    pieces: tuple[str, ...] = ()

    @property
    def tokens(self) -> list[str]:
        """The text in pieces."""
        return list(self.pieces) or re.findall(r"\s*\S+\s*$|\s*\S+|\s+", self.text)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the model sees it, whatever the wire."""

    body: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    number: int
    """How-manieth of this vendor's, from 0."""


class Refused(Exception):
    """What the vendor would not take: ``param`` is its place, ``code`` the vendor's word."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


def replied(peer: Peer, body: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Reply:
    """What the scenario has to say to this request."""
    found = peer.option("reply", None)
    if callable(found):
        found = found(Asked(body, schema, peer.number))
    if found is None:
        found = json.dumps(sample(schema, peer.dice)) if schema is not None else DEFAULT
    return found if isinstance(found, Reply) else Reply(str(found))


async def play(peer: Peer, opening: Sequence[bytes], tokens: Sequence[bytes], closing: Sequence[bytes], inside: bytes) -> None:
    """Answer 200 with the events, at the scenario's speed. Notes it when the client leaves before the end."""
    failed = False
    async with anyio.create_task_group() as group:
        group.start_soon(_watch, peer, group.cancel_scope)
        try:
            await _play(peer, opening, tokens, closing, inside)
        except Gone:
            failed = True
        group.cancel_scope.cancel()
    if failed or peer.left:
        raise Gone


async def _watch(peer: Peer, scope: anyio.CancelScope) -> None:
    await peer.until_gone()
    scope.cancel()


async def _play(peer: Peer, opening: Sequence[bytes], tokens: Sequence[bytes], closing: Sequence[bytes], inside: bytes) -> None:
    await peer.wait("first_token")
    await peer.begin(200, {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"})
    for _ in range(peer.option("comments", 0)):
        await _write(peer, b": ping\n\n")
    for event in opening:
        await _write(peer, event)
    rate = float(peer.option("rate", 0))
    for number, event in enumerate(tokens):
        if number and rate:
            await anyio.sleep(1 / rate)
        await _write(peer, event)
        if number == 0 and inside:
            await _write(peer, inside)
            await peer.finish()
            return
    for event in closing:
        await _write(peer, event)
    await peer.wait("linger")
    await peer.finish()


async def _write(peer: Peer, event: bytes) -> None:
    data = event.replace(b"\n", b"\r\n") if peer.option("crlf", False) else event
    size = peer.option("split", 0) or len(data)
    for start in range(0, len(data), size):
        await peer.chunk(data[start : start + size])


def event(data: Mapping[str, Any] | str, name: str = "") -> bytes:
    """One event of a stream: text as it is, and only where half a surrogate pair is in it, escaped."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if re.search("[\ud800-\udfff]", text):
        text = json.dumps(data, separators=(",", ":"))
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {text}\n\n".encode()


def fragments(peer: Peer, arguments: str) -> list[str]:
    """A tool's arguments as they come."""
    size = peer.option("fragment", FRAGMENT)
    return [arguments[start : start + size] for start in range(0, len(arguments), size)]


def weight(value: object) -> int:
    """Tokens of a text or of JSON, as good as any tokenizer for a test."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return -(-len(text.encode("utf-8", "replace")) // 4)


def cached(peer: Peer, parts: Sequence[object], divided: Callable[[dict[str, Any]], list[object]]) -> int:
    """Tokens of the longest beginning that was in an earlier request too, as this vendor divides a body; 0 if that is too short."""
    least = peer.option("cache_min", 1_024)
    if sum(map(weight, parts)) < least:
        return 0
    best = 0
    for one in peer.earlier():
        if one.path == peer.path and one.data:
            same = takewhile(lambda pair: pair[0] == pair[1], zip(parts, divided(one.json), strict=False))
            best = max(best, sum(weight(part) for part, _ in same))
    return best if best >= least else 0


# -- schemas


def sample(schema: Mapping[str, Any], dice: random.Random, root: Mapping[str, Any] | None = None, depth: int = 0) -> Any:  # noqa: ANN401
    """Some value that the schema allows; the smaller the deeper."""
    root = schema if root is None else root
    if "$ref" in schema:
        return sample(_target(str(schema["$ref"]), root), dice, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return dice.choice(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            options = schema[key]
            plain = [one for one in options if one.get("type") not in {"object", "array"} and "$ref" not in one]
            return sample(dice.choice(plain if depth > 3 and plain else options), dice, root, depth + 1)
    kinds = schema.get("type", "string")
    kind = dice.choice(kinds) if isinstance(kinds, list) else kinds
    match kind:
        case "object":
            needed = set(schema.get("required", ()))
            properties = schema.get("properties", {})
            return {name: sample(one, dice, root, depth + 1) for name, one in properties.items() if name in needed or depth < 2}
        case "array":
            most = 0 if depth > 3 else min(2, schema.get("maxItems", 2))
            count = max(schema.get("minItems", 0), dice.randint(0, most))
            return [sample(schema.get("items", {}), dice, root, depth + 1) for _ in range(count)]
        case "integer" | "number":
            return max(schema.get("minimum", 0), min(dice.randint(0, 9), schema.get("maximum", 9)))
        case "boolean":
            return dice.random() < 0.5
        case "null":
            return None
        case _:
            return "word " * 2 if schema.get("minLength", 0) > 4 else "word"


def _target(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        found = found[part] if part else found
    return dict(found)


UNSUPPORTED: Final = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties")


def check_schema(schema: object, where: str, param: str, *, every_required: bool, refused: Sequence[str] = UNSUPPORTED) -> None:
    """Refuse what vendors refuse where a schema is to be kept strictly."""
    if not isinstance(schema, dict):
        raise Refused(f"Invalid schema for {where}: it is no object.", param, "invalid_json_schema")
    bad = next((word for word in refused if word in schema), None)
    if bad is not None:
        raise Refused(f"Invalid schema for {where}: '{bad}' is not permitted.", param, "invalid_json_schema")
    properties = schema.get("properties", {})
    if (schema.get("type") == "object" or properties) and schema.get("additionalProperties") is not False:
        text = f"Invalid schema for {where}: 'additionalProperties' is required to be supplied and to be false."
        raise Refused(text, param, "invalid_json_schema")
    if every_required and set(schema.get("required", ())) != set(properties):
        text = f"Invalid schema for {where}: 'required' is required to be supplied and to be an array including every key in properties."
        raise Refused(text, param, "invalid_json_schema")
    parts = [*properties.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    if "items" in schema:
        parts.append(schema["items"])
    for part in parts:
        check_schema(part, where, param, every_required=every_required, refused=refused)
