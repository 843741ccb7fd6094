"""What comes in and goes out about trunks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, WithJsonSchema

from offhook.contracts.trunks import Codec

Auth = Literal["register", "address"]
Transfers = Literal["bridge", "refer"]
DidFrom = Literal["request", "to", "p-called-party-id", "diversion"]
Label = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Host = Annotated[str, StringConstraints(strip_whitespace=True, max_length=253, pattern=r"^[^\x00-\x20\x7f]*$")]
User = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[A-Za-z0-9_.!~*'()&=+$,;?/%-]*$")]
Source = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=60, pattern=r"^[0-9A-Fa-f.:/]+$")]
Sources = Annotated[tuple[Source, ...], Field(max_length=100)]
Codecs = Annotated[tuple[Codec, ...], Field(min_length=1, max_length=4)]
AtOnce = Annotated[int, Field(ge=1, le=10_000)]
_SHAPE = r"^[\x21-\x7e]{1,200}$"


def _shaped(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(_SHAPE, secret.get_secret_value()):
        raise ValueError("1 to 200 printable characters without spaces")
    return secret


Password = Annotated[
    SecretStr, AfterValidator(_shaped), WithJsonSchema({"type": "string", "format": "password", "writeOnly": True, "pattern": _SHAPE})
]


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewTrunk(Body):
    """A SIP link to a carrier or exchange."""

    label: Label = ""
    auth: Auth
    """``register``: we log in at ``host`` as ``user``. ``address``: its calls come from ``sources``, and it knows our address."""
    host: Host = ""
    """Where we log in and where calls go out (``sip.carrier.example:5060``). Without one no call goes out."""
    user: User = ""
    password: Password | None = None
    """It is sealed, and never shown again."""
    sources: Sources = ()
    """Addresses and networks that its calls come from. A trunk that registers may leave them out: then its calls come from ``host``."""
    did_from: DidFrom = "request"
    """Where a call says which number was rung."""
    codecs: Codecs = ("PCMU", "PCMA")
    """Offered in this order."""
    max_calls: AtOnce = 100
    """At a time."""
    transfers: Transfers = "bridge"
    """A caller and the person who has taken their call talk through us, or the trunk is asked to take both (``refer``: REFER with Replaces)
    and they talk through us only if it declines."""
    enabled: bool = True


class TrunkChange(Body):
    """What is left out stays as it is."""

    label: Label | None = None
    auth: Auth | None = None
    host: Host | None = None
    user: User | None = None
    password: Password | None = None
    sources: Sources | None = None
    did_from: DidFrom | None = None
    codecs: Codecs | None = None
    max_calls: AtOnce | None = None
    transfers: Transfers | None = None
    enabled: bool | None = None


class StateView(BaseModel):
    """How a trunk fares at one engine, as that has last told."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    engine: str
    state: str
    error: str
    calls: int
    refused: int
    at: datetime


class TrunkView(BaseModel):
    """A trunk as its tenant sees it."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: str
    auth: Auth
    host: str
    user: str
    password_set: bool
    sources: tuple[str, ...]
    did_from: DidFrom
    codecs: tuple[Codec, ...]
    max_calls: int
    transfers: Transfers
    enabled: bool
    states: tuple[StateView, ...] = ()
    """By engine; none until one has told."""
    revision: int
    created_at: datetime
    updated_at: datetime
