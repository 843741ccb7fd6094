"""Telling the tenant's owners what only they can mend."""

from __future__ import annotations

from offhook.orchestrator.hooks.notice import Owners
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


async def tell_expired(scope: TenantScope, given: Services, title: str, account: str, connection: str) -> None:
    """A mail to each, once this transaction is committed."""
    named = f"{title} ({account})" if account else title
    where = f"{given.settings.portal}/t/{scope.tenant}/connections/{connection}"
    what = "What calls bring is kept and written there as soon as it is connected again:"
    text = f"offhook cannot reach this system any more, since its authorisation has ended:\n\n    {named}\n\n{what}\n{where}\n"
    for address in await Owners(scope).addresses():
        await given.mail.send(scope, address, f"{title} must be connected again", text)


async def tell_lapsing(scope: TenantScope, given: Services, title: str, account: str, connection: str, problem: str) -> None:
    """A mail to each: its tokens could not be renewed today, and lapse unless somebody mends it."""
    named = f"{title} ({account})" if account else title
    where = f"{given.settings.portal}/t/{scope.tenant}/connections/{connection}"
    text = f"offhook could not renew its authorisation with this system:\n\n    {named}\n    {problem}\n\nIt is tried again every day."
    text += f"\n{where}\n"
    for address in await Owners(scope).addresses():
        await given.mail.send(scope, address, f"{title} may have to be connected again", text)
