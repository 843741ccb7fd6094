"""Before the line is answered: a call's plan turned into parts. What cannot be carried out is found here, not on the phone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from offhook.authoring.load import compile as compile_script
from offhook.contracts.plan import CallPlan
from offhook.core.audio.link import link
from offhook.core.audio.playout import Playout
from offhook.core.script.model import Script
from offhook.core.time import MS
from offhook.core.turn.policy import TurnPolicy
from offhook.engine.detector import Detector
from offhook.engine.failover.llm import HedgedLlm, HedgePolicy
from offhook.engine.failover.stt import SteadyStt
from offhook.engine.failover.tts import SteadyTts
from offhook.engine.handover import HandoverDesk
from offhook.engine.hear import Ears
from offhook.engine.hints import hints
from offhook.engine.lineup import Lineup
from offhook.engine.mishaps import Mishaps
from offhook.engine.outbox import Outbox
from offhook.engine.pacing import lead_of
from offhook.engine.phrases import Phrases, VoiceKey, fixed_texts
from offhook.engine.reply import Mouth
from offhook.engine.scopes import both
from offhook.engine.second_leg import Lines
from offhook.engine.speculation import Speculation
from offhook.engine.wheel import Wheel
from offhook.errors import ConfigError
from offhook.inference import InferencePool
from offhook.ports.endpoint import Endpoint
from offhook.ports.spec import Kind
from offhook.ports.stt import Stt, SttSession
from offhook.ports.transport import CallTransport
from offhook.ports.tts import Tts, TtsSession


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What all calls of a process share."""

    lineup: Lineup
    detector: Detector
    pool: InferencePool
    wheel: Wheel
    http: httpx.AsyncClient
    outbox: Outbox | None
    secret: str
    state_dir: Path
    keep_traces: bool
    phrases: Phrases | None = None
    """Fixed phrases as audio; None: every word is said by a voice."""
    speculation: Speculation = field(default_factory=Speculation)
    handover: HandoverDesk | None = None
    """Takes a call's files when it has ended; None for an engine that runs alone: they stay on its disk."""
    lines: Lines = field(default_factory=Lines)
    hold_s: float = 600.0
    """A caller who is on hold for longer is not waited for."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call's plan turned into parts, before the line is answered: nothing here can fail later for want of a format."""

    plan: CallPlan
    script: Script
    policy: TurnPolicy
    ears: Ears
    mouth: Mouth
    open_voice: Callable[[], Awaitable[TtsSession]]
    mishaps: Mishaps
    held: AsyncExitStack
    """What the call has of the lineup; closed with the call."""
    models: HedgedLlm | None = None
    """The rules alone drive the script where there is none."""


async def prepare(parts: EngineParts, plan: CallPlan, transport: CallTransport, failures: Counter[str]) -> Prepared:
    """Compile the script, link the formats, open the speech sessions.

    Raises ConfigError (script), FormatError (no common format), ProviderError (no provider of the plan opens).
    """
    script = compile_script(plan.script)
    mishaps = Mishaps(failures)
    async with AsyncExitStack() as held:
        prepared = await _prepare(parts, plan, transport, script, mishaps, held)
        return replace(prepared, held=held.pop_all())


async def _prepare(
    parts: EngineParts, plan: CallPlan, transport: CallTransport, script: Script, mishaps: Mishaps, held: AsyncExitStack
) -> Prepared:
    lineup, names = parts.lineup, plan.models
    ears_of = await lineup.steady_stt(names.stt, names.vendors, **_heard(mishaps, "stt"))
    held.push_async_callback(ears_of.aclose)
    voices = await lineup.steady_tts(names.tts, names.vendors, voices=names.voices, **_heard(mishaps, "tts"))
    held.push_async_callback(voices.aclose)
    stt: Stt = _alone(ears_of)
    tts: Tts = _alone(voices)
    for kind, steady, chosen in (("stt", ears_of, stt), ("tts", voices, tts)):
        if chosen is not steady:
            held.callback(mishaps.served, kind, steady.candidates[0].name)
    to_stt = link((transport.format_in,), stt.spec.formats, between=(transport.start.transport, stt.spec.id))
    from_tts = link(tts.spec.formats, (transport.format_out,), between=(tts.spec.id, transport.start.transport))

    first = voices.candidates[0]
    spoken = voices.voice(first, plan.voice)

    expected = hints(plan, script)

    async def open_stt() -> SttSession:
        return await stt.open(to_stt.target, plan.locale, expected)

    async def open_tts() -> TtsSession:
        return await tts.open(plan.voice if tts is voices else spoken, plan.locale, from_tts.source)

    ear, voice = await both(open_stt, open_tts, _unopened)
    ears = Ears(
        detector=parts.detector,
        pool=parts.pool,
        stt=ear,
        reopen_stt=open_stt,
        own_endpointing=stt.spec.own_endpointing,
        to_detector=link((transport.format_in,), (parts.detector.format,), between=(transport.start.transport, "vad")),
        to_stt=to_stt,
        endpoint=await _hint(lineup, names.endpoint, mishaps.counts),
    )
    playout = Playout(transport.format_out, lead=lead_of(transport.message_ms * MS))
    mouth = Mouth(voice=voice, link=from_tts, playout=playout, pieces=tts.spec.pieces)
    if parts.phrases is not None:
        mouth.phrases = parts.phrases
        account = names.vendors.get(f"{first.name.partition(':')[0].upper()}_VOICE", "")
        mouth.key = VoiceKey(first.name, spoken or account, plan.locale, str(transport.format_out))
        parts.phrases.want(mouth.key, open_tts, from_tts, fixed_texts(plan, script, all_of_it=tts.spec.streaming))
    policy = replace(TurnPolicy.of(plan.turn.model_dump()), vendor_ends=stt.spec.own_endpointing)
    models = await _models(lineup, plan, mishaps)
    if models is not None:
        held.push_async_callback(models.aclose)
    return Prepared(plan, script, policy, ears, mouth, open_tts, mishaps, held, models)


def _heard(mishaps: Mishaps, kind: Kind) -> Any:  # noqa: ANN401 - arguments by name
    """Who hears how providers of a kind do."""
    return {"failed": partial(mishaps.failed, kind=kind), "replaced": mishaps.replaced, "served": partial(mishaps.served, kind)}


def _alone(steady: SteadyStt | SteadyTts) -> Any:  # noqa: ANN401 - the provider itself, or the same kind of one that replaces it
    """A provider that is here, in this process, is no better for a stand-in that watches its connection."""
    candidates = steady.candidates
    return candidates[0].provider if len(candidates) == 1 and not candidates[0].provider.spec.settings else steady


async def _models(lineup: Lineup, plan: CallPlan, mishaps: Mishaps) -> HedgedLlm | None:
    """The plan's language models; the rules can do without."""
    if not plan.models.llm:
        return None
    policy = HedgePolicy(first=plan.models.answer_ms / 1000)
    try:
        return await lineup.hedged_llm(plan.models.llm, plan.models.vendors, policy=policy, wasted=mishaps.wasted, **_heard(mishaps, "llm"))
    except ConfigError:
        mishaps.counts["no language model"] += 1
        return None


async def _unopened(session: SttSession | TtsSession) -> None:
    """One of the two did not open, so the other is not needed."""
    await session.aclose()


async def _hint(lineup: Lineup, name: str | None, failures: Counter[str]) -> Endpoint | None:
    """The end-of-turn model; it is only a hint, so a call goes on without it."""
    if not name:
        return None
    try:
        return await lineup.endpoint(name)
    except ConfigError:
        failures["no end-of-turn model"] += 1
        return None
