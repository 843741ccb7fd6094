"""Carriers' ends of a media socket: doubles that ring an engine over a real websocket and behave as each carrier says it does.

What they are sent they play in order and in real time, frame by frame of 20 ms; a clear empties the buffer, and marks come back when they
are passed, or by the clear where the carrier does so. What the carrier would not take is kept in ``errors``. Twilio's line with all that
benches measure is ``testing.carrier``.

::

    async with Line.open("ws://127.0.0.1:8081/media", Plivo(), parameters={"did": "+6495550100"}) as line:
        line.say(pcm)
        line.raw          # all that the agent sent, in line.format_out
"""

from __future__ import annotations

import base64
import json
import uuid
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat, silence

TICK = 0.02


class Wrong(Exception):
    """A message that the carrier would not take."""


@dataclass(frozen=True)
class Heard:
    """What a message of the engine's says: one of these."""

    audio: bytes = b""
    mark: str | None = None
    clear: bool = False
    keys: str = ""


class Speech(ABC):
    """How one carrier speaks."""

    name: str
    format_in: AudioFormat = MULAW_8K
    format_out: AudioFormat = MULAW_8K
    ticks = 1
    """Frames of 20 ms in a message of the caller's audio."""
    shuffles = False
    """Every fifth message comes after the one that follows it."""
    marks_by_clear = False
    """A clear returns what marks wait."""
    subprotocol: str | None = None
    most: int | None = None
    """Messages of ours that it keeps."""

    def __init__(self) -> None:
        self.stream = uuid.uuid4().hex
        self.call = uuid.uuid4().hex
        self.sequence = 0

    def address(self, parameters: Mapping[str, str], token: str) -> str:  # noqa: ARG002 - for those that need it
        """What follows ``/media/NAME`` in the address; a token where the start cannot bring it."""
        return ""

    def headers(self, token: str) -> dict[str, str]:  # noqa: ARG002 - for those that need it
        """Of the upgrade."""
        return {}

    @abstractmethod
    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str | bytes]:
        """What is sent first."""

    @abstractmethod
    def media(self, number: int, data: bytes) -> str | bytes:
        """The caller's audio; messages are numbered from 1."""

    @abstractmethod
    def key(self, digit: str) -> str:
        """The caller presses a key."""

    @abstractmethod
    def mark(self, name: str, *, played: bool) -> str:
        """A mark has been passed, or cleared."""

    def stop(self) -> str | None:
        """The caller has hung up; None where the socket is only closed."""
        return None

    def cleared(self) -> str | None:
        """The answer to a clear, if any."""
        return None

    @abstractmethod
    def take(self, message: str | bytes) -> Heard:
        """Read a message of the engine's. Raises Wrong, KeyError, TypeError or ValueError."""

    def next(self) -> int:
        """A number for a message."""
        self.sequence += 1
        return self.sequence


def _json(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        raise Wrong("a binary frame")
    value = json.loads(message)
    if not isinstance(value, dict):
        raise Wrong("not an object")
    return value


def _binary(message: bytes, format: AudioFormat) -> Heard:
    if not message or len(message) % format.bytes_for(format.rate // 50):
        raise Wrong(f"{len(message)} bytes are no whole frames")
    return Heard(audio=message)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _audio(value: Any) -> bytes:  # noqa: ANN401 - of JSON
    return base64.b64decode(value["payload"], validate=True)


class Twilio(Speech):
    """Media Streams."""

    name = "twilio"
    marks_by_clear = True
    encoding = "audio/x-mulaw"

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:
        """Two messages."""
        given = {**parameters, **({"token": token} if token else {})}
        form = {"encoding": self.encoding, "sampleRate": self.format_in.rate, "channels": 1}
        start = {"streamSid": self.stream, "accountSid": "AC0", "callSid": self.call, "tracks": ["inbound"], "mediaFormat": form}
        start["customParameters"] = given
        return [
            json.dumps({"event": "connected", "protocol": "Call", "version": "0.2.0"}),
            json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": self.stream, "start": start}),
        ]

    def media(self, number: int, data: bytes) -> str:
        """Numbers are strings."""
        media = {"track": "inbound", "chunk": str(number), "timestamp": str((number - 1) * 20), "payload": _text(data)}
        return json.dumps({"event": "media", "sequenceNumber": str(number + 1), "streamSid": self.stream, "media": media})

    def key(self, digit: str) -> str:
        """A dtmf message."""
        return json.dumps({"event": "dtmf", "streamSid": self.stream, "dtmf": {"track": "inbound_track", "digit": digit}})

    def mark(self, name: str, *, played: bool) -> str:  # noqa: ARG002 - it does not say
        """A mark message."""
        return json.dumps({"event": "mark", "streamSid": self.stream, "mark": {"name": name}})

    def stop(self) -> str:
        """A stop message."""
        return json.dumps({"event": "stop", "streamSid": self.stream, "stop": {"accountSid": "AC0", "callSid": self.call}})

    def take(self, message: str | bytes) -> Heard:
        """media, mark, clear."""
        value = _json(message)
        if value["streamSid"] != self.stream:
            raise Wrong("wrong streamSid")
        return _twilio_like(value)


class SignalWire(Twilio):
    """As Twilio, here with linear audio and the token as ``authBearerToken``."""

    name = "signalwire"
    format_in = format_out = PCM16_16K
    encoding = "audio/x-l16"

    def headers(self, token: str) -> dict[str, str]:
        """Of the upgrade."""
        return {"Authorization": f"Bearer {token}"} if token else {}

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:  # noqa: ARG002 - it came with the upgrade
        """Two messages."""
        return super().begin(parameters, "")


def _twilio_like(value: dict[str, Any]) -> Heard:
    match value["event"]:
        case "media":
            return Heard(audio=_audio(value["media"]))
        case "mark":
            return Heard(mark=value["mark"]["name"])
        case "clear":
            return Heard(clear=True)
        case event:
            raise Wrong(f"unknown event {event!r}")


class Telnyx(Speech):
    """Frames in any order; what comes in is A-law here, what goes out is mu-law always."""

    name = "telnyx"
    format_in = ALAW_8K
    shuffles = True
    marks_by_clear = True

    def headers(self, token: str) -> dict[str, str]:
        """``stream_auth_token`` of the command."""
        return {"x-telnyx-streaming-auth-token": token} if token else {}

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:  # noqa: ARG002 - it came with the upgrade
        """Two messages."""
        start = {
            "user_id": "3E6F995F",
            "call_control_id": f"v3:{self.call}",
            "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
            "from": "+13122010094",
            "to": parameters.get("did", "+13122123456"),
            "tags": ["TAG1"],
            "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
            "custom_parameters": dict(parameters),
            "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
        }
        return [
            json.dumps({"event": "connected", "version": "1.0.0"}),
            json.dumps({"event": "start", "sequence_number": "1", "stream_id": self.stream, "start": start}),
        ]

    def media(self, number: int, data: bytes) -> str:
        """Numbers are strings."""
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": _text(data)}
        return json.dumps({"event": "media", "sequence_number": str(number + 1), "stream_id": self.stream, "media": media})

    def key(self, digit: str) -> str:
        """A dtmf message."""
        about = {"stream_id": self.stream, "occurred_at": "2026-11-22T09:41:10.123456Z", "sequence_number": "5"}
        return json.dumps({"event": "dtmf", **about, "dtmf": {"digit": digit}})

    def mark(self, name: str, *, played: bool) -> str:  # noqa: ARG002 - it does not say
        """A mark message."""
        return json.dumps({"event": "mark", "sequence_number": "5", "stream_id": self.stream, "mark": {"name": name}})

    def stop(self) -> str:
        """A stop message."""
        stop = {"user_id": "3E6F995F", "call_control_id": f"v3:{self.call}"}
        return json.dumps({"event": "stop", "sequence_number": "5", "stream_id": self.stream, "stop": stop})

    def take(self, message: str | bytes) -> Heard:
        """Media of 20 ms to 30 s, mark, clear."""
        heard = _twilio_like(_json(message))
        if heard.audio and not 160 <= len(heard.audio) <= 240_000:
            raise Wrong(f"a chunk of {len(heard.audio) / 8:g} ms")
        return heard


class Plivo(Speech):
    """Numbers are numbers, marks are checkpoints that come back only when they are played to, keys can be sent."""

    name = "plivo"
    format_in = format_out = PCM16_16K

    def address(self, parameters: Mapping[str, str], token: str) -> str:  # noqa: ARG002 - extra_headers bring them
        """A token has letters that ``extraHeaders`` may not have."""
        return f"/{token}" if token else ""

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:  # noqa: ARG002 - it is in the address
        """One message."""
        form = {"encoding": "audio/x-l16", "sampleRate": self.format_in.rate}
        start = {"callId": self.call, "streamId": self.stream, "accountId": "MA0", "tracks": ["inbound"], "mediaFormat": form}
        headers = ";".join(f"{name}={value}" for name, value in parameters.items())
        return [json.dumps({"event": "start", "sequenceNumber": 1, "start": start, "extra_headers": headers})]

    def media(self, number: int, data: bytes) -> str:
        """The timestamp is the wall clock's."""
        media = {"track": "inbound", "timestamp": str(1_763_800_000_000 + number * 20), "chunk": number, "payload": _text(data)}
        return json.dumps({"event": "media", "sequenceNumber": number + 1, "streamId": self.stream, "media": media, "extra_headers": ""})

    def key(self, digit: str) -> str:
        """A dtmf message."""
        dtmf = {"track": "inbound", "digit": digit, "timestamp": "1763800000000"}
        return json.dumps({"event": "dtmf", "sequenceNumber": self.next(), "streamId": self.stream, "dtmf": dtmf})

    def mark(self, name: str, *, played: bool) -> str:
        """Only for what was played."""
        if not played:
            raise AssertionError("a cleared checkpoint never comes back")
        return json.dumps({"event": "playedStream", "sequenceNumber": self.next(), "streamId": self.stream, "name": name})

    def cleared(self) -> str:
        """ClearedAudio."""
        return json.dumps({"event": "clearedAudio", "sequenceNumber": self.next(), "streamId": self.stream})

    def take(self, message: str | bytes) -> Heard:
        """playAudio, checkpoint, clearAudio, sendDTMF."""
        value = _json(message)
        if value.get("streamId", self.stream) != self.stream:
            raise Wrong("wrong streamId")
        match value["event"]:
            case "playAudio":
                media = value["media"]
                if (media["contentType"], media["sampleRate"]) != ("audio/x-l16", self.format_out.rate):
                    raise Wrong("another format than the stream's")
                return Heard(audio=_audio(media))
            case "checkpoint":
                return Heard(mark=value["name"])
            case "clearAudio":
                return Heard(clear=True)
            case "sendDTMF":
                return Heard(keys=value["dtmf"])
            case event:
                raise Wrong(f"unknown event {event!r}")


class Vonage(Speech):
    """Binary frames of exactly 20 ms, of which it keeps 3,072."""

    name = "vonage"
    format_in = format_out = PCM16_16K
    most = 3_072

    def headers(self, token: str) -> dict[str, str]:
        """The endpoint's custom authorization."""
        return {"Authorization": f"Bearer {token}"} if token else {}

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:  # noqa: ARG002 - it came with the upgrade
        """The members of ``headers`` stand beside the event."""
        kind = f"audio/l16;rate={self.format_in.rate}"
        return [json.dumps({"event": "websocket:connected", "content-type": kind, "carrier_call": self.call, **parameters})]

    def media(self, number: int, data: bytes) -> bytes:  # noqa: ARG002 - nothing is numbered
        """As it is."""
        return data

    def key(self, digit: str) -> str:
        """An event."""
        return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def mark(self, name: str, *, played: bool) -> str:  # noqa: ARG002 - it does not say
        """The payload comes back."""
        return json.dumps({"event": "websocket:notify", "payload": {"name": name}})

    def cleared(self) -> str:
        """An event."""
        return json.dumps({"event": "websocket:cleared"})

    def take(self, message: str | bytes) -> Heard:
        """Sound, notify, clear."""
        if isinstance(message, bytes):
            if len(message) != self.format_out.bytes_for(self.format_out.rate // 50):
                raise Wrong(f"{len(message)} bytes are not 20 ms")
            return Heard(audio=message)
        value = json.loads(message)
        match value["action"]:
            case "notify":
                return Heard(mark=value["payload"]["name"])
            case "clear":
                return Heard(clear=True)
            case action:
                raise Wrong(f"unknown action {action!r}")


class Exotel(Speech):
    """100 ms a message, in both directions."""

    name = "exotel"
    format_in = format_out = PCM16_8K
    ticks = 5
    marks_by_clear = True

    def address(self, parameters: Mapping[str, str], token: str) -> str:
        """Three parameters of the applet's address."""
        given = {**parameters, **({"token": token} if token else {})}
        return f"?{urlencode(given)}" if given else ""

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:  # noqa: ARG002 - it is in the address
        """Two messages."""
        start = {
            "stream_sid": self.stream,
            "call_sid": self.call,
            "account_sid": "AC0",
            "from": "+919876543210",
            "to": "+918047491899",
            "custom_parameters": dict(parameters),
            "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
        }
        return [
            json.dumps({"event": "connected"}),
            json.dumps({"event": "start", "sequence_number": "1", "stream_sid": self.stream, "start": start}),
        ]

    def media(self, number: int, data: bytes) -> str:
        """Numbers are strings."""
        media = {"chunk": str(number), "timestamp": str((number - 1) * 100), "payload": _text(data)}
        return json.dumps({"event": "media", "sequence_number": str(number + 1), "stream_sid": self.stream, "media": media})

    def key(self, digit: str) -> str:
        """With its length."""
        dtmf = {"digit": digit, "duration": "100"}
        return json.dumps({"event": "dtmf", "sequence_number": "7", "stream_sid": self.stream, "dtmf": dtmf})

    def mark(self, name: str, *, played: bool) -> str:  # noqa: ARG002 - it does not say
        """A mark message."""
        return json.dumps({"event": "mark", "sequence_number": "15", "stream_sid": self.stream, "mark": {"name": name}})

    def stop(self) -> str:
        """With the reason."""
        stop = {"call_sid": self.call, "account_sid": "AC0", "reason": "callended"}
        return json.dumps({"event": "stop", "sequence_number": "20", "stream_sid": self.stream, "stop": stop})

    def take(self, message: str | bytes) -> Heard:
        """Media of 100 ms at least, in pieces of 320 bytes; mark, clear."""
        value = _json(message)
        if value["stream_sid"] != self.stream:
            raise Wrong("wrong stream_sid")
        heard = _twilio_like(value)
        if heard.audio and (not 1_600 <= len(heard.audio) <= 100_000 or len(heard.audio) % 320):
            raise Wrong(f"a chunk of {len(heard.audio)} bytes")
        return heard


class Jambonz(Speech):
    """The ``listen`` verb with streaming both ways."""

    name = "jambonz"
    format_in = format_out = PCM16_16K
    subprotocol = "audio.jambonz.org"

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:
        """The call's attributes and the verb's metadata."""
        about = {
            "callSid": self.call,
            "accountSid": "ed649e33-e771-403a-8c99-1780eabbc803",
            "direction": "inbound",
            "from": "15083728299",
            "to": "15083084809",
            "callId": "f96fd8b1-a4a3-123a-aa8c-0a9d3bc9bed1",
            "sampleRate": self.format_in.rate,
            "mixType": "mono",
        }
        return [json.dumps({**about, **parameters, **({"token": token} if token else {})})]

    def media(self, number: int, data: bytes) -> bytes:  # noqa: ARG002 - nothing is numbered
        """As it is."""
        return data

    def key(self, digit: str) -> str:
        """With ``passDtmf``."""
        return json.dumps({"event": "dtmf", "dtmf": digit, "duration": "1600"})

    def mark(self, name: str, *, played: bool) -> str:
        """It says which."""
        return json.dumps({"type": "mark", "data": {"name": name, "event": "playout" if played else "cleared"}})

    marks_by_clear = True

    def take(self, message: str | bytes) -> Heard:
        """Sound, mark, killAudio, clearMarks."""
        if isinstance(message, bytes):
            return _binary(message, self.format_out)
        value = json.loads(message)
        match value["type"]:
            case "mark":
                return Heard(mark=value["data"]["name"])
            case "killAudio":
                return Heard(clear=True)
            case "clearMarks":
                return Heard()
            case kind:
                raise Wrong(f"unknown type {kind!r}")


class Asterisk(Speech):
    """chan_websocket with control in JSON."""

    name = "asterisk"
    format_in = format_out = PCM16_16K
    subprotocol = "media"
    most = 1_000

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:
        """Channel variables bring the parameters."""
        given = {**parameters, **({"token": token} if token else {}), "carrier_call": self.call}
        about = {"connection_id": self.stream, "channel": f"WebSocket/offhook/{self.stream}", "channel_id": "1763800000.1"}
        shape = {"format": "slin16", "optimal_frame_size": 640, "ptime": 20}
        variables = {f"OFFHOOK_{name.upper()}": value for name, value in given.items()}
        return [json.dumps({"event": "MEDIA_START", **about, **shape, "channel_variables": variables})]

    def media(self, number: int, data: bytes) -> bytes:  # noqa: ARG002 - nothing is numbered
        """As it is."""
        return data

    def key(self, digit: str) -> str:
        """An event."""
        return json.dumps({"event": "DTMF_END", "channel_id": "1763800000.1", "digit": digit})

    def mark(self, name: str, *, played: bool) -> str:
        """Only for what was played."""
        if not played:
            raise AssertionError("a flushed mark never comes back")
        return json.dumps({"event": "MEDIA_MARK_PROCESSED", "channel_id": "1763800000.1", "correlation_id": name})

    def take(self, message: str | bytes) -> Heard:
        """Sound, MARK_MEDIA, FLUSH_MEDIA."""
        if isinstance(message, bytes):
            return _binary(message, self.format_out)
        value = json.loads(message)
        match value["command"]:
            case "MARK_MEDIA":
                return Heard(mark=value["correlation_id"])
            case "FLUSH_MEDIA":
                return Heard(clear=True)
            case command:
                raise Wrong(f"unknown command {command!r}")


class PlainAsterisk(Asterisk):
    """chan_websocket with control in lines, as versions before JSON have it: parameters come in the address."""

    format_in = format_out = MULAW_8K

    def __init__(self) -> None:
        super().__init__()
        self._buffering = False

    def address(self, parameters: Mapping[str, str], token: str) -> str:
        """``v(...)`` of the dial string."""
        given = {**parameters, **({"token": token} if token else {}), "carrier_call": self.call}
        return f"?{urlencode(given)}"

    def begin(self, parameters: Mapping[str, str], token: str) -> Sequence[str]:  # noqa: ARG002 - they are in the address
        """A line."""
        about = f"connection_id:{self.stream} channel:WebSocket/offhook/{self.stream} channel_id:1763800000.1"
        return [f"MEDIA_START {about} format:ulaw optimal_frame_size:160 ptime:20"]

    def key(self, digit: str) -> str:
        """A line."""
        return f"DTMF_END digit:{digit} channel_id:1763800000.1"

    def mark(self, name: str, *, played: bool) -> str:
        """What the end of a buffering was called."""
        if not played:
            raise AssertionError("a flushed mark never comes back")
        return f"MEDIA_BUFFERING_COMPLETED {name}"

    def take(self, message: str | bytes) -> Heard:
        """Sound, buffering, FLUSH_MEDIA."""
        if isinstance(message, bytes):
            return _binary(message, self.format_out)
        command, _, rest = message.partition(" ")
        match command:
            case "START_MEDIA_BUFFERING" if not self._buffering:
                self._buffering = True
                return Heard()
            case "STOP_MEDIA_BUFFERING" if self._buffering:
                self._buffering = False
                return Heard(mark=rest)
            case "FLUSH_MEDIA":
                self._buffering = False
                return Heard(clear=True)
            case _:
                raise Wrong(f"{command!r} at this place")


SPEECHES: dict[str, type[Speech]] = {
    "twilio": Twilio,
    "signalwire": SignalWire,
    "telnyx": Telnyx,
    "plivo": Plivo,
    "vonage": Vonage,
    "exotel": Exotel,
    "jambonz": Jambonz,
    "asterisk": Asterisk,
    "asterisk-plain": PlainAsterisk,
}


@dataclass
class Line:
    """One call, seen from the carrier. Made by ``open``."""

    socket: ClientConnection
    speech: Speech
    raw: bytearray = field(default_factory=bytearray)
    """All that the agent sent, in the order of its arrival."""
    heard: bytearray = field(default_factory=bytearray)
    """What the caller's ear heard, silence where nothing was."""
    clears: list[int] = field(default_factory=list)
    """Frames that had been played when a clear arrived."""
    marks: list[str] = field(default_factory=list)
    """That came back, in their order."""
    keys: str = ""
    """That we were sent."""
    errors: list[str] = field(default_factory=list)
    most_ahead_ms: float = 0.0
    closed: anyio.Event = field(default_factory=anyio.Event)
    _said: bytearray = field(default_factory=bytearray)
    _pressed: deque[str] = field(default_factory=deque)
    _buffer: deque[bytes | str] = field(default_factory=deque)
    _late: str | bytes | None = None
    _number: int = 0
    _played: int = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, media: str, speech: Speech, *, parameters: Mapping[str, str] | None = None, token: str = "") -> AsyncIterator[Line]:
        """Ring ``media``, the address before ``/NAME``. The line is up inside the block and is hung up at its end."""
        given = dict(parameters or {})
        offered = [Subprotocol(speech.subprotocol)] if speech.subprotocol is not None else None
        url = f"{media}/{speech.name}{speech.address(given, token)}"
        async with connect(url, compression=None, additional_headers=speech.headers(token), subprotocols=offered, max_size=None) as socket:
            line = cls(socket, speech)
            if offered is not None and socket.subprotocol != speech.subprotocol:
                line.errors.append("the subprotocol was not granted")
            for message in speech.begin(given, token):
                await line._send(message)
            async with anyio.create_task_group() as group:
                group.start_soon(line._receive)
                group.start_soon(line._pump)
                try:
                    yield line
                finally:
                    with anyio.CancelScope(shield=True), anyio.move_on_after(3):
                        await line.hang_up()
                    group.cancel_scope.cancel()

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller says."""
        return self.speech.format_in

    @property
    def format_out(self) -> AudioFormat:
        """Of what the caller is sent."""
        return self.speech.format_out

    def say(self, data: bytes) -> None:
        """Say this from the next frame on, or after what is being said."""
        self._said += data

    def press(self, digits: str) -> None:
        """Press keys."""
        self._pressed.extend(digits)

    async def hang_up(self) -> None:
        """Put the phone down; idempotent."""
        if not self.closed.is_set() and (stop := self.speech.stop()) is not None:
            await self._send(stop)
        await self.socket.close()
        self.closed.set()

    @property
    def waiting(self) -> int:
        """Samples in the carrier's buffer."""
        return self.format_out.samples_in(sum(len(entry) for entry in self._buffer if isinstance(entry, bytes)))

    # -- the wire -----------------------------------------------------------------------------------------------------

    async def _send(self, message: str | bytes) -> None:
        try:
            await self.socket.send(message)
        except ConnectionClosed:
            self.closed.set()

    async def _pump(self) -> None:
        """The carrier's clock, by absolute deadlines."""
        begin, tick = anyio.current_time(), 0
        samples = self.format_in.rate // 50 * self.speech.ticks
        size = self.format_in.bytes_for(samples)
        while not self.closed.is_set():
            if tick % self.speech.ticks == 0:
                data, self._said = bytes(self._said[:size]), self._said[size:]
                await self._speak(data + silence(self.format_in, samples - self.format_in.samples_in(len(data))))
            while self._pressed:
                await self._send(self.speech.key(self._pressed.popleft()))
            await self._play()
            tick += 1
            await anyio.sleep_until(begin + tick * TICK)

    async def _speak(self, data: bytes) -> None:
        self._number += 1
        message = self.speech.media(self._number, data)
        if self.speech.shuffles and self._number % 5 == 0:
            self._late = message
            return
        await self._send(message)
        if self._late is not None:
            late, self._late = self._late, None
            await self._send(late)

    async def _play(self) -> None:
        samples = self.format_out.rate // 50
        size = self.format_out.bytes_for(samples)
        frame, due = b"", list[str]()
        while self._buffer and (len(frame) < size or isinstance(self._buffer[0], str)):
            entry = self._buffer.popleft()
            if isinstance(entry, str):
                due.append(entry)
                continue
            taken = entry[: size - len(frame)]
            frame += taken
            if len(taken) < len(entry):
                self._buffer.appendleft(entry[len(taken) :])
        self._played += 1
        self.heard += frame + silence(self.format_out, samples - self.format_out.samples_in(len(frame)))
        for name in due:
            await self._return(name, played=True)

    async def _return(self, name: str, *, played: bool) -> None:
        self.marks.append(name)
        await self._send(self.speech.mark(name, played=played))

    async def _receive(self) -> None:
        try:
            async for message in self.socket:
                await self._take(message)
        except ConnectionClosed:
            pass
        self.closed.set()

    async def _take(self, message: str | bytes) -> None:
        try:
            heard = self.speech.take(message)
        except (Wrong, KeyError, TypeError, ValueError) as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            return
        if heard.audio:
            if self.speech.most is not None and len(self._buffer) >= self.speech.most:
                self.errors.append("more than the carrier keeps")
                return
            self.raw += heard.audio
            self._buffer.append(heard.audio)
            self.most_ahead_ms = max(self.most_ahead_ms, self.waiting * 1000 / self.format_out.rate)
        elif heard.mark is not None:
            self._buffer.append(heard.mark)
        elif heard.clear:
            await self._clear()
        self.keys += heard.keys

    async def _clear(self) -> None:
        self.clears.append(self._played)
        names = [entry for entry in self._buffer if isinstance(entry, str)]
        self._buffer.clear()
        if (answer := self.speech.cleared()) is not None:
            await self._send(answer)
        if self.speech.marks_by_clear:
            for name in names:
                await self._return(name, played=False)
