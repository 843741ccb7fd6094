"""Recordings as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from offhook.contracts.handover import Kind

Held: TypeAlias = Kind | Literal["message"]
"""What is kept of a call: what its engine hands over, and the message that its caller left with the carrier (FLAC, the caller alone)."""
MessageState: TypeAlias = Literal["fetching", "here", "failed", "off"]
MessageFault: TypeAlias = Literal["gone", "keys", "elsewhere", "too_large", "not_audio", "unreachable", "broken"]
Speaker = Literal["caller", "agent"]
SPEAKERS: tuple[Speaker, ...] = ("caller", "agent")
"""Whose a recording's channels are."""


class RecordingView(BaseModel):
    """A call's recording. Its length and waveform are known a moment after it has come; ``recovered``: from an engine that was killed."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    size: int
    sha256: str
    recovered: bool
    stored_at: datetime
    seconds: float | None
    sample_rate: int | None
    channels: int | None


class VoiceMessage(BaseModel):
    """A message that the caller left after a tone, when the call could not go on. Its sound is at ``.../calls/{call}/voice-message``.

    ``state``: the sound is being ``fetching`` from the carrier, is ``here``, could not be had (``failed``; ``fault`` says why), or is
    left there because recording is ``off`` for the agent. ``fault``: the carrier does not have it, or no longer (``gone``), does not take
    the account's ``keys``, keeps it ``elsewhere`` than with itself, it is ``too_large`` or ``not_audio``, the carrier was ``unreachable``
    for long, or something here is ``broken``.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    state: MessageState
    fault: MessageFault | None
    recording: str
    """The carrier's name of it."""
    seconds: float
    """As the carrier says, until the sound is here."""
    left_at: datetime
    settled_at: datetime | None


class Wave(BaseModel):
    """One side's waveform: the lowest and the highest value in each stretch of the call, -128 to 127."""

    model_config = ConfigDict(frozen=True)

    name: Speaker
    min: list[int]
    max: list[int]


class Waveform(BaseModel):
    """The waveform of a recording, to be drawn: each value stands for as much of the call as any other."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    resolution: int
    channels: list[Wave]


class Loudness(BaseModel):
    """How loud each side of a recording is, 0 to 127 a byte, ``a_second`` of them from the beginning on. One side may be missing."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    a_second: float
    caller: bytes = b""
    agent: bytes = b""
