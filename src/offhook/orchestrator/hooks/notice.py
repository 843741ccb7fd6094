"""Telling the tenant's owners that an endpoint gets nothing any more."""

from __future__ import annotations

from typing import Final

from sqlalchemy import column, select, table

from offhook.orchestrator.scope import Repo, TenantScope
from offhook.orchestrator.services import Services

MEMBERSHIP: Final = table("membership", column("tenant_id"), column("person_id"), column("role"))
PERSON: Final = table("person", column("id"), column("email"))
"""Who owns a tenant; the tables themselves are another domain's."""
_WHY: Final = {
    "failing": "Nothing but failures has come back from it for days.",
    "gone": "It has answered 410 Gone, by which an endpoint says that it wants no more events.",
}


class Owners(Repo):
    """The owners of one tenant."""

    async def addresses(self) -> list[str]:
        """Where they get mail."""
        query = (
            select(PERSON.c.email)
            .join(MEMBERSHIP, MEMBERSHIP.c.person_id == PERSON.c.id)
            .where(MEMBERSHIP.c.tenant_id == self._tenant, MEMBERSHIP.c.role == "tenant_owner")
            .order_by(PERSON.c.email)
        )
        return list((await self._session.execute(query)).scalars())


async def tell_owners(scope: TenantScope, given: Services, url: str, reason: str, waiting: int) -> None:
    """A mail to each, once this transaction is committed."""
    kept = f"Events wait for it for {given.settings.webhook_days} days: {waiting} now, and those to come."
    again = f"They are sent, in order, as soon as somebody enables it again: {given.settings.portal}"
    text = f"offhook sends no more events to this webhook:\n\n    {url}\n\n{_WHY[reason]}\n\n{kept}\n{again}\n"
    for address in await Owners(scope).addresses():
        await given.mail.send(scope, address, "A webhook was disabled", text)
