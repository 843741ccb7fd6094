"""The turn core: one total function. ``step(state, event, policy)`` gives the next state and what to do, in order.

Nothing here waits, reads a clock or raises on input from outside. An event that means nothing in a state is answered with
``Ignored``. ``deadline`` is when a Tick is due; a late or an early one is harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from offhook.core.time import Instant
from offhook.core.turn import agent, user
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.board import Board
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import Held, Phase, Preparing, Quiet, Silent, Speaking, Talking, Trailing, TurnState

HIDDEN = "x"
_MOST_SAYS = 5
_MOST_KEYS = 32
"""No number is longer."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next state and what follows from the event."""

    state: TurnState
    effects: tuple[fx.Effect, ...]


def deadline(state: TurnState) -> Instant | None:
    """When the next Tick is due; None when nothing is waited for."""
    due = _deadlines(state)
    return min(due) if due else None


def _deadlines(state: TurnState) -> list[Instant]:
    if state.phase in {Phase.RINGING, Phase.ENDED}:
        return []
    due: list[Instant | None] = [state.call_until, state.phase_until, state.digits_until, state.idle_at]
    due.extend(until for _, until in state.tools)
    if not isinstance(state.user, Silent):
        due.append(state.user.until)
    if not isinstance(state.agent, Quiet):
        due.append(state.agent.until)
    if isinstance(state.agent, Talking):
        due.append(state.agent.kept)
    return [at for at in due if at is not None]


def step(state: TurnState, event: ev.Event, policy: TurnPolicy) -> Step:
    """One event. Total: every event is answered in every state."""
    if state.phase is Phase.ENDED:
        return Step(state, (fx.Ignored("the call has ended"),))
    board = Board(state, policy, event.at)
    if state.phase is Phase.RINGING:
        _ringing(board, event)
    else:
        _HANDLERS[type(event)](board, event)
    board.settle()
    return Step(board.state, tuple(board.effects))


def _ringing(board: Board, event: ev.Event) -> None:
    match event:
        case ev.Answered():
            board.set(phase=Phase.LIVE, call_until=event.at + board.policy.max_call_ms)
            board.prompt(fx.Line.GREETING)
        case ev.Hangup():
            board.end("hangup")
        case _:
            board.ignore("not answered yet")


def _answered(board: Board, _: ev.Answered) -> None:
    board.ignore("answered already")


def _hangup(board: Board, _: ev.Hangup) -> None:
    board.close_turn(fx.Why.HANGUP)
    board.end("hangup")


def _dtmf(board: Board, event: ev.Dtmf) -> None:
    """Keys silence the agent and are gathered until a key that ends them, or a pause."""
    board.reopen()
    if board.state.phase is Phase.CLOSING:
        board.ignore("keys mean nothing now")
        return
    board.close_turn(fx.Why.BARGE_IN)
    board.forget_words()
    board.set(user=Silent())
    # A star that comes first asks for all of it again; within a number it is a part of it.
    ends = event.digit == "#" or (event.digit == "*" and not board.state.digits) or len(board.state.digits) >= _MOST_KEYS - 1
    wait = board.policy.hidden_keys_ms if event.digit == HIDDEN else board.policy.keys_ms
    board.set(digits=board.state.digits + event.digit, digits_until=event.at if ends else event.at + wait)
    _tick(board, ev.Tick(event.at))


def _tool_started(board: Board, event: ev.ToolStarted) -> None:
    if any(call == event.call for call, _ in board.state.tools):
        board.ignore("tool started already")
        return
    board.set(tools=(*board.state.tools, (event.call, event.at + board.policy.tool_ms)))


def _tool_done(board: Board, event: ev.ToolDone) -> None:
    rest = tuple(entry for entry in board.state.tools if entry[0] != event.call)
    if len(rest) == len(board.state.tools):
        board.ignore("no such tool")
        return
    board.set(tools=rest, results=True)


def _command(board: Board, event: ev.Command) -> None:
    match event.kind:
        case "say":
            if len(board.state.says) < _MOST_SAYS:
                board.set(says=(*board.state.says, event.text))
            else:
                board.ignore("too many lines are waiting")
        case "transfer":
            board.set(transfer=event.text)
        case "end":
            board.closing("finished")
        case "hush":
            board.close_turn(fx.Why.SUPERSEDED)
            board.forget_words()
            board.set(user=Silent(), says=(), transfer=None, results=False, digits="", digits_until=None)


def _transferred(board: Board, event: ev.Transferred) -> None:
    if board.state.phase is not Phase.TRANSFERRING:
        board.ignore("no transfer is under way")
    elif event.ok:
        board.close_turn(fx.Why.ENDED)
        board.end("transferred")
    else:
        board.set(phase=Phase.LIVE, phase_until=None)
        state = board.state
        if isinstance(state.agent, Quiet) and isinstance(state.user, Silent) and state.digits_until is None:
            board.open(cause="transfer", text="")
        else:  # whoever has the floor keeps it: what follows is said next
            board.set(results=True)


def _tick(board: Board, event: ev.Tick) -> None:
    """Let everything that is due happen, the earliest first."""
    for _ in range(12):
        due = deadline(board.state)
        if due is None or due > event.at or board.state.phase is Phase.ENDED:
            return
        _due(board, due)
        board.settle()


def _due(board: Board, due: Instant) -> None:
    state = board.state
    if state.call_until == due:
        _limit(board)
    elif state.phase_until == due:
        if state.phase is Phase.TRANSFERRING:
            _transferred(board, ev.Transferred(due, ok=False))
        else:
            board.close_turn(fx.Why.ENDED)
            board.end(state.reason or "finished")
    elif state.digits_until == due:
        digits = state.digits
        board.set(digits="", digits_until=None, idle_prompts=0)
        board.close_turn(fx.Why.SUPERSEDED)
        if isinstance(state.user, Trailing):
            # Or the shift would drop the keys for the words beside them.
            board.set(user=Silent())
            board.forget_words()
        board.open(cause="keys", text=digits)
        if isinstance(board.state.user, Speaking):
            agent.give_way(board)
    elif any(until == due for _, until in state.tools):
        board.set(tools=tuple(entry for entry in state.tools if entry[1] != due), results=True)
    elif isinstance(state.user, Speaking | Trailing) and state.user.until == due:
        user.due(board)
    elif isinstance(state.agent, Talking) and state.agent.kept == due:
        agent.let_go(board)
    elif isinstance(state.agent, Held) and state.agent.until == due:
        user.held_due(board)
    elif isinstance(state.agent, Preparing | Talking) and state.agent.until == due:
        agent.give_up(board, fx.Why.STALLED)
    elif state.idle_at == due:
        _idle(board)


def _limit(board: Board) -> None:
    board.set(call_until=None)
    board.close_turn(fx.Why.ENDED)
    board.forget_words()
    board.set(user=Silent(), says=(), transfer=None)
    board.prompt(fx.Line.LIMIT)
    board.closing("limit")


def _idle(board: Board) -> None:
    state = board.state
    board.set(idle_at=None)
    if state.idle_prompts < board.policy.idle_prompts:
        board.set(idle_prompts=state.idle_prompts + 1)
        board.prompt(fx.Line.STILL_THERE)
    else:
        board.prompt(fx.Line.GOODBYE)
        board.closing("idle")


_HANDLERS: dict[type[ev.Event], Callable[[Board, Any], None]] = {
    ev.Answered: _answered,
    ev.Hangup: _hangup,
    ev.SpeechStarted: user.started,
    ev.SpeechStopped: user.stopped,
    ev.Partial: user.words,
    ev.Final: user.words,
    ev.Settled: user.settled,
    ev.Behind: user.behind,
    ev.ShiftScored: user.hinted,
    ev.TurnEnding: user.ending,
    ev.Dtmf: _dtmf,
    ev.ReplyAudio: agent.audio,
    ev.ReplyDone: agent.done,
    ev.ReplyFailed: agent.failed,
    ev.Played: agent.played,
    ev.Drained: agent.drained,
    ev.Taken: agent.taken,
    ev.ToolStarted: _tool_started,
    ev.ToolDone: _tool_done,
    ev.Command: _command,
    ev.Transferred: _transferred,
    ev.Tick: _tick,
}
