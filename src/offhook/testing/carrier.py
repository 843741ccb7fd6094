"""A carrier's end of Twilio Media Streams: a wire-faithful double that rings an engine over a real websocket.

It does what Twilio does (https://www.twilio.com/docs/voice/media-streams/websocket-messages): ``connected`` and ``start``,
20 ms of mu-law every 20 ms whether the caller speaks or not, keys, ``stop``. What it is sent it plays in order and in real
time; ``clear`` empties the buffer and returns all pending marks at once, so a mark means played *or* cleared.

Both sides are kept on one clock, samples at 8 kHz since the line was up: ``said`` is what the caller said, ``heard`` is what
the caller's ear heard. Latency is read from these recordings, never from anybody's events.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from offhook.core.audio.g711 import mulaw_to_pcm

RATE = 8_000
FRAME = 160
QUIET = b"\xff" * FRAME
AUDIBLE = 300
"""A frame with a sample beyond this (of 32,768) can be heard."""


def loud_frames(mulaw: bytes | bytearray) -> npt.NDArray[np.bool_]:
    """For every whole 20 ms frame: whether it can be heard."""
    count = len(mulaw) // FRAME
    pcm = np.frombuffer(mulaw_to_pcm(bytes(mulaw[: count * FRAME])), dtype="<i2").astype(np.int32)
    return np.asarray(np.abs(pcm).reshape(count, FRAME).max(axis=1) > AUDIBLE) if count else np.zeros(0, dtype=bool)


@dataclass
class TwilioLine:
    """One call, seen from the carrier. Made by ``open``."""

    socket: ClientConnection
    stream: str
    call: str
    said: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    loud: list[bool] = field(default_factory=list)
    """For every frame heard: whether the agent was audible."""
    clears: list[int] = field(default_factory=list)
    """Samples at which a clear arrived: that of an agent who is held, or who has given up."""
    marks: int = 0
    errors: list[str] = field(default_factory=list)
    """What the engine sent that Twilio would not take."""
    most_ahead_ms: float = 0.0
    closed: anyio.Event = field(default_factory=anyio.Event)
    """The engine has closed the line, or we have."""
    _queue: deque[bytes] = field(default_factory=deque)
    _buffer: deque[bytes | str] = field(default_factory=deque)
    _ahead: int = 0
    """Samples in the buffer."""
    _due: list[str] = field(default_factory=list)
    """Marks behind a frame that is being played."""
    _keys: deque[str] = field(default_factory=deque)
    _sequence: int = 1
    _hanging_up: bool = False
    _dropped: bytes = b""
    """What the last clear dropped that there was something for."""
    _since: bytearray = field(default_factory=bytearray)
    """What has come after that, as long as it may be the same again."""
    _given_up: int = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, parameters: Mapping[str, str] | None = None, call: str = "", signature: str | None = None
    ) -> AsyncIterator[TwilioLine]:
        """Ring. The line is up inside the block and is hung up at its end."""
        headers = {"X-Twilio-Signature": signature} if signature is not None else {}
        async with connect(url, compression=None, additional_headers=headers, max_size=None) as socket:
            line = cls(socket, f"MZ{uuid.uuid4().hex}", call or f"CA{uuid.uuid4().hex}")
            await line._begin(dict(parameters or {}))
            async with anyio.create_task_group() as group:
                group.start_soon(line._receive)
                group.start_soon(line._pump)
                try:
                    yield line
                finally:
                    with anyio.CancelScope(shield=True), anyio.move_on_after(3):
                        await line.hang_up()
                    group.cancel_scope.cancel()

    # -- the caller ---------------------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Samples since the line was up."""
        return len(self.said)

    def play(self, mulaw: bytes) -> tuple[int, int]:
        """Say this from the next frame on, or after what is being said; returns its first sample and the one after its last."""
        begin = self.position + len(self._queue) * FRAME
        self._queue.extend(mulaw[i : i + FRAME].ljust(FRAME, b"\xff") for i in range(0, len(mulaw), FRAME))
        return begin, begin + len(mulaw)

    def press(self, digits: str) -> None:
        """Press keys."""
        self._keys.extend(digits)

    async def hang_up(self) -> None:
        """Put the phone down; idempotent."""
        if not self.closed.is_set() and not self._hanging_up:
            self._hanging_up = True
            await self._send({"event": "stop", "streamSid": self.stream, "stop": {"accountSid": "AC0", "callSid": self.call}})
        await self.socket.close()
        self.closed.set()

    async def until(self, sample: int) -> bool:
        """Wait for the line's clock; False when the line was closed first."""
        while self.position < sample:
            if self.closed.is_set():
                return False
            await anyio.sleep(min(0.02, max(0.001, (sample - self.position) / RATE)))
        return True

    @property
    def given_up(self) -> int:
        """How many clears dropped something that was not sent again next: what the agent was saying is lost, not held."""
        return self._given_up + self._is_lost(len(self._dropped))

    def _is_lost(self, size: int) -> bool:
        """Whether so much of what was dropped has not come again. The two clocks differ by up to two frames, one way or the other."""
        return self._dropped[2 * FRAME : size] not in self._since

    # -- what was heard -----------------------------------------------------------------------------------------------

    def audible(self, begin: int, end: int) -> bool:
        """Whether the agent could be heard between two samples."""
        return any(self.loud[begin // FRAME : -(-end // FRAME)])

    def first_audible(self, after: int) -> int | None:
        """The first sample at or after which the agent could be heard."""
        for index in range(-(-after // FRAME), len(self.loud)):
            if self.loud[index]:
                return index * FRAME
        return None

    def last_audible(self) -> int | None:
        """The sample at which the agent was last heard."""
        for index in range(len(self.loud) - 1, -1, -1):
            if self.loud[index]:
                return (index + 1) * FRAME
        return None

    # -- the wire -----------------------------------------------------------------------------------------------------

    async def _send(self, message: dict[str, object]) -> None:
        try:
            await self.socket.send(json.dumps(message))
        except ConnectionClosed:
            self.closed.set()

    async def _begin(self, parameters: dict[str, str]) -> None:
        await self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "streamSid": self.stream,
            "accountSid": "AC00000000000000000000000000000000",
            "callSid": self.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            "customParameters": parameters,
        }
        await self._send({"event": "start", "sequenceNumber": "1", "streamSid": self.stream, "start": start})

    async def _pump(self) -> None:
        """The carrier's clock: a frame each way every 20 ms, by absolute deadlines."""
        begin = anyio.current_time()
        while not self.closed.is_set():
            frame = self._queue.popleft() if self._queue else QUIET
            number = self.position // FRAME + 1
            self._sequence += 1
            media = {
                "track": "inbound",
                "chunk": str(number),
                "timestamp": str((number - 1) * 20),
                "payload": base64.b64encode(frame).decode(),
            }
            await self._send({"event": "media", "sequenceNumber": str(self._sequence), "streamSid": self.stream, "media": media})
            self.said += frame
            while self._keys:
                digit = self._keys.popleft()
                await self._send({"event": "dtmf", "streamSid": self.stream, "dtmf": {"track": "inbound_track", "digit": digit}})
            await self._play()
            await anyio.sleep_until(begin + number * 0.02)

    async def _play(self) -> None:
        due, self._due = self._due, []
        frame = b""
        while self._buffer and len(frame) < FRAME:
            entry = self._buffer.popleft()
            if isinstance(entry, str):
                # A mark is passed when all sound before it is: behind a part of this frame that is when the frame is out.
                (self._due if frame else due).append(entry)
                continue
            taken = entry[: FRAME - len(frame)]
            frame += taken
            self._ahead -= len(taken)
            if len(taken) < len(entry):
                self._buffer.appendleft(entry[len(taken) :])
        for name in due:
            await self._return_mark(name)
        frame = frame.ljust(FRAME, b"\xff")
        self.heard += frame
        self.loud.append(bool(loud_frames(frame)[0]))

    async def _return_mark(self, name: str) -> None:
        self.marks += 1
        await self._send({"event": "mark", "streamSid": self.stream, "mark": {"name": name}})

    async def _receive(self) -> None:
        try:
            async for message in self.socket:
                await self._take(message)
        except ConnectionClosed:
            pass
        self.closed.set()

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.errors.append("31950: a binary frame")
            return
        try:
            value = json.loads(message)
            event, stream = value["event"], value["streamSid"]
        except (ValueError, KeyError, TypeError):
            self.errors.append("31951: not a message of the protocol")
            return
        if stream != self.stream:
            self.errors.append("31951: wrong streamSid")
            return
        match event:
            case "media":
                self._media(value)
            case "mark":
                self._mark(value)
            case "clear":
                await self._clear()
            case _:
                self.errors.append(f"31951: unknown event {event!r}")

    def _media(self, value: dict[str, Any]) -> None:
        try:
            audio = base64.b64decode(value["media"]["payload"], validate=True)
        except (KeyError, TypeError, ValueError):
            self.errors.append("31951: media without a base64 payload")
            return
        if not audio:
            self.errors.append("31951: media without sound")
            return
        self._buffer.append(audio)
        if len(self._since) < len(self._dropped) + 2 * FRAME:
            self._since += audio
        self._ahead += len(audio)
        self.most_ahead_ms = max(self.most_ahead_ms, self._ahead * 1000 / RATE)

    def _mark(self, value: dict[str, Any]) -> None:
        try:
            name = value["mark"]["name"]
        except (KeyError, TypeError):
            name = None
        if not isinstance(name, str):
            self.errors.append("31951: a mark without a name")
            return
        self._buffer.append(name)

    async def _clear(self) -> None:
        self.clears.append(self.position)
        dropped = b"".join(entry for entry in self._buffer if isinstance(entry, bytes))
        if dropped:
            # Held again before all of it had come: what has come tells.
            self._given_up += self._is_lost(len(self._since) - 2 * FRAME if self._since else len(self._dropped))
            self._dropped, self._since = dropped, bytearray()
        names = [*self._due, *(entry for entry in self._buffer if isinstance(entry, str))]
        self._due = []
        self._buffer.clear()
        self._ahead = 0
        for name in names:
            await self._return_mark(name)
