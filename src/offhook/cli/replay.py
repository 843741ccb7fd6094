"""``offhook replay CALL``: run a call's trace through the turn core again, bit for bit, and see what another policy would decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from offhook.core.time import MS
from offhook.core.turn.policy import TurnPolicy, replace_path
from offhook.core.turn.replay import Decision, replay, what_if
from offhook.engine.trace import read_trace
from offhook.errors import ConfigError


def find_trace(call: str, state_dir: Path) -> Path:
    """A trace by path or by call id. Raises ConfigError."""
    path = Path(call)
    if path.is_file():
        return path
    path = state_dir / "calls" / call.replace(":", "_") / "trace.jsonl"
    if path.is_file():
        return path
    raise ConfigError(f"no trace of {call!r} under {state_dir}; give a call id from `offhook calls list`, or the path of a trace.jsonl")


def main(
    call: Annotated[str, typer.Argument(help="A call id, or the path of a trace.jsonl.")],
    change: Annotated[list[str] | None, typer.Option("--set", help="Another policy value, such as endpointing.sure_ms=400.")] = None,
    state_dir: Annotated[Path, typer.Option(help="The engine's state folder.")] = Path("var/engine"),
) -> None:
    """Replay a call's turn decisions; with --set, print where a changed policy would have decided otherwise."""
    console = Console()
    try:
        head, recorded = read_trace(find_trace(call, state_dir))
        events = list(recorded)
        policy = TurnPolicy.of(head["policy"])
        changed = policy
        for entry in change or []:
            path, _, value = entry.partition("=")
            changed = replace_path(changed, path.strip(), float(value))
    except (ConfigError, ValueError) as error:
        typer.echo(error.public if isinstance(error, ConfigError) else f"--set wants path=number: {error}", err=True)
        raise typer.Exit(2) from error
    decisions = replay(events, policy)
    if decisions != replay(events, policy):
        typer.echo("the same trace gave different decisions: the core is not pure", err=True)
        raise typer.Exit(1)
    if not change:
        _print(console, f"{head['call']}: {len(events)} events, {len(decisions)} decisions", decisions)
        return
    was, would = what_if(events, policy), what_if(events, changed)
    at = next((i for i, (a, b) in enumerate(zip(was, would, strict=False)) if a != b), min(len(was), len(would)))
    if at == len(was) == len(would):
        console.print(f"{head['call']}: {', '.join(change)} would have changed nothing in {len(was)} decisions")
        return
    console.print(f"{head['call']}: the first {at} decisions are the same; then, with {', '.join(change)}:")
    _print(console, "recorded policy", was[at : at + 6])
    _print(console, "changed policy", would[at : at + 6])
    console.print("What follows would have been another conversation: beyond this point the recording says nothing.")


def _print(console: Console, title: str, decisions: list[Decision]) -> None:
    table = Table("at (ms)", "decision", title=title)
    for decision in decisions:
        table.add_row(f"{decision.at / MS:.0f}", str(decision.effect))
    console.print(table)
