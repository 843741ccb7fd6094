"""Spans as values, and the names in them.

One call is one trace::

    voice.call
      voice.turn                 one for each time the agent had the floor
        voice.eot                the caller's last sample to the decision
        voice.stt                the decision to the final words, where it had to be waited for
        voice.llm                request to first token and on; gen_ai.*
        voice.tts                request to first audio; gen_ai.*
        voice.playout            first audio to the wire
      voice.speculation          work ahead of a decision, linked to its turn: waste can be seen
      voice.tool

``voice.failover`` and ``voice.barge_in`` are events. Names of the GenAI conventions (opentelemetry.io, incubating, semantic-conventions
0.66b2) are here and nowhere else. What was said is under ``voice.pii.`` and leaves only where the plan asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

Attribute: TypeAlias = str | bool | int | float | tuple[str, ...]
Attributes: TypeAlias = Mapping[str, Attribute]

PII: Final = "voice.pii."
INTERNAL: Final = 1
SERVER: Final = 2
CLIENT: Final = 3
"""Kinds of spans as OTLP numbers them."""

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CONVERSATION: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL: Final = "gen_ai.tool.call.id"
ERROR_TYPE: Final = "error.type"

_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Whose trace: 16 bytes of trace id, 8 of the span that asked (none for a trace of our own), and whether it is recorded."""

    trace: bytes
    parent: bytes = b""
    sampled: bool = True

    @classmethod
    def of(cls, traceparent: str) -> TraceContext | None:
        """A W3C ``traceparent`` of version 00; None for anything else, zeros among it (W3C Trace Context section 3.2)."""
        match = _PARENT.fullmatch(traceparent)
        if match is None:
            return None
        trace, parent = bytes.fromhex(match[1]), bytes.fromhex(match[2])
        if not any(trace) or not any(parent):
            return None
        return cls(trace, parent, sampled=bool(int(match[3], 16) & 1))


def traceparent(trace: bytes, span: bytes, *, sampled: bool = True) -> str:
    """The header that tells another service whose trace it is in."""
    return f"00-{trace.hex()}-{span.hex()}-{int(sampled):02x}"


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something at one moment. ``at`` is Unix nanoseconds."""

    name: str
    at: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time. ``start`` and ``end`` are Unix nanoseconds; ``failed`` says what went wrong, by our name for it."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes
    start: int
    end: int
    kind: int = INTERNAL
    attributes: Attributes = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[bytes, ...] = ()
    """Spans of the same trace that it belongs to without being within them."""
    failed: str = ""


def without_text(span: Span) -> Span:
    """The span without what anybody said."""
    events = tuple(replace(event, attributes=_public(event.attributes)) for event in span.events)
    return replace(span, attributes=_public(span.attributes), events=events)


def _public(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if not name.startswith(PII)}
