"""What one step works on: the state so far and the effects so far. Made new for every event and thrown away after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from offhook.core.time import Instant
from offhook.core.turn import effects as fx
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import EndReason, Held, Phase, Preparing, Quiet, Silent, Talking, Trailing, TurnState


class Board:
    """The joint rules that both floors use. ``now`` is the event's instant."""

    def __init__(self, state: TurnState, policy: TurnPolicy, now: Instant) -> None:
        self.state = state
        self.policy = policy
        self.now = now
        self.effects: list[fx.Effect] = []

    def set(self, **changes: Any) -> None:  # noqa: ANN401
        """Change the state."""
        self.state = replace(self.state, **changes)

    def emit(self, effect: fx.Effect) -> None:
        """Want something done."""
        self.effects.append(effect)

    def ignore(self, reason: str) -> None:
        """The event means nothing here."""
        self.emit(fx.Ignored(reason))

    def open(self, *, cause: Literal["speech", "tool", "keys", "transfer"], text: str, speculative: bool = False) -> None:
        """Open a turn that answers something."""
        turn = self.state.next_turn
        spoken = cause == "speech"
        self.set(
            next_turn=turn + 1,
            results=self.state.results and speculative,
            agent=Preparing(turn, self.now + self.policy.stalled_ms, text, speculative=speculative, spoken=spoken),
        )
        self.emit(fx.OpenTurn(turn, text, speculative, cause))

    def prompt(self, line: fx.Line, text: str = "") -> None:
        """Open a turn that says a fixed line."""
        turn = self.state.next_turn
        self.set(next_turn=turn + 1, agent=Preparing(turn, self.now + self.policy.stalled_ms, line=True))
        self.emit(fx.Prompt(turn, line, text))

    def close_turn(self, why: fx.Why) -> None:
        """Cancel the open turn, if there is one; what may have been audible is flushed first."""
        agent = self.state.agent
        if isinstance(agent, Quiet):
            return
        if isinstance(agent, Talking | Held):
            self.emit(fx.Flush(agent.turn))
        elif why is fx.Why.BARGE_IN:
            why = fx.Why.SUPERSEDED
        self.emit(fx.CancelTurn(agent.turn, why))
        self.set(agent=Quiet())

    def commit(self) -> None:
        """The open turn was heard to its end."""
        agent = self.state.agent
        if isinstance(agent, Quiet):
            return
        if isinstance(agent, Held):
            self.emit(fx.ResumePlayout(agent.turn))
            agent = agent.before
        self.emit(fx.CommitTurn(agent.turn))
        # The fallback line between two answers that fail does not make them less of a row.
        self.set(agent=Quiet(), failures=self.state.failures if agent.line else 0)

    def forget_words(self) -> None:
        """The caller's turn is used up."""
        self.set(segments=(), score=0.0, hint=None, behind=None)
        self.emit(fx.Listen())

    def own_words(self) -> None:
        """What was a sound over the agent is the caller's turn now that nobody else speaks; tools' results do not wait for it long."""
        user = self.state.user
        if isinstance(user, Trailing) and user.owed:
            self.set(user=replace(user, owed=False, until=min(user.until, self.now + self.policy.final_ms)))

    def closing(self, reason: EndReason) -> None:
        """End the call once the open reply has been heard."""
        self.set(phase=Phase.CLOSING, reason=reason, phase_until=self.now + self.policy.closing_ms)

    def reopen(self) -> None:
        """A caller who speaks up during a goodbye has the conversation back; a limit or a failure stays one."""
        if self.state.phase is Phase.CLOSING and self.state.reason in {"finished", "idle"}:
            self.set(phase=Phase.LIVE, reason=None, phase_until=None)

    def end(self, reason: EndReason) -> None:
        """Close the call. The open turn must have been closed."""
        self.emit(fx.End(reason))
        self.state = TurnState(phase=Phase.ENDED, next_turn=self.state.next_turn, reason=reason)

    def settle(self) -> None:
        """What follows from the floors being free, and whether idleness is counted."""
        if self.state.phase in {Phase.RINGING, Phase.ENDED}:
            return
        if isinstance(self.state.agent, Quiet):
            self.own_words()
            self._free()
        state = self.state
        idle = (
            state.phase is Phase.LIVE
            and isinstance(state.agent, Quiet)
            and isinstance(state.user, Silent)
            and not state.tools
            and state.digits_until is None
        )
        if idle == (state.idle_at is None):
            self.set(idle_at=self.now + self.policy.idle_ms if idle else None)

    def _free(self) -> None:
        state = self.state
        silent = isinstance(state.user, Silent)
        if state.says and silent:
            self.set(says=state.says[1:])
            self.prompt(fx.Line.SAY, state.says[0])
        elif state.phase is Phase.CLOSING and not state.says:
            self.end(state.reason or "finished")
        elif state.phase is Phase.LIVE and state.transfer is not None:
            # The caller is with the agent until somebody has taken the call, so whoever has the floor keeps it.
            self.set(phase=Phase.TRANSFERRING, transfer=None, phase_until=self.now + self.policy.transfer_ms)
            self.emit(fx.Transfer(state.transfer))
        elif state.phase is Phase.LIVE and state.results and silent and state.digits_until is None:
            self.open(cause="tool", text="")
