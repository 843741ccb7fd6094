"""Voice-to-voice latency of the embedded stack on one call, and how fast a barge-in silences the agent."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from offhook.testing.bench.stage import engine
from offhook.testing.bench.turns import first_audible, opening
from offhook.testing.caller import Caller, CallFailed, Speech
from offhook.testing.carrier import FRAME, RATE, TwilioLine

QUESTIONS = (
    ("yes_no", "Do you own the house?", ("Yes I do.", "No.", "Yes.", "No I don't.")),
    ("time", "What time suits you?", ("Half past two.", "At nine.", "Ten in the morning.", "Three o'clock.")),
    ("choice", "Is the roof tiled, slate or flat?", ("It is tiled.", "Slate.", "Flat.", "Tiled.")),
    ("date", "Which day would suit you?", ("Next Tuesday.", "Tomorrow.", "On Friday.", "Today.")),
)
BARGE_INS = 5
SENTENCE = "I am sorry but I would like to ask you something else."


def quiz(number: int = 3) -> dict[str, Any]:
    """An agent that asks one of the questions over and over."""
    kind, ask, _ = QUESTIONS[number]
    slot: dict[str, Any] = {"type": kind, "ask": ask, "confirm": "never"}
    if kind == "choice":
        slot["options"] = {"tiled": {"says": ["tiles"]}, "slate": {}, "flat": {}}
    return {
        "offhook": 1,
        "id": "quiz",
        "version": 1,
        "title": "Quiz",
        "languages": ["en-GB"],
        "start": "ask",
        "slots": {"answer": slot},
        "universals": {"human": "ask"},
        "states": {
            "ask": {"collect": ["answer"], "next": [{"if": "answer is unknown", "go": "bye"}, {"forget": ["answer"], "go": "again"}]},
            "again": {"collect": ["answer"], "next": [{"if": "answer is unknown", "go": "bye"}, {"forget": ["answer"], "go": "ask"}]},
            "bye": {"say": "Goodbye.", "end": "done"},
        },
        "outcomes": {"done": "good"},
    }


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def latency(console: Console, folder: Path, turns: int) -> dict[str, Any]:
    """Measure on the audio at the caller's ear; prints a table and returns its figures."""
    waits: list[float] = []
    stops: list[float] = []
    asked = 0
    async with Speech(pitch=1.0) as speech:
        for number, (_, _, answers) in enumerate(QUESTIONS):
            spoken = [await speech.say(answer) for answer in answers]
            plan = {"script": quiz(number), "record": True, "turn": {"idle_ms": 20_000}}
            async with engine(plan, folder) as one, TwilioLine.open(one.media) as line:
                caller = Caller(line, speech)
                for turn in range(turns // len(QUESTIONS)):
                    await opening(line)
                    try:
                        await caller.say(answers[turn % len(answers)], spoken[turn % len(answers)])
                    except CallFailed:
                        break
                    asked += 1
                    end = caller._answered
                    await line.until(end + 3 * RATE)
                    first = line.first_audible(end)
                    if first is not None:
                        waits.append((first - end) * 1000 / RATE)
        sentence = await speech.say(SENTENCE)
        async with engine({"script": quiz(), "record": True}, folder) as one:
            for _ in range(BARGE_INS):
                async with TwilioLine.open(one.media) as line:
                    await line.until((await first_audible(line, 0, 5.0) or 0) + RATE // 2)
                    line.play(sentence)
                    await line.until(line.position + 4 * RATE)
                    if line.given_up:
                        after = [index for index in range(-(-line.clears[0] // FRAME), line.clears[0] // FRAME + 10) if line.loud[index]]
                        stops.append(float(len(after)))
    figures = {
        "turns": turns,
        "asked": asked,
        "answered": len(waits),
        "median_ms": statistics.median(waits) if waits else None,
        "p95_ms": _percentile(waits, 0.95) if waits else None,
        "slowest_ms": max(waits, default=None),
        "barge_ins": BARGE_INS,
        "stopped": len(stops),
        "frames_after_clear": max(stops, default=None),
    }
    table = Table("figure", "value", title="one call, embedded models, measured at the caller's ear")
    table.add_row("caller's last sample to first audible answer", f"median {figures['median_ms']} ms, p95 {figures['p95_ms']} ms")
    table.add_row(
        "answered", f"{len(waits)} of {asked}" + ("" if asked == turns else f"; the agent hung up after {asked} of {turns} turns")
    )
    table.add_row("barge-ins that stopped the agent", f"{len(stops)} of {BARGE_INS}")
    table.add_row("frames heard after the carrier got its clear", f"at most {figures['frames_after_clear']} in {len(stops)}")
    console.print(table)
    return figures
