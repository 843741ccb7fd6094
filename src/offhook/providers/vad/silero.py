"""Silero VAD v6 on onnxruntime: 32 ms windows at 8 or 16 kHz, one run of the model for all calls of a pass.

The model wants the last samples of the window before in front of each window (32 at 8 kHz, 64 at 16 kHz) and keeps a
recurrent state of shape (2, calls, 128). 8 kHz is native: telephone audio needs no upsampling (embedded.md 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from offhook.core.audio.format import PCM16_8K, PCM16_16K, AudioFormat
from offhook.errors import BadOutput, FormatError
from offhook.ports.spec import ProviderSpec
from offhook.ports.vad import VadState
from offhook.registry import ProviderContext
from offhook.weights import SILERO_VAD

SPEC = ProviderSpec(id="vad/silero", kind="vad", formats=(PCM16_8K, PCM16_16K), locales=("*",))

_WINDOW_S = 0.032
_CONTEXT_S = 0.004
_BATCH = 64
"""Calls per run of the model: beyond it a bigger batch no longer pays."""
_SCALE = np.float32(1 / 32_768)
_RATES = {known.rate: np.array(known.rate, np.int64) for known in SPEC.formats}
_OUTPUTS = ("output", "stateN")


class SileroState:
    """One call's memory: the recurrent state and the end of the last window."""

    __slots__ = ("rate", "recurrent", "tail", "window")

    def __init__(self, format: AudioFormat) -> None:
        self.rate = format.rate
        self.window = round(format.rate * _WINDOW_S)
        self.tail = bytes(2 * round(format.rate * _CONTEXT_S))
        self.recurrent: NDArray[np.float32] = np.zeros((2, 1, 128), np.float32)


class SileroVad:
    """The detector; its weights are shared by all calls and threads."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.score([(self.open(known), bytes(2 * self.window(known))) for known in SPEC.formats])

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    def window(self, format: AudioFormat) -> int:
        """256 samples at 8 kHz, 512 at 16 kHz; FormatError for any other format."""
        _check(format)
        return round(format.rate * _WINDOW_S)

    def open(self, format: AudioFormat) -> SileroState:
        """Memory for a new call."""
        _check(format)
        return SileroState(format)

    def score(self, items: Sequence[tuple[VadState, bytes]]) -> list[float]:
        """Probability of speech of each window, in the order given. FormatError when a window has not its size."""
        scores = [0.0] * len(items)
        rates: dict[int, list[int]] = {}
        for index, (state, data) in enumerate(items):
            if not isinstance(state, SileroState):
                raise FormatError("vad/silero was given a state that is not its own")
            if len(data) != 2 * state.window:
                raise FormatError(f"vad/silero takes windows of {2 * state.window} bytes at {state.rate} Hz, not {len(data)}")
            rates.setdefault(state.rate, []).append(index)
        for rate, indices in rates.items():
            for first in range(0, len(indices), _BATCH):
                self._run(rate, items, indices[first : first + _BATCH], scores)
        return scores

    def _run(self, rate: int, items: Sequence[tuple[VadState, bytes]], indices: list[int], scores: list[float]) -> None:
        # As few arrays as can be: between two passes all of this leaves the processor's cache, and each array costs several times its work.
        states = [state for index in indices if isinstance(state := items[index][0], SileroState)]
        heard = b"".join([part for index, state in zip(indices, states, strict=True) for part in (state.tail, items[index][1])])
        batch = np.frombuffer(heard, "<i2").reshape(len(indices), -1) * _SCALE
        recurrent = np.concatenate([state.recurrent for state in states], axis=1)
        output, after = self._session.run(_OUTPUTS, {"input": batch, "state": recurrent, "sr": _RATES[rate]})
        found = output[:, 0].tolist()
        if not all(map(isfinite, found)):
            raise BadOutput("vad/silero", "the voice detector gave no number")
        for row, (index, state) in enumerate(zip(indices, states, strict=True)):
            scores[index] = found[row]
            state.recurrent = after[:, row : row + 1]
            state.tail = items[index][1][-len(state.tail) :]


def _check(format: AudioFormat) -> None:
    if format not in SPEC.formats:
        raise FormatError(f"vad/silero takes {' or '.join(map(str, SPEC.formats))}, not {format}")


def create(context: ProviderContext, option: str) -> SileroVad:
    """Load the model; there are no options."""
    del option
    return SileroVad(context.weights.locate(SILERO_VAD))
