"""Words by which contacts are found."""

from __future__ import annotations

from offhook.orchestrator.crm.words import LONGEST, MOST, pattern, words


def test_words_have_one_form() -> None:
    assert words("O'Neil-Lee, Ann") == {"o", "neil", "lee", "ann"}
    assert words("Straße", "STRASSE") == {"strasse"}
    assert words("ann.lee@example.com") == {"ann", "lee", "example", "com"}
    assert words("", " % ") == set()


def test_what_is_kept_has_an_end() -> None:
    assert words("x" * 500) == {"x" * LONGEST}
    assert len(words(" ".join(f"w{n}" for n in range(500)))) == MOST


def test_a_pattern_means_what_it_says() -> None:
    assert pattern("ann") == "ann%"
    assert pattern("a_b%c\\d") == "a\\_b\\%c\\\\d%"
