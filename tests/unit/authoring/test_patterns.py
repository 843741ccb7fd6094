"""Regular expressions of tenants: what is spelt out passes, what could hold up an engine does not."""

from __future__ import annotations

import re
import time

import pytest

from offhook.authoring.patterns import MOST, fault


@pytest.mark.parametrize(
    "pattern",
    [
        "[A-Z]{2}[0-9]{4,8}",
        "[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}",
        "[0-9]+",
        "[A-Z]+[0-9]+",
        "(AB|CD|EF)[0-9]{6}",
        "(?:[0-9]{4}){4}",
        r"\d{3}-?\d{4}",
        "^X.{3}$",
        "(ab|cd){2}",
    ],
)
def test_codes_pass(pattern: str) -> None:
    assert fault(pattern) is None
    begin = time.process_time()
    for text in ("A" * 40, "1" * 40, "A" * 20 + "1" * 20, "AB" * 20):
        re.compile(pattern, re.IGNORECASE).fullmatch(text + "!")
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a?a)*", "(a|a)*", "(a|ab)+c", "([A-Z]+)*", "a*a*a*a*", "(?:x+x+)+y", "a{0,200}b{0,200}", "(a{1,9}){9}", ".*.*.*"],
)
def test_what_explodes_is_refused(pattern: str) -> None:
    assert "too many ways" in (fault(pattern) or "")


@pytest.mark.parametrize("pattern", ["(a)\\1", "(?=a)b", "(?<!a)b", "(?(1)a|b)"])
def test_what_cannot_be_counted_is_refused(pattern: str) -> None:
    assert fault(pattern) is not None


@pytest.mark.parametrize("pattern", ["(", "[", "a{2,1}", "*", "(?P<a>", "(" * 5_000])
def test_nonsense_is_refused_in_words(pattern: str) -> None:
    assert (fault(pattern) or "").startswith("no regular expression")


def test_no_ways_are_counted_beyond_the_bound() -> None:
    assert fault("(" * 50 + "a?" + ")*" * 50) is not None
    assert MOST == 10_000
