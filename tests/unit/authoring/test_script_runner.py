"""The examples' conversations, the coverage report, the walk, the drawing and the commands."""
# ruff: noqa: E501 - tables of cases

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offhook.authoring.draw import mermaid
from offhook.authoring.load import ScriptError, load
from offhook.authoring.passages import passages
from offhook.authoring.runner import run_file
from offhook.authoring.walk import walk
from offhook.cli.script import app

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
TESTS = [EXAMPLES / "receptionist" / "receptionist.tests.yaml", EXAMPLES / "callback" / "brightroof.tests.yaml"]
SMALL = """\
offhook: 1
id: small
start: ask
slots:
  ok: {type: yes_no, ask: ["Shall we begin?", "Yes or no?"]}
universals: {human: bye}
states:
  ask: {say: Hello., collect: [ok], next: [{if: ok is yes, go: bye}, {go: never}]}
  bye: {say: Goodbye., end: done}
  never: {say: Another time., end: done}
outcomes: {done: good}
"""


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_examples_go_as_expected(path: Path) -> None:
    report = run_file(path)
    assert [str(failure) for outcome in report.outcomes for failure in outcome.failures] == []
    touched, every = report.coverage("voice")
    assert touched >= every * 0.6
    assert len(report.outcomes) >= 8


def small(tmp_path: Path, tests: str, script: str = SMALL) -> Path:
    (tmp_path / "small.yaml").write_text(script, encoding="utf-8")
    path = tmp_path / "small.tests.yaml"
    path.write_text(tests, encoding="utf-8")
    return path


def test_what_is_not_as_expected_is_said_with_its_line(tmp_path: Path) -> None:
    path = small(
        tmp_path,
        "- name: wrong in every way\n  script: small.yaml\n  turns:\n"
        "    - {caller: yes, expect: {at: never, asks: ok, says: Another, not_says: Goodbye, ran: book, ended: left, slots: {ok: false}, refused: it, order: [b, a]}}\n",
    )
    report = run_file(path)
    failures = [str(each) for each in report.outcomes[0].failures]
    assert all(each.startswith("small.tests.yaml:4: ") for each in failures)
    assert [each.split(": ")[1] for each in failures] == ["at", "slots", "says", "not_says", "order", "asks", "ran", "refused", "ended"]


def test_what_no_test_touched_is_listed_with_its_line(tmp_path: Path) -> None:
    path = small(tmp_path, "- name: yes\n  script: small.yaml\n  turns: [{caller: yes, expect: {ended: done}}]\n")
    report = run_file(path)
    assert report.ok
    untouched = [each for each in report.untouched() if not each.endswith(("corrected", "human.0"))]
    assert untouched == [
        "small.yaml:8 states.ask.next.1",
        "small.yaml:10 states.never",
        "small.yaml:5 slots.ok.ask.1",
    ]


def test_a_tests_file_with_unknown_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"small.tests.yaml:1"):
        run_file(small(tmp_path, "- name: odd\n  scrpit: small.yaml\n  turns: []\n"))
    report = run_file(small(tmp_path, "- name: odd\n  script: small.yaml\n  turns: [{calller: yes}]\n"))
    assert "calller" in str(report.outcomes[0].failures[0])


def test_a_tool_without_an_answer_fails_the_test(tmp_path: Path) -> None:
    script = SMALL.replace("  never: {say", "  never: {do: look, next: bye}\n  other: {say").replace(
        "universals", "tools: {look: {effect: read, timeout: 1, if_fails: {go: other}}}\nuniversals"
    )
    report = run_file(
        small(tmp_path, "- name: no answer\n  script: small.yaml\n  turns: [{caller: no, expect: {says: Another time}}]\n", script)
    )
    assert [failure.message for failure in report.outcomes[0].failures] == ["'look' ran and the test has no answer for it"]


@pytest.mark.parametrize("name", ["receptionist/receptionist.yaml", "callback/brightroof.yaml"])
def test_every_path_can_end(name: str) -> None:
    script = load(EXAMPLES / name).script
    found = walk(script, 4_000)
    assert found.stuck == ()
    assert len(found.ends) >= 4


def test_the_walk_finds_a_path_that_does_not_end(tmp_path: Path) -> None:
    script = SMALL.replace("{go: never}]", "{forget: [ok], go: ask}]").replace("{if: ok is yes, go: bye}", "{if: ok is no, go: never}")
    script = script.replace("never: {say: Another time., end: done}", "never: {say: Another time., next: [{forget: [ok], go: ask}]}")
    (tmp_path / "small.yaml").write_text(script.replace("  bye: {say: Goodbye., end: done}\n", "  bye: {next: ask}\n"), encoding="utf-8")
    with pytest.raises(ScriptError, match="S004"):
        load(tmp_path / "small.yaml")


def test_the_drawing_has_every_state() -> None:
    script = load(EXAMPLES / "receptionist" / "receptionist.yaml").script
    drawn = mermaid(script)
    assert drawn.startswith("flowchart TD")
    assert all(f"  {name}[" in drawn or f"  {name}([" in drawn for name in script.states)


def test_passages_are_the_sections_of_a_file() -> None:
    assert passages("# Top\n\n## Hours\nWe open\nat eight.\n\n## Empty\n\n## Cost\nSixty.\n") == (
        ("Hours", "We open at eight."),
        ("Cost", "Sixty."),
    )


def test_the_commands(tmp_path: Path) -> None:
    run = CliRunner()
    path = small(tmp_path, "- name: yes\n  script: small.yaml\n  turns: [{caller: yes, expect: {ended: done}}]\n")
    script = tmp_path / "small.yaml"
    assert "no faults" in run.invoke(app, ["check", str(script)]).output
    tested = run.invoke(app, ["test", str(path)])
    assert tested.exit_code == 0
    assert "1 of 1 conversations as expected" in tested.output
    walked = run.invoke(app, ["walk", str(script)])
    assert walked.exit_code == 0, walked.output
    assert "ends: done" in walked.output
    assert "ok is yes" in run.invoke(app, ["draw", str(script)]).output
    assert json.loads(run.invoke(app, ["schema"]).output)["title"] == "ScriptDoc"
    script.write_text(SMALL.replace("go: bye}", "go: byte}"), encoding="utf-8")
    wrong = run.invoke(app, ["check", str(script)])
    assert wrong.exit_code == 1
    assert "did you mean 'bye'" in wrong.output
    assert run.invoke(app, ["test", str(path)]).exit_code == 1
