"""A double of Cerebras: the chat completions dialect, with ``time_info`` and a path that only warms connections.

Options are those of ``_brain``. Source: the SDK cerebras-cloud-sdk 1.91, Cerebras API reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from offhook.testing.vendors._chat import EFFORTS, KNOWN, House
from offhook.testing.vendors._chat import serve as _serve
from offhook.testing.vendors.server import Peer

VENDOR: Final = "cerebras"
PREFIX: Final = "/cerebras"
KEY: Final = "csk-of-the-double"
MORE: Final = {"disable_reasoning", "reasoning_format", "prompt_cache_key", "prediction", "clear_thinking"}


def efforts(model: str) -> Sequence[str] | None:
    """Those that reason take fewer words on it, or none."""
    return EFFORTS[:1] + EFFORTS[2:5] if model.startswith(("gpt-oss", "zai-", "qwen")) else None


HOUSE: Final = House("/v1/chat/completions", "", efforts, KNOWN | MORE, others=("/v1/tcp_warming", "/v1/models"))


def _end(usage: dict[str, Any], frame: dict[str, Any]) -> list[dict[str, Any]]:
    times = {"queue_time": 0.0001, "prompt_time": 0.001, "completion_time": 0.004, "total_time": 0.006}
    return [{**frame, "choices": [], "usage": usage or None, "time_info": times}]


async def serve(peer: Peer) -> None:
    """One request."""
    await _serve(peer, HOUSE, KEY, _end)
