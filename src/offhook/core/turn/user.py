"""The caller's floor: silent, speaking, trailing; when a turn is over (shift) and when it is only a pause (hold)."""

from __future__ import annotations

import re
from dataclasses import replace

from offhook.core.speech.backchannel import real_words
from offhook.core.turn import agent
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.board import Board
from offhook.core.turn.policy import Endpointing
from offhook.core.turn.state import Held, Phase, Preparing, Quiet, Silent, Speaking, Talking, Trailing, User

_HINT_WEIGHT = 0.5
_SETTLED = 0.7
"""What a pause in which words stay as they are says of the end, as an acoustic opinion would, where there is none."""
_EXTENSIONS = 1
"""How many times a sound over the agent that has no words is waited for again before it counts as noise."""


def fold(text: str) -> str:
    """Words only: two transcripts that differ in case and punctuation are the same."""
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower()))


def started(board: Board, event: ev.SpeechStarted) -> None:
    """The caller takes or keeps the floor; whatever the agent says or prepares gives way in this very step."""
    state = board.state
    if isinstance(state.user, Speaking):
        board.ignore("speaking already")
        return
    before, begun = state.user, min(event.since, event.at)
    since, to_come = (before.since, state.behind) if isinstance(before, Trailing) else (begun, None)
    board.set(user=Speaking(since, event.at + board.policy.max_turn_ms), hint=None, behind=to_come)
    rattles = isinstance(before, Trailing) and not before.owed and begun - before.stopped < board.policy.resume_ms
    if rattles and isinstance(state.agent, Talking):
        # A noise that the agent was held for in vain rattles on: its words are listened to, and nothing else. After a pause in which a
        # hold would have ended it may as well be a caller whose words are late.
        return
    agent.give_way(board)


def stopped(board: Board, event: ev.SpeechStopped) -> None:
    """The caller is silent, for now. Waits count from the last sample of speech."""
    user = board.state.user
    stop = min(event.since, event.at)
    if isinstance(user, Trailing) and user.final and not user.owed and user.since <= stop < user.stopped:
        # A recogniser had said that the turn may be over; since when they are silent the detector knows.
        board.set(user=replace(user, stopped=stop))
        reconsider(board)
        return
    if not isinstance(user, Speaking):
        board.ignore("not speaking")
        return
    board.set(user=Trailing(user.since, stop, event.at + board.policy.endpointing.utterance_end_ms))
    held = board.state.agent
    if isinstance(held, Held):
        until = event.at + board.policy.resume_ms
        board.set(agent=replace(held, until=until if held.restarts < agent.RESTARTS else min(held.until, until)))
    reconsider(board)


def words(board: Board, event: ev.Partial | ev.Final) -> None:
    """The caller's words so far. Over the agent they decide between a barge-in and a sound; else how long to wait."""
    state = board.state
    rest = tuple(entry for entry in state.segments if entry[0] != event.segment)
    board.set(segments=tuple(sorted((*rest, (event.segment, event.text)))), score=event.score, behind=None)
    final = isinstance(event, ev.Final)
    if final and isinstance(state.user, Trailing):
        board.set(user=replace(state.user, final=True))
    if isinstance(state.agent, Held | Talking):
        _over_the_agent(board, final)
    elif isinstance(state.user, Trailing) and state.user.owed and isinstance(state.agent, Preparing):
        _over_what_is_prepared(board, final)
    elif isinstance(state.user, Trailing):
        reconsider(board)
    elif isinstance(state.user, Silent):
        _late(board, final)
    else:
        _ahead(board)


def _ahead(board: Board) -> None:
    """Words of a caller who still speaks: if they sound complete, the reply to them is prepared before the end is heard."""
    state = board.state
    speculation = state.agent
    if isinstance(speculation, Preparing) and speculation.speculative and fold(speculation.text) != fold(state.text):
        board.close_turn(fx.Why.SUPERSEDED)
    limits = board.policy.endpointing
    complete = bool(fold(state.text)) and state.score >= max(limits.sure, limits.eager)
    if complete and isinstance(board.state.agent, Quiet) and _may_prepare(board):
        board.open(cause="speech", text=state.text, speculative=True)


def _may_prepare(board: Board) -> bool:
    """Whether a reply may be prepared before the shift: not while a tool runs, whose result would make it another."""
    state = board.state
    return board.policy.ahead and state.phase is Phase.LIVE and not state.tools and not state.digits


def _over_the_agent(board: Board, final: bool) -> None:
    state = board.state
    count = real_words(state.text, board.policy.locale)
    stopped_now = final and not isinstance(state.user, Speaking)
    if isinstance(state.agent, Talking) and state.agent.kept is not None and not fold(state.text):
        agent.let_go(board)
    elif count >= board.policy.confirm_words or (count and stopped_now and (isinstance(state.agent, Held) or _owed(state.user))):
        barge_in(board)
    elif stopped_now:
        if isinstance(state.agent, Held):
            agent.resume(board)
        elif _owed(state.user):
            agent.heard_out(board)
        elif isinstance(state.agent, Talking) and state.agent.kept is None:
            board.set(user=Silent())
            board.forget_words()


def _owed(user: User) -> bool:
    return isinstance(user, Trailing) and user.owed


def _over_what_is_prepared(board: Board, final: bool) -> None:
    """What a sound was that a reply to something else was held for, and let go on."""
    if final and not real_words(board.state.text, board.policy.locale):
        board.set(user=Silent())
        board.forget_words()
    elif final:
        barge_in(board)


def _late(board: Board, final: bool) -> None:
    """Words after the shift, or after the turn was given up as a noise."""
    preparing = board.state.agent
    text = board.state.text
    if isinstance(preparing, Preparing):
        # Fewer words that are not final are those of a recogniser which hears it all again and is not through.
        again = not final and fold(preparing.text).startswith(fold(text))
        if preparing.spoken and not preparing.taken and not preparing.ready and not again and fold(preparing.text) != fold(text):
            board.close_turn(fx.Why.RESUMED)
            board.open(cause="speech", text=text)
        else:
            board.ignore("late words")
    elif fold(text) and board.state.phase in {Phase.LIVE, Phase.TRANSFERRING}:
        board.open(cause="speech", text=text)
    else:
        board.forget_words()


def settled(board: Board, _: ev.Settled) -> None:
    """A caller who pauses in words that may be all of them is answered ahead, before a recogniser or a detector is sure of the pause."""
    state = board.state
    hint = _SETTLED if state.hint is None else state.hint
    likely = bool(fold(state.text)) and effective(state.score, hint, board.policy.endpointing) >= board.policy.endpointing.eager
    if likely and isinstance(state.user, Speaking | Trailing) and isinstance(state.agent, Quiet) and _may_prepare(board):
        board.open(cause="speech", text=state.text, speculative=True)
    else:
        board.ignore("nothing to prepare")


def behind(board: Board, event: ev.Behind) -> None:
    """Words of the open turn come later than they would, and it is not over without them. Those that are final are of a stretch before."""
    user = board.state.user
    if isinstance(user, Silent):
        board.ignore("no words are to come")
        return
    if isinstance(user, Trailing):
        board.set(user=replace(user, final=False))
    board.set(behind=event.at + board.policy.behind_ms)
    reconsider(board)


def hinted(board: Board, event: ev.ShiftScored) -> None:
    """An acoustic opinion."""
    if not isinstance(board.state.user, Trailing):
        board.ignore("no shift is open")
        return
    board.set(hint=min(1.0, max(0.0, event.score)))
    reconsider(board)


def ending(board: Board, event: ev.TurnEnding) -> None:
    """The recogniser's own view that the turn is over. Over the agent words decide, and a turn without words is not one."""
    state = board.state
    if event.sure and fold(state.text) and isinstance(state.user, Trailing) and isinstance(state.agent, Held | Talking):
        # Its words may have been final before the detector heard that they were over.
        board.set(user=replace(state.user, final=True))
        _over_the_agent(board, final=True)
        state = board.state
        if isinstance(state.agent, Held | Talking):
            return
    if isinstance(state.agent, Held | Talking) or not fold(state.text):
        board.ignore("no turn to end")
    elif isinstance(state.user, Silent):
        board.ignore("no shift is open")
    else:
        # The detector is a little behind, or hears something that is nobody's words.
        user = Trailing(state.user.since, board.now, board.now) if isinstance(state.user, Speaking) else state.user
        board.set(user=replace(user, final=True))
        if event.sure:
            shift(board)
            return
        reconsider(board)
        if isinstance(board.state.agent, Quiet) and isinstance(board.state.user, Trailing) and _may_prepare(board):
            board.open(cause="speech", text=state.text, speculative=True)


def effective(score: float, hint: float | None, limits: Endpointing) -> float:
    """The words' score, moved a little by the hint: it never makes incomplete words complete and is never alone sure."""
    if hint is None or score < limits.unsure or score >= limits.sure:
        return score
    return min(max(score + _HINT_WEIGHT * (hint - 0.5), limits.unsure), max(score, limits.sure - 0.01))


def reconsider(board: Board) -> None:
    """Set the shift's deadline by what is known now; shift if it has passed; prepare a reply, muted, if it is likely."""
    state, policy = board.state, board.policy
    user = state.user
    if not isinstance(user, Trailing):
        return
    limits = policy.endpointing
    known = bool(fold(state.text))
    score = effective(state.score, state.hint, limits)
    wait = limits.wait(score) if known else limits.utterance_end_ms
    if isinstance(state.agent, Held | Talking):
        wait = policy.words_ms if user.owed else limits.utterance_end_ms
    elif not user.final:
        # A recogniser that is late has not said that it was a noise.
        wait = max(wait, policy.final_ms if known else policy.words_ms)
        if state.behind is not None:
            wait = max(wait, min(state.behind - user.stopped, policy.words_ms))
    if policy.vendor_ends and known and isinstance(state.agent, Quiet | Preparing):
        wait = max(wait, limits.vendor_ms)
    until = max(user.stopped + wait, board.now)
    board.set(user=replace(user, until=until))
    if isinstance(state.agent, Held | Talking):
        return
    if until <= board.now:
        shift(board)
        return
    speculation = state.agent
    if isinstance(speculation, Preparing) and speculation.speculative and fold(speculation.text) != fold(state.text):
        board.close_turn(fx.Why.SUPERSEDED)
    if known and user.final and score >= limits.eager and isinstance(board.state.agent, Quiet) and _may_prepare(board):
        board.open(cause="speech", text=state.text, speculative=True)


def due(board: Board) -> None:
    """The floor's deadline: a shift; or a turn without a pause that is answered all the same."""
    if isinstance(board.state.agent, Held):
        held_due(board)
        if _owed(board.state.user):
            return
        if isinstance(board.state.user, Trailing) and isinstance(board.state.agent, Quiet | Preparing):
            reconsider(board)
        elif isinstance(board.state.user, Trailing | Speaking):
            board.set(user=Silent())
        return
    shift(board)


def shift(board: Board) -> None:
    """The caller's turn is over."""
    state = board.state
    user = state.user
    text = state.text
    board.set(user=Silent())
    noise = _owed(user) and isinstance(state.agent, Preparing) and not real_words(text, board.policy.locale)
    if noise or isinstance(state.agent, Talking | Held):
        board.forget_words()
        return
    if fold(text):
        board.set(idle_prompts=0)
        speculation = state.agent
        if isinstance(speculation, Preparing) and speculation.speculative and fold(speculation.text) == fold(text):
            agent.promote(board, speculation)
            return
        board.close_turn(fx.Why.SUPERSEDED)
        board.open(cause="speech", text=text)
        return
    length = user.stopped - user.since if isinstance(user, Trailing) else 0
    board.forget_words()
    if length >= board.policy.noise_ms and isinstance(board.state.agent, Quiet) and state.phase is Phase.LIVE:
        board.prompt(fx.Line.FALLBACK)


def barge_in(board: Board) -> None:
    """The caller has taken the floor: what the agent said stops and is over."""
    board.close_turn(fx.Why.BARGE_IN)
    board.reopen()
    board.own_words()
    board.set(idle_prompts=0)
    if isinstance(board.state.user, Silent):
        board.set(user=Trailing(board.now, board.now, board.now, final=True))
    if board.state.phase in {Phase.LIVE, Phase.TRANSFERRING}:
        reconsider(board)


def held_due(board: Board) -> None:
    """The end of a hold: with words it was a barge-in, a sound without words is waited for once more and then is noise."""
    held = board.state.agent
    if not isinstance(held, Held):
        return
    speaking = isinstance(board.state.user, Speaking)
    if real_words(board.state.text, board.policy.locale) or (speaking and held.extended and fold(board.state.text)):
        # Backchannels do not last that long: "yes yes go on then" is a turn that has not come to its point yet.
        barge_in(board)
    elif speaking and held.extended < _EXTENSIONS:
        board.set(agent=replace(held, until=board.now + board.policy.confirm_ms, extended=held.extended + 1))
    else:
        agent.resume(board)
