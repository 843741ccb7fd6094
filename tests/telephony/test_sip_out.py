"""Calls out over a trunk: what is answered before we have looked, and telephone keys that a trunk gets of us."""

from __future__ import annotations

import asyncio
import importlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.telephony.figures import figure
from tests.telephony.ports import free_port
from tests.telephony.sbc_peers import parts_of, reply
from tests.telephony.sipline import needs_baresip, needs_sipp, phone, trunk
from tests.telephony.test_sip_scenarios import live, ringing

from offhook.errors import NotReached
from offhook.ports.transport import CallStart
from offhook.transports.sip_stack import Login, SipStack

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip, pytest.mark.timeout(120)]
TWELVE = "0123456789*#"
EVENT, END = 101, 0x80


@dataclass
class Keys(asyncio.DatagramProtocol):
    """A telephone's RTP port that keeps telephone events: packets by the event's timestamp."""

    events: dict[int, list[tuple[int, bool, int]]] = field(default_factory=dict)
    """Key, whether it is the end, and how long it has lasted in samples."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= 16 and data[1] & 0x7F == EVENT:
            stamp = int.from_bytes(data[4:8], "big")
            told = (data[12], bool(data[13] & END), int.from_bytes(data[14:16], "big"))
            self.events.setdefault(stamp, []).append(told)


async def test_keys_that_we_send_arrive_once_each_and_last(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    wire, keys = await loop.create_datagram_endpoint(Keys, local_addr=("127.0.0.1", 0))
    fields = tmp_path / "ports.csv"
    fields.write_text(f"SEQUENTIAL\n{wire.get_extra_info('sockname')[1]};\n")
    try:
        async with phone(tmp_path, trunk(codecs=("PCMU",))) as line, ringing(line, "booking.xml", "-inf", str(fields)) as finished:
            transport: Any = await live(line)
            assert transport.send_keys("0123456")
            assert transport.send_keys("W789*#")
            with anyio.fail_after(60):
                while sum(any(end for _, end, _ in packets) for packets in keys.events.values()) < len(TWELVE):
                    await anyio.sleep(0.05)
            next(iter(line.engine.calls.values())).stop()
            done = await finished()
            await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        pressed = [packets for _, packets in sorted(keys.events.items())]
        assert ["0123456789*#"[packets[0][0]] for packets in pressed] == list(TWELVE)
        assert all({key for key, _, _ in packets} == {packets[0][0]} for packets in pressed)
        lasted = [max(samples for _, _, samples in packets) / 8 for packets in pressed]
        assert all(40 <= ms <= 400 for ms in lasted), lasted  # Q.24: 40 ms is the shortest that counts
        assert transport.counters["keys_failed"] == 0
        figure(
            f"SIP: {len(pressed)} of {len(TWELVE)} keys sent arrived, each once, of {min(lasted):.0f} to {max(lasted):.0f} ms (RFC 4733)"
        )
    finally:
        wire.close()


@contextmanager
def busy() -> Iterator[int]:
    """Somebody in a thread who is busy, and says so at once; their port."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", free_port()))
    port = wire.getsockname()[1]

    def answer() -> None:
        while (data := wire.recv(65_535)) != b"over":
            first, headers, _ = parts_of(data)
            if first.startswith("INVITE"):
                stack = headers["via"][0].partition(";")[0].rpartition(":")[2]
                wire.sendto(reply("486 Busy Here", headers, "b", f"<sip:b@127.0.0.1:{port}>"), ("127.0.0.1", int(stack)))

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield port
    finally:
        wire.sendto(b"over", ("127.0.0.1", port))
        thread.join()
        wire.close()


async def test_an_answer_that_comes_before_the_call_has_been_handed_over_is_heard() -> None:
    calls: Any = importlib.import_module("baresip.call")
    over = calls.lib.BP_EV_BASE + calls.Event.CALL_CLOSED.value
    closed = threading.Event()
    with busy() as peer:
        stack = SipStack(free_port(), peer, (low := free_port(22), low + 20), lambda _native: None)
        await stack.open()
        try:
            runtime: Any = stack._runtime

            async def rung() -> NotReached:
                leg = await stack.dial(Login("a", f"127.0.0.1:{peer}"), f"sip:b@127.0.0.1:{peer}", {}, CallStart("sip"))
                with pytest.raises(NotReached) as caught:
                    await leg.reached(60)
                return caught.value

            await rung()  # now it has its agent
            push, hop = runtime._push_cmd, runtime._call_threadsafe

            def pushed(*given: Any) -> Any:
                found = push(*given)
                assert closed.wait(60)  # our loop stands still until the stack has told everything
                return found

            def told(take: Any, kind: int, *rest: Any) -> None:
                hop(take, kind, *rest)
                if kind == over:
                    closed.set()

            runtime._push_cmd, runtime._call_threadsafe = pushed, told
            error = await rung()
            runtime._push_cmd, runtime._call_threadsafe = push, hop
            assert (error.why, error.status) == ("busy", 486)
        finally:
            await stack.close()


async def test_calls_that_are_placed_at_once_have_one_account() -> None:
    with busy() as peer:
        stack = SipStack(free_port(), peer, (low := free_port(22), low + 20), lambda _native: None)
        await stack.open()
        login, agents = Login("a", f"127.0.0.1:{peer}"), list[int]()

        async def placed() -> None:
            leg = await stack.dial(login, f"sip:b@127.0.0.1:{peer}", {}, CallStart("sip"))
            agents.append(leg._call._ua_handle)
            with pytest.raises(NotReached, match="busy"):
                await leg.reached(60)

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(placed)
                group.start_soon(placed)
            assert len(agents) == 2
            assert agents[0] == agents[1]
        finally:
            await stack.close()
