"""Work ahead of a decision is stopped where it does not pay, and tried again."""

from __future__ import annotations

from offhook.engine.speculation import ENOUGH, PAUSE, Speculation


def test_what_is_mostly_thrown_away_is_paused_and_tried_again() -> None:
    record = Speculation()
    for number in range(ENOUGH):
        assert record.pays("desk")
        record.ended("desk", committed=number % 4 == 0, tokens=100)
    assert [record.pays("desk") for _ in range(PAUSE)] == [False] * PAUSE
    assert record.pays("desk")
    assert record.of("desk").wasted == 1_500
    assert record.pays("another")


def test_what_pays_goes_on() -> None:
    record = Speculation()
    for number in range(500):
        record.ended("desk", committed=number % 2 == 0, tokens=10)
        assert record.pays("desk")


def test_a_few_say_nothing() -> None:
    record = Speculation()
    for _ in range(ENOUGH - 1):
        record.ended("desk", committed=False, tokens=10)
    assert record.pays("desk")
