"""The walk finds every state, holds the laws, and would notice a core that breaks one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from offhook.core.time import SECOND
from offhook.core.turn import agent, explore, user
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.board import Board
from offhook.core.turn.laws import LawBroken
from offhook.core.turn.state import Held, Phase, Preparing, Quiet, Silent, Speaking, Talking, Trailing
from offhook.core.turn.step import _HANDLERS


@pytest.mark.parametrize("aspect", explore.ASPECTS)
@pytest.mark.timeout(120)
def test_the_laws_hold_on_every_edge(aspect: str) -> None:
    found = explore.walk(aspects=(explore.ASPECTS[aspect],))
    assert {type(state.user) for state in found.states} == {Silent, Speaking, Trailing}
    assert {type(state.agent) for state in found.states} == {Quiet, Preparing, Talking, Held}
    assert {Phase.RINGING, Phase.LIVE, Phase.ENDED} <= {state.phase for state in found.states}
    assert 1_000 < len(found.states) < 10_000
    assert found.ticks <= 12


def _swapped(board: Board, why: fx.Why) -> None:
    if not isinstance(board.state.agent, Quiet):
        turn = board.state.agent.turn
        board.emit(fx.CancelTurn(turn, why))
        if isinstance(board.state.agent, Talking | Held):
            board.emit(fx.Flush(turn))
        board.set(agent=Quiet())


def _deaf(board: Board) -> None:
    board.set(segments=(), score=0.0, hint=None)


def _loud(board: Board, event: object) -> None:
    preparing = board.state.agent
    if isinstance(preparing, Preparing):
        agent._speak(board, replace(preparing, speculative=False))


def _no_idleness(board: Board) -> None:
    board.set(idle_at=None)


def _give_way_later(board: Board) -> None:
    pass


def _for_ever(board: Board) -> None:
    held = board.state.agent
    if isinstance(held, Held):
        board.set(agent=replace(held, until=board.now + SECOND))


@pytest.mark.parametrize(
    ("where", "name", "wrong", "law"),
    [
        (Board, "close_turn", _swapped, "law 5"),
        (Board, "forget_words", _deaf, "law 12"),
        (Board, "settle", _no_idleness, "law 4"),
        (agent, "audio", _loud, "law 6"),
        (agent, "give_way", _give_way_later, "law 6"),
        (user, "held_due", _for_ever, "law 10"),
    ],
)
def test_a_core_that_breaks_a_law_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, wrong: Callable[..., None], law: str
) -> None:
    monkeypatch.setattr(where, name, wrong)
    if name == "audio":
        monkeypatch.setitem(_HANDLERS, ev.ReplyAudio, wrong)
    with pytest.raises(LawBroken, match=law):
        explore.walk(aspects=(frozenset(),))
