"""A model's answer as it comes: whole or half, fenced, plain, or nothing that could be read."""

from __future__ import annotations

import json

import pytest

from offhook.core.script.answer import DEEPEST, LONGEST, ActsRead, AnswerEvent, AnswerReader, Asks, Bad, Plain, SayDelta, SayEnd


def read(text: str, size: int = 0) -> list[AnswerEvent]:
    """All events of a text given in pieces of a size, words that follow each other joined."""
    reader = AnswerReader()
    found: list[AnswerEvent] = []
    for at in range(0, len(text), size or len(text) or 1):
        found += reader.feed(text[at : at + (size or len(text))])
    found += reader.finish()
    assert reader.finish() == []
    joined: list[AnswerEvent] = []
    for each in found:
        last = joined[-1] if joined else None
        if isinstance(each, SayDelta) and isinstance(last, SayDelta):
            joined[-1] = SayDelta(last.text + each.text)
        elif isinstance(each, Plain) and isinstance(last, Plain):
            joined[-1] = Plain(last.text + each.text)
        else:
            joined.append(each)
    return joined


WHOLE = '{"acts": [{"act": "raise", "topic": "fee"}], "say": "It\\u2019s \\"sixty\\" pounds.\\nYes \\ud83d\\ude00"}'


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "  \n\ufeff{}  ", "```{}```"])
def test_an_answer_is_read_however_it_is_cut_and_wrapped(size: int, around: str) -> None:
    assert read(around.replace("{}", WHOLE), size) == [
        ActsRead(({"act": "raise", "topic": "fee"},)),
        SayDelta('It\u2019s "sixty" pounds. Yes \U0001f600'),
        SayEnd(),
    ]


def test_acts_are_given_as_soon_as_their_array_is_closed_and_words_as_they_come() -> None:
    reader = AnswerReader()
    assert reader.feed('{"acts": [{"act": "affirm"}') == []
    assert reader.feed("]") == [ActsRead(({"act": "affirm"},))]
    assert reader.feed(', "asks": null, "say": "Very') == [Asks(None), SayDelta("Very")]
    assert reader.feed(" well.") == [SayDelta(" well.")]
    assert reader.feed('"') == [SayEnd()]
    assert reader.feed("}") == []
    assert reader.finish() == []


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("Hello there.", [Plain("Hello there.")]),
        ("", [Bad("empty", True)]),
        ("   ", [Bad("empty", True)]),
        ("```", [Bad("empty", True)]),
        ("[1, 2]", [Bad("not an object", True)]),
        ("<say>hi</say>", [Bad("not an object", True)]),
        ('Sure! {"acts": []}', [Plain("Sure! "), Bad("braces in words", True)]),
        ("{}", []),
        ('{"acts": []}', [ActsRead(())]),
        ('{"acts": {}}', [Bad("acts are no list", True)]),
        ('{"acts": null}', [Bad("acts are no list", True)]),
        ('{"acts": [{"act": "affirm"', [Bad("cut off", True)]),
        ('{"acts": [}', [Bad("malformed"), Bad("malformed acts", True)]),
        ("{'acts': []}", [Bad("malformed", True)]),
        ('{"acts": [], "say": "Half', [ActsRead(()), SayDelta("Half"), Bad("cut off", True)]),
        ('{"acts": [], "say": null}', [ActsRead(()), SayEnd()]),
        ('{"acts": [], "say": 5}', [ActsRead(()), Bad("say is no text"), SayEnd()]),
        ('{"say": "Yes.", "acts": []}', [SayDelta("Yes."), SayEnd(), ActsRead(())]),
        ('{"acts": [], "acts": [1]}', [ActsRead(()), Bad("a field twice")]),
        ('{"acts": [{"act": "affirm", "act": "deny"}]}', [ActsRead((None,))]),
        ('{"acts": [NaN, Infinity, 1e999, 99999999999999]}', [ActsRead((None, None, None, None))]),
        ('{"acts": [], "more": {"a": [1]}}', [ActsRead(()), Bad("unknown field")]),
        ('{"acts": []} and so on', [ActsRead(()), Bad("more after the answer")]),
        ('{"acts": [], "say": "\\ud83dx \\q \\u12"}', [ActsRead(()), SayDelta("\ufffdx \ufffd \ufffd"), Bad("cut off", True)]),
    ],
)
@pytest.mark.parametrize("size", [0, 1])
def test_what_cannot_be_read_is_named(text: str, size: int, events: list[AnswerEvent]) -> None:
    assert read(text, size) == events


def test_too_deep_and_too_long_are_refused() -> None:
    assert read('{"acts": ' + "[" * (DEEPEST + 1)) == [Bad("too deep", True)]
    assert read('{"acts": ' + "[" * 100_000)[-1] == Bad("too deep", True)
    assert read("word " * LONGEST)[-1] == Bad("too long", True)
    assert read(json.dumps({"acts": [], "say": "a" * LONGEST}))[-1] == Bad("too long", True)
    assert read('{"acts": [' + "9" * 6_000 + "]}") == [ActsRead((None,))]


def test_half_of_a_pair_never_comes_out() -> None:
    for each in read('{"acts": [{"act": "\\ud800"}], "say": "\ud800 \\udc00"}'):
        match each:
            case ActsRead(items):
                json.dumps(items, ensure_ascii=False).encode()
            case SayDelta(text):
                assert text.encode().decode() == "\ufffd \ufffd"
            case _:
                assert each == SayEnd()
