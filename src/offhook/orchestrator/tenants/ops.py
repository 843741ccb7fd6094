"""What other domains ask of tenants."""

from __future__ import annotations

from typing import Any

import phonenumbers

from offhook.errors import Invalid, NotFound
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.tenants.repo import Numbers, TenantRepo
from offhook.orchestrator.tenants.schemas import Agent, Business


async def owner(scope: PlatformScope, did: str) -> tuple[str, str] | None:
    """Tenant and agent ids for a number in any usual form; None if it is nobody's."""
    number = e164(did, "GB")
    return await Numbers(scope).owner(number) if number else None


async def only_tenant(scope: PlatformScope) -> str:
    """The platform's tenant where there is one only; else Invalid."""
    found = await Numbers(scope).tenants()
    if len(found) != 1:
        raise Invalid("say which tenant: there is not exactly one")
    return found[0][0]


async def agent(scope: TenantScope, id: str) -> Agent:
    """One of the tenant's agents; NotFound."""
    found = await TenantRepo(scope).agent(id)
    if found is None:
        raise NotFound("no such agent")
    return found


async def save_business(scope: TenantScope, business: Business, script: dict[str, Any]) -> None:
    """Make or renew a tenant from its document."""
    await TenantRepo(scope).save(business, script)


def split_ref(ref: str) -> tuple[str, str]:
    """Tenant and agent of a ``ref`` that we wrote; NotFound for anything else."""
    tenant, slash, agent = ref.partition("/")
    if not (tenant and slash and agent):
        raise NotFound("no such owner of a call")
    return tenant, agent


def e164(text: str, region: str) -> str | None:
    """A phone number in any usual form as E.164; None if it is none. A number without a country code belongs to ``region``."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_possible_number(number) else None
