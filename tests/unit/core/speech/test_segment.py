"""Text into clauses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.speech.segment import Segmenter, clauses_of


def _clauses(*pieces: str) -> list[str]:
    segmenter = Segmenter()
    cut = [clause for piece in pieces for clause in segmenter.feed(piece)]
    return [*cut, *segmenter.flush()]


def _letters(text: str) -> str:
    return "".join(text.split())


WORDS = st.sampled_from(
    ["Hello", "well,", "it", "is", "2:30", "p.m.", "Mr.", "3.5", "0151,", "B.", "done.", "Why?", "so;", "ok!", "\u2026", "1,000", "I."]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=25), st.lists(st.integers(1, 9), max_size=40))
def test_the_clauses_are_the_text(words: list[str], cuts: list[int]) -> None:
    text = " ".join(words)
    pieces, rest = [], text
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    clauses = _clauses(*pieces, rest)
    assert _letters("".join(clauses)) == _letters(text)
    assert all(clause.strip() == clause and clause for clause in clauses)
    assert " ".join(clauses).split() == text.split()


def test_the_first_clause_comes_early() -> None:
    segmenter = Segmenter()
    assert segmenter.feed("I can do that, and") == ["I can do that,"]
    assert segmenter.feed(" then, if you like, more. Next") == ["and then, if you like, more."]


def test_a_short_beginning_is_no_clause() -> None:
    assert _clauses("Yes, of course. Go on.") == ["Yes, of course.", "Go on."]


def test_a_sentence_is_whole_once_something_follows() -> None:
    segmenter = Segmenter()
    assert segmenter.feed("It is 3.") == []
    assert segmenter.feed("50 today.") == []
    assert segmenter.flush() == ["It is 3.50 today."]


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.50 an hour",
        "We come at 2:30 p.m. on Monday",
        "Ask for Mr. Smith at 4 St. James Rd. in town",
        "That is 1,000 pounds",
        "Your number is zero, one, five, one, nine",
        "It is spelled S, M, I, T, H",
        "It is spelled S. M. I. T. H",
        "Your number ends in 07, 11, 22",
        "So your number is double four, triple two, nine",
        "Bring a tool e.g. a wrench",
        "The code is twenty-one, thirty-two, forty",
        "It is spelled L. I. S. A",
        "The code is twenty, thirty, forty",
    ],
)
def test_never_inside_numbers_times_abbreviations_or_letters(text: str) -> None:
    assert _clauses(text + " indeed. And more.") == [text + " indeed.", "And more."]


def test_a_whole_texts_clauses() -> None:
    assert clauses_of("Good morning to you, sir. What is it?") == ["Good morning to you,", "sir.", "What is it?"]
    assert clauses_of("  ") == []
