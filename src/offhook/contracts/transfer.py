"""Putting a caller through to a person: the engine asks the orchestrator for it, by signed POSTs to the plan's ``transfers_url``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.contracts.ids import CallId, Ref
from offhook.contracts.plan import Contract

State = Literal["trying", "bridging", "done", "failed", "cancelled"]
"""``bridging``: somebody has taken the call and the caller is on the way to them. The last three stay as they are."""
Outcome = Literal[
    "ringing", "asked", "accepted", "refused", "busy", "no_answer", "unaccepted", "machine", "failed", "not_allowed", "cancelled"
]
"""How it goes with one person. ``asked``: they have answered and hear who rings. ``unaccepted``: they, or their voicemail, gave no key."""


class Brief(Contract):
    """What the person is told before they take the call."""

    name: Annotated[str, Field(max_length=200)] = ""
    words: Annotated[str, Field(max_length=1_000)] = ""
    """What the caller said last."""
    values: Annotated[dict[str, Any], Field(max_length=100)] = {}
    """What the script has collected, by slot."""


class TransferRequest(Contract):
    """Put this call's caller through to one of the plan's ``transfer_to``. The same ``key`` is the same transfer."""

    call: CallId
    ref: Ref = ""
    target: Annotated[str, Field(min_length=1, max_length=200)]
    key: Annotated[str, Field(min_length=1, max_length=200)]
    brief: Brief = Brief()


class TransferTurn(Contract):
    """``POST {transfers_url}/{id}``: answered when there is news after ``after``, or in a few seconds. ``cancel`` ends the attempt."""

    call: CallId
    ref: Ref = ""
    after: Annotated[int, Field(ge=0)] = 0
    cancel: bool = False


class Tried(Contract):
    """One person who was rung. ``seconds`` from the transfer's beginning to its end for them."""

    name: str
    outcome: Outcome
    seconds: float = 0.0


class TransferAnswer(Contract):
    """How a transfer stands. ``version`` grows with every change. ``reason`` of one that has failed: elsewhere (this call's carrier cannot,
    the transport may), nobody, redirect, gone, late.
    """

    id: str
    state: State
    version: int = 1
    reason: str = ""
    tried: tuple[Tried, ...] = ()
