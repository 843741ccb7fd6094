"""One-time tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.carriers.schemas import Redeemed
from offhook.orchestrator.carriers.tables import MediaTokenRow
from offhook.orchestrator.scope import PlatformRepo, Repo


class TokenRepo(Repo):
    """Writing a tenant's tokens."""

    async def add(self, digest: str, carrier_call: str, did: str, caller: str, expires: datetime) -> None:
        """Remember a token by its digest."""
        await self._session.execute(
            insert(MediaTokenRow).values(
                tenant_id=self._tenant, id=digest, carrier_call=carrier_call, did=did, caller=caller, expires_at=expires
            )
        )


class Tokens(PlatformRepo):
    """Redeeming: before the tenant is known."""

    async def redeem(self, digest: str, carrier_call: str, call: str, now: datetime) -> Redeemed | None:
        """Use it up for this call; None if it is unknown, late, of another carrier call, or used by another call."""
        use = (
            update(MediaTokenRow)
            .where(
                MediaTokenRow.id == digest,
                MediaTokenRow.carrier_call == carrier_call,
                MediaTokenRow.expires_at > now,
                or_(MediaTokenRow.used_by.is_(None), MediaTokenRow.used_by == call),
            )
            .values(used_by=call)
            .returning(MediaTokenRow.did, MediaTokenRow.caller)
        )
        row = (await self._session.execute(use)).first()
        return Redeemed(did=row.did, caller=row.caller) if row else None

    async def sweep(self, before: datetime) -> None:
        """Forget tokens that expired before this."""
        await self._session.execute(delete(MediaTokenRow).where(MediaTokenRow.expires_at < before))
