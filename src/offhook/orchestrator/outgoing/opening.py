"""What somebody hears first whom we ring: who is calling, that it is an automated assistant, and why. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from offhook.orchestrator.agents.compose import ENTRY
from offhook.orchestrator.outgoing.schemas import Purpose

WHO: Final = "Hello, this is the automated assistant of {business}."
WHY: Final[Mapping[Purpose, str]] = {
    "reminder": "I am calling to remind you of your visit{when}. You can confirm it, move it or cancel it with me.",
    "call-back": "You asked us to call you back.",
    "other": "",
}


def line(purpose: Purpose, business: str, about: str, when: str) -> str:
    """The whole of it. ``about`` is what whoever placed the call wants said."""
    why = WHY[purpose].format(when=f" {when}" if when else "")
    return " ".join(part for part in (WHO.format(business=business), why, about) if part)


def opened(script: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The script with this in place of its greeting; who is rung is not told that the business is closed.

    What it must say before the first question, such as that the call is recorded, stays.
    """
    made = copy.deepcopy(dict(script))
    states = made.get("states")
    if not isinstance(states, dict):
        return made
    if made.get("start") == ENTRY:
        made["start"] = states[ENTRY]["next"][-1]["go"]
    first = states.get(made.get("start"))
    if isinstance(first, dict):
        first["say"] = text
    return made
