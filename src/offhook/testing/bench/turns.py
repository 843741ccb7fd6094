"""Turn-taking on recorded people, in real time over the carrier websocket, measured on the audio of the line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import anyio
import numpy as np

from offhook.testing.bench.corpus import Pause, Sound
from offhook.testing.bench.stage import Engine
from offhook.testing.carrier import FRAME, RATE, TwilioLine, loud_frames

PATIENCE = 4.0
"""Seconds after the caller's last word within which an answer counts."""
AFTER = 1.2
"""Seconds after a sound over the agent within which it must be heard again."""
INTO = 1.0
"""Seconds into the agent's answer at which a sound is made over it."""
BUSY_FRAMES = 13
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
    """It was still speaking when this pause began, from an earlier one: what is heard here says little about this pause."""
    delay_ms: float | None = None
    """Last word to the agent's first sound; None when it gave none in time, or was speaking already."""
    lost: bool = False
    """The line was closed."""
    call: str = ""
    """The engine's name of the call, for its trace."""
    last_word: int = 0
    """Sample of the line after the caller's last word (ends), or where the pause began (holds)."""
    decision_ms: float | None = None
    """Last word (for a hold: the pause's beginning) to the decision that the turn is over, from the trace."""
    transcript: str = ""
    """What the engine had recognised of the turn by then."""
    score: float | None = None
    """How complete it took that to be, and ``hint`` what the sound alone said."""
    hint: float | None = None


def speaking_at(loud: Sequence[bool], sample: int) -> bool:
    """Whether the agent was heard in the quarter of a second before a sample: its clauses have gaps, so one frame tells nothing."""
    end = sample // FRAME
    return any(loud[max(0, end - BUSY_FRAMES) : end])


def answer_after(loud: Sequence[bool], sample: int, limit: float) -> tuple[bool, float | None]:
    """Whether the agent was speaking already, and else the milliseconds from ``sample`` to its first sound within ``limit`` seconds."""
    if speaking_at(loud, sample):
        return True, None
    for index in range(-(-sample // FRAME), min(len(loud), -(-(sample + round(limit * RATE)) // FRAME))):
        if loud[index]:
            return False, (index * FRAME - sample) * 1000 / RATE
    return False, None


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


async def one_pause(one: Engine, pause: Pause) -> Heard:
    """Play one pause to an agent."""
    base = {name: value for name, value in asdict(pause).items() if name in {"id", "file", "label", "trust", "source", "text"}}
    async with one.ring() as (line, call):
        await opening(line)
        begin, end = line.play(pause.audio)
        stop, resume = begin + pause.pause, begin + pause.resume
        if pause.label == "hold":
            await line.until(min(end, resume + OVER) + 4 * FRAME)
            return Heard(
                **base,
                busy=speaking_at(line.loud, stop),
                in_pause=line.audible(stop, resume),
                over_words=line.audible(resume, min(end, resume + OVER)),
                earlier=line.audible(begin, stop),
                lost=line.closed.is_set(),
                call=call,
                last_word=stop,
            )
        loud = np.flatnonzero(loud_frames(pause.audio))
        last_word = begin + (int(loud[-1]) + 1) * FRAME if len(loud) else end
        await line.until(last_word + round(PATIENCE * RATE))
        busy, delay = answer_after(line.loud, last_word, PATIENCE)
        return Heard(
            **base,
            earlier=line.audible(begin, last_word - FRAME),
            busy=busy,
            delay_ms=delay,
            lost=line.closed.is_set(),
            call=call,
            last_word=last_word,
        )


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a sound over the agent did."""

    name: str
    kind: str
    lost: bool
    """The agent gave its answer up: what a clear dropped never came again."""
    silent_ms: float
    """The longest that it was silent from the sound's beginning until after it."""
    void: bool = False
    """It was not speaking when the sound began, so there was no answer to lose: not counted."""
    resumed: bool = False
    """It was heard again after the sound."""


def longest_silence(loud: Sequence[bool]) -> float:
    """Milliseconds."""
    longest = run = 0
    for one in loud:
        run = 0 if one else run + 1
        longest = max(longest, run)
    return longest * 1000 * FRAME / RATE


async def one_sound(url: str, sound: Sound, question: bytes) -> Overlap:
    """Ask something, and make a sound over the answer."""
    async with TwilioLine.open(url) as line:
        await opening(line)
        _, end = line.play(question)
        await line.until(end)
        answer = await first_audible(line, end, 5.0)
        if answer is None:
            return Overlap(sound.name, sound.kind, lost=False, silent_ms=0.0, void=True)
        await line.until(answer + round(INTO * RATE))
        given_up = line.given_up
        begin, stop = line.play(sound.audio)
        await line.until(stop + round(AFTER * RATE))
        return Overlap(
            sound.name,
            sound.kind,
            lost=line.given_up > given_up,
            silent_ms=longest_silence(line.loud[begin // FRAME :]),
            void=not speaking_at(line.loud, begin),
            resumed=line.audible(stop + RATE // 4, line.position),
        )


async def run_all(jobs: Sequence[Callable[[], Awaitable[None]]], at_once: int) -> None:
    """Run coroutine functions, so many at a time."""
    limiter = anyio.CapacityLimiter(at_once)

    async def one(job: Callable[[], Awaitable[None]]) -> None:
        async with limiter:
            await job()

    async with anyio.create_task_group() as group:
        for job in jobs:
            group.start_soon(one, job)
