"""Scripts from text that is not in a file."""

from __future__ import annotations

import pytest

from offhook.authoring.load import ScriptError, inspect, parse

BROKEN = """offhook: 1
id: desk
start: greet
universals: {human: bye}
states:
  greet: {say: Hello., next: bay}
  bye: {say: Goodbye., end: done}
outcomes: {done: good}
"""


def test_faults_of_a_text_have_its_lines() -> None:
    plain, lines = parse(BROKEN)
    found = {(".".join(map(str, fault.path)), fault.line) for fault in inspect(plain, lines)}
    assert ("states.greet.next", 6) in found
    assert not inspect(*parse(BROKEN.replace("bay", "bye")))
    assert {fault.line for fault in inspect(plain)} == {0}


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "",
        "a: [",
        "a: 1\na: 2",
        "a: !!int x",
        "a: !!timestamp 2020-99-99",
        "a: " + "[" * 5_000,
        "a: '\x01'",
        "a: &a [" + "x," * 900 + "]\n" + "".join(f"{n}: [*a]\n" for n in range(60)),
    ],
)
def test_a_text_that_is_no_document_is_a_fault(text: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(text)
    assert caught.value.faults[0].code == "S091"


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system ['true']", "!!omap [a: b]", "a: !foo {b: c}", "? [a]\n: b"])
def test_tags_make_nothing_but_plain_values(text: str) -> None:
    plain, _ = parse(text)
    assert inspect(plain)
