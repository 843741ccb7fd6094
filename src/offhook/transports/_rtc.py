"""Sound over RTP for a WebRTC leg: packets to PCM as they come, and PCM to packets at their time.

aiortc decodes in a thread per call, to 48 kHz stereo and behind 80 ms of its own buffer, and encodes at 96 kbit/s. Here a packet is decoded
where it arrives, to one channel, and what is sent is encoded as speech at 24 kHz: much less work, and 80 ms less in every turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import anyio
import av
from aiortc import MediaStreamTrack
from aiortc.rtp import RtpPacket
from av.packet import Packet

from offhook.core.audio.format import MULAW_8K, PCM16_16K, PCM16_24K, AudioFormat, silence
from offhook.ports.transport import KeyIn, MediaIn

FRAME_MS: Final = 20
BITRATE: Final = 28_000
EFFORT: Final = "5"
"""Of the encoder, 0 to 10: nobody hears the rest in speech, and it costs a third more."""
_KEYS: Final = "0123456789*#ABCD"
_LATE: Final = 0.1
"""Seconds behind its time from which on a sender gives up the places it has missed."""
_BOUND: Final = 4
"""Packets that may wait for one before them."""
_JUMP: Final = 1_000
"""Packets: a sequence that jumps so far has begun anew."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a leg's sound travels, and what it is here."""

    mime: str
    clock: int
    format_in: AudioFormat
    format_out: AudioFormat


OPUS: Final = Codec("audio/opus", 48_000, PCM16_16K, PCM16_24K)
PCMU: Final = Codec("audio/PCMU", 8_000, MULAW_8K, MULAW_8K)
CODECS: Final = (OPUS, PCMU)


class Ears:
    """One stream of RTP as PCM. ``position``: where the next sample belongs, in samples of the call's media."""

    def __init__(self, codec: Codec, events: frozenset[int], take: Callable[[MediaIn | KeyIn], None], position: int = 0) -> None:
        self.position = position
        self.received = 0
        self.lost = 0
        self.late = 0
        self.broken = 0
        """Packets that could not be decoded."""
        self._codec = codec
        self._events = events
        self._take = take
        self._decoder = _Opus() if codec is OPUS else None
        self._source: int | None = None
        self._next = 0
        self._waiting: dict[int, RtpPacket] = {}
        self._missing = False
        """Whether packets before the one in order were lost."""
        self._stamp: int | None = None
        """The RTP time at which ``position`` is."""
        self._key: int | None = None

    def rebase(self, samples: int) -> None:
        """What comes next belongs so many samples behind the last, however much later it was sent."""
        self.position += samples
        self._stamp = None

    def pause(self, samples: int) -> None:
        """So much silence comes next, which the other side did not care to send; what was lost before it does not come any more."""
        while self._waiting:
            self._skip()
            self._drain()
        self._quiet(samples)
        self._stamp = None

    def _quiet(self, samples: int) -> None:
        start, self.position = self.position, self.position + samples
        self._take(MediaIn(silence(self._codec.format_in, samples), start))

    def push(self, packet: RtpPacket) -> None:
        """Take a packet; what is in order is told at once."""
        self.received += 1
        behind = (packet.sequence_number - self._next) & 0xFFFF
        number = self._next + (behind - 0x10000 if behind >= 0x8000 else behind)
        if packet.ssrc != self._source or abs(number - self._next) > _JUMP:
            self._source, self._next, self._stamp = packet.ssrc, packet.sequence_number, None
            self._waiting.clear()
            number = self._next
        if number < self._next:
            self.late += 1
            return
        self._waiting[number] = packet
        if len(self._waiting) >= _BOUND and self._next not in self._waiting:
            self._skip()
        self._drain()

    def _skip(self) -> None:
        """Give up what is missing before those that wait."""
        first = min(self._waiting)
        self.lost += first - self._next
        self._next, self._missing = first, True

    def _drain(self) -> None:
        while (ready := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            self._in_order(ready)

    def _in_order(self, packet: RtpPacket) -> None:
        if packet.payload_type in self._events:
            self._event(packet)
            return
        try:
            data = packet.payload if self._decoder is None else self._decoder.feed(packet.payload)
        except (av.FFmpegError, ValueError):
            self.broken += 1
            self._missing = True
            return
        self._place(packet.timestamp)
        if data:
            start = self.position
            self.position += self._codec.format_in.samples_in(len(data))
            self._take(MediaIn(data, start))

    def _place(self, timestamp: int) -> None:
        """Jump over what was lost before a packet; what was never sent is silence, and what a resampler holds back is no gap."""
        rate, clock = self._codec.format_in.rate, self._codec.clock
        lost, self._missing = self._missing, False
        if self._stamp is None:
            self._stamp = (timestamp - self.position * clock // rate) & 0xFFFFFFFF
        start = ((timestamp - self._stamp) & 0xFFFFFFFF) * rate // clock
        gap = start - self.position
        if not rate * FRAME_MS // 2_000 < gap < 60 * rate:
            return
        if lost:
            self.position = start
        else:
            self._quiet(gap)

    def _event(self, packet: RtpPacket) -> None:
        """RFC 4733: packets of one key have one timestamp."""
        if len(packet.payload) < 4 or packet.timestamp == self._key:
            return
        self._key = packet.timestamp
        if packet.payload[0] < len(_KEYS):
            self._take(KeyIn(_KEYS[packet.payload[0]]))


class _Opus:
    """Opus packets to PCM of 16 kHz, with a constant lag of one millisecond."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "r")
        self._codec.format = "s16"
        self._codec.layout = "mono"
        self._codec.sample_rate = OPUS.clock
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=OPUS.format_in.rate)

    def feed(self, payload: bytes) -> bytes:
        """One packet. Raises FFmpegError."""
        out: list[bytes] = []
        for frame in self._codec.decode(Packet(payload)):
            frame.pts = None
            out.extend(bytes(one.planes[0])[: 2 * one.samples] for one in self._resampler.resample(frame))
        return b"".join(out)


class Voice(MediaStreamTrack):
    """What is sent: every 20 ms of the loop's time what ``take`` has, silence where it has nothing."""

    kind = "audio"

    def __init__(self, codec: Codec, take: Callable[[], bytes | None]) -> None:
        super().__init__()
        self._take = take
        self._codec = codec
        self._quiet = silence(codec.format_out, codec.format_out.rate * FRAME_MS // 1_000)
        self._base = Fraction(1, codec.clock)
        self._step = codec.clock * FRAME_MS // 1_000
        self._encoder = _encoder(codec) if codec is OPUS else None
        self._begun: float | None = None
        self._slot = -1

    async def recv(self) -> Packet[Any]:
        """The next packet, at its time; places that were missed are left out, never sent in a burst."""
        now = anyio.current_time()
        if self._begun is None:
            self._begun = now
        self._slot += 1
        due = self._begun + self._slot * FRAME_MS / 1_000
        if now - due > _LATE:
            self._slot = int((now - self._begun) * 1_000 / FRAME_MS)
        elif due > now:
            await anyio.sleep_until(due)
        packet = Packet(self._coded(self._take() or self._quiet))
        packet.pts, packet.time_base = self._slot * self._step, self._base
        return packet

    def _coded(self, data: bytes) -> bytes:
        if self._encoder is None:
            return data
        samples = len(data) // 2
        frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
        frame.planes[0].update(data)
        frame.sample_rate = self._codec.format_out.rate
        frame.pts, frame.time_base = self._slot * samples, Fraction(1, frame.sample_rate)
        return b"".join(bytes(one) for one in self._encoder.encode(frame))


def _encoder(codec: Codec) -> av.AudioCodecContext:
    encoder: av.AudioCodecContext = av.CodecContext.create("libopus", "w")
    encoder.bit_rate = BITRATE
    encoder.format = "s16"
    encoder.layout = "mono"
    encoder.sample_rate = codec.format_out.rate
    encoder.time_base = Fraction(1, codec.format_out.rate)
    encoder.options = {"application": "voip", "compression_level": EFFORT, "frame_duration": str(FRAME_MS)}
    return encoder
