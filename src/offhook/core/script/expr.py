"""Conditions: `` need is new_job and bill < 40 ``. Own parser; no calls, no arithmetic; evaluated three-valued.

A comparison with an unknown value is unknown, and unknown is false where a line must hold: ``is not`` too.
"""
# ruff: noqa: ANN401 - values of scripts and tools have many types

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

WORD_OPS = ("is known", "is unknown", "is not", "not in", "is", "in")
SIGNS = ("<=", ">=", "<", ">")


class ExprError(ValueError):
    """A condition that cannot be read; ``column`` counts from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Name:
    """A slot, a given value or ``tool.field``."""

    path: str
    column: int


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word on the right of a comparison: an option, or a name; decided where the left side's type is known."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, ``yes``, ``no``."""

    value: Any
    column: int


@dataclass(frozen=True, slots=True)
class Today:
    """The day of the call."""

    column: int


Operand: TypeAlias = Name | Word | Literal | Today


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``; op is ``is``, ``is not``, or one of the signs."""

    op: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Among:
    """``left in [..]``."""

    left: Operand
    items: tuple[Operand, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Known:
    """``name is known``; never unknown itself."""

    name: Name
    negated: bool


@dataclass(frozen=True, slots=True)
class Both:
    """``and`` (every) or ``or`` (any)."""

    every: bool
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``not ..``."""

    part: Expr


Expr: TypeAlias = Compare | Among | Known | Both | Not

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"[^"]*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)|(?P<sign><=|>=|<|>|\(|\)|\[|\]|,))'
)


def parse(text: str) -> Expr:
    """Read a condition; ExprError with a column otherwise."""
    reader = _Reader(text)
    found = reader.either()
    if reader.peek() is not None:
        raise ExprError(f"'{reader.peek()}' was not expected here", reader.column())
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
                raise ExprError(f"'{text[column - 1]}' cannot be read in a condition", column)
            kind = match.lastgroup or "sign"
            self.tokens.append((kind, match.group(kind), match.start(kind) + 1))
            at = match.end()
        self.at = 0
        self.end = end + 1

    def peek(self, ahead: int = 0) -> str | None:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else None

    def column(self) -> int:
        return self.tokens[self.at][2] if self.at < len(self.tokens) else self.end

    def take(self, *words: str) -> bool:
        for ahead, word in enumerate(words):
            if self.peek(ahead) != word:
                return False
        self.at += len(words)
        return True

    def need(self, word: str) -> None:
        if not self.take(word):
            raise ExprError(f"'{word}' is missing", self.column())

    def either(self) -> Expr:
        parts = [self.every()]
        while self.take("or"):
            parts.append(self.every())
        return parts[0] if len(parts) == 1 else Both(False, tuple(parts))

    def every(self) -> Expr:
        parts = [self.single()]
        while self.take("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else Both(True, tuple(parts))

    def single(self) -> Expr:
        if self.take("not"):
            return Not(self.single())
        if self.take("("):
            inner = self.either()
            self.need(")")
            return inner
        left = self.operand(left=True)
        for word in ("known", "unknown"):
            if self.take("is", word):
                if not isinstance(left, Name):
                    raise ExprError("only a name can be known", left.column)
                return Known(left, word == "unknown")
        if self.take("not", "in"):
            return Among(left, self.items(), True)
        if self.take("in"):
            return Among(left, self.items(), False)
        if self.take("is", "not"):
            return Compare("is not", left, self.operand())
        if self.take("is"):
            return Compare("is", left, self.operand())
        for sign in SIGNS:
            if self.take(sign):
                return Compare(sign, left, self.operand())
        raise ExprError("a comparison is missing: is, is not, in, not in, <, <=, >, >=, is known, is unknown", self.column())

    def items(self) -> tuple[Operand, ...]:
        self.need("[")
        found = [self.operand()]
        while self.take(","):
            found.append(self.operand())
        self.need("]")
        return tuple(found)

    def operand(self, *, left: bool = False) -> Operand:
        if self.at >= len(self.tokens):
            raise ExprError("a value is missing", self.end)
        kind, text, column = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return Literal(text[1:-1], column)
        if kind == "number":
            return Literal(float(text) if "." in text else int(text), column)
        if kind == "sign" or text in {"and", "or", "not", "is", "in"}:
            raise ExprError(f"a value was expected, not '{text}'", column)
        if text in {"yes", "no"}:
            return Literal(text == "yes", column)
        if text == "today":
            return Today(column)
        return Name(text, column) if left or "." in text else Word(text, column)


Lookup: TypeAlias = Callable[[str], Any]
"""The value of a name, None if unknown."""


def holds(expr: Expr | None, lookup: Lookup, today: dt.date) -> bool:
    """True if the condition is true; unknown counts as false. No condition always holds."""
    return expr is None or evaluate(expr, lookup, today) is True


def evaluate(expr: Expr, lookup: Lookup, today: dt.date) -> bool | None:
    """True, False, or None for unknown."""
    match expr:
        case Known(name, negated):
            return (lookup(name.path) is not None) != negated
        case Not(part):
            inner = evaluate(part, lookup, today)
            return None if inner is None else not inner
        case Both(every, parts):
            results = [evaluate(part, lookup, today) for part in parts]
            if (not every) in results:
                return not every
            return None if None in results else every
        case Among(left, items, negated):
            value = _value(left, lookup, today)
            if value is None:
                return None
            return any(_equal(value, _value(item, lookup, today)) for item in items) != negated
        case Compare(op, left, right):
            return _compare(op, _value(left, lookup, today), _value(right, lookup, today))


def _compare(op: str, a: Any, b: Any) -> bool | None:
    if a is None or b is None:
        return None
    if op == "is":
        return _equal(a, b)
    if op == "is not":
        return not _equal(a, b)
    a, b = _ordered(a), _ordered(b)
    if (
        isinstance(a, bool)
        or isinstance(b, bool)
        or isinstance(a, str) != isinstance(b, str)
        or isinstance(a, dt.date) != isinstance(b, dt.date)
    ):
        return None
    if isinstance(a, dt.date) and isinstance(b, dt.date):
        a, b = a.isoformat()[:10], b.isoformat()[:10]
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op])


def _equal(a: Any, b: Any) -> bool:
    return bool(_ordered(a) == _ordered(b)) and isinstance(a, bool) == isinstance(b, bool)


def _ordered(value: Any) -> Any:
    """A value as it is compared: money by its amount in whole units, an ISO day as a date."""
    minor = value.get("minor") if isinstance(value, dict) else getattr(value, "minor", None)
    if isinstance(minor, int):
        return minor / 100
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}(T.*)?", value):
        return dt.date.fromisoformat(value[:10])
    if isinstance(value, dt.datetime):
        return value.date()
    return value.casefold() if isinstance(value, str) else value


def _value(operand: Operand, lookup: Lookup, today: dt.date) -> Any:
    match operand:
        case Name(path, _):
            return lookup(path)
        case Word(text, _):
            return text
        case Literal(value, _):
            return value
        case Today():
            return today


def operands(expr: Expr) -> Iterator[Operand]:
    """Every operand, in order."""
    match expr:
        case Known(name, _):
            yield name
        case Not(part):
            yield from operands(part)
        case Both(_, parts):
            for part in parts:
                yield from operands(part)
        case Among(left, items, _):
            yield left
            yield from items
        case Compare(_, left, right):
            yield left
            yield right


def names(expr: Expr | None) -> frozenset[str]:
    """The names that a condition reads."""
    return frozenset(each.path for each in operands(expr) if isinstance(each, Name)) if expr is not None else frozenset()


def bind(expr: Expr, is_name: Callable[[str], bool], options: Callable[[str], frozenset[str]]) -> Expr:
    """Turn bare words that are no option of the left side but a known name into names."""

    def right(left: Operand, each: Operand) -> Operand:
        own = options(left.path) if isinstance(left, Name) else frozenset()
        if isinstance(each, Word) and each.text not in own and is_name(each.text):
            return Name(each.text, each.column)
        return each

    match expr:
        case Not(part):
            return Not(bind(part, is_name, options))
        case Both(every, parts):
            return Both(every, tuple(bind(part, is_name, options) for part in parts))
        case Among(left, items, negated):
            return Among(left, tuple(right(left, item) for item in items), negated)
        case Compare(op, left, other):
            return Compare(op, left, right(left, other))
        case Known():
            return expr
