"""In which order tables are emptied: no row before those that refer to it."""

from __future__ import annotations

from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.tenants.catalogue import Link, order

TABLES = ["a", "b", "c", "d", "e", "f"]
pairs = st.lists(st.tuples(st.sampled_from(TABLES), st.sampled_from(TABLES)), max_size=15)


@given(pairs)
def test_children_come_before_their_parents(drawn: list[tuple[str, str]]) -> None:
    links = [Link(min(pair), max(pair), ()) for pair in drawn]  # no ring
    found = order(TABLES, links)
    assert sorted(found.tables) == TABLES
    assert found.loosen == ()
    for one in links:
        if one.child != one.parent:
            assert found.tables.index(one.child) < found.tables.index(one.parent)


@given(pairs)
def test_any_ring_of_optional_links_can_be_loosened(drawn: list[tuple[str, str]]) -> None:
    links = [Link(child, parent, (f"{parent}_id",)) for child, parent in drawn]
    found = order(TABLES, links)
    assert sorted(found.tables) == TABLES
    loose = set(found.loosen)
    for one in links:
        held = one.child != one.parent and (one.child, f"{one.parent}_id") not in loose
        assert not held or found.tables.index(one.child) < found.tables.index(one.parent)


def test_a_ring_that_cannot_be_loosened_is_an_error() -> None:
    with pytest.raises(CycleError):
        order(["a", "b"], [Link("a", "b", ()), Link("b", "a", ())])


def test_only_the_optional_link_of_a_ring_is_loosened() -> None:
    # An agent's live version, and each version's agent.
    found = order(["agent", "version"], [Link("agent", "version", ("live_version",)), Link("version", "agent", ())])
    assert found.tables == ("version", "agent")
    assert found.loosen == (("agent", "live_version"),)


def test_tables_of_others_do_not_count() -> None:
    found = order(["a"], [Link("a", "reseller", ()), Link("session", "a", ())])
    assert found.tables == ("a",)
