"""A script's text, line by line, with its keys, texts and comments told apart. For looks only: the reader says what it means. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

_PIECES: Final = re.compile(
    r"""(?P<note>(?:^|(?<=\s))\#.*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?P<key>[A-Za-z_][\w.-]*(?=:(?:\s|$)))|(?P<sign>[\[\]{},]|^\s*-\s|:(?=\s|$))"""
)
LONGEST: Final = 2_000
"""Characters of a line that are looked at."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the text. ``kind``: bad, here (of the step that is open), or neither."""

    number: int
    pieces: tuple[tuple[str, str], ...]
    kind: str


def lines(text: str, bad: Collection[int], here: range) -> Iterator[Line]:
    """All of them. ``bad``: numbers of lines with a problem."""
    for number, line in enumerate(text.split("\n"), 1):
        yield Line(number, tuple(pieces(line)), "bad" if number in bad else "here" if number in here else "")


def pieces(line: str) -> Iterator[tuple[str, str]]:
    """What a line is made of, as (kind, characters); together they are the line."""
    at = 0
    for found in _PIECES.finditer(line, 0, LONGEST):
        if found.start() > at:
            yield "", line[at : found.start()]
        yield found.lastgroup or "", found.group()
        at = found.end()
    if at < len(line):
        yield "", line[at:]
