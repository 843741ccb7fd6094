"""Which language model answers a turn: rules as data, then what each can do, costs, and how it has done lately. Pure: the same facts give
the same order and the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Wording = Literal["exact", "guided", "free"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a turn before a model is asked."""

    state: str = ""
    """Name of the script's state."""
    locale: str = "en"
    words: int = 0
    """Of the caller's utterance."""
    context: int = 0
    """Tokens of the request, about."""
    wording: Wording = "guided"
    tools: bool = False
    """Tools are on offer."""
    schema: bool = False
    """The answer is bound to a schema."""
    speculative: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """What a model can do, by its name in the plan."""

    name: str
    tools: bool = True
    structured: bool = True
    locales: tuple[str, ...] = ()
    """Empty: all."""
    context: int = 0
    """Most tokens of a request; 0: more than any."""
    cost: float = 0.0
    """Of a million tokens, in whatever unit the plan's ceilings are in; 0 where it does not matter."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How a model has done lately."""

    admits: bool = True
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Models for turns that fit all of its conditions. An empty condition fits everything."""

    name: str
    prefer: tuple[str, ...] = ()
    """These first, in this order; the plan's others after them."""
    states: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    wordings: tuple[Wording, ...] = ()
    tools: bool | None = None
    speculative: bool | None = None
    words: tuple[int, int] = (0, 0)
    """At least and at most; 0 for no end."""
    context: tuple[int, int] = (0, 0)
    ceiling: float = 0.0
    """No dearer model than this, unless there is no other; 0: none."""

    def fits(self, facts: Facts) -> bool:
        """Whether it is for such a turn."""
        return (
            (not self.states or facts.state in self.states)
            and (not self.locales or any(_speaks(facts.locale, one) for one in self.locales))
            and (not self.wordings or facts.wording in self.wordings)
            and self.tools in {None, facts.tools}
            and self.speculative in {None, facts.speculative}
            and _within(facts.words, self.words)
            and _within(facts.context, self.context)
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Models in the order in which to ask them, and why so, for the trace."""

    models: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Router:
    """An agent's models in the plan's order, and its rules, of which the first that fits counts."""

    models: tuple[Model, ...]
    rules: tuple[Rule, ...] = ()
    slow: float = 0.7
    """Seconds to the first token, at the 95th percentile, from which a model comes behind those that are quicker."""

    def pick(self, facts: Facts, measured: Mapping[str, Measured] | None = None) -> Choice:
        """Who is asked for this turn. No model at all means that the rules of the script answer."""
        health = measured or {}
        rule = next((one for one in self.rules if one.fits(facts)), None)
        why = [f"rule {rule.name}" if rule is not None else "plan's order"]
        able = [one for one in self._preferred(rule) if _can(one, facts)]
        if len(able) < len(self.models):
            why.append(f"cannot: {_names([one for one in self.models if one not in able])}")
        if rule is not None and rule.ceiling:
            cheap = [one for one in able if one.cost <= rule.ceiling] or sorted(able, key=lambda one: one.cost)[:1]
            if len(cheap) < len(able):
                why.append(f"too dear: {_names([one for one in able if one not in cheap])}")
            able = cheap
        down = [one for one in able if not health.get(one.name, Measured()).admits]
        if down:
            why.append(f"down: {_names(down)}")
        up = [one for one in able if one not in down]
        slow = [one for one in up if (health.get(one.name, Measured()).p95 or 0.0) > self.slow]
        if 0 < len(slow) < len(up):
            why.append(f"slow: {_names(slow)}")
            up = [one for one in up if one not in slow] + sorted(slow, key=lambda one: health[one.name].p95 or 0.0)
        order = [*up, *down]
        if not order:
            why.append("nobody left")
        return Choice(tuple(one.name for one in order), "; ".join(why))

    def _preferred(self, rule: Rule | None) -> list[Model]:
        """The rule's first, then the others."""
        known = {one.name: one for one in self.models}
        first = [known[name] for name in dict.fromkeys(rule.prefer if rule is not None else ()) if name in known]
        return [*first, *(one for one in self.models if one not in first)]


def _can(model: Model, facts: Facts) -> bool:
    return (
        (model.tools or not facts.tools)
        and (model.structured or not facts.schema)
        and (not model.locales or any(_speaks(facts.locale, one) for one in model.locales))
        and (not model.context or facts.context <= model.context)
    )


def _speaks(wanted: str, known: str) -> bool:
    """``en`` is all English, ``en-GB`` only that; "*" is everything."""
    return known == "*" or wanted.lower() == known.lower() or wanted.partition("-")[0].lower() == known.lower()


def _within(value: int, bounds: tuple[int, int]) -> bool:
    least, most = bounds
    return value >= least and (not most or value <= most)


def _names(models: Sequence[Model]) -> str:
    return ", ".join(one.name for one in models)
