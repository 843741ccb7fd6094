"""Open models served by vLLM: ``vllm:MODEL``, at ``VLLM_BASE_URL``, with a key if the server was started with one."""

from __future__ import annotations

from typing import Final

from offhook.providers.llm._chat import Dialect
from offhook.providers.llm._chat import create as _create
from offhook.providers.llm._stream import StreamedLlm
from offhook.registry import ProviderContext

DIALECT: Final = Dialect(
    vendor="vllm",
    base="http://127.0.0.1:8000/v1",
    keyless=True,
    limits=("max_tokens", "max_completion_tokens"),
    always={"stream_options": ({"include_usage": True},), "chat_template_kwargs": ({"enable_thinking": False},)},
    thoughts=True,
    help="the vLLM server, if it has one",
)
SPEC: Final = DIALECT.spec()


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The model that the option names."""
    return _create(DIALECT, context, option)
