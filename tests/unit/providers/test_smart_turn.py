"""The features are Whisper's: compared with the extractor that is shipped with the weights, loaded from its file alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from offhook.providers.endpoint.smart_turn import log_mel


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    carrier = importlib.util.find_spec("pipecat")
    assert carrier is not None
    assert carrier.submodule_search_locations
    path = Path(carrier.submodule_search_locations[0]) / "audio" / "turn" / "smart_turn" / "_whisper_features.py"
    spec = importlib.util.spec_from_file_location("whisper_features_of_the_carrier", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seconds", [0.1, 3.0, 8.0])
def test_features_are_those_of_the_reference(theirs: ModuleType, seconds: float) -> None:
    rng = np.random.default_rng(7)
    audio = np.zeros(128_000, np.float32)
    count = round(seconds * 16_000)
    t = np.arange(count) / 16_000
    audio[-count:] = 0.3 * np.sin(2 * np.pi * (200 + 300 * t) * t) * np.abs(np.sin(5 * t)) + 0.01 * rng.standard_normal(count)
    wanted = theirs.compute_whisper_log_mel_features(audio, do_normalize=True)
    found = log_mel(audio)
    assert found.shape == (80, 800)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_silence_has_finite_features() -> None:
    assert np.isfinite(log_mel(np.zeros(128_000, np.float32))).all()
