"""100,000 mutated carrier messages: typed errors only, every message counted once, bounded time."""

from __future__ import annotations

import base64
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from tests.memory_socket import MemorySocket

from offhook.core.wire.dialect import BadMessage
from offhook.core.wire.twilio import Twilio
from offhook.ports.transport import Closed, MediaIn, TransportEvent
from offhook.transports.carrier_ws import CarrierWs
from offhook.transports.socket import BAD_IN_ALL


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
COUNT = 100_000
BUDGET = 30.0
"""Seconds of processor time: a parser that takes more has a bad case."""
_FORM = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": SID,
    "start": {"streamSid": SID, "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": _FORM, "customParameters": {"token": "t"}},
}
_AUDIO = base64.b64encode(bytes(range(160))).decode()
GOLDEN: list[dict[str, Any]] = [
    {"event": "connected", "protocol": "Call", "version": "1.0.0"},
    START,
    *(
        {
            "event": "media",
            "sequenceNumber": str(n + 1),
            "streamSid": SID,
            "media": {"track": "inbound", "chunk": str(n), "timestamp": str(n * 20), "payload": _AUDIO},
        }
        for n in range(1, 6)
    ),
    {"event": "dtmf", "streamSid": SID, "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}},
    {"event": "mark", "streamSid": SID, "sequenceNumber": "4", "mark": {"name": "e1:1"}},
    {"event": "stop", "streamSid": SID, "sequenceNumber": "9", "stop": {"accountSid": "AC", "callSid": "CA1"}},
]
_ODD: list[Callable[[random.Random], Any]] = [
    lambda _r: None,
    lambda r: r.choice([True, False]),
    lambda r: r.choice([-1, 0, 10**18, 10**30, -0.0, 1.5, 1e308]),
    lambda r: r.choice(["-1", "٣", "²", "1e9", "0x10", " 1", "999999999999999", "9" * 400, ""]),
    lambda r: r.choice(["\ud800", "\x00", "\u202e", "é" * 50, "=" * 9, "A", "<script>", "../..", "%s%n"]),
    lambda _r: [],
    lambda _r: {},
    lambda r: [[[[r.random()]]]],
    lambda _r: {"a": {"b": {"c": None}}},
    lambda r: "x" * r.choice([1, 300, 5_000]),
]


def mutate(rng: random.Random, message: dict[str, Any]) -> str | bytes:
    """One golden message, broken in one or a few ways: its tree first, its text after."""
    tree = json.loads(json.dumps(message))
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        node = tree
        while True:
            key = rng.choice(list(node))
            if isinstance(node[key], dict) and node[key] and rng.random() < 0.7:
                node = node[key]
                continue
            break
        match rng.randrange(4):
            case 0:
                del node[key]
            case 1:
                node[key + rng.choice("xX _")] = node.pop(key)
            case _:
                node[key] = rng.choice(_ODD)(rng)
        if not node:
            break
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    match rng.randrange(12):
        case 0:
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(["", "\x00", "{", '"', "NaN", "\\", "}}", "\ud800"]) + text[at + rng.randrange(4) :]
        case 1:
            text = text[: rng.randrange(len(text) + 1)]
        case 2:
            return text.encode("utf-8", "replace")
        case 3 if rng.random() < 0.02:
            text = rng.choice(["[" * 60_000, '{"a":' * 10_000, text + " " * 66_000])
    return text


def messages(seed: int, count: int) -> list[str | bytes]:
    rng = random.Random(seed)
    return [mutate(rng, rng.choice(GOLDEN)) for _ in range(count)]


def test_only_typed_errors_come_out_of_the_dialect() -> None:
    corpus = messages(20_261, COUNT)
    twilio, seen = Twilio(), Counter[str]()
    begun = time.process_time()
    for message in corpus:
        try:
            event = twilio.parse(message)
        except BadMessage as error:
            seen[error.reason] += 1
        else:
            seen[type(event).__name__] += 1
    assert time.process_time() - begun < BUDGET
    assert sum(seen.values()) == COUNT
    # A fuzzer that only ever makes one kind of mistake proves little.
    for reason in ("binary", "oversize", "nested", "json", "missing", "bad_text", "bad_number", "bad_stream", "bad_payload", "unknown"):
        assert seen[reason] > 0, reason
    for good in ("Media", "Mark", "Start", "Key", "Stop"):
        assert seen[good] > 1000, good


async def test_calls_survive_it_or_end_and_every_message_is_counted_once() -> None:
    corpus = messages(20_262, COUNT)
    begun, at, ends, calls = time.process_time(), 0, Counter[str](), 0
    while at < len(corpus):
        socket = MemorySocket()
        socket.say(json.dumps(START))
        transport = await CarrierWs.open(socket, Twilio())
        assert transport is not None
        calls += 1
        batch = corpus[at : at + 2_500]
        for message in batch:
            socket.say(message)
        socket.leave(1000)
        async with anyio.create_task_group() as group:
            group.start_soon(transport.run)
            events: list[TransportEvent] = []
            await transport.read(events.append)
            await transport.end()
        counted = transport.counters
        assert counted["messages"] == sum(n for name, n in counted.items() if name.startswith(("in.", "bad.")))
        assert 1 <= counted["messages"] <= len(batch) or len(batch) == 0
        assert sum(n for name, n in counted.items() if name.startswith("bad.")) <= BAD_IN_ALL
        assert [e for e in events if isinstance(e, Closed)] == events[-1:]
        starts = [e.start for e in events if isinstance(e, MediaIn)]
        assert starts == sorted(starts)
        assert not starts or starts[-1] < 8_000 * 3 + 160 * len(starts)
        assert socket.closed in (None, 1000, 1008)
        assert isinstance(events[-1], Closed)
        ends[events[-1].why.split(",")[0]] += 1
        at += max(1, counted["messages"])
        socket.free()
    assert time.process_time() - begun < BUDGET
    assert ends["stop"] > 100
