"""The providers of the process: loaded once by name, shared by all calls, and tried in a plan's order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

import anyio
import anyio.to_thread

from offhook import registry
from offhook.errors import ConfigError, ProviderError, Unavailable
from offhook.ports.endpoint import Endpoint
from offhook.ports.llm import Llm
from offhook.ports.spec import Kind
from offhook.ports.stt import Stt
from offhook.ports.tts import Tts
from offhook.ports.vad import Vad

P = TypeVar("P")
S = TypeVar("S")


class Lineup:
    """Loads providers on first use; loading happens in a thread, since it reads weights."""

    def __init__(self, context: registry.ProviderContext) -> None:
        self._context = context
        self._loaded: dict[tuple[Kind, str], object] = {}
        self._lock = anyio.Lock()

    async def _load(self, kind: Kind, name: str) -> object:
        async with self._lock:
            if (kind, name) not in self._loaded:
                self._loaded[kind, name] = await anyio.to_thread.run_sync(registry.load, kind, name, self._context)
            return self._loaded[kind, name]

    async def stt(self, name: str) -> Stt:
        """A recogniser by name; ConfigError when there is none."""
        return cast("Stt", await self._load("stt", name))

    async def tts(self, name: str) -> Tts:
        """A voice provider by name."""
        return cast("Tts", await self._load("tts", name))

    async def llm(self, name: str) -> Llm:
        """A language model by name."""
        return cast("Llm", await self._load("llm", name))

    async def vad(self, name: str) -> Vad:
        """A voice detector by name."""
        return cast("Vad", await self._load("vad", name))

    async def endpoint(self, name: str) -> Endpoint:
        """An end-of-turn model by name."""
        return cast("Endpoint", await self._load("endpoint", name))

    async def warm(self, names: Sequence[str]) -> None:
        """Load providers given as ``kind:name`` before the first call."""
        for entry in names:
            kind, _, name = entry.partition(":")
            if kind not in {"stt", "tts", "llm", "vad", "endpoint"} or not name:
                msg = f"warm: {entry!r} is not kind:name, such as stt:local"
                raise ConfigError(msg)
            await self._load(cast("Kind", kind), name)

    async def aclose(self) -> None:
        """Release every provider."""
        for provider in self._loaded.values():
            close = getattr(provider, "aclose", None)
            if close is not None:
                await close()
        self._loaded.clear()


async def first_that_opens(
    names: Sequence[str],
    load: Callable[[str], Awaitable[P]],
    open_one: Callable[[P], Awaitable[S]],
    failed: Callable[[ProviderError], None],
) -> tuple[P, S]:
    """The first provider of the list whose session opens. Raises the last one's ProviderError."""
    last: ProviderError = Unavailable("plan", "the plan names no provider; add one to models")
    for name in names:
        provider = await load(name)
        try:
            return provider, await open_one(provider)
        except ProviderError as error:
            failed(error)
            last = error
    raise last
