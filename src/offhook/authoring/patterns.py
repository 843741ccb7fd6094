"""How dear a regular expression can become. One that a tenant wrote runs in the engine beside everybody's calls, so it must be cheap.

Python's matcher tries one way after another. What is bounded here is the number of ways: a repeat can end at each of its lengths, a branch
can go each way, and one within another multiplies. What is spelt out is a code of letters and digits, for which this is plenty.
"""

from __future__ import annotations

import re
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

MOST: Final = 10_000
"""Ways that a match may try."""
LONGEST: Final = 40
"""Characters of the longest code that anybody spells: what ``*`` and ``+`` count as."""
_PLAIN: Final = frozenset({code.LITERAL, code.NOT_LITERAL, code.ANY, code.IN, code.AT})


def fault(pattern: str) -> str | None:
    """Why the expression cannot be used, in a sentence; None if it can."""
    try:
        tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"no regular expression: {error}"
    try:
        ways = _ways(tree)
    except _Unbounded as error:
        return str(error)
    return None if ways <= MOST else "too many ways to match: repeat single characters or classes only, and say how often ({2,6})"


class _Unbounded(Exception):
    pass


def _ways(items: Any) -> int:  # noqa: ANN401 - the parser's own tree
    ways = 1
    for kind, given in items:
        ways = min(MOST + 1, ways * _ways_of(kind, given))
    return ways


def _ways_of(kind: Any, given: Any) -> int:  # noqa: ANN401 - the parser's own tree
    if kind in _PLAIN:
        return 1
    if kind in {code.MAX_REPEAT, code.MIN_REPEAT}:
        least, most, body = given
        most = LONGEST if most is code.MAXREPEAT else int(most)
        each = _ways(body)
        if each > 1 and most > 1:
            return MOST + 1 if most > 64 else min(MOST + 1, each**most)
        return int(min(most, MOST) - min(least, most, MOST) + 1) * each
    if kind is code.BRANCH:
        return sum(_ways(one) for one in given[1])
    if kind is code.SUBPATTERN:
        return _ways(given[3])
    raise _Unbounded(f"{str(kind).lower()} cannot be used in a pattern: write it with characters, classes, groups, | and repeats")
