"""An agent's draft as a file: written, read, and its faults found again in its lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.cli.agent_file import AgentFile, written
from offhook.client.errors import Fault
from offhook.client.models import AgentConfig
from offhook.errors import ConfigError

SCRIPT = """# Where everything begins.
offhook: 1
states:
  greet:   {say: Hello., next: bye}
  bye: {say: |
    Good
    bye., end: same}
"""
CONFIG = AgentConfig.model_validate(
    {
        "name": "Front desk",
        "greeting": "Hello: it's us\nagain",
        "hours": {"monday": [{"opens": "09:00", "closes": "17:30"}]},
        "holidays": [{"first": "2026-12-25", "yearly": True}],
        "later": {"new": 1},
        "script": {"offhook": 1},
    }
)
BLOCK = SCRIPT.replace(
    """{say: |
    Good
    bye., end: same}""",
    "\n    say: |\n      Good\n      bye.\n    end: same",
)


def kept(folder: Path, text: str) -> Path:
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return kept(tmp_path, written("agt_1", '"3"', CONFIG, BLOCK))


def test_what_was_written_is_read(path: Path) -> None:
    found = AgentFile.read(path)
    assert (found.agent, found.etag) == ("agt_1", '"3"')
    assert found.script == BLOCK
    config = found.config()
    assert config.greeting == CONFIG.greeting
    assert found.document["holidays"] == [{"first": "2026-12-25", "yearly": True}]
    assert found.document["later"] == {"new": 1}  # what this client does not know goes back as it came
    assert config.script["states"]["bye"] == {"say": "Good\nbye.\n", "end": "same"}


def test_faults_have_the_lines_of_the_file(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    hello = next(n for n, text in enumerate(lines, 1) if "Hello.," in text)
    holiday = next(n for n, text in enumerate(lines, 1) if "2026-12-25" in text)
    inside = next(n for n, text in enumerate(BLOCK.splitlines(), 1) if "Hello.," in text)
    found = AgentFile.read(path).told(
        [
            Fault("script.states.greet.say", "is short", inside),
            Fault("holidays.0.first", "is a Friday"),
            Fault("nowhere.at.all", "is missing"),
            Fault("script/states/greet/next", "leads nowhere"),
        ]
    )
    assert found == [
        f"{path}:1: nowhere.at.all: is missing",
        f"{path}:{holiday}: holidays.0.first: is a Friday",
        f"{path}:{hello}: script.states.greet.say: is short",
        f"{path}:{hello}: script/states/greet/next: leads nowhere",
    ]


def test_the_first_line_says_of_which_state_it_is(path: Path) -> None:
    before = path.read_text(encoding="utf-8")
    AgentFile.read(path).tag("agt_1", '"4"')
    after = path.read_text(encoding="utf-8")
    assert after == before.replace('"3"', '"4"', 1)
    path.write_text("name: x\nscript: {offhook: 1}\n", encoding="utf-8")
    AgentFile.read(path).tag("agt_2", '"1"')
    assert path.read_text(encoding="utf-8") == '# offhook agent agt_2 "1"\nname: x\nscript: {offhook: 1}\n'


def test_a_script_need_not_stand_last_or_as_a_block(tmp_path: Path) -> None:
    found = AgentFile.read(kept(tmp_path, "script: # here\n    # a comment\n    offhook: 1\n    id: x\n\nname: Desk\n"))
    assert (found.agent, found.etag) == ("", "")
    assert found.script == "# a comment\noffhook: 1\nid: x\n\n"
    assert found.line("script.id", 3) == 4
    found = AgentFile.read(kept(tmp_path, "name: Desk\nscript: {offhook: 1, id: x}\n"))
    assert found.script is None
    assert found.line("script.id", 3) == 2  # the server's line is of a text that this file does not have


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: [\n", r"agent\.yaml:\d+: "),
        ("name: x\nname: y\n", r"agent\.yaml:\d+: "),
        ("- a\n", r"agent\.yaml:1: "),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        AgentFile.read(kept(tmp_path, text))


def test_what_is_no_configuration(tmp_path: Path) -> None:
    path = kept(tmp_path, "name: x\nscript: {offhook: 1}\nturn:\n  preset: hasty\nknowledge:\n  - title: a\n")
    with pytest.raises(ConfigError) as raised:
        AgentFile.read(path).config()
    lines = str(raised.value.public).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [[f"{path}:4", "turn.preset"], [f"{path}:6", "knowledge.0.text"]]
    with pytest.raises(ConfigError, match="cannot be read"):
        AgentFile.read(tmp_path / "none.yaml")
