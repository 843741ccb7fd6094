"""The script as a graph: who leads where, what is certainly known where. For the checks, the walk and the drawing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.core.script.expr import Both, Compare, Expr, Known, Literal, Name, Word
from offhook.core.script.model import Line, Script


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a state; ``field`` is its place in the document, below the state."""

    to: str
    kind: str
    field: tuple[str | int, ...]
    label: str = ""
    line: Line | None = None


def edges(script: Script, name: str) -> Iterator[Edge]:
    """Every way out of a state, what fails included."""
    state = script.states[name]
    if state.call:
        yield Edge(state.call, "call", ("call",))
    for index, line in enumerate(state.next):
        yield Edge(line.go, "next", ("next", index), line=line)
    if state.if_fails:
        yield Edge(state.if_fails, "fails", ("if_fails",))
    for tool in tools_of(script, name):
        found = script.tools[tool]
        for kind, reaction in found.if_fails.items():
            if reaction.go:
                yield Edge(reaction.go, "fails", ("do",), f"{tool}: {kind}")
        if found.if_changed:
            yield Edge(found.if_changed, "changed", ("do",), tool)
    for slot in (*state.collect, *state.also):
        empty = script.slots[slot].if_empty if slot in script.slots else None
        if empty is not None and empty.go:
            yield Edge(empty.go, "empty", ("collect",), slot)


def tools_of(script: Script, name: str) -> tuple[str, ...]:
    """The tools that a state may run: its own, those of its offers, and those that these need."""
    state = script.states[name]
    found: dict[str, None] = {}
    for slot in state.collect:
        if slot in script.slots:
            _slot_tools(script, slot, found)
    if state.do:
        _tool_tools(script, state.do, found)
    return tuple(found)


def _slot_tools(script: Script, slot: str, found: dict[str, None]) -> None:
    tool = script.slots[slot].tool
    if tool:
        _tool_tools(script, tool, found)


def _tool_tools(script: Script, tool: str, found: dict[str, None]) -> None:
    if tool in found or tool not in script.tools:
        return
    found[tool] = None
    for arg in script.tools[tool].args:
        if arg.path in script.slots:
            _slot_tools(script, arg.path, found)
        else:
            _tool_tools(script, arg.path.partition(".")[0], found)


def entries(script: Script) -> dict[str, tuple[str | int, ...]]:
    """States that may be entered from anywhere, with the place in the document that says so."""
    found: dict[str, tuple[str | int, ...]] = {}
    for topic in script.topics.values():
        section = "objections" if topic.objection else "topics"
        for target, field in ((topic.go, "then" if topic.objection else "go"), (topic.call, "call")):
            if target:
                found.setdefault(target, (section, topic.name, field))
    for key, lines in (("human", script.universals.human), ("cancel", script.universals.cancel), ("goodbye", script.universals.goodbye)):
        for line in lines:
            found.setdefault(line.go, ("universals", key))
    if script.knowledge is not None and script.knowledge.go:
        found.setdefault(script.knowledge.go, ("knowledge", "go"))
    return found


def reachable(script: Script) -> set[str]:
    """Every state that a call can come to."""
    waiting = [script.start, *entries(script)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in script.states:
            continue
        seen.add(name)
        waiting.extend(edge.to for edge in edges(script, name))
    return seen


def can_end(script: Script) -> set[str]:
    """Every state from which an end, or a return, can be reached by the ordinary ways."""
    good = {name for name, state in script.states.items() if state.end is not None or state.returns}
    while True:
        more = {
            name
            for name in script.states
            if name not in good and any(edge.kind in {"next", "fails", "empty"} and edge.to in good for edge in edges(script, name))
        }
        if not more:
            return good
        good |= more


def known_at(script: Script) -> Mapping[str, frozenset[str]]:
    """What is certainly known on entering each state, over all paths: a forward analysis to the greatest fixed point."""
    every = frozenset([*script.slots, *script.tools])
    at: dict[str, frozenset[str]] = dict.fromkeys(script.states, every)
    at[script.start] = frozenset()
    for name in entries(script):
        at[name] = frozenset()
    returns = _returns(script)
    waiting = list(script.states)
    while waiting:
        name = waiting.pop()
        if name not in script.states:
            continue
        for target, known in _flows(script, name, at[name], returns):
            merged = at[target] & known
            if merged != at[target]:
                at[target] = merged
                waiting.append(target)
    return at


def _returns(script: Script) -> dict[str, frozenset[str]]:
    """What a called state certainly adds: what it collects itself if it returns at once."""
    return {name: gained(script, name) if state.returns else frozenset() for name, state in script.states.items()}


def gained(script: Script, name: str) -> frozenset[str]:
    """What is certainly known once a state is done: its required slots, its tools' results and what these needed."""
    state = script.states[name]
    found: set[str] = set()
    for slot in state.collect:
        if slot in script.slots:
            _gain_slot(script, slot, found)
    if state.do:
        _gain_tool(script, state.do, found)
    return frozenset(found)


def _gain_slot(script: Script, slot: str, found: set[str]) -> None:
    spec = script.slots[slot]
    if not spec.optional:
        found.add(slot)
    if spec.tool in script.tools:
        _gain_tool(script, spec.tool, found)


def _gain_tool(script: Script, tool: str, found: set[str]) -> None:
    if tool not in script.tools or tool in found:
        return
    found.add(tool)
    for arg in script.tools[tool].args:
        if arg.maybe:
            continue
        if arg.path in script.slots:
            _gain_slot(script, arg.path, found)
        else:
            _gain_tool(script, arg.path.partition(".")[0], found)


def _flows(script: Script, name: str, known: frozenset[str], returns: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, frozenset[str]]]:
    state = script.states[name]
    if state.call in script.states:
        yield str(state.call), known
    after = known | gained(script, name) | (returns.get(state.call or "", frozenset()))
    for edge in edges(script, name):
        if edge.to not in script.states or edge.kind == "call":
            continue
        if edge.kind == "next" and edge.line is not None:
            yield edge.to, (after | told(edge.line.when)) - _forgotten(script, edge.line.forget)
        elif edge.kind == "fails" and edge.field == ("if_fails",):
            yield edge.to, after
        else:
            yield edge.to, known


def _forgotten(script: Script, slots: tuple[str, ...]) -> frozenset[str]:
    """Forgotten slots with the results that came from them."""
    found = set(slots)
    for slot in slots:
        if slot in script.slots and script.slots[slot].tool:
            found.add(script.slots[slot].tool)
    grown = True
    while grown:
        before = len(found)
        for tool in script.tools.values():
            if tool.effect == "read" and any(arg.path in found or arg.path.partition(".")[0] in found for arg in tool.args):
                found.add(tool.name)
        found |= {slot.name for slot in script.slots.values() if slot.tool in found}
        grown = len(found) > before
    return frozenset(found)


def told(when: Expr | None) -> frozenset[str]:
    """The names that are known wherever a condition is true."""
    match when:
        case Known(name, False):
            return frozenset({name.path})
        case Compare(_, Name(path, _), _):
            return frozenset({path})
        case Both(True, parts):
            return frozenset().union(*(told(part) for part in parts))
        case Both(False, parts):
            return frozenset.intersection(*(told(part) for part in parts))
        case _:
            return frozenset()


def covered(when: Expr | None) -> dict[str, frozenset[object]] | None:
    """``{name: values}`` that a simple condition takes (a comparison or a choice of values), None for any other."""
    from offhook.core.script.expr import Among

    def value(operand: object) -> object:
        return operand.text if isinstance(operand, Word) else operand.value if isinstance(operand, Literal) else None

    match when:
        case Compare("is", Name(path, _), right) if value(right) is not None:
            return {path: frozenset({value(right)})}
        case Among(Name(path, _), items, False) if all(value(item) is not None for item in items):
            return {path: frozenset(value(item) for item in items)}
        case _:
            return None
