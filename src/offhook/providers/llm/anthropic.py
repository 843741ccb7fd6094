"""Anthropic messages: ``anthropic:claude-...``.

Source: Anthropic API reference, messages and its streaming; the wire of its SDK.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, Literal

from offhook.errors import BadOutput, ConfigError, OverQuota, ProviderError, Retry, Unavailable
from offhook.ports.llm import Done, LlmEvent, LlmRequest, Message, TextDelta, TokenUsage, ToolCall
from offhook.ports.spec import ProviderSpec
from offhook.providers._vendor import Account, account, as_object
from offhook.providers.llm._chat import error_inside
from offhook.providers.llm._history import settled
from offhook.providers.llm._stream import StreamedLlm
from offhook.providers.llm._text import Pairs, clean, closed, estimated
from offhook.registry import ProviderContext

BASE: Final = "https://api.anthropic.com"
VERSION: Final = "2026-10-21"
CACHED: Final = {"type": "ephemeral"}
OPENING: Final = "(The line opens.)"
WAITING: Final = "(The caller waits.)"
"""The conversation must begin and end with the user, who on the telephone may not have said a word."""
REFUSED_KEYWORDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems"}
)
"""Not taken in the schema of an answer: it is checked again by whoever asked anyway."""
WHY: Final[dict[str, Literal["stop", "length", "filtered", "tools"]]] = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
    "tool_use": "tools", "refusal": "filtered",
}  # fmt: skip
SPEC: Final = ProviderSpec(
    id="llm/anthropic",
    kind="llm",
    locales=(),
    structured=True,
    tools=True,
    settings={
        "anthropic_api_key": "Key of an Anthropic account.",
        "anthropic_base_url": f"Its address; {BASE}",
        "anthropic_api_version": f"Version of the API; {VERSION}. Those before 2026 take the key as x-api-key.",
    },
)


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The model that the option names. Raises ConfigError for a name or a setting that is missing."""
    if not option:
        raise ConfigError("llm/anthropic needs a model, such as anthropic:claude-...")
    version = context.env.get("ANTHROPIC_API_VERSION", "").strip() or VERSION
    if not (version.isascii() and version.isprintable()):
        raise ConfigError(f"ANTHROPIC_API_VERSION is no version such as {VERSION}")
    return StreamedLlm(MessagesWire(account(context, SPEC.id, "anthropic", BASE), option, version))


class MessagesWire:
    """See ``Wire``."""

    schema_in = "output_config"

    def __init__(self, account: Account, model: str, version: str = VERSION) -> None:
        self.spec = SPEC
        self.account = account
        self.url = account.http("/v1/messages")
        self.warm_url = account.http("/v1/models?limit=1")
        self._old = version < "2026"
        key = {"x-api-key": account.key} if self._old else {"authorization": f"Bearer {account.key}"}
        self.headers: Mapping[str, str] = {"anthropic-version": version, **key}
        self._model = model

    def body(self, request: LlmRequest) -> dict[str, Any]:
        """Model, limit, instructions, messages, tools; the stable beginning is marked to be cached."""
        system, messages = _conversation(request)
        body = {"model": self._model, "max_tokens": request.max_tokens, "stream": True, "messages": messages}
        if system:
            body["system"] = system
        if request.tools:
            body["tools"] = [
                {"name": one.name, "description": clean(one.description), "input_schema": closed(one.parameters)} for one in request.tools
            ]
        return body

    def optional(self, request: LlmRequest, refused: Mapping[str, int]) -> dict[str, Sequence[Any]]:  # noqa: ARG002
        """No thinking aloud; the schema; the temperature where the API has one."""
        found: dict[str, Sequence[Any]] = {"thinking": ({"type": "disabled"},)}
        if request.temperature is not None and self._old:
            found["temperature"] = (request.temperature,)
        if request.schema is not None:
            found["output_config"] = ({"format": {"type": "json_schema", "schema": closed(request.schema, REFUSED_KEYWORDS)}},)
        return found

    def answer(self, request: LlmRequest) -> MessagesAnswer:
        """A new one."""
        return MessagesAnswer(self.spec.id, request)

    def refusal(self, status: int, headers: Mapping[str, str], body: str) -> ProviderError | None:  # noqa: ARG002
        """An account without credit is told by 400 here."""
        if status == 400 and "credit balance" in body:
            return OverQuota(self.spec.id, "the account's quota is used up", detail=body[:2_000], retry=Retry(None))
        return None


def _conversation(request: LlmRequest) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """System blocks, and messages whose roles alternate from user to user."""
    last_stable = request.messages[min(request.stable, len(request.messages)) - 1] if request.stable > 0 and request.messages else None
    system: list[dict[str, Any]] = []
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for one in settled(request.messages):
        blocks = _blocks(one)
        if one is last_stable and blocks:
            blocks[-1]["cache_control"] = CACHED
        if one.role == "system":
            system += blocks  # a later one too: it has no place among messages that every model takes
        elif blocks:
            turns.append(("assistant" if one.role == "assistant" else "user", blocks))
    if not turns or turns[0][0] == "assistant":
        turns.insert(0, ("user", [{"type": "text", "text": OPENING}]))
    if turns[-1][0] == "assistant":
        turns.append(("user", [{"type": "text", "text": WAITING}]))
    merged = [
        {"role": role, "content": [block for _, blocks in group for block in blocks]} for role, group in groupby(turns, lambda one: one[0])
    ]
    return system, merged


def _blocks(one: Message) -> list[dict[str, Any]]:
    text = clean(one.text)
    if one.role == "tool":
        return [{"type": "tool_result", "tool_use_id": one.call, "content": text}]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text.strip() else []  # an empty block is refused
    return [*blocks, *({"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call)} for call in one.calls)]


def _arguments(call: ToolCall) -> dict[str, Any]:
    """What the model proposed, if it was an object; what it was not has never run."""
    try:
        found = json.loads(clean(call.arguments))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class MessagesAnswer:
    """Makes events of the stream's; see ``Answer``."""

    def __init__(self, provider: str, request: LlmRequest) -> None:
        self.ended = False
        self.ignored: Counter[str] = Counter()
        self._provider = provider
        self._request = request
        self._said: list[str] = []
        self._pairs = Pairs()
        self._calls: dict[object, tuple[str, str, list[str]]] = {}
        self._why = ""
        self._input: tuple[int, int] | None = None
        self._output: int | None = None

    def take(self, name: str, data: str) -> list[LlmEvent]:
        """One event of the stream; its type is in its data too, where it counts."""
        event = as_object(self._provider, data)
        kind = event.get("type", name)
        match kind:
            case "content_block_delta":
                return self._delta(event.get("index"), _object(event.get("delta")))
            case "content_block_start":
                return self._start(event.get("index"), _object(event.get("content_block")))
            case "message_start":
                self._count(_object(_object(event.get("message")).get("usage")), whole=False)
            case "message_delta":
                why = _object(event.get("delta")).get("stop_reason")
                self._why = why if isinstance(why, str) else self._why
                self._count(_object(event.get("usage")), whole=True)
            case "message_stop":
                self.ended = True
            case "error":
                raise error_inside(self._provider, None, event.get("error"))
            case "ping" | "content_block_stop":
                pass
            case _:
                self.ignored[str(kind)[:40]] += 1
        return []

    def usage(self) -> TokenUsage:
        """As the vendor said, or estimated: of an answer that was cut it has told the input only."""
        guess = estimated(self._request, "".join(self._said) + "".join("".join(parts) for _, _, parts in self._calls.values()))
        sent, cached = self._input or (guess.input, 0)
        output = guess.output if self._output is None else self._output
        return TokenUsage(sent, output, cached, estimated=self._input is None or self._output is None)

    def finish(self) -> list[LlmEvent]:
        """What is left, the calls in their order, usage, Done."""
        if not self.ended and not self._why:
            raise Unavailable(self._provider, "the answer was cut off before its end")
        rest = self._pairs.rest()
        why = WHY.get(self._why, "stop")
        if any(not name for _, name, _ in self._calls.values()):
            raise BadOutput(self._provider, "the model called a tool without a name")
        calls = [ToolCall(key, name, "".join(parts) or "{}") for key, name, parts in self._calls.values()]
        if why == "length":
            calls = calls[:-1]  # the last one was cut
        elif why == "stop" and calls:
            why = "tools"
        return [*([TextDelta(rest)] if rest else []), *calls, self.usage(), Done(why)]

    def _start(self, index: object, block: Mapping[str, Any]) -> list[LlmEvent]:
        kind = block.get("type")
        if kind == "text":
            return self._text(block.get("text"))
        if kind == "tool_use":
            key, name = block.get("id"), block.get("name")
            given = block.get("input")
            first = json.dumps(given) if isinstance(given, dict) and given else ""
            self._calls[_hashable(index)] = (str(key or f"call_{len(self._calls)}"), str(name or ""), [first])
        else:
            self.ignored[str(kind)[:40]] += 1
        return []

    def _delta(self, index: object, delta: Mapping[str, Any]) -> list[LlmEvent]:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._text(delta.get("text"))
        call = self._calls.get(_hashable(index))
        piece = delta.get("partial_json")
        if kind == "input_json_delta" and call is not None and isinstance(piece, str):
            call[2].append(piece)
        else:
            self.ignored[str(kind)[:40]] += 1
        return []

    def _text(self, text: object) -> list[LlmEvent]:
        if not isinstance(text, str) or not text:
            return []
        self._said.append(text)
        out = self._pairs.take(text)
        return [TextDelta(out)] if out else []

    def _count(self, used: Mapping[str, Any], *, whole: bool) -> None:
        """Input is told apart by what the cache held; the last word on output is the one that counts."""
        parts = [used.get(f"{name}input_tokens") for name in ("", "cache_creation_", "cache_read_")]
        sent = [one if isinstance(one, int) and one > 0 else 0 for one in parts]
        if isinstance(parts[0], int):
            self._input = (sum(sent), sent[2])
        made = used.get("output_tokens")
        if whole and isinstance(made, int) and made >= 0:
            self._output = made


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _hashable(index: object) -> int:
    return index if isinstance(index, int) else -1
