"""An endpoint's queue in the database: who works on it, what may be sent now, and what came of it.

The order is not kept by anybody's memory but by the rows: of one subject only the first delivery that still waits may be sent (a *head*).
A worker holds the queue by a lease; should it die, the lease ends and another begins anew with the heads that there are then.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from offhook.orchestrator.hooks.schedule import Outcome
from offhook.orchestrator.hooks.tables import AttemptRow, DeliveryRow, EndpointRow, EventRow, QueueRow
from offhook.orchestrator.scope import PlatformRepo, Repo, TenantScope

_earlier = aliased(DeliveryRow)
_FIRST: ColumnElement[bool] = and_(
    DeliveryRow.state == "waiting",
    ~exists().where(
        _earlier.tenant_id == DeliveryRow.tenant_id,
        _earlier.endpoint_id == DeliveryRow.endpoint_id,
        _earlier.subject == DeliveryRow.subject,
        _earlier.seq < DeliveryRow.seq,
        _earlier.state == "waiting",
    ),
)
"""Nothing of the same subject waits before it."""


@dataclass(frozen=True, slots=True)
class Head:
    """A delivery that may be sent now, with its event."""

    id: str
    subject: str
    tries: int
    event: str
    type: str
    at: datetime
    data: dict[str, Any]


class Queue(Repo):
    """One endpoint's queue."""

    def __init__(self, scope: TenantScope, endpoint: str) -> None:
        super().__init__(scope)
        self._endpoint = endpoint

    async def lock(self) -> QueueRow | None:
        """Its state, which nobody else changes until the transaction ends; None if the endpoint is no more."""
        query = select(QueueRow).where(*self._mine()).with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def put(self, **fields: object) -> None:
        """Set columns of its state."""
        await self._session.execute(update(QueueRow).where(*self._mine()).values(**fields))

    async def heads(self, now: datetime, limit: int, busy: Collection[str]) -> list[Head]:
        """What may be sent now, of subjects that are not ``busy``; what waits longest first."""
        query = (
            select(DeliveryRow, EventRow)
            .join(EventRow, and_(EventRow.tenant_id == DeliveryRow.tenant_id, EventRow.id == DeliveryRow.event_id))
            .where(*self._deliveries(), DeliveryRow.next_at <= now, _FIRST)
            .order_by(DeliveryRow.next_at, DeliveryRow.seq)
            .limit(limit)
            .execution_options(populate_existing=True)
        )
        if busy:
            query = query.where(DeliveryRow.subject.not_in(busy))
        return [Head(d.id, d.subject, d.tries, e.id, e.type, e.at, e.data) for d, e in await self._session.execute(query)]

    async def next_at(self) -> datetime | None:
        """When the next head is due; None if nothing waits."""
        return (await self._session.execute(select(func.min(DeliveryRow.next_at)).where(*self._deliveries(), _FIRST))).scalar_one()

    async def waiting(self) -> int:
        """How many deliveries wait."""
        query = select(func.count()).select_from(DeliveryRow).where(*self._deliveries(), DeliveryRow.state == "waiting")
        return (await self._session.execute(query)).scalar_one()

    async def attempt(self, id: str, head: Head, at: datetime, ms: int, outcome: Outcome, response: str) -> None:
        """Write down what was tried."""
        row = {
            "tenant_id": self._tenant,
            "id": id,
            "delivery_id": head.id,
            "at": at,
            "ms": ms,
            "status": outcome.status,
            "error": outcome.error,
            "message": outcome.message,
            "response": response,
        }
        await self._session.execute(insert(AttemptRow).values(row))

    async def tried(self, head: Head, outcome: Outcome, now: datetime, next_at: datetime | None) -> bool:
        """What the attempt means for its delivery: arrived, to be tried again, or (no ``next_at``) given up. False if it is gone.

        A failure says nothing of a delivery that was given a new round in the meantime.
        """
        values: dict[str, Any] = {"attempts": DeliveryRow.attempts + 1, "last_status": outcome.status, "last_error": outcome.error}
        its = [*self._deliveries(), DeliveryRow.id == head.id]
        found = await self._session.execute(update(DeliveryRow).where(*its).values(values).returning(DeliveryRow.id))
        if found.first() is None:
            return False
        if outcome.ok:
            after: dict[str, Any] = {"state": "succeeded", "next_at": None, "done_at": now, "tries": head.tries + 1}
        else:
            its += [DeliveryRow.state == "waiting", DeliveryRow.tries == head.tries]
            state, done = ("waiting", None) if next_at else ("failed", now)
            after = {"state": state, "next_at": next_at, "done_at": done, "tries": head.tries + 1}
        await self._session.execute(update(DeliveryRow).where(*its).values(after))
        return True

    async def resume(self, now: datetime) -> None:
        """A new round for all that waits, from now."""
        its = [*self._deliveries(), DeliveryRow.state == "waiting"]
        await self._session.execute(update(DeliveryRow).where(*its).values(tries=0, next_at=now))
        await self.put(paused_until=None, failing_since=None, failed_at=None, wake_at=None)

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return QueueRow.tenant_id == self._tenant, QueueRow.endpoint_id == self._endpoint

    def _deliveries(self) -> tuple[ColumnElement[bool], ...]:
        return DeliveryRow.tenant_id == self._tenant, DeliveryRow.endpoint_id == self._endpoint


class Queues(PlatformRepo):
    """The queues of all tenants: whether they have something to send, not what."""

    async def due(self, now: datetime) -> list[tuple[str, str]]:
        """Tenant and endpoint of the queues that something waits in and nobody works on."""
        query = (
            select(DeliveryRow.tenant_id, DeliveryRow.endpoint_id)
            .distinct()
            .join(EndpointRow, and_(EndpointRow.tenant_id == DeliveryRow.tenant_id, EndpointRow.id == DeliveryRow.endpoint_id))
            .join(QueueRow, and_(QueueRow.tenant_id == DeliveryRow.tenant_id, QueueRow.endpoint_id == DeliveryRow.endpoint_id))
            .where(
                DeliveryRow.state == "waiting",
                DeliveryRow.next_at <= now,
                EndpointRow.enabled,
                or_(QueueRow.leased_until.is_(None), QueueRow.leased_until <= now),
                or_(QueueRow.paused_until.is_(None), QueueRow.paused_until <= now),
            )
        )
        return [(row[0], row[1]) for row in await self._session.execute(query)]

    async def sweep(self, before: datetime) -> None:
        """Drop events of before then, with their deliveries and attempts."""
        await self._session.execute(delete(EventRow).where(EventRow.at < before))
