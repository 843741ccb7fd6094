"""``offhook script``: check, test, walk, draw a script, print the document's schema, or a plan for an engine that runs alone."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from offhook import registry
from offhook.authoring.draw import mermaid
from offhook.authoring.load import Loaded, ScriptError, load
from offhook.authoring.runner import run_file
from offhook.authoring.walk import walk as walk_all
from offhook.contracts.ids import CallId
from offhook.contracts.plan import CallPlan
from offhook.contracts.script import schema as document_schema
from offhook.errors import ConfigError
from offhook.ports.spec import Kind

app = typer.Typer(help="Write and test what an agent says and does.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A script, such as examples/receptionist/receptionist.yaml")]


def _load(path: Path) -> Loaded:
    try:
        return load(path)
    except ScriptError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def check(files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Look for every fault that can be found before the first call."""
    wrong = False
    for path in files:
        try:
            loaded = load(path)
        except ScriptError as error:
            wrong = True
            typer.echo(str(error), err=True)
            continue
        for warning in loaded.warnings:
            typer.echo(f"warning: {warning}")
        script = loaded.script
        typer.echo(f"{path.name}: {script.id} version {script.version}, {len(script.states)} states, {len(script.slots)} slots, no faults")
    if wrong:
        raise typer.Exit(1)


@app.command("test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files such as receptionist.tests.yaml")],
    with_: Annotated[str, typer.Option("--with", help="The understander: rules, keys or acts")] = "rules",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print what was said")] = False,
) -> None:
    """Run conversations; say what failed and what no conversation touched."""
    if with_ not in {"rules", "keys", "acts"}:
        raise typer.BadParameter("rules, keys or acts", param_hint="--with")
    wrong = False
    for path in files:
        began = time.perf_counter()
        try:
            report = run_file(path, with_)  # type: ignore[arg-type]
        except ScriptError as error:
            typer.echo(str(error), err=True)
            wrong = True
            continue
        taken = (time.perf_counter() - began) * 1000
        for outcome in report.outcomes:
            typer.echo(f"{'ok    ' if not outcome.failures else 'FAILED'} {outcome.name}")
            for line in outcome.words if verbose else ():
                typer.echo(f"         {line}")
            for failure in outcome.failures:
                typer.echo(f"    {failure}")
        untouched = report.untouched()
        for place in untouched:
            typer.echo(f"untouched: {place}")
        voice, keys = report.coverage("voice"), report.coverage("keys")
        typer.echo(
            f"{path.name}: {sum(not each.failures for each in report.outcomes)} of {len(report.outcomes)} conversations as expected, "
            f"{voice[0]} of {voice[1]} places touched by voice, {keys[0]} by keys, {taken / max(1, len(report.outcomes)):.1f} ms each"
        )
        wrong = wrong or not report.ok
    if wrong:
        raise typer.Exit(1)


@app.command()
def walk(file: File, most: Annotated[int, typer.Option(help="Stop after so many situations")] = 20_000) -> None:
    """Explore all paths with symbolic answers; fail on any that does not end."""
    loaded = _load(file)
    found = walk_all(loaded.script, most)
    for where in found.stuck:
        typer.echo(f"does not end: {where}", err=True)
    missed = sorted(set(loaded.script.states) - found.states)
    for name in missed:
        typer.echo(f"not met: {loaded.at('states', name)} {name} (by a topic or a limit only)")
    count = f"{len(found.states)} of {len(loaded.script.states)} states"
    typer.echo(f"{file.name}: {found.situations} situations, {count}, ends: {', '.join(sorted(found.ends))}")
    if not found.complete:
        typer.echo(f"stopped after {most} situations: not every path was seen, raise --most", err=True)
    if found.stuck:
        raise typer.Exit(1)


@app.command()
def draw(file: File) -> None:
    """Print the graph as Mermaid."""
    loaded = _load(file)
    conditions: dict[tuple[str, int], str] = {}
    for name, state in loaded.document.states.items():
        if isinstance(state.next, list):
            conditions |= {(name, index): str(line.if_) if line.if_ is not None else "else" for index, line in enumerate(state.next)}
    typer.echo(mermaid(loaded.script, conditions))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the document, for editors."""
    typer.echo(json.dumps(document_schema(), indent=2))


@app.command("plan")
def make_plan(
    file: File,
    stt: Annotated[list[str], typer.Option(help="Who hears, such as deepgram_flux. Again for who stands in for it.")] = ["local"],  # noqa: B006
    tts: Annotated[list[str], typer.Option(help="Who speaks, such as cartesia:sonic-3. Again for who stands in for it.")] = ["local"],  # noqa: B006
    llm: Annotated[
        list[str], typer.Option(help="A language model, such as openai:NAME. Without one the rules alone follow the script.")
    ] = [],  # noqa: B006
    voice: Annotated[list[str], typer.Option(help="The voice, by provider: cartesia=VOICE.")] = [],  # noqa: B006
    opener: Annotated[bool, typer.Option("--opener", help="Begin answers with a short acknowledgement.")] = False,
) -> None:
    """Print a plan with this script for `offhook engine --plan`. Keys are the engine's own; without an orchestrator no tool works."""
    loaded = _load(file)
    chosen: list[tuple[Kind, list[str]]] = [("stt", stt), ("tts", tts), ("llm", llm)]
    for kind, names in chosen:
        for name in names:
            try:
                registry.spec(kind, name)
            except ConfigError as error:
                raise typer.BadParameter(str(error), param_hint=f"--{kind}") from error
    voices: dict[str, str] = {}
    for one in voice:
        whose, _, called = one.partition("=")
        if not called or whose not in {*tts, *(name.partition(":")[0] for name in tts)}:
            raise typer.BadParameter(f"{one} does not say whose it is, as in {tts[0].partition(':')[0]}=VOICE", param_hint="--voice")
        voices[whose] = called
    models = {"stt": stt, "tts": tts, **({"llm": llm} if llm else {}), **({"voices": voices} if voices else {})}
    script = json.loads(json.dumps(loaded.source, default=str))
    values = {"locale": loaded.script.languages[0], "models": models, "script": script, **({"openers": {"on": True}} if opener else {})}
    made = CallPlan.model_validate({"call": CallId("check"), **values})
    typer.echo(json.dumps(made.model_dump(mode="json", exclude_unset=True, exclude={"call"}), ensure_ascii=False, indent=2))
