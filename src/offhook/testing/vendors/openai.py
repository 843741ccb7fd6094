"""A double of OpenAI's chat completions. Options are those of ``_brain``.

Source: OpenAI API reference, chat/completions; the SDK openai 3.54.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from offhook.testing.vendors._chat import EFFORTS, KNOWN, House, plain_end
from offhook.testing.vendors._chat import serve as _serve
from offhook.testing.vendors.server import Peer

VENDOR: Final = "openai"
PREFIX: Final = "/openai/v1"
KEY: Final = "sk-openai-of-the-double"
MORE: Final = {
    "store", "verbosity", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "prediction",
    "modalities", "audio", "functions", "function_call", "web_search_options", "moderation",
}  # fmt: skip


def efforts(model: str) -> Sequence[str] | None:
    """By family: the old ones know none, the o series no less than low, gpt-5 no less than minimal, later ones all."""
    if re.match(r"(ft:)?(gpt-3|gpt-4|chatgpt)", model):
        return None
    if re.match(r"(ft:)?o\d", model):
        return EFFORTS[2:5]
    if re.match(r"(ft:)?gpt-5(-(mini|nano|\d{4}).*)?$", model):
        return EFFORTS[1:5]
    return EFFORTS


HOUSE: Final = House("/chat/completions", r"(ft:)?(gpt-|o\d|chatgpt)", efforts, KNOWN | MORE)


async def serve(peer: Peer) -> None:
    """One request."""
    await _serve(peer, HOUSE, KEY, plain_end)
