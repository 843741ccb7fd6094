"""The carrier socket loop on an in-memory websocket and virtual time."""

from __future__ import annotations

import base64
import json

import anyio
import pytest
from tests.memory_socket import MemorySocket

from offhook.core.audio.format import MULAW_8K
from offhook.core.wire.dialect import BadMessage
from offhook.core.wire.twilio import Twilio
from offhook.errors import RemoteWireError, TransferFailed
from offhook.ports.transport import Closed, KeyIn, MarkIn, MediaIn, TransportEvent
from offhook.testing.clock import VIRTUAL_TIME
from offhook.transports.carrier_ws import CarrierWs
from offhook.transports.socket import BAD_IN_A_ROW, BAD_IN_ALL, QUEUED

SID = "MZ1"


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def start(**parameters: str) -> str:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    return json.dumps(
        {"event": "start", "streamSid": SID, "start": {"callSid": "CA1", "mediaFormat": form, "customParameters": parameters}}
    )


def media(n: int, sid: str = SID, data: bytes = b"\x55" * 160) -> str:
    body = {"track": "inbound", "chunk": str(n), "timestamp": str((n - 1) * 20), "payload": base64.b64encode(data).decode()}
    return json.dumps({"event": "media", "sequenceNumber": str(n + 1), "streamSid": sid, "media": body})


STOP = json.dumps({"event": "stop", "streamSid": SID, "stop": {}})


async def opened(socket: MemorySocket, **parameters: str) -> CarrierWs:
    socket.say('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    socket.say(start(**parameters))
    transport = await CarrierWs.open(socket, Twilio())
    assert transport is not None
    return transport


async def everything(transport: CarrierWs) -> list[TransportEvent]:
    events: list[TransportEvent] = []
    await transport.read(events.append)
    return events


async def test_a_whole_call() -> None:
    socket = MemorySocket()
    transport = await opened(socket, token="t", did="+1", caller="+2", other="x")
    assert socket.accepted
    begun = transport.start
    assert (begun.transport, begun.carrier_call, begun.token, begun.did, begun.caller) == ("twilio", "CA1", "t", "+1", "+2")
    assert begun.parameters == {"did": "+1", "caller": "+2", "other": "x"}
    assert transport.format_in == transport.format_out == MULAW_8K
    for n in (1, 3, 2):
        socket.say(media(n))
    socket.say(json.dumps({"event": "dtmf", "streamSid": SID, "dtmf": {"digit": "5"}}))
    socket.say(json.dumps({"event": "mark", "streamSid": SID, "mark": {"name": "e1:1"}}))
    socket.say(STOP)
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        events = await everything(transport)
        await transport.end()
    assert [(e.start, len(e.data)) for e in events if isinstance(e, MediaIn)] == [(0, 160), (160, 160), (320, 160)]
    assert events[3:] == [KeyIn("5"), MarkIn("e1:1"), Closed(lost=False, why="stop")]
    assert socket.closed == 1000
    socket.free()


async def test_what_is_queued_goes_out_in_order_and_clear_drops_only_waiting_media() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    transport.send(b"\x01" * 160)
    transport.mark("e1:1")
    transport.clear()
    transport.send(b"\x02" * 160)
    transport.show({"type": "transcript"})
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        await anyio.sleep(0.01)
        await transport.end()
        transport.send(b"\x03" * 160)
    sent = [json.loads(m) for m in socket.sent]
    assert [m["event"] for m in sent] == ["mark", "clear", "media"]
    assert base64.b64decode(sent[2]["media"]["payload"]) == b"\x02" * 160
    await transport.end()
    assert socket.closed == 1000
    socket.free()


async def test_end_without_a_writer_closes_too() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    await transport.end()
    assert socket.closed == 1000
    assert await everything(transport) == [Closed(lost=False, why="ended here")]
    socket.free()


async def test_end_wakes_the_reader() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    got: list[TransportEvent] = []

    async def read() -> None:
        await transport.read(got.append)

    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        group.start_soon(read)
        await anyio.sleep(1)
        await transport.end()
    assert got == [Closed(lost=False, why="ended here")]
    socket.free()


@pytest.mark.parametrize(("code", "lost"), [(1000, False), (1001, False), (1006, True), (1005, True)])
async def test_a_close_without_stop(code: int, lost: bool) -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    socket.leave(code)
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        events = await everything(transport)
    assert [e.lost for e in events if isinstance(e, Closed)] == [lost]
    await transport.end()
    socket.free()


async def test_a_peer_that_does_not_drain_is_lost() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    socket.stuck = True
    got: list[TransportEvent] = []

    async def read() -> None:
        await transport.read(got.append)

    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        group.start_soon(read)
        for _ in range(QUEUED + 10):
            transport.send(b"\x01" * 160)
            await anyio.sleep(0.02)
        assert [e.lost for e in got if isinstance(e, Closed)] == [True]
        before = anyio.current_time()
        await transport.end()
        assert anyio.current_time() - before <= 2.0
        group.cancel_scope.cancel()
    assert transport.counters["not_drained"] == 1
    assert socket.closed == 1008
    socket.free()


async def test_a_connection_that_breaks_while_sending_is_lost() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    socket.broken = True
    transport.send(b"\x01")
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        assert [e.lost for e in await everything(transport) if isinstance(e, Closed)] == [True]
    await transport.end()
    socket.free()


async def test_nonsense_is_counted_and_the_call_goes_on() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    for message in (b"\x00", "{", media(1, sid="MZother"), start(), '{"event":"connected"}', media(1), STOP):
        socket.say(message)
    events = await everything(transport)
    assert [type(e) for e in events] == [MediaIn, Closed]
    assert transport.counters == {
        "messages": 7,
        "bad.binary": 1,
        "bad.json": 1,
        "bad.wrong_stream": 1,
        "bad.second_start": 1,
        "in.connected": 1,
        "in.media": 1,
        "in.stop": 1,
    }
    socket.free()


async def test_100_in_a_row_or_1000_in_all_are_enough() -> None:
    for good_between, most in ((False, BAD_IN_A_ROW), (True, BAD_IN_ALL)):
        socket = MemorySocket()
        transport = await opened(socket)
        for n in range(most + 50):
            socket.say("nonsense")
            if good_between:
                socket.say(media(n + 1))
        async with anyio.create_task_group() as group:
            group.start_soon(transport.run)
            events = await everything(transport)
        assert isinstance(events[-1], Closed)
        assert events[-1].lost
        assert transport.counters["bad.json"] == most
        assert socket.closed == 1008
        socket.free()


async def test_one_oversize_message_is_enough() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    socket.say("x" * 70_000)
    assert [e.lost for e in await everything(transport) if isinstance(e, Closed)] == [True]
    socket.free()


async def test_no_start_in_time_is_refused() -> None:
    socket = MemorySocket()
    with pytest.raises(RemoteWireError, match="start"):
        await CarrierWs.open(socket, Twilio(), timeout=3)
    assert anyio.current_time() == 3
    assert socket.closed == 1008
    socket.free()


async def test_media_before_start_is_not_a_call() -> None:
    socket = MemorySocket()
    for n in range(BAD_IN_A_ROW):
        socket.say(media(n + 1))
    with pytest.raises(RemoteWireError):
        await CarrierWs.open(socket, Twilio())
    assert anyio.current_time() == 0
    socket.free()


async def test_a_wrong_format_is_refused_by_name() -> None:
    socket = MemorySocket()
    socket.say(start().replace("8000", "16000"))
    with pytest.raises(BadMessage, match="16000"):
        await CarrierWs.open(socket, Twilio())
    assert socket.closed == 1008
    socket.free()


async def test_a_peer_that_leaves_before_start_is_no_error() -> None:
    socket = MemorySocket()
    socket.leave()
    assert await CarrierWs.open(socket, Twilio()) is None
    socket.free()


async def test_a_gap_is_a_jump_and_wild_timestamps_are_not() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    for n in (1, 2, 12, 13, 14, 15, 16):
        socket.say(media(n))
    socket.say(media(17).replace('"320"', '"999999999999"'))
    socket.say(STOP)
    starts = [e.start // 160 for e in await everything(transport) if isinstance(e, MediaIn)]
    assert starts == [0, 1, 11, 12, 13, 14, 15, 16]
    assert transport.jitter.wild == 1
    socket.free()


async def test_a_stream_cannot_transfer() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    with pytest.raises(TransferFailed, match="twilio"):
        await transport.transfer("+64")
    socket.free()
