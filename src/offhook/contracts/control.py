"""REST bodies by which the orchestrator steers a live call."""

from __future__ import annotations

from typing import Annotated, Literal

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


class LiveCall(Contract):
    """A call as its engine has it now."""

    call: CallId
    ref: Ref
    seconds: float
    transport: str
    phase: Literal["ringing", "live", "transferring", "closing", "ended"]
