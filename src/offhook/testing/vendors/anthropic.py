"""A double of Anthropic's messages. Options are those of ``_brain``.

Source: Anthropic API reference, messages and its streaming; the SDK anthropic 2.12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from offhook.testing.vendors import _brain
from offhook.testing.vendors._brain import Refused, Reply, event, weight
from offhook.testing.vendors.server import Peer

VENDOR: Final = "anthropic"
PREFIX: Final = "/anthropic"
KEY: Final = "sk-ant-of-the-double"
VERSIONS: Final = frozenset({"2023-06-01", "2026-10-21"})
KNOWN: Final = frozenset(
    (
        "model max_tokens messages system stream tools tool_choice stop_sequences metadata thinking output_config service_tier "
        "cache_control container inference_geo speed diagnostics user_profile_id workspace_id"
    ).split()
)
OLD: Final = {"2023-06-01": frozenset({"temperature", "top_p", "top_k"})}
"""What a version of the API knew besides."""
STOP: Final = {"stop": "end_turn", "length": "max_tokens", "filtered": "refusal", "tools": "tool_use"}
KINDS: Final = {401: "authentication_error", 404: "not_found_error", 400: "invalid_request_error"}
KEYWORDS: Final = (*_brain.UNSUPPORTED, "minimum", "maximum", "multipleOf", "minLength", "maxLength", "maxItems")
BREAKPOINTS: Final = 4


async def serve(peer: Peer) -> None:
    """One request."""
    given = peer.headers.get("x-api-key") or peer.headers.get("authorization", "").removeprefix("Bearer ")
    if given != KEY:
        await _error(peer, Refused(f"invalid key: {given}", status=401))
    elif peer.headers.get("anthropic-version") not in VERSIONS:
        await _error(peer, Refused("anthropic-version: header is required"))
    elif peer.method == "GET" and peer.path == "/v1/models":
        await peer.answer(200, json.dumps({"data": [], "has_more": False, "first_id": None, "last_id": None}))
    elif peer.method != "POST" or peer.path != "/v1/messages":
        await _error(peer, Refused(f"Not found: {peer.path}", status=404))
    else:
        try:
            body = _parsed(peer)
        except Refused as refused:
            await _error(peer, refused)
        else:
            await _answer(peer, body)


async def _error(peer: Peer, refused: Refused) -> None:
    error = {"type": KINDS[refused.status], "message": refused.message}
    headers = {"request-id": f"req_{peer.number}"}
    await peer.answer(refused.status, json.dumps({"type": "error", "error": error, "request_id": f"req_{peer.number}"}), headers)


# -- the answer


async def _answer(peer: Peer, body: Mapping[str, Any]) -> None:
    shape = (body.get("output_config") or {}).get("format") or {}
    reply = _brain.replied(peer, body, shape.get("schema"))
    usage = _usage(peer, body)
    made = len(reply.tokens) + sum(weight(one.arguments) + 1 for one in reply.calls)
    why = STOP["tools" if reply.calls and reply.why == "stop" else reply.why]
    message: dict[str, Any] = {
        "id": f"msg_{peer.number}", "type": "message", "role": "assistant", "model": body["model"], "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": usage | {"output_tokens": 1},
    }  # fmt: skip
    if not body.get("stream"):
        content: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
        content += [
            {"type": "tool_use", "id": f"toolu_{peer.number}_{number}", "name": one.name, "input": json.loads(one.arguments)}
            for number, one in enumerate(reply.calls)
        ]
        whole = message | {"content": content, "stop_reason": why, "usage": usage | {"output_tokens": made}}
        await peer.answer(200, json.dumps(whole))
        return
    if not peer.option("usage", True):
        message.pop("usage")
    opening = [_event("message_start", message=message), _event("ping")]
    if reply.tokens:
        opening.append(_event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    closing: list[bytes] = []
    if peer.option("finish", True):
        told = {"usage": {"output_tokens": made}} if peer.option("usage", True) else {}
        closing.append(_event("message_delta", delta={"stop_reason": why, "stop_sequence": None}, **told))
    if peer.option("done", True):
        closing.append(_event("message_stop"))
    inside = peer.option("inside", None)
    await _brain.play(peer, opening, list(_blocks(peer, reply)), closing, _event("error", error=inside) if inside else b"")


def _event(kind: str, **fields: object) -> bytes:
    return event({"type": kind, **fields}, kind)


def _blocks(peer: Peer, reply: Reply) -> Iterator[bytes]:
    """What is written at once: a delta, the last of a block with the block's end."""
    texts = reply.tokens
    for number, token in enumerate(texts, start=1):
        end = _event("content_block_stop", index=0) if number == len(texts) else b""
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": token}) + end
    for number, one in enumerate(reply.calls, start=1 if texts else 0):
        block = {"type": "tool_use", "id": f"toolu_{peer.number}_{number}", "name": one.name, "input": {}}
        yield _event("content_block_start", index=number, content_block=block)
        for piece in _brain.fragments(peer, one.arguments):
            yield _event("content_block_delta", index=number, delta={"type": "input_json_delta", "partial_json": piece})
        yield _event("content_block_stop", index=number)


def _usage(peer: Peer, body: Mapping[str, Any]) -> dict[str, int]:
    """Input apart from what the cache read or wrote: the beginning up to the last mark."""
    parts = _divided(body)
    marked = max((number for number, part in enumerate(parts, start=1) if "cache_control" in json.dumps(part)), default=0)
    total, stable = sum(map(weight, parts)), sum(map(weight, parts[:marked]))
    read = min(_brain.cached(peer, parts[:marked], _divided), stable)
    written = stable - read if stable >= peer.option("cache_min", 1_024) else 0
    return {
        "input_tokens": total - read - written, "cache_creation_input_tokens": written, "cache_read_input_tokens": read, "output_tokens": 0,
    }  # fmt: skip


def _divided(body: Mapping[str, Any]) -> list[object]:
    system = body.get("system", [])
    return [body.get("tools", []), *([system] if isinstance(system, str) else system), *body["messages"]]


# -- what is refused


def _parsed(peer: Peer) -> dict[str, Any]:
    try:
        body = json.loads(peer.body)
    except ValueError:
        raise Refused("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise Refused("The request body must be an object.")
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            raise Refused(f"{name}: Field required")
    if not re.match(peer.option("models", "claude-"), str(body["model"])):
        raise Refused(f"model: {body['model']}", status=404)
    known = KNOWN | OLD.get(peer.headers["anthropic-version"], frozenset())
    for name in (*(name for name in peer.option("refuse", {}) if name in body), *(name for name in body if name not in known)):
        raise Refused(f"{name}: Extra inputs are not permitted")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 0:
        raise Refused("max_tokens: Input should be greater than or equal to 0")
    if not 0 <= body.get("temperature", 0) <= 1:
        raise Refused("temperature: Input should be less than or equal to 1")
    marks = json.dumps(body).count('"cache_control":')
    if marks > BREAKPOINTS:
        raise Refused(f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided. Found {marks}.")
    _check_system(body.get("system", []))
    _check_messages(body["messages"])
    _check_tools(body.get("tools", []))
    shape = (body.get("output_config") or {}).get("format")
    if shape is not None:
        if not isinstance(shape, dict) or shape.get("type") != "json_schema":
            raise Refused("output_config.format.type: Input should be 'json_schema'")
        _brain.check_schema(shape.get("schema"), "output_config.format.schema", "", every_required=False, refused=KEYWORDS)
    return body


def _check_system(system: object) -> None:
    for number, one in enumerate(system if isinstance(system, list) else []):
        if one.get("type") != "text" or not one.get("text"):
            raise Refused(f"system.{number}: text content blocks must be non-empty")


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise Refused("messages: at least one message is required")
    for number, one in enumerate(messages):
        if one.get("role") not in {"user", "assistant"}:
            raise Refused(f"messages.{number}.role: Input should be 'user' or 'assistant'")
        if not one.get("content"):
            raise Refused(f"messages.{number}: all messages must have non-empty content")
        for block in one["content"] if isinstance(one["content"], list) else []:
            if block.get("type") == "text" and not str(block.get("text", "")).strip():
                raise Refused(f"messages.{number}: text content blocks must contain non-whitespace text")
    if messages[0]["role"] != "user" or messages[-1]["role"] != "user":
        raise Refused("messages: the conversation must begin and end with a user message")
    if any(one["role"] == two["role"] for one, two in pairwise(messages)):
        raise Refused("messages: roles must alternate between 'user' and 'assistant'")
    for number, (one, two) in enumerate(pairwise([{}, *messages])):
        uses = [block["id"] for block in _blocks_of(one) if block.get("type") == "tool_use"]
        results = [block["tool_use_id"] for block in _blocks_of(two) if block.get("type") == "tool_result"]
        if set(uses) != set(results):
            missing = ", ".join(sorted(set(uses) ^ set(results)))
            raise Refused(f"messages.{number}: tool_use ids must have tool_result blocks immediately after, and no others: {missing}")
        kinds = [block.get("type") for block in _blocks_of(two) if results]
        if kinds[: len(results)] != ["tool_result"] * len(results):
            raise Refused(f"messages.{number}: tool_result blocks must come first")


def _blocks_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content", [])
    return content if isinstance(content, list) else []


def _check_tools(tools: object) -> None:
    for number, one in enumerate(tools if isinstance(tools, list) else []):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", str(one.get("name", ""))):
            raise Refused(f"tools.{number}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if not isinstance(one.get("input_schema"), dict) or one["input_schema"].get("type") != "object":
            raise Refused(f"tools.{number}.input_schema.type: Input should be 'object'")
