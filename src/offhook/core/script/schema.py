"""What a model may answer now: a JSON schema made of the state, and the same in words. Acts come first, words after them."""
# ruff: noqa: ANN401 - a schema is plain data

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from offhook.core.script.legal import Legal, legal
from offhook.core.script.model import Script
from offhook.core.script.state import ScriptState
from offhook.core.script.values import offers_of
from offhook.core.script.work import Work

ALWAYS = ("human", "cancel", "goodbye", "help", "hold", "chitchat", "abuse", "unclear")
"""Acts without fields that a caller may do at any moment."""
YES_NO = ("yes", "no")
GUARDED = frozenset({"en"})
"""Languages whose numbers, days and promises ``claims`` and ``promises`` can read in words."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What ``legal`` leaves of the acts, sorted into what they need. Names are in the order of the document.

    ``values`` are slots whose value is read from a quote; ``choices`` and ``yes_no`` have an enum beside it; ``known`` may be put right;
    ``count`` is how many things were offered; ``bare`` are acts without fields; ``wording`` is the state's.
    """

    values: tuple[str, ...]
    choices: tuple[str, ...]
    yes_no: tuple[str, ...]
    known: tuple[str, ...]
    count: int
    topics: tuple[str, ...]
    tools: tuple[str, ...]
    ask: bool
    bare: tuple[str, ...]
    wording: str

    @property
    def slots(self) -> frozenset[str]:
        """All slots that may be set."""
        return frozenset((*self.values, *self.choices, *self.yes_no))


def allowed(script: Script, state: ScriptState) -> Allowed:
    """What a model may do now."""
    now = legal(script, state)
    slots = [slot for name, slot in script.slots.items() if name in now.slots and slot.type != "offer"]
    choices = tuple(slot.name for slot in slots if slot.type == "choice" and slot.options)
    yes_no = tuple(slot.name for slot in slots if slot.type == "yes_no")
    return Allowed(
        values=tuple(slot.name for slot in slots if slot.name not in {*choices, *yes_no}),
        choices=choices,
        yes_no=yes_no,
        known=tuple(name for name in script.slots if name in state.values and name in now.slots),
        count=_count(script, state, now),
        topics=tuple(name for name in script.topics if name in now.topics),
        tools=tuple(name for name in script.tools if name in now.tools),
        ask=bool(state.passages) or script.knowledge is not None,
        bare=_bare(script, state, now),
        wording=wording(script, state),
    )


def wording(script: Script, state: ScriptState) -> str:
    """Whose words are spoken here: ``exact``, ``guided`` or ``free``. Where the guards cannot read the language, the author's only."""
    return script.states[state.at].wording if Work(script, state).locale[:2].casefold() in GUARDED else "exact"


def _count(script: Script, state: ScriptState, now: Legal) -> int:
    """How many things the open question offers, at most 8."""
    asked = now.open_question
    slot = script.slots.get(asked.slot) if asked is not None and asked.kind == "ask" else None
    if slot is None:
        return 0
    if slot.type == "choice":
        return len(slot.options[:8])
    result = state.results.get(slot.tool)
    return len(offers_of(result.values.get((slot.source or "").rpartition(".")[2]))[:8]) if slot.type == "offer" and result else 0


def _bare(script: Script, state: ScriptState, now: Legal) -> tuple[str, ...]:
    asked = now.open_question
    found = list(ALWAYS)
    if asked is not None:
        found += ["affirm", "deny"]
        if asked.kind in {"ask", "guess"}:
            found.append("skip")
        slot = script.slots.get(asked.slot)
        if asked.kind == "ask" and slot is not None and slot.type == "offer":
            found.append("none_of_these")
    if state.last:
        found.append("repeat")
    return tuple(found)


def schema(script: Script, state: ScriptState) -> dict[str, Any]:
    """The schema that an answer must fit in this state.

    Fit for strict modes: no property is optional or unknown, the root is an object, only ``anyOf`` inside. ``exact`` has no ``say``;
    ``free`` has ``asks``, the slot that the question at the end of ``say`` asks for. An act is its name, or an object whose first key
    is its name: what a model writes before its first word is heard as silence.
    """
    now = allowed(script, state)
    kinds: list[dict[str, Any]] = []
    for verb in ("set", "correct"):
        if now.values:
            kinds.append(_object(**{verb: _enum(*now.values)}, quote=_TEXT))
        for name in now.choices:
            options = _enum(*(each.name for each in script.slots[name].options))
            kinds.append(_object(**{verb: _enum(name)}, option=options, quote=_TEXT))
        if now.yes_no:
            kinds.append(_object(**{verb: _enum(*now.yes_no)}, option=_enum(*YES_NO), quote=_TEXT))
    if now.known:
        kinds.append(_object(correct=_enum(*now.known), quote={"type": "null"}))
    if now.count:
        kinds.append(_object(choose={"type": "integer", "enum": list(range(1, now.count + 1))}, quote=_TEXT))
    if now.topics:
        kinds.append(_object(**{"raise": _enum(*now.topics)}))
    if now.ask:
        kinds.append(_object(ask=_TEXT))
    if now.tools:
        kinds.append(_object(use=_enum(*now.tools)))
    kinds.append(_enum(*now.bare))
    parts: dict[str, Any] = {"acts": {"type": "array", "items": {"anyOf": kinds}}}
    if now.wording == "free":
        parts["asks"] = {"type": ["string", "null"], "enum": [*script.slots, None]}
    if now.wording != "exact":
        parts["say"] = {"type": ["string", "null"]}
    return _object(**parts)


def described(script: Script, state: ScriptState) -> str:
    """The same in words, for models that take no schema."""
    now = allowed(script, state)
    lines = [f"A string, one of: {', '.join(now.bare)}"]
    if now.values:
        lines.append(f'{{"set":S,"quote":Q}} with S one of: {", ".join(now.values)}')
    lines += [
        f'{{"set":"{name}","option":O,"quote":Q}} with O one of: {", ".join(each.name for each in script.slots[name].options)}'
        for name in now.choices
    ]
    if now.yes_no:
        lines.append(f'{{"set":S,"option":"yes"|"no","quote":Q}} with S one of: {", ".join(now.yes_no)}')
    if now.known:
        lines.append(f'"correct" in place of "set" to put right, with "quote":null if only known to be wrong: {", ".join(now.known)}')
    if now.count:
        lines.append(f'{{"choose":N,"quote":Q}} with N from 1 to {now.count}')
    if now.topics:
        lines.append(f'{{"raise":T}} with T one of: {", ".join(now.topics)}')
    if now.ask:
        lines.append('{"ask":Q}')
    if now.tools:
        lines.append(f'{{"use":T}} with T one of: {", ".join(now.tools)}')
    return "\n".join(f"- {line}" for line in lines)


_TEXT: dict[str, Any] = {"type": "string"}


def _enum(*names: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
