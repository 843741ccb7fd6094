"""Values between tools, conditions and speech: coming in as JSON, compared, said, and going out as arguments."""
# ruff: noqa: ANN401 - values of scripts and tools have many types

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from offhook.core.script.secret import Sealed
from offhook.core.script.texts import text
from offhook.core.speech.normal import speak


def coerce(kind: str, value: Any) -> Any:
    """A value of a plan or a tool as the grammars would have made it: days and times as ISO text, the rest is kept."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return plain(value)
    if kind == "yes_no":
        return value.casefold() in {"yes", "true", "1"}
    return value


def plain(value: Any) -> Any:
    """A value as JSON: what a tool gets and what two values are compared by."""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Sealed):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def argument(kind: str, value: Any) -> Any:
    """What a tool gets for a value: an offer by its id, a name or an address as it is written, the rest as JSON."""
    if isinstance(value, Sealed):
        return value
    if kind == "offer" and isinstance(value, Mapping):
        return value.get("id")
    if kind in {"person_name", "address"} and not isinstance(value, str):
        return written(kind, value)
    return plain(value)


def written(kind: str, value: Any) -> str:
    """A name or address as one writes it."""
    data = plain(value)
    if not isinstance(data, Mapping):
        return str(data)
    if kind == "person_name":
        return " ".join(str(data[key]) for key in ("given", "family") if data.get(key))
    lines = data.get("lines") or ()
    parts = [*([lines] if isinstance(lines, str) else lines), *([data["postcode"]] if data.get("postcode") else [])]
    return ", ".join(str(part) for part in parts if part)


def offers_of(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The offers in a tool's answer; a bare text is an offer whose id and label it is. Anything else is left out."""
    found: list[Mapping[str, Any]] = []
    for each in value if isinstance(value, list | tuple) else ():
        if isinstance(each, Mapping) and each.get("id") and each.get("label"):
            found.append(each)
        elif isinstance(each, str) and each:
            found.append({"id": each, "label": each})
    return tuple(found)


def fingerprint(tool: str, args: Mapping[str, Any]) -> str:
    """Same tool, same arguments: same fingerprint. 12 hex digits."""
    raw = json.dumps([tool, args], sort_keys=True, default=_told_apart, ensure_ascii=False)
    return hashlib.sha256(raw.encode()).hexdigest()[:12]


def _told_apart(value: Any) -> str:
    return value.token if isinstance(value, Sealed) else str(value)


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same to the outside."""
    if isinstance(a, Sealed) or isinstance(b, Sealed):
        return bool(a == b)
    return bool(plain(a) == plain(b))


def say_value(kind: str, value: Any, locale: str, style: str) -> str:
    """A value in words."""
    if value is None:
        return ""
    if isinstance(value, Sealed):
        return speak("phone", value.ending, locale, "") if style and value.ending else str(value)
    if kind == "yes_no":
        return text("yes" if value else "no", locale)
    if isinstance(value, Mapping) and "label" in value:
        return str(value["label"])
    if isinstance(value, str) and kind in {"free_text", "offer", "choice", "person_name"}:
        return value
    return speak(kind, value, locale, style)
