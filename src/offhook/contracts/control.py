"""REST bodies by which the orchestrator steers a live call."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from offhook.contracts.plan import Contract


class Say(Contract):
    """Say this next, word for word."""

    text: Annotated[str, Field(min_length=1, max_length=1_000)]


class TransferTo(Contract):
    """Put the caller through to one of the plan's ``transfer_to`` names."""

    target: str


class EndCall(Contract):
    """End the call, after an optional last line."""

    line: str = ""
