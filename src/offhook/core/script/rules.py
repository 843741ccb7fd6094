"""The keyless understander: rules and grammars. The expected value first; a wrong guess is worse than ``unclear``."""
# ruff: noqa: ANN401, E501 - values have many types, patterns read better in one row

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from offhook.core.script import acts as act
from offhook.core.script import phrases as say
from offhook.core.script import values as vals
from offhook.core.script.knowledge import find
from offhook.core.script.legal import Legal, legal, phrases_of
from offhook.core.script.model import Script, Slot
from offhook.core.script.state import Open, ScriptState, Understood
from offhook.core.understand.parse import parse
from offhook.core.understand.types import Context, Found, Offer

VOLUNTEERED = {"person_name": 0.6, "phone": 0.6, "email": 0.6, "address": 0.7, "date": 0.6, "time": 0.7, "datetime": 0.7}
"""Types that are taken where something else was asked, and how sure they must be."""
DOUBTFUL = 0.35
"""Enough for a value that is always read back: a number that no operator has given out is still what the caller said."""
CALM = {"person_name", "phone", "email"}
"""The ones of these that are taken out of a sentence that was itself asked for (free text): a day in it may belong to the story."""


def understand(script: Script, state: ScriptState, text: str) -> Understood:
    """The acts in a caller's words."""
    return Understood(tuple(_Reader(script, state, text).acts()), "rules", text)


def value_in(script: Script, state: ScriptState, slot: Slot, text: str) -> Found | None:
    """The best value of a slot in words that are said to hold one; spans are characters of ``text``."""
    return _Reader(script, state, text).parse_slot(slot, asked=True, text=None if slot.type == "choice" else text)


def least_sure(slot: Slot) -> float:
    """How sure a value must be that was asked for: less if the caller will be asked to confirm it in any case."""
    return DOUBTFUL if slot.confirm == "always" and slot.type in {"phone", "email", "address", "pattern"} else 0.45


class _Reader:
    def __init__(self, script: Script, state: ScriptState, text: str) -> None:
        self.script = script
        self.state = state
        self.text = text.strip()
        self.words = say.plain(text)
        self.context = state.context or Context()
        self.legal: Legal = legal(script, state)
        self.asked: Open | None = state.open
        self.slot: Slot | None = script.slots.get(self.asked.slot) if self.asked is not None else None
        self.taken: list[tuple[int, int]] = []
        self.filled: set[str] = set()
        self.correcting = bool(say.CORRECTION.search(self.words))

    def acts(self) -> list[act.Act]:
        if not self.words:
            return [act.Unclear()]
        raised = self.topics()
        whole = self.whole_answer()
        if whole and not any(self.script.topics[each.topic].first for each in raised):
            return whole
        short = self.universal()
        if short:
            return [*raised, *short]
        found: list[act.Act] = [*raised]
        if say.HUMAN.search(self.words) and not say.HUMAN_QUESTION.search(self.words):
            found.append(act.Human())
        found += self.answer(bool(raised))
        found += self.volunteered()
        if not any(isinstance(each, act.Raise) for each in raised):
            found += self.questions(bool(found))
        if say.ABUSE.search(self.words):
            found.append(act.Abuse())
        if not found and self.free_text():
            found.append(act.Set(self.slot.name if self.slot else "", self.text, self.text, 0.9))
        if re.search(r"\b(?:good ?bye|bye)$", self.words):
            found.append(act.Goodbye())
        return found or [act.Unclear()]

    # universals and topics

    def universal(self) -> list[act.Act]:
        """Acts that explain the whole utterance."""
        words = self.words
        for pattern, kind in ((say.REPEAT, act.Repeat), (say.HOLD, act.Hold), (say.HELP, act.Help), (say.GOODBYE, act.Goodbye)):
            if pattern.fullmatch(words):
                return [kind()]
        if say.CANCEL.fullmatch(words) and not self.option_said():
            return [act.Cancel()]
        if say.CHITCHAT.fullmatch(words) and not (self.yes_or_no() is not None and self.wants_yes()):
            return [act.Chitchat()]
        return []

    def option_said(self) -> bool:
        return any(
            say.says(option.says if name not in self.state.values else phrases_of(option), self.words)
            for name in self.legal.slots
            for option in self.script.slots[name].options
            if name not in self.state.values or (self.correcting and self.state.values[name].value != option.name)
        )

    def topics(self) -> list[act.Raise]:
        """The topics whose phrases were said, the longest phrase first; at most two."""
        found = []
        for name in self.legal.topics:
            phrase = say.says(self.script.topics[name].says, self.words)
            if phrase:
                found.append((len(phrase), act.Raise(name)))
        return [each for _, each in sorted(found, key=lambda pair: -pair[0])[:2]]

    # the expected answer

    def wants_yes(self) -> bool:
        return self.asked is not None and (
            self.asked.kind in {"guess", "confirm", "agree"} or (self.slot is not None and self.slot.type == "yes_no")
        )

    def yes_or_no(self) -> bool | None:
        found = parse("yes_no", self.text, self.context, asked=True)
        return bool(found[0].value) if found and found[0].sure >= 0.5 else None

    def whole_answer(self) -> list[act.Act]:
        """An answer of the expected type that explains all the words: nothing else is looked for."""
        if self.asked is None:
            return []
        if self.wants_yes():
            found = parse("yes_no", self.text, self.context, asked=True)
            if found and found[0].whole and found[0].sure >= 0.7:
                return [self.yes_act(bool(found[0].value))]
            return []
        if self.slot is None or self.asked.kind != "ask" or self.slot.type == "free_text":
            return []
        best = self.parse_slot(self.slot, asked=True)
        if best is None or not best.whole or best.sure < (DOUBTFUL if self.checked(self.slot) else 0.6):
            return []
        if self.slot.type == "person_name" and self.universal():
            return []
        made = self.make(self.slot, best)
        return [made] if made is not None else []

    def yes_act(self, yes: bool) -> act.Act:
        if self.asked is not None and self.asked.kind == "ask" and self.slot is not None:
            return act.Set(self.slot.name, yes, self.text, 0.95)
        return act.Affirm() if yes else act.Deny()

    def answer(self, raised: bool) -> list[act.Act]:
        """What the words say to the open question, beside other things."""
        if self.asked is None:
            return []
        if self.wants_yes():
            return self.answer_yes_no(raised)
        if self.slot is None or self.asked.kind != "ask":
            return self.changed()
        slot = self.slot
        if slot.type == "offer":
            return self.answer_offer(slot)
        if say.SKIP.search(self.words) and (slot.optional or len(self.words.split()) <= 6) and not self.parse_slot(slot, asked=False):
            return [act.Skip()]
        if slot.type == "free_text":
            if raised or self.is_question() or not self.free_text():
                return []
            self.filled.add(slot.name)
            return [act.Set(slot.name, self.text, self.text, 0.9)]
        if slot.type == "choice" and self.is_question() and (raised or self.questions(False)):
            return []
        best = self.parse_slot(slot, asked=True)
        least = DOUBTFUL if self.checked(slot) else 0.6 if raised or self.is_question() or slot.type == "person_name" else 0.45
        if best is None or best.sure < least:
            return [act.Deny()] if slot.optional and self.yes_or_no() is False else []
        made = self.make(slot, best)
        if made is None:
            return []
        self.take(best)
        self.filled.add(slot.name)
        return [made]

    def answer_yes_no(self, raised: bool) -> list[act.Act]:
        if raised:
            # "I cannot afford it" is no answer to a question of yes or no; "yes, and how much is it?" is one.
            found = parse("yes_no", self.text, self.context, asked=True)
            lead = bool(found) and found[0].start <= 1 and found[0].sure >= 0.7
            objected = any(say.says(self.script.topics[name].says, self.words) for name in self.legal.objections)
            return [self.yes_act(bool(found[0].value))] if lead and not objected else []
        return self.answer_yes_no_alone()

    def answer_yes_no_alone(self) -> list[act.Act]:
        found: list[act.Act] = []
        slot = self.slot
        if self.asked is not None and self.asked.kind in {"confirm", "guess"} and slot is not None:
            found += self.put_right(slot)
        yes = self.yes_or_no()
        if yes is not None and not (yes and found):
            found.append(self.yes_act(yes))
        return found + self.changed() if self.asked is not None and self.asked.kind == "agree" else found

    def put_right(self, slot: Slot) -> list[act.Act]:
        """``no, it's Leigh`` at a read-back of one value: the new value."""
        text, start = self.corrected_part()
        best = self.parse_slot(slot, asked=True, text=text)
        if best is None or best.sure < (DOUBTFUL if self.checked(slot) else 0.5):
            return []
        if slot.type == "person_name" and not (self.correcting or best.whole):
            return []
        made = self.make(slot, best)
        known = self.state.values.get(slot.name)
        if not isinstance(made, act.Set) or (known is not None and vals.same(known.value, made.value)):
            return []
        self.take(best, start)
        self.filled.add(slot.name)
        return [act.Correct(slot.name, made.value, made.raw, made.sure)]

    def corrected_part(self) -> tuple[str, int]:
        """The part of the words that holds what is right, and where it starts: after ``not Lee,`` or ``no,``."""
        lowered = self.text.casefold()
        not_but = say.NOT_BUT.search(lowered)
        if not_but:
            return self.text[not_but.start("right") :], not_but.start("right")
        lead = re.match(
            r"(?:\s*(?:no|nope|sorry|actually|wait|oh|yes but|yeah but|i said|i meant|i mean|it's|it is|make it|make that|that's|should be)\b[ ,.]*)+",
            lowered,
        )
        return (self.text[lead.end() :], lead.end()) if lead else (self.text, 0)

    def changed(self) -> list[act.Act]:
        """At ``what shall I change``, or beside a no: a slot that is named without a value."""
        named: list[act.Act] = []
        labels = {
            "date": "day|date",
            "time": "time",
            "person_name": "name",
            "phone": "number|phone",
            "address": "address",
            "email": "email",
            "offer": "time|slot",
        }
        for name in self.legal.slots:
            slot, known = self.script.slots[name], self.state.values.get(name)
            words = "|".join([labels.get(slot.type, ""), re.escape(name.rpartition(".")[2].replace("_", " "))]).strip("|")
            if known is None or known.value is None or slot.type == "choice" or not re.search(rf"\b(?:{words})\b", self.words):
                continue
            if self.parse_slot(slot, asked=False) is None:
                named.append(act.Correct(name))
        return named[:1]

    def answer_offer(self, slot: Slot) -> list[act.Act]:
        if say.NONE_OF_THESE.search(self.words):
            return [act.NoneOfThese()]
        best = self.parse_slot(slot, asked=True)
        if best is not None and best.sure >= 0.5 and isinstance(best.value, int):
            self.take(best)
            return [act.Choose(best.value)]
        picked = say.ORDINALS.fullmatch(self.words)
        if picked:
            count = len(self.offers(slot))
            places = {
                "first": 1,
                "one": 1,
                "1": 1,
                "second": 2,
                "two": 2,
                "2": 2,
                "third": 3,
                "three": 3,
                "3": 3,
                "fourth": 4,
                "four": 4,
                "4": 4,
            }
            return [act.Choose(count if picked["n"] == "last" else places[picked["n"]])]
        yes = self.yes_or_no()
        if yes is None:
            return []
        return [act.Affirm() if yes else act.NoneOfThese()]

    # values beside the expected one

    def volunteered(self) -> list[act.Act]:
        """Values of other slots that may be set now."""
        found: list[act.Act] = []
        asked_text = self.slot is not None and self.slot.type == "free_text" and self.slot.name in self.filled
        kinds: set[str] = set()
        for name in self.order():
            slot = self.script.slots[name]
            if name in self.filled or slot.type in kinds or (asked_text and slot.type not in CALM):
                continue
            made = self.one(slot)
            if made is not None:
                found.append(made)
                kinds.add(slot.type)
        return found

    def order(self) -> Iterable[str]:
        """Slots that are still unknown first, unless something is being put right."""
        known = [name for name in self.legal.slots if name in self.state.values]
        missing = [name for name in self.legal.slots if name not in self.state.values]
        return [*known, *missing] if self.correcting else [*missing, *known]

    def one(self, slot: Slot) -> act.Act | None:
        known = self.state.values.get(slot.name)
        if slot.type in {"free_text", "choice"} and self.is_question() and not self.correcting:
            return None
        if slot.type == "free_text":
            if known is None and slot.says and say.says(slot.says, self.words) and len(self.words.split()) >= 3:
                return act.Set(slot.name, self.clause(slot.says), self.text, 0.8)
            return None
        if slot.type == "choice":
            if self.asked is not None and self.slot is slot:
                return None
            for option in slot.options:
                phrases = (*option.says, option.name.replace("_", " ")) if self.correcting else option.says
                if say.says(phrases, self.words) and (known is None or (self.correcting and known.value != option.name)):
                    return self.set_or_correct(slot, option.name, self.text, 0.85)
            return None
        least = VOLUNTEERED.get(slot.type)
        if least is None or (slot.type == "person_name" and known is not None and not self.correcting):
            return None
        text, start = self.corrected_part() if self.correcting and known is not None else (self.text, 0)
        best = self.parse_slot(
            slot, asked=self.correcting and known is not None and slot.type != "address" and slot.type != "person_name", text=text
        )
        if self.checked(slot) and slot.type == "phone":
            least = DOUBTFUL
        if best is None or best.sure < least or self.overlaps(best, start):
            return None
        if slot.type in {"date", "time", "datetime"} and say.PAST.search(say.plain(text[: best.start]) + " "):
            return None
        if known is not None and not self.correcting and vals.same(known.value, best.value):
            return None
        made = self.make(slot, best)
        if made is None or not isinstance(made, act.Set):
            return None
        self.take(best, start)
        self.filled.add(slot.name)
        return self.set_or_correct(slot, made.value, made.raw, made.sure)

    def set_or_correct(self, slot: Slot, value: Any, raw: str, sure: float) -> act.Act | None:
        known = self.state.values.get(slot.name)
        if known is None or known.value is None:
            return act.Set(slot.name, value, raw, sure)
        return None if vals.same(known.value, value) else act.Correct(slot.name, value, raw, sure)

    def clause(self, phrases: tuple[str, ...]) -> str:
        """The part of the sentence that tells it."""
        parts = [part.strip() for part in re.split(r"[,.;?!]|\band (?=it's|my|i'm|can|could|the)", self.text) if part.strip()]
        told = [part for part in parts if say.says(phrases, say.plain(part))]
        return ", ".join(told) or self.text

    # questions

    def is_question(self) -> bool:
        return bool(say.QUESTION.match(self.words)) and not say.REQUEST.search(self.words)

    def questions(self, beside: bool) -> list[act.Act]:
        """Sentences that ask something, where the tenant's text may know: beside other acts only if it does."""
        for part in re.split(r"(?<=[.?!])\s+|,\s+(?=and |but |what|how|when|where|do you|are you|is there|can i)", self.text):
            words = say.plain(part)
            if not words or not (say.QUESTION.match(words) or part.rstrip().endswith("?")) or say.REQUEST.search(words):
                continue
            known = find(part, self.state.passages) is not None
            if known or (not beside and len(words.split()) >= 3):
                return [act.Question(part.strip())]
        return []

    def free_text(self) -> bool:
        """Whether the whole utterance may be the answer to an open question for the caller's own words."""
        return (
            self.asked is not None
            and self.asked.kind == "ask"
            and self.slot is not None
            and self.slot.type == "free_text"
            and not self.universal()
            and not say.HUMAN.search(self.words)
        )

    # parsing

    def offers(self, slot: Slot) -> tuple[Any, ...]:
        result = self.state.results.get(slot.tool)
        field = (slot.source or "").rpartition(".")[2]
        return vals.offers_of(result.values.get(field))[:8] if result else ()

    def parse_slot(self, slot: Slot, *, asked: bool, text: str | None = None) -> Found | None:
        """The best value of a slot's type in the words."""
        words = self.text if text is None else text
        if slot.type == "choice" and asked and text is None:
            known = self.exact(slot)
            if known is not None:
                return known
        options = {option.name: phrases_of(option) for option in slot.options} or None
        offers = (
            [Offer(str(each["label"]), str(each["start"]) if each.get("start") else None) for each in self.offers(slot)]
            if slot.tool
            else None
        )
        found = parse(
            slot.type,
            words,
            self.context,
            options=options,
            pattern=slot.pattern or None,
            spoken=slot.spoken if slot.pattern else None,
            offers=offers,
            asked=asked,
        )
        return found[0] if found else None

    def make(self, slot: Slot, found: Found) -> act.Act | None:
        if slot.type == "offer":
            return act.Choose(found.value) if isinstance(found.value, int) else None
        return act.Set(slot.name, found.value, found.raw, found.sure)

    def checked(self, slot: Slot) -> bool:
        """Whether a value will be confirmed by the caller in any case."""
        return slot.confirm == "always" and slot.type in {"phone", "email", "address", "pattern"}

    def exact(self, slot: Slot) -> Found | None:
        """The one option whose phrase was said, the longest if there are several; None if two are as long."""
        hits = sorted(
            ((len(hit), option.name, hit) for option in slot.options if (hit := say.says(phrases_of(option), self.words))), reverse=True
        )
        if not hits or (len(hits) > 1 and hits[0][0] == hits[1][0]) or (len(hits) > 1 and self.correcting):
            return None
        _, name, hit = hits[0]
        return Found("choice", name, self.text, 0, 0, 0.9, hit == self.words)

    def take(self, found: Found, start: int = 0) -> None:
        self.taken.append((found.start + start, found.end + start))

    def overlaps(self, found: Found, start: int = 0) -> bool:
        return any(found.start + start < end and begin < found.end + start for begin, end in self.taken)
