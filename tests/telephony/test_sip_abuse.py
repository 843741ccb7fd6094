"""What a SIP line is sent by those who mean no good, or know no better: it takes the next call all the same."""

from __future__ import annotations

import random
import re
import socket
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.telephony.figures import figure
from tests.telephony.sipline import DID, Phone, needs_baresip, needs_sipp, phone, sipp, trunk
from tests.telephony.test_sip_calls import peers
from tests.torture import message, torture

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip]
A_LAW = trunk(codecs=("PCMA",))


def probe(of: Raw, line: Phone, name: str) -> bytes:
    """Whether somebody is there."""
    via = f"Via: SIP/2.0/UDP 127.0.0.1:{of.port};rport;branch=z9hG4bK{name}"
    return message(f"OPTIONS sip:{line.at} SIP/2.0", via, call=name)


class Raw:
    """A socket that sends what it likes."""

    def __init__(self, line: Phone, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._to = ("127.0.0.1", line.port)
        self.port: int = self._socket.getsockname()[1]

    def send(self, data: bytes, port: int = 0) -> None:
        self._socket.sendto(data, ("127.0.0.1", port) if port else self._to)

    async def answer(self, pattern: str, seconds: float = 60.0) -> str:
        """The first datagram that matches; empty where none comes."""
        with anyio.move_on_after(seconds):
            while True:
                try:
                    text = self._socket.recv(65_535).decode("latin-1")
                except BlockingIOError:
                    await anyio.wait_readable(self._socket)
                    continue
                if re.search(pattern, text):
                    return text
        return ""

    def close(self) -> None:
        self._socket.close()


async def takes_a_call(line: Phone, folder: Path) -> None:
    await line.idle(40)
    done = await sipp(line.at, "call.xml", folder=folder)
    await line.idle()
    assert (done.good, done.bad) == (1, 0), done.out[-2_000:]


async def test_rfc_4475_messages_leave_the_line_standing(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line:
        raw = Raw(line)
        try:
            sent = 0
            for _, data in torture(port=line.port):
                raw.send(data)
                sent += 1
                await anyio.lowlevel.checkpoint()
            probe = message(
                f"OPTIONS sip:{line.at} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{raw.port};rport;branch=z9hG4bKprobe", call="probe"
            )
            raw.send(probe)
            assert "200 OK" in await raw.answer("probe")
        finally:
            raw.close()
        taken = sum(count for name, count in line.line.gate.counters.items() if name.startswith(("in.", "bad.", "refused.", "dropped.")))
        assert taken > sent
        for call in list(line.engine.calls.values()):
            call.stop()
        for dialog in line.line.gate.dialogs.values():  # of invitations that nobody acknowledges
            dialog.over = dialog.over or 0.0
        await takes_a_call(line, tmp_path)
    figure(f"SIP: {sent} messages in the manner of RFC 4475, then a call as ever")


async def test_health_probes_are_answered_by_what_the_engine_can_take(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line:
        raw = Raw(line)
        stranger = Raw(line, "127.0.0.9")
        try:
            raw.send(probe(raw, line, "ready"))
            assert "200 OK" in await raw.answer("ready")
            line.engine.admission.draining = True
            raw.send(probe(raw, line, "drains"))
            assert "503 Service" in await raw.answer("drains")
            stranger.send(probe(stranger, line, "who"))
            raw.send(probe(raw, line, "after"))
            assert await raw.answer("after")
            assert not await stranger.answer("who", 0.2)
            assert line.count("dropped.source") == 1
        finally:
            raw.close()
            stranger.close()


async def test_scanners_are_dropped_and_counted(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line:
        raw = Raw(line)
        try:
            raw.send(message(f"OPTIONS sip:100@{line.at} SIP/2.0", "User-Agent: friendly-scanner", call="scan"))
            raw.send(
                message(f"OPTIONS sip:{line.at} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{raw.port};rport;branch=z9hG4bKafter", call="after")
            )
            assert await raw.answer("after")
            assert line.count("dropped.scanner") == 1
        finally:
            raw.close()


async def test_one_source_may_not_begin_more_than_so_many_calls_a_second(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW, sip_invites_per_s=10.0) as line:
        raw = Raw(line)
        try:
            for number in range(200):
                via = f"Via: SIP/2.0/UDP 127.0.0.1:{raw.port};rport;branch=z9hG4bKn{number}"
                raw.send(message(f"INVITE sip:+6173000{number:04d}@{line.at} SIP/2.0", via, call=f"n{number}"))
                await anyio.lowlevel.checkpoint()
            raw.send(
                message(f"OPTIONS sip:{line.at} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{raw.port};rport;branch=z9hG4bKlast", call="last")
            )
            assert await raw.answer("last")
            assert line.count("refused.number") + line.count("refused.rate") == 200
            assert line.count("refused.rate") >= 100
        finally:
            raw.close()


SDP = "v=0\r\no=r 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"


async def test_giving_up_may_cross_the_answer(tmp_path: Path) -> None:
    """CANCEL around the moment of the answer: either the call never was, or it was and is hung up; nothing is left of it."""
    calls, outcomes = 50, {"487": 0, "200": 0}
    moments = random.Random(7)
    async with phone(tmp_path, A_LAW) as line:
        raw = Raw(line)
        try:
            for number in range(calls):
                name = f"x{number}"
                via = f"Via: SIP/2.0/UDP 127.0.0.1:{raw.port};rport;branch=z9hG4bK{name}"
                uri = f"sip:{DID}@{line.at}"
                raw.send(message(f"INVITE {uri} SIP/2.0", via, call=name, body=SDP))
                await raw.answer(rf"180 Ringing[\s\S]*{name}@")
                await anyio.sleep(moments.uniform(0.0, 0.12))
                raw.send(message(f"CANCEL {uri} SIP/2.0", via, call=name))
                final = await raw.answer(rf"SIP/2.0 (200|487)[\s\S]*{name}@[\s\S]*CSeq: 1 INVITE")
                tag = re.search(r"\r\nTo: .*;tag=(\S+)", final)
                assert tag is not None, f"no answer to call {number}"
                outcomes[final[8:11]] += 1
                to = f"To: <sip:+61731234567@127.0.0.1>;tag={tag[1]}"
                contact = re.search(r"Contact: <([^>]+)>", final)
                if final.startswith("SIP/2.0 200"):
                    at = contact[1] if contact else uri
                    raw.send(message(f"ACK {at} SIP/2.0", via.replace(name, name + "a"), to, call=name))
                    raw.send(message(f"BYE {at} SIP/2.0", via.replace(name, name + "b"), to, "CSeq: 2 BYE", call=name))
                    assert await raw.answer(rf"SIP/2.0 200[\s\S]*{name}@[\s\S]*CSeq: 2 BYE")
                else:
                    raw.send(message(f"ACK {uri} SIP/2.0", via, to, call=name))
        finally:
            raw.close()
        await line.idle(40)
        assert not line.engine.calls
    assert sum(outcomes.values()) == calls
    figure(f"SIP: {calls} CANCELs around the answer: {outcomes['487']} came before it, {outcomes['200']} after; nothing left behind")


async def test_a_flood_from_nobody_we_know_harms_no_call(tmp_path: Path) -> None:
    calls, flood = 10, 4_000
    async with phone(tmp_path, trunk(codecs=("PCMU",))) as line, peers(calls, tmp_path) as (media, fields):
        results = []

        async def ring() -> None:
            results.append(await sipp(line.at, "long.xml", "-inf", str(fields), "-r", "20", calls=calls, folder=tmp_path))

        async with anyio.create_task_group() as group:
            group.start_soon(ring)
            with anyio.fail_after(150):
                while line.engine.admission.active < calls:
                    await anyio.sleep(0.05)
            await sipp(line.at, "flood.xml", "-r", "1000", calls=flood, folder=tmp_path, host="127.0.0.2")
        await line.idle()
        heard = await media.told()
        dropped = line.count("dropped.source")
    assert (results[0].good, results[0].bad) == (calls, 0), results[0].out[-2_000:]
    assert dropped >= flood * 0.95  # a kernel's full buffer drops some before we can
    assert all(one["heard_before"] for one in heard)
    received, lost = (sum(one[name] for one in heard) for name in ("received", "lost"))
    assert received >= 0.9 * sum(one["seconds"] for one in heard) * 50
    assert lost <= received // 200
    figure(f"SIP: 1,000 INVITE/s from an unknown source: {dropped} of {flood} dropped; {calls} calls meanwhile missed {lost} packets")


async def test_media_is_taken_from_the_trunk_and_from_nobody_else(tmp_path: Path) -> None:
    tone = bytes(range(160))
    async with phone(tmp_path, A_LAW) as line:
        raw, stranger = Raw(line), Raw(line, "127.0.0.2")
        try:
            via = f"Via: SIP/2.0/UDP 127.0.0.1:{raw.port};rport;branch=z9hG4bKm"
            raw.send(message(f"INVITE sip:{DID}@{line.at} SIP/2.0", via, call="m", body=SDP))
            answer = await raw.answer("SIP/2.0 200")
            tag = re.search(r"\r\nTo: .*;tag=(\S+)", answer)
            port = re.search(r"m=audio (\d+)", answer)
            assert tag is not None
            assert port is not None
            raw.send(message(f"ACK sip:{DID}@{line.at} SIP/2.0", via, f"To: <sip:+61731234567@127.0.0.1>;tag={tag[1]}", call="m"))
            with anyio.fail_after(150):
                while not line.engine.calls:
                    await anyio.sleep(0.02)
            transport: Any = next(iter(line.engine.calls.values())).transport

            async def speaks(who: Raw, count: int, first: int) -> None:
                for number in range(first, first + count):
                    head = bytes((0x80, 8)) + number.to_bytes(2, "big") + (number * 160).to_bytes(4, "big") + b"rtp!"
                    who.send(head + tone, int(port[1]))
                    await anyio.sleep(0.02)

            await speaks(stranger, 40, 0)
            stats = line.line.health()["counts"]
            assert isinstance(stats, dict)
            assert stats["media.locked"] >= 1
            assert transport._position == 0
            with anyio.fail_after(150):
                first = 0
                while transport._position == 0:
                    await speaks(raw, 10, first)
                    first += 10
        finally:
            raw.close()
            stranger.close()
        next(iter(line.engine.calls.values())).stop()
        for dialog in line.line.gate.dialogs.values():
            dialog.over = dialog.over or 0.0
        await line.idle(40)
