"""Values that nobody may read: keyed in secret, kept in the call's own vault, sent to the one tool that needs them.

The script's state has a *sealed* value: that there is one, and how long it is. Whatever is said, shown, kept or told to a model is made
of the state, so nothing of the value can be in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offhook.core.script.model import Hole, Say, Script, Slot
from offhook.core.script.state import Keys, ScriptState

CONTROLS = frozenset({"0", "*", "#"})
"""Alone, they are what they always are: a person, again, the end."""
SHORTEST = 8
"""Of fewer digits the last ones would tell too much."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Stands for a value. ``ending`` is its last digits, where the script says them."""

    token: str
    digits: int
    ending: str = ""

    def __str__(self) -> str:
        return f"{self.digits} digits"


class Vault:
    """One call's secrets, by token. A value is dropped once all the tools that it is for have had it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._values: dict[str, str] = {}
        self._wanted: dict[str, set[str]] = {}
        self._made = 0

    def seal(self, slot: Slot, digits: str) -> Sealed | None:
        """Keep what was keyed; None if it is not what the slot asks for. What was kept for the slot before is dropped."""
        if not digits.isascii() or not digits.isdigit() or not re.fullmatch(slot.pattern, digits):
            return None
        for token in [each for each in self._values if each.partition("#")[0] == slot.name]:
            self.drop(token)
        self._made += 1
        sealed = Sealed(f"{slot.name}#{self._made}", len(digits), _ending(self._script, slot, digits))
        self._values[sealed.token] = digits
        self._wanted[sealed.token] = {tool.name for tool in self._script.tools.values() if any(arg.path == slot.name for arg in tool.args)}
        return sealed

    def reveal(self, args: Mapping[str, Any], sealed: Mapping[str, str]) -> dict[str, Any]:
        """A tool's arguments with the values in them; what is not kept any more is left out."""
        found = {name: value for name, value in args.items() if name not in sealed}
        return found | {name: self._values[token] for name, token in sealed.items() if token in self._values}

    def had(self, tool: str, sealed: Mapping[str, str]) -> None:
        """The tool has answered."""
        for token in sealed.values():
            left = self._wanted.get(token, set())
            left.discard(tool)
            if not left:
                self.drop(token)

    def drop(self, token: str) -> None:
        """Forget a value."""
        self._values.pop(token, None)
        self._wanted.pop(token, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._values.clear()
        self._wanted.clear()

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Vault of {len(self._values)}>"


def secure_slot(script: Script, state: ScriptState) -> Slot | None:
    """The slot that is collected in secret now."""
    asked = state.open
    slot = script.slots.get(asked.slot) if asked is not None and asked.kind == "ask" else None
    return slot if slot is not None and slot.secure else None


def keyed(script: Script, state: ScriptState, digits: str, vault: Vault) -> Keys:
    """The event of these keys. A star in the middle of what is keyed in secret begins again."""
    slot = None if digits in CONTROLS else secure_slot(script, state)
    if slot is not None and digits == "0#":
        return Keys("0")
    return Keys(digits) if slot is None else Keys("", vault.seal(slot, digits.rstrip("#").rpartition("*")[2]))


def _ending(script: Script, slot: Slot, digits: str) -> str:
    if len(digits) < SHORTEST:
        return ""
    told = max((int(style[-1]) for style in _styles(script, slot.name) if re.fullmatch(r"last[1-4]", style)), default=0)
    return digits[-told:] if told else ""


def _styles(script: Script, name: str) -> set[str]:
    says: list[Say] = [state.say for state in script.states.values()]
    says += [tool.confirm for tool in script.tools.values()]
    says += [ask for slot in script.slots.values() for ask in slot.ask]
    says += [answer for topic in script.topics.values() for answer in topic.answers]
    holes = (part for say in says for variant in say for text in variant.texts.values() for part in text)
    return {hole.style for hole in holes if isinstance(hole, Hole) and hole.path == name}
