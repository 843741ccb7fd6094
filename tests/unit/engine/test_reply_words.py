"""Words on their way to the voice."""

from __future__ import annotations

import anyio

from offhook.core.script.dialogue import Item
from offhook.core.speech.heard import Ledger
from offhook.engine.phrases import Clip, Part
from offhook.engine.words import Clause, Ready, Words

HELLO = Clip(b"\x00" * 80, (Part("Hello.", 80),))


def _taken(words: Words) -> list[Clause | Ready]:
    async def main() -> list[Clause | Ready]:
        found = []
        while (entry := await words.next()) is not None:
            words.take()
            found.append(entry)
        return found

    return anyio.run(main)


def test_items_are_cut_into_clauses_and_kept_phrases_are_not() -> None:
    words = Words(Ledger(), lambda text: HELLO if text == "Hello." else None)
    words.put(Item("a", "Hello."))
    words.put(Item("b", "We are open until six. What is it?"))
    words.end()
    assert _taken(words) == [Ready("a", "Hello.", HELLO), Clause("b", "We are open until six."), Clause("b", "What is it?")]
    assert words.text == "Hello. We are open until six. What is it?"


def test_the_reader_waits_for_what_comes() -> None:
    async def main() -> None:
        words = Words(Ledger(), lambda _: None)
        found: list[str] = []

        async def read() -> None:
            while isinstance(entry := await words.next(), Clause):
                words.take()
                found.append(entry.text)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.lowlevel.checkpoint()
            words.put(Item("a", "One thing."), more=True)
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            assert found == ["One thing."]
            words.put(Item("a", "Another."), more=True)
            words.end()
        assert found == ["One thing.", "Another."]

    anyio.run(main)


def test_an_item_is_not_whole_while_more_of_it_may_come() -> None:
    ledger = Ledger()
    words = Words(ledger, lambda _: None)
    words.put(Item("a", "First part."), more=True)
    ledger.add("First part.", 800, item="a")
    assert ledger.items(800) == [("a", "First part.", False)]
    words.put(Item("a", "Second part."), more=True)
    ledger.add("Second part.", 800, item="a")
    assert ledger.items(1_600)[0][2] is False
    words.put(Item("b", "A question?"))
    assert ledger.items(1_600)[0] == ("a", "First part. Second part.", True)
    assert ledger.items(1_600)[1] == ("b", "", False)


def holding(ledger: Ledger | None = None, *, pieces: bool = True) -> Words:
    words = Words(ledger or Ledger(), lambda text: HELLO if text == "We can look. Hello." else None, pieces=pieces)
    words.hold(Item("a", "We can look"))
    return words


def test_held_words_are_the_beginning_of_the_item_that_is_put_and_the_rest_follows() -> None:
    ledger = Ledger()
    words = holding(ledger)
    assert ledger.items(0) == [], "nothing is meant yet"
    assert words.text == ""
    words.put(Item("a", "We can look into that. Shall we?"))
    words.end()
    first, *rest = _taken(words)
    assert isinstance(first, Clause)
    assert (first.text, first.held is not None and first.held.said) == ("We can look ", True), "more of the sentence follows a blank"
    assert rest == [Clause("a", "into that."), Clause("a", "Shall we?")]
    assert words.text == "We can look into that. Shall we?"
    for clause in ("We can look", "into that."):
        ledger.add(clause, 800, item="a")
    assert ledger.items(1_600) == [("a", "We can look into that.", False)]
    ledger.add("Shall we?", 800, item="a")
    assert ledger.items(2_400) == [("a", "We can look into that. Shall we?", True)]


def test_held_words_that_are_not_said_are_nowhere() -> None:
    for other in (Item("b", "We can look into that."), Item("a", "We can looking."), Item("a", "No.")):
        words = holding()
        words.put(other)
        words.end()
        assert _taken(words) == [Clause(other.id, other.text)]
    words = holding()
    words.end()
    assert _taken(words) == []


def test_a_kept_phrase_is_not_said_by_the_voice_because_it_had_its_first_words() -> None:
    words = Words(Ledger(), lambda text: HELLO if text == "We can look. Hello." else None, pieces=True)
    words.hold(Item("a", "We can"))
    words.put(Item("a", "We can look. Hello."))
    words.end()
    assert _taken(words) == [Ready("a", "We can look. Hello.", HELLO)]


def test_whoever_has_held_words_is_told_that_they_are_not_said() -> None:
    words = holding()
    [held] = [entry.held for entry in words._queue if isinstance(entry, Clause)]
    assert held is not None
    told: list[bool] = []
    held.withheld = lambda: told.append(True)
    words.take()
    words.put(Item("b", "Something else."))
    assert told == [True]
    assert held.said is False


def test_only_the_first_words_of_a_reply_are_held_and_only_for_a_voice_that_takes_pieces() -> None:
    assert not holding(pieces=False)._queue
    words = holding()
    assert not words.holds
    words.hold(Item("a", "We can look at"))
    assert len(words._queue) == 1
    words = Words(Ledger(), lambda _: None, pieces=True)
    words.put(Item("a", "Sure,"), more=True)
    words.hold(Item("a", "we can look"))
    words.end()
    assert _taken(words) == [Clause("a", "Sure,")]


def test_nothing_to_say_is_nothing() -> None:
    words = Words(Ledger(), lambda _: None)
    words.put(Item("a", "  "))
    words.end()
    assert _taken(words) == []
    assert words.text == ""
