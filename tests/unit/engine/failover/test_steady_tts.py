"""A voice that is replaced says every clause once, or tells how far it came."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import anyio
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.engine.failover.minds import Voice, VoiceFault, VoiceSession

from offhook.core.audio.format import MULAW_8K, OPUS_48K, PCM16_8K, PCM16_16K, AudioFormat
from offhook.engine.failover.health import Candidate, Circuit, HealthBoard, Replaced
from offhook.engine.failover.tts import CutShort, SteadyTts, SteadyTtsSession
from offhook.errors import FormatError, OverQuota, ProviderError, Rejected, Retry, Unauthorized, Unavailable
from offhook.ports.tts import Speech
from offhook.testing.clock import VIRTUAL_TIME, VirtualTimeLoop

pytestmark = pytest.mark.anyio
CLAUSES = ("Thanks for calling,", "your visit is on Tuesday at nine.", "Is that all right?")
STEP = 1_600
"""Samples of a word at 8 kHz."""


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


@dataclass
class Heard:
    """What came out of one reply."""

    speeches: list[Speech] = field(default_factory=list)
    error: ProviderError | None = None
    gaps: list[float] = field(default_factory=list)

    def voices(self) -> list[list[int]]:
        """Which voices said each clause."""
        found: dict[int, list[int]] = {}
        for speech in self.speeches:
            values = {int.from_bytes(speech.data[at : at + 2], "little") for at in range(0, len(speech.data), 2)}
            found.setdefault(speech.clause, [])
            found[speech.clause] += [value for value in sorted(values) if value not in found[speech.clause]]
        return [found[number] for number in sorted(found)]

    def samples(self, clause: int) -> int:
        return sum(len(speech.data) // 2 for speech in self.speeches if speech.clause == clause)


def steady(*voices: Voice, **more: object) -> SteadyTts:
    board = HealthBoard()
    found = SteadyTts([Candidate(voice.name, voice, board.of(voice.name)) for voice in voices])
    return replace(found, **more)  # type: ignore[arg-type]


async def stream(clauses: Sequence[str], gap: float = 0.0) -> AsyncIterator[str]:
    for number, clause in enumerate(clauses):
        if number and gap:
            await anyio.sleep(gap)
        yield clause


async def listen(session: SteadyTtsSession, clauses: Sequence[str] = CLAUSES, gap: float = 0.0) -> Heard:
    heard = Heard()
    last = anyio.current_time()
    try:
        async for speech in session.speak(stream(clauses, gap)):
            heard.speeches.append(speech)
            if speech.data:
                heard.gaps.append(anyio.current_time() - last)
                last = anyio.current_time()
    except ProviderError as error:
        heard.error = error
        heard.gaps.append(anyio.current_time() - last)
    return heard


async def said(*voices: Voice, clauses: Sequence[str] = CLAUSES) -> Heard:
    tts = steady(*voices)
    session = await tts.open("heart", "en-GB", PCM16_8K)
    heard = await listen(session, clauses)
    await session.aclose()
    await tts.aclose()
    assert all(one.health.busy == 0 for one in tts.candidates)
    assert all(not voice.open_now for voice in voices)
    return heard


def pair(*faults: VoiceFault) -> tuple[Voice, Voice]:
    return Voice("tts/a", 1_000, deque(faults)), Voice("tts/b", 2_000)


def whole(heard: Heard) -> None:
    assert [speech.clause for speech in heard.speeches if speech.last] == [0, 1, 2]
    assert [heard.samples(number) for number in range(3)] == [len(clause.split()) * STEP for clause in CLAUSES]
    words = [word.text for speech in heard.speeches for word in speech.words]
    assert words == " ".join(CLAUSES).split()


async def test_without_faults_it_is_the_first_one() -> None:
    a, b = pair()
    heard = await said(a, b)
    whole(heard)
    assert heard.voices() == [[1_000]] * 3
    assert (b.said, b.asked_for) == ([], [])


@pytest.mark.parametrize(
    ("clause", "how"),
    [(clause, how) for clause in range(3) for how in ("break", "hang", "silent", "empty", "early")] + [(0, "header")],
)
async def test_a_clause_of_which_nothing_was_given_is_said_again_by_the_next(clause: int, how: str) -> None:
    fault = VoiceFault(clause, header=b"RIFF\x24\x00\x00\x00WAVE") if how == "header" else VoiceFault(clause)
    if how in {"hang", "silent", "empty", "early"}:
        setattr(fault, how, True)
    a, b = pair(fault)
    heard = await said(a, b)
    assert heard.error is None
    whole(heard)
    assert heard.voices() == [[1_000]] * clause + [[2_000]] * (3 - clause)
    # A voice that hangs is given 0.3 s; another is then connected in 0.05 s and sounds after 0.1 s.
    assert max(heard.gaps) <= 0.46


@pytest.mark.parametrize("how", ["break", "hang"])
async def test_a_clause_that_was_begun_is_told_upward_and_the_next_reply_is_anothers(how: str) -> None:
    a, b = pair(VoiceFault(1, 3, hang=how == "hang"))
    tts = steady(a, b)
    session = await tts.open("heart", "en-GB", PCM16_8K)
    heard = await listen(session)
    assert isinstance(heard.error, CutShort)
    assert (heard.error.clause, heard.error.samples, heard.error.rest) == (1, 3 * STEP, "on Tuesday at nine.")
    assert heard.samples(1) == heard.error.samples
    assert max(heard.gaps) <= 1.1
    began = anyio.current_time()
    again = await listen(session, CLAUSES[1:])
    assert again.voices() == [[2_000]] * 2
    assert again.gaps[0] <= 0.3
    assert began < anyio.current_time()
    assert session.provider == "tts/b"
    await session.aclose()


async def test_a_slow_voice_is_kept_if_it_sounds_first_and_nobody_else_is_heard() -> None:
    a, b = Voice("tts/a", 1_000, first=0.43), Voice("tts/b", 2_000)
    heard = await said(a, b, clauses=CLAUSES[:1])
    assert heard.voices() == [[1_000]]
    assert heard.gaps[0] == pytest.approx(0.44)
    assert b.said == [CLAUSES[0]], "it was asked in vain"


async def test_a_slow_voice_that_is_healthy_is_learnt_and_not_penalised_for_good() -> None:
    a, b = Voice("tts/a", 1_000, first=0.6), Voice("tts/b", 2_000)
    replaced: list[Replaced] = []
    tts = steady(a, b, replaced=replaced.append)
    voices = []
    for _ in range(7):
        session = await tts.open("heart", "en-GB", PCM16_8K)
        heard = await listen(session, gap=0.2)
        whole(heard)
        voices.append([voice for [voice] in heard.voices()])
        await session.aclose()
    assert voices == [[2_000] * 3] * 5 + [[1_000] * 3] * 2
    assert len(replaced) == 5
    health = tts.candidates[0].health
    assert (health.circuit, health.report().failed) == (Circuit.CLOSED, {})
    assert (a.open_now, b.open_now, health.busy) == (0, 0, 0)


async def test_a_voice_that_hangs_is_known_for_it_although_another_spoke_in_time() -> None:
    a, b = pair()
    tts = steady(a, b)
    for _ in range(5):
        session = await tts.open("heart", "en-GB", PCM16_8K)
        whole(await listen(session))
        await session.aclose()
    assert tts.candidates[0].health.quantile(0.95, 5) == pytest.approx(0.1)
    a.faults.extend(VoiceFault(0, hang=True) for _ in range(3))
    for _ in range(3):
        session = await tts.open("heart", "en-GB", PCM16_8K)
        heard = await listen(session, gap=0.2)
        assert heard.voices() == [[2_000]] * 3
        # The reply is over before the voice can be called hung; but it is as late again as it may be by its own record.
        assert 0.6 < sum(heard.gaps) < 1.5
        await session.aclose()
    assert tts.candidates[0].health.report().failed == {"Timeout": 3}
    assert tts.candidates[0].health.circuit is Circuit.OPEN


async def test_who_could_take_over_and_hangs_too_is_followed_by_the_next() -> None:
    a, b = pair(VoiceFault(0, hang=True))
    b.faults.append(VoiceFault(0, hang=True))
    c = Voice("tts/c", 3_000)
    heard = await said(a, b, c)
    whole(heard)
    assert heard.voices() == [[3_000]] * 3
    assert heard.gaps[0] <= 0.3 + 0.35 + 0.16


async def test_a_voice_that_is_late_speaks_when_nobody_else_can() -> None:
    a, b = Voice("tts/a", 1_000, first=1.2), Voice("tts/b", 2_000)
    b.refuse.extend([Unavailable("tts/b", "no")] * 9)
    heard = await said(a, b)
    whole(heard)
    assert heard.voices() == [[1_000]] * 3


async def test_a_voice_that_waits_for_the_rest_of_a_sentence_is_not_late() -> None:
    """Pieces of a sentence end in a blank; this voice says nothing before the sentence is whole."""
    b = Voice("tts/b", 2_000)

    class Whole(Voice):
        async def open(self, voice: str, locale: str, format: AudioFormat) -> VoiceSession:
            session = await super().open(voice, locale, format)
            speak = session.speak

            async def gathered(clauses: AsyncIterator[str]) -> AsyncGenerator[Speech, None]:
                texts = [text async for text in clauses]
                async for speech in speak(stream(texts)):
                    yield speech

            session.speak = gathered  # type: ignore[method-assign]
            return session

    heard = await said(a := Whole("tts/a", 1_000), b, clauses=("Thanks for ", "calling us."))
    assert heard.voices() == [[1_000]] * 2
    session = await steady(a, b).open("heart", "en-GB", PCM16_8K)
    heard = await listen(session, ("Thanks for ", "calling us."), gap=0.8)
    assert heard.voices() == [[1_000]] * 2
    assert b.said == []
    await session.aclose()


async def test_odd_bytes_are_never_heard() -> None:
    a, b = pair(VoiceFault(0, header=b"\x00"))
    heard = await said(a, b)
    whole(heard)
    assert heard.voices() == [[2_000]] * 3


async def test_a_voice_without_end_is_cut() -> None:
    a, b = pair(VoiceFault(0, endless=True))
    heard = await said(a, b)
    assert isinstance(heard.error, CutShort)
    assert heard.samples(0) <= 8_000 * (4 + 0.35 * len(CLAUSES[0]))


async def test_a_clause_without_words_may_be_silent() -> None:
    a, b = pair()
    heard = await said(a, b, clauses=("...", "", "Yes."))
    assert [speech.clause for speech in heard.speeches if speech.last] == [0, 1, 2]
    assert heard.voices()[2] == [1_000]


async def test_waiting_for_the_next_clause_is_no_fault_of_the_voice() -> None:
    a, b = pair()
    tts = steady(a, b)
    session = await tts.open("heart", "en-GB", PCM16_8K)
    heard = await listen(session, gap=10.0)
    whole(heard)
    assert heard.voices() == [[1_000]] * 3
    assert tts.candidates[0].health.report().failed == {}
    await session.aclose()


async def test_who_takes_the_audio_slowly_is_no_fault_of_the_voice() -> None:
    a, b = pair()
    session = await steady(a, b).open("heart", "en-GB", PCM16_8K)
    count = 0
    async with aclosing(session.speak(stream(CLAUSES))) as speeches:
        async for _ in speeches:
            await anyio.sleep(5)
            count += 1
    assert count == len(" ".join(CLAUSES).split())
    assert b.said == []
    await session.aclose()


async def test_a_reply_that_is_cancelled_leaves_the_voice_usable() -> None:
    for after in (0.0, 0.05, 0.1, 0.2, 0.4):
        a, b = pair()
        tts = steady(a, b)
        session = await tts.open("heart", "en-GB", PCM16_8K)
        with anyio.move_on_after(after):
            await listen(session)
        heard = await listen(session)
        whole(heard)
        assert heard.voices() == [[1_000]] * 3
        assert tts.candidates[0].health.report().failed == {}
        await session.aclose()
        assert a.open_now == 0


async def test_the_next_but_one_speaks_when_the_next_cannot_be_reached() -> None:
    a, b = pair(VoiceFault(1))
    b.refuse.append(OverQuota("tts/b", "no", retry=Retry(2.0)))
    c = Voice("tts/c", 3_000)
    replaced: list[Replaced] = []
    tts = steady(a, b, c, replaced=replaced.append)
    session = await tts.open("heart", "en-GB", PCM16_8K)
    heard = await listen(session)
    whole(heard)
    assert heard.voices() == [[1_000], [3_000], [3_000]]
    assert [(one.failed, one.by) for one in replaced] == [("tts/b", "tts/c")]
    assert tts.candidates[1].health.circuit is Circuit.OPEN
    await session.aclose()


async def test_with_one_voice_the_connection_is_made_anew_once() -> None:
    voice = Voice("tts/a", 1_000, deque([VoiceFault(1), None]))
    whole(await said(voice))
    broken = Voice("tts/a", 1_000, deque([VoiceFault(1), VoiceFault(0), VoiceFault(0)]))
    heard = await said(broken)
    assert isinstance(heard.error, Unavailable)
    assert [speech.clause for speech in heard.speeches if speech.last] == [0]


async def test_a_clause_that_everybody_refuses_is_an_error_and_no_endless_round() -> None:
    a, b = pair(VoiceFault(0, error=Rejected("tts/a", "no")))
    b.faults.append(VoiceFault(0, error=Rejected("tts/b", "no")))
    heard = await said(a, b)
    assert isinstance(heard.error, Rejected)
    assert (len(a.said), len(b.said)) == (1, 1)


async def test_nobody_there_is_said() -> None:
    gone = [Voice(f"tts/{name}", refuse=deque([Unauthorized(name, "no")] * 3)) for name in "ab"]
    with pytest.raises(Unauthorized):
        await steady(*gone).open("heart", "en-GB", PCM16_8K)
    with pytest.raises(Unavailable, match="names no provider"):
        await SteadyTts([]).open("heart", "en-GB", PCM16_8K)
    with pytest.raises(FormatError):
        await steady(*gone).open("heart", "en-GB", OPUS_48K)


async def test_each_is_asked_for_a_voice_and_a_format_that_it_has() -> None:
    a = Voice("tts/a", faults=deque([VoiceFault(0)]), formats=(MULAW_8K, PCM16_8K))
    b = Voice("tts/b", 2_000, faults=deque([VoiceFault(0)]), formats=(PCM16_16K,), voices=("other",))
    c = Voice("tts/c", 3_000, faults=deque([VoiceFault(0)]), voices=("heart",))
    d = Voice("tts/d", 4_000)
    tts = steady(a, b, c, d, voices={"tts/d": "mine"})
    session = await tts.open("heart", "en-GB", PCM16_8K)
    heard = await listen(session, ("Yes please.",))
    assert heard.error is None
    assert [voice.asked_for for voice in (a, b, c, d)] == [
        [("heart", PCM16_8K)],
        [("", PCM16_16K)],
        [("heart", PCM16_8K)],
        [("mine", PCM16_8K)],
    ]
    await session.aclose()


async def test_another_rate_is_converted_and_its_words_too() -> None:
    a, b = Voice("tts/a", faults=deque([VoiceFault(0)])), Voice("tts/b", 2_000, formats=(PCM16_16K,))
    heard = await said(a, b, clauses=("Yes please do.",))
    assert abs(heard.samples(0) - 3 * STEP) <= 20
    assert [word.end for speech in heard.speeches for word in speech.words] == [STEP, 2 * STEP, 3 * STEP]


async def test_a_failing_source_of_clauses_is_not_swallowed() -> None:
    session = await steady(*pair()).open("heart", "en-GB", PCM16_8K)

    async def broken() -> AsyncIterator[str]:
        yield CLAUSES[0]
        raise LookupError("the reply broke")

    async def all_of_it() -> None:
        async for _ in session.speak(broken()):
            pass

    with pytest.raises(LookupError):
        await all_of_it()
    await session.aclose()
    with pytest.raises(Unavailable):
        await all_of_it()


FAULTS = st.none() | st.builds(
    VoiceFault,
    clause=st.integers(0, 2),
    pieces=st.integers(0, 4),
    hang=st.booleans(),
    silent=st.booleans(),
    early=st.booleans(),
    error=st.sampled_from([None, Rejected("x", "no"), Unauthorized("x", "no")]),
)


@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    faults=st.lists(st.lists(FAULTS, max_size=3), min_size=1, max_size=2),
    firsts=st.lists(st.sampled_from([0.09, 0.29, 0.35, 0.39, 0.44, 0.5, 0.9]), min_size=3, max_size=3),
    gap=st.sampled_from([0.0, 0.1, 1.0]),
    cancelled=st.none() | st.floats(0.01, 2.0),
)
def test_whatever_fails_each_clause_is_said_once_and_by_one_voice(
    faults: list[list[VoiceFault | None]], firsts: list[float], gap: float, cancelled: float | None
) -> None:
    async def scene() -> None:
        voices = [Voice(f"tts/{number}", 1_000 * (number + 1), deque(mine), first=firsts[number]) for number, mine in enumerate(faults)]
        voices.append(Voice("tts/well", 9_000, first=firsts[2]))
        tts = steady(*voices)
        session = await tts.open("heart", "en-GB", PCM16_8K)
        if cancelled is not None:
            with anyio.move_on_after(cancelled):
                await listen(session, gap=gap)
        left = list(CLAUSES)
        for _ in range(sum(len(mine) for mine in faults) + 1):  # who is cut short once more has met one fault more
            heard = await listen(session, left, gap)
            for number, voice in enumerate(heard.voices()):
                assert len(voice) == 1
                samples = heard.samples(number)
                full = len(left[number].split()) * STEP
                cut = heard.error is not None and number == len(heard.voices()) - 1
                assert samples <= full if cut else samples == full
            assert max(heard.gaps) <= 1.5 * len(voices) + 1.0 + gap
            if heard.error is None:
                break
            assert isinstance(heard.error, CutShort)
            left = left[heard.error.clause :]
        assert heard.error is None
        await session.aclose()
        await tts.aclose()
        assert all(not voice.open_now for voice in voices)
        assert all(not one.health.busy for one in tts.candidates)

    anyio.run(scene, backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})
