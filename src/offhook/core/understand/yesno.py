"""Yes and no, in the many words that people use for them."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re

from offhook.core.understand.numbers import explains
from offhook.core.understand.types import Context, Found

# Longest and most telling first. A "no" that only sounds like a "yes" ("no problem", "not at all" after "do you mind") is listed before.
_YES = (
    r"no (?:problem|worries)(?: at all)?",
    r"(?:yes|yeah|yep),? (?:please|of course|that(?:'s| is) (?:right|correct|fine|it)|go ahead|sure|definitely)",
    r"that(?:'s| is|s| sounds| works| would be| will be|'ll be|'d be)? (?:absolutely |perfectly |all |very )?"
    r"(?:right|correct|fine|it|perfect|good|great|lovely|okay|ok|true|the one|me|works|wonderful|brilliant|ideal)",
    r"(?:sounds|looks|seems) (?:absolutely |very )?(?:right|correct|fine|perfect|good|great|lovely|okay|ok)",
    r"that (?:works|will do|does|would)(?: for me)?",
    r"(?:go ahead|go for it|please do|do it|do that|let's do (?:it|that)|book it|carry on|make it so|that'll do|that's it)",
    r"i (?:do|am|would|will|have|can|did|think so|guess so|believe so|suppose so|hope so|agree|confirm)(?! not\b|n't\b)",
    r"(?:it|they|we|you|he|she) (?:is|does|do|are|has|have|did|was)(?= *[.!,]?$)",
    r"(?:of course|by all means|why not|sure thing|all right|alright|you bet|too right|spot on|mm-?hm+|mhm+|uh-?huh|no doubt)",
    r"(?:yes|yeah|yea|yep|yup|yah|ya|aye|si|correct|right|sure|certainly|absolutely|definitely|indeed|exactly|affirmative|positive|"
    r"okay|ok|fine|perfect|totally|please|true|great|approved)",
)
_NO = (
    r"(?:no|nope|nah)[, ]+(?:thanks|thank you|that(?:'s| is) (?:all|it|everything|wrong|not right|okay|fine)|not really|i (?:don't|do not|didn't|haven't|"
    r"won't|can't|wouldn't|am not)|it (?:isn't|is not|doesn't)|i'm (?:not|good|fine|okay)|don't|it's not)",
    r"not (?:really|yet|at all|today|now|this time|quite|right|correct|exactly|particularly|me|any ?more|necessary|needed|that i know of|"
    r"as far as i know|at the moment|for now|just now|a chance|so|sure about that|interested|true)",
    r"(?:that|this|it|you)(?:'s| is| are|'re|s)? (?:not (?:right|correct|it|what i said|true|quite right|the one|my|the|how)|wrong|incorrect|false|a mistake)",
    r"(?:that|it) (?:isn't|is not|wasn't|ain't|doesn't)(?: (?:right|correct|it|true|what i said|work))?",
    r"you(?:'ve| have) got (?:it|that) wrong",
    r"i (?:don't|do not|didn't|did not|wouldn't|would not|won't|will not|haven't|have not|can't|cannot|am not|disagree)(?: (?:think so|want (?:to|it|that)|"
    r"believe so|agree|have (?:one|any)))?",
    r"i'm (?:not|good|fine|all right|alright)(?: thanks| thank you)?",
    r"(?:don't|do not|please don't|no way|never mind|nothing else|nothing|none|neither|wrong|incorrect|false|never|negative|certainly not|"
    r"of course not|absolutely not|definitely not|no chance)",
    r"(?:no|nope|nah|naw|nay|uh-uh|nuh-uh)",
)
_SHORT = r"(?<![\w'])(?:{})(?![\w'])"
_YES_RE = tuple(re.compile(_SHORT.format(each)) for each in _YES)
_NO_RE = tuple(re.compile(_SHORT.format(each)) for each in _NO)
_EXTRA = frozenset(
    (
        "yes no not really that's thats correct right all absolutely definitely exactly course does do did works me very much indeed hm "
        "mhm i'm quite perfect dear lovely brilliant sounds looks ahead go nope nah everything else nothing don't mind by means too "
        "already fine we're them still though today ta mr mrs sir madam ma'am no' yea yah"
    ).split()
)
_WEAK = frozenset(
    {
        "please",
        "okay",
        "ok",
        "fine",
        "right",
        "great",
        "perfect",
        "sure",
        "nothing",
        "none",
        "never",
        "all right",
        "alright",
        "true",
        "ya",
        "si",
    }
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """``True`` or ``False``. The first word decides ("no, that's right" is a no said with little confidence)."""
    del context
    low = text.casefold().replace("’", "'")
    if len(low) != len(text):
        low = text.lower().replace("’", "'")[: len(text)]
    yes, no = _first(_YES_RE, low), _first(_NO_RE, low)
    if yes is None and no is None:
        return []
    value = no is None or (yes is not None and _before(yes, no))
    one, other = (yes, no) if value else (no, yes)
    if one is None:
        return []
    start, end = one
    whole = explains(text, start, end, _EXTRA)
    sure = 0.97 if whole else 0.75 if low[:start].strip(" ,.!") in {"", "oh", "um", "uh", "well", "er"} else 0.45
    if low[start:end] in _WEAK:
        sure -= 0.12 if whole else 0.35
    if other is not None and not (other[0] < end and other[1] > start):
        sure -= 0.3
    if not asked:
        sure -= 0.15
    if "not sure" in low or "don't know" in low:
        sure -= 0.4
    if "?" in text:
        sure -= 0.3
    if sure < 0.15:
        return []
    return [Found("yes_no", value, text[start:end], start, end, round(sure, 2), whole)]


def _first(rules: tuple[re.Pattern[str], ...], text: str) -> tuple[int, int] | None:
    spans = [m.span() for rule in rules if (m := rule.search(text))]
    return min(spans, key=lambda s: (s[0], -s[1])) if spans else None


def _before(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Earlier, or at the same place longer ("no problem" over "no")."""
    if one[0] < other[0]:
        return one[1] <= other[0] or one[1] >= other[1]
    return one[0] == other[0] and one[1] > other[1]
