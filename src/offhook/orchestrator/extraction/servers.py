"""Where the language models of an agent are found that speak the dialect of OpenAI, with the account of its tenant or reseller. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from offhook.orchestrator.extraction.model import Server

BASES: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("https://api.openai.com/v1", ""),
    "groq": ("https://api.groq.com", "/openai/v1"),
    "cerebras": ("https://api.cerebras.ai", "/v1"),
    "vllm": ("", ""),
    "llamacpp": ("", ""),
}
"""By vendor: the address if the account has none, and what comes before the paths. Without an address there is no server but one's own."""


def server_of(models: tuple[str, ...], accounts: Mapping[str, str]) -> Server | None:
    """The first of these models that there is an account for; None if there is none."""
    for one in models:
        vendor, _, model = one.partition(":")
        name = vendor.upper()
        if vendor not in BASES or not model or f"{name}_BASE_URL" not in accounts:
            continue
        usual, prefix = BASES[vendor]
        base, key = accounts[f"{name}_BASE_URL"].rstrip("/") or usual, accounts.get(f"{name}_API_KEY", "")
        if not base or (usual and not key):
            continue
        return Server(base if urlsplit(base).path.endswith(prefix) else base + prefix, model, key)
    return None
