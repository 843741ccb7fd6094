"""Byte ranges against the definition, said the slow way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.recordings.ranges import Range, Unsatisfiable, parse


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", Range(0, 0)),
        ("bytes=0-", Range(0, 99)),
        ("bytes=99-", Range(99, 99)),
        ("bytes=10-500", Range(10, 99)),
        ("bytes=-1", Range(99, 99)),
        ("bytes=-500", Range(0, 99)),
        ("bytes= 3 - 4 ", Range(3, 4)),
        (None, None),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("Bytes 0-1", None),
        ("bytes=0x1-2", None),
        ("bytes=" + "9" * 20 + "-", None),
        ("bytes=٣-٤", Range(3, 4)),
    ],
)
def test_forms(header: str | None, found: Range | None) -> None:
    assert parse(header, 100) == found


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={'9' * 19}-"])
def test_what_lies_outside(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse(header, 100)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=0-0"])
def test_nothing_of_an_empty_file_can_be_had(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse(header, 0)


@given(st.integers(1, 300), st.integers(0, 400), st.integers(0, 400))
def test_a_part_is_what_slicing_says(size: int, first: int, last: int) -> None:
    data = bytes(n % 251 for n in range(size))
    if last < first:
        return
    try:
        found = parse(f"bytes={first}-{last}", size)
    except Unsatisfiable:
        assert first >= size
        return
    assert found is not None
    assert data[found.first : found.last + 1] == data[first : last + 1]
    assert found.length == len(data[first : last + 1])
