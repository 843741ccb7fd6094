"""Presets of turn-taking, and that every number of it is explained."""

from __future__ import annotations

from typing import Any

import pytest

from offhook.contracts.plan import EndpointingPlan, Fillers, Models, TurnPlan
from offhook.core.turn.policy import TurnPolicy
from offhook.orchestrator.agents.check import LIMITS, Setting, check, place
from offhook.orchestrator.agents.config import AgentConfig, Endpointing, FillerLines, Limits, Providers, Turn
from offhook.orchestrator.agents.known import known
from offhook.orchestrator.agents.presets import EXPLAINED, PLACES, PRESETS, PresetName, turn_plan


def test_every_value_is_explained_once() -> None:
    values = [f"endpointing.{name}" for name in EndpointingPlan.model_fields] + [n for n in TurnPlan.model_fields if n != "endpointing"]
    values += [
        f"{part}.{name}" for part, model in (("fillers", Fillers), ("models", Models)) for name in model.model_fields if name[-3:] == "_ms"
    ]
    assert sorted(one.path for one in EXPLAINED) == sorted(values)
    for one in EXPLAINED:
        assert min(len(one.does), len(one.higher), len(one.lower)) > 15
        assert one.low < one.high


def test_every_value_can_be_set() -> None:
    fields = {f"turn.endpointing.{name}" for name in Endpointing.model_fields}
    fields |= {f"turn.{name}" for name in Turn.model_fields if name not in {"preset", "endpointing"}}
    fields |= {f"limits.{name}" for name in Limits.model_fields}
    fields |= {f"fillers.{name}" for name in FillerLines.model_fields if name[-3:] == "_ms"}
    fields |= {f"providers.{name}" for name in Providers.model_fields if name[-3:] == "_ms"}
    assert {place(one.path) for one in EXPLAINED} == fields
    assert set(Limits.model_fields) == LIMITS


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_within_its_own_bounds(name: PresetName) -> None:
    plan = turn_plan(name, {}, {})
    for one in EXPLAINED:
        head, _, leaf = one.path.rpartition(".")
        if head in PLACES:
            continue  # no preset sets it
        assert one.low <= getattr(plan.endpointing if head else plan, leaf) <= one.high, one.path
    config = AgentConfig.model_validate({"name": "x", "script": {}, "turn": {"preset": name}})
    faults = check(config, Setting("en-GB", "GB", known())).faults
    assert not [one for one in faults if one.path.startswith(("turn", "limits"))]


def test_presets_are_what_they_say() -> None:
    def waits(name: PresetName) -> int:
        return turn_plan(name, {}, {}).endpointing.sure_ms

    assert turn_plan("receptionist", {}, {}) == TurnPlan()
    assert waits("fast_answers") < waits("booking_confirmation") < waits("receptionist") < waits("intake_by_dictation") < waits("careful")
    assert turn_plan("noisy_line", {}, {}).confirm_words > TurnPlan().confirm_words
    assert len({repr(turn_plan(name, {}, {})) for name in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize(
    ("turn", "limits", "path"),
    [
        ({"endpointing": {"sure_ms": 700}}, {}, "turn.endpointing.sure_ms"),
        ({"endpointing": {"probable_ms": 100}}, {}, "turn.endpointing.probable_ms"),
        ({"endpointing": {"incomplete_ms": 900}}, {}, "turn.endpointing.incomplete_ms"),
        ({"endpointing": {"sure": 0.6}}, {}, "turn.endpointing.sure"),
        ({"endpointing": {"unsure": 0.7}}, {}, "turn.endpointing.unsure"),
        ({"endpointing": {"eager": 0.0}, "confirm_ms": 20}, {}, "turn.confirm_ms"),
        ({"preset": "careful", "resume_ms": 10_000}, {}, "turn.resume_ms"),
    ],
)
def test_numbers_that_make_no_sense_together(turn: dict[str, Any], limits: dict[str, Any], path: str) -> None:
    config = AgentConfig.model_validate({"name": "x", "script": {}, "turn": turn, "limits": limits})
    found = [one.path for one in check(config, Setting("en-GB", "GB", known())).faults if one.path.startswith(("turn", "limits"))]
    assert found == [path]


def test_what_differs_from_a_preset_stays() -> None:
    config = AgentConfig.model_validate(
        {
            "name": "x",
            "script": {},
            "turn": {"preset": "careful", "confirm_words": 4, "ahead": False, "endpointing": {"eager": 0.5}},
            "limits": {"idle_ms": 9_000},
        }
    )
    plan = config.turn_plan()
    assert (plan.confirm_words, plan.endpointing.eager, plan.idle_ms) == (4, 0.5, 9_000)
    assert plan.endpointing.sure_ms == 600
    assert (plan.ahead, TurnPlan().ahead) == (False, True)
    assert not TurnPolicy.of(plan.model_dump()).ahead


@pytest.mark.parametrize("name", list(PRESETS))
def test_nobody_listens_to_four_seconds_of_silence(name: PresetName) -> None:
    """A reply that comes to nothing is given up in time, one that is only slow is not, and what bridges a silence comes before its end."""
    plan = turn_plan(name, {}, {})
    waits = plan.endpointing
    assert waits.sure_ms + plan.stalled_ms < 4_000
    assert max(waits.unsure_ms, waits.vendor_ms) + Fillers().after_ms < 4_000
    assert plan.stalled_ms > Models().answer_ms + 1_500, "the rules after a model that is given up, and the longest wait for a voice"


def test_the_usual_presets_wait_with_the_stall_is_below_four_seconds() -> None:
    plan = TurnPlan()
    assert plan.endpointing.unsure_ms + plan.stalled_ms < 4_000
    assert TurnPolicy().stalled_ms == TurnPolicy.of(plan.model_dump()).stalled_ms
