"""The chat completions dialect, which OpenAI began and most others speak. What differs by vendor is a ``Dialect``: data.

Source: OpenAI API reference, chat/completions; the vendors' pages on their compatibility.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from offhook.errors import BadOutput, ConfigError, ProviderError, Unavailable
from offhook.ports.llm import Done, LlmEvent, LlmRequest, Message, TextDelta, TokenUsage, ToolCall
from offhook.ports.spec import ProviderSpec
from offhook.providers._vendor import Account, account, as_object, refusal
from offhook.providers.llm._history import settled
from offhook.providers.llm._stream import StreamedLlm
from offhook.providers.llm._text import Pairs, Thoughts, clean, closed, estimated, is_strict
from offhook.registry import ProviderContext

Values = Mapping[str, Sequence[Any]]
"""Parameters with the values to try, best first."""
CACHE_KEY_LENGTH: Final = 64
WHY: Final[dict[str, Literal["stop", "length", "filtered", "tools"]]] = {
    "stop": "stop", "eos": "stop", "length": "length", "content_filter": "filtered", "tool_calls": "tools", "function_call": "tools",
}  # fmt: skip
NO_REASONING: Final = ("none", "minimal", "low")
"""Efforts from the least: a model that cannot be without gets the least that it knows."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor speaks the dialect."""

    vendor: str
    base: str
    """Where it is if the settings do not say; "" if they must."""
    prefix: str = ""
    """Between the base and the paths below; a base that ends with it already is taken too."""
    path: str = "/chat/completions"
    """``{model}`` is replaced by it."""
    warm: str = "/models"
    query: str = ""
    key_header: Literal["authorization", "api-key"] = "authorization"
    keyless: bool = False
    limits: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    """Names of the limit on tokens, in the order to try them."""
    cache_key: bool = False
    """Whether it routes by ``prompt_cache_key``."""
    always: Values = field(default_factory=dict)
    families: tuple[tuple[str, Values], ...] = ()
    """What a model wants so that it answers without thinking aloud first, by a pattern of its name; the first that fits."""
    thoughts: bool = False
    """Whether thoughts may come inside the answer."""
    example: str = ""
    """An address, for the message that none is set."""
    help: str = ""

    @property
    def provider(self) -> str:
        """The id, ``llm/<vendor>``."""
        return f"llm/{self.vendor}"

    def spec(self) -> ProviderSpec:
        """What a model of it can do, as far as it does not say otherwise."""
        settings = {
            f"{self.vendor}_api_key": f"Key of {self.help}.",
            f"{self.vendor}_base_url": f"Its address; {self.base or self.example}",
        }
        return ProviderSpec(
            id=self.provider,
            kind="llm",
            locales=(),
            structured=True,
            tools=True,
            hosted=self.base.startswith("https:"),
            keyless=self.keyless,
            settings=settings,
        )


def create(dialect: Dialect, context: ProviderContext, model: str) -> StreamedLlm:
    """A model of a vendor. Raises ConfigError for a name or a setting that is missing."""
    if not model:
        raise ConfigError(f"{dialect.provider} needs a model, such as {dialect.vendor}:NAME")
    name = f"{dialect.vendor.upper()}_BASE_URL"
    if not dialect.base and not context.env.get(name, "").strip():
        raise ConfigError(f"{name} is not set: {dialect.provider} needs it, such as {dialect.example}")
    found = account(context, dialect.provider, dialect.vendor, dialect.base or dialect.example, keyless=dialect.keyless)
    return StreamedLlm(ChatWire(dialect, found, model))


class ChatWire:
    """See ``Wire``."""

    schema_in = "response_format"

    def __init__(self, dialect: Dialect, account: Account, model: str) -> None:
        self.spec = dialect.spec()
        self.account = account
        self._dialect = dialect
        self._model = model
        path = urlsplit(account.base).path
        root = "" if dialect.prefix and path.endswith(dialect.prefix) else dialect.prefix
        self.url = account.http(root + dialect.path.format(model=quote(model, safe=""))) + dialect.query
        self.warm_url = account.http(root + dialect.warm) + dialect.query
        bearer = "Bearer " if dialect.key_header == "authorization" else ""
        self.headers: Mapping[str, str] = {dialect.key_header: bearer + account.key} if account.key else {}
        self._family = next((values for pattern, values in dialect.families if re.match(pattern, model)), {})

    def body(self, request: LlmRequest) -> dict[str, Any]:
        """Model, messages, tools."""
        body: dict[str, Any] = {"model": self._model, "stream": True, "messages": [_message(one) for one in settled(request.messages)]}
        if request.tools:
            body["tools"] = [_tool(one.name, one.description, one.parameters) for one in request.tools]
        return body

    def optional(self, request: LlmRequest, refused: Mapping[str, int]) -> dict[str, Sequence[Any]]:
        """Everything that some model or server does not know."""
        found: dict[str, Sequence[Any]] = {**self._dialect.always, **self._family}
        found |= dict.fromkeys([one for one in self._dialect.limits if one not in refused][:1], (request.max_tokens,))
        if request.temperature is not None:
            found["temperature"] = (request.temperature,)
        if request.schema is not None:
            schema = closed(request.schema)
            shape = {"name": "reply", "strict": is_strict(schema), "schema": schema}
            found["response_format"] = ({"type": "json_schema", "json_schema": shape},)
        if self._dialect.cache_key and request.cache_key:
            key = clean(request.cache_key)
            found["prompt_cache_key"] = (key if len(key) <= CACHE_KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest(),)
        return found

    def answer(self, request: LlmRequest) -> ChatAnswer:
        """A new one."""
        return ChatAnswer(self.spec.id, request, thoughts=self._dialect.thoughts)

    def refusal(self, status: int, headers: Mapping[str, str], body: str) -> ProviderError | None:  # noqa: ARG002
        """A tool call or a JSON text that the model got wrong is refused by some vendors themselves: the next try may be right."""
        if status == 400 and re.search(r'"code"\s*:\s*"(tool_use_failed|json_validate_failed)"', body):
            return BadOutput(self.spec.id, "the model did not keep to the schema", detail=body[:2_000])
        return None


def _message(one: Message) -> dict[str, Any]:
    if one.role == "tool":
        return {"role": "tool", "tool_call_id": one.call, "content": clean(one.text)}
    if not one.calls:
        return {"role": one.role, "content": clean(one.text)}
    calls = [{"id": call.id, "type": "function", "function": {"name": call.name, "arguments": clean(call.arguments)}} for call in one.calls]
    return {"role": one.role, "content": clean(one.text) or None, "tool_calls": calls}


def _tool(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    schema = closed(parameters)
    function: dict[str, Any] = {"name": name, "description": clean(description), "parameters": schema}
    if is_strict(schema):
        function["strict"] = True
    return {"type": "function", "function": function}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


class ChatAnswer:
    """Makes events of chunks; see ``Answer``."""

    def __init__(self, provider: str, request: LlmRequest, *, thoughts: bool = False) -> None:
        self.ended = False
        self.ignored: Counter[str] = Counter()
        self._provider = provider
        self._request = request
        self._said: list[str] = []
        self._pairs = Pairs()
        self._thoughts = Thoughts() if thoughts else None
        self._calls: dict[int, _Call] = {}
        self._why = ""
        self._declined = False
        self._usage: TokenUsage | None = None

    def take(self, name: str, data: str) -> list[LlmEvent]:
        """One ``data`` of the stream."""
        if data.strip() == "[DONE]":
            self.ended = True
            return []
        chunk = as_object(self._provider, data)
        self._check(name, chunk)
        used: object = chunk.get("usage") or _object(chunk.get("x_groq")).get("usage")
        if isinstance(used, dict):
            self._count(used)
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            if not isinstance(used, dict):
                self.ignored["no choices"] += 1
            return []
        return [found for choice in choices for found in self._choice(_object(choice))]

    def usage(self) -> TokenUsage:
        """As the vendor said, or estimated."""
        said = "".join(self._said) + "".join(call.name + call.arguments for call in self._calls.values())
        return self._usage or estimated(self._request, said)

    def finish(self) -> list[LlmEvent]:
        """What is left, the calls in their order, usage, Done."""
        if not self.ended and not self._why:
            raise Unavailable(self._provider, "the answer was cut off before its end")
        rest = self._pairs.rest()
        if self._thoughts is not None:
            rest = self._thoughts.take(rest) + self._thoughts.rest()
        events: list[LlmEvent] = [TextDelta(rest)] if rest else []
        calls = [self._whole(index, call) for index, call in sorted(self._calls.items())]
        why = WHY.get(self._why, "stop")
        if why == "length":
            calls = calls[:-1]  # the last one was cut
        elif why == "stop" and calls:
            why = "tools"
        return [*events, *calls, self.usage(), Done("filtered" if self._declined else why)]

    def _check(self, name: str, chunk: Mapping[str, Any]) -> None:
        """Errors may come inside a stream that began well."""
        inside = chunk.get("error") or _object(chunk.get("x_groq")).get("error")
        if inside or name == "error":
            raise error_inside(self._provider, chunk.get("status_code"), inside or chunk)

    def _choice(self, choice: Mapping[str, Any]) -> list[LlmEvent]:
        if choice.get("index") not in (0, None):  # whatever it is, a set would want its hash
            self.ignored["another choice"] += 1
            return []
        delta = _object(choice.get("delta"))
        why = choice.get("finish_reason")
        if isinstance(why, str) and why:
            self._why = why
        if delta.get("refusal"):
            self._declined = True
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self._fragment(_object(call))
        content = delta.get("content")
        if not isinstance(content, str) or not content:
            return []
        self._said.append(content)
        text = self._pairs.take(content)
        if self._thoughts is not None:
            text = self._thoughts.take(text)
        return [TextDelta(text)] if text else []

    def _fragment(self, piece: Mapping[str, Any]) -> None:
        index, key = piece.get("index"), piece.get("id")
        if not isinstance(index, int):  # some leave it out and send each call whole
            index = len(self._calls) if key or not self._calls else max(self._calls)
        call = self._calls.setdefault(index, _Call())
        function = _object(piece.get("function"))
        arguments = function.get("arguments")
        call.id = call.id or (key if isinstance(key, str) else "")
        call.name = call.name or (name if isinstance(name := function.get("name"), str) else "")
        call.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments) if isinstance(arguments, dict) else ""

    def _whole(self, index: int, call: _Call) -> ToolCall:
        if not call.name:
            raise BadOutput(self._provider, "the model called a tool without a name")
        return ToolCall(call.id or f"call_{index}", call.name, call.arguments or "{}")

    def _count(self, used: Mapping[str, Any]) -> None:
        sent, made = used.get("prompt_tokens"), used.get("completion_tokens")
        if not isinstance(sent, int) or not isinstance(made, int) or sent < 0 or made < 0:
            self.ignored["usage"] += 1
            return
        cached = _object(used.get("prompt_tokens_details")).get("cached_tokens")
        self._usage = TokenUsage(sent, made, min(cached, sent) if isinstance(cached, int) and cached > 0 else 0)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


STATUS_OF: Final = {
    "authentication_error": 401, "invalid_api_key": 401, "permission_error": 403, "billing_error": 402, "not_found_error": 404,
    "invalid_request_error": 400, "request_too_large": 413, "rate_limit_error": 429, "rate_limit_exceeded": 429, "timeout_error": 504,
    "insufficient_quota": 429, "api_error": 500, "server_error": 500, "overloaded_error": 529,
}  # fmt: skip
"""What an error inside a stream would have been before it."""


def error_inside(provider: str, status: object, inside: object) -> ProviderError:
    """The error that came in the middle of a stream; one of an unknown kind is the vendor's trouble."""
    error = _object(inside)
    words = [str(error.get("code", "")), str(error.get("type", ""))]
    said = next((int(one) for one in (str(status), *words) if one.isdecimal() and 400 <= int(one) < 600), 0)
    found = said or next((STATUS_OF[one] for one in words if one in STATUS_OF), 500)
    return refusal(provider, found, {}, json.dumps({"error": inside}))
