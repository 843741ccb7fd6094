"""What calls are found by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.calls.words import ASKED, MOST, asked, of_call


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Boiler", ["boiler"]),
        ("a boiler's LEAK", ["boiler", "leak"]),
        ("Straße Müller", ["strasse", "müller"]),
        ("+44 7700 900123", ["700900123"]),
        ("07700-900123", ["700900123"]),
        ("900123", ["900123"]),
        ("00123", ["0123"]),
        ("0123", ["0123"]),
        ("tap 0123", ["0123", "tap"]),
        ("!", []),
        ("", []),
        ("one two three four five six seven", ["seven", "three", "five", "four", "one"]),
    ],
)
def test_a_search(query: str, words: list[str]) -> None:
    assert asked(query) == words


@pytest.mark.parametrize("number", ["+447700900123", "07700900123", "+44 7700 900 123", "(0)7700 900123", "900123", "0123"])
def test_a_number_is_found_however_it_is_written(number: str) -> None:
    assert set(asked(number)) <= set(of_call("+447700900123", ""))


@given(st.text(max_size=300), st.text(max_size=60))
def test_bounds(summary: str, caller: str) -> None:
    words = of_call(caller, summary)
    assert words == sorted(set(words))
    assert len(words) <= MOST + 3 + 30
    assert all(2 <= len(word) <= 120 for word in words)
    assert len(asked(summary)) <= ASKED


@given(st.lists(st.from_regex(r"[a-z]{2,20}", fullmatch=True), min_size=1, max_size=20))
def test_each_word_of_a_summary_finds_it(words: list[str]) -> None:
    found = set(of_call("", " ".join(words) + "."))
    for word in words:
        assert set(asked(word.upper())) <= found
