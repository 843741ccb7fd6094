"""The in-memory leg on virtual time."""

from __future__ import annotations

import anyio
import pytest

from offhook.core.audio.format import MULAW_8K, PCM16_8K
from offhook.errors import TransferFailed
from offhook.ports.transport import CallTransport, Closed, KeyIn, MarkIn, MediaIn
from offhook.testing.clock import VIRTUAL_TIME
from offhook.transports.loopback import Loopback


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


async def test_what_is_sent_is_played_in_real_time_and_marks_come_back_when_it_was() -> None:
    line = Loopback(MULAW_8K)
    transport: CallTransport = line
    seen: list[tuple[float, object]] = []

    async def read() -> None:
        await transport.read(lambda event: seen.append((anyio.current_time(), event)))

    async with anyio.create_task_group() as group:
        group.start_soon(line.run)
        group.start_soon(read)
        await anyio.sleep(0.5)
        transport.send(b"\x01" * 800)
        transport.mark("a")
        await anyio.sleep(0.05)
        assert line.heard == b"\xff" * 4000 + b"\x01" * 400
        assert line.most_ahead == 800
        await anyio.sleep(0.5)
        line.hang_up()
    assert seen == [(0.6, MarkIn("a")), (1.05, Closed(lost=False, why="hangup"))]
    assert line.heard == b"\xff" * 4000 + b"\x01" * 800 + b"\xff" * 3600


async def test_clear_stops_at_the_sample_and_returns_the_marks() -> None:
    line = Loopback(PCM16_8K)
    line.send(b"\x01\x01" * 8000)
    line.mark("a")
    line.mark("b")
    await anyio.sleep(0.25)
    line.clear()
    await anyio.sleep(0.75)
    assert line.heard == b"\x01\x01" * 2000 + bytes(12000)
    await line.end()
    assert [event async for event in line] == [MarkIn("a"), MarkIn("b"), Closed(lost=False, why="ended here")]


async def test_the_other_side_speaks_and_presses_keys() -> None:
    line = Loopback(MULAW_8K)
    line.say(b"\x01" * 160)
    line.say(b"\x02" * 160)
    line.say(b"\x03" * 160, 800)
    line.key("9")
    line.hang_up(lost=True)
    line.key("1")
    assert [event async for event in line] == [
        MediaIn(b"\x01" * 160, 0),
        MediaIn(b"\x02" * 160, 160),
        MediaIn(b"\x03" * 160, 800),
        KeyIn("9"),
        Closed(lost=True, why="hangup"),
    ]


async def test_transfer_only_where_wished() -> None:
    line = Loopback(MULAW_8K)
    with pytest.raises(TransferFailed):
        await line.transfer("+64")
    line.transfers = True
    await line.transfer("+64")
    assert line.transferred_to == "+64"
    await line.end()
    assert [type(event) async for event in line] == [Closed]
