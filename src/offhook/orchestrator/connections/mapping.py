"""A system's own fields filled from a call's result. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def filled(mapping: Mapping[str, str], result: Mapping[str, Any]) -> dict[str, str]:
    """What each of the system's fields gets of a result (as JSON); those that the call does not fill are left out."""
    found = {name: _text(_at(result, path)) for name, path in mapping.items()}
    return {name: text for name, text in found.items() if text}


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text for one in value if (text := _text(one)))
    return "" if value is None or isinstance(value, Mapping) else str(value).strip()
