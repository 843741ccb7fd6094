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
            found.extend([clause.text async for clause in words.clauses()])

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.lowlevel.checkpoint()
            words.add(Item("a", "One thing. An"))
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            assert found == [] or found == ["One thing."]
            words.add(Item("a", "other."))
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


def test_pieces_are_the_words_that_are_whole_so_far() -> None:
    ledger = Ledger()
    words = Words(ledger, lambda _: None, pieces=True)
    for delta in ("Su", "re, I ", "can ", "do th", "at. And", " more."):
        words.add(Item("a", delta))
    words.end()
    texts = [entry.text for entry in _taken(words)]
    assert texts == ["Sure, I ", "can ", "do ", "that.", "And ", "more."], "more of the sentence follows a blank"
    assert words.text == "Sure, I can do that. And more."
    assert all(" ".join(texts).startswith(" ".join(texts[:n])) for n in range(len(texts)))


def test_nothing_to_say_is_nothing() -> None:
    words = Words(Ledger(), lambda _: None)
    words.put(Item("a", "  "))
    words.end()
    assert _taken(words) == []
    assert words.text == ""
