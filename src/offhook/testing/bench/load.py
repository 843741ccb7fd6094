"""What a call costs the engine itself: processor time and memory with scripted providers, and what grows with a call's length."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from rich.console import Console
from rich.table import Table

from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.errors import ConfigError
from offhook.testing.bench.stage import Engine, engine
from offhook.testing.carrier import RATE, TwilioLine

SIZES = (1, 20, 60)
SECONDS = 30
LONG_SECONDS = 90
QUIET_CALLS = 4
QUIET_SECONDS = 150
WORDS = ("offhook.cli.bench_engine",)
FIRST_BYTE_MS = 50.0
"""Of the scripted voice; taken off the engine's own time."""
_TALK_EVERY = 6


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """Time for which threads of a process stood in line for a processor, so far (Linux)."""
    waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            waited += int((task / "schedstat").read_text().split()[1])
    return waited / 1e9


def resident_mb(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _speech() -> bytes:
    times = np.arange(RATE) / RATE
    return pcm_to_mulaw((8_000 * np.sin(2 * np.pi * 220 * times)).astype("<i2").tobytes())


def endless() -> dict[str, Any]:
    """An agent that takes any words for an answer and asks on for ever: a call that ends is no measure of a call."""
    numbers = (0, 1)
    return {
        "offhook": 1,
        "id": "endless",
        "version": 1,
        "title": "Endless",
        "languages": ["en-GB"],
        "start": "s0",
        "slots": {
            f"q{number}": {"type": "free_text", "ask": ask} for number, ask in enumerate(("What is it about?", "What else is there?"))
        },
        "universals": {"human": "bye"},
        "states": {
            **{
                f"s{number}": {
                    "collect": [f"q{number}"],
                    "next": [{"if": f"q{number} is unknown", "go": "bye"}, {"forget": [f"q{1 - number}"], "go": f"s{1 - number}"}],
                }
                for number in numbers
            },
            "bye": {"say": "Goodbye.", "end": "done"},
        },
        "outcomes": {"done": "good"},
    }


async def _calls(one: Engine, count: int, seconds: float) -> None:
    """So many calls at once; each caller speaks for a second every six.

    Raises ConfigError when a call ended before its time: figures by the minute would be divided by minutes that were none.
    """
    audio = _speech()

    async def call(number: int) -> None:
        await anyio.sleep(number * 0.02)
        async with TwilioLine.open(one.media) as line:
            for turn in range(int(seconds) // _TALK_EVERY):
                await line.until(turn * _TALK_EVERY * RATE + 3 * RATE)
                line.play(audio)
            if not await line.until(round(seconds * RATE)):
                raise ConfigError(f"a call of the bench ended after {line.position / RATE:.1f} s of {seconds:g} s: nothing was measured")

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(call, number)


async def load(console: Console, folder: Path) -> dict[str, Any]:
    """Measure; prints a table and returns its figures."""
    plan = {"script": endless(), "record": True, "turn": {"idle_ms": 60_000, "endpointing": {"eager": 1.0}}}
    rows: list[dict[str, Any]] = []
    async with engine(plan, folder, WORDS) as one:
        await _calls(one, 1, 6)
        empty = resident_mb(one.pid)
        for size in SIZES:
            before = processor_seconds(one.pid)
            most = 0.0

            async def watch() -> None:
                nonlocal most
                while True:
                    most = max(most, resident_mb(one.pid))
                    await anyio.sleep(1)

            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await _calls(one, size, SECONDS)
                group.cancel_scope.cancel()
            used = processor_seconds(one.pid) - before
            rows.append(
                {
                    "calls": size,
                    "cpu_seconds_per_call_minute": round(used / size / (SECONDS / 60), 3),
                    "mb_per_call": round((most - empty) / size, 2),
                }
            )
        health = await one.health()
        growth = await _growth(one)
    table = Table("calls at once", "CPU s per call-minute", "MB per call", title="the engine with scripted providers, recording on")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)
    console.print(f"one long call, MB resident at thirds of {LONG_SECONDS} s: {growth}; wheel {health['wheel']}")
    return {"rows": rows, "growth_mb": growth, "wheel": health["wheel"]}


async def own_time(console: Console, folder: Path) -> dict[str, Any]:
    """The engine's own time in an answer, few calls and nothing else running; prints it and returns the figures.

    From the decision to the first audible sample on the wire, by the engine's own instants, the scripted voice's wait taken off.
    """
    plan = {"script": endless(), "record": True, "turn": {"idle_ms": 60_000, "endpointing": {"eager": 1.0}}}
    async with engine(plan, folder, WORDS) as one:
        await _calls(one, QUIET_CALLS, QUIET_SECONDS)
        answers = (await one.health())["answers"]
    own = {key: round(value - FIRST_BYTE_MS, 1) for key, value in answers.items() if key.startswith("after_decision")}
    console.print(
        f"engine's own time, decision to the wire, {QUIET_CALLS} calls at once, n={answers['n']}: {own} ms "
        f"(the scripted voice's {FIRST_BYTE_MS:g} ms taken off); under 1,000 answers a p99 is an estimate"
    )
    return {"own_ms": own, "answers": answers}


async def _growth(one: Engine) -> list[float]:
    """Resident memory during one long call, at its thirds."""
    sizes: list[float] = []

    async def watch() -> None:
        for _ in range(3):
            await anyio.sleep(LONG_SECONDS / 3 - 1)
            sizes.append(round(resident_mb(one.pid), 1))

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await _calls(one, 1, LONG_SECONDS)
    return sizes
