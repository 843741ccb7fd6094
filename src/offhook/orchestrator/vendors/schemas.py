"""What comes in and goes out about accounts with vendors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, StringConstraints, WithJsonSchema

from offhook.addresses import LONGEST
from offhook.orchestrator.carriers.schemas import SecretView

NAME: Final = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
"""Of vendors; in capital letters the beginning of a plan's settings."""
_SHAPE: Final = r"^[\x21-\x7e]{16,500}$"


def _shaped(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(_SHAPE, secret.get_secret_value()):
        raise ValueError("16 to 500 printable characters without spaces")
    return secret


VendorKey = Annotated[
    SecretStr, AfterValidator(_shaped), WithJsonSchema({"type": "string", "format": "password", "writeOnly": True, "pattern": _SHAPE})
]
BaseUrl = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]
RegionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,20}$")]


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VendorAccount(Body):
    """A whole account: what is left out is empty. The key is always given again, so that no kept one can be sent to another address."""

    api_key: VendorKey | None = None
    """It is sealed, and never shown again. Only a server of one's own may have none."""
    base_url: BaseUrl | None = None
    """Where the vendor is reached, if not at its own address: https, no private network."""
    region: RegionName | None = None
    """One of the vendor's regions, instead of an address."""


class RotateVendorKey(Body):
    """A new key for the same address: calls that begin from now on use it."""

    api_key: VendorKey


class VendorAccountView(BaseModel):
    """An account with a vendor, without its key."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    api_key: SecretView
    base_url: str | None
    region: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tenant's calls go at a vendor: at the tenant's own account, or at its reseller's."""

    region: str | None
    own: bool
