"""One streamed request to a language model: deadlines, refused parameters, usage in any case, a pool that stays clean.

What a vendor's wire looks like is its ``Wire`` and its ``Answer``; both are pure.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

import anyio

from offhook.errors import ProviderError, Rejected, Timeout, Unavailable
from offhook.ports.llm import LlmEvent, LlmRequest, TokenUsage
from offhook.ports.spec import ProviderSpec
from offhook.providers._vendor import Account, Http, refusal, sse

DRAIN_S: Final = 0.1
"""How long the end of a finished answer is waited for, so that its connection can be used again. It comes with the last event."""
KINDS: Final = 50
"""Most kinds that are counted by themselves: the vendor makes up their names."""
ALL: Final = 99
"""More values than any parameter has."""
UNSUPPORTED: Final = re.compile(r"support|not permitted|unrecogni[sz]ed|unknown|unexpected", re.IGNORECASE)
WRONG_SCHEMA: Final = re.compile(r"invalid schema|\.schema\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Longest waits for a vendor, in seconds. They keep a reply from hanging; when to go elsewhere earlier is the failover's to say."""

    first: float = 8.0
    """Request to the first event."""
    gap: float = 4.0
    """Between two events; comments that keep the connection alive are none."""
    total: float = 30.0
    """All waits of one answer."""


class Refusal(Rejected):
    """The vendor will not take the request as it is; ``body`` is what it said."""

    def __init__(self, provider: str, public: str, *, detail: str, body: str) -> None:
        super().__init__(provider, public, detail=detail)
        self.body = body


class Answer(Protocol):
    """Makes events of a vendor's; knows nothing of connections."""

    ended: bool
    """The vendor has said that this is all."""
    ignored: Counter[str]

    def take(self, name: str, data: str) -> list[LlmEvent]:
        """What one event of the stream means; raises ProviderError."""
        ...

    def usage(self) -> TokenUsage:
        """What has been used by now, estimated where the vendor has not said."""
        ...

    def finish(self) -> list[LlmEvent]:
        """Tool calls, usage, Done. Unavailable if the stream was cut off before its end."""
        ...


class Wire(Protocol):
    """What a vendor wants to be sent."""

    spec: ProviderSpec
    account: Account
    url: str
    warm_url: str
    headers: Mapping[str, str]
    schema_in: str
    """The optional parameter that binds the answer to the schema."""

    def body(self, request: LlmRequest) -> dict[str, Any]:
        """What every vendor of this dialect takes."""
        ...

    def optional(self, request: LlmRequest, refused: Mapping[str, int]) -> dict[str, Sequence[Any]]:
        """Parameters that a model may refuse, each with the values to try, best first; none left means that it is not sent."""
        ...

    def answer(self, request: LlmRequest) -> Answer:
        """For the answer to this request."""
        ...

    def refusal(self, status: int, headers: Mapping[str, str], body: str) -> ProviderError | None:
        """The error for an HTTP answer of this vendor's own kind; None for those that all have."""
        ...


class StreamedLlm:
    """A language model behind a wire; see ``Llm``. What comes unasked is counted in ``ignored``, what was dropped in ``refused``."""

    def __init__(self, wire: Wire, deadlines: Deadlines | None = None) -> None:
        self.spec = wire.spec
        self.ignored: Counter[str] = Counter()
        self.refused: dict[str, int] = {}
        """How many values of a parameter this model has refused."""
        self.deadlines = deadlines or Deadlines()
        self._wire = wire
        # a compressed stream comes in blocks, and late
        self._http = Http(wire.account, {**wire.headers, "accept-encoding": "identity", "user-agent": "offhook"}, self._refusal)
        self._closed = False

    async def stream(self, request: LlmRequest) -> AsyncGenerator[LlmEvent, None]:
        """See ``Llm.stream``. Close it (``contextlib.aclosing``) where it is left before its end: that drops the request at once."""
        provider = self.spec.id
        if self._closed:
            raise Unavailable(provider, "it has been closed")
        while True:
            extra = self._wire.optional(request, self.refused)
            sent = {name: tried for name, values in extra.items() if (tried := self.refused.get(name, 0)) < len(values)}
            body = self._wire.body(request) | {name: extra[name][tried] for name, tried in sent.items()}
            answer = self._wire.answer(request)
            begun = False
            try:
                async with AsyncExitStack() as stack:
                    wait = _Wait(provider, self.deadlines)
                    events = await wait.opened(stack, self._http, self._wire.url, body)
                    begun = True
                    while not answer.ended and (event := await wait.next(events)) is not None:
                        for found in answer.take(*event):
                            yield found
                    with anyio.move_on_after(DRAIN_S):
                        while answer.ended and await anext(events, None) is not None:
                            pass
                for found in answer.finish():
                    yield found
                return
            except Refusal as error:
                if not self._drop(error.body, sent):
                    raise self._without_key(error) from None
            except ProviderError as error:
                if begun:  # it was paid for
                    yield answer.usage()
                raise self._without_key(error) from None
            finally:
                for kind, count in answer.ignored.items():
                    self.ignored[kind if kind in self.ignored or len(self.ignored) < KINDS else "others"] += count

    async def warm(self) -> None:
        """Have a connection open for the next request; never raises."""
        if not self._closed:
            await self._http.get(self._wire.warm_url)

    async def aclose(self) -> None:
        """Release connections; idempotent."""
        self._closed = True
        await self._http.aclose()

    def _refusal(self, provider: str, status: int, headers: Mapping[str, str], body: str = "") -> ProviderError:
        error = self._wire.refusal(status, headers, body) or refusal(provider, status, headers, body)
        if type(error) is Rejected and status in {400, 422}:
            return Refusal(provider, error.public, detail=error.detail, body=body)
        return error

    def _drop(self, body: str, sent: Mapping[str, int]) -> bool:
        """Whether the refusal was of a parameter that can be left out: it is from now on, or has its next value."""
        name, how = refused_parameter(body, tuple(sent))
        if not name or (name == self._wire.schema_in and (WRONG_SCHEMA.search(body) or not UNSUPPORTED.search(body))):
            return False  # a schema that is wrong must not become an answer without one
        self.refused[name] = max(self.refused.get(name, 0), sent[name] + 1 if how == "value" else ALL)
        if name == self._wire.schema_in:
            self.spec = replace(self.spec, structured=False)
        return True

    def _without_key(self, error: ProviderError) -> ProviderError:
        """Some vendors quote the key that they refuse."""
        key = self._wire.account.key
        if key:
            error.detail = error.detail.replace(key, "***")
        if isinstance(error, Refusal):
            return Rejected(error.provider, error.public, detail=error.detail)
        return error


def refused_parameter(body: str, sent: Sequence[str]) -> tuple[str, Literal["value", "whole"]]:
    """Which of the parameters an error is about, by its ``param``, else the first one that its message names ("" for none); and whether
    it is about this value, or a part of it, or the parameter as such.
    """
    try:
        error = json.loads(body)["error"]
        param, message = error.get("param"), str(error.get("message", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        param, message = None, body
    how: Literal["value", "whole"] = "value" if re.search(r"\bvalues?\b", message, re.IGNORECASE) else "whole"
    if isinstance(param, str) and param:
        head, *rest = re.split(r"[.\[]", param, maxsplit=1)
        return (head if head in sent else ""), ("value" if rest else how)
    found = [(hit.start(), name) for name in sent if (hit := re.search(rf"\b{re.escape(name)}\b", message))]
    return (min(found)[1] if found else ""), how


class _Wait:
    """The waits of one answer. Time that whoever reads the answer takes is not the vendor's."""

    def __init__(self, provider: str, deadlines: Deadlines) -> None:
        self._provider = provider
        self._deadlines = deadlines
        self._left = deadlines.total
        self._allowed = deadlines.first

    async def opened(self, stack: AsyncExitStack, http: Http, url: str, body: Mapping[str, Any]) -> AsyncIterator[tuple[str, str]]:
        """The events of the answer, once its head is there."""
        from_start = anyio.current_time()
        try:
            with anyio.fail_after(min(self._allowed, self._left)):
                response = await stack.enter_async_context(http.post(url, body))
        except TimeoutError:
            raise self._late() from None
        self._allowed -= anyio.current_time() - from_start
        return await stack.enter_async_context(aclosing(sse(self._provider, response)))

    async def next(self, events: AsyncIterator[tuple[str, str]]) -> tuple[str, str] | None:
        """The next event, None at the end."""
        before = anyio.current_time()
        try:
            with anyio.fail_after(min(self._allowed, self._left)):
                found = await anext(events, None)
        except TimeoutError:
            raise self._late() from None
        self._left -= anyio.current_time() - before
        self._allowed = self._deadlines.gap
        return found

    def _late(self) -> Timeout:
        return Timeout(self._provider, "the vendor stopped in its answer, or never began it")
