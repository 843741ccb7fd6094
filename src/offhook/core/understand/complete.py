"""How complete a caller's words sound, 0 to 1: below 0.3 a piece is missing, from 0.6 likely a whole turn, from 0.85 surely one.

Speech-to-text ends nearly everything with a full stop, so the stop counts little; what counts is the last word, whether
there is a verb, and whether the words answer what was asked. Digits being dictated are never complete too early.
"""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from offhook.core.understand import phone
from offhook.core.understand.address import STREETS
from offhook.core.understand.numbers import DIGIT_WORDS, REPEATS, Token, digit_runs, tokens, words_only
from offhook.core.understand.parse import parse
from offhook.core.understand.spelling import runs
from offhook.core.understand.types import Context, Offer


@dataclass(frozen=True, slots=True)
class Expect:
    """What was just asked for: a slot's type, None for an open question. ``digits``: how many, where that is known."""

    type: str | None = None
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()
    pattern: str | None = None
    spoken: str | None = None
    digits: tuple[int, int] | None = None


_SOME_DAY = datetime(2000, 1, 3, 9, 0, tzinfo=UTC)
_LENGTH = re.compile(
    r"^(?:for |about |around )*(?:half an?|an?|one|two|three|four|five|ten|fifteen|twenty|thirty|\d+)(?: and a half)? (?:hours?|minutes?|days?|weeks?|nights?)\W*$"
)
_DATE_STARTS = frozenset("next this last half past quarter the o oh coming following".split())

# A turn cannot end with these.
_OPEN = frozenset(
    (
        "and or but because cause if when while although though unless until since whereas whether than that's to for from with without "
        "of at in into on by about between under over through against towards toward during except like as the a an my your his her their "
        "our its this these some any every each i we they he she who whose which where i'm you're we're they're he's she's i'd we'd "
        "they'd i've we've they've i'll we'll you'll they'll um umm uh uhm er erm ah hmm so is are was were am be been has have had will "
        "would can could should might must may do does did very really quite too more most less just also even only not double triple "
        "plus dot underscore dash hyphen per via called named gonna wanna let's another other both neither either please-could called "
        "it's there's here's what's where's who's how's don't can't won't didn't doesn't isn't couldn't wouldn't need want get got going "
        "trying looking wondering thinking saying replied regarding concerning including unto upon around near after before"
    ).split()
)
_CLOSED_ANYWAY = re.compile(
    r"(?:^(?:(?:yes|no|yeah|yep|nope|oh|well|so|i think|i believe|of course|sure|indeed|and|but) )*(?:it|that|they|we|you|he|she|there|i|this) "
    r"(?:is|are|am|was|were|do|does|did|has|have|had|will|would|can|could|should|don't|doesn't|didn't|can't|won't|wouldn't|haven't|isn't|need|want)"
    r"|\b(?:what|who|where|how|which|whether|when|why)\b.* (?:it|that|they|we|you|he|she|there|i|this|one) (?:is|are|am|was|were|do|does|did|has|have|can|need|want|get|got|mean)"
    r"|\b(?:what|who|where|when|how|which) (?:is|are|was|were) (?:it|that|this|they|he|she|these)"
    r"|\b(?:like|do|know|about|want|mean|need|get|believe|prefer|for|with|to|of|on|at|in|than|over|after|before|is|just) (?:this|that|these|those|any|some|her|his|both|more|less|another|each)"
    r"|\b(?:or|if|maybe|probably|certainly|absolutely|of course|definitely|i'm|why|hope|guess|think) not|\b(?:i|me|you|that|them|him|her|one|us) (?:too|either|neither|also|both)"
    r"|\b(?:no|any|some|once) more|\b(?:come|log|sign|check|move|drop|fill|settle)(?:ed)? in|\b(?:hold|hang|go|carry|later|moving|keep) on"
    r"|\b(?:do|think|hope|say|guess|believe|suppose) so|\bwhat for|\bif so|\bthe other|\bnot really|\bvery much|\b(?:don't|didn't|rather) (?:want|need|have|like) to|\bused to|\byes i'd (?:love|like) to"
    r"|\b(?:turned?|switch(?:ed)?|put|keep) (?:it |this |that |them )?(?:on|over)|\bleave it (?:at that|on)|\bgot it|\b(?:the|day|week|year|night|time) before|\bi just did)$"
)
_SAFE_PREPOSITION = re.compile(r"\b(?:what|who|where|which|how|when)\b.*\b(?:in|on|at|for|to|with|from|about|of|like|by)$")
_ALONE = frozenset(
    (
        "yes no yeah yep nope yup sure correct right okay ok thanks cheers bye goodbye today tomorrow tonight now absolutely definitely "
        "exactly certainly perfect great fine lovely hello? cancel help stop repeat pardon sorry? what? none nothing never agreed "
        "brilliant nah operator reception human alright anytime"
    ).split()
)
_CLOSING = re.compile(
    r"\b(?:thank you(?: very much| so much)?|thanks(?: a lot| very much)?|bye(?: ?bye)?|good ?bye|cheers|please|that's (?:all|it|right|correct|fine|everything)|"
    r"of course|no problem|not yet|not really|go ahead|i (?:don't )?think so|see you(?: later| then| soon)?|can you help(?: me)?(?: with that)?|help me with that|is that (?:okay|ok|possible|all right))$"
)
_QUESTION = re.compile(
    r"^(?:(?:hi|hello|yes|yeah|okay|ok|um|so|and|well|sorry|oh|but|hey)[\s,.]+)*(?:what(?:'s|s)?|how|when(?:'s)?|where(?:'s)?|who(?:'s)?|why|which|whose|can|could|do|does|did|is|are|will|would|should|have|has|may|am|was|were)\b"
)
_SUBORDINATE = re.compile(
    r"^(?:(?:and|so|well|but|then|now|um|yes|yeah|okay|oh|no)[\s,]+)*(?:if|when(?! (?:is|are|do|does|can|will|would|did|was|could))|because|although|since|while|after|before|unless|until|whenever|once|as soon as|for i|in (?:making|doing|a case|case|order)|he who|those who|then|the moment)\b"
)
_VERB = re.compile(
    r"(?:^|\b)(?:'m|'s|'re|'ve|'d|'ll|am|is|are|was|were|be|been|do|does|did|don't|doesn't|didn't|has|have|had|will|would|can|could|can't|couldn't|should|shall|might|must|may|won't|"
    r"want|wants|need|needs|like|likes|think|know|see|say|said|says|get|got|go|goes|went|come|comes|came|make|made|take|took|book|call|called|cancel|change|move|"
    r"speak|help|tell|give|send|put|let|try|look|looks|sounds|works|work|pay|paid|buy|order|ask|call|find|leave|hear|show|check|drop|runs?|shook|use|used|hold|keep|seems|"
    r"prefer|believe|hope|mean|means|start|starts|stop|open|close|live|happen|happened|broke|leak(?:s|ing|ed)?|stay|wait|bring|fix|repair|arrive|hurt|apologi[sz]ed|spell|repeat|reserve|"
    r"schedule|reschedule|remember|understand|ring|rang|pick|meet|add|set|turn|read|charge|cost|costs|\w{3,}(?:ed|n't))\b"
)
_LINK = re.compile(r"\b(?:'m|'re|am|is|are|was|were|i'm|you're|we're|they're|it's|that's|he's|she's|there's)\b")
_GREETING = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya|okay great|ok great|okay sure|ok sure|terrific|right so|okay so|well|all right)(?: there)?$"
)
_WAIT = re.compile(
    r"\b(?:hold on|hang on|bear with me|let me (?:just )?(?:think|see|look|check|have a look|find it)|(?:one|a|just a) (?:moment|second|sec|minute))(?: a (?:moment|second|sec|minute))?(?: please)?$"
)
_TRANSITIVE = re.compile(
    r"\b(?:(?:i|you|we|they)(?:'d| would)? (?:like|want|need)|(?:want|like|need|wanted|wondering|trying|looking|going|able|have|has) to (?:make|book|get|buy|ask|change|move|cancel|speak|talk|find|"
    r"see|know|order|check|have|do|be|go|put|take|leave)|(?:can|could|may|shall) (?:i|you|we)(?: just)?(?: (?:make|book|get|buy|ask|find|put|take|send|give|tell))?|would you|do you|i tell|some \w+|now leave)$"
)


_INCOMPLETE = 0.2
_BARE_CHOICE = 3
"""Words of an answer that does no more than choose."""
_FASTEST = 4.5
"""Digits that a person says in a second at the most; a recogniser that writes more has repeated itself."""
_NO_NUMBER = re.compile(
    r"\b(?:no|not|don't|haven't|can't|none|nothing|same|calling from|this (?:one|number)|that (?:one|number)|sorry|pardon|why|repeat|again|person|yes|"
    r"yeah|rather|email|cancel|stop|hang on|hold on|remember|wait|what (?:do|did|number|for|is)|which (?:one|number))\b"
)
"""Words of an answer to "what is your number?" that is no number: without one of them, words alone are misheard digits."""


def score(text: str, expect: Expect, context: Context, seconds: float | None = None) -> float:
    """How complete the caller's turn sounds, given what was asked. 0 for no words. ``seconds``: how long the caller spoke, if known."""
    found = _score(text, expect, context)
    if expect.type != "phone" or found <= _INCOMPLETE:
        return found
    digits = sum(len(run.text) for run in digit_runs(text))
    if not digits and not _NO_NUMBER.search(text.casefold()):
        return _INCOMPLETE
    if seconds is not None and digits > max(3.0, seconds * _FASTEST):
        return _INCOMPLETE
    return found


def _score(text: str, expect: Expect, context: Context) -> float:
    text = text.strip()[-600:]
    items = tokens(text)
    said = words_only(items)
    if not said:
        return 0.0
    if context.now is None:
        context = replace(context, now=_SOME_DAY)  # which day it is does not matter for whether one was named
    numeric = _numeric(text, items, expect, context)
    if numeric is not None:
        return numeric
    typed = _typed(text, said, expect, context)
    if typed is not None:
        return typed
    brief = len(said) <= 6 and expect.type in {None, "free_text"} and not _hanging(said) and not text.endswith(",")
    if brief and (
        _LENGTH.match(text.casefold()) or any(f.whole and f.sure >= 0.6 for kind in ("date", "time") for f in parse(kind, text, context))
    ):
        return 0.88
    return round(_open(text, said), 3)


def _last_segment(text: str) -> str:
    """The words after the last stop that ends a sentence."""
    parts = [each for each in re.split(r"(?<=[.!?])\s+", text.strip()) if re.search(r"\w", each)]
    return parts[-1] if parts else text


def _hanging(said: tuple[Token, ...]) -> bool:
    words = " ".join(each.text for each in said[-12:])
    last = said[-1].text
    return last in _OPEN and not _CLOSED_ANYWAY.search(words) and not _SAFE_PREPOSITION.search(words)


def _numeric(text: str, items: tuple[Token, ...], expect: Expect, context: Context) -> float | None:
    """For digits being dictated; None if these are no digits in progress."""
    found = digit_runs(text)
    if expect.type in {"date", "time", "datetime", "money", "address", "email", "offer", "choice", "yes_no"} or (
        expect.type == "number" and not expect.digits
    ):
        return None
    if not found:
        return 0.2 if expect.type == "phone" and items[-1].text in DIGIT_WORDS else None
    last = found[-1]
    tail = [each for each in items if each.start >= last.end and each.text[0].isalnum()]
    if expect.type == "phone":
        if (
            tail
            and tail[-1].text in (_OPEN | {"oh"})
            and tail[-1].text not in {"it's", "that's"}
            and phone.state(last.text, last.plus, context.region) < 0.9
        ):
            return 0.08
        if len(last.text) < 3 and tail and len(tail) > 3:
            return None
        return phone.state(last.text, last.plus, context.region)
    if expect.digits is not None:
        low, high = expect.digits
        return 0.95 if len(last.text) >= high else 0.6 if len(last.text) >= low else 0.1
    if expect.type == "pattern":
        return None
    if len(last.text) < 3 or tail or not _dictated(items, last.start):
        return None
    state = phone.state(last.text, last.plus, context.region)
    return 0.9 if state >= 0.9 else 0.7 if state >= 0.6 else 0.2


def _dictated(items: tuple[Token, ...], start: int) -> bool:
    """Whether a run of digits is being read out: digit by digit, or beginning with a zero; not a year, a time or an amount."""
    run = [each for each in items if each.start >= start]
    singles = sum(each.text in DIGIT_WORDS or each.text in REPEATS or (each.text.isdecimal() and len(each.text) == 1) for each in run)
    first = run[0].text if run else ""
    figures = "".join(each.text for each in run if each.text.isdecimal())
    if re.search(r"[:£$€%]", "".join(each.text for each in run)):
        return False
    return singles >= 3 or first in {"0", "oh", "zero", "plus", "+"} or (first.startswith("0") and len(first) > 1) or len(figures) >= 5


def _typed(text: str, said: tuple[Token, ...], expect: Expect, context: Context) -> float | None:
    """Whether the words answer what was asked; None if they do not show it."""
    kind = expect.type
    if kind is None or kind == "free_text":
        return None
    if kind == "email":
        return _email(text, said, context)
    if kind == "address":
        return _address(text, said, context)
    if kind == "person_name":
        return _name(text, said, context)
    found = parse(
        kind, text, context, options=expect.options, pattern=expect.pattern, spoken=expect.spoken, offers=expect.offers, asked=True
    )
    if kind == "pattern":
        return 0.9 if found else 0.2 if runs(text, digits=True) else None
    if kind in {"date", "time", "datetime"} and said[-1].text in _DATE_STARTS:
        return 0.15
    if not found:
        return None
    best = found[0]
    if _hanging(said) and said[-1].end > best.end:
        return 0.15
    if text.endswith(",") and not best.whole:
        return 0.5
    if kind == "choice" and len(said) > _BARE_CHOICE:
        return 0.8 if best.sure >= 0.5 else 0.6  # a sentence that names what is wanted often goes on to say why
    if best.whole:
        return 0.95 if best.sure >= 0.5 else 0.8
    if best.end >= said[-1].start and best.sure >= 0.5:
        return 0.88
    return max(0.6, _open(text, said)) if best.sure >= 0.5 and not _hanging(said) else None


def _email(text: str, said: tuple[Token, ...], context: Context) -> float | None:
    found = parse("email", text, context, asked=True)
    if found:
        rest = [each for each in said if each.start >= found[0].end]
        if rest and rest[-1].text in {"dot", "dash", "underscore"}:
            return 0.1
        value = str(found[0].value)
        return 0.9 if found[0].sure >= 0.7 and not value.endswith((".co",)) else 0.55
    if said[-1].text in {"dot", "at", "underscore", "dash"} or any(each.text in {"at", "dot"} for each in said):
        return 0.12
    return 0.25 if len(said) <= 4 or runs(text, digits=True) else None


def _address(text: str, said: tuple[Token, ...], context: Context) -> float | None:
    found = parse("address", text, context, asked=True)
    if _hanging(said):
        return 0.15
    if found and isinstance(found[0].value, dict):
        whole = found[0].value.get("postcode") is not None
        if whole and found[0].value.get("lines"):
            return 0.93
        spelled = runs(text, digits=True)
        if not whole and spelled and spelled[-1].pieces[-1].end >= said[-1].start:
            return 0.25
        return 0.88 if whole else 0.62
    if (
        re.search(r"\d|flat|number|unit", text)
        or any(each.text in DIGIT_WORDS for each in said)
        or (len(said) <= 4 and re.search(rf"\b(?:{STREETS})\b", text.casefold()) is None)
    ):
        return 0.25 if said[0].text not in _ALONE else None
    return None


def _name(text: str, said: tuple[Token, ...], context: Context) -> float | None:
    spelled = runs(text, digits=False)
    found = parse("person_name", text, context, asked=True)
    at_end = bool(spelled) and spelled[-1].pieces[-1].end >= said[-1].end
    if at_end and len(spelled[-1].pieces) > 1:
        value = found[0].value if found else None
        heard = [each.text for each in said if each.end <= spelled[-1].pieces[0].start and len(each.text) > 2]
        if spelled[-1].text in heard:
            return 0.92
        return 0.35 if isinstance(value, dict) and heard and len(spelled[-1].text) >= max(map(len, heard[-1:])) else 0.25
    if len(said[-1].text) == 1 and said[-1].text.isalpha() and len(said) > 1:
        return 0.15
    if not found or _hanging(said):
        return None
    if re.search(r"\b(?:first|given) name\b", text.casefold()) and not re.search(r"\b(?:last|family|sur) ?name\b", text.casefold()):
        return 0.6
    return 0.88 if found[0].whole and not text.endswith(",") else 0.5 if text.endswith(",") else None


def _open(text: str, said: tuple[Token, ...]) -> float:
    """By syntax alone."""
    if _hanging(said):
        return 0.12
    if text.endswith((",", "-", "–", "—", ";", ":", "…", "...")):
        return 0.25
    segment = _last_segment(text)
    words = words_only(tokens(segment)) or said
    line = " ".join(each.text for each in words)
    everything = " ".join(each.text for each in said)
    if _TRANSITIVE.search(line) or re.search(r"\b(?:name's|number's|address is|and then|and so|but then)$", line):
        return 0.2
    if _WAIT.search(line):
        return 0.4
    if _GREETING.match(line) and len(said) <= 3:
        return 0.86 if text.endswith("?") else 0.5
    if len(said) <= 2 and said[-1].text in _ALONE:
        return 0.92
    if _CLOSING.search(everything):
        return 0.9
    value = _sentence(segment, words, line)
    last = said[-1]
    if (last.text == "that" and not re.search(r"\b(?:repeat|say|do|with|about|like|for|of|is|to) that$", everything)) or (
        len(last.text) == 1 and last.text.isalpha() and last.text not in {"a", "i"}
    ):
        value -= 0.25
    return max(0.05, min(value, 0.95))


def _sentence(segment: str, words: tuple[Token, ...], line: str) -> float:
    stop = segment.rstrip()[-1:] in {".", "!", "?"}
    if _QUESTION.match(line) and len(words) >= 3:
        return 0.9 if segment.endswith("?") or not stop else 0.86
    verb = _VERB.search(line) or _LINK.search(line)
    if _SUBORDINATE.match(line):
        halves = re.split(r", ", segment, maxsplit=1)
        return 0.66 if stop and len(halves) == 2 and _VERB.search(halves[1].casefold()) and len(halves[1].split()) >= 3 else 0.4
    if verb is None:
        if segment.endswith("?") and len(words) >= 3:
            return 0.7
        return 0.62 if stop and len(words) <= 4 else 0.55 if stop else 0.45
    after = len(words_only(tokens(line[verb.end() :])))
    if after == 0 and len(words) <= 2:
        return 0.4
    if stop:
        return 0.72
    return 0.5 if len(words) < 3 or words[-1].text.endswith("'s") else 0.64 if len(words) <= 8 else 0.56
