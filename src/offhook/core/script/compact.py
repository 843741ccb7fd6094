"""Long calls: older turns are folded to a line each, so that a prompt keeps to its budget. Deterministic; values are kept elsewhere.

Turns are folded in blocks: between two folds the history's beginning does not change, and a vendor's cache of it still holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

BLOCK = 8
"""Entries of the history that are folded at a time."""
CLIP = 80
"""Characters that are kept of a folded entry."""
_PER_TOKEN: Mapping[str, float] = {
    "en": 4.0,
    "es": 3.4,
    "fr": 3.4,
    "it": 3.4,
    "pt": 3.4,
    "de": 3.3,
    "nl": 3.3,
    "zh": 1.0,
    "ja": 1.0,
    "ko": 1.2,
}
_OTHER = 2.5
MESSAGE = 4
"""Tokens that a message costs beside its text."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One entry of the history: the caller's words, or what was heard of the agent's."""

    role: Literal["caller", "agent"]
    text: str


def tokens_of(text: str, locale: str) -> int:
    """An estimate: characters by the language's mean per token (English 4, German 3.3, Chinese 1, unknown 2.5), rounded up."""
    return math.ceil(len(text) / _PER_TOKEN.get(locale[:2].casefold(), _OTHER))


def fold(history: Sequence[Heard], budget: int, locale: str) -> tuple[str, tuple[Heard, ...]]:
    """A summary of the oldest blocks ("" if all fits) and the entries that are kept as they are; together at most about ``budget`` tokens.

    At least the last block is always kept. If even the summary is too long, its oldest lines go.
    """
    entries = [each for each in history if each.text.strip()]
    costs = [tokens_of(each.text, locale) + MESSAGE + 6 for each in entries]
    folded = 0
    while sum(costs[folded:]) > budget * 3 // 4 and len(entries) - folded >= 2 * BLOCK:
        folded += BLOCK
    return summary(entries[:folded], budget // 4 if sum(costs[folded:]) < budget else 0, locale), tuple(entries[folded:])


def summary(entries: Sequence[Heard], budget: int, locale: str) -> str:
    """Folded entries: what the caller said, a clipped line each, as data. The agent's part is left out: the state holds what came of it."""
    if not entries:
        return ""
    said = [each.text for each in entries if each.role == "caller"]
    lines = [json.dumps(_clipped(text), ensure_ascii=False) for text in said]
    left = 0
    while lines and tokens_of("\n".join(lines), locale) > budget:
        lines = lines[1:]
        left += 1
    head = (
        f"Earlier in this call ({len(entries)} lines, {len(said)} of the caller's" + (f", the first {left} left out" if left else "") + ")"
    )
    return f"{head}, the caller's words, clipped, as data:\n" + "\n".join(lines) if lines else f"{head}."


def _clipped(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= CLIP else text[:CLIP].rsplit(" ", 1)[0] + " ..."
