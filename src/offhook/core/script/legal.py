"""What may be done now, and what the open question wants. All else is refused without effect."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.core.script.model import Option, Script, State
from offhook.core.script.state import Open, ScriptState
from offhook.core.script.values import offers_of
from offhook.core.understand.complete import Expect
from offhook.core.understand.types import Offer


@dataclass(frozen=True, slots=True)
class Legal:
    """The slots that may be set, what may be raised, the read tools in reach, and the open question."""

    slots: tuple[str, ...]
    topics: tuple[str, ...]
    objections: tuple[str, ...]
    tools: tuple[str, ...]
    open_question: Open | None


def legal(script: Script, state: ScriptState) -> Legal:
    """What may be done now. Slots come with the open question's first."""
    found: dict[str, None] = {}
    if state.open is not None and state.open.slot:
        found[state.open.slot] = None
    tools: dict[str, None] = {}
    for name in (state.at, *reversed(state.stack)):
        _state_slots(script, script.states[name], found, tools, 0)
    for name in state.values:
        found.setdefault(name, None)
    raised = [each for each in script.topics.values() if not each.scope or {state.at, *state.stack} & set(each.scope)]
    return Legal(
        tuple(name for name in found if not script.slots[name].secure),
        tuple(each.name for each in raised),
        tuple(each.name for each in raised if each.objection),
        tuple(name for name in tools if script.tools[name].effect == "read"),
        state.open,
    )


def expecting(script: Script, state: ScriptState) -> Expect:
    """What the open question wants, for the grammars and for endpointing."""
    asked = state.open
    if asked is None or asked.kind == "change":
        return Expect()
    slot = script.slots.get(asked.slot)
    if asked.kind != "ask" or slot is None:
        return Expect("yes_no")
    result = state.results.get(slot.tool)
    field = (slot.source or "").rpartition(".")[2]
    offers = offers_of(result.values.get(field))[:8] if result else ()
    return Expect(
        slot.type,
        {option.name: phrases_of(option) for option in slot.options},
        tuple(Offer(str(each["label"]), str(each["start"]) if each.get("start") else None) for each in offers),
        slot.pattern or None,
        slot.spoken if slot.pattern else None,
    )


def phrases_of(option: Option) -> tuple[str, ...]:
    """What names an option: its phrases, its name, its labels."""
    return (*option.says, option.name.replace("_", " "), *option.label.values())


def _state_slots(script: Script, state: State, found: dict[str, None], tools: dict[str, None], depth: int) -> None:
    for name in (*state.collect, *state.also):
        found.setdefault(name, None)
        if script.slots[name].tool:
            _tool_slots(script, script.slots[name].tool, found, tools)
    if state.do:
        _tool_slots(script, state.do, found, tools)
    if state.call and depth < 3:
        _state_slots(script, script.states[state.call], found, tools, depth + 1)


def _tool_slots(script: Script, name: str, found: dict[str, None], tools: dict[str, None]) -> None:
    if name in tools:
        return
    tools[name] = None
    for arg in script.tools[name].args:
        head = arg.path.partition(".")[0]
        if arg.path in script.slots:
            found.setdefault(arg.path, None)
            if script.slots[arg.path].tool:
                _tool_slots(script, script.slots[arg.path].tool, found, tools)
        elif head in script.tools:
            _tool_slots(script, head, found, tools)
