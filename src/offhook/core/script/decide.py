"""Rules or model: whether the rules explain all that a caller said. Where they do, no model is asked: it is quicker and as right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from offhook.core.script import acts as act
from offhook.core.script import phrases as say
from offhook.core.script.knowledge import STOP
from offhook.core.script.legal import phrases_of
from offhook.core.script.model import Script
from offhook.core.script.rules import understand, value_in
from offhook.core.script.schema import wording
from offhook.core.script.state import ScriptState, Understood
from offhook.core.understand.numbers import FILLERS, tokens
from offhook.core.understand.parse import parse
from offhook.core.understand.types import Context

TOLD_WORDS = 12
"""An answer for the caller's own words up to this length holds nothing else; a longer one may."""
LABELS = {
    "person_name": "name called",
    "phone": "number phone mobile",
    "email": "email",
    "date": "day date",
    "time": "time",
    "address": "address",
}
"""What people call a value when they give it."""
MEANING = frozenset("not no don't never but instead except how why what when where which who".split())
"""Small words that change what the rest means: never explained by being small."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who understands the caller's words, why (for the record), and what the rules made of them."""

    by: Literal["rules", "model"]
    why: str
    understood: Understood


def decide(script: Script, state: ScriptState, text: str) -> Decision:
    """Who understands these words in this state. Pure; costs what the rules cost."""
    understood = understand(script, state, text)
    by, why = _judge(script, state, text, understood.acts)
    return Decision(by, why, understood)


def _judge(script: Script, state: ScriptState, text: str, acts: tuple[act.Act, ...]) -> tuple[Literal["rules", "model"], str]:
    words = say.plain(text)
    if not words:
        return "rules", "no words"
    if state.mode == "keys":
        return "rules", "keys"
    if any(isinstance(each, act.Raise) and script.topics[each.topic].first for each in acts):
        return "rules", "comes before all"
    if any(isinstance(each, act.Unclear) for each in acts):
        return "model", "not understood"
    asked = [each for each in acts if isinstance(each, act.Question)]
    if asked and wording(script, state) != "exact":
        return "model", "question"
    if len(acts) == 1 and _universal(acts[0], words):
        return "rules", "universal"
    told = _told(script, state, acts)
    if told is not None:
        return ("rules", "the caller's own words") if told and len(words.split()) <= TOLD_WORDS and "?" not in text else ("model", "long")
    left = _left(script, state, text, acts)
    if left:
        return "model", "words left over"
    return "rules", "explained"


def _universal(only: act.Act, words: str) -> bool:
    match only:
        case act.Repeat():
            return say.REPEAT.fullmatch(words) is not None
        case act.Hold():
            return say.HOLD.fullmatch(words) is not None
        case act.Help():
            return say.HELP.fullmatch(words) is not None
        case act.Goodbye():
            return say.GOODBYE.fullmatch(words) is not None
        case act.Cancel():
            return say.CANCEL.fullmatch(words) is not None
        case act.Chitchat():
            return say.CHITCHAT.fullmatch(words) is not None
        case _:
            return False


def _told(script: Script, state: ScriptState, acts: tuple[act.Act, ...]) -> bool | None:
    """Whether the words are one free text that was asked for; None if no free text was set."""
    texts = [each for each in acts if isinstance(each, act.Set | act.Correct) and each.slot and script.slots[each.slot].type == "free_text"]
    if not texts:
        return None
    return len(acts) == 1 and state.open is not None and state.open.slot == texts[0].slot


def _left(script: Script, state: ScriptState, text: str, acts: tuple[act.Act, ...]) -> list[str]:
    """The words that no act accounts for."""
    small = (FILLERS | STOP | {"got", "you've", "i've", "we've", "leave", "take", "you'll", "i'd"}) - MEANING
    covered: set[str] = set()
    for each in acts:
        for part in _explained(script, state, each, text):
            covered |= {token.text for token in tokens(part)}
    return [token.text for token in tokens(text) if token.text[0].isalnum() and token.text not in covered and token.text not in small]


def _explained(script: Script, state: ScriptState, each: act.Act, text: str) -> Iterator[str]:
    """The parts of the words that an act stands for."""
    words = say.plain(text)
    context = state.context or Context()
    match each:
        case act.Set(slot, _, raw, _) | act.Correct(str(slot), _, raw, _):
            kind = script.slots[slot].type
            if kind == "choice":
                for option in script.slots[slot].options:
                    if option.name == each.value:
                        yield say.says(phrases_of(option), words)
            elif kind == "yes_no":
                yield from (found.raw for found in parse("yes_no", text, context, asked=True)[:1])
            else:
                yield f"{raw} {slot.replace('_', ' ').replace('.', ' ')} {LABELS.get(kind, '')}"
            if isinstance(each, act.Correct):
                yield "no not sorry actually i said i meant make it that's should be instead wrong change"
        case act.Affirm() | act.Deny():
            yield from (found.raw for found in parse("yes_no", text, context, asked=True)[:1])
        case act.Choose() | act.NoneOfThese():
            yield _offered(state, script, text, context)
        case act.Raise(topic):
            yield say.says(script.topics[topic].says, words)
        case act.Human():
            found = say.HUMAN.search(words)
            yield found[0] if found else ""
        case act.Skip():
            found = say.SKIP.search(words)
            yield found[0] if found else ""
        case act.Goodbye():
            yield "goodbye good bye"
        case act.Question(question):
            yield question
        case _:
            return


def _offered(state: ScriptState, script: Script, text: str, context: Context) -> str:
    """The words that chose from what was offered, or turned it all down."""
    words = say.plain(text)
    none = say.NONE_OF_THESE.search(words)
    if none:
        return none[0]
    picked = say.ORDINALS.fullmatch(words)
    if picked:
        return words
    slot = script.slots.get(state.open.slot) if state.open is not None else None
    found = value_in(script, state, slot, text) if slot is not None else None
    if found is not None:
        return found.raw
    return next((each.raw for each in parse("yes_no", text, context, asked=True)[:1]), "")
