"""The graph of a script as a Mermaid flowchart."""

from __future__ import annotations

from offhook.core.script import graph
from offhook.core.script.model import Script


def mermaid(script: Script, conditions: dict[tuple[str, int], str] | None = None) -> str:
    """A flowchart: boxes are states, round ends are ends, dotted ways are failures and calls. ``conditions``: (state, line) to text."""
    rows = ["flowchart TD"]
    ids = {name: name.replace(".", "__") for name in script.states}
    for name, state in script.states.items():
        inside = [name]
        if state.collect:
            inside.append(f"asks {', '.join(state.collect)}")
        if state.do:
            inside.append(f"does {state.do}")
        if state.transfer:
            inside.append(f"transfers to {state.transfer}")
        label = "<br/>".join(inside)
        rows.append(f'  {ids[name]}(["{label}"])' if state.end is not None else f'  {ids[name]}["{label}"]')
    drawn: set[str] = set()
    for name in script.states:
        for edge in graph.edges(script, name):
            text = (conditions or {}).get((name, int(edge.field[1])), "") if edge.kind == "next" else edge.label or edge.kind
            arrow = "-->" if edge.kind == "next" else "-.->"
            row = f"  {ids[name]} {arrow}{f'|{_safe(text)}|' if text else ''} {ids[edge.to]}"
            if row not in drawn:
                drawn.add(row)
                rows.append(row)
    for target, field in graph.entries(script).items():
        source = "_".join(str(part) for part in field[:2])
        rows.append(f'  {source}{{{{"{field[1] if len(field) > 1 else field[0]}"}}}} -.-> {ids[target]}')
    return "\n".join(rows)


def _safe(text: str) -> str:
    return f'"{text}"'.replace("<", "&lt;").replace(">", "&gt;").replace("|", "/")
