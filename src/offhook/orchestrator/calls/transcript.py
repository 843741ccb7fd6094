"""What was said in a call, made of its events. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Format = Literal["json", "vtt", "text"]
MEDIA: dict[str, Format] = {"application/json": "json", "text/vtt": "vtt", "text/plain": "text"}


class Said(BaseModel):
    """One turn. ``text`` was heard; ``unheard`` is what the agent was still going to say when it was cut off. Milliseconds of the call."""

    model_config = ConfigDict(frozen=True)

    turn: int
    speaker: Literal["caller", "agent"]
    start_ms: int
    end_ms: int
    text: str
    unheard: str = ""
    interrupted: bool = False


class Transcript(BaseModel):
    """All turns in order of their beginning. ``complete`` once no event of the call is missing."""

    model_config = ConfigDict(frozen=True)

    call: str
    complete: bool
    turns: list[Said]


def turns_of(events: Sequence[Mapping[str, Any]]) -> list[Said]:
    """The turns among a call's events. Those whose words are no longer kept are left out."""
    found = [_said(event) for event in events if event["type"] in {"turn.caller", "turn.agent"} and "text" in event]
    return sorted(found, key=lambda one: one.start_ms)


def _said(event: Mapping[str, Any]) -> Said:
    common = {"turn": event["turn"], "start_ms": event["start_ms"], "end_ms": event["end_ms"]}
    if event["type"] == "turn.caller":
        return Said(speaker="caller", text=event["text"], **common)
    heard, meant = event["heard"], event["text"]
    unheard = meant[len(heard) :].strip() if meant.startswith(heard) else ""
    return Said(speaker="agent", text=heard, unheard=unheard, interrupted=event["interrupted"], **common)


def as_text(turns: Sequence[Said]) -> str:
    """For reading."""
    return "".join(f"[{_clock(one.start_ms)[:-4]}] {one.speaker}: {_line(one)}\n" for one in turns)


def as_vtt(turns: Sequence[Said]) -> str:
    """As WebVTT (w3.org/TR/webvtt1), for a player that shows the words while they are heard."""
    cues = (
        f"\n{_clock(one.start_ms)} --> {_clock(max(one.end_ms, one.start_ms + 1))}\n<v {one.speaker}>{_escaped(one.text)}\n"
        for one in turns
        if one.text.strip()
    )
    return "WEBVTT\n" + "".join(cues)


def _line(one: Said) -> str:
    words = " ".join(one.text.split())
    return f"{words} [not heard: {' '.join(one.unheard.split())}]".strip() if one.unheard else words


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int) -> str:
    seconds, ms = divmod(max(0, ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"


def wanted(format: Format | None, accept: str) -> Format:
    """Which form is asked for: by name, else by the Accept header's first kind that we have."""
    if format is not None:
        return format
    kinds = [one.partition(";")[0].strip() for one in accept.split(",")]
    return next((MEDIA[one] for one in kinds if one in MEDIA), "json")
