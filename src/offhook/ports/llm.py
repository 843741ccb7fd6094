"""Language models: a request in, text out as it comes. The rules need none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from offhook.ports.spec import ProviderSpec


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the history as heard."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """What is asked: messages and the JSON schema that the answer must fit."""

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    max_tokens: int = 300


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens used."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole; ``why`` is the vendor's finish reason, normalised."""

    why: Literal["stop", "length", "filtered"]


LlmEvent: TypeAlias = TextDelta | TokenUsage | Done


class Llm(Protocol):
    """A language model."""

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        ...

    def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        """The answer as it comes; raises ProviderError. Cancelling the iterating task ends the request."""
        ...

    async def aclose(self) -> None:
        """Release connections; idempotent."""
