"""Cerebras: ``cerebras:...``. Its limiter books the limit on tokens before the answer: keep it small."""

from __future__ import annotations

from typing import Final

from offhook.providers.llm._chat import Dialect
from offhook.providers.llm._chat import create as _create
from offhook.providers.llm._stream import StreamedLlm
from offhook.registry import ProviderContext

DIALECT: Final = Dialect(
    vendor="cerebras",
    base="https://api.cerebras.ai",
    prefix="/v1",
    warm="/tcp_warming",
    cache_key=True,
    always={"stream_options": ({"include_usage": True},)},
    families=(
        (r"gpt-oss", {"reasoning_effort": ("low",)}),
        (r"zai-glm", {"disable_reasoning": (True,)}),
        (r"qwen", {"reasoning_effort": ("none",)}),
    ),
    thoughts=True,
    help="a Cerebras account",
)
SPEC: Final = DIALECT.spec()


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The model that the option names."""
    return _create(DIALECT, context, option)
