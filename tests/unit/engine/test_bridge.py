"""What bridges a silence: at most one in a turn, never the same twice running."""

from __future__ import annotations

from typing import Any

from tests.scenarios.harness import plan_of

from offhook.engine.bridge import Bridges


def bridges(**changes: Any) -> Bridges:
    return Bridges(plan_of(**changes))


def test_one_in_a_turn() -> None:
    one = bridges()
    one.new_turn("how much is it")
    assert one.choose(("One moment.",)) == "One moment."
    one.said("One moment.")
    assert one.choose(("Let me see.",)) == ""
    assert not one.wanted


def test_never_the_same_twice_running() -> None:
    one = bridges()
    said = []
    for _ in range(6):
        one.new_turn("hello")
        line = one.choose(("A", "B"))
        one.said(line)
        said.append(line)
    assert said == ["A", "B", "A", "B", "A", "B"]
    one.new_turn("hello")
    assert one.choose(("B",)) == ""


def test_openers_go_round_and_are_off_by_default() -> None:
    assert all(not opens for _, _, opens in bridges().steps())
    one = bridges(openers={"on": True})
    firsts = []
    for _ in range(4):
        one.new_turn("yes that is right")
        [(wait, lines, opens), *_] = one.steps()
        assert (wait, opens) == (0.0, True)
        firsts.append(lines[0])
    assert len(set(firsts)) == 4
    one.new_turn("all right then bye")
    assert not any(opens for _, _, opens in one.steps())


def test_no_fillers_where_they_are_off() -> None:
    one = bridges(fillers={"after_ms": 0})
    one.new_turn("hello")
    assert list(one.steps()) == []
    assert not one.wanted
