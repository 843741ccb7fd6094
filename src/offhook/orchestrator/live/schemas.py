"""Calls that are under way, as they are shown and steered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from offhook.orchestrator.calls.transcript import Said

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Target = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class LiveCallView(BaseModel):
    """A call that is under way."""

    model_config = ConfigDict(frozen=True)

    id: str
    agent_id: str
    agent_version: int | None
    transport: str
    did: str
    caller: str
    test: bool
    started_at: datetime
    seconds: float
    """How long it has lasted."""
    last: Said | None
    """The turn that was finished last."""
    steerable: bool
    """Whether its engine takes commands."""


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SayLine(Body):
    """What the agent says next, word for word, once nobody is speaking."""

    text: Words


class TransferCall(Body):
    """Where the caller is put through to: a name of the agent's transfer targets, or the number or SIP address of one."""

    target: Target


class EndLiveCall(Body):
    """How to end: when the agent has said what it is saying, after a last line; or at once."""

    line: Words | None = None
    at_once: Annotated[bool, Field(description="Cut the call off, whoever is speaking.")] = False


class Commanded(BaseModel):
    """The call's engine has taken a command. It is carried out at the call's next safe moment."""

    model_config = ConfigDict(frozen=True)

    call: str
    action: Literal["say", "transfer", "end"]
