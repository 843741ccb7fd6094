"""Templates: each can be published as it is, and each is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.authoring.runner import run_file
from offhook.errors import NotFound
from offhook.orchestrator.agents import scripts, templates
from offhook.orchestrator.agents.check import Setting, check
from offhook.orchestrator.agents.known import known
from offhook.orchestrator.agents.presets import PRESETS

FOLDER = Path(__file__).resolve().parents[4] / "examples" / "templates"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def test_all_of_them_are_there() -> None:
    assert list(templates.every()) == NAMES
    assert {"receptionist", "booking_line", "dictation", "after_hours"} <= set(NAMES)
    with pytest.raises(NotFound):
        templates.get("nobody")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_can_be_published_as_it_is(name: str) -> None:
    template = templates.get(name)
    found = check(template.config, Setting("en-GB", "GB", known()), scripts.read(template.text)[1])
    assert not found.faults
    assert template.config.turn.preset in PRESETS
    assert template.title
    assert len(template.use) > 30
    assert template.config.recording.disclosure


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_played(name: str) -> None:
    report = run_file(FOLDER / name / "script.tests.yaml")
    assert report.outcomes
    assert report.ok, [str(failure) for one in report.outcomes for failure in one.failures]
    touched, every = report.coverage("voice")
    assert touched / every > 0.3
