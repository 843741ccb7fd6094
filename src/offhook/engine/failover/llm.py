"""A language model that does not keep a caller waiting: asked a second time when it is late, replaced when it fails, given up in time.

All of this before its first word. Once words are given out nobody else can go on with them: then an error is an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from offhook.engine.failover.health import Candidate, Replaced, in_order
from offhook.engine.failover.race import Closer, all_of, first_of
from offhook.errors import BadOutput, ProviderError, Timeout, Unavailable
from offhook.ports.llm import Done, Llm, LlmEvent, LlmRequest, TextDelta, TokenUsage, ToolCall
from offhook.ports.spec import ProviderSpec

ID = "llm/steady"
LETTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """Bounds, in seconds."""

    least: float = 0.7
    """A second request is made when the first content is later than the model's 95th percentile, but not before this"""
    most: float = 0.8
    """and not after this."""
    enough: int = 10
    """Measurements for a percentile."""
    first: float = 1.2
    """Without any content by then the models are given up, so that the rules can answer in good time."""
    gap: float = 2.0
    """Longest silence in the middle of an answer."""


@dataclass(slots=True)
class HedgeBudget:
    """Counts second requests of a process, or of a tenant: they are paid for."""

    share: float = 0.1
    """Of the last requests may have been made twice; beyond that nothing is, until the share is smaller again."""
    free: int = 2
    """Hedges that may be made before a share can be told."""
    requests: int = 0
    hedges: int = 0
    won: int = 0
    denied: int = 0
    """Requests that were late and could not be made again."""
    wasted_input: int = 0
    """Tokens of requests that were not needed: as the vendor said, or estimated."""
    wasted_output: int = 0
    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=200))

    def request(self) -> None:
        """A request is made."""
        self.requests += 1
        self._last.append(False)

    def allows(self) -> bool:
        """Whether a request may be made twice."""
        return self._last.count(True) < max(self.free, self.share * len(self._last))

    def hedge(self) -> None:
        """The last request was made twice."""
        self.hedges += 1
        if self._last:
            self._last[-1] = True

    def waste(self, request: LlmRequest, usage: TokenUsage | None) -> TokenUsage:
        """Count what was asked for in vain; returns what was counted."""
        if usage is None:
            usage = TokenUsage(sum(len(one.text) for one in request.messages) // LETTERS_PER_TOKEN, 0, estimated=True)
        self.wasted_input += usage.input
        self.wasted_output += usage.output
        return usage


class _Run:
    """One request to one model."""

    def __init__(self, candidate: Candidate[Llm], request: LlmRequest) -> None:
        self.candidate = candidate
        self.began = anyio.current_time()
        self.usage: TokenUsage | None = None
        self.buffer: deque[LlmEvent] = deque()
        self.settled = False
        """Its model's health knows how it went."""
        self.failed = False
        self._open = True
        candidate.health.busy += 1
        self._events = aiter(candidate.provider.stream(request))

    async def begin(self) -> None:
        """Wait for the first content. Raises ProviderError; an answer without any is BadOutput."""
        while True:
            event = await self.next()
            self.buffer.append(event)
            match event:
                case TextDelta(text=text) if text.strip():
                    return
                case ToolCall():
                    return
                case Done(why=why):
                    await self.aclose()
                    raise BadOutput(self.candidate.name, "the model declined" if why == "filtered" else "the model's answer was empty")
                case _:
                    continue

    async def next(self) -> LlmEvent:
        """The next event; an end without Done is BadOutput."""
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            raise BadOutput(self.candidate.name, "the model's answer ended without an end") from None
        if isinstance(event, TokenUsage):
            self.usage = event
        return event

    def settle(self, verdict: Callable[[], None]) -> None:
        """Tell the model's health, once."""
        if not self.settled:
            self.settled = True
            verdict()

    def leave(self) -> None:
        """Nothing more is asked of the model; idempotent."""
        if self._open:
            self._open = False
            self.candidate.health.busy -= 1

    async def aclose(self) -> None:
        """End the request."""
        self.leave()
        close = getattr(self._events, "aclose", None)
        if close is not None:
            await close()


class HedgedStream:
    """One answer; an iterator of events. Close it (``contextlib.aclosing``) where it is left before its end."""

    def __init__(self, owner: HedgedLlm, request: LlmRequest) -> None:
        self.by = ""
        """Name of the model that answers, once it has begun."""
        self.tried: list[str] = []
        """Names of the models that were asked."""
        self.hedged = False
        self._owner = owner
        self._policy = owner.policy
        self._request = request
        self._runs: list[_Run] = []
        self._vain: list[TokenUsage] = []
        """Of requests that were not the answer."""
        self._errors: list[ProviderError] = []
        self._run: _Run | None = None
        self._buffer: deque[LlmEvent] = deque()
        self._over = False
        self._told = False
        """That it went well."""

    def __aiter__(self) -> AsyncIterator[LlmEvent]:
        return self

    async def __anext__(self) -> LlmEvent:
        """The next event. Raises ProviderError; Timeout when no model had begun in time."""
        if self._over:
            raise StopAsyncIteration
        if self._run is None:
            whole = False
            try:
                self._run = await self._first()
                whole = True
            finally:
                self._over = not whole
            self._buffer = self._run.buffer
        event = self._buffer.popleft() if self._buffer else await self._more(self._run)
        if isinstance(event, Done):
            await self.aclose()
        return event

    async def aclose(self) -> None:
        """End the request; idempotent."""
        self._over = True
        if self._run is not None:
            if not self._run.failed and not self._told:
                self._told = True
                self._owner.served(self._run.candidate.name)
            await self._run.aclose()
        await self._owner.closer.drain()

    async def _more(self, run: _Run) -> LlmEvent:
        error: ProviderError
        event: LlmEvent | None = None
        try:
            with anyio.fail_after(self._policy.gap):
                event = await run.next()
            return event
        except TimeoutError:
            error = Timeout(run.candidate.name, "the model stopped in its answer")
        except ProviderError as broken:
            error = broken
        finally:
            if event is None:
                run.leave()
        self._over = run.failed = True
        run.candidate.health.failed(error)
        self._owner.failed(error)
        raise error

    async def _first(self) -> _Run:
        """The first model that has content."""
        owner, policy = self._owner, self._policy
        candidates = owner.fit(self._request)
        if not candidates:
            raise Unavailable(ID, "no language model can be asked now")
        if len(candidates) == 1:
            candidates = [candidates[0], candidates[0]]
        p95 = candidates[0].health.quantile(0.95, policy.enough)
        delay = min(policy.most, max(policy.least, p95 if p95 is not None else 0.0))
        owner.budget.request()
        may = owner.budget.allows()
        ended = False
        try:
            run = await first_of(
                [partial(self._ask, one) for one in candidates],
                stagger=delay,
                limit=policy.first,
                discard=lambda run: owner.closer.add(run.aclose),
                at_once=2 if may else 1,
            )
            ended = True
        except ProviderError as error:
            ended = True
            self._lost()
            if self._errors and error is self._errors[-1]:
                raise
            raise Timeout(ID, f"no language model began to answer within {policy.first:g} s") from None
        finally:
            if not ended:
                for one in self._runs:
                    if not one.settled:
                        self._vain.append(owner.budget.waste(self._request, one.usage))
                    one.settle(one.candidate.health.dropped)
                self._tell_vain(counted=1)
        self._won(run, delay, may=may)
        return run

    async def _ask(self, candidate: Candidate[Llm]) -> _Run:
        """One request, as far as its first content."""
        earlier = next((error for error in self._errors if error.retry.after != 0.0), None)
        if earlier is not None and self.tried == [candidate.name]:
            raise earlier  # the same model would say the same again
        if len(self._runs) > len(self._errors) and not self.hedged:
            self.hedged = True
            self._owner.budget.hedge()
        health = candidate.health
        health.begin()
        run = _Run(candidate, self._request)
        self._runs.append(run)
        self.tried.append(candidate.name)
        begun = False
        try:
            await run.begin()
            begun = True
        except ProviderError as error:
            self._errors.append(error)
            run.failed = True
            run.settle(partial(health.failed, error))
            self._owner.failed(error)
            spent = self._owner.budget.waste(self._request, run.usage)
            if run.usage is not None:  # one that was refused costs nothing
                self._vain.append(spent)
            raise
        finally:
            if not begun:
                run.leave()
        health.measured(anyio.current_time() - run.began)
        run.settle(health.ok)
        return run

    def _won(self, run: _Run, delay: float, *, may: bool) -> None:
        self.by = run.candidate.name
        budget, now = self._owner.budget, anyio.current_time()
        if self.hedged and run is not self._runs[0]:
            budget.won += 1
        if not may and now - run.began > delay:
            budget.denied += 1
        for other in self._runs:
            if other is run or other.failed:
                continue
            self._vain.append(budget.waste(self._request, other.usage))
            if other.began < run.began:
                self._late(other, now)
            else:
                other.settle(other.candidate.health.dropped)
        self._tell_vain(counted=0)
        if self._errors or run is not self._runs[0]:
            first = self._runs[0]
            why = type(self._errors[0]).__name__ if self._errors else "late"
            self._owner.replaced(Replaced("llm", first.candidate.name, self.by, why, now - first.began, now - run.began))

    def _lost(self) -> None:
        now = anyio.current_time()
        for run in self._runs:
            if not run.settled:
                self._vain.append(self._owner.budget.waste(self._request, run.usage))
                self._late(run, now)
        self._tell_vain(counted=1)

    def _tell_vain(self, *, counted: int) -> None:
        """Tell whoever pays of requests beside the one that is counted as the answer's, be there an answer or not."""
        for usage in self._vain[counted:]:
            self._owner.wasted(usage)
        self._vain.clear()

    def _late(self, run: _Run, now: float) -> None:
        """It took too long: it counts as a failure, and so long at least as its time."""
        if run.settled:  # it had begun, only later than the other
            return
        error = Timeout(run.candidate.name, "the model did not begin to answer in time")
        run.candidate.health.measured(now - run.began)
        run.settle(partial(run.candidate.health.failed, error))
        self._owner.failed(error)


@dataclass(slots=True)
class HedgedLlm:
    """Models in the plan's order as one. ``failed`` and ``replaced`` hear of what went wrong, for counts and traces."""

    candidates: Sequence[Candidate[Llm]]
    budget: HedgeBudget = field(default_factory=HedgeBudget)
    closer: Closer = field(default_factory=Closer)
    policy: HedgePolicy = field(default_factory=HedgePolicy)
    failed: Callable[[ProviderError], None] = lambda _: None
    replaced: Callable[[Replaced], None] = lambda _: None
    served: Callable[[str], None] = lambda _: None
    """Hears who has answered well, by the plan's name."""
    wasted: Callable[[TokenUsage], None] = lambda _: None
    """Hears what was paid for beside the answer: as the vendor said, or estimated."""
    released: Callable[[], None] = lambda: None
    """Told once that the call has no more use for them."""

    @property
    def spec(self) -> ProviderSpec:
        """The first one's capabilities."""
        if not self.candidates:
            return ProviderSpec(id=ID, kind="llm")
        return self.candidates[0].provider.spec

    def ordered(self, names: Sequence[str]) -> HedgedLlm:
        """The same models in another order, as a router wants; those that it does not name are left out."""
        known = {one.name: one for one in self.candidates}
        chosen = [known[name] for name in names if name in known]
        return replace(self, candidates=chosen, released=lambda: None)

    def fit(self, request: LlmRequest) -> list[Candidate[Llm]]:
        """Models that can do what is asked and whose breaker lets a request through, in order. The rules are there if there are none."""
        able = [one for one in self.candidates if one.provider.spec.tools or not request.tools]
        structured = [one for one in able if one.provider.spec.structured]
        if request.schema is not None and structured:
            able = structured
        return in_order(able, last_resort=False)

    def stream(self, request: LlmRequest) -> HedgedStream:
        """The answer of whoever begins first; see ``Llm.stream``."""
        return HedgedStream(self, request)

    async def warm(self) -> None:
        """Have connections open to the first two; never raises."""
        await all_of([one.provider.warm for one in in_order(self.candidates, last_resort=False)[:2]])

    async def aclose(self) -> None:
        """Close what was thrown away; the providers themselves are the lineup's. Idempotent."""
        released, self.released = self.released, lambda: None
        released()
        await self.closer.drain()
