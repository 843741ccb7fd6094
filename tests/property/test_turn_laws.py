"""The laws of turn-taking on long traces: any events, at any times, in any order."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from offhook.core.speech.heard import Ledger
from offhook.core.time import SECOND, ms
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.laws import check
from offhook.core.turn.policy import TurnPolicy
from offhook.core.turn.state import Phase, Talking, TurnState, initial
from offhook.core.turn.step import deadline, step

POLICY = TurnPolicy(max_call_ms=ms(90_000), transfer_ms=ms(60_000))
TEXTS = st.sampled_from(["", "mm-hm", "okay", "no", "yes please", "I would like to book a visit", "...", "no no no"])
SCORES = st.floats(0, 1)
TURNS = st.integers(-2, 1)
KINDS = (
    ev.SpeechStarted,
    ev.SpeechStopped,
    ev.Partial,
    ev.Final,
    ev.Settled,
    ev.Behind,
    ev.ShiftScored,
    ev.Dtmf,
    ev.ReplyAudio,
    ev.ReplyDone,
    ev.ReplyFailed,
    ev.Played,
    ev.Drained,
    ev.TurnEnding,
    ev.Taken,
    ev.ToolStarted,
    ev.ToolDone,
    ev.Command,
    ev.Transferred,
    ev.Tick,
)
Start: TypeAlias = list[tuple[type[ev.Event], int, dict[str, object]]]
COMMON = (ev.SpeechStarted, ev.SpeechStopped, ev.Partial, ev.Final, ev.ReplyAudio, ev.ReplyDone, ev.Drained)


@st.composite
def moves(draw: st.DrawFn) -> tuple[type[ev.Event], int, dict[str, object]]:
    """A kind of event, how long after the last one it comes (negative: out of order), and what it says."""
    kind = draw(st.sampled_from(KINDS + COMMON * 2))
    pause = draw(st.one_of(st.integers(0, ms(900)), st.just(0), st.integers(-ms(300), ms(6_000))))
    values: dict[str, object] = {}
    if kind in {ev.SpeechStarted, ev.SpeechStopped}:
        values["since"] = draw(st.integers(-SECOND, ms(50)))
    elif kind in {ev.Partial, ev.Final}:
        values = {"segment": draw(st.integers(0, 2)), "text": draw(TEXTS), "score": draw(SCORES)}
    elif kind is ev.ShiftScored:
        values["score"] = draw(SCORES)
    elif kind is ev.TurnEnding:
        values["sure"] = draw(st.booleans())
    elif kind is ev.Dtmf:
        values["digit"] = draw(st.sampled_from("0123456789*#A"))
    elif kind in {ev.ReplyAudio, ev.ReplyDone, ev.Drained, ev.Taken, ev.ReplyFailed, ev.Played}:
        values["turn"] = draw(TURNS)
        values |= {"why": "Timeout"} if kind is ev.ReplyFailed else {"sample": 160} if kind is ev.Played else {}
    elif kind in {ev.ToolStarted, ev.ToolDone}:
        values["call"] = draw(st.integers(1, 3))
    elif kind is ev.Command:
        values = {"kind": draw(st.sampled_from(["say", "transfer", "say", "end", "hush"])), "text": "line"}
    elif kind is ev.Transferred:
        values["ok"] = draw(st.booleans())
    return kind, pause, values


def _event(kind: type[ev.Event], at: int, state: TurnState, values: dict[str, object]) -> ev.Event:
    told = dict(values)
    for name, about in (("turn", state.next_turn), ("since", at)):
        if name in told:
            told[name] = about + int(str(told[name]))
    return kind(at, **told)  # type: ignore[arg-type]


def _run(start: Start, *, punctual: bool) -> tuple[list[ev.Event], list[tuple[fx.Effect, ...]], TurnState]:
    """The events as fed, the effects, the end. ``punctual``: every deadline's tick comes when it is due, as the driver does it."""
    state = initial()
    fed: list[ev.Event] = []
    seen: list[tuple[fx.Effect, ...]] = []

    def feed(event: ev.Event) -> None:
        nonlocal state
        outcome = step(state, event, POLICY)
        check(state, event, outcome.state, outcome.effects, POLICY)
        state = outcome.state
        fed.append(event)
        seen.append(outcome.effects)

    feed(ev.Answered(0))
    now = 0
    for kind, pause, values in start:
        at = max(0, now + pause)
        while punctual and (due := deadline(state)) is not None and due <= at:
            feed(ev.Tick(due))
        feed(_event(kind, at, state, values))
        now = max(now, at)
    return fed, seen, state


@settings(max_examples=250, deadline=None)
@given(st.lists(moves(), min_size=5, max_size=90), st.booleans())
def test_every_step_of_any_trace_keeps_the_laws(start: Start, punctual: bool) -> None:
    fed, seen, state = _run(start, punctual=punctual)
    again = initial()
    for event, effects in zip(fed, seen, strict=True):
        outcome = step(again, event, POLICY)
        assert outcome.effects == effects
        again = outcome.state
    assert again == state


ASKED: tuple[type[ev.Event], int, dict[str, object]] = (ev.Command, 0, {"kind": "transfer", "text": "line"})
WAITS: Start = [(ev.SpeechStarted, 0, {"since": 0}), ASKED, (ev.ReplyDone, 0, {"turn": -1}), ASKED]
"""A caller who is still waited for and to be put through when the call's limit comes, of which they are told."""


@settings(max_examples=250, deadline=None)
@example(WAITS, False)
@given(st.lists(moves(), max_size=60), st.booleans())
def test_ticks_alone_end_any_call(start: Start, punctual: bool) -> None:
    fed, seen, state = _run(start, punctual=punctual)
    opened = sum(isinstance(effect, fx.OpenTurn | fx.Prompt) for effects in seen for effect in effects)
    closed = sum(isinstance(effect, fx.CancelTurn | fx.CommitTurn) for effects in seen for effect in effects)
    now = max(event.at for event in fed)
    for _ in range(40):
        due = deadline(state)
        if due is None:
            break
        assert due <= now + POLICY.max_call_ms + (POLICY.closing_ms if state.phase is Phase.CLOSING else 0)
        outcome = step(state, ev.Tick(due), POLICY)
        check(state, ev.Tick(due), outcome.state, outcome.effects, POLICY)
        state = outcome.state
        opened += sum(isinstance(effect, fx.OpenTurn | fx.Prompt) for effect in outcome.effects)
        closed += sum(isinstance(effect, fx.CancelTurn | fx.CommitTurn) for effect in outcome.effects)
    assert state.phase is Phase.ENDED
    assert opened == closed


@settings(max_examples=150, deadline=None)
@given(st.lists(moves(), max_size=40))
def test_a_hangup_ends_any_call_and_the_end_absorbs(start: Start) -> None:
    fed, _, state = _run(start, punctual=True)
    now = max(event.at for event in fed)
    ended = step(state, ev.Hangup(now), POLICY).state
    assert ended.phase is Phase.ENDED
    assert not isinstance(ended.agent, Talking)
    for kind, pause, values in start:
        outcome = step(ended, _event(kind, max(0, now + pause), ended, values), POLICY)
        assert outcome.state == ended
        assert all(isinstance(effect, fx.Ignored) for effect in outcome.effects)


CLAUSE = st.lists(
    st.sampled_from(["Yes,", "a", "plumber", "can", "come", "on", "Wednesday.", "at", "2:30", "internationally"]), min_size=1, max_size=9
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CLAUSE, st.lists(st.integers(0, 9_000), min_size=1, max_size=4), st.booleans()), max_size=6), st.data())
def test_heard_text_is_a_prefix_and_grows_while_the_audio_comes(
    clauses: list[tuple[list[str], list[int], bool]], data: st.DataObject
) -> None:
    ledger = Ledger()
    sent: list[str] = []
    played = 0
    heard = ""
    for words, pieces, timed in clauses:
        ledger.begin(" ".join(words))
        sent.extend(words)
        for samples in pieces:
            ledger.grow(samples)
            played = data.draw(st.integers(played, max(played, ledger.samples)))
            part = ledger.heard(played).split()
            assert part == sent[: len(part)]
        ends = [(word, sum(pieces) * (index + 1) // len(words)) for index, word in enumerate(words)]
        ledger.finish(ends if timed else ())
        assert ledger.text == " ".join(sent)
        for sample in sorted({0, played, ledger.samples, data.draw(st.integers(0, ledger.samples))}):
            more = ledger.heard(sample).split()
            assert more == sent[: len(more)]
        heard = ledger.heard(ledger.samples)
    assert not clauses or heard == " ".join(sent) or not ledger.samples or any(not sum(pieces) for _, pieces, _ in clauses)
