"""What differs between two documents, by path."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.agents.diff import changes, unified

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text("ab", max_size=2))
DOCUMENTS = st.recursive(
    LEAVES, lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(st.sampled_from("abcd"), below, max_size=4)), max_leaves=20
)


def shown(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    return [(one.kind, one.path, one.before, one.after) for one in changes(before, after)]


def test_what_is_added_removed_and_changed() -> None:
    before = {"a": 1, "b": {"c": [1, 2, 3]}, "d": "x"}
    after = {"a": True, "b": {"c": [0, 1, 3]}, "e": "x"}
    assert shown(before, after) == [
        ("changed", "a", 1, True),
        ("added", "b.c.0", None, 0),
        ("removed", "b.c.1", 2, None),
        ("removed", "d", "x", None),
        ("added", "e", None, "x"),
    ]


def test_the_order_of_a_scripts_parts_is_a_difference_and_that_of_settings_is_none() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert shown({"script": {"options": one}}, {"script": {"options": other}}) == [("moved", "script.options", ["a", "b"], ["b", "a"])]
    assert shown({"hours": one}, {"hours": other}) == []


def test_long_texts_are_shown_by_lines() -> None:
    text = "\n".join(f"line {number}" for number in range(60))
    ((kind, path, before, after),) = shown({"a": text}, {"a": text.replace("line 30", "line thirty")})
    assert (kind, path, before) == ("changed", "a", None)
    assert "-line 30" in after
    assert "+line thirty" in after
    assert "line 1\n" not in after
    assert unified("a", "a", "x", "y") == ""


@given(DOCUMENTS)
def test_nothing_differs_from_itself(document: Any) -> None:
    assert shown({"script": document}, {"script": copy.deepcopy(document)}) == []


@given(DOCUMENTS, DOCUMENTS)
def test_two_differ_if_and_only_if_something_is_listed(before: Any, after: Any) -> None:
    listed = [one for one in shown({"x": before}, {"x": after}) if one[0] != "moved"]
    assert bool(listed) == (repr(_sorted(before)) != repr(_sorted(after)))


def _sorted(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _sorted(node[key]) for key in sorted(node)}
    return [_sorted(one) for one in node] if isinstance(node, list) else node
