"""What happens outside a call is the same whether replies are prepared ahead or not, whatever callers do and models fail at."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import SLOTS, Business, Scene, plan_of, scene

from offhook.errors import Unavailable
from offhook.ports.llm import LlmRequest
from offhook.testing.fakes import FakeLlm, LlmScript, SttScript

pytestmark = pytest.mark.anyio
CALLS = int(os.environ.get("OFFHOOK_SPECULATION_CALLS", "24"))
PATIENT = 130
"""Frames of silence after which a caller goes on: an answer that is late has begun by then."""
QUIET_AT_MOST = 4.0
"""Seconds that a caller may wait for a sound after they have said something."""


@dataclass(frozen=True)
class Doing:
    """One thing that the caller does once the agent has finished: says parts with pauses between them, and may talk over the answer."""

    parts: tuple[str, ...]
    pause: float
    over: tuple[float, str] | None = None
    hangs_up: bool = False


SAYS: tuple[tuple[str, ...], ...] = (
    ("I would like a booking please",),
    ("a message please",),
    ("how much is it",),
    ("my neighbour said you folk", "could maybe sort out something for me"),
    ("oh seven nine double one one", "two three four five six"),
    ("the first one please",),
    ("yes please",),
    ("well they told me that it was rather good", "what you did there"),
    ("please tell them that the tap in the kitchen drips",),
    ("no not that one",),
)
OVER = ((0.5, "wait stop I have another question"), (0.9, "mm-hm"), (1.2, ""), (1.6, "no no the other one I mean"))


def life(seed: int) -> list[Doing]:
    """A caller by chance."""
    chance = random.Random(seed)
    count = chance.randint(4, 8)
    return [
        Doing(
            chance.choice(SAYS),
            chance.choice((0.1, 0.16)),
            chance.choice(OVER) if chance.random() < 0.25 else None,
            hangs_up=number == count - 1,
        )
        for number in range(count)
    ]


def understands(request: LlmRequest) -> str:
    """A model that is sure of itself, by the caller's last words alone."""
    found = re.findall(r'\{"caller": "([^"]*)"', request.messages[-1].text)
    words = found[-1] if found else ""
    acts: list[dict[str, Any]] = [{"act": "chitchat"}]
    if "sort out" in words:
        acts = [{"act": "set", "slot": "need", "option": "booking", "quote": "sort out something"}]
    return json.dumps({"acts": acts, "say": "Sure, that is kind of them. I am happy to hear it."})


async def lived(seed: int, *, ahead: bool) -> tuple[set[tuple[str, str]], Scene, list[float]]:
    """Play one caller; returns the effects outside, and how long each thing that they said was left without a sound."""
    chance = random.Random(seed * 7 + 1)
    fault = chance.random()
    llm = FakeLlm(LlmScript(understands, fail=Unavailable if fault < 0.15 else None, hang=fault > 0.9))
    business = Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}, delay={"book": 0.3, "free_slots": 0.2})
    plan = plan_of(models={"endpoint": None, "llm": ("fake",)}, turn={"endpointing": {"eager": 0.0 if ahead else 1.0}})
    stt = SttScript(final_delay=0.0, partial_delay=0.0, eager=0.11 if ahead else None, ends=0.3, known=0.2)
    waits: list[float] = []
    async with scene(plan, business, stt=stt, llm=llm) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        for doing in life(seed):
            if stage.done.is_set():
                break
            await _done(stage, doing, waits)
            if doing.hangs_up:
                await stage.line.hang_up()
    assert stage.done.is_set()
    assert llm.open == 0
    return {(tool, key) for tool, key, _ in business.runs}, stage, waits


async def _done(stage: Scene, doing: Doing, waits: list[float]) -> None:
    line = stage.line
    for number, part in enumerate(doing.parts):
        if number:
            await anyio.sleep(doing.pause)
        await line.say(part)
    waited = 0.0
    while not stage.done.is_set() and not line.heard[-1] and waited < QUIET_AT_MOST + 1:
        await anyio.sleep(0.02)
        waited += 0.02
    waits.append(waited)
    if doing.over is not None:
        await anyio.sleep(doing.over[0])
        await line.say(doing.over[1], 0.4 if not doing.over[1] else None)
    quiet = 0
    while not stage.done.is_set() and quiet < PATIENT:
        await anyio.sleep(0.02)
        quiet = 0 if line.heard[-1] else quiet + 1


async def test_effects_with_and_without_work_ahead_are_the_same() -> None:
    committed: Counter[str] = Counter()
    for seed in range(CALLS):
        ahead, stage, waits = await lived(seed, ahead=True)
        plain, _, slower = await lived(seed, ahead=False)
        assert ahead == plain, f"seed {seed}: {life(seed)}"
        assert max(waits) <= QUIET_AT_MOST, (seed, waits)
        assert max(slower) <= QUIET_AT_MOST, (seed, slower)
        committed.update({name: count for name, count in stage.counters.items() if name.startswith("speculation")})
        assert stage.counters["crash"] == 0
    assert committed["speculation_committed"] > CALLS
    assert committed["speculation_aborted"] > 0
