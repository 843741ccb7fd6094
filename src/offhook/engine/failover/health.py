"""How each provider account has done lately, and a circuit breaker for it. Shared by all calls of the process.

======== ================================================================================ ==========================
breaker  becomes so when                                                                  lets through
======== ================================================================================ ==========================
closed   a probe succeeds                                                                 everything
open     failures in a row, a large share of failures, a refused key, a used-up quota,    nothing until its time
         or a vendor that says when to come back
half     its time has come and somebody tries                                             one attempt, the probe
======== ================================================================================ ==========================
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

import anyio

from offhook.errors import OverQuota, ProviderError, Rejected, Unauthorized

P_co = TypeVar("P_co", covariant=True)


class Circuit(Enum):
    """State of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and for how long. Seconds."""

    in_a_row: int = 3
    share: float = 0.5
    """This share of failures opens it too, once there were ``of_at_least`` outcomes within ``window``."""
    of_at_least: int = 8
    window: float = 30.0
    first: float = 2.0
    longest: float = 60.0
    hard: float = 300.0
    """For a key that is refused or a quota that is used up: nothing changes there by itself soon."""
    probe: float = 5.0
    """A probe of which nothing was heard for so long does not keep the next one away."""
    remember: float = 600.0
    """Latencies older than this say nothing about now."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """A snapshot for metrics and the router. Seconds; None where nothing was measured."""

    provider: str
    account: str
    circuit: Circuit
    opens_in: float
    """Seconds until an open breaker lets a probe through."""
    succeeded: int
    failed: dict[str, int]
    """By the error's class."""
    opened: int
    error_share: float
    p50: float | None
    p95: float | None
    busy: int
    """Sessions and requests that are open there."""


class Health:
    """One provider account. An attempt is ``begin`` and then one of ``ok``, ``failed`` and ``dropped``."""

    def __init__(
        self,
        provider: str,
        account: str = "",
        policy: BreakerPolicy | None = None,
        clock: Callable[[], float] = anyio.current_time,
        chance: Callable[[], float] = random.random,
        changed: Callable[[Health], None] = lambda _: None,
    ) -> None:
        self.provider = provider
        self.account = account
        self.succeeded = 0
        self.failures: Counter[str] = Counter()
        self.opened = 0
        self.busy = 0
        """Sessions and requests that are open there now."""
        self._policy = policy or BreakerPolicy()
        self._clock = clock
        self._chance = chance
        self._changed = changed
        self._circuit = Circuit.CLOSED
        self._until = 0.0
        self._probing = 0.0
        self._row = 0
        self._again = 0
        """Times that it opened since it was last closed."""
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=200)
        self._latencies: deque[tuple[float, float]] = deque(maxlen=200)

    @property
    def circuit(self) -> Circuit:
        """The breaker's state."""
        return self._circuit

    @property
    def until(self) -> float:
        """When an open breaker lets a probe through, on the clock."""
        return self._until

    def _turn(self, circuit: Circuit) -> None:
        if circuit is not self._circuit:
            self._circuit = circuit
            self._changed(self)

    def admits(self) -> bool:
        """Whether an attempt may be made now."""
        match self._circuit:
            case Circuit.CLOSED:
                return True
            case Circuit.OPEN:
                return self._clock() >= self._until
            case Circuit.HALF:
                return self._clock() >= self._probing + self._policy.probe

    def begin(self) -> None:
        """An attempt is made. With an open breaker it is the probe, be it due or the last resort of a call."""
        if self._circuit is not Circuit.CLOSED:
            self._probing = self._clock()
            self._turn(Circuit.HALF)

    def dropped(self) -> None:
        """An attempt ended without a verdict: it was not needed any more."""
        if self._circuit is Circuit.HALF:
            self._turn(Circuit.OPEN)

    def ok(self) -> None:
        """It did what it is for."""
        self.succeeded += 1
        self._outcomes.append((self._clock(), True))
        self._row = 0
        if self._circuit is Circuit.HALF:
            self._again = 0
            self._outcomes.clear()
            self._turn(Circuit.CLOSED)

    def measured(self, seconds: float) -> None:
        """How long its first answer took; also one that was given up after so long, or a slow provider would look fast."""
        self._latencies.append((self._clock(), seconds))

    def failed(self, error: ProviderError) -> None:
        """It failed. A request that it refused says nothing about it."""
        self.failures[type(error).__name__] += 1
        now = self._clock()
        if isinstance(error, Rejected):
            self.dropped()
            return
        self._outcomes.append((now, False))
        self._row += 1
        after = error.retry.after
        if isinstance(error, Unauthorized) or (isinstance(error, OverQuota) and after is None):
            self._open(now, self._policy.hard)
        elif after:
            self._open(now, min(after, self._policy.hard))
        elif self._circuit is not Circuit.CLOSED or self._row >= self._policy.in_a_row or self._mostly_failing(now):
            self._open(now, 0.0)

    def _mostly_failing(self, now: float) -> bool:
        recent = [ok for at, ok in self._outcomes if now - at <= self._policy.window]
        return len(recent) >= self._policy.of_at_least and recent.count(False) >= self._policy.share * len(recent)

    def _open(self, now: float, least: float) -> None:
        """At least so long; doubled each time, between half of it and the whole, so that engines do not probe in step."""
        back_off = min(self._policy.longest, self._policy.first * 2.0 ** min(self._again, 16))
        wait = max(least, back_off * (0.5 + 0.5 * self._chance()))
        if self._circuit is not Circuit.OPEN:
            self.opened += 1
            self._again += 1
        self._until = max(self._until, now + wait)
        self._turn(Circuit.OPEN)

    def quantile(self, share: float, at_least: int = 1) -> float | None:
        """Seconds within which this share of the first answers came, None with fewer than ``at_least`` of them."""
        now = self._clock()
        recent = sorted(seconds for at, seconds in self._latencies if now - at <= self._policy.remember)
        return recent[min(len(recent) - 1, int(len(recent) * share))] if len(recent) >= max(1, at_least) else None

    def report(self) -> HealthReport:
        """A snapshot."""
        now = self._clock()
        recent = [ok for at, ok in self._outcomes if now - at <= self._policy.window]
        return HealthReport(
            provider=self.provider,
            account=self.account,
            circuit=self._circuit,
            opens_in=max(0.0, self._until - now) if self._circuit is Circuit.OPEN else 0.0,
            succeeded=self.succeeded,
            failed=dict(self.failures),
            opened=self.opened,
            error_share=recent.count(False) / len(recent) if recent else 0.0,
            p50=self.quantile(0.5),
            p95=self.quantile(0.95),
            busy=self.busy,
        )


@dataclass(slots=True)
class HealthBoard:
    """The health of all provider accounts of a process; what was asked for longest ago is forgotten first."""

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    clock: Callable[[], float] = anyio.current_time
    chance: Callable[[], float] = random.random
    changed: Callable[[Health], None] = lambda _: None
    """Hears of every breaker that has turned."""
    most: int = 2_000
    _known: OrderedDict[tuple[str, str], Health] = field(default_factory=OrderedDict)

    def of(self, provider: str, account: str = "") -> Health:
        """The health of a provider (``stt/deepgram``, or a plan's name) under an account's label, which is no key."""
        key = (provider, account)
        if key not in self._known:
            self._known[key] = Health(provider, account, self.policy, self.clock, self.chance, lambda health: self.changed(health))
            while len(self._known) > self.most:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def report(self) -> tuple[HealthReport, ...]:
        """Snapshots of all."""
        return tuple(health.report() for health in self._known.values())


@dataclass(frozen=True, slots=True)
class Candidate(Generic[P_co]):
    """A provider that may be asked: its name in the plan, itself, and how it has done."""

    name: str
    provider: P_co
    health: Health


def in_order(candidates: Iterable[Candidate[P_co]], *, last_resort: bool = True) -> list[Candidate[P_co]]:
    """Those whose breaker lets an attempt through, in order; then, as a last resort, the others, the soonest due first."""
    found = list(candidates)
    shut = [one for one in found if not one.health.admits()]
    open_ones = [one for one in found if one not in shut]
    return open_ones + (sorted(shut, key=lambda one: one.health.until) if last_resort else [])


@dataclass(frozen=True, slots=True)
class Replaced:
    """One provider took over from another, for traces and ``voice_provider_failover_total``. ``why`` is an error's class or ``stalled``."""

    kind: str
    failed: str
    by: str
    why: str
    seconds: float
    """From the failure to the successor being there."""
    took: float | None = None
    """The successor's own seconds, where they are not the same."""
