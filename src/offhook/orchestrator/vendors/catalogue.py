"""Which vendors there are, read off the providers that are installed: a vendor is whoever's key is among a provider's settings."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anyio import to_thread

from offhook import registry
from offhook.contracts.plan import Models
from offhook.orchestrator.vendors.schemas import NAME
from offhook.regions import HOSTS

KINDS: Final = ("stt", "tts", "llm", "vad", "endpoint")
_KEY: Final = "_api_key"


@dataclass(frozen=True, slots=True)
class Vendor:
    """What an account with a vendor must have. ``regions``: hosts by name."""

    name: str
    hosted: bool
    keyless: bool
    regions: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The setting of its key."""
        return f"{self.name.upper()}_API_KEY"

    @property
    def base(self) -> str:
        """The setting of its address."""
        return f"{self.name.upper()}_BASE_URL"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Vendors by name, and a vendor's name by kind and name of provider."""

    vendors: Mapping[str, Vendor]
    providers: Mapping[tuple[str, str], str]

    def needed(self, models: Models) -> frozenset[str]:
        """Vendors whose providers these models are."""
        named = {
            "stt": models.stt,
            "tts": models.tts,
            "llm": models.llm,
            "vad": (models.vad,),
            "endpoint": (models.endpoint,) if models.endpoint else (),
        }
        heads = [(kind, one.partition(":")[0].replace("-", "_")) for kind, names in named.items() for one in names]
        return frozenset(self.providers[head] for head in heads if head in self.providers)


def vendor_of(spec: Any) -> str | None:  # noqa: ANN401 - a provider's spec, which is the engine's
    """Whose account a provider needs; None for one that is embedded."""
    return next((name.removesuffix(_KEY) for name in spec.settings if name.endswith(_KEY)), None)


async def catalogue() -> Catalogue:
    """Found once, in a thread: providers' modules are imported."""
    return _found() if _found.cache_info().currsize else await to_thread.run_sync(_found)


@functools.cache
def _found() -> Catalogue:
    vendors: dict[str, Vendor] = {}
    providers: dict[tuple[str, str], str] = {}
    for kind in KINDS:
        for provider, spec in registry.specs(kind).items():
            name = vendor_of(spec)
            if name is not None and re.fullmatch(NAME, name):
                providers[kind, provider.replace("-", "_")] = name
                vendors[name] = Vendor(name, spec.hosted, spec.keyless, HOSTS.get(f"{name.upper()}_BASE_URL", {}))
    return Catalogue(vendors, providers)
