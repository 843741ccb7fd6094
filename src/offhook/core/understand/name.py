"""Names of people: after a lead-in ("my name is Ann Lee"), bare when asked for, and spelled ("Lee, L double E")."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import takewhile

from offhook.core.understand.numbers import ORDINAL_UNITS, SCALES, TENS, UNITS, Token, tokens
from offhook.core.understand.spelling import Run, runs
from offhook.core.understand.types import Context, Found

_STRONG = re.compile(
    r"(?:\bmy (?:full |first |last |family |given |sur)?name(?:'s| is| would be)|\bthe name(?:'s| is)(?: of)?|\bname(?:'s| is)|\bcall(?: call)? me|\bi go by|\bi'm called|\bi am called"
    r"|\b(?:parents )?named me|\b(?:under|in|on|for) the name(?: of)?|\bon name|\bbooked under|\blisted under|\b(?:reservation|booking|table|appointment|it)(?: is)? under"
    r"|\bunder|\bit's under|\bfirst name(?: is|'s)?|\b(?:last|family|sur) ?name(?: is|'s)?|\bput (?:it |me )?down as|\bmade out to|\bname of|\bthe name)[\s,:]+"
)
_WEAK = re.compile(
    r"\b(?:this is|i'm|i am|it's|it is|that's|speaking is|here is|mr|mrs|ms|miss|dr|for|by|from|call me|spoken to|speak to|hello|hi|yes|yeah|no|no it's|sorry)[\s,.]+"
)
_AFTER = re.compile(
    r"(?:[\s,]+(?:is my (?:full |first |last )?name|is what you can call me|speaking|here|has a (?:booking|reservation)|booking\b)|[\s,]+(?:and )?that's my name)"
)
_WITH = re.compile(r"\b(?:with|without)\s+$")
_FAMILY = re.compile(r"\b(?:last|family|sur) ?name\b")
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "doctor", "professor", "prof", "sir", "madam", "mister", "missus"})
_PARTICLES = frozenset("van der den de la le du di da dos von mac mc o' st bin al el ter ten".split())
_STOP = frozenset(
    (
        "a about above actually after afternoon afraid again ago ahead all alright also always am an and another any anyone anything "
        "appointment are around as ask asking at available away back bad be because been before being best better book booked booking "
        "boiler both bring bye but by call called caller calling came can cancel cannot can't certainly change charge cheers close closed "
        "come coming correct could cool customer day dear did didn't do does doing done don't double down each early either else email "
        "emergency enough enquiring er erm evening ever every exactly excellent fantastic fine first for free from full get getting give "
        "go going gonna good goodbye got great had half happy has hate have haven't having he hear hello help her here here's hey hi him "
        "his hold home hope hour house how however huh i i'd i'll i'm if in inquiring interested into is isn't it it'd it'll it's its job "
        "just keep kind know last late later least leaving left let let's like listed little ll long look looking lost lot love lovely "
        "made make manager many may maybe me mean meant message mine minute mm moment money more morning most move much must my myself "
        "name name's need new next nice night no nobody none nope nor not nothing now number of off oh ok okay old on once one only open "
        "or order other our out over own pardon parking people perfect person phone place please pleased possible price problem put "
        "question quick quite rather re ready really repair reservation right room running said same say saying school see seem sent "
        "service she should since so some someone something soon sorry speak speaking spell spelled spelt spelling still stop such sure "
        "surname table take tell than thank thanks that that's the their them then there there's these they thing think this those though "
        "time to today together tomorrow tonight too tried trouble trying two uh um under until up us use ve very wait waiting want "
        "wanted wanting was we we'd we're week well went were what what's when where which while who who's why will with won't wonder "
        "wondering word work working worried would wrong yeah year yep yes yesterday yet you you're your yours yourself january february "
        "march april june july august september october november december monday tuesday wednesday thursday friday saturday sunday pounds "
        "quid dollars am pm o'clock noon midday midnight half quarter past party lunch dinner hmm alrighty absolutely definitely "
        "of-course hang bit second guess suppose what's-it tuesday's don't-know doesn't isn't wasn't couldn't wouldn't reschedule inside "
        "outside indoors outdoors somebody anybody human operator agent real representative leak leaking tap toilet broken burst blocked "
        "heating water plumber emergency urgent cleaning quote street road"
    ).split()
)
_NUMBERS = frozenset({*UNITS, *TENS, *SCALES, *ORDINAL_UNITS})
_MAY_BE_NAME = frozenset(
    {
        "june",
        "april",
        "may",
        "august",
        "love",
        "long",
        "best",
        "early",
        "bill",
        "young",
        "day",
        "house",
        "little",
        "moore",
        "good",
        "page",
        "price",
    }
)


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """``{"given", "family", "spelling"}``; spelled letters win over what was heard as a word."""
    del context
    low = text.casefold().replace("’", "'")
    if len(low) != len(text):
        low = text
    items = tokens(text)
    spelled = [run for run in runs(text, digits=False) if _is_spelling(run) and not _WITH.search(low[: run.pieces[0].start])]
    candidates = _candidates(low, items, spelled, asked)
    found = [made for words, sure, family in candidates if (made := _made(text, words, spelled, sure, family)) is not None]
    if not found and spelled and (asked or re.search(r"\b(?:name|spell|spelled|spelt)\b", low)):
        run = spelled[-1]
        value = {"given": None, "family": None, "spelling": run.text.upper()}
        value["family" if _FAMILY.search(low) else "given"] = run.text.capitalize()
        start, end = run.pieces[0].start, run.pieces[-1].end
        found.append(Found("person_name", value, text[start:end], start, end, 0.8, _whole(items, start, end)))
    best: dict[int, Found] = {}
    for each in found:
        if each.start not in best or best[each.start].sure < each.sure:
            best[each.start] = each
    return _joined(text, list(best.values()))


def _is_spelling(run: Run) -> bool:
    words = all(each.end - each.start > 1 for each in run.pieces)  # "Mike" and "Oscar" are names as well
    return (
        len(run.pieces) >= (3 if words and len(run.text) == len(run.pieces) else 2)
        and run.text.isalpha()
        and run.text not in {"pm", "am", "ok", "tv", "uk", "us"}
    )


def _joined(text: str, found: list[Found]) -> list[Found]:
    """As "First name Carry, last name Jocoy" is one name."""
    if len(found) != 2:
        return found
    one, two = sorted(found, key=lambda each: each.start)
    if not (isinstance(one.value, dict) and isinstance(two.value, dict)):
        return found
    if one.value["given"] and not one.value["family"] and two.value["family"] and not two.value["given"]:
        value = {"given": one.value["given"], "family": two.value["family"], "spelling": two.value["spelling"] or one.value["spelling"]}
        return [Found("person_name", value, text[one.start : two.end], one.start, two.end, min(one.sure, two.sure), one.whole or two.whole)]
    return found


def _candidates(low: str, items: tuple[Token, ...], spelled: list[Run], asked: bool) -> list[tuple[list[Token], float, bool]]:
    result: list[tuple[list[Token], float, bool]] = []
    for match in _STRONG.finditer(low):
        words = _take(items, match.end(), spelled)
        while words and words[0].text in _TITLES:
            words = words[1:]
        if words and (match[0].strip(" ,:") != "under" or asked or all(each.raw[0].isupper() for each in words) or len(words) > 1):
            result.append((words, 0.9, bool(_FAMILY.search(match[0]))))
    for match in _AFTER.finditer(low):
        before = [each for each in items if each.end <= match.start()]
        words = list(takewhile(lambda each: _nameable(each) and (each.text not in _STOP), reversed(before)))[:3][::-1]
        if words and ("name" in match[0] or all(each.raw[0].isupper() for each in words)):
            result.append((words, 0.85, False))
    for match in _WEAK.finditer(low):
        words = _take(items, match.end(), spelled)
        title = match[0].strip(" ,.") in _TITLES
        while words and words[0].text in _TITLES:
            words, title = words[1:], True
        capital = bool(words) and all(each.raw[0].isupper() for each in words)
        person = match[0].strip(" ,.") in {"this is", "i'm", "i am", "mr", "mrs", "ms", "miss", "dr"}
        if words and (asked or title or (capital and (person or len(words) == 2))):
            result.append((words, 0.85 if asked or (capital and person) else 0.6, title and len(words) == 1))
    if asked and not result:
        words = _take(items, 0, spelled, bare=True)
        limit = max((each.end for each in words), default=0)
        rest = [
            each
            for each in items
            if each.start >= limit and each.text[0].isalpha() and each.text not in {"please", "thanks", "thank", "you"}
        ]
        extra = [each for each in rest if not any(run.pieces[0].start <= each.start < run.pieces[-1].end for run in spelled)]
        if words and len(extra) <= 4:
            result.append((words, 0.85 if not extra else 0.55, False))
    return result


def _nameable(token: Token) -> bool:
    return token.text[0].isalpha() and len(token.text) > 1 and token.text not in _NUMBERS


def _take(items: tuple[Token, ...], at: int, spelled: list[Run], *, bare: bool = False) -> list[Token]:
    """Up to four name-like words from a place on; fillers before them are passed over."""
    words: list[Token] = []
    skip = {
        "um",
        "uh",
        "er",
        "erm",
        "is",
        "it's",
        "its",
        "i",
        "think",
        "yes",
        "yeah",
        "the",
        "name",
        ",",
        "-",
        "just",
        "it",
        "be",
        "hi",
        "hello",
        "miss",
        "ok",
        "okay",
        "oh",
        "so",
        "well",
        "sure",
        "of",
        ".",
    }
    for each in items:
        if each.start < at:
            continue
        inside = any(run.pieces[0].start <= each.start < run.pieces[-1].end for run in spelled)
        if inside and (words or not bare):
            break
        if not words and each.text in skip:
            continue
        if words and each.text == "-" and each.start == words[-1].end:
            continue
        if words and each.text == "," and len(words) == 1 and bare:
            continue
        stopped = each.text in _STOP and not (words and each.text in _MAY_BE_NAME and each.raw[0].isupper())
        if not (_nameable(each) or each.text in _TITLES) or stopped or each.text in _NUMBERS or inside:
            break
        words.append(each)
        if len(words) - sum(w.text in _PARTICLES for w in words) == 3:
            break
    while words and words[-1].text in _PARTICLES and len(words) > 1:
        words.pop()
    return words


def _shape(word: Token) -> str:
    raw = word.raw.replace("’", "'")
    if raw.isupper() or raw.islower():
        return "".join(part.capitalize() for part in re.split(r"([-'])", raw))
    return raw


def _made(text: str, words: list[Token], spelled: list[Run], sure: float, family: bool) -> Found | None:
    title = False
    while words and words[0].text in _TITLES:
        words, title = words[1:], True
    if not words:
        return None
    names = _names(text, words)
    given: str | None = names[0]
    last: str | None = " ".join(names[1:]) or None
    if (family or title) and last is None:
        given, last = None, names[0]
    start, end = words[0].start, words[-1].end
    spelling = None
    for run in spelled:
        if run.pieces[0].start < start:
            continue
        spelling, end = run.text.upper(), run.pieces[-1].end
        given, last = _respell(given, last, run.text)
        sure = max(sure, 0.9)
    value = {"given": given, "family": last, "spelling": spelling}
    return Found("person_name", value, text[start:end], start, end, sure, _whole(tokens(text), start, end))


def _names(text: str, words: list[Token]) -> list[str]:
    """Words as names; what a hyphen joins stays one name."""
    names: list[str] = []
    for k, each in enumerate(words):
        if k and text[words[k - 1].end : each.start] == "-":
            names[-1] += "-" + _shape(each)
        else:
            names.append(_shape(each))
    return names


def _respell(given: str | None, last: str | None, letters: str) -> tuple[str | None, str | None]:
    """The spelled letters replace the word that they sound like; if none does they are the family name."""
    spelt = letters.capitalize()
    near = [
        (SequenceMatcher(None, (each or "").casefold(), letters, autojunk=False).ratio(), which)
        for which, each in ((1, last), (0, given))
        if each
    ]
    score, which = max(near, default=(0.0, 1))
    if score >= 0.4 or (any((each or " ")[0].casefold() == letters[0] for each in (given, last) if each) and score > 0.2):
        return (given, spelt) if which == 1 else (spelt, last)
    return (given, spelt) if last is None or which == 1 else (spelt, last)


_PASS = frozenset(
    (
        "my name is name's the it's it its um uh er erm yes yeah yep hi hello please thanks thank you i'm im i am this that's thats call "
        "me first last family given surname full under for of in and so well ok okay oh sure just be would spelled spelt spell spelling "
        "with mr mrs ms miss dr you can no sorry was what here speaking booking reservation good morning afternoon evening as a an at "
        "calling"
    ).split()
)


def _whole(items: tuple[Token, ...], start: int, end: int) -> bool:
    return all(start <= each.start < end or not each.text[0].isalnum() or each.text in _PASS for each in items)
