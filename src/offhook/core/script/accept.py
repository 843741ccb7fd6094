"""From a model's answer to acts: what was quoted must have been said, its value is read by the grammars, yes is the caller's own."""
# ruff: noqa: ANN401 - an answer is plain data until it has been checked

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.core.script import acts as act
from offhook.core.script.model import Script, Slot
from offhook.core.script.quote import locate
from offhook.core.script.rules import least_sure, understand, value_in
from offhook.core.script.schema import Allowed, allowed
from offhook.core.script.state import ScriptState
from offhook.core.understand.types import Found

MOST = 12
"""Acts of one answer; nobody does more in a turn."""
MEANT = 0.8
"""How sure an option is that a model chose from a quote where the grammar does not know the words: over the limit of asking again."""
SURE = 0.6
"""From this on the grammar's reading of a quote stands against the model's."""

_BARE: Mapping[str, Callable[[], act.Act]] = {
    "human": act.Human,
    "cancel": act.Cancel,
    "goodbye": act.Goodbye,
    "help": act.Help,
    "hold": act.Hold,
    "chitchat": act.Chitchat,
    "abuse": act.Abuse,
    "unclear": act.Unclear,
    "affirm": act.Affirm,
    "deny": act.Deny,
    "skip": act.Skip,
    "none_of_these": act.NoneOfThese,
    "repeat": act.Repeat,
}

_FIELDS = {"set": "slot", "correct": "slot", "choose": "n", "raise": "topic", "ask": "quote", "use": "tool"}
"""What stands behind an act's name where that is a key."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act of the answer without effect. ``what`` names it in words that are ours."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The acts that count, in the order of the answer, and those that do not."""

    acts: tuple[act.Act, ...]
    refused: tuple[Refusal, ...]


def accept(script: Script, state: ScriptState, text: str, items: Sequence[Any]) -> Accepted:
    """The acts in an answer's items; ``text`` is what the caller said. Total: refused one by one."""
    reader = _Reader(script, state, text)
    found: list[act.Act] = []
    refused: list[Refusal] = []
    for item in map(spelled_out, items[:MOST]):
        made = reader.read(item)
        if isinstance(made, Refusal):
            refused.append(made)
        elif made in found or _again(made, found):
            refused.append(Refusal(_what(item), "said twice"))
        else:
            found.append(made)
    if len(items) > MOST:
        refused.append(Refusal("acts", f"more than {MOST}"))
    return Accepted(tuple(found), tuple(refused))


def spelled_out(item: Any) -> Any:
    """An act as ``{"act": name, ...}``, however it was written: ``"hold"``, ``{"raise": "fee"}``. What is neither is left as it is."""
    if isinstance(item, str):
        return {"act": item}
    if not isinstance(item, dict) or "act" in item:
        return item
    names = [key for key in item if key in _FIELDS or key in _BARE]
    if len(names) != 1:
        return item
    name = names[0]
    rest = {key: value for key, value in item.items() if key != name}
    return {"act": name, **rest, _FIELDS[name]: item[name]} if name in _FIELDS else {"act": name, **rest}


def _again(made: act.Act, found: list[act.Act]) -> bool:
    slot = made.slot if isinstance(made, act.Set | act.Correct) else None
    return slot is not None and any(isinstance(each, act.Set | act.Correct) and each.slot == slot for each in found)


def _what(item: Any) -> str:
    """An item in words of ours: only names that the script has may follow the act's."""
    return str(item["act"]) if isinstance(item, dict) and item.get("act") in {*_BARE, *_READ} else "an act"


class _Reader:
    """Reads the items of one answer."""

    def __init__(self, script: Script, state: ScriptState, text: str) -> None:
        self.script = script
        self.state = state
        self.text = text
        self.now: Allowed = allowed(script, state)
        self._rules: tuple[act.Act, ...] | None = None

    def read(self, item: Any) -> act.Act | Refusal:
        """One item."""
        if not isinstance(item, dict):
            return Refusal("an act", "no object, or a field twice")
        name = item.get("act")
        if not isinstance(name, str):
            return Refusal("an act", "has no name")
        if name in _READ:
            return _READ[name](self, name, item)
        if name not in _BARE:
            return Refusal("an act", "unknown")
        if name not in self.now.bare:
            return Refusal(name, "not possible now")
        why = self.against(name)
        return Refusal(name, why) if why else _BARE[name]()

    # yes and no

    def against(self, name: str) -> str:
        """Why a yes or a no is not the caller's, "" if it is. Only the caller's own words agree to anything."""
        asked = self.state.open
        if name not in {"affirm", "deny"} or asked is None:
            return ""
        yes, no = self.spoken_yes(), self.spoken_no()
        if name == "deny":
            return "the caller said yes" if yes and not no else ""
        if asked.kind in {"agree", "confirm", "guess"}:
            return "no clear yes in the caller's words" if not yes or no else ""
        return "the caller said no" if no and not yes else ""

    def rules(self) -> tuple[act.Act, ...]:
        """What the rules make of the same words."""
        if self._rules is None:
            self._rules = understand(self.script, self.state, self.text).acts
        return self._rules

    def spoken_yes(self) -> bool:
        """Whether the rules hear a yes."""
        slot = self.state.open.slot if self.state.open is not None else ""
        return any(
            isinstance(each, act.Affirm) or (isinstance(each, act.Set) and each.slot == slot and each.value is True)
            for each in self.rules()
        )

    def spoken_no(self) -> bool:
        """Whether the rules hear a no, or a but."""
        slot = self.state.open.slot if self.state.open is not None else ""
        return any(
            isinstance(each, act.Deny | act.Correct | act.Hold | act.Cancel)
            or (isinstance(each, act.Set) and each.slot == slot and each.value is False)
            for each in self.rules()
        )

    # values

    def set(self, name: str, item: dict[str, Any]) -> act.Act | Refusal:
        """``set`` and ``correct``."""
        slot_name, quote = item.get("slot"), item.get("quote")
        if name == "correct" and slot_name is None:
            slot_name = self.last_read()
        slot = self.script.slots.get(slot_name) if isinstance(slot_name, str) else None
        if slot is None:
            return Refusal(name, "unknown slot")
        what = f"{name} {slot.name}"
        if name == "correct" and quote is None:
            return act.Correct(slot.name) if slot.name in self.now.known else Refusal(what, "nothing to correct")
        if slot.name not in self.now.slots:
            return Refusal(what, "not asked for here")
        if not isinstance(quote, str):
            return Refusal(what, "no quote")
        span = locate(quote, self.text)
        if span is None:
            return Refusal(what, "the quote is not in the caller's words")
        found = self.meant(slot, item.get("option"), span) if slot.type in {"choice", "yes_no"} else self.value(slot, span)
        if isinstance(found, str):
            return Refusal(what, found)
        kind = act.Correct if name == "correct" else act.Set
        return kind(slot.name, found.value, found.raw, found.sure)

    def last_read(self) -> str:
        """The slot that was read back last."""
        asked = self.state.open
        return asked.slot if asked is not None and asked.slot else self.state.readback

    def value(self, slot: Slot, span: tuple[int, int]) -> Found | str:
        """The value in a quote, or why there is none. Where the quote alone is too short to read, the words around it help."""
        words = self.text[slice(*span)]
        if slot.type == "free_text":
            return Found(slot.type, words, words, *span, MEANT, whole=False)
        found = value_in(self.script, self.state, slot, words)
        if found is None or found.sure < least_sure(slot):
            wider = value_in(self.script, self.state, slot, self.text)
            found = wider if wider is not None and wider.start < span[1] and span[0] < wider.end else None
        if found is None or found.sure < least_sure(slot):
            return f"no {slot.type} in the quote"
        return found

    def meant(self, slot: Slot, option: Any, span: tuple[int, int]) -> Found | str:
        """The option that a model chose from a quote, if the grammar does not read another one."""
        words = self.text[slice(*span)]
        value: object = option
        if not isinstance(option, str):
            return "no such option"
        if slot.type == "yes_no":
            if option not in {"yes", "no"}:
                return "no such option"
            value = option == "yes"
        elif option not in {each.name for each in slot.options}:
            return "no such option"
        found = value_in(self.script, self.state, slot, words)
        if found is not None and found.value != value and found.sure >= SURE:
            return "the quote says another option"
        sure = max(found.sure, MEANT) if found is not None and found.value == value else MEANT
        return Found(slot.type, value, words, *span, sure, whole=False)

    def choose(self, name: str, item: dict[str, Any]) -> act.Act | Refusal:
        """``choose``."""
        n, quote = item.get("n"), item.get("quote")
        if type(n) is not int or not 1 <= n <= self.now.count:
            return Refusal(name, "no such number")
        span = locate(quote, self.text) if isinstance(quote, str) else None
        if span is None:
            return Refusal(name, "the quote is not in the caller's words")
        slot = self.script.slots[self.state.open.slot if self.state.open is not None else ""]
        found = value_in(self.script, self.state, slot, self.text[slice(*span)])
        value: object = n if slot.type == "offer" else slot.options[n - 1].name
        if found is not None and found.value != value and found.sure >= SURE:
            return Refusal(name, "the quote says another one")
        return act.Choose(n)

    # the rest

    def raised(self, name: str, item: dict[str, Any]) -> act.Act | Refusal:
        """``raise``."""
        topic = item.get("topic")
        return act.Raise(topic) if isinstance(topic, str) and topic in self.now.topics else Refusal(name, "not in scope")

    def question(self, name: str, item: dict[str, Any]) -> act.Act | Refusal:
        """``ask``: the question is the caller's own words."""
        quote = item.get("quote")
        span = locate(quote, self.text) if isinstance(quote, str) else None
        if not self.now.ask:
            return Refusal(name, "nothing to look it up in")
        return act.Question(self.text[slice(*span)]) if span else Refusal(name, "the quote is not in the caller's words")

    def use(self, name: str, item: dict[str, Any]) -> act.Act | Refusal:
        """``use``: its arguments are what is known, never what a model says."""
        tool = item.get("tool")
        return act.Use(tool, {}) if isinstance(tool, str) and tool in self.now.tools else Refusal(name, "not in reach")


_READ = {
    "set": _Reader.set,
    "correct": _Reader.set,
    "choose": _Reader.choose,
    "raise": _Reader.raised,
    "ask": _Reader.question,
    "use": _Reader.use,
}
