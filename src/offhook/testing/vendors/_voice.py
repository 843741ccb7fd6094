"""The voice of all doubles: each text is a tone whose frequency and length say which text it is, in the encoding that was declared.

Options of a scenario, the same for every vendor that speaks:

``first_byte`` (seconds or a ``Latency``) and ``realtime`` (seconds of waiting for a second of audio; 0 is as fast as it goes),
``ms_per_char`` (60), ``lengths`` (seconds by text), ``piece_ms`` (100), ``times`` (``given``, ``null`` or ``none``), and ``spoil`` for the
texts from ``spoil_at`` (0) on, in the first ``faulty`` connections of the scenario:

``riff`` (a wav file that is what was asked for), ``riff_wrong`` (one of another rate), ``mp3``, ``odd`` (pieces of odd sizes), ``rate``
(twice the rate), ``encoding`` (another one), ``shift`` (a byte too much in front), ``empty``, ``silent``, ``long`` (ten times), ``loud``.
"""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import numpy as np

from offhook.core.audio.g711 import pcm_to_alaw, pcm_to_mulaw
from offhook.testing.vendors.server import Peer

LOWEST, STEP, STEPS = 300, 10, 61
LEVEL: Final = 8_000
ENCODINGS: Final = ("pcm16", "mulaw", "alaw", "float32")


def frequency(text: str) -> float:
    """Hz of the tone that stands for a text, whatever blanks are around it: 300 to 900."""
    return float(LOWEST + STEP * (zlib.crc32(" ".join(text.split()).encode()) % STEPS))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text's audio. Times in seconds from its first sample."""

    text: str
    rate: int
    pcm: bytes
    words: tuple[tuple[str, float, float], ...]
    """Word, start, end."""
    chars: tuple[tuple[str, float, float], ...]
    """Character, start, length. Of all the text, blanks included."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / 2 / self.rate


def length(peer: Peer, text: str) -> float:
    """Seconds that a text takes."""
    said = text.strip()
    found = peer.option("lengths", {}).get(said)
    return float(found) if found is not None else len(said) * float(peer.option("ms_per_char", 60)) / 1000


def say(peer: Peer, text: str, rate: int) -> Spoken:
    """A text at a rate."""
    said = text.strip()
    seconds = length(peer, text)
    each = seconds / len(said) if said else 0.0
    words, chars, at = [], [], 0.0
    lead = len(text) - len(text.lstrip())
    for number, char in enumerate(text):
        inside = lead <= number < lead + len(said)
        chars.append((char, at, each if inside else 0.0))
        at += each if inside else 0.0
    start = 0
    for word in said.split():
        start = said.index(word, start)
        words.append((word, start * each, (start + len(word)) * each))
        start += len(word)
    return Spoken(said, rate, tone(frequency(said), round(seconds * rate), rate), tuple(words), tuple(chars))


def tone(hertz: float, samples: int, rate: int, level: float = LEVEL) -> bytes:
    """PCM16 of a tone with soft edges."""
    sound = level * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)
    edge = min(rate // 500, samples // 2)
    if edge:
        sound[:edge] *= np.linspace(0.3, 1, edge)
        sound[-edge:] *= np.linspace(1, 0.3, edge)
    return sound.clip(-32_768, 32_767).astype("<i2").tobytes()


def encode(pcm: bytes, encoding: str) -> bytes:
    """PCM16 in one of ``ENCODINGS``."""
    if encoding == "mulaw":
        return pcm_to_mulaw(pcm)
    if encoding == "alaw":
        return pcm_to_alaw(pcm)
    if encoding == "float32":
        return (np.frombuffer(pcm, "<i2").astype("<f4") / 32_768).tobytes()
    return pcm


def container(data: bytes, encoding: str, rate: int) -> bytes:
    """Encoded audio as a wav file."""
    if encoding == "pcm16":
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(data)
        return out.getvalue()
    code, size = {"alaw": (6, 1), "mulaw": (7, 1), "float32": (3, 4)}[encoding]
    head = struct.pack("<HHIIHH", code, 1, rate, rate * size, size, 8 * size)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def spoilt(peer: Peer, number: int) -> str:
    """How the connection's text ``number`` is spoilt, if it is."""
    faulty = peer.scenario.faulty
    here = faulty is None or peer.number < faulty
    return str(peer.option("spoil", "")) if here and number >= int(peer.option("spoil_at", 0)) else ""


def audio(peer: Peer, spoken: Spoken, encoding: str, number: int) -> bytes:
    """A text's audio as it is sent, spoilt if the scenario says so."""
    rate, pcm = spoken.rate, spoken.pcm
    hertz, samples = frequency(spoken.text), len(spoken.pcm) // 2
    match spoilt(peer, number):
        case "empty":
            return b""
        case "silent":
            return encode(bytes(len(pcm)), encoding)
        case "long":
            return encode(tone(hertz, 10 * samples, rate), encoding)
        case "loud":
            return encode(tone(hertz, samples, rate, 40 * LEVEL), encoding)
        case "rate":
            return encode(tone(hertz, 2 * samples, 2 * rate), encoding)
        case "encoding":
            return encode(pcm, "mulaw" if encoding == "pcm16" else "pcm16")
        case "riff":
            return container(encode(pcm, encoding), encoding, rate)
        case "riff_wrong":
            return container(encode(tone(hertz, 2 * samples, 2 * rate), encoding), encoding, 2 * rate)
        case "mp3":
            frame = b"\xff\xfb\x90\x64" + bytes(413)
            return b"ID3\x04\x00\x00\x00\x00\x00\x00" + frame * 20
        case "shift":
            return b"\x2a" + encode(pcm, encoding)
        case _:
            return encode(pcm, encoding)


def cut(peer: Peer, data: bytes, spoken: Spoken, encoding: str, number: int, grain: float = 0.0) -> list[bytes]:
    """Audio in the pieces in which it is sent, whole multiples of ``grain`` seconds."""
    size = {"pcm16": 2, "float32": 4}.get(encoding, 1)
    seconds = float(peer.option("piece_ms", 100)) / 1000
    if grain:
        seconds = max(1, round(seconds / grain)) * grain * len(data) / max(1, size * len(spoken.pcm) // 2)
    step = max(1, round(spoken.rate * seconds)) * size
    if spoilt(peer, number) == "odd":
        step = step // 2 * 2 - 1
    return [data[at : at + step] for at in range(0, len(data), step)]


async def pieces(peer: Peer, spoken: Spoken, encoding: str, number: int, grain: float = 0.0) -> AsyncIterator[tuple[bytes, float]]:
    """Audio as it comes, each piece with the second of the text at which it ends; late and slow as the scenario says."""
    await peer.wait("first_byte", number=number)
    data = audio(peer, spoken, encoding, number)
    found = cut(peer, data, spoken, encoding, number, grain)
    factor = float(peer.option("realtime", 0.0))
    sent = 0
    for piece in found:
        sent += len(piece)
        yield piece, spoken.seconds * sent / len(data)
        if factor:
            await anyio.sleep(spoken.seconds / len(found) * factor)


def times(peer: Peer) -> str:
    """``given``, ``null`` or ``none``."""
    return str(peer.option("times", "given"))


def columns(rows: Sequence[tuple[str, float, float]]) -> tuple[list[str], list[float], list[float]]:
    """Rows of (text, a, b) as three lists."""
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
