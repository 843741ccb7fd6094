from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from offhook.adapters.model import Appointment, Change
from offhook.adapters.window import compared

DAY = datetime(2031, 2, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = Appointment("mia", DAY + 9 * HOUR, DAY + 10 * HOUR, "Boiler", id="1")
TWO = Appointment("tane", DAY + 33 * HOUR, DAY + 34 * HOUR, "Tap", id="2")


def test_all_is_new_at_first_and_nothing_after() -> None:
    changes, known = compared({}, [ONE, TWO], DAY)
    assert changes == (Change("appointment", "1", ONE), Change("appointment", "2", TWO))
    assert compared(known, [TWO, ONE], DAY) == ((), known)


def test_what_was_moved_given_or_reworded_is_told() -> None:
    _, known = compared({}, [ONE, TWO], DAY)
    for other in (
        replace(ONE, start=ONE.start + HOUR),
        replace(ONE, end=ONE.end + HOUR),
        replace(ONE, resource="tane"),
        replace(ONE, title="Boiler again"),
        replace(ONE, description="No hot water"),
        replace(ONE, job="7"),
        replace(ONE, customer="8"),
    ):
        assert compared(known, [other, TWO], DAY)[0] == (Change("appointment", "1", other),)


def test_what_was_deleted_is_gone_and_what_is_past_is_not() -> None:
    _, known = compared({}, [ONE, TWO], DAY)
    changes, then = compared(known, [ONE], DAY)
    assert changes == (Change("appointment", "2", gone=True),)
    assert set(then) == {"1"}
    assert compared(known, [TWO], DAY + 24 * HOUR)[0] == ()


def test_a_visit_that_was_cancelled_is_gone() -> None:
    _, known = compared({}, [ONE], DAY)
    cancelled = replace(ONE, cancelled=True)
    assert compared(known, [cancelled], DAY)[0] == (Change("appointment", "1", cancelled, gone=True),)
