"""Two-channel recording on the call's sample clock, streamed to a FLAC file. Channel 0 is the caller, channel 1 the agent.

The caller's media position is the recording's clock; the agent's frames are placed where they are heard. Audio waits
``HOLD`` before it is written, so that a late burst finds its place and audio that was cleared at the carrier can be
cut. Disk work is done in a thread; when it fails the recording stops with one error and the call goes on.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
import soundfile
from numpy.typing import NDArray

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.audio.link import Converter, link
from offhook.core.audio.peaks import Peaks
from offhook.core.time import SECOND, Instant
from offhook.errors import CallError

HOLD = 3.0
"""Seconds that audio waits."""
_SPARE = 1.0
_BLOCK = 0.5
_QUEUED = 64
"""Blocks (32 s) that may wait for the disk; a slower one ends the recording."""
_PIECE = 0.2
_BUCKET = 5 * SECOND
_SLACK = 0.01
"""Seconds that the two clocks may differ before the agent's next start is moved."""


class RecordingFailed(CallError):
    """The recording cannot go on; the call can."""


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """A whole recording. ``peaks``: pairs (caller, agent), 0 to 255."""

    path: Path
    seconds: float
    rate: int
    sha256: str
    peaks: list[tuple[int, int]]
    redacted: tuple[tuple[int, int], ...] = ()
    """Begin and end of what was blanked, in milliseconds."""


class _Channel:
    """One side's way to the common rate: converts, and keeps its own count while audio is continuous."""

    def __init__(self, source: AudioFormat, rate: int, name: str) -> None:
        agreed = link((source,), (AudioFormat(Encoding.PCM16, rate),), between=(name, "the recording"))
        self._link = agreed
        self._converter: Converter = agreed.open()
        self._source = source
        self._rate = rate
        self._next = -1
        self.end = 0
        """Position after the last sample, at the recording's rate."""

    def place(self, start: int, data: bytes) -> tuple[int, NDArray[np.int16]]:
        """Where samples belong, and the samples."""
        if start != self._next:
            self._converter = self._link.open()
            self.end = start * self._rate // self._source.rate
        self._next = start + self._source.samples_in(len(data))
        pcm = np.frombuffer(self._converter.feed(data), dtype="<i2")
        at = self.end
        self.end += len(pcm)
        return at, pcm


class _Clocks:
    """How far the media clock is ahead of ours, in ns: packets only ever come late, so the most that was seen holds."""

    def __init__(self) -> None:
        self._bucket = -1
        self._now: int | None = None
        self._before: int | None = None

    def seen(self, end: Instant, arrived: Instant) -> None:
        """Media up to ``end`` had arrived."""
        bucket = arrived // _BUCKET
        if bucket != self._bucket:
            self._bucket, self._before, self._now = bucket, self._now, None
        ahead = end - arrived
        self._now = ahead if self._now is None else max(self._now, ahead)

    @property
    def ahead(self) -> Instant | None:
        """None before any media."""
        known = [value for value in (self._now, self._before) if value is not None]
        return max(known) if known else None


class Recorder:
    """One call's recording. ``caller``, ``agent`` and ``agent_cut`` never wait."""

    def __init__(
        self, path: Path, format_in: AudioFormat, format_out: AudioFormat, failed: Callable[[RecordingFailed], None] | None = None
    ) -> None:
        self.path = path
        self.rate = 16_000 if max(format_in.rate, format_out.rate) >= 16_000 else 8_000
        self.error: RecordingFailed | None = None
        self.lost = 0
        """Samples that came too late to be written."""
        self._part = path.with_name(path.name + ".part")
        self._failed = failed
        self._origin = anyio.current_time()
        self._format_in = format_in
        self._format_out = format_out
        self._sides = (_Channel(format_in, self.rate, "the caller"), _Channel(format_out, self.rate, "the agent"))
        self._clocks = _Clocks()
        self._shift: Instant = 0
        self._agent_end = -1
        self._window = np.zeros((round((HOLD + _SPARE + _PIECE) * self.rate), 2), dtype=np.int16)
        self._base = 0
        """Position of the window's first frame; everything before it is written or queued."""
        self._newest = 0
        self._blocks: deque[NDArray[np.int16] | int] = deque()
        self._lock = anyio.Lock()
        self._wake = anyio.Event()
        self._closing = False
        self._file: Any = None
        self._frames = 0
        self._peaks = Peaks(self.rate // 50)
        self._hidden: list[list[int | None]] = []
        """Stretches that are written as silence, from frame to frame; the last may be open."""

    # -- taking audio -----------------------------------------------------------------------------------------------

    def caller(self, start: int, data: bytes, now: Instant | None = None) -> None:
        """Caller audio at a media position, in samples of ``format_in``. ``now`` is the call's clock (default: the loop's)."""
        end = (start + self._format_in.samples_in(len(data))) * SECOND // self._format_in.rate
        self._clocks.seen(end, self._clock() if now is None else now)
        self._put(0, *self._sides[0].place(start, data))

    def agent(self, start: int, data: bytes) -> None:
        """Agent audio that will be heard from a position of the call's clock, in samples of ``format_out``."""
        if start != self._agent_end:
            self._align()
        self._agent_end = start + self._format_out.samples_in(len(data))
        self._put(1, *self._sides[1].place(max(0, start + self._shifted()), data))

    def redact(self, *, hidden: bool) -> None:
        """From the caller's next sample on nothing is written of either side, or all is again. Says what holds; may be called often."""
        open_ = bool(self._hidden) and self._hidden[-1][1] is None
        if hidden and not open_:
            self._hidden.append([self._sides[0].end, None])
        elif open_ and not hidden:
            self._hidden[-1][1] = self._sides[0].end

    def _blank(self, block: NDArray[np.int16], at: int) -> None:
        """Silence where something is hidden, in frames that begin at ``at``."""
        for begin, end in self._hidden:
            until = len(block) if end is None else end - at
            if until > 0:
                block[max(0, (begin or 0) - at) : until] = 0

    def agent_cut(self, start: int) -> None:
        """The agent's audio from this position on was never heard."""
        at = max(0, (start + self._shifted()) * self.rate // self._format_out.rate)
        self._window[max(0, at - self._base) :, 1] = 0
        self._agent_end = -1

    def _clock(self) -> Instant:
        return round((anyio.current_time() - self._origin) * SECOND)

    def _align(self) -> None:
        """The agent begins to speak: the one moment where its clock can be moved without being heard."""
        ahead = self._clocks.ahead
        if ahead is not None and (self._agent_end < 0 or abs(ahead - self._shift) > _SLACK * SECOND):
            self._shift = ahead

    def _shifted(self) -> int:
        return self._shift * self._format_out.rate // SECOND

    def _put(self, side: int, at: int, pcm: NDArray[np.int16]) -> None:
        if self.error is not None or self._closing:
            return
        piece = round(_PIECE * self.rate)
        for offset in range(0, len(pcm), piece):
            self._put_piece(side, at + offset, pcm[offset : offset + piece])

    def _put_piece(self, side: int, at: int, pcm: NDArray[np.int16]) -> None:
        end = at + len(pcm)
        if end > self._newest:
            self._newest = end
            self._advance(end - round(HOLD * self.rate))
        if at < self._base:
            self.lost += min(self._base, end) - at
            pcm = pcm[self._base - at :]
            at = self._base
        if len(pcm):
            self._window[at - self._base : end - self._base, side] = pcm

    def _advance(self, to: int) -> None:
        """Queue what lies before ``to`` for the disk, in blocks."""
        block = round(_BLOCK * self.rate)
        count = (to - self._base) // block * block
        if count <= 0:
            return
        real = min(count, len(self._window))
        due = self._window[:real].copy()
        self._blank(due, self._base)
        self._queue(due)
        if count > real:
            self._queue(count - real)
        self._window[: len(self._window) - real] = self._window[real:]
        self._window[len(self._window) - real :] = 0
        self._base += count

    def _queue(self, block: NDArray[np.int16] | int) -> None:
        if len(self._blocks) >= _QUEUED:
            self._stop(RecordingFailed("the disk is too slow for the recording; it ends here"))
            return
        self._blocks.append(block)
        self._wake.set()

    def _stop(self, error: RecordingFailed) -> None:
        if self.error is None:
            self.error = error
            self._blocks.clear()
            self._wake.set()
            if self._failed is not None:
                self._failed(error)

    # -- writing ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what is due until ``close``; ends early when the disk fails."""
        while self.error is None and not self._closing:
            await self._write_all()
            if not self._blocks and self.error is None:
                self._wake = anyio.Event()
                await self._wake.wait()

    async def _write_all(self) -> None:
        async with self._lock:
            while self._blocks and self.error is None:
                block = self._blocks.popleft()
                try:
                    # Left to finish when the call is cancelled: a block is written whole and once.
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(self._write, block)
                except (OSError, soundfile.SoundFileError) as error:
                    self._stop(RecordingFailed("the recording could not be written; it ends here", detail=str(error)))

    def _write(self, block: NDArray[np.int16] | int) -> None:
        """In a thread. An integer stands for so many frames of silence."""
        if self._file is None:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._file = soundfile.SoundFile(str(self._part), "w", samplerate=self.rate, channels=2, subtype="PCM_16", format="FLAC")
        left = block if isinstance(block, int) else 0
        pieces = [block] if not isinstance(block, int) else []
        while left > 0:
            pieces.append(np.zeros((min(left, self.rate), 2), dtype=np.int16))
            left -= len(pieces[-1])
        for piece in pieces:
            self._file.write(piece)
            self._peaks.feed(piece)
            self._frames += len(piece)

    async def close(self) -> RecordingInfo | None:
        """Write the rest and give the file its name; None when there is no recording. Idempotent only in its effect on the disk."""
        if self._closing:
            return None
        rest = self._newest - self._base
        if self.error is None and rest > 0:
            last = self._window[:rest].copy()
            self._blank(last, self._base)
            self._blocks.append(last)
        self._closing = True
        self._wake.set()
        await self._write_all()
        if self._file is None:
            return None
        try:
            return await anyio.to_thread.run_sync(self._end)
        except (OSError, soundfile.SoundFileError) as error:
            self._stop(RecordingFailed("the recording could not be finished", detail=str(error)))
            return None

    def _end(self) -> RecordingInfo | None:
        """In a thread."""
        file, self._file = self._file, None
        try:
            file.close()
        finally:
            if self.error is not None:
                self._part.unlink(missing_ok=True)
        if self.error is not None:
            return None
        self._part.replace(self.path)
        with self.path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        ends = ((begin or 0, self._frames if end is None else min(end, self._frames)) for begin, end in self._hidden)
        spans = tuple((begin * 1000 // self.rate, -(-end * 1000 // self.rate)) for begin, end in ends if end > begin)
        return RecordingInfo(self.path, self._frames / self.rate, self.rate, digest, self._peaks.pairs(), spans)
