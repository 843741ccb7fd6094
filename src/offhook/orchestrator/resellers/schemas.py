"""What comes in and goes out about resellers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Host = Annotated[
    str, StringConstraints(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
]
Address = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f<>\"]{1,64}@[A-Za-z0-9.-]{1,190}$")]
Link = Annotated[str, StringConstraints(max_length=500, pattern=r"^https://[^\s\x00-\x1f\x7f<>\"']+$")]


class Model(BaseModel):
    """Base: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Brand(Model):
    """How a reseller presents itself to its tenants."""

    product_name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    hosts: Annotated[tuple[Host, ...], Field(max_length=20)] = ()
    """Names under which the portal is to be reached, in lower case."""
    sender_name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f<>\"]*$")] = ""
    sender_address: Address | None = None
    """Whom mail to its tenants comes from."""
    support_address: Address | None = None
    support_url: Link | None = None
    logo_url: Link | None = None
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")] | None = None
    """Of buttons and links: red, green and blue in hex."""


class NewReseller(Model):
    """A reseller to be made."""

    name: Name
    brand: Brand = Brand()


class ResellerChange(Model):
    """What is left out stays as it is."""

    name: Name | None = None
    brand: Brand | None = None


class ResellerView(BaseModel):
    """A reseller as those see it who may."""

    id: str
    name: str
    state: Literal["active", "suspended"]
    brand: Brand
    revision: int
    created_at: datetime
