"""Before the line is answered: a call's plan turned into parts. What cannot be carried out is found here, not on the phone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from offhook.authoring.load import compile as compile_script
from offhook.contracts.plan import CallPlan
from offhook.core.audio.link import Link, link
from offhook.core.audio.playout import Playout
from offhook.core.script.model import Script
from offhook.core.turn.policy import TurnPolicy
from offhook.engine.detector import Detector
from offhook.engine.handover import HandoverDesk
from offhook.engine.hear import Ears
from offhook.engine.lineup import Lineup, first_that_opens
from offhook.engine.outbox import Outbox
from offhook.engine.phrases import Phrases, VoiceKey, fixed_texts
from offhook.engine.reply import Mouth
from offhook.engine.scopes import both
from offhook.engine.speculation import Speculation
from offhook.engine.wheel import Wheel
from offhook.errors import ConfigError, ProviderError
from offhook.inference import InferencePool
from offhook.ports.endpoint import Endpoint
from offhook.ports.llm import Llm
from offhook.ports.stt import Stt, SttHints, SttSession
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call's plan turned into parts, before the line is answered: nothing here can fail later for want of a format."""

    plan: CallPlan
    script: Script
    policy: TurnPolicy
    ears: Ears
    mouth: Mouth
    open_voice: Callable[[], Awaitable[TtsSession]]
    llm: Llm | None = None
    """The rules alone drive the script where there is none."""
    llm_name: str = ""


async def prepare(parts: EngineParts, plan: CallPlan, transport: CallTransport, failures: Counter[str]) -> Prepared:
    """Compile the script, link the formats, open the speech sessions.

    Raises ConfigError (script), FormatError (no common format), ProviderError (no provider of the plan opens).
    """
    script = compile_script(plan.script)
    policy = TurnPolicy.of(plan.turn.model_dump())

    def failed(error: ProviderError) -> None:
        failures[f"{error.provider} {type(error).__name__}"] += 1

    def stt_link(stt: Stt) -> Link:
        return link((transport.format_in,), stt.spec.formats, between=(transport.start.transport, stt.spec.id))

    def tts_link(tts: Tts) -> Link:
        return link(tts.spec.formats, (transport.format_out,), between=(tts.spec.id, transport.start.transport))

    async def open_stt(stt: Stt) -> SttSession:
        return await stt.open(stt_link(stt).target, plan.locale, SttHints())

    async def open_tts(tts: Tts) -> TtsSession:
        return await tts.open(plan.voice, plan.locale, tts_link(tts).source)

    named: list[str] = []

    async def tts_of(name: str) -> Tts:
        named.append(name)
        return await parts.lineup.tts(name)

    (stt, ear), (tts, voice) = await both(
        lambda: first_that_opens(plan.models.stt, parts.lineup.stt, open_stt, failed),
        lambda: first_that_opens(plan.models.tts, tts_of, open_tts, failed),
        _unopened,
    )
    endpoint = await _hint(parts.lineup, plan.models.endpoint, failures)
    detector_link = link((transport.format_in,), (parts.detector.format,), between=(transport.start.transport, "vad"))
    ears = Ears(
        detector=parts.detector,
        pool=parts.pool,
        stt=ear,
        reopen_stt=lambda: open_stt(stt),
        own_endpointing=stt.spec.own_endpointing,
        to_detector=detector_link,
        to_stt=stt_link(stt),
        endpoint=endpoint,
    )
    mouth = Mouth(voice=voice, link=tts_link(tts), playout=Playout(transport.format_out), pieces=tts.spec.pieces)
    if parts.phrases is not None:
        mouth.phrases = parts.phrases
        mouth.key = VoiceKey(named[-1], plan.voice, plan.locale, str(transport.format_out))
        parts.phrases.want(mouth.key, lambda: open_tts(tts), tts_link(tts), fixed_texts(plan, script, all_of_it=tts.spec.streaming))
    policy = replace(policy, vendor_ends=stt.spec.own_endpointing)
    llm, llm_name = await _model(parts.lineup, plan.models.llm, failures)
    return Prepared(plan, script, policy, ears, mouth, lambda: open_tts(tts), llm, llm_name)


async def _model(lineup: Lineup, names: tuple[str, ...], failures: Counter[str]) -> tuple[Llm | None, str]:
    """The first language model that there is; the rules can do without."""
    for name in names:
        try:
            return await lineup.llm(name), name
        except (ConfigError, ProviderError):
            failures["no language model"] += 1
    return None, ""


async def _unopened(opened: tuple[Stt | Tts, SttSession | TtsSession]) -> None:
    """One of the two did not open, so the other is not needed."""
    await opened[1].aclose()


async def _hint(lineup: Lineup, name: str | None, failures: Counter[str]) -> Endpoint | None:
    """The end-of-turn model; it is only a hint, so a call goes on without it."""
    if not name:
        return None
    try:
        return await lineup.endpoint(name)
    except ConfigError:
        failures["no end-of-turn model"] += 1
        return None
