"""``offhook bench``: figures with their conditions."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.table import Table

from offhook import __version__
from offhook.errors import OffhookError
from offhook.testing.bench import turns as turning
from offhook.testing.bench.corpus import Pause, Sound, pauses, sounds
from offhook.testing.bench.stage import engine, script_asking
from offhook.testing.caller import Speech

PARTS = ("turns", "overlap", "latency", "load")
SHORT_LATENCY = 20


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Some parts only: {', '.join(PARTS)}.")] = None,
    shared: Annotated[Path, typer.Option(help="Where the shared recordings are.")] = Path("../shared"),
    out: Annotated[Path, typer.Option(help="Where results are kept as JSON.")] = Path("var/bench"),
    at_once: Annotated[int, typer.Option(help="Calls at the same time, for turns and overlap.")] = 2,
    source: Annotated[str | None, typer.Option(help="Turns of one kind of speech only, such as 'call'.")] = None,
) -> None:
    """Measure turn-taking on recorded people, latency on the audio, and the cost of a call."""
    console = Console()
    parts = tuple(only) if only else PARTS
    unknown = set(parts) - set(PARTS)
    if unknown:
        typer.echo(f"no part is called {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}", err=True)
        raise typer.Exit(2)
    try:
        anyio.run(_bench, console, parts, shared, out, at_once, source)
    except OffhookError as error:
        typer.echo(error.public, err=True)
        raise typer.Exit(1) from error


def conditions(at_once: int) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "offhook": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_before": round(os.getloadavg()[0], 2),
        "calls_at_once": at_once,
        "date": datetime.now(UTC).date().isoformat(),
        "models": "silero, moonshine tiny-en, hibari; caller and engine on the same machine",
    }


async def _bench(console: Console, parts: Sequence[str], shared: Path, out: Path, at_once: int, source: str | None) -> None:
    facts = conditions(at_once)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    results: dict[str, Any] = {"conditions": facts}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "turns" in parts:
            results["turns"] = await _turns(console, folder, shared, at_once, source)
        if "overlap" in parts:
            results["overlap"] = await _overlap(console, folder, shared, at_once)
        if "latency" in parts:
            from offhook.testing.bench.latency import latency

            results["latency"] = await latency(console, folder, SHORT_LATENCY)
        if "load" in parts:
            from offhook.testing.bench.load import load

            results["load"] = await load(console, folder)
    await anyio.Path(out).mkdir(parents=True, exist_ok=True)
    await anyio.Path(out / f"{'-'.join(parts)}.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie; NaN for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


# -- turns ----------------------------------------------------------------------------------------------------------------


async def _turns(console: Console, folder: Path, shared: Path, at_once: int, source: str | None) -> list[dict[str, Any]]:
    cases = [case for case in pauses(shared) if case.label in {"hold", "shift", "complete", "no_speech"} and source in {None, case.source}]
    found: list[turning.Heard] = []

    async def one(url: str, case: Pause) -> None:
        found.append(await turning.one_pause(url, case))

    number = {"script": script_asking("phone", "What is the best number for you?"), "record": False, "region": "AU"}
    asking = {"script": script_asking("free_text", "How can I help you?"), "record": False}
    async with engine(number, folder) as dictation, engine(asking, folder) as conversation:
        jobs = [partial(one, (dictation if case.source == "dictated number" else conversation).media, case) for case in cases]
        await turning.run_all(jobs, at_once)
    _print_turns(console, found)
    return [asdict(one) for one in sorted(found, key=lambda one: one.id)]


def _print_turns(console: Console, found: Sequence[turning.Heard]) -> None:
    for title, field in (("by kind of speech", "source"), ("by trust in the label", "trust")):
        groups: dict[tuple[str, str], list[turning.Heard]] = defaultdict(list)
        for one in found:
            groups[one.label, str(getattr(one, field))].append(one)
        columns = ("holds", "n", "agent in the pause", "over the next words", "either", "left out: busy")
        holds = Table(*columns, title=f"pauses inside a turn, {title}")
        ends = Table("ends", "n", "answered", "p50 ms", "p90 ms", "slowest ms", "spoken into earlier", title=f"ends of turns, {title}")
        for (label, name), group in sorted(groups.items()):
            if label == "hold":
                busy, group = sum(one.busy for one in group), [one for one in group if not one.busy]
                either = sum(one.in_pause or one.over_words for one in group)
                holds.add_row(
                    name,
                    str(len(group)),
                    str(sum(one.in_pause for one in group)),
                    str(sum(one.over_words for one in group)),
                    f"{either} ({either / max(1, len(group)):.0%})",
                    str(busy),
                )
            else:
                delays = [one.delay_ms for one in group if one.delay_ms is not None]
                ends.add_row(
                    f"{label}, {name}",
                    str(len(group)),
                    str(len(delays)),
                    *(f"{value:.0f}" for value in (percentile(delays, 0.5), percentile(delays, 0.9), max(delays, default=float("nan")))),
                    str(sum(one.earlier for one in group)),
                )
        console.print(holds)
        console.print(ends)


# -- overlap --------------------------------------------------------------------------------------------------------------


async def _overlap(console: Console, folder: Path, shared: Path, at_once: int) -> list[dict[str, Any]]:
    found: list[turning.Overlap] = []
    async with Speech() as speech:
        question = await speech.say("I would like to know how it works.")
        made = list(sounds(shared))
        for pitch in (0.84, 0.92):
            async with Speech(pitch) as other:
                for word in ("Okay.", "Mm-hm.", "Right.", "Yeah.", "Okay, thanks."):
                    kind = "okay" if word.startswith("Okay") else "backchannel"
                    made.append(Sound(f"{word} at {pitch}", kind, await other.say(word)))
        async with engine({"script": script_asking("free_text", "How can I help you?"), "record": False}, folder) as one:

            async def make(sound: Sound) -> None:
                found.append(await turning.one_sound(one.media, sound, question))

            await turning.run_all([partial(make, sound) for sound in made], at_once)
    groups: dict[str, list[turning.Overlap]] = defaultdict(list)
    for result in found:
        groups[result.kind].append(result)
    table = Table("sound over the agent", "n", "lost its answer", "median silence ms", title="sounds while the agent speaks")
    for kind, group in sorted(groups.items()):
        lost = sum(result.lost for result in group)
        table.add_row(
            kind, str(len(group)), f"{lost} ({lost / len(group):.0%})", f"{percentile([result.silent_ms for result in group], 0.5):.0f}"
        )
    console.print(table)
    return [asdict(result) for result in found]
