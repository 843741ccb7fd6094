"""A recogniser that decides on turns, beside the detector: the detector has the edges, the recogniser the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest
from tests.unit.engine.test_hear import FRAME, LOUD, QUIET, Ear, Wire

from offhook.core.audio.format import MULAW_8K, PCM16_8K
from offhook.core.audio.link import link
from offhook.core.turn import events as ev
from offhook.core.understand.complete import Expect
from offhook.core.understand.types import Context
from offhook.engine.detector import Detector
from offhook.engine.driver import Driver
from offhook.engine.hear import Ears, Hearing
from offhook.engine.scopes import CallScope
from offhook.inference import InferencePool
from offhook.ports.stt import Heard, SttSession, VendorShift, VendorSpeech
from offhook.ports.transport import MediaIn
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeVad

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Line:
    """A caller at 20 ms a frame, and what the recogniser says."""

    def __init__(self, hearing: Hearing, wire: Wire) -> None:
        self.hearing = hearing
        self.wire = wire
        self._frames = 0

    async def sound(self, seconds: float, *, loud: bool) -> None:
        for _ in range(round(seconds * 50)):
            self.hearing.media(MediaIn(LOUD if loud else QUIET, self._frames * FRAME))
            self._frames += 1
            await anyio.sleep(0.02)

    def says(self, *events: Heard | VendorSpeech | VendorShift) -> None:
        for event in events:
            self.hearing._recognised(event)

    def kinds(self) -> list[str]:
        names = [type(event).__name__ + (f" {event.sure}" if isinstance(event, ev.TurnEnding) else "") for event in self.wire.fed]
        self.wire.fed.clear()
        return names


async def listening(scene: Callable[[Line], Any], *, own: bool = True) -> None:
    ear, wire, pool = Ear(), Wire(), InferencePool(inline=True)
    detector = Detector(FakeVad(), pool)
    formats = link((MULAW_8K,), (PCM16_8K,), between=("line", "ears"))
    ears = Ears(detector, pool, cast("SttSession", ear), cast("Any", None), own, formats, formats, None)
    hearing = Hearing(
        ears,
        cast("Driver", wire),
        cast("CallScope", None),
        MULAW_8K,
        Context("en-GB", "GB"),
        lambda: Expect("free_text"),
        lambda _: None,
        lambda _text, _final: None,
        lambda window: window,
    )
    async with anyio.create_task_group() as group:
        group.start_soon(detector.run)
        await scene(Line(hearing, wire))
        group.cancel_scope.cancel()


async def test_the_detectors_edges_are_told_at_once() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        assert line.kinds() == ["SpeechStarted"]
        line.says(VendorSpeech(True, 0))
        await line.sound(0.3, loud=False)
        assert line.kinds() == ["SpeechStopped"]
        line.says(VendorSpeech(False, 0), VendorShift(0.7), VendorShift(1.0))
        assert line.kinds() == ["TurnEnding False", "TurnEnding True"]

    await listening(scene)


async def test_a_start_that_the_recogniser_is_late_with_is_no_new_speech() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.2, loud=True)
        await line.sound(0.3, loud=False)
        line.kinds()
        line.says(VendorSpeech(True, 0))
        assert line.kinds() == []

    await listening(scene)


async def test_a_turn_that_goes_on_after_all_is_speech() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        await line.sound(0.3, loud=False)
        line.says(VendorSpeech(False, 0), VendorShift(0.7))
        line.kinds()
        line.says(VendorSpeech(True, 6_000))
        assert line.kinds() == ["SpeechStarted"]

    await listening(scene)


async def test_a_turn_that_went_on_before_its_end_was_heard_is_past() -> None:
    """One that took over tells anew that the caller paused and went on: they are silent since, and have waited for long."""

    async def scene(line: Line) -> None:
        for _ in range(2):
            await line.sound(0.5, loud=True)
            await line.sound(0.5, loud=False)
        line.says(VendorSpeech(True, 100), Heard(0, "hello", True, 0, 4_000), VendorShift(0.7))
        line.kinds()
        line.says(VendorSpeech(True, 8_200), Heard(0, "hello there", True, 0, 12_000), VendorShift(0.7))
        assert line.kinds() == ["Final", "TurnEnding False"]

    await listening(scene)


async def test_speech_that_only_the_recogniser_hears_is_believed_for_a_while() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.2, loud=False)
        line.says(VendorSpeech(True, 1_600))
        assert line.kinds() == ["SpeechStarted"]
        await line.sound(1.4, loud=False)
        assert line.kinds() == []
        await line.sound(0.3, loud=False)
        assert line.kinds() == ["SpeechStopped"]

    await listening(scene)


async def test_speech_that_only_the_recogniser_heard_long_ago_is_over() -> None:
    """One that took over hears the last seconds anew: a caller who has been silent since is not speaking."""

    async def scene(line: Line) -> None:
        await line.sound(0.2, loud=False)
        await line.sound(0.5, loud=True)
        await line.sound(1.9, loud=False)
        line.kinds()
        line.says(VendorShift(0.7), VendorSpeech(True, 8_000))
        assert line.kinds() == ["TurnEnding False", "SpeechStarted"]
        await line.sound(0.06, loud=False)
        assert line.kinds() == ["SpeechStopped"]

    await listening(scene)


async def test_an_eager_end_in_which_the_detector_hears_speech_is_doubted() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        line.says(VendorSpeech(False, 0), VendorShift(0.7))
        assert line.kinds() == ["SpeechStarted", "TurnEnding False"]
        await line.sound(0.4, loud=True)
        assert line.kinds() == ["SpeechStarted"]

    await listening(scene)


async def test_an_end_that_does_not_know_of_new_speech_is_stale() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        await line.sound(0.3, loud=False)
        await line.sound(0.2, loud=True)
        line.kinds()
        line.says(VendorShift(1.0))
        assert line.kinds() == []

    await listening(scene)


async def test_a_score_of_a_recogniser_that_does_not_decide_is_a_hint() -> None:
    async def scene(line: Line) -> None:
        line.says(VendorShift(1.0))
        assert line.kinds() == ["ShiftScored"]

    await listening(scene, own=False)


async def test_the_end_of_speech_is_the_detectors_even_if_the_recogniser_is_quicker() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        await line.sound(0.06, loud=False)
        line.says(Heard(0, "hello there", True, 0, 0), VendorShift(1.0))
        assert line.hearing.stats.speech_end is not None
        assert abs(line.hearing.stats.speech_end / 1e9 - 0.5) <= 0.04

    await listening(scene)


async def test_words_that_stay_as_they_are_settle_once_the_detector_hears_a_pause() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.3, loud=True)
        line.says(Heard(0, "tell me about the pipe", False, 0, 1))
        assert line.kinds() == ["SpeechStarted", "Partial"]
        await line.sound(0.2, loud=True)
        assert line.kinds() == []
        await line.sound(0.06, loud=False)
        assert line.kinds() == ["Settled"]
        line.says(Heard(0, "Tell me about the pipe.", False, 0, 1))
        await line.sound(0.3, loud=False)
        assert line.kinds() == ["Partial", "SpeechStopped"]

    await listening(scene)


async def test_words_that_have_just_changed_have_not_settled() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        await line.sound(0.06, loud=False)
        line.says(Heard(0, "tell me about", False, 0, 1))
        line.kinds()
        await line.sound(0.08, loud=False)
        line.says(Heard(0, "tell me about the pipe", False, 0, 1))
        await line.sound(0.12, loud=False)
        assert "Settled" not in line.kinds()
        await line.sound(0.08, loud=False)
        assert line.kinds() == ["Settled"]

    await listening(scene)


async def test_words_of_a_recogniser_that_decodes_now_and_then_do_not_settle() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.3, loud=True)
        line.says(Heard(0, "tell me about", False, 0, 1))
        await line.sound(0.2, loud=True)
        await line.sound(0.3, loud=False)
        assert line.kinds() == ["SpeechStarted", "Partial", "SpeechStopped"]

    await listening(scene, own=False)


async def test_final_words_and_words_that_are_used_up_do_not_settle() -> None:
    async def scene(line: Line) -> None:
        await line.sound(0.5, loud=True)
        line.says(Heard(0, "tell me about the pipe", False, 0, 1), Heard(0, "tell me about the pipe", True, 0, 1))
        await line.sound(0.3, loud=False)
        line.says(Heard(1, "and the tap", False, 0, 1))
        line.hearing.listen()
        await line.sound(0.3, loud=False)
        assert "Settled" not in line.kinds()

    await listening(scene)


async def test_speech_that_the_recogniser_alone_heard_is_over_with_its_turn() -> None:
    """Over the agent no end of a turn counts; a caller who was never heard to stop would have the floor for ever."""

    async def scene(line: Line) -> None:
        await line.sound(0.2, loud=False)
        line.says(VendorSpeech(True, 1_600), VendorShift(1.0))
        assert line.kinds() == ["SpeechStarted", "SpeechStopped", "TurnEnding True"]

    await listening(scene)
