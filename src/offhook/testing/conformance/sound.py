"""Sound for the conformance suites: recordings in any format, cut to frames, and what a provider must not leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from offhook.core.audio.format import ALAW_8K, MULAW_8K, AudioFormat, Encoding
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm, pcm_to_alaw, pcm_to_mulaw
from offhook.core.audio.resample import Resampler

DEADLINE_S = 30.0
"""Longest that any step of a suite may take before it counts as a hang."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech as PCM16 at 16 kHz and its words."""

    pcm: bytes
    words: str


def resampled(pcm: bytes, source: int, target: int) -> bytes:
    """PCM16 at another rate."""
    if source == target:
        return pcm
    resampler = Resampler(source, target)
    return resampler.feed(pcm) + resampler.flush()


def encoded(pcm: bytes, format: AudioFormat) -> bytes:
    """PCM16 at 16 kHz in a format."""
    there = resampled(pcm, 16_000, format.rate)
    if format == MULAW_8K:
        return pcm_to_mulaw(there)
    return pcm_to_alaw(there) if format == ALAW_8K else there


def decoded(data: bytes, format: AudioFormat) -> bytes:
    """PCM16 at the format's rate."""
    if format == MULAW_8K:
        return mulaw_to_pcm(data)
    return alaw_to_pcm(data) if format == ALAW_8K else data


def frames(data: bytes, format: AudioFormat, start: int = 0) -> Iterator[PcmFrame | Packet]:
    """20 ms at a time, positions counted from ``start``."""
    size = format.bytes_for(format.rate // 50)
    for number, offset in enumerate(range(0, len(data), size)):
        at = start + format.samples_in(offset)
        piece = data[offset : offset + size]
        if format.encoding is Encoding.PCM16:
            yield PcmFrame(piece, format, at)
        else:
            yield Packet(piece, format, number, at)


def silence(seconds: float, format: AudioFormat) -> bytes:
    """Digital silence."""
    return encoded(bytes(2 * round(seconds * 16_000)), format)


def level(pcm: bytes) -> float:
    """Root mean square of PCM16, of 1."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    return float(np.sqrt((samples**2).mean()) / 32_768) if len(samples) else 0.0


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return "".join(char if char.isalnum() or char == "'" else " " for char in text.lower()).split()


def other_tasks() -> set[asyncio.Task[object]]:
    """Tasks beside the running one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.done()}
