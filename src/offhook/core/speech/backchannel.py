"""Backchannels: sounds that say "I am listening" and claim no floor. Data by language."""

from __future__ import annotations

import re

_ENGLISH = """
mm, mmm, mhm, mm-hm, mm hm, mm-hmm, mm hmm, hm, hmm, uh-huh, uh huh, aha, ah, oh, uh, um, er, erm
okay, ok, kay, right, sure, yeah, yep, yes, yup, i see, got it, gotcha, alright, all right, of course
great, good, fine, lovely, perfect, cool, nice, really, indeed, exactly, thanks, thank you
that's right, that's fine, that's good, sounds good, you, the, a
"""
_PHRASES = {"en": frozenset(phrase.strip() for phrase in _ENGLISH.replace("\n", ",").split(",") if phrase.strip())}
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_LONGEST = 3


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def real_words(text: str, locale: str) -> int:
    """How many words of the text are no backchannel. An unknown language has no backchannels."""
    phrases = _PHRASES.get(locale.partition("-")[0], frozenset())
    words = _words(text)
    count = index = 0
    while index < len(words):
        for length in range(min(_LONGEST, len(words) - index), 0, -1):
            if " ".join(words[index : index + length]).strip() in phrases:
                index += length
                break
        else:
            count += 1
            index += 1
    return count


def is_backchannel(text: str, locale: str) -> bool:
    """Whether the text is nothing but backchannels; no words at all are none."""
    return bool(_words(text)) and real_words(text, locale) == 0
