"""Recordings as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

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
