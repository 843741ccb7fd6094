"""The drawing of a script's steps: nothing lies on anything else, and every way is there."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest

from offhook.orchestrator.agents.templates import every
from offhook.orchestrator.portal.graph import HEIGHT, WIDTH, Graph, graph, ways

SCRIPTS = {name: one.config.script for name, one in every().items()}


def wild(seed: int, count: int = 24) -> dict[str, Any]:
    """A script that no author would write: circles, ways to itself, to what is not there, steps that nothing leads to."""
    chance = random.Random(seed)
    names = [f"s{number}" for number in range(count)]
    states: dict[str, Any] = {}
    for name in names:
        lines = [{"go": chance.choice([*names, "nowhere"])} for _ in range(chance.randrange(4))]
        states[name] = {"next": lines, **({"call": chance.choice(names)} if chance.random() < 0.3 else {})}
    return {"start": names[0], "states": states}


def check(document: dict[str, Any], drawn: Graph) -> None:
    found = list(ways(document))
    names = {*document["states"], *(way.target for way in found)}
    assert {one.name for one in drawn.boxes} == names
    for one, other in combinations(drawn.boxes, 2):
        assert abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT, (one, other)
    assert {(line.way.source, line.way.target) for line in drawn.lines} == {
        (way.source, way.target) for way in found if way.source != way.target
    }
    boxes = {one.name: one for one in drawn.boxes}
    for line in drawn.lines:
        source, target = boxes[line.way.source], boxes[line.way.target]
        (x, y), (to_x, to_y) = line.points[0], line.points[-1]
        assert source.x <= x <= source.x + WIDTH
        assert target.x <= to_x <= target.x + WIDTH
        assert y in {source.y, source.y + HEIGHT}
        assert to_y in {target.y, target.y + HEIGHT}
        for (a, b), (c, d) in zip(line.points, line.points[1:], strict=False):
            assert a == c or b == d, "neither across nor down"
            for box in drawn.boxes:
                inside = min(a, c) < box.x + WIDTH and max(a, c) > box.x and min(b, d) < box.y + HEIGHT and max(b, d) > box.y
                assert not inside, (line.way, box.name)
        assert all(0 <= px <= drawn.width and 0 <= py <= drawn.height for px, py in line.points)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_examples_are_drawn(name: str) -> None:
    drawn = graph(SCRIPTS[name])
    check(SCRIPTS[name], drawn)
    assert drawn.boxes[0].y == min(one.y for one in drawn.boxes)


@pytest.mark.parametrize("seed", range(40))
def test_a_script_that_nobody_would_write_is_drawn_too(seed: int) -> None:
    check(wild(seed), graph(wild(seed)))


def test_the_same_script_is_drawn_the_same_way() -> None:
    assert graph(wild(7)) == graph(wild(7))


def test_what_is_not_there_is_drawn_as_missing() -> None:
    drawn = graph({"start": "a", "states": {"a": {"next": "b"}}})
    assert [(one.name, one.missing) for one in drawn.boxes] == [("a", False), ("b", True)]


@pytest.mark.parametrize("document", [{}, {"states": []}, {"states": {"a": None, "b": 3}}, {"states": {"a": {"next": [3, {"go": 4}]}}}])
def test_a_document_that_is_no_script_is_drawn_as_far_as_it_goes(document: dict[str, Any]) -> None:
    assert len(graph(document).boxes) == len(document.get("states") or {})


def test_a_script_that_nobody_could_read_is_not_drawn() -> None:
    """Its author could keep the processor busy for minutes otherwise."""
    states = {f"s{one}": {"next": [{"go": f"s{(one * 7 + step * 31) % 300}"} for step in range(6)]} for one in range(300)}
    assert graph({"start": "s0", "states": states}).boxes == ()
    assert len(graph({"start": "s0", "states": {f"s{one}": {"next": f"s{one + 1}"} for one in range(299)}}).boxes) == 300
