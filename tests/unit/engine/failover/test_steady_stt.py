"""A recogniser that is replaced in mid-word loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import anyio
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.engine.failover.doubles import FRAME, FRAME_S, STOP_LAG, Line, LineStt, SttFault, talk

from offhook.core.audio.format import MULAW_8K, OPUS_48K, PCM16_8K, PCM16_16K
from offhook.core.audio.frame import PcmFrame
from offhook.core.time import SECOND
from offhook.core.turn.policy import TurnPolicy
from offhook.engine.failover.ear import SttPolicy
from offhook.engine.failover.health import Candidate, Circuit, Health, HealthBoard, Replaced
from offhook.engine.failover.race import Closer
from offhook.engine.failover.stt import SteadyStt, SteadySttSession
from offhook.errors import FormatError, OverQuota, ProviderError, Retry, Unauthorized, Unavailable
from offhook.ports.stt import Behind, Heard, SttEvent, SttHints, VendorSpeech
from offhook.testing.clock import VIRTUAL_TIME, VirtualTimeLoop
from offhook.testing.fakes import FakeStt

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


@dataclass
class Scene:
    """A call whose caller says a line to recognisers in order."""

    line: Line
    stts: list[LineStt]
    segments: dict[int, str] = field(default_factory=dict)
    finals: list[tuple[float, Heard]] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)
    raised: list[ProviderError] = field(default_factory=list)
    blamed: list[ProviderError] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    vendor: list[VendorSpeech] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    health: dict[str, Health] = field(default_factory=dict)
    listened: list[str] = field(default_factory=list)
    own: set[bool] = field(default_factory=set)
    session: SteadySttSession | None = None

    def steady(self, policy: SttPolicy | None = None) -> SteadyStt:
        board = HealthBoard()
        self.health = {stt.spec.id: board.of(stt.spec.id) for stt in self.stts}
        candidates = [Candidate(stt.spec.id, stt, self.health[stt.spec.id]) for stt in self.stts]
        return SteadyStt(candidates, Closer(), policy or SttPolicy(), self.blamed.append, self.replaced.append)

    async def hear(self, session: SteadySttSession) -> None:
        while True:
            try:
                async for event in session:
                    self.own.add(session.own_endpointing)
                    if isinstance(event, Heard):
                        self.segments[event.segment] = event.text
                        self.told_at.append(anyio.current_time())
                        if event.final:
                            self.finals.append((anyio.current_time(), event))
                    elif isinstance(event, VendorSpeech):
                        self.vendor.append(event)
                    elif isinstance(event, Behind):
                        self.behind.append(anyio.current_time())
                return
            except ProviderError as error:
                self.raised.append(error)
                await anyio.sleep(0.5)

    @property
    def text(self) -> str:
        return " ".join(text for _, text in sorted(self.segments.items()) if text)

    async def run(
        self, policy: SttPolicy | None = None, listens: tuple[int, ...] = (), then: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        steady = self.steady(policy)
        self.session = session = await steady.open(PCM16_8K, "en-GB", SttHints())
        async with anyio.create_task_group() as group:
            group.start_soon(steady.closer.run)
            group.start_soon(self.hear, session)
            begin = 0
            for at in [*listens, None]:
                await talk(session.push, session.speech_started, session.speech_stopped, self.line, begin=begin, until=at)
                if at is not None:
                    self.listened.append(self.text)
                    self.segments.clear()
                    session.listen()
                    begin = at
            if then is not None:
                await then()
            await session.aclose()
            await anyio.sleep(3)
            group.cancel_scope.cancel()
        assert all(not stt.open_now for stt in self.stts)
        assert all(one.busy == 0 for one in self.health.values())


def spoken(*texts: str) -> Line:
    line = Line()
    for text in texts:
        line.say(text)
    return line


NUMBERS = "one two three four five six seven eight nine ten"


@pytest.mark.parametrize("whole", [False, True])
async def test_without_faults_it_is_the_first_one(whole: bool) -> None:
    line = spoken(NUMBERS, "alpha bravo")
    scene = Scene(line, [LineStt(line, "stt/a", whole=whole), LineStt(line, "stt/b")])
    await scene.run()
    assert scene.text == line.text
    assert scene.stts[1].asked == 0
    assert scene.replaced == []


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("other", [False, True])
async def test_a_connection_that_breaks_at_any_frame_loses_and_doubles_no_word(whole: bool, other: bool) -> None:
    line = spoken("one two three four", "five six seven")
    for at in range(1, line.frames + 60, 7):
        scene = Scene(line, [LineStt(line, "stt/a", whole=whole, faults=[SttFault(break_at=at)]), LineStt(line, "stt/b", whole=other)])
        await scene.run()
        assert scene.text == line.text, at
        assert [one.by for one in scene.replaced] == ["stt/b"]
        assert scene.replaced[0].seconds <= 0.2
        for _, last in line.stretches:
            assert any(heard.final and heard.end >= last * FRAME for _, heard in scene.finals), at


async def test_the_last_words_are_final_soon_after_the_connection_broke() -> None:
    line = spoken(NUMBERS)
    last = line.stretches[0][1]
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(break_at=last)]), LineStt(line, "stt/b")])
    began = anyio.current_time()
    await scene.run()
    at, _ = scene.finals[-1]
    assert scene.text == line.text
    # 0.1 s to connect at the very start, 20 ms a frame, then the detector's lag, the second connection and the words' own delay.
    assert at - began - 0.1 - last * FRAME_S <= STOP_LAG * FRAME_S + 0.1 + 0.1 + 3 * FRAME_S


async def test_a_recogniser_that_is_mute_in_speech_is_found_out_within_two_seconds() -> None:
    line = Line()
    line.say(" ".join(f"w{number}" for number in range(30)))
    mute = line.stretches[0][0] + 100
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(mute_at=mute)]), LineStt(line, "stt/b")])
    await scene.run()
    assert scene.text == line.text
    assert [one.why for one in scene.replaced] == ["stalled"]
    assert [type(error).__name__ for error in scene.blamed] == ["Timeout"]
    assert scene.health["stt/a"].report().failed == {"Timeout": 1}


async def test_the_words_that_are_owed_after_speech_are_fetched_elsewhere() -> None:
    line = spoken("one two three")
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(mute_at=line.stretches[0][1] - 4)]), LineStt(line, "stt/b")])
    await scene.run()
    assert scene.text == line.text
    at, _ = scene.finals[-1]
    assert at <= 0.1 + (line.stretches[0][1] + STOP_LAG) * FRAME_S + 1.5 + 0.2 + 0.1 + 3 * FRAME_S


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("decides", [False, True])
async def test_one_that_never_says_a_word_is_found_out_before_the_turn_is_given_up(others: int, decides: bool) -> None:
    line = spoken("one two three")
    spares = [LineStt(line, "stt/b", own_endpointing=decides)] * others
    scene = Scene(line, [LineStt(line, "stt/a", own_endpointing=decides, faults=[SttFault(mute_at=1)]), *spares])
    began = anyio.current_time()
    await scene.run()
    assert scene.text == line.text
    assert [one.why for one in scene.replaced] == ["stalled"]
    at, _ = scene.finals[-1]
    assert at - began - 0.1 - line.stretches[0][1] * FRAME_S < TurnPolicy().words_ms / SECOND


@pytest.mark.parametrize("others", [0, 1])
async def test_a_caller_whose_words_become_final_with_nobody_is_heard_before_their_turn_is_given_up(others: int) -> None:
    """The one that listens says nothing, and who comes after it says no last word, which is waited for too (crowd seed 41667)."""
    line = spoken("one two three")
    spares = [LineStt(line, "stt/b", finals=False)] * others
    scene = Scene(line, [LineStt(line, "stt/a", finals=False, faults=[SttFault(mute_at=1)]), *spares])
    began = anyio.current_time()
    await scene.run()
    assert line.text.startswith(scene.text)
    assert scene.told_at[0] - began - 0.1 - line.stretches[0][1] * FRAME_S < TurnPolicy().words_ms / SECOND


@pytest.mark.parametrize("others", [0, 1])
async def test_a_caller_is_not_answered_by_their_first_words_where_nobody_heard_the_others(others: int) -> None:
    """That more is to come is known before words that are incomplete have been waited for in vain (crowd seed 44617)."""
    line = spoken("one two three four five six seven")
    mute = SttFault(mute_at=line.stretches[0][0] + 50)
    scene = Scene(line, [LineStt(line, "stt/a", faults=[mute]), *[LineStt(line, "stt/b")] * others])
    began = anyio.current_time()
    await scene.run()
    assert scene.text == line.text
    assert scene.told_at[0] - began < line.stretches[0][1] * FRAME_S
    assert scene.behind[0] - began - 0.1 - line.stretches[0][1] * FRAME_S < TurnPolicy().endpointing.incomplete_ms / SECOND


async def test_a_caller_who_paused_is_heard_to_the_end_where_who_is_told_it_anew_falls_silent_in_it() -> None:
    """That what they said before the pause is final does not mean that nothing is owed."""
    line = spoken("one two three four five", "six seven eight nine ten")
    silent = SttFault(mute_at=line.stretches[1][0] + 50)
    stts = [
        LineStt(line, "stt/a", faults=[SttFault(mute_at=1), SttFault(refuse=Unavailable("stt/a", "no"))]),
        LineStt(line, "stt/b", connect=0.5, tight=True, faults=[silent]),
        LineStt(line, "stt/c", connect=0.5),
    ]
    line.frames += 150
    scene = Scene(line, stts)
    await scene.run(SttPolicy(stall=4.0))
    assert stts[1].opened
    assert scene.text == line.text


async def test_that_words_are_to_come_is_said_at_once_and_again_when_another_is_there() -> None:
    line = spoken("one two three")
    faults = [SttFault(break_at=line.stretches[0][1])]
    scene = Scene(line, [LineStt(line, "stt/a", faults=faults), LineStt(line, "stt/b", connect=0.3)])
    await scene.run()
    lost, there = scene.behind
    assert there - lost == pytest.approx(0.3)
    assert there < scene.finals[-1][0]


async def test_nothing_is_to_come_where_all_that_was_said_is_final() -> None:
    line = spoken("one two three", "four")
    faults = [SttFault(break_at=line.stretches[0][1] + 30)]
    scene = Scene(line, [LineStt(line, "stt/a", faults=faults), LineStt(line, "stt/b")])
    await scene.run()
    assert len(scene.replaced) == 1
    assert scene.behind == []


async def test_noise_without_words_is_nobodys_fault_and_waited_for_longer_each_time() -> None:
    line = Line()
    line.stretches.append((100, 1_600))
    line.frames = 1_700
    scene = Scene(line, [LineStt(line, "stt/a"), LineStt(line, "stt/b")])
    await scene.run()
    assert scene.blamed == []
    assert scene.raised == []
    assert 1 <= len(scene.replaced) <= 4
    assert all(health.circuit is Circuit.CLOSED for health in scene.health.values())


async def test_a_network_that_stalls_is_no_stall_of_the_recogniser() -> None:
    line = spoken(NUMBERS)
    scene = Scene(line, [LineStt(line, "stt/a"), LineStt(line, "stt/b")])
    steady = scene.steady()
    session = await steady.open(PCM16_8K, "en-GB", SttHints())
    middle = line.stretches[0][0] + 40
    async with anyio.create_task_group() as group:
        group.start_soon(scene.hear, session)
        await talk(session.push, session.speech_started, session.speech_stopped, line, until=middle)
        await anyio.sleep(5)
        await talk(session.push, session.speech_started, session.speech_stopped, line, begin=middle)
        await session.aclose()
    assert scene.text == line.text
    assert scene.replaced == []


@pytest.mark.parametrize("fault", [SttFault(hang=True), SttFault(refuse=Unavailable("stt/b", "no"))])
async def test_the_next_but_one_is_tried_when_the_next_cannot_be_reached(fault: SttFault) -> None:
    line = spoken(NUMBERS)
    last = line.stretches[0][1]
    stts = [LineStt(line, "stt/a", faults=[SttFault(break_at=last)]), LineStt(line, "stt/b", faults=[fault]), LineStt(line, "stt/c")]
    scene = Scene(line, stts)
    await scene.run()
    assert scene.text == line.text
    assert scene.replaced[-1].by == "stt/c"
    assert scene.replaced[-1].seconds <= 0.7
    assert scene.finals[-1][0] - 0.1 - last * FRAME_S <= 1.5


async def test_a_breaker_that_is_open_is_gone_round() -> None:
    line = spoken(NUMBERS)
    stts = [LineStt(line, "stt/a", faults=[SttFault(break_at=120)]), LineStt(line, "stt/b"), LineStt(line, "stt/c")]
    scene = Scene(line, stts)
    steady = scene.steady()
    scene.health["stt/b"].failed(Unauthorized("stt/b", "no"))
    session = await steady.open(PCM16_8K, "en-GB", SttHints())
    async with anyio.create_task_group() as group:
        group.start_soon(scene.hear, session)
        await talk(session.push, session.speech_started, session.speech_stopped, line)
        await session.aclose()
    assert scene.text == line.text
    assert stts[1].asked == 0


async def test_while_the_line_rings_the_next_one_answers_for_the_first() -> None:
    line = spoken("one two")
    refused = SttFault(refuse=Unauthorized("stt/a", "the key is wrong"))
    scene = Scene(line, [LineStt(line, "stt/a", faults=[refused]), LineStt(line, "stt/b")])
    await scene.run()
    assert scene.text == line.text
    assert scene.health["stt/a"].circuit is Circuit.OPEN
    assert [(one.failed, one.by, one.why) for one in scene.replaced] == [("stt/a", "stt/b", "Unauthorized")]


async def test_nobody_there_is_said_and_the_last_error_is_the_reason() -> None:
    line = spoken("one")
    gone = [LineStt(line, f"stt/{name}", faults=[SttFault(refuse=OverQuota(name, "no", retry=Retry(3.0)))] * 9) for name in "ab"]
    with pytest.raises(OverQuota):
        await Scene(line, gone).steady().open(PCM16_8K, "en-GB", SttHints())
    with pytest.raises(Unavailable, match="names no provider"):
        await SteadyStt([]).open(PCM16_8K, "en-GB", SttHints())


async def test_with_one_recogniser_the_connection_is_made_anew() -> None:
    line = spoken("one two three four", "five six seven")
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(break_at=130), SttFault(break_at=160), SttFault(end_at=190)])])
    await scene.run()
    assert scene.text == line.text
    assert scene.stts[0].asked == 4
    assert [one.why for one in scene.replaced] == ["Unavailable"] * 3


async def test_an_only_recogniser_whose_new_connection_hangs_is_dialled_once_more() -> None:
    """Of a connection that hangs nobody knows for how long; nobody else can be asked, and the caller waits."""
    line = spoken("one two three four", "five six seven")
    hangs = [SttFault(break_at=130), SttFault(hang=True)]
    scene = Scene(line, [LineStt(line, "stt/a", faults=hangs)])
    await scene.run()
    assert scene.text == line.text
    assert (scene.stts[0].asked, scene.raised) == (3, [])
    assert [type(one).__name__ for one in scene.blamed] == ["Unavailable"]  # the connection that broke; the one that hung came to nothing


async def test_an_only_recogniser_that_refuses_is_not_asked_again_at_once_and_blamed_once() -> None:
    line = spoken("one")
    stt = LineStt(line, "stt/a", faults=[SttFault(refuse=OverQuota("a", "no", retry=Retry(3.0)))] * 9)
    scene = Scene(line, [stt])
    with pytest.raises(OverQuota):
        await scene.steady().open(PCM16_8K, "en-GB", SttHints())
    assert (stt.asked, len(scene.blamed)) == (1, 1)


async def test_an_only_recogniser_that_hangs_for_good_fails_once() -> None:
    line = spoken("one")
    stt = LineStt(line, "stt/a", faults=[SttFault(hang=True)] * 9)
    scene = Scene(line, [stt])
    with pytest.raises(ProviderError, match=r"in time|within"):
        await scene.steady().open(PCM16_8K, "en-GB", SttHints())
    assert (stt.asked, len(scene.blamed)) == (2, 1)


async def test_ears_that_were_gone_for_a_while_catch_up() -> None:
    line = spoken("one two three four", "five six seven")
    away = [SttFault(refuse=Unavailable("stt/a", "no"))] * 3
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(break_at=130), *away])])
    await scene.run()
    assert scene.raised
    assert scene.text == line.text
    assert scene.session is not None
    assert scene.session.lost == 0


async def test_what_nobody_could_be_told_in_time_is_counted() -> None:
    line = spoken(NUMBERS)
    away = [SttFault(refuse=Unavailable("stt/a", "no"))] * 40
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(break_at=20), *away])])
    await scene.run(SttPolicy(keep=1.0))
    assert scene.session is not None
    assert scene.session.lost > 100 * FRAME


@pytest.mark.parametrize("whole", [False, True])
async def test_a_turn_that_is_used_up_is_never_heard_again(whole: bool) -> None:
    line = spoken("one two three", "four five six")
    used_up = line.stretches[0][1] + 30
    faults = [SttFault(break_at=line.stretches[1][0] + 20)]
    scene = Scene(line, [LineStt(line, "stt/a", whole=whole, faults=faults), LineStt(line, "stt/b", whole=whole)])
    await scene.run(listens=(used_up,))
    assert scene.listened == ["one two three"]
    assert scene.text == "four five six"


async def test_segments_go_on_counting_over_turns_and_recognisers() -> None:
    line = spoken("one two three", "four five six", "seven eight")
    faults = [SttFault(break_at=line.stretches[1][0] + 20)]
    scene = Scene(line, [LineStt(line, "stt/a", faults=faults), LineStt(line, "stt/b")])
    await scene.run()
    numbers = [heard.segment for _, heard in scene.finals]
    assert numbers == sorted(set(numbers))
    assert all(heard.start < heard.end for _, heard in scene.finals)
    ends = [heard.end // FRAME for _, heard in scene.finals if heard.text]
    assert [abs(end - last) <= STOP_LAG + 3 for end, (_, last) in zip(ends, line.stretches, strict=True)] == [True] * 3


async def test_a_monologue_longer_than_the_tape_keeps_its_words() -> None:
    line = Line()
    line.say(" ".join(f"w{number}" for number in range(40)))
    faults = [SttFault(break_at=line.stretches[0][0] + 430)]
    scene = Scene(line, [LineStt(line, "stt/a", faults=faults), LineStt(line, "stt/b")])
    await scene.run(SttPolicy(keep=4.0))
    assert [word.removeprefix("~") for word in scene.text.split()] == line.text.split()


@pytest.mark.parametrize("break_at", [180, 240, 270])
async def test_who_hears_it_all_again_takes_no_words_away_while_not_through(break_at: int) -> None:
    line = spoken(NUMBERS)
    shown: list[str] = []

    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(break_at=break_at)]), LineStt(line, "stt/b", lag=0.04)])

    async def watch() -> None:
        while True:
            await anyio.sleep(0.01)
            shown.append(scene.text)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await scene.run()
        group.cancel_scope.cancel()
    assert scene.text == line.text
    assert all(len(later) >= len(earlier) for earlier, later in pairwise(shown))


async def test_words_that_never_become_final_are_told_all_the_same() -> None:
    line = spoken(NUMBERS)
    faults = [SttFault(break_at=120), *[SttFault(refuse=Unavailable("stt/a", "no")) for _ in range(4)]]
    scene = Scene(line, [LineStt(line, "stt/a", faults=faults), LineStt(line, "stt/b", connect=3.6, finals=False)])
    await scene.run(SttPolicy(connect=4.5, limit=5.0))
    assert len(scene.text.split()) >= 9
    assert line.text.startswith(scene.text)


@pytest.mark.parametrize(("breaks", "words"), [(218, 6), (146, 3)])
async def test_of_one_that_breaks_while_it_hears_it_all_again_the_words_stay_unless_they_are_fewer(breaks: int, words: int) -> None:
    """Nobody comes after it."""
    line = spoken(NUMBERS)
    gone = [SttFault(refuse=Unavailable("stt/a", "no"))] * 20
    stts = [
        LineStt(line, "stt/a", faults=[SttFault(break_at=170), *gone]),
        LineStt(line, "stt/b", connect=1.0, faults=[SttFault(break_at=breaks), *gone]),
    ]
    scene = Scene(line, stts)
    await scene.run()
    assert [stt.opened != [] for stt in stts] == [True, True]
    assert len(scene.text.split()) == words
    assert line.text.startswith(scene.text)


async def test_what_was_told_anew_and_waits_for_the_rest_is_had_when_the_caller_is_gone() -> None:
    """Before any other word of theirs is known: crowd seed 288."""
    line = spoken(NUMBERS)
    first = line.stretches[0][0]
    stts = [LineStt(line, "stt/a", faults=[SttFault(mute_at=first)]), LineStt(line, "stt/b", lag=0.1)]
    scene = Scene(line, stts)
    told: list[str] = []

    async def leave() -> None:
        session = scene.session
        assert session is not None
        while not session._retelling.withholds:
            await anyio.sleep(0.01)
        assert scene.text == ""
        told.extend(heard.text for heard in session.rest())
        assert session.rest() == []

    async with anyio.create_task_group() as group:
        group.start_soon(scene.run)
        while scene.session is None:
            await anyio.sleep(0.01)
        await leave()
        group.cancel_scope.cancel()
    assert len(told) == 1
    assert line.text.startswith(told[0])
    assert told[0]


@pytest.mark.parametrize("whole", [False, True])
async def test_what_is_said_while_there_is_none_is_heard_by_the_one_that_comes(whole: bool) -> None:
    """The search gives up, and is begun anew by who iterates; nothing of the turn is missing, and its places are the call's."""
    line = spoken(NUMBERS)
    refusals = [SttFault(refuse=Unavailable("stt/a", "no")) for _ in range(4)]
    scene = Scene(line, [LineStt(line, "stt/a", faults=[SttFault(break_at=200), *refusals], whole=whole)])
    session = await scene.steady().open(PCM16_8K, "en-GB", SttHints())
    found: list[SttEvent] = []

    async def told() -> None:
        async for event in session:
            found.append(event)  # noqa: PERF401 - what came before an error counts

    async with anyio.create_task_group() as group:

        async def listen() -> None:
            for _ in range(9):
                try:
                    await told()
                    return
                except ProviderError as error:
                    scene.raised.append(error)
                while session.provider == "":
                    try:
                        await session.revive()
                    except ProviderError as error:
                        scene.raised.append(error)
                        await anyio.sleep(1.0)

        group.start_soon(listen)
        await talk(session.push, session.speech_started, session.speech_stopped, line)
        await session.aclose()
    assert len(scene.raised) >= 3
    words = {heard.segment: heard for heard in found if isinstance(heard, Heard)}
    assert " ".join(heard.text for _, heard in sorted(words.items()) if heard.text) == line.text
    assert max(heard.end for heard in words.values()) == pytest.approx((line.stretches[-1][1] + STOP_LAG) * FRAME, abs=3 * FRAME)
    assert session.lost == 0


async def test_the_engine_learns_who_decides_about_turns() -> None:
    line = spoken(NUMBERS)
    stts = [LineStt(line, "stt/a", own_endpointing=True, faults=[SttFault(break_at=200)]), LineStt(line, "stt/b")]
    scene = Scene(line, stts)
    await scene.run()
    assert scene.own == {True, False}
    assert scene.session is not None
    assert not scene.session.own_endpointing
    assert scene.vendor == [VendorSpeech(True, line.stretches[0][0] * FRAME)]


async def test_audio_is_converted_for_whoever_takes_over() -> None:
    fake = FakeStt()
    fake.spec = type(fake.spec)(id="stt/wide", kind="stt", formats=(PCM16_16K,))
    steady = SteadyStt([Candidate("wide", fake, Health("wide"))])
    session = await SteadyStt(
        [*steady.candidates, Candidate("line", LineStt(Line()), Health("line"))],
    ).open(PCM16_8K, "en-GB", SttHints())
    for number in range(50):
        session.push(PcmFrame(bytes(320), PCM16_8K, number * 160))
    assert session.provider == "wide"
    assert 15_900 <= fake.opened[0].end <= 16_000
    await session.aclose()
    assert fake.opened[0].closed


async def test_formats_that_nobody_declared_are_refused() -> None:
    line = Line()
    steady = Scene(line, [LineStt(line)]).steady()
    with pytest.raises(FormatError, match=str(OPUS_48K)):
        await steady.open(OPUS_48K, "en-GB", SttHints())
    session = await steady.open(PCM16_8K, "en-GB", SttHints())
    with pytest.raises(FormatError):
        session.push(PcmFrame(bytes(160), MULAW_8K, 0))
    with pytest.raises(FormatError):
        session.push(PcmFrame(bytes(161), PCM16_8K, 0))
    await session.aclose()


async def test_closing_in_a_search_leaves_nothing_open() -> None:
    line = spoken(NUMBERS)
    for when in (0.05, 0.15, 0.41, 0.5):
        stts = [LineStt(line, "stt/a", faults=[SttFault(break_at=100)]), LineStt(line, "stt/b", connect=0.45)]
        scene = Scene(line, stts)
        steady = scene.steady()
        session = await steady.open(PCM16_8K, "en-GB", SttHints())
        async with anyio.create_task_group() as group:
            group.start_soon(scene.hear, session)
            await talk(session.push, session.speech_started, session.speech_stopped, line, until=100)
            await anyio.sleep(when)
            await session.aclose()
            await session.aclose()
        assert all(not stt.open_now for stt in stts)


FAULTS = st.one_of(
    st.builds(SttFault, break_at=st.integers(1, 700)),
    st.builds(SttFault, end_at=st.integers(1, 700)),
    st.builds(SttFault, mute_at=st.integers(1, 700)),
    st.just(SttFault(hang=True)),
    st.just(SttFault(refuse=Unavailable("stt/x", "no"))),
    st.just(SttFault(refuse=OverQuota("stt/x", "no", retry=Retry(2.0)))),
    st.just(SttFault(break_at=1, error=Unauthorized("stt/x", "no"))),
)


@settings(max_examples=120, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    first=st.lists(FAULTS, max_size=4),
    second=st.lists(FAULTS, max_size=3),
    styles=st.tuples(*[st.tuples(st.booleans(), st.booleans())] * 3),
    pauses=st.lists(st.integers(25, 90), min_size=1, max_size=4),
)
def test_whatever_fails_no_word_is_lost_or_doubled_while_one_recogniser_is_well(
    first: list[SttFault], second: list[SttFault], styles: tuple[tuple[bool, bool], ...], pauses: list[int]
) -> None:
    line = Line()
    for number, pause in enumerate(pauses):
        line.say(" ".join(f"{word}{number}" for word in ("a", "b", "c", "d", "e")), pause=pause)
    line.frames += 250
    stts = [
        LineStt(line, "stt/a", faults=first, whole=styles[0][0], tight=styles[0][1]),
        LineStt(line, "stt/b", faults=second, whole=styles[1][0], tight=styles[1][1]),
        LineStt(line, "stt/c", whole=styles[2][0], tight=styles[2][1]),
    ]
    scene = Scene(line, stts)
    anyio.run(partial(scene.run), backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})
    assert scene.text == line.text
    assert scene.raised == []
