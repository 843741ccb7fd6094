"""Open models served by llama.cpp: ``llamacpp:MODEL``, at ``LLAMACPP_BASE_URL``."""

from __future__ import annotations

from typing import Final

from offhook.providers.llm._chat import Dialect
from offhook.providers.llm._chat import create as _create
from offhook.providers.llm._stream import StreamedLlm
from offhook.registry import ProviderContext

DIALECT: Final = Dialect(
    vendor="llamacpp",
    base="http://127.0.0.1:8080/v1",
    keyless=True,
    limits=("max_tokens", "max_completion_tokens"),
    always={
        "stream_options": ({"include_usage": True},),
        "chat_template_kwargs": ({"enable_thinking": False},),
        "cache_prompt": (True,),
    },
    thoughts=True,
    help="the llama.cpp server, if it has one",
)
SPEC: Final = DIALECT.spec()


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The model that the option names."""
    return _create(DIALECT, context, option)
