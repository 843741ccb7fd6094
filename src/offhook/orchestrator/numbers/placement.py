"""Places: how many calls a tenant and a number may have at once.

A place is taken where a call is placed, before it is answered, and freed when it ends or, should nobody ever say so, when it expires.
Taking is one function of the database (migration 0006) under a lock of the tenant's own, so that counting and taking are one step.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias, cast

from sqlalchemy import Integer, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers.tables import PlacementRow
from offhook.orchestrator.scope import PlatformRepo, Repo

Placing: TypeAlias = Literal["placed", "tenant_full", "number_full", "other"]
"""``other``: the carrier's call belongs to another call of ours."""

_PLACE = text("select offhook_place(:tenant, :id, :number, :call, :carrier_call, :now, :until)").bindparams(
    bindparam("now", type_=TIMESTAMP(timezone=True)), bindparam("until", type_=TIMESTAMP(timezone=True))
)


class Placements(Repo):
    """The places of one tenant."""

    async def take(
        self, number: str, now: datetime, until: datetime, *, call: str | None = None, carrier_call: str | None = None
    ) -> Placing:
        """A place until then for this call. Whoever has one keeps it: asked again, the same place is held for longer."""
        values = {"tenant": self._tenant, "id": new_id("plc", now), "number": number, "call": call, "carrier_call": carrier_call or None}
        return cast("Placing", (await self._session.execute(_PLACE, {**values, "now": now, "until": until})).scalar_one())

    async def seat(self, number: str, call: str, now: datetime, until: datetime) -> None:
        """A place for a call that goes on already, whatever the cap says; nothing if it has one."""
        row = {
            "tenant_id": self._tenant,
            "id": new_id("plc", now),
            "number_id": number,
            "call_id": call,
            "placed_at": now,
            "expires_at": until,
        }
        await self._session.execute(insert(PlacementRow).values(row).on_conflict_do_nothing())

    async def free(self, *, call: str | None = None, carrier_call: str | None = None) -> bool:
        """Give the place of a call back; False if it had none."""
        which = PlacementRow.call_id == call if call else PlacementRow.carrier_call == carrier_call
        gone = delete(PlacementRow).where(PlacementRow.tenant_id == self._tenant, which).returning(PlacementRow.id)
        return (await self._session.execute(gone)).first() is not None

    async def taken(self, now: datetime) -> dict[str, int]:
        """Places taken, by number."""
        query = (
            select(PlacementRow.number_id, func.count())
            .where(PlacementRow.tenant_id == self._tenant, PlacementRow.expires_at > now)
            .group_by(PlacementRow.number_id)
        )
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def cap(self) -> int:
        """How many calls the tenant may have at once."""
        cap = text("select max_calls from tenant where id = :tenant").columns(max_calls=Integer)
        return int((await self._session.execute(cap, {"tenant": self._tenant})).scalar_one())


class OldPlaces(PlatformRepo):
    """Sweeping what has expired, of all tenants."""

    async def sweep(self, now: datetime) -> None:
        """Drop expired places, which count for nothing already."""
        await self._session.execute(delete(PlacementRow).where(PlacementRow.expires_at <= now))
