"""Groq: ``groq:...``. Its base is without the path, as in its own SDK."""

from __future__ import annotations

from typing import Final

from offhook.providers.llm._chat import Dialect
from offhook.providers.llm._chat import create as _create
from offhook.providers.llm._stream import StreamedLlm
from offhook.registry import ProviderContext

DIALECT: Final = Dialect(
    vendor="groq",
    base="https://api.groq.com",
    prefix="/openai/v1",
    always={"stream_options": ({"include_usage": True},)},
    families=(
        (r"openai/gpt-oss", {"reasoning_effort": ("low",), "include_reasoning": (False,)}),
        (r"(qwen/)?qwen", {"reasoning_effort": ("none",)}),
        (r".*(deepseek|-r1)", {"reasoning_format": ("hidden",)}),
    ),
    thoughts=True,
    help="a Groq account",
)
SPEC: Final = DIALECT.spec()


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The model that the option names."""
    return _create(DIALECT, context, option)
