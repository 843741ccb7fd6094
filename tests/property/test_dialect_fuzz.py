"""Every dialect on messages that are broken in every way: typed errors only, no growth, and a time that does not run away.

Some of it always; a million messages for each dialect in the slow suite.
"""

from __future__ import annotations

import gc
import json
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.memory_socket import MemorySocket
from tests.property.test_wire_fuzz import mutate
from tests.telephony.figures import figure
from tests.unit.core.wire.golden import GOLDEN, wire

from offhook import registry
from offhook.core.wire import audiosocket
from offhook.core.wire.dialect import BadMessage, Connected, Dialect, Flow, Key, Mark, Media, Start, Stop
from offhook.ports.transport import Closed, MediaIn, TransportEvent
from offhook.transports.carrier_ws import CarrierWs
from offhook.transports.socket import BAD_IN_ALL

EVENTS = (Connected, Start, Media, Key, Mark, Stop, Flow, type(None))
COUNT = 1_000_000
BUDGET = 600.0
"""Seconds of processor time for a million: a parser that takes more has a bad case. They take about twenty."""
GROWTH = 2_000
"""Blocks of memory that may be more after a million messages than before: what is kept of each would be a million."""
_JUNK = ["", "\x00", "{", '"', "NaN", "\\", "}}", "\ud800", "null", "[]", "-1", '"x":', "\\u0000", "e9", "٣", ":", " "]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def dialect(name: str) -> Dialect:
    made: Dialect = registry.dialect(name.partition("-")[0]).create()
    return made


def one(rng: random.Random, golden: list[Any]) -> str | bytes:
    """A golden message, broken: its tree, its text, or its bytes."""
    message = rng.choice(golden)
    if isinstance(message, dict):
        return mutate(rng, message)
    return spliced(rng, message)


def spliced(rng: random.Random, message: str | bytes) -> str | bytes:
    """A message with a piece taken out, put in, or cut off: cheap."""
    at, size = rng.randrange(len(message) + 1), rng.choice((0, 0, 1, 2, 8))
    if isinstance(message, bytes):
        return message[:at] + rng.randbytes(rng.choice((0, 1, 2, 3))) + message[at + size :] if rng.random() < 0.9 else message[:at]
    if rng.random() < 0.1:
        return message[:at]
    return message[:at] + rng.choice(_JUNK) + message[at + size :]


def seen(name: str, messages: Iterator[str | bytes]) -> Counter[str]:
    """What became of them. Anything but an event or a BadMessage fails."""
    parse, counted = dialect(name).parse, Counter[str]()
    for message in messages:
        try:
            event = parse(message)
        except BadMessage as error:
            counted[error.reason] += 1
            continue
        assert isinstance(event, EVENTS)
        counted[type(event).__name__] += 1
    return counted


@pytest.mark.parametrize("name", GOLDEN)
def test_only_typed_errors_come_out(name: str) -> None:
    rng = random.Random(f"some {name}")
    golden = list(GOLDEN[name].values())
    counted = seen(name, (one(rng, golden) for _ in range(3_000)))
    assert counted.total() == 3_000
    assert {"Media", "Key", "unknown"} <= counted.keys(), "a fuzzer that only ever makes one kind of mistake proves little"
    assert sum(1 for reason in counted if reason.islower()) >= 5


@pytest.mark.parametrize("name", GOLDEN)
@settings(max_examples=40)
@given(data=st.data())
def test_nothing_that_can_be_written_is_too_much(name: str, data: st.DataObject) -> None:
    words = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
    message = data.draw(
        st.sampled_from([wire(golden) for golden in GOLDEN[name].values()])
        | words.map(json.dumps)
        | st.text(max_size=200)
        | st.binary(max_size=200)
    )
    assert seen(name, iter([message])).total() == 1


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "twilio"])
async def test_a_call_survives_it_or_ends_and_every_message_is_counted_once(name: str) -> None:
    rng = random.Random(f"call {name}")
    golden = list(GOLDEN[name].values())
    socket = MemorySocket()
    socket.say(wire(GOLDEN[name]["start"]))
    leg = await CarrierWs.open(socket, dialect(name))
    assert leg is not None
    for number in range(2_500):
        # A good one now and then: what only ever is nonsense ends the call soon.
        socket.say(wire(GOLDEN[name]["media"]) if number % 3 == 0 else one(rng, golden))
    socket.leave(1000)
    async with anyio.create_task_group() as group:
        group.start_soon(leg.run)
        events: list[TransportEvent] = []
        await leg.read(events.append)
        await leg.end()
    socket.free()
    counted = leg.counters
    assert counted["messages"] == sum(n for what, n in counted.items() if what.startswith(("in.", "bad.")))
    assert sum(n for what, n in counted.items() if what.startswith("bad.")) <= BAD_IN_ALL
    assert [event for event in events if isinstance(event, Closed)] == events[-1:]
    starts = [event.start for event in events if isinstance(event, MediaIn)]
    assert starts == sorted(starts)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN)
def test_a_million_messages(name: str) -> None:
    rng = random.Random(f"million {name}")
    golden = list(GOLDEN[name].values())
    # Broken in their trees first, which is dear, and then again and again in their text.
    stock = [wire(message) for message in golden] * 20 + [one(rng, golden) for _ in range(20_000)]
    stock = [message for message in stock if message and len(message) < 10_000]
    seen(name, (spliced(rng, rng.choice(stock)) for _ in range(10_000)))
    gc.collect()
    before, begun = sys.getallocatedblocks(), time.process_time()
    counted = seen(name, (spliced(rng, rng.choice(stock)) for _ in range(COUNT)))
    took = time.process_time() - begun
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert counted.total() == COUNT
    assert grown < GROWTH
    assert took < BUDGET
    good = sum(n for what, n in counted.items() if not what.islower())
    figure(f"fuzz, {name}: {COUNT:,} messages, {good:,} understood, the rest refused for {len(counted)} reasons; {took:.0f} s")


@pytest.mark.slow
def test_a_million_frames_of_audiosocket() -> None:
    rng = random.Random("million audiosocket")
    good = [(0x10, bytes(320)), (0x12, bytes(640)), (0x03, b"5"), (0x01, bytes(16)), (0x00, b""), (0xFF, b"\x01")]
    reader, counted = audiosocket.Reader(), Counter[str]()
    parts: list[bytes] = []
    for _ in range(20_000):
        kind, payload = rng.choice(good)
        if rng.random() < 0.7:
            kind = rng.choice((kind, rng.randrange(256)))
            payload = payload[: rng.randrange(len(payload) + 1)] + rng.randbytes(rng.choice((0, 1, 2)))
        parts.append(struct.pack("!BH", kind, len(payload)) + payload)
    gc.collect()
    before, begun = sys.getallocatedblocks(), time.process_time()
    while counted.total() < COUNT:
        for kind, payload in reader.feed(b"".join(rng.choices(parts, k=8))):
            try:
                counted[type(audiosocket.parse(kind, payload)).__name__] += 1
            except BadMessage as error:
                counted[error.reason] += 1
    took = time.process_time() - begun
    gc.collect()
    assert sys.getallocatedblocks() - before < GROWTH
    assert took < BUDGET
    assert {"Sound", "Key", "Hello", "Bye", "unknown", "bad_payload", "bad_key", "bad_stream", "media_format"} == counted.keys()
    figure(f"fuzz, audiosocket: {counted.total():,} frames; {took:.0f} s")
