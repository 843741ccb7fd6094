"""Open questions answered from the tenant's own text: the best sentence is quoted, or nothing. Precision over recall."""
# ruff: noqa: E501 - phrases read better in one row

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "am",
        "do",
        "does",
        "did",
        "can",
        "could",
        "will",
        "would",
        "shall",
        "should",
        "may",
        "might",
        "must",
        "have",
        "has",
        "had",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "him",
        "her",
        "us",
        "them",
        "my",
        "your",
        "his",
        "its",
        "our",
        "their",
        "this",
        "that",
        "these",
        "those",
        "there",
        "here",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "if",
        "of",
        "in",
        "on",
        "at",
        "to",
        "from",
        "by",
        "for",
        "with",
        "about",
        "as",
        "into",
        "and",
        "or",
        "but",
        "not",
        "no",
        "so",
        "than",
        "then",
        "too",
        "very",
        "just",
        "any",
        "some",
        "please",
        "tell",
        "know",
        "like",
        "want",
        "need",
        "get",
        "got",
        "let",
        "okay",
        "ok",
        "yes",
        "hello",
        "hi",
        "thanks",
        "thank",
        "also",
        "much",
        "time",
        "many",
        "long",
    ]
)
SAME = {
    "open": "hours", "opening": "hours", "close": "hours", "closing": "hours", "closed": "hours", "opens": "hours", "closes": "hours", "hour": "hours",
    "openhours": "hours", "price": "cost", "prices": "cost", "charge": "cost", "charges": "cost", "fee": "cost", "fees": "cost", "costs": "cost",
    "expensive": "cost", "rate": "cost", "rates": "cost", "pounds": "cost", "pay": "payment", "card": "payment", "cash": "payment", "located": "where",
    "address": "where", "weekends": "weekend", "saturday": "weekend", "sunday": "weekend", "saturdays": "weekend", "sundays": "weekend",
    "internet": "wifi", "telephone": "phone",
}  # fmt: skip
K1, B = 1.2, 0.6
COVERED = 0.6
"""At least this weight of the question's words must be in the passage (with its title)."""
MARGIN = 1.05


def words(text: str) -> list[str]:
    """Content words, cut to a stem, near synonyms made one."""
    found = []
    for word in re.findall(
        r"[a-z0-9]+",
        text.casefold().replace("'s", "").replace("wi-fi", "wifi").replace("call-out", "callout").replace("call out", "callout"),
    ):
        if word in STOP:
            continue
        word = SAME.get(word, word)
        found.append(_stem(word))
    return found


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.rstrip("e") if len(word) > 4 else word


@lru_cache(maxsize=64)
def _indexed(passages: tuple[tuple[str, str], ...]) -> tuple[tuple[tuple[Counter[str], frozenset[str]], ...], dict[str, float], float]:
    """Passages as word counts (titles count twice), the weight of every word, and the mean length."""
    docs = tuple((Counter([*words(title), *words(title), *words(text)]), frozenset(words(title))) for title, text in passages)
    holding = Counter(word for doc, _ in docs for word in doc)
    weight = {word: math.log(1 + (len(docs) - count + 0.5) / (count + 0.5)) for word, count in holding.items()}
    return docs, weight, sum(sum(doc.values()) for doc, _ in docs) / max(1, len(docs))


def find(question: str, passages: tuple[tuple[str, str], ...]) -> str | None:
    """The best one or two sentences on a question, None if the text does not hold the answer."""
    asked = list(dict.fromkeys(words(question)))
    if not asked or not passages:
        return None
    docs, weight, mean = _indexed(passages)
    unknown = math.log(1 + len(docs) + 0.5)
    total = sum(weight.get(word, unknown) for word in asked)
    ranked = sorted(
        ((_score(asked, doc, weight, mean), index) for index, (doc, _) in enumerate(docs)), key=lambda each: (-each[0], each[1])
    )
    best, index = ranked[0]
    covered = sum(weight[word] for word in asked if word in docs[index][0])
    if best <= 0 or covered < COVERED * total:
        return None
    if len(ranked) > 1 and best < MARGIN * ranked[1][0] and docs[ranked[1][1]][1] != docs[index][1]:
        return None
    return _quote(asked, passages[index], weight)


def _score(asked: list[str], doc: Counter[str], weight: dict[str, float], mean: float) -> float:
    size = sum(doc.values())
    return sum(weight[word] * doc[word] * (K1 + 1) / (doc[word] + K1 * (1 - B + B * size / mean)) for word in asked if word in doc)


def _quote(asked: list[str], passage: tuple[str, str], weight: dict[str, float]) -> str:
    """The sentence that holds most of the question; with it the next one if it is short. At most 40 words."""
    title = set(words(passage[0]))
    sentences = [each.strip() for each in re.split(r"(?<=[.!?])\s+|\n+", passage[1]) if each.strip()]
    best = max(
        range(len(sentences)),
        key=lambda index: (
            sum(weight.get(word, 0.0) for word in asked if word in set(words(sentences[index])) and word not in title),
            -index,
        ),
    )
    quoted = sentences[best]
    if best + 1 < len(sentences) and len(quoted.split()) + len(sentences[best + 1].split()) <= 30:
        quoted = f"{quoted} {sentences[best + 1]}"
    return quoted if quoted.endswith((".", "!", "?")) else f"{quoted}."
