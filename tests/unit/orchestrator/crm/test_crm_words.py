"""Words by which contacts are found."""

from __future__ import annotations

from offhook.orchestrator.crm.words import LONGEST, MOST, after, words


def test_words_have_one_form() -> None:
    assert words("O'Neil-Lee, Ann") == {"o", "neil", "lee", "ann"}
    assert words("Straße", "STRASSE") == {"strasse"}
    assert words("ann.lee@example.com") == {"ann", "lee", "example", "com"}
    assert words("", " % ") == set()


def test_what_is_kept_has_an_end() -> None:
    assert words("x" * 500) == {"x" * LONGEST}
    assert len(words(" ".join(f"w{n}" for n in range(500)))) == MOST


def test_a_range_holds_what_begins_so_and_nothing_else() -> None:
    for word in ("ann", "annabel", "ann_%", "ann\u00e9", "ann\U0001f600"):
        assert "ann" <= word < after("ann")
    for word in ("an", "am", "ano", "b", "\u00e4nn"):
        assert not "ann" <= word < after("ann")
