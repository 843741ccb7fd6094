"""REST bodies by which the orchestrator steers a live call."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.contracts.ids import CallId, Ref
from offhook.contracts.plan import Contract


class Say(Contract):
    """Say this next, word for word."""

    text: Annotated[str, Field(min_length=1, max_length=1_000)]


class TransferTo(Contract):
    """Put the caller through to one of the plan's ``transfer_to``, by its name or by its number or address."""

    target: Annotated[str, Field(min_length=1, max_length=200)]


class EndCall(Contract):
    """End the call: once the open reply and an optional last line have been heard, or at once, whoever is speaking."""

    line: Annotated[str, Field(max_length=1_000)] = ""
    at_once: bool = False


class AnsweredBy(Contract):
    """Who has answered a call that we placed, in the carrier's opinion."""

    machine: bool


Phase = Literal["ringing", "live", "transferring", "closing", "ended"]


class LiveCall(Contract):
    """A call as its engine has it now."""

    call: CallId
    ref: Ref
    seconds: float
    transport: str
    phase: Phase


class Glimpse(Contract):
    """What no event of a call tells yet: one line of ``GET /v1/calls/{call}/watch``, sent when something of it changes."""

    events: int
    """How many events the call has reported. What those tell is not told here again."""
    phase: Phase
    hearing: str = ""
    """The caller's words of the turn that is not over; they may still be heard otherwise."""
    saying: str = ""
    """All that the agent means to say in the turn that it speaks, as far as it is known; empty while it is silent."""
    heard: str = ""
    """The beginning of it that has been played."""
    preparing: str = ""
    """A reply of which nothing is audible yet. It may be dropped."""
    path: tuple[str, ...] = ()
    """The script's states that were visited, the last is where the call is."""
    values: dict[str, Any] = {}
    """What is known so far, by slot."""
