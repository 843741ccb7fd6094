"""``offhook bench vendors``: each figure beside what is aimed at and, where it can do the same, the relay's."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
from rich.console import Console
from rich.table import Table

from offhook.testing.bench.doubles import Setting
from offhook.testing.bench.load import resident_mb
from offhook.testing.bench.stage import Engine
from offhook.testing.bench.vendors import Measured, doubles, drive, ladders, modes, own_ms, percentile, platform, relay, timed, utterance

CHECKS: Final = ("latency", "own", "cpu", "capacity", "barge", "memory")
STEPS: Final = (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 100, 120)
WORSE: Final = 1.2
"""A p95 so many times that of the first step, and there is no room for more calls."""
AGAIN: Final = 2
"""Steps in a row that must fail: one may have been somebody else's doing on a shared machine."""


@dataclass(slots=True)
class Bench:
    """One run. ``scale`` stretches or shortens the measurements, ``minutes`` is the length of the calls whose memory is measured."""

    console: Console
    folder: Path
    minutes: float = 10.0
    scale: float = 1.0
    speech: bytes = b""
    results: dict[str, Any] = field(default_factory=dict)

    async def run(self, checks: Sequence[str]) -> dict[str, Any]:
        """Measure these; prints tables and returns all figures."""
        self.speech = await utterance()
        parts: Mapping[str, Callable[[], Awaitable[None]]] = {
            "latency": self.latency,
            "own": self.own,
            "cpu": self.cpu,
            "capacity": self.capacity,
            "barge": self.barge,
            "memory": self.memory,
        }
        for name in checks:
            await parts[name]()
        return self.results

    @property
    def setting(self) -> Setting:
        """The timings of the doubles."""
        return timed(Setting(), self.speech)

    def keep(self, name: str, figures: object) -> None:
        """Put figures into the results."""
        self.results.setdefault(name, []).append(figures)

    # -- the parts --------------------------------------------------------------------------------------------------------

    async def latency(self) -> None:
        """Turn latency, last sample to first audible sample at the carrier's edge."""
        table = Table(
            *("turns", "n", "p50 ms", "p95", "at most", "relay p50", "p95", "ours - relay", "early", "no answer", "load"),
            title="turn latency at the carrier's edge: the caller's last sample to the agent's first audible one, 4 calls at once",
        )
        for mode in modes(self.setting):
            floor: Measured | None = None
            async with doubles(mode.setting) as vendors:
                if mode.relay is not None:
                    async with relay(vendors["env"], mode.relay) as one:
                        floor = await drive(f"relay, {mode.name}", one, self.speech, 4, 60 * self.scale)
                async with platform(mode.plan, vendors["env"], self.folder) as one:
                    found = await drive(mode.name, one, self.speech, 4, 60 * self.scale)
            self.keep("latency", found.figures())
            floors = ("-", "-", "-")
            if floor is not None:
                self.keep("latency", floor.figures())
                floors = (f"{floor.at(0.5):.0f}", f"{floor.at(0.95):.0f}", f"{found.at(0.5) - floor.at(0.5):.0f}")
            target = f"{mode.target:.0f}" if mode.target is not None else "-"
            own = (mode.name, str(len(found.latencies)), f"{found.at(0.5):.0f}", f"{found.at(0.95):.0f}", target)
            table.add_row(*own, *floors, str(found.early), str(found.missing), f"{found.busy:.1f}")
        self.console.print(table)

    async def own(self) -> None:
        """The engine's own part of an answer, by its own instants, few calls and many."""
        table = Table("calls at once", "n", "p50 ms", "p99 ms", "at most", "load", title="the engine's own time in a plain answer")
        mode = modes(self.setting)[0]
        for calls, seconds, target in ((1, 90.0, "15 / 40"), (40, 60.0, "- / 80")):
            async with doubles(mode.setting) as vendors:
                async with platform({**mode.plan, "events_url": vendors["events"]}, vendors["env"], self.folder) as one:
                    await drive(mode.name, one, self.speech, calls, seconds * self.scale)
                    await anyio.sleep(1.0)
                found = sorted(own_ms(ladder) for ladder in await ladders(vendors["events"]))
            busy = os.getloadavg()[0]
            row = {"calls": calls, "n": len(found), "p50_ms": percentile(found, 0.5), "p99_ms": percentile(found, 0.99), "load": busy}
            self.keep("own", row)
            table.add_row(str(calls), str(len(found)), f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}", target, f"{busy:.1f}")
        self.console.print(table)

    async def cpu(self) -> None:
        """Processor time of a minute of a call, at 20 calls."""
        table = Table(
            "what", "CPU s per call-minute", "at most", "times the relay", "p50 ms", "p95 ms", "load", title="processor time at 20 calls"
        )
        mode = modes(self.setting)[2]
        async with doubles(mode.setting) as vendors:
            async with relay(vendors["env"], ("--eager",)) as one:
                floor = await drive("relay", one, self.speech, 20, 60 * self.scale)
            async with platform(mode.plan, vendors["env"], self.folder) as one:
                found = await drive("offhook", one, self.speech, 20, 60 * self.scale)
        for each, target in ((floor, "-"), (found, "0.90")):
            self.keep("cpu", each.figures())
            ratio = f"{each.per_minute / floor.per_minute:.1f}"
            latency = (f"{each.at(0.5):.0f}", f"{each.at(0.95):.0f}")
            table.add_row(each.name, f"{each.per_minute:.2f}", target, ratio, *latency, f"{each.busy:.1f}")
        self.console.print(table)

    async def capacity(self) -> None:
        """How many calls one processor carries: by what callers hear, and by the time that a call takes of it."""
        table = Table(
            *("what", "calls", "p50 ms", "p95 ms", "gaps of its own", "of voices", "heard", "CPU of a core", "waited", "callers late ms"),
            "load",
            title="calls on one processor",
        )
        mode = modes(self.setting)[2]
        async with doubles(mode.setting) as vendors:
            async with relay(vendors["env"], ("--eager",)) as one:
                floor = await self._climb("relay", one, table, paced=False)
            async with platform(mode.plan, vendors["env"], self.folder) as one:
                found = await self._climb("offhook", one, table, paced=True)
        self.console.print(table)
        self.console.print(
            f"before p95 is 20 % worse or its own pacing leaves a gap: {found[0]} calls (at least 50), the relay {floor[0]}; "
            f"by processor time at its last good step: {found[1]:.0f}, the relay {floor[1]:.0f}"
        )
        self.keep("capacity", {"offhook": found, "relay": floor})

    async def _climb(self, name: str, one: Engine, table: Table, *, paced: bool) -> tuple[int, float]:
        """The last good step, and how many calls a processor has time for by what one took there. Of a relay, which does not pace, what
        callers hear counts.
        """
        best, room, failed = 0, 0.0, 0
        first: float | None = None
        for calls in STEPS:
            found = await drive(name, one, self.speech, calls, 30 * self.scale)
            self.keep("capacity", found.figures())
            share, waited = found.processor / found.seconds, found.waited / found.seconds
            own = (str(found.own.get("engine", 0)), str(found.own.get("voice", 0))) if paced else ("-", "-")
            row = (name, str(calls), f"{found.at(0.5):.0f}", f"{found.at(0.95):.0f}", *own, str(len(found.gaps)))
            table.add_row(*row, f"{share:.0%}", f"{waited:.0%}", f"{found.late:.0f}", f"{found.busy:.1f}")
            first = found.at(0.95) if first is None else min(first, found.at(0.95))
            room = room or calls / share
            broken = found.own.get("engine") or found.own.get("unanswered") if paced else found.gaps
            if broken or found.missing or not found.at(0.95) <= WORSE * first:
                failed += 1
                if failed == AGAIN:
                    break
            else:
                best, room, failed = calls, calls / share, 0
        return best, room

    async def barge(self) -> None:
        """How fast a caller who speaks over the agent silences it."""
        mode = modes(self.setting)[2]
        async with doubles(mode.setting) as vendors, platform(mode.plan, vendors["env"], self.folder) as one:
            found = await drive("barge-in", one, self.speech, 6, 90 * self.scale, over=True)
        cuts = [turn for edge in found.edges for turn in edge.turns if turn.cut and turn.ended]
        stops = sorted(1000 * max(0.0, turn.silent - turn.begun) for turn in cuts if turn.silent is not None)
        row = {"n": len(stops), "p50_ms": percentile(stops, 0.5), "p99_ms": percentile(stops, 0.99), "most_ms": max(stops, default=0.0)}
        self.keep("barge", {**row, "load": found.busy})
        table = Table(
            "n",
            "p50 ms",
            "p99 ms",
            "most",
            "at most",
            "load",
            title="barge-in: first sample of speech to the last audible one of the agent",
        )
        table.add_row(
            str(len(stops)), f"{row['p50_ms']:.0f}", f"{row['p99_ms']:.0f}", f"{row['most_ms']:.0f}", "180 / 300", f"{found.busy:.1f}"
        )
        self.console.print(table)

    async def memory(self) -> None:
        """What a long call holds."""
        calls, minutes = 10, self.minutes
        sizes: list[float] = []
        mode = modes(self.setting)[2]
        async with doubles(mode.setting) as vendors, platform(mode.plan, vendors["env"], self.folder) as one:
            await drive("warm", one, self.speech, 2, 12)
            empty = resident_mb(one.pid)

            async def watch() -> None:
                while True:
                    await anyio.sleep(minutes * 6)
                    sizes.append(round((resident_mb(one.pid) - empty) / calls, 2))

            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await drive("memory", one, self.speech, calls, minutes * 60)
                group.cancel_scope.cancel()
        self.keep("memory", {"calls": calls, "minutes": minutes, "mb_per_call_at_tenths": sizes})
        self.console.print(f"memory per call, {calls} calls of {minutes:g} minutes, at its tenths: {sizes} MB (at most 8, flat)")
