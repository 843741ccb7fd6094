"""What an attempt of a call out is called, for good: at its carrier's leg, at its engine and among the calls that the caps count."""

from __future__ import annotations


def key_of(id: str, attempt: int) -> str:
    """``id.n``. What was kept with an attempt is asked for as it was kept, whatever it looks like."""
    return f"{id}.{attempt}"
