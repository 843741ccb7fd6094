"""The chain: a known value, and that no row can be changed, dropped, added or moved without its being seen."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.audit.chain import START, Line, Walk, link

AT = datetime(2026, 11, 23, 7, 0, 0, 5, tzinfo=UTC)
LINE = Line(1, "aud_1", "ten_1", None, AT, "key", "key_1", "CI", "agent.created", "agt_1", {"name": "Zoë", "n": 1.5}, "::1")


def log(count: int) -> list[tuple[Line, bytes]]:
    rows: list[tuple[Line, bytes]] = []
    before = START
    for seq in range(1, count + 1):
        line = dataclasses.replace(LINE, seq=seq, id=f"aud_{seq}", details={"at": seq})
        before = link(before, line)
        rows.append((line, before))
    return rows


def walked(rows: list[tuple[Line, bytes]], seq: int, head: bytes) -> int | None:
    walk = Walk()
    for line, hashed in rows:
        walk.row(line, hashed)
    walk.end(seq, head)
    return walk.broken_at


def test_a_known_value() -> None:
    text = (
        '[1,"aud_1","ten_1",null,"2026-11-23T07:00:00.000005+00:00","key","key_1","CI","agent.created","agt_1",'
        '{"n":["number","1.5"],"name":"Zo\\u00eb"},"::1"]'
    )
    assert json.loads(text)
    assert link(START, LINE) == hashlib.sha256(bytes(32) + text.encode()).digest()


def test_the_zone_in_which_a_time_comes_back_does_not_matter() -> None:
    other = dataclasses.replace(LINE, at=AT.astimezone(timezone(timedelta(hours=5))))
    assert link(START, other) == link(START, LINE)


@pytest.mark.parametrize(
    ("one", "same"), [(1e22, 10**22), (1.0, 1), (Decimal("1.50"), 1.5), (0.0, -0.0), ([1.0], [1]), ({"a": 2.0}, {"a": 2})]
)
def test_numbers_are_what_they_are_worth(one: Any, same: Any) -> None:
    if isinstance(one, Decimal):
        one = float(one)
    first, second = (dataclasses.replace(LINE, details={"x": value}) for value in (one, same))
    assert link(START, first) == link(START, second)


@pytest.mark.parametrize(
    ("one", "other"), [(1, "1"), (True, 1), (["number", "1"], 1), (["list"], []), (None, ""), ([], {}), (0.1, 0.1 + 2**-55), (False, None)]
)
def test_values_that_differ_do_not_look_alike(one: Any, other: Any) -> None:
    first, second = (dataclasses.replace(LINE, details={"x": value}) for value in (one, other))
    assert link(START, first) != link(START, second)


changes = st.sampled_from(["id", "tenant_id", "reseller_id", "actor_kind", "actor_id", "actor_name", "action", "target", "ip"])


@given(st.integers(0, 5), changes, st.text(max_size=5))
def test_every_field_is_covered(place: int, field: str, value: str) -> None:
    rows = log(6)
    line, hashed = rows[place]
    if getattr(line, field) == value:
        return
    rows[place] = (dataclasses.replace(line, **{field: value}), hashed)  # type: ignore[arg-type]
    assert walked(rows, 6, rows[-1][1]) == place + 1


@given(st.integers(0, 5))
def test_a_row_that_is_missing_is_seen(place: int) -> None:
    rows = log(6)
    head = rows[-1][1]
    del rows[place]
    assert walked(rows, 6, head) == place + 1


@given(st.integers(0, 4))
def test_rows_that_changed_places_are_seen(place: int) -> None:
    rows = log(6)
    rows[place], rows[place + 1] = rows[place + 1], rows[place]
    assert walked(rows, 6, log(6)[-1][1]) == place + 1


def test_a_log_cut_short_with_its_head_is_another_logs_head() -> None:
    rows = log(6)
    assert walked(rows[:4], 4, rows[3][1]) is None  # which is why a head is to be kept elsewhere
    assert walked(rows[:4], 6, rows[5][1]) == 5
    assert walked([], 0, START) is None
