"""The search for a provider that is there: in the plan's order, those that just failed behind, those with an open breaker last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

import anyio

from offhook.engine.failover.health import Candidate, in_order
from offhook.engine.failover.race import first_of
from offhook.errors import ConfigError, FormatError, ProviderError, Rejected, Timeout, Unavailable

P = TypeVar("P")
S = TypeVar("S")


@dataclass(slots=True)
class Search(Generic[P]):
    """One call's search among candidates of a kind. Seconds."""

    kind: str
    candidates: Sequence[Candidate[P]]
    connect: float
    """Longest wait for one of them."""
    limit: float
    again: float
    """One that failed comes behind the others for so long."""
    blamed: Callable[[ProviderError], None]
    tried: set[str] = field(default_factory=set)
    """Not to be tried again, by name."""
    failed: str = ""
    """Name of the last one that failed; its error is ``why``. Set by ``blame`` and by who gives one up."""
    why: ProviderError | None = None
    at: dict[str, float] = field(default_factory=dict)
    """When which one failed."""

    def blame(self, candidate: Candidate[P], error: ProviderError) -> None:
        """It failed, and this counts."""
        candidate.health.failed(error)
        self.blamed(error)
        self.lost(candidate, error)

    def lost(self, candidate: Candidate[P], error: ProviderError) -> None:
        """It is not asked again soon."""
        self.at[candidate.name] = anyio.current_time()
        self.why, self.failed = error, candidate.name

    async def find(
        self, open_one: Callable[[Candidate[P]], Awaitable[S]], *, stagger: float, release: Callable[[tuple[Candidate[P], S]], None]
    ) -> tuple[Candidate[P], S]:
        """The first one that opens; ``release`` gets what opened too late. Raises the last ProviderError.

        Where there is only one, it is dialled a second time after ``stagger`` seconds in which the first dialling hangs: connections hang
        one by one, and nobody else can be asked.
        """
        now = anyio.current_time()
        ready = [one for one in in_order(self.candidates) if one.name not in self.tried]
        recent = {name: at for name, at in self.at.items() if now - at < self.again}
        ready.sort(key=lambda one: recent.get(one.name, -1.0))
        last = self.why or Unavailable(f"{self.kind}/steady", f"the plan names no provider; add one to models.{self.kind}")
        for some in ([one for one in ready if one.health.admits()], [one for one in ready if not one.health.admits()]):
            if some:
                try:
                    attempts = [partial(self._open, one, open_one) for one in some]
                    if len(ready) == 1:
                        attempts.append(partial(self._open_again, some[0], open_one, self.why))
                    return await first_of(attempts, stagger=stagger, limit=self.limit, discard=release)
                except ProviderError as error:
                    last = error
        raise last

    async def _open_again(
        self, candidate: Candidate[P], open_one: Callable[[Candidate[P]], Awaitable[S]], before: ProviderError | None
    ) -> tuple[Candidate[P], S]:
        """A second connection beside the one that hangs. One that was refused is not asked again; a failure counts once, as the first's."""
        if self.why is not None and self.why is not before:
            raise self.why
        return await self._open(candidate, open_one, counts=False)

    async def _open(
        self, candidate: Candidate[P], open_one: Callable[[Candidate[P]], Awaitable[S]], *, counts: bool = True
    ) -> tuple[Candidate[P], S]:
        health, began = candidate.health, anyio.current_time()
        error: ProviderError | None = None
        opened = False
        health.begin()
        try:
            with anyio.fail_after(self.connect):
                session = await open_one(candidate)
            opened = True
        except TimeoutError:
            error = Timeout(candidate.name, "it was not there in time")
        except ProviderError as refused:
            error = refused
        except (FormatError, ConfigError) as refused:
            error = Rejected(candidate.name, refused.public, detail=refused.detail)
        finally:
            if not opened and error is None:
                health.dropped()
        if error is not None:
            if counts:
                self.blame(candidate, error)
            raise error
        if self.kind == "stt":
            health.measured(anyio.current_time() - began)
        return candidate, session
