"""Whatever a model answers: nothing is raised, nothing depends on how it was cut, and nothing unknown is said."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from offhook.authoring.load import load
from offhook.core.script.answer import AnswerReader
from offhook.core.script.claims import claims_of
from offhook.core.script.dialogue import Dialogue, Item
from offhook.core.script.facts import facts
from offhook.core.script.quote import locate
from offhook.core.script.reply import opens
from offhook.core.script.state import Ask, Run, Say
from offhook.core.script.turn import Turn, prepare
from offhook.core.understand.numbers import number_words
from offhook.core.understand.types import Context

DESK = load(Path(__file__).resolve().parents[2] / "examples" / "receptionist" / "receptionist.yaml").script
CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC))
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = ["my tap drips, what do you charge", "yes", "tomorrow at nine", "", "oh one six three two nine six oh one one one", "no, Friday"]


def calls() -> list[Dialogue]:
    """A call at its beginning, one in its middle, one at its read-back."""
    found = []
    for said in ([], ["my tap drips", "no rush"], ["my tap drips", "no rush", "4 Mill Lane, PO5 2AB", "Ann Lee", "01632 960111", "yes"]):
        dialogue = Dialogue(DESK, CONTEXT, {"open_now": True}, (("Hours", "We are open from eight to six on weekdays."),))
        proposal = dialogue.begin()
        for text in [*said, None]:
            dialogue.accept(proposal)
            for item in proposal.items:
                dialogue.spoken(item.id, item.text, whole=True)
            for run in proposal.runs:
                dialogue.tool_done(run.key, {"slots": ["Tuesday at nine", "Wednesday at two"]}, None)
            if text is not None:
                proposal = dialogue.answer(text)
        found.append(dialogue)
    return found


CALLS = calls()
BOOKS = [prepare(each) for each in CALLS]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["phone", "day", "need", "yes", "tap drips"]),
)
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)), max_leaves=12
)
names = st.sampled_from(
    "set correct affirm deny choose none_of_these skip raise ask use human cancel goodbye repeat help hold chitchat abuse "
    "unclear book".split()
)
_rest = {
    "quote": st.one_of(st.sampled_from([*TEXTS, "tap", "drips", "nine", "Friday"]), scalars),
    "option": st.one_of(st.just("yes"), scalars),
}
short = st.one_of(
    names,
    *(
        st.fixed_dictionaries({verb: st.one_of(st.sampled_from(sorted(known)), scalars)}, optional=_rest)
        for verb, known in {"set": DESK.slots, "correct": DESK.slots, "raise": DESK.topics, "use": DESK.tools, "choose": ["1"]}.items()
    ),
)
long = st.fixed_dictionaries(
    {"act": st.one_of(names, scalars)},
    optional={
        "slot": st.one_of(st.sampled_from(sorted(DESK.slots)), scalars),
        "quote": st.one_of(st.sampled_from([*TEXTS, "tap", "drips", "nine", "Friday"]), scalars),
        "option": st.one_of(st.sampled_from(["yes", "no", "new_job", "cancel", "today"]), scalars),
        "topic": st.one_of(st.sampled_from(sorted(DESK.topics)), scalars),
        "tool": st.one_of(st.sampled_from(sorted(DESK.tools)), scalars),
        "n": scalars,
    },
)
items = st.one_of(long, short)
words = st.one_of(
    st.none(),
    st.text(max_size=80),
    st.lists(
        st.sampled_from("I see. It is sixty pounds fifty Tuesday booked? ... Mr. Smith at nine \U0001f600 <b>".split()), max_size=20
    ).map(" ".join),
)
answers = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    anything.map(lambda value: json.dumps(value)),
    st.builds(lambda acts, say: json.dumps({"acts": acts, "say": say}), st.lists(st.one_of(items, anything), max_size=5), words),
    st.builds(lambda acts, say, cut: json.dumps({"acts": acts, "say": say})[:cut], st.lists(items, max_size=4), words, st.integers(0, 200)),
)


def played(call: int, text: str, pieces: list[str]) -> tuple[Any, ...]:
    """All that comes of an answer in pieces."""
    before = CALLS[call].state
    turn = Turn(CALLS[call], text, BOOKS[call])
    spoken: list[Item] = []
    for piece in pieces:
        spoken += turn.feed(piece)
    spoken += turn.finish()
    assert turn.proposal is not None
    assert turn.done
    assert tuple(spoken) == turn.proposal.items
    assert CALLS[call].state == before, "no state is moved"
    return turn.by, turn.why, turn.proposal.items, turn.proposal.after, turn.proposal.outs


@SLOW
@given(st.integers(0, 2), st.sampled_from(TEXTS), answers, st.lists(st.integers(0, 250), max_size=6))
@example(0, TEXTS[0], '{"acts": [{"act": "raise", "topic": "fee"}], "say": "I see. It is \\u00a360. Is it?"}', [3, 60, 61])
def test_any_answer_cut_anywhere_gives_one_reply_and_never_an_error(call: int, text: str, answer: str, cuts: list[int]) -> None:
    edges = sorted({0, len(answer), *(each for each in cuts if each < len(answer))})
    pieces = [answer[a:b] for a, b in itertools.pairwise(edges)]
    whole = played(call, text, [answer])
    assert played(call, text, pieces) == whole
    assert played(call, text, list(answer)) == whole
    asked = [each for each in whole[4] if isinstance(each, Ask)]
    assert len(asked) <= 1
    for run in (each for each in whole[4] if isinstance(each, Run)):
        # A write runs only after the caller's own yes to the read-back.
        assert run.effect == "read" or (call == 2 and text == "yes")


@SLOW
@given(st.lists(st.one_of(answers, st.text(alphabet='{}[]",:\\u"acts say', max_size=40)), max_size=3))
def test_the_reader_never_raises(pieces: list[str]) -> None:
    reader = AnswerReader()
    for piece in pieces:
        reader.feed(piece)
    reader.finish()
    reader.feed("more")


@SLOW
@given(
    st.integers(2, 999_999),
    st.sampled_from(["{} pounds", "\u00a3{}", "{} o'clock", "the {}th", "number {}", "{} people", "{} minutes", "about {}"]),
    st.booleans(),
)
def test_no_number_that_is_unknown_is_ever_said(number: int, shape: str, spelled: bool) -> None:
    claim = shape.format(number_words(number) if spelled and "\u00a3" not in shape and "th" not in shape else number)
    for call, dialogue in enumerate(CALLS):
        turn = Turn(dialogue, TEXTS[0], BOOKS[call])
        turn.feed(json.dumps({"acts": [{"act": "raise", "topic": "fee"}], "say": f"Well. It is {claim} for that. Fine."}))
        turn.finish()
        assert turn.proposal is not None
        known = claims_of(" ".join(each.text for each in (*turn.proposal.outs,) if isinstance(each, Say | Ask)), "en-GB")
        known_numbers = {figures for figures, _ in known.numbers} | {"60", "8", "6", "9", "2", "1", "5", "4"}
        said = {figures for item in turn.proposal.items for figures, _ in claims_of(item.text, "en-GB").numbers}
        assert said <= known_numbers, (claim, turn.proposal.items)


@SLOW
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_quote_is_whole_words_of_the_text(quote: str, text: str) -> None:
    span = locate(quote, text)
    if span is not None:
        start, end = span
        assert 0 <= start < end <= len(text)
        assert locate(text[start:end], text) is not None


_phrases = st.sampled_from(
    "Sure, |Of course, |I'm sorry to hear that, |I see, |Thanks; |If so, |We will, |The fee, |sixty pounds |five pounds |on Tuesday "
    "|that is booked |we look at it |Zoltan comes |you listen for a telephone agent |all of it, ".split("|")
)


@SLOW
@given(st.lists(_phrases, min_size=1, max_size=8).map("".join))
@example("Sure, Zoltan knows that")
@example("I see, we will, of course, look at it")
def test_what_is_let_out_before_its_sentence_is_known_begins_the_sentence_or_claims_nothing(say: str) -> None:
    turn = Turn(CALLS[0], TEXTS[0], BOOKS[0])
    whole = f"{say.rstrip(' ,;')}."
    heard: list[str] = []
    for char in json.dumps({"acts": [{"raise": "fee"}], "say": whole}):
        heard += [item.text for item in turn.feed(char)]
    assert turn.done
    assert turn.proposal is not None
    authors = {out.text for out in turn.proposal.outs if isinstance(out, Say | Ask)}
    own = [text for text in heard if text not in authors]
    assert heard[: len(own)] == own, "the author's words follow, and end the reply"
    known = facts(BOOKS[0], DESK, turn.proposal.after)
    begun = re.match(r"[^,;]*[,;](?=\s)", whole)
    opening = begun[0] if begun and opens(begun[0][:-1], "en-GB") else ""
    if opening:
        assert not known.against(opening)
    holds = not known.against(whole) and not known.against(whole.removeprefix(opening).strip())
    assert " ".join(own) == (whole if holds else opening)
