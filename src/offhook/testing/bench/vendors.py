"""Speed and cost with production's providers: doubles of Deepgram, OpenAI and Cartesia at fixed timings, measured on the wire.

Engine, doubles and callers are processes of their own; with two processors or more the engine has one for itself. A bare relay that only
forwards runs on the same yardstick first, so that every figure stands beside a floor measured in the same minutes on the same machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.abc
import httpx

from offhook.errors import ConfigError
from offhook.testing.bench.doubles import SAYS, Setting
from offhook.testing.bench.edge import Callers, Edge, Turn, sharp
from offhook.testing.bench.load import processor_seconds, resident_mb, waited_seconds
from offhook.testing.bench.stage import Engine, engine, free_port, up
from offhook.testing.caller import Speech
from offhook.testing.carrier import RATE

FLUX: Final = {"stt": ["deepgram_flux"], "llm": ["openai:gpt-4.1-mini"], "tts": ["cartesia"], "endpoint": None}
NOVA: Final = {**FLUX, "stt": ["deepgram"], "endpoint": "smart_turn"}
TURN: Final = {"idle_ms": 600_000, "max_call_ms": 14_400_000}
MUTED: Final = {"after_ms": 0, "tool_ms": 0}
RAMP_S: Final = 0.25
"""Between the beginnings of calls."""


def guessing() -> dict[str, Any]:
    """An agent that goes on asking what no caller of the bench answers: a model has every turn."""
    return {
        "offhook": 1,
        "id": "guessing",
        "version": 1,
        "title": "Guessing",
        "languages": ["en-GB"],
        "start": "ask",
        "slots": {
            "need": {
                "type": "choice",
                "ask": "Is it about a boiler or about a tap?",
                "options": {"boiler": {"label": "a boiler"}, "tap": {"label": "a tap"}},
            }
        },
        "knowledge": {"unsure": "I do not know that.", "go": "bye"},
        "universals": {"human": "bye"},
        "states": {"ask": {"collect": ["need"], "next": "bye"}, "bye": {"say": "Goodbye.", "end": "done"}},
        "outcomes": {"done": "good"},
    }


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run the turns of a call, and what is aimed at."""

    name: str
    setting: Setting
    plan: Mapping[str, Any]
    target: float | None = None
    """Milliseconds of p50 at most."""
    relay: tuple[str, ...] | None = None
    """The relay's options, if it can do the same."""


def modes(setting: Setting) -> list[Mode]:
    """All that are measured."""
    never = replace(setting, eager=10.0)
    flux: dict[str, Any] = {"models": FLUX}
    opener = {"models": FLUX, "openers": {"on": True}}
    own = {"models": {**FLUX, "endpoint": "smart_turn"}, "turn": {**TURN, "endpointing": {"vendor_ms": 0}}}
    return [
        Mode("plain", never, flux, 590, ()),
        Mode("plain, in acts", replace(never, acts=True), flux),
        Mode("eager, speculation", setting, flux, 430, ("--eager",)),
        Mode("eager, in acts", replace(setting, acts=True), flux, 430),
        Mode("a stable partial has it all", replace(setting, known=0.2, update=0.08), flux, 400),
        Mode("opener", setting, opener, 290),
        Mode("opener, our own decision", setting, {**opener, **own}, 200),
        Mode("nova-3, our own decision", setting, {"models": NOVA}),
    ]


def plan_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A plan for the bench."""
    return {"script": guessing(), "voice": "voice-1", "record": False, "turn": TURN, "fillers": MUTED, **given}


@asynccontextmanager
async def doubles(setting: Setting) -> AsyncIterator[dict[str, Any]]:
    """The vendors; ``env`` and ``events`` of their answer, and their ``pid``."""
    words = [sys.executable, "-m", "offhook.testing.bench.doubles", json.dumps(asdict(setting))]
    async with await anyio.open_process(words, stderr=None) as process:
        if process.stdout is None:
            raise ConfigError("the doubles have no output")
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive()
        others(process.pid)
        try:
            yield {**json.loads(line), "pid": process.pid}
        finally:
            process.kill()


def alone(pid: int) -> None:
    """Give a process the last processor of ours, with all of its threads."""
    _pin(pid, {max(os.sched_getaffinity(0))} if _cores() > 1 else set())


def others(pid: int) -> None:
    """Keep a process away from it."""
    _pin(pid, os.sched_getaffinity(0) - {max(os.sched_getaffinity(0))} if _cores() > 1 else set())


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _pin(pid: int, cores: set[int]) -> None:
    if cores:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)


@asynccontextmanager
async def relay(env: Mapping[str, str], options: Sequence[str]) -> AsyncIterator[Engine]:
    """The floor."""
    port = free_port()
    words = [sys.executable, "-m", "offhook.testing.bench.relay", "--port", str(port), *options]
    process = await anyio.open_process(words, env={**os.environ, **env}, stdout=None, stderr=None)
    try:
        await up(process, port)
        alone(process.pid)
        yield Engine(port, process.pid, Path())
    finally:
        process.kill()
        with anyio.CancelScope(shield=True):
            await process.wait()


@asynccontextmanager
async def platform(plan: Mapping[str, Any], env: Mapping[str, str], folder: Path) -> AsyncIterator[Engine]:
    """The engine under measurement."""
    # A secret for events, known to nobody that matters.
    settings = {
        "OFFHOOK_ENGINE_SECRET": "whsec_YmVuY2g=",
        "OFFHOOK_ENGINE_WARM": "[]",
        "OFFHOOK_ENGINE_MAX_CALLS": "1000",
        "OFFHOOK_ENGINE_INFERENCE_WORKERS": "1",
    }
    async with engine(plan_of(plan), folder, env={**env, **settings}, log=folder / "engine.log") as one:
        alone(one.pid)
        yield one


@dataclass(slots=True)
class Measured:
    """What a load came to."""

    name: str
    calls: int
    seconds: float
    latencies: list[float] = field(default_factory=list)
    """Milliseconds of every answered turn, sorted."""
    turns: int = 0
    missing: int = 0
    early: int = 0
    gaps: list[float] = field(default_factory=list)
    """As the callers heard them."""
    own: dict[str, int] = field(default_factory=dict)
    """Gaps by the engine's own pacing: ``engine`` for its late beats, ``voice`` for late audio. See ``since``."""
    processor: float = 0.0
    """Seconds."""
    waited: float = 0.0
    """Seconds for which its threads, taken together, could have run and did not: the processor had others to run, or their likes."""
    megabytes: float = 0.0
    """Resident, at most."""
    late: float = 0.0
    """Milliseconds by which the callers' own clock was late at most."""
    busy: float = 0.0
    """The load average when it ended."""
    edges: list[Edge] = field(default_factory=list, repr=False)

    def at(self, share: float) -> float:
        """A percentile of the latencies."""
        return percentile(self.latencies, share)

    @property
    def per_minute(self) -> float:
        """Seconds of processor for a minute of a call."""
        return self.processor / (self.calls * self.seconds / 60)

    def figures(self) -> dict[str, Any]:
        """For a file."""
        return {
            "name": self.name, "calls": self.calls, "seconds": round(self.seconds, 1), "turns": self.turns, "missing": self.missing,
            "early": self.early, "p50_ms": round(self.at(0.5), 1), "p95_ms": round(self.at(0.95), 1), "p99_ms": round(self.at(0.99), 1),
            "gaps_of_40_ms": len(self.gaps), "longest_gap_ms": round(1000 * max(self.gaps, default=0.0)), "own_gaps": self.own,
            "waited_s": round(self.waited, 1),
            "cpu_s_per_call_minute": round(self.per_minute, 3), "mb": round(self.megabytes, 1), "callers_late_ms": round(self.late, 1),
            "load": round(self.busy, 2),
        }  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values; NaN for none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


async def drive(name: str, one: Engine, speech: bytes, calls: int, seconds: float, *, over: bool = False) -> Measured:
    """So many calls at once for so many seconds each, the first turn of each left out."""
    found = Measured(name, calls, seconds)
    ramp = min(RAMP_S * calls, seconds / 4)
    callers = Callers(one.media, speech)

    async def call(number: int) -> None:
        found.edges.append(await callers.talk(seconds + ramp, number * ramp / calls, over=over))

    async def watch() -> None:
        await anyio.sleep(ramp + 2.0)
        callers.late = 0.0
        before, waited, at = processor_seconds(one.pid), waited_seconds(one.pid), anyio.current_time()
        gaps = await own_gaps(one)
        while True:
            await anyio.sleep(max(0.0, min(1.0, at + seconds - 2.0 - anyio.current_time())))
            if anyio.current_time() < at + seconds - 2.01:
                found.megabytes = max(found.megabytes, resident_mb(one.pid))
                continue
            found.seconds = anyio.current_time() - at
            found.processor = processor_seconds(one.pid) - before
            found.waited = waited_seconds(one.pid) - waited
            found.own = since(gaps, await own_gaps(one))
            found.late = 1000 * callers.late
            return

    async with callers.running(), anyio.create_task_group() as group:
        group.start_soon(watch)
        for number in range(calls):
            group.start_soon(call, number)
    found.busy = os.getloadavg()[0]
    _count(found, (turn for edge in found.edges for turn in edge.turns[1:]))
    found.gaps = [gap for edge in found.edges for gap in edge.gaps]
    return found


async def own_gaps(one: Engine) -> dict[str, int] | None:
    """Gaps that the engine has counted itself; a relay counts none. None when it does not say so in time."""
    try:
        gaps: dict[str, int] = (await one.health()).get("gaps", {})
    except httpx.HTTPError:
        return None
    return gaps


def since(before: Mapping[str, int] | None, after: Mapping[str, int] | None) -> dict[str, int]:
    """What has been counted in between; an engine that did not even answer is too busy, and is counted as ``unanswered``."""
    if before is None or after is None:
        return {"unanswered": 1}
    return {name: count - before.get(name, 0) for name, count in after.items()}


def _count(found: Measured, turns: Iterable[Turn]) -> None:
    for turn in turns:
        if not turn.ended:
            continue
        found.turns += 1
        found.early += turn.early
        if turn.answered is None:
            found.missing += 1
        elif not turn.early and not turn.cut:
            found.latencies.append(1000 * (turn.answered - turn.ended))
    found.latencies.sort()


async def utterance() -> bytes:
    """What the callers say, by the embedded voice."""
    async with Speech(1.0) as speech:
        return sharp(await speech.say(SAYS))


def timed(setting: Setting, speech: bytes) -> Setting:
    """The setting for this utterance."""
    return replace(setting, speech=len(speech) / RATE)


async def ladders(events: str) -> list[dict[str, float]]:
    """The answers that the engine has told of, taken away."""
    async with httpx.AsyncClient(timeout=10) as http:
        found: list[dict[str, float]] = (await http.get(events)).json()
    return found


def own_ms(ladder: Mapping[str, float | None]) -> float:
    """The engine's own time in an answer: decision to the model's request, clause to the voice's, first audio to the wire."""
    return sum(ladder.get(step) or 0.0 for step in ("stt_final", "to_llm", "playout"))


def scripted_ms(setting: Setting) -> float:
    """What the vendors alone take of a plain turn."""
    return 1000 * (setting.end + setting.token + setting.voice)
