"""The browser's protocol as its docstring has it."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from tests.memory_socket import MemorySocket

from offhook.core.audio.format import PCM16_16K, PCM16_24K
from offhook.errors import RemoteWireError
from offhook.ports.transport import ClientIn, Closed, KeyIn, MarkIn, MediaIn, TransportEvent
from offhook.testing.clock import VIRTUAL_TIME
from offhook.transports.browser_ws import BrowserWs


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


START: dict[str, Any] = {"type": "start", "version": 1, "token": "t", "rate": 16000, "rate_out": 24000, "parameters": {"did": "+1"}}


async def opened(socket: MemorySocket, **changes: object) -> BrowserWs:
    socket.say(json.dumps({**START, **changes}))
    transport = await BrowserWs.open(socket)
    assert transport is not None
    return transport


async def test_a_whole_call() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    assert (transport.format_in, transport.format_out) == (PCM16_16K, PCM16_24K)
    assert (transport.start.transport, transport.start.token, transport.start.did) == ("browser", "t", "+1")
    socket.say(bytes(640))
    socket.say(bytes(641))
    socket.say(bytes(320))
    for message in ({"type": "mark", "name": "e1:1"}, {"type": "dtmf", "digit": "*"}, {"type": "muted", "on": True}, {"no": 1}, START):
        socket.say(json.dumps(message))
    socket.say('{"type":"hangup"}')
    events: list[TransportEvent] = []
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        transport.send(b"\x01\x02")
        transport.mark("e1:1")
        await anyio.sleep(0.01)
        transport.clear()
        transport.show({"type": "transcript", "text": "kia ora, Māori"})
        await anyio.sleep(0.01)
        await transport.read(events.append)
        await transport.end()
    assert events == [
        MediaIn(bytes(640), 0),
        MediaIn(bytes(320), 320),
        MarkIn("e1:1"),
        KeyIn("*"),
        ClientIn({"type": "muted", "on": True}),
        Closed(lost=False, why="hangup"),
    ]
    texts = [json.loads(m) if isinstance(m, str) else m for m in socket.sent]
    assert texts == [
        {"type": "started", "version": 1, "rate": 16000, "rate_out": 24000},
        b"\x01\x02",
        {"type": "mark", "name": "e1:1"},
        {"type": "clear"},
        {"type": "transcript", "text": "kia ora, Māori"},
    ]
    assert socket.closed == 1000
    counted = transport.counters
    assert counted["messages"] == 9
    assert sum(n for name, n in counted.items() if name != "messages") == 9
    assert counted["bad.bad_payload"] == counted["bad.unknown"] == counted["bad.second_start"] == 1
    socket.free()


async def test_an_end_here_tells_the_page() -> None:
    socket = MemorySocket()
    transport = await opened(socket)
    async with anyio.create_task_group() as group:
        group.start_soon(transport.run)
        await anyio.sleep(0.01)
        await transport.end()
    assert json.loads(socket.sent[-1])["type"] == "end"
    assert socket.closed == 1000
    socket.free()


async def test_defaults() -> None:
    socket = MemorySocket()
    socket.say('{"type":"start"}')
    transport = await BrowserWs.open(socket)
    assert transport is not None
    assert transport.format_in == transport.format_out == PCM16_16K
    assert transport.start.token == ""
    socket.free()


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\x00",
        "{",
        '{"type":"hangup"}',
        json.dumps({**START, "rate": 11025}),
        json.dumps({**START, "rate": 16000.0}),
        json.dumps({**START, "rate_out": "24000"}),
        json.dumps({**START, "rate": True}),
        json.dumps({**START, "rate": [16000]}),
        json.dumps({**START, "version": 2}),
        json.dumps({**START, "token": None}),
        json.dumps({**START, "token": "\ud800"}),
        json.dumps({**START, "parameters": {"a": []}}),
        "x" * 70_000,
    ],
)
async def test_a_bad_start_is_refused(message: str | bytes) -> None:
    socket = MemorySocket()
    socket.say(message)
    with pytest.raises(RemoteWireError):
        await BrowserWs.open(socket)
    assert socket.closed == 1008
    socket.free()


async def test_silence_and_leaving_before_start() -> None:
    socket = MemorySocket()
    with pytest.raises(RemoteWireError, match="no start"):
        await BrowserWs.open(socket, timeout=10)
    assert anyio.current_time() == 10
    gone = MemorySocket()
    gone.leave(1001)
    assert await BrowserWs.open(gone) is None
    socket.free()
    gone.free()
