"""Conversations with an agent from files: what they hold, and what was not as they expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.cli.agent_talk import _failures, _turn, scenes
from offhook.client.models import FakeAnswer, RanView, SaidView, TextTestResult, TurnIn, TurnView
from offhook.errors import ConfigError

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "templates" / "booking_line" / "script.tests.yaml"


def turn(say: str = "", *, tools: tuple[str, ...] = (), at: str = "job", asks: str = "", ended: bool = False) -> TurnView:
    return TurnView(
        kind="caller",
        text="x",
        answered_by="rules",
        why="",
        answer=None,
        acts=[],
        agent=[SaidView(item="", text=say, kind="say")],
        asks=asks,
        tools=[RanView(tool=name, effect="read", args={}, values={}, error=None) for name in tools],
        reasons=[],
        refused=[],
        at=at,
        stack=[],
        slots={},
        transfer=None,
        ended=ended,
        digest="0" * 16,
    )


def result(*turns: TurnView, outcome: str = "") -> TextTestResult:
    return TextTestResult(
        script="s",
        script_version=1,
        open_now=True,
        turns=[turn("Hello."), *turns],
        same_until=0,
        ended=bool(outcome),
        outcome=outcome,
        success=None,
        path=[],
        faults=[],
        notice="",
        steps=1,
    )


def kept(folder: Path, text: str) -> Path:
    path = folder / "talk.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_files_of_script_test_are_taken() -> None:
    found = list(scenes(EXAMPLE))
    assert len(found) >= 2
    assert found[0].name == "a visit is booked"
    assert found[0].turns[0] == TurnIn(caller="I would like to book a visit.")
    assert found[0].expected[0] == {"asks": "problem"}
    assert found[0].facts["given"]["caller_name"] == "Ann Lee"
    assert found[0].facts["tools"]["book"] == [FakeAnswer(values={"ref": "H18"})]


def test_a_list_of_turns_is_enough(tmp_path: Path) -> None:
    (found,) = scenes(kept(tmp_path, "- Hello there\n- {keys: 12, expect: {at: job}}\n- {silence: true}\n- {hangup: true}\n"))
    assert found.turns == [TurnIn(caller="Hello there"), TurnIn(keys="12"), TurnIn(silence=True), TurnIn(hangup=True)]
    assert found.expected == {1: {"at": "job"}}


def test_a_test_has_its_own_tools(tmp_path: Path) -> None:
    text = "tools: {book: {ref: A}, look: {}}\ngiven: {a: 1}\ntests:\n- {turns: [Hi], tools: {book: [conflict, {ref: B}]}, given: {b: 2}}\n"
    (found,) = scenes(kept(tmp_path, text))
    assert found.facts == {
        "given": {"a": 1, "b": 2},
        "tools": {"book": [FakeAnswer(error="conflict"), FakeAnswer(values={"ref": "B"})], "look": [FakeAnswer(values={})]},
    }


@pytest.mark.parametrize("text", ["hello\n", "tests: [1]\n", "tests: [{name: x}]\n", "- {acts: []}\n", "- 7\n"])
def test_what_is_no_conversation(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"talk\.yaml"):
        list(scenes(kept(tmp_path, text)))


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ({"says": "good MORNING"}, None),
        ({"says": ["good", "bye"]}, "the agent does not say 'bye'"),
        ({"at": "route"}, "at job, not route"),
        ({"asks": "phone"}, "asks name, not phone"),
        ({"ran": "book"}, None),
        ({"ran": ["book", "look"]}, "look was not run"),
        ({"not_ran": "book"}, "book was run"),
        ({"ended": "booked"}, "does not end with booked"),
        ({"slots": {"name": "x"}}, None),
    ],
)
def test_what_is_not_as_expected(tmp_path: Path, expect: dict[str, object], failure: str | None) -> None:
    (scene,) = scenes(kept(tmp_path, "- Hi\n"))
    scene.expected[0] = expect
    found = list(_failures(scene, result(turn("Good morning.", tools=("book",), asks="name"))))
    assert found == ([] if failure is None else [f"turn 1: {failure}"])


def test_the_end(tmp_path: Path) -> None:
    (scene,) = scenes(kept(tmp_path, "- Hi\n- Bye\n"))
    scene.expected = {0: {"ended": "done"}, 1: {"says": "x"}}
    assert list(_failures(scene, result(turn("Bye.", ended=True), outcome="done"))) == ["turn 2: the call was over before it"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("hello", TurnIn(caller="hello")),
        ("", TurnIn(silence=True)),
        ("/silence", TurnIn(silence=True)),
        ("/keys 12#", TurnIn(keys="12#")),
        ("/hangup", TurnIn(hangup=True)),
        ("/keys", None),
        ("/what", None),
    ],
)
def test_what_is_typed(line: str, meant: TurnIn | None) -> None:
    assert _turn(line) == meant
