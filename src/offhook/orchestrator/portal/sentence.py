"""A sentence of which parts stand out, made of a text that can be translated. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Literal

from offhook.orchestrator.portal.show import _


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a sentence. ``over`` is what needs somebody."""

    text: str
    kind: Literal["", "strong", "over"] = ""


def counted(text: str) -> str:
    """A number and what is counted, which no line's end parts."""
    return text.replace(" ", "\N{NO-BREAK SPACE}", 1)


def filled(text: str, **parts: Sequence[Piece]) -> list[Piece]:
    """The text with pieces in place of its {names}."""
    made: list[Piece] = []
    for before, name, _format, _conversion in Formatter().parse(text):
        made += [Piece(before)] if before else []
        made += parts[name] if name else []
    return made


def listed(parts: Sequence[Piece]) -> list[Piece]:
    """As a; a and b; a, b, and c."""
    if len(parts) < 2:
        return list(parts)
    first = [piece for one in parts[:-1] for piece in (Piece(", "), one)][1:]
    return filled(_("{first} and {last}") if len(parts) == 2 else _("{first}, and {last}"), first=first, last=parts[-1:])
