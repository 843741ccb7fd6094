"""``offhook bench``: figures with their conditions."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.table import Table

from offhook import __version__
from offhook.core.time import MS, SECOND
from offhook.core.turn.events import Final, Partial, ShiftScored
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.replay import is_shift, replay
from offhook.engine.trace import read_trace
from offhook.errors import OffhookError
from offhook.testing.bench import turns as turning
from offhook.testing.bench.corpus import Pause, Sound, pauses, sounds
from offhook.testing.bench.speed import CHECKS, Bench
from offhook.testing.bench.stage import Engine, engine, script_asking
from offhook.testing.caller import Speech
from offhook.testing.carrier import RATE

PARTS = ("turns", "overlap", "latency", "engine", "load", "vendors", "extraction")
SHORT_LATENCY = 20


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Some parts only: {', '.join(PARTS)}.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Some parts only: {', '.join(PARTS)}.")] = None,
    shared: Annotated[Path, typer.Option(help="Where the shared recordings are.")] = Path("../shared"),
    out: Annotated[Path, typer.Option(help="Where results are kept as JSON.")] = Path("var/bench"),
    at_once: Annotated[int, typer.Option(help="Calls at the same time, for turns and overlap.")] = 2,
    source: Annotated[str | None, typer.Option(help="Turns of one kind of speech only, such as 'call'.")] = None,
    curve: Annotated[
        Path | None, typer.Option(help="Of turns: only draw, here as SVG, how soon turns end against how often pauses are taken for ends.")
    ] = None,
    check: Annotated[list[str] | None, typer.Option(help=f"Of vendors, some only: {', '.join(CHECKS)}.")] = None,
    minutes: Annotated[float, typer.Option(help="Of vendors: how long calls last whose memory is measured.")] = 10.0,
    scale: Annotated[float, typer.Option(help="Of vendors: measure so many times as long.")] = 1.0,
) -> None:
    """Measure turn-taking on recorded people, latency on the audio, a call's cost, speed with vendors' doubles, and reading of calls."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    chosen = (*(parts or ()), *(only or ())) or PARTS
    for what, given, there in (("part", chosen, PARTS), ("check", check or (), CHECKS)):
        unknown = set(given) - set(there)
        if unknown:
            typer.echo(f"no {what} is called {', '.join(sorted(unknown))}; there are: {', '.join(there)}", err=True)
            raise typer.Exit(2)
    if curve is not None:
        _curve(console, shared, out, curve)
        return
    vendors = partial(Bench, minutes=minutes, scale=scale)
    failed: list[BaseException] = []
    try:
        run = partial(_bench, console, chosen, shared, out, at_once, source, vendors, tuple(check) if check else CHECKS)
        anyio.run(run, backend_options={"use_uvloop": sys.platform != "win32"})
    except* OffhookError as errors:
        failed = leaves(errors)
    if failed:
        for error in failed:
            typer.echo(error.public if isinstance(error, OffhookError) else str(error), err=True)
        raise typer.Exit(1)


def _curve(console: Console, shared: Path, out: Path, drawing: Path) -> None:
    from offhook.cli.bench_curve import report

    try:
        points = report(console, pauses(shared), drawing)
    except OffhookError as error:
        typer.echo(error.public, err=True)
        raise typer.Exit(1) from error
    out.mkdir(parents=True, exist_ok=True)
    (out / "curve.json").write_text(json.dumps(points, indent=1), encoding="utf-8")


def leaves(errors: BaseException) -> list[BaseException]:
    """The errors of a group, without the groups between."""
    return [leaf for one in errors.exceptions for leaf in leaves(one)] if isinstance(errors, BaseExceptionGroup) else [errors]


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


async def _bench(
    console: Console,
    parts: Sequence[str],
    shared: Path,
    out: Path,
    at_once: int,
    source: str | None,
    vendors: Callable[[Console, Path], Bench],
    checks: Sequence[str],
) -> None:
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
        if "engine" in parts:
            from offhook.testing.bench.load import own_time

            results["engine"] = await own_time(console, folder)
        if "load" in parts:
            from offhook.testing.bench.load import load

            results["load"] = await load(console, folder)
        if "vendors" in parts:
            results["vendors"] = await vendors(console, folder).run(checks)
        if "extraction" in parts:
            from offhook.cli.bench_extraction import extraction

            results["extraction"] = await extraction(console, shared)
    await anyio.Path(out).mkdir(parents=True, exist_ok=True)
    await anyio.Path(out / f"{'-'.join(parts)}.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie; NaN for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


# -- turns ----------------------------------------------------------------------------------------------------------------


async def _turns(console: Console, folder: Path, shared: Path, at_once: int, source: str | None) -> list[dict[str, Any]]:
    cases = [case for case in pauses(shared) if case.label in {"hold", "shift", "complete", "no_speech"} and source in {None, case.source}]
    found: list[tuple[Engine, turning.Heard]] = []

    async def one(engine: Engine, case: Pause) -> None:
        found.append((engine, await turning.one_pause(engine, case)))

    number = {"script": script_asking("phone", "What is the best number for you?"), "record": False, "region": "AU"}
    asking = {"script": script_asking("free_text", "How can I help you?"), "record": False}
    async with engine(number, folder) as dictation, engine(asking, folder) as conversation:
        jobs = [partial(one, dictation if case.source == "dictated number" else conversation, case) for case in cases]
        await turning.run_all(jobs, at_once)
    heard = sorted((with_decision(one, engine.trace(one.call)) for engine, one in found), key=lambda one: one.id)
    _print_turns(console, heard)
    return [asdict(one) for one in heard]


def with_decision(one: turning.Heard, trace: Path) -> turning.Heard:
    """The pause with the first decision after its last word that the caller's turn is over, and what the engine knew then.

    The trace's clock begins with the call and so does the line's; they differ by the time a start message takes.
    """
    if one.label == "no_speech" or not one.call or not trace.is_file():
        return one
    head, recorded = read_trace(trace)
    events = list(recorded)
    ends = one.last_word * SECOND // RATE
    limit = ends + round(turning.PATIENCE * SECOND)
    decided = next((d.at for d in replay(events, TurnPolicy.of(head["policy"])) if is_shift(d.effect) and ends <= d.at <= limit), None)
    segments: dict[int, str] = {}
    score = hint = None
    for event in events:
        if event.at > (decided if decided is not None else limit):
            break
        match event:
            case Partial() | Final():
                segments[event.segment] = event.text
                score = event.score
            case ShiftScored():
                hint = event.score
            case _:
                pass
    transcript = " ".join(segments[key] for key in sorted(segments)[-4:])
    after = None if decided is None else (decided - ends) / MS
    return replace(one, decision_ms=after, transcript=transcript, score=score, hint=hint)


def _print_turns(console: Console, found: Sequence[turning.Heard]) -> None:
    for title, field in (("by kind of speech", "source"), ("by trust in the label", "trust")):
        groups: dict[tuple[str, str], list[turning.Heard]] = defaultdict(list)
        for one in found:
            groups[one.label, str(getattr(one, field))].append(one)
            if field == "source" and one.label == "hold" and one.source in {"call", "spontaneous"}:
                groups[one.label, "call + spontaneous"].append(one)
        holds = Table(
            "holds",
            "in the pause",
            "over the next words",
            "either, of all",
            "either, where it was silent before",
            title=f"pauses inside a turn, {title}",
        )
        ends = Table(
            *("ends", "n", "answered", "not", "talking already", "decision p50/p90 (n)", "first sound p50/p90/max"),
            title=f"ends of turns, {title}; ms after the last word",
        )
        for (label, name), group in sorted(groups.items()):
            if label == "hold":
                holds.add_row(name, *hold_figures(group))
            else:
                ends.add_row(f"{label}, {name}", *end_figures(group))
        console.print(holds)
        console.print(ends)


def hold_figures(group: Sequence[turning.Heard]) -> tuple[str, ...]:
    """Counts of interrupted pauses. Both shares are given: an agent that cut in earlier is often still talking, which spoils later
    pauses of the same audio, but leaving those out leaves out what its own cut-in did.
    """
    fresh = [one for one in group if not one.busy]

    def either(of: Sequence[turning.Heard]) -> str:
        cut = sum(one.in_pause or one.over_words for one in of)
        return f"{cut} of {len(of)} ({cut / len(of):.0%})" if of else "0 of 0"

    return str(sum(one.in_pause for one in group)), str(sum(one.over_words for one in group)), either(group), either(fresh)


def end_figures(group: Sequence[turning.Heard]) -> tuple[str, ...]:
    """Counts and delays of answers. Where the agent was speaking already there is no delay to measure."""
    fresh = [one for one in group if not one.busy]
    sounds_at = [one.delay_ms for one in fresh if one.delay_ms is not None]
    decided = [one.decision_ms for one in fresh if one.decision_ms is not None]
    counts = (len(group), len(sounds_at), len(fresh) - len(sounds_at), len(group) - len(fresh))
    decision = f"{percentile(decided, 0.5):.0f}/{percentile(decided, 0.9):.0f} ({len(decided)})" if decided else "-"
    first = f"{percentile(sounds_at, 0.5):.0f}/{percentile(sounds_at, 0.9):.0f}/{max(sounds_at):.0f}" if sounds_at else "-"
    return (*(str(count) for count in counts), decision, first)


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
    table = Table(
        *("sound over the agent", "n", "lost its answer", "neither lost nor heard again", "median silence ms", "void: agent not speaking"),
        title="sounds while the agent speaks",
    )
    for kind, group in sorted(groups.items()):
        table.add_row(kind, *overlap_figures(group))
    console.print(table)
    return [asdict(result) for result in found]


def overlap_figures(group: Sequence[turning.Overlap]) -> tuple[str, ...]:
    """Counts of lost answers; a sound over an agent that was not speaking could lose none and is counted apart."""
    valid = [one for one in group if not one.void]
    lost = sum(one.lost for one in valid)
    dropped = sum(not one.lost and not one.resumed for one in valid)
    share = f"{lost} ({lost / len(valid):.0%})" if valid else "0"
    silence = f"{percentile([one.silent_ms for one in valid], 0.5):.0f}"
    return str(len(valid)), share, str(dropped), silence, str(len(group) - len(valid))
