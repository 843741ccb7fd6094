"""What trunks do, by SIPp: keys, races, refusals, hold, refreshed sessions, transfer, registration, calls that we place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr
from tests.scenarios.harness import SCRIPT
from tests.telephony.figures import figure
from tests.telephony.ports import free_port
from tests.telephony.sipline import DID, Phone, Sipp, answering, needs_baresip, needs_sipp, phone, sipp, trunk
from tests.telephony.test_sip_calls import peers

from offhook.contracts.dial import Dial
from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.errors import Refused, TransferFailed

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip]
TWELVE = "0123456789*#"
A_LAW = trunk(codecs=("PCMA",))


class Slow:
    """Plans that take their time, or are refused."""

    def __init__(self, plans: Any, seconds: float = 0.0, refusal: str = "") -> None:
        self._plans = plans
        self._seconds = seconds
        self._refusal = refusal
        self.asked: list[PlanRequest] = []

    async def plan(self, request: PlanRequest) -> CallPlan:
        self.asked.append(request)
        await anyio.sleep(self._seconds)
        if self._refusal:
            raise Refused(f"the orchestrator refused the call: {self._refusal}")
        plan: CallPlan = await self._plans.plan(request)
        return plan


@asynccontextmanager
async def ringing(line: Phone, scenario: str, *words: str, calls: int = 1) -> AsyncIterator[Callable[[], Awaitable[Sipp]]]:
    """SIPp beside the body; awaiting what is given waits for its end."""
    done: list[Sipp] = []
    over = anyio.Event()

    async def run() -> None:
        done.append(await sipp(line.at, scenario, *words, calls=calls, folder=line.folder))
        over.set()

    async def finished() -> Sipp:
        await over.wait()
        return done[0]

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        yield finished


async def live(line: Phone) -> Any:
    """The transport of the one call, once it is live."""
    with anyio.fail_after(150):
        while not line.engine.calls:
            await anyio.sleep(0.02)
    return next(iter(line.engine.calls.values())).transport


async def test_every_key_of_every_call_is_heard(tmp_path: Path) -> None:
    calls = 10
    seen: dict[str, Any] = {}
    async with phone(tmp_path, A_LAW) as line:
        async with ringing(line, "keys.xml", "-r", "5", calls=calls) as finished, anyio.create_task_group() as group:

            async def watch() -> None:
                while True:
                    seen.update({name: call.transport for name, call in line.engine.calls.items()})
                    await anyio.sleep(0.05)

            group.start_soon(watch)
            done = await finished()
            group.cancel_scope.cancel()
        await line.idle()
    assert (done.good, done.bad) == (calls, 0), done.out[-2_000:]
    heard = [one.counters[f"key.{key}"] for one in seen.values() for key in TWELVE]
    assert heard == [1] * (len(TWELVE) * calls)
    figure(f"SIP: {sum(heard)} of {len(TWELVE) * calls} keys heard, each once (RFC 4733)")


async def test_callers_who_give_up_while_it_rings_leave_nothing_behind(tmp_path: Path) -> None:
    calls = 50
    async with phone(tmp_path, A_LAW) as line:
        plans = line.engine.plans
        line.engine.plans = slow = Slow(line.engine.plans, 6.0)  # longer than any caller's patience here, on a busy machine too
        done = await sipp(line.at, "cancel.xml", "-r", "25", calls=calls, folder=tmp_path)
        assert (done.good, done.bad) == (calls, 0), done.out[-2_000:]
        await line.idle(40)
        assert len(slow.asked) == calls
        line.engine.plans = plans
        assert line.engine.failures["MediaLost"] == calls
        assert not line.engine.ended
        again = await sipp(line.at, "call.xml", folder=tmp_path)
        await line.idle()
        assert (again.good, again.bad) == (1, 0)


async def test_callers_who_hang_up_at_once_leave_nothing_behind(tmp_path: Path) -> None:
    calls = 50
    async with phone(tmp_path, A_LAW) as line:
        done = await sipp(line.at, "bye.xml", "-r", "25", calls=calls, folder=tmp_path)
        await line.idle()
        assert (done.good, done.bad) == (calls, 0), done.out[-2_000:]
        assert line.engine.ended["hangup"] + line.engine.failures["MediaLost"] == calls
        assert not line.engine.calls


async def test_what_may_not_ring_is_refused_before_it_is_answered(tmp_path: Path) -> None:
    async with phone(tmp_path, trunk(codecs=("PCMA",), calls=1)) as line:
        unknown = await sipp(line.at, "refused_404.xml", "-s", "+61799999999", folder=tmp_path)
        line.engine.plans = Slow(line.engine.plans, 0.0, "unknown_number")
        no_plan = await sipp(line.at, "refused_404.xml", folder=tmp_path)
        line.engine.plans = Slow(line.engine.plans, 0.0, "limit")
        busy = await sipp(line.at, "refused_486.xml", folder=tmp_path)
        line.engine.admission.draining = True
        draining = await sipp(line.at, "refused_503.xml", folder=tmp_path)
        assert [one.good for one in (unknown, no_plan, busy, draining)] == [1, 1, 1, 1]
        assert (line.count("refused.number"), line.count("refused.full")) == (1, 1)
        await line.idle()
        assert not line.engine.ended


async def test_a_fault_in_our_code_is_one_calls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    async with phone(tmp_path, A_LAW) as line, ringing(line, "keys.xml") as finished:
        await live(line)
        with monkeypatch.context() as patch:
            patch.setattr(line.engine.plans, "plan", broken)
            before = await sipp(line.at, "refused_503.xml", folder=tmp_path)  # the carrier goes elsewhere
        with monkeypatch.context() as patch:
            patch.setattr(line.line._stack, "leg", broken)
            at_once = await sipp(line.at, "refused_503.xml", folder=tmp_path)
        after = await sipp(line.at, "bye.xml", folder=tmp_path)
        assert (before.good, at_once.good, after.good, (await finished()).good) == (1, 1, 1, 1)
        await line.idle()
        assert line.engine.failures["crash sip"] == 2
        assert line.engine.ended["hangup"] == 2


async def test_a_fault_in_one_calls_media_ends_that_call_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with phone(tmp_path, A_LAW) as line, ringing(line, "routed.xml") as broken:
        leg = await live(line)
        beat = type(leg).beat

        def fails(one: Any) -> None:
            if one is leg:
                raise ZeroDivisionError
            beat(one)

        monkeypatch.setattr(type(leg), "beat", fails)
        good = await sipp(line.at, "call.xml", folder=tmp_path)
        assert (good.good, (await broken()).good) == (1, 1)  # its caller is hung up on
        await line.idle()
        assert line.engine.ended == {"hangup": 2}


async def test_no_common_codec_is_refused_by_488(tmp_path: Path) -> None:
    async with phone(tmp_path, trunk(codecs=("G722", "opus"))) as line:
        done = await sipp(line.at, "refused_488.xml", folder=tmp_path)
        assert done.good == 1
        assert line.count("refused.codec") == 1


async def test_plan_request_says_trunk_and_numbers(tmp_path: Path) -> None:
    async with phone(tmp_path, trunk(codecs=("PCMA",), ref="tenant-7")) as line:
        line.engine.plans = slow = Slow(line.engine.plans)
        await sipp(line.at, "bye.xml", folder=tmp_path)
        await line.idle()
        asked = slow.asked[0]
    assert (asked.transport, asked.did, asked.caller) == ("sip", DID, "+61400000001")
    assert (asked.parameters["trunk"], asked.parameters["trunk_ref"]) == ("one", "tenant-7")
    assert asked.parameters["sip_call_id"] == asked.carrier_call


async def test_failure_10_hold_is_answered_with_the_right_directions_and_the_agent_waits(tmp_path: Path) -> None:
    async with phone(tmp_path, trunk(codecs=("PCMU",))) as line, peers(1, tmp_path) as (media, fields):
        async with ringing(line, "hold.xml", "-inf", str(fields)) as finished:
            transport = await live(line)
            done = await finished()
        await line.idle()
        heard = (await media.told())[0]
    assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
    assert transport.counters["holds"] == 2
    assert line.engine.ended == {"hangup": 1}
    assert heard["longest"] > 1.0, "the agent spoke on into the void"
    assert heard["heard_before"] + heard["heard_after"] > 0


async def test_failure_11_a_refreshed_session_is_answered_and_the_call_goes_on(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line:
        done = await sipp(line.at, "refresh.xml", folder=tmp_path)
        await line.idle()
    assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
    assert line.engine.ended == {"hangup": 1}


async def test_failure_11_within_a_call_we_send_by_the_route_that_it_came(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line, ringing(line, "routed.xml") as finished:
        await live(line)
        await anyio.sleep(0.5)
        next(iter(line.engine.calls.values())).stop()
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]


async def test_failure_7_hanging_up_a_call_that_has_gone_is_nothing(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line:
        async with ringing(line, "bye.xml") as finished:
            transport = await live(line)
            done = await finished()
        await line.idle()
        assert done.good == 1
        transport.send(bytes(320))
        transport.clear()
        transport.mark("late")
        await transport.end()
        await transport.end()
        with pytest.raises(TransferFailed):
            await transport.transfer("+61400000002")


async def test_failure_12_a_transfer_that_the_trunk_takes_ends_our_leg(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line, ringing(line, "refer.xml") as finished:
        transport = await live(line)
        await transport.transfer("+61400000002")
        await transport.end()
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]


async def test_failure_12_a_transfer_that_the_trunk_declines_leaves_the_call_alive(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line, ringing(line, "refer_603.xml") as finished:
        transport = await live(line)
        with pytest.raises(TransferFailed, match="603"):
            await transport.transfer("+61400000002")
        assert not transport.over
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]


async def test_nobody_has_us_call_elsewhere(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line:
        done = await sipp(line.at, "refers.xml", folder=tmp_path)
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        assert line.count("refused.refer") == 1
        assert line.count("out.invite") == 0


@asynccontextmanager
async def beyond(folder: Path, scenario: str, *words: str) -> AsyncIterator[tuple[int, Callable[[], Awaitable[Sipp]]]]:
    """SIPp as the other side, on a port."""
    port = free_port()
    async with answering(folder, scenario, port, *words) as finished:
        yield port, finished


async def test_a_trunk_that_asks_for_digest_is_registered_with(tmp_path: Path) -> None:
    async with beyond(tmp_path, "registrar.xml") as (port, finished):
        ours = trunk(auth="register", host=f"127.0.0.1:{port}", user="tenant-1", password=SecretStr("se cret;1"), sources=())
        async with phone(tmp_path, ours) as line:
            done = await finished()
            with anyio.fail_after(150):
                while not line.line.logins.registered.get("one"):
                    await anyio.sleep(0.02)
            assert line.line.health()["registered"] == {"one": True}
    assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
    assert "se cret" not in str(line.line.health())


async def placed(line: Phone, **changes: Any) -> tuple[str, str, int]:
    """Place a call and wait for its end: how that was told."""
    asked = Dial(**{"trunk": "one", "to": "+61400000009", "caller_id": DID, "key": "k1", "token": "t-1", **changes})
    await line.line.place(asked)
    again = await line.line.place(asked)
    assert again.key == asked.key
    with anyio.fail_after(150):
        while (now := line.line.placed.get(asked.key)) is not None and now.state in {"ringing", "answered"}:
            await anyio.sleep(0.02)
    assert now is not None
    return now.state, now.why, now.status


async def test_failure_13_a_placed_call_is_taken_when_it_is_answered_and_once(tmp_path: Path) -> None:
    async with beyond(tmp_path, "answers.xml") as (port, finished), phone(tmp_path, trunk(host=f"127.0.0.1:{port}")) as line:
        line.engine.plans = slow = Slow(line.engine.plans)
        assert await placed(line) == ("ended", "", 0)
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        assert [(one.token, one.did, one.caller) for one in slow.asked] == [("t-1", DID, "+61400000009")]
        assert line.count("out.invite") == 1


@pytest.mark.parametrize(("scenario", "told"), [("busy.xml", ("failed", "busy", 486)), ("silent.xml", ("failed", "no_answer", 0))])
async def test_failure_13_a_placed_call_that_nobody_takes_leaves_no_place_taken(
    scenario: str, told: tuple[str, str, int], tmp_path: Path
) -> None:
    async with beyond(tmp_path, scenario) as (port, finished), phone(tmp_path, trunk(host=f"127.0.0.1:{port}")) as line:
        assert await placed(line, timeout_s=1.5 if scenario == "silent.xml" else 30) == told
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        assert line.engine.admission.active == 0


async def test_failure_14_a_caller_without_media_is_greeted_all_the_same(tmp_path: Path) -> None:
    plan = {"script": SCRIPT, "record": False, "turn": {"idle_ms": 1_500, "idle_prompts": 1}}
    async with phone(tmp_path, A_LAW, plan=plan) as line, ringing(line, "routed.xml") as finished:
        await live(line)
        done = await finished()  # the agent says goodbye to somebody of whom nothing is heard
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        assert sum(line.engine.ended.values()) == 1


async def test_a_caller_is_put_on_hold_and_taken_back(tmp_path: Path) -> None:
    async with phone(tmp_path, A_LAW) as line, ringing(line, "held.xml") as finished:
        transport = await live(line)
        await settled(line)
        await transport.hold(on=True)
        await anyio.sleep(1)
        await transport.hold(on=False)
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]


async def settled(line: Phone) -> None:
    """Until the stack's own offer after its answer has been told no."""
    with anyio.fail_after(150):
        while not line.count("absorbed"):
            await anyio.sleep(0.02)
    await anyio.sleep(0.3)


async def test_who_was_to_be_rung_no_more_before_the_engine_was_asked_for_it_is_not_rung(tmp_path: Path) -> None:
    async with phone(tmp_path, trunk(host="127.0.0.1:9")) as line:
        stopped = await line.line.cancel("k1")
        assert (stopped.state, stopped.why) == ("failed", "cancelled")
        assert await placed(line) == ("failed", "cancelled", 0)
        assert line.count("out.invite") == 0
