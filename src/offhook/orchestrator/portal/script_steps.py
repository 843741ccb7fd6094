"""One step of a script as the fields of a form, and back. What a form does not show stays as its author wrote it. Pure.

A form sends all of a step: ``goal``, ``say.0.if``, ``say.0.text``, ``collect.0``, ``next.1.go``, ... ``act`` is what its button does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LISTS: Final = ("collect", "also")
NAMES: Final = ("call", "do", "transfer", "if_fails", "outcome", "wording")
LINES: Final = ("say", "next")
SHOWN: Final = frozenset({"goal", "say", "next", "end", "return", *LISTS, *NAMES})
MOST: Final = 60
"""Rows of a form that are read."""
_ACT: Final = re.compile(r"(say|next|collect|also)\.(?:(add)|(\d{1,3})\.(remove|up))")
Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One wording, or one way on. ``texts`` by language; the empty one where there is no other."""

    when: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    go: str = ""
    forget: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step as its form shows it."""

    goal: str
    say: tuple[Row, ...]
    collect: tuple[str, ...]
    also: tuple[str, ...]
    call: str
    do: str
    transfer: str
    if_fails: str
    outcome: str
    wording: str
    then: str
    """``next``, ``return`` or ``end``."""
    next: tuple[Row, ...]
    end: str

    @property
    def rare(self) -> bool:
        """Whether it has any of what few steps have."""
        return bool(self.also or self.call or self.transfer or self.if_fails or self.outcome or self.wording)


def fits(part: object) -> bool:
    """Whether a form can show this step; otherwise its text is the only way."""
    if not isinstance(part, dict):
        return False
    plain = all(isinstance(part.get(name), str | None) for name in (*NAMES, "goal", "end"))
    lists = all(isinstance(one, str) for name in LISTS for one in _listed(part.get(name)))
    shaped = all(isinstance(part.get(name), list | None) and len(part.get(name) or ()) <= MOST for name in LISTS)
    return plain and lists and shaped and _says(part.get("say")) and _leads(part.get("next"))


def _says(say: object) -> bool:
    if isinstance(say, list):
        return len(say) <= MOST and all(isinstance(one, dict) and set(one) <= {"if", "text"} and _text(one.get("text")) for one in say)
    return _text(say)


def _text(text: object) -> bool:
    return isinstance(text, str | None) or (isinstance(text, dict) and all(isinstance(one, str) for one in (*text, *text.values())))


def _leads(lines: object) -> bool:
    if not isinstance(lines, list):
        return isinstance(lines, str | None)
    return len(lines) <= MOST and all(
        isinstance(one, dict)
        and set(one) <= {"if", "forget", "go"}
        and isinstance(one.get("go"), str | None)
        and all(isinstance(name, str) for name in _listed(one.get("forget")))
        for one in lines
    )


def shown(part: Mapping[str, Any]) -> Step:
    """The step as a form; it fits."""
    say = part.get("say")
    lines = part.get("next")
    then = "next" if lines is not None else "return" if part.get("return") else "end" if part.get("end") is not None else "next"
    return Step(
        goal=_plain(part.get("goal")),
        say=tuple(_wording(one) for one in (say if isinstance(say, list) else [] if say is None else [{"text": say}])),
        collect=tuple(_listed(part.get("collect"))),
        also=tuple(_listed(part.get("also"))),
        then=then,
        next=tuple(_way(one) for one in (lines if isinstance(lines, list) else [] if lines is None else [{"go": lines}])),
        end=_plain(part.get("end")),
        **{name: _plain(part.get(name)) for name in NAMES},
    )


def read(fields: Mapping[str, str], old: Mapping[str, Any]) -> Part:
    """The step that a form asks for, made from the one that it was shown of."""
    before = shown(old)
    made: Part = dict(old)
    for name in ("goal", *NAMES):
        _keep(made, name, fields.get(name, "").strip(), getattr(before, name))
    for name in LISTS:
        listed = [one for one in _rows(fields, name) if one]
        added = fields.get(f"{name}.add", "")
        _replace(made, name, [*listed, added] if added and added not in listed else listed, list(getattr(before, name)))
    _read_say(fields, made, before)
    _read_then(fields, made, before)
    return _acted(made, fields.get("act", ""))


def _keep(made: Part, name: str, now: str, before: str) -> None:
    """A text of a form: nothing changes where it is as it was shown."""
    now = now.replace("\r\n", "\n")
    if now == before.strip():
        return
    if now:
        made[name] = now
    else:
        made.pop(name, None)


def _replace(made: Part, name: str, now: list[Any], before: list[Any]) -> None:
    if now == before:
        return
    if now:
        made[name] = now
    else:
        made.pop(name, None)


def _rows(fields: Mapping[str, str], name: str) -> list[str]:
    return [fields[f"{name}.{index}"] for index in range(MOST) if f"{name}.{index}" in fields]


# -- what is said


def _read_say(fields: Mapping[str, str], made: Part, before: Step) -> None:
    old = made.get("say")
    was = old if isinstance(old, list) else [{"text": old}] if old is not None else []
    found: list[Part] = []
    for index in range(MOST):
        texts = {name.removeprefix(f"say.{index}.text"): text for name, text in fields.items() if name.startswith(f"say.{index}.text")}
        if not texts:
            break
        one = was[index] if index < len(was) else {}
        shown_row = before.say[index] if index < len(before.say) else Row()
        row: Part = {}
        _condition(row, fields.get(f"say.{index}.if", ""), one, shown_row.when)
        row["text"] = _texts(texts, one.get("text"))
        found.append(row)
    if not found and not before.say:
        return
    lone = len(found) == 1 and "if" not in found[0] and not isinstance(old, list)
    if not found or (lone and not found[0]["text"]):
        made.pop("say", None)
    else:
        made["say"] = found[0]["text"] if lone else found


def _texts(sent: Mapping[str, str], old: object) -> str | dict[str, str]:
    """A text, or one for each language. Lines of a form end otherwise than those of a script."""
    clean = {name.removeprefix("."): text.strip().replace("\r\n", "\n") for name, text in sent.items()}
    if isinstance(old, dict):
        return {name: clean.get(name, "") if clean.get(name, "") != text.strip() else text for name, text in old.items()}
    now = clean.get("", "")
    return old if isinstance(old, str) and old.strip() == now else now


def _condition(row: Part, now: str, old: Mapping[str, Any], before: str) -> None:
    if now.strip() == before:
        if "if" in old:
            row["if"] = old["if"]
    elif now.strip():
        row["if"] = now.strip()


# -- where it goes on


def _read_then(fields: Mapping[str, str], made: Part, before: Step) -> None:
    then = fields.get("then", before.then)
    if then != before.then:
        for name in ("next", "return", "end"):
            made.pop(name, None)
        made |= {"return": True} if then == "return" else {"end": fields.get("end") or "same"} if then == "end" else {}
        if then == "next" and "next.0.go" not in fields:
            made["next"] = fields.get("first", "")
        return
    if then == "end":
        _keep(made, "end", fields.get("end", ""), before.end)
    if then != "next":
        return
    old = made.get("next")
    was = old if isinstance(old, list) else [{"go": old}] if old is not None else []
    found = []
    for index in range(MOST):
        go = fields.get(f"next.{index}.go")
        if go is None:
            break
        one = was[index] if index < len(was) else {}
        shown_row = before.next[index] if index < len(before.next) else Row()
        row: Part = {}
        _condition(row, fields.get(f"next.{index}.if", ""), one, shown_row.when)
        forget = fields.get(f"next.{index}.forget", "")
        names = _listed(one.get("forget")) if forget == shown_row.forget else [name for name in re.split(r"[\s,]+", forget) if name]
        if names:
            row["forget"] = names
        row["go"] = go
        found.append({name: row[name] for name in _order(one, row)})
    if found:
        made["next"] = found[0]["go"] if len(found) == 1 and set(found[0]) == {"go"} and not isinstance(old, list) else found
    elif before.next:
        made.pop("next", None)


def _order(old: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """An author's order of the keys, where there was one."""
    return [*(name for name in old if name in row), *(name for name in ("if", "forget", "go") if name in row and name not in old)]


# -- what a button does


def _acted(made: Part, act: str) -> Part:
    found = _ACT.fullmatch(act)
    if found is None:
        return made
    name, index = found.group(1), int(found.group(3) or 0)
    rows = made.get(name)
    if name == "say" and not isinstance(rows, list):
        rows = [] if rows is None else [{"text": rows}]
    elif name == "next" and not isinstance(rows, list):
        rows = [] if rows is None else [{"go": rows}]
    rows = list(rows or [])
    if found.group(2) and name in LINES:
        _add(rows, name)
    elif found.group(4) == "remove" and index < len(rows):
        del rows[index]
    elif found.group(4) == "up" and 0 < index < len(rows):
        rows[index - 1], rows[index] = rows[index], rows[index - 1]
    if rows:
        made[name] = rows
    else:
        made.pop(name, None)
    return made


def _add(rows: list[Any], name: str) -> None:
    """One more: before the line that is taken when no other is, which stays the last."""
    last = rows[-1] if rows else None
    at = len(rows) - 1 if isinstance(last, dict) and "if" not in last else len(rows)
    if name == "say":
        rows.insert(at, {"if": "", "text": ""} if rows else {"text": ""})
    else:
        target = last.get("go", "") if isinstance(last, dict) else ""
        rows.insert(at, {"if": "", "go": target} if rows else {"go": target})


def _wording(one: Mapping[str, Any]) -> Row:
    text = one.get("text")
    texts = tuple(text.items()) if isinstance(text, dict) else (("", _plain(text)),)
    return Row(when=_asked(one), texts=texts)


def _way(one: Mapping[str, Any]) -> Row:
    return Row(when=_asked(one), go=_plain(one.get("go")), forget=", ".join(_listed(one.get("forget"))))


def _asked(one: Mapping[str, Any]) -> str:
    """A condition as text; YAML has values for yes and no."""
    when = one.get("if")
    return "" if when is None else ("yes" if when else "no") if isinstance(when, bool) else str(when)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else ""


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
