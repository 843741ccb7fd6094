"""SIP and RTP on baresip: one stack of a process, its legs as CallTransports.

The stack listens on loopback alone and talks to one peer, the gate in front of it (``engine/sip_gate.py``), which knows trunks, sources and
public addresses. What is asked of it here is little, so that another stack can take its place (decision 0020): incoming and outgoing calls
with PCM in and out, telephone keys, hold, REFER. It runs in threads of its own; audio is polled by ``beat``, once every 20 ms for all legs.
"""

from __future__ import annotations

import asyncio
import audioop
import logging
import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from offhook.core.audio.format import PCM16_8K, PCM16_16K, PCM16_48K, AudioFormat
from offhook.errors import ConfigError, LocalWireError, MediaLost, NotReached, TransferFailed
from offhook.ports.transport import CallStart, Closed, HoldIn, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent
from offhook.transports._sip_counts import Counts, Passed

if TYPE_CHECKING:
    from baresip import AudioStats, Call, CallStats, Runtime, StackEvent, UserAgent

log = logging.getLogger("offhook.sip")
FORMATS: Final[Mapping[str, AudioFormat]] = {"PCMU": PCM16_8K, "PCMA": PCM16_8K, "G722": PCM16_16K, "opus": PCM16_48K}
_NAMES: Final = {"PCMU": "pcmu", "PCMA": "pcma", "G722": "g722/16000/1", "opus": "opus/48000/2"}
_CHANNELS: Final = {"opus": 2}
"""The stack's PCM has these, one and the same sound in all."""
AHEAD_MS: Final = 60
"""Audio that the stack holds. More would be heard after a barge-in by a stack that cannot flush; less runs dry when the wheel is late."""
RTP_TIMEOUT_S: Final = 60
"""A caller of whom no packet has come for so long, and who is not on hold, has gone without a goodbye."""
ANSWER_S: Final = 35.0
"""An answer that is not acknowledged by then (RFC 3261: 32 s) never will be."""
TRANSFER_S: Final = 40.0
_GOODBYE_S: Final = 2.0
_ALL: Final = 262_144
"""More bytes than the stack keeps."""
_WINDOW: Final = 25
_SUDDEN_S: Final = 0.3
"""Audio that is at once so much later than before comes after a break. By the stack's jitter buffer it is never so late."""
_HELD: Final = 5
"""Beats after which the rest of what a stall held back has come."""
_PAUSE_S: Final = 0.5
_TRANSFERRED: Final = "Call transfered"
"""How the stack spells it."""
_STATUS: Final = re.compile(r"([3-6][0-9]{2})\b")


def _baresip() -> Any:  # noqa: ANN401 - a module
    try:
        import baresip
    except ImportError as error:
        raise ConfigError("SIP needs baresip-python, which there is for Linux on x86-64 only: unset OFFHOOK_ENGINE_SIP_LISTEN") from error
    return baresip


@dataclass(frozen=True, slots=True)
class Login:
    """As whom calls are placed, and registered where there is a password or a registrar that asks."""

    user: str
    host: str
    password: str = ""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    registers: bool = False
    digest_user: str = ""
    """As whom a challenge is answered; ``user`` without it."""


class Place:
    """Where audio belongs that comes without a position: the stack leaves out what was lost, and what it had no use for.

    What has come is compared with the time that has passed. Audio that has become later by a packet has something missing before it, or the
    stack's jitter buffer has become deeper: its count says which, and how much. What nobody sent (silence) is in no count: it is told by
    audio that stays later than a buffer can make it. Where nothing is counted, audio that is steadily later than it ever was by a packet
    has something missing; what a jitter buffer or a late wheel does is taken to be over before ``_WINDOW`` packets.
    """

    def __init__(self, rate: int, *, counted: bool = False) -> None:
        self._rate = rate
        self._counted = counted
        self._origin: float | None = None
        self._lags: deque[int] = deque(maxlen=_WINDOW * (4 if counted else 1))
        self._deepest = round(rate * (_SUDDEN_S if counted else 0.02))
        self._packet = 0
        """Samples: of any number of packets that come together, and so of one."""
        self._held = 0
        self._asked = 0
        """Pieces since the last question."""
        self._emptied: int | None = None
        self._offset = 0
        """Samples by which positions are beyond the count of packets."""

    def doubtful(self, now: float, position: int, count: int) -> bool:
        """Whether it is to be asked what has passed before ``gap``: ``count`` samples have come, the last of them at ``position``."""
        packet = math.gcd(self._packet, count)
        if packet != self._packet:
            self._packet, self._emptied = packet, None
        self._asked += 1
        late = self._lag(now, position) >= min(self._lags, default=0) + packet
        return self._counted and (late or self._emptied is None or self._asked >= _WINDOW)

    def _lag(self, now: float, position: int) -> int:
        if self._origin is None:
            self._origin = now - position / self._rate
        lag = round((now - self._origin) * self._rate) - position
        if lag < 0:
            self._origin, lag = now - position / self._rate, 0
        return lag

    def gap(self, now: float, position: int, passed: Passed | None = None) -> int | None:
        """Samples that are missing before what has come now, the last of it at ``position``.

        None: it may be the first of what a stall held back, and is to be given again with what comes next.
        """
        lag = self._lag(now, position)
        missing = self._missing(passed, position, lag) if passed is not None else 0
        rest, silent = lag - missing, 0
        sudden = rest - min(self._lags, default=0)
        if sudden > _SUDDEN_S * self._rate:
            self._held += 1
            if self._held < _HELD:
                return None
            silent = sudden
        self._held = 0
        self._lags.append(rest - silent)
        least = min(self._lags)
        if len(self._lags) == self._lags.maxlen and least >= self._deepest:
            silent += least
            self._lags.clear()
        self._offset += silent
        return missing + silent

    def _missing(self, passed: Passed, position: int, lag: int) -> int:
        """What is missing by count, and no more than is late: keys that are pressed count as packets, their repetitions too."""
        self._asked = 0
        due = passed.packets * self._packet
        if self._emptied != passed.emptied:
            self._emptied, self._offset = passed.emptied, position - due
        missing = max(0, due + self._offset - position)
        most = -(-lag // self._packet) * self._packet
        self._offset -= max(0, missing - most)
        return min(missing, most)


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
    def ringing(self) -> bool:
        """Neither answered nor over."""
        return not self._live and self._over is None

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
            except _baresip().BaresipError as error:
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
            except _baresip().StaleHandleError:
                self._closed.set()
            except _baresip().BaresipError as error:
                log.warning("a call could not be hung up: %s", type(error).__name__)
            with anyio.move_on_after(_GOODBYE_S, shield=True):
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
        baresip = _baresip()
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
        except _baresip().AudioNotActive:
            return None

    # -- the engine's side ----------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Queue audio; ignored after the end."""
        if self._over is None:
            self._out += data
            self._sent += len(data)

    def clear(self) -> None:
        """Drop what waits here and in the stack; at most one packet still leaves. All marks come back."""
        baresip = _baresip()
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
            except _baresip().BaresipError:
                self.counters["keys_failed"] += 1
                return

    async def hold(self, *, on: bool) -> None:
        """Put the other side on hold, or take it off. Raises LocalWireError where the stack will not."""
        try:
            await (self._call.hold() if on else self._call.resume())
        except _baresip().BaresipError as error:
            raise LocalWireError("the leg cannot be put on hold or taken off it now", detail=str(error)) from error

    async def transfer(self, target: str) -> None:
        """Ask the trunk to call ``target`` in our place (REFER); the leg is over when it has. Raises TransferFailed: the call goes on."""
        uri = target if target.startswith(("sip:", "sips:")) else f"sip:{target}@{self._domain}"
        await self._handed_over(lambda: self._call.transfer(uri, timeout=TRANSFER_S))

    async def attended(self, other: SipTransport) -> None:
        """Put this leg's party through to that of ``other`` (REFER with Replaces); both legs are over then. Raises TransferFailed.

        The stack's own ``attended_transfer`` puts both on hold before it asks, and leaves them so where it is refused.
        """
        command, legs = _baresip().call.lib.BP_CMD_CALL_REPLACE_TRANSFER, f"{self._call.handle} {other._call.handle}"
        await self._handed_over(lambda: self._call._execute_transfer(legs, cmd=command, timeout=TRANSFER_S))

    async def _handed_over(self, refer: Callable[[], Any]) -> None:
        baresip = _baresip()
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


class SipStack:
    """The stack of this process; there can be one. ``arrived`` is told of every incoming leg, by its Call-ID."""

    def __init__(
        self, port: int, gate: int, rtp_ports: tuple[int, int], arrived: Callable[[Any], None], codecs: Sequence[str] = tuple(FORMATS)
    ) -> None:
        self._port = port
        self._gate = gate
        self._rtp_ports = rtp_ports
        self._arrived = arrived
        self._codecs = codecs
        self._runtime: Runtime | None = None
        self._agents: dict[Login, UserAgent] = {}
        self._legs: list[SipTransport] = []
        self._counts: Counts | None = None

    async def open(self) -> None:
        """Start it. Raises ConfigError."""
        baresip = _baresip()
        low, high = self._rtp_ports
        config = baresip.Config(
            net_interface="127.0.0.1",
            max_concurrent_calls=None,
            rtp_timeout=RTP_TIMEOUT_S,
            native_log_level="error",
            extra_config_text=(
                f"sip_listen 127.0.0.1:{self._port}\nrtp_ports {low}-{high}\n"
                "audio_jitter_buffer_type adaptive\naudio_jitter_buffer_ms 20-160\naudio_buffer 20-160\n"
            ),
        )
        logging.getLogger("baresip").setLevel(logging.ERROR)  # it tells of every call, with the caller's number
        self._runtime = baresip.Runtime(native_log_level="error")
        try:
            await self._runtime.start(config)
            agent = await baresip.UserAgent.create(
                self._runtime,
                baresip.Account(
                    user="offhook",
                    domain=f"127.0.0.1:{self._port}",
                    password="",
                    reg_interval=0,
                    audio_codecs=tuple(_NAMES[codec] for codec in self._codecs),
                    extra_params=("catchall=yes",),
                ),
            )
        except baresip.BaresipError as error:
            raise ConfigError("the SIP stack does not start", detail=str(error)) from error
        agent.on_incoming(self._arrived)
        self._counts = Counts(str(baresip._native.__file__))

    async def close(self) -> None:
        """Stop it; all legs are over then."""
        if self._counts is not None:
            self._counts.close()
        if self._runtime is not None:
            await self._runtime.close()
            self._runtime = None

    def leg(self, call: Any, start: CallStart, codec: str, domain: str) -> SipTransport:  # noqa: ANN401 - what ``arrived`` was told of
        """An incoming call's leg, which rings. ``domain``: where the trunk's other numbers are."""
        return self._kept(SipTransport(call, start, codec, domain, counts=self._counts))

    async def refuse(self, call: Any) -> None:  # noqa: ANN401 - what ``arrived`` was told of
        """An incoming call that nobody wants."""
        try:
            await call.reject()
        except _baresip().BaresipError:
            log.debug("a call to be refused had gone")

    async def dial(self, login: Login, uri: str, headers: Mapping[str, str], start: CallStart) -> SipTransport:
        """Place a call; the leg rings. Raises NotReached."""
        baresip = _baresip()
        try:
            agent = await self._agent(login)
            with self._hearing() as told:
                call = await agent.dial(uri, dict(headers))
        except (baresip.BaresipError, ValueError) as error:
            raise NotReached("failed", 0, "the call could not be placed", detail=str(error)) from error
        leg = self._kept(SipTransport(call, start, login.codecs[0], login.host, outgoing=True, counts=self._counts))
        for event in told:
            call._on_stack_event(event)  # what is another call's it leaves alone
        return leg

    @contextmanager
    def _hearing(self) -> Iterator[list[StackEvent]]:
        """What the stack tells meanwhile: an answer may come before the call has been handed over, and nobody would hear of it."""
        assert self._runtime is not None  # noqa: S101 - agents are its
        told: list[StackEvent] = []
        listener = told.append
        self._runtime.subscribe(listener)
        try:
            yield told
        finally:
            self._runtime.unsubscribe(listener)

    async def register(self, login: Login) -> None:
        """Log in with digest and stay so. Raises NotReached with the registrar's status."""
        baresip = _baresip()
        try:
            await (await self._agent(login)).register()
        except baresip.RegistrationError as error:
            raise NotReached("refused" if error.status else "failed", error.status or 0, "the registration failed") from error
        except baresip.BaresipError as error:
            raise NotReached("failed", 0, "the registration failed", detail=str(error)) from error

    async def unregister(self, login: Login) -> None:
        """Log out, as far as the registrar answers."""
        agent = self._agents.get(login)
        if agent is not None:
            try:
                await agent.unregister(timeout=_GOODBYE_S)
            except _baresip().BaresipError:
                log.info("a registrar did not confirm that we left")

    async def _agent(self, login: Login) -> UserAgent:
        found = self._agents.get(login)
        if found is None:
            baresip = _baresip()
            account = baresip.Account(
                user=login.user,
                domain=login.host,
                password=login.password,
                auth_user=login.digest_user or None,
                registrar=f"sip:127.0.0.1:{self._gate}",
                reg_interval=600 if login.registers else 0,
                audio_codecs=tuple(_NAMES[codec] for codec in login.codecs),
            )
            found = self._agents[login] = await baresip.UserAgent.create(self._runtime, account)
        return found

    def _kept(self, leg: SipTransport) -> SipTransport:
        self._legs.append(leg)
        return leg

    def beat(self) -> None:
        """Once every 20 ms, for all legs."""
        gone = False
        for leg in self._legs:
            try:
                leg.beat()
            except Exception as error:
                log.error("the media of a call over SIP failed: %s", type(error).__name__, exc_info=True)
                leg.fail()
            gone = gone or leg.over
        if gone:
            self._legs = [leg for leg in self._legs if not leg.over]
