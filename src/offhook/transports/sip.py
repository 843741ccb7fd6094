"""A call over SIP: one leg of the stack (``transports/sip_stack.py``) as a CallTransport, with PCM at its codec's rate.

The stack runs in threads of its own and tells what happens on the loop; audio is polled by ``beat``, once every 20 ms.
"""

from __future__ import annotations

import asyncio
import audioop
import logging
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import anyio

from offhook.core.audio.format import PCM16_8K, PCM16_16K, PCM16_48K, AudioFormat
from offhook.errors import LocalWireError, MediaLost, NotReached, TransferFailed
from offhook.ports.transport import CallStart, Closed, HoldIn, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent
from offhook.transports._baresip import library
from offhook.transports._sip_counts import Counts
from offhook.transports._sip_place import Place

if TYPE_CHECKING:
    from baresip import AudioStats, Call, CallStats, StackEvent

log = logging.getLogger("offhook.sip")
FORMATS: Final[Mapping[str, AudioFormat]] = {"PCMU": PCM16_8K, "PCMA": PCM16_8K, "G722": PCM16_16K, "opus": PCM16_48K}
_CHANNELS: Final = {"opus": 2}
"""The stack's PCM has these, one and the same sound in all."""
AHEAD_MS: Final = 60
"""Audio that the stack holds. More would be heard after a barge-in by a stack that cannot flush; less runs dry when the wheel is late."""
ANSWER_S: Final = 35.0
"""An answer that is not acknowledged by then (RFC 3261: 32 s) never will be."""
TRANSFER_S: Final = 40.0
GOODBYE_S: Final = 2.0
"""How long the other side is waited for when we hang up or log out."""
_ALL: Final = 262_144
"""More bytes than the stack keeps."""
_PAUSE_S: Final = 0.5
_TRANSFERRED: Final = "Call transfered"
"""How the stack spells it."""
_STATUS: Final = re.compile(r"([3-6][0-9]{2})\b")


class SipTransport:
    """One leg. It rings until ``answer`` (incoming) or ``reached`` (outgoing) has returned."""

    can_clear = True
    message_ms = 20

    def __init__(
        self, call: Call, start: CallStart, codec: str, domain: str, *, outgoing: bool = False, counts: Counts | None = None
    ) -> None:
        self._call = call
        self._counts = counts
        self._start = start
        self._codec = codec
        self._domain = domain
        self._format = FORMATS[codec]
        self._channels = _CHANNELS.get(codec, 1)
        self._outgoing = outgoing
        self.counters: Counter[str] = Counter()
        self._out = bytearray()
        """What the stack has not been given yet."""
        self._sent = 0
        """Bytes that ``send`` took, less those cleared."""
        self._flushing: tuple[int, int] | None = None
        """The stack drops what it has with its next packet, and would drop what is given to it before; None when it has."""
        self._marks: deque[tuple[int, str]] = deque()
        self._events: deque[TransportEvent] = deque()
        self._wake = asyncio.Event()
        self._work: deque[str] = deque()
        self._working = asyncio.Event()
        self._time = asyncio.get_running_loop().time
        self._place = Place(self._format.rate, counted=self._counts is not None)
        self._late = b""
        """Heard, and kept for some beats: see ``Place.gap``."""
        self._position = 0
        self._live = False
        self._held = False
        self._over: Closed | None = None
        self._closed = asyncio.Event()
        """The stack has no such call any more."""
        self._established = asyncio.Event()
        self._status = 0
        self._transferring = False
        self._stats: CallStats | None = None
        call.on(self._happened)
        call.on_rtcp(self._reported)

    @property
    def start(self) -> CallStart:
        """Known before the first event."""
        return self._start

    @property
    def format_in(self) -> AudioFormat:
        """PCM at the codec's rate."""
        return self._format

    @property
    def format_out(self) -> AudioFormat:
        """PCM at the codec's rate."""
        return self._format

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self._call.call_id or ""

    @property
    def over(self) -> bool:
        """Whether the leg has ended, whoever ended it."""
        return self._over is not None

    # -- life -----------------------------------------------------------------------------------------------------

    async def answer(self) -> None:
        """Take the call off the hook; returns when the caller knows. Raises MediaLost when the caller has gone before that."""
        if self._live:
            return
        if self._over is None:
            try:
                await self._call.answer()
            except library().BaresipError as error:
                raise MediaLost("the caller left before the call was answered", detail=str(error)) from error
            with anyio.move_on_after(ANSWER_S):
                await self._established.wait()
        if self._over is not None or not self._established.is_set():
            raise MediaLost("the caller left before the call was answered")
        self._live = True

    async def reached(self, timeout: float) -> None:
        """Wait for the other side to answer. Raises NotReached, with the leg ended."""
        with anyio.move_on_after(timeout) as scope:
            await self._established.wait()
        if scope.cancelled_caught:
            await self.end()
            raise NotReached("no_answer", 0, "nobody answered in time")
        if self._over is not None:
            raise _not_reached(self._status)
        info = self._info()
        if info is not None:
            self._channels = info.tx_channels or 1
            self._format = {8_000: PCM16_8K, 16_000: PCM16_16K, 48_000: PCM16_48K}.get(info.tx_sample_rate, self._format)
        self._place = Place(self._format.rate, counted=self._counts is not None)
        self._live = True

    async def end(self) -> None:
        """Hang up; idempotent. An incoming leg that still rings is left to whoever says how it is refused (``decline``)."""
        rings = not self._live and not self._outgoing and self._over is None
        self._finish(Closed(lost=False, why="ended here"))
        if not rings:
            await self._hang_up()

    async def decline(self) -> None:
        """Refuse a leg that rings, or hang up."""
        self._finish(Closed(lost=False, why="declined"))
        await self._hang_up()

    async def _hang_up(self) -> None:
        if not self._closed.is_set():
            try:
                await self._call.hangup()
            except library().StaleHandleError:
                self._closed.set()
            except library().BaresipError as error:
                log.warning("a call could not be hung up: %s", type(error).__name__)
            with anyio.move_on_after(GOODBYE_S, shield=True):
                await self._closed.wait()

    def _finish(self, closed: Closed) -> None:
        if self._over is None:
            self._over = closed
        self._out.clear()
        self._wake.set()
        self._working.set()
        self._established.set()

    def fail(self) -> None:
        """Our own code for it has failed: it ends, and no other does."""
        self._finish(Closed(lost=True, why="its media failed here"))

    def _reported(self, stats: CallStats) -> None:
        self._stats = stats

    def _happened(self, event: StackEvent) -> None:
        """What the stack tells of this call, on the loop."""
        kind = event.event.name
        if kind == "CALL_ESTABLISHED":
            self._established.set()
        elif kind == "CALL_DTMF_START" and event.text:
            self.counters[f"key.{event.text[0]}"] += 1
            self._tell(KeyIn(event.text[0]))
        elif kind in {"CALL_HOLD", "CALL_RESUME"}:
            self._hold(kind == "CALL_HOLD")
        elif kind == "CALL_CLOSED":
            self._stats = self._call.final_stats or self._stats
            text = event.text or ""
            found = _STATUS.match(text)
            self._status = int(found[1]) if found else 0
            self._closed.set()
            if self._transferring and text == _TRANSFERRED:
                return  # whoever transfers says what comes of it
            self._finish(Closed(lost="rtp" in text.lower(), why=text[:100]))

    def _hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self.counters["holds"] += held
            self._place = Place(self._format.rate, counted=self._counts is not None)
            self._tell(HoldIn(held))

    def _tell(self, event: TransportEvent) -> None:
        if self._over is None:
            self._events.append(event)
            self._wake.set()

    # -- media, from the wheel ------------------------------------------------------------------------------------

    def beat(self) -> None:
        """Once every 20 ms: take what was heard, give what is due. Streams that are being renewed are left alone for this time."""
        if not self._live or self._over is not None:
            return
        baresip = library()
        try:
            self._hear()
            if not self._held:
                self._speak()
        except (baresip.AudioRestarted, baresip.AudioNotActive):
            self.counters["renewed"] += 1
            self._flushing = None

    def _hear(self) -> None:
        data, passed = self._late + self._take(), None
        if self._held or not data:
            self._late = b""
            return
        if self._place.doubtful(self._time(), self._position + len(data) // 2, len(data) // 2) and self._counts is not None:
            passed = self._counts.passed(self.call_id, self._call.handle)
            data += self._take()  # so that nothing is counted that has not been taken
        count = len(data) // 2
        gap = self._place.gap(self._time(), self._position + count, passed)
        self._late = data if gap is None else b""
        if gap is None:
            return
        self.counters["gaps"] += gap > 0
        self._tell(MediaIn(data, self._position + gap))
        self._position += gap + count

    def _take(self) -> bytes:
        data = self._call.audio.read(_ALL)
        return data if self._channels == 1 else audioop.tomono(data, 2, 0.5, 0.5)

    def _speak(self) -> None:
        audio = self._call.audio
        if self._flushing is not None:
            if _ticks(audio.stats()) == self._flushing:
                return
            self._flushing = None
        if self._out:
            room = self._bytes(AHEAD_MS) - self._waiting()
            if room > 0:
                piece = bytes(self._out[:room])
                taken = audio.write(piece if self._channels == 1 else audioop.tostereo(piece, 2, 1, 1)) // self._channels
                del self._out[:taken]
        if self._marks:
            played = self._sent - len(self._out) - self._waiting()
            while self._marks and self._marks[0][0] <= played:
                self._tell(MarkIn(self._marks.popleft()[1]))

    def _waiting(self) -> int:
        """Bytes of one channel that the stack has and has not sent."""
        waiting: int = self._call.audio.stats().tx_buffered
        return waiting // self._channels

    def _bytes(self, ms: int) -> int:
        return self._format.rate * 2 * ms // 1000

    def _info(self) -> Any:  # noqa: ANN401 - the stack's
        try:
            return self._call.audio.info()
        except library().AudioNotActive:
            return None

    # -- the engine's side ----------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Queue audio; ignored after the end."""
        if self._over is None:
            self._out += data
            self._sent += len(data)

    def clear(self) -> None:
        """Drop what waits here and in the stack; at most one packet still leaves. All marks come back."""
        baresip = library()
        self._sent -= len(self._out)
        self._out.clear()
        try:
            stats = self._call.audio.stats()
            if stats.tx_buffered and self._flushing is None:
                self._call.audio.flush_tx()
                self._sent -= stats.tx_buffered // self._channels
                self._flushing = _ticks(stats)
        except (baresip.AudioRestarted, baresip.AudioNotActive):
            self.counters["renewed"] += 1
        while self._marks:
            self._tell(MarkIn(self._marks.popleft()[1]))

    def mark(self, name: str) -> None:
        """Comes back when all before it has left, or was cleared."""
        if self._over is None:
            self._marks.append((self._sent, name))

    def send_keys(self, digits: str) -> bool:
        """Telephone events, one after the other, in the order they were asked for."""
        if self._over is None:
            self._work.append(digits.upper())
            self._working.set()
        return True

    def stats(self) -> LegStats | None:
        """By the last RTCP report, or the stack's last word."""
        now = self._stats
        if now is None:
            return None
        return LegStats(
            received=now.rx_packets,
            lost=max(now.rx_lost, now.jbuf_lost or 0, 0),
            late=now.jbuf_late or 0,
            jitter_ms=round(now.rx_jitter_ms, 2),
            rtt_ms=round(now.rtt_ms, 2) if now.rtt_ms else None,
            codec=self._codec,
        )

    def show(self, message: dict[str, object]) -> None:
        """A telephone has nothing to show it on."""

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        """Give every event to ``take`` as it comes, until Closed, the last one. One reader only."""
        while True:
            while self._events:
                take(self._events.popleft())
            if self._over is not None:
                break
            self._wake.clear()
            await self._wake.wait()
        take(self._over)

    async def run(self) -> None:
        """Send keys in their time until the leg is over."""
        while self._over is None:
            self._working.clear()
            while self._work and self._over is None:
                await self._keys(self._work.popleft())
            if self._over is None:
                await self._working.wait()

    async def _keys(self, digits: str) -> None:
        for part in re.findall(r"W|[0-9A-D*#]+", digits):
            if part == "W":
                await anyio.sleep(_PAUSE_S)
                continue
            try:
                await self._call.send_dtmf(part)
            except library().BaresipError:
                self.counters["keys_failed"] += 1
                return

    async def hold(self, *, on: bool) -> None:
        """Put the other side on hold, or take it off. Raises LocalWireError where the stack will not."""
        try:
            await (self._call.hold() if on else self._call.resume())
        except library().BaresipError as error:
            raise LocalWireError("the leg cannot be put on hold or taken off it now", detail=str(error)) from error

    async def transfer(self, target: str) -> None:
        """Ask the trunk to call ``target`` in our place (REFER); the leg is over when it has. Raises TransferFailed: the call goes on."""
        uri = target if target.startswith(("sip:", "sips:")) else f"sip:{target}@{self._domain}"
        await self._handed_over(lambda: self._call.transfer(uri, timeout=TRANSFER_S))

    async def attended(self, other: SipTransport) -> None:
        """Put this leg's party through to that of ``other`` (REFER with Replaces); both legs are over then. Raises TransferFailed.

        The stack's own ``attended_transfer`` puts both on hold before it asks, and leaves them so where it is refused.
        """
        command, legs = library().call.lib.BP_CMD_CALL_REPLACE_TRANSFER, f"{self._call.handle} {other._call.handle}"
        await self._handed_over(lambda: self._call._execute_transfer(legs, cmd=command, timeout=TRANSFER_S))

    async def _handed_over(self, refer: Callable[[], Any]) -> None:
        baresip = library()
        if self._over is not None or not self._live:
            raise TransferFailed("the leg is not live")
        self._transferring = True
        try:
            await refer()
        except (baresip.BaresipError, ValueError) as error:
            status = getattr(error, "status", None)
            raise TransferFailed(
                "the trunk did not transfer the call" + (f": status {status}" if status else ""), detail=str(error)
            ) from error
        finally:
            self._transferring = False
            if self._closed.is_set() and self._over is None and self._call.state.name == "CLOSED":
                self._live = False  # nothing is heard and said any more; the engine ends what is over


def _ticks(stats: AudioStats) -> tuple[int, int]:
    """Changes when the stack has dropped something, or had nothing to send."""
    return stats.tx_flushed_bytes, stats.tx_silence_frames


def _not_reached(status: int) -> NotReached:
    match status:
        case 486 | 600:
            return NotReached("busy", status, "the other side is busy")
        case 408 | 480 | 487:
            return NotReached("no_answer", status, "nobody answered")
        case 401 | 407:
            return NotReached("refused", status, "the trunk does not take our user and password")
        case 403 | 603:
            return NotReached("refused", status, "the call was refused")
    return NotReached("failed", status, "the call could not be placed")
