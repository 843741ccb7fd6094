"""Moonshine tiny-en on onnxruntime: 16 kHz samples in, text with its likelihood out. Greedy, with key-value cache.

The decoder's inputs and their shapes are in embedded.md 3. All tensors stay in the runtime between steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

_START, _END = 1, 2
_TOKENS_PER_S = 6.5
"""More than anybody says: beyond it the model is in a loop."""
_MIN_SAMPLES = 3_200
"""The encoder needs a few frames; 0.2 s at 16 kHz."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Text and the geometric mean of its tokens' probabilities."""

    text: str
    confidence: float


NOTHING = Transcript("", 0.0)


def read_tokens(path: Path) -> list[bytes]:
    """The vocabulary: byte strings with their length in front, one byte or two when it is 128 or more."""
    raw = path.read_bytes()
    tokens: list[bytes] = []
    at = 0
    while at < len(raw):
        size = raw[at]
        at += 1
        if size >= 128:
            size = (raw[at] * 128) + size - 128
            at += 1
        tokens.append(raw[at : at + size])
        at += size
    return tokens


def looping(tokens: list[int]) -> int:
    """How many tokens at the end repeat what was before: a piece of 1 to 8 tokens said 4 times over (8 times for 1 or 2). 0 for none."""
    for size in range(1, 9):
        times = 8 if size <= 2 else 4
        if len(tokens) >= size * times:
            tail = tokens[-size * times :]
            if tail == tail[:size] * times:
                return size * (times - 1)
    return 0


class Moonshine:
    """Encoder, decoder and vocabulary; shared by all calls and threads."""

    def __init__(self, encoder: Path, decoder: Path, tokens: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._encoder = onnxruntime.InferenceSession(str(encoder), options, providers=["CPUExecutionProvider"])
        self._decoder = onnxruntime.InferenceSession(str(decoder), options, providers=["CPUExecutionProvider"])
        self._tokens = read_tokens(tokens)
        self._past = [item.name for item in self._decoder.get_inputs() if item.name.startswith("past_key_values.")]
        self._outputs = [item.name for item in self._decoder.get_outputs()]
        self._empty = _value(np.zeros((0, 8, 1, 36), np.float32))
        self._flags = {flag: _value(np.array([flag])) for flag in (False, True)}
        self.transcribe(np.zeros(_MIN_SAMPLES, np.float32), lambda: False)

    def transcribe(self, audio: NDArray[np.float32], cancelled: Callable[[], bool]) -> Transcript | None:
        """Text of samples at 16 kHz in -1..1; None as soon as ``cancelled`` says so."""
        if len(audio) < _MIN_SAMPLES:
            audio = np.pad(audio, (0, _MIN_SAMPLES - len(audio)))
        mask = _value(np.ones((1, len(audio)), np.int64))
        hidden = self._encoder.run_with_ort_values(None, {"input_values": _value(audio[None]), "attention_mask": mask})[0]
        feeds = dict.fromkeys(self._past, self._empty)
        feeds["encoder_hidden_states"] = hidden
        feeds["encoder_attention_mask"] = mask
        tokens: list[int] = []
        likelihood = 0.0
        token = _START
        for step in range(max(4, int(len(audio) / 16_000 * _TOKENS_PER_S))):
            if cancelled():
                return None
            feeds["input_ids"] = _value(np.array([[token]], np.int64))
            feeds["use_cache_branch"] = self._flags[step > 0]
            logits, *present = self._decoder.run_with_ort_values(self._outputs, feeds)
            scores = logits.numpy()[0, -1]
            token = int(scores.argmax())
            likelihood -= float(np.log(np.exp(scores - scores[token]).sum()))
            tokens.append(token)
            if token == _END:
                break
            for name, value in zip(self._past, present, strict=True):
                # The encoder's keys come once; later steps give them back empty.
                if step == 0 or ".decoder." in name:
                    feeds[name] = value
            if extra := looping(tokens):
                del tokens[-extra:]
                break
        return Transcript(self._text(tokens), float(np.exp(likelihood / max(1, len(tokens)))))

    def _text(self, tokens: list[int]) -> str:
        pieces = [self._tokens[token] for token in tokens if token > _END]
        return b"".join(_byte(piece) for piece in pieces).decode("utf-8", "replace").replace("▁", " ").strip()


def _byte(piece: bytes) -> bytes:
    """``<0xE2>`` is a single byte; other pieces in angle brackets are control tokens and say nothing."""
    if piece.startswith(b"<") and piece.endswith(b">") and len(piece) > 2:
        return bytes([int(piece[3:5], 16)]) if piece.startswith(b"<0x") else b""
    return piece


def _value(array: NDArray[np.generic]) -> onnxruntime.OrtValue:
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
