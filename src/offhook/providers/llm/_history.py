"""A history that every vendor takes: each result right behind the call that it answers.

A tool outlives the turn that asked for it, so in the history as heard its result may come later, or not yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from offhook.ports.llm import Message

PENDING: Final = "(no result yet)"
ORPHAN: Final = "(result of earlier work) "


def settled(messages: Iterable[Message]) -> list[Message]:
    """The messages, results moved behind their calls; a call without one is said to be pending, a result without a call is told."""
    all_messages = list(messages)
    results = {one.call: one for one in all_messages if one.role == "tool"}
    asked = {call.id for one in all_messages for call in one.calls}
    out: list[Message] = []
    for one in all_messages:
        if one.role == "tool":
            if one.call not in asked:
                out.append(Message("system", ORPHAN + one.text))
            continue
        out.append(one)
        out += [results.get(call.id) or Message("tool", PENDING, call=call.id) for call in one.calls]
    return out
