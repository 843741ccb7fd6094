"""Smart-Turn v3.2: from the last 8 s of the caller's audio, whether the turn is over, by intonation. A hint, never the decision.

Input is Whisper's log-mel spectrogram (80 bands, 10 ms hop), computed here with numpy, of 8 s whose end is the audio's end.
About 140 ms of CPU on one thread: call it once per pause.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from offhook.core.audio.format import PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.resample import Resampler
from offhook.errors import BadOutput, FormatError
from offhook.ports.spec import ProviderSpec
from offhook.registry import ProviderContext
from offhook.weights import SMART_TURN

SPEC = ProviderSpec(id="endpoint/smart_turn", kind="endpoint", formats=(PCM16_16K, PCM16_8K), locales=("*",))

_RATE = 16_000
_SECONDS = 8
_FFT = 400
_HOP = 160
_BANDS = 80


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    return np.where(hz < 1_000, 3 * hz / 200, 15 + 27 * np.log(np.maximum(hz, 1_000) / 1_000) / np.log(6.4))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, 200 * mel / 3, 1_000 * np.exp((mel - 15) * np.log(6.4) / 27))


def _bands() -> NDArray[np.float64]:
    """Triangular filters of equal area, (bands, bins)."""
    edges = _hz(np.linspace(0, float(_mel(np.array([_RATE / 2]))[0]), _BANDS + 2))
    bins = np.linspace(0, _RATE // 2, _FFT // 2 + 1)
    rise = (bins[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return np.maximum(0, np.minimum(rise, fall)) * area[:, None]


_WINDOW = np.hanning(_FFT + 1)[:-1]
_FILTERS = _bands()


def log_mel(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whisper's features, (80, 800), of 8 s of samples at 16 kHz in -1..1."""
    level = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    padded = np.pad(level.astype(np.float64), _FFT // 2, mode="reflect")
    spectrum = np.fft.rfft(sliding_window_view(padded, _FFT)[::_HOP] * _WINDOW, axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    bands = np.log10(np.maximum(1e-10, _FILTERS @ power.T))[:, :-1]
    bands = np.maximum(bands, bands.max() - 8)
    return np.asarray((bands + 4) / 4, dtype=np.float32)


class SmartTurn:
    """The model; its weights are shared by all calls and threads."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    @property
    def spec(self) -> ProviderSpec:
        """What it can do."""
        return SPEC

    def score(self, audio: bytes, format: AudioFormat) -> float:
        """Probability that the turn is over. FormatError for a format that the spec does not name or half a sample."""
        if format not in SPEC.formats:
            raise FormatError(f"endpoint/smart_turn takes {' or '.join(map(str, SPEC.formats))}, not {format}")
        if len(audio) % 2:
            raise FormatError(f"endpoint/smart_turn was given {len(audio)} bytes, which are not whole samples")
        recent = audio[-2 * _SECONDS * format.rate :]
        if format.rate != _RATE:
            resampler = Resampler(format.rate, _RATE)
            recent = (resampler.feed(recent) + resampler.flush())[-2 * _SECONDS * _RATE :]
        samples = np.frombuffer(recent, "<i2").astype(np.float32) / np.float32(32_768)
        whole = np.zeros(_SECONDS * _RATE, np.float32)
        if len(samples):
            whole[-len(samples) :] = samples
        chance = float(self._session.run(None, {"input_features": log_mel(whole)[None]})[0][0, 0])
        if not 0 <= chance <= 1:
            raise BadOutput("endpoint/smart_turn", "the end-of-turn model gave no probability")
        return chance


def create(context: ProviderContext, option: str) -> SmartTurn:
    """Load the model; there are no options."""
    del option
    return SmartTurn(context.weights.locate(SMART_TURN))
