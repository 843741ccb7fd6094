"""Text of language models: what may be sent, what came in pieces, what it weighs, and schemas as vendors want them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from offhook.ports.llm import LlmRequest, TokenUsage

BYTES_PER_TOKEN: Final = 4
"""Of UTF-8. English text has about 4 characters a token, Chinese about 1 of 3 bytes: near enough for an estimate in both."""
MESSAGE_TOKENS: Final = 4
"""What a vendor adds around a message."""
OPEN: Final = "<think>"
CLOSE: Final = "</think>"


def clean(text: str) -> str:
    """The text without halves of surrogate pairs, which no vendor can be sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def estimated(request: LlmRequest, said: str) -> TokenUsage:
    """What a request and an answer may have used, where the vendor did not say."""
    sent = sum(_weight(one.text) + sum(_weight(call.arguments) for call in one.calls) + MESSAGE_TOKENS for one in request.messages)
    sent += sum(_weight(tool.description) + _weight(json.dumps(tool.parameters)) for tool in request.tools)
    if request.schema is not None:
        sent += _weight(json.dumps(request.schema))
    return TokenUsage(sent, _weight(said), estimated=True)


def _weight(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


class Pairs:
    """Joins surrogate pairs that JSON escapes spread over two deltas; a half alone becomes U+FFFD."""

    def __init__(self) -> None:
        self._half = ""

    def take(self, text: str) -> str:
        """What can be said of it now."""
        if not self._half and text.isascii():
            return text
        text = self._half + text
        self._half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def rest(self) -> str:
        """What is left at the end."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


class Thoughts:
    """Takes away what a model writes between ``<think>`` and ``</think>`` before its answer: servers of open models may leave it in."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def take(self, text: str) -> str:
        """What of it is the answer."""
        if self._state == "after":
            return text
        self._held += text
        if self._state == "start":
            begun = self._held.lstrip()
            if begun.startswith(OPEN):
                self._state = "inside"
            elif OPEN.startswith(begun):
                return ""
            else:
                return self._release(self._held)
        _, closed, answer = self._held.partition(CLOSE)
        return self._release(answer.lstrip()) if closed else ""

    def rest(self) -> str:
        """What is left at the end: the beginning of a tag that never became one."""
        return self._release(self._held) if self._state == "start" else ""

    def _release(self, text: str) -> str:
        self._state, self._held = "after", ""
        return text


def closed(schema: Mapping[str, Any], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The schema with every object closed to unknown properties, as vendors demand, and without some keywords that they refuse.

    Names of properties are never taken for keywords.
    """
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in without:
            continue
        if key in {"properties", "$defs", "definitions"} and isinstance(value, Mapping):
            out[key] = {name: closed(one, without) if isinstance(one, Mapping) else one for name, one in value.items()}
        elif key in {"anyOf", "allOf", "oneOf", "prefixItems"} and isinstance(value, list):
            out[key] = [closed(one, without) if isinstance(one, Mapping) else one for one in value]
        elif key in {"items", "not"} and isinstance(value, Mapping):
            out[key] = closed(value, without)
        else:
            out[key] = value
    if "properties" in out or out.get("type") == "object":
        out.setdefault("properties", {})
        out.setdefault("additionalProperties", False)
    return out


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether a schema can be kept strictly by the dialect's rules: an object at the root, every object closed, every property required."""
    return schema.get("type") == "object" and _keeps(schema)


def _keeps(schema: Mapping[str, Any]) -> bool:
    if not {"allOf", "oneOf", "not", "prefixItems", "patternProperties", "if"}.isdisjoint(schema):
        return False
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and (
        schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties)
    ):
        return False
    parts = [*(properties or {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    if "items" in schema:
        parts.append(schema["items"])
    return all(isinstance(part, Mapping) and _keeps(part) for part in parts)
