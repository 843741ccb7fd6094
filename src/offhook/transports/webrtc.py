"""A browser's WebRTC connection: Opus or PCMU over RTP, keys and words over a data channel.

The other side makes the offer, with one audio stream and, if it likes, one data channel. What is said on that is protocol version 1 of
``browser_ws`` without its audio: one JSON object a message.

Browser to engine::

    {"type": "dtmf", "digit": "5"}      a key; RFC 4733 events in the sound do as well
    {"type": "delay", "ms": 60}         how long sound takes from its arrival there to the loudspeaker: marks count from then on
    {"type": "hangup"}                  goodbye

Engine to browser::

    {"type": "partial" | "caller" | "agent" | "ladder" | ..., ...}   for display; unknown types are to be ignored
    {"type": "ping"}                    nothing is to be done: that it arrives shows that the connection is there
    {"type": "end", "reason": "..."}    the call is over; the connection is closed next

A connection over which nothing comes any more, or that was closed, puts the call on hold, and another offer may take its place for
``RESUME_S``: the same call goes on, with what its caller may not have heard. Sound alone proves nothing: some microphones send none while
they are silent. Where it stops, the browser is pinged, and while anything comes back over the connection the caller is silent, not gone.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import anyio
from aioice import ice
from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RtpPacket
from aiortc.sdp import SessionDescription

from offhook.core.audio.format import AudioFormat, silence
from offhook.core.wire.dialect import BadMessage, read_object
from offhook.errors import RemoteWireError, TransferFailed
from offhook.ports.transport import CallStart, ClientIn, Closed, HoldIn, KeyIn, LegStats, MarkIn, TransportEvent
from offhook.transports._rtc import CODECS, FRAME_MS, Codec, Ears, Voice
from offhook.transports.socket import BAD_IN_A_ROW, BAD_IN_ALL

STALL_S: Final = 1.5
"""Seconds without anything from the other side after which the call is on hold."""
UNASKED_S: Final = 6.0
"""The same where there is no data channel to ask by: reports on our sound come every five seconds."""
RESUME_S: Final = 8.0
"""Seconds without anything after which the call is over: the page needs two or three to notice, and has five from then on."""
QUIET_S: Final = 0.4
"""Seconds without sound after which it is asked whether the other side is there: a busy machine stumbles for less."""
MOST_CANDIDATES: Final = 64
_MOST_PEERS: Final = 4
_LOOK: Final = 0.25
_ASK: Final = 0.1
"""Seconds between two looks while no sound comes."""
_TELL: Final = 2.0
"""Seconds between two looks at what the other side reports of our packets."""
_QUEUED: Final = 512
_UNSAID: Final = 256
"""Messages that may wait for a data channel."""
_HISTORY: Final = 100
"""Frames that are kept after they were sent: 2 s, more than a break goes unnoticed."""
_MOST_DELAY: Final = 500
_GOODBYE: Final = 0.5
_CLOSING: Final = 3.0
_KEYS: Final = frozenset("0123456789*#ABCD")
PING: Final = '{"type":"ping"}'
_BAD_SDP = (ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError, InternalError, InvalidAccessError)
"""What aiortc raises for a description that is none, or is not for this."""
_BAD_STATE = (InvalidStateError, OperationError)


def use_hosts(addresses: Sequence[str]) -> None:
    """Have all connections of this process use these addresses of the machine. There is no other way: aiortc does not pass any on."""
    setattr(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: list(addresses))  # noqa: ARG005, B010 - called by names


class WebRtc:
    """One leg, over one connection after another. ``counters`` count what came and went."""

    can_clear = True
    message_ms = FRAME_MS

    def __init__(self, start: CallStart, servers: Sequence[RTCIceServer]) -> None:
        self._start = start
        self._servers = list(servers)
        self._codec: Codec = CODECS[0]
        self.counters: Counter[str] = Counter()
        self._peers: list[_Peer] = []
        """The last is the newest; the one that media comes from is ``_peer``."""
        self._peer: _Peer | None = None
        self._up = asyncio.Event()
        self._line: deque[bytes | str] = deque()
        """Frames to be sent, and marks between them."""
        self._sent: deque[tuple[float, bytes]] = deque(maxlen=_HISTORY)
        self._events: deque[TransportEvent] = deque()
        self._arrived = asyncio.Event()
        self._unsaid: deque[str] = deque(maxlen=_UNSAID)
        self._delay = 0.0
        self._row = 0
        """Messages of nonsense, one after another."""
        self._heard_at = anyio.current_time()
        """When anything came last."""
        self._sound_at = self._heard_at
        """Until when it is known what the caller said, if only nothing."""
        self._silent = False
        """The connection is there, and no sound comes over it."""
        self._asked: tuple[_Peer, int, float] | None = None
        """Whom, how many datagrams had come from there, and when; while no sound comes."""
        self._held: float | None = None
        """Since when the call is on hold."""
        self._over: Closed | None = None
        self._ended = asyncio.Event()
        self._closed: asyncio.Event | None = None
        self._rtt: float | None = None
        self._stats = LegStats()
        """Of connections that are gone."""

    @classmethod
    async def offered(cls, sdp: str, start: CallStart, servers: Sequence[dict[str, Any]] = ()) -> tuple[WebRtc, str]:
        """A leg for an offer, and the answer to it. Raises RemoteWireError."""
        leg = cls(start, [RTCIceServer(**server) for server in servers])
        answer = await leg._answer(sdp, CODECS)
        return leg, answer

    async def again(self, sdp: str) -> str:
        """Take another offer for the same call; it counts once it has become a connection. Raises RemoteWireError."""
        if self._over is not None:
            raise RemoteWireError("the call is over")
        if len(self._peers) > _MOST_PEERS:
            raise RemoteWireError("too many offers for one call at a time")
        self.counters["offered again"] += 1
        return await self._answer(sdp, (self._codec,))

    async def connected(self, seconds: float) -> bool:
        """Wait for a connection; False where none comes about, or the leg has ended."""
        with anyio.move_on_after(seconds):
            await self._up.wait()
        return self._peer is not None and self._over is None

    async def _answer(self, sdp: str, codecs: Sequence[Codec]) -> str:
        media = _checked(sdp)
        peer = _Peer(self, self._servers)
        self._peers.append(peer)
        answer = ""
        try:
            answer = await peer.answer(sdp, media, codecs)
        finally:
            if not answer:
                self._peers.remove(peer)
                with anyio.CancelScope(shield=True):
                    await peer.close()
        self._codec = peer.codec
        return answer

    @property
    def start(self) -> CallStart:
        """Known before the first event."""
        return self._start

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller sends."""
        return self._codec.format_in

    @property
    def format_out(self) -> AudioFormat:
        """Of what the caller is sent."""
        return self._codec.format_out

    # -- out ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Queue audio in ``format_out``; never waits; ignored after the end."""
        if self._over is not None:
            return
        format_out = self.format_out
        size = format_out.bytes_for(format_out.rate * FRAME_MS // 1_000)
        if len(self._line) >= _QUEUED:
            self.counters["not_drained"] += 1
            return
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            self._line.append(piece + silence(format_out, format_out.samples_in(size - len(piece))))

    def clear(self) -> None:
        """Drop what has not been sent; what is at the browser is a few frames. Marks come back at once."""
        marks = [entry for entry in self._line if isinstance(entry, str)]
        self._line.clear()
        self._sent.clear()
        for name in marks:
            self._tell(MarkIn(name))

    def mark(self, name: str) -> None:
        """Told when all before it has been sent, and has had the time to reach the loudspeaker."""
        if self._over is None:
            self._line.append(name)

    def show(self, message: dict[str, object]) -> None:
        """Send any JSON object over the data channel, as soon as there is one."""
        self._unsaid.append(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        self._say()

    def send_keys(self, digits: str) -> bool:  # noqa: ARG002 - the contract's
        """A browser has nothing that keys could be sent to."""
        return False

    async def transfer(self, target: str) -> None:  # noqa: ARG002 - the contract's
        """A browser cannot be handed over."""
        raise TransferFailed("a caller in a browser cannot be transferred")

    def _say(self) -> None:
        channel = self._peer.channel if self._peer is not None else None
        while channel is not None and channel.readyState == "open" and self._unsaid:
            channel.send(self._unsaid.popleft())

    def _due(self, peer: _Peer) -> bytes | None:
        """What is sent next, from the sender of a connection; only the one that the caller is at has anything."""
        if peer is not self._peer or self._held is not None:
            return None
        frame: bytes | None = None
        while self._line:
            entry = self._line.popleft()
            if isinstance(entry, bytes):
                frame = entry
                self._sent.append((anyio.current_time(), entry))
                break
            self._reached(entry)
        while self._line and isinstance(self._line[0], str):
            self._reached(str(self._line.popleft()))
        return frame

    def _reached(self, name: str) -> None:
        """A mark's audio is on the wire; it is heard when that has come to the loudspeaker."""
        far = FRAME_MS / 1_000 + self._delay + (self._rtt or 0.0) / 2
        asyncio.get_running_loop().call_later(far, self._tell, MarkIn(name))

    # -- in -------------------------------------------------------------------------------------------------------

    def _tell(self, event: TransportEvent) -> None:
        if self._over is None:
            self._events.append(event)
            self._arrived.set()

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        """Give every event to ``take`` as it comes, until Closed, the last one. One reader only."""
        while True:
            while self._events:
                take(self._events.popleft())
            if self._over is not None:
                take(self._over)
                return
            self._arrived.clear()
            await self._arrived.wait()

    def packet(self, peer: _Peer, packet: RtpPacket) -> None:
        """Sound has come over a connection."""
        if not self.here(peer):
            return
        self._quiet(peer, anyio.current_time() - FRAME_MS / 1_000)
        self._sound_at, self._silent, self._asked = anyio.current_time(), False, None
        peer.ears.push(packet)

    def here(self, peer: _Peer) -> bool:
        """Something has come over a connection. The newest over which anything comes is the caller's; whether it is this one."""
        if self._over is not None or peer not in self._peers:
            return False
        if self._peer is not peer:
            if self._peer is not None and self._peers.index(peer) < self._peers.index(self._peer):
                return False
            self._move(peer)
        before, self._heard_at = self._heard_at, anyio.current_time()
        if self._held is not None:
            self._back(peer, before)
        return True

    def gone(self, peer: _Peer) -> None:
        """A connection was closed, or has failed."""
        if peer is self._peer and self._over is None and self._held is None:
            self._hold()

    def _quiet(self, peer: _Peer, until: float) -> None:
        """What was not said on a connection that is there is silence, and no gap."""
        if self._silent and until > self._sound_at:
            peer.ears.pause(round((until - self._sound_at) * self.format_in.rate))
            self._sound_at = until

    async def _ask(self) -> None:
        """Where no sound comes: whether the other side is there. Whatever comes after a look shows that it was silent until then."""
        peer, now = self._peer, anyio.current_time()
        if peer is None or (now - self._sound_at < QUIET_S and not self._silent):
            return
        count = await peer.datagrams()
        if self._over is not None or peer is not self._peer or self._sound_at > now:
            return
        asked, self._asked = self._asked, (peer, count, now)
        if asked is not None and asked[0] is peer and count > asked[1] and self.here(peer):
            self._silent = True
            self._quiet(peer, asked[2])
        peer.ping()

    def _move(self, peer: _Peer) -> None:
        """The caller is at another connection."""
        old, self._peer = self._peer, peer
        self._sound_at, self._silent, self._asked = anyio.current_time(), False, None
        if old is not None:
            self.counters["came again"] += 1
            peer.ears.position = old.ears.position
            if self._held is None:
                self._hold()
        self._up.set()
        self._say()

    def _hold(self) -> None:
        self._held = anyio.current_time()
        self._tell(HoldIn(on=True))

    def _back(self, peer: _Peer, before: float) -> None:
        """What passed until the hold was noticed is a gap in the caller's sound; what was sent in it, they are sent again."""
        held, self._held = self._held or before, None
        peer.ears.rebase(round(max(0.0, held - before) * self.format_in.rate))
        missed = [frame for at, frame in self._sent if at > before]
        self._sent.clear()
        self._sound_at = anyio.current_time()
        self._line.extendleft(reversed(missed))
        self._tell(HoldIn(on=False))

    def message(self, peer: _Peer, text: object) -> None:
        """Something was said on a data channel."""
        if peer is not self._peer and self._peer is not None:
            return
        try:
            value = read_object(text if isinstance(text, str | bytes) else b"")
            event = self._meant(value)
        except BadMessage as error:
            self.counters[f"bad.{error.reason}"] += 1
            self.counters["bad"] += 1
            self._row += 1
            if self._row >= BAD_IN_A_ROW or self.counters["bad"] >= BAD_IN_ALL:
                self._finish(Closed(lost=True, why="too much nonsense"))
            return
        self._row = 0
        if event is not None:
            self._tell(event)

    def _meant(self, value: dict[str, Any]) -> TransportEvent | None:
        match value.get("type"):
            case "dtmf":
                digit = value.get("digit")
                if not isinstance(digit, str) or digit not in _KEYS:
                    raise BadMessage("bad_key", "a key that no telephone has")
                return KeyIn(digit)
            case "delay":
                given = value.get("ms")
                if type(given) not in {int, float}:
                    raise BadMessage("missing", "delay has no ms")
                self._delay = min(max(float(given or 0), 0.0), _MOST_DELAY) / 1_000
                return None
            case "hangup":
                self._finish(Closed(lost=False, why="hangup"))
                return None
            case str():
                return ClientIn(value)
            case _:
                raise BadMessage("unknown", "a message without a type")

    # -- life -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch over the connections until the leg is closed; runs beside ``read``."""
        told = anyio.current_time()
        while self._over is None:
            with anyio.move_on_after(_ASK if self._asked is not None else _LOOK):
                await self._ended.wait()
            await self._ask()
            now = anyio.current_time()
            self._watch(now)
            await self._put_away()
            if now - told >= _TELL and self._peer is not None:
                told = now
                self._rtt = await self._peer.round_trip() or self._rtt
        await self._close()

    def _watch(self, now: float) -> None:
        silent = now - self._heard_at
        if self._peer is None or self._over is not None:
            return
        if self._held is None and silent > (UNASKED_S if self._peer.channel is None else STALL_S):
            self._hold()
        elif silent > RESUME_S:
            self._finish(Closed(lost=True, why=f"nothing came for {RESUME_S:g} s"))

    async def _put_away(self) -> None:
        """Close connections that the caller has left."""
        if self._peer is None:
            return
        for peer in self._peers[: self._peers.index(self._peer)]:
            self._peers.remove(peer)
            self._stats = _sum(self._stats, peer)
            await peer.close()

    def _finish(self, closed: Closed) -> None:
        if self._over is None:
            self._over = closed
        self._ended.set()
        self._arrived.set()
        self._up.set()

    async def end(self) -> None:
        """Say what is to be said, close the connection; idempotent."""
        if self._over is None:
            self.show({"type": "end", "reason": "ended"})
        self._finish(Closed(lost=False, why="ended here"))
        await self._close()

    async def _close(self) -> None:
        if self._closed is not None:
            await self._closed.wait()
            return
        self._closed = asyncio.Event()
        with anyio.CancelScope(shield=True):
            self._say()
            channel = self._peer.channel if self._peer is not None else None
            with anyio.move_on_after(_GOODBYE):
                while channel is not None and channel.readyState == "open" and channel.bufferedAmount:  # noqa: ASYNC110 - it tells nobody
                    await anyio.sleep(FRAME_MS / 1_000)
            for peer in self._peers:
                await peer.close()
        self._closed.set()

    def stats(self) -> LegStats | None:
        """By RTCP and by what came."""
        peer = self._peer
        if peer is None:
            return None
        rtt = round(1_000 * self._rtt, 1) if self._rtt is not None else None
        return replace(
            _sum(self._stats, peer), jitter_ms=peer.jitter_ms(), rtt_ms=rtt, codec=self._codec.mime.removeprefix("audio/").lower()
        )


class _Peer:
    """One connection of a leg."""

    def __init__(self, leg: WebRtc, servers: list[RTCIceServer]) -> None:
        self.codec: Codec = CODECS[0]
        self.channel: RTCDataChannel | None = None
        self.ears: Ears
        self._leg = leg
        # Without servers of its own aiortc asks one on the internet.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._connection.on("datachannel", self._opened)
        self._connection.on("connectionstatechange", self._changed)
        self._receiver: RTCRtpReceiver | None = None
        self._streams: dict[int, StreamStatistics] = {}

    async def answer(self, sdp: str, media: SessionDescription, codecs: Sequence[Codec]) -> str:
        """The answer to an offer. Raises RemoteWireError."""
        [audio] = [one for one in media.media if one.kind == "audio"]
        offered = [codec.mimeType.lower() for codec in audio.rtp.codecs]
        chosen = next((codec for codec in codecs if codec.mime.lower() in offered), None)
        if chosen is None:
            raise RemoteWireError(f"the offer has none of {', '.join(codec.mime for codec in codecs)}")
        self.codec = chosen
        keys = [one for one in audio.rtp.codecs if one.mimeType.lower() == "audio/telephone-event"]
        self.ears = Ears(chosen, frozenset(one.payloadType for one in keys if one.payloadType is not None), self._leg._tell)
        connection = self._connection
        connection.addTrack(Voice(chosen, self._due))
        try:
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            [transceiver] = connection.getTransceivers()
            self._listen(transceiver.receiver)
            transceiver._codecs = [one for one in transceiver._codecs if one.mimeType.lower() == chosen.mime.lower()][:1]
            transceiver._codecs += [
                RTCRtpCodecParameters(mimeType=one.mimeType, clockRate=one.clockRate, payloadType=one.payloadType) for one in keys
            ]
            await connection.setLocalDescription(await connection.createAnswer())
        except (*_BAD_SDP, *_BAD_STATE) as error:
            raise RemoteWireError("the offer cannot be answered", detail=repr(error)) from error
        return str(connection.localDescription.sdp)

    def _due(self) -> bytes | None:
        return self._leg._due(self)

    def _listen(self, receiver: RTCRtpReceiver) -> None:
        """Take packets in aiortc's place, where they come in; the reports that it sends need its own counts."""
        self._receiver = receiver
        self._streams = getattr(receiver, "_RTCRtpReceiver__remote_streams")  # noqa: B009 - mypy knows no mangled names
        setattr(receiver, "_handle_rtp_packet", self._packet)  # noqa: B010 - a method in its place

    async def _packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002 - aiortc's
        stream = self._streams.get(packet.ssrc)
        if stream is None:
            stream = self._streams[packet.ssrc] = StreamStatistics(self.codec.clock)
        stream.add(packet)
        self._leg.packet(self, packet)

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._leg.here(self)
        elif state in {"closed", "failed"}:
            self._leg.gone(self)

    async def datagrams(self) -> int:
        """How many have come, whatever was in them."""
        reports = (await self._receiver.getStats()).values() if self._receiver is not None else ()
        return sum(one.packetsReceived for one in reports if one.type == "transport")

    def ping(self) -> None:
        """Have the other side acknowledge something."""
        if self.channel is not None and self.channel.readyState == "open" and not self.channel.bufferedAmount:
            self.channel.send(PING)

    def _opened(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        channel.on("message", lambda text: self._leg.message(self, text))
        self._leg._say()

    def jitter_ms(self) -> float:
        """Of what comes in."""
        return max((round(1_000 * one.jitter / self.codec.clock, 1) for one in self._streams.values()), default=0.0)

    async def round_trip(self) -> float | None:
        """Seconds there and back, once the other side has reported."""
        for sender in self._connection.getSenders():
            for report in (await sender.getStats()).values():
                if report.type == "remote-inbound-rtp":
                    found: float | None = report.roundTripTime
                    return found
        return None

    async def close(self) -> None:
        """Release it; a connection that does not close in time is left to itself."""
        with anyio.move_on_after(_CLOSING, shield=True):
            await self._connection.close()


def _sum(stats: LegStats, peer: _Peer) -> LegStats:
    ears = peer.ears
    return replace(stats, received=stats.received + ears.received, lost=stats.lost + ears.lost, late=stats.late + ears.late)


def _checked(sdp: str) -> SessionDescription:
    """One audio stream, at most one data channel, nothing that would cost without use. Raises RemoteWireError."""
    try:
        media = SessionDescription.parse(sdp)
    except _BAD_SDP as error:
        raise RemoteWireError("the offer is no session description", detail=repr(error)) from error
    kinds = Counter(one.kind for one in media.media)
    if kinds["audio"] != 1 or kinds["application"] > 1 or sum(kinds.values()) > 2:
        raise RemoteWireError("an offer has one audio stream, and at most one data channel")
    if any(one.dtls is None or not one.dtls.fingerprints or one.ice is None or not one.ice.usernameFragment for one in media.media):
        raise RemoteWireError("the offer has no keys for DTLS, or none for ICE")
    if sum(len(one.ice_candidates) for one in media.media) > MOST_CANDIDATES:
        raise RemoteWireError(f"an offer has at most {MOST_CANDIDATES} candidates")
    return media
