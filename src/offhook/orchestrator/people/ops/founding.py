"""Making a tenant and giving it an owner in one go: both or neither."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import Permission, Principal
from offhook.orchestrator.kit import once
from offhook.orchestrator.people import roles
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.ops import accept, members
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.people.schemas import NewClient
from offhook.orchestrator.people.tables import PersonRow
from offhook.orchestrator.people.team import Owner
from offhook.orchestrator.resellers import ops as resellers
from offhook.orchestrator.scope import ResellerScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants


@dataclass(frozen=True, slots=True)
class Founder:
    """Who makes it, what they may do, and from where."""

    who: Principal
    may: frozenset[Permission]
    ip: str


@dataclass(frozen=True, slots=True)
class Founded:
    """What was made. ``own``: whoever made it owns it, and nobody was sent a letter."""

    tenant: str
    own: bool


async def found(given: Services, guards: Guards, scope: ResellerScope, by: Founder, new: NewClient, key: str) -> Founded:
    """A new tenant of this reseller, and a letter to its owner, unless that is who makes it: they own it at once.

    Sent again with the same ``key`` it is the one that was made. An error undoes all of it, though the transaction may go on.
    """
    now = given.clock()
    async with scope.session.begin_nested():
        if (before := await once.claimed(scope, by.who.id, key, now)) is not None:
            return Founded(**json.loads(before))
        await resellers.show(scope)
        tenant = await tenants.create(scope, new.tenant, now)
        myself = await _myself(given, scope, by.who, new.owner)
        if myself is None:
            async with given.database.tenant_within(scope, tenant.id) as own:
                invitation = await members.invite(given, guards, own, by.who, by.may, new.owner, "tenant_owner")
                details = {"email": new.owner, "role": "tenant_owner"}
                await audit.record(own, now, by.who, "member.invited", invitation.id, details, by.ip)
        else:
            roles.not_above(by.may, "tenant_owner")
            owner, joined = Owner("tenant", tenant.id), {"role": "tenant_owner", "email": myself.email, "invited_by": myself.id}
            async with given.database.platform_within(scope) as directory:
                await Directory(directory).join(now, myself.id, owner, "tenant_owner", myself.id)
                await accept.note_joined(directory, now, owner, myself, joined, by.ip)
        await audit.record(scope, now, by.who, "tenant.created", tenant.subject, {}, by.ip)
        made = Founded(tenant.id, myself is not None)
        await once.answered(scope, by.who.id, key, now, json.dumps(asdict(made)))
    return made


async def _myself(given: Services, scope: ResellerScope, who: Principal, email: str) -> PersonRow | None:
    """Who makes it, if the address is of their own account here."""
    if who.kind != "person":
        return None
    async with given.database.platform_within(scope) as directory:
        person = await Directory(directory).person(who.id)
    return person if person is not None and person.provider_id is None and person.email == email else None
