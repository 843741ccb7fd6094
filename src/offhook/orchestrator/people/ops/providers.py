"""Where a tenant's or a reseller's people sign in by OpenID Connect: made, changed and removed by its highest role.

Who sets a provider decides whom it vouches for, owners among them: so nobody sets one who may not do all that an owner may.
"""

from __future__ import annotations

from typing import Final, cast

from offhook.addresses import BadUrl
from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.auth.permissions import LEVELS, Level, Permission, Role
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.people import roles
from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.schemas import NewProvider, Provider, ProviderChange
from offhook.orchestrator.people.tables import ProviderRow
from offhook.orchestrator.people.team import Team
from offhook.orchestrator.scope import ResellerScope, TenantScope
from offhook.orchestrator.services import Services

Scope = TenantScope | ResellerScope
MOST: Final = 10
"""Providers of one tenant or reseller."""


def redirect_uri(given: Services) -> str:
    """Where providers send people back to: one address, whoever they are."""
    return f"{given.settings.portal}/v1/oidc/callback"


def view(given: Services, row: ProviderRow) -> Provider:
    """A provider as answers have it."""
    return Provider(
        id=row.id,
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        domains=row.domains,
        default_role=cast("Role | None", row.default_role),
        enabled=row.enabled,
        revision=row.revision,
        sign_in=f"{given.settings.portal}/v1/oidc/{row.id}/start",
        redirect_uri=redirect_uri(given),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def page(given: Services, scope: Scope, limit: int, after: str | None) -> list[Provider]:
    """Providers, the newest first."""
    return [view(given, row) for row in await Team(scope).providers(limit, after)]


async def find(scope: Scope, id: str, *, lock: bool = False) -> ProviderRow:
    """A provider; NotFound."""
    row = await Team(scope).provider(id, lock=lock)
    if row is None:
        raise NotFound("no such provider")
    return row


async def create(given: Services, guards: Guards, scope: Scope, may: frozenset[Permission], body: NewProvider) -> Provider:
    """A new provider, by who may do all that its owner may."""
    team, now = Team(scope), given.clock()
    roles.not_above(may, roles.KEEPER[team.owner.level])
    _default_role(team, body.default_role)
    try:
        guards.guard.check(body.issuer)
    except BadUrl as error:
        raise Invalid("the issuer is not an address that may be asked", faults=(Fault("issuer", str(error)),)) from error
    if len(await team.providers(MOST, None)) >= MOST:
        raise Conflict(f"there are {MOST} providers already")
    made = new_id("idp", now)
    row = ProviderRow(
        id=made,
        **team.owner.columns,
        name=body.name,
        issuer=body.issuer,
        client_id=body.client_id,
        client_secret=await _seal(given, scope, made, body.client_secret),
        domains=sorted(set(body.domains)),
        default_role=body.default_role,
        enabled=body.enabled,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    await team.add_provider(row)
    return view(given, row)


async def change(given: Services, scope: Scope, may: frozenset[Permission], row: ProviderRow, body: ProviderChange) -> Provider:
    """Change a provider that is locked."""
    team = Team(scope)
    roles.not_above(may, roles.KEEPER[team.owner.level])
    _default_role(team, body.default_role)
    for name in ("name", "client_id", "enabled"):
        if (value := getattr(body, name)) is not None:
            setattr(row, name, value)
    if body.domains is not None:
        row.domains = sorted(set(body.domains))
    if body.client_secret is not None:
        row.client_secret = await _seal(given, scope, row.id, body.client_secret)
    if "default_role" in body.model_fields_set:
        row.default_role = body.default_role
    if not row.enabled:
        await _one_gets_in(team, row.id)
    row.revision += 1
    row.updated_at = given.clock()
    await scope.session.flush()
    return view(given, row)


async def remove(scope: Scope, may: frozenset[Permission], row: ProviderRow) -> None:
    """Remove a provider, with the accounts that are only its own and all sessions made by it."""
    team = Team(scope)
    roles.not_above(may, roles.KEEPER[team.owner.level])
    await _one_gets_in(team, row.id)
    await team.drop_provider(row.id)


async def client_secret(given: Services, level: Level, owner: str, id: str) -> str | None:
    """The secret, for signing somebody in; None if the provider is gone. In transactions of its own."""
    if level == "tenant":
        async with given.database.tenant(owner) as scope:
            row = await Team(scope).provider(id)
            return (await given.vault.open(scope, _place(id), row.client_secret)).decode() if row else None
    async with given.database.reseller(owner) as reseller:
        row = await Team(reseller).provider(id)
    if row is None:
        return None
    async with given.database.platform() as platform:
        return (await given.vault.open(platform, _place(id), row.client_secret)).decode()


async def _seal(given: Services, scope: Scope, id: str, secret: str) -> bytes:
    """A tenant's with the tenant's key; a reseller has none, so its with the platform's."""
    if isinstance(scope, TenantScope):
        return await given.vault.seal(scope, _place(id), secret.encode())
    async with given.database.platform() as platform:
        return await given.vault.seal(platform, _place(id), secret.encode())


def _place(id: str) -> str:
    return f"oidc_provider/{id}/client_secret"


def _default_role(team: Team, role: Role | None) -> None:
    if role is not None and LEVELS[role] != team.owner.level:
        raise Invalid(f"{role} is no role here", faults=(Fault("default_role", "is a role of another level"),))


async def _one_gets_in(team: Team, provider: str) -> None:
    """Conflict if those who must stay could sign in no more."""
    role = roles.KEEPER[team.owner.level]
    by_it, besides = await team.keepers(provider, role)
    if by_it and not besides:
        raise Conflict(f"every {role} signs in by this provider only: nobody could change it any more")
