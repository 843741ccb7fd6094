"""Language models: a request in, text and tool calls out as they come. The rules need none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from offhook.ports.spec import ProviderSpec


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Work that the model proposes. ``arguments`` is its JSON text, whole and as it came: whoever runs it checks it first."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the history as heard. ``calls`` of an assistant; ``call`` names the one that a tool's text answers."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()
    call: str = ""


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """Work that the model may propose; ``parameters`` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """What is asked: messages, and the JSON schema that the answer must fit.

    The first ``stable`` messages are the same in every turn of a call: a vendor that caches prefixes is told so. ``cache_key`` names what
    they depend on (tenant, agent, version), for vendors that route by it.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    tools: tuple[ToolOffer, ...] = ()
    max_tokens: int = 300
    temperature: float | None = None
    stable: int = 0
    cache_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens used; ``cached`` of the ``input`` came from a cache. Estimated where the vendor did not say."""

    input: int
    output: int
    cached: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole; ``why`` is the vendor's finish reason, normalised."""

    why: Literal["stop", "length", "filtered", "tools"]


LlmEvent: TypeAlias = TextDelta | ToolCall | TokenUsage | Done


class Llm(Protocol):
    """A language model."""

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        ...

    def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        """The answer as it comes, Done last; raises ProviderError. Cancelling the iterating task ends the request."""
        ...

    async def warm(self) -> None:
        """Have a connection open for the next request; never raises."""

    async def aclose(self) -> None:
        """Release connections; idempotent."""
