"""Placing a call over a trunk: ``POST /v1/dial`` of an engine, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from offhook.contracts.plan import Contract

Number = Annotated[str, Field(pattern=r"^\+?[0-9A-Za-z._-]{1,60}$")]


class Dial(Contract):
    """Ring somebody. Once they answer, it is a call like any other, whose plan is asked for with ``token``."""

    trunk: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    to: Number
    caller_id: Annotated[str, Field(pattern=r"^(\+?[0-9A-Za-z._-]{1,60})?$")] = ""
    """The number of ours that they see."""
    token: Annotated[str, Field(max_length=2_000)] = ""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    """The same key is the same call, and is placed once."""
    timeout_s: Annotated[float, Field(gt=0, le=180)] = 45.0
    """How long it may ring."""


class Dialled(Contract):
    """How far a placed call is."""

    key: str
    state: Literal["ringing", "answered", "failed", "ended"]
    why: Literal["", "busy", "no_answer", "refused", "failed"] = ""
    status: int = 0
    """SIP's, where it said one."""
