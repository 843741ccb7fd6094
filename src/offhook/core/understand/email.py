"""E-mail addresses, spoken ("john dot smith at gmail dot com") or written."""

# ruff: noqa: E501  - rules and word lists stay on one line

from __future__ import annotations

import re

from offhook.core.understand.numbers import REPEATS, Token, explains, tokens
from offhook.core.understand.numbers import _group as digit_group
from offhook.core.understand.types import Context, Found

_WRITTEN = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_VALID = re.compile(r"[a-z0-9](?:[a-z0-9._+%-]{0,62}[a-z0-9_+-])?@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
_SIGNS = {
    "dot": ".", "point": ".", "period": ".", "stop": ".", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "plus": "+", ".": ".", "_": "_",
    "-": "-", "+": "+",
}  # fmt: skip
_LEAD = frozenset(
    (
        "is it's its it email e-mail mail address um uh er erm to so yes yeah well okay ok sure sorry no my that's thats be use for at "
        "with me on and then actually please send the would called"
    ).split()
)
_SKIP = frozenset({"all", "lowercase", "lower", "case", "together", "capital", "um", "uh", "er", ",", "full", "letter", "number", "the"})
_TLDS = frozenset(
    (
        "com org net uk co au nz ie ca us de fr es it nl io info biz gov edu ac eu me app dev ai tv in za plumbing shop online club "
        "london scot wales"
    ).split()
)
_SECOND = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "nhs", "me"})
_KNOWN = {
    "gee mail": "gmail",
    "g mail": "gmail",
    "hot mail": "hotmail",
    "out look": "outlook",
    "i cloud": "icloud",
    "y mail": "ymail",
    "jee mail": "gmail",
}
_HOSTS = frozenset(
    {
        "gmail",
        "googlemail",
        "hotmail",
        "outlook",
        "yahoo",
        "icloud",
        "live",
        "me",
        "aol",
        "btinternet",
        "sky",
        "virginmedia",
        "bigpond",
        "optusnet",
    }
)
_EXTRA = frozenset("email e mail address all one word lowercase lower case letters together small dot spelled send".split())


def find(text: str, context: Context, asked: bool) -> list[Found]:
    """Addresses in small letters; more sure if the end is a known one."""
    del context
    found = []
    for match in _WRITTEN.finditer(text):
        value = match[0].casefold().rstrip(".")
        if _VALID.fullmatch(value):
            found.append(_make(text, value, match.start(), match.start() + len(value), asked))
    if found:
        return found
    items = tokens(text)
    for i, token in enumerate(items):
        if token.text in {"at", "@"}:
            local, begin = _local(items, i)
            domain, end = _domain(items, i + 1)
            value = f"{local}@{domain}"
            if local and domain and _VALID.fullmatch(value):
                found.append(_make(text, value, items[begin].start, items[end - 1].end, asked))
    return found


def _make(text: str, value: str, start: int, end: int, asked: bool) -> Found:
    whole = explains(text, start, end, _EXTRA)
    known = value.rsplit(".", 1)[1] in _TLDS
    sure = (0.85 if known else 0.6) + (0.05 if whole and value.split("@")[1].split(".")[0] in _HOSTS else 0) - (0 if asked else 0.05)
    return Found("email", value, text[start:end], start, end, round(sure, 2), whole)


def _is_one_word(items: tuple[Token, ...], i: int) -> bool:
    """As "all one word" said after a name."""
    return [each.text for each in items[max(0, i - 1) : i + 1]] == ["one", "word"]


def _local(items: tuple[Token, ...], at: int) -> tuple[str, int]:
    """The part before the @ sign, read backwards to the words that lead in."""
    parts: list[str] = []
    i = at
    while i > 0:
        word = items[i - 1].text
        if word == "word" and _is_one_word(items, i - 1):
            i -= 3 if i >= 3 and items[i - 3].text == "all" else 2
            continue
        if word in _SKIP:
            i -= 1
            continue
        glued = i < len(items) and items[i - 1].end == items[i].start
        if word in _LEAD and not (parts and parts[0] in "._-+" and word not in {"is", "it's", "its"}) and not glued:
            break
        if word == "." and not glued:
            break
        if word == "as" or not (word in _SIGNS or word.isalnum() or "'" in word):
            break
        if word in {"in", "for"}:
            break
        i -= 1
    begin = i
    parts = _spell(items, begin, at)
    return "".join(parts).strip("."), begin


def _spell(items: tuple[Token, ...], i: int, end: int) -> list[str]:
    """Words, letters, figures and signs of a part of an address."""
    parts: list[str] = []
    while i < end:
        word = items[i].text
        if word in REPEATS and i + 1 < end and len(items[i + 1].text) == 1:
            parts.append(items[i + 1].text * REPEATS[word])
            i += 2
            continue
        if word in {"all", "one"} and [each.text for each in items[i : i + 3]][-2:] == ["one", "word"]:
            i += 3
            continue
        if [each.text for each in items[i : i + 2]] == ["one", "word"]:
            i += 2
            continue
        if word in _SIGNS:
            hyphenated = word == "-" and 0 < i < end - 1 and len(items[i - 1].text) == 1 and len(items[i + 1].text) == 1
            parts.append("" if hyphenated else _SIGNS[word])
        elif word in _SKIP:
            pass
        elif word not in {"o", "oh"} and (group := digit_group(items[:end], i, True)) is not None:
            parts.append(group[0])
            i = group[1]
            continue
        else:
            parts.append("".join(each for each in word if each.isascii() and each.isalnum()))
        i += 1
    return parts


def _domain(items: tuple[Token, ...], i: int) -> tuple[str, int]:
    """The part after the @ sign, up to its last label; ("", i) without one."""
    begin = i
    while i < len(items) and items[i].text not in {"dot", "point", "."}:
        if i - begin > 4 or items[i].text in {",", "?", "!"}:
            return "", begin
        i += 1
    name = " ".join(each.text for each in items[begin:i])
    host = _KNOWN.get(name) or "".join(_spell(items, begin, i))
    labels = [host]
    while i + 1 < len(items) and items[i].text in {"dot", "point", "."}:
        if items[i].text == "." and items[i].end != items[i + 1].start:
            break
        label = items[i + 1].text
        end = i + 2
        if len(label) == 1 and label.isalpha():  # "dot u k"
            while end < len(items) and len(items[end].text) == 1 and items[end].text.isalpha():
                label += items[end].text
                end += 1
        if len(labels) == 1 and len(label) > 3 and label not in _TLDS and end < len(items) and items[end].text not in {"dot", "."}:
            return "", begin
        labels.append("".join(each for each in label if each.isascii() and each.isalnum()))
        i = end
        if label in _TLDS and not (label in _SECOND and i < len(items) and items[i].text in {"dot", "point", "."}):
            break
    return (".".join(labels), i) if len(labels) > 1 and all(labels) else ("", begin)
