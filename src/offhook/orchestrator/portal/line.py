"""How the caller's line was, in a word and three figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offhook.contracts.events import MediaQuality
from offhook.orchestrator.portal.show import _

GOOD: Final = 4.0
FAIR: Final = 3.4
"""Mean opinion scores from which on a line is good, or at least fair (G.107 annex B: satisfied; many dissatisfied below)."""
LITTLE: Final = 0.01
MUCH: Final = 0.05
"""The same by the share that was lost, where there is no score."""


@dataclass(frozen=True, slots=True)
class LineShown:
    """``kind`` colours the word."""

    word: str
    kind: str
    facts: tuple[tuple[str, str], ...]


def line_of(media: MediaQuality | None) -> LineShown | None:
    """What the page of a call says of its line; None where nobody knows."""
    if media is None or media.received + media.lost == 0:
        return None
    share = min(1.0, (media.lost + media.late) / (media.received + media.lost))
    facts = [(_("Lost"), f"{share:.1%}".replace("%", " %")), (_("Jitter"), f"{media.jitter_ms:.0f} ms")]
    facts += [(_("Way there and back"), f"{media.rtt_ms:.0f} ms")] if media.rtt_ms is not None else []
    facts += [("MOS", f"{media.mos:.1f}")] if media.mos is not None else []
    facts += [(_("Made up for"), f"{media.concealed_ms / 1_000:.1f} s")] if media.concealed_ms else []
    facts += [("Codec", media.codec)] if media.codec else []
    if media.mos is not None:
        grade = 2 if media.mos >= GOOD else 1 if media.mos >= FAIR else 0
    else:
        grade = 2 if share < LITTLE else 1 if share < MUCH else 0
    word, kind = ((_("Poor"), "bad"), (_("Fair"), "warn"), (_("Good"), "ok"))[grade]
    return LineShown(word, kind, tuple(facts))
