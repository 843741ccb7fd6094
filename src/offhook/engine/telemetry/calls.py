"""What is told of a call, in one place: from there it goes into metrics and, where there is a collector, into spans.

Told once per turn, tool or failure, never per frame. Nothing here waits or raises.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import anyio

from offhook.contracts.events import Ladder, MediaQuality
from offhook.contracts.plan import TracePlan
from offhook.core.time import MS, SECOND, Instant
from offhook.engine.failover.health import Circuit, HealthReport
from offhook.engine.telemetry import spans as sp
from offhook.engine.telemetry.catalogue import STAGES, Metrics
from offhook.engine.telemetry.export import Exporter
from offhook.engine.telemetry.ladder import Marks, ladder, overhead
from offhook.errors import BadOutput, OverQuota, ProviderError, Rejected, Timeout, Unauthorized, Unavailable, Untrusted
from offhook.ports.llm import TokenUsage

Speculated = Literal["committed", "aborted", "unused"]
OUTCOMES: Final[tuple[tuple[type[ProviderError], str], ...]] = (
    (Timeout, "timeout"),
    (Unauthorized, "unauthorized"),
    (OverQuota, "over_quota"),
    (Rejected, "rejected"),
    (BadOutput, "bad_output"),
    (Untrusted, "untrusted"),
    (Unavailable, "unavailable"),
)
LAG_EVERY: Final = 0.05
"""Seconds between two looks at how late the loop wakes."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CIRCUIT: Final = {Circuit.CLOSED: 0, Circuit.HALF: 1, Circuit.OPEN: 2}


@dataclass(frozen=True, slots=True)
class LlmUse:
    """What a language model did for an answer. ``provider`` is a plan's name, such as ``openai:gpt-4.1-mini``; ``ended`` its last token."""

    provider: str
    input: int = 0
    output: int = 0
    cached: int = 0
    finish: str = ""
    ended: Instant | None = None


@dataclass(frozen=True, slots=True)
class TurnTold:
    """One agent turn that is over. Providers by a plan's name; ``said`` and ``heard`` are used only where the plan asks for text."""

    turn: int
    cause: str
    marks: Marks
    begun: Instant
    ended: Instant
    interrupted: bool = False
    speculated: bool = False
    stt: str = ""
    llm: LlmUse | None = None
    tts: str = ""
    characters: int = 0
    said: str = field(default="", repr=False)
    """What the caller had said."""
    heard: str = field(default="", repr=False)
    """What the caller heard of the answer."""


def vendor_of(name: str) -> str:
    """``deepgram`` of a plan's ``deepgram:nova-3`` and of an error's ``stt/deepgram``."""
    return name.partition(":")[0].rpartition("/")[2]


def outcome_of(error: ProviderError) -> str:
    """A provider's failure as a label."""
    return next((word for kind, word in OUTCOMES if isinstance(error, kind)), "failed")


def reason_of(why: str) -> str:
    """A label for the name of an error's class, or for ``stalled`` and ``late``."""
    return next((word for kind, word in OUTCOMES if kind.__name__ == why), why if why in {"stalled", "late"} else "failed")


class Telemetry:
    """Of one engine process."""

    def __init__(self, exporter: Exporter | None = None) -> None:
        self.metrics = Metrics()
        self.exporter = exporter
        self.health: Callable[[], Iterable[HealthReport]] = tuple
        """How the providers' accounts do: a ``HealthBoard.report``, asked for when metrics are read."""

    def call(self, call: str, answered: datetime, plan: TracePlan, about: sp.Attributes) -> CallTelemetry:
        """Begin to tell of a call. ``about``: attributes of its span (transport, script, version; no number of anybody)."""
        return CallTelemetry(self, call, answered, plan, about)

    async def watch(self) -> None:
        """Look how late the loop wakes, until cancelled."""
        while True:
            due = anyio.current_time() + LAG_EVERY
            await anyio.sleep_until(due)
            self.metrics.lag.observe(max(0.0, anyio.current_time() - due))

    def text(self, calls: int, capacity: int, decisions: Mapping[str, int], events: tuple[int, int] = (0, 0)) -> str:
        """The answer to ``GET /metrics``. ``events``: how many are in memory alone, and how many are lost."""
        worst: dict[str, int] = {}
        busy: Counter[str] = Counter()
        for one in self.health():
            vendor = vendor_of(one.provider)
            worst[vendor] = max(worst.get(vendor, 0), _CIRCUIT[one.circuit])
            busy[vendor] += one.busy
        for vendor, state in worst.items():
            self.metrics.circuit.set(state, vendor)
            self.metrics.concurrency.set(busy[vendor], vendor)
        exporter = self.exporter
        self.metrics.see(calls, capacity, decisions, exporter.sent if exporter else 0, exporter.dropped if exporter else {}, events)
        return self.metrics.text()


class CallTelemetry:
    """Of one call. Instants are on the call's clock."""

    def __init__(self, telemetry: Telemetry, call: str, answered: datetime, plan: TracePlan, about: sp.Attributes) -> None:
        self._metrics = telemetry.metrics
        context = sp.TraceContext.of(plan.parent) or sp.TraceContext(secrets.token_bytes(16))
        self._exporter = telemetry.exporter if context.sampled else None
        self._context = context
        self._span = secrets.token_bytes(8)
        self._call = call
        self._text = plan.text
        self._about = about
        self._transport = str(about.get("voice.transport", ""))
        self._origin = (answered - _EPOCH) // timedelta(microseconds=1) * 1_000
        self._turns: dict[int, bytes] = {}
        self._events: list[sp.SpanEvent] = []
        self._done = False

    @property
    def trace_id(self) -> str:
        """For the call's events and logs: 32 hexadecimal digits."""
        return self._context.trace.hex()

    @property
    def traceparent(self) -> str:
        """For requests that this call makes: tools, webhooks."""
        return sp.traceparent(self._context.trace, self._span, sampled=self._exporter is not None)

    # -- what happened ------------------------------------------------------------------------------------------------

    def turn(self, told: TurnTold) -> Ladder:
        """An agent turn is over. Returns its ladder, which is also the event's."""
        steps = ladder(told.marks)
        metrics = self._metrics
        if steps.total is not None:
            metrics.response.observe(steps.total / 1_000)
            for step, stage in STAGES.items():
                took = getattr(steps, step)
                if took is not None:
                    metrics.stage.observe(took / 1_000, stage)
            own = overhead(told.marks)
            if own is not None:
                metrics.overhead.observe(own)
        if told.llm is not None:
            self._tokens(told.llm)
        metrics.characters.add(by=told.characters)
        if self._exporter is not None:
            self._turn_spans(told, steps)
        return steps

    def speculation(self, outcome: Speculated, begun: Instant, ended: Instant, turn: int, llm: LlmUse | None = None) -> None:
        """Work ahead of a decision has an end. A committed one's tokens are told with its turn, a wasted one's here."""
        self._metrics.speculation.add(outcome)
        wasted = 0
        if llm is not None and outcome != "committed":
            self._tokens(llm)
            wasted = llm.input + llm.output
            self._metrics.wasted.add(by=wasted)
        attributes: dict[str, sp.Attribute] = {
            "voice.speculation.outcome": outcome, "voice.turn.number": turn, "voice.speculation.tokens_wasted": wasted,
        }  # fmt: skip
        links = (self._of_turn(turn),) if outcome == "committed" else ()
        self._put("voice.speculation", self._span, begun, ended, attributes, links=links)

    def hedged(self, usage: TokenUsage) -> None:
        """A model was asked beside the one that answered."""
        self._tokens(usage)

    def tool(self, name: str, key: str, ended: Instant, took_ms: float, error: str | None) -> None:
        """A tool has run; ``error`` is None or a kind: conflict, rejected, timeout, unavailable."""
        self._metrics.tools.add(error or "ok")
        attributes: dict[str, sp.Attribute] = {sp.OPERATION: "execute_tool", sp.TOOL_NAME: name, sp.TOOL_CALL: key}
        if error is not None:
            attributes[sp.ERROR_TYPE] = error
        self._put("voice.tool", self._span, ended - round(took_ms * MS), ended, attributes, kind=sp.CLIENT, failed=error or "")

    def provider(self, kind: str, name: str, error: ProviderError | None = None) -> None:
        """A session or request has ended, well or with an error."""
        self._metrics.requests.add(kind, vendor_of(name), outcome_of(error) if error is not None else "ok")

    def failover(self, kind: str, origin: str, to: str, why: str, at: Instant) -> None:
        """Another provider goes on in place of one that failed. ``why``: the name of the error's class, or ``stalled``."""
        labels = (kind, vendor_of(origin), vendor_of(to), reason_of(why))
        self._metrics.failover.add(*labels)
        names = ("voice.provider.kind", "voice.failover.from", "voice.failover.to", "voice.failover.reason")
        self._happened("voice.failover", at, dict(zip(names, labels, strict=True)))

    def barge_in(self, began: Instant, silent: Instant) -> None:
        """The caller took the floor: from their first sample of speech to the agent's last audible one."""
        took = (silent - began) / SECOND
        self._metrics.barge_in.observe(took)
        self._happened("voice.barge_in", began, {"voice.barge_in.stop_seconds": took})

    def false_interruption(self) -> None:
        """The agent was held for a sound that was no claim to the floor."""
        self._metrics.false_interruptions.add()

    def dead_air(self, begun: Instant, ended: Instant) -> None:
        """The caller waited and heard nothing."""
        self._metrics.dead_air.observe((ended - begun) / SECOND)

    def underruns(self, count: int) -> None:
        """So many gaps in the agent's audio."""
        self._metrics.underruns.add(by=count)

    def mismatch(self) -> None:
        """Agent audio was not in the format that was promised."""
        self._metrics.mismatches.add()

    def media(self, told: MediaQuality) -> None:
        """How the caller's media fared in the whole call."""
        whole = told.received + told.lost
        self._metrics.loss.observe(min(1.0, (told.lost + told.late) / whole) if whole else 0.0, self._transport)
        self._metrics.jitter.observe(told.jitter_ms / 1_000, self._transport)
        if told.mos is not None:
            self._metrics.mos.observe(told.mos, self._transport)
        self._metrics.concealed.add(self._transport, by=told.concealed_ms / 1_000)

    def recording_failed(self) -> None:
        """The recording had to stop."""
        self._metrics.recording_failures.add()

    def ended(self, reason: str, outcome: str, at: Instant) -> None:
        """The call is over; idempotent."""
        if self._done:
            return
        self._done = True
        self._metrics.calls.add(reason)
        attributes: dict[str, sp.Attribute] = {
            **self._about,
            sp.CONVERSATION: self._call,
            "voice.call.reason": reason,
            "voice.call.outcome": outcome,
        }
        events, self._events = tuple(self._events), []
        failed = reason if reason == "failed" else ""
        self._put("voice.call", self._context.parent, 0, at, attributes, id=self._span, kind=sp.SERVER, events=events, failed=failed)

    # -- spans --------------------------------------------------------------------------------------------------------

    def _tokens(self, llm: LlmUse | TokenUsage) -> None:
        self._metrics.tokens.add("input", "yes", by=llm.cached)
        self._metrics.tokens.add("input", "no", by=max(0, llm.input - llm.cached))
        self._metrics.tokens.add("output", "no", by=llm.output)

    def _of_turn(self, turn: int) -> bytes:
        return self._turns.setdefault(turn, secrets.token_bytes(8))

    def _happened(self, name: str, at: Instant, attributes: sp.Attributes) -> None:
        """An event of the turn that ends next, or of the call."""
        if self._exporter is not None:
            self._events.append(sp.SpanEvent(name, self._origin + at, attributes))

    def _put(
        self,
        name: str,
        parent: bytes,
        start: Instant,
        end: Instant,
        attributes: sp.Attributes,
        *,
        id: bytes | None = None,
        kind: int = sp.INTERNAL,
        events: tuple[sp.SpanEvent, ...] = (),
        links: tuple[bytes, ...] = (),
        failed: str = "",
    ) -> None:
        if self._exporter is None:
            return
        begin = self._origin + start
        span = sp.Span(
            name, self._context.trace, id or secrets.token_bytes(8), parent, begin, max(begin, self._origin + end),
            kind, attributes, events, links, failed,
        )  # fmt: skip
        self._exporter.put((span if self._text else sp.without_text(span),))

    def _turn_spans(self, told: TurnTold, steps: Ladder) -> None:
        marks = told.marks
        own = self._of_turn(told.turn)
        begin = told.begun if marks.speech_end is None else min(told.begun, marks.speech_end)
        attributes: dict[str, sp.Attribute] = {
            sp.CONVERSATION: self._call,
            "voice.turn.number": told.turn,
            "voice.turn.cause": told.cause,
            "voice.turn.was_interrupted": told.interrupted,
            "voice.turn.speculated": told.speculated,
            "voice.pii.said": told.said,
            "voice.pii.heard": told.heard,
        }
        for step in ("total", *STAGES):
            took = getattr(steps, step)
            if took is not None:
                attributes[f"voice.ladder.{step}_ms"] = took
        self._steps(told, own)
        events, self._events = tuple(self._events), []
        self._put("voice.turn", self._span, begin, told.ended, attributes, id=own, events=events)

    def _steps(self, told: TurnTold, parent: bytes) -> None:
        marks = told.marks
        if marks.speech_end is not None and marks.decided is not None:
            self._put("voice.eot", parent, marks.speech_end, marks.decided, {})
        if marks.stt_final is not None and marks.decided is not None and marks.stt_final > marks.decided:
            self._put("voice.stt", parent, marks.decided, marks.stt_final, {sp.PROVIDER: vendor_of(told.stt)})
        if marks.llm_request is not None and told.llm is not None:
            ended = told.llm.ended or marks.first_clause or marks.first_token or told.ended
            self._put("voice.llm", parent, marks.llm_request, ended, _of_llm(told.llm, marks), kind=sp.CLIENT)
        if marks.tts_request is not None and marks.tts_first_byte is not None:
            spoken: dict[str, sp.Attribute] = {
                sp.OPERATION: "generate_content", sp.OUTPUT_TYPE: "speech", sp.PROVIDER: vendor_of(told.tts), sp.REQUEST_STREAM: True,
                sp.FIRST_CHUNK: (marks.tts_first_byte - marks.tts_request) / SECOND, "voice.tts.characters": told.characters,
            }  # fmt: skip
            self._put("voice.tts", parent, marks.tts_request, marks.tts_first_byte, spoken, kind=sp.CLIENT)
        if marks.tts_first_byte is not None and marks.first_sent is not None:
            self._put("voice.playout", parent, marks.tts_first_byte, marks.first_sent, {})


def _of_llm(llm: LlmUse, marks: Marks) -> dict[str, sp.Attribute]:
    attributes: dict[str, sp.Attribute] = {
        sp.OPERATION: "chat", sp.OUTPUT_TYPE: "text", sp.PROVIDER: vendor_of(llm.provider), sp.REQUEST_STREAM: True,
        sp.REQUEST_MODEL: llm.provider.partition(":")[2], sp.INPUT_TOKENS: llm.input, sp.OUTPUT_TOKENS: llm.output,
        sp.CACHED_TOKENS: llm.cached,
    }  # fmt: skip
    if llm.finish:
        attributes[sp.FINISH_REASONS] = (llm.finish,)
    if marks.first_token is not None and marks.llm_request is not None:
        attributes[sp.FIRST_CHUNK] = (marks.first_token - marks.llm_request) / SECOND
    return attributes
