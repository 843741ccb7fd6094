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


class Ring(Contract):
    """Somebody whom the engine rings itself, over a trunk of the caller's business, and the words that they hear."""

    place: Annotated[int, Field(ge=0)]
    """Which of the transfer's people, from 0."""
    trunk: Annotated[str, Field(max_length=64)]
    to: Annotated[str, Field(min_length=1, max_length=200)]
    caller_id: Annotated[str, Field(max_length=60)] = ""
    ring_s: Annotated[float, Field(gt=0, le=180)] = 20.0
    refer: bool = False
    """Once they are together the trunk is asked to take both over (REFER with Replaces); it may decline."""
    brief: Annotated[str, Field(max_length=2_000)] = ""
    """Who rings and why; empty: whoever answers has the caller."""
    choice: Annotated[str, Field(max_length=500)] = ""
    turned_down: Annotated[str, Field(max_length=500)] = ""
    unanswered: Annotated[str, Field(max_length=500)] = ""
    not_needed: Annotated[str, Field(max_length=500)] = ""
    lost: Annotated[str, Field(max_length=500)] = ""


What = Literal["answered", "said", "silent", "gone", "busy", "no_answer", "refused", "failed", "together", "lost", "apart"]
"""What became of somebody whom the engine rings. ``gone``: they hung up. ``lost``: the caller could not be brought to them. ``apart``: the
talk of both is over."""


class Told(Contract):
    """What an engine tells of somebody it rings."""

    place: Annotated[int, Field(ge=0)]
    what: What
    keys: Annotated[str, Field(max_length=10)] = ""
    words: Annotated[str, Field(max_length=1_000)] = ""
    """What they said, of which the other side knows whether it is a yes."""


class TransferTurn(Contract):
    """``POST {transfers_url}/{id}``: answered when there is news after ``after``, or in a few seconds; at once where something is ``told``.
    ``cancel`` ends the attempt.
    """

    call: CallId
    ref: Ref = ""
    after: Annotated[int, Field(ge=0)] = 0
    cancel: bool = False
    told: Told | None = None


class Tried(Contract):
    """One person who was rung. ``seconds`` from the transfer's beginning to its end for them."""

    name: str
    outcome: Outcome
    seconds: float = 0.0


class TransferAnswer(Contract):
    """How a transfer stands. ``version`` grows with every change. ``reason`` of one that has failed: elsewhere (this call's carrier cannot,
    the transport may), nobody, redirect, gone, late. ``ring``: whom the engine is to ring, or has rung and, ``bridging``, is to bring
    together with the caller.
    """

    id: str
    state: State
    version: int = 1
    reason: str = ""
    tried: tuple[Tried, ...] = ()
    ring: Ring | None = None
