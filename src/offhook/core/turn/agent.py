"""The agent's floor: quiet, preparing, speaking, held."""

from __future__ import annotations

from dataclasses import replace

from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.board import Board
from offhook.core.turn.state import Held, Phase, Preparing, Quiet, Silent, Speaking, Talking, Trailing

RESTARTS = 2
"""How often a hold begins anew with the caller; after that its end stays where it is, or a rattle would hold the agent for ever."""


def give_way(board: Board) -> None:
    """The caller makes a sound. A reply to words that go on is dropped; anything else is held where it is."""
    agent = board.state.agent
    until = board.now + board.policy.confirm_ms
    match agent:
        case Quiet():
            pass
        case Preparing() if agent.speculative or (agent.spoken and not agent.taken):
            board.close_turn(fx.Why.RESUMED)
        case Held() if agent.restarts < RESTARTS:
            board.set(agent=replace(agent, until=until, restarts=agent.restarts + 1))
        case Held():
            pass
        case Talking():
            board.emit(fx.HoldPlayout(agent.turn))
            board.set(agent=Held(replace(agent, kept=None), until))
        case Preparing():
            board.emit(fx.HoldPlayout(agent.turn))
            board.set(agent=Held(agent, until))


def resume(board: Board) -> None:
    """It was a cough, a backchannel or noise: go on from the held sample."""
    held = board.state.agent
    if not isinstance(held, Held):
        return
    before = held.before
    # The time of the sound is not the reply's, nor is one that had stalled before it given more time than that.
    paused = board.now - board.state.user.since if isinstance(board.state.user, Speaking | Trailing) else board.policy.stalled_ms
    until = min(before.until + paused, board.now + board.policy.stalled_ms)
    if isinstance(before, Preparing) and not before.ready and until <= board.now:
        give_up(board, fx.Why.STALLED)  # there is nothing to go on with
        return
    board.emit(fx.ResumePlayout(held.turn))
    if isinstance(before, Preparing) and before.ready:
        board.set(agent=Talking(before.turn, until, done=before.done, line=before.line))
    else:
        board.set(agent=replace(before, until=until))
    user = board.state.user
    if isinstance(user, Speaking):
        return
    if isinstance(user, Trailing) and not user.final:
        # The recogniser has not said what it was: its words may still be on their way, and "stop" counts whenever it comes.
        board.set(user=Trailing(user.stopped, user.stopped, max(board.now, user.stopped + board.policy.words_ms), owed=True))
        return
    heard_out(board)


def heard_out(board: Board) -> None:
    """A sound over the agent was no barge-in: near the reply's end it may be the caller's answer, else it is forgotten."""
    board.set(user=Silent())
    talking = board.state.agent
    if isinstance(talking, Talking) and talking.done and any(letter.isalnum() for letter in board.state.text):
        board.set(agent=replace(talking, kept=board.now + board.policy.answer_ms))
    else:
        board.forget_words()


def let_go(board: Board) -> None:
    """The reply was far from its end: what the caller said over it was a backchannel and no answer."""
    if isinstance(board.state.agent, Talking):
        board.set(agent=replace(board.state.agent, kept=None))
        board.forget_words()


def promote(board: Board, speculation: Preparing) -> None:
    """The shift is sure: what was prepared becomes real, and audible if it is ready."""
    board.emit(fx.PromoteTurn(speculation.turn))
    real = replace(speculation, speculative=False, until=board.now + board.policy.stalled_ms)
    board.set(agent=real, results=False)
    if real.ready:
        _speak(board, real)
    elif real.done:
        board.forget_words()
        board.commit()


def _speak(board: Board, preparing: Preparing) -> None:
    """The first audio is on its way to the caller, so the words that it answers are used up."""
    board.set(agent=Talking(preparing.turn, board.now + board.policy.stalled_ms, done=preparing.done, line=preparing.line))
    if preparing.spoken:
        board.forget_words()


def _is_open(board: Board, turn: int) -> bool:
    if board.state.open_turn == turn:
        return True
    board.ignore("stale turn")
    return False


def audio(board: Board, event: ev.ReplyAudio) -> None:
    """The reply's first audio is in the playout."""
    if not _is_open(board, event.turn):
        return
    match board.state.agent:
        case Preparing(speculative=True) as preparing:
            board.set(agent=replace(preparing, ready=True))
        case Preparing() as preparing:
            _speak(board, preparing)
        case Held(before=Preparing() as before) as held:
            board.set(agent=replace(held, before=replace(before, ready=True)))
        case _:
            board.ignore("audible already")


def done(board: Board, event: ev.ReplyDone) -> None:
    """All of the reply is in the playout; without any audio it is over."""
    if not _is_open(board, event.turn):
        return
    match board.state.agent:
        case Preparing(speculative=True) as preparing:
            board.set(agent=replace(preparing, done=True))
        case Preparing() as preparing:
            if preparing.spoken:
                board.forget_words()
            board.commit()
        case Talking() as talking:
            board.set(agent=replace(talking, done=True, until=board.now + board.policy.stalled_ms))
        case Held(before=before) as held:
            if isinstance(before, Preparing) and not before.ready:
                board.commit()
            else:
                board.set(agent=replace(held, before=replace(before, done=True)))
        case Quiet():
            pass


def played(board: Board, event: ev.Played) -> None:
    """Progress."""
    if _is_open(board, event.turn) and isinstance(board.state.agent, Talking):
        board.set(agent=replace(board.state.agent, until=board.now + board.policy.stalled_ms))


def drained(board: Board, event: ev.Drained) -> None:
    """The reply was heard to its end, even if it was held just before that."""
    if not _is_open(board, event.turn):
        return
    match board.state.agent:
        case Talking() as talking:
            board.commit()
            if talking.kept is not None:
                # Answered at the next tick, and not now: hearing the reply may be what ends or hands over the call.
                board.set(user=Trailing(board.now, board.now, board.now, final=True))
        case Held(before=Talking()):
            board.commit()
        case _:
            board.ignore("not audible")
            return
    user = board.state.user
    if isinstance(user, Trailing) and not user.owed and not user.final and not board.state.text:
        # What they said over the last of it has not become a noise by that: its words may be as late as any others.
        board.set(user=replace(user, until=max(user.until, user.stopped + board.policy.words_ms)))


def taken(board: Board, event: ev.Taken) -> None:
    """Work has begun that cannot be taken back: the words that led to it are used up."""
    if not _is_open(board, event.turn):
        return
    preparing = board.state.agent
    if isinstance(preparing, Preparing) and preparing.speculative:
        board.ignore("a muted turn has no effects")
    elif isinstance(preparing, Preparing) and not preparing.taken:
        board.set(agent=replace(preparing, taken=True))
        board.forget_words()


def failed(board: Board, event: ev.ReplyFailed) -> None:
    """A provider broke."""
    if _is_open(board, event.turn):
        give_up(board, fx.Why.FAILED)


def give_up(board: Board, why: fx.Why) -> None:
    """The open reply comes to nothing: say so, hand over to the closing line, or end."""
    agent = board.state.agent
    speculative = isinstance(agent, Preparing) and agent.speculative
    board.close_turn(why)
    if speculative:
        return
    state = board.state
    if state.phase is Phase.CLOSING:
        board.end(state.reason or "failed")
        return
    if isinstance(state.user, Trailing) and state.user.owed:
        board.set(user=Silent())
    elif not isinstance(state.user, Silent):
        # The answer broke off: a sound that turns out to be no words is followed by something, however short it was.
        end = state.user.stopped if isinstance(state.user, Trailing) else board.now
        board.set(user=replace(state.user, since=min(state.user.since, end - board.policy.noise_ms)))
        return
    if state.phase is Phase.TRANSFERRING:
        board.forget_words()  # the attempt goes on, and its end is told
        return
    board.set(failures=state.failures + 1)
    board.forget_words()
    if board.state.failures > 1:
        board.prompt(fx.Line.FAILED)
        board.closing("failed")
    else:
        board.prompt(fx.Line.FALLBACK)
