"""The tenant's own text, cut into passages: one per heading of a Markdown file."""

from __future__ import annotations

import re


def passages(text: str) -> tuple[tuple[str, str], ...]:
    """(title, text) of every section that has text."""
    found: list[tuple[str, str]] = []
    title, lines = "", list[str]()
    for line in [*text.splitlines(), "# "]:
        heading = re.match(r"#{1,6}\s+(.*)|# $", line)
        if heading:
            body = " ".join(" ".join(lines).split())
            if body:
                found.append((title, body))
            title, lines = (heading[1] or "").strip(), []
        else:
            lines.append(line)
    return tuple(found)
