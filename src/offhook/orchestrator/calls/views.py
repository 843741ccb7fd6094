"""Lists of calls that a person has kept under a name, for themselves and in one tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from offhook.errors import Conflict, NotPermitted
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.calls.tables import CallViewRow
from offhook.orchestrator.scope import Repo, TenantScope

MOST: Final = 20
"""Lists that one person keeps in a tenant."""


class ViewRepo(Repo):
    """Kept lists of a tenant's people."""

    async def of(self, person: str) -> dict[str, dict[str, Any]]:
        """Of one of them: what each is asked for, by its name, the oldest first."""
        query = select(CallViewRow.name, CallViewRow.asked).where(*self._mine(person)).order_by(CallViewRow.created_at, CallViewRow.name)
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def count(self, person: str, name: str) -> int:
        """How many others there are."""
        query = select(func.count()).select_from(CallViewRow).where(*self._mine(person), CallViewRow.name != name)
        return (await self._session.execute(query)).scalar_one()

    async def put(self, person: str, name: str, asked: dict[str, Any], now: datetime) -> None:
        """Keep it; one of the same name is another one then."""
        row = insert(CallViewRow).values(tenant_id=self._tenant, person_id=person, name=name, asked=asked, created_at=now)
        await self._session.execute(row.on_conflict_do_update(index_elements=["tenant_id", "person_id", "name"], set_={"asked": asked}))

    async def remove(self, person: str, name: str) -> None:
        """Keep it no longer."""
        await self._session.execute(delete(CallViewRow).where(*self._mine(person), CallViewRow.name == name))

    def _mine(self, person: str) -> tuple[Any, ...]:
        return CallViewRow.tenant_id == self._tenant, CallViewRow.person_id == person


async def kept(scope: TenantScope, who: Principal) -> dict[str, dict[str, Any]]:
    """What they have kept here, by name; nothing for who is no person."""
    return await ViewRepo(scope).of(who.id) if who.kind == "person" else {}


async def keep(scope: TenantScope, who: Principal, name: str, asked: dict[str, Any], now: datetime) -> None:
    """Keep a list under this name. NotPermitted for who is no person; Conflict where they keep enough."""
    if who.kind != "person":
        raise NotPermitted("only a person keeps lists")
    if await ViewRepo(scope).count(who.id, name) >= MOST:
        raise Conflict(f"{MOST} lists are kept already: delete one first")
    await ViewRepo(scope).put(who.id, name, asked, now)


async def drop(scope: TenantScope, who: Principal, name: str) -> None:
    """Keep a list no longer; nothing happens where there is none."""
    await ViewRepo(scope).remove(who.id, name)
