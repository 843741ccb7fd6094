"""Somebody else's double of Twilio Media Streams (streamdouble) rings the real engine: the wire as a stranger reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from streamdouble.api import CallReport, run_scenario
from streamdouble.scenario import parse
from streamdouble.session import SessionConfig
from tests.e2e.browser import engine, spoken, write_wav
from tests.scenarios.harness import SCRIPT

from offhook.core.audio.resample import Resampler

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(180)]

MOST_AHEAD_S = 0.2
JITTER_S = 0.04
"""A sleeping reader may take two frames at once; that is its own doing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streamdouble")
    down = Resampler(16_000, 8_000)
    write_wav(made / "booking.wav", down.feed(spoken("I would like to book an appointment, please.")) + down.flush(), 8_000)
    return made


@pytest.fixture(scope="module")
def media(folder: Path) -> Iterator[str]:
    """The address of a real engine's carrier socket."""
    tools = {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in SCRIPT["tools"].items()}
    with engine({"script": SCRIPT, "tools": tools, "record": False}, folder) as address:
        yield address.replace("http://", "ws://") + "/media/twilio"


def ring(media: str, folder: Path, *steps: Any) -> CallReport:
    """One call; every step is a line of a scenario file."""
    scenario = parse({"name": "call", "steps": [*steps, {"expect": "no_violations"}]}, base_dir=folder)
    config = SessionConfig(response_timeout_s=15, quiet_period_s=1.0, max_drain_s=15, custom_parameters={"did": "+442079460000"})
    return asyncio.run(run_scenario(media, scenario, config=config))


def most_ahead(report: CallReport) -> float:
    """Seconds of sound that ever waited at the carrier, had it played what came in real time."""
    most = played_until = 0.0
    for event in report.result.events:
        if event.kind == "media_received":
            played_until = max(played_until, event.at) + event.detail["bytes"] / 8_000
            most = max(most, played_until - event.at)
        elif event.kind == "clear_received":
            played_until = event.at
    return most


def sound(report: CallReport) -> None:
    """What holds for every call."""
    assert report.violations == []
    assert report.result.unknown_events == []
    assert report.result.failed_expectations == []
    assert report.spoke
    assert most_ahead(report) <= MOST_AHEAD_S + JITTER_S
    assert report.exit_code == 0


def test_a_question_is_answered(media: str, folder: Path) -> None:
    report = ring(media, folder, {"wait_for": "audio"}, {"wait_for": "quiet"}, {"say": "booking.wav"}, {"wait": 3})
    sound(report)
    came = [event.at for event in report.result.events if event.kind == "media_received"]
    assert max(later - earlier for earlier, later in pairwise(came)) > 1, "silent while it listens, and then it answers"
    assert report.result.marks_received, "the engine asks when what it said was heard"
    assert report.time_to_first_audio_ms is not None
    assert report.time_to_first_audio_ms < 3_000


def test_an_interruption_clears_what_was_not_heard(media: str, folder: Path) -> None:
    report = ring(
        media,
        folder,
        {"wait_for": "audio"},
        {"wait": 0.3},
        {"expect": "no clear"},
        {"say": "booking.wav"},
        {"expect": "clear"},
        {"wait": 2},
    )
    sound(report)
    assert report.result.clears_received == 1


def test_keys_and_a_silent_caller(media: str, folder: Path) -> None:
    report = ring(media, folder, {"wait_for": "audio"}, {"wait_for": "quiet"}, {"dtmf": "12#"}, {"wait": 2}, {"expect": "audio"})
    sound(report)


def test_a_line_that_drops_leaves_the_engine_ready(media: str, folder: Path) -> None:
    dropped = ring(media, folder, {"wait_for": "audio"}, "hangup")
    assert dropped.violations == []
    sound(ring(media, folder, {"wait_for": "audio"}, {"wait": 1}))
