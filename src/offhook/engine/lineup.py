"""The providers of the process: loaded once by name and account, shared by all calls, and tried in a plan's order.

A tenant's own accounts are settings that a plan lays over the process's (``vendors``). A provider is made anew only for those of them that
it reads: what is embedded is shared by all, and a key that was changed is used from the next call on. An account is one whole: who brings a
key or an address gets no other setting of the process's account with that vendor, be it the voice or the version.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar, cast

import anyio
import anyio.to_thread

from offhook import registry
from offhook.engine.failover.health import Candidate, HealthBoard, Replaced
from offhook.engine.failover.llm import HedgeBudget, HedgedLlm, HedgePolicy
from offhook.engine.failover.race import Closer
from offhook.engine.failover.stt import SteadyStt
from offhook.engine.failover.tts import SteadyTts
from offhook.errors import ConfigError, ProviderError, Rejected, Unavailable
from offhook.ports.endpoint import Endpoint
from offhook.ports.llm import Llm, TokenUsage
from offhook.ports.spec import Kind
from offhook.ports.stt import Stt
from offhook.ports.tts import Tts
from offhook.ports.vad import Vad

P = TypeVar("P")
S = TypeVar("S")
Vendors = Mapping[str, str]
"""Settings of a plan that lie over the process's, such as ``DEEPGRAM_API_KEY``. Secret."""
NONE: Final[Vendors] = {}
_ACCOUNT: Final = ("_API_KEY", "_BASE_URL")
_SETTINGS: Final = (*_ACCOUNT, "_API_VERSION", "_REGION", "_VOICE")
"""Ends of the names of all that belongs to an account."""


def _below(env: Mapping[str, str], over: Vendors) -> Mapping[str, str]:
    """The process's settings without those of the accounts that a plan brings its own of."""
    whose = {name.removesuffix(end) for name in over for end in _ACCOUNT if name.endswith(end)}
    hidden = {name + end for name in whose for end in _SETTINGS}
    return {name: value for name, value in env.items() if name not in hidden} if hidden else env


class _Env(Mapping[str, str]):
    """Settings with a plan's laid over them; remembers which were read, until it is sealed. Then the plan's others are not seen any more:
    who shares a provider because it did not read them must not lend each other keys.
    """

    def __init__(self, below: Mapping[str, str], over: Vendors) -> None:
        self._below = below
        self._over = over
        self._sealed = False
        self.seen: set[str] = set()

    def seal(self) -> None:
        """The provider is made."""
        self._sealed = True
        self._over = {name: value for name, value in self._over.items() if name in self.seen}

    def __getitem__(self, name: str) -> str:
        if not self._sealed:
            self.seen.add(name)
        return self._over[name] if name in self._over else self._below[name]

    def __iter__(self) -> Iterator[str]:
        names = {*self._below, *self._over}
        if not self._sealed:
            self.seen |= names
        return iter(names)

    def __len__(self) -> int:
        return len({*self._below, *self._over})

    def __repr__(self) -> str:
        return "<settings>"


@dataclass(slots=True)
class _Loaded:
    """A provider and how many calls have it."""

    provider: object = field(repr=False)
    account: str
    calls: int = 0


class Lineup:
    """Loads providers on first use; loading happens in a thread, since it reads weights.

    ``most`` providers with accounts of tenants are kept, those that were used last; one that a call still has is never closed.
    """

    def __init__(self, context: registry.ProviderContext, board: HealthBoard | None = None, most: int = 200) -> None:
        self.board = board or HealthBoard()
        self.closer = Closer()
        self.budget = HedgeBudget()
        self._context = context
        self._most = most
        self._salt = secrets.token_bytes(16)
        self._loaded: OrderedDict[tuple[Kind, str, str], _Loaded] = OrderedDict()
        self._reads: dict[tuple[Kind, str], frozenset[str]] = {}
        self._lock = anyio.Lock()

    # -- one provider -------------------------------------------------------------------------------------------------

    async def stt(self, name: str) -> Stt:
        """A recogniser by name; ConfigError when there is none."""
        return cast("Stt", (await self._load("stt", name)).provider)

    async def tts(self, name: str) -> Tts:
        """A voice provider by name."""
        return cast("Tts", (await self._load("tts", name)).provider)

    async def llm(self, name: str) -> Llm:
        """A language model by name."""
        return cast("Llm", (await self._load("llm", name)).provider)

    async def vad(self, name: str) -> Vad:
        """A voice detector by name."""
        return cast("Vad", (await self._load("vad", name)).provider)

    async def endpoint(self, name: str) -> Endpoint:
        """An end-of-turn model by name."""
        return cast("Endpoint", (await self._load("endpoint", name)).provider)

    # -- several as one -----------------------------------------------------------------------------------------------

    async def steady_stt(
        self,
        names: Sequence[str],
        vendors: Vendors = NONE,
        *,
        failed: Callable[[ProviderError], None] = lambda _: None,
        replaced: Callable[[Replaced], None] = lambda _: None,
        served: Callable[[str], None] = lambda _: None,
    ) -> SteadyStt:
        """A call's recognisers in order as one. Those that lack a setting, or have one that is refused, are left out and told as failed;
        ConfigError when none is left.

        A call closes it (``aclose``) when it has ended. So with the other two.
        """
        candidates, release = await self._candidates("stt", names, vendors, self.stt, failed)
        return SteadyStt(candidates, self.closer, failed=failed, replaced=replaced, served=served, released=release)

    async def steady_tts(
        self,
        names: Sequence[str],
        vendors: Vendors = NONE,
        *,
        voices: Vendors = NONE,
        failed: Callable[[ProviderError], None] = lambda _: None,
        replaced: Callable[[Replaced], None] = lambda _: None,
        served: Callable[[str], None] = lambda _: None,
    ) -> SteadyTts:
        """A call's voices in order as one. ``voices``: what the call's voice is called by whom, by name or by provider."""
        candidates, release = await self._candidates("tts", names, vendors, self.tts, failed)
        theirs = {one: voices.get(one, voices.get(one.partition(":")[0], "")) for one in names}
        known = {name: voice for name, voice in theirs.items() if voice}
        first = names[0] if names else ""
        return SteadyTts(
            candidates, self.closer, voices=known, first=first, failed=failed, replaced=replaced, served=served, released=release
        )

    async def hedged_llm(
        self,
        names: Sequence[str],
        vendors: Vendors = NONE,
        *,
        policy: HedgePolicy | None = None,
        failed: Callable[[ProviderError], None] = lambda _: None,
        replaced: Callable[[Replaced], None] = lambda _: None,
        served: Callable[[str], None] = lambda _: None,
        wasted: Callable[[TokenUsage], None] = lambda _: None,
    ) -> HedgedLlm:
        """A call's language models in order as one."""
        candidates, release = await self._candidates("llm", names, vendors, self.llm, failed)
        policy = policy or HedgePolicy()
        return HedgedLlm(
            candidates, self.budget, self.closer, policy, failed=failed, replaced=replaced, served=served, wasted=wasted, released=release
        )

    async def _candidates(
        self,
        kind: Kind,
        names: Sequence[str],
        vendors: Vendors,
        shared: Callable[[str], Awaitable[P]],
        failed: Callable[[ProviderError], None],
    ) -> tuple[list[Candidate[P]], Callable[[], None]]:
        found: list[Candidate[P]] = []
        held: list[_Loaded] = []
        last: ConfigError | None = None
        for name in dict.fromkeys(names):
            try:
                if vendors:
                    loaded = await self._load(kind, name, vendors)
                    loaded.calls += 1
                    held.append(loaded)
                    found.append(Candidate(name, cast("P", loaded.provider), self.board.of(f"{kind}/{name}", loaded.account)))
                else:
                    found.append(Candidate(name, await shared(name), self.board.of(f"{kind}/{name}")))
            except ConfigError as error:
                last = error
                failed(Rejected(f"{kind}/{name}", error.public))
        if not found and last is not None:
            raise last

        def release() -> None:
            for loaded in held:
                loaded.calls -= 1
            held.clear()
            self._make_room()

        return found, release

    # -- loading ------------------------------------------------------------------------------------------------------

    async def _load(self, kind: Kind, name: str, vendors: Vendors = NONE) -> _Loaded:
        there = self._known(kind, name, vendors)
        if there is not None:
            return there
        async with self._lock:
            there = self._known(kind, name, vendors)
            if there is not None:
                return there
            env = _Env(_below(self._context.env, vendors), vendors)
            context = replace(self._context, env=env, theirs=frozenset(vendors))
            provider = await anyio.to_thread.run_sync(registry.load, kind, name, context)
            env.seal()
            self._reads[kind, name] = self._reads.get((kind, name), frozenset()) | env.seen
            account = self._account(kind, name, vendors)
            key = (kind, name, account)
            if key in self._loaded:
                # Made only to learn what it reads, which was nothing of the tenant's.
                self.closer.add(partial(_close, provider))
            else:
                self._loaded[key] = _Loaded(provider, account)
                self._make_room()
            return self._loaded[key]

    def _known(self, kind: Kind, name: str, vendors: Vendors) -> _Loaded | None:
        if vendors and (kind, name) not in self._reads:
            return None
        key = (kind, name, self._account(kind, name, vendors))
        if key in self._loaded:
            self._loaded.move_to_end(key)
        return self._loaded.get(key)

    def _account(self, kind: Kind, name: str, vendors: Vendors) -> str:
        """A label for the settings of a plan that a provider reads; "" for none of them. No key can be found from it."""
        mine = sorted((one, vendors[one]) for one in self._reads.get((kind, name), frozenset()) if one in vendors)
        if not mine:
            return ""
        text = "\0".join(part for pair in mine for part in pair)
        return hashlib.blake2b(text.encode(), key=self._salt, digest_size=6).hexdigest()

    def _make_room(self) -> None:
        """Close what tenants' calls have not used for longest."""
        theirs = [(key, one) for key, one in self._loaded.items() if one.account]
        unused = [(key, one) for key, one in theirs[:-1] if not one.calls]
        for key, one in unused[: max(0, len(theirs) - self._most)]:
            del self._loaded[key]
            self.closer.add(partial(_close, one.provider))

    # -- the process --------------------------------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """Figures for health checks and operators."""
        accounts = Counter("theirs" if one.account else "ours" for one in self._loaded.values())
        return {"providers": dict(accounts), "health": self.board.report(), "hedges": self.budget.hedges, "hedges_won": self.budget.won}

    async def run(self) -> None:
        """Close what calls have thrown away, for as long as the process lives. Without it each call does so itself."""
        await self.closer.run()

    async def warm(self, names: Sequence[str]) -> None:
        """Load providers given as ``kind:name`` before the first call, and the clients of all that a plan may name."""
        await anyio.to_thread.run_sync(registry.preload)
        for entry in names:
            kind, _, name = entry.partition(":")
            if kind not in {"stt", "tts", "llm", "vad", "endpoint"} or not name:
                msg = f"warm: {entry!r} is not kind:name, such as stt:local"
                raise ConfigError(msg)
            await self._load(cast("Kind", kind), name)

    async def aclose(self) -> None:
        """Release every provider."""
        await self.closer.drain(always=True)
        for loaded in self._loaded.values():
            await _close(loaded.provider)
        self._loaded.clear()


async def _close(provider: object) -> None:
    close = getattr(provider, "aclose", None)
    if close is not None:
        await close()


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
