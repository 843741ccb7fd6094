"""A model's answer as it comes: one JSON object, its acts given as soon as they are whole, its words piece by piece.

Total: any text, cut anywhere, gives the same answer and never an error. An answer that does not begin with an object is plain words. What
cannot be read is named (``Bad``) and the rest of the answer goes on where that makes sense.
"""
# ruff: noqa: ANN401 - an answer is plain data until it has been checked

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

LONGEST = 20_000
"""Characters of an answer."""
DEEPEST = 6
"""Brackets within each other, in acts."""
LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class ActsRead:
    """The array of acts is closed. The items are unchecked JSON; an object with a key twice is None."""

    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Asks:
    """The slot that the question in ``say`` asks for, as the model says."""

    slot: str | None


@dataclass(frozen=True, slots=True)
class SayDelta:
    """More of ``say``."""

    text: str


@dataclass(frozen=True, slots=True)
class SayEnd:
    """``say`` is whole; ``null`` and "" are too."""


@dataclass(frozen=True, slots=True)
class Plain:
    """More of an answer that is no JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that could not be read, and why. ``fatal``: nothing after it is read."""

    why: str
    fatal: bool = False


AnswerEvent: TypeAlias = ActsRead | Asks | SayDelta | SayEnd | Plain | Bad

_ESCAPES = {"n": " ", "t": " ", "r": " ", "b": "", "f": " ", '"': '"', "\\": "\\", "/": "/"}


class AnswerReader:
    """Feed pieces, take what has become whole. One answer each."""

    def __init__(self) -> None:
        self._state: Callable[[str], None] = self._start
        self._out: list[AnswerEvent] = []
        self._size = 0
        self._key = ""
        self._raw = ""
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._hex: str | None = None
        self._high = ""
        self._seen: set[str] = set()
        self._over = False

    def feed(self, delta: str) -> list[AnswerEvent]:
        """More of the answer."""
        for char in delta:
            if self._state == self._gone:
                break
            self._size += 1
            if self._size > LONGEST:
                self._break("too long")
                break
            self._state("\ufffd" if "\ud800" <= char <= "\udfff" else char)
        return self._take()

    def finish(self) -> list[AnswerEvent]:
        """Nothing more comes."""
        if self._over:
            return []
        self._over = True
        if self._state in {self._start, self._fence}:
            self._out.append(Bad("empty", fatal=True))
        elif self._state not in {self._plain, self._done, self._gone}:
            self._break("cut off")
        self._state = self._gone
        return self._take()

    def _take(self) -> list[AnswerEvent]:
        """What has come up, pieces of words that follow each other joined."""
        found: list[AnswerEvent] = []
        for each in self._out:
            last = found[-1] if found else None
            if isinstance(each, SayDelta) and isinstance(last, SayDelta):
                found[-1] = SayDelta(last.text + each.text)
            elif isinstance(each, Plain) and isinstance(last, Plain):
                found[-1] = Plain(last.text + each.text)
            else:
                found.append(each)
        self._out = []
        return found

    def _break(self, why: str) -> None:
        self._out.append(Bad(why, fatal=True))
        self._state = self._gone

    # states: one character each

    def _gone(self, char: str) -> None:
        """Nothing is read any more."""

    def _start(self, char: str) -> None:
        if char.isspace() or char == "\ufeff":
            return
        if char == "`":
            self._raw = ""
            self._state = self._fence
        elif char == "{":
            self._state = self._want_key
        elif char in "[]}<":
            self._break("not an object")
        else:
            self._state = self._plain
            self._plain(char)

    def _fence(self, char: str) -> None:
        """The line that opens a fence (```json) is passed over."""
        self._raw += char
        if char in "\n{":
            self._state = self._start
            if char == "{":
                self._start(char)
        elif len(self._raw) > 20:
            self._break("not an object")

    def _plain(self, char: str) -> None:
        if char in "{}":
            self._break("braces in words")
            return
        self._out.append(Plain(" " if char.isspace() else char))

    def _want_key(self, char: str) -> None:
        if char == '"':
            self._raw, self._escaped = "", False
            self._state = self._in_key
        elif char == "}":
            self._state = self._done
        elif not char.isspace() and char != ",":
            self._break("malformed")

    def _in_key(self, char: str) -> None:
        if char == '"' and not self._escaped:
            self._key = self._raw
            self._state = self._want_colon
            return
        self._escaped = char == "\\" and not self._escaped
        self._raw += char
        if len(self._raw) > LONGEST_KEY:
            self._break("malformed")

    def _want_colon(self, char: str) -> None:
        if char == ":":
            self._state = self._want_value
        elif not char.isspace():
            self._break("malformed")

    def _want_value(self, char: str) -> None:
        if char.isspace():
            return
        twice = self._key in self._seen
        self._seen.add(self._key)
        if twice:
            self._out.append(Bad("a field twice"))
            self._key = ""
        if char == '"' and self._key == "say":
            self._escaped, self._hex, self._high = False, None, ""
            self._state = self._in_say
            return
        self._raw, self._depth, self._quoted, self._escaped = "", 0, False, False
        self._state = self._in_value
        self._in_value(char)

    def _in_value(self, char: str) -> None:
        """Any other value: kept as it is until it is whole."""
        if self._quoted:
            self._raw += char
            if self._escaped:
                self._escaped = False
            elif char == "\\":
                self._escaped = True
            elif char == '"':
                self._quoted = False
                if not self._depth:
                    self._close()
            return
        if not self._depth and (char in ",}" or char.isspace()) and self._raw:
            self._close()
            if self._state == self._want_next:
                self._want_next(char)
            return
        self._raw += char
        if char == '"':
            self._quoted = True
        elif char in "[{":
            self._depth += 1
            if self._depth > DEEPEST:
                self._break("too deep")
        elif char in "]}":
            self._depth -= 1
            if self._depth < 0:
                self._break("malformed")
            elif not self._depth:
                self._close()

    def _close(self) -> None:
        self._state = self._want_next
        value, bad = _loads(self._raw)
        if bad:
            self._out.append(Bad("malformed"))
            if self._key == "acts":
                self._break("malformed acts")
        elif self._key == "acts":
            if isinstance(value, list):
                self._out.append(ActsRead(tuple(value)))
            else:
                self._break("acts are no list")
        elif self._key == "say":
            if value is not None:
                self._out.append(Bad("say is no text"))
            self._out.append(SayEnd())
        elif self._key == "asks":
            self._out.append(Asks(value if isinstance(value, str) else None))
        elif self._key:
            self._out.append(Bad("unknown field"))

    def _in_say(self, char: str) -> None:
        if self._hex is not None:
            self._hex += char
            if len(self._hex) == 4:
                self._unicode(self._hex)
            return
        if self._escaped:
            self._escaped = False
            if char == "u":
                self._hex = ""
            else:
                self._word(_ESCAPES.get(char, "\ufffd"))
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._word("")
            self._out.append(SayEnd())
            self._state = self._want_next
        else:
            self._word(max(char, " "))

    def _unicode(self, digits: str) -> None:
        self._hex = None
        code = int(digits, 16) if re.fullmatch(r"[0-9a-fA-F]{4}", digits) else 0xFFFD
        if 0xD800 <= code <= 0xDBFF:
            self._word("")
            self._high = chr(code)
        elif 0xDC00 <= code <= 0xDFFF and self._high:
            high, self._high = ord(self._high), ""
            self._out.append(SayDelta(chr(0x10000 + ((high - 0xD800) << 10) + code - 0xDC00)))
        else:
            self._word("\ufffd" if 0xDC00 <= code <= 0xDFFF else " " if code < 0x20 else chr(code))

    def _word(self, text: str) -> None:
        """More words; half of a pair that was never completed goes before them as a sign of its own."""
        if self._high:
            self._high = ""
            text = "\ufffd" + text
        if text:
            self._out.append(SayDelta(text))

    def _want_next(self, char: str) -> None:
        if char == ",":
            self._state = self._want_key
        elif char == "}":
            self._state = self._done
        elif not char.isspace():
            self._break("malformed")

    def _done(self, char: str) -> None:
        if not char.isspace() and char != "`":
            self._out.append(Bad("more after the answer"))
            self._state = self._gone


def _loads(raw: str) -> tuple[Any, bool]:
    """The value of a JSON text, and whether it was none. Its depth is known to be small."""
    try:
        value = json.loads(
            raw, strict=False, object_pairs_hook=_pairs, parse_constant=lambda _: None, parse_int=_whole, parse_float=lambda _: None
        )
    except ValueError:
        return None, True
    return _clean(value), False


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) < 10 else None


def _clean(value: Any) -> Any:
    """Text without halves of pairs, which could not be written anywhere."""
    if isinstance(value, str):
        return re.sub(r"[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    return value
