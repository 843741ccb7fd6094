"""Which sounds claim no floor."""

from __future__ import annotations

import pytest

from offhook.core.speech.backchannel import is_backchannel, real_words


@pytest.mark.parametrize(
    "text", ["Mm-hm.", "mm hmm", "Okay, okay.", "Yeah", "I see.", "uh-huh, right", "OK great thanks", "That\u2019s right."]
)
def test_listening_sounds(text: str) -> None:
    assert is_backchannel(text, "en-GB")
    assert real_words(text, "en-GB") == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [("no", 1), ("wait", 1), ("stop it", 2), ("okay but Tuesday", 2), ("I see a leak", 1), ("", 0), ("...", 0), ("that's wrong", 2)],
)
def test_words_that_claim_the_floor_are_counted(text: str, count: int) -> None:
    assert real_words(text, "en") == count
    assert not is_backchannel(text, "en")


def test_an_unknown_language_has_no_backchannels() -> None:
    assert real_words("okay", "xx") == 1
    assert not is_backchannel("okay", "xx-YY")
