"""Rehearsals: the same course as the live engine's parts give, whole, bounded, and told apart from the first difference on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from ruamel.yaml import YAML

from offhook.authoring.course import Course, Turn, same_until
from offhook.authoring.load import ScriptError, load
from offhook.authoring.passages import passages
from offhook.authoring.rehearse import MOST_ROUNDS, rehearse, up_to_model
from offhook.authoring.runner import Conversation
from offhook.contracts.events import ToolAnswer
from offhook.contracts.plan import CallPlan, Models, OpeningHours, Passage, ToolSpec
from offhook.contracts.rehearsal import Answered
from offhook.orchestrator.seed import examples

FOLDER = examples() / "receptionist"
TESTS = YAML(typ="safe", pure=True).load((FOLDER / "receptionist.tests.yaml").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
FAQ = passages((FOLDER / "faq.md").read_text(encoding="utf-8"))
PLAYABLE: tuple[Literal["caller", "keys", "silence", "hangup"], ...] = ("caller", "keys", "silence", "hangup")


def plan(**changes: Any) -> CallPlan:
    tools = {
        name: ToolSpec.model_validate({"url": f"http://127.0.0.1/{name}", "effect": "read"})
        for name in load(FOLDER / "receptionist.yaml").script.tools
    }
    values: dict[str, Any] = {
        "call": "rehearsal",
        "script": load(FOLDER / "receptionist.yaml").source,
        "given": TESTS["given"],
        "hours": tuple(OpeningHours(weekday=day, opens=opens, closes=closes) for day, opens, closes in TESTS["hours"]),
        "knowledge": tuple(Passage(title=title, text=text) for title, text in FAQ),
        "tools": tools,
        "transfer_to": {"staff": "+442392000000"},
        "timezone": "UTC",
    }
    return CallPlan(**(values | changes))


class Scripted:
    """Tools answer as a tests file says."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = {name: list(each) if isinstance(each, list) else [each] for name, each in answers.items()}
        self.asked: list[str] = []

    def __call__(self, tool: str, args: Mapping[str, Any], key: str) -> ToolAnswer:
        self.asked.append(tool)
        answers = self._answers[tool]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return ToolAnswer(error=answer) if isinstance(answer, str) else ToolAnswer(values=answer or {})


def turns_of(test: Mapping[str, Any]) -> list[Turn]:
    """A tests file's turns; a place where the agent's words were cut belongs to the turn that cut them."""
    found: list[Turn] = []
    cut = ""
    for turn in test["turns"]:
        kind = next(name for name in PLAYABLE if name in turn)
        found.append(Turn(kind, str(turn[kind]) if kind in {"caller", "keys"} else "", cut))
        cut = str(turn.get("cut_at", ""))
    return found


PARITY = [test for test in TESTS["tests"] if all(any(name in turn for name in PLAYABLE) for turn in test["turns"]) and "mode" not in test]


@pytest.mark.parametrize("test", PARITY, ids=lambda test: str(test["name"]))
def test_it_says_and_does_what_the_authors_tests_see(test: Mapping[str, Any]) -> None:
    given = {**TESTS["given"], **test.get("given", {})}
    tools = {**TESTS["tools"], **test.get("tools", {})}
    course = rehearse(plan(given=given), NOW, turns_of(test), Scripted(tools))
    loaded = load(FOLDER / "receptionist.yaml")
    talk = Conversation(loaded, {**TESTS, **test, "given": given, "tools": tools, "now": NOW.isoformat()}, FAQ, "rules")
    for turn in test["turns"]:
        talk.turn({key: value for key, value in turn.items() if key != "expect"})
    said = [f"agent: {one.text}" for turn in course.turns for one in turn.agent]
    spoken = [line for line in talk.words if line.startswith("agent: ")]
    assert said == spoken[: len(said)]
    if not course.ended:
        assert said == spoken
        assert course.turns[-1].at == talk.state.at


def test_there_is_enough_to_compare() -> None:
    assert len(PARITY) >= 10


BOOKING = [
    Turn("caller", "Hi, my kitchen tap is leaking."),
    Turn("caller", "This week please."),
    Turn("caller", "It's 4 Mill Lane, Southsea, PO5 2AB."),
    Turn("caller", "Ann Lee."),
    Turn("caller", "oh one six three two, nine six oh, one one one"),
    Turn("caller", "Yes."),
    Turn("caller", "Tuesday."),
    Turn("caller", "Tuesday at nine please."),
    Turn("caller", "Yes, please."),
    Turn("caller", "No, that's all, thank you."),
]


def run(turns: list[Turn], **changes: Any) -> Course:
    return rehearse(plan(**changes), NOW, turns, Scripted(TESTS["tools"]))


def test_a_booking_from_the_first_word_to_the_last() -> None:
    course = run(BOOKING)
    assert course.mishaps == []
    assert (course.ended, course.outcome, course.script) == (True, "booked", load(FOLDER / "receptionist.yaml").script.id)
    assert [turn.kind for turn in course.turns] == ["begin", *(turn.kind for turn in BOOKING)]
    assert course.turns[0].agent[0].text.startswith("Harbour Plumbing")
    assert [turn.asks for turn in course.turns[1:5]] == ["urgency", "address", "name", "phone"]
    tools = [(number, one.tool, one.error) for number, turn in enumerate(course.turns) for one in turn.tools]
    assert tools == [(7, "free_slots", None), (9, "book", None)]
    booked = course.turns[9].tools[0]
    assert (booked.effect, booked.args["slot"], booked.args["name"], booked.values) == ("write", "s1", "Ann Lee", {"ref": "H18"})
    assert course.turns[1].slots["need"]["value"] == "new_job"
    assert any(act["act"] == "set" and act["slot"] == "need" for act in course.turns[1].acts)
    assert any(reason.code == "way" and reason.text.startswith("states/") for reason in course.turns[1].reasons)
    assert course.turns[-1].ended


def test_again_is_the_same_and_an_edited_turn_differs_from_there_on() -> None:
    first, again = run(BOOKING), run(BOOKING)
    digests = [turn.digest for turn in first.turns]
    assert [turn.digest for turn in again.turns] == digests
    assert same_until(digests, again.turns) == len(first.turns)
    edited = run([*BOOKING[:3], Turn("caller", "Ann Leigh."), *BOOKING[4:]])
    assert same_until(digests, edited.turns) == 4
    assert same_until(digests[:2], first.turns) == 2
    assert same_until([], first.turns) == 0
    longer = run(BOOKING[:3])
    assert same_until(digests, longer.turns) == 4


def test_turns_after_the_end_are_not_played() -> None:
    course = run([*BOOKING, Turn("caller", "One more thing.")])
    assert len(course.turns) == len(BOOKING) + 1
    assert [mishap.turn for mishap in course.mishaps] == [len(BOOKING) + 1]


def test_a_transfer_that_is_answered_and_one_that_is_not() -> None:
    wish = [Turn("caller", "Can I speak to a person?")]
    answered = run(wish)
    assert (answered.turns[-1].transfer, answered.ended) == ("staff", True)
    alone = rehearse(plan(), NOW, wish, Scripted(TESTS["tools"]), frozenset({"staff"}))
    assert (alone.turns[-1].transfer, alone.ended, alone.turns[-1].asks) == ("staff", False, "name")
    nobody = run(wish, transfer_to={})
    assert not nobody.ended
    assert "staff" in nobody.mishaps[0].message


def test_a_tool_that_the_agent_does_not_have_is_rejected_as_in_a_call() -> None:
    tools = {name: spec for name, spec in plan().tools.items() if name != "free_slots"}
    course = run(BOOKING[:7], tools=tools)
    assert next((one.tool, one.error) for one in course.turns[7].tools) == ("free_slots", "rejected")
    assert "free_slots" in course.mishaps[0].message


def test_breaking_in_means_that_the_rest_was_not_heard() -> None:
    whole = run([*BOOKING[:8], Turn("caller", "Yes.")])
    assert whole.turns[-1].tools[0].tool == "book"
    cut = run([*BOOKING[:8], Turn("caller", "Yes.", cut_at="So that is")])
    assert cut.turns[-1].tools == []
    assert [one.why for one in cut.turns[-1].refused] == ["unheard read-back"]
    wrong = run([*BOOKING[:8], Turn("caller", "Yes.", cut_at="never said")])
    assert "never said" in wrong.mishaps[0].message


def test_keys_silence_and_hanging_up() -> None:
    course = run([Turn("silence"), Turn("keys", "0"), Turn("hangup")], transfer_to={})
    assert course.turns[1].agent
    assert course.turns[2].transfer == "staff"
    assert (course.ended, course.outcome, course.turns[-1].agent) == (True, "left_early", [])


def test_it_stops_after_so_many_steps() -> None:
    course = rehearse(plan(), NOW, BOOKING, Scripted(TESTS["tools"]), most_steps=10)
    assert course.steps == 10
    assert "10 steps" in course.mishaps[-1].message
    assert all(turn.digest for turn in course.turns)


LOOP: dict[str, Any] = {
    "offhook": 1,
    "id": "loop",
    "version": 1,
    "title": "A tool without end",
    "languages": ["en-GB"],
    "start": "a",
    "slots": {"more": {"type": "yes_no", "ask": "More?"}},
    "tools": {"look": {"effect": "read", "gives": {"found": "yes_no"}, "if_fails": {"go": "bye"}}},
    "universals": {"human": "bye"},
    "states": {
        "a": {"collect": ["more"], "do": "look", "next": [{"if": "more is yes", "forget": ["more"], "go": "a"}, {"go": "bye"}]},
        "bye": {"say": "Goodbye.", "end": "done"},
    },
    "outcomes": {"done": "good"},
}


def test_a_script_with_faults_says_all_of_them() -> None:
    with pytest.raises(ScriptError) as error:
        run([], script={**LOOP, "start": "nowhere", "states": {"a": {"collect": ["what"]}}})
    assert len(error.value.faults) >= 2


def test_failing_tools_come_to_an_end() -> None:
    tools = {"look": ToolSpec.model_validate({"url": "http://127.0.0.1/look", "effect": "read"})}
    fakes = Scripted({"look": ["timeout", "unavailable"]})
    course = rehearse(plan(script=LOOP, tools=tools, given={}), NOW, [Turn("caller", "yes")], fakes)
    assert course.ended
    assert len(fakes.asked) <= MOST_ROUNDS
    assert [one.error for one in course.turns[-1].tools][:1] == ["timeout"]


# -- turns that a language model answers --------------------------------------------------------------------------------------

ODD = "my neighbour said you folk could maybe sort out something for me"
"""What the rules make nothing of."""
MODELS = Models(llm=("openai:any",))


def told(acts: list[dict[str, Any]], say: str, *, whole: bool = True, failure: str = "") -> Answered:
    return Answered(text=json.dumps({"acts": acts, "say": say}), whole=whole, failure=failure, model="openai:any")


def with_models(*turns: Turn, models: bool = True) -> Course:
    return rehearse(plan(models=MODELS), NOW, turns, Scripted(TESTS["tools"]), models=models)


def test_a_turn_that_a_model_would_answer_waits_for_its_answer() -> None:
    waiting = with_models(Turn("caller", "Hello?"), Turn("caller", ODD), Turn("caller", "It's leaking."))
    assert (waiting.waits, [one.answered_by for one in waiting.turns]) == (2, ["", "rules", "rules"])
    assert with_models(Turn("caller", ODD), models=False).waits is None
    assert run([Turn("caller", ODD)]).waits is None  # a plan without models


def test_an_answer_is_read_as_in_a_call() -> None:
    nice = told([{"act": "chitchat"}], "That is kind of them.")
    course = with_models(Turn("caller", ODD, answer=nice), Turn("caller", "It's leaking."))
    assert (course.waits, [one.answered_by for one in course.turns]) == (None, ["", "model", "rules"])
    turn = course.turns[1]
    assert (turn.agent[0].text, turn.answer, turn.why) == ("That is kind of them.", nice, "not understood")
    assert course.turns[2].slots["need"]["value"] == "new_job"
    slower = with_models(Turn("caller", ODD, answer=nice.model_copy(update={"total_ms": 900.0})))
    assert slower.turns[1].digest == turn.digest
    other = with_models(Turn("caller", ODD, answer=told([{"act": "chitchat"}], "How kind of them.")))
    assert other.turns[1].digest != turn.digest


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answered(whole=False, failure="Unavailable: down"), "Unavailable: down"),
        (told([{"act": "set", "slot": "phone", "value": "01632 960111"}], "I have your number."), "no act was accepted"),
        (Answered(text='{"acts": [{"act"', whole=False), "cut off"),
    ],
)
def test_the_rules_take_a_turn_that_a_model_got_wrong(answer: Answered, why: str) -> None:
    course, alone = with_models(Turn("caller", ODD, answer=answer)), run([Turn("caller", ODD)])
    assert (course.turns[1].answered_by, course.turns[1].why) == ("policy", why)
    assert course.turns[1].agent == alone.turns[1].agent


def test_an_answer_where_the_rules_explain_all_is_of_no_account() -> None:
    course = with_models(Turn("caller", "It's leaking.", answer=told([{"act": "chitchat"}], "Nice.")))
    assert (course.turns[1].answered_by, course.turns[1].answer) == ("rules", None)


def test_an_engine_finds_the_conversation_where_it_stopped() -> None:
    nice = told([{"act": "chitchat"}], "That is kind of them.")
    asked_when = run([Turn("caller", "It's leaking.")]).turns[1].agent[-1].text
    known = [Turn("caller", "It's leaking."), Turn("keys", "5", cut_at=asked_when[:8]), Turn("silence"), Turn("caller", "Hello?")]
    course = with_models(*known, Turn("caller", "yes"), Turn("caller", ODD, answer=nice), Turn("caller", ODD))
    assert course.waits is not None
    turns = [*known, Turn("caller", "yes"), Turn("caller", ODD, answer=nice), Turn("caller", ODD)][: course.waits]
    found = up_to_model(plan(models=MODELS), NOW, turns, course.results)
    assert found is not None
    dialogue, heard = found
    assert (dialogue.state.at, dialogue.slots().keys()) == (course.turns[-2].at, course.turns[-2].slots.keys())
    assert [one.text for one in heard if one.who == "caller"] == [one.text for one in turns[:-1] if one.kind != "silence"]
    assert [one.text for one in heard if one.cut] == [next(one.text for one in heard if one.text.endswith(asked_when[:8]))]
    assert up_to_model(plan(models=MODELS), NOW, [Turn("caller", "It's leaking.")], ()) is None
    assert up_to_model(plan(models=MODELS), NOW, [Turn("caller", ODD), Turn("caller", ODD)], ()) is None  # the first waits
