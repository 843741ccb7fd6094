"""G.711 against the recommendation's own formulas."""

from __future__ import annotations

import numpy as np
import pytest

from offhook.core.audio import g711

ALL = bytes(range(256))


def mulaw_by_formula(byte: int) -> int:
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)
    return (0x84 - value) if byte & 0x80 else (value - 0x84)


def alaw_by_formula(byte: int) -> int:
    byte ^= 0x55
    segment, value = (byte & 0x70) >> 4, (byte & 0x0F) << 4
    value = value + 8 if segment == 0 else (value + 0x108) << (segment - 1)
    return value if byte & 0x80 else -value


def test_every_mulaw_byte_is_the_recommended_sample() -> None:
    assert np.frombuffer(g711.mulaw_to_pcm(ALL), "<i2").tolist() == [mulaw_by_formula(b) for b in range(256)]


def test_every_alaw_byte_is_the_recommended_sample() -> None:
    assert np.frombuffer(g711.alaw_to_pcm(ALL), "<i2").tolist() == [alaw_by_formula(b) for b in range(256)]


def test_decoded_bytes_encode_to_themselves_but_for_negative_zero() -> None:
    back = g711.pcm_to_mulaw(g711.mulaw_to_pcm(ALL))
    assert [(a, b) for a, b in zip(ALL, back, strict=True) if a != b] == [(0x7F, 0xFF)]
    assert g711.pcm_to_alaw(g711.alaw_to_pcm(ALL)) == ALL


def test_a_loud_tone_keeps_35_db_through_either_law() -> None:
    tone = (8000 * np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000)).astype("<i2")
    for there, back in ((g711.pcm_to_mulaw, g711.mulaw_to_pcm), (g711.pcm_to_alaw, g711.alaw_to_pcm)):
        got = np.frombuffer(back(there(tone.tobytes())), "<i2").astype(float)
        noise = got - tone
        assert 10 * np.log10((tone.astype(float) ** 2).mean() / (noise**2).mean()) > 35


def test_the_tables_are_decoding_and_encoding() -> None:
    assert g711.mulaw_to_alaw(ALL) == g711.pcm_to_alaw(g711.mulaw_to_pcm(ALL))
    assert g711.alaw_to_mulaw(ALL) == g711.pcm_to_mulaw(g711.alaw_to_pcm(ALL))


@pytest.mark.parametrize("encode", [g711.pcm_to_mulaw, g711.pcm_to_alaw])
def test_half_a_sample_is_refused(encode: object) -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        encode(b"\x00\x00\x00")  # type: ignore[operator]
