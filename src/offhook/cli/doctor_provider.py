"""``offhook doctor --provider NAME``: how fast a real account is from here, beside what an answer can afford.

What is measured is what the engine does: the same provider, the same formats, speech in real time. Every run is a new provider, so that
connecting is measured too; the engine does that while the line rings.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import numpy as np
import typer

from offhook import registry
from offhook.core.audio.format import MULAW_8K, PCM16_16K, AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.audio.link import link
from offhook.core.speech.segment import Segmenter
from offhook.errors import ConfigError, OffhookError, OverQuota, ProviderError, Rejected, Timeout, Unauthorized
from offhook.inference import InferencePool
from offhook.ports.llm import Llm, LlmRequest, Message, TextDelta
from offhook.ports.spec import Kind, ProviderSpec
from offhook.ports.stt import Heard, Stt, SttHints
from offhook.ports.tts import Tts
from offhook.regions import HOSTS
from offhook.weights import ModelStore

KINDS: Final[tuple[Kind, ...]] = ("stt", "llm", "tts")
BUDGET: Final[Mapping[tuple[str, str], int]] = {
    ("stt", "final words"): 260, ("llm", "first token"): 180, ("llm", "first clause"): 210, ("tts", "first audio"): 90,
}  # fmt: skip
"""Milliseconds of an answer (docs/topics/latency.md): decision 260, first token 180, its clause 30 more, first audio 90, engine 20."""
RUN_S: Final = 30.0
QUIET_S: Final = 8.0
"""How long after the last word its text is waited for."""
FRAME_S: Final = 0.02
LOUD: Final = 300
"""A sample of speech, of 32,768."""
QUESTION: Final = LlmRequest(
    (
        Message("system", "You answer a shop's phone. Answer in one short sentence."),
        Message("user", "Good morning, are you open on Saturday?"),
    ),
    max_tokens=60,
)
CLAUSE: Final = "Good morning, you have reached the workshop."


@dataclass(frozen=True, slots=True)
class Clip:
    """Speech as PCM16 at 16 kHz."""

    pcm: bytes


@dataclass(slots=True)
class Table:
    """Measures of one provider in one region, in milliseconds by step."""

    kind: Kind
    title: str
    rows: dict[str, list[float]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=lambda: {"connect": "while the line rings"})
    """What is said of steps without a budget."""
    errors: list[str] = field(default_factory=list)

    def add(self, run: Mapping[str, float]) -> None:
        """One run's seconds."""
        for step, seconds in run.items():
            self.rows.setdefault(step, []).append(seconds * 1_000)

    def lines(self) -> Iterator[str]:
        """As text, for people."""
        yield self.title
        if self.rows:
            yield f"  {'':<14}{'p50':>9}{'p95':>9}{'budget':>9}"
        for step, values in self.rows.items():
            budget = BUDGET.get((self.kind, step))
            half, most = at(values, 0.5), at(values, 0.95)
            what = self.notes.get(step, "")
            if budget is not None:
                what = "within" if half <= budget else f"over by {half - budget:.0f} ms"
            limit = f"{budget} ms" if budget is not None else "-"
            yield f"  {step:<14}{half:>6.0f} ms{most:>6.0f} ms{limit:>9}  {what}".rstrip()
        for error in dict.fromkeys(self.errors):
            count = self.errors.count(error)
            yield f"  failed{f' {count} times' if count > 1 else ''}: {error}"


def at(values: Sequence[float], share: float) -> float:
    """The value that so large a share lies at or below (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


# -- one run of each kind ---------------------------------------------------------------------------------------------------


async def measure_stt(stt: Stt, clip: Clip) -> dict[str, float]:
    """Speech in real time: first sample to first words, last sample to final words. Raises ProviderError."""
    wanted = link((MULAW_8K,), stt.spec.formats, between=("a carrier", stt.spec.id)).target
    spoken = without_silence(clip.pcm)
    speech = link((PCM16_16K,), (wanted,), between=("the clip", stt.spec.id)).open().feed(spoken)
    begun = anyio.current_time()
    session = await stt.open(wanted, "en-GB", SttHints())
    found = {"connect": anyio.current_time() - begun}
    marks: dict[str, float] = {}

    async def speak() -> None:
        frames = _frames(speech, wanted)
        count = -(-len(speech) // wanted.bytes_for(round(wanted.rate * FRAME_S)))
        start = anyio.current_time()
        for number, frame in enumerate(frames):
            await anyio.sleep_until(start + (number + 1) * FRAME_S)
            session.push(frame)
            if number == 0:
                marks["first"] = start
                session.speech_started(0)
            if number == count - 1:
                marks["last"] = start + len(spoken) / 2 / PCM16_16K.rate
                session.speech_stopped(wanted.samples_in(len(speech)))
        group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(speak)
            async for event in session:
                now = anyio.current_time()
                if isinstance(event, Heard) and event.text:
                    found.setdefault("first words", now - marks.get("first", now))
                    if event.final and "last" in marks:
                        found["final words"] = now - marks["last"]
                        break
            group.cancel_scope.cancel()
    except BaseExceptionGroup as group_error:
        raise _single(group_error) from None
    finally:
        with anyio.CancelScope(shield=True):
            await session.aclose()
    if "final words" not in found:
        raise Timeout(stt.spec.id, f"no final words {QUIET_S:g} s after the speech")
    found["whole"] = anyio.current_time() - begun
    return found


def without_silence(pcm: bytes) -> bytes:
    """PCM16 to its last loud sample: what is measured begins where the speech ends."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) >= LOUD)
    return pcm[: 2 * (int(loud[-1]) + 1)] if len(loud) else b""


def _frames(speech: bytes, format: AudioFormat) -> Iterator[PcmFrame | Packet]:
    """The speech and then silence, 20 ms each, for as long as it may take."""
    size = format.bytes_for(round(format.rate * FRAME_S))
    quiet = (b"\xff" if format == MULAW_8K else b"\x00") * size
    rest = size - len(speech) % size if len(speech) % size else 0
    data = speech + quiet[:rest] + quiet * round(QUIET_S / FRAME_S)
    for offset in range(0, len(data), size):
        yield PcmFrame(data[offset : offset + size], format, format.samples_in(offset))


async def measure_llm(llm: Llm) -> dict[str, float]:
    """A short question: request to first token, to the first clause that can be spoken, to the end. Raises ProviderError."""
    begun = anyio.current_time()
    await llm.warm()
    asked = anyio.current_time()
    found = {"connect": asked - begun}
    clauses = Segmenter()
    async with aclosing(cast("Any", llm.stream(QUESTION))) as events:
        async for event in events:
            now = anyio.current_time() - asked
            if isinstance(event, TextDelta) and event.text:
                found.setdefault("first token", now)
                if "first clause" not in found and clauses.feed(event.text):
                    found["first clause"] = now
    found["whole"] = anyio.current_time() - asked
    if "first token" not in found:
        raise Rejected(llm.spec.id, "the model answered without a word")
    whole = found.pop("whole")
    return {**found, "first clause": found.get("first clause", whole), "whole": whole}  # an answer may be one clause, known at its end


async def measure_tts(tts: Tts, voice: str) -> dict[str, float]:
    """A clause: request to first audio, to the end. Raises ProviderError."""
    wanted = link(tts.spec.formats, (MULAW_8K,), between=(tts.spec.id, "a carrier")).source
    begun = anyio.current_time()
    session = await tts.open(voice, "en-GB", wanted)
    asked = anyio.current_time()
    found = {"connect": asked - begun}

    async def clauses() -> AsyncIterator[str]:
        yield CLAUSE

    try:
        async with aclosing(cast("Any", session.speak(clauses()))) as pieces:
            async for piece in pieces:
                if piece.data:
                    found.setdefault("first audio", anyio.current_time() - asked)
    finally:
        with anyio.CancelScope(shield=True):
            await session.aclose()
    if "first audio" not in found:
        raise Rejected(tts.spec.id, "the voice answered without a sound")
    found["whole"] = anyio.current_time() - asked
    return found


def _single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error of a group of one task and its child."""
    first = group.exceptions[0]
    return _single(first) if isinstance(first, BaseExceptionGroup) else first


# -- all of it --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure."""

    provider: str
    kinds: tuple[Kind, ...] = ()
    regions: tuple[str, ...] = ()
    runs: int = 5
    voice: str = ""


def kinds_of(provider: str, wanted: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """The kinds in which there is a provider of this name. ConfigError when there is none, naming what there is."""
    head = provider.partition(":")[0]
    stem = head.replace("-", "_")
    found = tuple(kind for kind in wanted or KINDS if stem in registry.names(kind) or head in registry.names(kind))
    if not found:
        there = ", ".join(sorted({name for kind in wanted or KINDS for name in registry.names(kind)}))
        raise ConfigError(f"no {' or '.join(wanted or KINDS)} provider is called {head!r}. There are: {there}")
    return found


def settled(spec: ProviderSpec, region: str, env: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The settings for a region, and its host ("" where the provider names none). ConfigError for a region that is not known."""
    variable = next((name.upper() for name in spec.settings if name.endswith("_base_url")), "")
    changed = dict(env)
    if region:
        if not variable:
            raise ConfigError(f"{spec.id} has no regions")
        known = {name: host for name, host in HOSTS.get(variable, {}).items() if not spec.regions or name in spec.regions}
        base = region if "://" in region else known.get(region, "")
        if not base:
            there = f"it knows {', '.join(known)}, or " if known else ""
            raise ConfigError(f"{spec.id} has no region {region!r}: {there}give an address such as https://eu.example.com")
        changed[variable] = base
    return changed, urlsplit(changed.get(variable, "")).hostname or ""


async def measure(order: Order, clip: Callable[[], Awaitable[Clip]], env: Mapping[str, str], store: ModelStore) -> AsyncIterator[Table]:
    """A table for each kind and region. Raises ConfigError: a name, a key or a region that is missing or wrong."""
    said: Clip | None = None
    async with InferencePool() as pool:
        for kind in await _meant(order, env, registry.ProviderContext(pool, store)):
            spec = registry.spec(kind, order.provider)
            if kind == "tts":
                _voiced(spec, order, env)
            for region in order.regions or ("",):
                settings, host = settled(spec, region, env)
                context = registry.ProviderContext(pool, store, settings)
                place = ", ".join(part for part in (region if "://" not in region else "", host) if part)
                title = f"{kind} {order.provider}{f' ({place})' if place else ''}, {order.runs} run{'s' if order.runs > 1 else ''}"
                table = Table(kind, title)
                if kind == "stt":
                    said = said or await clip()
                    spoken = len(without_silence(said.pcm)) / 2 / PCM16_16K.rate
                    table.notes = {**table.notes, "whole": f"the speech is {spoken:.1f} s of it"}
                for _ in range(order.runs):
                    if not await _run(table, order, context, said):
                        break
                yield table


async def _meant(order: Order, env: Mapping[str, str], context: registry.ProviderContext) -> list[Kind]:
    """The kinds in which there can be such a provider: what one takes for its model may be nothing to the other. ConfigError for none."""
    kinds = kinds_of(order.provider, order.kinds)
    if len(kinds) == 1 or ":" not in order.provider:
        return list(kinds)
    found: list[Kind] = []
    wrong: list[ConfigError] = []
    for kind in kinds:
        settings, _ = settled(registry.spec(kind, order.provider), order.regions[0] if order.regions else "", env)
        try:
            provider: Any = await anyio.to_thread.run_sync(registry.load, kind, order.provider, replace(context, env=settings))
        except ConfigError as error:
            wrong.append(error)
            continue
        await provider.aclose()
        found.append(kind)
    if not found:
        raise wrong[0]
    return found


def _voiced(spec: ProviderSpec, order: Order, env: Mapping[str, str]) -> None:
    """ConfigError for a vendor whose voices are an account's own, if none is named."""
    setting = next((name.upper() for name in spec.settings if name.endswith("_voice")), "")
    if setting and not order.voice and not env.get(setting, "").strip():
        raise ConfigError(f"{spec.id} is measured with a voice of the account: name one with --voice, or set {setting}")


async def _run(table: Table, order: Order, context: registry.ProviderContext, clip: Clip | None) -> bool:
    """One run; False where another would go the same way."""
    provider: Any = await anyio.to_thread.run_sync(registry.load, table.kind, order.provider, context)
    try:
        with anyio.fail_after(RUN_S):
            if table.kind == "stt" and clip is not None:
                table.add(await measure_stt(provider, clip))
            elif table.kind == "llm":
                table.add(await measure_llm(provider))
            else:
                table.add(await measure_tts(provider, order.voice))
    except TimeoutError:
        table.errors.append(f"{table.kind}/{order.provider}: no end after {RUN_S:g} s")
    except ProviderError as error:
        table.errors.append(f"{error.provider}: {error.public}")
        return not isinstance(error, Unauthorized | Rejected | OverQuota)
    finally:
        await provider.aclose()
    return True


def report(
    order: Order, clip: Callable[[], Awaitable[Clip]], env: Mapping[str, str] | None = None, store: ModelStore | None = None
) -> bool:
    """Measure and print; whether every provider answered at least once. Raises OffhookError with one sentence for people."""

    async def main() -> bool:
        good = True
        async with aclosing(cast("Any", measure(order, clip, env if env is not None else os.environ, store or ModelStore(None)))) as tables:
            async for table in tables:
                for line in table.lines():
                    typer.echo(line)
                good = good and bool(table.rows)
        return good

    return anyio.run(main)


def command(order: Order, clip: Callable[[], Awaitable[Clip]], store: ModelStore) -> None:
    """What ``offhook doctor --provider`` does. Exits with 2 for what is configured wrongly, with 1 if nothing answered."""
    try:
        good = report(order, clip, store=store)
    except OffhookError as error:
        typer.echo(error.public, err=True)
        raise typer.Exit(2) from error
    if not good:
        raise typer.Exit(1)
