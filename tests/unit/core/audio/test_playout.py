"""The playout against a model of a carrier that plays what it gets in real time."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from offhook.core.audio.format import MULAW_8K, PCM16_8K, PCM16_16K
from offhook.core.audio.playout import LEAD, MOST, Playout
from offhook.core.time import MS, SECOND
from offhook.errors import FormatError

TICK = 20 * MS
FRAME = 160


def audio(first: int, count: int) -> bytes:
    """Samples that count upwards, so that none can be lost, doubled or mixed up unseen; 0 is silence."""
    return b"".join((first + i).to_bytes(2, "little") for i in range(count))


def numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


def filled(count: int, *, finish: bool = True) -> Playout:
    playout = Playout(PCM16_8K)
    playout.append(1, audio(1, count))
    if finish:
        playout.finish(1)
    return playout


def test_the_start_is_filled_to_the_lead_and_then_paced() -> None:
    playout = filled(8000)
    sent = [len(playout.tick(n * TICK) or b"") // 2 for n in range(10)]
    assert sent == [800] + [160] * 9
    assert playout.ahead(9 * TICK) == LEAD


def test_all_of_it_arrives_once_and_in_order_with_a_padded_end() -> None:
    playout = filled(1000)
    line = b"".join(playout.tick(n * TICK) or b"" for n in range(20))
    assert numbers(line) == [*range(1, 1001), *[0] * 120]


def test_mulaw_is_padded_with_its_own_silence() -> None:
    playout = Playout(MULAW_8K)
    playout.append(1, b"\x01" * 10)
    playout.finish(1)
    assert playout.tick(0) == b"\x01" * 10 + b"\xff" * 150


def test_a_gap_in_a_turn_is_counted_once_and_what_was_held_or_has_ended_is_none() -> None:
    playout = filled(800, finish=False)
    for tick in range(20):  # 100 ms of audio, then nothing
        playout.tick(tick * TICK)
    assert playout.underruns == 0  # it may have been all
    playout.append(1, audio(801, 1600))
    for tick in range(20, 24):
        playout.tick(tick * TICK)
    assert playout.underruns == 1
    playout.hold(24 * TICK)
    for tick in range(24, 60):
        assert playout.tick(tick * TICK) is None
    playout.resume()
    playout.tick(60 * TICK)
    playout.finish(1)
    for tick in range(61, 90):
        playout.tick(tick * TICK)
    playout.append(2, audio(1, 1600))
    playout.tick(90 * TICK)
    assert playout.underruns == 1


def test_half_a_frame_waits_for_more() -> None:
    playout = filled(100, finish=False)
    assert playout.tick(0) is None
    playout.append(1, audio(101, 60))
    assert numbers(playout.tick(TICK) or b"") == list(range(1, 161))


def test_after_an_underrun_no_time_is_made_up() -> None:
    playout = filled(800, finish=False)
    playout.tick(0)
    assert playout.tick(SECOND) is None
    playout.append(1, audio(801, 8000))
    assert len(playout.tick(2 * SECOND) or b"") == 2 * 800
    assert playout.ahead(2 * SECOND) == LEAD


def test_overdue_ticks_cost_only_their_own_time() -> None:
    playout = filled(8000)
    playout.tick(0)
    assert len(playout.tick(60 * MS) or b"") == 2 * 480


def test_a_hold_takes_back_what_was_not_heard_and_a_resume_goes_on_there() -> None:
    playout = filled(8000)
    for n in range(21):
        playout.tick(n * TICK)
    assert playout.mark_due() == "e1:1"
    assert playout.hold(410 * MS) is True
    assert playout.ahead(410 * MS) == 0
    assert playout.play_position(410 * MS) == 3280
    assert [playout.tick(n * TICK) for n in range(21, 50)] == [None] * 29
    assert playout.on_mark("e1:1") is None
    assert playout.played(SECOND) == (1, 3280)
    assert playout.hold(SECOND) is False, "there is nothing left to be cleared"
    playout.resume()
    assert numbers(playout.tick(SECOND) or b"") == list(range(3281, 4081))


def test_where_nothing_can_be_cleared_a_hold_plays_what_is_ahead() -> None:
    playout = filled(8000)
    before = numbers(playout.tick(0) or b"")
    assert playout.hold(50 * MS, clears=False) is False
    assert [playout.tick(n * TICK) for n in range(3, 50)] == [None] * 47
    assert playout.played(SECOND) == (1, 800)
    playout.resume()
    assert numbers(playout.tick(SECOND) or b"")[0] == before[-1] + 1


def test_a_turns_last_is_not_taken_back() -> None:
    playout = filled(900)
    playout.tick(0)
    assert playout.tick(TICK)
    assert playout.tick(2 * TICK) is None
    playout.mute(2)
    playout.append(2, audio(1, 800))
    assert playout.hold(50 * MS) is False
    assert playout.drained(1, SECOND)
    playout.clear(SECOND)
    playout.append(3, audio(1, 800))
    playout.tick(2 * SECOND)
    assert playout.hold(2 * SECOND + 10 * MS) is True, "more of it may come"


def test_what_is_taken_back_of_several_turns_comes_in_its_order() -> None:
    playout = filled(400)
    playout.append(2, audio(2001, 900))
    sent = playout.tick(0) or b""
    assert numbers(sent)[-1] == 2320
    assert playout.hold(25 * MS) is True
    playout.append(2, audio(2901, 100))
    playout.finish(2)
    playout.resume()
    line = b"".join(playout.tick(SECOND + n * TICK) or b"" for n in range(20))
    assert [number for number in numbers(line) if number] == [*range(201, 401), *range(2001, 3001)]


def test_after_a_stall_on_the_way_a_hold_takes_back_more() -> None:
    """Marks come back at once, then 60 ms late: the other side has that much more than our clock says."""
    playout = filled(32000)
    under_way: list[tuple[int, str]] = []
    for n in range(120):
        playout.tick(n * TICK)
        name = playout.mark_due()
        if name:
            under_way.append((n * TICK + playout.ahead(n * TICK) + (60 * MS if n > 30 else 0), name))
        while under_way and under_way[0][0] <= n * TICK:
            playout.on_mark(under_way.pop(0)[1], n * TICK)
    assert playout.hold(119 * TICK) is True
    assert playout.played(119 * TICK) == (1, 116 * FRAME)
    assert playout.play_position(119 * TICK) == 116 * FRAME
    # What was cleared is made up for.
    playout.resume()
    playout.tick(120 * TICK)
    assert playout.hold(123 * TICK) is True
    assert playout.played(123 * TICK) == (1, 119 * FRAME)


def test_clear_tells_what_was_heard_and_forgets_the_rest() -> None:
    playout = filled(8000)
    for n in range(6):
        playout.tick(n * TICK)
    assert playout.clear(5 * TICK + 10 * MS) == 880
    playout.append(1, audio(1, 500))
    playout.finish(1)
    assert playout.tick(6 * TICK) is None
    assert playout.ahead(6 * TICK) == 0
    playout.append(2, audio(5001, 160))
    assert numbers(playout.tick(7 * TICK) or b"") == list(range(5001, 5161))
    assert playout.played(8 * TICK) == (2, 160)


def test_clearing_a_turn_of_which_nothing_was_sent_says_0() -> None:
    playout = filled(160)
    playout.tick(0)
    playout.mute(2)
    playout.append(2, audio(1, 800))
    assert playout.tick(SECOND) is None
    assert playout.clear(SECOND) == 0
    playout.unmute(2)
    assert playout.tick(SECOND + TICK) is None


def test_a_muted_turn_waits_for_unmute() -> None:
    playout = Playout(PCM16_8K)
    playout.mute(3)
    playout.append(3, audio(1, 160))
    playout.finish(3)
    assert playout.tick(0) is None
    assert not playout.drained(3, SECOND)
    playout.unmute(3)
    assert numbers(playout.tick(SECOND) or b"") == list(range(1, 161))
    assert not playout.drained(3, SECOND + 19 * MS)
    assert playout.drained(3, SECOND + 20 * MS)


def test_drained_needs_a_finish_and_the_end_to_be_heard() -> None:
    playout = filled(320, finish=False)
    playout.tick(0)
    assert not playout.drained(1, SECOND)
    playout.finish(1)
    assert playout.drained(1, SECOND)
    silent = Playout(PCM16_8K)
    silent.finish(4)
    assert silent.tick(0) is None
    assert silent.drained(4, 0)
    assert not silent.drained(5, 0)


def test_marks_come_every_half_second_and_at_a_turns_end() -> None:
    playout = filled(10_000)
    marks = [playout.mark_due() for n in range(100) if playout.tick(n * TICK)]
    assert [name for name in marks if name] == ["e1:1", "e1:2", "e1:3"]
    assert playout.on_mark("e1:2") == (1, 8000)
    assert playout.on_mark("e1:2") is None
    assert playout.on_mark("e1:3") == (1, 10_000)
    assert playout.drained(1, 0)


def test_marks_from_before_a_clear_mean_nothing() -> None:
    playout = filled(8000)
    for n in range(24):
        playout.tick(n * TICK)
    name = playout.mark_due()
    assert name == "e1:1"
    heard = playout.clear(24 * TICK)
    assert playout.on_mark(name) is None
    assert playout.on_mark("e2:1") is None
    assert playout.on_mark("nonsense") is None
    assert playout.played(25 * TICK) == (1, heard)
    playout.append(2, audio(1, FRAME))
    playout.finish(2)
    playout.tick(25 * TICK)
    assert playout.mark_due() == "e2:2"
    assert playout.on_mark("e2:2") == (2, FRAME)


def test_late_marks_teach_the_lag() -> None:
    playout, by_clock = filled(16000), filled(16000)
    under_way: list[tuple[int, str]] = []
    for n in range(60):
        playout.tick(n * TICK)
        by_clock.tick(n * TICK)
        name = playout.mark_due()
        if name:
            under_way.append((n * TICK + playout.ahead(n * TICK) + 80 * MS, name))
        while under_way and under_way[0][0] <= n * TICK:
            playout.on_mark(under_way.pop(0)[1], n * TICK)
    assert by_clock.played(59 * TICK) == (1, 59 * FRAME)
    # Half of the 80 ms there and back.
    assert playout.played(59 * TICK) == (1, 57 * FRAME)


def test_where_audio_lies_on_the_calls_clock() -> None:
    playout = filled(8000)
    assert playout.tick(40 * MS)
    assert playout.play_position(40 * MS) == 320
    assert playout.tick(60 * MS)
    assert playout.play_position(60 * MS) == 320 + 800
    playout.clear(70 * MS)
    assert playout.play_position(70 * MS) == 560


def test_wrong_sizes_and_leads_are_refused() -> None:
    with pytest.raises(FormatError, match="3 bytes"):
        Playout(PCM16_16K).append(1, b"abc")
    with pytest.raises(FormatError, match="lead"):
        Playout(PCM16_16K, lead=MOST + 1)


def test_a_peer_that_returns_no_marks_costs_no_memory() -> None:
    playout = Playout(PCM16_8K)
    playout.append(1, bytes(2 * 8000 * 60))
    for n in range(3000):
        if playout.tick(n * TICK):
            playout.mark_due()
    assert len(playout._marks) <= 64
    assert len(playout._sent) <= 8


class PlayoutMachine(RuleBasedStateMachine):
    """A listener who plays in real time; every sample is numbered."""

    def __init__(self) -> None:
        super().__init__()
        self.playout = Playout(PCM16_8K)
        self.now = 0
        self.turn = 0
        self.appended: dict[int, list[int]] = {}
        self.received: dict[int, list[int]] = {}
        self.number = 1
        self.owner: dict[int, int] = {}
        self.line_end = 0
        self.held_sends = 0
        self.cleared_turn = 0
        self.muted: set[int] = set()
        self.told: set[int] = set()
        """Turns that have been muted, which the playout knows from then on."""
        self.finished: set[int] = set()
        self.last_played = (0, 0)
        self.pending: list[tuple[str, bool]] = []

    @rule()
    def new_turn(self) -> None:
        if self.turn and self.turn > self.cleared_turn and self.turn not in self.finished:
            self.playout.finish(self.turn)
            self.finished.add(self.turn)
        self.turn += 1

    @precondition(lambda self: self.turn and self.turn not in self.finished)
    @rule(count=st.integers(1, 2500))
    def append(self, count: int) -> None:
        ids = [(self.number + i) % 65535 + 1 for i in range(count)]
        self.number += count
        self.playout.append(self.turn, b"".join(i.to_bytes(2, "little") for i in ids))
        if self.turn > self.cleared_turn:
            self.appended.setdefault(self.turn, []).extend(ids)

    @precondition(lambda self: self.turn)
    @rule()
    def finish(self) -> None:
        self.playout.finish(self.turn)
        self.finished.add(self.turn)

    @precondition(lambda self: self.turn > self.cleared_turn and not self.received.get(self.turn))
    @rule()
    def mute(self) -> None:
        self.playout.mute(self.turn)
        self.muted.add(self.turn)
        self.told.add(self.turn)

    @precondition(lambda self: self.muted)
    @rule()
    def unmute(self) -> None:
        turn = self.muted.pop()
        self.playout.unmute(turn)

    @rule(ticks=st.integers(1, 12), jitter=st.integers(0, 19))
    def ticks(self, ticks: int, jitter: int) -> None:
        for n in range(ticks):
            self.now += TICK
            at = self.now + (jitter * MS if n == ticks - 1 else 0)
            held = self.playout.held
            data = self.playout.tick(at)
            here = at * 8000 // SECOND
            if data is None:
                continue
            assert not held, "a hold must stop"
            assert len(data) % (2 * FRAME) == 0
            self.line_end = max(self.line_end, here) + len(data) // 2
            assert self.line_end - here <= MOST * 8000 // SECOND, "too far ahead"
            for number in numbers(data):
                self.take(number)
            name = self.playout.mark_due()
            if name:
                self.pending.append((name, True))

    def take(self, number: int) -> None:
        if number == 0:
            return
        for turn in sorted(self.appended):
            got = self.received.setdefault(turn, [])
            if len(got) < len(self.appended[turn]):
                assert turn > self.cleared_turn, "sent after clear"
                assert turn not in self.muted, "muted audio was sent"
                assert self.appended[turn][len(got)] == number, "lost, doubled or out of order"
                got.append(number)
                return
        raise AssertionError("more was sent than there was")

    @rule(clears=st.booleans())
    def hold(self, clears: bool) -> None:
        if not self.playout.hold(self.now, clears=clears):
            return
        turn, sample = self.playout.played(self.now)
        for late in self.received:
            del self.received[late][sample if late == turn else 0 if late > turn else len(self.received[late]) :]
        self.line_end = min(self.line_end, self.now * 8000 // SECOND)
        self.pending = [(name, False) for name, _ in self.pending]

    @rule()
    def resume(self) -> None:
        self.playout.resume()

    @rule(named=st.booleans())
    def clear(self, named: bool) -> None:
        newest = max([*self.appended, *self.told, *self.finished, self.cleared_turn])
        turn = self.turn if named else newest
        heard = self.playout.clear(self.now, self.turn if named else None)
        assert 0 <= heard <= len(self.received.get(turn, []))
        self.cleared_turn = max(newest, turn)
        self.appended = {t: self.received.get(t, [])[:] for t in self.appended}
        self.muted.clear()
        self.line_end = min(self.line_end, self.now * 8000 // SECOND)
        self.pending = [(name, False) for name, _ in self.pending]

    @precondition(lambda self: self.pending)
    @rule(with_time=st.booleans())
    def mark(self, with_time: bool) -> None:
        name, fresh = self.pending.pop(0)
        found = self.playout.on_mark(name, self.now if with_time else None)
        assert (found is not None) == fresh
        if found is not None:
            assert found[1] <= len(self.received.get(found[0], []))

    @invariant()
    def heard_is_a_prefix_of_sent_and_never_falls(self) -> None:
        turn, sample = self.playout.played(self.now)
        assert sample <= len(self.received.get(turn, []))
        assert (turn, sample) >= self.last_played
        self.last_played = (turn, sample)

    def teardown(self) -> None:
        """Whatever happened: unmuted, resumed and finished, everything that is not cleared arrives."""
        for turn in self.muted:
            self.playout.unmute(turn)
        self.muted.clear()
        self.playout.resume()
        if self.turn:
            self.playout.finish(self.turn)
        left = sum(map(len, self.appended.values()))
        self.ticks(left // FRAME + self.turn + 10, 0)
        assert {t: a for t, a in self.appended.items() if a} == {t: r for t, r in self.received.items() if r}
        for turn in range(1, self.turn + 1):
            if turn in self.appended:
                assert self.playout.drained(turn, self.now + 2 * SECOND)


TestPlayoutMachine = PlayoutMachine.TestCase
TestPlayoutMachine.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
