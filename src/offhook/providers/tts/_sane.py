"""What may be said, and whether what comes back is speech in the format that was asked for.

A wrong format is never played: a file's header, noise (one encoding read as another), a level that no voice has, silence, nothing at
all, or a length that the text cannot have. Measured on speech (hibari, 8 to 24 kHz, blocks of 20 ms): right, a level of at most 0.22 of
full scale and neighbouring samples that correlate by 0.68 or more wherever it is loud; PCM16, 32-bit floats or bytes shifted by one read
as something else, 0.23 to 0.67 and 0.0 to 0.25; mu-law read as PCM16, 0.57 and 0.5. A-law and mu-law taken for each other are told apart
by neither: the vendor is asked for one of them by name.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm
from offhook.core.audio.link import check_pcm
from offhook.errors import BadOutput, FormatError

BLOCK_S: Final = 0.02
TOO_LOUD: Final = 0.5
LOUD: Final = 0.15
NOISE: Final = 0.3
"""Correlation of neighbouring samples below which a loud block is noise."""
INAUDIBLE: Final = 100
"""A clause whose largest sample is no larger is silence."""
FASTEST_S, SLOWEST_S = 0.02, 0.12
"""Seconds that a character may take (providers.md section 6 says 0.04 to 0.12; some voices hurry)."""
JUDGED: Final = 40
"""Shorter texts say too little about a voice's pace."""


def sayable(text: str) -> str:
    """The text without control characters, on one line; empty if nothing in it can be said."""
    kept = "".join(" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    kept = " ".join(kept.split())
    return kept if any(char.isalnum() for char in kept) else ""


def weight(text: str) -> int:
    """Characters as they are spoken: a digit, a sign and a letter on its own are words."""
    total = 0
    for word in text.split():
        spelled = word.isupper() or sum(map(str.isalpha, word)) == 1
        total += 1 + sum(
            (5 if spelled else 1) if char.isalpha() else 6 if char.isdigit() else 8 if char in "$£€¥%&@#+=/№" else 1 for char in word
        )
        total += 4 * sum(ord(char) > 0x2E80 for char in word)  # one syllable or more each, where writing has no letters
    return total


class Gate:
    """A reply's audio on its way from the vendor: whole samples, raw, plausible. Raises BadOutput, counted as it is raised."""

    def __init__(self, provider: str, format: AudioFormat) -> None:
        self._provider = provider
        self._format = format
        self._rest = b""
        """Half a sample, or a block's beginning that has not been judged."""
        self._first = True
        """The clause's first block has not been judged."""
        self._begun = False
        self._left: int | None = None
        """Bytes of sound to come before what a wav file may have behind it."""
        self._peak = 0

    def feed(self, data: bytes) -> bytes:
        """What may be played of it now. A wav header is cut off if it says the very format."""
        data = self._rest + data
        size = self._format.sample_bytes
        if self._first:
            if len(data) < self._format.bytes_for(round(BLOCK_S * self._format.rate)):
                self._rest = data
                return b""
            data = self._headless(data)
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        data = data[:whole]
        self._judge(data)
        return data

    def end(self) -> bytes:
        """The rest of a clause shorter than a block. Half a sample is carried into the next clause."""
        data = b""
        if self._first and self._rest:
            held, self._rest = self._headless(self._rest), b""
            data = self.feed(held)
        self._first = not self._rest
        self._left = None
        return data

    def clause(self, text: str, samples: int, spoken_s: float | None) -> None:
        """Check a clause that is all there. ``spoken_s``: where its last word ends, if the vendor said so."""
        peak, self._peak = self._peak, 0
        seconds = samples / self._format.rate
        if not samples:
            raise BadOutput(self._provider, "the vendor sent no audio for a clause")
        if peak <= INAUDIBLE:
            raise BadOutput(self._provider, "the vendor sent silence for a clause")
        self.length(text, samples)
        characters = weight(text)
        if characters >= JUDGED and seconds < FASTEST_S * len(text):
            raise self._wrong(f"{seconds:.1f} s of audio for {len(text)} characters: a lower rate than was asked for, or cut")
        if spoken_s is not None and (seconds > 1.5 * spoken_s + 0.8 or seconds < 0.7 * spoken_s - 0.1):
            raise self._wrong(f"{seconds:.1f} s of audio, words up to {spoken_s:.1f} s: not the rate that was asked for")

    def length(self, text: str, samples: int) -> None:
        """Check a clause that may not be all there against what its text can take at most."""
        most = SLOWEST_S * max(weight(text), JUDGED) + 0.6
        if samples > most * self._format.rate:
            raise self._wrong(f"more than {most:.1f} s for {len(text)} characters: not the format that was asked for")

    def _wrong(self, public: str) -> BadOutput:
        """It is in another format than was promised."""
        return BadOutput(self._provider, public, mismatch=True)

    def _headless(self, data: bytes) -> bytes:
        """A clause's first bytes without a header. Anything but a wav file would show at the reply's first."""
        begun, self._first, self._begun = self._begun, False, True
        if data.startswith(b"RIFF"):
            return self._unwrapped(data)
        if begun:
            return data
        try:
            check_pcm(data[: len(data) - len(data) % self._format.sample_bytes], self._format)
        except FormatError as error:
            raise self._wrong(error.public) from None
        return data

    def _unwrapped(self, data: bytes) -> bytes:
        """Sound of a wav file whose header says the format that was asked for."""
        code = {Encoding.PCM16: 1, Encoding.ALAW: 6, Encoding.MULAW: 7}[self._format.encoding]
        at, seen = 12, b""
        while at + 8 <= len(data):
            name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            if name == b"fmt ":
                seen = data[at + 8 : at + 24]
            if name == b"data":
                if len(seen) == 16 and seen[:4] == bytes((code, 0, 1, 0)) and int.from_bytes(seen[4:8], "little") == self._format.rate:
                    self._left = size if 0 < size < 2**31 - 1 else None  # a stream's length is not known when its header is written
                    return data[at + 8 :]
                break
            at += 8 + size + size % 2
        raise self._wrong(f"a wav file in what should be raw {self._format}")

    def _judge(self, data: bytes) -> None:
        """A block that is louder than any voice, or loud and noise."""
        if not data:
            return
        convert = {Encoding.MULAW: mulaw_to_pcm, Encoding.ALAW: alaw_to_pcm}.get(self._format.encoding)
        wave = np.frombuffer(convert(data) if convert else data, "<i2").astype(np.float32)
        self._peak = max(self._peak, int(np.abs(wave).max()))
        block = max(2, round(BLOCK_S * self._format.rate))
        if len(wave) < block:
            return
        blocks = wave[: len(wave) // block * block].reshape(-1, block) / 32_768
        power = (blocks * blocks).mean(axis=1)
        alike = (blocks[:, 1:] * blocks[:, :-1]).mean(axis=1)
        if (power > TOO_LOUD**2).any() or ((power > LOUD**2) & (alike < NOISE * power)).any():
            raise self._wrong(f"noise in what should be {self._format}: another encoding than was asked for")
