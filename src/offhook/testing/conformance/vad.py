# ruff: noqa: S101, D102 - this is a test suite to inherit, and test names are sentences
"""What every voice detector must do. Inherit ``VadConformance``, give the fixtures ``vad`` and ``said``, and run with pytest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from offhook.core.audio.format import MULAW_8K, PCM16_48K, AudioFormat
from offhook.errors import FormatError
from offhook.ports.vad import Vad
from offhook.testing.conformance import sound
from offhook.testing.conformance.sound import Utterance


def windows(vad: Vad, format: AudioFormat, pcm16k: bytes) -> list[bytes]:
    """Whole windows of PCM16 at 16 kHz in the format."""
    data = sound.encoded(pcm16k, format)
    size = 2 * vad.window(format)
    return [data[at : at + size] for at in range(0, len(data) - size + 1, size)]


def scores(vad: Vad, format: AudioFormat, pcm16k: bytes) -> list[float]:
    """Of one call, window by window."""
    state = vad.open(format)
    return [vad.score([(state, window)])[0] for window in windows(vad, format, pcm16k)]


def noise(seconds: float, peak: int) -> bytes:
    """Reproducible white noise."""
    return np.random.default_rng(1).integers(-peak, peak, round(seconds * 16_000)).astype("<i2").tobytes()


class VadConformance:
    """The suite. ``said`` is speech with hardly any silence."""

    @pytest.fixture
    def vad(self) -> Vad:
        raise NotImplementedError

    @pytest.fixture
    def said(self) -> Utterance:
        raise NotImplementedError

    def test_its_spec_names_it(self, vad: Vad) -> None:
        assert vad.spec.kind == "vad"
        assert vad.spec.id.startswith("vad/")
        assert vad.spec.formats

    def test_windows_are_10_to_100_ms(self, vad: Vad) -> None:
        assert all(0.01 <= vad.window(offered) / offered.rate <= 0.1 for offered in vad.spec.formats)

    def test_one_score_for_each_item_and_none_for_none(self, vad: Vad, said: Utterance) -> None:
        offered = vad.spec.formats[0]
        window = windows(vad, offered, said.pcm)[0]
        assert vad.score([]) == []
        assert len(vad.score([(vad.open(offered), window) for _ in range(3)])) == 3

    def test_hears_speech_in_every_format(self, vad: Vad, said: Utterance) -> None:
        for offered in vad.spec.formats:
            found = scores(vad, offered, said.pcm)
            assert all(0 <= score <= 1 for score in found)
            assert np.mean(np.array(found) > 0.5) > 0.6, str(offered)

    def test_finds_speech_within_200_ms_of_its_beginning(self, vad: Vad, said: Utterance) -> None:
        for offered in vad.spec.formats:
            found = scores(vad, offered, bytes(32_000) + said.pcm)
            first = next(index for index, score in enumerate(found) if score > 0.5)
            at = first * vad.window(offered) / offered.rate
            assert 0.9 <= at <= 1.25, str(offered)

    def test_finds_its_end(self, vad: Vad, said: Utterance) -> None:
        for offered in vad.spec.formats:
            found = scores(vad, offered, said.pcm + bytes(32_000))
            assert max(found[-round(0.6 * offered.rate / vad.window(offered)) :]) < 0.35, str(offered)

    def test_silence_is_no_speech_for_a_minute(self, vad: Vad) -> None:
        assert max(scores(vad, vad.spec.formats[0], bytes(60 * 32_000))) < 0.3

    def test_hears_speech_after_a_minute_of_silence(self, vad: Vad, said: Utterance) -> None:
        offered = vad.spec.formats[0]
        found = scores(vad, offered, bytes(60 * 32_000) + said.pcm)
        assert np.mean(np.array(found[-len(windows(vad, offered, said.pcm)) :]) > 0.5) > 0.6

    def test_faint_noise_is_no_speech(self, vad: Vad) -> None:
        found = scores(vad, vad.spec.formats[0], noise(5.0, 100))
        assert np.mean(np.array(found) > 0.5) < 0.05

    def test_full_scale_noise_and_clipping_give_numbers(self, vad: Vad) -> None:
        for pcm in (noise(1.0, 32_767), b"\xff\x7f\x00\x80" * 8_000):
            assert all(0 <= score <= 1 for score in scores(vad, vad.spec.formats[0], pcm))

    def test_a_batch_scores_as_one_by_one(self, vad: Vad, said: Utterance) -> None:
        offered = vad.spec.formats[0]
        calls = [windows(vad, offered, bytes(3_200 * number) + said.pcm)[:30] for number in range(5)]
        alone = []
        for call in calls:
            state = vad.open(offered)
            alone.append([vad.score([(state, window)])[0] for window in call])
        states = [vad.open(offered) for _ in calls]
        together = [vad.score(list(zip(states, step, strict=True))) for step in zip(*calls, strict=True)]
        np.testing.assert_allclose(np.array(together).T, np.array(alone), atol=1e-4)

    def test_formats_may_be_mixed_in_a_batch(self, vad: Vad, said: Utterance) -> None:
        states = [(offered, vad.open(offered)) for offered in vad.spec.formats]
        steps = zip(*(windows(vad, offered, said.pcm)[:20] for offered, _ in states), strict=True)
        found = [vad.score([(state, window) for (_, state), window in zip(states, step, strict=True)]) for step in steps]
        for index, (offered, _) in enumerate(states):
            np.testing.assert_allclose([step[index] for step in found], scores(vad, offered, said.pcm)[:20], atol=1e-4)

    def test_calls_do_not_mix(self, vad: Vad, said: Utterance) -> None:
        offered = vad.spec.formats[0]
        speech, quiet = vad.open(offered), vad.open(offered)
        window = bytes(2 * vad.window(offered))
        found = [vad.score([(speech, piece), (quiet, window)]) for piece in windows(vad, offered, said.pcm)]
        assert max(score for _, score in found) < 0.3
        assert max(score for score, _ in found) > 0.5

    def test_distinct_states_may_be_scored_by_several_threads(self, vad: Vad, said: Utterance) -> None:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: scores(vad, vad.spec.formats[0], said.pcm), range(8)))
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], atol=1e-4)

    def test_the_same_audio_scores_the_same(self, vad: Vad, said: Utterance) -> None:
        assert scores(vad, vad.spec.formats[0], said.pcm) == scores(vad, vad.spec.formats[0], said.pcm)

    @pytest.mark.parametrize("wrong", [MULAW_8K, PCM16_48K], ids=str)
    def test_refuses_a_format_that_it_does_not_declare(self, vad: Vad, wrong: AudioFormat) -> None:
        with pytest.raises(FormatError, match=str(wrong)):
            vad.open(wrong)
        with pytest.raises(FormatError, match=str(wrong)):
            vad.window(wrong)

    @pytest.mark.parametrize("change", [-2, -1, 1, 2])
    def test_refuses_a_window_of_another_size(self, vad: Vad, change: int) -> None:
        offered = vad.spec.formats[0]
        with pytest.raises(FormatError):
            vad.score([(vad.open(offered), bytes(2 * vad.window(offered) + change))])
