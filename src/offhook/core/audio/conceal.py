"""What is heard in place of audio that was lost: the voice goes on for a moment and fades into the background that was there before.

A gap is made up of the last cycle of what came before it, repeated, at full strength for ``HELD`` and fading until ``FADED``; under it
and after it comes noise as loud as the quietest of the last second. So a lost packet is no pause in a word. A longer gap is one in the
audio but not in the speech, of which nothing is known: ``Lost`` says where that is, so that nobody takes it for the caller's silence.

Nothing is done, but for keeping what came last, while nothing is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offhook.core.audio.format import AudioFormat, Encoding, silence
from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm, pcm_to_alaw, pcm_to_mulaw

Samples = NDArray[np.float32]

HELD: Final = 0.020
FADED: Final = 0.100
_HISTORY: Final = 1.0
"""Seconds of audio that are kept: the background is heard in them, and the voice's cycle at their end."""
_LOWEST: Final = 66
_HIGHEST: Final = 400
"""Cycles a second of a voice."""
_COMPARED: Final = 0.012
_VOICED: Final = 0.35
"""Likeness of a cycle to the one before it from which on it is a voice's."""
_DECODE: Final = {Encoding.MULAW: mulaw_to_pcm, Encoding.ALAW: alaw_to_pcm}
_ENCODE: Final = {Encoding.MULAW: pcm_to_mulaw, Encoding.ALAW: pcm_to_alaw}


def _noise(count: int) -> Samples:
    """The same white noise each time: splitmix64's numbers of 1, 2, 3 and so on, of unit strength."""
    one = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    one = (one ^ (one >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    one = (one ^ (one >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    level = (one ^ (one >> np.uint64(31))).astype(np.float64) / 2.0**63 - 1.0
    return np.asarray(level * np.sqrt(3.0), dtype=np.float32)


_NOISE: Final = _noise(16_000)


@dataclass(slots=True)
class Concealer:
    """One direction of one leg."""

    format: AudioFormat
    concealed: int = 0
    """Samples that were made up."""
    _kept: deque[bytes] = field(default_factory=deque)
    _size: int = 0
    _noise_at: int = 0

    def heard(self, data: bytes) -> None:
        """Audio that came."""
        self._kept.append(data)
        self._size += len(data)
        most = self.format.bytes_for(round(_HISTORY * self.format.rate))
        while self._size - len(self._kept[0]) >= most:
            self._size -= len(self._kept.popleft())

    def lost(self, count: int) -> bytes:
        """So many samples in place of what did not come."""
        self.concealed += count
        before = self._before()
        if not len(before):
            return silence(self.format, count)
        cycle, fade = _cycle(before, self.format.rate), _fade(count, self.format.rate)
        voice = np.resize(cycle, count) * fade if len(cycle) else 0.0
        return self._encoded(np.asarray(voice + self._background(before, count) * (1.0 - fade), dtype=np.float32))

    def _before(self) -> Samples:
        data = b"".join(self._kept)
        pcm = _DECODE[self.format.encoding](data) if self.format.encoding in _DECODE else data
        return np.frombuffer(pcm, dtype="<i2").astype(np.float32)

    def _encoded(self, made: Samples) -> bytes:
        pcm = np.clip(np.rint(made), -32_768, 32_767).astype("<i2").tobytes()
        return _ENCODE[self.format.encoding](pcm) if self.format.encoding in _ENCODE else pcm

    def _background(self, before: Samples, count: int) -> Samples:
        """Noise as loud as the quietest 20 ms."""
        piece = min(len(before), self.format.rate // 50)
        strengths = np.sqrt(np.mean(np.square(before[len(before) % piece :].reshape(-1, piece)), axis=1))
        at, self._noise_at = self._noise_at, (self._noise_at + count) % len(_NOISE)
        return np.take(_NOISE, np.arange(at, at + count), mode="wrap") * np.float32(np.min(strengths))


def _fade(count: int, rate: int) -> Samples:
    """How strong the voice still is."""
    held, faded = round(HELD * rate), round(FADED * rate)
    return np.asarray(np.clip((faded - np.arange(count, dtype=np.float32)) / (faded - held), 0.0, 1.0), dtype=np.float32)


def _cycle(before: Samples, rate: int) -> Samples:
    """The last cycle of the voice, with its end led over into its beginning; of what has none, as long a piece as may be."""
    longest, shortest, compared = rate // _LOWEST, rate // _HIGHEST, round(_COMPARED * rate)
    if len(before) < longest + 2 * compared:
        return np.zeros(0, dtype=np.float32)
    pattern = before[-compared:]
    earlier = np.lib.stride_tricks.sliding_window_view(before[-compared - longest : -shortest], compared)[: longest - shortest + 1]
    strength = np.sqrt(np.sum(np.square(earlier), axis=1) * np.sum(np.square(pattern))) + 1.0
    likeness = (earlier @ pattern) / strength
    best = int(np.argmax(likeness))
    period = longest - best if likeness[best] >= _VOICED else longest
    cycle = before[-period:].copy()
    joint = max(1, period // 4)
    weight = np.linspace(0.0, 1.0, joint, dtype=np.float32)
    cycle[-joint:] = cycle[-joint:] * (1.0 - weight) + before[-period - joint : -period] * weight
    return cycle


@dataclass(slots=True)
class Lost:
    """Where audio was lost, in samples of whoever asks."""

    _spans: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, start: int, end: int) -> None:
        """Lost from here to there; later than all before."""
        self._spans.append((start, end))

    def most_of(self, start: int, end: int) -> bool:
        """Whether more than half of a stretch was lost. Stretches are asked after in their order."""
        while self._spans and self._spans[0][1] <= start:
            self._spans.popleft()
        lost = sum(max(0, min(end, until) - max(start, since)) for since, until in self._spans)
        return 2 * lost > end - start
