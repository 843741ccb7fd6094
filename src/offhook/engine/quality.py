"""How the caller's media fared in a call, as its record has it."""

from __future__ import annotations

from offhook.contracts.events import MediaQuality
from offhook.core.audio.quality import mos
from offhook.ports.transport import LegStats


def quality(stats: LegStats | None, concealed_ms: int) -> MediaQuality | None:
    """From what the leg counted, and what the ears made up for beside what the leg did itself; None where the leg does not count.

    A leg that does not rate itself is rated by its counts.
    """
    if stats is None:
        return None
    score = stats.mos
    if score is None:
        score = mos(stats.received, stats.lost, late=stats.late, jitter_ms=stats.jitter_ms, rtt_ms=stats.rtt_ms)
    return MediaQuality(
        received=stats.received,
        lost=stats.lost,
        late=stats.late,
        concealed_ms=stats.concealed_ms + concealed_ms,
        jitter_ms=round(stats.jitter_ms, 1),
        rtt_ms=None if stats.rtt_ms is None else round(stats.rtt_ms, 1),
        mos=None if score is None else round(score, 2),
        codec=stats.codec,
    )
