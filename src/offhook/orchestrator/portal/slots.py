"""One thing that a script finds out as the fields of a form, and back. What a form does not show stays as its author wrote it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from offhook.orchestrator.portal.script_steps import MOST, Part

SHOWN: Final = frozenset({"type", "ask", "options", "confirm", "optional", "secure"})
_ACT: Final = re.compile(r"(ask|options)\.(?:(add)|(\d{1,3})\.(remove|up))")
_NAME: Final = re.compile(r"[^a-z0-9]+")
_COMMA: Final = re.compile(r"\s*,\s*|\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to a choice."""

    name: str
    label: str
    says: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot as its form shows it. ``ask``: the first wording, the second, ..."""

    type: str
    ask: tuple[str, ...]
    options: tuple[Option, ...]
    confirm: str
    optional: bool
    secure: bool


def fits(part: object) -> bool:
    """Whether a form can show it."""
    if not isinstance(part, dict) or not isinstance(part.get("type"), str | None):
        return False
    ask = part.get("ask")
    asks = ask if isinstance(ask, list) else [ask]
    options = part.get("options")
    named = options is None or (isinstance(options, dict) and all(_option(one) for one in options.values()))
    return all(isinstance(one, str | None) for one in asks) and len(asks) <= MOST and named and isinstance(part.get("confirm"), str | None)


def _option(one: object) -> bool:
    if one is None:
        return True
    if not isinstance(one, dict) or not set(one) <= {"label", "says"} or not isinstance(one.get("label"), str | None):
        return False
    says = one.get("says", [])
    return isinstance(says, list) and all(isinstance(text, str) for text in says)


def shown(part: Mapping[str, Any]) -> Slot:
    """The slot as a form; it fits."""
    ask = part.get("ask")
    options = part.get("options") or {}
    return Slot(
        type=part.get("type") or "free_text",
        ask=tuple(ask) if isinstance(ask, list) else (ask or "",),
        options=tuple(
            Option(name, (one or {}).get("label") or "", ", ".join((one or {}).get("says") or ())) for name, one in options.items()
        ),
        confirm=part.get("confirm") or "",
        optional=part.get("optional") is True,
        secure=part.get("secure") is True,
    )


def read(fields: Mapping[str, str], old: Mapping[str, Any]) -> Part:
    """The slot that a form asks for, made from the one that it was shown of."""
    before, made = shown(old), dict(old)
    asks = [fields[f"ask.{index}"].strip().replace("\r\n", "\n") for index in range(MOST) if f"ask.{index}" in fields]
    if asks and asks != [one.strip() for one in before.ask]:
        made["ask"] = asks[0] if len(asks) == 1 and not isinstance(old.get("ask"), list) else asks
    kind = fields.get("type", before.type)
    if kind != before.type:
        made["type"] = kind
    for name, now, was in (
        ("confirm", fields.get("confirm", ""), before.confirm),
        ("optional", fields.get("optional") == "yes", before.optional),
        ("secure", fields.get("secure") == "yes" if kind == "pattern" else before.secure, before.secure),
    ):
        if now != was and now:
            made[name] = now
        elif now != was:
            made.pop(name, None)
    _options(fields, made, before)
    return _acted(made, fields.get("act", ""))


def _options(fields: Mapping[str, str], made: Part, before: Slot) -> None:
    """Options by the place at which they were shown: a name is what conditions say, and stays."""
    old = made.get("options") or {}
    options: Part = {}
    for index, one in enumerate(before.options):
        label = fields.get(f"options.{index}.label", one.label).strip()
        says = fields.get(f"options.{index}.says", one.says).strip()
        if (label, says) == (one.label.strip(), one.says):
            options[one.name] = old[one.name]
            continue
        listed = [text for text in _COMMA.split(says) if text]
        options[one.name] = ({"label": label} if label else {}) | ({"says": listed} if listed else {})
    label = fields.get("options.new", "").strip()
    name = _NAME.sub("_", label.lower()).strip("_")[:40]
    if name and name[0].isalpha() and name not in options:
        options[name] = {"label": label}
    if options != old:
        made["options"] = options


def _acted(made: Part, act: str) -> Part:
    found = _ACT.fullmatch(act)
    if found is None:
        return made
    index = int(found.group(3) or 0)
    if found.group(1) == "ask":
        rows = list(made["ask"]) if isinstance(made.get("ask"), list) else [made.get("ask") or ""]
        made["ask"] = _moved([*rows, ""] if found.group(2) else rows, index, found.group(4))
    elif isinstance(made.get("options"), dict):
        made["options"] = dict(_moved(list(made["options"].items()), index, found.group(4)))
    return made


def _moved(rows: list[Any], index: int, how: str | None) -> list[Any]:
    if how == "remove" and index < len(rows) and len(rows) > 1:
        del rows[index]
    elif how == "up" and 0 < index < len(rows):
        rows[index - 1], rows[index] = rows[index], rows[index - 1]
    return rows
