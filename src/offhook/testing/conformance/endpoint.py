# ruff: noqa: S101, D102 - this is a test suite to inherit, and test names are sentences
"""What every acoustic end-of-turn model must do. Inherit ``EndpointConformance``, give ``endpoint`` and ``said``, run with pytest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from offhook.core.audio.format import MULAW_8K, PCM16_48K, AudioFormat
from offhook.errors import FormatError
from offhook.ports.endpoint import Endpoint
from offhook.testing.conformance import sound
from offhook.testing.conformance.sound import Utterance


class EndpointConformance:
    """The suite. It says nothing of quality: that is measured on recordings of real turns."""

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        raise NotImplementedError

    @pytest.fixture
    def said(self) -> Utterance:
        raise NotImplementedError

    def test_its_spec_names_it(self, endpoint: Endpoint) -> None:
        assert endpoint.spec.kind == "endpoint"
        assert endpoint.spec.id.startswith("endpoint/")
        assert endpoint.spec.formats

    def test_scores_are_probabilities_and_alike_in_every_format(self, endpoint: Endpoint, said: Utterance) -> None:
        found = [endpoint.score(sound.encoded(said.pcm, offered), offered) for offered in endpoint.spec.formats]
        assert all(0 <= score <= 1 for score in found)
        assert max(found) - min(found) < 0.5

    @pytest.mark.parametrize("size", [0, 2, 160, 3_200, 320_000])
    def test_any_length_of_silence_gives_a_number(self, endpoint: Endpoint, size: int) -> None:
        assert 0 <= endpoint.score(bytes(size), endpoint.spec.formats[0]) <= 1

    def test_only_the_last_8_s_count(self, endpoint: Endpoint, said: Utterance) -> None:
        offered = endpoint.spec.formats[0]
        recent = sound.encoded(said.pcm, offered)
        recent += bytes(2 * 8 * offered.rate - len(recent)) if len(recent) < 2 * 8 * offered.rate else b""
        before = np.random.default_rng(1).integers(-9_000, 9_000, 3 * offered.rate).astype("<i2").tobytes()
        assert endpoint.score(before + recent, offered) == pytest.approx(endpoint.score(recent, offered), abs=1e-6)

    def test_the_same_audio_scores_the_same_in_any_thread(self, endpoint: Endpoint, said: Utterance) -> None:
        offered = endpoint.spec.formats[0]
        data = sound.encoded(said.pcm, offered)
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda _: endpoint.score(data, offered), range(6)))
        assert found == pytest.approx([found[0]] * 6, abs=1e-5)

    def test_different_ends_score_differently(self, endpoint: Endpoint, said: Utterance) -> None:
        offered = endpoint.spec.formats[0]
        data = sound.encoded(said.pcm, offered)
        assert endpoint.score(data, offered) != endpoint.score(data[: len(data) // 4 * 2], offered)

    def test_clipped_audio_gives_a_number(self, endpoint: Endpoint) -> None:
        assert 0 <= endpoint.score(b"\xff\x7f\x00\x80" * 8_000, endpoint.spec.formats[0]) <= 1

    @pytest.mark.parametrize("wrong", [MULAW_8K, PCM16_48K], ids=str)
    def test_refuses_a_format_that_it_does_not_declare(self, endpoint: Endpoint, wrong: AudioFormat) -> None:
        with pytest.raises(FormatError, match=str(wrong)):
            endpoint.score(bytes(1_600), wrong)

    def test_refuses_half_a_sample(self, endpoint: Endpoint) -> None:
        with pytest.raises(FormatError):
            endpoint.score(bytes(1_601), endpoint.spec.formats[0])
