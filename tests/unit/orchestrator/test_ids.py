from __future__ import annotations

from datetime import UTC, datetime, timedelta

from offhook.orchestrator.ids import ALPHABET, new_id

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_ids_of_one_moment_sort_as_they_were_made() -> None:
    made = [new_id("msg", NOW) for _ in range(2_000)]
    assert made == sorted(set(made))


def test_ids_sort_by_time_also_where_the_clock_goes_back() -> None:
    later = new_id("msg", NOW + timedelta(milliseconds=1))
    assert new_id("msg", NOW) < later < new_id("msg", NOW + timedelta(milliseconds=2))


def test_an_id_is_a_prefix_and_26_characters() -> None:
    prefix, _, number = new_id("call", NOW).partition("_")
    assert (prefix, len(number)) == ("call", 26)
    assert set(number) <= set(ALPHABET)
