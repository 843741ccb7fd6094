"""Conditions: read, refused with a column, evaluated three-valued."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from offhook.core.script.expr import ExprError, bind, evaluate, holds, names, parse

TODAY = dt.date(2026, 11, 21)
KNOWN: dict[str, Any] = {
    "need": "new_job",
    "bill": {"minor": 3999, "currency": "GBP"},
    "size": 3,
    "ok": True,
    "day": "2026-11-24",
    "tool.found": False,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("need is new_job", True),
        ("need is not new_job", False),
        ("need in [move, new_job]", True),
        ("need not in [move, cancel]", True),
        ("bill < 40", True),
        ("bill >= 39.99", True),
        ("size > 3 or size is 3", True),
        ("size > 3 and size is 3", False),
        ("not (size > 3)", True),
        ("ok is yes", True),
        ("ok is no", False),
        ("tool.found is no", True),
        ("day >= today", True),
        ("day < today", False),
        ("other is known", False),
        ("other is unknown", True),
        ("need is known", True),
        ('need is "NEW_JOB"', True),
        ("other is new_job", None),
        ("other is not new_job", None),
        ("other > 3", None),
        ("not (other > 3)", None),
        ("other > 3 or ok is yes", True),
        ("other > 3 and ok is no", False),
        ("other > 3 and ok is yes", None),
        ("other in [a, b]", None),
        ("ok is 1", False),
    ],
)
def test_a_condition_has_this_value(text: str, value: bool | None) -> None:
    assert evaluate(parse(text), KNOWN.get, TODAY) is value
    assert holds(parse(text), KNOWN.get, TODAY) is (value is True)


def test_no_condition_always_holds() -> None:
    assert holds(None, KNOWN.get, TODAY)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("need", 5),
        ("need is", 8),
        ("need = 3", 6),
        ("need is a b", 11),
        ("(need is a", 11),
        ("need in a", 9),
        ("and", 1),
        ("3 is known", 1),
        ("need is [", 9),
        ("", 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(ExprError) as error:
        parse(text)
    assert error.value.column == column


def test_a_bare_word_that_is_no_option_may_be_a_name() -> None:
    bound = bind(parse("a is b"), lambda word: word == "b", lambda _: frozenset())
    assert names(bound) == {"a", "b"}
    assert evaluate(bound, {"a": 1, "b": 1}.get, TODAY) is True
    option = bind(parse("a is b"), lambda word: word == "b", lambda _: frozenset({"b"}))
    assert names(option) == {"a"}
