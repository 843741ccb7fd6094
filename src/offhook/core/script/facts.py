"""What a model may say as a fact: only what the script, its values and results, and the tenant's own text say now.

A *source* is one such text. A number, price, time, day, name, telephone number, web or mail address, or word of promise in a sentence must
be in a source; a day and an hour named together in one clause must be in the same one. Precision over recall: what is not known is not
said, and the author's line is said instead. What a caller has said (free text) is no source.
"""
# ruff: noqa: ANN401 - values of scripts and tools have many types

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from offhook.core.script.claims import Claims, claims_of, folded
from offhook.core.script.model import Hole, Say, Script
from offhook.core.script.promises import EFFECTS, promised
from offhook.core.script.state import ScriptState
from offhook.core.script.values import offers_of, plain, say_value
from offhook.core.script.work import Work

LEAK = 6
"""So many words in a row of our own rules are a leak of the prompt."""


@dataclass(frozen=True, slots=True)
class Book:
    """The sources that are the same for a whole call, read once: the script's texts and the tenant's own."""

    sources: tuple[Claims, ...]
    quotable: tuple[str, ...]
    """Folded texts that may always be said as they are: answers of the author's, passages."""
    rules: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """What may be said now."""

    book: Book
    sources: tuple[Claims, ...]
    done: frozenset[str] = frozenset()
    """The kinds of effects that a result has confirmed."""
    locale: str = "en-GB"
    words: frozenset[str] = field(init=False)
    numbers: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", frozenset().union(*(each.words for each in self._all())))
        object.__setattr__(self, "numbers", frozenset().union(*(each.numbers for each in self._all())))

    def _all(self) -> tuple[Claims, ...]:
        return (*self.book.sources, *self.sources)

    def against(self, sentence: str) -> str:
        """Why a sentence may not be said, "" if it may."""
        words = folded(sentence)
        if any(f" {words} " in f" {each} " for each in self.book.quotable):
            return ""
        grams = words.split()
        if any(tuple(grams[at : at + LEAK]) in self.book.rules for at in range(len(grams) - LEAK + 1)):
            return "our own rules"
        kind = promised(sentence)
        if kind and kind not in self.done:
            return f"promise: {kind}"
        return self._unknown(claims_of(sentence, self.locale))

    def _unknown(self, said: Claims) -> str:
        """The kind of the first claim that no source has."""
        all_ = self._all()
        plain_numbers = {number for number, _ in self.numbers}
        if any((number, unit) not in self.numbers if unit else number not in plain_numbers for number, unit in said.numbers):
            return "number"
        for run in said.digits:
            if not any(run in each for source in all_ for each in source.digits):
                return "telephone number"
        if any(not any(each in source.contacts for source in all_) for each in said.contacts):
            return "address"
        if not said.days <= frozenset().union(*(source.days for source in all_)):
            return "day"
        if any(not any(days <= source.days and hours <= source.hours for source in all_) for days, hours in said.together):
            return "day and hour together"
        if not said.charged <= frozenset().union(*(source.charged for source in all_)):
            return "word of promise"
        return "name" if not said.names <= self.words else ""


_fixed = lru_cache(maxsize=8_192)(claims_of)
"""Authors' and tenants' texts are read once a process, not once a call. What callers say is never kept here."""


def book(script: Script, passages: tuple[tuple[str, str], ...], locale: str, rules: str = "") -> Book:
    """What is known before the call begins. ``rules`` is text of ours that a caller must never hear."""
    answers = [text for _, text in texts_of(script, locale)]
    answers += [text for must in script.must_say for text in written(must.text, locale)]
    own = [text for state in script.states.values() for text in written(state.say, locale)]
    own += [text for slot in script.slots.values() for say in slot.ask for text in written(say, locale)]
    own += [label for slot in script.slots.values() for option in slot.options for label in option.label.values()]
    told = [each for title, text in passages for each in (title, *re.split(r"(?<=[.!?])\s+|\n+", text)) if each.strip()]
    words = folded(rules).split()
    return Book(
        tuple(_fixed(text, locale) for text in (script.title, *answers, *own, *told)),
        tuple(found for text in (*answers, *(text for _, text in passages)) if (found := folded(text))),
        frozenset(tuple(words[at : at + LEAK]) for at in range(len(words) - LEAK + 1)),
    )


def facts(book: Book, script: Script, state: ScriptState) -> Facts:
    """What may be said in this state."""
    work = Work(script, state)
    found = [claims_of(text, work.locale) for text in _known(work)]
    done = {kind for tool in script.tools.values() if tool.effect == "write" and tool.name in state.results for kind in _kinds(tool.name)}
    if done:
        done.add("done")
    if state.transferring:
        done.add("transfer")
    return Facts(book, tuple(found), frozenset(done), work.locale)


def _kinds(tool: str) -> Iterator[str]:
    """The effects that a tool's name tells."""
    name = tool.replace("_", " ")
    for kind, stems in EFFECTS.items():
        if any(re.search(rf"\b{stem}", name) for stem in stems):
            yield kind


def _known(work: Work) -> Iterator[str]:
    """Values and results, in the words that they may be said in."""
    for name, known in work.values.items():
        slot = work.script.slots.get(name)
        if slot is not None and slot.type != "free_text" and known.value is not None:
            yield _spoken(work, name, slot.type, known.value)
    guessed = {slot.guess for slot in work.script.slots.values()}
    for name, kind in work.script.given.items():
        value = work.lookup(name)
        # A number that was given to put callers through to is nobody's business.
        if value is not None and (kind != "phone" or name in guessed):
            yield _spoken(work, name, work.script.given[name], value)
    for name, result in work.results.items():
        gives: Mapping[str, str] = work.script.tools[name].gives if name in work.script.tools else {}
        for key, value in result.values.items():
            offered = offers_of(value)
            for each in offered:
                yield _spoken(work, "", "offer", each)
            if not offered and value is not None:
                yield _spoken(work, "", gives.get(str(key), "free_text"), value)


def _spoken(work: Work, path: str, kind: str, value: Any) -> str:
    """A value as text: spoken, written, and with all that its day and hour may be called."""
    words = work.spoken(path, value) if path else say_value(kind, value, work.locale, "")
    parts = [words]
    if kind in {"phone", "email", "pattern"}:
        parts.append(str(plain(value)))
    moment = value.get("start") if isinstance(value, Mapping) else value
    if isinstance(moment, str | dt.date | dt.time):
        parts.extend(_called(str(plain(moment)), work.today))
    return " ".join(part for part in parts if part)


def _called(moment: str, today: dt.date) -> Iterator[str]:
    """Other names of a day and an hour: ``Tuesday 24th November 2026``, ``tomorrow``, ``9 o'clock in the morning``."""
    try:
        day = dt.date.fromisoformat(moment[:10])
    except ValueError:
        pass
    else:
        yield f"{day:%A} {day.day}th {day:%B} year {day.year}"
        ahead = (day - today).days
        yield {0: "today", 1: "tomorrow"}.get(ahead, "")
    clock = re.search(r"(?:^|T)(\d\d):(\d\d)", moment)
    if clock is None:
        return
    hour, minute = int(clock[1]), int(clock[2])
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    spoken = {0: "o'clock", 15: "quarter past", 30: "half past", 45: "quarter to"}.get(minute, "")
    nearest = (hour + (minute == 45) - 1) % 12 + 1
    yield f"at {nearest} {spoken} ; at {(hour - 1) % 12 + 1} ; at {hour} ; {minute} {part} {'tonight' if hour >= 18 else ''}"


def texts_of(script: Script, locale: str) -> Iterator[tuple[str, str]]:
    """The answers that the author wrote for topics, by topic."""
    for topic in script.topics.values():
        for say in topic.answers:
            yield from ((topic.name, text) for text in written(say, locale))


def written(say: Say, locale: str) -> Iterator[str]:
    """The author's words in a text, without its values."""
    for variant in say:
        template = variant.texts.get(locale) or next(iter(variant.texts.values()), ())
        yield "".join(" , " if isinstance(part, Hole) else part for part in template)
