"""The claims in a sentence: numbers with their units, days, hours, runs of digits, addresses, names, and words that promise something."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from offhook.core.script.knowledge import STOP
from offhook.core.speech.normal import clean
from offhook.core.understand.numbers import FILLERS, Digits, digit_runs, numerals

_UNITS = {
    "money": "pound pounds quid pence penny p dollar dollars bucks cent cents euro euros",
    "percent": "percent",
    "second": "second seconds",
    "minute": "minute minutes min mins",
    "hour": "hour hours hr hrs",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years",
    "mile": "mile miles kilometre kilometres metre metres",
    "star": "star stars",
}
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february april june july august september october november december "
    "today tomorrow tonight yesterday noon midday midnight weekend fortnight".split()
)
_PARTS = re.compile(r"(?<!good )(?<!lovely )(?<!nice )(?<!great )\b(?:morning|afternoon|evening)s?\b")
_MONTH_OR_WORD = re.compile(r"\b\d+(?:st|nd|rd|th)?(?: of)? (may|march)\b|\b(may|march)(?: the)? \d+\b")
_NEXT = re.compile(r"\b(?:next|this|following) (?:week|month|year)\b")
_FRACTIONS = re.compile(
    r"\b(?:half|quarter|third|thirds|dozens?|hundreds?|thousands?|millions?|billions?|grand|fivers?|tenners?|twice|triple|thrice|couple)\b"
)
_CHARGED = re.compile(
    r"\b(?:(?:discount|refund|guarantee|warrant|complimentary|gratis|insured|certified|licensed|qualified|deposit|invoice|surcharge)\w*"
    r"|(?<!feel )free\b|no (?:fee|charge|cost)s?\b|costs? (?:you )?(?:nothing|anything)\b|on the house\b|without charge\b|at no extra\b)"
)
_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|co|uk|au|nz|io|biz|info|app|dev|eu|us)\b(?:/\S*)?",
    re.IGNORECASE,
)
_SPOKEN_CONTACT = re.compile(r"\b(?:\w+(?: dot \w+)* at )?\w+(?: (?:dot|dash) \w+)* dot \w+(?: dot \w+)*\b")
_NUMBER = re.compile(r"(?<![\w.])(\d+)(st|nd|rd|th)?(?:\s*-\s*|\s+)?([a-z']+)?")
_HOUR = re.compile(r"\b(?:at|past|to|by|until|till|from|before|after|around|about) (\d{1,2})\b|\b(\d{1,2}) (?:o'clock|am|pm)\b")
_PIECES = re.compile(r"[,;:\u2013\u2014]|\s-\s|\b(?:or|and)\b")
_CAPITAL = re.compile(r"[^\W\d_][\w'\u2019-]*")
_OPENERS = frozenset(
    "understood perfect brilliant wonderful excellent absolutely certainly definitely indeed welcome understandable apologies "
    "unfortunately alright noted no worries happy glad whatever whichever whenever wherever everything nothing something anything "
    "someone anyone everyone nobody every each both another other others most more less few several such same since because although "
    "though unless until while before after once again always never sometimes usually often today tomorrow here's there's what's who's "
    "how's let don't didn't doesn't won't can't couldn't wouldn't shouldn't isn't aren't wasn't weren't haven't hasn't hadn't you're "
    "you've you'll you'd they're they've they'll she's he's we're we've we'll we'd i've i'd i'll i'm it'll that'll that'd "
    "take give go come keep leave call ring feel tell ask hold wait bear speak talk turn make sure check say think hear see look "
    "sounds looks seems hopefully actually basically honestly obviously naturally gladly currently typically generally normally "
    "depending according regarding concerning anyway besides instead otherwise however therefore meanwhile moreover first firstly second "
    "secondly next finally lastly also too either neither whether within without during between under over above below through "
    "thanks cheers bye goodbye hey hello hi good great lovely nice fantastic amazing superb super cool ouch oh ah gosh dear poor".split()
)
_SMALL = FILLERS | STOP | _OPENERS | {"i", "i'm", "i'll", "i've", "i'd", "ok", "mr", "mrs", "ms", "dr", "sir", "madam"}
_LEADS = re.compile(r"^(?:will|is|has|can|says|said|was|'ll|would|and|from|here|with|does|charges|offers)$")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a text claims. ``numbers`` are (figures, unit); ``together`` are the days and hours of one clause.

    ``words`` are all of its words.
    """

    numbers: frozenset[tuple[str, str]]
    digits: frozenset[str]
    contacts: frozenset[str]
    days: frozenset[str]
    hours: frozenset[str]
    together: tuple[tuple[frozenset[str], frozenset[str]], ...]
    charged: frozenset[str]
    names: frozenset[str]
    words: frozenset[str]


def folded(text: str) -> str:
    """Words in small letters, one space between them: how texts are compared."""
    return " ".join(re.findall(r"[\w']+", text.casefold().replace("\u2019", "'")))


def claims_of(text: str, locale: str) -> Claims:
    """The claims in a text, spoken or written: figures and signs are read as speech would read them."""
    odd = {(each, "") for each in text if unicodedata.category(each) in {"No", "Nl"}}
    text = unicodedata.normalize("NFKC", text)
    contacts = frozenset(_contact(match[0]) for match in _CONTACT.finditer(text))
    bare = _CONTACT.sub(" ", text)
    contacts |= frozenset(_contact(match[0]) for match in _SPOKEN_CONTACT.finditer(bare.casefold()))
    runs, rest = _runs(_SPOKEN_CONTACT.sub(" ", bare.casefold()))
    spoken = clean(rest, locale)
    view = numerals(spoken).text
    pieces = [_calendar(piece) for piece in _PIECES.split(view)]
    fractions = {match[0] for match in _FRACTIONS.finditer(view) if not re.search(r"(?:just a|wait a) $", view[: match.start()])}
    charged = {match[0] for match in _CHARGED.finditer(view)}
    return Claims(
        numbers=frozenset({*_numbers(view), *odd}),
        digits=runs,
        contacts=contacts,
        days=frozenset().union(*(days for days, _ in pieces)),
        hours=frozenset().union(*(hours for _, hours in pieces)),
        together=tuple(each for each in pieces if each[0] and each[1]),
        charged=frozenset(each if " " in each else each[:6] for each in (*charged, *fractions)),
        names=_names(text),
        words=frozenset(folded(f"{text} {spoken} {view}").split()),
    )


def _contact(text: str) -> str:
    """An address as it is written: ``ann at example dot com`` is ``ann@example.com``."""
    found = text.casefold().replace(" at ", "@").replace(" dot ", ".").replace(" dash ", "-").replace(" underscore ", "_")
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", found).rstrip("./")


def _runs(text: str) -> tuple[frozenset[str], str]:
    """Runs of digits that are no number (a leading nought, seven or more, three said one by one), and the text without them."""
    found = [each for each in digit_runs(text) if _is_run(each) and text[: each.start].rstrip()[-1:] not in {"\u00a3", "$", "\u20ac"}]
    rest = text
    for each in reversed(found):
        rest = f"{rest[: each.start]} ; {rest[each.end :]}"
    return frozenset(each.text for each in found), rest


def _is_run(run: Digits) -> bool:
    singles = len(run.groups) >= 3 and all(len(group) == 1 for group in run.groups)
    return singles or run.plus or len(run.text) >= 7 or (len(run.text) >= 5 and run.text[0] == "0")


def _numbers(view: str) -> list[tuple[str, str]]:
    """Numbers and their units. ``one`` without a unit is a pronoun as often as not, and no claim; so are ``first`` and ``a second``."""
    found = []
    for match in _NUMBER.finditer(view):
        figures, ordinal, follow = match[1].lstrip("0") or "0", match[2], match[3] or ""
        beyond = re.match(r"\s*([a-z]+)", view[match.end() :]) if figures == "1" else None
        unit = _UNIT.get(follow, "") or (_UNIT.get(beyond[1], "") if beyond else "")
        unit = "" if ordinal else unit
        if (
            figures == "1"
            and not unit
            and follow not in {"am", "pm", "o'clock"}
            and not re.search(r"\b(?:at|past|to|by|until|till|number) $", view[: match.start()])
        ):
            continue
        if figures == "2" and ordinal and re.search(r"\b(?:a|one|1|just|per|every) $", view[: match.start()]):
            continue
        found.append((figures, unit))
    return found


def _calendar(piece: str) -> tuple[frozenset[str], frozenset[str]]:
    """The days and the hours of a clause."""
    days = {word for word in re.findall(r"[a-z']+", piece) if word in _DAYS}
    days |= {word.removesuffix("s") for word in re.findall(r"[a-z]+days\b", piece) if word.removesuffix("s") in _DAYS}
    days |= {match[0].removesuffix("s") for match in _PARTS.finditer(piece)}
    days |= {match[1] or match[2] for match in _MONTH_OR_WORD.finditer(piece)}
    days |= {match[0] for match in _NEXT.finditer(piece)}
    return frozenset(days), frozenset(match[1] or match[2] for match in _HOUR.finditer(piece))


def _names(text: str) -> frozenset[str]:
    """Words in capitals that no sentence's begin explains. The first word counts if something is said of it, or another name follows."""
    found: set[str] = set()
    words = list(_CAPITAL.finditer(text))
    for index, match in enumerate(words):
        word = match[0].replace("\u2019", "'")
        plain = word.casefold()
        if not word[0].isupper() or plain in _SMALL or plain.removesuffix("s") in _DAYS or plain in {"may", "march"}:
            continue
        before = text[: match.start()].rstrip(" \"'(\u201c\u2018")
        if not before or before[-1] in ".!?\u2026:":
            follow = words[index + 1][0] if index + 1 < len(words) else ""
            if not (follow[:1].isupper() and follow.casefold() not in _SMALL) and not _LEADS.match(follow) and not word.isupper():
                continue
        found.add(plain.removesuffix("'s"))
    return frozenset(found)
