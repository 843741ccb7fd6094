"""Which model is asked, and the reason given for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.failover.router import Choice, Facts, Measured, Model, Router, Rule

FAST, SMART, PLAIN = (
    Model("groq:small", cost=0.1, context=8_000),
    Model("openai:large", cost=10.0),
    Model("llamacpp:tiny", tools=False, structured=False, locales=("en",)),
)
MODELS = (FAST, SMART, PLAIN)


def test_without_rules_it_is_the_plans_order() -> None:
    assert Router(MODELS).pick(Facts()) == Choice(("groq:small", "openai:large", "llamacpp:tiny"), "plan's order")


def test_the_first_rule_that_fits_counts() -> None:
    router = Router(MODELS, (Rule("long", ("openai:large",), words=(30, 0)), Rule("any", ("llamacpp:tiny",))))
    long = router.pick(Facts(words=30))
    assert long == Choice(("openai:large", "groq:small", "llamacpp:tiny"), "rule long")
    assert router.pick(Facts(words=29)).why == "rule any"
    assert router.pick(Facts(words=29)).models[0] == "llamacpp:tiny"


@pytest.mark.parametrize(
    ("rule", "fits", "not_fits"),
    [
        (Rule("r", states=("book",)), Facts(state="book"), Facts(state="greet")),
        (Rule("r", locales=("de",)), Facts(locale="de-AT"), Facts(locale="en-GB")),
        (Rule("r", locales=("en-GB",)), Facts(locale="en-gb"), Facts(locale="en-US")),
        (Rule("r", locales=("*",)), Facts(locale="fr"), None),
        (Rule("r", wordings=("free",)), Facts(wording="free"), Facts(wording="exact")),
        (Rule("r", tools=True), Facts(tools=True), Facts()),
        (Rule("r", tools=False), Facts(), Facts(tools=True)),
        (Rule("r", speculative=True), Facts(speculative=True), Facts()),
        (Rule("r", words=(3, 9)), Facts(words=9), Facts(words=10)),
        (Rule("r", context=(100, 0)), Facts(context=100), Facts(context=99)),
        (Rule("r", states=("a",), tools=True), Facts(state="a", tools=True), Facts(state="a")),
    ],
)
def test_conditions(rule: Rule, fits: Facts, not_fits: Facts | None) -> None:
    assert rule.fits(fits)
    assert not_fits is None or not rule.fits(not_fits)


@pytest.mark.parametrize(
    ("facts", "models"),
    [
        (Facts(tools=True), ("groq:small", "openai:large")),
        (Facts(schema=True), ("groq:small", "openai:large")),
        (Facts(locale="de-DE"), ("groq:small", "openai:large")),
        (Facts(context=8_001), ("openai:large", "llamacpp:tiny")),
    ],
)
def test_who_cannot_do_it_is_not_asked(facts: Facts, models: tuple[str, ...]) -> None:
    chosen = Router(MODELS).pick(facts)
    assert chosen.models == models
    assert "cannot: " in chosen.why


def test_a_ceiling_is_kept_unless_nobody_is_left() -> None:
    rule = Rule("cheap", ("openai:large",), ceiling=1.0)
    assert Router(MODELS, (rule,)).pick(Facts()).models == ("groq:small", "llamacpp:tiny")
    dear = Router((SMART, Model("x:dearer", cost=20.0)), (rule,)).pick(Facts())
    assert dear == Choice(("openai:large",), "rule cheap; too dear: x:dearer")


def test_health_and_latency_come_last_and_take_nobody_away() -> None:
    router = Router(MODELS)
    down = router.pick(Facts(), {"groq:small": Measured(admits=False)})
    assert down == Choice(("openai:large", "llamacpp:tiny", "groq:small"), "plan's order; down: groq:small")
    slow = router.pick(Facts(), {"groq:small": Measured(p95=1.4), "openai:large": Measured(p95=0.9), "llamacpp:tiny": Measured(p95=0.2)})
    assert slow == Choice(("llamacpp:tiny", "openai:large", "groq:small"), "plan's order; slow: groq:small, openai:large")
    all_slow = router.pick(Facts(), {one.name: Measured(p95=2.0) for one in MODELS})
    assert all_slow == Choice(("groq:small", "openai:large", "llamacpp:tiny"), "plan's order")


def test_nobody_left_is_said() -> None:
    assert Router((PLAIN,)).pick(Facts(tools=True)) == Choice((), "plan's order; cannot: llamacpp:tiny; nobody left")


NAMES = st.sampled_from(["a", "b", "c", "d"])


@given(
    models=st.lists(
        st.builds(Model, NAMES, st.booleans(), st.booleans(), cost=st.floats(0, 9)), unique_by=lambda one: one.name, max_size=4
    ),
    rules=st.lists(st.builds(Rule, st.just("r"), st.lists(NAMES, max_size=3).map(tuple), ceiling=st.sampled_from([0.0, 3.0])), max_size=2),
    facts=st.builds(Facts, tools=st.booleans(), schema=st.booleans(), words=st.integers(0, 50)),
    measured=st.dictionaries(NAMES, st.builds(Measured, st.booleans(), p95=st.none() | st.floats(0, 3))),
)
def test_each_able_model_at_most_once_and_those_that_are_up_first(
    models: list[Model], rules: list[Rule], facts: Facts, measured: dict[str, Measured]
) -> None:
    router = Router(tuple(models), tuple(rules))
    chosen = router.pick(facts, measured)
    assert chosen == router.pick(facts, measured)
    able = {one.name for one in models if (one.tools or not facts.tools) and (one.structured or not facts.schema)}
    assert len(set(chosen.models)) == len(chosen.models)
    assert set(chosen.models) <= able
    assert bool(chosen.models) == bool(able)
    admitted = [measured.get(name, Measured()).admits for name in chosen.models]
    assert admitted == sorted(admitted, reverse=True)
