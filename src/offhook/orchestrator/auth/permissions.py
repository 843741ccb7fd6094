"""Roles and what they may do. Pure: who somebody is comes from people and keys, whose a thing is from the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

TenantPermission = Literal[
    "tenant.read", "tenant.write", "tenant.delete",
    "members.read", "members.write",
    "keys.read", "keys.write",
    "agents.read", "agents.write", "agents.publish",
    "numbers.read", "numbers.write", "media.write",
    "outgoing.read", "outgoing.write", "tolls.write",
    "vendors.read", "vendors.write",
    "calls.read", "calls.write", "calls.delete", "live.control",
    "contacts.read", "contacts.write",
    "appointments.read", "appointments.write",
    "webhooks.read", "webhooks.write",
    "connections.read", "connections.write", "connections.connect",
    "audit.read",
]  # fmt: skip
ResellerPermission = Literal["reseller.read", "reseller.write", "tenants.create"]
PlatformPermission = Literal["resellers.read", "resellers.write", "platform.audit"]
Permission = TenantPermission | ResellerPermission | PlatformPermission
Role = Literal["platform_admin", "reseller_admin", "reseller_support", "tenant_owner", "tenant_admin", "agent_editor", "viewer"]
Level = Literal["platform", "reseller", "tenant"]

IN_TENANT: Final[frozenset[Permission]] = frozenset(get_args(TenantPermission))
IN_RESELLER: Final[frozenset[Permission]] = frozenset(get_args(ResellerPermission))
ON_PLATFORM: Final[frozenset[Permission]] = frozenset(get_args(PlatformPermission))
EVERYTHING: Final = IN_TENANT | IN_RESELLER | ON_PLATFORM
_SUPPORT: Final[frozenset[Permission]] = frozenset(
    {
        "tenant.read", "members.read", "agents.read", "numbers.read", "calls.read", "contacts.read", "appointments.read", "webhooks.read",
        "vendors.read", "connections.read", "outgoing.read", "audit.read",
    }
)  # fmt: skip
_VIEW: Final[frozenset[Permission]] = frozenset(
    {"tenant.read", "agents.read", "numbers.read", "calls.read", "contacts.read", "appointments.read", "connections.read", "outgoing.read"}
)

ROLES: Final[dict[Role, frozenset[Permission]]] = {
    "platform_admin": EVERYTHING,
    "reseller_admin": IN_TENANT | IN_RESELLER,
    "reseller_support": _SUPPORT | {"reseller.read"},
    "tenant_owner": IN_TENANT,
    "tenant_admin": IN_TENANT - {"tenant.delete"},
    "agent_editor": _VIEW | {"agents.write", "agents.publish"},
    "viewer": _VIEW,
}
LEVELS: Final[dict[Role, Level]] = {
    "platform_admin": "platform",
    "reseller_admin": "reseller",
    "reseller_support": "reseller",
    "tenant_owner": "tenant",
    "tenant_admin": "tenant",
    "agent_editor": "tenant",
    "viewer": "tenant",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions somewhere: in one tenant, in one reseller and all its tenants, or (neither given) everywhere."""

    permissions: frozenset[Permission]
    tenant: str | None = None
    reseller: str | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person, an API key, or the operator of the installation."""

    kind: Literal["person", "key", "operator"]
    id: str
    name: str
    grants: tuple[Grant, ...]

    def in_tenant(self, tenant: str, reseller: str) -> frozenset[Permission]:
        """What they may do in this tenant of this reseller; nothing means that they may not know of it."""
        reach = [one for one in self.grants if one.tenant == tenant or (one.tenant is None and one.reseller in {reseller, None})]
        return frozenset[Permission]().union(*(one.permissions & IN_TENANT for one in reach))

    def in_reseller(self, reseller: str) -> frozenset[Permission]:
        """What they may do with this reseller itself."""
        reach = [one for one in self.grants if one.tenant is None and one.reseller in {reseller, None}]
        return frozenset[Permission]().union(*(one.permissions & (IN_RESELLER | IN_TENANT) for one in reach))

    def on_platform(self) -> frozenset[Permission]:
        """What they may do on the whole platform."""
        reach = [one for one in self.grants if one.tenant is None and one.reseller is None]
        return frozenset[Permission]().union(*(one.permissions for one in reach))


def operator() -> Principal:
    """Whoever holds the installation's own token."""
    return Principal("operator", "operator", "operator", (Grant(EVERYTHING, role="platform_admin"),))
