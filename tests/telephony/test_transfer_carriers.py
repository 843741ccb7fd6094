"""Callers put through at every carrier that does it, in its own words: who is rung, who takes the call, and what is left of it."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tests.e2e.business import DID
from tests.telephony.exchanges import KINDS
from tests.telephony.figures import figure
from tests.telephony.switchboard import KIM, SAM, Board, answers, on_a_board

from offhook.testing.carriers.exchange import Person

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.parametrize("kind", [one for one in KINDS if one != "twilio"])]
TARGETS: dict[str, Any] = {
    "office": {"number": SAM, "people": [{"name": "Kim", "number": KIM}], "ring_s": 20},
    "counter": {"number": SAM, "announce": False},
}


@on_a_board(TARGETS)
async def test_those_who_do_not_take_it_and_one_who_does_by_a_key_or_a_word(board: Board, kind: str) -> None:
    given = {"busy": Person("busy"), "no_answer": Person("no-answer"), "refused": answers("2"), "unaccepted": answers(None)}
    for number, (outcome, sam) in enumerate(given.items()):
        call = f"c{number}"
        board.carrier.people |= {SAM: sam, KIM: answers("1" if number % 2 else "speech: yes please")}
        caller = await board.ring(call)
        done = await board.until(await board.begin(call, key=f"k{number}", name="Ann Lee"), "done", call=call)
        assert [(one.name, one.outcome) for one in done.tried] == [("office", outcome), ("Kim", "accepted")]
        await board.bridged(KIM)
        kim = await board.carrier.leg_to(KIM, number)
        assert kim.heard[0].startswith("say: A call for Harbour Plumbing from Ann Lee")
        assert (kim.from_, caller.alive) == (DID, True)
        # Whoever leaves first ends it for both.
        board.carrier.hang_up(kim if number % 2 else caller)
        await kim.over.wait()
        await caller.over.wait()
        assert not any(line.startswith("say: We are sorry") for line in caller.heard)
    assert board.rung(SAM) == board.rung(KIM) == len(given)
    figure(f"{kind}: {len(given)} transfers, each to the second person, one bridge each")


@on_a_board(TARGETS)
async def test_whoever_answers_has_the_caller_where_nothing_is_announced(board: Board, kind: str) -> None:
    board.carrier.people[SAM] = answers()
    await board.ring()
    done = await board.until(await board.begin(target="counter"), "done")
    await board.bridged(SAM)
    assert [one.outcome for one in done.tried] == ["accepted"]
    assert (await board.carrier.leg_to(SAM)).heard == []
    await _signed_only(board, kind, done.id)


async def _signed_only(board: Board, kind: str, transfer: str) -> None:
    for carrier in (kind, "twilio", "vonage"):
        for what in ("0/answer", "0/answered", "0/status", "caller", "parted", "alone"):
            path = f"/carriers/{carrier}/people/harbour/{transfer}/{what}"
            answer = await board.house.http.post(path, data={"CallSid": "CA1", "CallUUID": "CA1", "Digits": "1"})
            assert answer.status_code == (422 if carrier == "vonage" else 403)


@on_a_board(TARGETS)
async def test_a_caller_who_takes_it_back_while_a_telephone_rings_and_an_engine_that_dies(board: Board, kind: str) -> None:
    for number, dies in enumerate((False, True)):
        call = f"c{number}"
        board.carrier.people[SAM] = answers("1", rings=anyio.Event())
        caller = await board.ring(call)
        ringing = await board.until(await board.begin(call, key=f"k{number}"), tried="ringing", call=call)
        await board.carrier.until(lambda number=number: board.rung(SAM) > number)  # type: ignore[misc]
        sam = [one for one in board.carrier.calls.values() if one.to == SAM][number]
        if dies:
            board.media[-1].set()
        else:
            assert (await board.turn(ringing, cancel=True, call=call)).state == "cancelled"
        await sam.over.wait()
        assert sam.status == "canceled"
        assert caller.alive or dies
    assert board.together() == []
