"""Reading and writing endpoints, events and deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, any_, delete, exists, func, insert, literal, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from offhook.orchestrator.hooks.schemas import AttemptView, DeliveryView, EventView, WebhookView
from offhook.orchestrator.hooks.tables import AttemptRow, DeliveryRow, EndpointRow, EventRow, QueueRow
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import Repo

_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
After = tuple[datetime, str] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries or events of a list."""

    state: str | None = None
    type: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Endpoints(Repo):
    """One tenant's endpoints."""

    async def add(self, id: str, fields: Mapping[str, Any]) -> None:
        """Make one, with an empty queue."""
        await self._session.execute(insert(EndpointRow).values(tenant_id=self._tenant, id=id, **fields))
        await self._session.execute(insert(QueueRow).values(tenant_id=self._tenant, endpoint_id=id))

    async def row(self, id: str, *, lock: bool = False) -> EndpointRow | None:
        """With its sealed secrets."""
        query = select(EndpointRow).where(EndpointRow.tenant_id == self._tenant, EndpointRow.id == id)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update(key_share=True) if lock else query)).scalar_one_or_none()

    async def count(self) -> int:
        """How many there are; another that is being made is waited for."""
        await self._session.execute(_LOCK, {"name": f"webhooks/{self._tenant}"})
        query = select(func.count()).select_from(EndpointRow).where(EndpointRow.tenant_id == self._tenant)
        return (await self._session.execute(query)).scalar_one()

    async def views(self, limit: int, after: After = None, *, id: str | None = None) -> list[WebhookView]:
        """Endpoints with the state of their queues, newest first."""
        waiting = (
            select(func.count())
            .where(
                DeliveryRow.tenant_id == EndpointRow.tenant_id, DeliveryRow.endpoint_id == EndpointRow.id, DeliveryRow.state == "waiting"
            )
            .scalar_subquery()
        )
        query = (
            select(EndpointRow, QueueRow, waiting)
            .join(QueueRow, and_(QueueRow.tenant_id == EndpointRow.tenant_id, QueueRow.endpoint_id == EndpointRow.id))
            .where(EndpointRow.tenant_id == self._tenant)
            .execution_options(populate_existing=True)
        )
        if id is not None:
            query = query.where(EndpointRow.id == id)
        if after is not None:
            query = query.where(tuple_(EndpointRow.created_at, EndpointRow.id) < after)
        query = query.order_by(EndpointRow.created_at.desc(), EndpointRow.id.desc()).limit(limit)
        return [_view(*row) for row in await self._session.execute(query)]

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns; the revision goes up by one."""
        values = {**fields, "revision": EndpointRow.revision + 1, "updated_at": now}
        await self._session.execute(update(EndpointRow).where(EndpointRow.tenant_id == self._tenant, EndpointRow.id == id).values(values))

    async def delete(self, id: str) -> None:
        """Drop it with its queue, deliveries and attempts."""
        await self._session.execute(delete(EndpointRow).where(EndpointRow.tenant_id == self._tenant, EndpointRow.id == id))

    async def subscribed(self, type: str) -> list[Row[tuple[str, bool]]]:
        """Endpoints that want events of this type, and whether they are enabled."""
        query = select(EndpointRow.id, EndpointRow.enabled).where(
            EndpointRow.tenant_id == self._tenant, or_(EndpointRow.event_types.is_(None), literal(type) == any_(EndpointRow.event_types))
        )
        return list(await self._session.execute(query.order_by(EndpointRow.id)))


class Events(Repo):
    """What happened at one tenant."""

    async def add(self, id: str, type: str, subject: str, data: Mapping[str, Any], at: datetime) -> int:
        """Store an event; its place in the order. Others of the same subject wait until the transaction ends, so that the order is true."""
        await self._session.execute(_LOCK, {"name": f"webhooks/{self._tenant}/{subject}"})
        made = insert(EventRow).values(tenant_id=self._tenant, id=id, type=type, subject=subject, data=dict(data), at=at)
        return (await self._session.execute(made.returning(EventRow.seq))).scalar_one()

    async def get(self, id: str) -> EventView | None:
        """By id."""
        query = select(EventRow).where(EventRow.tenant_id == self._tenant, EventRow.id == id)
        row = (await self._session.execute(query)).scalar_one_or_none()
        return _event(row) if row else None

    async def page(self, wanted: Wanted, limit: int, after: After) -> list[EventView]:
        """Events, newest first."""
        query = select(EventRow).where(EventRow.tenant_id == self._tenant, *_events(wanted))
        if after is not None:
            query = query.where(tuple_(EventRow.at, EventRow.id) < after)
        query = query.order_by(EventRow.at.desc(), EventRow.id.desc()).limit(limit)
        return [_event(row) for row in (await self._session.execute(query)).scalars()]

    async def forget(self, subject: str) -> int:
        """Drop all events of a subject, with their deliveries; how many."""
        gone = delete(EventRow).where(EventRow.tenant_id == self._tenant, EventRow.subject == subject).returning(EventRow.id)
        return len((await self._session.execute(gone)).all())


class Deliveries(Repo):
    """Events on their way to endpoints of one tenant."""

    async def add(self, now: datetime, event: str, seq: int, type: str, subject: str, endpoints: Iterable[str]) -> dict[str, str]:
        """One for each endpoint; their ids by endpoint."""
        made = {endpoint: new_id("dlv", now) for endpoint in endpoints}
        shared = {"tenant_id": self._tenant, "event_id": event, "seq": seq, "type": type, "subject": subject, "state": "waiting"}
        rows = [{**shared, "id": name, "endpoint_id": endpoint, "next_at": now, "created_at": now} for endpoint, name in made.items()]
        if rows:
            await self._session.execute(insert(DeliveryRow), rows)
        return made

    async def missing(self, endpoint: str, types: Sequence[str] | None, wanted: Wanted, now: datetime, limit: int) -> None:
        """Deliveries for events of before the endpoint wanted them."""
        query = (
            select(EventRow)
            .where(
                EventRow.tenant_id == self._tenant,
                EventRow.type != "test",
                ~exists().where(
                    DeliveryRow.tenant_id == EventRow.tenant_id,
                    DeliveryRow.event_id == EventRow.id,
                    DeliveryRow.endpoint_id == endpoint,
                ),
                *_events(wanted),
            )
            .order_by(EventRow.seq)
            .limit(limit)
        )
        if types is not None:
            query = query.where(EventRow.type.in_(types))
        rows = [
            {
                "tenant_id": self._tenant,
                "id": new_id("dlv", now),
                "endpoint_id": endpoint,
                "event_id": one.id,
                "seq": one.seq,
                "type": one.type,
                "subject": one.subject,
                "state": "waiting",
                "next_at": now,
                "created_at": one.at,
            }
            for one in (await self._session.execute(query)).scalars()
        ]
        if rows:
            await self._session.execute(upsert(DeliveryRow).on_conflict_do_nothing(), rows)

    async def given_up(self, since: datetime) -> dict[str, tuple[int, datetime]]:
        """How many of a time are not tried again, and when the last of them was given up, by endpoint."""
        failed = (DeliveryRow.tenant_id == self._tenant, text("webhook_delivery.state = 'failed'"), DeliveryRow.created_at >= since)
        query = select(DeliveryRow.endpoint_id, func.count(), func.max(func.coalesce(DeliveryRow.done_at, DeliveryRow.created_at)))
        rows = await self._session.execute(query.where(*failed).group_by(DeliveryRow.endpoint_id))
        return {row[0]: (row[1], row[2]) for row in rows}

    async def get(self, endpoint: str, id: str) -> DeliveryView | None:
        """By id."""
        query = select(DeliveryRow).where(DeliveryRow.tenant_id == self._tenant, DeliveryRow.endpoint_id == endpoint, DeliveryRow.id == id)
        row = (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
        return _delivery(row) if row else None

    async def page(self, endpoint: str, wanted: Wanted, limit: int, after: After) -> list[DeliveryView]:
        """Deliveries, newest first."""
        query = select(DeliveryRow).where(DeliveryRow.tenant_id == self._tenant, DeliveryRow.endpoint_id == endpoint, *_deliveries(wanted))
        if after is not None:
            query = query.where(tuple_(DeliveryRow.created_at, DeliveryRow.id) < after)
        query = query.order_by(DeliveryRow.created_at.desc(), DeliveryRow.id.desc()).limit(limit)
        return [_delivery(row) for row in (await self._session.execute(query)).scalars()]

    async def of_subject(self, subject: str, limit: int) -> list[DeliveryView]:
        """Deliveries of one subject to whatever endpoint, newest first."""
        of_it = (EventRow.tenant_id == DeliveryRow.tenant_id) & (EventRow.id == DeliveryRow.event_id)
        query = select(DeliveryRow).join(EventRow, of_it).where(DeliveryRow.tenant_id == self._tenant, EventRow.tenant_id == self._tenant)
        query = query.where(EventRow.subject == subject).order_by(DeliveryRow.seq.desc(), DeliveryRow.id.desc()).limit(limit)
        return [_delivery(row) for row in (await self._session.execute(query)).scalars()]

    async def attempts(self, id: str, limit: int) -> list[AttemptView]:
        """The newest attempts, the oldest of them first."""
        query = select(AttemptRow).where(AttemptRow.tenant_id == self._tenant, AttemptRow.delivery_id == id)
        query = query.order_by(AttemptRow.at.desc(), AttemptRow.id.desc()).limit(limit)
        return [AttemptView.model_validate(row) for row in (await self._session.execute(query)).scalars()][::-1]

    async def again(self, endpoint: str, now: datetime, which: Collection[ColumnElement[bool]]) -> int:
        """A new round for these; how many."""
        values = {"state": "waiting", "tries": 0, "next_at": now, "done_at": None}
        redone = update(DeliveryRow).where(DeliveryRow.tenant_id == self._tenant, DeliveryRow.endpoint_id == endpoint, *which)
        return len((await self._session.execute(redone.values(values).returning(DeliveryRow.id))).all())

    async def replay_one(self, endpoint: str, id: str, now: datetime) -> int:
        """A new round for one."""
        return await self.again(endpoint, now, [DeliveryRow.id == id])

    async def replay(self, endpoint: str, wanted: Wanted, now: datetime) -> int:
        """A new round for those of a time."""
        return await self.again(endpoint, now, _deliveries(wanted))


def _deliveries(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        found.append(DeliveryRow.state == wanted.state)
    if wanted.type is not None:
        found.append(DeliveryRow.type == wanted.type)
    if wanted.subject is not None:
        found.append(DeliveryRow.subject == wanted.subject)
    if wanted.since is not None:
        found.append(DeliveryRow.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(DeliveryRow.created_at < wanted.until)
    return found


def _events(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.type is not None:
        found.append(EventRow.type == wanted.type)
    if wanted.subject is not None:
        found.append(EventRow.subject == wanted.subject)
    if wanted.since is not None:
        found.append(EventRow.at >= wanted.since)
    if wanted.until is not None:
        found.append(EventRow.at < wanted.until)
    return found


def _view(endpoint: EndpointRow, queue: QueueRow, waiting: int) -> WebhookView:
    return WebhookView(
        id=endpoint.id,
        url=endpoint.url,
        description=endpoint.description,
        event_types=endpoint.event_types,
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled_reason,
        disabled_at=endpoint.disabled_at,
        waiting=waiting,
        failing_since=queue.failing_since,
        last_failure_at=queue.failed_at,
        last_success_at=queue.succeeded_at,
        paused_until=queue.paused_until,
        old_secret_until=endpoint.old_secret_until,
        revision=endpoint.revision,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
    )


def _delivery(row: DeliveryRow) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        webhook_id=row.endpoint_id,
        event_id=row.event_id,
        type=row.type,
        subject=row.subject,
        state=row.state,
        attempts=row.attempts,
        next_at=row.next_at,
        done_at=row.done_at,
        last_status=row.last_status,
        last_error=row.last_error,
        created_at=row.created_at,
    )


def _event(row: EventRow) -> EventView:
    return EventView(id=row.id, type=row.type, subject=row.subject, timestamp=row.at, data=row.data)
