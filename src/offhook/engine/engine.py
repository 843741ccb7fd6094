"""The engine of a process: what all calls share, and how a call is taken."""

from __future__ import annotations

import logging
import os
import uuid
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Protocol

import anyio
import httpx
from anyio.abc import TaskGroup

from offhook import __version__
from offhook.contracts.events import Ladder
from offhook.contracts.plan import PlanRequest
from offhook.engine.admission import Admission
from offhook.engine.call import Call
from offhook.engine.detector import Detector
from offhook.engine.handover import HandoverDesk
from offhook.engine.lineup import Lineup
from offhook.engine.outbox import Outbox
from offhook.engine.phrases import Phrases
from offhook.engine.plans import FilePlan, OrchestratorPlans, PlanSource, check
from offhook.engine.prepare import EngineParts, Prepared, prepare
from offhook.engine.rehearsal import Rehearsals
from offhook.engine.scopes import process_scope
from offhook.engine.settings import EngineSettings
from offhook.engine.telemetry.calls import CallTelemetry, Telemetry
from offhook.engine.telemetry.export import Collector, Exporter, parse_headers
from offhook.engine.wheel import Wheel
from offhook.errors import ConfigError, FormatError, NoPlan, OffhookError, ProviderError, Refused
from offhook.inference import InferencePool
from offhook.ports.transport import CallTransport, Ringing
from offhook.reach import Reach
from offhook.registry import ProviderContext
from offhook.signing import sign
from offhook.weights import ModelStore

log = logging.getLogger("offhook.engine")


class SipFigures(Protocol):
    """What an engine's health says of its SIP line."""

    def health(self) -> dict[str, object]:
        """Figures; no data of any call."""
        ...


class Engine:
    """Takes calls. Made by ``running``."""

    def __init__(
        self, settings: EngineSettings, parts: EngineParts, plans: PlanSource, admission: Admission, telemetry: Telemetry | None = None
    ) -> None:
        self.settings = settings
        self.parts = parts
        self.plans = plans
        self.admission = admission
        self.rehearsals = Rehearsals(parts, settings.max_rehearsals)
        self.telemetry = telemetry or Telemetry()
        self.calls: dict[str, Call] = {}
        self.failures: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.overruns = 0
        self.gaps: Counter[str] = Counter()
        """In agents' speech, of calls that have ended. See ``Pacing``."""
        self.ladders: deque[Ladder] = deque(maxlen=1_000)
        """Of the last answers, over all calls."""
        self.ignored: Counter[str] = Counter()
        self.sip: SipFigures | None = None
        """The line to SIP trunks, where there is one."""

    async def take(self, transport: CallTransport) -> str:
        """Carry one call from its first media to its end; returns the end's reason.

        Raises Refused and NoPlan before anything was said; the transport is closed then.
        """
        try:
            with self.admission.slot():
                try:
                    return await self._carry(transport)
                except OffhookError as error:
                    self.telemetry.metrics.calls.add("refused")
                    if isinstance(error, Refused) and error.why:
                        self.telemetry.metrics.refused.add(error.why)
                    raise
        except OffhookError as error:
            self.failures[type(error).__name__] += 1
            raise
        finally:
            await transport.end()

    async def _carry(self, transport: CallTransport) -> str:
        start = transport.start
        begun = anyio.current_time()
        call_id = f"call_{uuid.uuid4().hex}"
        request = PlanRequest(
            call=call_id,
            transport=start.transport,
            did=start.did,
            caller=start.caller,
            token=start.token,
            carrier_call=start.carrier_call,
            parameters=start.parameters,
            control_url=self.settings.steered_at,
        )
        plan = await self.plans.plan(request)
        failures: Counter[str] = Counter()
        try:
            check(plan, self.parts.secret)
            prepared = await prepare(self.parts, plan, transport, failures)
        except (ConfigError, FormatError, ProviderError) as error:
            raise NoPlan(f"the call's plan cannot be carried out: {error.public}", detail=error.detail) from error
        if isinstance(transport, Ringing):
            await _answered(transport, prepared)
        call = Call(self.parts, transport, prepared, failures)
        told = self._told(call)
        self.telemetry.metrics.setup.observe(anyio.current_time() - begun)
        self.calls[plan.call] = call
        try:
            await call.run()
        except Exception as error:
            self.failures[f"crash {type(error).__name__}"] += 1
            log.error("a call failed: %s", type(error).__name__, exc_info=True, extra={"trace_id": told.trace_id})
            call.reason = "failed"
        finally:
            self.calls.pop(plan.call, None)
            self.ended[call.reason or "cut"] += 1
            told.underruns(prepared.mouth.playout.underruns)
            told.ended(call.reason or "cut", call.dialogue.outcome, call.clock.now())
            self.failures.update(failures)
            self.gaps.update(call.pacing.gaps)
            self.ladders.extend(call.reporter.ladders)
            self.ignored.update(call.driver.ignored)
            if call.scope_report is not None:
                self.overruns += call.scope_report.overruns
        return call.reason

    def _told(self, call: Call) -> CallTelemetry:
        """What is told of a call: its reporter hands tools and turns on."""
        script = call.plan.script
        about = {"voice.transport": call.transport.start.transport, "voice.script.id": str(script.get("id", ""))}
        told = self.telemetry.call(call.plan.call, call.clock.answered, call.plan.trace, about)
        call.reporter.telemetry = told
        return told

    def metrics(self) -> str:
        """Figures for Prometheus; no data of any call."""
        outbox = self.parts.outbox
        events = (outbox.in_memory, outbox.lost) if outbox is not None else (0, 0)
        return self.telemetry.text(self.admission.active, self.admission.capacity, self.admission.decisions, events)

    def health(self) -> dict[str, object]:
        """Figures for health checks and operators; no data of any call. ``degraded`` takes calls like ``ok``: see ``findings``."""
        wheel, outbox = self.parts.wheel.stats(), self.parts.outbox
        found = outbox.finding() if outbox is not None else None
        return {
            "status": "ok" if found is None else "degraded",
            "findings": [asdict(found)] if found is not None else [],
            "calls": self.admission.active,
            "capacity": self.admission.capacity,
            "draining": self.admission.draining,
            "admission": dict(self.admission.decisions),
            "rehearsals": dict(self.rehearsals.places.decisions),
            "ended": dict(self.ended),
            "failures": dict(self.failures),
            "ignored": dict(self.ignored),
            "turn_overruns": self.overruns,
            "answers": _answers([*self.ladders, *(one for call in self.calls.values() for one in call.reporter.ladders)]),
            "wheel": wheel,
            "gaps": dict(sum((call.pacing.gaps for call in self.calls.values()), self.gaps)),
            "vad_batches": self.parts.detector.batches,
            "vad_windows": self.parts.detector.windows,
            "vad_failures": self.parts.detector.failures,
            "phrases": {"bytes": self.parts.phrases.bytes, **self.parts.phrases.counts} if self.parts.phrases is not None else {},
            "handover_open": self.parts.handover.open if self.parts.handover is not None else 0,
            "sip": self.sip.health() if self.sip is not None else {},
            "outbox_open": outbox.open if outbox is not None else 0,
            "events_in_memory": outbox.in_memory if outbox is not None else 0,
            "events_lost": outbox.lost if outbox is not None else 0,
        }


async def _answered(transport: Ringing, prepared: Prepared) -> None:
    """Take a line off the hook now that all is there. Raises CallError, with what was prepared released."""
    there = False
    try:
        await transport.answer()
        there = True
    finally:
        if not there:
            await _undone(prepared)


async def _undone(prepared: Prepared) -> None:
    """What was prepared for a call that is none."""
    with anyio.CancelScope(shield=True), anyio.move_on_after(2):
        await prepared.ears.stt.aclose()
        await prepared.mouth.voice.aclose()
        await prepared.held.aclose()


def _answers(ladders: list[Ladder]) -> dict[str, float | int]:
    """Milliseconds of the last answers: the whole, and what passed after the decision."""
    totals = sorted(one.total for one in ladders if one.total is not None)
    after = sorted(one.total - one.endpoint for one in ladders if one.total is not None and one.endpoint is not None)
    if not totals:
        return {"n": 0}

    def at(values: list[float], share: float) -> float:
        return round(values[min(len(values) - 1, int(len(values) * share))], 1)

    return {
        "n": len(totals),
        "total_p50": at(totals, 0.5),
        "total_p95": at(totals, 0.95),
        "after_decision_p50": at(after, 0.5),
        "after_decision_p99": at(after, 0.99),
    }


@asynccontextmanager
async def running(settings: EngineSettings, lineup_of: Callable[[InferencePool], Lineup] | None = None) -> AsyncIterator[Engine]:
    """An engine with everything it needs, from settings; released at the end. ``lineup_of`` brings other providers than the registry's.

    Raises ConfigError when a setting or a model is missing.
    """
    secret = settings.secret.get_secret_value()
    if settings.plan is None and settings.orchestrator_url is None:
        raise ConfigError("an engine needs plans: set OFFHOOK_ENGINE_ORCHESTRATOR_URL, or give --plan FILE to run alone")
    if settings.orchestrator_url is not None and not secret:
        raise ConfigError("OFFHOOK_ENGINE_SECRET is empty: set the secret that the orchestrator shares with its engines")
    if secret:
        sign(secret, "start", 0, b"")  # one that cannot sign is found now, not by the first event of a call
    exporter = _exporter(settings)
    reach = _reach(settings)
    pool = InferencePool(settings.inference_workers)
    if lineup_of is not None:
        lineup = lineup_of(pool)
    else:
        lineup = Lineup(ProviderContext(pool, ModelStore(settings.models_dir), dict(os.environ), reach=reach))
    try:
        vad = await lineup.vad(settings.vad)
        await lineup.warm(settings.warm)
        async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_keepalive_connections=50)) as http, process_scope() as group:
            engine = await _assemble(settings, secret, lineup, Detector(vad, pool), pool, http, group)
            engine.telemetry.exporter = exporter
            engine.telemetry.health = lineup.board.report
            group.start_soon(engine.telemetry.watch, name="loop lag")
            group.start_soon(lineup.run, name="connections that were thrown away")
            if exporter is not None:
                group.start_soon(exporter.run, name="spans")
            yield engine
    finally:
        if exporter is not None:
            await exporter.close()
        await lineup.aclose()
        await pool.aclose()


async def _assemble(
    settings: EngineSettings,
    secret: str,
    lineup: Lineup,
    detector: Detector,
    pool: InferencePool,
    http: httpx.AsyncClient,
    group: TaskGroup,
) -> Engine:
    wheel = Wheel()
    group.start_soon(wheel.run, name="media wheel")
    group.start_soon(detector.run, name="voice detector")
    outbox = Outbox(settings.state_dir / "outbox", http, secret, group)
    plans: PlanSource
    desk: HandoverDesk | None = None
    if settings.plan is not None:
        plans = FilePlan(settings.plan, secret)
    else:
        url = str(settings.orchestrator_url)
        plans = OrchestratorPlans(http, url, secret, settings.plan_timeout_s, settings.state_dir / "plans")
        await outbox.recover(f"{url.rstrip('/')}/v1/events")
        desk = HandoverDesk(settings.state_dir / "calls", http, f"{url.rstrip('/')}/v1/recordings", secret, group)
        await desk.recover()
    phrases = Phrases(settings.state_dir / "phrases" if settings.keep_phrases else None)
    group.start_soon(phrases.run, name="fixed phrases")
    parts = EngineParts(
        lineup=lineup,
        detector=detector,
        pool=pool,
        wheel=wheel,
        http=http,
        outbox=outbox,
        secret=secret,
        state_dir=settings.state_dir,
        keep_traces=settings.keep_traces,
        phrases=phrases,
        handover=desk,
        hold_s=settings.hold_s,
    )
    return Engine(settings, parts, plans, Admission(settings.max_calls))


def _reach(settings: EngineSettings) -> Reach:
    """Where accounts in plans may lead. Raises ConfigError."""
    try:
        return Reach.of(settings.vendor_hosts)
    except ConfigError as error:
        raise ConfigError(f"OFFHOOK_ENGINE_VENDOR_HOSTS: {error.public}") from error


def _exporter(settings: EngineSettings) -> Exporter | None:
    """Where spans go, if anywhere. Raises ConfigError for headers that are none."""
    if settings.otlp_url is None:
        return None
    headers = parse_headers(settings.otlp_headers.get_secret_value())
    resource = {"service.name": "offhook-engine", "service.version": __version__, "service.instance.id": uuid.uuid4().hex}
    return Exporter(Collector(str(settings.otlp_url), headers), resource, __version__)
