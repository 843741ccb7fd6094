"""Whole calls in virtual time over lines that lose packets: the caller's turn ends when they have finished, and not before."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import anyio
import pytest
from tests.scenarios.harness import Line, scene
from tests.telephony.figures import figure

from offhook.contracts.events import MediaQuality
from offhook.ports.transport import LegStats
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = [pytest.mark.anyio, pytest.mark.telephony]
WORDS = "I would like an appointment on Friday because the tap in my kitchen drips"
SECONDS = 6.0
CALLS = 10
Loss = Callable[[int], bool]


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def independent(share: float, seed: int) -> Loss:
    chance = Random(seed)
    return lambda _: chance.random() < share


def bursts(share: float, seed: int, mean: int = 5) -> Loss:
    chance, left = Random(seed), 0

    def lost(_: int) -> bool:
        nonlocal left
        if not left and chance.random() < share / mean / (1 - share):
            left = 1
            while chance.random() > 1 / mean:
                left += 1
        left -= left > 0
        return left > 0

    return lost


LOSSES: dict[str, Callable[[int], Loss]] = {
    "5 %": lambda seed: independent(0.05, seed),
    "20 %": lambda seed: independent(0.2, seed),
    "20 % in bursts": lambda seed: bursts(0.2, seed),
}


async def spoken(lost: Callable[[Line], Loss]) -> tuple[list[str], bool, dict[str, int]]:
    """What the caller was understood to say, whether the agent spoke before they had finished, and what was counted."""
    async with scene() as now:
        line = now.line
        await line.agent_speaks()
        await line.agent_done()
        line.lost = lost(line)
        begun = len(line.heard)
        await line.say(WORDS, SECONDS)
        line.lost = lambda _: False
        early = any(line.heard[begun:])
        await line.agent_speaks()
        await line.hang_up()
        await now.done.wait()
    return now.business.caller(), early, dict(now.business.ended.counters)


@pytest.mark.parametrize("name", LOSSES)
async def test_loss_ends_no_turn(name: str) -> None:
    false = concealed = 0
    for seed in range(CALLS):
        heard, early, counters = await spoken(lambda _, seed=seed: LOSSES[name](seed))  # type: ignore[misc]
        false += len(heard) != 1 or early
        concealed += counters.get("concealed_ms", 0)
        assert " ".join(heard) == WORDS
    figure(f"{name} of the caller's packets lost, {CALLS} calls in virtual time: {false} false turn ends, {concealed} ms made up")
    assert false == 0
    assert concealed > 0


@pytest.mark.parametrize("seconds", [0.3, 0.8, 3.0])
async def test_a_blackout_in_mid_sentence_ends_no_turn(seconds: float) -> None:
    def between(line: Line) -> Loss:
        first = len(line.heard) + 100
        return lambda frame: first <= frame < first + round(seconds * 50)

    heard, early, counters = await spoken(between)
    figure(f"blackout of {seconds:g} s in mid-sentence, virtual time: {int(heard != [WORDS] or early)} false turn ends")
    assert heard == [WORDS]
    assert not early
    assert counters["concealed_ms"] == pytest.approx(seconds * 1_000, abs=20)


async def test_a_blackout_while_the_caller_has_finished_is_over_in_good_time() -> None:
    """They finish unheard: what comes after the gap is quiet, and the agent answers."""
    async with scene() as now:
        line = now.line
        await line.agent_speaks()
        await line.agent_done()
        first = len(line.heard) + 100
        line.lost = lambda frame: first <= frame < first + 100
        await line.say(WORDS, 3.0)
        await anyio.sleep(1.2)
        waited = await line.agent_speaks()
        await line.hang_up()
        await now.done.wait()
    assert len(now.business.caller()) == 1
    assert waited < 2


async def test_how_the_line_was_stands_in_the_calls_last_event() -> None:
    async with scene() as now:
        line = now.line
        line.counted = LegStats(received=950, lost=40, late=10, concealed_ms=60, jitter_ms=14.04, rtt_ms=42.0, codec="PCMU")
        await line.agent_speaks()
        await line.agent_done()
        line.lost = lambda frame: frame % 10 == 0
        await anyio.sleep(1)
        line.lost = lambda _: False
        await anyio.sleep(0.1)
        await line.hang_up()
        await now.done.wait()
    made_up = now.business.ended.counters["concealed_ms"]
    assert now.business.ended.media == MediaQuality(
        received=950, lost=40, late=10, concealed_ms=60 + made_up, jitter_ms=14.0, rtt_ms=42.0, mos=3.85, codec="PCMU"
    )
    assert made_up == 100
