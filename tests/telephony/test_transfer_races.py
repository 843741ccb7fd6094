"""Callers put through at a carrier: who is rung, who takes the call, and every race that ends with one bridge or none."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tests.e2e.business import DID
from tests.telephony.exchanges import KINDS
from tests.telephony.figures import figure
from tests.telephony.switchboard import KIM, LEE, SAM, Board, answers, on_a_board

from offhook.orchestrator.tolls.schemas import TollLimits
from offhook.testing.carriers.exchange import Person

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
TARGETS: dict[str, Any] = {
    "office": {"number": SAM, "people": [{"name": "Kim", "number": KIM}], "ring_s": 20},
    "on_call": {"number": LEE, "order": 1, "ring_s": 20},
    "counter": {"number": SAM, "announce": False},
}


@on_a_board(TARGETS)
async def test_field_11_a_person_hears_who_rings_and_why_and_takes_the_call_by_a_key(board: Board) -> None:
    board.carrier.people[SAM] = answers("1")
    caller = await board.ring()
    begun = await board.begin(name="Ann Lee", words="my boiler leaks badly", values={"problem": {"raw": "a leaking boiler"}})
    done = await board.until(begun, "done")
    await board.bridged(SAM)
    sam = await board.carrier.leg_to(SAM)
    assert [one.outcome for one in done.tried] == ["accepted"]
    assert sam.heard[0] == (
        "say: A call for Harbour Plumbing from Ann Lee, number 4 4 7 7 0 0 9 0 0 1 2 3."
        " It is about: a leaking boiler. They said: my boiler leaks badly."
    )
    assert "press 1" in sam.heard[1]
    assert sam.from_ == DID
    # Their talk ends with whoever leaves first, and so do both legs.
    board.carrier.hang_up(caller)
    await sam.over.wait()
    assert sam.status == "completed"


@on_a_board(TARGETS)
async def test_the_call_is_over_for_both_when_the_person_hangs_up(board: Board) -> None:
    board.carrier.people[SAM] = answers("speech: yes please")
    caller = await board.ring()
    await board.until(await board.begin(), "done")
    await board.bridged(SAM)
    board.carrier.hang_up(await board.carrier.leg_to(SAM))
    await caller.over.wait()
    assert not any(line.startswith("say: We are sorry") for line in caller.heard)


@pytest.mark.parametrize(
    ("sam", "outcome"),
    [
        (Person("busy"), "busy"),
        (Person("no-answer"), "no_answer"),
        (Person("failed"), "failed"),
        (answers("2"), "refused"),
        (answers("speech: no not now"), "refused"),
        (answers(None), "unaccepted"),
    ],
)
@on_a_board(TARGETS)
async def test_who_does_not_take_the_call_is_followed_by_the_next(board: Board, sam: Person, outcome: str) -> None:
    board.carrier.people |= {SAM: sam, KIM: answers("1")}
    await board.ring()
    done = await board.until(await board.begin(), "done")
    assert [(one.name, one.outcome) for one in done.tried] == [("office", outcome), ("Kim", "accepted")]
    await board.bridged(KIM)
    assert board.rung(SAM) == board.rung(KIM) == 1


@on_a_board(TARGETS)
async def test_nobody_takes_the_call_and_the_caller_is_where_they_were(board: Board) -> None:
    board.carrier.people |= {SAM: Person("busy"), KIM: answers(None), LEE: answers("2")}
    caller = await board.ring()
    failed = await board.until(await board.begin(), "failed")
    assert failed.reason == "nobody"
    assert [one.outcome for one in failed.tried] == ["busy", "unaccepted", "refused"]
    assert caller.alive
    assert board.together() == []
    assert len(board.media) == 1


@on_a_board(TARGETS)
async def test_without_an_announcement_whoever_answers_has_the_caller(board: Board) -> None:
    board.carrier.people[SAM] = answers()
    await board.ring()
    done = await board.until(await board.begin(target="counter"), "done")
    assert [one.outcome for one in done.tried] == ["accepted"]
    await board.bridged(SAM)
    assert (await board.carrier.leg_to(SAM)).heard == []


@on_a_board(TARGETS)
async def test_the_same_key_is_the_same_transfer(board: Board) -> None:
    board.carrier.people[SAM] = answers("1")
    await board.ring()
    first, again = await board.begin(), await board.begin()
    assert first.id == again.id
    done = await board.until(first, "done")
    assert (await board.begin()).state == "done"
    assert board.rung(SAM) == 1
    assert (await board.turn(done, cancel=True)).state == "done"


@on_a_board(TARGETS)
async def test_a_caller_who_takes_it_back_while_a_telephone_rings(board: Board) -> None:
    rings = anyio.Event()
    board.carrier.people[SAM] = answers("1", rings=rings)
    caller = await board.ring()
    ringing = await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    assert (await board.turn(ringing, cancel=True)).state == "cancelled"
    sam = next(one for one in board.carrier.calls.values() if one.to == SAM)
    await sam.over.wait()
    rings.set()
    assert sam.status == "canceled"
    assert caller.alive
    assert board.together() == []


@on_a_board(TARGETS)
async def test_a_caller_who_hangs_up_while_a_telephone_rings(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=anyio.Event())
    caller = await board.ring()
    known = await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    board.carrier.hang_up(caller)
    assert (await board.turn(known, cancel=True)).state == "cancelled"
    sam = next(one for one in board.carrier.calls.values() if one.to == SAM)
    await sam.over.wait()
    assert board.together() == []


@on_a_board(TARGETS)
async def test_an_engine_that_dies_leaves_nobody_ringing(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=anyio.Event())
    await board.ring()
    await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    board.media[0].set()  # the socket breaks: the carrier asks what follows, and no engine asks for news
    sam = next(one for one in board.carrier.calls.values() if one.to == SAM)
    await sam.over.wait()
    [(state,)] = await board.house.look("select state from transfer")
    assert state == "cancelled"


@pytest.mark.parametrize("kind", KINDS)
@on_a_board(TARGETS)
async def test_a_caller_who_is_gone_when_the_person_says_yes(board: Board, kind: str) -> None:
    board.carrier.people[SAM] = answers("1", rings=(rings := anyio.Event()))
    caller = await board.ring()
    known = await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    board.carrier.hang_up(caller)
    rings.set()
    failed = await board.until(known, "failed")
    assert failed.reason == "gone"
    sam = await board.carrier.leg_to(SAM)
    await sam.over.wait()
    assert any("could not be put through" in line for line in sam.heard)
    assert board.together() == []


@on_a_board(TARGETS)
async def test_the_carrier_will_not_move_the_caller_and_they_stay(board: Board) -> None:
    board.carrier.people[SAM] = answers("1")
    board.wire.fail["people%2Fharbour"] = 0
    caller = await board.ring()
    begun = await board.begin()
    board.wire.fail["caller"] = 99
    failed = await board.until(begun, "failed")
    assert failed.reason == "late"
    sam = await board.carrier.leg_to(SAM)
    await sam.over.wait()
    assert any("could not be put through" in line for line in sam.heard)
    assert caller.alive
    assert not caller.conference
    assert board.together() == []


@on_a_board(TARGETS)
async def test_a_lost_answer_to_the_move_is_found_out_by_where_the_caller_is(board: Board) -> None:
    board.carrier.people[SAM] = answers("1")
    board.wire.lose["caller"] = 99
    await board.ring()
    done = await board.until(await board.begin(), "done")
    await board.bridged(SAM)
    assert done.tried[-1].outcome == "accepted"


@on_a_board(TARGETS)
async def test_a_lost_answer_to_the_placing_rings_once(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=(rings := anyio.Event()))
    board.wire.lose[SAM[1:]] = 1
    await board.ring()
    known = await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    board.later(5)
    known = await board.turn(known)
    rings.set()
    await board.until(known, "done")
    await board.bridged(SAM)
    assert board.rung(SAM) == 1


@on_a_board(TARGETS)
async def test_a_person_who_is_late_finds_the_call_taken_by_the_next(board: Board) -> None:
    late = anyio.Event()
    board.carrier.people |= {SAM: answers("1", rings=late), KIM: answers("1")}
    board.wire.fail["Status=completed"] = 99  # and the carrier does not hang up on them
    await board.ring()
    known = await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    board.later(31)
    done = await board.until(known, "done")
    assert [(one.name, one.outcome) for one in done.tried] == [("office", "no_answer"), ("Kim", "accepted")]
    await board.bridged(KIM)
    late.set()
    sam = await board.carrier.leg_to(SAM)
    await sam.over.wait()
    assert any("not waiting any longer" in line for line in sam.heard)
    assert board.together() == [{"caller", KIM}]


@on_a_board(TARGETS)
async def test_a_call_that_was_taken_back_cannot_be_taken(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=(rings := anyio.Event()))
    board.wire.fail["Status=completed"] = 99
    caller = await board.ring()
    known = await board.until(await board.begin(), tried="ringing")
    await board.carrier.until(lambda: board.rung(SAM))
    assert (await board.turn(known, cancel=True)).state == "cancelled"
    rings.set()
    sam = await board.carrier.leg_to(SAM)
    await sam.over.wait()
    assert board.together() == []
    assert caller.alive


@on_a_board(TARGETS)
async def test_taken_and_taken_back_at_once_is_one_of_the_two(board: Board) -> None:
    figures = {"done": 0, "cancelled": 0}
    for number in range(8):
        call = f"c{number}"
        board.carrier.people[SAM] = answers("1", rings=(rings := anyio.Event()))
        caller = await board.ring(call)
        known = await board.begin(call, key=f"k{number}")
        count = board.rung(SAM)
        while not known.tried or board.rung(SAM) == count:
            known = await board.turn(known, call=call)
        async with anyio.create_task_group() as group:
            rings.set()

            async def take_back(known: Any = known, call: str = call, number: int = number) -> None:
                for _ in range(number * 4):
                    await anyio.lowlevel.checkpoint()
                known = await board.turn(known, cancel=True, call=call)
                figures[known.state] += 1

            group.start_soon(take_back)
        [(state,)] = await board.house.look("select state from transfer where call_id = :call", call=call)
        if state == "done":
            await board.carrier.until(lambda caller=caller: caller.conference)  # type: ignore[misc]
        else:
            assert not caller.conference
            assert caller.alive
        board.carrier.hang_up(caller)
        await caller.over.wait()
    assert sum(figures.values()) == 8
    figure(f"a transfer taken and taken back at once, 8 times: {figures['done']} bridged, {figures['cancelled']} not, none both")


@on_a_board(TARGETS)
async def test_webhooks_that_come_twice_or_late_change_nothing(board: Board) -> None:
    board.carrier.people[SAM] = answers("1")
    await board.ring()
    done = await board.until(await board.begin(), "done")
    await board.bridged(SAM)
    sam = await board.carrier.leg_to(SAM)
    again = 0
    for url, form in list(sam.asked):
        await board.carrier._ask(sam, url, {}, form)
        again += 1
    assert again >= 2
    assert (await board.turn(done, cancel=True)).version == done.version
    assert board.together() == [{"caller", SAM}]
    assert board.rung(SAM) == 1


@on_a_board(TARGETS)
async def test_a_person_who_is_gone_before_the_caller_comes_leaves_them_with_the_fallback(board: Board) -> None:
    board.carrier.people[SAM] = answers("1")
    board.wire.hold["caller"] = go = anyio.Event()
    caller = await board.ring()
    known = await board.begin()
    async with anyio.create_task_group() as group:
        group.start_soon(board.until, known, "done")
        await board.wire.held.wait()
        await board.carrier.until(lambda: caller.conference)
        board.carrier.hang_up(await board.carrier.leg_to(SAM))
        go.set()
    await caller.over.wait()
    assert any("line to the person was lost" in line for line in caller.heard)


@on_a_board(TARGETS)
async def test_unsigned_and_strange_webhooks_are_refused(board: Board) -> None:
    board.carrier.people[SAM] = answers("1", rings=anyio.Event())
    await board.ring()
    known = await board.until(await board.begin(), tried="ringing")
    base = f"/carriers/twilio/people/harbour/{known.id}"
    for path in (f"{base}/0/answer", f"{base}/0/answered", f"{base}/0/status", f"{base}/caller", f"{base}/parted", f"{base}/alone"):
        assert (await board.house.http.post(path, data={"CallSid": "CA1", "Digits": "1"})).status_code == 403
        other = path.replace(known.id, "trf_none")
        assert (await board.house.http.post(other, data={"CallSid": "CA1"})).status_code == 403
    assert (await board.turn(known, cancel=True)).state == "cancelled"


@on_a_board(TARGETS)
async def test_numbers_where_calls_may_not_go_are_not_rung(board: Board) -> None:
    limits = await board.house.get("/call-limits")
    changed = {name: limits.json()[name] for name in TollLimits.model_fields}
    changed["at_once"] = 1
    put = await board.house.ask("PUT", "/call-limits", changed, If_Match=limits.headers["etag"])
    assert put.status_code == 200, put.text
    board.carrier.people |= {SAM: answers("1"), KIM: answers("1")}
    await board.ring()
    await board.until(await board.begin(), "done")
    await board.ring("c2")
    failed = await board.until(await board.begin("c2", key="k2"), "failed", call="c2")
    assert {one.outcome for one in failed.tried} == {"not_allowed"}
