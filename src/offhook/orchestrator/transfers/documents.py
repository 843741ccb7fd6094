"""What the carrier is to do with the people who are rung for a caller, and with the caller. Pure."""

from __future__ import annotations

from offhook.orchestrator.carriers.steps import Ask, HangUp, Meet, Say, Step
from offhook.orchestrator.carriers.words import said, voice


def say(name: str, language: str) -> list[Step]:
    """A line (``carriers.words``), and the end."""
    return [line(name, language), HangUp()]


def line(name: str, language: str) -> Say:
    """A line."""
    return Say(said(name, language), voice(language))


def ask(brief: str, answered: str, language: str) -> list[Step]:
    """Tell a person who rings and ask whether they take the call. A voicemail gives no answer, which is one."""
    hints = (said("yes", language), said("no", language))
    return [Ask((brief, said("choice", language)), voice(language), answered, hints), HangUp()]


def meet(room: str, action: str = "") -> list[Step]:
    """Into the room where caller and person meet."""
    return [Meet(room, action), HangUp()]
