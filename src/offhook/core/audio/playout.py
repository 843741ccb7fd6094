"""The cancellable playout of one call: audio from our buffer to the wire, never more than ``lead`` ahead of the listener.

Pure: time is given. The media wheel calls ``tick`` every 20 ms. What has been sent is assumed to be played in order and in real
time by the other side, beginning when it arrives; marks that come back correct that. Positions within a turn are samples of
the turn's audio; positions on the line are samples of the call's clock (``now * rate``).

A hold silences at once: what the other side has and has not played is cleared there, comes back here and is sent again at the resume.
The word to clear travels as long as the audio did, so what the other side has come to when it arrives is what our clock says now.

A carrier returns marks when their audio was played *or cleared*, so names carry an epoch (``e7:3``) that every clear ends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from offhook.core.audio.format import AudioFormat, silence
from offhook.core.time import MS, Duration, Instant, duration, samples
from offhook.errors import FormatError

LEAD: Duration = 100 * MS
MOST: Duration = 240 * MS
"""Beyond this a clear would be the only safety. A carrier that takes 100 ms at a time needs two such pieces ahead, all others 120 ms."""
FRAME: Duration = 20 * MS
MARK_EVERY: Duration = 500 * MS
_MARKS = 64
"""Marks that may be under way; a peer that returns none costs no memory."""
_COMPACT = 1 << 16
_LAGS = 3
"""Marks in a row that must be late before the other side counts as behind: 1.5 s of a reply."""


@dataclass(slots=True)
class _Turn:
    """One turn's audio that has not been sent."""

    number: int
    data: bytearray = field(default_factory=bytearray)
    read: int = 0
    finished: bool = False

    @property
    def size(self) -> int:
        return len(self.data) - self.read

    def put_back(self, data: bytes) -> None:
        """What was taken last comes first again."""
        self.data[: self.read] = data
        self.read = 0

    def take(self, size: int) -> bytes:
        piece = bytes(self.data[self.read : self.read + size])
        self.read += len(piece)
        if self.read >= _COMPACT:
            del self.data[: self.read]
            self.read = 0
        return piece


class _Sent(NamedTuple):
    """A frame on its way: which samples of which turn are heard between two positions on the line."""

    turn: int
    start: int
    length: int
    line: int
    line_end: int
    data: bytes
    """Its samples, without the padding: they may have to be sent again."""


@dataclass(frozen=True, slots=True)
class _Mark:
    turn: int
    sample: int
    line: int


@dataclass(slots=True)
class _Lag:
    """How much later than by our clock the other side plays, in samples, as marks show it."""

    drift: int = 0
    """The stall: how much later it plays than it did at best."""
    total: int = 0
    """Half of the least way there and back, and the stall."""
    _least: int | None = None
    _last: deque[int] = field(default_factory=lambda: deque(maxlen=_LAGS))

    def learn(self, lag: int) -> None:
        """A mark came back so much later than it was due by our clock."""
        self._last.append(lag)
        self._least = lag if self._least is None else min(self._least, lag)
        self._set(min(self._last) - self._least)

    def catch_up(self, gap: int) -> None:
        """We send nothing for so long, or the other side drops what it has: a stall is made up for by that."""
        if gap and self.drift:
            self._last.clear()
            self._set(max(0, self.drift - gap))

    def _set(self, drift: int) -> None:
        self.drift = drift
        self.total = (self._least or 0) // 2 + drift


class Playout:
    """One call's buffer. Audio in the format of the wire; nothing here waits."""

    def __init__(self, format: AudioFormat, *, lead: Duration = LEAD, frame: Duration = FRAME) -> None:
        if not 0 < frame <= lead <= MOST:
            raise FormatError(f"a playout lead of {lead // MS} ms is not between its frame and {MOST // MS} ms")
        self.format = format
        self._lead = samples(lead, format.rate)
        self._frame = samples(frame, format.rate)
        self._frame_bytes = format.bytes_for(self._frame)
        self._queue: deque[_Turn] = deque()
        self._muted: set[int] = set()
        self._held = False
        self._sent: deque[_Sent] = deque()
        self._sent_of: tuple[int, int] = (0, 0)
        """Turn last sent, and how many of its samples."""
        self._line_end = 0
        """Position on the line where all that was sent will have been played."""
        self._play_position = 0
        self._heard: tuple[int, int] = (0, 0)
        self._newest = 0
        self._dead = 0
        """Turns up to this one were cleared."""
        self._done = 0
        """Turns up to this one have been sent to their end."""
        self._epoch = 1
        self._serial = 0
        self._marks: dict[str, _Mark] = {}
        self._since_mark = 0
        self._mark_every = samples(MARK_EVERY, format.rate)
        self._turn_ended = False
        self.underruns = 0
        """Gaps of a frame or more in the middle of a turn, because its next audio was late; a hold is none."""
        self._flowing = False
        """What was sent last has not been held since."""
        self._lag = _Lag()

    # -- filling ----------------------------------------------------------------------------------------------------

    def append(self, turn: int, data: bytes) -> None:
        """Queue a turn's audio; ignored when the turn was cleared. Turn numbers never fall.

        A later turn's audio ends the turns before it. Raises FormatError when ``data`` is no whole number of samples.
        """
        if len(data) % self.format.sample_bytes:
            raise FormatError(f"{len(data)} bytes are no whole number of {self.format} samples")
        if turn <= self._dead or not data:
            return
        self._of(turn).data += data

    def finish(self, turn: int) -> None:
        """No more audio comes for this turn; its last frame is padded with silence."""
        if turn > self._dead:
            self._of(turn).finished = True

    def mute(self, turn: int) -> None:
        """Keep a speculative turn's audio back."""
        self._newest = max(self._newest, turn)
        self._muted.add(turn)

    def unmute(self, turn: int) -> None:
        """The turn is real: its audio may go out from the next tick on."""
        self._muted.discard(turn)

    def _of(self, turn: int) -> _Turn:
        self._newest = max(self._newest, turn)
        for known in reversed(self._queue):
            if known.number == turn:
                return known
        for earlier in self._queue:
            earlier.finished = True
        self._queue.append(_Turn(turn))
        return self._queue[-1]

    # -- the wheel --------------------------------------------------------------------------------------------------

    def tick(self, now: Instant) -> bytes | None:
        """What to send now: whole frames, or None. The start is filled up to the lead at once."""
        if not self._queue and not self._sent:
            return None
        here = samples(now, self.format.rate)
        self._settle(here)
        if self._held:
            return None
        out: list[bytes] = []
        begin = max(self._line_end, here)
        late_for = self._sent_of[0] if self._flowing and here - self._line_end >= self._frame else 0
        while max(self._line_end, here) - here + self._frame <= self._lead:
            piece = self._next_frame()
            if piece is None:
                break
            turn, data = piece
            count = self.format.samples_in(len(data))
            start = self._sent_of[1] if self._sent_of[0] == turn else 0
            line = max(self._line_end, here)
            self._lag.catch_up(line - self._line_end)
            self._line_end = line + self._frame
            self._sent.append(_Sent(turn, start, count, line, self._line_end, data))
            self._sent_of = (turn, start + count)
            self._since_mark += self._frame
            out.append(data + silence(self.format, self._frame - count))
            if turn == late_for:
                self.underruns, late_for = self.underruns + 1, 0
        if not out:
            return None
        self._flowing = True
        self._play_position = begin
        return b"".join(out)

    def _next_frame(self) -> tuple[int, bytes] | None:
        while self._queue:
            head = self._queue[0]
            if head.number in self._muted:
                return None
            if head.size >= self._frame_bytes or (head.finished and head.size):
                data = head.take(self._frame_bytes)
                if head.finished and not head.size:
                    self._turn_ended = True
                    self._done = self._queue.popleft().number
                return head.number, data
            if not head.finished:
                return None
            self._turn_ended = self._turn_ended or self._sent_of[0] == head.number
            self._done = self._queue.popleft().number
        return None

    def play_position(self, now: Instant) -> int:  # noqa: ARG002 - the position was fixed when it was sent or cleared
        """Where on the line the bytes of the last ``tick`` begin to be heard; after ``clear``, where the silence begins."""
        return self._play_position

    def hold(self, now: Instant, *, clears: bool = True) -> bool:
        """Send nothing until ``resume``; True: the other side must be cleared now, what it has not played will be sent again.

        Where it cannot be cleared (``clears`` is false), and where all of a turn is there already, what is ahead is still played: at most
        the lead.
        """
        self._held, self._flowing = True, False
        if not clears or self._is_all_sent():
            return False
        self._pass(now)
        back = [(frame, left) for frame in self._sent if (left := self._unheard(frame))]
        if not back:
            return False
        for frame, left in reversed(back):
            self._put_back(frame.turn, frame.data[-self.format.bytes_for(left) :])
        self._stop(now)
        return True

    def resume(self) -> None:
        """Go on from the held sample, at the next tick."""
        self._held = False

    @property
    def sent(self) -> tuple[int, int]:
        """The turn that was sent last, and how many of its samples."""
        return self._sent_of

    @property
    def held(self) -> bool:
        """Whether it is held."""
        return self._held

    def clear(self, now: Instant, of: int | None = None) -> int:
        """Drop everything, sent or not; returns how many samples of turn ``of`` (default: the newest known) have been heard.

        Audio that arrives late for that turn, or for one before it, is ignored. Ends a hold.
        """
        self._newest = max(self._newest, of or 0)
        turn, sample = self._pass(now)
        heard = sample if turn == (self._newest if of is None else of) else 0
        self._dead = max(self._dead, self._newest)
        self._queue.clear()
        self._muted.clear()
        self._held = False
        self._stop(now)
        return heard

    def _is_all_sent(self) -> bool:
        """Nothing that may be heard is left here, and no more of it comes."""
        return all(turn.finished and not turn.size for turn in self._queue if turn.number not in self._muted)

    def _unheard(self, frame: _Sent) -> int:
        """How many samples of a frame have not been heard; the last of it."""
        turn, sample = self._heard
        if turn != frame.turn:
            return frame.length if turn < frame.turn else 0
        return max(0, min(frame.length, frame.start + frame.length - sample))

    def _put_back(self, turn: int, data: bytes) -> None:
        if not self._queue or self._queue[0].number != turn:
            self._queue.appendleft(_Turn(turn, finished=True))
        self._queue[0].put_back(data)

    def _stop(self, now: Instant) -> None:
        """The other side is cleared: nothing of ours is ahead, and marks that are under way mean nothing."""
        here = samples(now, self.format.rate)
        self._sent_of = self._heard
        self._sent.clear()
        self._line_end = min(self._line_end, here)
        self._play_position = here - self._lag.drift
        self._lag.catch_up(self._lag.drift)
        self._epoch += 1
        self._marks.clear()
        self._since_mark = 0
        self._turn_ended = False

    # -- what was heard ---------------------------------------------------------------------------------------------

    def played(self, now: Instant) -> tuple[int, int]:
        """Turn and sample that the listener has come to: by the clock less the lag that marks have shown, or by marks. Never falls."""
        return self._pass_to(samples(now, self.format.rate) - self._lag.total)

    def _pass(self, now: Instant) -> tuple[int, int]:
        """Turn and sample that the other side will have come to when what is sent now arrives there."""
        return self._pass_to(samples(now, self.format.rate) - self._lag.drift)

    def _pass_to(self, here: int) -> tuple[int, int]:
        best = self._heard
        for frame in self._sent:
            if frame.line >= here:
                break
            best = max(best, (frame.turn, frame.start + min(frame.length, here - frame.line)))
        self._heard = best
        return best

    def ahead(self, now: Instant) -> Duration:
        """How much audio has been sent and not yet played, by the clock."""
        return duration(max(0, self._line_end - samples(now, self.format.rate)), self.format.rate)

    def drained(self, turn: int, now: Instant) -> bool:
        """All of a finished turn has been heard (or it was cleared)."""
        if turn <= self._dead:
            return True
        waiting = next((known for known in self._queue if known.number == turn), None)
        # An emptied turn stays in the queue until it is finished.
        if waiting is not None and (waiting.size or not waiting.finished):
            return False
        if waiting is None and turn > self._done:
            return False
        return self._sent_of[0] != turn or self.played(now) >= self._sent_of

    def _settle(self, here: int) -> None:
        late = here - self._lag.total
        while self._sent and self._sent[0].line_end <= late:
            frame = self._sent.popleft()
            self._heard = max(self._heard, (frame.turn, frame.start + frame.length))

    # -- marks ------------------------------------------------------------------------------------------------------

    def mark_due(self) -> str | None:
        """A mark to send after the audio of the last tick: every 500 ms of it, and after a turn's last frame."""
        if not self._since_mark or not (self._turn_ended or self._since_mark >= self._mark_every):
            return None
        self._since_mark = 0
        self._turn_ended = False
        self._serial += 1
        name = f"e{self._epoch}:{self._serial}"
        if len(self._marks) >= _MARKS:
            del self._marks[next(iter(self._marks))]
        self._marks[name] = _Mark(*self._sent_of, self._line_end)
        return name

    def on_mark(self, name: str, now: Instant | None = None) -> tuple[int, int] | None:
        """A mark came back: the turn and sample heard, or None when it is unknown or from before a clear.

        ``now`` teaches how far behind our clock the other side plays.
        """
        mark = self._marks.pop(name, None)
        if mark is None:
            return None
        if now is not None:
            self._lag.learn(max(0, min(samples(now, self.format.rate) - mark.line, self.format.rate)))
        self._heard = max(self._heard, (mark.turn, mark.sample))
        return mark.turn, mark.sample
