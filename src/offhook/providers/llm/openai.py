"""OpenAI, and whatever speaks its chat completions at ``OPENAI_BASE_URL``: ``openai:gpt-...``."""

from __future__ import annotations

from typing import Final

from offhook.providers.llm._chat import NO_REASONING, Dialect, Values
from offhook.providers.llm._chat import create as _create
from offhook.providers.llm._stream import StreamedLlm
from offhook.registry import ProviderContext

STREAM_OPTIONS: Final = ({"include_usage": True, "include_obfuscation": False}, {"include_usage": True})
"""Padding of every chunk is of no use behind TLS of one's own choice and costs a third of the bytes."""
FAMILIES: Final[tuple[tuple[str, Values], ...]] = (
    (r"(ft:)?(gpt-3|gpt-4|chatgpt)", {}),
    (r"(ft:)?o\d", {"reasoning_effort": ("low",)}),
    (r"(ft:)?gpt-5(-(mini|nano|\d{4}).*)?$", {"reasoning_effort": ("minimal", "low"), "verbosity": ("low",)}),
    (r"(ft:)?gpt-", {"reasoning_effort": NO_REASONING, "verbosity": ("low",)}),
    (r"", {"reasoning_effort": NO_REASONING}),
)
DIALECT: Final = Dialect(
    vendor="openai",
    base="https://api.openai.com/v1",
    cache_key=True,
    always={"stream_options": STREAM_OPTIONS, "store": (False,)},
    families=FAMILIES,
    help="an OpenAI account",
)
SPEC: Final = DIALECT.spec()


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The model that the option names."""
    return _create(DIALECT, context, option)
