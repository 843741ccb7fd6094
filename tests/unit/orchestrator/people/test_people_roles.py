"""Nobody gives more than they have; the last keeper stays."""

from __future__ import annotations

import pytest

from offhook.errors import Conflict, NotPermitted
from offhook.orchestrator.auth.permissions import IN_RESELLER, IN_TENANT, ROLES, Role
from offhook.orchestrator.people.roles import BY_LEVEL, may_change, not_above, one_stays

ORDER: tuple[Role, ...] = ("viewer", "agent_editor", "tenant_admin", "tenant_owner")


@pytest.mark.parametrize("giver", range(4))
@pytest.mark.parametrize("given", range(4))
def test_only_up_to_ones_own(giver: int, given: int) -> None:
    may = ROLES[ORDER[giver]]
    if given <= giver:
        not_above(may, ORDER[given])
        return
    with pytest.raises(NotPermitted):
        not_above(may, ORDER[given])


def test_a_higher_member_is_not_for_a_lower_one_to_change() -> None:
    with pytest.raises(NotPermitted):
        may_change(ROLES["tenant_admin"], "tenant_owner", "viewer")
    with pytest.raises(NotPermitted):
        may_change(ROLES["tenant_admin"], "tenant_owner", None)
    with pytest.raises(NotPermitted):
        may_change(ROLES["tenant_admin"], "viewer", "tenant_owner")
    may_change(ROLES["tenant_admin"], "tenant_admin", None)


def test_a_reseller_admin_makes_owners_and_support_does_not() -> None:
    not_above(IN_TENANT | IN_RESELLER, "tenant_owner")
    with pytest.raises(NotPermitted):
        not_above(ROLES["reseller_support"], "viewer" if ROLES["viewer"] - ROLES["reseller_support"] else "agent_editor")


@pytest.mark.parametrize(("old", "new", "others"), [("tenant_owner", "viewer", 0), ("tenant_owner", None, 0), ("platform_admin", None, 0)])
def test_the_last_one_stays(old: Role, new: Role | None, others: int) -> None:
    with pytest.raises(Conflict):
        one_stays(old, new, others)


def test_others_may_go() -> None:
    one_stays("tenant_owner", None, 1)
    one_stays("tenant_owner", "tenant_owner", 0)
    one_stays("tenant_admin", None, 0)
    one_stays("reseller_support", None, 0)


def test_levels() -> None:
    assert BY_LEVEL["tenant"] == ("tenant_owner", "tenant_admin", "agent_editor", "viewer")
    assert BY_LEVEL["platform"] == ("platform_admin",)
