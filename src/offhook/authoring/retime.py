"""What other values of turn-taking would have done to recorded calls. Only timing is replayed: a reply takes as long to be made as it did,
and nobody says anything else than what was recorded.

A call's trace is first run as it was, which gives the moments at which something was to be decided: pauses of the caller's, and sounds over
the agent. Each moment then counts by itself, from the state that the call was really in: its events are put to the turn core under other
values, up to where the caller could have heard the difference. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Any, Final

from offhook.contracts.plan import TurnPlan
from offhook.core.speech.backchannel import real_words
from offhook.core.time import MS, Duration, Instant, ms
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.replay import Decision, feed, is_shift, until
from offhook.core.turn.state import Preparing, Quiet, Silent, Speaking, Talking, Trailing, TurnState, initial
from offhook.core.turn.step import deadline
from offhook.core.turn.trace import read_lines

REACTION: Final[Duration] = ms(250)
"""Who speaks up so soon after the agent began would have done so without it: nobody answers what they have hardly heard."""
LONGEST: Final[Duration] = ms(30_000)
"""No decision about a pause takes longer; it is for a trace that ends in one."""
_WORLD: Final = (ev.SpeechStarted, ev.SpeechStopped, ev.Partial, ev.Final, ev.Settled, ev.Behind, ev.ShiftScored, ev.TurnEnding)
"""What comes from the caller and from who listens; the rest follows from what the agent does."""
_OVER: Final = (*_WORLD, ev.ReplyAudio, ev.ReplyDone, ev.Played)
_HELLO: Final = re.compile(
    r"^(hello|hallo|hey|hi)( (hello|hallo|hey|hi))*$|\b((are )?you (still )?there|any(body|one) there|can you hear me)\b"
)


@dataclass(frozen=True, slots=True)
class Pause:
    """The caller has stopped. ``events`` are all that could not have come otherwise; ``resume``: when they spoke again of their own
    accord, ``hello`` to ask whether anybody is there.
    """

    state: TurnState
    policy: TurnPolicy
    events: tuple[ev.Event, ...]
    stop: Instant
    resume: Instant | None
    hello: bool
    making: Duration | None
    """What its reply took to be made, from when it was begun to its first audio; None where it has none."""
    waited: Duration | None
    """How long it really was to the first audio."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound over the agent. ``meant``: there were words in it that are more than "mm-hm"."""

    state: TurnState
    policy: TurnPolicy
    events: tuple[ev.Event, ...]
    at: Instant
    meant: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call's moments."""

    call: str
    pauses: tuple[Pause, ...]
    sounds: tuple[Sound, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Where something happened: a call, and the second of it."""

    call: str
    second: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What values do to calls. ``reply_ms``: of the typical reply, from the caller's last sound to the first audio; None without any."""

    reply_ms: float | None
    replies: int
    cut: tuple[Seen, ...]
    """Callers who had only paused, and were spoken over."""
    hello: tuple[Seen, ...]
    """Callers who asked whether anybody was there, because nothing had come yet."""
    stopped: tuple[Seen, ...]
    """Stops for a sound without a meaning."""


def recorded(lines: Sequence[str], name: str) -> Recorded:
    """The moments of a call's trace. Raises ConfigError for what is no trace."""
    head, events = read_lines(lines, name)
    policy = TurnPolicy.of(head["policy"])
    run = _run(list(events), policy)
    return Recorded(name, tuple(_pauses(run, policy)), tuple(_sounds(run, policy)))


def timing(calls: Sequence[Recorded], plan: TurnPlan) -> Timing:
    """What these values would have done to the calls."""
    makings = [pause.making for call in calls for pause in call.pauses if pause.making is not None]
    usual = median_low(makings) if makings else 0
    values = plan.model_dump()
    replies: list[float] = []
    found: dict[str, list[Seen]] = {"cut": [], "hello": [], "stopped": []}
    for call in calls:
        for pause in call.pauses:
            waited = _waited(pause, _changed(pause.policy, values), usual)
            _judge(call.call, pause, waited, replies, found)
        for sound in call.sounds:
            if not sound.meant and _stops(sound, _changed(sound.policy, values)):
                found["stopped"].append(Seen(call.call, sound.at / MS / 1_000))
    return Timing(
        reply_ms=median_low(replies) if replies else None,
        replies=len(replies),
        cut=tuple(found["cut"]),
        hello=tuple(found["hello"]),
        stopped=tuple(found["stopped"]),
    )


# -- the call as it was ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moment:
    event: ev.Event
    before: TurnState
    after: TurnState
    decided: tuple[Decision, ...]


_Turns = tuple[dict[int, Instant], dict[int, Duration]]


def _run(events: list[ev.Event], policy: TurnPolicy) -> list[_Moment]:
    state, found = initial(), []
    for event in events:
        decided: list[Decision] = []
        after = feed(state, event, policy, decided)
        found.append(_Moment(event, state, after, tuple(decided)))
        state = after
    return found


def _pauses(run: list[_Moment], policy: TurnPolicy) -> Iterator[Pause]:
    turns = _turns(run)
    for at, one in enumerate(run):
        free = isinstance(one.before.agent, Quiet | Preparing) and isinstance(one.after.agent, Quiet | Preparing)
        if free and isinstance(one.before.user, Speaking) and isinstance(one.after.user, Trailing):
            yield _pause(run, at, policy, turns)


def _pause(run: list[_Moment], at: int, policy: TurnPolicy, turns: _Turns) -> Pause:
    stop, resume, audible, making, asked = _stopped(run[at].after), None, None, None, None
    begun, made = turns
    events: list[ev.Event] = []
    last = at
    for index in range(at, len(run)):
        one, last = run[index], index
        if isinstance(one.event, ev.SpeechStarted) and isinstance(one.after.user, Speaking) and not isinstance(one.before.user, Speaking):
            resume = min(one.event.since, one.event.at)
            break
        if isinstance(one.event, ev.Hangup | ev.Dtmf | ev.Command):
            break
        if audible is not None and one.event.at > audible + REACTION:
            break
        if audible is None:
            if isinstance(one.event, _WORLD):
                events.append(one.event)
            stop = _stopped(one.after) if isinstance(one.after.user, Trailing) else stop
            asked = next((each.effect.turn for each in one.decided if is_shift(each.effect)), asked)
        if audible is None and isinstance(one.after.agent, Talking):
            audible, number = one.event.at, one.after.agent.turn
            # Where the answer failed and a fixed line was said for it, that is what the answer took.
            making = made.get(number) if asked in {None, number} else audible - begun.get(asked, stop)
    hello = resume is not None and _hello(run, last)
    waited = None if audible is None else audible - stop
    return Pause(run[at].before, policy, tuple(events), stop, resume, hello, making, waited)


def _stopped(state: TurnState) -> Instant:
    return state.user.stopped if isinstance(state.user, Trailing) else 0


def _turns(run: list[_Moment]) -> _Turns:
    """When each reply was begun, and what it took from there to its first audio."""
    begun = {each.effect.turn: each.at for one in run for each in one.decided if isinstance(each.effect, fx.OpenTurn | fx.Prompt)}
    heard = {one.event.turn: one.event.at for one in reversed(run) if isinstance(one.event, ev.ReplyAudio)}
    return begun, {turn: at - begun[turn] for turn, at in heard.items() if turn in begun}


def _hello(run: list[_Moment], at: int) -> bool:
    """Whether what the caller says from here on asks for somebody: their words until they stop for good."""
    said = ""
    for one in run[at:]:
        text = one.after.text
        if text:
            said = text
        elif said or isinstance(one.event, ev.Hangup):
            break
    words, known = _words(said), _words(run[at].before.text)
    return bool(_HELLO.search(words.removeprefix(known).strip()))


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _sounds(run: list[_Moment], policy: TurnPolicy) -> Iterator[Sound]:
    for at, one in enumerate(run):
        if not (isinstance(one.event, ev.SpeechStarted) and isinstance(one.before.agent, Talking) and isinstance(one.after.user, Speaking)):
            continue
        if isinstance(one.before.user, Speaking):
            continue
        events: list[ev.Event] = []
        said = ""
        for each in run[at:]:
            if isinstance(each.event, _OVER):
                events.append(each.event)
            said = each.after.text or said
            if each is not one and isinstance(each.after.user, Silent):
                break
        yield Sound(one.before, policy, tuple(events), one.event.at, bool(real_words(said, policy.locale)))


# -- and with other values -------------------------------------------------------------------------------------------------


def _changed(policy: TurnPolicy, values: Mapping[str, Any]) -> TurnPolicy:
    """These values where the call had its own; what it was told besides, such as who decides on turns, stays."""
    return replace(TurnPolicy.of(values), vendor_ends=policy.vendor_ends, locale=policy.locale)


def _waited(pause: Pause, policy: TurnPolicy, usual: Duration) -> Duration | None:
    """From the caller's last sound to the reply's first audio, had they waited for it; None where nothing would have been said."""
    decided: list[Decision] = []
    state = _without_ahead(pause.state, policy)
    for event in pause.events:
        state = feed(until(state, event.at, policy, decided), event, policy, decided)
    while _shift(decided) is None and (due := deadline(state)) is not None and due <= pause.stop + LONGEST:
        state = feed(state, ev.Tick(due), policy, decided)
    shift = _shift(decided)
    if shift is None:
        return None
    at, number = shift
    begun = next((one.at for one in decided if isinstance(one.effect, fx.OpenTurn) and one.effect.turn == number), pause.stop)
    making = usual if pause.making is None else pause.making
    return max(at, begun + making) - pause.stop


def _shift(decided: list[Decision]) -> tuple[Instant, int] | None:
    """When the caller's turn was taken for over, and the turn that answers it."""
    return next(((one.at, one.effect.turn) for one in decided if is_shift(one.effect)), None)


def _without_ahead(state: TurnState, policy: TurnPolicy) -> TurnState:
    """A reply that was begun while the caller spoke is there under these values only if they would have begun it."""
    limits = policy.endpointing
    ahead = isinstance(state.agent, Preparing) and state.agent.speculative
    if ahead and not (policy.ahead and state.score >= max(limits.sure, limits.eager)):
        return replace(state, agent=Quiet())
    return state


def _judge(call: str, pause: Pause, waited: Duration | None, replies: list[float], found: Mapping[str, list[Seen]]) -> None:
    seen = Seen(call, pause.stop / MS / 1_000)
    patience = None if pause.resume is None else pause.resume - pause.stop
    if patience is None:
        if waited is not None:
            replies.append(waited / MS)
    elif pause.hello:
        if waited is None or waited >= patience:
            found["hello"].append(seen)
        else:
            replies.append(waited / MS)
    elif waited is not None and waited < patience:
        found["cut"].append(seen)


def _stops(sound: Sound, policy: TurnPolicy) -> bool:
    """Whether the agent gives up what it was saying."""
    decided: list[Decision] = []
    state = sound.state
    for event in sound.events:
        state = feed(until(state, event.at, policy, decided), event, policy, decided)
    return any(isinstance(one.effect, fx.CancelTurn) and one.effect.why is fx.Why.BARGE_IN for one in decided)
