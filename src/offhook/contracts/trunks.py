"""Trunks: what an engine needs to take calls from SIP peers and to place calls through them. Asked for by ``GET /v1/trunks``, signed.

The ``webhook-id`` of that request begins with ``trunks.``; its ``If-None-Match`` may name the version that the engine has (``"version"``),
and the answer is 304 while that holds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from offhook.contracts.ids import Ref
from offhook.contracts.plan import Contract

Codec = Literal["PCMU", "PCMA", "G722", "opus"]


class Trunk(Contract):
    """A SIP link to a carrier or exchange, over UDP. ``sources`` are its addresses and networks: a call from anywhere else is not its."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    ref: Ref = ""
    """The orchestrator's own word for whose it is."""
    auth: Literal["register", "address"]
    """``register``: we log in there with digest. ``address``: it knows us, and we know it, by address."""
    host: Annotated[str, Field(max_length=253)] = ""
    """Registrar, and where outgoing calls go (``sip.carrier.example:5060``)."""
    user: Annotated[str, Field(max_length=100)] = ""
    password: SecretStr = SecretStr("")
    sources: tuple[str, ...] = ()
    dids: tuple[str, ...] = ()
    """Numbers (E.164) that may be rung over it; any other is refused before it is answered."""
    did_from: Literal["request", "to", "p-called-party-id", "diversion"] = "request"
    """Where the number that was rung stands."""
    codecs: tuple[Codec, ...] = ("PCMU", "PCMA")
    calls: Annotated[int, Field(ge=1, le=10_000)] = 100
    """At a time."""


class Trunks(Contract):
    """All of an engine. ``version`` changes with any of them."""

    version: str
    trunks: tuple[Trunk, ...] = ()


class TrunkState(Contract):
    """How a trunk fares at one engine, when that last looked."""

    ref: Annotated[str, Field(min_length=1, max_length=256)]
    """The trunk's."""
    state: Literal["registered", "registering", "ready", "standby", "failed"]
    """``ready``: calls are taken by address, and nothing says otherwise. ``standby``: another engine is registered with it."""
    error: Annotated[str, Field(max_length=300)] = ""
    """Why not, such as ``403 Forbidden``."""
    calls: Annotated[int, Field(ge=0)] = 0
    """At the moment."""
    refused: Annotated[int, Field(ge=0)] = 0
    """Calls that were not taken since the engine started."""


class TrunkReport(Contract):
    """What an engine tells of its trunks: ``POST /v1/trunks/states``, signed."""

    engine: Annotated[str, Field(min_length=1, max_length=300)]
    """Which engine: where it is steered, or its own name."""
    boot: Annotated[str, Field(max_length=64)] = ""
    """Another one after each start of an engine."""
    takes: bool = True
    """Whether it takes and places calls: one that drains does not."""
    states: Annotated[tuple[TrunkState, ...], Field(max_length=10_000)] = ()


class TrunksTaken(Contract):
    """What the orchestrator answers to that."""

    kept: int
    """How many trunks of the report are somebody's."""
    registers: tuple[Ref, ...] = ()
    """Trunks that this engine registers with, until the next answer says otherwise: no other does."""
