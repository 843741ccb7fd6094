"""Telling the tenant's owners that calls out are suspended."""

from __future__ import annotations

from offhook.orchestrator.hooks.notice import Owners
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


async def tell_suspended(scope: TenantScope, given: Services, why: str) -> None:
    """A mail to each, once this transaction is committed."""
    where = f"{given.settings.portal}/t/{scope.tenant}/settings/limits"
    text = f"offhook places no more calls and puts nobody through:\n\n    {why}\n\nIf these calls are yours, resume them here:\n{where}\n"
    for address in await Owners(scope).addresses():
        await given.mail.send(scope, address, "Calls out are suspended", text)
