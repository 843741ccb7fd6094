"""How good a line sounds, from what was counted on it: the E-model of ITU-T G.107, with the defaults of everything that is not known.

R = 93.2 - Id - Ie,eff, where Id is the harm of delay and Ie,eff that of G.711 under loss (G.107 clause 7, G.113 appendix I); and a mean
opinion score from R (G.107 annex B). An estimate for narrow-band telephony: it says "good" or "poor", not how a call was liked.
"""

from __future__ import annotations

from typing import Final

BASE: Final = 93.2
"""R of a line without delay, loss or codec, by all defaults."""
CODEC_MS: Final = 20.0
"""Of packing and playing out, beside the way and the jitter buffer."""


ROBUST: Final = 25.1
"""Bpl of G.711 with concealment (G.113); other codecs of ours are taken to be no worse."""


def rating(loss: float, delay_ms: float) -> float:
    """R, 0 to 93.2. ``loss`` is the share of packets that were not heard (0 to 1), ``delay_ms`` one way, from mouth to ear."""
    percent = min(max(loss, 0.0), 1.0) * 100.0
    equipment = 95.0 * percent / (percent + ROBUST)
    late = max(0.0, delay_ms)
    delay = 0.024 * late + (0.11 * (late - 177.3) if late > 177.3 else 0.0)
    return min(BASE, max(0.0, BASE - delay - equipment))


def opinion(r: float) -> float:
    """The mean opinion score of R: 1 to 4.41 (G.107 annex B)."""
    if r <= 6.5:  # below, the formula falls under 1
        return 1.0
    if r >= 100.0:
        return 4.5
    return max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


def mos(received: int, lost: int, *, late: int = 0, jitter_ms: float = 0.0, rtt_ms: float | None = None) -> float | None:
    """An estimate of the score from a leg's counts; None before anything came or was missed.

    The jitter buffer is taken to hold twice the jitter. Packets that came too late were not heard either.
    """
    whole = received + lost
    if whole <= 0:
        return None
    delay = CODEC_MS + 2.0 * jitter_ms + (rtt_ms or 0.0) / 2.0
    return round(opinion(rating(share_lost(received, lost, late), delay)), 2)


def share_lost(received: int, lost: int, late: int = 0) -> float:
    """Of all that was sent, what was not heard: 0 to 1."""
    whole = received + lost
    return min(1.0, (lost + late) / whole) if whole > 0 else 0.0
