"""Negotiation, chains of converters, and media that is not what it claims."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from offhook.core.audio.format import (
    ALAW_8K,
    MULAW_8K,
    OPUS_48K,
    PCM16_8K,
    PCM16_16K,
    PCM16_24K,
    PCM16_48K,
    AudioFormat,
)
from offhook.core.audio.link import check_pcm, link
from offhook.errors import FormatError

EVERY = [PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K, MULAW_8K, ALAW_8K]


def test_nothing_is_converted_where_both_ends_agree() -> None:
    agreed = link((PCM16_24K, MULAW_8K), (ALAW_8K, MULAW_8K), between=("tts/x", "twilio"))
    assert (agreed.source, agreed.target, agreed.direct, agreed.cost) == (MULAW_8K, MULAW_8K, True, 0)
    data = bytes(range(160))
    assert agreed.open().feed(data) is data


def test_the_cheapest_chain_wins() -> None:
    assert link((MULAW_8K,), (PCM16_16K, PCM16_8K), between=("a", "b")).target == PCM16_8K
    assert link((PCM16_24K, PCM16_16K), (MULAW_8K,), between=("a", "b")).source == PCM16_16K
    assert link((MULAW_8K,), (PCM16_8K, ALAW_8K), between=("a", "b")).target == ALAW_8K


VOICE = (PCM16_24K, PCM16_16K, PCM16_8K, MULAW_8K)


@pytest.mark.parametrize(
    ("offer", "accept", "chosen"),
    [
        (VOICE, (PCM16_48K,), (PCM16_24K, PCM16_48K)),  # a listener at 48 kHz has all that the voice has
        (VOICE, (PCM16_16K,), (PCM16_16K, PCM16_16K)),
        (VOICE, (ALAW_8K,), (MULAW_8K, ALAW_8K)),
        (VOICE, (MULAW_8K,), (MULAW_8K, MULAW_8K)),
        ((PCM16_48K,), (MULAW_8K, PCM16_16K, PCM16_8K), (PCM16_48K, PCM16_16K)),  # and a recogniser all that it can take
        ((PCM16_8K, PCM16_48K), (PCM16_8K, PCM16_24K), (PCM16_48K, PCM16_24K)),  # though 8 kHz would cost nothing
        ((PCM16_24K, MULAW_8K), (PCM16_16K, MULAW_8K), (PCM16_24K, PCM16_16K)),
        ((MULAW_8K,), (PCM16_16K, PCM16_24K, MULAW_8K), (MULAW_8K, MULAW_8K)),
        ((ALAW_8K,), (PCM16_48K, PCM16_16K), (ALAW_8K, PCM16_16K)),  # no more is in it, so the least work
    ],
)
def test_no_bandwidth_is_given_away_that_both_ends_have(
    offer: tuple[AudioFormat, ...], accept: tuple[AudioFormat, ...], chosen: tuple[AudioFormat, AudioFormat]
) -> None:
    agreed = link(offer, accept, between=("a", "b"))
    assert (agreed.source, agreed.target) == chosen


@pytest.mark.parametrize("source", EVERY, ids=str)
@pytest.mark.parametrize("target", EVERY, ids=str)
def test_a_tone_arrives_through_every_pair(source: AudioFormat, target: AudioFormat) -> None:
    pcm = AudioFormat(PCM16_8K.encoding, source.rate)
    tone = np.round(8000 * np.sin(2 * np.pi * 500 * np.arange(source.rate) / source.rate)).astype("<i2").tobytes()
    there = link((pcm,), (source,), between=("tone", "source")).open().feed(tone)
    converter = link((source,), (target,), between=("source", "target")).open()
    got = converter.feed(there) + converter.flush()
    back = link((target,), (AudioFormat(PCM16_8K.encoding, target.rate),), between=("target", "ear")).open().feed(got)
    x = np.frombuffer(back, "<i2").astype(float)
    assert abs(len(x) / target.rate - 1) < 0.004
    spectrum = np.abs(np.fft.rfft(x[: target.rate]))
    assert abs(int(spectrum.argmax()) - 500) <= 1


def test_no_way_names_both_ends_and_what_they_wanted() -> None:
    with pytest.raises(FormatError) as caught:
        link((OPUS_48K,), (PCM16_16K, MULAW_8K), between=("webrtc", "stt/moonshine"))
    for word in ("webrtc", "stt/moonshine", "opus/48000", "pcm16/16000", "mulaw/8000"):
        assert word in caught.value.public
    with pytest.raises(FormatError, match="nothing"):
        link((), (PCM16_16K,), between=("a", "b"))


def mp3(frames: int = 2) -> bytes:
    return (b"\xff\xfb\x90\x00" + bytes(413)) * frames


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt ", "RIFF"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "mp3"),
        (mp3() + b"\x00", "mp3") if len(mp3()) % 2 else (mp3(), "mp3"),
        (b"OggS\x00\x02", "Ogg"),
        (b"fLaC\x00\x00", "FLAC"),
        (b'{"error":"no such voice"}\n', "JSON"),
        (b"<html><body>502 Bad Gateway", "odd|markup|whole number"),
    ],
)
def test_what_is_no_pcm_is_named(data: bytes, word: str) -> None:
    with pytest.raises(FormatError, match=word):
        check_pcm(data, PCM16_24K)


def test_odd_bytes_are_found_at_any_time() -> None:
    converter = link((PCM16_16K,), (PCM16_8K,), between=("a", "b")).open()
    converter.feed(bytes(640))
    with pytest.raises(FormatError, match="641 bytes"):
        converter.feed(bytes(641))


def test_headers_are_looked_for_only_at_the_beginning() -> None:
    converter = link((PCM16_16K,), (MULAW_8K,), between=("a", "b")).open()
    converter.feed(bytes(640))
    converter.feed(b"RIFF" + bytes(636))
    converter.flush()
    with pytest.raises(FormatError, match="RIFF"):
        converter.feed(b"RIFF" + bytes(636))


def test_real_sound_is_never_taken_for_a_file() -> None:
    rng = np.random.default_rng(7)
    for level in (1, 30, 1000, 32767):
        for _ in range(500):
            check_pcm(rng.integers(-level, level + 1, 320).astype("<i2").tobytes(), PCM16_16K)
            check_pcm(np.full(320, rng.integers(-5, 0), dtype="<i2").tobytes(), PCM16_16K)
