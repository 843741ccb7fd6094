"""The laws of turn-taking, as a check of a single step. Numbers 1 to 11 are the design's; 12 is on the caller's words.

Law 8 (heard text is a prefix of the text sent) is the ledger's, 10 (ticks alone end every call) and 11 (the same trace, the same
effects) are on more than one step: see ``explore`` and the tests on traces.
"""

from __future__ import annotations

from offhook.core.speech.backchannel import real_words
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import Held, Phase, Preparing, Quiet, Silent, Speaking, Talking, Trailing, TurnState
from offhook.core.turn.step import deadline


class LawBroken(AssertionError):
    """A step did what no step may do."""


def check(before: TurnState, event: ev.Event, after: TurnState, effects: tuple[fx.Effect, ...], policy: TurnPolicy) -> None:
    """Raise LawBroken if this step breaks a law. Laws on turns hold for whole traces because they hold for every step."""
    if before.phase is Phase.ENDED:
        law(7, after == before and all(isinstance(effect, fx.Ignored) for effect in effects), "ended absorbs")
        return
    if isinstance(event, ev.Hangup):
        law(9, after.phase is Phase.ENDED and fx.End("hangup") in effects, "a hangup ends the call in one step")
    _check_turns(before, after, effects)
    _check_waits(after)
    _check_floors(before, event, after, effects, policy)
    _check_words(before, after, effects)


def law(number: int, holds: bool, what: str) -> None:
    """Raise LawBroken unless it holds."""
    if not holds:
        raise LawBroken(f"law {number}: {what}")


def _check_turns(before: TurnState, after: TurnState, effects: tuple[fx.Effect, ...]) -> None:
    """Laws 1, 2, 3, 5: replay the effects on what is open, audible and held."""
    turn = before.open_turn
    next_turn = before.next_turn
    muted = isinstance(before.agent, Preparing) and before.agent.speculative
    ready = isinstance(before.agent, Preparing) and before.agent.ready
    audible = isinstance(before.agent, Talking | Held)
    held = isinstance(before.agent, Held)
    ended = False
    for effect in effects:
        law(7, not ended, "nothing follows the end")
        match effect:
            case fx.OpenTurn() | fx.Prompt():
                law(2, turn is None, "a turn is opened while another is open")
                law(1, effect.turn == next_turn, "a turn's number is used twice")
                turn, next_turn = effect.turn, next_turn + 1
                muted = isinstance(effect, fx.OpenTurn) and effect.speculative
                ready = audible = False
            case fx.PromoteTurn():
                law(1, turn == effect.turn and muted, "only an open speculative turn is promoted")
                muted, audible = False, ready
            case fx.HoldPlayout():
                law(1, turn == effect.turn and not held and not muted, "only an open turn that is not held is held")
                held = audible = True
            case fx.ResumePlayout():
                law(1, turn == effect.turn and held, "only a held turn is resumed")
                held = False
            case fx.Flush():
                law(5, turn == effect.turn and audible, "only what is open and may be audible is flushed")
                held = audible = False
            case fx.CancelTurn() | fx.CommitTurn():
                law(1, turn == effect.turn, "a turn is closed that is not open")
                law(5, isinstance(effect, fx.CommitTurn) or not audible, "what may be audible is flushed before it is cancelled")
                law(6, isinstance(effect, fx.CancelTurn) or not (muted or held), "a turn that nobody can hear is committed")
                turn, muted, audible = None, False, False
            case fx.End():
                law(1, turn is None, "the call ends with a turn open")
                ended = True
            case _:
                pass
    law(3, after.open_turn == turn, "the agent's floor and the open turn disagree")
    law(1, after.next_turn == next_turn, "a turn's number is lost")
    law(3, held == isinstance(after.agent, Held), "the playout's hold and the agent's floor disagree")
    law(6, muted == (isinstance(after.agent, Preparing) and after.agent.speculative), "a speculative turn is audible")
    law(7, ended == (after.phase is Phase.ENDED), "the end is told once, when it comes")


def _check_waits(after: TurnState) -> None:
    """Law 4: whatever is waited for has an end of its own, and the earliest of them is the deadline."""
    if after.phase in {Phase.RINGING, Phase.ENDED}:
        law(4, deadline(after) is None, "nothing is waited for before and after the call")
        return
    waits = [until for _, until in after.tools]
    if not isinstance(after.user, Silent):
        waits.append(after.user.until)
    if not isinstance(after.agent, Quiet):
        waits.append(after.agent.until)
    if isinstance(after.agent, Talking) and after.agent.kept is not None:
        waits.append(after.agent.kept)
        law(12, bool(after.segments) and isinstance(after.user, Silent), "an answer is kept without words, or beside others")
    shared = (after.idle_at, after.digits_until, after.phase_until, after.call_until)
    waits.extend(wait for wait in shared if wait is not None)
    law(4, bool(waits) and deadline(after) == min(waits), "a wait without an end")
    if after.phase in {Phase.TRANSFERRING, Phase.CLOSING}:
        law(4, after.phase_until is not None, "a transfer or a goodbye without an end")
        law(4, after.idle_at is None, "idleness is counted in live only")
    else:
        law(4, after.phase_until is None, "only a transfer and a goodbye have an end of their own")
        resting = isinstance(after.agent, Quiet) and isinstance(after.user, Silent) and not after.tools and after.digits_until is None
        law(4, resting == (after.idle_at is not None), "silent and quiet, and nothing to wait for")
    law(4, bool(after.digits) == (after.digits_until is not None), "keys without an end")
    law(4, after.phase is not Phase.CLOSING or after.reason is not None, "a goodbye without a reason")


def _check_floors(before: TurnState, event: ev.Event, after: TurnState, effects: tuple[fx.Effect, ...], policy: TurnPolicy) -> None:
    """Law 6: the agent does not begin over the caller. A sound without words for two confirmations is noise, also after a short pause."""
    if over(after) and not over(before):
        noise = (
            isinstance(event, ev.Tick)
            and isinstance(before.agent, Held)
            and before.agent.extended > 0
            and not real_words(before.text, policy.locale)
            and any(isinstance(effect, fx.ResumePlayout) for effect in effects)
        )
        rattles = (
            isinstance(event, ev.SpeechStarted)
            and isinstance(before.user, Trailing)
            and event.since - before.user.stopped < policy.resume_ms
            and isinstance(before.agent, Talking)
        )
        law(6, noise or rattles, "the agent speaks, or is about to, while the caller speaks")
    if isinstance(after.agent, Preparing):
        law(6, after.agent.speculative or not after.agent.ready, "ready and real, but not audible")


def over(state: TurnState) -> bool:
    """Whether the agent has the floor, or is about to take it, although the caller makes a sound."""
    preparing = isinstance(state.agent, Preparing) and not state.agent.speculative
    return isinstance(state.user, Speaking) and (preparing or isinstance(state.agent, Talking))


def _check_words(before: TurnState, after: TurnState, effects: tuple[fx.Effect, ...]) -> None:
    """The caller's words are dropped only together with the recogniser's, and used up once their answer is audible."""
    if after.phase is Phase.ENDED:
        return
    listens = any(isinstance(effect, fx.Listen) for effect in effects)
    law(12, listens or not before.segments or bool(after.segments), "words are dropped and the recogniser keeps them")
    if any(isinstance(effect, fx.CommitTurn) for effect in effects) or isinstance(after.agent, Talking):
        agent = before.agent
        answered = isinstance(agent, Preparing) and agent.spoken and not agent.taken
        law(12, listens or not answered, "an answer is audible and the words that it answers are not used up")
