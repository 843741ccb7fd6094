"""Calls for tests, written as their lines."""

from __future__ import annotations

from datetime import UTC, datetime

from offhook.authoring.heard import Where
from offhook.orchestrator.calls.transcript import Said
from offhook.orchestrator.extraction.spoken import Spoken

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WHERE = Where("en-GB", "GB", NOW)


def told(*lines: str, where: Where = WHERE) -> Spoken:
    """``c:`` begins a caller's line, ``a:`` an agent's."""
    turns = []
    for place, line in enumerate(lines):
        speaker, _, text = line.partition(":")
        who = "caller" if speaker == "c" else "agent"
        turns.append(
            Said.model_validate(
                {"turn": place + 1, "speaker": who, "start_ms": place * 1000, "end_ms": place * 1000 + 900, "text": text.strip()}
            )
        )
    return Spoken(tuple(turns), where)
