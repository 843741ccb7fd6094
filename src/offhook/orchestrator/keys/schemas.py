"""What the routes of keys take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from offhook.orchestrator.auth.permissions import Permission, ResellerPermission, TenantPermission

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewTenantKey(BaseModel):
    """A key of a tenant: what for, what it may do (no more than its maker), and until when; without ``expires_at`` until revoked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    permissions: Annotated[list[TenantPermission], Field(min_length=1, max_length=50)]
    expires_at: AwareDatetime | None = None


class NewResellerKey(BaseModel):
    """A key of a reseller; what it may do in a tenant, it may do in all of the reseller's tenants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    permissions: Annotated[list[TenantPermission | ResellerPermission], Field(min_length=1, max_length=50)]
    expires_at: AwareDatetime | None = None


class Key(BaseModel):
    """A key. ``prefix`` is how it begins; the rest is known to nobody but its holder. ``last_used_at`` is kept to the minute."""

    id: str
    name: str
    prefix: str
    permissions: list[Permission]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class MintedKey(Key):
    """A key that has just been made. ``secret`` is the bearer token; it is shown this once."""

    secret: str
