"""What a call's recogniser is told to expect: names that no dictionary has, then the words that the script listens for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from offhook.contracts.plan import CallPlan
from offhook.core.script.model import Script
from offhook.ports.stt import SttHints

MOST: Final = 60
"""Phrases: vendors take up to 100, and say that many common words make all of them worse."""
LONGEST: Final = 50
"""Characters of one."""
_NAMED = frozenset({"person_name", "address", "choice"})
"""Types of given values that are words somebody may say."""
_ARTICLE = re.compile(r"^(?:an?|the)\s+", re.IGNORECASE)
_NAME = re.compile(r"(?<![.?!:] )(?<= )(?!I\b)[A-Z][\w'&-]+(?: [A-Z][\w'&-]+)*")
"""Capitals within a sentence."""


def hints(plan: CallPlan, script: Script) -> SttHints:
    """At most ``MOST`` phrases, the most important first, each once whatever its case."""
    found: dict[str, str] = {}
    for phrase in _phrases(plan, script):
        term = " ".join(phrase.split())
        if 1 < len(term) <= LONGEST and any(letter.isalpha() for letter in term):
            found.setdefault(term.casefold(), term)
        if len(found) == MOST:
            break
    return SttHints(tuple(found.values()))


def _phrases(plan: CallPlan, script: Script) -> Iterator[str]:
    for name, kind in script.given.items():
        value = plan.given.get(name)
        if kind in _NAMED and isinstance(value, str):
            yield value.replace("_", " ")
    for name in plan.transfer_to:
        yield name.replace("_", " ")
    for passage in plan.knowledge:
        yield from _NAME.findall(f"{passage.title}\n{passage.text}")
    options = [option for slot in script.slots.values() for option in slot.options]
    for option in options:
        yield _ARTICLE.sub("", option.label.get(plan.locale) or option.label.get(plan.locale[:2]) or option.name.replace("_", " "))
    for topic in sorted(script.topics.values(), key=lambda topic: not topic.first):
        yield from topic.says
    for option in options:
        yield from option.says
    for slot in script.slots.values():
        yield from slot.says
