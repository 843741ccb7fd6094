"""Turn-taking on recorded people, in real time over the carrier websocket, measured on the audio of the line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import anyio
import numpy as np

from offhook.testing.bench.corpus import Pause, Sound
from offhook.testing.carrier import FRAME, RATE, TwilioLine, loud_frames

PATIENCE = 4.0
"""Seconds after the caller's last word within which an answer counts."""
INTO = 1.0
"""Seconds into the agent's answer at which a sound is made over it."""
OVER = RATE
"""Samples of the caller's next words that must stay free of the agent."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one pause."""

    id: str
    file: str
    label: str
    trust: str
    source: str
    text: str
    in_pause: bool = False
    over_words: bool = False
    earlier: bool = False
    """The agent had spoken into an earlier pause of the same audio."""
    busy: bool = False
    """It was still speaking then when this pause began: what it does here says nothing about this pause."""
    delay_ms: float | None = None
    lost: bool = False
    """The line was closed."""


async def opening(line: TwilioLine, limit: float = 20.0) -> None:
    """Wait until the agent has asked its question."""
    end = line.position + round(limit * RATE)
    while line.position < end and not line.closed.is_set():
        last = line.last_audible()
        if last is not None and line.position - last > 0.6 * RATE:
            return
        await anyio.sleep(0.02)


async def first_audible(line: TwilioLine, after: int, limit: float) -> int | None:
    """Wait for the agent to be heard after a sample; None when it is not within ``limit`` seconds."""
    while (found := line.first_audible(after)) is None and line.position < after + limit * RATE:
        if not await line.until(line.position + FRAME):
            return None
    return found


async def one_pause(url: str, pause: Pause) -> Heard:
    """Play one pause to an agent."""
    base = {name: value for name, value in asdict(pause).items() if name in {"id", "file", "label", "trust", "source", "text"}}
    async with TwilioLine.open(url) as line:
        await opening(line)
        begin, end = line.play(pause.audio)
        stop, resume = begin + pause.pause, begin + pause.resume
        if pause.label == "hold":
            await line.until(min(end, resume + OVER) + 4 * FRAME)
            return Heard(
                **base,
                busy=line.audible(stop - RATE // 4, stop),
                in_pause=line.audible(stop, resume),
                over_words=line.audible(resume, min(end, resume + OVER)),
                earlier=line.audible(begin, stop),
                lost=line.closed.is_set(),
            )
        loud = np.flatnonzero(loud_frames(pause.audio))
        last_word = begin + (int(loud[-1]) + 1) * FRAME if len(loud) else end
        await line.until(last_word + round(PATIENCE * RATE))
        first = line.first_audible(last_word)
        return Heard(
            **base,
            earlier=line.audible(begin, last_word - FRAME),
            delay_ms=None if first is None else (first - last_word) * 1000 / RATE,
            lost=line.closed.is_set(),
        )


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a sound over the agent did."""

    name: str
    kind: str
    lost: bool
    """The agent gave its answer up."""
    silent_ms: float
    """How long it was silent from the sound's beginning to its next word."""


async def one_sound(url: str, sound: Sound, question: bytes) -> Overlap:
    """Ask something, and make a sound over the answer."""
    async with TwilioLine.open(url) as line:
        await opening(line)
        _, end = line.play(question)
        await line.until(end)
        answer = await first_audible(line, end, 5.0) or line.position
        await line.until(answer + round(INTO * RATE))
        clears = len(line.clears)
        begin, stop = line.play(sound.audio)
        await line.until(stop + round(1.2 * RATE))
        frames = line.loud[begin // FRAME :]
        longest = run = 0
        for loud in frames:
            run = 0 if loud else run + 1
            longest = max(longest, run)
        return Overlap(sound.name, sound.kind, len(line.clears) > clears, longest * 20.0)


async def run_all(jobs: Sequence[Callable[[], Awaitable[None]]], at_once: int) -> None:
    """Run coroutine functions, so many at a time."""
    limiter = anyio.CapacityLimiter(at_once)

    async def one(job: Callable[[], Awaitable[None]]) -> None:
        async with limiter:
            await job()

    async with anyio.create_task_group() as group:
        for job in jobs:
            group.start_soon(one, job)
