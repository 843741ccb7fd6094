"""Who may give whom which role. Pure."""

from __future__ import annotations

from typing import Final

from offhook.errors import Conflict, NotPermitted
from offhook.orchestrator.auth.permissions import LEVELS, ROLES, Level, Permission, Role

KEEPER: Final[dict[Level, Role]] = {"tenant": "tenant_owner", "reseller": "reseller_admin", "platform": "platform_admin"}
"""Roles of which one member must stay: without it nobody could let anybody in again."""
BY_LEVEL: Final[dict[Level, tuple[Role, ...]]] = {
    level: tuple(role for role, of in LEVELS.items() if of == level) for level in ("platform", "reseller", "tenant")
}


def not_above(may: frozenset[Permission], role: Role) -> None:
    """NotPermitted if the role may do anything that the one who deals with it may not."""
    if ROLES[role] - may:
        raise NotPermitted(f"the role {role} may do more than you may")


def may_change(may: frozenset[Permission], old: Role, new: Role | None) -> None:
    """NotPermitted unless one who may do ``may`` may turn a member with the role ``old`` into a ``new`` one, or (None) into none."""
    not_above(may, old)
    if new is not None:
        not_above(may, new)


def one_stays(old: Role, new: Role | None, others: int) -> None:
    """Conflict if the last holder of a role that must not be empty would lose it; ``others`` hold it besides."""
    if old in KEEPER.values() and new != old and others == 0:
        raise Conflict(f"the last {old} must stay: give somebody else the role first")
