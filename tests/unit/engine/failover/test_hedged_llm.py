"""A model that is late is asked twice, one that fails is replaced, and a caller is never kept waiting."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.engine.failover.minds import Answer, ScriptedLlm

from offhook.engine.failover.health import Candidate, Circuit, HealthBoard, Replaced
from offhook.engine.failover.llm import HedgeBudget, HedgedLlm, HedgePolicy
from offhook.errors import BadOutput, OverQuota, ProviderError, Rejected, Retry, Timeout, Unauthorized, Unavailable
from offhook.ports.llm import Done, LlmRequest, Message, TextDelta, TokenUsage, ToolCall, ToolOffer
from offhook.testing.clock import VIRTUAL_TIME, VirtualTimeLoop

pytestmark = pytest.mark.anyio
REQUEST = LlmRequest((Message("user", "what is the price of a visit"),))


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def hedged(*models: ScriptedLlm, budget: HedgeBudget | None = None, policy: HedgePolicy | None = None) -> HedgedLlm:
    board = HealthBoard()
    llm = HedgedLlm([Candidate(model.spec.id, model, board.of(model.spec.id)) for model in models], budget or HedgeBudget())
    llm.policy = policy or llm.policy
    return llm


async def text(llm: HedgedLlm, request: LlmRequest = REQUEST) -> str:
    return "".join([event.text async for event in llm.stream(request) if isinstance(event, TextDelta)])


def hanging(name: str) -> ScriptedLlm:
    return ScriptedLlm(name, Answer(hang_after=0))


async def test_an_answer_in_good_time_is_passed_on_as_it_is() -> None:
    a, b = ScriptedLlm("llm/a"), ScriptedLlm("llm/b")
    stream = hedged(a, b).stream(REQUEST)
    events = [event async for event in stream]
    assert events == [TextDelta("llm/a:Hello "), TextDelta("there."), TokenUsage(10, 2), Done("stop")]
    assert (stream.by, stream.tried, stream.hedged) == ("llm/a", ["llm/a"], False)
    assert (b.asked, a.running) == ([], 0)


async def test_without_content_in_time_the_next_one_is_asked_beside_it() -> None:
    a, b = hanging("llm/a"), ScriptedLlm("llm/b")
    llm = hedged(a, b)
    replaced: list[Replaced] = []
    llm.replaced = replaced.append
    began = anyio.current_time()
    stream = llm.stream(REQUEST)
    assert await anext(stream) == TextDelta("llm/b:Hello ")
    assert anyio.current_time() - began == pytest.approx(0.7 + 0.2)
    assert a.running == 0
    assert [event async for event in stream][-1] == Done("stop")
    assert (stream.by, stream.hedged) == ("llm/b", True)
    assert (llm.budget.hedges, llm.budget.won) == (1, 1)
    assert llm.budget.wasted_input == len(REQUEST.messages[0].text) // 4
    assert llm.candidates[0].health.report().failed == {"Timeout": 1}
    assert [(one.failed, one.by, one.why) for one in replaced] == [("llm/a", "llm/b", "late")]


async def test_the_first_one_may_still_win() -> None:
    a, b = ScriptedLlm("llm/a", Answer(first=0.8)), ScriptedLlm("llm/b")
    llm = hedged(a, b)
    began = anyio.current_time()
    stream = llm.stream(REQUEST)
    await anext(stream)
    assert stream.by == "llm/a"
    assert anyio.current_time() - began == pytest.approx(0.8)
    assert b.running == 0
    assert llm.candidates[1].health.report().failed == {}
    await stream.aclose()
    assert a.running == 0


async def test_with_one_model_the_same_one_is_asked_again() -> None:
    a = ScriptedLlm("llm/a", Answer(hang_after=0), Answer())
    llm = hedged(a)
    assert await text(llm) == "llm/a:Hello there."
    assert len(a.asked) == 2
    assert a.running == 0


async def test_when_to_ask_twice_is_learnt_and_bounded() -> None:
    a, b = ScriptedLlm("llm/a", Answer(first=0.3)), ScriptedLlm("llm/b")
    llm = hedged(a, b, policy=HedgePolicy(least=0.25, most=0.6), budget=HedgeBudget(share=1.0))
    for _ in range(10):
        await text(llm)
    a.answers = type(a.answers)([Answer(hang_after=0)])
    began = anyio.current_time()
    await text(llm)
    assert b.asked[-1] - began == pytest.approx(0.3)
    for _ in range(200):
        llm.candidates[0].health.measured(9.0)
    began = anyio.current_time()
    await text(llm)
    assert b.asked[-1] - began == pytest.approx(0.6)


async def test_hedges_are_a_bounded_share() -> None:
    a, b = ScriptedLlm("llm/a", Answer(first=0.9)), ScriptedLlm("llm/b", Answer(first=1.0))
    llm = hedged(a, b, budget=HedgeBudget(share=0.1))
    for _ in range(100):
        assert (await text(llm)).startswith("llm/a")
    assert llm.budget.hedges <= 10
    assert len(b.asked) == llm.budget.hedges
    assert llm.budget.denied >= 80
    assert llm.budget.requests == 100


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("x", "500"),
        OverQuota("x", "429", retry=Retry(2.0)),
        Unauthorized("x", "401"),
        Rejected("x", "400"),
        BadOutput("x", "json"),
    ],
)
async def test_a_failure_before_the_first_word_goes_to_the_next_at_once(error: ProviderError) -> None:
    a, b = ScriptedLlm("llm/a", Answer(fail_after=0, error=error)), ScriptedLlm("llm/b")
    llm = hedged(a, b)
    began = anyio.current_time()
    stream = llm.stream(REQUEST)
    assert await anext(stream) == TextDelta("llm/b:Hello ")
    assert anyio.current_time() - began == pytest.approx(0.2)
    assert not stream.hedged
    assert llm.budget.hedges == 0
    await stream.aclose()


async def test_what_will_be_refused_again_is_not_asked_again() -> None:
    a = ScriptedLlm("llm/a", Answer(fail_after=0, error=Unauthorized("llm/a", "no")))
    with pytest.raises(Unauthorized):
        await text(hedged(a))
    assert len(a.asked) == 1
    broken = ScriptedLlm("llm/a", Answer(fail_after=0), Answer())
    assert await text(hedged(broken)) == "llm/a:Hello there."


@pytest.mark.parametrize(
    "empty",
    [Answer(words=()), Answer(words=("  ", "\n")), Answer(why="filtered", words=()), Answer(words=(), cut=True)],
)
async def test_an_answer_without_content_is_none(empty: Answer) -> None:
    a, b = ScriptedLlm("llm/a", empty), ScriptedLlm("llm/b")
    assert await text(hedged(a, b)) == "llm/b:Hello there."
    with pytest.raises(BadOutput):
        await text(hedged(ScriptedLlm("llm/a", empty)))


async def test_a_tool_call_is_content() -> None:
    call = ToolCall("1", "book", "{}")
    a, b = ScriptedLlm("llm/a", Answer(words=("\n",), events=(call,))), ScriptedLlm("llm/b")
    events = [event async for event in hedged(a, b).stream(REQUEST)]
    assert events[:2] == [TextDelta("\n"), call]
    assert b.asked == []


async def test_after_the_first_word_an_error_is_an_error() -> None:
    a, b = ScriptedLlm("llm/a", Answer(fail_after=1)), ScriptedLlm("llm/b")
    llm = hedged(a, b)
    failed: list[ProviderError] = []
    llm.failed = failed.append
    stream = llm.stream(REQUEST)
    assert await anext(stream) == TextDelta("llm/a:Hello ")
    with pytest.raises(Unavailable):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert b.asked == []
    assert [type(error) for error in failed] == [Unavailable]


@pytest.mark.parametrize("answer", [Answer(hang_after=1), Answer(cut=True)])
async def test_a_model_that_stops_in_its_answer_is_no_end(answer: Answer) -> None:
    a = ScriptedLlm("llm/a", answer)
    began = anyio.current_time()
    with pytest.raises(Timeout if answer.hang_after else BadOutput):
        await text(hedged(a, ScriptedLlm("llm/b")))
    assert anyio.current_time() - began <= 0.2 + 2.0 + 0.1
    assert a.running == 0


async def test_when_nobody_begins_the_rules_have_the_turn_in_good_time() -> None:
    a, b = hanging("llm/a"), hanging("llm/b")
    llm = hedged(a, b)
    began = anyio.current_time()
    with pytest.raises(Timeout):
        await text(llm)
    assert anyio.current_time() - began == pytest.approx(1.2)
    assert (a.running, b.running) == (0, 0)
    assert [one.health.report().failed for one in llm.candidates] == [{"Timeout": 1}, {"Timeout": 1}]


async def test_models_that_are_down_cost_no_time() -> None:
    a, b = hanging("llm/a"), hanging("llm/b")
    llm = hedged(a, b, budget=HedgeBudget(share=1.0))
    for _ in range(3):
        with pytest.raises(Timeout):
            await text(llm)
    assert all(one.health.circuit is Circuit.OPEN for one in llm.candidates)
    began = anyio.current_time()
    with pytest.raises(Unavailable):
        await text(llm)
    assert anyio.current_time() == began
    await anyio.sleep(60)
    a.answers = type(a.answers)([Answer()])
    assert await text(llm) == "llm/a:Hello there."
    assert llm.candidates[0].health.circuit is Circuit.CLOSED


async def test_a_request_that_is_given_up_ends_and_says_nothing_about_the_model() -> None:
    for after in (0.1, 0.75, 0.95):
        a, b = hanging("llm/a"), ScriptedLlm("llm/b", Answer(hang_after=1))
        llm = hedged(a, b)
        with anyio.move_on_after(after):
            await text(llm)
        assert (a.running, b.running) == (0, 0)
        if after < 0.9:
            assert all(one.health.report().failed == {} for one in llm.candidates)


async def test_leaving_early_ends_the_request() -> None:
    a = ScriptedLlm("llm/a")
    async with aclosing(hedged(a).stream(REQUEST)) as stream:
        async for _ in stream:
            break
    assert a.running == 0
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_only_models_that_can_do_it_are_asked() -> None:
    plain = ScriptedLlm("llm/plain", tools=False, structured=False)
    able = ScriptedLlm("llm/able")
    offer = ToolOffer("book", "books", {})
    assert await text(hedged(plain, able), LlmRequest(REQUEST.messages, tools=(offer,))) == "llm/able:Hello there."
    assert await text(hedged(plain, able), LlmRequest(REQUEST.messages, schema={"type": "object"})) == "llm/able:Hello there."
    assert await text(hedged(plain), LlmRequest(REQUEST.messages, schema={"type": "object"})) == "llm/plain:Hello there."
    with pytest.raises(Unavailable):
        await text(hedged(plain), LlmRequest(REQUEST.messages, tools=(offer,)))


async def test_another_order_shares_health_and_budget() -> None:
    a, b = ScriptedLlm("llm/a"), ScriptedLlm("llm/b")
    llm = hedged(a, b)
    other = llm.ordered(("llm/b", "llm/nobody"))
    assert await text(other) == "llm/b:Hello there."
    assert other.budget is llm.budget
    assert llm.budget.requests == 1
    await llm.warm()
    assert (a.warmed, b.warmed) == (1, 1)


def estimated() -> int:
    """Input tokens of a request of which its vendor said nothing."""
    return len(REQUEST.messages[0].text) // 4


def told(llm: HedgedLlm) -> tuple[list[TokenUsage], list[str]]:
    """What is heard of requests that were paid for beside the answers, and of who answered."""
    wasted: list[TokenUsage] = []
    served: list[str] = []
    llm.wasted, llm.served = wasted.append, served.append
    return wasted, served


async def test_what_a_second_request_cost_is_told_beside_the_answer() -> None:
    llm = hedged(hanging("llm/a"), ScriptedLlm("llm/b"))
    wasted, served = told(llm)
    await text(llm.ordered(["llm/a", "llm/b"]))
    assert ([(one.input, one.output, one.estimated) for one in wasted], served) == ([(estimated(), 0, True)], ["llm/b"])
    first_wins = hedged(ScriptedLlm("llm/a", Answer(first=0.8)), ScriptedLlm("llm/b"))
    wasted, served = told(first_wins)
    await text(first_wins)
    assert ([one.input for one in wasted], served) == ([estimated()], ["llm/a"])
    assert all(one.health.busy == 0 for one in [*llm.candidates, *first_wins.candidates])


async def test_two_that_begin_at_once_are_both_paid_for() -> None:
    said = Answer(first=0.9, words=("Hello", "there"))
    llm = hedged(ScriptedLlm("llm/a", said), ScriptedLlm("llm/b", Answer(first=0.2)))
    wasted, _ = told(llm)
    await text(llm)
    assert len(wasted) == 1


async def test_an_answer_without_a_second_request_tells_of_nothing_beside_it() -> None:
    llm = hedged(ScriptedLlm("llm/a"), ScriptedLlm("llm/b"))
    wasted, served = told(llm)
    await text(llm)
    async with aclosing(llm.stream(REQUEST)) as stream:
        async for _ in stream:
            break
    assert (wasted, served) == ([], ["llm/a", "llm/a"])  # one that is left early has answered well too


async def test_what_nobody_answered_is_told_but_for_the_one_that_is_counted_as_the_answers() -> None:
    llm = hedged(hanging("llm/a"), hanging("llm/b"))
    wasted, served = told(llm)
    with pytest.raises(Timeout):
        await text(llm)
    assert ([one.input for one in wasted], served) == ([estimated()], [])
    given_up = hedged(hanging("llm/a"), hanging("llm/b"))
    wasted, _ = told(given_up)
    with anyio.move_on_after(1.0):
        await text(given_up)
    assert [one.input for one in wasted] == [estimated()]
    assert all(one.health.busy == 0 for one in [*llm.candidates, *given_up.candidates])


async def test_a_request_that_was_refused_costs_nothing_and_one_that_was_declined_does() -> None:
    refused = hedged(ScriptedLlm("llm/a", Answer(fail_after=0, error=Unauthorized("llm/a", "no"))), ScriptedLlm("llm/b"))
    wasted, served = told(refused)
    await text(refused)
    assert (wasted, served) == ([], ["llm/b"])
    declined = hedged(ScriptedLlm("llm/a", Answer(why="filtered", words=())), ScriptedLlm("llm/b"))
    wasted, served = told(declined)
    await text(declined)
    assert (wasted, served) == ([TokenUsage(10, 0)], ["llm/b"])
    cut = hedged(ScriptedLlm("llm/a", Answer(fail_after=1)))
    wasted, served = told(cut)
    with pytest.raises(Unavailable):
        await text(cut)
    assert (wasted, served) == ([], [])


ANSWERS = st.builds(
    Answer,
    words=st.sampled_from([("One ", "two ", "three"), ("One",), (" ", "One"), ()]),
    first=st.sampled_from([0.0, 0.1, 0.5, 0.69, 0.7, 0.8, 1.19, 1.3]),
    gap=st.sampled_from([0.0, 0.05, 1.9, 2.1]),
    fail_after=st.none() | st.integers(0, 2),
    error=st.sampled_from([None, Unauthorized("x", "no"), OverQuota("x", "no", retry=Retry(1.0)), Rejected("x", "no")]),
    hang_after=st.none() | st.integers(0, 2),
    cut=st.booleans(),
)


@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    schedules=st.lists(st.lists(ANSWERS, min_size=1, max_size=4), min_size=1, max_size=3),
    given_up=st.lists(st.none() | st.floats(0.01, 2.5), min_size=1, max_size=5),
)
def test_whatever_they_do_words_are_one_models_and_in_time(schedules: list[list[Answer]], given_up: list[float | None]) -> None:
    async def scene() -> None:
        models = [ScriptedLlm(f"llm/{number}", *answers) for number, answers in enumerate(schedules)]
        llm = hedged(*models)
        for limit in given_up:
            said: list[str] = []
            began = anyio.current_time()
            first: float | None = None
            with anyio.move_on_after(limit):
                try:
                    async for event in llm.stream(REQUEST):
                        if isinstance(event, TextDelta):
                            said.append(event.text)
                            if event.text.strip() and first is None:
                                first = anyio.current_time() - began
                except ProviderError:
                    if first is None:
                        first = anyio.current_time() - began
                assert first is not None
                assert first <= 1.2 + 1e-6
            whole = "".join(said).strip()
            assert "One three" not in whole
            assert whole.count("llm/") <= 1
            assert whole.count("One") <= 1
            await llm.aclose()
            assert all(model.running == 0 for model in models)
            assert all(one.health.busy == 0 for one in llm.candidates)
        assert llm.budget.hedges <= max(llm.budget.free, llm.budget.requests)

    anyio.run(scene, backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})


async def test_a_generators_own_cleaning_up_is_waited_for() -> None:
    cleaned: list[bool] = []

    class Slow(ScriptedLlm):
        async def stream(self, request: LlmRequest) -> AsyncGenerator[TextDelta | TokenUsage | ToolCall | Done, None]:
            try:
                await anyio.sleep_forever()
                yield TextDelta("never")
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.05)
                cleaned.append(True)

    llm = hedged(Slow("llm/a"), ScriptedLlm("llm/b"))
    assert await text(llm) == "llm/b:Hello there."
    assert cleaned == [True]
