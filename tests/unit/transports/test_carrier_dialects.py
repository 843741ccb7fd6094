"""What a carrier's socket does for dialects that want more than Twilio's: sizes, numbers, flow, keys, parameters of the upgrade."""

from __future__ import annotations

import base64
import json
from typing import Any

import anyio
import pytest
from tests.memory_socket import MemorySocket
from tests.unit.core.wire.golden import GOLDEN, PCM, UUID, changed, wire

from offhook import registry
from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K
from offhook.core.wire.dialect import BadMessage
from offhook.errors import RemoteWireError
from offhook.ports.transport import Closed, MediaIn, TransportEvent
from offhook.testing.clock import VIRTUAL_TIME
from offhook.transports.carrier_ws import CarrierWs


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


async def opened(name: str, socket: MemorySocket, start: str | bytes | None = None, **address: str) -> CarrierWs:
    socket.say(start or wire(GOLDEN[name]["start"]))
    leg = await CarrierWs.open(socket, registry.dialect(name.partition("-")[0]).create(), address=address)
    assert leg is not None
    return leg


async def said(leg: CarrierWs, socket: MemorySocket) -> list[str | bytes]:
    """All that is written once nothing waits any more."""
    async with anyio.create_task_group() as group:
        group.start_soon(leg.run)
        await anyio.sleep(1)
        await leg.end()
    socket.free()
    return socket.sent


async def events(leg: CarrierWs, socket: MemorySocket) -> list[TransportEvent]:
    found: list[TransportEvent] = []
    socket.leave(1000)
    await leg.read(found.append)
    socket.free()
    return found


@pytest.mark.parametrize(
    ("name", "into", "out"),
    [
        ("twilio", MULAW_8K, MULAW_8K),
        ("signalwire", PCM16_16K, PCM16_16K),
        ("telnyx", ALAW_8K, MULAW_8K),
        ("vonage", PCM16_16K, PCM16_16K),
        ("jambonz", PCM16_8K, PCM16_8K),
        ("asterisk-plain", MULAW_8K, MULAW_8K),
    ],
)
async def test_the_start_decides_the_formats(name: str, into: object, out: object) -> None:
    socket = MemorySocket()
    leg = await opened(name, socket)
    assert (leg.format_in, leg.format_out) == (into, out)
    socket.free()


async def test_parameters_of_the_upgrade_stand_behind_those_of_the_start() -> None:
    socket = MemorySocket()
    address = {"token": "theirs", "did": "+1", "carrier_call": "call-1", "campaign": "spring"}
    start = json.dumps(changed(GOLDEN["vonage"]["start"], "carrier_call", ...))
    leg = await opened("vonage", socket, start, **address)
    assert (leg.start.token, leg.start.did, leg.start.carrier_call) == ("t0k", "+6421", "call-1")
    assert leg.start.parameters["campaign"] == "spring"
    assert "token" not in leg.start.parameters
    assert "carrier_call" not in leg.start.parameters
    socket.free()


async def test_a_carrier_that_names_its_call_is_believed_and_not_the_address() -> None:
    socket = MemorySocket()
    leg = await opened("plivo", socket, token="t0k", carrier_call="another")
    assert leg.start.carrier_call == "12345678-1234-1234-1234-123456789abc"
    assert leg.start.token == "t0k"
    socket.free()


async def test_a_subprotocol_is_granted_where_it_was_asked_for() -> None:
    for asked in ("media", None):
        socket = MemorySocket()
        socket.say(wire(GOLDEN["asterisk"]["start"]))
        await CarrierWs.open(socket, registry.dialect("asterisk").create(), subprotocol=asked)
        assert socket.subprotocol == asked
        socket.free()


async def test_audio_before_the_start_is_no_start() -> None:
    # Asterisk under load sends some frames before MEDIA_START (asterisk/asterisk#1712).
    socket = MemorySocket()
    for _ in range(5):
        socket.say(bytes(160))
    leg = await opened("asterisk", socket)
    assert leg.counters["bad.before_start"] == 5
    socket.free()
    socket = MemorySocket()
    for _ in range(200):
        socket.say(bytes(160))
    with pytest.raises(RemoteWireError):
        await CarrierWs.open(socket, registry.dialect("asterisk").create())
    assert socket.closed == 1008
    socket.free()


async def test_a_format_that_is_not_spoken_is_refused_by_name() -> None:
    socket = MemorySocket()
    with pytest.raises(BadMessage, match="16000"):
        await opened("telnyx", socket, json.dumps(changed(GOLDEN["telnyx"]["start"], "start.media_format.sample_rate", 16000)))
    assert socket.closed == 1008
    socket.free()


async def test_binary_frames_are_numbered_here() -> None:
    socket = MemorySocket()
    leg = await opened("vonage", socket)
    for _ in range(3):
        socket.say(bytes(640))
    socket.say(bytes(641))
    socket.say(bytes(640))
    found = await events(leg, socket)
    assert [event.start for event in found if isinstance(event, MediaIn)] == [0, 320, 640, 960]
    assert leg.counters["bad.bad_payload"] == 1


async def test_half_a_sample_is_nonsense() -> None:
    socket = MemorySocket()
    leg = await opened("exotel", socket)
    golden: dict[str, Any] = GOLDEN["exotel"]["media"]
    socket.say(json.dumps(changed(golden, "media.payload", base64.b64encode(PCM[:-1]).decode())))
    socket.say(json.dumps(golden))
    found = await events(leg, socket)
    assert [type(event) for event in found] == [MediaIn, Closed]
    assert leg.counters["bad.bad_payload"] == 1


async def test_vonage_gets_frames_of_20_ms_whatever_is_sent() -> None:
    socket = MemorySocket()
    leg = await opened("vonage", socket)
    leg.send(bytes(range(200)) * 16)  # 100 ms
    leg.send(b"\x07" * 320)  # 10 ms: filled up when no more comes
    leg.mark("e1:1")
    frames = await said(leg, socket)
    assert [len(one) for one in frames[:-1]] == [640] * 6
    assert frames[5] == b"\x07" * 320 + bytes(320)
    assert json.loads(frames[-1]) == {"action": "notify", "payload": {"name": "e1:1"}}, "after the audio that it is about"


async def test_exotel_gets_100_ms_at_least() -> None:
    socket = MemorySocket()
    leg = await opened("exotel", socket)
    for number in range(7):
        leg.send(bytes([number + 1]) * 320)
        if number == 3:
            leg.mark("e1:1")
    leg.mark("e1:2")
    values = [json.loads(one) for one in await said(leg, socket)]
    sizes = [len(base64.b64decode(one["media"]["payload"])) if one["event"] == "media" else one["mark"]["name"] for one in values]
    assert sizes == [1_600, "e1:1", 1_600, "e1:2"], "a mark waits for the audio that it is about; the last piece is filled up with silence"
    assert base64.b64decode(values[2]["media"]["payload"]) == b"\x06" * 320 + b"\x07" * 320 + bytes(960)


async def test_what_waits_to_be_long_enough_is_cleared_too() -> None:
    socket = MemorySocket()
    leg = await opened("exotel", socket)
    leg.send(b"\x01" * 320)
    leg.clear()
    leg.send(b"\x02" * 1_600)
    values = [json.loads(one) for one in await said(leg, socket)]
    assert [one["event"] for one in values] == ["clear", "media"]
    assert base64.b64decode(values[1]["media"]["payload"]) == b"\x02" * 1_600


async def test_a_carrier_whose_buffer_is_full_is_sent_no_audio() -> None:
    socket = MemorySocket()
    leg = await opened("asterisk", socket)
    socket.say('{"event":"MEDIA_XOFF"}')
    found: list[TransportEvent] = []
    async with anyio.create_task_group() as group:
        group.start_soon(leg.run)
        group.start_soon(leg.read, found.append)
        await anyio.sleep(0.1)
        leg.send(b"\x01" * 160)
        leg.mark("e1:1")
        leg.clear()
        socket.say('{"event":"MEDIA_XON"}')
        await anyio.sleep(0.1)
        leg.send(b"\x02" * 160)
        await anyio.sleep(0.1)
        await leg.end()
    socket.free()
    assert socket.sent == ['{"command":"MARK_MEDIA","correlation_id":"e1:1"}', '{"command":"FLUSH_MEDIA"}', b"\x02" * 160]
    assert leg.counters["not_taken"] == 1
    assert leg.counters["in.flow"] == 2


async def test_keys_are_sent_in_one_message_and_only_keys() -> None:
    socket = MemorySocket()
    leg = await opened("plivo", socket)
    assert leg.send_keys("12w#A")
    for wrong in ("", "12x", "1" * 65, '1"}', "٣", "1\n"):
        assert not leg.send_keys(wrong)
    assert [json.loads(one) for one in await said(leg, socket)] == [{"event": "sendDTMF", "streamId": UUID, "dtmf": "12w#A"}]
    assert not leg.send_keys("1"), "after the end"
