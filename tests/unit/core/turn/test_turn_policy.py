"""The plan's numbers become the policy's."""

from __future__ import annotations

from dataclasses import fields

import pytest

from offhook.contracts.plan import EndpointingPlan, TurnPlan
from offhook.core.time import ms
from offhook.core.turn.policy import Endpointing, TurnPolicy, replace_path
from offhook.errors import ConfigError


def test_the_plans_defaults_are_the_policys() -> None:
    assert TurnPolicy.of(TurnPlan().model_dump()) == TurnPolicy()


def test_every_number_of_the_plan_arrives_in_nanoseconds() -> None:
    limits = {name: 0.5 if "_ms" not in name else 1_234 for name in EndpointingPlan.model_fields}
    plan = {name: 7 if "_ms" not in name else 43_210 for name in TurnPlan.model_fields if name != "endpointing"}
    plan["ahead"] = False
    policy = TurnPolicy.of({**plan, "endpointing": limits})
    for name, value in plan.items():
        assert getattr(policy, name) == (ms(value) if name.endswith("_ms") else value)
    for name, one in limits.items():
        assert getattr(policy.endpointing, name) == (ms(one) if name.endswith("_ms") else one)
    assert {field.name for field in fields(Endpointing)} == set(EndpointingPlan.model_fields)


def test_one_value_is_changed_by_its_path_and_nothing_else() -> None:
    policy = replace_path(TurnPolicy(), "endpointing.sure_ms", "400")
    assert policy.endpointing.sure_ms == ms(400)
    assert replace_path(policy, "endpointing.sure_ms", 260) == replace_path(TurnPolicy(), "endpointing.sure_ms", 260)
    assert replace_path(TurnPolicy(), "confirm_words", "3").confirm_words == 3


@pytest.mark.parametrize("path", ["endpointing", "endpointing.", "endpointing.nothing", "sure_ms", "endpointing.sure_ms.more", "", "of"])
def test_an_unknown_path_is_named(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        replace_path(TurnPolicy(), path, 1)
    assert repr(path) in caught.value.public
    assert "confirm_ms" in caught.value.public or "sure_ms" in caught.value.public


@pytest.mark.parametrize("value", ["soon", None, [400], "nan", "inf", -1, float("-inf")])
def test_a_value_that_is_no_number_is_named(value: object) -> None:
    with pytest.raises(ConfigError, match="confirm_ms"):
        replace_path(TurnPolicy(), "confirm_ms", value)


def test_the_wait_is_longer_the_less_complete_the_words_sound() -> None:
    waits = [Endpointing().wait(score / 100) for score in range(101)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] == Endpointing().incomplete_ms
    assert waits[85] == Endpointing().sure_ms
    assert waits[100] == waits[92] == Endpointing().sure_ms * 5 // 8
    assert waits[91] == Endpointing().sure_ms
