"""The double behind every vendor of the chat completions dialect: what it refuses, and its chunks. Options are those of ``_brain``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final

from offhook.testing.vendors import _brain
from offhook.testing.vendors._brain import Refused, Reply, event, weight
from offhook.testing.vendors.server import Peer

KNOWN: Final = frozenset(
    (
        "model messages stream stream_options tools tool_choice parallel_tool_calls max_tokens max_completion_tokens temperature top_p n "
        "stop seed user response_format logprobs top_logprobs logit_bias frequency_penalty presence_penalty reasoning_effort service_tier "
        "metadata"
    ).split()
)
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FINISH: Final = {"stop": "stop", "length": "length", "filtered": "content_filter", "tools": "tool_calls"}
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
Efforts = Callable[[str], Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class House:
    """How a vendor's double differs."""

    path: str
    models: str
    """Pattern of the models that there are, if the scenario does not say."""
    efforts: Efforts
    """Values of ``reasoning_effort`` that a model takes; None if it knows no such parameter."""
    known: frozenset[str] = KNOWN
    key_header: str = "authorization"
    keyless: bool = False
    others: Sequence[str] = ()
    """Other paths that answer a GET with a list."""


async def serve(peer: Peer, house: House, key: str, closing: Callable[[dict[str, Any], dict[str, Any]], list[dict[str, Any]]]) -> None:
    """Answer one request. ``closing`` makes the last chunks of the usage and a chunk's frame."""
    given = peer.headers.get(house.key_header, "").removeprefix("Bearer ")
    if not house.keyless and given != key:
        # the real one masks the key that it quotes; here whoever passes it on is found out
        await _error(peer, 401, f"Incorrect API key provided: {given}.", None, "invalid_api_key")
    elif peer.method == "GET" and (peer.path == "/models" or peer.path in house.others):
        await peer.answer(200, json.dumps({"object": "list", "data": []}))
    elif peer.method != "POST" or peer.path != house.path:
        await _error(peer, 404, f"Unknown request URL: {peer.method} {peer.path}.", None, "unknown_url")
    else:
        try:
            body = _parsed(peer, house)
        except Refused as refused:
            await _error(peer, refused.status, refused.message, refused.param, refused.code)
        else:
            await _answer(peer, body, closing)


async def _error(peer: Peer, status: int, message: str, param: str | None, code: str | None) -> None:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    await peer.answer(status, json.dumps({"error": error}))


# -- the answer


async def _answer(peer: Peer, body: Mapping[str, Any], closing: Callable[[dict[str, Any], dict[str, Any]], list[dict[str, Any]]]) -> None:
    shape = (body.get("response_format") or {}).get("json_schema") or {}
    reply = _brain.replied(peer, body, shape.get("schema"))
    frame = {"id": f"chatcmpl-{peer.number}", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    usage = _usage(peer, body, reply)
    why = FINISH["tools" if reply.calls and reply.why == "stop" else reply.why]
    if not body.get("stream"):
        calls = [_call(peer, number, one.name, one.arguments) for number, one in enumerate(reply.calls)]
        message = {"role": "assistant", "content": reply.text or None, "refusal": None} | ({"tool_calls": calls} if calls else {})
        choice = {"index": 0, "message": message, "finish_reason": why, "logprobs": None}
        await peer.answer(200, json.dumps({**frame, "object": "chat.completion", "choices": [choice], "usage": usage}))
        return
    options = body.get("stream_options") or {}
    opening = [event(_chunk(frame, {"role": "assistant", "content": ""}))]
    tokens = [event(_chunk(frame, delta)) for delta in chain(({"content": one} for one in reply.tokens), _calls(peer, reply))]
    end = [event(_chunk(frame, {}, why))] if peer.option("finish", True) else []
    told = usage if options.get("include_usage") and peer.option("usage", True) else {}
    end += [event(one) for one in closing(told, frame)]
    if peer.option("done", True):
        end.append(event("[DONE]"))
    inside = peer.option("inside", None)
    await _brain.play(peer, opening, tokens, end, event({"error": inside}) if inside else b"")


def plain_end(usage: dict[str, Any], frame: dict[str, Any]) -> list[dict[str, Any]]:
    """OpenAI's: a chunk without choices that has the usage."""
    return [{**frame, "choices": [], "usage": usage}] if usage else []


def _chunk(frame: Mapping[str, Any], delta: Mapping[str, Any], why: str | None = None) -> dict[str, Any]:
    return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": why}], "usage": None}


def _call(peer: Peer, number: int, name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{peer.number}_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _calls(peer: Peer, reply: Reply) -> Iterator[dict[str, Any]]:
    """The first piece of a call has its id and name, the later ones the index only. One after the other, unless they are interleaved."""
    parts: list[list[dict[str, Any]]] = []
    for number, one in enumerate(reply.calls):
        first = {"tool_calls": [{"index": number, **_call(peer, number, one.name, "")}]}
        rest = _brain.fragments(peer, one.arguments)
        parts.append([first, *({"tool_calls": [{"index": number, "function": {"arguments": piece}}]} for piece in rest)])
    order = zip_longest(*parts) if peer.option("interleaved", False) else parts
    yield from (delta for group in order for delta in group if delta)


def _usage(peer: Peer, body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    parts = [body.get("tools", []), *body["messages"]]
    sent = sum(map(weight, parts))
    cached = _brain.cached(peer, parts, lambda one: [one.get("tools", []), *one["messages"]])
    made = len(reply.tokens) + sum(weight(one.arguments) + 1 for one in reply.calls)
    return {
        "prompt_tokens": sent,
        "completion_tokens": made,
        "total_tokens": sent + made,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


# -- what is refused


def _parsed(peer: Peer, house: House) -> dict[str, Any]:
    try:
        body = json.loads(peer.body)
    except ValueError:
        raise Refused("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise Refused("The body must be an object.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Refused("you must provide a model parameter")
    if not re.match(peer.option("models", house.models), model):
        text = f"The model `{model}` does not exist or you do not have access to it."
        raise Refused(text, None, "model_not_found", 404)
    for name, how in peer.option("refuse", {}).items():
        if name in body:
            raise _refused(name, how)
    for name in body:
        if name not in house.known:
            raise _refused(name, "unknown")
    _check_numbers(body)
    _check_family(body, house.efforts(model))
    _check_messages(body.get("messages"))
    _check_tools(body.get("tools", []))
    _check_format(body.get("response_format"))
    return body


def _refused(name: str, how: str) -> Refused:
    if how == "unknown":
        return Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if how == "value":
        return Refused(f"Unsupported value: '{name}' does not support this value with this model.", name, "unsupported_value")
    if how == "silent":  # as servers of open models have it: in words only
        return Refused(f"[{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), 'msg': 'Extra inputs are not permitted'}}]")
    return Refused(f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")


def _check_numbers(body: Mapping[str, Any]) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name, 1)
        if not isinstance(value, int) or value < 1:
            raise Refused(f"Invalid '{name}': integer below minimum value.", name, "integer_below_min_value")
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise Refused("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "max_tokens")
    value = body.get("temperature")
    if value is not None and not 0 <= value <= 2:
        raise Refused("Invalid 'temperature': decimal out of range.", "temperature")
    if "stream_options" in body and not body.get("stream"):
        raise Refused("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    key = body.get("prompt_cache_key", "")
    if not isinstance(key, str) or len(key) > 64:
        raise Refused("Invalid 'prompt_cache_key': string too long.", "prompt_cache_key", "string_above_max_length")


def _check_family(body: Mapping[str, Any], efforts: Sequence[str] | None) -> None:
    """Models that can reason take other parameters than those that cannot."""
    effort = body.get("reasoning_effort")
    if effort is not None:
        if efforts is None:
            raise Refused("Unrecognized request argument supplied: reasoning_effort")
        if effort not in efforts:
            there = ", ".join(f"'{one}'" for one in efforts)
            text = f"Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. Supported values are: {there}."
            raise Refused(text, "reasoning_effort", "unsupported_value")
    if efforts is None and "verbosity" in body:
        raise Refused("Unrecognized request argument supplied: verbosity")
    if efforts is not None and "max_tokens" in body:
        raise _refused("max_tokens", "unsupported")
    if efforts is not None and body.get("temperature") not in {None, 1} and effort != "none":
        raise _refused("temperature", "value")


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise Refused("Invalid 'messages': empty array.", "messages", "empty_array")
    open_calls: list[str] = []
    for number, one in enumerate(messages):
        where = f"messages[{number}]"
        role = one.get("role") if isinstance(one, dict) else None
        if role not in {"system", "developer", "user", "assistant", "tool"}:
            raise Refused(f"Invalid value: '{role}'.", f"{where}.role", "invalid_value")
        if role == "tool":
            if one.get("tool_call_id") not in open_calls:
                text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                raise Refused(f"Invalid parameter: {text}", f"{where}.role")
            open_calls.remove(one["tool_call_id"])
        elif open_calls:
            text = f"An assistant message with 'tool_calls' must be followed by tool messages. Without one: {', '.join(open_calls)}"
            raise Refused(text, f"{where}.role")
        calls = one.get("tool_calls", [])
        if not isinstance(one.get("content"), str | list) and not calls:
            raise Refused(f"Invalid value for 'content': expected a string, got {one.get('content')!r}.", f"{where}.content")
        open_calls += [call["id"] for call in calls]
    if open_calls:
        text = f"An assistant message with 'tool_calls' must be followed by tool messages. Without one: {', '.join(open_calls)}"
        raise Refused(text, f"messages[{len(messages) - 1}].role")


def _check_tools(tools: object) -> None:
    for number, one in enumerate(tools if isinstance(tools, list) else []):
        where = f"tools[{number}].function"
        function = one.get("function") if isinstance(one, dict) and one.get("type") == "function" else None
        if not isinstance(function, dict) or not NAME.fullmatch(str(function.get("name", ""))):
            raise Refused(f"Invalid '{where}.name': string does not match pattern.", f"{where}.name", "invalid_value")
        parameters = function.get("parameters", {"type": "object", "properties": {}})
        if parameters.get("type") != "object":
            raise Refused(f"Invalid schema for function '{function['name']}': it must be an object.", f"{where}.parameters")
        if function.get("strict"):
            _brain.check_schema(parameters, f"function '{function['name']}'", f"{where}.parameters", every_required=True)


def _check_format(shape: object) -> None:
    if shape is None:
        return
    kind = shape.get("type") if isinstance(shape, dict) else None
    if not isinstance(shape, dict) or kind not in {"text", "json_object", "json_schema"}:
        raise Refused(f"Invalid value: '{kind}'.", "response_format.type", "invalid_value")
    if kind == "json_schema":
        inner = shape.get("json_schema")
        if not isinstance(inner, dict) or not NAME.fullmatch(str(inner.get("name", ""))):
            raise Refused("Missing required parameter: 'response_format.json_schema.name'.", "response_format.json_schema.name")
        schema = inner.get("schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            text = "Invalid schema for response_format: schema must be a JSON Schema of 'type: \"object\"'."
            raise Refused(text, "response_format", "invalid_json_schema")
        if inner.get("strict"):
            _brain.check_schema(schema, "response_format", "response_format", every_required=True)
