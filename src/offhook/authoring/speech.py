"""Checks of texts for the ear: length, one question, nothing that speech cannot read, every language."""
# ruff: noqa: ANN401 - documents are plain data of any shape

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from offhook.authoring.build import HOLE
from offhook.core.script.model import Script
from offhook.core.script.texts import TEXTS

LONGEST = 30
UNREADABLE = re.compile(
    r"\d|[£$€%&@#*+=<>/\\_~^|]|\b(?:e\.g|i\.e|etc|approx|hrs?|mins?|no|st|rd|tel|mon|tue|tues|wed|thu|thurs|fri|sat|sun)\.(?=\s|$)",
    re.IGNORECASE,
)
STATEMENTS = {"say", "answer", "answers", "unsure", "filler", "else", "text"}
QUESTIONS = {"ask", "guess_ask", "confirm"}


SECTIONS = {"given", "slots", "tools", "topics", "objections", "must_say", "states", "outcomes"}


def names_level(at: tuple[str | int, ...]) -> bool:
    """Whether the keys below a place are the author's names."""
    return (len(at) == 1 and at[0] in SECTIONS) or (len(at) == 3 and at[2] in {"options", "with", "gives"})


def texts(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Every text of a document with its path and the key that it is under."""
    if isinstance(node, dict):
        for key, value in node.items():
            here = (*at, key)
            if names_level(at) or (key == "else" and at[-1:] == ("if_fails",)):
                yield from texts(value, here)
            elif (key in STATEMENTS | QUESTIONS and not (key == "confirm" and (value == "none" or at[:1] == ("slots",)))) or (
                at[:1] == ("universals",) and key in {"repeat", "help", "silence", "unclear", "abuse"}
            ):
                yield here, key, value
            elif len(at) != 2 or at[0] != "slots" or key != "type":
                yield from texts(value, here)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts(value, (*at, index))


def _leaves(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        if "text" in value:
            yield from _leaves(value["text"], (*at, "text"))
        else:
            for key, each in value.items():
                yield from _leaves(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, (*at, index))


def speech_faults(script: Script, plain: dict[str, Any], fault: Callable[..., Any]) -> Iterator[Any]:
    """S06x."""
    for path, key, value in texts(plain):
        question = key in QUESTIONS or (key == "text" and "ask" in path)
        for at, words in _leaves(value, path):
            bare = HOLE.sub("it", words)
            count = len(bare.split())
            if count > LONGEST:
                yield fault("S060", at, f"{count} words: over {LONGEST} (twelve seconds)")
            if bare.count("?") > 1:
                yield fault("S061", at, "two questions in one text")
            elif "?" in bare and not question and key != "silence" and "check" not in at:
                yield fault("S062", at, "a question in a text that is only said; ask by a slot")
            unreadable = UNREADABLE.search(bare)
            if unreadable:
                yield fault("S063", at, f"'{unreadable[0]}' cannot be read aloud for sure: write it in words")
        yield from _languages(script, path, value, fault)
    for index, language in enumerate(script.languages):
        if language[:2] not in TEXTS:
            known = ", ".join(sorted(TEXTS))
            yield fault("S064", ("languages", index), f"'{language}' has no default texts; there are: {known}")
    for name, slot in script.slots.items():
        for option in slot.options:
            if set(option.label) < set(script.languages) and len(script.languages) > 1 and option.label:
                missing = sorted(set(script.languages) - set(option.label))
                yield fault("S064", ("slots", name, "options", option.name), f"no label in {', '.join(missing)}")


def _languages(script: Script, path: tuple[str | int, ...], value: Any, fault: Callable[..., Any]) -> Iterator[Any]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _languages(script, (*path, index), each["text"] if isinstance(each, dict) and "text" in each else each, fault)
        return
    spoken = set(value) if isinstance(value, dict) else {script.languages[0]}
    missing = [language for language in script.languages if language not in spoken]
    extra = sorted(spoken - set(script.languages))
    if missing:
        yield fault("S064", path, f"no text in {', '.join(missing)}")
    if extra:
        yield fault("S064", path, f"'{extra[0]}' is not under 'languages'")
