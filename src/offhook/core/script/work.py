"""One step's workbench: a state taken apart, changed, and frozen again. Lives only inside ``step``."""
# ruff: noqa: ANN401 - values of scripts and tools have many types

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, Literal

from offhook.core.script import values as vals
from offhook.core.script.expr import holds, names
from offhook.core.script.model import Hole, Reaction, Script, Slot, Template, Tool
from offhook.core.script.model import Say as SayText
from offhook.core.script.state import Ask, Counters, Emitted, Note, Open, Out, Pending, Result, Say, ScriptState, Value, Visit
from offhook.core.script.texts import listed, text

MAX_STACK = 3


class Work:
    """The parts of a ScriptState, open for change, and what the step will say."""

    def __init__(self, script: Script, state: ScriptState) -> None:
        self.script = script
        self.state = state
        self.path: list[Visit] = list(state.path)
        self.given: dict[str, Any] = dict(state.given)
        self.values: dict[str, Value] = dict(state.values)
        self.refused: set[str] = set(state.refused)
        self.results: dict[str, Result] = dict(state.results)
        self.pending: dict[str, Pending] = dict(state.pending)
        self.agreed: dict[str, str] = dict(state.agreed)
        self.written = list(state.written)
        self.open: Open | None = state.open
        self.owed = list(state.owed)
        self.must: dict[str, int] = dict(state.must)
        self.said: dict[str, str] = dict(state.said)
        self.readback = state.readback
        self.outcome = state.outcome
        self.transferring = state.transferring
        self.gave_up = state.gave_up
        self.mode = state.mode
        self.ended = state.ended
        counters = state.counters
        self.turns, self.unclear, self.silences, self.abuse, self.runs = (
            counters.turns,
            counters.unclear,
            counters.silences,
            counters.abuse,
            counters.runs,
        )
        self.tries: dict[str, int] = dict(counters.tries)
        self.failures: dict[str, int] = dict(counters.failures)
        self.topics: dict[str, int] = dict(counters.topics)
        self.visits: dict[str, int] = dict(counters.visits)
        # this step only
        self.acks: list[Say] = []
        self.says: list[Say] = []
        self.valued: set[str] = set()
        self.musts: list[str] = []
        self.ask: Ask | None = None
        self.outs: list[Out] = []
        self.finals: list[Out] = []
        self.rephrase: dict[str, str] = {}
        self.quiet: set[str] = set()
        self.waiting = False
        self.held = False
        self.moved = False

    # values

    @property
    def at(self) -> str:
        """The current state's name."""
        return self.path[-1].state

    @property
    def locale(self) -> str:
        """The language that is spoken."""
        context = self.state.context
        locale = context.locale if context is not None else self.script.languages[0]
        return locale if locale in self.script.languages else self.script.languages[0]

    @property
    def today(self) -> dt.date:
        """The day of the call."""
        now = self.state.context.now if self.state.context is not None else None
        return now.date() if now is not None else dt.date.min

    def value(self, slot: str) -> Any:
        """A slot's value, None if unknown or declined."""
        found = self.values.get(slot)
        return found.value if found is not None else None

    def lookup(self, path: str) -> Any:
        """What a name stands for, None if unknown."""
        if path in self.script.slots:
            return self.value(path)
        if path in self.script.given:
            return vals.coerce(self.script.given[path], self.given.get(path))
        head, _, leaf = path.rpartition(".")
        if head in self.script.slots and leaf == "offers":
            return self.offers(self.script.slots[head])
        result = self.results.get(head)
        if result is None:
            return None
        return vals.coerce(self.script.tools[head].gives.get(leaf, ""), result.values.get(leaf))

    def kind(self, path: str) -> str:
        """The type behind a name."""
        if path in self.script.slots:
            return self.script.slots[path].type
        if path in self.script.given:
            return self.script.given[path]
        head, _, leaf = path.rpartition(".")
        tool = self.script.tools.get(head)
        return tool.gives.get(leaf, "free_text") if tool else "offers"

    def holds(self, when: Any) -> bool:
        """Whether a condition holds now."""
        return holds(when, self.lookup, self.today)

    def offers(self, slot: Slot) -> tuple[Any, ...]:
        """What a read tool offers for a slot now."""
        result = self.results.get(slot.tool)
        field = (slot.source or "").rpartition(".")[2]
        return vals.offers_of(result.values.get(field))[:8] if result else ()

    def policy(self, slot: Slot, value: Value) -> bool:
        """Whether a value must still be confirmed by a question of its own."""
        if value.value is None or value.status == "confirmed" or slot.type == "offer":
            return False
        if slot.confirm == "always":
            return not (slot.type == "phone" and value.by == "keys")
        return slot.confirm == "if_unsure" and value.sure < 0.75

    # texts

    def words(self, say: SayText) -> tuple[Template, str]:
        """The template that applies, and the language."""
        for variant in say:
            if self.holds(variant.when):
                texts = variant.texts
                return texts.get(self.locale) or next(iter(texts.values())), self.locale
        return (), self.locale

    def render(self, say: SayText) -> tuple[str, int, bool]:
        """A text in words, the end of its last value, and whether it has values."""
        template, locale = self.words(say)
        found, upto, valued = "", 0, False
        for part in template:
            if isinstance(part, Hole):
                found += self.hole(part, locale)
                upto, valued = len(found), True
            else:
                found += part
        return found, upto, valued

    def hole(self, hole: Hole, locale: str) -> str:
        """A value in a text, by its type."""
        value = self.lookup(hole.path)
        if value is None:
            return ""
        if isinstance(value, tuple):
            return listed(tuple(str(each["label"]) for each in value), locale)
        return self.spoken(hole.path, value, hole.style)

    def spoken(self, path: str, value: Any, style: str = "") -> str:
        """A value in words."""
        slot = self.script.slots.get(path)
        if slot is not None and slot.type == "choice":
            for option in slot.options:
                if option.name == value:
                    return option.label.get(self.locale) or next(iter(option.label.values()))
        return vals.say_value(self.kind(path), value, self.locale, style)

    def default(self, name: str) -> str:
        """A universal's text: the author's or the language's."""
        own = self.script.universals.texts.get(name)
        return self.render(own)[0] if own else text(name, self.locale)

    def say(self, item: str, say: SayText | str, kind: str = "say") -> None:
        """Put a text in the reply."""
        words, _, valued = (say, 0, False) if isinstance(say, str) else self.render(say)
        if not words.strip():
            return
        out = Say(item, words, kind)
        if any(each.item == item and each.text == words for each in (*self.acks, *self.says)):
            return
        if valued:
            self.valued.add(item)
        (self.acks if kind in {"ack", "answer"} else self.says).append(out)

    def way(self, *path: str | int) -> None:
        """For coverage: this part of the document was used."""
        self.outs.append(Note("way", "/".join(str(part) for part in path)))

    def must_heard(self) -> set[str]:
        """The texts of ``must_say`` that were heard whole."""
        return {name for name, times in self.must.items() if times < 0}

    def note(self, code: str, words: str = "") -> None:
        """For the record."""
        self.outs.append(Note(code, words))

    # slots

    def forget(self, slots: tuple[str, ...]) -> None:
        """Make slots unknown again, with all that came from them. A forgotten offer is asked for anew."""
        for name in slots:
            slot = self.script.slots.get(name)
            if slot is None:
                continue
            if slot.tool:
                self.results.pop(slot.tool, None)
            if self.values.pop(name, None) is not None:
                self.void(name)
            self.tries.pop(name, None)
            if self.open is not None and self.open.slot == name:
                self.open = None

    def void(self, name: str) -> None:
        """Drop what came from a slot's value: results, offers chosen from them, agreements, slots under ``resets``."""
        for tool in self.script.tools.values():
            if any(arg.path == name for arg in tool.args):
                self.agreed.pop(tool.name, None)
                if tool.effect == "read" and self.results.pop(tool.name, None) is not None:
                    self._void_result(tool)
        for reset in self.script.slots[name].resets:
            if self.values.pop(reset, None) is not None:
                self.void(reset)

    def _void_result(self, tool: Tool) -> None:
        for slot in self.script.slots.values():
            if slot.tool == tool.name and self.values.pop(slot.name, None) is not None:
                self.void(slot.name)
        for other in self.script.tools.values():
            if any(arg.path.startswith(f"{tool.name}.") for arg in other.args):
                self.agreed.pop(other.name, None)
                if other.effect == "read" and self.results.pop(other.name, None) is not None:
                    self._void_result(other)

    # moves

    def enter(self, state: str, stack: tuple[str, ...] = ()) -> None:
        """Go to a state."""
        self.way("states", state)
        if len(self.path) >= 200:
            self.path = self.path[-100:]
        self.path.append(Visit(state, stack[:MAX_STACK], said=state in self.quiet and self._unchanged(state)))
        self.visits[state] = self.visits.get(state, 0) + 1
        self.open = None
        self.moved = True

    def _unchanged(self, state: str) -> bool:
        return self.said.get(f"say.{state}") == self.render(self.script.states[state].say)[0]

    def rewind(self, name: str, since: int) -> None:
        """Back to the first state whose way on or look-up used a slot; the path is then walked again in silence."""
        for index, visit in enumerate(self.path):
            if index + 1 < since or not self.uses(visit.state, name):
                continue
            self.quiet = {each.state for each in self.path[index:]}
            self.path = [*self.path[:index], Visit(visit.state, visit.stack, said=self._unchanged(visit.state))]
            self.open = None
            return

    def uses(self, state: str, name: str) -> bool:
        """Whether a state's way on or its tools read a slot."""
        found = self.script.states[state]
        if any(name in names(line.when) for line in found.next):
            return True
        return bool(found.do) and name in self.needs(found.do or "")

    def needs(self, tool: str) -> set[str]:
        """The slots that a tool's arguments come from, directly or through other tools."""
        found: set[str] = set()
        for arg in self.script.tools[tool].args:
            if arg.path in self.script.slots:
                found.add(arg.path)
                source = self.script.slots[arg.path].tool
                if source:
                    found |= self.needs(source)
            elif arg.path.partition(".")[0] in self.script.tools:
                found |= self.needs(arg.path.partition(".")[0])
        return found

    def react(self, item: str, reaction: Reaction) -> bool:
        """Say, forget, go. True if it moved."""
        self.say(item, reaction.say)
        self.forget(reaction.forget)
        if reaction.go:
            self.enter(reaction.go)
            return True
        return False

    def jump(self, key: Literal["human", "cancel", "goodbye"]) -> bool:
        """Take the first of a universal's lines that holds, for good."""
        for index, line in enumerate(getattr(self.script.universals, key)):
            if self.holds(line.when):
                self.way("universals", key, index)
                self.forget(line.forget)
                if self.at != line.go:
                    self.enter(line.go)
                return True
        return False

    def freeze(self, last: tuple[Emitted, ...]) -> ScriptState:
        """The new state."""
        return dataclasses.replace(
            self.state,
            path=tuple(self.path),
            given=self.given,
            values=self.values,
            refused=frozenset(self.refused),
            results=self.results,
            pending=self.pending,
            agreed=self.agreed,
            written=tuple(self.written),
            open=self.open,
            owed=tuple(self.owed),
            must=self.must,
            said=self.said,
            last=last,
            readback=self.readback,
            outcome=self.outcome,
            transferring=self.transferring,
            gave_up=self.gave_up,
            mode=self.mode,
            ended=self.ended,
            counters=Counters(
                self.turns, self.unclear, self.silences, self.abuse, self.runs, self.tries, self.failures, self.topics, self.visits
            ),
        )
