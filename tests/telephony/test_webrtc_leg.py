"""The WebRTC leg against aiortc as a caller: sound both ways, marks, clears, keys, words, connections that come and go."""

from __future__ import annotations

import audioop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import anyio
import numpy as np
import pytest
from aioice.ice import StunProtocol
from tests.e2e.browser import pitch, tone
from tests.telephony import rtc
from tests.telephony.figures import figure

from offhook.errors import RemoteWireError
from offhook.ports.transport import CallStart, ClientIn, Closed, HoldIn, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent
from offhook.transports import webrtc
from offhook.transports.webrtc import WebRtc

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    rtc.loopback(monkeypatch)


class Leg:
    """A leg and what it told."""

    def __init__(self, transport: WebRtc) -> None:
        self.transport = transport
        self.events: list[TransportEvent] = []

    def of(self, kind: type) -> list[TransportEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    def sound(self) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, MediaIn))


@asynccontextmanager
async def leg(codec: str = "opus", microphone: rtc.Microphone | None = None) -> AsyncIterator[tuple[Leg, rtc.Caller]]:
    async with rtc.caller(microphone, codec) as caller:
        transport, answer = await WebRtc.offered(await rtc.offer(caller), CallStart("webrtc"))
        made = Leg(transport)
        async with anyio.create_task_group() as group:
            group.start_soon(transport.run)
            group.start_soon(transport.read, made.events.append)
            await rtc.accept(caller, answer)
            assert await transport.connected(20)
            await caller.until(lambda: caller.channel.readyState == "open")
            try:
                yield made, caller
            finally:
                await transport.end()
        assert isinstance(made.events[-1], Closed)
        assert len(made.of(Closed)) == 1


@pytest.mark.parametrize("codec", ["opus", "PCMU"])
async def test_sound_goes_both_ways(codec: str) -> None:
    async with leg(codec) as (made, caller):
        transport = made.transport
        rate = transport.format_in.rate
        caller.microphone.say(tone(1_000, 1.5, rtc.RATE))
        if codec == "opus":
            assert (rate, transport.format_out.rate) == (16_000, 24_000)
            transport.send(tone(440, 1.5, 24_000))
        else:
            transport.send(audioop.lin2ulaw(tone(440, 1.5, 8_000), 2))
        await caller.until(lambda: len(made.sound()) >= rate * 3 * transport.format_in.sample_bytes)
        heard = np.frombuffer(bytes(caller.heard), "<i2")
        sound = made.sound() if codec == "opus" else audioop.ulaw2lin(made.sound(), 2)
        said = np.frombuffer(sound, "<i2")
        assert abs(pitch(said[rate // 2 : rate * 5 // 4], rate) - 1_000) < 3
        loud = np.flatnonzero(np.abs(heard.astype(int)) > 2_000)
        middle = heard[loud[0] + caller.rate // 4 : loud[0] + caller.rate]
        assert abs(pitch(middle, caller.rate) - 440) < 3
        events = [event for event in made.events if isinstance(event, MediaIn)]
        at = events[0].start
        for event in events:
            assert event.start == at, "nothing is missing on loopback"
            at += transport.format_in.samples_in(len(event.data))
        stats = transport.stats()
        assert stats is not None
        assert stats.received > 100
        assert (stats.lost, stats.codec) == (0, codec.lower())
        figure(f"webrtc {codec}: {stats.received} packets in, {stats.lost} lost; tones of 1,000 and 440 Hz came through")


async def test_marks_come_in_order_and_a_clear_drops_what_was_not_sent() -> None:
    async with leg() as (made, caller):
        transport = made.transport
        transport.send(tone(440, 0.2, 24_000))
        transport.mark("a")
        transport.send(tone(440, 0.2, 24_000))
        transport.mark("b")
        assert not made.of(MarkIn)
        await caller.until(lambda: len(made.of(MarkIn)) == 2)
        assert made.of(MarkIn) == [MarkIn("a"), MarkIn("b")]
        transport.send(tone(880, 5, 24_000))
        transport.mark("c")
        await caller.until(lambda: np.frombuffer(bytes(caller.heard[-3_840:]), "<i2").max() > 3_000)
        transport.clear()
        await caller.until(lambda: MarkIn("c") in made.events)
        frames = caller.frames
        await caller.until(lambda: np.abs(np.frombuffer(bytes(caller.heard[-3_840:]), "<i2").astype(int)).max() < 500)
        assert caller.frames - frames < 40, "a buffer of aiortc's and no more"


async def test_keys_words_and_nonsense_on_the_data_channel() -> None:
    async with leg() as (made, caller):
        caller.press("5")
        for text in ("{", '{"no": 1}', '{"type": "dtmf", "digit": "x"}', '{"type": "delay", "ms": "a"}', '{"type": "delay", "ms": 40}'):
            caller.channel.send(text)
        caller.channel.send('{"type": "muted", "on": true}')
        caller.press("#")
        made.transport.show({"type": "caller", "text": "kia ora, Māori"})
        await caller.until(lambda: len(made.of(KeyIn)) == 2 and caller.told)
        assert made.of(KeyIn) == [KeyIn("5"), KeyIn("#")]
        assert made.of(ClientIn) == [ClientIn({"type": "muted", "on": True})]
        assert caller.told == [{"type": "caller", "text": "kia ora, Māori"}]
        assert made.transport.counters["bad"] == 4
        caller.hang_up()
        await caller.until(lambda: made.of(Closed))
        assert made.events[-1] == Closed(lost=False, why="hangup")


async def test_the_caller_is_told_of_the_end() -> None:
    async with leg() as (made, caller):
        await made.transport.end()
        await caller.until(lambda: caller.of("end"))
        await made.transport.end()


async def test_a_connection_that_breaks_is_followed_by_another_and_no_word_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "RESUME_S", 40)
    async with leg() as (made, caller):
        transport = made.transport
        transport.send(tone(440, 6, 24_000))
        await caller.until(lambda: caller.frames > 50)
        caller.microphone.stop()
        await caller.connection.close()
        await caller.until(lambda: made.of(HoldIn))
        before = len(made.of(MediaIn))
        async with rtc.caller() as again:
            await rtc.accept(again, await transport.again(await rtc.offer(again)))
            again.microphone.say(tone(600, 2, rtc.RATE))
            await again.until(lambda: len(made.of(HoldIn)) == 2)
            assert made.of(HoldIn) == [HoldIn(on=True), HoldIn(on=False)]
            await again.until(lambda: len(made.of(MediaIn)) > before + 40)
            await again.until(lambda: np.frombuffer(bytes(again.heard[-3_840:]), "<i2").max(initial=0) > 3_000)
            transport.show({"type": "partial", "text": "still here"})
            await again.until(lambda: again.told)
            assert not made.of(Closed)
            starts = [event.start for event in made.of(MediaIn) if isinstance(event, MediaIn)]
            assert starts == sorted(starts)
            assert transport.counters["came again"] == 1


async def test_a_caller_who_does_not_come_back_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "RESUME_S", 2.5)
    async with leg() as (made, caller):
        caller.microphone.stop()
        await caller.connection.close()
        await caller.until(lambda: made.of(Closed))
        [closed] = made.of(Closed)
        assert isinstance(closed, Closed)
        assert closed.lost
        with pytest.raises(RemoteWireError):
            await made.transport.again("v=0")


async def test_a_microphone_that_sends_nothing_is_silent_and_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "STALL_S", 4.0)
    monkeypatch.setattr(webrtc, "RESUME_S", 40)
    microphone = rtc.Microphone()
    microphone.sending = False
    async with leg(microphone=microphone) as (made, caller):
        await caller.until(lambda: len(made.sound()) > 2 * 16_000 * 6, 60)
        assert not any(made.sound())
        stats = made.transport.stats()
        assert stats is not None
        assert stats.received == 0, "all of it was made here"
        caller.microphone.say(tone(600, 1, rtc.RATE))
        microphone.sending = True
        await caller.until(lambda: np.frombuffer(made.sound()[-640:], "<i2").max() > 3_000)
        microphone.sending = False
        before = len(made.sound())
        await caller.until(lambda: len(made.sound()) > before + 2 * 16_000 * 2)
        at = 0
        for event in made.of(MediaIn):
            assert isinstance(event, MediaIn)
            assert event.start == at, "nothing is missing"
            at += len(event.data) // 2
        assert not made.of(HoldIn)


@pytest.mark.parametrize("talking", [True, False])
async def test_a_line_that_is_dead_for_a_while_is_no_silence(monkeypatch: pytest.MonkeyPatch, talking: bool) -> None:
    monkeypatch.setattr(webrtc, "RESUME_S", 60)
    dead = False
    received = StunProtocol.datagram_received

    def unless_dead(self: StunProtocol, data: bytes | str, addr: tuple[str, int]) -> None:
        if not dead:
            received(self, data, addr)

    monkeypatch.setattr(StunProtocol, "datagram_received", unless_dead)
    async with leg() as (made, caller):
        await caller.until(lambda: len(made.sound()) > 2 * 16_000)
        caller.microphone.sending = talking
        if not talking:
            before = len(made.sound())
            await caller.until(lambda: len(made.sound()) > before + 2 * 16_000)
        dead = True
        before = len(made.sound())
        await caller.until(lambda: HoldIn(on=True) in made.events)
        assert len(made.sound()) - before < 2 * 16_000 * webrtc.STALL_S / 2, "nothing is known of the caller"
        dead = False
        await caller.until(lambda: made.events[-1] != HoldIn(on=True) and made.of(HoldIn)[-1] == HoldIn(on=False), 60)
        caller.microphone.say(tone(600, 1, rtc.RATE))
        caller.microphone.sending = True
        await caller.until(lambda: np.frombuffer(made.sound()[-640:], "<i2").max() > 3_000)


async def test_what_is_lost_is_a_gap_and_counted() -> None:
    async with leg() as (made, caller):
        loss = rtc.Loss(caller, 0.2)
        caller.microphone.say(tone(600, 30, rtc.RATE))
        await caller.until(lambda: len(made.sound()) > 0 and np.frombuffer(made.sound()[-640:], "<i2").max() > 3_000)
        at = len(made.of(MediaIn))
        loss.on = True
        await caller.until(lambda: loss.dropped >= 20)
        loss.on = False
        await caller.until(lambda: (made.transport.stats() or LegStats()).lost >= loss.dropped)
        stats = made.transport.stats()
        assert stats is not None
        assert (stats.lost, stats.late) == (loss.dropped, 0)
        events = [event for event in made.of(MediaIn)[at - 1 :] if isinstance(event, MediaIn)]
        gaps = sum(after.start - before.start - len(before.data) // 2 for before, after in pairwise(events))
        assert abs(gaps - loss.dropped * 320) <= 32, "where it was is seen by positions"
        assert all(np.abs(np.frombuffer(event.data, "<i2")).max() > 3_000 for event in events), "none of it is silence"
        figure(f"webrtc: {loss.dropped} of {loss.sent} packets lost on the way are {gaps / 16:.0f} ms of gaps, and none of silence")


async def test_offers_that_are_not_for_this() -> None:
    async with rtc.caller() as caller:
        good = await rtc.offer(caller)
        bad = [
            "",
            "v=0",
            good.replace("a=fingerprint", "a=nothing"),
            good.replace("a=ice-ufrag", "a=nothing"),
            good.replace("opus/48000/2", "codec2/8000"),
            rtc.without_audio(good),
            good + good[good.index("m=audio") :],
            good.replace("m=application", "m=video"),
            good + "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n" * 70,
        ]
        for sdp in bad:
            with pytest.raises(RemoteWireError):
                await WebRtc.offered(sdp, CallStart("webrtc"))
