"""A double of Groq: the chat completions dialect, with the times of its machine and ``x_groq``. Options are those of ``_brain``.

Source: the SDK groq 1.7, Groq API reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from offhook.testing.vendors._chat import EFFORTS, KNOWN, House
from offhook.testing.vendors._chat import serve as _serve
from offhook.testing.vendors.server import Peer

VENDOR: Final = "groq"
PREFIX: Final = "/groq"
KEY: Final = "gsk_of_the_double"
TIMES: Final = {"queue_time": 0.001, "prompt_time": 0.002, "completion_time": 0.01, "total_time": 0.013}
MORE: Final = {"reasoning_format", "include_reasoning", "disable_tool_validation", "search_settings", "citation_options", "compound_custom"}


def efforts(model: str) -> Sequence[str] | None:
    """Qwen can be told not to reason, gpt-oss only to do it less, the rest knows no such thing."""
    if "gpt-oss" in model:
        return EFFORTS[2:5]
    return ("none", "default") if "qwen" in model else None


HOUSE: Final = House("/openai/v1/chat/completions", "", efforts, KNOWN | MORE, others=("/openai/v1/models",))


def _end(usage: dict[str, Any], frame: dict[str, Any]) -> list[dict[str, Any]]:
    mine = {"x_groq": {"id": "req_1", "usage": {**usage, **TIMES}}} if usage else {}
    return [{**frame, "choices": [], **mine}]


async def serve(peer: Peer) -> None:
    """One request."""
    await _serve(peer, HOUSE, KEY, _end)
