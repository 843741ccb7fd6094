"""How callers were put through to people, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from offhook.orchestrator.portal.show import _

TRIED: Final[Mapping[str, str]] = {
    "accepted": "took the call",
    "refused": "turned it down",
    "busy": "was busy",
    "no_answer": "did not answer",
    "unaccepted": "answered without taking it, as a voicemail does",
    "machine": "an answering machine",
    "failed": "could not be reached",
    "not_allowed": "may not be rung: see the limits on calls",
    "cancelled": "was not needed any more",
}


@dataclass(frozen=True, slots=True)
class PutThrough:
    """One transfer of a call: what came of it, and each person who was rung."""

    said: str
    kind: str
    tried: tuple[tuple[str, str], ...]


def put_through(events: Sequence[Mapping[str, Any]]) -> tuple[PutThrough, ...]:
    """Of the call's events about transfers, in order. One that has no end yet is going on."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for event in events:
        found.setdefault(event["transfer"], []).append(event)
    return tuple(_one(several) for _number, several in sorted(found.items()))


def _one(events: Sequence[Mapping[str, Any]]) -> PutThrough:
    tried = tuple((str(one["name"]), _(TRIED.get(one["outcome"], ""))) for one in events if one["type"] == "transfer.attempted")
    ended = next((one for one in events if one["type"] == "transfer.ended"), None)
    target = str(events[0].get("target", "")).replace("_", " ")
    if ended is None:
        return PutThrough(_("Being put through to {who}").format(who=target), "warn", tried)
    seconds = round(ended["seconds"])
    match ended["outcome"]:
        case "taken":
            who = ended["name"] or target
            return PutThrough(_("Put through to {who} after {seconds} s").format(who=who, seconds=seconds), "ok", tried)
        case "cancelled":
            return PutThrough(_("The caller would rather not be put through to {who}").format(who=target), "ok", tried)
        case "hangup":
            return PutThrough(_("The caller hung up while {who} was rung").format(who=target), "warn", tried)
    return PutThrough(_("Nobody took the call for {who}").format(who=target), "bad", tried)
