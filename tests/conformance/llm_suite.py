"""What every language model must do. Inherit ``LlmSuite`` and say which vendor's double and which model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import anyio
import pytest

from offhook import registry
from offhook.errors import BadOutput, OverQuota, ProviderError, Rejected, Timeout, Unauthorized, Unavailable
from offhook.inference import InferencePool
from offhook.ports.llm import Done, Llm, LlmEvent, LlmRequest, Message, TextDelta, TokenUsage, ToolCall, ToolOffer
from offhook.providers.llm._stream import Deadlines, StreamedLlm
from offhook.testing.vendors._brain import Asked, Call, Reply
from offhook.testing.vendors.server import Door, Fault, Received, Scenario, Vendors
from offhook.weights import ModelStore

HANG_S = 60.0
PATIENT = Deadlines(first=HANG_S, gap=HANG_S / 2, total=HANG_S)
"""How fast this machine is says nothing of a vendor."""
"""Real seconds after which a test that hangs has failed."""
HELLO = LlmRequest((Message("system", "You answer the telephone."), Message("user", "hello")))
BOOK = ToolOffer("book", "Book a visit", {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]})
LOOK = ToolOffer("look", "Look for free times", {"type": "object", "properties": {"day": {"type": "string"}}})
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "acts": {"type": "array", "items": {"$ref": "#/$defs/act"}, "maxItems": 3},
        "say": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["acts", "say"],
    "$defs": {
        "act": {
            "type": "object",
            "properties": {"kind": {"enum": ["set", "affirm"]}, "sure": {"type": "boolean"}, "count": {"type": "integer", "maximum": 9}},
            "required": ["kind", "sure", "count"],
        }
    },
}
WILD = "Grüße, 你好, नमस्ते — ‘yes’ 👩🏽‍🚒 \u2028 ok"


@dataclass
class Line:
    """A model and the double behind it."""

    vendors: Vendors
    llm: StreamedLlm
    vendor: str

    def requests(self) -> list[Received]:
        """POSTs that the double had."""
        return [one for one in self.vendors.sent(self.vendor, "http") if one.data]

    @property
    def body(self) -> dict[str, Any]:
        """The last one's."""
        found: dict[str, Any] = self.requests()[-1].json
        return found

    async def gone(self) -> None:
        """Until the double has seen a client leave in mid-answer."""
        while not self.vendors.sent(self.vendor, "gone"):
            await anyio.lowlevel.checkpoint()


async def events(llm: StreamedLlm, request: LlmRequest = HELLO) -> list[LlmEvent]:
    return [one async for one in llm.stream(request)]


async def collect(llm: StreamedLlm, found: list[LlmEvent], request: LlmRequest = HELLO) -> None:
    """What came before the error is in ``found`` too."""
    async for one in llm.stream(request):
        found.append(one)  # noqa: PERF401


def text(found: list[LlmEvent]) -> str:
    return "".join(one.text for one in found if isinstance(one, TextDelta))


def of(found: list[LlmEvent], kind: type) -> list[Any]:
    return [one for one in found if isinstance(one, kind)]


class LlmSuite:
    vendor: ClassVar[str]
    model: ClassVar[str]
    """A name for the registry."""
    schema_in: ClassVar[str] = "response_format"
    droppable: ClassVar[str] = "temperature"
    keyed: ClassVar[bool] = True
    env: ClassVar[dict[str, str]] = {}

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @asynccontextmanager
    async def line(self, scenario: Scenario | None = None, deadlines: Deadlines | None = None, **env: str) -> AsyncIterator[Line]:
        with anyio.fail_after(HANG_S):
            async with Vendors() as vendors, InferencePool(1) as pool:
                vendors.scenario(self.vendor, scenario or Scenario())
                context = registry.ProviderContext(pool, ModelStore(), vendors.env() | self.env | env)
                llm = cast("StreamedLlm", registry.load("llm", self.model, context))
                llm.deadlines = deadlines or PATIENT
                try:
                    yield Line(vendors, llm, self.vendor)
                finally:
                    await llm.aclose()

    def reply(self, reply: Any, **options: Any) -> Scenario:
        return Scenario(options={"reply": reply, **options})

    # -- what is answered

    async def test_text_comes_in_pieces_then_usage_then_done_once(self) -> None:
        async with self.line(self.reply("Sure, Tuesday at ten it is.")) as line:
            found = await events(line.llm)
            assert line.requests()[-1].headers["accept-encoding"] == "identity", "a compressed stream comes late"
        assert text(found) == "Sure, Tuesday at ten it is."
        assert len(of(found, TextDelta)) > 3
        assert [type(one) for one in found[-2:]] == [TokenUsage, Done]
        assert found[-1] == Done("stop")
        assert len(of(found, Done)) == len(of(found, TokenUsage)) == 1

    async def test_characters_cut_over_reads_are_whole_again(self) -> None:
        async with self.line(self.reply(WILD, split=1)) as line:
            assert text(await events(line.llm)) == WILD

    async def test_halves_of_a_character_in_two_deltas_are_joined(self) -> None:
        reply = Reply("", pieces=("ok \ud83d", "\ude00 yes", " \ud83d"))
        async with self.line(self.reply(reply)) as line:
            assert text(await events(line.llm)) == "ok 😀 yes \ufffd"

    async def test_a_caller_whose_text_has_half_a_character_is_served(self) -> None:
        async with self.line() as line:
            assert text(await events(line.llm, LlmRequest((Message("user", "hi \ud83d"),))))

    async def test_crlf_comments_and_a_missing_last_word_are_normal(self) -> None:
        async with self.line(self.reply("Yes.", crlf=True, comments=3, done=False)) as line:
            found = await events(line.llm)
        assert text(found) == "Yes."
        assert found[-1] == Done("stop")

    @pytest.mark.parametrize(("why", "done"), [("stop", "stop"), ("length", "length"), ("filtered", "filtered")])
    async def test_the_reason_of_the_end_is_in_our_words(self, why: Any, done: str) -> None:
        async with self.line(self.reply(Reply("Well", why=why))) as line:
            assert (await events(line.llm))[-1] == Done(cast("Any", done))

    @pytest.mark.parametrize("said", ["", "   "])
    async def test_an_answer_of_nothing_ends_as_others(self, said: str) -> None:
        async with self.line(self.reply(said)) as line:
            found = await events(line.llm)
        assert text(found).strip() == ""
        assert found[-1] == Done("stop")

    async def test_an_answer_bound_to_a_schema_obeys_it(self) -> None:
        async with self.line() as line:
            assert line.llm.spec.structured
            found = await events(line.llm, replace(HELLO, schema=SCHEMA))
            assert line.body[self.schema_in]
        answer = json.loads(text(found))
        assert set(answer) == {"acts", "say"}
        assert all(set(act) == {"kind", "sure", "count"} for act in answer["acts"])

    # -- tools

    async def test_calls_are_whole_whatever_the_pieces(self) -> None:
        reply = Reply("One moment.", (Call("book", '{"day":"Freitag 👍"}'), Call("look", '{"day":"Monday"}')))
        async with self.line(self.reply(reply, fragment=1, split=3, interleaved=True)) as line:
            found = await events(line.llm, replace(HELLO, tools=(BOOK, LOOK)))
        calls = of(found, ToolCall)
        assert text(found) == "One moment."
        assert [(one.name, one.arguments) for one in calls] == [("book", '{"day":"Freitag 👍"}'), ("look", '{"day":"Monday"}')]
        assert len({one.id for one in calls}) == 2
        assert all(one.id for one in calls)
        assert found[-1] == Done("tools")

    @pytest.mark.parametrize("arguments", ["", '{"day": ', "[1, 2]"])
    async def test_wrong_arguments_are_given_as_they_came(self, arguments: str) -> None:
        async with self.line(self.reply(Reply("", (Call("book", arguments),)))) as line:
            [call] = of(await events(line.llm, replace(HELLO, tools=(BOOK,))), ToolCall)
        assert call.arguments == (arguments or "{}")

    async def test_a_call_cut_by_the_limit_is_none(self) -> None:
        reply = Reply("", (Call("look", "{}"), Call("book", '{"da')), why="length")
        async with self.line(self.reply(reply)) as line:
            found = await events(line.llm, replace(HELLO, tools=(BOOK, LOOK)))
        assert [one.name for one in of(found, ToolCall)] == ["look"]
        assert found[-1] == Done("length")

    async def test_a_history_as_heard_is_one_that_the_vendor_takes(self) -> None:
        """The agent spoke first, a result came late, one is not there yet, a call was forgotten, nobody has answered."""
        history = (
            Message("system", "You answer the telephone."),
            Message("assistant", "Hello, Bright Roofs."),
            Message("user", "A leak."),
            Message("user", "In the kitchen."),
            Message("assistant", "", (ToolCall("a", "look", '{"day": "Monday"}'), ToolCall("b", "book", "no JSON"))),
            Message("user", "Are you there?"),
            Message("assistant", "Still looking."),
            Message("tool", "Monday at ten is free.", call="a"),
            Message("tool", "What was forgotten.", call="z"),
            Message("assistant", "Monday at ten?"),
        )
        async with self.line() as line:
            assert text(await events(line.llm, LlmRequest(history, tools=(BOOK, LOOK), stable=1)))
            assert len(line.requests()) == 1
            sent = json.dumps(line.body)
        for words in ("Monday at ten is free.", "What was forgotten.", "Hello, Bright Roofs.", "In the kitchen.", "no result yet"):
            assert words in sent

    # -- usage

    async def test_usage_tells_what_came_from_the_cache(self) -> None:
        long = replace(HELLO, messages=(Message("system", "A rule. " * 1_000), HELLO.messages[1]), stable=1, cache_key="tenant:agent:3")
        async with self.line(self.reply("Yes, of course.")) as line:
            [first] = of(await events(line.llm, long), TokenUsage)
            [second] = of(await events(line.llm, long), TokenUsage)
        assert not first.estimated
        assert first.cached == 0
        assert first.output == 3
        assert second.input == first.input >= second.cached > 1_900

    async def test_usage_is_estimated_where_the_vendor_says_nothing(self) -> None:
        async with self.line(self.reply("Four words and more.", usage=False)) as line:
            [usage] = of(await events(line.llm), TokenUsage)
        assert usage.estimated
        assert 3 <= usage.output <= 6
        assert usage.input > 5

    @pytest.mark.parametrize(
        "options", [{"finish": False, "done": False, "usage": False}, {"inside": {"type": "overloaded_error", "message": "no"}}]
    )
    async def test_a_cut_answer_has_used_what_it_said_and_is_an_error(self, options: dict[str, Any]) -> None:
        found: list[LlmEvent] = []
        async with self.line(self.reply("One two three.", **options)) as line:
            with pytest.raises(Unavailable) as caught:
                await collect(line.llm, found)
        assert caught.value.retry
        assert text(found) in {"One two three.", "One"}
        assert isinstance(found[-1], TokenUsage)
        assert found[-1].estimated
        assert found[-1].output > 0
        assert of(found, TokenUsage) == found[-1:]
        assert not of(found, Done)

    # -- what goes wrong

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, Rejected), (401, Unauthorized), (402, OverQuota), (403, Unauthorized), (404, Rejected), (413, Rejected), (429, OverQuota),
            (500, Unavailable), (503, Unavailable), (504, Timeout), (529, Unavailable),
        ],
    )  # fmt: skip
    async def test_an_answer_that_is_none_is_its_error_without_another_try(self, status: int, error: type[ProviderError]) -> None:
        door = Door("status", status=status, headers={"retry-after": "7"}, body='{"error": {"message": "no", "type": "x"}}')
        async with self.line(Scenario(door=door)) as line:
            with pytest.raises(error) as caught:
                await events(line.llm)
            assert len(line.requests()) == 1
        assert type(caught.value) is error
        assert caught.value.provider == line.llm.spec.id
        if status == 429:
            assert caught.value.retry.after == 7.0

    async def test_a_used_up_quota_is_not_tried_again(self) -> None:
        door = Door("status", status=429, body='{"error": {"code": "insufficient_quota", "message": "no"}}')
        async with self.line(Scenario(door=door)) as line:
            with pytest.raises(OverQuota) as caught:
                await events(line.llm)
        assert not caught.value.retry

    @pytest.mark.parametrize(("kind", "error"), [("reset", Unavailable), ("hang", Timeout)])
    async def test_a_door_that_does_not_open(self, kind: Any, error: type[ProviderError]) -> None:
        async with self.line(Scenario(door=Door(kind)), Deadlines(first=0.05) if kind == "hang" else None) as line:
            with pytest.raises(error):
                await events(line.llm)

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            ("close", Unavailable), ("reset", Unavailable), ("end", Unavailable), ("half", Unavailable), ("stall", Timeout),
            ("not_utf8", BadOutput), ("not_json", BadOutput),
        ],
    )  # fmt: skip
    async def test_a_break_in_the_answer_is_its_error_and_the_next_request_is_well(self, kind: Any, error: type[ProviderError]) -> None:
        faults = (Fault(kind, at=3, seconds=HANG_S),)
        scenario = Scenario(options={"reply": "One two three four five."}, faults=faults, faulty=1)
        async with self.line(scenario, Deadlines(first=HANG_S, gap=0.05) if kind == "stall" else None) as line:
            found: list[LlmEvent] = []
            with pytest.raises(error):
                await collect(line.llm, found)
            assert isinstance(found[-1], TokenUsage)
            line.llm.deadlines = PATIENT
            assert text(await events(line.llm)) == "One two three four five."

    @pytest.mark.parametrize("kind", ["unknown", "unknown_field", "huge"])
    async def test_what_nobody_knows_is_passed_over_and_counted(self, kind: Any) -> None:
        async with self.line(Scenario(options={"reply": "One two three."}, faults=(Fault(kind, at=3),))) as line:
            found = await events(line.llm)
            assert text(found) == "One two three."
            assert line.llm.ignored.total() == (kind != "unknown_field")

    @pytest.mark.parametrize("kind", ["twice", "swap", "skip"])
    @pytest.mark.parametrize("at", range(9))
    async def test_messages_lost_doubled_or_out_of_order_end_in_order(self, kind: Any, at: int) -> None:
        reply = Reply("One two.", (Call("book", '{"day":1}'),))
        async with self.line(Scenario(options={"reply": reply}, faults=(Fault(kind, at=at),))) as line:
            found: list[LlmEvent] = []
            try:
                await collect(line.llm, found, replace(HELLO, tools=(BOOK,)))
            except ProviderError:
                assert isinstance(found[-1], TokenUsage)
            else:
                assert isinstance(found[-1], Done)
                assert isinstance(found[-2], TokenUsage)

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            ("rate_limit_error", OverQuota), ("overloaded_error", Unavailable), ("authentication_error", Unauthorized),
            ("invalid_request_error", Rejected), ("something_new", Unavailable),
        ],
    )  # fmt: skip
    async def test_an_error_inside_a_good_stream_is_its_error(self, kind: str, error: type[ProviderError]) -> None:
        async with self.line(self.reply("One two.", inside={"type": kind, "message": "no"})) as line:
            with pytest.raises(error):
                await events(line.llm)

    async def test_a_wrong_key_is_said_and_never_shown(self) -> None:
        key = "sk-secret-of-somebody"
        async with self.line(None, None, **{f"{self.vendor.upper()}_API_KEY": key}) as line:
            if key in repr(vars(line.llm.spec) if hasattr(line.llm.spec, "__dict__") else line.llm.spec) + repr(line.llm):
                pytest.fail("the key is shown")
            if not self.keyed:
                pytest.skip("this server takes any key")
            with pytest.raises(Unauthorized) as caught:
                await events(line.llm)
        error = caught.value
        assert not error.retry
        assert key not in repr(error) + str(error) + error.public + error.detail + repr(error.__cause__) + repr(vars(error))

    async def test_an_unknown_model_is_refused(self) -> None:
        async with self.line(Scenario(options={"models": "another$"})) as line:
            with pytest.raises(Rejected):
                await events(line.llm)

    # -- parameters that a model does not take

    async def test_a_parameter_that_is_refused_is_left_out_from_then_on(self) -> None:
        request = replace(HELLO, temperature=0.3)
        async with self.line(Scenario(options={"refuse": {self.droppable: "unknown"}})) as line:
            assert text(await events(line.llm, request))
            assert len(line.requests()) == 2
            assert text(await events(line.llm, request))
            assert len(line.requests()) == 3
            assert self.droppable not in line.body
            assert self.droppable in line.llm.refused

    async def test_a_model_without_schemas_says_so_from_then_on(self) -> None:
        async with self.line(self.reply("Plain words.", refuse={self.schema_in: "unsupported"})) as line:
            assert text(await events(line.llm, replace(HELLO, schema=SCHEMA))) == "Plain words."
            assert not line.llm.spec.structured

    async def test_a_wrong_schema_is_refused_and_not_forgotten(self) -> None:
        """Nor is a model taken for one that knows no schemas."""
        wrong: dict[str, Any] = {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": True}}
        async with self.line() as line:
            with pytest.raises(Rejected):
                await events(line.llm, replace(HELLO, schema=wrong))
            assert len(line.requests()) == 1
            assert line.llm.spec.structured

    # -- connections

    async def test_a_connection_is_used_again_and_again(self) -> None:
        async with self.line() as line:
            for _ in range(5):
                await events(line.llm)
            assert line.vendors.accepted == 1

    async def test_warming_opens_what_the_first_request_uses(self) -> None:
        async with self.line() as line:
            await line.llm.warm()
            assert line.vendors.accepted == 1
            assert not line.requests()
            await events(line.llm)
            assert line.vendors.accepted == 1

    async def test_warming_never_raises(self) -> None:
        async with self.line(Scenario(door=Door("reset"))) as line:
            await line.llm.warm()
        await line.llm.warm()

    async def test_a_cancelled_answer_leaves_at_once_and_poisons_nothing(self) -> None:
        async with self.line(self.reply("One two three four.", rate=0.1)) as line:
            await line.llm.warm()
            async with anyio.create_task_group() as group:
                first = anyio.Event()

                async def read() -> None:
                    async for _ in line.llm.stream(HELLO):
                        first.set()

                group.start_soon(read)
                await first.wait()
                group.cancel_scope.cancel()
            await line.gone()
            line.vendors.scenario(self.vendor, self.reply("Fresh."))
            assert text(await events(line.llm)) == "Fresh."
            assert line.vendors.accepted == 2
            assert text(await events(line.llm)) == "Fresh."
            assert line.vendors.accepted == 2

    async def test_an_answer_left_and_closed_is_dropped_at_once(self) -> None:
        async with self.line(self.reply("One two three four.", rate=0.1)) as line:
            async with aclosing(line.llm.stream(HELLO)) as stream:
                async for one in stream:
                    assert one == TextDelta("One")
                    break
            await line.gone()
            line.vendors.scenario(self.vendor, self.reply("Fresh."))
            assert text(await events(line.llm)) == "Fresh."
            assert line.vendors.accepted == 2

    async def test_a_request_cancelled_before_its_answer_is_dropped_too(self) -> None:
        async with self.line(self.reply("Never.", first_token=HANG_S)) as line:
            async with anyio.create_task_group() as group:
                group.start_soon(events, line.llm)
                while not line.requests():
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            await line.gone()
            line.vendors.scenario(self.vendor, self.reply("Fresh."))
            assert text(await events(line.llm)) == "Fresh."

    async def test_an_answer_that_is_said_to_be_whole_is_done_whatever_the_connection_does(self) -> None:
        async with self.line(self.reply("Yes.", linger=2 * HANG_S)) as line:
            assert (await events(line.llm))[-1] == Done("stop")

    async def test_fifty_at_once_are_not_mixed_up(self) -> None:
        def echo(asked: Asked) -> str:
            said = asked.body["messages"][-1]["content"]
            return f"You said {said if isinstance(said, str) else said[0]['text']}."

        async with self.line(self.reply(echo, split=40)) as line:
            found: dict[int, str] = {}

            async def ask(number: int) -> None:
                found[number] = text(await events(line.llm, LlmRequest((Message("user", f"number {number}"),))))

            async with anyio.create_task_group() as group:
                for number in range(50):
                    group.start_soon(ask, number)
            assert line.vendors.accepted == 50
        assert found == {number: f"You said number {number}." for number in range(50)}

    async def test_once_closed_it_says_so(self) -> None:
        async with self.line() as line:
            llm: Llm = line.llm
            await llm.aclose()
            await llm.aclose()
            await llm.warm()
            assert line.vendors.accepted == 0
            with pytest.raises(Unavailable):
                await events(line.llm)
