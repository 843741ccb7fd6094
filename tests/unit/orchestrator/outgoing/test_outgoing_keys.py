"""What attempts are called."""

from __future__ import annotations

import pytest

from offhook.contracts.dial import Dial
from offhook.orchestrator.outgoing.dialling import of_ref
from offhook.orchestrator.outgoing.keys import key_of


def test_engines_take_the_name_of_any_attempt() -> None:
    key = key_of("out_01jd8k3v9m4q7x2n5r6t8w0y1z", 99)
    assert Dial(trunk="trk_1", to="+447700900777", key=key).key == key


def test_attempts_have_names_of_their_own() -> None:
    assert len({key_of(id, attempt) for id in ("out_1", "out_11") for attempt in (1, 2, 11, 12)}) == 8  # noqa: A001 - a call's


@pytest.mark.parametrize("attempt", ["²", "", "-1", "x"])
def test_what_names_no_attempt_is_of_none(attempt: str) -> None:
    assert of_ref("harbour/out_1/1") == ("harbour", "out_1", 1)
    assert of_ref(f"harbour/out_1/{attempt}") is None
