"""Links: two ends of a hop agree on formats before the call is answered, with a converter between them if need be.

The widest sound that both ends can have comes first: 48 kHz are not made from 8 kHz because that costs less. Among formats that keep as
much of it, no conversion where one is shared, else the cheapest chain of known steps; else FormatError naming both ends. So mu-law goes
straight through to a telephone, which has no more than its 4 kHz whatever it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from offhook.core.audio import g711
from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.audio.resample import Resampler
from offhook.errors import FormatError

_DECODE: dict[Encoding, Callable[[bytes], bytes]] = {Encoding.MULAW: g711.mulaw_to_pcm, Encoding.ALAW: g711.alaw_to_pcm}
_ENCODE: dict[Encoding, Callable[[bytes], bytes]] = {Encoding.MULAW: g711.pcm_to_mulaw, Encoding.ALAW: g711.pcm_to_alaw}
_SWAP: dict[Encoding, Callable[[bytes], bytes]] = {Encoding.MULAW: g711.mulaw_to_alaw, Encoding.ALAW: g711.alaw_to_mulaw}

_CODEC_COST = 4.0
_SWAP_COST = 0.2
_RESAMPLE_COST = 60.0
_COST_PER_KHZ = 0.5


class Step(Protocol):
    """One stateful conversion."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; returns what is ready."""
        ...

    def flush(self) -> bytes:
        """What was held back; the state is as new afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class _Map:
    """A conversion sample by sample."""

    convert: Callable[[bytes], bytes]

    def feed(self, data: bytes) -> bytes:
        return self.convert(data)

    def flush(self) -> bytes:
        return b""


class Converter:
    """A chain of conversions with its state: one per stream. Checks what it is fed."""

    def __init__(self, source: AudioFormat, steps: Sequence[Step]) -> None:
        self._source = source
        self._steps = tuple(steps)
        self._first = True

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the source format; returns what is ready in the target's. Raises FormatError (see ``check_pcm``)."""
        if data:
            check_pcm(data, self._source, first=self._first)
            self._first = False
        for step in self._steps:
            data = step.feed(data)
        return data

    def flush(self) -> bytes:
        """What was held back (1-2 ms by a resampler). The stream may begin anew afterwards."""
        rest = b""
        for step in self._steps:
            rest = (step.feed(rest) if rest else b"") + step.flush()
        self._first = True
        return rest


@dataclass(frozen=True, slots=True)
class Link:
    """An agreement: what the source sends, what the target gets, and between whom."""

    source: AudioFormat
    target: AudioFormat
    between: tuple[str, str]

    @property
    def direct(self) -> bool:
        """Nothing is converted."""
        return self.source == self.target

    @property
    def cost(self) -> float:
        """About microseconds for 20 ms."""
        cost = _cost(self.source, self.target)
        return 0.0 if cost is None else cost

    def open(self) -> Converter:
        """A new stream over this link."""
        return Converter(self.source, _chain(self.source, self.target))


def link(offer: Sequence[AudioFormat], accept: Sequence[AudioFormat], *, between: tuple[str, str]) -> Link:
    """Choose what the first end sends and the second takes: by bandwidth, then by cost; earlier in either list wins where both are equal.

    Raises FormatError naming both ends and their formats.
    """
    best: Link | None = None
    most = (0, 0.0)
    for source in offer:
        for target in accept:
            cost = _cost(source, target)
            if cost is None:
                continue
            worth = (min(source.rate, target.rate), -cost)
            if best is None or worth > most:
                best, most = Link(source, target, between), worth
    if best is None:
        sends, takes = (", ".join(map(str, formats)) or "nothing" for formats in (offer, accept))
        raise FormatError(f"{between[0]} sends {sends}; {between[1]} takes {takes}: no conversion is known between them")
    return best


def _cost(source: AudioFormat, target: AudioFormat) -> float | None:
    """About microseconds for 20 ms; None when there is no way."""
    if source == target:
        return 0.0
    if not source.sample_bytes or not target.sample_bytes or min(source.rate, target.rate) <= 0:
        return None
    if source.rate == target.rate and source.encoding in _SWAP and target.encoding in _SWAP:
        return _SWAP_COST
    cost = _CODEC_COST * ((source.encoding in _DECODE) + (target.encoding in _ENCODE))
    if source.rate != target.rate:
        cost += _RESAMPLE_COST + _COST_PER_KHZ * (source.rate + target.rate) / 1000
    return cost


def _chain(source: AudioFormat, target: AudioFormat) -> list[Step]:
    if source == target:
        return []
    if source.rate == target.rate and source.encoding in _SWAP and target.encoding in _SWAP:
        return [_Map(_SWAP[source.encoding])]
    steps: list[Step] = []
    if source.encoding in _DECODE:
        steps.append(_Map(_DECODE[source.encoding]))
    if source.rate != target.rate:
        steps.append(Resampler(source.rate, target.rate))
    if target.encoding in _ENCODE:
        steps.append(_Map(_ENCODE[target.encoding]))
    return steps


_HEADERS = (
    (b"RIFF", "a RIFF (wav) header"),
    (b"RIFX", "a RIFX (wav) header"),
    (b"ID3", "an ID3 tag (mp3)"),
    (b"OggS", "an Ogg page"),
    (b"fLaC", "a FLAC header"),
    (b"FORM", "an AIFF header"),
    (b"\x1aE\xdf\xa3", "a WebM header"),
    (b"{", "JSON text"),
    (b"<", "markup"),
)


def check_pcm(data: bytes, format: AudioFormat, *, first: bool = True) -> None:
    """Raise FormatError when bytes are not what their format says.

    ``first``: these are a stream's first bytes, where a file header would be. Sizes are checked always.
    """
    size = format.sample_bytes
    if size and len(data) % size:
        raise FormatError(f"{len(data)} bytes are no whole number of {format} samples: an odd size would turn all that follows into noise")
    if not first or not size:
        return
    for header, name in _HEADERS[:7]:
        if data.startswith(header):
            raise FormatError(f"{name} in what should be raw {format}")
    if format.encoding is Encoding.PCM16 and _is_mp3(data):
        raise FormatError(f"an mp3 frame in what should be raw {format}")
    for header, name in _HEADERS[7:]:
        if data.startswith(header) and _is_text(data):
            raise FormatError(f"{name} in what should be raw {format}")


def _is_mp3(data: bytes) -> bool:
    """An MPEG layer 3 header with no reserved value, and another one where the first frame must end: no sound is like that."""
    second = _mp3_frame(data, 0)
    return second is not None and _mp3_frame(data, second) is not None


def _mp3_frame(data: bytes, at: int) -> int | None:
    """Where the layer 3 frame at ``at`` ends, None when there is none."""
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, rate_code, index = (data[at + 1] >> 3) & 3, (data[at + 2] >> 2) & 3, data[at + 2] >> 4
    if version == 1 or rate_code == 3 or index in (0, 15):
        return None
    rate = (44_100, 48_000, 32_000)[rate_code] >> {3: 0, 2: 1, 0: 2}[version]
    table = (
        (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
        if version == 3
        else (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    )
    return at + (144 if version == 3 else 72) * table[index - 1] * 1000 // rate + ((data[at + 2] >> 1) & 1)


def _is_text(data: bytes) -> bool:
    head = data[:64]
    return len(head) >= 8 and all(32 <= byte < 127 or byte in b"\r\n\t" for byte in head)
