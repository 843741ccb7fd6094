from __future__ import annotations

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from offhook.adapters.once import base32_of, mark_of, uuid_of

KEYS = st.text("abcXYZ019_/:-", min_size=1, max_size=100)


@given(KEYS, KEYS)
def test_a_write_has_one_name_in_every_form(one: str, other: str) -> None:
    for form in (uuid_of, base32_of, mark_of):
        assert form(one) == form(one)
        assert (form(one) == form(other)) == (one == other)
        assert form(one, "site") != form(one)
        assert form(one, "site") != form(one, "job")


@given(KEYS)
def test_the_forms_are_what_systems_take(key: str) -> None:
    assert uuid.UUID(uuid_of(key)).version == 5
    assert re.fullmatch(r"[a-v0-9]{32}", base32_of(key))
    assert re.fullmatch(r"oh-[a-v0-9]{16}", mark_of(key))


def test_a_part_is_no_longer_key() -> None:
    assert uuid_of("a", "b") != uuid_of("ab")
    assert base32_of("a", "b") != base32_of("ab")


def test_names_stay_as_they_are() -> None:
    """Systems know records by them: another name for the same write would make it twice."""
    assert uuid_of("call_1/customer") == "419d493a-02f4-5852-9b67-44295558031b"
    assert base32_of("call_1/customer") == "pq72qoomjeor6tv8hnm789fqberi1do6"
    assert mark_of("call_1/customer") == "oh-pq72qoomjeor6tv8"
