"""Placing a call over a trunk: ``POST /v1/dial`` of an engine, and what became of it.

The engine tells the orchestrator of every change by ``POST /v1/dialled``, signed, and whoever asks by ``GET /v1/dial/{key}``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from offhook.contracts.ids import Ref
from offhook.contracts.plan import Contract

Number = Annotated[str, Field(pattern=r"^\+?[0-9A-Za-z._-]{1,60}$")]


class Dial(Contract):
    """Ring somebody. Once they answer, it is a call like any other, whose plan is asked for with ``token``."""

    trunk: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    to: Number
    caller_id: Annotated[str, Field(pattern=r"^(\+?[0-9A-Za-z._-]{1,60})?$")] = ""
    """The number of ours that they see."""
    token: Annotated[str, Field(max_length=2_000)] = ""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    """The same key is the same call, and is placed once. It is the call's ``carrier_call``, too."""
    ref: Ref = ""
    """The orchestrator's own word for it, which is told back."""
    boot: Annotated[str, Field(max_length=64)] = ""
    """The one engine that may place it (TrunkReport.boot): another one, such as the same after a restart, knows nothing of the key."""
    timeout_s: Annotated[float, Field(gt=0, le=180)] = 45.0
    """How long it may ring."""


class Dialled(Contract):
    """How far a placed call is."""

    key: str
    ref: Ref = ""
    state: Literal["ringing", "answered", "failed", "ended"]
    why: Literal["", "busy", "no_answer", "refused", "failed", "cancelled", "unasked"] = ""
    """``unasked``: this engine places none just now, and nobody was rung."""
    status: int = 0
    """SIP's, where it said one."""
