"""What every transport of a call's media does, whatever carries it: one suite, and a peer for each that plays the other side.

A test module inherits ``TransportSuite`` and gives ``open``: a leg that is up, and its peer. The suite runs the leg as the engine does,
``run`` beside ``read``. Peers in memory run on virtual time; peers on a network need the real clock (``anyio_backend``), and the suite
waits for what it expects, never for a while.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest

from offhook.errors import TransferFailed
from offhook.ports.transport import CallTransport, Closed, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent
from offhook.testing.clock import VIRTUAL_TIME

HANG_S = 30.0
"""Bounds a hang; nothing is measured by it."""
UNIT_MS = 100
"""Of which all that is sent here is made: what every carrier takes."""


class Peer(ABC):
    """The other side of a leg. Its ``play`` is by hand: nothing is played before it is asked to be."""

    frame_ms = 20
    """Of the caller's audio in one ``say``."""
    gaps = True
    """It can lose a piece of the caller's audio, and the protocol shows it."""
    garbles = True
    """It can send what breaks the protocol."""
    stalls = True
    """It can stop taking what it is sent."""
    marks_by_clear = False
    """A clear returns the marks that wait."""
    takes_keys = False
    tells_clear = True
    """It is told of a clear: else the leg itself drops what waits."""
    exact = True
    """It gets the very bytes that were sent: no codec is in between."""
    leaves_out = False
    """The leg leaves out audio that came, where the machine is slow, and its positions say so."""

    @abstractmethod
    async def say(self, frame: bytes) -> None:
        """The caller's next audio, in ``format_in``."""

    async def skip(self) -> None:
        """The caller's next frame is lost."""
        raise NotImplementedError

    @abstractmethod
    async def press(self, digit: str) -> None:
        """A key."""

    async def garble(self) -> None:
        """One message that breaks the protocol."""
        raise NotImplementedError

    @abstractmethod
    async def hang_up(self) -> None:
        """A goodbye, as the protocol has it."""

    @abstractmethod
    async def vanish(self) -> None:
        """The connection breaks."""

    def stall(self) -> None:
        """Take nothing any more."""
        raise NotImplementedError

    @abstractmethod
    def got(self) -> bytes:
        """All audio that has come, in ``format_out``."""

    @abstractmethod
    def clears(self) -> int:
        """How often it was told to clear."""

    @abstractmethod
    async def play(self) -> None:
        """Play what has come: marks are passed."""

    def keys(self) -> str:
        """What keys it was sent."""
        return ""


@dataclass
class Up:
    """A leg that runs."""

    leg: CallTransport
    peer: Peer
    events: list[TransportEvent] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)
    """``run`` and ``read`` have both returned."""
    lacks: str = ""
    """Why this test says nothing of this transport."""
    stalled: bool = False
    """The peer takes nothing: whoever writes to it is to be cancelled, as the engine does."""

    def of(self, kind: type) -> list[TransportEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def audio(self) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, MediaIn))

    @property
    def marks(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, MarkIn)]

    @property
    def closed(self) -> list[Closed]:
        return [event for event in self.events if isinstance(event, Closed)]

    async def until(self, true: Callable[[], bool]) -> None:
        with anyio.fail_after(HANG_S):
            while not true():
                await anyio.sleep(0.005)

    def frame(self, number: int, ms: int = 0) -> bytes:
        """Caller audio that is like no other frame's."""
        form = self.leg.format_in
        size = form.bytes_for(form.rate * (ms or self.peer.frame_ms) // 1000)
        return bytes([number % 100 + 1]) * size

    def unit(self, number: int) -> bytes:
        """100 ms for the caller's ear, like no other's."""
        form = self.leg.format_out
        return bytes([number % 100 + 1]) * form.bytes_for(form.rate * UNIT_MS // 1000)


class TransportSuite:
    """Inherit it, and give ``open`` and ``name``."""

    name: str

    @pytest.fixture
    def anyio_backend(self) -> object:
        return VIRTUAL_TIME

    def open(self) -> AbstractAsyncContextManager[tuple[CallTransport, Peer]]:
        """A leg whose start is known, and its other side."""
        raise NotImplementedError

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Up]:
        before = len(asyncio.all_tasks())
        async with self.open() as (leg, peer):
            up = Up(leg, peer)
            left = 2

            async def one(work: Callable[[], object]) -> None:
                nonlocal left
                await work()  # type: ignore[misc]
                left -= 1
                if not left:
                    up.done.set()

            async with anyio.create_task_group() as group:
                group.start_soon(one, leg.run)
                group.start_soon(one, lambda: leg.read(up.events.append))
                yield up
                with anyio.fail_after(HANG_S):
                    await leg.end()
                    if not up.stalled:
                        await up.done.wait()
                group.cancel_scope.cancel()
            assert len(up.closed) == 1, "a leg closes once"
            assert up.events[-1] is up.closed[0], "and says nothing after it"
        assert len(asyncio.all_tasks()) <= before, "and leaves no task behind"
        if up.lacks:
            pytest.skip(up.lacks)

    # -- what is known at once --------------------------------------------------------------------------------------

    async def test_it_says_what_it_is(self) -> None:
        async with self.up() as up:
            leg = up.leg
            assert leg.start.transport == self.name
            assert leg.format_in.sample_bytes in {1, 2}
            assert leg.format_out.sample_bytes in {1, 2}
            assert leg.message_ms in {20, 40, 100}
            assert leg.can_clear in {True, False}
            assert leg.stats() is None or isinstance(leg.stats(), LegStats)

    # -- what the caller says ---------------------------------------------------------------------------------------

    async def test_media_arrives_in_order_and_says_where_it_belongs(self) -> None:
        async with self.up() as up:
            frames = [up.frame(number) for number in range(25)]
            for frame in frames:
                await up.peer.say(frame)
            await up.until(lambda: len(up.audio) >= len(b"".join(frames)))
            if up.peer.exact:
                assert up.audio == b"".join(frames)
            at = None
            for event in up.events:
                assert isinstance(event, MediaIn)
                assert at is None or event.start == at or (up.peer.leaves_out and event.start > at), "no gap where nothing was lost"
                at = event.start + up.leg.format_in.samples_in(len(event.data))

    async def test_a_gap_is_as_long_as_what_was_lost(self) -> None:
        async with self.up() as up:
            if not up.peer.gaps:
                up.lacks = "the protocol has nothing to show it by"
                return
            for number in range(5):
                await up.peer.say(up.frame(number))
            await up.peer.skip()
            for number in range(6, 16):
                await up.peer.say(up.frame(number))
            await up.until(lambda: len(up.of(MediaIn)) >= 15)
            samples = up.leg.format_in.samples_in(len(up.frame(0)))
            starts = [event.start for event in up.events if isinstance(event, MediaIn)]
            assert starts == [samples * number for number in range(16) if number != 5]

    async def test_every_key_comes_once_and_in_order(self) -> None:
        async with self.up() as up:
            for digit in "0123456789*#":
                await up.peer.press(digit)
            await up.until(lambda: len(up.of(KeyIn)) >= 12)
            assert "".join(event.digit for event in up.events if isinstance(event, KeyIn)) == "0123456789*#"

    # -- what the caller hears --------------------------------------------------------------------------------------

    async def test_what_is_sent_arrives_whole_and_in_order(self) -> None:
        async with self.up() as up:
            said = b"".join(up.unit(number) for number in range(8))
            for number in range(8):
                up.leg.send(up.unit(number))
            await up.until(lambda: len(up.peer.got()) >= len(said))
            if up.peer.exact:
                assert up.peer.got() == said

    async def test_frames_of_20_ms_arrive_too(self) -> None:
        async with self.up() as up:
            form = up.leg.format_out
            pieces = [bytes([number + 1]) * form.bytes_for(form.rate // 50) for number in range(20)]
            for piece in pieces:
                up.leg.send(piece)
            await up.until(lambda: len(up.peer.got()) >= len(b"".join(pieces)))
            if up.peer.exact:
                assert up.peer.got() == b"".join(pieces)

    async def test_clear_drops_what_waits_and_nothing_later(self) -> None:
        async with self.up() as up:
            for number in range(6):
                up.leg.send(up.unit(number))
            up.leg.clear()
            up.leg.send(up.unit(9))
            await up.until(lambda: len(up.peer.got()) >= len(up.unit(9)))
            if up.peer.exact:
                assert up.peer.got() == up.unit(9)
            if up.peer.tells_clear:
                await up.until(lambda: up.peer.clears() == 1)

    async def test_marks_come_back_when_what_is_before_them_was_played(self) -> None:
        async with self.up() as up:
            for number in range(3):
                up.leg.send(up.unit(number))
                up.leg.mark(f"e1:{number}")
            await up.until(lambda: len(up.peer.got()) >= 3 * len(up.unit(0)))
            await up.peer.play()
            await up.until(lambda: len(up.marks) >= 3)
            assert up.marks == ["e1:0", "e1:1", "e1:2"]

    async def test_a_clear_returns_marks_or_forgets_them_and_later_ones_work(self) -> None:
        async with self.up() as up:
            up.leg.send(up.unit(0))
            up.leg.mark("e1:1")
            await up.until(lambda: len(up.peer.got()) >= len(up.unit(0)) or not up.peer.tells_clear)
            up.leg.clear()
            up.leg.send(up.unit(1))
            up.leg.mark("e2:1")
            await up.until(lambda: up.peer.clears() == 1 or not up.peer.tells_clear)
            await up.until(lambda: up.peer.got()[-len(up.unit(1)) :] == up.unit(1) or not up.peer.exact)
            await up.peer.play()
            await up.until(lambda: "e2:1" in up.marks)
            assert up.marks == (["e1:1", "e2:1"] if up.peer.marks_by_clear else ["e2:1"])

    async def test_keys_are_sent_where_they_can_be(self) -> None:
        async with self.up() as up:
            assert up.leg.send_keys("12#") is up.peer.takes_keys
            if up.peer.takes_keys:
                await up.until(lambda: up.peer.keys() == "12#")

    async def test_what_cannot_be_shown_is_ignored_and_who_cannot_be_transferred_stays(self) -> None:
        async with self.up() as up:
            up.leg.show({"type": "transcript", "text": "hello"})
            with pytest.raises(TransferFailed):
                await up.leg.transfer("+6495550100")
            assert not up.closed

    # -- the end ----------------------------------------------------------------------------------------------------

    async def test_the_end_is_idempotent_and_nothing_matters_after_it(self) -> None:
        async with self.up() as up:
            await up.leg.end()
            await up.leg.end()
            got = len(up.peer.got())
            up.leg.send(up.unit(1))
            up.leg.mark("e1:1")
            up.leg.clear()
            up.leg.send_keys("1")
            up.leg.show({"type": "end"})
            await up.done.wait()
            assert not up.closed[0].lost
            assert len(up.peer.got()) == got
        assert up.marks == []

    async def test_a_caller_who_hangs_up_is_not_lost(self) -> None:
        async with self.up() as up:
            await up.peer.say(up.frame(1))
            await up.peer.hang_up()
            await up.until(lambda: bool(up.closed))
            assert not up.closed[0].lost
            assert len(up.audio) >= len(up.frame(1)), "what was said before is heard"

    async def test_a_line_that_breaks_is_lost(self) -> None:
        async with self.up() as up:
            await up.peer.vanish()
            await up.until(lambda: bool(up.closed))
            assert up.closed[0].lost

    async def test_a_peer_that_takes_nothing_is_lost_and_not_waited_for(self) -> None:
        async with self.up() as up:
            if not up.peer.stalls:
                up.lacks = "memory takes everything"
                return
            up.stalled = True
            up.peer.stall()
            with anyio.fail_after(HANG_S):
                for number in range(2_000):
                    up.leg.send(up.unit(number))
                    if up.closed:
                        break
                    await anyio.sleep(0.005)
                await up.until(lambda: bool(up.closed))
            assert up.closed[0].lost

    async def test_nonsense_is_skipped(self) -> None:
        async with self.up() as up:
            if not up.peer.garbles:
                up.lacks = "it can say nothing wrong"
                return
            for _ in range(20):
                await up.peer.garble()
            await up.peer.say(up.frame(3))
            await up.until(lambda: bool(up.of(MediaIn)))
            assert not up.closed

    async def test_nothing_but_nonsense_ends_it(self) -> None:
        async with self.up() as up:
            if not up.peer.garbles:
                up.lacks = "it can say nothing wrong"
                return
            for _ in range(400):
                if up.closed:
                    break
                await up.peer.garble()
                await anyio.lowlevel.checkpoint()
            await up.until(lambda: bool(up.closed))
            assert up.closed[0].lost
