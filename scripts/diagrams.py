"""Write docs/reference/turns.md from the walk over the turn core's states. ``--check``: exit 1 if it is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from offhook.core.turn import effects as fx
from offhook.core.turn.explore import Walk, walk
from offhook.core.turn.state import Preparing, TurnState, initial

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "turns.md"
REGIONS = (
    ("The call", "Where the call as a whole is."),
    ("The caller's floor", "Trailing: the caller has stopped and it is not decided yet whether the turn is over."),
    ("The agent's floor", "Preparing_muted: a reply is prepared in case the turn is over, and cannot be heard. Held: stopped where it is."),
)
MOST_ROWS = 4
"""Rows of effects shown for one change; the shortest come first."""


def page(found: Walk) -> str:
    """The whole page."""
    parts = [
        "# Turns",
        "Made by `python scripts/diagrams.py` from a walk over every state that the turn core can reach; do not edit."
        " A tick is named after the deadline that has come.",
        f"The walk: {len(found.states)} states, {len(found.edges)} edges, the laws hold on each of them;"
        f" from any state at most {found.ticks} deadlines in a row, with nothing else happening, end the call.",
    ]
    for region, (title, text) in enumerate(REGIONS):
        parts += [f"## {title}", text, f"```mermaid\n{mermaid(found, region)}\n```"]
        parts.append("| from | event | to | effects |\n|---|---|---|---|\n" + "\n".join(_rows(found, region)))
    return "\n\n".join(parts) + "\n"


def _rows(found: Walk, region: int) -> list[str]:
    rows = []
    for source, event, target, effects in table(found, region):
        more = [f"and {len(effects) - MOST_ROWS} more"] if len(effects) > MOST_ROWS else []
        rows.append(f"| {source} | {event} | {target} | {'<br>'.join([*effects[:MOST_ROWS], *more])} |")
    return rows


def regions(state: TurnState) -> tuple[str, str, str]:
    """The state's place in each of the three regions: call, caller, agent."""
    agent = type(state.agent).__name__.lower().replace("talking", "speaking")
    if isinstance(state.agent, Preparing) and state.agent.speculative:
        agent = "preparing_muted"
    return state.phase.value, type(state.user).__name__.lower(), agent


def mermaid(walk: Walk, region: int) -> str:
    """A region's diagram: every change of place that the walk found, with the events that bring it about."""
    arrows: dict[tuple[str, str], set[str]] = {}
    for edge in walk.edges:
        places = regions(edge.source)[region], regions(edge.target)[region]
        if places[0] != places[1]:
            arrows.setdefault(places, set()).add(edge.label.partition(",")[0])
    begin = regions(initial())[region]
    lines = ["stateDiagram-v2", f"    [*] --> {begin}"]
    lines += [f"    {source} --> {target}: {', '.join(sorted(labels))}" for (source, target), labels in sorted(arrows.items())]
    return "\n".join(lines)


def table(walk: Walk, region: int) -> list[tuple[str, str, str, list[str]]]:
    """For each change of place and event: from, event, to, and the rows of effects that were seen with it."""
    rows: dict[tuple[str, str, str], set[str]] = {}
    for edge in walk.edges:
        source, target = regions(edge.source)[region], regions(edge.target)[region]
        if source != target:
            seen = rows.setdefault((source, edge.label.partition(",")[0], target), set())
            seen.add(" ".join(_name(effect) for effect in edge.effects) or "nothing")
    return [(*key, sorted(seen, key=lambda row: (len(row), row))) for key, seen in sorted(rows.items())]


def _name(effect: fx.Effect) -> str:
    name = type(effect).__name__
    match effect:
        case fx.OpenTurn():
            return f"{name}({effect.cause}{', muted' if effect.speculative else ''})"
        case fx.Prompt():
            return f"{name}({effect.line.value})"
        case fx.CancelTurn():
            return f"{name}({effect.why.value})"
        case fx.End():
            return f"{name}({effect.reason})"
        case _:
            return name


def main() -> int:
    """Write or check."""
    made = page(walk())
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
            print(f"{PAGE.name} is stale: run python scripts/diagrams.py", file=sys.stderr)
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
