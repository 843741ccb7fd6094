"""The hibari voice "heart": one clause of text in, PCM16 at 24 kHz and word times out.

The network knows how long each phoneme lasts but its file does not name that tensor as an output. An ONNX file is a
protobuf message, and messages merge by concatenation: a few bytes at its end declare the output (embedded.md 5).
"""

from __future__ import annotations

import difflib
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

RATE = 24_000
_FRAME = 600
"""Samples per unit of phoneme duration."""
_DURATIONS = "/CumSum_output_0"
_GAIN = 1.6
_AUDIBLE = 0.01
_LEAD = round(0.03 * RATE)
_TRAIL = round(0.06 * RATE)
_PUNCTUATION = frozenset(';:,.!?—…"“”() ')


@dataclass(frozen=True, slots=True)
class Spoken:
    """PCM16 at 24 kHz, silence at the ends cut away, and for each word of the text the sample at which it ends."""

    pcm: bytes
    words: tuple[tuple[str, int], ...]


NOTHING = Spoken(b"", ())


class HibariVoice:
    """The model and its text-to-phoneme rules; one clause at a time per thread, weights shared."""

    rate = RATE

    def __init__(self, model: Path) -> None:
        hibari = import_module("hibari")
        self._voice = hibari.Hibari(voice="heart", model=str(model), threads=1)
        self._normalize = import_module("hibari.g2p").normalize
        self._synth = import_module("hibari.dsp").synth
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        declared = model.read_bytes() + _field(7, _field(12, _field(1, _DURATIONS.encode())))
        self._voice.sess = onnxruntime.InferenceSession(declared, options, providers=["CPUExecutionProvider"])
        # Its text rules keep caches without a lock.
        self._text_lock = threading.Lock()
        self.say("Hello, 1.")

    def say(self, text: str) -> Spoken:
        """A clause or sentence; nothing when it holds no word."""
        pieces = [spoken for sentence in self._voice.split_sentences(text) if (spoken := self._sentence(sentence)).pcm]
        if not pieces:
            return NOTHING
        pcm = bytearray()
        words: list[tuple[str, int]] = []
        for piece in pieces:
            if pcm:
                pcm += bytes(2 * round(0.25 * RATE))
            words += [(word, end + len(pcm) // 2) for word, end in piece.words]
            pcm += piece.pcm
        return Spoken(bytes(pcm), tuple(words))

    def _sentence(self, text: str) -> Spoken:
        with self._text_lock:
            g2p = self._voice.g2p
            tokens = g2p.phonemize_tokens(g2p.tokenize(self._normalize(text)))
        said: list[tuple[str, str]] = []
        """Words as the rules see them, with their phonemes."""
        word, phonemes = "", ""
        for token in tokens:
            word += token.text
            phonemes += token.phonemes or ""
            if token.whitespace:
                said.append((word, phonemes))
                word, phonemes = "", ""
        said.append((word, phonemes))
        said = [(word, phonemes) for word, phonemes in said if word or phonemes]
        parts = self._parts(said)
        if not parts:
            return NOTHING
        audio: list[NDArray[np.float32]] = []
        ends: list[tuple[str, int]] = []
        offset = 0
        for part in parts:
            wave, times = self._part(part)
            audio.append(wave)
            ends += [(word, offset + end) for word, end in times]
            offset += len(wave)
        return _trimmed(np.concatenate(audio), _match(text.split(), ends))

    def _parts(self, said: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
        """The model takes 400 phonemes at a time."""
        parts: list[list[tuple[str, str]]] = []
        size = 0
        for item in said:
            if not parts or size + len(item[1]) + 1 > 400:
                parts.append([])
                size = 0
            parts[-1].append(item)
            size += len(item[1]) + 1
        return [part for part in parts if any(phonemes.strip("".join(_PUNCTUATION)) for _, phonemes in part)]

    def _part(self, part: list[tuple[str, str]]) -> tuple[NDArray[np.float32], list[tuple[str, int]]]:
        vocabulary: dict[str, int] = self._voice.vocab
        ids = [0]
        last: list[tuple[str, int]] = []
        for index, (word, phonemes) in enumerate(part):
            if index and " " in vocabulary:
                ids.append(vocabulary[" "])
            final = len(ids) - 1
            for phoneme in phonemes:
                if phoneme in vocabulary:
                    ids.append(vocabulary[phoneme])
                    if phoneme not in _PUNCTUATION:
                        final = len(ids) - 1
            last.append((word, final))
        ids.append(0)
        *spectra, ends = self._voice.sess.run(None, {"ids": np.array([ids], np.int64), "speed": np.ones(1, np.float32)})
        # A fixed seed: the same clause is the same audio.
        wave: NDArray[np.float32] = self._synth(*(item[0] for item in spectra), np.random.default_rng(0))
        return wave, [(word, int(ends[final]) * _FRAME) for word, final in last]


def _trimmed(wave: NDArray[np.float32], words: list[tuple[str, int]]) -> Spoken:
    loud = np.flatnonzero(np.abs(wave) > _AUDIBLE)
    if not len(loud):
        return NOTHING
    first = max(0, int(loud[0]) - _LEAD)
    last = min(len(wave), int(loud[-1]) + _TRAIL)
    pcm = (np.clip(wave[first:last] * _GAIN, -1, 1) * 32_767).astype("<i2").tobytes()
    return Spoken(pcm, tuple((word, min(last, max(first, end)) - first) for word, end in words))


def _match(wanted: list[str], said: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Ends of the text's own words, where the rules have written out numbers and signs: a stretch that differs is shared out evenly."""
    found: list[tuple[str, int]] = []
    matcher = difflib.SequenceMatcher(None, wanted, [word for word, _ in said], autojunk=False)
    before = 0
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        until = said[b1 - 1][1] if b1 else 0
        for position, word in enumerate(wanted[a0:a1], start=1):
            if tag == "equal":
                found.append((word, said[b0 + position - 1][1]))
            else:
                found.append((word, before + (until - before) * position // (a1 - a0)))
        before = until
    return found


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content
