"""Bad peers at a real engine's media socket: nothing that they send or leave out stays behind or hurts the next caller."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.e2e.browser import engine
from tests.scenarios.harness import SCRIPT
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(240)]
SESSIONS = 300
AT_ONCE = 6
SPARE_FILES = 8


def files_of(port: int) -> int:
    """Open files of the process that listens on a port."""
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[1].endswith(f":{port:04X}")}
    wanted = {f"socket:[{inode}]" for inode in inodes if inode != "0"}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            targets = [str(entry.readlink()) for entry in (process / "fd").iterdir() if entry.is_symlink()]
        except OSError:
            continue
        listening = [line.split()[9] for line in (process / "net" / "tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
        if any(f"socket:[{inode}]" in targets and f"socket:[{inode}]" in wanted for inode in listening):
            return len(targets)
    raise AssertionError("nobody listens there")


def start(stream: str, **changes: Any) -> dict[str, Any]:
    body = {
        "streamSid": stream,
        "accountSid": "AC0",
        "callSid": f"CA{stream}",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {},
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": {**body, **changes}}


def mutated(message: str, rng: random.Random) -> str | bytes:
    """A message with something wrong in it."""
    match rng.randrange(6):
        case 0:
            return message[: rng.randrange(len(message))]
        case 1:
            at = rng.randrange(len(message))
            return message[:at] + chr(rng.randrange(32, 0x2FF)) + message[at + 1 :]
        case 2:
            return message.encode()
        case 3:
            value = json.loads(message)
            value.pop(rng.choice(list(value)))
            return json.dumps(value)
        case 4:
            value = json.loads(message)
            value[rng.choice(list(value))] = rng.choice([None, 1e308, -1, [], {}, "", "x" * 1_000, [[[]]]])
            return json.dumps(value)
        case _:
            return rng.choice(["", "null", "[" * 5_000, "{}", "\u0000", '"start"', '{"event":"start"}', "x" * 70_000])


def conversation(rng: random.Random) -> list[str | bytes]:
    """What a bad peer sends."""
    stream = f"MZ{rng.getrandbits(64):016x}"
    payload = base64.b64encode(rng.randbytes(160)).decode()
    media: dict[str, Any] = {
        "event": "media",
        "streamSid": stream,
        "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload},
    }
    good = [{"event": "connected", "protocol": "Call", "version": "1.0.0"}, start(stream), *[media] * rng.randrange(20)]
    lines: list[str | bytes] = [json.dumps(one) for one in good]
    match rng.randrange(5):
        case 0:
            lines = lines[1:] if rng.random() < 0.5 else lines[2:]
        case 1:
            lines.append(json.dumps(start(stream)))
        case 2:
            lines.extend([json.dumps(media)] * 500)
        case _:
            for _ in range(rng.randrange(1, 5)):
                at = rng.randrange(len(lines))
                line = lines[at]
                if isinstance(line, str) and line.startswith("{") and line.endswith("}"):
                    lines[at] = mutated(line, rng)
                    break
    return lines[: rng.randrange(1, len(lines) + 1)] if lines and rng.random() < 0.3 else lines


async def _end(socket: ClientConnection, rng: random.Random) -> None:
    if rng.random() < 0.5:
        socket.transport.abort()  # the line breaks
    else:
        await socket.close()


async def session(address: str, number: int) -> None:
    rng = random.Random(number)
    try:
        with anyio.fail_after(150):
            async with connect(address, compression=None, close_timeout=2, open_timeout=60) as socket:
                for line in conversation(rng):
                    await socket.send(line)
                await anyio.sleep(rng.random() * 0.05)
                await _end(socket, rng)
    except (WebSocketException, OSError):
        pass  # being refused is an answer


async def test_bad_peers_leave_nothing_behind(tmp_path: Path) -> None:
    with engine({"script": SCRIPT, "record": False}, tmp_path) as address:
        media = address.replace("http://", "ws://") + "/media/twilio"
        port = int(address.rpartition(":")[2])
        await good_call(media)
        await quiet(address)
        before = files_of(port)
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def one(number: int) -> None:
            async with limiter:
                await session(media, number)

        async with anyio.create_task_group() as group:
            for number in range(SESSIONS):
                group.start_soon(one, number)
        figures = await quiet(address)
        assert sum(figures["failures"].values()) > SESSIONS / 10, "bad beginnings are counted"
        assert files_of(port) <= before + SPARE_FILES
        await good_call(media)
        log = (tmp_path / "engine.log").read_text(encoding="utf-8")
        assert "Traceback" not in log, log[-4_000:]


async def good_call(media: str) -> None:
    """The agent greets somebody."""
    async with TwilioLine.open(media, parameters={"did": "+442079460000"}) as line:
        with anyio.fail_after(150):
            while line.last_audible() is None:
                await anyio.sleep(0.05)
    assert line.errors == []


async def quiet(address: str) -> dict[str, Any]:
    """Wait until no call is left; the engine's figures."""
    async with httpx.AsyncClient(timeout=60) as http:
        with anyio.fail_after(150):
            while (figures := (await http.get(f"{address}/healthz")).json())["calls"]:
                await anyio.sleep(0.1)
    assert isinstance(figures, dict)
    return figures
