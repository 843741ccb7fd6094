"""What this installation knows: providers with their voices and languages, and the tools that it has."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from offhook import registry
from offhook.orchestrator.tools.builtin import TOOLS

KINDS: Final = ("stt", "tts", "llm", "vad", "endpoint")


@dataclass(frozen=True, slots=True)
class Known:
    """Providers by kind and name; None for one that is here and cannot be asked, such as one whose extra is not installed."""

    providers: Mapping[str, Mapping[str, Any]]
    tools: Mapping[str, str]
    """Built-in tools and their effect, read or write."""

    def spec(self, kind: str, name: str) -> Any:  # noqa: ANN401 - a provider's spec, None if nothing is known of it
        """What a provider (``deepgram:nova-3``) says of itself."""
        return self.providers.get(kind, {}).get(name.partition(":")[0].replace("-", "_"))


@functools.cache
def known() -> Known:
    """Found once: what is installed does not change while the process runs. Imports providers' modules; call it in a thread."""
    providers: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        specs = registry.specs(kind)
        providers[kind] = {name.replace("-", "_"): specs.get(name) for name in registry.names(kind)}
    return Known(providers, {name: effect for name, (effect, _) in TOOLS.items()})
