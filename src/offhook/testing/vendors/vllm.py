"""A double of a vLLM server, without a key. Options are those of ``_brain``.

Source: vLLM documentation, OpenAI-compatible server.
"""

from __future__ import annotations

from typing import Final

from offhook.testing.vendors._chat import KNOWN, House, plain_end
from offhook.testing.vendors._chat import serve as _serve
from offhook.testing.vendors.server import Peer

VENDOR: Final = "vllm"
PREFIX: Final = "/vllm/v1"
KEY: Final = ""
MORE: Final = {"chat_template_kwargs", "guided_json", "structured_outputs", "min_tokens", "top_k", "ignore_eos", "add_generation_prompt"}
HOUSE: Final = House("/chat/completions", "", lambda _: None, KNOWN | MORE, keyless=True)


async def serve(peer: Peer) -> None:
    """One request."""
    await _serve(peer, HOUSE, KEY, plain_end)
