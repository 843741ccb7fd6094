"""Words and numbers: tokens, a view of a text with its number words in figures, runs of digits, and numbers as words.

Spans survive: every token and every character of a view knows where it came from in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[^\w\s]|_")

UNITS = {
    word: value
    for value, word in enumerate(
        (
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
            "nineteen"
        ).split()
    )
}
TENS = {word: 10 * value for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
ORDINAL_UNITS = {
    word: value
    for value, word in enumerate(
        (
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
            "seventeenth eighteenth nineteenth"
        ).split(),
        start=1,
    )
}
ORDINAL_TENS = {
    "twentieth": 20,
    "thirtieth": 30,
    "fortieth": 40,
    "fiftieth": 50,
    "sixtieth": 60,
    "seventieth": 70,
    "eightieth": 80,
    "ninetieth": 90,
}
DIGIT_WORDS = {word: str(value) for word, value in UNITS.items() if value < 10} | {
    "oh": "0",
    "o": "0",
    "nought": "0",
    "naught": "0",
    "nil": "0",
    "null": "0",
}
REPEATS = {"double": 2, "dubble": 2, "triple": 3, "treble": 3, "quadruple": 4}
FILLERS = frozenset(
    (
        "um umm uh uhm er erm ah eh hmm mm oh well so like okay ok right yeah yes yep yup sure please thanks thank you cheers sorry hi "
        "hello it's its it is it'll that that's thats this would will be i i'd i'll i'm im am we we'd we'll think guess say just maybe "
        "perhaps let's lets make see a an the for on at in to of and my our me us if can could possible then good great fine lovely now "
        "there actually was want need like ’s 's do have take go with one should probably around about hey mate love"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a run of figures or a sign; ``text`` is case-folded with a straight apostrophe."""

    text: str
    raw: str
    start: int
    end: int


def tokens(text: str) -> tuple[Token, ...]:
    """The words, runs of figures and signs of a text, in order."""
    return tuple(Token(m[0].casefold().replace("’", "'"), m[0], m.start(), m.end()) for m in _TOKEN.finditer(text))


def words_only(items: tuple[Token, ...]) -> tuple[Token, ...]:
    """Tokens without signs."""
    return tuple(each for each in items if each.text[0].isalnum())


def explains(text: str, start: int, end: int, extra: frozenset[str] = frozenset()) -> bool:
    """Whether nothing but fillers (and ``extra``) stands outside the span."""
    rest = f"{text[:start]} {text[end:]}"
    return all(each.text in FILLERS or each.text in extra or not each.text[0].isalnum() for each in tokens(rest))


def _small(items: tuple[Token, ...], i: int) -> tuple[int, int, bool] | None:
    """A number below 100 in words at ``i``: value, next index, whether it is an ordinal."""
    word = items[i].text
    if word in UNITS:
        return UNITS[word], i + 1, False
    if word in ORDINAL_UNITS:
        return ORDINAL_UNITS[word], i + 1, True
    if word in ORDINAL_TENS:
        return ORDINAL_TENS[word], i + 1, True
    if word not in TENS:
        return None
    j = i + 1
    if j + 1 < len(items) and items[j].text == "-" and items[j].start == items[i].end:
        j += 1
    if j < len(items):
        follow = items[j].text
        if 0 < UNITS.get(follow, 0) < 10:
            return TENS[word] + UNITS[follow], j + 1, False
        if 0 < ORDINAL_UNITS.get(follow, 0) < 10:
            return TENS[word] + ORDINAL_UNITS[follow], j + 1, True
    return TENS[word], i + 1, False


def _figures(items: tuple[Token, ...], i: int) -> tuple[int, int] | None:
    """A figure at ``i`` that a scale word may follow (``2 hundred``), with its thousands commas."""
    if not items[i].text.isdecimal() or len(items[i].text) > 9:
        return None
    value, j = int(items[i].text), i + 1
    while (
        j + 1 < len(items)
        and items[j].text == ","
        and items[j].start == items[j - 1].end
        and items[j + 1].start == items[j].end
        and len(items[j + 1].text) == 3
        and items[j + 1].text.isdecimal()
        and value < 10**12
    ):
        value, j = value * 1000 + int(items[j + 1].text), j + 2
    return value, j


def cardinal(items: tuple[Token, ...], i: int) -> tuple[int, int, bool] | None:
    """The longest number at token ``i``: value, next index, whether it is an ordinal; None if there is none."""
    total = current = 0
    started, scaled, last_scale = False, False, 10**15
    j, ordinal = i, False
    while j < len(items) and not ordinal:
        word = items[j].text
        if word in {"a", "an"} and j + 1 < len(items) and items[j + 1].text in SCALES and not started:
            current, started, j = 1, True, j + 1
            continue
        if word in SCALES and started:
            scale = SCALES[word]
            if scale == 100 and current < 100:
                current *= 100
            elif scale > 100 and scale < last_scale and current:
                total, current, last_scale = total + current * scale, 0, scale
            else:
                break
            scaled, j = True, j + 1
            continue
        skip = j + 1 if word == "and" and scaled and started else j
        if skip >= len(items):
            break
        figure = None if started else _figures(items, skip)
        small = _small(items, skip) if figure is None else (*figure, False)
        if small is None or (started and not scaled) or (started and current % 100):
            break
        value, j, ordinal = small
        current += value
        started = True
    return (total + current, j, ordinal) if started else None


@dataclass(frozen=True, slots=True)
class View:
    """A text in small letters with its number words in figures (``half past 2``, ``27th``)."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters of the view came from."""
        if start >= end or end > len(self.text):
            return (0, 0)
        return self.starts[start], self.ends[end - 1]


def suffix(value: int) -> str:
    """``st``, ``nd``, ``rd`` or ``th``."""
    if value % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def numerals(text: str) -> View:
    """The view of a text: number words become figures, ordinals get their suffix, p.m. loses its points."""
    items = tokens(text)
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def put(piece: str, start: int, end: int) -> None:
        out.append(piece)
        same = len(piece) == end - start
        for k in range(len(piece)):
            starts.append(start + k if same else start)
            ends.append(start + k + 1 if same else end)

    i, last = 0, 0
    while i < len(items):
        token = items[i]
        if token.start > last:
            put(" ", last, token.start)
        if token.text in {"a", "p"} and _is_meridiem(items, i):
            j = i + 2 if items[i + 1].text == "m" else i + 3
            if j < len(items) and items[j].text == "." and items[j].start == items[j - 1].end and items[i + 1].text == ".":
                j += 1
            put(token.text + "m", token.start, items[j - 1].end)
        elif not token.text.isdecimal() and (found := cardinal(items, i)) is not None:
            value, j, ordinal = found
            put(f"{value}{suffix(value)}" if ordinal else str(value), token.start, items[j - 1].end)
        elif token.text.isdecimal() and (found := cardinal(items, i)) is not None and found[1] > i + 1:
            value, j, _ = found
            put(str(value), token.start, items[j - 1].end)
        else:
            j = i + 1
            put(token.text, token.start, token.end)
        last, i = items[j - 1].end, j
    return View("".join(out), tuple(starts), tuple(ends))


def _is_meridiem(items: tuple[Token, ...], i: int) -> bool:
    rest = [each.text for each in items[i + 1 : i + 3]]
    if rest[:1] == ["m"]:
        return True
    return rest == [".", "m"] and i > 0


@dataclass(frozen=True, slots=True)
class Digits:
    """A run of spoken digits: ``plus`` if it began with "plus", ``groups`` as they were said, span in the text."""

    text: str
    plus: bool
    groups: tuple[str, ...]
    start: int
    end: int


_JOIN = frozenset({"-", ",", ".", "(", ")", "/", "um", "uh", "er", "erm", "and", "then", "…", "–", "—", "uhm"})
_UNDO = frozenset({"no", "sorry", "wait", "actually", "correction", "oops", "scratch"})


def digit_runs(text: str) -> tuple[Digits, ...]:
    """Runs of spoken or written digits, corrections applied ("six, no sorry, five"; "six not five" keeps six)."""
    items = tokens(text)
    runs: list[Digits] = []
    i = 0
    while i < len(items):
        run, after = _run(items, i)
        if run is not None:
            runs.append(run)
        i = max(after, i + 1)
    return tuple(runs)


def _run(items: tuple[Token, ...], i: int) -> tuple[Digits | None, int]:
    plus = items[i].text in {"plus", "+"}
    j = i + 1 if plus else i
    groups: list[str] = []
    new: list[str] | None = None  # what was said since "no, sorry"
    end = last = j
    while j < len(items):
        taken = _group(items, j, bool(groups))
        if taken is not None:
            group, j = taken
            (groups if new is None else new).append(group)
            end = j
        elif not groups:
            return None, i
        elif items[j].text == "not" and (wrong := _group(items, j + 1, True)) is not None:
            j = end = wrong[1]
        elif items[j].text in _UNDO or (items[j].text == "i" and j + 1 < len(items) and items[j + 1].text == "mean"):
            groups = _corrected(groups, new) if new else groups
            new, j = [], j + (2 if items[j].text == "i" else 1)
        elif items[j].text in _JOIN:
            if new:
                groups, new = _corrected(groups, new), None
            j += 1
        else:
            break
        last = j
    if not groups:
        return None, last
    groups = _corrected(groups, new) if new else groups
    return Digits("".join(groups), plus, tuple(groups), items[i].start, items[end - 1].end), end


def _corrected(groups: list[str], new: list[str]) -> list[str]:
    """What was said last is said again: a whole group for a group of its size, else as many digits as are new, or all of them."""
    text, said = "".join(groups), "".join(new)
    if len(said) >= 7 or len(said) >= len(text):
        return new
    if len(new) > 1 and len(new[0]) > 1 and len(new[0]) == len(groups[-1]):
        return [*groups[:-1], *new]
    return [text[: -len(said)], *new]


def _group(items: tuple[Token, ...], j: int, inside: bool) -> tuple[str, int] | None:
    """One spoken group at ``j``: a digit, figures, "double five", "twenty one", "five hundred"."""
    if j >= len(items):
        return None
    word = items[j].text
    if word in REPEATS and j + 1 < len(items):
        follow = items[j + 1].text
        one = DIGIT_WORDS.get(follow, follow if follow.isdecimal() and len(follow) == 1 else "")
        return (one * REPEATS[word], j + 2) if one else None
    if word.isdecimal() and word.isascii():
        if j + 1 < len(items) and items[j + 1].text in SCALES and len(word) == 1:
            return word + "0" * (len(str(SCALES[items[j + 1].text])) - 1), j + 2
        return word, j + 1
    if word in {"o", "oh"} and not inside and not _digit_follows(items, j + 1):
        return None
    if word in DIGIT_WORDS:
        if j + 1 < len(items) and items[j + 1].text in {"hundred", "thousand"} and word in UNITS:
            return DIGIT_WORDS[word] + ("00" if items[j + 1].text == "hundred" else "000"), j + 2
        return DIGIT_WORDS[word], j + 1
    small = _small(items, j)
    if small is not None and not small[2]:
        return str(small[0]), small[1]
    return None


def _digit_follows(items: tuple[Token, ...], j: int) -> bool:
    while j < len(items) and items[j].text in {"-", ","}:
        j += 1
    return j < len(items) and (items[j].text in DIGIT_WORDS or items[j].text in REPEATS or items[j].text.isdecimal())


_NAMES = {value: word for word, value in UNITS.items()}
_TENS_NAMES = {value: word for word, value in TENS.items()}


def number_words(value: int) -> str:
    """A whole number in words: 121 is "one hundred and twenty-one"."""
    if value < 0:
        return f"minus {number_words(-value)}"
    if value < 20:
        return _NAMES[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return _TENS_NAMES[tens * 10] + (f"-{_NAMES[unit]}" if unit else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{_NAMES[hundreds]} hundred" + (f" and {number_words(rest)}" if rest else "")
    for name, scale in (("million", 1_000_000), ("thousand", 1_000)):
        if value >= scale:
            many, rest = divmod(value, scale)
            joint = " and " if 0 < rest < 100 else " "
            return f"{number_words(many)} {name}" + (joint + number_words(rest) if rest else "")
    return _NAMES[0]  # not reached: every value below 1000 has returned


_ORDINAL_NAMES = {value: word for word, value in (ORDINAL_UNITS | ORDINAL_TENS).items()}


def ordinal_words(value: int) -> str:
    """A place in words: 27 is "twenty-seventh"."""
    if value in _ORDINAL_NAMES:
        return _ORDINAL_NAMES[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return f"{_TENS_NAMES[tens * 10]}-{_ORDINAL_NAMES[unit]}" if unit else f"{_TENS_NAMES[tens * 10][:-1]}ieth"
    head, rest = divmod(value, 100)
    return f"{number_words(head * 100)} and {ordinal_words(rest)}" if rest else f"{number_words(value)}th"


def digit_words(digits: str, zero: str = "oh") -> str:
    """Digits one by one."""
    return " ".join(zero if each == "0" else _NAMES[int(each)] for each in digits if each.isdecimal() and each.isascii())


def groups_of(digits: str, sizes: tuple[int, ...]) -> tuple[str, ...]:
    """Digits cut into groups of the given sizes; what is left over is the last group."""
    cuts = [0]
    for size in sizes:
        if cuts[-1] + size < len(digits):
            cuts.append(cuts[-1] + size)
    cuts.append(len(digits))
    return tuple(digits[a:b] for a, b in pairwise(cuts) if a < b)
